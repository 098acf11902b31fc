//! The presets for backups: a key that leaks cannot destroy them.

use super::{Owner, aws_elsewhere, elsewhere, every_request, pasted, rclone_elsewhere, refused};
use crate::clients::desk::Desk;
use crate::clients::files::{MIB, noise, same_tree, write};
use crate::clients::sheet::Sheet;
use crate::clients::tools::Tool;
use crate::clients::world::PRIVATE;
use crate::process::Failure;

/// `backup`: what is new comes in and can be read; nothing is replaced or removed.
pub(crate) fn backup(desk: &Desk, sheet: &mut Sheet) {
    let (owner, at) = (Owner { desk }, &desk.bucket);
    pasted(desk, Tool::Aws2, "backup", sheet, |card, sheet| {
        sheet.check("the card, pasted: `aws s3 cp` and `ls`", || card.as_it_stands()?.done()?.says("FILE").map(drop));
        sheet.check("`aws s3 sync` up, in parts where it is large, and again when there is more", || {
            write(&card.path("DIRECTORY/large.bin"), &noise(91, 20 * MIB))?;
            card.run(&format!("s3 sync DIRECTORY s3://{at}/tree"))?.done()?.says("upload:")?;
            write(&card.path("DIRECTORY/later.txt"), b"written later\n")?;
            let again = card.run(&format!("s3 sync DIRECTORY s3://{at}/tree"))?.done()?;
            again.says("later.txt")?.says_nothing_of("dump.tar").map(drop)
        });
        sheet.check("`aws s3 sync` down restores the same files", || {
            restored(card.run(&format!("s3 sync s3://{at}/tree restored")), card)
        });
        let changed = write(&card.path("changed/dump.tar"), &noise(92, MIB))
            .and_then(|_| write(&card.path("changed/large.bin"), &noise(93, 18 * MIB)));
        sheet.check("refused: `aws s3 cp` and `sync` over what is there, in one request and in parts", || {
            changed.as_ref().map_err(Clone::clone)?;
            card.run(&format!("s3 cp changed/dump.tar s3://{at}/tree/dump.tar"))?.refused()?;
            card.run(&format!("s3 cp changed/large.bin s3://{at}/tree/large.bin"))?.refused()?;
            card.run(&format!("s3 sync changed s3://{at}/tree"))?.refused()?;
            card.run(&format!("s3 cp s3://{at}/FILE s3://{at}/tree/dump.tar"))?.refused()
        });
        let (rm, mv) = (format!("s3 rm --recursive s3://{at}"), format!("s3 mv s3://{at}/FILE s3://{at}/moved"));
        let sync = format!("s3 sync --delete changed s3://{at}");
        refused(card, sheet, &[("`aws s3 rm --recursive`", rm), ("`aws s3 mv`", mv), ("`aws s3 sync --delete`", sync)]);
        sheet.check("after all that, `aws s3 sync` down restores the same files", || {
            std::fs::remove_dir_all(card.path("restored")).map_err(|error| error.to_string())?;
            restored(card.run(&format!("s3 sync s3://{at}/tree restored")), card)
        });
        elsewhere(card, "aws", sheet, &aws_elsewhere());
    });
    pasted(desk, Tool::Rclone, "backup", sheet, |card, sheet| {
        sheet.check("`rclone copy` up, `check`, and again with nothing to do", || {
            card.run(&format!("copy DIRECTORY bailiwick:{at}/by-rclone"))?.done()?;
            card.run(&format!("check DIRECTORY bailiwick:{at}/by-rclone"))?.done()?.says("0 differences found")?;
            let again = card.run(&format!("copy --verbose DIRECTORY bailiwick:{at}/by-rclone"))?.done()?;
            again.says_nothing_of("Copied").map(drop)
        });
        sheet.check("`rclone copy` down restores the same files", || {
            restored(card.run(&format!("copy bailiwick:{at}/by-rclone restored")), card)
        });
        let copy = format!("copyto FILE bailiwick:{at}/by-rclone/dump.tar");
        let sync = format!("sync changed bailiwick:{at}/by-rclone");
        sheet.check("refused: `rclone copyto` over what is there, and `sync`, which would remove what is gone", || {
            write(&card.path("changed/new"), b"new\n")?;
            card.run(&copy)?.refused()?;
            card.run(&sync)?.refused()?;
            card.run(&format!("delete bailiwick:{at}/by-rclone"))?.refused()?;
            owner.finds("by-rclone/dump.tar", &card.path("DIRECTORY/dump.tar"))
        });
        elsewhere(card, "rclone", sheet, &rclone_elsewhere());
    });
    every_request(desk, "backup", sheet);
}

/// What was brought down must be the tree.
fn restored(ran: Result<crate::process::Ran, Failure>, card: &super::Pasted) -> Result<(), Failure> {
    ran?.done()?;
    same_tree(&card.path("DIRECTORY"), &card.path("restored"))
}

