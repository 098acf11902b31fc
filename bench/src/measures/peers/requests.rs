//! The requests of each cell, made and signed before the time is taken.
//!
//! Bodies are random and no two are alike: a store that compresses, or that keeps equal blocks once, gains nothing. A body
//! is slices of one pool, at offsets that its number decides, behind sixteen bytes of its own.

use bytes::Bytes;
use client::{Generated, Method};

use super::cells::{Cell, MIB, MIXED, PAGE, SMALL, What};
use crate::Outcome;
use crate::load::Shot;
use crate::stores::Door;

/// Where everything happens but what follows.
pub(super) const BUCKET: &str = "bench";
/// The bucket with a hundred grants.
pub(super) const GRANTED: &str = "granted";
/// Keys of the folder that is listed page by page.
pub(super) const FLAT: usize = 5000;
/// Common prefixes of the folder that is listed by them, and keys below each.
pub(super) const FOLDERS: usize = 2500;
pub(super) const IN_FOLDER: usize = 2;

/// Bytes at the start of a body that are its own.
const STAMP: u64 = 16;
/// Slices of the pool are at most so long, and begin within so many bytes from its start.
const SLICE: u64 = 16 * MIB;
const SHIFT: u64 = MIB;

/// How many objects of a size are read in turn.
pub(super) fn objects(size: u64) -> usize {
    match size {
        size if size < MIB => 256,
        MIB => 64,
        size if size <= 16 * MIB => 8,
        _ => 1,
    }
}

/// The key of an object that is read.
pub(super) fn read_key(size: u64, n: usize) -> String {
    format!("get/{size}/{n:04}")
}

/// Makes bodies and requests.
pub(crate) struct Requests {
    pool: Bytes,
}

impl Requests {
    pub fn new() -> Requests {
        let length = usize::try_from(SLICE + SHIFT).unwrap_or(usize::MAX);
        // `Generated` repeats itself after about so much, which a store that keeps equal blocks once would notice.
        let blocks: Vec<Bytes> =
            (0..length as u64 / MIB).map(|seed| Generated::new(seed, MIB).at(0, 1 << 20)).collect();
        Requests { pool: blocks.concat().into() }
    }

    /// The body with that number, in pieces.
    pub fn body(&self, number: u64, size: u64) -> Vec<Bytes> {
        let stamp = [mixed(number), mixed(!number)].map(u64::to_le_bytes).concat();
        let stamp = Bytes::from(stamp).slice(..size.min(STAMP) as usize);
        let mut left = size - stamp.len() as u64;
        let mut pieces = vec![stamp];
        while left > 0 {
            let start = (mixed(number.rotate_left(32) ^ pieces.len() as u64) % SHIFT) as usize;
            let length = left.min(SLICE);
            pieces.push(self.pool.slice(start..start + length as usize));
            left -= length;
        }
        pieces
    }

    /// Whether these are the bytes from `from` of the body with that number.
    pub fn is_body(&self, number: u64, size: u64, from: u64, bytes: &[u8]) -> bool {
        let (mut at, mut seen) = (0, 0_usize);
        for piece in self.body(number, size) {
            let (start, end) = (at, at + piece.len() as u64);
            at = end;
            let begin = from + seen as u64;
            if begin < start || begin >= end || seen == bytes.len() {
                continue;
            }
            let part = &piece[(begin - start) as usize..];
            let part = &part[..part.len().min(bytes.len() - seen)];
            if bytes[seen..seen + part.len()] != *part {
                return false;
            }
            seen += part.len();
        }
        seen == bytes.len()
    }

    /// A PUT of the body with that number.
    pub fn put(&self, door: &Door, place: &str, number: u64, size: u64) -> Outcome<Shot> {
        let mut shot = door.shot_with(Method::PUT, place, size)?;
        let mut pieces = self.body(number, size).into_iter();
        shot.head.extend(pieces.next().unwrap_or_default());
        shot.body = pieces.next().unwrap_or_default();
        shot.rest = pieces.collect();
        Ok(shot)
    }

