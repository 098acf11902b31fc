//! Whether rows and what they are there for come in pairs, in bounded memory.
//!
//! Each row that is met, and each that a record says must be there, is one of a pair; what is left over has no counterpart.
//! Where more is open than fits, only a part of all keys is looked at, by their hash, and the rest in further passes.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Open keys that are held at a time; some 60 MB.
const OPEN: usize = 1 << 20;

/// Counts pairs of a part of all keys.
pub(crate) struct Pairs {
    part: u64,
    parts: u64,
    most: usize,
    open: HashMap<u128, i32>,
}

/// What a key's pair lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The row is there, and nothing says why.
    Reason,
    /// More records than one say that the row must be there, or the row is not there.
    Row,
}

impl Pairs {
    /// For the first pass.
    pub fn new() -> Self {
        Pairs { part: 0, parts: 1, most: OPEN, open: HashMap::new() }
    }

    /// For the next, if there is one.
    pub fn next(&self) -> Option<Self> {
        let part = self.part + 1;
        (part < self.parts).then(|| Pairs { part, open: HashMap::new(), ..*self })
    }

    /// The row is there.
    pub fn found(&mut self, key: &[u8]) {
        self.count(key, 1);
    }

    /// The row must be there.
    pub fn expected(&mut self, key: &[u8]) {
        self.count(key, -1);
    }

    /// What is left over of `key`, when all was met.
    pub fn lack(&self, key: &[u8]) -> Option<Lack> {
        let count = *self.open.get(&hash(key))?;
        Some(if count > 0 { Lack::Reason } else { Lack::Row })
    }

    /// Whether nothing is left over.
    pub fn are_complete(&self) -> bool {
        self.open.is_empty()
    }

    fn count(&mut self, key: &[u8], by: i32) {
        let hash = hash(key);
        if !self.is_mine(hash) {
            return;
        }
        let count = self.open.entry(hash).or_default();
        *count += by;
        if *count == 0 {
            self.open.remove(&hash);
        }
        // Passes after the first keep their part: it was made small enough.
        while self.open.len() > self.most && self.part == 0 {
            self.parts *= 2;
            let (part, parts) = (self.part, self.parts);
            self.open.retain(|hash, _| in_part(*hash, parts) == part);
        }
    }

    fn is_mine(&self, hash: u128) -> bool {
        in_part(hash, self.parts) == self.part
    }
}

fn in_part(hash: u128, parts: u64) -> u64 {
    // Another half of the hash than the map's buckets use first.
    (hash >> 64) as u64 % parts
}

fn hash(key: &[u8]) -> u128 {
    let digest = Sha256::digest(key);
    u128::from_be_bytes(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(mut pairs: Pairs, found: &[String], expected: &[String]) -> Pairs {
        found.iter().for_each(|key| pairs.found(key.as_bytes()));
        expected.iter().for_each(|key| pairs.expected(key.as_bytes()));
        pairs
    }

    #[test]
    fn what_has_no_counterpart_is_left_over_however_little_is_held_at_a_time() {
        let keys: Vec<String> = (0..500).map(|i| format!("key {i}")).collect();
        for most in [1, 10, 200, 1000] {
            let (found, mut expected) = (&keys[1..], keys[..499].to_vec());
            expected.push("key 100".into());
            let (mut pairs, mut left, mut passes) = (Pairs { most, ..Pairs::new() }, vec![], 0);
            loop {
                passes += 1;
                pairs = pass(pairs, found, &expected);
                assert!(pairs.part > 0 || pairs.open.len() <= most);
                left.extend(keys.iter().filter_map(|key| Some((key.clone(), pairs.lack(key.as_bytes())?))));
                match pairs.next() {
                    Some(next) => pairs = next,
                    None => break,
                }
            }
            left.sort_by_key(|(key, _)| key.clone());
            let named = [("key 0", Lack::Row), ("key 100", Lack::Row), ("key 499", Lack::Reason)];
            assert_eq!(left, named.map(|(key, lack)| (key.to_owned(), lack)), "{most}");
            assert_eq!(passes > 1, most < 499, "{most}");
        }
    }
}
