//! Usage: counters by owner, bucket and causing key.

use kv::{Engine, Key, KeyRange, Write};
use model::{AccountId, BucketName};

use crate::{Error, corrupt};

/// Whom a line of usage is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsageKey {
    /// Who pays: the bucket's owner.
    pub owner: AccountId,
    /// The bucket.
    pub bucket: BucketName,
    /// Which key caused it: an access key id, empty for anonymous, `operator`.
    pub cause: String,
}

/// Counts; as a change of counts they may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes stored now, parts of unfinished uploads included.
    pub bytes_stored: i64,
    /// Objects stored now.
    pub objects: i64,
    /// Requests answered.
    pub requests: i64,
    /// Bytes of bodies received.
    pub bytes_in: i64,
    /// Bytes of bodies sent.
    pub bytes_out: i64,
}

impl Usage {
    pub(crate) fn values(&self) -> [i64; 5] {
        [self.bytes_stored, self.objects, self.requests, self.bytes_in, self.bytes_out]
    }

    fn slot(&mut self, index: usize) -> Option<&mut i64> {
        [&mut self.bytes_stored, &mut self.objects, &mut self.requests, &mut self.bytes_in, &mut self.bytes_out]
            .into_iter()
            .nth(index)
    }

    /// Adds `other`; saturates.
    pub fn add(&mut self, other: &Usage) {
        for (index, value) in other.values().into_iter().enumerate() {
            if let Some(slot) = self.slot(index) {
                *slot = slot.saturating_add(value);
            }
        }
    }
}

/// `U/OWNER/BUCKET/CAUSE/COUNTER`, the counter as its place among the five, one byte.
fn key(of: &UsageKey, index: usize) -> Key {
    let text = format!("U/{}/{}/{}/", of.owner, of.bucket, of.cause);
    [text.as_bytes(), &[index as u8]].concat().into()
}

/// Up to where counters of what is stored may grow; `None`: without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ceilings {
    /// See [`Usage::bytes_stored`].
    pub bytes_stored: Option<i64>,
    /// See [`Usage::objects`].
    pub objects: Option<i64>,
}

/// The writes that add `delta` to the usage of `of`; counters that do not change are left alone.
pub fn add(of: &UsageKey, delta: &Usage) -> impl Iterator<Item = Write> {
    add_within(of, delta, Ceilings::default())
}

/// The same, as long as no counter that grows gets past its ceiling: then the commit fails there.
pub fn add_within(of: &UsageKey, delta: &Usage, ceilings: Ceilings) -> impl Iterator<Item = Write> {
    let ceilings = [ceilings.bytes_stored, ceilings.objects, None, None, None];
    let counters = delta.values().into_iter().zip(ceilings).enumerate();
    let changed = counters.filter(|(_, (delta, _))| *delta != 0);
    changed.map(|(index, (delta, ceiling))| Write::Add { key: key(of, index), delta, ceiling })
}

/// What is stored of each of `of`, in that order; nothing yet is 0.
pub(crate) async fn stored(engine: &dyn Engine, of: &[UsageKey]) -> Result<Vec<Usage>, Error> {
    if of.is_empty() {
        return Ok(vec![]);
    }
    let counters = Usage::default().values().len();
    let keys: Vec<Key> = of.iter().flat_map(|of| (0..counters).map(|index| key(of, index))).collect();
    let found = engine.get_many(&keys).await?;
    let mut all = vec![Usage::default(); of.len()];
    for (at, entry) in found.into_iter().enumerate() {
        let Some(entry) = entry else { continue };
        let bad = || corrupt(0, &format!("usage under {} is malformed", entry.key.escape_ascii()));
        let value = kv::decode_counter(&entry.value).ok_or_else(bad)?;
        *all[at / counters].slot(at % counters).ok_or_else(bad)? = value;
    }
    Ok(all)
}

pub(crate) async fn read(engine: &dyn Engine, owner: Option<&AccountId>) -> Result<Vec<(UsageKey, Usage)>, Error> {
    let prefix = owner.map_or_else(|| "U/".to_owned(), |owner| format!("U/{owner}/"));
    let mut range = KeyRange::prefix(Key::from(prefix.into_bytes()));
    let mut rows: Vec<(UsageKey, Usage)> = vec![];
    loop {
        let page = engine.scan(range.clone(), 1000).await?;
        let Some(last) = page.entries.last().map(|e| e.key.clone()) else { return Ok(sorted(rows)) };
        for entry in page.entries {
            let bad = || corrupt(0, &format!("usage under {} is malformed", entry.key.escape_ascii()));
            let (of, index) = parse(&entry.key).ok_or_else(bad)?;
            let value = kv::decode_counter(&entry.value).ok_or_else(bad)?;
            if rows.last().is_none_or(|(key, _)| *key != of) {
                rows.push((of, Usage::default()));
            }
            if let Some((_, usage)) = rows.last_mut() {
                *usage.slot(index).ok_or_else(bad)? = value;
            }
        }
        if !page.more {
            return Ok(sorted(rows));
        }
        range.start = [last.as_ref(), b"\0"].concat().into();
    }
}

/// Keys sort by their bytes, in which a bucket's name ends with a slash: `a-b` before `a`.
fn sorted(mut rows: Vec<(UsageKey, Usage)>) -> Vec<(UsageKey, Usage)> {
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows
}

pub(crate) fn parse(key: &[u8]) -> Option<(UsageKey, usize)> {
    let (index, text) = key.split_last()?;
    let mut parts = std::str::from_utf8(text).ok()?.split('/');
    let (Some("U"), Some(owner), Some(bucket), Some(cause), Some(""), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let of =
        UsageKey { owner: AccountId::new(owner).ok()?, bucket: BucketName::new(bucket).ok()?, cause: cause.to_owned() };
    Some((of, usize::from(*index)))
}
