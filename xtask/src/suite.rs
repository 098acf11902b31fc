//! `cargo xtask test`: every test there is, cheapest first.
//!
//! Two compilations of the workspace and no more: one with debug assertions for lints and tests, one for release, which
//! the real clients meet.

use std::time::Duration;

use crate::clients::{self, Wanted};
use crate::process::Failure;
use crate::step::Steps;
use crate::workspace::cargo;
use crate::{layers, licences};

/// A clean build on two cores takes minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(40 * 60);

/// Runs everything; whether all of it holds. The last line counts the real clients' checks.
pub(crate) fn run() -> Result<bool, Failure> {
    let mut steps = Steps::default();
    steps.step("formatting", || in_cargo(&["fmt", "--all", "--check"]));
    steps.step("architecture", || layers::check().map(|said| println!("{said}")));
    steps.step("licences and sources", || licences::check().map(|said| print!("{said}")));
    steps.step("lints", || in_cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]));
    steps.step("tests", || in_cargo(&["test", "--workspace", "--no-fail-fast"]));
    let built = steps.step("build for release", || in_cargo(&["build", "--release", "--package", "server"]));
    let mut tally = None;
    if built {
        steps.step("real clients", || {
            let found = clients::run(&Wanted { server: Some(clients::release_binary()), ..Wanted::default() })?;
            let holds = found.holds();
            tally = Some(found);
            if holds { Ok(()) } else { Err("see the checks above".to_owned()) }
        });
    }
    let holds = steps.close();
    println!("{}", tally.unwrap_or_default());
    Ok(holds)
}

fn in_cargo(words: &[&str]) -> Result<(), Failure> {
    cargo().args(words).limit(BUILD_LIMIT).show()
}
