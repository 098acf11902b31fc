//! Pages and listings of one moment.

use std::ops::Bound;

use super::failure::Failure;
use super::log::Files;
use super::merge::Layers;
use super::record::{Row, Value};
use crate::engine::successor;
use crate::{Entry, EntryOrPrefix, Key, KeyRange, ListQuery, Listing, Page};

/// The rows of one moment, with the values of those that are in the log.
pub(super) struct Moment<'a> {
    pub layers: Layers<'a>,
    pub files: &'a Files,
    /// Whether the device may be waited for.
    pub may_wait: bool,
}

impl Moment<'_> {
    pub fn entry(&self, key: Key, row: Row) -> Result<Entry, Failure> {
        match row.value {
            Value::Here(value) => Ok(Entry::new(key, value, row.revision)),
            Value::Logged(place) => {
                let file = self.files.get(place.file)?;
                self.files.entry(&file, &key, row.revision, place, self.may_wait)
            }
        }
    }

    pub fn scan(&self, range: &KeyRange, limit: usize) -> Result<Page, Failure> {
        let mut page = Page { entries: Vec::new(), more: false };
        for row in self.layers.range(Bound::Included(range.start.as_ref()), range.end.as_deref())? {
            let (key, row) = row?;
            if page.entries.len() == limit {
                page.more = true;
                break;
            }
            page.entries.push(self.entry(key, row)?);
        }
        Ok(page)
    }

    /// Reads one key of each common prefix and seeks to the first key after it.
    pub fn list(&self, query: &ListQuery) -> Result<Listing, Failure> {
        let base = [query.root.as_ref(), query.prefix.as_ref()].concat();
        let end = successor(&base);
        let delimiter = query.delimiter.as_deref().filter(|d| !d.is_empty());
        let mut listing = Listing { items: Vec::new(), more: false };
        let mut from = first(query, &base, delimiter);
        while let Some(start) = from.take() {
            for row in self.layers.range(start.as_ref().map(Key::as_ref), end.as_deref())? {
                let (key, row) = row?;
                if listing.items.len() == query.limit {
                    listing.more = true;
                    return Ok(listing);
                }
                if let Some(common) = folded(&key, base.len(), delimiter) {
                    listing.items.push(EntryOrPrefix::Prefix(Key::copy_from_slice(&common[query.root.len()..])));
                    from = successor(common).map(Bound::Included);
                    break;
                }
                listing.items.push(EntryOrPrefix::Entry(self.entry(key, row)?));
            }
        }
        Ok(listing)
    }
}

/// Where a listing begins; `None` if nothing can follow. All keys after `after` that fold to a common prefix that is
/// not after it begin with the common prefix that `after` itself folds to, so that one seek skips them.
fn first(query: &ListQuery, base: &[u8], delimiter: Option<&[u8]>) -> Option<Bound<Key>> {
    let start = Bound::Included(Key::copy_from_slice(base));
    let Some(after) = &query.after else { return Some(start) };
    let after: Key = [query.root.as_ref(), after.as_ref()].concat().into();
    if after.as_ref() < base {
        return Some(start);
    }
    match after.starts_with(base).then(|| folded(&after, base.len(), delimiter)).flatten() {
        Some(common) => successor(common).map(Bound::Included),
        None => Some(Bound::Excluded(after)),
    }
}

/// The common prefix that `key` folds into: up to and with the first delimiter at or after `from`.
fn folded<'a>(key: &'a [u8], from: usize, delimiter: Option<&[u8]>) -> Option<&'a [u8]> {
    let delimiter = delimiter?;
    let at = key[from..].windows(delimiter.len()).position(|w| w == delimiter)?;
    Some(&key[..from + at + delimiter.len()])
}