/// `restic`: it takes a lock and drops it again, and can remove nothing else.
pub(crate) fn restic(desk: &Desk, sheet: &mut Sheet) {
    let owner = Owner { desk };
    pasted(desk, Tool::Restic, "restic", sheet, |card, sheet| {
        sheet.check("the card, pasted: `restic init` and `backup`", || {
            card.as_it_stands()?.done()?.says("created restic repository")?.says("snapshot").map(drop)
        });
        sheet.check("`restic backup` again, with 20 MiB more, and `snapshots`", || {
            write(&card.path("DIRECTORY/large.bin"), &noise(94, 20 * MIB))?;
            card.run("backup DIRECTORY")?.done()?.says("snapshot")?;
            card.run("snapshots")?.done()?.says("2 snapshots").map(drop)
        });
        sheet.check("each run has removed its lock; `restic unlock --remove-all` removes one that was left", || {
            no_lock(&owner)?;
            owner.puts(&card.path("FILE"), "locks/0000000000000000000000000000000000000000000000000000000000000000")?;
            card.run("unlock --remove-all")?.done()?;
            no_lock(&owner)
        });
        sheet.check("`restic check --read-data`, for which it locks the repository to itself", || {
            card.run("check --read-data")?.done()?.says("no errors were found").map(drop)
        });
        sheet.check("`restic restore latest` brings the same files", || {
            card.run("restore latest --target restored")?.done()?;
            let inner = card.path("DIRECTORY");
            let whole = card.path("restored").join(inner.strip_prefix("/").unwrap_or(&inner));
            let short = card.path("restored/DIRECTORY");
            same_tree(&inner, if short.is_dir() { &short } else { &whole })
        });
        sheet.check(
            "refused: `restic forget --keep-last 1 --prune`; both snapshots are there, and the repository is whole",
            || {
                let ran = card.run("forget --keep-last 1 --prune")?;
                if !ran.said().contains("Access Denied") {
                    return Err(ran.but("was not refused"));
                }
                card.run("snapshots")?.done()?.says("2 snapshots")?;
                card.run("check --read-data")?.done()?.says("no errors were found")?;
                no_lock(&owner)
            },
        );
        let there = format!("-r s3:{}/{PRIVATE}", desk.endpoint());
        elsewhere(card, "restic", sheet, &[format!("{there} init"), format!("{there} snapshots")]);
    });
    every_request(desk, "restic", sheet);
}

fn no_lock(owner: &Owner) -> Result<(), Failure> {
    match &owner.lists("locks/")?[..] {
        [] => Ok(()),
        left => Err(format!("locks are left: {left:?}")),
    }
}

/// `duplicity`: chains grow; the owner prunes them.
pub(crate) fn duplicity(desk: &Desk, sheet: &mut Sheet) {
    let owner = Owner { desk };
    let url = format!("boto3+s3://{}/backups", desk.bucket);
    pasted(desk, Tool::Duplicity, "duplicity", sheet, |card, sheet| {
        sheet.check("the card, pasted: `duplicity backup` and `collection-status`", || {
            card.as_it_stands()?.done()?.says("Errors 0")?.says("Full").map(drop)
        });
        sheet.check("`duplicity full` in volumes of 5 MB, `incremental` after a change, `collection-status`", || {
            write(&card.path("DIRECTORY/large.bin"), &noise(95, 12 * MIB))?;
            card.run(&format!("full --volsize 5 DIRECTORY {url}"))?.done()?.says("Errors 0")?;
            write(&card.path("DIRECTORY/later.txt"), b"written later\n")?;
            card.run(&format!("incremental DIRECTORY {url}"))?.done()?.says("Errors 0")?;
            card.run(&format!("collection-status {url}"))?.done()?.says("Incremental").map(drop)
        });
        sheet.check("`duplicity verify --compare-data`, and `restore` without a cache brings the same files", || {
            card.run(&format!("verify --compare-data {url} DIRECTORY"))?.done()?.says("0 difference(s) found")?;
            card.run(&format!("restore --archive-dir no-cache {url} restored"))?.done()?;
            same_tree(&card.path("DIRECTORY"), &card.path("restored"))
        });
        sheet.check("refused: `duplicity remove-all-but-n-full 1 --force`; every file of all chains is there", || {
            let before = owner.lists("backups/")?;
            let ran = card.run(&format!("remove-all-but-n-full 1 --force {url}"))?;
            if !ran.said().contains("AccessDenied") {
                return Err(ran.but("was not refused"));
            }
            if owner.lists("backups/")? != before {
                return Err(ran.but("removed something"));
            }
            card.run(&format!("verify --archive-dir another-cache {url} DIRECTORY"))?.done().map(drop)
        });
        let there = format!("boto3+s3://{PRIVATE}/backups");
        elsewhere(card, "duplicity", sheet, &[format!("full DIRECTORY {there}"), format!("collection-status {there}")]);
    });
    every_request(desk, "duplicity", sheet);
}
