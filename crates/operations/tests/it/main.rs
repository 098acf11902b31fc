//! What the store promises, on the in-memory engine and store of bodies.

mod admin;
mod bookkeeping;
mod care;
mod failures;
mod keys;
mod objects;
mod reach;
mod revocation;
mod shares;
mod tags;
mod uploads;
mod why;
mod world;
