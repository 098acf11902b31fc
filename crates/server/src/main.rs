//! The program `bailiwick`.

use std::process::ExitCode;

/// A request makes a dozen short-lived allocations, some of them too large for what glibc keeps at hand
/// (`docs/decisions/0013-an-allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::run(std::env::args_os())
}
