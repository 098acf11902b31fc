//! A fuzz target as an ordinary test: every seed, and then some thousand inputs that are made of seeds. The inputs are the
//! same in every run.
//!
//! Each crate that has targets includes this file in its tests; `cargo xtask fuzz` searches further, guided by coverage.

use std::path::Path;

/// Inputs that are made of seeds, for each target.
const ROUNDS: usize = 3_000;
/// Longest input, in bytes.
const LONGEST: usize = 2_000;

/// Pseudo-random numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    /// `from`, changed in one place; pieces come from `other`.
    fn mutate(&mut self, from: &mut Vec<u8>, other: &[u8]) {
        let at = self.roll(from.len() + 1);
        let (start, length) = (self.roll(other.len() + 1), self.roll(20));
        let piece = &other[start..(start + length).min(other.len())];
        match self.roll(6) {
            0 => from.insert(at, self.roll(256) as u8),
            1 if at < from.len() => from[at] = self.roll(256) as u8,
            2 if at < from.len() => from[at] ^= 1 << self.roll(8),
            3 => drop(from.drain(at..(at + length).min(from.len()))),
            4 => drop(from.splice(at..at, piece.iter().copied())),
            _ => {
                let end = (at + piece.len()).min(from.len());
                drop(from.splice(at..end, piece.iter().copied()));
            }
        }
        from.truncate(LONGEST);
    }
}

/// Runs `target` on its seeds, `fuzz/seeds/NAME`, and on what can be made of them.
///
/// # Panics
/// With the input, where the target does; and where there are no seeds.
pub fn run(name: &str, target: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut seeds: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(seeds.len() > 2, "{} holds too few seeds", dir.display());
    let one = |input: &[u8]| {
        // The default hook has told what went wrong; which input it was is told here.
        if std::panic::catch_unwind(|| target(input)).is_err() {
            panic!("{name} fails on {:?}", String::from_utf8_lossy(input));
        }
    };
    seeds.iter().for_each(|seed| one(seed));
    let mut dice = Dice(name.len() as u64);
    for _ in 0..ROUNDS {
        let mut input = seeds[dice.roll(seeds.len())].clone();
        for _ in 0..=dice.roll(6) {
            let other = dice.roll(seeds.len());
            dice.mutate(&mut input, &seeds[other]);
        }
        one(&input);
    }
}
