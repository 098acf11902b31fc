//! The server that all clients meet, its owner, and what the owner keeps to itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Failure, Program};
use crate::workspace::target;

use super::server::Server;
use super::sheet::Sheet;
use super::tools::{Tool, Toolbox};

/// The region that everybody signs for.
pub(crate) const REGION: &str = "us-east-1";

/// A bucket of the owner's that no guest was granted anything on.
pub(crate) const PRIVATE: &str = "private.example.com";

/// The one object in it.
pub(crate) const SECRET: &str = "secret.txt";
const SECRET_TEXT: &str = "for the owner's eyes only\n";

/// An access key. Not `Debug`: it holds a secret.
#[derive(Clone)]
pub(crate) struct Key {
    pub id: String,
    pub secret: String,
}

impl Key {
    fn of(answer: &Value) -> Result<Key, Failure> {
        let text = |name: &str| answer[name].as_str().map(str::to_owned).ok_or(format!("the answer has no {name}"));
        Ok(Key { id: text("access_key_id")?, secret: text("secret_access_key")? })
    }
}

/// The server with its owner.
pub(crate) struct World {
    server: Server,
    dir: PathBuf,
    pub owner: Key,
}

impl World {
    /// Starts the server in a directory of this run's own.
    pub(crate) fn begin(binary: &Path) -> Result<World, Failure> {
        let dir = target().join("clients").join(format!("run-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).map_err(|error| format!("{} cannot be made: {error}", dir.display()))?;
        let server = Server::start(binary, &dir, &[])?;
        let owner = owner_of(&server)?;
        Ok(World { server, dir, owner })
    }

    /// The owner puts something into a bucket that is nobody else's business.
    pub(crate) fn prepare(&mut self, tools: &Toolbox) -> Result<(), Failure> {
        let secret = self.dir.join(SECRET);
        std::fs::write(&secret, SECRET_TEXT)
            .map_err(|error| format!("{} cannot be written: {error}", secret.display()))?;
        let (owner, config) = (&self.owner, self.dir.join("owner.s3cfg"));
        std::fs::write(&config, s3cfg(self.endpoint(), owner))
            .map_err(|error| format!("{} cannot be written: {error}", config.display()))?;
        self.owners_s3cmd(tools)?.args(["mb", &format!("s3://{PRIVATE}")]).run()?.done()?;
        let put = self.owners_s3cmd(tools)?.arg("put").arg(&secret).arg(format!("s3://{PRIVATE}/{SECRET}"));
        put.run()?.done()?;
        Ok(())
    }

    /// The last checks: the owner's own bucket is as it was, and the server stops when it is told to.
    pub(crate) fn close(&mut self, tools: &Toolbox, sheet: &mut Sheet) {
        sheet.check("owner: the bucket that no guest may use holds its one file and nothing else", || {
            let listed =
                self.owners_s3cmd(tools)?.args(["ls", "--recursive", &format!("s3://{PRIVATE}")]).run()?.done()?;
            if last_words(&listed.stdout) != [format!("s3://{PRIVATE}/{SECRET}")] {
                return Err(listed.but("lists something else"));
            }
            let text =
                self.owners_s3cmd(tools)?.args(["get", &format!("s3://{PRIVATE}/{SECRET}"), "-"]).run()?.done()?;
            text.says(SECRET_TEXT.trim()).map(drop)
        });
        sheet.check("it stops with status 0 when it is told to", || self.server.stop());
    }

    /// Removes what the run left.
    pub(crate) fn clean(&self) -> Result<(), Failure> {
        std::fs::remove_dir_all(&self.dir).map_err(|error| format!("{} cannot be removed: {error}", self.dir.display()))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A server beside this one, in a directory of its own and with flags of its own, and its owner's key.
    pub(crate) fn another(&self, dir: &Path, flags: &[&str]) -> Result<(Server, Key), Failure> {
        let server = self.server.another(dir, flags)?;
        let owner = owner_of(&server)?;
        Ok((server, owner))
    }

    /// Scheme, host and port.
    pub(crate) fn endpoint(&self) -> &str {
        &self.server.endpoint
    }

    /// The server's version.
    pub(crate) fn version(&self) -> Result<String, Failure> {
        let said = self.server.ask(&["--version"])?.stdout;
        Ok(said.split_whitespace().last().unwrap_or_default().to_owned())
    }

    /// Makes an account that owns nothing, and its first key.
    pub(crate) fn guest(&self, email: &str) -> Result<Key, Failure> {
        Key::of(&self.server.ask_json(&["account", "create", email, "--guest"])?)
    }

    /// One more key of an account, which may sign by SigV2.
    pub(crate) fn old_key(&self, email: &str) -> Result<Key, Failure> {
        Key::of(&self.server.ask_json(&["key", "create", email, "--allow-sigv2"])?)
    }

    /// Makes a bucket of the owner's.
    pub(crate) fn bucket(&self, bucket: &str) -> Result<(), Failure> {
        self.server.ask(&["bucket", "create", bucket]).map(drop)
    }

    /// Shares a bucket of the owner's by a preset, and gives the share's key.
    pub(crate) fn share(&self, bucket: &str, email: &str, preset: &str) -> Result<Key, Failure> {
        Key::of(&self.server.ask_json(&["share", bucket, "--with", email, "--preset", preset])?)
    }

    /// The same, for the lines that the card has for one client.
    pub(crate) fn card(&self, bucket: &str, email: &str, preset: &str, client: &str) -> Result<String, Failure> {
        let ran = self.server.ask(&["share", bucket, "--with", email, "--preset", preset, "--for", client])?;
        let begins = |line: &str| line.starts_with("# ") || line.starts_with("<?xml ");
        let begin = ran.stdout.lines().position(begins).ok_or_else(|| ran.but("prints no card"))?;
        Ok(ran.stdout.lines().skip(begin).map(|line| format!("{line}\n")).collect())
    }

    /// s3cmd with the owner's key.
    pub(crate) fn owners_s3cmd(&self, tools: &Toolbox) -> Result<Program, Failure> {
        let program = self.program(tools.path(Tool::S3cmd)?, &self.dir);
        Ok(program.arg("-c").arg(self.dir.join("owner.s3cfg")))
    }

    /// A program in an environment where nothing is configured, with `home` as its home and working directory.
    pub(crate) fn program(&self, path: &Path, home: &Path) -> Program {
        let dirs = std::env::var_os("PATH").unwrap_or_default();
        let program = Program::new(path).bare().dir(home).env("PATH", dirs).env("HOME", home).env("TMPDIR", home);
        // Clients of the AWS kind otherwise look for credentials at an address of the cloud's own. And they would try again
        // what failed, after a minute where no answer came, and hide that from who looks for it.
        let program = program.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_MAX_ATTEMPTS", "1");
        program.env("LANG", "C.UTF-8").env("TZ", "UTC")
    }
}

/// The configuration that s3cmd needs.
pub(crate) fn s3cfg(endpoint: &str, key: &Key) -> String {
    let host = endpoint.split("://").last().unwrap_or(endpoint);
    let Key { id, secret } = key;
    format!(
        "[default]\naccess_key = {id}\nsecret_key = {secret}\nhost_base = {host}\nhost_bucket = {host}\n\
         bucket_location = {REGION}\nuse_https = False\n"
    )
}

fn owner_of(server: &Server) -> Result<Key, Failure> {
    credentials(&server.read("owner.credentials")?)
}

/// The default profile of a file in the shared-credentials format.
fn credentials(text: &str) -> Result<Key, Failure> {
    let profile = text.lines().skip_while(|line| line.trim() != "[default]").skip(1);
    let profile = profile.take_while(|line| !line.trim_start().starts_with('['));
    let pairs: Vec<(&str, &str)> = profile.filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
        found.ok_or_else(|| format!("owner.credentials has no {name} in its profile `default`"))
    };
    Ok(Key { id: value("aws_access_key_id")?, secret: value("aws_secret_access_key")? })
}

/// The last word of each line that has one: what a listing names.
pub(crate) fn last_words(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_whitespace().last()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_is_read_and_no_other() {
        let text = "# made at the first start\n[other]\naws_access_key_id = X\n[default]\naws_access_key_id = A\naws_secret_access_key = s=/+\n[z]\n";
        let key = credentials(text).ok().unwrap();
        assert_eq!((key.id.as_str(), key.secret.as_str()), ("A", "s=/+"));
        assert!(credentials("[default]\naws_access_key_id = A\n[x]\naws_secret_access_key = s").is_err());
    }

    #[test]
    fn what_a_listing_names_stands_last() {
        assert_eq!(last_words("2026-11-25 02:53  s3://a\n\n   -1 2026-11-25 -1 b\n"), ["s3://a", "b"]);
    }
}
