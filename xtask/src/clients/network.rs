//! A server as it stands in a network: with TLS by a certificate of its own, in a region that clients do not expect, and
//! with buckets as names of hosts.

use std::path::PathBuf;

use crate::process::{Failure, Program, Ran};

use super::desk::Desk;
use super::files::{KIB, noise, same, tree, write};
use super::server::Server;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::Key;

/// Clients expect us-east-1 unless they are told.
const REGION: &str = "eu-central-1";

/// Buckets are hosts below this one. Nobody has it (RFC 6761).
const DOMAIN: &str = "s3.example.test";

/// Without a dot: a certificate's wildcard stands for one label.
const BUCKET: &str = "abroad";

/// The server, and what is needed to meet it.
struct Abroad<'a> {
    desk: &'a Desk<'a>,
    server: Server,
    owner: Key,
    certificate: PathBuf,
}

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let mut started = Err("it was not started".to_owned());
    let check = format!(
        "owner: `serve --tls-cert … --tls-key … --region {REGION} --domain {DOMAIN}`, with a certificate of its own"
    );
    sheet.check(&check, || {
        started = Abroad::start(desk);
        started.as_ref().map(drop).map_err(Clone::clone)
    });
    let Ok(abroad) = started else { return };
    abroad.tls(sheet);
    abroad.region(sheet);
    abroad.hosts(sheet);
    let mut server = abroad.server;
    sheet.check("it stops with status 0 when it is told to", || server.stop());
}

impl<'a> Abroad<'a> {
    fn start(desk: &'a Desk<'a>) -> Result<Self, Failure> {
        let (key, certificate) = (desk.path("key.pem"), desk.path("cert.pem"));
        let names = format!("subjectAltName=IP:127.0.0.1,DNS:{DOMAIN},DNS:*.{DOMAIN}");
        let openssl =
            desk.program(Tool::Openssl)?.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        let openssl = openssl.args(["-subj", "/CN=bailiwick", "-addext", &names]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).run()?.done()?;
        let (key, cert) = (key.to_string_lossy(), certificate.to_string_lossy());
        let flags = ["--tls-cert", &cert, "--tls-key", &key, "--region", REGION, "--domain", DOMAIN];
        let (server, owner) = desk.world().another(&desk.path("server"), &flags)?;
        if !server.endpoint.starts_with("https://") {
            return Err(format!("it listens at {}", server.endpoint));
        }
        write(&desk.path("FILE"), &noise(101, 100 * KIB))?;
        tree(&desk.path("DIRECTORY"))?;
        Ok(Abroad { desk, server, owner, certificate })
    }

    /// A client with the owner's key, and no region.
    fn client(&self, tool: Tool) -> Result<Program, Failure> {
        let program = self.desk.program(tool)?.env("AWS_ACCESS_KEY_ID", &self.owner.id);
        Ok(program.env("AWS_SECRET_ACCESS_KEY", &self.owner.secret).env("RESTIC_PASSWORD", "of the backups"))
    }

    fn aws(&self, words: &[&str]) -> Result<Program, Failure> {
        Ok(self.client(Tool::Aws2)?.args(["--endpoint-url", &self.server.endpoint]).args(words))
    }

    fn s3cmd(&self, words: &[&str]) -> Result<Ran, Failure> {
        let host = self.server.endpoint.trim_start_matches("https://");
        let (host_option, bucket_option) = (format!("--host={host}"), format!("--host-bucket={host}"));
        let program = self.client(Tool::S3cmd)?.args(["--ssl", &host_option, &bucket_option]);
        program.arg("--ca-certs").arg(&self.certificate).args(words).run()
    }

    fn tls(&self, sheet: &mut Sheet) {
        let at = format!("s3://{BUCKET}");
        sheet.check("`aws s3 mb`, `cp` up and down over TLS, with AWS_CA_BUNDLE", || {
            let file = format!("{at}/FILE");
            for words in [&["s3", "mb", &at][..], &["s3", "cp", "FILE", &file], &["s3", "cp", &file, "back"]] {
                let aws = self.aws(words)?.env("AWS_CA_BUNDLE", &self.certificate);
                aws.env("AWS_DEFAULT_REGION", REGION).run()?.done()?;
            }
            same(&self.desk.path("FILE"), &self.desk.path("back"))
        });
        sheet.check("`aws s3 ls` does not trust the certificate unless it is told to", || {
            let ran = self.aws(&["s3", "ls", &at])?.env("AWS_DEFAULT_REGION", REGION).run()?;
            if ran.succeeded() { Err(ran.but("trusted it")) } else { ran.says("SSL validation failed").map(drop) }
        });
    }

