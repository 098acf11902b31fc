//! Shares by their presets: with only such a key, pasted from its card, the program that the preset is for does its whole
//! job; what the preset withholds is refused, through whichever door S3 has to it; and another bucket does not exist.
//!
//! What a program does is here, in Rust; every request that S3 knows for reading, writing and deleting is
//! `e2e/clients/preset_checks.py`, the same script for all presets.

mod backups;
mod plain;

use crate::process::Failure;

use super::boto3;
use super::desk::Desk;
use super::paste::Pasted;
use super::script;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, SECRET, last_words};

pub(super) use backups::{backup, duplicity, restic};
pub(super) use plain::{drop_box, rclone_sync, read, read_write, write};

/// Everything that S3 has, tried with the share's key.
fn every_request(desk: &Desk, preset: &str, sheet: &mut Sheet) {
    script::run(boto3::checks(desk, "preset_checks.py").map(|program| program.env("PRESET", preset)), sheet);
}

/// Pastes the card for a tool, and goes on with it.
fn pasted(desk: &Desk, tool: Tool, preset: &str, sheet: &mut Sheet, work: impl FnOnce(&Pasted, &mut Sheet)) {
    match Pasted::new(desk, tool, preset) {
        Ok(card) => work(&card, sheet),
        Err(failure) => sheet.check(&format!("the card for {tool:?}"), || Err(failure)),
    }
}

/// Words of a client that must be refused, each a check of its own.
fn refused(card: &Pasted, sheet: &mut Sheet, all: &[(&str, String)]) {
    for (what, words) in all {
        sheet.check(&format!("refused: {what}"), || card.run(words)?.refused());
    }
}

/// Reading, writing and listing another bucket with a client's own words for it must be refused.
fn elsewhere(card: &Pasted, program: &str, sheet: &mut Sheet, all: &[String]) {
    sheet.check(&format!("refused: another bucket, with {program}"), || {
        all.iter().try_for_each(|words| card.run(words)?.refused())
    });
}

/// The owner's side of it, by s3cmd.
struct Owner<'a> {
    desk: &'a Desk<'a>,
}

impl Owner<'_> {
    /// What lies under a key is the file.
    fn finds(&self, key: &str, file: &std::path::Path) -> Result<(), Failure> {
        let back = self.desk.path("owners-copy");
        let program = self.desk.world().owners_s3cmd(self.desk.tools())?.args(["get", "--force"]);
        program.arg(format!("s3://{}/{key}", self.desk.bucket)).arg(&back).run()?.done()?;
        super::files::same(file, &back)
    }

    /// The keys under a prefix.
    fn lists(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        let bucket = format!("s3://{}/", self.desk.bucket);
        let program = self.desk.world().owners_s3cmd(self.desk.tools())?.args(["ls", "--recursive"]);
        let listed = program.arg(format!("{bucket}{prefix}")).run()?.done()?;
        Ok(last_words(&listed.stdout).iter().map(|name| name.trim_start_matches(&bucket).to_owned()).collect())
    }

    /// Puts a file or a directory there.
    fn puts(&self, file: &std::path::Path, key: &str) -> Result<(), Failure> {
        let program = self.desk.world().owners_s3cmd(self.desk.tools())?.args(["put", "--recursive"]);
        program.arg(file).arg(format!("s3://{}/{key}", self.desk.bucket)).run()?.done().map(drop)
    }
}

fn s3cmd_elsewhere() -> Vec<String> {
    vec![
        format!("ls s3://{PRIVATE}"),
        format!("get --force s3://{PRIVATE}/{SECRET} stolen"),
        format!("put FILE s3://{PRIVATE}/planted"),
        format!("del s3://{PRIVATE}/{SECRET}"),
    ]
}

fn aws_elsewhere() -> Vec<String> {
    vec![format!("s3 cp s3://{PRIVATE}/{SECRET} stolen"), format!("s3 cp FILE s3://{PRIVATE}/planted")]
}

fn rclone_elsewhere() -> Vec<String> {
    vec![
        format!("ls bailiwick:{PRIVATE}"),
        format!("copyto bailiwick:{PRIVATE}/{SECRET} stolen"),
        format!("copyto FILE bailiwick:{PRIVATE}/planted"),
        format!("deletefile bailiwick:{PRIVATE}/{SECRET}"),
    ]
}
