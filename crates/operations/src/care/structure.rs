//! The structure, at one moment: every row can be read, what belongs together agrees, nothing is named twice, and the
//! counters of what is stored are the sums over it.
//!
//! Memory: what is counted by bucket and key, unfinished uploads, and the open pairs.

use std::collections::{HashMap, HashSet};

use catalog::audit::{self, Row};
use identity::Directory;
use kv::{Entry, Key, Snapshot};
use ledger::UsageKey;
use model::{AccountId, BucketName, CanonicalId, UploadId};

use super::findings::name_of;
use super::pairs::{Lack, Pairs};
use super::{Findings, Teller};
use crate::upkeep::is_ours;

/// Bytes of rows read at a time.
const PAGE_BYTES: usize = 1 << 20;

/// What was counted on the way.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sums {
    pub rows: u64,
    pub objects: u64,
    pub bytes: u64,
}

/// Calls `with` for each row that can be read, and `damaged` with the key of each other. Blocks.
///
/// # Errors
/// The first failure that is not a single row's.
pub(super) fn each(
    snapshot: &Snapshot,
    mut with: impl FnMut(Entry),
    mut damaged: impl FnMut(&Key, kv::Error),
) -> Result<(), kv::Error> {
    let mut after: Option<Key> = None;
    loop {
        match next(snapshot, &mut after, PAGE_BYTES)? {
            Next::End => return Ok(()),
            Next::Rows(rows) => rows.into_iter().for_each(&mut with),
            Next::Damaged(key, error) => damaged(&key, error),
        }
    }
}

/// What comes next in a snapshot.
pub(super) enum Next {
    /// These rows, at least one.
    Rows(Vec<Entry>),
    /// A row that cannot be read.
    Damaged(Key, kv::Error),
    End,
}

/// What comes after the key `after`, which is moved on: rows of about `most_bytes`, or one that cannot be read. Blocks.
///
/// # Errors
/// A failure that is not a single row's.
pub(super) fn next(snapshot: &Snapshot, after: &mut Option<Key>, most_bytes: usize) -> Result<Next, kv::Error> {
    match snapshot.rows(after.as_ref(), most_bytes) {
        Ok(rows) if rows.is_empty() => Ok(Next::End),
        Ok(rows) => {
            *after = rows.last().map(|row| row.key.clone());
            Ok(Next::Rows(rows))
        }
        // Also where the device cannot be read: what lies behind such a place can.
        Err(error @ (kv::Error::Corrupt(_) | kv::Error::Io(_))) => {
            let Some(key) = snapshot.key_after(after.as_ref())? else { return Err(error) };
            *after = Some(key.clone());
            Ok(Next::Damaged(key, error))
        }
        Err(error) => Err(error),
    }
}

/// Looks at all of it. Blocks.
///
/// # Errors
/// If the store cannot be read at all.
pub(super) fn check(
    snapshot: &Snapshot,
    directory: &Directory,
    findings: &mut Findings,
    teller: &Teller,
) -> Result<Sums, kv::Error> {
    let mut pass =
        Pass { directory, known: Known::default(), sums: Sums::default(), counted: HashMap::new(), unread: 0 };
    let mut pairs = Pairs::new();
    teller.begin("reading rows", "rows", None);
    {
        let told = std::cell::RefCell::new((&mut *findings, &mut pass, &mut pairs));
        each(
            snapshot,
            |entry| {
                let (findings, pass, pairs) = &mut *told.borrow_mut();
                pass.sums.rows += 1;
                teller.add(1);
                pass.first(&entry, pairs, findings);
            },
            |key, error| {
                let (findings, pass, pairs) = &mut *told.borrow_mut();
                pass.unread += 1;
                pass.meet(key, pairs);
                findings.row(key, error);
            },
        )?;
    }
    pass.compare_counters(findings);
    loop {
        if !pairs.are_complete() {
            pass.name_left_over(snapshot, &pairs, findings)?;
        }
        let Some(next) = pairs.next() else { return Ok(pass.sums) };
        pairs = next;
        let met = std::cell::RefCell::new(&mut pairs);
        each(
            snapshot,
            |entry| pass.pair(&entry, &mut met.borrow_mut()),
            |key, _| pass.meet(key, &mut met.borrow_mut()),
        )?;
    }
}

/// What later rows refer to.
#[derive(Default)]
struct Known {
    buckets: HashMap<BucketName, (AccountId, CanonicalId)>,
    uploads: HashMap<UploadId, BucketName>,
}

struct Pass<'a> {
    directory: &'a Directory,
    known: Known,
    sums: Sums,
    /// Bytes and objects: what the counters say, less what is there.
    counted: HashMap<UsageKey, (i64, i64)>,
    /// Rows that say nothing, because they are damaged.
    unread: u64,
}

