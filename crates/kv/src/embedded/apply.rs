//! One change against the state it finds: its conditions first, then its writes, all or none.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use model::Revision;
use redb::{ReadableTable, Table};

use super::failure::Failure;
use super::record::{self, corrupt};
use crate::chain::{Head, LogKey};
use crate::{Change, Conflict, Error, Key, KeyRange, Require, Write, decode_counter, log_entry_key};

pub(super) type Data<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// Why a change was not applied; it changed nothing.
#[derive(Debug)]
pub(super) enum Refused {
    Conflict(Conflict),
    Error(Error),
}

/// Applies `change` as `revision`, and appends the keys that it wrote to `wrote`. The outer error concerns the store, the inner one this change.
pub(super) fn apply(
    data: &mut Data<'_>,
    change: &Change,
    revision: Revision,
    log_key: &LogKey,
    wrote: &mut Vec<Key>,
) -> Result<Result<(), Refused>, Failure> {
    match plan(data, change, log_key) {
        Ok(effects) => {
            for (key, value) in effects {
                match value {
                    Some(value) => drop(data.insert(key.as_ref(), record::encode(&key, revision, &value).as_slice())?),
                    None => drop(data.remove(key.as_ref())?),
                }
                wrote.push(key);
            }
            Ok(Ok(()))
        }
        Err(Stop::Refused(refused)) => Ok(Err(refused)),
        Err(Stop::Failed(Failure::Told(error))) => Ok(Err(Refused::Error(error))),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

enum Stop {
    Refused(Refused),
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Failed(error.into())
    }
}

fn conflict(conflict: Conflict) -> Stop {
    Stop::Refused(Refused::Conflict(conflict))
}

/// What is to be stored (or, as `None`, removed) under which keys, once every condition was found to hold.
fn plan(data: &Data<'_>, change: &Change, log_key: &LogKey) -> Result<BTreeMap<Key, Option<Bytes>>, Stop> {
    for require in &change.require {
        check(data, require)?;
    }
    let mut view = View { data, written: BTreeMap::new() };
    for write in &change.write {
        match write {
            Write::Put(key, value) => view.set(key.clone(), Some(value.clone())),
            Write::Delete(key) => view.set(key.clone(), None),
            Write::Add { key, delta, ceiling } => {
                let old = match view.get(key)? {
                    None => 0,
                    Some(value) => decode_counter(&value).ok_or_else(|| corrupt("no counter", key))?,
                };
                let sum = old.checked_add(*delta).ok_or_else(|| corrupt("a counter out of its range", key))?;
                if *delta > 0 && ceiling.is_some_and(|ceiling| sum > ceiling) {
                    return Err(conflict(Conflict::Ceiling(key.clone())));
                }
                view.set(key.clone(), Some(Bytes::copy_from_slice(&sum.to_le_bytes())));
            }
            Write::Append { log, payload } => {
                let head = match view.get(log)? {
                    None => Head::EMPTY,
                    Some(value) => Head::decode(&value).ok_or_else(|| corrupt("no head of a log", log))?,
                };
                let (head, value) =
                    log_key.append(head, payload).ok_or_else(|| corrupt("a log without numbers left", log))?;
                let place = log_entry_key(log, head.number);
                if view.get(&place)?.is_some() {
                    return Err(corrupt("something where the log goes on", &place).into());
                }
                view.set(place, Some(value));
                view.set(log.clone(), Some(head.encode()));
            }
        }
    }
    Ok(view.written)
}

fn check(data: &Data<'_>, require: &Require) -> Result<(), Stop> {
    let offending = match require {
        Require::Unchanged(key, revision) => {
            let stored = data.get(key.as_ref())?;
            let found = stored.map(|stored| record::decode(key, stored.value()).map(|(found, _)| found)).transpose()?;
            (found != Some(*revision)).then(|| key.clone())
        }
        Require::Absent(key) => data.get(key.as_ref())?.map(|_| key.clone()),
        Require::Vacant(range) => first_in(data, range)?,
    };
    offending.map_or(Ok(()), |key| Err(conflict(Conflict::Changed(key))))
}

fn first_in(data: &Data<'_>, range: &KeyRange) -> Result<Option<Key>, Failure> {
    if range.end.as_ref().is_some_and(|end| *end <= range.start) {
        return Ok(None);
    }
    let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let first = data.range::<&[u8]>((Bound::Included(range.start.as_ref()), end))?.next().transpose()?;
    Ok(first.map(|(key, _)| Key::copy_from_slice(key.value())))
}

/// What is stored, with the writes of one change on top.
struct View<'a, 'txn> {
    data: &'a Data<'txn>,
    written: BTreeMap<Key, Option<Bytes>>,
}

impl View<'_, '_> {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        if let Some(written) = self.written.get(key) {
            return Ok(written.clone());
        }
        let Some(stored) = self.data.get(key.as_ref())? else { return Ok(None) };
        Ok(Some(Bytes::copy_from_slice(record::decode(key, stored.value())?.1)))
    }

    fn set(&mut self, key: Key, value: Option<Bytes>) {
        self.written.insert(key, value);
    }
}
