//! What the store promises, on the in-memory engine and store of bodies.

mod admin;
mod bookkeeping;
mod failures;
mod objects;
mod revocation;
mod uploads;
mod world;
