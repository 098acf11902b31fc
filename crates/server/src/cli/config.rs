//! From the words typed, the environment and the configuration file to one value.
//!
//! The file's values become the flags' defaults, so that everything else (checking, precedence, messages) is what it is
//! for a flag, and a key exists exactly if its flag does.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::flags::MASTER_KEY_IDS;
use super::{Bailiwick, ServeFlags, Verb, mistakes, values};
use crate::complaint::Complaint;

/// Flags that make no sense in a file.
const NO_KEYS: [&str; 4] = ["config", "json", "help", "version"];

/// What was asked for.
pub(crate) struct Invocation {
    pub cli: Bailiwick,
    /// The declaration, with the file's values as defaults.
    declared: Command,
}

/// Why nothing was asked for.
#[derive(Debug)]
pub(crate) enum Ended {
    /// A text was: help, or the version.
    Answer(clap::Error),
    Mistake(Complaint),
}

impl From<Complaint> for Ended {
    fn from(complaint: Complaint) -> Self {
        Ended::Mistake(complaint)
    }
}

/// Reads the command line (program name first), the environment, and the configuration file that they name.
pub(crate) fn read(words: &[OsString]) -> Result<Invocation, Ended> {
    let plain = Bailiwick::command();
    let matches = parse(&plain, words, None)?;
    let (declared, file) = match matches.get_one::<PathBuf>("config") {
        None => (plain, None),
        Some(path) => (with_defaults(plain, path, &matches)?, Some(path.display().to_string())),
    };
    let matches = parse(&declared, words, file.as_deref())?;
    let cli = Bailiwick::from_arg_matches(&matches).map_err(|error| ended(error, file.as_deref()))?;
    Ok(Invocation { cli, declared })
}

impl Invocation {
    /// What a server of this environment and configuration file would run with: what the store is opened with by a
    /// command that finds no server.
    pub(crate) fn serve_flags(&self) -> Result<ServeFlags, Complaint> {
        match &self.cli.verb {
            Verb::Serve(flags) => return Ok(flags.clone()),
            Verb::Try(flags) => return Ok(flags.serve.clone()),
            _ => {}
        }
        let told = |ended| match ended {
            Ended::Mistake(complaint) => complaint,
            Ended::Answer(error) => Complaint::usage(error.to_string(), ""),
        };
        let matches = parse(&self.declared, &["bailiwick".into(), "serve".into()], None).map_err(told)?;
        let serve = matches.subcommand_matches("serve").unwrap_or(&matches);
        ServeFlags::from_arg_matches(serve).map_err(|error| told(ended(error, None)))
    }
}

fn parse(declared: &Command, words: &[OsString], file: Option<&str>) -> Result<ArgMatches, Ended> {
    declared.clone().try_get_matches_from(words).map_err(|error| ended(error, file))
}

fn ended(error: clap::Error, file: Option<&str>) -> Ended {
    // The words alone parsed before, so what does not parse now came from the file.
    match mistakes::complaint(error, file) {
        Ok(complaint) => Ended::Mistake(complaint),
        Err(answer) => Ended::Answer(answer),
    }
}

fn with_defaults(mut declared: Command, path: &Path, matches: &ArgMatches) -> Result<Command, Complaint> {
    let keys = keys(&declared);
    for (key, value) in read_file(path)? {
        let Some((id, global)) = keys.get(&key) else {
            return Err(Complaint::usage(
                format!("unknown key `{key}` in {}", path.display()),
                format!("The keys are: {}.", sorted(&keys)),
            ));
        };
        let values = values::typed(&value).ok_or_else(|| {
            Complaint::usage(
                format!("the key `{key}` in {} has a value of no use", path.display()),
                "Give a text, a number, true, false, or a list of these.",
            )
        })?;
        // One source of the master key outweighs another, not only itself.
        let outweighed =
            MASTER_KEY_IDS.contains(&id.as_str()) && MASTER_KEY_IDS.iter().any(|id| was_given(matches, id));
        if values.is_empty() || outweighed {
            continue;
        }
        let set = |command: Command| command.mut_arg(id.as_str(), |arg| arg.default_values(values.clone()));
        declared =
            if *global { set(declared) } else { declared.mut_subcommand("serve", set).mut_subcommand("try", set) };
    }
    Ok(declared)
}

/// Each key's flag by its id, and whether it is one of all commands.
fn keys(declared: &Command) -> HashMap<String, (String, bool)> {
    let serve = declared.find_subcommand("serve").into_iter().flat_map(Command::get_arguments).map(|arg| (arg, false));
    let global = declared.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| (arg, true));
    serve
        .chain(global)
        .filter_map(|(arg, global)| Some((arg.get_long()?.to_owned(), (arg.get_id().to_string(), global))))
        .filter(|(key, _)| !NO_KEYS.contains(&key.as_str()))
        .collect()
}

