//! What identity promises, tried on the reference engine.

mod accounts;
mod authentication;
mod between;
mod keys;
mod master;
mod secrecy;
mod shares;
mod world;
