//! Ordered bytes with atomic, durable, conditional changes: the one place where metadata lives.
//!
//! A [`Change`] is a value, not a closure: conditions and writes, decided by the caller from what it read, and applied
//! all or not at all. That makes it one round trip on a database server, one of many in a group commit on the embedded
//! engine, printable in a failing test, and replayable.
//!
//! Promises, held by every engine through one suite ([`conformance`]):
//! - a commit is all or nothing, and durable when it returns `Ok`;
//! - one read call is consistent in itself; nothing holds a snapshot across calls;
//! - after an outcome that is not known (a failed sync), nothing more is written until the store is reopened.
//!
//! Absent on purpose: record formats, S3, retries. A conflict is told to the caller, who decides anew.

mod answer;
mod chain;
pub mod conformance;
mod embedded;
mod engine;
mod entry;
mod error;
mod memory;

pub use answer::Answer;
pub use embedded::{Compacted, Durability, Embedded, EmbeddedOptions, PlainFile, Room, Snapshot, SyncSeam};
pub use engine::{
    Change, Commit, Engine, EntryOrPrefix, Key, KeyRange, ListQuery, Listing, Page, Receipt, Require, Write,
    decode_counter, log_entry_key,
};
pub use entry::Entry;
pub use error::{Conflict, Error};
pub use memory::Memory;
