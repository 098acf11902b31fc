//! Regular sets of object keys: what can be asked of all keys at once, rather than of samples.
//!
//! A set is a deterministic automaton over characters. A state holds edges for the characters that it tells apart and one
//! for all others, so that no alphabet needs to be fixed and a literal key of n characters has n states. Several sets are
//! taken apart together ([`Partition`]): all keys fall into cells, each of keys that belong to the same of the sets; union,
//! intersection and difference are selections of cells.
//!
//! Invariants:
//! - an answer is exact over all keys of 1 to 1,024 bytes of UTF-8, or it is [`TooComplex`]; never an approximation;
//! - every construction is bounded by [`STATES`] and [`EDGES`];
//! - the same sets in the same order give the same automaton, the same cells and the same witnesses.
//!
//! Absent on purpose: minimal automata. Sets are compared by taking them apart, which needs none.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use model::limits;

use super::pattern::Pattern;

/// Most states of an automaton.
pub const STATES: usize = 20_000;

/// Most edges of an automaton.
pub const EDGES: usize = 400_000;

/// The sets cannot be told apart within the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the patterns are too complex to be compared exactly")]
pub struct TooComplex;

/// No way leads from it to acceptance: the sink of what does not belong.
const NEVER: u32 = 0;
/// All ways from it accept.
const ALWAYS: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Where the characters lead that differ from the others, by character.
    edges: Box<[(char, u32)]>,
    /// Where every other character leads.
    others: u32,
}

impl State {
    fn sink(itself: u32) -> Self {
        State { edges: Box::default(), others: itself }
    }

    fn to(&self, c: char) -> u32 {
        self.edges.binary_search_by_key(&c, |edge| edge.0).map_or(self.others, |at| self.edges[at].1)
    }

    fn targets(&self) -> impl Iterator<Item = u32> + '_ {
        self.edges.iter().map(|edge| edge.1).chain([self.others])
    }

    /// A character that takes the edge for others: a letter if one is left, else the first that is.
    fn other(&self) -> Option<char> {
        let free = |c: &char| self.edges.binary_search_by_key(c, |edge| edge.0).is_err();
        ('a'..='z').chain('0'..='9').chain('!'..=char::MAX).find(free)
    }
}

/// A set of keys.
#[derive(Debug, Clone)]
pub struct Regular {
    /// The first two are the sinks.
    states: Vec<State>,
    accepting: Vec<bool>,
    start: u32,
}

impl Regular {
    /// Of no key.
    pub fn none() -> Self {
        Regular { states: vec![State::sink(NEVER), State::sink(ALWAYS)], accepting: vec![false, true], start: NEVER }
    }

    /// Of every key.
    pub fn all() -> Self {
        Regular { start: ALWAYS, ..Regular::none() }
    }

