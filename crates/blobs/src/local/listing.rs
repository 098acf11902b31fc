//! Listing published blobs in the order of their ids.
//!
//! Neighbouring ids lie in different directories, so a page takes a walk through all of them. One walk therefore keeps
//! many more ids than a page asks for, [`AHEAD`] of them, for the pages after it; memory stays bounded and a walk through
//! n blobs costs n / `AHEAD` passes.
//!
//! Only ids of earlier epochs are kept. None of those is ever published again, so what is kept can be wrong only by
//! naming a blob that was deleted since, and each is looked up before it is given out.

use std::collections::{BinaryHeap, VecDeque};
use std::fs;
use std::io;

use model::BlobId;
use parking_lot::Mutex;

use super::directory::Places;
use crate::Error;

/// Ids that one walk keeps: 2 MiB of them.
pub(super) const AHEAD: usize = 128 * 1024;

/// What the last walk found beyond the page that it was made for.
#[derive(Default)]
pub(super) struct Cursor(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The id after which `ids` are next.
    after: Option<BlobId>,
    ids: VecDeque<BlobId>,
}

impl Cursor {
    fn take(&self, after: Option<BlobId>) -> Option<VecDeque<BlobId>> {
        let mut kept = self.0.lock();
        (kept.after == after && !kept.ids.is_empty()).then(|| std::mem::take(&mut kept.ids))
    }

    fn keep(&self, after: Option<BlobId>, ids: VecDeque<BlobId>) {
        *self.0.lock() = Kept { after, ids };
    }
}

/// Up to `limit` ids after `after`. `epoch` is the current one; `ahead` is [`AHEAD`] outside tests. Blocks.
pub(super) fn page(
    places: &Places,
    cursor: &Cursor,
    epoch: u64,
    mut after: Option<BlobId>,
    limit: usize,
    ahead: usize,
) -> Result<Vec<BlobId>, Error> {
    let mut page = Vec::new();
    while page.len() < limit {
        let most = ahead.max(limit - page.len());
        let (mut ids, fresh) = match cursor.take(after) {
            Some(ids) => (ids, false),
            None => (walk(places, after, most)?, true),
        };
        let last = fresh && ids.len() < most;
        while page.len() < limit
            && let Some(id) = ids.pop_front()
        {
            after = Some(id);
            if fresh || is_there(places, id)? {
                page.push(id);
            }
        }
        let current = ids.partition_point(|id| id.epoch() < epoch);
        ids.truncate(current);
        cursor.keep(after, ids);
        if last {
            break;
        }
    }
    Ok(page)
}

/// The lowest `most` ids after `after`, in order.
fn walk(places: &Places, after: Option<BlobId>, most: usize) -> Result<VecDeque<BlobId>, Error> {
    // The highest on top, to make room for a lower one.
    let mut lowest = BinaryHeap::new();
    for shard in 0..=u8::MAX {
        let dir = places.shard(shard);
        let failed = |e: io::Error| Error::device(dir.display(), &e);
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // Files that others put there have no such names, or lie in the wrong directory, and are nobody's blob.
            let Some(id) = name.to_str().and_then(parse).filter(|id| id.as_bytes()[15] == shard) else { continue };
            if after.is_some_and(|after| id <= after) {
                continue;
            }
            if lowest.len() < most {
                lowest.push(id);
            } else if let Some(mut highest) = lowest.peek_mut()
                && id < *highest
            {
                *highest = id;
            }
        }
    }
    Ok(lowest.into_sorted_vec().into())
}

fn is_there(places: &Places, id: BlobId) -> Result<bool, Error> {
    let path = places.file_of(id);
    path.try_exists().map_err(|e| Error::device(path.display(), &e))
}

/// The id that a file is named after: 32 hexadecimal digits, lower case.
fn parse(name: &str) -> Option<BlobId> {
    let id = BlobId::from_bytes(u128::from_str_radix(name, 16).ok()?.to_be_bytes());
    (id.to_string() == name).then_some(id)
}
