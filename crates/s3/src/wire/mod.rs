//! From bytes to a call, and from a call to a caller: one parser for path, query and headers, one router over the table
//! of operations, one place that verifies signatures, one that decodes bodies.
//!
//! Invariants:
//! - what is routed, what is signed and what is executed are read from one [`head::Head`];
//! - an operation, a sub-resource or a mechanism that is not expected is refused, never taken for another one;
//! - no header beginning with `x-amz-` counts unless the signature covers it;
//! - a body is handed on unframed, and its end is told only after everything that was promised about it was verified;
//! - comparisons of signatures and hashes take the same time whatever differs; memory does not depend on what a peer claims.
//!
//! Absent on purpose: decisions about access, and state.

pub(crate) mod address;
pub(crate) mod auth;
pub(crate) mod body;
mod chunked;
mod digests;
pub(crate) mod encoding;
pub(crate) mod facts;
pub(crate) mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod head;
pub(crate) mod payload;
pub(crate) mod router;
pub(crate) mod seen;
mod sigv2;
mod sigv4;
#[cfg(test)]
mod vectors;
mod when;

pub use address::Style;

use subtle::{Choice, ConstantTimeEq as _};

/// What the wire must know of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The region that signatures must be for.
    pub region: String,
    /// Domains under which `bucket.domain` names a bucket; without port, in any case.
    pub domains: Vec<String>,
    /// Whether every key may sign by SigV2.
    pub allow_sigv2: bool,
}

/// Whether two runs of bytes are the same, in the same time whatever differs but their length.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    // In words, which takes fewer steps; at most seven bytes are left.
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let words = a_words.iter().zip(b_words).map(|(a, b)| u64::from_ne_bytes(*a).ct_eq(&u64::from_ne_bytes(*b)));
    let same_length = Choice::from(u8::from(a.len() == b.len()));
    words.fold(same_length & a_rest.ct_eq(b_rest), |same, word| same & word).into()
}
