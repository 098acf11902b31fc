//! The engines from outside: the promises, both engines against each other, and the embedded one against a bad disk.

mod compaction;
mod durability;
mod kill;
mod model;
mod opening;
mod probe;
mod promises;
mod room;
mod snapshots;
mod store;
