//! s3cmd: the client of the story. Configured as a person does it, by answering `s3cmd --configure`.

use crate::process::{Failure, Program, Ran};

use super::desk::Desk;
use super::files::{KIB, MIB, noise, same, same_tree, tree, write};
use super::http;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{Key, PRIVATE, REGION, SECRET, s3cfg};

struct S3cmd<'a> {
    desk: &'a Desk<'a>,
    /// `s3://` and the bucket.
    bucket: String,
}

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let s3cmd = S3cmd { desk, bucket: format!("s3://{}", desk.bucket) };
    s3cmd.grants(sheet);
    s3cmd.first_steps(sheet);
    s3cmd.objects(sheet);
    s3cmd.links(sheet);
    s3cmd.elsewhere(sheet);
}

impl S3cmd<'_> {
    /// With the configuration that the guest's answers made.
    fn guest(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.with_config("guest.s3cfg", words)
    }

    fn with_config(&self, config: &str, words: &[&str]) -> Result<Ran, Failure> {
        self.desk.program(Tool::S3cmd)?.arg("-c").arg(self.desk.path(config)).args(words).run()
    }

    fn owner(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.desk.world().owners_s3cmd(self.desk.tools())?.args(words).run()
    }

    /// Answers `s3cmd --configure` and gives what it said.
    fn configure(&self, config: &str, key: &Key, words: &[&str]) -> Result<Ran, Failure> {
        let host = self.desk.endpoint().trim_start_matches("http://");
        let program: Program = self.desk.program(Tool::S3cmd)?.arg("-c").arg(self.desk.path(config)).arg("--configure");
        // Access key, secret key, region, endpoint, bucket's host; no password, GPG as found, no HTTPS, no proxy; test
        // the access, save; and if it failed, neither try again nor save.
        let answers = [&key.id, &key.secret, REGION, host, host, "", "", "No", "", "Y", "y", "n", "n", ""];
        program.args(words).input(answers.join("\n")).run()?.done()?.says("Your access key and secret key worked fine")
    }

    fn grants(&self, sheet: &mut Sheet) {
        sheet.check("owner: `s3cmd mb` makes the bucket", || {
            self.owner(&["mb", &self.bucket])?.done()?.says("created").map(drop)
        });
        for right in ["write", "read"] {
            sheet.check(&format!("owner: `s3cmd setacl --acl-grant={right}:EMAIL`"), || {
                let grant = format!("--acl-grant={right}:{}", self.desk.email);
                self.owner(&["setacl", &grant, &self.bucket])?.done().map(drop)
            });
        }
        sheet.check("owner: `s3cmd info` shows both grants", || {
            let info = self.owner(&["info", &self.bucket])?.done()?;
            let email = &self.desk.email;
            info.says(&format!("{email}: WRITE"))?.says(&format!("{email}: READ")).map(drop)
        });
    }

    fn first_steps(&self, sheet: &mut Sheet) {
        sheet.check("`s3cmd --configure`: its access test lists all buckets and passes", || {
            let said = self.configure("guest.s3cfg", &self.desk.guest, &[])?;
            said.says("attempting to list all buckets")?.says("Configuration saved").map(drop)
        });
        sheet.check("`s3cmd --configure s3://BUCKET`: its access test lists the bucket and passes", || {
            let said = self.configure("bucket.s3cfg", &self.desk.guest, &[&self.bucket])?;
            said.says("attempting to list bucket")?.says("Configuration saved").map(drop)
        });
        sheet.check("`s3cmd --configure` with a wrong secret says so", || {
            let wrong = Key { id: self.desk.guest.id.clone(), secret: "wrong".repeat(8) };
            match self.configure("wrong.s3cfg", &wrong, &[]) {
                Ok(said) => Err(said.but("passed")),
                Err(said) if said.contains("SignatureDoesNotMatch") || said.contains("signature we calculated") => {
                    Ok(())
                }
                Err(said) => Err(said),
            }
        });
        sheet.check("`s3cmd ls` shows its bucket and no other", || self.desk.only_its_bucket(self.guest(&["ls"])?));
        sheet.check("`s3cmd ls s3://BUCKET` of an empty bucket", || {
            let listing = self.guest(&["ls", &self.bucket])?.done()?;
            if listing.stdout.trim().is_empty() { Ok(()) } else { Err(listing.but("is not empty")) }
        });
        // s3cmd asks for everything there is to know, and ends with a failure where something is the owner's to know.
        sheet.check(
            "`s3cmd info s3://BUCKET` tells the location; the bucket's settings are the owner's, as on S3",
            || {
                let info = self.guest(&["info", &self.bucket])?.says("Location:  us-east-1")?;
                info.refused()
            },
        );
    }

    fn objects(&self, sheet: &mut Sheet) {
        let at = |key: &str| format!("{}/{key}", self.bucket);
        sheet.check("`s3cmd put` and `ls`", || {
            let dump = write(&self.desk.path("dump.tar"), &noise(1, 100 * KIB))?;
            self.guest(&["put", &dump.to_string_lossy(), &at("")])?.done()?;
            self.guest(&["ls", &self.bucket])?.done()?.says(&at("dump.tar")).map(drop)
        });
        sheet.check("`s3cmd get` brings the same bytes", || {
            self.guest(&["get", &at("dump.tar"), "back.tar"])?.done()?;
            same(&self.desk.path("dump.tar"), &self.desk.path("back.tar"))
        });
        sheet.check("`s3cmd put` in parts of 5 MiB, and `get`", || {
            let large = write(&self.desk.path("large.bin"), &noise(2, 12 * MIB + 1))?;
            self.guest(&["put", "--multipart-chunk-size-mb=5", &large.to_string_lossy(), &at("large.bin")])?.done()?;
            self.guest(&["get", &at("large.bin"), "large.back"])?.done()?;
            same(&large, &self.desk.path("large.back"))
        });
        sheet.check("`s3cmd put` again overwrites", || {
            let dump = write(&self.desk.path("dump.tar"), &noise(3, 50 * KIB))?;
            self.guest(&["put", &dump.to_string_lossy(), &at("")])?.done()?;
            self.guest(&["get", "--force", &at("dump.tar"), "back.tar"])?.done()?;
            same(&dump, &self.desk.path("back.tar"))
        });
        sheet.check("`s3cmd info` of an object tells size and MD5; the ACL is the owner's, as on S3", || {
            let info = self.guest(&["info", &at("dump.tar")])?.says("File size: 51200")?.says("MD5 sum:   ")?;
            info.refused()
        });
        // Without --acl-private s3cmd begins a copy with a look at the source's ACL.
        sheet.check("`s3cmd cp --acl-private` and `mv --acl-private` on the server", || {
            self.guest(&["cp", "--acl-private", &at("dump.tar"), &at("copy.tar")])?.done()?;
            self.guest(&["mv", "--acl-private", &at("copy.tar"), &at("moved.tar")])?.done()?;
            self.guest(&["get", &at("moved.tar"), "moved.back"])?.done()?;
            same(&self.desk.path("dump.tar"), &self.desk.path("moved.back"))
        });
        sheet.check("`s3cmd sync` up, and again with nothing to do", || {
            tree(&self.desk.path("tree"))?;
            self.guest(&["sync", "tree/", &at("tree/")])?.done()?;
            self.guest(&["sync", "tree/", &at("tree/")])?.done()?.says_nothing_of("upload:").map(drop)
        });
        sheet.check("`s3cmd sync` down brings the same files", || {
            self.guest(&["sync", &at("tree/"), "synced/"])?.done()?;
            same_tree(&self.desk.path("tree"), &self.desk.path("synced"))
        });
        sheet.check("`s3cmd sync --delete-removed` removes what is gone", || {
            let gone = self.desk.path("tree/readme.txt");
            std::fs::remove_file(&gone).map_err(|error| error.to_string())?;
            self.guest(&["sync", "--delete-removed", "tree/", &at("tree/")])?.done()?;
            self.guest(&["ls", "--recursive", &at("tree/")])?
                .done()?
                .says_nothing_of("readme.txt")?
                .says("empty")
                .map(drop)
        });
        sheet.check("`s3cmd del --recursive`, `s3cmd del`", || {
            self.guest(&["del", "--recursive", "--force", &at("tree/")])?.done()?;
            self.guest(&["del", &at("moved.tar")])?.done()?;
            self.guest(&["ls", "--recursive", &self.bucket])?.done()?.says_nothing_of("tree/").map(drop)
        });
    }

    fn links(&self, sheet: &mut Sheet) {
        let link = |config: &str| -> Result<String, Failure> {
            let ran = self.with_config(config, &["signurl", &format!("{}/dump.tar", self.bucket), "+600"])?.done()?;
            Ok(ran.stdout.trim().to_owned())
        };
        sheet.check("`s3cmd signurl` (SigV2) is refused, and the answer names AWS4-HMAC-SHA256", || {
            http::get(&link("guest.s3cfg")?)?.names_sigv4()
        });
        sheet.check("`s3cmd signurl` (SigV2) works with a key made by `key create --allow-sigv2`", || {
            let old = self.desk.world().old_key(&self.desk.email)?;
            write(&self.desk.path("old.s3cfg"), s3cfg(self.desk.endpoint(), &old).as_bytes())?;
            http::get(&link("old.s3cfg")?)?.is(&noise(3, 50 * KIB))
        });
        let old_way = ["--debug", "--signature-v2", "ls", &self.bucket];
        let (v2, v4) = ("Using signature v2", "Using signature v4");
        sheet.check("`s3cmd --signature-v2 ls` is told AWS4-HMAC-SHA256, and goes over to it by itself", || {
            let said = self.guest(&old_way)?.done()?;
            said.says(v2)?.says("AWS4-HMAC-SHA256")?.says(v4)?.says("dump.tar").map(drop)
        });
        sheet.check("`s3cmd --signature-v2 ls` works with a key made by `key create --allow-sigv2`", || {
            let said = self.with_config("old.s3cfg", &old_way)?.done()?;
            said.says(v2)?.says_nothing_of(v4)?.says("dump.tar").map(drop)
        });
    }

    fn elsewhere(&self, sheet: &mut Sheet) {
        let (private, secret) = (format!("s3://{PRIVATE}"), format!("s3://{PRIVATE}/{SECRET}"));
        let grant = format!("--acl-grant=full_control:{}", self.desk.email);
        for (check, words) in [
            ("refused: `s3cmd setacl` on the bucket", &["setacl", &grant, &self.bucket][..]),
            ("refused: `s3cmd rb` of the bucket", &["rb", &self.bucket]),
            ("refused: `s3cmd mb` of a new bucket", &["mb", "s3://a-new-one.example.com"]),
            ("refused: `s3cmd ls` of another bucket", &["ls", &private]),
            ("refused: `s3cmd put` into another bucket", &["put", "dump.tar", &private]),
            ("refused: `s3cmd get` from another bucket", &["get", "--force", &secret, "stolen"]),
            ("refused: `s3cmd cp` out of another bucket", &["cp", &secret, &self.bucket]),
            ("refused: `s3cmd del` in another bucket", &["del", &secret]),
            ("refused: `s3cmd setacl` on another bucket", &["setacl", &grant, &private]),
        ] {
            sheet.check(check, || self.guest(words)?.refused());
        }
    }
}
