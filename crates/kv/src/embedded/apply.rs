//! One change against the state it finds: its conditions first, then its writes, all or none.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::failure::Failure;
use super::merge::Layers;
use super::record::{Row, Value, corrupt};
use super::state::State;
use crate::chain::{Head, LogKey};
use crate::{Change, Conflict, Error, Key, Require, Write, decode_counter, log_entry_key};

/// Why a change is not applied.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is told, and the others of its batch go on.
    Conflict(Conflict),
    Error(Error),
    /// It concerns the store.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        match error.into() {
            Failure::Told(error) => Stop::Error(error),
            failure => Stop::Failed(failure),
        }
    }
}

/// What changes are decided on: what is durable, with the changes before them in their batch on top.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub state: &'a State,
    pub layers: Layers<'a>,
}

impl View<'_> {
    fn row(&self, key: &Key) -> Result<Option<Row>, Failure> {
        // What the batch wrote lies over what was read lately.
        if let Some(row) = self.layers.over[0].and_then(|batch| batch.get(key)) {
            return Ok(row.clone());
        }
        match self.state.at_hand(key) {
            Some(entry) => Ok(Some(Row { revision: entry.revision, value: Value::Here(entry.value.clone()) })),
            None => self.layers.row(key),
        }
    }

    fn value(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        match self.row(key)? {
            None => Ok(None),
            Some(Row { value: Value::Here(value), .. }) => Ok(Some(value)),
            Some(Row { revision, value: Value::Logged(place) }) => {
                let file = self.state.files.get(place.file)?;
                Ok(Some(self.state.files.entry(&file, key, revision, place, true)?.value.clone()))
            }
        }
    }
}

/// What is to be stored (or, as `None`, removed) under which keys, once every condition was found to hold.
pub(super) fn plan(view: View<'_>, change: &Change, log_key: &LogKey) -> Result<BTreeMap<Key, Option<Bytes>>, Stop> {
    for require in &change.require {
        check(view, require)?;
    }
    let mut view = Writing { view, written: BTreeMap::new() };
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
                    return Err(Stop::Conflict(Conflict::Ceiling(key.clone())));
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

fn check(view: View<'_>, require: &Require) -> Result<(), Stop> {
    let offending = match require {
        Require::Unchanged(key, revision) => {
            (view.row(key)?.map(|row| row.revision) != Some(*revision)).then(|| key.clone())
        }
        Require::Absent(key) => view.row(key)?.map(|_| key.clone()),
        Require::Vacant(range) => view.layers.first_in(range)?,
    };
    offending.map_or(Ok(()), |key| Err(Stop::Conflict(Conflict::Changed(key))))
}

/// What is stored, with the writes of one change on top.
struct Writing<'a> {
    view: View<'a>,
    written: BTreeMap<Key, Option<Bytes>>,
}

impl Writing<'_> {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, Failure> {
        match self.written.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.view.value(key),
        }
    }

    fn set(&mut self, key: Key, value: Option<Bytes>) {
        self.written.insert(key, value);
    }
}
