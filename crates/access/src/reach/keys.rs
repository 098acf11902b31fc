//! Sets of keys in the words they were given in: patterns, less exceptions, beside the automaton that they are exactly.

use std::fmt;
use std::sync::Arc;

use super::automaton::{Partition, Regular, TooComplex};
use super::pattern::Pattern;

/// The keys that match all of some patterns and none of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Never empty.
    pub all: Vec<Pattern>,
    /// What is left out.
    pub except: Vec<Pattern>,
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed =
            |patterns: &[Pattern], between| patterns.iter().map(Pattern::to_string).collect::<Vec<_>>().join(between);
        f.write_str(&listed(&self.all, " and "))?;
        if self.except.is_empty() { Ok(()) } else { write!(f, " except {}", listed(&self.except, ", ")) }
    }
}

/// A set of keys that can be shown.
#[derive(Debug, Clone)]
pub struct KeySet {
    terms: Arc<[Term]>,
    set: Arc<Regular>,
}

impl KeySet {
    /// Every key.
    pub fn all() -> Self {
        KeySet::term(Pattern::all(), Regular::all())
    }

    /// One key.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn one(key: &str) -> Result<Self, TooComplex> {
        KeySet::pattern(Pattern::literal(key))
    }

    /// What matches `pattern`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn pattern(pattern: Pattern) -> Result<Self, TooComplex> {
        let set = Regular::of(&pattern)?;
        Ok(KeySet::term(pattern, set))
    }

    fn term(pattern: Pattern, set: Regular) -> Self {
        KeySet { terms: Arc::new([Term { all: vec![pattern], except: vec![] }]), set: Arc::new(set) }
    }

    /// Its parts: a key belongs that is in any of them.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The automaton of it.
    pub fn regular(&self) -> &Regular {
        &self.set
    }

    /// Whether `key` belongs.
    pub fn contains(&self, key: &str) -> bool {
        self.set.contains(key)
    }
}

impl fmt::Display for KeySet {
    /// As `logs/* except logs/secret/*; docs/*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.terms.iter().any(|term| !term.except.is_empty()) { "; " } else { ", " };
        f.write_str(&self.terms.iter().map(Term::to_string).collect::<Vec<_>>().join(between))
    }
}

/// All keys, taken apart by the patterns that somebody wrote about them.
#[derive(Debug)]
pub struct Vocabulary {
    patterns: Vec<Pattern>,
    partition: Partition,
    /// Cells that have a key.
    full: Bits,
    /// The cells of each pattern, as far as they have a key; last, those of `*`.
    cells_of: Vec<Bits>,
}

impl Vocabulary {
    /// Takes all keys apart by `patterns`; repetitions count once.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Result<Self, TooComplex> {
        let mut patterns: Vec<Pattern> = patterns.into_iter().filter(|pattern| !pattern.is_all()).collect();
        patterns.sort();
        patterns.dedup();
        let sets = patterns.iter().map(Regular::of).collect::<Result<Vec<_>, _>>()?;
        let partition = Partition::of(&sets.iter().collect::<Vec<_>>())?;
        let count = partition.cells().len();
        let mut full = Bits::of(count);
        let mut cells_of = vec![Bits::of(count); patterns.len() + 1];
        for (at, cell) in partition.cells().iter().enumerate().filter(|(_, cell)| cell.shortest.is_some()) {
            full.insert(at);
            cell.member.iter().for_each(|&set| cells_of[set as usize].insert(at));
        }
        cells_of[patterns.len()] = full.clone();
        Ok(Vocabulary { patterns, partition, full, cells_of })
    }

    /// One key for each cell, by the cell's place: whoever treats keys by the patterns alone treats a cell's keys alike.
    pub fn samples(&self) -> impl Iterator<Item = (usize, &str)> {
        self.partition.cells().iter().enumerate().filter_map(|(at, cell)| Some((at, cell.shortest.as_deref()?)))
    }

    /// The cell of `key`.
    pub fn cell_of(&self, key: &str) -> usize {
        self.partition.cell_of(key)
    }

    /// The keys of `cells`, in the patterns' words.
    pub fn keys(&self, cells: impl IntoIterator<Item = usize>) -> KeySet {
        let mut wanted = Bits::of(self.partition.cells().len());
        cells.into_iter().for_each(|cell| wanted.insert(cell));
        if wanted == self.full {
            return KeySet::all();
        }
        let set = self.partition.select_cells(|cell| wanted.contains(cell));
        KeySet { terms: self.terms(&wanted).into(), set: Arc::new(set) }
    }

    /// Which patterns, less which, make up `wanted`: greedily by what covers most, then by what excepts least. Where no
    /// pattern helps, a cell is told by all that it is in and all that it is not.
    fn terms(&self, wanted: &Bits) -> Vec<Term> {
        let mut left = wanted.clone();
        let mut terms = vec![];
        let usable: Vec<(usize, Vec<usize>)> = (0..self.cells_of.len())
            .filter(|&pattern| self.cells_of[pattern].meets(wanted))
            .filter_map(|pattern| Some((pattern, self.exceptions(&self.cells_of[pattern], wanted)?)))
            .collect();
        while !left.is_empty() {
            let best = usable
                .iter()
                .map(|(pattern, except)| (self.cells_of[*pattern].count_in(&left), except, *pattern))
                .filter(|(covered, ..)| *covered > 0)
                .max_by_key(|(covered, except, pattern)| {
                    (*covered, std::cmp::Reverse(except.len()), std::cmp::Reverse(*pattern))
                });
            let (term, covered) = match best {
                Some((_, except, pattern)) => {
                    let term = Term { all: vec![self.named(pattern)], except: self.all_named(except) };
                    (term, self.cells_of[pattern].clone())
                }
                None => self.single(&left),
            };
            terms.push(term);
            left.remove(&covered);
        }
        terms
    }

    /// Patterns that cover what is in `base` and not `wanted`, and nothing of both; `None` if there are none.
    fn exceptions(&self, base: &Bits, wanted: &Bits) -> Option<Vec<usize>> {
        let mut holes = base.clone();
        holes.remove(wanted);
        let mut both = base.clone();
        both.keep(wanted);
        let mut chosen = vec![];
        while !holes.is_empty() {
            let best = (0..self.patterns.len())
                .filter(|&pattern| !self.cells_of[pattern].meets(&both))
                .map(|pattern| (self.cells_of[pattern].count_in(&holes), std::cmp::Reverse(pattern)))
                .max()
                .filter(|(covered, _)| *covered > 0)?;
            chosen.push(best.1.0);
            holes.remove(&self.cells_of[best.1.0]);
        }
        chosen.sort_unstable();
        Some(chosen)
    }

    /// The first cell of `left`, by itself.
    fn single(&self, left: &Bits) -> (Term, Bits) {
        let mut only = Bits::of(self.partition.cells().len());
        let Some(cell) = left.first() else { return (Term { all: vec![Pattern::all()], except: vec![] }, only) };
        only.insert(cell);
        // Of the patterns that the cell is in, those that narrow what is left by the ones before.
        let mut base = self.full.clone();
        let mut all = vec![];
        for &pattern in &self.partition.cells()[cell].member {
            let mut narrower = base.clone();
            narrower.keep(&self.cells_of[pattern as usize]);
            if narrower != base {
                base = narrower;
                all.push(pattern as usize);
            }
        }
        // What else is in all of them is in a pattern that the cell is not in: cells differ by their patterns.
        let except = self.exceptions(&base, &only).unwrap_or_default();
        let all = if all.is_empty() { vec![Pattern::all()] } else { self.all_named(&all) };
        (Term { all, except: self.all_named(&except) }, only)
    }

    fn named(&self, pattern: usize) -> Pattern {
        self.patterns.get(pattern).cloned().unwrap_or_else(Pattern::all)
    }

    fn all_named(&self, patterns: &[usize]) -> Vec<Pattern> {
        patterns.iter().map(|&pattern| self.named(pattern)).collect()
    }
}

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bits(Vec<u64>);

