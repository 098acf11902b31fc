//! Backups: a consistent copy of a store's rows and bodies on a [`Shelf`], from which the store can be made again.
//!
//! The rows are cut into chunks at keys that the rows themselves choose, so that a change moves no boundary but its own, and
//! each chunk is stored under its SHA-256; each body is stored under its id and CRC-64. So what is on the shelf already is
//! never sent again, and what was sent never changes. A backup is one more small file, its manifest, which lists the chunks
//! and is written when all that it needs is there.
//!
//! Invariants:
//! - a backup that was interrupted is not there; what it had sent is used by the next;
//! - what is restored is what was backed up: each file is held to its digest before anything of it counts, and a file that
//!   does not hold is refused by name;
//! - a store's master key is never on the shelf, and a manifest that was not made under it is refused;
//! - memory is bounded, whatever is stored.
//!
//! Absent on purpose: what the rows mean (which bodies a row names is told by a function that comes in), removal of old
//! backups, compression, encryption.
//!
//! The files are described in `docs/format/backup.md`.

mod chunk;
mod directory;
mod error;
mod manifest;
mod names;
mod restore;
mod s3;
mod save;
mod shelf;
#[cfg(test)]
mod tests;

use blobs::BlobRef;
use kv::Entry;

pub use client::Credentials;
pub use directory::Directory;
pub use error::Error;
pub use manifest::Manifest;
pub use restore::{Restored, Target, backups, find, restore};
pub use s3::Bucket;
pub use save::{Origin, Saved, save};
pub use shelf::Shelf;

/// Which bodies, outside of the rows, a row names; or why that cannot be told.
pub type Named<'a> = &'a (dyn Fn(&Entry) -> Result<Vec<BlobRef>, String> + Send + Sync);

/// Who is told how many more bytes are done.
pub type Tell<'a> = &'a (dyn Fn(u64) + Send + Sync);