    /// Of the keys that match `pattern`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn of(pattern: &Pattern) -> Result<Self, TooComplex> {
        let mut builder = Builder::new();
        let mut settle = |at: &Vec<usize>| match at.as_slice() {
            [] => Some(NEVER),
            at if pattern.accepts_all(at) => Some(ALWAYS),
            _ => None,
        };
        let start = builder.place(pattern.begin(), &mut settle)?;
        while let Some(at) = builder.next() {
            let told: BTreeSet<char> = pattern.characters(&at).collect();
            let stranger = State { edges: told.iter().map(|&c| (c, NEVER)).collect(), others: NEVER }.other();
            builder.add(
                pattern.accepts(&at),
                told.into_iter().map(|c| (c, pattern.step(&at, c))),
                stranger.map_or_else(Vec::new, |c| pattern.step(&at, c)),
                &mut settle,
            )?;
        }
        Ok(builder.finish(start))
    }

    /// Of what is in any of `patterns`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn any<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Result<Self, TooComplex> {
        let sets = patterns.into_iter().map(Regular::of).collect::<Result<Vec<_>, _>>()?;
        let sets: Vec<&Regular> = sets.iter().collect();
        Ok(Partition::of(&sets)?.select(|member| !member.is_empty()))
    }

    /// Whether `key` belongs.
    pub fn contains(&self, key: &str) -> bool {
        self.accepting[self.run(key) as usize]
    }

    fn run(&self, key: &str) -> u32 {
        key.chars().fold(self.start, |state, c| self.states[state as usize].to(c))
    }

    /// Of what is in either.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn union(&self, other: &Regular) -> Result<Self, TooComplex> {
        Ok(Partition::of(&[self, other])?.select(|member| !member.is_empty()))
    }

    /// Of what is in both.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn intersection(&self, other: &Regular) -> Result<Self, TooComplex> {
        Ok(Partition::of(&[self, other])?.select(|member| member.len() == 2))
    }

    /// Of what is in this and not in `other`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn difference(&self, other: &Regular) -> Result<Self, TooComplex> {
        Ok(Partition::of(&[self, other])?.select(|member| member == [0]))
    }

    /// Of every key that is not in it.
    pub fn complement(&self) -> Self {
        let swapped = |state: u32| if state < 2 { 1 - state } else { state };
        let mut states: Vec<State> = self.states.clone();
        for state in &mut states[2..] {
            state.edges.iter_mut().for_each(|edge| edge.1 = swapped(edge.1));
            state.others = swapped(state.others);
        }
        let mut accepting: Vec<bool> = self.accepting.iter().map(|accepts| !accepts).collect();
        accepting[..2].copy_from_slice(&[false, true]);
        Regular { states, accepting, start: swapped(self.start) }
    }

    /// Whether no key belongs. A text that is longer than a key may be is no key.
    pub fn is_empty(&self) -> bool {
        self.shortest().is_none()
    }

    /// Whether every key of it is in `other`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn is_within(&self, other: &Regular) -> Result<bool, TooComplex> {
        Ok(self.difference(other)?.is_empty())
    }

    /// Whether both have the same keys.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn is_same(&self, other: &Regular) -> Result<bool, TooComplex> {
        Ok(Partition::of(&[self, other])?.select(|member| member.len() == 1).is_empty())
    }

    /// A key of it, of the fewest bytes that one has.
    pub fn shortest(&self) -> Option<String> {
        shortest(&self.states, self.start, |state| (state != NEVER).then(|| self.accepting[state as usize]))
            .next_match()
    }
}

/// Keys taken apart by several sets: a cell holds the keys that belong to the same of them.
#[derive(Debug, Clone)]
pub struct Partition {
    shape: Regular,
    /// To which cell a text belongs that ends in a state; a state for each.
    cell: Vec<u32>,
    /// Which sets each cell is in, ascending, and its shortest key.
    cells: Vec<Cell>,
}

/// Keys that belong to the same sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// To which, by their places, ascending.
    pub member: Vec<u32>,
    /// One of its keys, of the fewest bytes; `None`: no key is in it.
    pub shortest: Option<String>,
}

impl Partition {
    /// Takes all keys apart by `sets`.
    ///
    /// # Errors
    /// [`TooComplex`]
    pub fn of(sets: &[&Regular]) -> Result<Self, TooComplex> {
        // A tuple of the states of all sets, without those that are in their NEVER.
        type Tuple = Vec<(u32, u32)>;
        let mut builder: Builder<Tuple> = Builder::new();
        let mut places: Vec<Tuple> = vec![vec![], vec![(u32::MAX, u32::MAX)]];
        let mut settle = |tuple: &Tuple| tuple.is_empty().then_some(NEVER);
        let begin = sets.iter().zip(0u32..).filter(|(set, _)| set.start != NEVER).map(|(set, at)| (at, set.start));
        let start = builder.place(begin.collect(), &mut settle)?;
        while let Some(tuple) = builder.next() {
            let of = |&(set, state): &(u32, u32)| &sets[set as usize].states[state as usize];
            let told: BTreeSet<char> = tuple.iter().flat_map(|at| of(at).edges.iter().map(|edge| edge.0)).collect();
            let step = |to: &dyn Fn(&State) -> u32| -> Tuple {
                tuple.iter().map(|at| (at.0, to(of(at)))).filter(|at| at.1 != NEVER).collect()
            };
            let edges: Vec<(char, Tuple)> = told.into_iter().map(|c| (c, step(&|state| state.to(c)))).collect();
            builder.add(false, edges.into_iter(), step(&|state| state.others), &mut settle)?;
            places.push(tuple);
        }
        let shape = builder.finish(start);
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut cells: Vec<Cell> = vec![];
        let mut cell = Vec::with_capacity(places.len());
        for (place, tuple) in places.iter().enumerate() {
            if place == ALWAYS as usize {
                cell.push(u32::MAX);
                continue;
            }
            let accepts = |at: &&(u32, u32)| sets[at.0 as usize].accepting[at.1 as usize];
            let member: Vec<u32> = tuple.iter().filter(accepts).map(|at| at.0).collect();
            let id = *known.entry(member.clone()).or_insert_with(|| {
                cells.push(Cell { member, shortest: None });
                (cells.len() - 1) as u32
            });
            cell.push(id);
        }
        let mut partition = Partition { shape, cell, cells };
        partition.find_shortest();
        Ok(partition)
    }

