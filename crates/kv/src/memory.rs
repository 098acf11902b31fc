//! The reference engine: one ordered map under one lock.
//!
//! Other engines are compared with it, so it does everything the long way: a change is applied write by write and undone
//! again if it fails; a listing reads every key below its prefix. Nothing survives it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use model::Revision;
use parking_lot::Mutex;

use crate::chain::{Head, LogKey};
use crate::{
    Answer, Change, Commit, Conflict, Engine, Entry, EntryOrPrefix, Error, Key, KeyRange, ListQuery, Listing, Page,
    Receipt, Require, Write, decode_counter, log_entry_key,
};

/// An engine that keeps everything in memory; for tests, and as the model of the others.
#[derive(Debug)]
pub struct Memory {
    log_key: LogKey,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    stored: BTreeMap<Key, (Revision, Bytes)>,
}

/// Why a change was undone.
enum Refused {
    Conflict(Conflict),
    Error(Error),
}

impl Memory {
    /// An empty store whose logs are chained with `log_key`.
    pub fn new(log_key: [u8; 32]) -> Self {
        Memory { log_key: LogKey::new(log_key), state: Mutex::default() }
    }
}

#[async_trait]
impl Engine for Memory {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>> {
        let state = self.state.lock();
        Answer::now(Ok(keys.iter().map(|key| state.stored.get_key_value(key).map(entry)).collect()))
    }

    fn unchanged<'a>(&'a self, rows: &'a [(Key, Revision)]) -> Answer<'a, bool> {
        let state = self.state.lock();
        let is = |key, revision| state.stored.get(key).is_some_and(|(found, _)| found == revision);
        Answer::now(Ok(rows.iter().all(|(key, revision)| is(key, revision))))
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, Error> {
        let state = self.state.lock();
        let mut inside = state.stored.iter().filter(|(key, _)| range.contains(key));
        let entries: Vec<Entry> = inside.by_ref().take(limit).map(entry).collect();
        Ok(Page { entries, more: inside.next().is_some() })
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, Error> {
        let state = self.state.lock();
        let mut items = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, stored) in state.stored.range::<Key, _>((Bound::Included(&query.root), Bound::Unbounded)) {
            let Some(name) = key.strip_prefix(query.root.as_ref()) else { break };
            let Some(rest) = name.strip_prefix(query.prefix.as_ref()) else { continue };
            let folded = query.delimiter.as_ref().filter(|d| !d.is_empty()).and_then(|delimiter| {
                let at = rest.windows(delimiter.len()).position(|w| w == delimiter.as_ref())?;
                Some(&name[..query.prefix.len() + at + delimiter.len()])
            });
            let after = query.after.as_deref();
            match folded {
                Some(prefix) if after.is_none_or(|a| prefix > a) && seen.insert(prefix.to_vec()) => {
                    items.push(EntryOrPrefix::Prefix(Key::copy_from_slice(prefix)));
                }
                None if after.is_none_or(|a| name > a) => items.push(EntryOrPrefix::Entry(entry((key, stored)))),
                _ => {}
            }
        }
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        Ok(Listing { items, more })
    }

    async fn commit(&self, change: Change) -> Result<Commit, Error> {
        let mut state = self.state.lock();
        if let Some(conflict) = change.require.iter().find_map(|require| state.refuses(require)) {
            return Ok(Err(conflict));
        }
        let revision = Revision(state.last + 1);
        let mut undo = Vec::new();
        for write in change.write {
            if let Err(refused) = state.apply(write, revision, &self.log_key, &mut undo) {
                for (key, before) in undo.into_iter().rev() {
                    state.restore(key, before);
                }
                return match refused {
                    Refused::Conflict(conflict) => Ok(Err(conflict)),
                    Refused::Error(error) => Err(error),
                };
            }
        }
        state.last = revision.0;
        Ok(Ok(Receipt { revision }))
    }
}

type Before = (Key, Option<(Revision, Bytes)>);

impl State {
    fn refuses(&self, require: &Require) -> Option<Conflict> {
        let offending = match require {
            Require::Unchanged(key, revision) => {
                (self.stored.get(key).map(|(r, _)| *r) != Some(*revision)).then_some(key)
            }
            Require::Absent(key) => self.stored.contains_key(key).then_some(key),
            Require::Vacant(range) => self.stored.keys().find(|key| range.contains(key)),
        };
        offending.cloned().map(Conflict::Changed)
    }

    fn apply(&mut self, write: Write, at: Revision, log_key: &LogKey, undo: &mut Vec<Before>) -> Result<(), Refused> {
        match write {
            Write::Put(key, value) => self.set(key, Some((at, value)), undo),
            Write::Delete(key) => self.set(key, None, undo),
            Write::Add { key, delta, ceiling } => {
                let old = match self.stored.get(&key) {
                    None => 0,
                    Some((_, value)) => decode_counter(value).ok_or_else(|| corrupt("no counter", &key))?,
                };
                let sum = old.checked_add(delta).ok_or_else(|| corrupt("a counter out of its range", &key))?;
                if delta > 0 && ceiling.is_some_and(|ceiling| sum > ceiling) {
                    return Err(Refused::Conflict(Conflict::Ceiling(key)));
                }
                self.set(key, Some((at, Bytes::copy_from_slice(&sum.to_le_bytes()))), undo);
            }
            Write::Append { log, payload } => {
                let head = match self.stored.get(&log) {
                    None => Head::EMPTY,
                    Some((_, value)) => Head::decode(value).ok_or_else(|| corrupt("no head of a log", &log))?,
                };
                let (head, value) =
                    log_key.append(head, &payload).ok_or_else(|| corrupt("a log without numbers left", &log))?;
                let place = log_entry_key(&log, head.number);
                if self.stored.contains_key(&place) {
                    return Err(corrupt("something where the log goes on", &place));
                }
                self.set(place, Some((at, value)), undo);
                self.set(log, Some((at, head.encode())), undo);
            }
        }
        Ok(())
    }

    fn set(&mut self, key: Key, new: Option<(Revision, Bytes)>, undo: &mut Vec<Before>) {
        let before = self.restore(key.clone(), new);
        undo.push((key, before));
    }

    fn restore(&mut self, key: Key, value: Option<(Revision, Bytes)>) -> Option<(Revision, Bytes)> {
        match value {
            Some(value) => self.stored.insert(key, value),
            None => self.stored.remove(&key),
        }
    }
}

fn corrupt(what: &str, key: &[u8]) -> Refused {
    Refused::Error(Error::Corrupt(format!("{what} is stored under \"{}\"", key.escape_ascii())))
}

fn entry((key, (revision, value)): (&Key, &(Revision, Bytes))) -> Entry {
    Entry::new(key.clone(), value.clone(), *revision)
}
