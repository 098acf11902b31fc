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
mod sigv2;
mod sigv4;
#[cfg(test)]
mod vectors;
mod when;

pub use address::Style;

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
