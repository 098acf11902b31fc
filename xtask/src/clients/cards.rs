//! The hand-off cards: what `bailiwick share --for CLIENT` prints is pasted as it stands, and must work, with the key of
//! each preset that makes it say something else.

use crate::process::Failure;

use super::desk::Desk;
use super::files::{same, same_tree, write};
use super::paste::Pasted;
use super::sheet::Sheet;
use super::tools::Tool;
use super::world::{PRIVATE, SECRET};

/// Who writes, reads and lists; who reads what those wrote; and who writes and sees nothing.
const PRESETS: [&str; 3] = ["read-write", "read", "write"];

/// The cards, and how they are called in the table.
const CARDS: [(&str, Tool); 7] = [
    ("s3cmd", Tool::S3cmd),
    ("aws (v1)", Tool::Aws1),
    ("aws (v2)", Tool::Aws2),
    ("rclone", Tool::Rclone),
    ("restic", Tool::Restic),
    ("duplicity", Tool::Duplicity),
    ("boto3", Tool::Boto3),
];

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    sheet.check("owner: `bailiwick bucket create`", || desk.world().bucket(&desk.bucket));
    for (called, tool) in CARDS {
        for preset in PRESETS {
            let without = preset == "write" && matches!(tool, Tool::Restic | Tool::Duplicity);
            let does = match preset {
                _ if without => "says which preset it needs",
                "read" => "pasted: it lists and downloads",
                "write" => "pasted: it uploads",
                _ => "pasted: it uploads and lists",
            };
            sheet.check(&format!("`share --preset {preset}`, the card for {called}, {does}"), || match without {
                true => desk.card(preset, called).and_then(|card| says(&card, &format!("--preset {called} for it"))),
                false => paste(desk, tool, preset),
            });
        }
        sheet.check(&format!("refused: another bucket, with the card for {called}"), || elsewhere(desk, tool));
    }
    sheet.check("`share --for env`: boto3 with nothing but these variables uploads and lists", || env(desk));
    sheet.check(
        "`share --for cyberduck` is a bookmark that Python's plistlib reads, with the keys that Cyberduck documents",
        || cyberduck(desk),
    );
}

fn paste(desk: &Desk, tool: Tool, preset: &str) -> Result<(), Failure> {
    let card = Pasted::new(desk, tool, preset)?;
    if preset == "read" {
        // It has to be brought, not to be there already.
        let file = card.path("FILE");
        let moved = std::fs::rename(&file, card.path("sent"));
        let moved = moved.and_then(|()| std::fs::rename(card.path("DIRECTORY"), card.path("sent-directory")));
        moved.map_err(|error| error.to_string())?;
        let ran = card.as_it_stands()?.done()?;
        return match tool {
            Tool::Restic => ran.says("restoring").map(drop),
            Tool::Duplicity => same_tree(&card.path("sent-directory"), &card.path("DIRECTORY")),
            _ => ran.says("FILE").and_then(|_| same(&card.path("sent"), &file)),
        };
    }
    let ran = card.as_it_stands()?.done()?;
    match tool {
        Tool::Restic => ran.says("snapshot").map(drop),
        Tool::Duplicity => ran.says("Errors 0")?.says("Full").map(drop),
        _ if preset == "write" => Ok(()),
        _ => ran.says("FILE").map(drop),
    }
}

/// The card that can do most, on another bucket.
fn elsewhere(desk: &Desk, tool: Tool) -> Result<(), Failure> {
    let card = Pasted::new(desk, tool, PRESETS[0])?;
    let secret = format!("{PRIVATE}/{SECRET}");
    let words = match tool {
        Tool::S3cmd => format!("get --force s3://{secret} stolen"),
        Tool::Rclone => format!("copyto bailiwick:{secret} stolen"),
        Tool::Restic => format!("-r s3:{}/{PRIVATE} snapshots", desk.endpoint()),
        Tool::Duplicity => format!("collection-status boto3+s3://{PRIVATE}/backups"),
        Tool::Boto3 => format!("sed -i 's/\"{}\"/\"{PRIVATE}\"/' card.py\npython card.py", desk.bucket),
        _ => format!("s3 cp s3://{secret} stolen"),
    };
    card.run(&words)?.refused()
}

/// A program that was told of the service by its environment alone.
const OF_ENVIRONMENT: &str = "\
import os, boto3
s3, bucket = boto3.client('s3'), os.environ['S3_BUCKET']
s3.put_object(Bucket=bucket, Key=os.environ['S3_PREFIX'] + 'by environment', Body=b'x')
print([found['Key'] for found in s3.list_objects_v2(Bucket=bucket)['Contents']])
";

fn env(desk: &Desk) -> Result<(), Failure> {
    let card = desk.card(PRESETS[0], "env")?;
    let set = card.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let program = desk.program(Tool::Boto3)?.args(["-c", OF_ENVIRONMENT]);
    // An empty word is quoted, as a shell and an env file want it.
    let program = set.fold(program, |program, (name, value)| program.env(name, value.trim_matches('\'')));
    program.run()?.done()?.says("by environment").map(drop)
}

/// A bookmark's keys: <https://docs.cyberduck.io/cyberduck/bookmarks/>, and those of a connection profile, which it may
/// set beside them.
const READS_BOOKMARK: &str = "\
import plistlib, sys
found = plistlib.load(open('bailiwick.duck', 'rb'))
texts = ['Protocol', 'Nickname', 'Hostname', 'Port', 'Username', 'Path', 'Region']
assert sorted(found) == sorted(texts + ['Custom']), found
assert all(isinstance(found[name], str) and found[name] for name in texts), found
assert found['Protocol'] == 's3' and found['Port'].isdigit(), found
assert found['Custom'] == {'s3.bucket.virtualhost.disable': 'true'}, found
print(found['Path'], found['Hostname'] + ':' + found['Port'])
";

fn cyberduck(desk: &Desk) -> Result<(), Failure> {
    write(&desk.path("bailiwick.duck"), desk.card(PRESETS[0], "cyberduck")?.as_bytes())?;
    let read = desk.program(Tool::Boto3)?.args(["-c", READS_BOOKMARK]).run()?.done()?;
    let host = desk.endpoint().trim_start_matches("http://");
    read.says(&format!("/{} {host}", desk.bucket)).map(drop)
}

fn says(card: &str, words: &str) -> Result<(), Failure> {
    if card.contains(words) { Ok(()) } else { Err(format!("the card does not say `{words}`:\n{card}")) }
}
