//! Where one client works: a home of its own, a bucket, and a guest's key.

use std::path::PathBuf;

use crate::process::{Failure, Program, Ran};

use super::sheet::Sheet;
use super::tools::{Tool, Toolbox};
use super::world::{Key, World, last_words};

/// One client's place.
pub(crate) struct Desk<'a> {
    world: &'a World,
    tools: &'a Toolbox,
    /// Home and working directory of what runs here.
    home: PathBuf,
    /// The bucket that the guest is granted. It does not exist yet.
    pub bucket: String,
    /// The guest's e-mail address.
    pub email: String,
    /// The guest's own key; or that of a share.
    pub guest: Key,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(client: &str, world: &'a World, tools: &'a Toolbox) -> Result<Self, Failure> {
        let home = world.dir().join(client);
        std::fs::create_dir_all(&home).map_err(|error| format!("{} cannot be made: {error}", home.display()))?;
        let email = format!("guest-{client}@example.com");
        let guest = world.guest(&email)?;
        Ok(Desk { world, tools, home, bucket: format!("{client}.example.com"), email, guest })
    }

    /// A place where the bucket is there, and shared by a preset with a guest who has no other key.
    pub(crate) fn shared(preset: &str, world: &'a World, tools: &'a Toolbox) -> Result<Self, Failure> {
        let home = world.dir().join(format!("preset-{preset}"));
        std::fs::create_dir_all(&home).map_err(|error| format!("{} cannot be made: {error}", home.display()))?;
        let (bucket, email) = (format!("preset-{preset}.example.com"), format!("guest-{preset}@example.com"));
        world.bucket(&bucket)?;
        let guest = world.share(&bucket, &email, preset)?;
        Ok(Desk { world, tools, home, bucket, email, guest })
    }

    /// Shares the bucket once more, and gives the card of that share for a client.
    pub(crate) fn card(&self, preset: &str, client: &str) -> Result<String, Failure> {
        self.world.card(&self.bucket, &self.email, preset, client)
    }

    pub(crate) fn world(&self) -> &World {
        self.world
    }

    pub(crate) fn tools(&self) -> &Toolbox {
        self.tools
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.world.endpoint()
    }

    /// A file of this client's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A tool in an environment where nothing is configured.
    pub(crate) fn program(&self, tool: Tool) -> Result<Program, Failure> {
        Ok(self.world.program(self.tools.path(tool)?, &self.home))
    }

    /// The same, with a key in the environment, where clients of the AWS kind look for it.
    pub(crate) fn with_key(&self, tool: Tool, key: &Key) -> Result<Program, Failure> {
        let program = self.program(tool)?.env("AWS_DEFAULT_REGION", super::world::REGION);
        Ok(program.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret))
    }

    /// For clients that cannot make grants: the owner makes the bucket and grants it with s3cmd.
    pub(crate) fn granted(&self, sheet: &mut Sheet) {
        sheet.check("owner: makes the bucket and grants WRITE and READ by e-mail, with s3cmd", || {
            let bucket = format!("s3://{}", self.bucket);
            let write = format!("--acl-grant=write:{}", self.email);
            let read = format!("--acl-grant=read:{}", self.email);
            for words in [&["mb", &bucket][..], &["setacl", &write, &bucket], &["setacl", &read, &bucket]] {
                self.world.owners_s3cmd(self.tools)?.args(words).run()?.done()?;
            }
            Ok(())
        });
    }

    /// A listing of all buckets must name this client's bucket and nothing else.
    pub(crate) fn only_its_bucket(&self, listing: Ran) -> Result<(), Failure> {
        let listing = listing.done()?;
        let named = last_words(&listing.stdout);
        if named.iter().map(|name| name.trim_start_matches("s3://")).eq([self.bucket.as_str()]) {
            Ok(())
        } else {
            Err(listing.but(&format!("does not list exactly {}", self.bucket)))
        }
    }
}
