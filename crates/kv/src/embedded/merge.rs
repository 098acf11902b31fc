//! Rows of the index with what lies over them, in key order.

use std::collections::btree_map;
use std::iter::Peekable;
use std::ops::Bound;

use redb::{Range, ReadOnlyTable};

use super::failure::Failure;
use super::overlay::Overlay;
use super::record::Row;
use crate::{Error, Key, KeyRange};

pub(super) type Data = ReadOnlyTable<&'static [u8], &'static [u8]>;

type Layer<'a> = Peekable<btree_map::Range<'a, Key, Option<Row>>>;

/// The rows of one moment: an index, and overlays over it, the topmost first.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    pub over: [Option<&'a Overlay>; 3],
    pub index: &'a Data,
}

impl<'a> Layers<'a> {
    /// The row under `key`.
    pub fn row(&self, key: &[u8]) -> Result<Option<Row>, Failure> {
        for overlay in self.over.iter().flatten() {
            if let Some(row) = overlay.get(key) {
                return Ok(row.clone());
            }
        }
        match self.index.get(key)? {
            Some(stored) => Ok(Some(Row::decode(key, stored.value())?)),
            None => Ok(None),
        }
    }

    /// The rows between two keys.
    pub fn range(&self, from: Bound<&[u8]>, end: Option<&[u8]>) -> Result<Merge<'a>, Failure> {
        let nothing = match (from, end) {
            // Neither map takes such a range for an empty one.
            (Bound::Included(start) | Bound::Excluded(start), Some(end)) => start >= end,
            _ => false,
        };
        if nothing {
            return Ok(Merge { over: Vec::new(), index: None, next: None });
        }
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let over = self.over.iter().flatten().map(|overlay| overlay.range(from, end).peekable());
        let mut merge =
            Merge { over: over.collect(), index: Some(self.index.range::<&[u8]>((from, end))?), next: None };
        merge.advance()?;
        Ok(merge)
    }

    /// The first key from `from` on, whether or not what is stored under it can be read.
    pub fn first_key(&self, from: Bound<&[u8]>) -> Result<Option<Key>, Failure> {
        let removed = |key: &[u8]| {
            let mut known = self.over.iter().flatten().filter_map(|overlay| overlay.get(key));
            known.next().is_some_and(Option::is_none)
        };
        let mut below = None;
        for row in self.index.range::<&[u8]>((from, Bound::Unbounded))? {
            let key = Key::copy_from_slice(row?.0.value());
            if !removed(&key) {
                below = Some(key);
                break;
            }
        }
        let layers = self.over.iter().flatten();
        let over = layers.filter_map(|overlay| {
            let mut keys = overlay.range(from, Bound::Unbounded).map(|(key, _)| key);
            keys.find(|key| !removed(key)).cloned()
        });
        Ok(over.chain(below).min())
    }

    /// The first key of `range` under which something is stored.
    pub fn first_in(&self, range: &KeyRange) -> Result<Option<Key>, Failure> {
        let mut rows = self.range(Bound::Included(range.start.as_ref()), range.end.as_deref())?;
        Ok(rows.next().transpose()?.map(|(key, _)| key))
    }
}

/// Rows in key order, those that were removed left out.
pub(super) struct Merge<'a> {
    over: Vec<Layer<'a>>,
    index: Option<Range<'static, &'static [u8], &'static [u8]>>,
    /// The next row of the index; one that is damaged harms nobody as long as another lies over it.
    next: Option<(Key, Result<Row, Error>)>,
}

impl Merge<'_> {
    fn advance(&mut self) -> Result<(), Failure> {
        let next = self.index.as_mut().and_then(Iterator::next).transpose()?;
        self.next = next.map(|(key, stored)| {
            let row = Row::decode(key.value(), stored.value());
            (Key::copy_from_slice(key.value()), row)
        });
        Ok(())
    }

    fn step(&mut self) -> Result<Option<(Key, Option<Row>)>, Failure> {
        let over = self.over.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| (*key).clone())).min();
        let below = self.next.as_ref().map(|(key, _)| key);
        let key = match (over, below) {
            (None, None) => return Ok(None),
            (Some(over), Some(below)) if over <= *below => over,
            (Some(over), None) => over,
            (_, Some(_)) => {
                let (key, row) = self.next.take().expect("seen above");
                self.advance()?;
                return Ok(Some((key, Some(row?))));
            }
        };
        let mut found = None;
        for layer in &mut self.over {
            if let Some((_, row)) = layer.next_if(|(other, _)| **other == key) {
                found.get_or_insert_with(|| row.clone());
            }
        }
        if self.next.as_ref().is_some_and(|(below, _)| *below == key) {
            self.advance()?;
        }
        Ok(Some((key, found.flatten())))
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<(Key, Row), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(Some((key, Some(row)))) => return Some(Ok((key, row))),
                Ok(Some((_, None))) => {}
                Ok(None) => return None,
                Err(failure) => return Some(Err(failure)),
            }
        }
    }
}
