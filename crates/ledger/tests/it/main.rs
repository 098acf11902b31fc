//! What the ledger promises, tried on the reference engine.

mod chain;
mod formats;
mod usage;
mod world;
