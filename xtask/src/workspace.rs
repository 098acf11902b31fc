//! Where the workspace is and what it consists of.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Failure, Program};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies below the root")
}

/// Where cargo puts what it builds, and this crate what it installs.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Program {
    Program::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).dir(root())
}

/// What `cargo metadata` says, with the words given to it.
pub(crate) fn metadata(words: &[&str]) -> Result<Value, Failure> {
    let ran = cargo().args(["metadata", "--format-version", "1"]).args(words).run()?.done()?;
    serde_json::from_str(&ran.stdout).map_err(|error| format!("cargo metadata answers what is not JSON: {error}"))
}

/// The list at `name` of a JSON object; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The text at `name` of a JSON object; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