    fn find_shortest(&mut self) {
        let mut missing = self.cells.len();
        let mut search = shortest(&self.shape.states, self.shape.start, |_| Some(true));
        while missing > 0
            && let Some((state, key)) = search.next_state()
        {
            let cell = &mut self.cells[self.cell[state as usize] as usize];
            if cell.shortest.is_none() {
                cell.shortest = Some(key);
                missing -= 1;
            }
        }
    }

    /// The cells. Some may have no key.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// In which cell `key` is.
    pub fn cell_of(&self, key: &str) -> usize {
        self.cell[self.shape.run(key) as usize] as usize
    }

    /// The set of the cells whose membership is `wanted`.
    pub fn select(&self, wanted: impl Fn(&[u32]) -> bool) -> Regular {
        let wanted: Vec<bool> = self.cells.iter().map(|cell| wanted(&cell.member)).collect();
        self.select_cells(|cell| wanted[cell])
    }

    /// The set of the cells of which `wanted` says so, by place.
    pub fn select_cells(&self, wanted: impl Fn(usize) -> bool) -> Regular {
        let accepting = self.cell.iter().map(|&cell| cell != u32::MAX && wanted(cell as usize)).collect();
        trim(&self.shape, accepting)
    }
}

/// An automaton of `shape` that accepts in other states: what cannot accept any more becomes NEVER, what cannot but accept
/// becomes ALWAYS, and what is not reached is gone.
fn trim(shape: &Regular, accepting: Vec<bool>) -> Regular {
    let count = shape.states.len();
    let mut back: Vec<Vec<u32>> = vec![vec![]; count];
    for (from, state) in shape.states.iter().enumerate() {
        state.targets().for_each(|to| back[to as usize].push(from as u32));
    }
    let leads_to = |wanted: bool| {
        let mut found: Vec<bool> = accepting.iter().map(|accepts| *accepts == wanted).collect();
        // The unused sink of the shape says nothing.
        found[ALWAYS as usize] = false;
        let mut todo: Vec<usize> = (0..count).filter(|&state| found[state]).collect();
        while let Some(state) = todo.pop() {
            for &from in &back[state] {
                if !std::mem::replace(&mut found[from as usize], true) {
                    todo.push(from as usize);
                }
            }
        }
        found
    };
    let (may_accept, may_refuse) = (leads_to(true), leads_to(false));
    let mut place: HashMap<u32, u32> = HashMap::new();
    let mut order: Vec<u32> = vec![];
    let mut at = |state: u32, order: &mut Vec<u32>| match state as usize {
        state if !may_accept[state] => NEVER,
        state if !may_refuse[state] => ALWAYS,
        _ => *place.entry(state).or_insert_with(|| {
            order.push(state);
            order.len() as u32 + 1
        }),
    };
    let mut trimmed = Regular::none();
    trimmed.start = at(shape.start, &mut order);
    let mut done = 0;
    while let Some(&state) = order.get(done) {
        done += 1;
        let old = &shape.states[state as usize];
        let others = at(old.others, &mut order);
        let edges: Vec<(char, u32)> = old.edges.iter().map(|edge| (edge.0, at(edge.1, &mut order))).collect();
        let edges = edges.into_iter().filter(|edge| edge.1 != others).collect();
        trimmed.states.push(State { edges, others });
        trimmed.accepting.push(accepting[state as usize]);
    }
    trimmed
}

/// Builds an automaton whose states are values of `T`, in the order in which they are met.
struct Builder<T> {
    known: HashMap<T, u32>,
    todo: std::collections::VecDeque<T>,
    built: Regular,
    edges: usize,
    /// States that have a number: the two sinks and those of `known`.
    count: usize,
}

