//! The hand-off cards: what `bailiwick share --for CLIENT` prints is pasted as it stands, and must work.
//!
//! `FILE` and `DIRECTORY` are what the cards call them, and so they exist here under these names.

use std::path::Path;

use crate::process::{Failure, Program, Ran};

use super::desk::Desk;
use super::files::{KIB, noise, tree, write};
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, SECRET};

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    for (card, tool) in [
        ("s3cmd", Tool::S3cmd),
        ("aws", Tool::Aws1),
        ("aws", Tool::Aws2),
        ("rclone", Tool::Rclone),
        ("restic", Tool::Restic),
    ] {
        let called = match tool {
            Tool::Aws1 => "aws (v1)",
            Tool::Aws2 => "aws (v2)",
            _ => card,
        };
        let place =
            Place { desk, card, tool, bucket: format!("card-{}.example.com", format!("{tool:?}").to_lowercase()) };
        sheet.check(&format!("the card for {called}, pasted: it uploads and lists"), || place.paste());
        sheet.check(&format!("refused: another bucket, with the card for {called}"), || place.elsewhere());
    }
}

/// One card's bucket, and a home where only that card was pasted.
struct Place<'a> {
    desk: &'a Desk<'a>,
    card: &'static str,
    tool: Tool,
    bucket: String,
}

impl Place<'_> {
    fn paste(&self) -> Result<(), Failure> {
        let home = self.desk.path(&self.bucket);
        write(&home.join("FILE"), &noise(61, 10 * KIB))?;
        tree(&home.join("DIRECTORY"))?;
        let world = self.desk.world();
        world.bucket(&self.bucket)?;
        let card = world.card(&self.bucket, &format!("{}@example.com", self.bucket), self.card)?;
        write(&home.join("card"), card.as_bytes())?;
        let ran = match self.tool {
            Tool::S3cmd => {
                write(&home.join(".s3cfg"), card.as_bytes())?;
                // The card names the commands in comments, since it is a file and not a script.
                let commands = card.lines().filter_map(|line| line.strip_prefix("#   "));
                self.shell(&home, &commands.collect::<Vec<_>>().join("\n"))?
            }
            // restic asks for its password, which belongs on no card.
            Tool::Restic => self.shell(&home, &format!("export RESTIC_PASSWORD=secret\n{card}"))?,
            _ => self.shell(&home, &card)?,
        };
        ran.done()?.says(if self.tool == Tool::Restic { "snapshot" } else { "FILE" }).map(drop)
    }

    fn elsewhere(&self) -> Result<(), Failure> {
        let home = self.desk.path(&self.bucket);
        let card = std::fs::read_to_string(home.join("card")).map_err(|error| format!("there is no card: {error}"))?;
        let card: Vec<&str> =
            card.lines().filter(|line| !line.contains(" init") && !line.contains(" backup ")).collect();
        // What the card sets, and then the same client on another bucket.
        let (set, endpoint) = (card.iter().filter(|line| line.starts_with("export ")), self.desk.endpoint());
        let set = set.copied().collect::<Vec<_>>().join("\n");
        let command = match self.tool {
            Tool::S3cmd => format!("s3cmd get --force s3://{PRIVATE}/{SECRET} stolen"),
            Tool::Rclone => format!("rclone --retries 1 copyto bailiwick:{PRIVATE}/{SECRET} stolen"),
            Tool::Restic => format!("export RESTIC_PASSWORD=secret\nrestic -r s3:{endpoint}/{PRIVATE} snapshots"),
            _ => format!("aws --profile bailiwick --endpoint-url {endpoint} s3 cp s3://{PRIVATE}/{SECRET} stolen"),
        };
        self.shell(&home, &format!("{set}\n{command}"))?.refused()
    }

    /// Runs lines in a shell that stops at the first that fails, where this card's client is found first.
    fn shell(&self, home: &Path, lines: &str) -> Result<Ran, Failure> {
        let tools = self.desk.tools();
        let dir = tools.path(self.tool)?.parent().unwrap_or(Path::new("/")).to_owned();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([dir].into_iter().chain(std::env::split_paths(&rest)));
        let path = path.map_err(|error| error.to_string())?;
        let program: Program = self.desk.world().program(tools.path(Tool::Bash)?, home).env("PATH", path);
        write(&home.join("pasted"), format!("{lines}\n").as_bytes())?;
        program.args(["-eu", "-o", "pipefail", "pasted"]).run()
    }
}
