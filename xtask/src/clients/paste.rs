//! A hand-off card as its receiver uses it: what `bailiwick share --for CLIENT` prints, pasted as it stands into a home
//! where nothing else is configured.
//!
//! `FILE` and `DIRECTORY` are what the cards call them, and so they exist here under these names.

use std::path::{Path, PathBuf};

use crate::process::{Failure, Ran};

use super::desk::Desk;
use super::files::{KIB, noise, tree, write};
use super::tools::Tool;

/// A card, and the home in which it was pasted.
pub(crate) struct Pasted<'a> {
    desk: &'a Desk<'a>,
    tool: Tool,
    /// Home and working directory of what runs here.
    home: PathBuf,
    /// What the card sets, for a shell to take over.
    set: String,
    /// The commands that the card names.
    commands: String,
}

impl<'a> Pasted<'a> {
    /// Shares the desk's bucket by a preset, and takes the card for the tool's own client.
    pub(crate) fn new(desk: &'a Desk<'a>, tool: Tool, preset: &str) -> Result<Self, Failure> {
        let home = desk.path(&format!("{preset}-{tool:?}").to_lowercase());
        write(&home.join("FILE"), &noise(61, 10 * KIB))?;
        tree(&home.join("DIRECTORY"))?;
        let card = desk.card(preset, client_of(tool)?)?;
        let (set, commands) = match tool {
            Tool::S3cmd => {
                write(&home.join(".s3cfg"), card.as_bytes())?;
                // The card names the commands in comments, since it is a file and not a script.
                (String::new(), lines(&card, |line| line.starts_with("#   ")).replace("#   ", ""))
            }
            Tool::Boto3 => {
                write(&home.join("card.py"), card.as_bytes())?;
                (String::new(), "python card.py\n".to_owned())
            }
            _ => {
                let sets = |line: &str| line.starts_with("export ") || line.starts_with("aws configure ");
                (lines(&card, sets), lines(&card, |line| !sets(line)))
            }
        };
        let pasted = Pasted { desk, tool, home, set, commands };
        match tool {
            // It keeps what it is told, so that telling it once is enough.
            Tool::Aws1 | Tool::Aws2 => {
                pasted.shell(&pasted.set)?.done()?;
                Ok(Pasted { set: String::new(), ..pasted })
            }
            _ => Ok(pasted),
        }
    }

    /// All that the card says.
    pub(crate) fn as_it_stands(&self) -> Result<Ran, Failure> {
        self.shell(&format!("{}{}", self.set, self.commands))
    }

    /// What the card sets, and then the client with these words, as a person would go on.
    pub(crate) fn run(&self, words: &str) -> Result<Ran, Failure> {
        let (set, endpoint) = (&self.set, self.desk.endpoint());
        self.shell(&match self.tool {
            Tool::S3cmd => format!("s3cmd {words}"),
            Tool::Aws1 | Tool::Aws2 => format!("aws --profile bailiwick --endpoint-url {endpoint} {words}"),
            // Refusals are final; more tries of each would only take longer.
            Tool::Rclone => format!("{set}rclone --retries 1 --low-level-retries 1 {words}"),
            Tool::Restic => format!("{set}restic -o s3.bucket-lookup=path {words}"),
            Tool::Duplicity => format!("{set}duplicity {words} --s3-endpoint-url {endpoint} --num-retries 1"),
            _ => format!("{set}{words}"),
        })
    }

    /// A file in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// Runs lines in a shell that stops at the first that fails, where this card's client is found first.
    fn shell(&self, lines: &str) -> Result<Ran, Failure> {
        let tools = self.desk.tools();
        let dir = tools.path(self.tool)?.parent().unwrap_or(Path::new("/")).to_owned();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([dir].into_iter().chain(std::env::split_paths(&rest)));
        let path = path.map_err(|error| error.to_string())?;
        let program = self.desk.world().program(tools.path(Tool::Bash)?, &self.home).env("PATH", path);
        // They ask for passwords of their own, which belong on no card.
        let program = program.env("RESTIC_PASSWORD", "of the backups").env("PASSPHRASE", "of the backups");
        write(&self.home.join("pasted"), format!("{lines}\n").as_bytes())?;
        program.args(["-eu", "-o", "pipefail", "pasted"]).run()
    }
}

fn lines(card: &str, wanted: impl Fn(&str) -> bool) -> String {
    card.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect()
}

/// What `--for` calls the tool.
fn client_of(tool: Tool) -> Result<&'static str, Failure> {
    Ok(match tool {
        Tool::S3cmd => "s3cmd",
        Tool::Aws1 | Tool::Aws2 => "aws",
        Tool::Rclone => "rclone",
        Tool::Restic => "restic",
        Tool::Duplicity => "duplicity",
        Tool::Boto3 => "boto3",
        _ => return Err(format!("there is no card for {tool:?}")),
    })
}
