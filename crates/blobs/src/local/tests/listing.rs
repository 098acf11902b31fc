//! Listing against a set, with pages that are cut from one walk.

use std::collections::BTreeSet;

use super::*;
use crate::local::listing::{Cursor, page};

/// The epoch of the opening in the test; blobs below are of this one and of two before.
const EPOCH: u64 = 3;

#[derive(Debug, Clone)]
enum Step {
    Publish(u64),
    Delete(usize),
    /// The page after the last one, or from the start if there was none.
    Page(usize),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0u64..600).prop_map(Step::Publish),
        2 => any::<prop::sample::Index>().prop_map(|at| Step::Delete(at.index(10_000))),
        6 => (0usize..30).prop_map(Step::Page),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

#[test]
fn pages_are_those_of_a_set_whatever_is_published_and_deleted_between_them() {
    let dir = scratch_dir();
    let places = directory::open(dir.path(), &NoSync).unwrap().places;
    for foreign in ["00/lost+found", "01/00000000000000010000000000000000", "0a/0000000000000001000000000000000A"] {
        fs::write(dir.path().join("published").join(foreign), "").unwrap();
    }
    proptest!(ProptestConfig::with_cases(16), |(
        old in prop::collection::btree_set((1..=EPOCH, 0u64..600), 0..120),
        steps in steps(),
        ahead in 1usize..80,
    )| {
        let mut blobs: BTreeSet<BlobId> = old.into_iter().map(|(e, s)| BlobId::from_parts(e, s)).collect();
        blobs.iter().for_each(|id| fs::write(places.file_of(*id), "").unwrap());
        let cursor = Cursor::default();
        let mut after = None;
        for step in steps {
            match step {
                Step::Publish(sequence) => {
                    let id = BlobId::from_parts(EPOCH, sequence);
                    fs::write(places.file_of(id), "").unwrap();
                    blobs.insert(id);
                }
                Step::Delete(at) => {
                    let Some(id) = blobs.iter().nth(at % blobs.len().max(1)).copied() else { continue };
                    fs::remove_file(places.file_of(id)).unwrap();
                    blobs.remove(&id);
                }
                Step::Page(limit) => {
                    let found = page(&places, &cursor, EPOCH, after, limit, ahead).unwrap();
                    let expected = blobs.iter().filter(|id| after.is_none_or(|a| **id > a)).take(limit).copied();
                    prop_assert_eq!(&found, &expected.collect::<Vec<_>>());
                    after = found.last().copied().or(after);
                }
                Step::Restart => after = None,
            }
        }
        blobs.iter().for_each(|id| fs::remove_file(places.file_of(*id)).unwrap());
    });
}
