//! S3 on the wire: from an HTTP request to an operation of the store, and from its outcome to an HTTP answer.
//!
//! The key decision: the protocol is our own, over one declared table ([`table`]), because every hole of this kind of
//! server was a request that two of its parts read differently. A request is parsed once ([`wire`]), routed by the
//! table's allow-list, proven, and carried out by one handler for each operation; the same value goes through all of it.
//!
//! Invariants:
//! - an operation that is not in the table does not exist; a query key that its row does not take is refused;
//! - nothing of a body is read before the caller was proven and, where the store can tell without it, allowed; of a form,
//!   which proves its sender itself, at most 20 KiB are;
//! - what a request asks for and is not done is refused by name, never ignored;
//! - every error is one of S3's codes, by one exhaustive mapping.
//!
//! Absent on purpose: who may do what, how anything is stored, sockets, TLS, HTTP/1 itself.

pub mod error;
pub mod table;
pub mod wire;

mod checksum;
mod dates;
#[cfg(test)]
#[path = "../../../fuzz/driver.rs"]
mod fuzz_driver;
mod handlers;
mod reply;
mod service;
mod xml;

/// What must hold of any bytes at all: targets of `cargo xtask fuzz`.
#[cfg(feature = "fuzzing")]
pub mod fuzz {
    pub use crate::wire::fuzz::{chunked, path, signature};
    pub use crate::xml::fuzz::acl;
}

pub use reply::{Broken, ReplyBody};
pub use service::{Arrival, Service};
pub use xml::acl::{SentAcl, read_acl_file};