fn sorted(keys: &HashMap<String, (String, bool)>) -> String {
    let mut names: Vec<&str> = keys.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

fn was_given(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

fn read_file(path: &Path) -> Result<toml::Table, Complaint> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Complaint::usage(
            format!("the configuration file {} cannot be read: {error}", path.display()),
            "Name a file that exists with --config.",
        )
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Complaint::usage(
            format!("line {line} of {} is not TOML: {}", path.display(), error.message()),
            "Write lines such as region = \"eu-west-1\".",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<Invocation, String> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        read(&words).map_err(|ended| match ended {
            Ended::Mistake(complaint) => {
                assert_eq!(complaint.exit, crate::complaint::Exit::Usage);
                complaint.to_string()
            }
            Ended::Answer(error) => format!("answer: {error}"),
        })
    }

    /// `bailiwick serve --config FILE …` with that file.
    fn serve(file: &str, words: &[&str]) -> Result<Invocation, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.toml");
        std::fs::write(&path, file).unwrap();
        let mut all = vec!["bailiwick", "serve", "--config", path.to_str().unwrap()];
        all.extend(words);
        read_words(&all)
    }

    fn flags(file: &str, words: &[&str]) -> ServeFlags {
        serve(file, words).unwrap().serve_flags().unwrap()
    }

    #[test]
    fn the_declaration_is_sound() {
        Bailiwick::command().debug_assert();
    }

    #[test]
    fn a_flag_outweighs_the_file_and_the_file_the_default() {
        let file =
            "region = \"eu-west-1\"\nstrict-signup = true\ndomain = [\"a.example\", \"b.example\"]\ns3 = \"[::1]:1\"";
        let set = flags(file, &[]);
        assert_eq!((set.region.as_str(), set.strict_signup, set.domain.len()), ("eu-west-1", true, 2));
        assert_eq!(set.s3, "[::1]:1".parse().unwrap());
        let set = flags(file, &["--region", "us-west-2", "--strict-signup=false", "--domain", "c.example"]);
        assert_eq!((set.region.as_str(), set.strict_signup), ("us-west-2", false));
        assert_eq!(set.domain, ["c.example"]);
        assert_eq!(flags("", &[]).region, "us-east-1");
    }

    #[test]
    fn a_key_without_a_flag_is_named_with_its_file() {
        for key in ["regoin", "json", "config", "help", "exit"] {
            let said = serve(&format!("{key} = \"x\""), &[]).err().unwrap();
            assert!(said.contains(&format!("`{key}`")) && said.contains("b.toml"), "{said}");
            assert!(said.contains("region"), "{said}");
        }
    }

    #[test]
    fn a_bad_value_in_the_file_is_named_with_its_file() {
        for file in
            ["s3 = \"here\"", "durability = \"none\"", "strict-signup = \"perhaps\"", "default-object-ownership = 7"]
        {
            let said = serve(file, &[]).err().unwrap();
            let key = file.split(' ').next().unwrap();
            assert!(said.contains(key) && said.contains("b.toml") && !said.contains('\n'), "{said}");
        }
        assert!(serve("region = { a = 1 }", &[]).err().unwrap().contains("`region`"));
        assert!(serve("\nregion", &[]).err().unwrap().contains("line 2"));
        assert!(read_words(&["bailiwick", "serve", "--config", "/none.toml"]).err().unwrap().contains("/none.toml"));
    }

    #[test]
    fn a_command_without_a_server_reads_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.toml");
        std::fs::write(&path, "data = \"/srv/b\"\nregion = \"eu-west-1\"\nmaster-key-env = \"KEY\"").unwrap();
        let path = path.to_str().unwrap();
        let told = read_words(&["bailiwick", "account", "list", "--config", path]).unwrap();
        assert_eq!(told.cli.common.data, Path::new("/srv/b"));
        assert_eq!(told.cli.common.master_key().unwrap(), identity::MasterKeySource::Env("KEY".into()));
        assert_eq!(told.serve_flags().unwrap().region, "eu-west-1");
        let told =
            read_words(&["bailiwick", "--config", path, "status", "--master-key-file", "/k", "--data", "d"]).unwrap();
        assert_eq!(told.cli.common.data, Path::new("d"));
        assert_eq!(told.cli.common.master_key().unwrap(), identity::MasterKeySource::File("/k".into()));
    }

    #[test]
    fn what_is_typed_wrongly_is_one_line_that_names_it() {
        for (words, named) in [
            (&["bailiwick", "serve", "--regoin", "x"][..], "--regoin"),
            (&["bailiwick", "serve", "--s3", "x"], "--s3"),
            (&["bailiwick", "fly"], "fly"),
            (&["bailiwick", "share", "b"], "--with"),
            (&["bailiwick", "share", "b", "--with", "a@b.c", "--preset", "create-only"], "read, write, read-write"),
            (&["bailiwick"], "command"),
        ] {
            let said = read_words(words).err().unwrap();
            assert!(said.contains(named) && !said.contains('\n') && !said.starts_with("error"), "{said}");
        }
        assert!(read_words(&["bailiwick", "serve", "--regoin", "x"]).err().unwrap().contains("--region"));
        assert!(read_words(&["bailiwick", "--help"]).err().unwrap().contains("Exit status"));
    }
}
