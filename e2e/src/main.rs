//! The program, under a name of its own, so that its tests find it.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::run(std::env::args_os())
}