impl<T: Clone + Eq + std::hash::Hash> Builder<T> {
    fn new() -> Self {
        let known = HashMap::new();
        Builder { known, todo: std::collections::VecDeque::new(), built: Regular::none(), edges: 0, count: 2 }
    }

    /// The state of `value`; `settle` knows those that are sinks.
    fn place(&mut self, value: T, settle: &mut impl FnMut(&T) -> Option<u32>) -> Result<u32, TooComplex> {
        if let Some(sink) = settle(&value) {
            return Ok(sink);
        }
        if let Some(&state) = self.known.get(&value) {
            return Ok(state);
        }
        if self.count >= STATES {
            return Err(TooComplex);
        }
        let state = self.count as u32;
        self.count += 1;
        self.known.insert(value.clone(), state);
        self.todo.push_back(value);
        Ok(state)
    }

    /// The next value whose edges are wanted, in the order of the states.
    fn next(&mut self) -> Option<T> {
        self.todo.pop_front()
    }

    fn add(
        &mut self,
        accepts: bool,
        edges: impl Iterator<Item = (char, T)>,
        others: T,
        settle: &mut impl FnMut(&T) -> Option<u32>,
    ) -> Result<(), TooComplex> {
        let others = self.place(others, settle)?;
        let mut kept = vec![];
        for (c, to) in edges {
            let to = self.place(to, settle)?;
            if to != others {
                kept.push((c, to));
            }
            self.edges += 1;
        }
        if self.edges > EDGES {
            return Err(TooComplex);
        }
        self.built.states.push(State { edges: kept.into(), others });
        self.built.accepting.push(accepts);
        Ok(())
    }

    fn finish(mut self, start: u32) -> Regular {
        self.built.start = start;
        self.built
    }
}

/// Walks the states of an automaton by the shortest text that leads to each, from one character to the longest key.
struct Search<'a, F> {
    states: &'a [State],
    /// `None`: not to be entered; else whether it is looked for.
    wanted: F,
    queue: BinaryHeap<Reverse<(usize, String, u32)>>,
    seen: HashSet<u32>,
}

fn shortest<F: Fn(u32) -> Option<bool>>(states: &[State], start: u32, wanted: F) -> Search<'_, F> {
    let mut search = Search { states, wanted, queue: BinaryHeap::new(), seen: HashSet::new() };
    search.from(start, "");
    search
}

