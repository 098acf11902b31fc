//! Rows as they are met one after the other, by whoever looks after the store.

use kv::Entry;

use crate::{Error, Event, LOG, UsageKey, corrupt, usage};

/// A row of the ledger.
#[derive(Debug, PartialEq, Eq)]
pub enum Row {
    /// The log's head.
    Head,
    /// The event of that number.
    Event(u64),
    /// Bytes stored now, as they are counted.
    BytesStored(UsageKey, i64),
    /// Objects stored now, as they are counted.
    Objects(UsageKey, i64),
    /// A counter of requests or traffic.
    Traffic,
}

/// What the row is; `None` if it is none of the ledger's. The chain is [`Ledger::verify`](crate::Ledger::verify)'s.
///
/// # Errors
/// [`Error::Corrupt`] if it is not what such a row looks like.
pub fn audit(entry: &Entry) -> Option<Result<Row, Error>> {
    let (key, value) = (entry.key.as_ref(), &entry.value);
    if let Some(number) = key.strip_prefix(LOG) {
        return Some(match number.try_into().map(u64::from_be_bytes) {
            Ok(number) => match value.split_first_chunk::<32>() {
                Some((_, payload)) => Event::decode(number, payload).map(|_| Row::Event(number)),
                None => Err(corrupt(number, "the entry has no chain")),
            },
            Err(_) if number.is_empty() && value.len() == 40 => Ok(Row::Head),
            Err(_) => Err(corrupt(0, "the head, or an entry's key, is malformed")),
        });
    }
    key.starts_with(b"U/").then(|| {
        let bad = || corrupt(0, &format!("usage under {} is malformed", key.escape_ascii()));
        let (of, index) = usage::parse(key).ok_or_else(bad)?;
        let count = kv::decode_counter(value).ok_or_else(bad)?;
        match index {
            0 => Ok(Row::BytesStored(of, count)),
            1 => Ok(Row::Objects(of, count)),
            2..=4 => Ok(Row::Traffic),
            _ => Err(bad()),
        }
    })
}
