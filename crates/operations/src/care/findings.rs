//! What was found damaged, by name, as much of it as anybody reads.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::admin::DamageView;

/// Most that are listed; the rest is counted.
const LISTED: usize = 1000;

const FROM_BACKUP: &str =
    "restore a backup into a new directory (`bailiwick restore`) and use that, or copy from there";

/// What was found damaged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    pub listed: Vec<DamageView>,
    pub more: u64,
    /// The same as in `listed`, for who wants to see it meanwhile.
    pub shared: Option<Arc<Mutex<Vec<DamageView>>>>,
}

impl Findings {
    /// The bytes of an object, or of a part of an upload, are not what was written.
    pub fn body(&mut self, what: &str, problem: impl ToString) {
        self.add(what, problem, "write it again, or take it from a backup: `bailiwick restore` into a new directory, and copy it from there");
    }

    /// A row is not what was written.
    pub fn row(&mut self, key: &[u8], problem: impl ToString) {
        self.add(&name_of(key), problem, FROM_BACKUP);
    }

    /// Something about the whole is not as it must be.
    pub fn whole(&mut self, what: &str, problem: impl ToString) {
        self.add(what, problem, FROM_BACKUP);
    }

    fn add(&mut self, what: &str, problem: impl ToString, remedy: &str) {
        let problem = problem.to_string();
        tracing::error!(what, problem, "damage was found");
        if self.listed.len() < LISTED {
            let damage = DamageView { what: what.into(), problem, remedy: remedy.into() };
            if let Some(shared) = &self.shared {
                shared.lock().push(damage.clone());
            }
            self.listed.push(damage);
        } else {
            self.more += 1;
        }
    }
}

/// What people call the row: an object by bucket and key, any other by its key.
pub(crate) fn name_of(key: &[u8]) -> String {
    let object = key.strip_prefix(b"o/").and_then(|rest| {
        let at = rest.iter().position(|byte| *byte == 0)?;
        Some(format!("object {}/{}", rest[..at].escape_ascii(), std::str::from_utf8(&rest[at + 1..]).ok()?))
    });
    object.unwrap_or_else(|| format!("row {}", key.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_called_by_bucket_and_key_and_any_other_row_by_its_key() {
        assert_eq!(name_of(b"o/b\0a/\xc3\xa9"), "object b/a/é");
        assert_eq!(name_of(b"R/\x00\x01"), "row R/\\x00\\x01");
        assert_eq!(name_of(b"o/b"), "row o/b");
    }

    #[test]
    fn only_so_many_are_listed_and_the_rest_is_counted() {
        let mut findings = Findings::default();
        (0..LISTED + 7).for_each(|_| findings.row(b"R/x", "it is gone"));
        assert_eq!((findings.listed.len(), findings.more), (LISTED, 7));
    }
}