impl Bits {
    fn of(count: usize) -> Self {
        Bits(vec![0; count.div_ceil(64)])
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn first(&self) -> Option<usize> {
        (0..self.0.len() * 64).find(|&at| self.contains(at))
    }

    fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    fn count_in(&self, other: &Bits) -> u32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones()).sum()
    }

    fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    fn remove(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(patterns: &[&str], wanted: impl Fn(&str) -> bool) -> String {
        let words = Vocabulary::new(patterns.iter().map(|pattern| Pattern::glob(pattern))).unwrap();
        let cells: Vec<usize> = words.samples().filter(|(_, key)| wanted(key)).map(|(cell, _)| cell).collect();
        words.keys(cells).to_string()
    }

    #[test]
    fn keys_are_shown_as_the_patterns_that_were_given_less_exceptions() {
        let patterns = ["logs/*", "logs/secret/*", "docs/*"];
        let begins = |key: &str, with: &str| key.starts_with(with);
        assert_eq!(shown(&patterns, |_| true), "*");
        assert_eq!(shown(&patterns, |key| begins(key, "docs/")), "docs/*");
        assert_eq!(
            shown(&patterns, |key| begins(key, "logs/") && !begins(key, "logs/secret/")),
            "logs/* except logs/secret/*"
        );
        assert_eq!(shown(&patterns, |key| !begins(key, "logs/")), "* except logs/*");
        assert_eq!(shown(&patterns, |key| begins(key, "logs/") || begins(key, "docs/")), "logs/*, docs/*");
        assert_eq!(shown(&["a*", "*z"], |key| key.starts_with('a') && key.ends_with('z')), "a* and *z");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_is_shown_is_exactly_the_set(
            patterns in prop::collection::vec("[ab*?]{1,4}", 1..5), chosen: u64, keys in prop::collection::vec("[abx]{1,6}", 40)
        ) {
            let words = Vocabulary::new(patterns.iter().map(|pattern| Pattern::glob(pattern))).unwrap();
            let wanted = |cell: usize| chosen >> (cell % 64) & 1 == 1;
            let cells: Vec<usize> = words.samples().map(|(cell, _)| cell).filter(|&cell| wanted(cell)).collect();
            let set = words.keys(cells.iter().copied());
            for key in &keys {
                let expected = cells.contains(&words.cell_of(key));
                let told = set.terms().iter().any(|term| {
                    term.all.iter().all(|p| p.matches(key)) && !term.except.iter().any(|p| p.matches(key))
                });
                prop_assert_eq!(told, expected, "{} in {}", key, set);
                prop_assert_eq!(set.contains(key), expected, "{} in {}", key, set);
            }
        }
    }
}