impl Pass<'_> {
    /// The first look at a row.
    fn first(&mut self, entry: &Entry, pairs: &mut Pairs, findings: &mut Findings) {
        self.meet(&entry.key, pairs);
        if let Some(row) = audit::row(entry) {
            match row {
                Ok(row) => self.of_catalog(entry, &row, pairs, findings),
                Err(error) => self.cannot_read(entry, error, findings),
            }
        } else if let Some(expected) = self.directory.audit(entry) {
            match expected {
                Ok(expected) => expected.iter().for_each(|key| pairs.expected(key)),
                Err(error) => self.cannot_read(entry, error, findings),
            }
        } else if let Some(row) = ledger::audit(entry) {
            match row {
                Ok(ledger::Row::BytesStored(of, count)) => self.counted.entry(of).or_default().0 += count,
                Ok(ledger::Row::Objects(of, count)) => self.counted.entry(of).or_default().1 += count,
                Ok(_) => {}
                Err(error) => self.cannot_read(entry, error, findings),
            }
        } else if !is_ours(&entry.key) {
            findings.row(&entry.key, "it is of no table that this program knows");
        }
    }

    fn cannot_read(&mut self, entry: &Entry, error: impl ToString, findings: &mut Findings) {
        self.unread += 1;
        findings.row(&entry.key, error);
    }

    fn of_catalog(&mut self, entry: &Entry, row: &Row, pairs: &mut Pairs, findings: &mut Findings) {
        match row {
            Row::Bucket(bucket) => {
                self.known.buckets.insert(bucket.name.clone(), (bucket.owner.clone(), bucket.owner_canonical.clone()));
            }
            Row::Tags(bucket) if !self.known.buckets.contains_key(bucket) => {
                findings.row(&entry.key, "there is no such bucket");
            }
            Row::Object(bucket, object) => {
                self.sums.objects += 1;
                self.sums.bytes += object.len;
                self.stored(bucket, &object.cause, object.len, 1, entry, findings);
            }
            Row::Upload(upload) => {
                self.known.uploads.insert(upload.id.clone(), upload.bucket.clone());
                if !self.known.buckets.contains_key(&upload.bucket) {
                    findings.row(&entry.key, "there is no such bucket");
                }
            }
            Row::Part(upload, part) => match self.known.uploads.get(upload).cloned() {
                Some(bucket) => self.stored(&bucket, &part.cause, part.len, 0, entry, findings),
                None => findings.row(&entry.key, "there is no such upload"),
            },
            Row::Tags(_) | Row::Manifest(..) | Row::Companion => {}
        }
        self.expect(row, pairs);
    }

    fn stored(
        &mut self,
        bucket: &BucketName,
        cause: &str,
        len: u64,
        objects: i64,
        entry: &Entry,
        findings: &mut Findings,
    ) {
        let Some((owner, _)) = self.known.buckets.get(bucket) else {
            return findings.row(&entry.key, "there is no such bucket");
        };
        let of = UsageKey { owner: owner.clone(), bucket: bucket.clone(), cause: cause.to_owned() };
        let (bytes, count) = self.counted.entry(of).or_default();
        *bytes -= i64::try_from(len).unwrap_or(i64::MAX);
        *count -= objects;
    }

    fn meet(&self, key: &Key, pairs: &mut Pairs) {
        if audit::is_companion(key) || Directory::is_companion(key) {
            pairs.found(key);
        }
    }

    fn expect(&self, row: &Row, pairs: &mut Pairs) {
        self.companions(row).iter().for_each(|key| pairs.expected(key));
    }

    fn companions(&self, row: &Row) -> Vec<Key> {
        let owner = match row {
            Row::Object(bucket, _) => self.known.buckets.get(bucket).map(|(_, canonical)| canonical),
            _ => None,
        };
        audit::companions(row, owner)
    }

    fn expected_by(&self, entry: &Entry) -> Vec<Key> {
        match audit::row(entry) {
            Some(Ok(row)) => self.companions(&row),
            Some(Err(_)) => vec![],
            None => self.directory.audit(entry).and_then(Result::ok).unwrap_or_default(),
        }
    }

    /// A further look, for pairs alone.
    fn pair(&self, entry: &Entry, pairs: &mut Pairs) {
        self.meet(&entry.key, pairs);
        self.expected_by(entry).iter().for_each(|key| pairs.expected(key));
    }

    fn compare_counters(&self, findings: &mut Findings) {
        if self.unread > 0 {
            // What could not be read is missing in the sums, and was told already.
            return;
        }
        let mut wrong: Vec<_> = self.counted.iter().filter(|(_, difference)| **difference != (0, 0)).collect();
        wrong.sort();
        for (of, (bytes, objects)) in wrong {
            let what = format!("usage of bucket {} by {}", of.bucket, cause(&of.cause));
            findings
                .whole(&what, format!("the counters are {bytes:+} bytes and {objects:+} objects off what is stored"));
        }
    }

    /// Finds out what the left over keys are.
    fn name_left_over(&self, snapshot: &Snapshot, pairs: &Pairs, findings: &mut Findings) -> Result<(), kv::Error> {
        let mut there = HashSet::new();
        let mut without_reason = vec![];
        let mut meet = |key: &Key| match pairs.lack(key) {
            _ if !(audit::is_companion(key) || Directory::is_companion(key)) => {}
            Some(Lack::Reason) if self.unread == 0 => without_reason.push(key.clone()),
            Some(Lack::Row) => drop(there.insert(key.clone())),
            _ => {}
        };
        let mut keys = vec![];
        each(snapshot, |entry| meet(&entry.key), |key, _| keys.push(key.clone()))?;
        keys.iter().for_each(&mut meet);
        without_reason.iter().for_each(|key| findings.row(key, "nothing says what it is for"));
        each(
            snapshot,
            |entry| {
                for key in self.expected_by(&entry) {
                    if pairs.lack(&key) == Some(Lack::Row) {
                        let name = name_of(&key);
                        let problem = match there.contains(&key) {
                            true => format!("{name} is also named by another record"),
                            false => format!("{name}, which belongs to it, is missing"),
                        };
                        findings.row(&entry.key, problem);
                    }
                }
            },
            |_, _| {},
        )
    }
}

fn cause(cause: &str) -> &str {
    if cause.is_empty() { "anonymous requests" } else { cause }
}
