//! The seam: what an engine does, as data.

use async_trait::async_trait;
use bytes::Bytes;
use model::Revision;

use crate::{Answer, Conflict, Entry, Error};

/// A key: any bytes, ordered as bytes.
pub type Key = Bytes;

/// Keys from `start` (included) to `end` (excluded; `None`: to the last key there is).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// First key that belongs to it.
    pub start: Key,
    /// First key that does not.
    pub end: Option<Key>,
}

impl KeyRange {
    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: impl Into<Key>) -> Self {
        let start: Key = prefix.into();
        let end = successor(&start);
        KeyRange { start, end }
    }

    /// Whether `key` lies in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_ref() && self.end.as_ref().is_none_or(|end| key < end.as_ref())
    }
}

/// The first key after all that begin with `prefix`; `None` if there is none (`prefix` is empty or all 0xFF).
pub(crate) fn successor(prefix: &[u8]) -> Option<Key> {
    let keep = prefix.iter().rposition(|b| *b != 0xFF)?;
    let mut end = prefix[..=keep].to_vec();
    end[keep] += 1;
    Some(end.into())
}

/// Entries of one read, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most as many as were asked for.
    pub entries: Vec<Entry>,
    /// Whether the range holds more after the last of them.
    pub more: bool,
}

/// A page of a listing that folds keys at a delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Keys must begin with this. Folding looks only at what follows `root` and `prefix`.
    pub root: Key,
    /// And then with this: the part of the prefix that the user chose.
    pub prefix: Key,
    /// Fold keys that hold this after `root` and `prefix` into one common prefix, up to and with its first occurrence.
    pub delimiter: Option<Key>,
    /// Give only entries and common prefixes that sort after `root` + this. A common prefix equal to it, or before it,
    /// is not given again.
    pub after: Option<Key>,
    /// Most entries and common prefixes together; at least 1.
    pub limit: usize,
}

/// One line of a folded listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOrPrefix {
    /// A key that is not folded, whole, with `root`.
    Entry(Entry),
    /// A common prefix, without `root`, with its delimiter.
    Prefix(Key),
}

/// The answer to a [`ListQuery`], in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Entries and common prefixes in one order.
    pub items: Vec<EntryOrPrefix>,
    /// Whether there is more after the last of them.
    pub more: bool,
}

/// What must hold when a change is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Require {
    /// The key is there, as that commit left it.
    Unchanged(Key, Revision),
    /// The key is not there.
    Absent(Key),
    /// No key of the range is there.
    Vacant(KeyRange),
}

/// What a change does. Writes are applied in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Store, whatever was there.
    Put(Key, Bytes),
    /// Remove, if it is there.
    Delete(Key),
    /// Add to a counter (8 bytes, little-endian, two's complement; absent counts as 0). The commit fails with
    /// [`Conflict::Ceiling`] if the sum would exceed `ceiling`, and with [`Error::Corrupt`] if what is stored is no
    /// counter or the sum does not fit. A counter that reaches 0 stays, as 0.
    Add {
        /// The counter.
        key: Key,
        /// May be negative.
        delta: i64,
        /// The greatest sum allowed; checked only where `delta` is positive.
        ceiling: Option<i64>,
    },
    /// Append to a log: the entry gets the next number of that log, without gaps, and is chained to its predecessor.
    /// See [`log_entry_key`] for where it is stored; its value is 32 bytes of chain and then the payload, where
    /// chain = HMAC-SHA-256(log key, previous chain, or 32 zero bytes ‖ number as 8 bytes big-endian ‖ payload).
    Append {
        /// The log: a prefix that nothing else is stored under. The log's head (last number, 8 bytes big-endian, and
        /// last chain) is stored under this key itself.
        log: Key,
        /// What to append.
        payload: Bytes,
    },
}

/// Conditions and writes that are applied together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// All must hold.
    pub require: Vec<Require>,
    /// All are applied.
    pub write: Vec<Write>,
}

/// Proof that a change is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The revision that every key written by it now has.
    pub revision: Revision,
}

/// How a commit ended when the engine itself is well.
pub type Commit = Result<Receipt, Conflict>;

/// What an engine does.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// The entry under `key`.
    fn get<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Entry>> {
        Answer::later(async { Ok(self.get_many(std::slice::from_ref(key)).await?.pop().flatten()) })
    }

    /// The entries under `keys`, in that order.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>>;

    /// Whether each of these keys still has this revision, all of them at one moment. Whoever keeps what he made of the
    /// entries learns by it whether he may go on using that, without reading them again.
    fn unchanged<'a>(&'a self, rows: &'a [(Key, Revision)]) -> Answer<'a, bool>;

    /// The first `limit` entries of `range`.
    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, Error>;

    /// A page of a folded listing; an engine skips over a common prefix by seeking, not by reading it.
    async fn list(&self, query: ListQuery) -> Result<Listing, Error>;

    /// Applies `change` and returns when it is durable, or says which condition did not hold and changes nothing.
    ///
    /// # Errors
    /// [`Error::Poisoned`] once any write or sync of the engine has failed: whether the change of that moment holds is
    /// known only after the store was reopened. [`Error::Full`] if there was no room; nothing was changed and the
    /// engine goes on.
    async fn commit(&self, change: Change) -> Result<Commit, Error>;
}

/// Where the entry `number` (the first is 1) of `log` is stored: `log` ‖ number as 8 bytes big-endian.
pub fn log_entry_key(log: &[u8], number: u64) -> Key {
    [log, &number.to_be_bytes()].concat().into()
}

/// The value of a stored counter; `None` if the bytes are no counter.
pub fn decode_counter(value: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(value.try_into().ok()?))
}
