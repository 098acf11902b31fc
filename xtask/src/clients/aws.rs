//! The AWS command line, in both its versions: 1 signs presigned URLs by SigV2 where the region lets it, 2 never does.

use serde_json::Value;

use crate::process::{Failure, Program, Ran};

use super::desk::Desk;
use super::files::{KIB, MIB, noise, same, same_tree, tree, write};
use super::http;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{Key, PRIVATE, REGION, SECRET};

struct Aws<'a> {
    desk: &'a Desk<'a>,
    tool: Tool,
    /// `s3://` and the bucket.
    bucket: String,
}

pub(super) fn work_v1(desk: &Desk, sheet: &mut Sheet) {
    let aws = Aws { desk, tool: Tool::Aws1, bucket: format!("s3://{}", desk.bucket) };
    aws.common(sheet);
    aws.links_v2(sheet);
    aws.elsewhere(sheet);
}

pub(super) fn work_v2(desk: &Desk, sheet: &mut Sheet) {
    let aws = Aws { desk, tool: Tool::Aws2, bucket: format!("s3://{}", desk.bucket) };
    aws.common(sheet);
    sheet.check("`aws s3 presign` (SigV4)", || aws.presigned(&[])?.is(&aws.dump()));
    aws.elsewhere(sheet);
}

