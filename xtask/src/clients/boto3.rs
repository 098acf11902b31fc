//! boto3, which most of what people write in Python uses. The checks are `e2e/clients/boto3_checks.py`.

use crate::process::{Failure, Program};

use super::desk::Desk;
use super::files::write;
use super::script;
use super::sheet::Sheet;
use super::tools::Tool;

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let program = checks(desk, "boto3_checks.py").and_then(|program| {
        let old = desk.world().old_key(&desk.email)?;
        Ok(program.env("OLD_KEY_ID", old.id).env("OLD_SECRET", old.secret))
    });
    script::run(program, sheet);
}

/// A script of checks with boto3, beside what all of them use.
pub(super) fn checks(desk: &Desk, name: &str) -> Result<Program, Failure> {
    for name in ["boto3_kit.py", name] {
        write(&desk.path(name), script::read(name)?.as_bytes())?;
    }
    Ok(script::program(desk, Tool::Boto3)?.arg(desk.path(name)))
}
