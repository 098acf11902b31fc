//! The program and its server, from the outside.

mod callers;
mod damage;
mod durability;
mod examples;
mod field_fronts;
mod field_fuzz;
mod field_reach;
mod field_rig;
mod field_signatures;
mod field_surfaces;
mod form;
mod full_disk;
mod golden;
mod grants;
mod isolation;
mod network;
mod probe;
mod protocol_auth;
mod protocol_bodies;
mod protocol_forms;
mod protocol_routing;
mod protocol_xml;
mod reach_diff;
mod reach_proven;
mod secrets;
mod upkeep_backup;
mod upkeep_verify;
mod walkthrough;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_bailiwick-under-test");
