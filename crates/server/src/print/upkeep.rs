//! What looking after the store answers, as a person wants to see it.

use super::counted;
use super::table::{list, pairs};
use crate::admin::{DamageView, VerifyView};

pub(super) fn verified(found: &VerifyView) -> String {
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