impl Aws<'_> {
    fn common(&self, sheet: &mut Sheet) {
        self.grants(sheet);
        self.first_steps(sheet);
        self.objects(sheet);
        self.trees(sheet);
    }

    /// With the profile that the guest's answers to `aws configure` made.
    fn guest(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.at_endpoint(self.desk.program(self.tool)?, words)
    }

    fn owner(&self, words: &[&str]) -> Result<Ran, Failure> {
        self.at_endpoint(self.desk.with_key(self.tool, &self.desk.world().owner)?, words)
    }

    fn at_endpoint(&self, program: Program, words: &[&str]) -> Result<Ran, Failure> {
        program.env("AWS_PAGER", "").args(["--endpoint-url", self.desk.endpoint()]).args(words).run()
    }

    fn configure(&self, key: &Key, profile: &[&str]) -> Result<(), Failure> {
        let answers = format!("{}\n{}\n{REGION}\njson\n", key.id, key.secret);
        self.desk.program(self.tool)?.arg("configure").args(profile).input(answers).run()?.done().map(drop)
    }

    /// What `dump.tar` holds.
    fn dump(&self) -> Vec<u8> {
        noise(11, 100 * KIB)
    }

    fn grants(&self, sheet: &mut Sheet) {
        sheet
            .check("owner: `aws s3 mb` makes the bucket", || self.owner(&["s3", "mb", &self.bucket])?.done().map(drop));
        sheet.check(
            "owner: `aws s3api put-bucket-acl --grant-write emailaddress=… --grant-read emailaddress=…`",
            || {
                let grantee = format!("emailaddress={}", self.desk.email);
                let words = ["s3api", "put-bucket-acl", "--bucket", &self.desk.bucket, "--grant-write", &grantee];
                self.owner(&[&words[..], &["--grant-read", &grantee]].concat())?.done().map(drop)
            },
        );
        sheet.check("owner: `aws s3api get-bucket-acl` reads both grants back, by canonical id", || {
            let ran = self.owner(&["s3api", "get-bucket-acl", "--bucket", &self.desk.bucket])?.done()?;
            let acl: Value = serde_json::from_str(&ran.stdout).map_err(|error| ran.but(&error.to_string()))?;
            let has = |permission: &str| {
                crate::workspace::list(&acl, "Grants").iter().any(|grant| {
                    let grantee = &grant["Grantee"];
                    let is_guest =
                        grantee["DisplayName"] == self.desk.email.as_str() && grantee["Type"] == "CanonicalUser";
                    is_guest && grantee["ID"].is_string() && grant["Permission"] == permission
                })
            };
            if has("READ") && has("WRITE") { Ok(()) } else { Err(ran.but("shows other grants")) }
        });
    }

    fn first_steps(&self, sheet: &mut Sheet) {
        sheet.check("`aws configure`, then `aws s3 ls`: its bucket and no other", || {
            self.configure(&self.desk.guest, &[])?;
            self.desk.only_its_bucket(self.guest(&["s3", "ls"])?)
        });
        sheet.check("`aws s3api head-bucket`, `get-bucket-location`", || {
            self.guest(&["s3api", "head-bucket", "--bucket", &self.desk.bucket])?.done()?;
            self.guest(&["s3api", "get-bucket-location", "--bucket", &self.desk.bucket])?.done().map(drop)
        });
        sheet.check("`aws s3 ls s3://BUCKET` of an empty bucket", || {
            let listing = self.guest(&["s3", "ls", &self.bucket])?.done()?;
            if listing.stdout.trim().is_empty() { Ok(()) } else { Err(listing.but("is not empty")) }
        });
    }

    fn objects(&self, sheet: &mut Sheet) {
        let at = |key: &str| format!("{}/{key}", self.bucket);
        sheet.check("`aws s3 cp` up, `ls`, and `cp` down: the same bytes", || {
            let dump = write(&self.desk.path("dump.tar"), &self.dump())?;
            self.guest(&["s3", "cp", "dump.tar", &at("")])?.done()?;
            self.guest(&["s3", "ls", &at("")])?.done()?.says("102400 dump.tar")?;
            self.guest(&["s3", "cp", &at("dump.tar"), "back.tar"])?.done()?;
            same(&dump, &self.desk.path("back.tar"))
        });
        sheet.check("`aws s3 cp` of 20 MiB in parts, up and down", || {
            let large = write(&self.desk.path("large.bin"), &noise(12, 20 * MIB + 7))?;
            self.guest(&["s3", "cp", "large.bin", &at("large.bin")])?.done()?;
            self.guest(&["s3", "cp", &at("large.bin"), "large.back"])?.done()?;
            same(&large, &self.desk.path("large.back"))
        });
        sheet.check("`aws s3 cp` from one key to another, and `mv`", || {
            self.guest(&["s3", "cp", &at("dump.tar"), &at("copy.tar")])?.done()?;
            self.guest(&["s3", "mv", &at("copy.tar"), &at("moved.tar")])?.done()?;
            self.guest(&["s3", "cp", &at("moved.tar"), "moved.tar"])?.done()?;
            same(&self.desk.path("dump.tar"), &self.desk.path("moved.tar"))
        });
        let in_parts = |words: &[&str]| -> Result<Ran, Failure> {
            self.guest(&[&["s3", "cp", &at("large.bin"), &at("large.copy")], words].concat())
        };
        if self.tool == Tool::Aws2 {
            // What is copied in parts it copies with its tags, and begins by reading them.
            sheet.check(
                "refused: `aws s3 cp` in parts from one key to another, as it comes: no ACL conveys tags",
                || in_parts(&[])?.says("GetObjectTagging")?.refused(),
            );
        }
        let (called, words) = match self.tool {
            Tool::Aws2 => ("`aws s3 cp --copy-props metadata-directive`", &["--copy-props", "metadata-directive"][..]),
            _ => ("`aws s3 cp`", &[][..]),
        };
        sheet.check(&format!("{called} in parts from one key to another"), || {
            in_parts(words)?.done()?;
            self.guest(&["s3", "cp", &at("large.copy"), "large.copy"])?.done()?;
            same(&self.desk.path("large.bin"), &self.desk.path("large.copy"))
        });
        sheet.check("`aws s3 cp -` from standard input", || {
            let program = self.desk.program(self.tool)?.input("typed\n");
            self.at_endpoint(program, &["s3", "cp", "-", &at("typed.txt")])?.done()?;
            self.guest(&["s3", "cp", &at("typed.txt"), "-"])?.done()?.says("typed").map(drop)
        });
        sheet.check(
            "`aws s3api put-object` with a checksum and metadata, `head-object`, `get-object` of a range",
            || {
                let bucket = ["--bucket", &self.desk.bucket, "--key", "with checksum"];
                let put = [
                    "s3api",
                    "put-object",
                    "--body",
                    "dump.tar",
                    "--checksum-algorithm",
                    "SHA256",
                    "--metadata",
                    "made=by hand",
                ];
                self.guest(&[&put[..], &bucket].concat())?.done()?.says("ChecksumSHA256")?;
                let head = self
                    .guest(&[&["s3api", "head-object", "--checksum-mode", "ENABLED"][..], &bucket].concat())?
                    .done()?;
                head.says("ChecksumSHA256")?.says("by hand")?;
                let range = ["s3api", "get-object", "--range", "bytes=1024-2047"];
                self.guest(&[&range[..], &bucket, &["range"]].concat())?.done()?.says("bytes 1024-2047/102400")?;
                let wanted = write(&self.desk.path("wanted"), &self.dump()[1024..2048])?;
                same(&wanted, &self.desk.path("range"))
            },
        );
    }

    fn trees(&self, sheet: &mut Sheet) {
        let at = |key: &str| format!("{}/{key}", self.bucket);
        sheet.check("`aws s3 sync` up, again with nothing to do, and down: the same files", || {
            tree(&self.desk.path("tree"))?;
            self.guest(&["s3", "sync", "tree", &at("tree")])?.done()?;
            self.guest(&["s3", "sync", "tree", &at("tree")])?.done()?.says_nothing_of("upload:")?;
            self.guest(&["s3", "sync", &at("tree"), "synced"])?.done()?;
            same_tree(&self.desk.path("tree"), &self.desk.path("synced"))
        });
        sheet.check("`aws s3 sync --delete` removes what is gone", || {
            std::fs::remove_file(self.desk.path("tree/readme.txt")).map_err(|error| error.to_string())?;
            self.guest(&["s3", "sync", "--delete", "tree", &at("tree")])?.done()?.says("delete:")?;
            self.guest(&["s3", "ls", "--recursive", &at("tree/")])?.done()?.says_nothing_of("readme.txt").map(drop)
        });
        sheet.check("`aws s3 sync` of an empty file, and of others after it on the same connection", || {
            for (name, bytes) in [("0", &b""[..]), ("1", b"one"), ("2", b"two")] {
                write(&self.desk.path(&format!("one-by-one/{name}")), bytes)?;
            }
            // It waits for a `100 Continue` before each, and hangs over a connection that was not closed when none came.
            let settings = format!("[default]\nregion = {REGION}\ns3 =\n  max_concurrent_requests = 1\n");
            let settings = write(&self.desk.path("one-by-one.config"), settings.as_bytes())?;
            let program = self.desk.program(self.tool)?.env("AWS_CONFIG_FILE", settings);
            let words = ["--cli-read-timeout", "10", "s3", "sync", "one-by-one", &at("tree/one-by-one")];
            self.at_endpoint(program, &words)?.done().map(drop)
        });
        sheet.check("`aws s3 rm`, `rm --recursive`", || {
            self.guest(&["s3", "rm", &at("large.copy")])?.done()?;
            self.guest(&["s3", "rm", "--recursive", &at("tree/")])?.done()?;
            let listing = self.guest(&["s3", "ls", "--recursive", &self.bucket])?.done()?;
            listing.says("dump.tar")?.says_nothing_of("tree/")?.says_nothing_of("large.copy").map(drop)
        });
    }

    /// Follows the link that `aws s3 presign` makes of `dump.tar`.
    fn presigned(&self, words: &[&str]) -> Result<http::Answer, Failure> {
        let at = format!("{}/dump.tar", self.bucket);
        let ran = self.guest(&[words, &["s3", "presign", &at, "--expires-in", "600"]].concat())?.done()?;
        http::get(ran.stdout.trim())
    }

    fn links_v2(&self, sheet: &mut Sheet) {
        sheet.check("`aws s3 presign` as it comes (SigV2) is refused, and the answer names AWS4-HMAC-SHA256", || {
            self.presigned(&[])?.names_sigv4()
        });
        sheet.check("`aws s3 presign` as it comes (SigV2) works with a key made by `key create --allow-sigv2`", || {
            let old = self.desk.world().old_key(&self.desk.email)?;
            self.configure(&old, &["--profile", "old"])?;
            self.presigned(&["--profile", "old"])?.is(&self.dump())
        });
        sheet.check("`aws s3 presign` after `aws configure set default.s3.signature_version s3v4`", || {
            let set = ["configure", "set", "default.s3.signature_version", "s3v4"];
            self.desk.program(self.tool)?.args(set).run()?.done()?;
            self.presigned(&[])?.is(&self.dump())
        });
    }

    fn elsewhere(&self, sheet: &mut Sheet) {
        let (private, secret) = (format!("s3://{PRIVATE}"), format!("s3://{PRIVATE}/{SECRET}"));
        let grantee = format!("emailaddress={}", self.desk.email);
        let acl = |bucket| ["s3api", "put-bucket-acl", "--bucket", bucket, "--grant-full-control", &grantee];
        let remove = ["s3api", "delete-bucket", "--bucket", &self.desk.bucket];
        for (check, words) in [
            ("refused: `aws s3api put-bucket-acl` on the bucket", &acl(self.desk.bucket.as_str())[..]),
            (
                "refused: `aws s3api get-bucket-acl` of the bucket",
                &["s3api", "get-bucket-acl", "--bucket", &self.desk.bucket],
            ),
            ("refused: `aws s3api delete-bucket`", &remove),
            ("refused: `aws s3 mb` of a new bucket", &["s3", "mb", "s3://a-new-one.example.com"]),
            ("refused: `aws s3 ls` of another bucket", &["s3", "ls", &private]),
            ("refused: `aws s3 cp` into another bucket", &["s3", "cp", "dump.tar", &private]),
            ("refused: `aws s3 cp` from another bucket", &["s3", "cp", &secret, "stolen"]),
            ("refused: `aws s3 cp` out of another bucket into its own", &["s3", "cp", &secret, &self.bucket]),
            ("refused: `aws s3 rm` in another bucket", &["s3", "rm", &secret]),
            ("refused: `aws s3api put-bucket-acl` on another bucket", &acl(PRIVATE)),
        ] {
            sheet.check(check, || self.guest(words)?.refused());
        }
    }
}
