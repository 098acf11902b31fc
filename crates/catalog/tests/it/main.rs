//! What the catalog promises, tried on the reference engine.

mod formats;
mod laws;
mod listing;
mod uploads;
mod vacancy;
mod world;
