//! What `access` promises: a table of every decision for people to read, a second opinion on random ones, and the laws
//! that hold for all of them.

mod admission;
mod combined;
mod decisions;
mod golden;
mod laws;
mod naive;
mod policy;
mod policy_laws;
mod policy_naive;
mod policy_world;
mod situations;
mod world;
