//! rclone, which probes with CreateBucket before it copies a single file.

use crate::process::{Failure, Ran};

use super::desk::Desk;
use super::files::{KIB, MIB, noise, same, same_tree, tree, write};
use super::http;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, REGION, SECRET, last_words};

struct Rclone<'a> {
    desk: &'a Desk<'a>,
}

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let rclone = Rclone { desk };
    desk.granted(sheet);
    rclone.first_steps(sheet);
    rclone.objects(sheet);
    rclone.elsewhere(sheet);
}

impl Rclone<'_> {
    fn run(&self, words: &[&str]) -> Result<Ran, Failure> {
        // Refusals are final; three tries of each would only take longer.
        self.desk.program(Tool::Rclone)?.args(["--retries", "1", "--low-level-retries", "1"]).args(words).run()
    }

    fn at(&self, key: &str) -> String {
        format!("store:{}/{key}", self.desk.bucket)
    }

    fn first_steps(&self, sheet: &mut Sheet) {
        sheet.check("`rclone config create`, then `rclone lsd store:`: its bucket and no other", || {
            let (endpoint, region) = (format!("endpoint={}", self.desk.endpoint()), format!("region={REGION}"));
            let id = format!("access_key_id={}", self.desk.guest.id);
            let secret = format!("secret_access_key={}", self.desk.guest.secret);
            self.run(&["config", "create", "store", "s3", "provider=Other", &endpoint, &region, &id, &secret])?
                .done()?;
            self.desk.only_its_bucket(self.run(&["lsd", "store:"])?)
        });
        sheet.check("`rclone mkdir` of its bucket, which is there already", || {
            self.run(&["mkdir", &self.at("")])?.done().map(drop)
        });
    }

    fn objects(&self, sheet: &mut Sheet) {
        sheet.check("`rclone copy` of a single file, with the bucket checked first, and `cat`", || {
            write(&self.desk.path("hello.txt"), b"hello\n")?;
            self.run(&["copy", "hello.txt", &self.at("")])?.done()?;
            self.run(&["cat", &self.at("hello.txt")])?.done()?.says("hello").map(drop)
        });
        sheet.check("`rclone copyto` up and down: the same bytes", || {
            let dump = write(&self.desk.path("dump.tar"), &noise(21, 100 * KIB))?;
            self.run(&["copyto", "dump.tar", &self.at("a/dump.tar")])?.done()?;
            self.run(&["copyto", &self.at("a/dump.tar"), "back.tar"])?.done()?;
            same(&dump, &self.desk.path("back.tar"))
        });
        sheet.check("`rclone copyto` in parts of 5 MiB, and from one key to another", || {
            let large = write(&self.desk.path("large.bin"), &noise(22, 12 * MIB + 5))?;
            let parts = ["--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", "--s3-copy-cutoff", "6M"];
            self.run(&[&parts[..], &["copyto", "large.bin", &self.at("large.bin")]].concat())?.done()?;
            self.run(&[&parts[..], &["copyto", &self.at("large.bin"), &self.at("large.copy")]].concat())?.done()?;
            self.run(&["copyto", &self.at("large.copy"), "large.back"])?.done()?;
            same(&large, &self.desk.path("large.back"))
        });
        sheet.check("`rclone rcat` from standard input", || {
            let program = self.desk.program(Tool::Rclone)?.args(["rcat", &self.at("typed.txt")]);
            program.input("typed\n").run()?.done()?;
            self.run(&["cat", &self.at("typed.txt")])?.done()?.says("typed").map(drop)
        });
        sheet.check("`rclone sync` up, `check`, and again with nothing to do", || {
            tree(&self.desk.path("tree"))?;
            self.run(&["sync", "tree", &self.at("tree")])?.done()?;
            self.run(&["check", "--download", "tree", &self.at("tree")])?.done()?.says("0 differences found")?;
            self.run(&["sync", "--verbose", "tree", &self.at("tree")])?.done()?.says_nothing_of("Copied").map(drop)
        });
        sheet.check("`rclone sync` down brings the same files", || {
            self.run(&["sync", &self.at("tree"), "synced"])?.done()?;
            same_tree(&self.desk.path("tree"), &self.desk.path("synced"))
        });
        sheet.check("`rclone sync` removes what is gone", || {
            std::fs::remove_file(self.desk.path("tree/readme.txt")).map_err(|error| error.to_string())?;
            self.run(&["sync", "tree", &self.at("tree")])?.done()?;
            self.run(&["lsf", "--recursive", &self.at("tree")])?.done()?.says_nothing_of("readme.txt").map(drop)
        });
        sheet.check("`rclone link` (presigned, SigV4)", || {
            let link = self.run(&["link", "--expire", "10m", &self.at("a/dump.tar")])?.done()?;
            http::get(link.stdout.trim())?.is(&noise(21, 100 * KIB))
        });
        sheet.check("`rclone deletefile`, `delete` of a directory", || {
            self.run(&["deletefile", &self.at("a/dump.tar")])?.done()?;
            self.run(&["delete", &self.at("tree")])?.done()?;
            let left = self.run(&["lsf", "--recursive", "--files-only", &self.at("")])?.done()?;
            let mut names = last_words(&left.stdout);
            names.sort_unstable();
            if names == ["hello.txt", "large.bin", "large.copy", "typed.txt"] {
                Ok(())
            } else {
                Err(left.but("lists other files"))
            }
        });
    }

    fn elsewhere(&self, sheet: &mut Sheet) {
        let (private, secret) = (format!("store:{PRIVATE}"), format!("store:{PRIVATE}/{SECRET}"));
        let planted = format!("{private}/planted");
        for (check, words) in [
            ("refused: `rclone mkdir` of a new bucket", &["mkdir", "store:a-new-one.example.com"][..]),
            ("refused: `rclone purge` of the bucket, which removes it at last", &["purge", &self.at("")]),
            ("refused: `rclone ls` of another bucket", &["ls", &private]),
            ("refused: `rclone copyto` into another bucket", &["copyto", "dump.tar", &planted]),
            ("refused: `rclone copyto` from another bucket", &["copyto", &secret, "stolen"]),
            ("refused: `rclone copyto` out of another bucket into its own", &["copyto", &secret, &self.at("stolen")]),
            ("refused: `rclone deletefile` in another bucket", &["deletefile", &secret]),
        ] {
            sheet.check(check, || self.run(words)?.refused());
        }
    }
}
