//! Checks that are made by a script in a client's own language.
//!
//! The script prints one JSON object a line: `{"check": …, "seconds": …}` for what held, with `"failed": …` for what did
//! not, and `{"end": true}` as its last. One that stops half-way has no such line, and that is a failure too.

use std::time::Duration;

use serde_json::Value;

use crate::process::{Failure, Program};
use crate::workspace::root;

use super::desk::Desk;
use super::sheet::{Outcome, Sheet};
use super::tools::Tool;
use super::world::{PRIVATE, REGION, SECRET};

/// All checks of a script together.
const LIMIT: Duration = Duration::from_secs(300);

/// Reads a script of `e2e/clients`.
pub(crate) fn read(name: &str) -> Result<String, Failure> {
    let path = root().join("e2e/clients").join(name);
    std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// The program that runs a script, with what the script needs to know in its environment.
pub(crate) fn program(desk: &Desk, tool: Tool) -> Result<Program, Failure> {
    let owner = &desk.world().owner;
    let mut program = desk.program(tool)?.limit(LIMIT);
    for (name, value) in [
        ("ENDPOINT", desk.endpoint()),
        ("REGION", REGION),
        ("BUCKET", &desk.bucket),
        ("PRIVATE", PRIVATE),
        ("SECRET", SECRET),
        ("GUEST_EMAIL", &desk.email),
        ("GUEST_KEY_ID", &desk.guest.id),
        ("GUEST_SECRET", &desk.guest.secret),
        ("OWNER_KEY_ID", &owner.id),
        ("OWNER_SECRET", &owner.secret),
    ] {
        program = program.env(name, value);
    }
    Ok(program)
}

/// Runs the script and takes its checks over.
pub(crate) fn run(program: Result<Program, Failure>, sheet: &mut Sheet) {
    let ran = match program.and_then(Program::run) {
        Ok(ran) => ran,
        Err(failure) => return sheet.check("the checks run to their end", || Err(failure)),
    };
    let mut ended = false;
    for line in ran.stdout.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(value) if value["end"] == true => ended = true,
            Ok(value) => {
                let took = Duration::try_from_secs_f64(value["seconds"].as_f64().unwrap_or_default());
                let failed = value["failed"].as_str().map(|failure| Outcome::Failed(failure.to_owned()));
                let check = value["check"].as_str().unwrap_or("a check without a name");
                sheet.note(check, failed.unwrap_or(Outcome::Passed), took.unwrap_or_default());
            }
            Err(_) => println!("        {line}"),
        }
    }
    if !ended || !ran.succeeded() {
        sheet.check("the checks run to their end", || Err(ran.but("stopped half-way")));
    }
}
