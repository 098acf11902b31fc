//! What looking after the store answers, as a person wants to see it.

use super::counted;
use super::table::{list, pairs};
use crate::admin::{BackupView, CompactView, DamageView, LastBackupView, ScrubView, StatusView, VerifyView};

pub(crate) fn verified(found: &VerifyView) -> String {
    let read = if found.deep { format!(", {} read", size(found.bytes_read)) } else { String::new() };
    let mut text = pairs([
        ("records", counted(found.rows, "row", "rows")),
        ("objects", format!("{}, {}", found.objects, size(found.bytes))),
        ("bodies", format!("{}{read}", found.bodies)),
        ("ledger", counted(found.events, "event", "events")),
    ]);
    text.push_str(&damage(&found.damage, found.more_damage));
    if found.damage.is_empty() {
        text.push_str(if found.deep {
            "\nAll of it is as it was written.\n"
        } else {
            "\nAll of it is there and fits together. `--deep` reads every byte of every body too.\n"
        });
    }
    text
}

pub(super) fn status(status: &StatusView) -> String {
    let damaged = status.scrub.as_ref().map_or(0, |scrub| scrub.damage.len() as u64 + scrub.more_damage);
    let failed = status.scrub.as_ref().and_then(|scrub| scrub.failed.as_ref());
    let state = match (&status.trouble, damaged) {
        (Some(trouble), _) => trouble.clone(),
        (None, 0) => match failed {
            Some(why) => format!("the last scrub came to no end: {why}"),
            None => "well".to_owned(),
        },
        (None, _) => format!("{} damaged, see below", counted(damaged, "thing is", "things are")),
    };
    let last = status.last_backup.as_ref();
    let last_backup = |last: &LastBackupView| match last.lacks {
        0 => format!("{} to {}", last.made, last.place),
        lacks => format!("{} to {}, without {lacks} that could not be read", last.made, last.place),
    };
    let mut text = pairs([
        ("state", state),
        ("version", status.version.clone()),
        ("up for", indicatif::HumanDuration(std::time::Duration::from_secs(status.uptime_seconds)).to_string()),
        ("accounts", status.accounts.to_string()),
        ("buckets", status.buckets.to_string()),
        ("objects", format!("{}, {}", status.objects, size(status.bytes))),
        ("last backup", last.map_or_else(|| "never".to_owned(), last_backup)),
        ("scrub", status.scrub.as_ref().map_or_else(|| "never".to_owned(), scrub)),
    ]);
    if let Some(scrub) = &status.scrub {
        text.push_str(&damage(&scrub.damage, scrub.more_damage));
    }
    text
}

fn scrub(scrub: &ScrubView) -> String {
    let now = match (&scrub.running, scrub.bytes_per_second) {
        (Some(progress), rate) => {
            let of = progress.of.map(|of| format!(" of {}", size(of))).unwrap_or_default();
            format!("{}{of} read, at {} a second", size(progress.done), size(rate))
        }
        (None, 0) => "off".to_owned(),
        (None, _) => "waits for its next round".to_owned(),
    };
    match &scrub.last_finished {
        Some(at) => format!("{now}; last finished {at}"),
        None => format!("{now}; never finished yet"),
    }
}

pub(super) fn backed_up(backup: &BackupView) -> String {
    let lines = pairs([
        ("backup", backup.id.clone()),
        ("place", backup.place.clone()),
        ("shows", backup.made.clone()),
        (
            "holds",
            format!(
                "{}, {} of {}",
                counted(backup.rows, "row", "rows"),
                counted(backup.bodies, "body", "bodies"),
                size(backup.bytes)
            ),
        ),
        (
            "sent",
            format!(
                "{}, {}, {} in all; the rest was there",
                counted(backup.chunks_sent, "chunk of rows", "chunks of rows"),
                counted(backup.bodies_sent, "body", "bodies"),
                size(backup.bytes_sent)
            ),
        ),
    ]);
    format!(
        "{lines}\nThe master key is not in it, and without the key it is of no use: keep a copy of the key apart from it.\n"
    )
}

pub(super) fn compacted(done: &CompactView) -> String {
    format!("the log had {} and has {}\n", size(done.bytes_before), size(done.bytes_after))
}

/// A table of what is damaged; nothing if nothing is.
pub(super) fn damage(damage: &[DamageView], more: u64) -> String {
    if damage.is_empty() {
        return String::new();
    }
    let rows = damage.iter().map(|one| vec![one.what.clone(), one.problem.clone(), one.remedy.clone()]);
    let mut text = format!("\n{}", list(&["DAMAGED", "WHAT WAS FOUND", "WHAT CAN BE DONE"], &[], rows, "nothing"));
    if more > 0 {
        text.push_str(&format!("… and {more} more\n"));
    }
    text
}

/// Bytes, in the unit that a person would use.
pub(super) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
