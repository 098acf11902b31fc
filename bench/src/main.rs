//! The benchmarks; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::run(std::env::args_os())
}