    /// Each of these signs for us-east-1 at first, is told the region, and goes over to it by itself; but for rclone.
    fn region(&self, sheet: &mut Sheet) {
        let at = format!("s3://{BUCKET}");
        sheet.check("`s3cmd` over TLS, of no certain region: `put`, `ls`, `get`", || {
            self.s3cmd(&["put", "FILE", &format!("{at}/by-s3cmd")])?.done()?;
            self.s3cmd(&["ls", &at])?.done()?.says("by-s3cmd")?;
            self.s3cmd(&["get", "--force", &format!("{at}/by-s3cmd"), "back"])?.done()?;
            same(&self.desk.path("FILE"), &self.desk.path("back"))
        });
        sheet.check("`aws` of region us-east-1: `s3 cp` up, `ls`", || {
            let file = format!("{at}/by-aws");
            for words in [["s3", "cp", "FILE", &file].as_slice(), &["s3", "ls", &file]] {
                let aws = self.aws(words)?.env("AWS_CA_BUNDLE", &self.certificate);
                aws.env("AWS_DEFAULT_REGION", "us-east-1").run()?.done()?;
            }
            Ok(())
        });
        sheet.check("`restic` over TLS, of no certain region: `init`, `backup`, `check`", || {
            let repository = format!("s3:{}/{BUCKET}/restic", self.server.endpoint);
            for words in [["init"].as_slice(), &["backup", "DIRECTORY"], &["check"]] {
                let restic =
                    self.client(Tool::Restic)?.args(["-r", &repository]).arg("--cacert").arg(&self.certificate);
                restic.args(words).run()?.done()?;
            }
            Ok(())
        });
        sheet.check(
            "`rclone` over TLS of its card's region: `ls`; of no certain one it stops, and says which it is",
            || {
                let rclone = |region: &str| {
                    let remote =
                        format!(":s3,provider=Other,env_auth=true{region},endpoint='{}'", self.server.endpoint);
                    let rclone = self.client(Tool::Rclone)?.args(["--retries", "1", "--low-level-retries", "1"]);
                    rclone.arg("--ca-cert").arg(&self.certificate).args(["ls", &format!("{remote}:{BUCKET}")]).run()
                };
                rclone(&format!(",region={REGION}"))?.done()?.says("FILE")?;
                rclone("")?.says(&format!("the region 'us-east-1' is wrong; expecting '{REGION}'")).map(drop)
            },
        );
    }

    fn hosts(&self, sheet: &mut Sheet) {
        sheet.check(
            "boto3 over TLS with the bucket in the host's name: `put_object`, `list_objects_v2`, `get_object`",
            || {
                let port = self.server.endpoint.rsplit(':').next().unwrap_or_default();
                let python = self.client(Tool::Boto3)?.args(["-c", BY_HOST]).env("AWS_CA_BUNDLE", &self.certificate);
                let python =
                    python.env("ENDPOINT", format!("https://{DOMAIN}:{port}")).env("AWS_DEFAULT_REGION", REGION);
                let ran = python.env("BUCKET", BUCKET).run()?.done()?;
                ran.says(&format!("{BUCKET}.{DOMAIN}")).map(drop)
            },
        );
    }
}

/// Nobody's name server knows the test's domain, so its names are looked up here.
const BY_HOST: &str = "\
import os, socket, boto3
from botocore.config import Config

look_up = socket.getaddrinfo
asked = []

def here(host, *more, **named):
    asked.append(host)
    return look_up('127.0.0.1', *more, **named)

socket.getaddrinfo = here
bucket = os.environ['BUCKET']
s3 = boto3.client('s3', endpoint_url=os.environ['ENDPOINT'], config=Config(s3={'addressing_style': 'virtual'}))
s3.put_object(Bucket=bucket, Key='by host', Body=b'x')
assert 'by host' in [found['Key'] for found in s3.list_objects_v2(Bucket=bucket)['Contents']]
assert s3.get_object(Bucket=bucket, Key='by host')['Body'].read() == b'x'
print(sorted(set(asked)))
";
