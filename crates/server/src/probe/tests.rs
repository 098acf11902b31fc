//! What the tests of the parts share.

use clap::Parser as _;

use super::places::Place;
use crate::cli::{Bailiwick, ProbeFlags, Verb};

/// The flags of `bailiwick probe --endpoint http://127.0.0.1:9 …`.
pub(super) fn flags(words: &[&str]) -> ProbeFlags {
    let all = [&["bailiwick", "probe", "--endpoint", "http://127.0.0.1:9"], words].concat();
    match Bailiwick::try_parse_from(all).unwrap().verb {
        Verb::Probe(flags) => flags,
        other => panic!("{other:?}"),
    }
}

/// All of a bucket.
pub(super) fn place(bucket: &str) -> Place {
    Place { bucket: bucket.into(), prefix: String::new(), except: None }
}
