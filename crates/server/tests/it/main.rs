//! The built program, run as people and scripts run it.

mod bad_input;
mod commands;
mod life;
mod program;
mod trial;