    /// The requests of a cell in a round; `count` of them if each is sent once.
    pub fn shots(&self, door: &Door, cell: Cell, round: usize, count: usize) -> Outcome<Vec<Shot>> {
        let cycle = |size: u64| (0..objects(size)).map(move |n| read_key(size, n));
        match cell.what {
            What::Put(size) => {
                let put = |n| {
                    self.put(door, &format!("{BUCKET}/{}", written_key(cell, round, n)), number(cell, round, n), size)
                };
                (0..count).map(put).collect()
            }
            What::Get(size) => cycle(size).map(|key| door.shot(Method::GET, &format!("{BUCKET}/{key}"))).collect(),
            What::GetGranted => cycle(SMALL).map(|key| door.shot(Method::GET, &format!("{GRANTED}/{key}"))).collect(),
            What::Head => cycle(SMALL).map(|key| door.shot(Method::HEAD, &format!("{BUCKET}/{key}"))).collect(),
            What::Delete => {
                let delete = |n| door.shot(Method::DELETE, &format!("{BUCKET}/{}", written_key(cell, round, n)));
                (0..count).map(delete).collect()
            }
            // Strides through the folder, so that no page is the one before.
            What::List => (0..64).map(|n| door.shot(Method::GET, &list(n * 1237, PAGE))).collect(),
            What::Prefixes => (0..64).map(|n| door.shot(Method::GET, &prefixes(n * 709))).collect(),
            What::Mixed => (0..count).map(|n| self.mixed(door, cell, round, n)).collect(),
            What::Multipart => Ok(Vec::new()),
        }
    }

    fn mixed(&self, door: &Door, cell: Cell, round: usize, n: usize) -> Outcome<Shot> {
        let read = format!("{BUCKET}/{}", read_key(MIXED, n % objects(MIXED)));
        let written = |n| format!("{BUCKET}/{}", written_key(cell, round, n));
        match n % 20 {
            1 | 6 | 11 | 16 => self.put(door, &written(n), number(cell, round, n), MIXED),
            3 | 13 => door.shot(Method::HEAD, &read),
            // What was written a while ago; connections are not in step, so that it may be gone or not be there yet, and
            // S3 answers all the same.
            9 => door.shot(Method::DELETE, &written((n + 1).saturating_sub(400 + 4))),
            19 => door.shot(Method::GET, &list(n * 1237, 100)),
            _ => door.shot(Method::GET, &read),
        }
    }
}

/// The key that a cell writes as its n-th.
pub(super) fn written_key(cell: Cell, round: usize, n: usize) -> String {
    let what = match cell.what {
        What::Put(size) => format!("put/{size}"),
        What::Delete => "delete".to_owned(),
        What::Multipart => "parts".to_owned(),
        _ => "mixed".to_owned(),
    };
    format!("{what}/{round}-{}/{n:06}", cell.clients)
}

/// The number of the body of that object.
pub(super) fn number(cell: Cell, round: usize, n: usize) -> u64 {
    mixed(cell.clients as u64 ^ cell.what.bytes().unwrap_or(1).rotate_left(40) ^ ((round as u64) << 56)) ^ n as u64
}

/// The number of the body of an object that is read.
pub(super) fn read_number(size: u64, n: usize) -> u64 {
    mixed(size.rotate_left(20) ^ n as u64)
}

fn list(stride: usize, keys: usize) -> String {
    let after = stride % (FLAT - keys);
    format!("{BUCKET}?list-type=2&max-keys={keys}&prefix=flat%2F&start-after=flat%2F{after:06}")
}

fn prefixes(stride: usize) -> String {
    let after = stride % (FOLDERS - PAGE);
    // After all that lies in that folder.
    format!("{BUCKET}?delimiter=%2F&list-type=2&max-keys={PAGE}&prefix=tree%2F&start-after=tree%2F{after:06}%2Fz")
}

/// A number of which every bit depends on every bit of the other (the finaliser of SplitMix64).
fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_as_long_as_it_should_be_and_is_recognised_at_any_place_and_no_other_is() {
        let requests = Requests::new();
        for size in [0, 1, 16, 17, 4096, 20 * MIB] {
            let body = requests.body(7, size).concat();
            assert_eq!(body.len() as u64, size);
            assert!(requests.is_body(7, size, 0, &body));
            assert!(size < 17 || !requests.is_body(8, size, 0, &body));
            assert!(!requests.is_body(7, size, 0, &[&body[..], b"x"].concat()));
        }
        let body = requests.body(7, 20 * MIB).concat();
        for from in [0, 3, 16, SLICE as usize + 10, body.len() - 100] {
            assert!(requests.is_body(7, 20 * MIB, from as u64, &body[from..from + 100]), "{from}");
            assert!(!requests.is_body(7, 20 * MIB, from as u64, &[0; 100]));
        }
        let blocks = |number| requests.body(number, 2 * MIB).concat().chunks(64 << 10).map(<[u8]>::to_vec).collect();
        let [a, b]: [Vec<Vec<u8>>; 2] = [1, 2].map(blocks);
        assert!(a.iter().all(|block| !b.contains(block)), "no block twice");
    }
}
