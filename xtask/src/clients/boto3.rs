//! boto3, which most of what people write in Python uses. The checks are `e2e/clients/boto3_checks.py`.

use super::desk::Desk;
use super::files::write;
use super::script;
use super::sheet::Sheet;
use super::tools::Tool;

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let program = script::program(desk, Tool::Boto3).and_then(|program| {
        let path = write(&desk.path("boto3_checks.py"), script::read("boto3_checks.py")?.as_bytes())?;
        Ok(program.arg(path))
    });
    script::run(program, sheet);
}
