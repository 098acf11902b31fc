//! The pair of keys that is asked with: from the environment or a file, never from the command line, where every process
//! of the machine could read it.

use client::Credentials;

use crate::cli::ProbeFlags;
use crate::complaint::Complaint;

/// Most bytes of a credentials file.
const FILE_BYTES: u64 = 64 * 1024;

/// Who asks: a pair of keys with its session token, if it has one; or nobody. It has no `Debug`: half of it is secret.
pub(crate) struct Pair {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) token: Option<String>,
}

impl Pair {
    /// As the flags say: nobody, the file's, or the environment's (`variable` looks into it).
    pub(super) fn find(flags: &ProbeFlags, variable: impl Fn(&str) -> Option<String>) -> Result<Pair, Complaint> {
        if flags.anonymous {
            return Ok(Pair { credentials: None, token: None });
        }
        Pair::given(flags.credentials.as_deref(), variable)
    }

    /// The file's, or the environment's.
    pub(crate) fn given(
        file: Option<&std::path::Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Pair, Complaint> {
        if let Some(path) = file {
            let complaint = |why: &str| {
                Complaint::usage(
                    format!("the credentials {} {why}", path.display()),
                    "Name a file of AWS's shared-credentials format, with a profile [default], by --credentials.",
                )
            };
            let length = std::fs::metadata(path).map_err(|error| complaint(&format!("cannot be read: {error}")))?.len();
            if length > FILE_BYTES {
                return Err(complaint("are no credentials: the file is too long"));
            }
            let text = std::fs::read_to_string(path).map_err(|error| complaint(&format!("cannot be read: {error}")))?;
            return Pair::in_file(&text).ok_or_else(|| complaint("hold no pair of keys"));
        }
        let some = |name| variable(name).filter(|value| !value.is_empty());
        match (some("AWS_ACCESS_KEY_ID"), some("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Ok(Pair::of(id, secret, some("AWS_SESSION_TOKEN"))),
            (Some(_), None) => Err(Complaint::usage(
                "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not",
                "Set both, or name a file with --credentials.",
            )),
            (None, _) => Err(Complaint::usage(
                "no pair of keys is given",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a file with --credentials, or ask with --anonymous.",
            )),
        }
    }

    fn of(id: String, secret: String, token: Option<String>) -> Pair {
        Pair { credentials: Some(Credentials::new(id, secret)), token }
    }

    /// The pair of the profile `default`, or of the only one.
    fn in_file(text: &str) -> Option<Pair> {
        let mut profiles: Vec<(&str, [Option<&str>; 3])> = vec![];
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                profiles.push((name.trim(), [None; 3]));
                continue;
            }
            let (name, value) = line.split_once('=')?;
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "aws_access_key_id" => 0,
                "aws_secret_access_key" => 1,
                "aws_session_token" => 2,
                _ => continue,
            };
            profiles.last_mut()?.1[place] = Some(value.trim()).filter(|value| !value.is_empty());
        }
        let default = profiles.iter().find(|(name, _)| *name == "default");
        let only = profiles.first().filter(|_| profiles.len() == 1);
        let (_, [id, secret, token]) = default.or(only)?;
        Some(Pair::of((*id)?.to_owned(), (*secret)?.to_owned(), token.map(str::to_owned)))
    }

    /// The public half.
    pub(super) fn id(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.access_key_id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tests::flags;

    fn found(text: &str) -> Option<(String, String, Option<String>)> {
        let pair = Pair::in_file(text)?;
        let Credentials { access_key_id, secret_access_key } = pair.credentials?;
        Some((access_key_id, secret_access_key, pair.token))
    }

    #[test]
    fn a_file_gives_the_default_profile_or_the_only_one() {
        let default = "# mine\n[other]\naws_access_key_id=O\naws_secret_access_key=o\n[default]\nregion = x\n\
                       aws_access_key_id = A\naws_secret_access_key = s=/+\n";
        assert_eq!(found(default), Some(("A".into(), "s=/+".into(), None)));
        let only = "[ci]\naws_access_key_id=C\naws_secret_access_key=c\naws_session_token=t";
        assert_eq!(found(only), Some(("C".into(), "c".into(), Some("t".into()))));
        for none in
            ["", "[default]", "aws_access_key_id=A", "[a]\nx", "[a]\naws_access_key_id=A\n[b]\naws_access_key_id=B"]
        {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn the_environment_gives_a_pair_and_half_of_one_is_a_mistake_that_does_not_tell_it() {
        let with = |pairs: &'static [(&'static str, &'static str)]| {
            let variable =
                |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            Pair::find(&flags(&[]), variable)
        };
        let whole = with(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "")]);
        let pair = whole.ok().unwrap();
        assert_eq!((pair.id(), pair.token.is_none()), (Some("A"), true));
        for half in [&[("AWS_ACCESS_KEY_ID", "half")][..], &[("AWS_SECRET_ACCESS_KEY", "half")], &[]] {
            let complaint = with(half).err().unwrap();
            assert_eq!(complaint.exit, crate::complaint::Exit::Usage);
            assert!(!complaint.to_string().contains("half"), "{complaint}");
        }
        assert!(Pair::find(&flags(&["--anonymous"]), |_| Some("set".into())).ok().unwrap().id().is_none());
    }
}
