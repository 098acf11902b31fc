//! Bodies: immutable runs of bytes under names that the store gives out.
//!
//! A body is staged, then published under a fresh [`BlobId`](model::BlobId), then read, then deleted; it never changes.
//! Publishing makes it durable; what no committed record names is garbage, and only garbage.
//!
//! Promises, held by every store through one suite ([`conformance`]):
//! - a published blob never changes, and nothing partial is readable;
//! - what is read is what was written, checked block by block, or the read fails as [`Error::Corrupt`];
//! - no user's text is in a file name;
//! - memory per upload and per read is bounded, whatever the size.
//!
//! Absent on purpose: keys, buckets, reference counts. Who names a blob is the catalog's business.

pub mod conformance;
mod error;
mod local;
mod memory;
mod store;

pub use error::Error;
pub use local::{Durability, LocalDisk, LocalOptions};
pub use memory::Memory;
pub use store::{BlobRef, Blobs, MAX_CHUNK_BYTES, Reader, Staged, SyncSeam};
