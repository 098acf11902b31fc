//! Reads within one transaction of redb.

use std::ops::Bound;

use redb::ReadOnlyTable;

use super::failure::Failure;
use super::record;
use crate::engine::successor;
use crate::{Entry, EntryOrPrefix, Key, KeyRange, ListQuery, Listing, Page};

pub(super) type Data = ReadOnlyTable<&'static [u8], &'static [u8]>;

pub(super) fn get_many(data: &Data, keys: &[Key]) -> Result<Vec<Option<Entry>>, Failure> {
    let get = |key: &Key| match data.get(key.as_ref())? {
        Some(stored) => Ok(Some(record::entry(key, stored.value())?)),
        None => Ok(None),
    };
    keys.iter().map(get).collect()
}

pub(super) fn scan(data: &Data, range: &KeyRange, limit: usize) -> Result<Page, Failure> {
    let mut page = Page { entries: Vec::new(), more: false };
    let Some(bounds) = bounds(Bound::Included(range.start.as_ref()), range.end.as_deref()) else {
        return Ok(page);
    };
    for row in data.range::<&[u8]>(bounds)? {
        let (key, stored) = row?;
        if page.entries.len() == limit {
            page.more = true;
            break;
        }
        page.entries.push(record::entry(key.value(), stored.value())?);
    }
    Ok(page)
}

/// Reads one key of each common prefix and seeks to the first key after it.
pub(super) fn list(data: &Data, query: &ListQuery) -> Result<Listing, Failure> {
    let base = [query.root.as_ref(), query.prefix.as_ref()].concat();
    let end = successor(&base);
    let delimiter = query.delimiter.as_deref().filter(|d| !d.is_empty());
    let mut listing = Listing { items: Vec::new(), more: false };
    let mut from = first(query, &base, delimiter);
    while let Some(bounds) = from.as_ref().and_then(|from| bounds(from.as_ref().map(Key::as_ref), end.as_deref())) {
        let mut next = None;
        for row in data.range::<&[u8]>(bounds)? {
            let (key, stored) = row?;
            if listing.items.len() == query.limit {
                listing.more = true;
                return Ok(listing);
            }
            let key = key.value();
            if let Some(common) = folded(key, base.len(), delimiter) {
                listing.items.push(EntryOrPrefix::Prefix(Key::copy_from_slice(&common[query.root.len()..])));
                next = successor(common);
                break;
            }
            listing.items.push(EntryOrPrefix::Entry(record::entry(key, stored.value())?));
        }
        from = next.map(Bound::Included);
    }
    Ok(listing)
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

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// `None` if nothing can lie between, which redb would take for a mistake.
fn bounds<'a>(from: Bound<&'a [u8]>, end: Option<&'a [u8]>) -> Option<Bounds<'a>> {
    match (from, end) {
        (Bound::Included(start) | Bound::Excluded(start), Some(end)) if start >= end => None,
        (from, end) => Some((from, end.map_or(Bound::Unbounded, Bound::Excluded))),
    }
}