impl<F: Fn(u32) -> Option<bool>> Search<'_, F> {
    fn from(&mut self, state: u32, text: &str) {
        let state = &self.states[state as usize];
        let others = state.other().map(|c| (c, state.others));
        for (c, to) in state.edges.iter().copied().chain(others) {
            let bytes = text.len() + c.len_utf8();
            if bytes <= limits::OBJECT_KEY_BYTES && !self.seen.contains(&to) && (self.wanted)(to).is_some() {
                self.queue.push(Reverse((bytes, format!("{text}{c}"), to)));
            }
        }
    }

    /// The next state and the shortest text that leads there.
    fn next_state(&mut self) -> Option<(u32, String)> {
        while let Some(Reverse((_, text, state))) = self.queue.pop() {
            if self.seen.insert(state) {
                self.from(state, &text);
                return Some((state, text));
            }
        }
        None
    }

    fn next_match(mut self) -> Option<String> {
        while let Some((state, text)) = self.next_state() {
            if (self.wanted)(state) == Some(true) {
                return Some(text);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The slow way, by the meaning of `*` and `?`.
    fn matches(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            ['?', rest @ ..] => !text.is_empty() && matches(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && matches(rest, &text[1..]),
        }
    }

    fn naive(pattern: &str, text: &str) -> bool {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        matches(&chars(pattern), &chars(text))
    }

    fn globs(pattern: &str) -> Regular {
        Regular::of(&Pattern::glob(pattern)).unwrap()
    }

    /// Every key of up to 5 of these characters, one of which no pattern has.
    fn keys() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..5 {
            let until = all.len();
            for at in from..until {
                for c in ['a', 'b', '/', 'й', '~'] {
                    all.push(format!("{}{c}", all[at]));
                }
            }
            from = until;
        }
        all.split_off(1)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_pattern_has_the_keys_that_match_it(pattern in "[ab/й*?]{0,6}", texts in prop::collection::vec("[ab/йx]{1,9}", 60)) {
            let (set, parsed) = (globs(&pattern), Pattern::glob(&pattern));
            for text in &texts {
                prop_assert_eq!(set.contains(text), naive(&pattern, text), "{}", text);
                prop_assert_eq!(parsed.matches(text), naive(&pattern, text), "{}", text);
                prop_assert_eq!(set.complement().contains(text), !naive(&pattern, text), "{}", text);
            }
        }

        #[test]
        fn what_may_follow_a_text_is_what_the_whole_pattern_says(
            pattern in "[ab/*?]{0,6}", begin in "[ab/]{0,4}", rest in "[ab/x]{0,4}"
        ) {
            let left = Pattern::glob(&pattern).after(&begin);
            prop_assert_eq!(left.iter().any(|p| p.matches(&rest)), naive(&pattern, &format!("{begin}{rest}")));
        }

        #[test]
        fn sets_are_joined_met_and_subtracted_as_sets_are(a in "[ab*?й]{0,5}", b in "[ab*?й]{0,5}", c in "[ab*?й]{0,5}") {
            let (x, y, z) = (globs(&a), globs(&b), globs(&c));
            let set = x.union(&y).unwrap().difference(&z).unwrap();
            let both = x.intersection(&y.complement()).unwrap();
            let mut some = None;
            for key in keys() {
                let expected = (naive(&a, &key) || naive(&b, &key)) && !naive(&c, &key);
                prop_assert_eq!(set.contains(&key), expected, "{}", key);
                prop_assert_eq!(both.contains(&key), naive(&a, &key) && !naive(&b, &key), "{}", key);
                if expected && some.is_none() {
                    some = Some(key);
                }
            }
            prop_assert!(both.is_same(&x.difference(&y).unwrap()).unwrap());
            prop_assert!(both.is_within(&x).unwrap());
            match set.shortest() {
                None => prop_assert_eq!(some, None),
                Some(shortest) => {
                    prop_assert!(set.contains(&shortest) && !shortest.is_empty());
                    prop_assert!(some.is_none_or(|some| shortest.len() <= some.len()));
                }
            }
        }

        #[test]
        fn every_key_is_in_the_one_cell_of_its_sets(patterns in prop::collection::vec("[ab/*?]{0,5}", 0..5)) {
            let sets: Vec<Regular> = patterns.iter().map(|pattern| globs(pattern)).collect();
            let partition = Partition::of(&sets.iter().collect::<Vec<_>>()).unwrap();
            let member = |key: &str| -> Vec<u32> {
                (0u32..).zip(&patterns).filter(|(_, pattern)| naive(pattern, key)).map(|(at, _)| at).collect()
            };
            for key in keys() {
                let cell = &partition.cells()[partition.cell_of(&key)];
                prop_assert_eq!(&cell.member, &member(&key));
                prop_assert!(cell.shortest.as_ref().is_some_and(|shortest| shortest.len() <= key.len()));
            }
            for cell in partition.cells() {
                if let Some(shortest) = &cell.shortest {
                    prop_assert_eq!(&cell.member, &member(shortest));
                }
            }
        }
    }

    #[test]
    fn a_text_longer_than_a_key_is_no_key() {
        let of = |bytes: usize| Regular::of(&Pattern::literal(&"k".repeat(bytes))).unwrap();
        assert_eq!(of(limits::OBJECT_KEY_BYTES).shortest().map(|key| key.len()), Some(limits::OBJECT_KEY_BYTES));
        assert!(of(limits::OBJECT_KEY_BYTES + 1).is_empty());
        assert!(of(0).is_empty() && !Regular::all().is_empty());
    }

    #[test]
    fn what_cannot_be_told_apart_within_the_bounds_is_an_error_and_not_an_answer() {
        let pattern = format!("*a{}", "?".repeat(40));
        assert_eq!(Regular::of(&Pattern::glob(&pattern)).err(), Some(TooComplex));
    }

    #[test]
    fn a_thousand_prefixes_are_told_apart() {
        let sets: Vec<Regular> =
            (0..1000).map(|n| Regular::of(&Pattern::prefix(&format!("tenant-{n:03}/"))).unwrap()).collect();
        let partition = Partition::of(&sets.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(partition.cells().iter().filter(|cell| cell.shortest.is_some()).count(), 1001);
        assert_eq!(partition.cells()[partition.cell_of("tenant-500/x")].member, [500]);
    }
}
