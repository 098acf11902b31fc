//! Rows that the log has and the index has not yet, ordered, in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use super::record::Row;
use crate::Key;

/// What a row costs in memory besides its bytes, about.
const OVERHEAD: usize = 160;

/// The last state of some keys; `None` is a key that was removed.
#[derive(Debug, Clone, Default)]
pub(super) struct Overlay {
    rows: BTreeMap<Key, Option<Row>>,
    bytes: usize,
}

impl Overlay {
    pub fn set(&mut self, key: Key, row: Option<Row>) {
        let weight = |row: &Option<Row>| row.as_ref().map_or(0, Row::weight);
        self.bytes += weight(&row);
        let len = key.len();
        match self.rows.insert(key, row) {
            Some(old) => self.bytes -= weight(&old),
            None => self.bytes += len + OVERHEAD,
        }
    }

    /// `None` if nothing is known of `key` here.
    pub fn get(&self, key: &[u8]) -> Option<&Option<Row>> {
        self.rows.get(key)
    }

    pub fn range(&self, from: Bound<&[u8]>, end: Bound<&[u8]>) -> Range<'_, Key, Option<Row>> {
        self.rows.range::<[u8], _>((from, end))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Option<Row>)> {
        self.rows.iter()
    }

    /// Takes what `later` knows.
    pub fn absorb(&mut self, later: Overlay) {
        later.rows.into_iter().for_each(|(key, row)| self.set(key, row));
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
