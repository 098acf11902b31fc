//! Whether the dependencies' licences and sources are those that `deny.toml` allows.
//!
//! This is the part of `cargo deny` that must hold at every run, read from the same file, without a program that takes
//! longer to build than the product. Where `cargo deny` is installed it is run too, for the rest of what it knows.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Table;

use crate::process::Failure;
use crate::spdx;
use crate::workspace::{cargo, list, metadata, root, text};

/// Checks; the answer says what was found, the failure names each package that is not allowed.
pub(crate) fn check() -> Result<String, Failure> {
    let path = root().join("deny.toml");
    let file = std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let rules: Table = file.parse().map_err(|error| format!("{} is not TOML: {error}", path.display()))?;
    let ours = metadata(&["--all-features"])?;
    // A workspace of its own, whose packages no build of the product has.
    let fuzzing = metadata(&["--manifest-path", "fuzz/Cargo.toml"])?;
    let packages = list(&ours, "packages");
    let mut wrong = refused(&rules, packages)?;
    wrong.extend(refused(&rules, list(&fuzzing, "packages"))?);
    if !wrong.is_empty() {
        return Err(format!("deny.toml does not allow:\n{}", wrong.join("\n")));
    }
    let mut answer =
        format!("{} packages: every licence and every source is one that deny.toml allows\n", packages.len());
    for (name, versions) in twice(packages) {
        answer.push_str(&format!("note: {name} is there in versions {versions}\n"));
    }
    answer.push_str(&cargo_deny()?);
    Ok(answer)
}

fn refused(rules: &Table, packages: &[Value]) -> Result<Vec<String>, Failure> {
    let licences = strings(rules, "licenses", "allow")?;
    let registries = strings(rules, "sources", "allow-registry")?;
    let mut wrong = Vec::new();
    for package in packages {
        let called = format!("{} {}", text(package, "name"), text(package, "version"));
        match package["license"].as_str() {
            None => wrong.push(format!("  {called}: it declares no licence")),
            Some(expression) => match spdx::permits(expression, &licences) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("  {called}: its licence, {expression}")),
                Err(failure) => wrong.push(format!("  {called}: {failure}")),
            },
        }
        // Without a source it is a crate of this workspace.
        if let Some(source) = package["source"].as_str() {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            if !registries.contains(&registry) {
                wrong.push(format!("  {called}: its source, {source}"));
            }
        }
    }
    Ok(wrong)
}

fn strings<'a>(rules: &'a Table, section: &str, key: &str) -> Result<Vec<&'a str>, Failure> {
    let array = rules.get(section).and_then(|section| section.get(key)).and_then(|value| value.as_array());
    let array = array.ok_or_else(|| format!("deny.toml has no list {section}.{key}"))?;
    array
        .iter()
        .map(|value| value.as_str().ok_or_else(|| format!("{section}.{key} in deny.toml holds more than texts")))
        .collect()
}

/// Packages of which there is more than one version.
fn twice(packages: &[Value]) -> Vec<(String, String)> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(text(package, "name")).or_default().push(text(package, "version"));
    }
    let twice = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    twice.map(|(name, versions)| (name.to_owned(), versions.join(", "))).collect()
}

fn cargo_deny() -> Result<String, Failure> {
    if !cargo().args(["deny", "--version"]).run().is_ok_and(|ran| ran.succeeded()) {
        return Ok("cargo-deny is not installed: its other checks were not made\n".to_owned());
    }
    let ran = cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]).run()?.done()?;
    let said = ran.said();
    Ok(format!("cargo deny: {}\n", said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("done")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_licence_or_a_source_that_is_not_listed_is_refused() {
        let rules: Table =
            "[licenses]\nallow = [\"MIT\"]\n[sources]\nallow-registry = [\"https://r\"]".parse().unwrap();
        let package = |licence: Option<&str>, source: Option<&str>| {
            vec![json!({ "name": "a", "version": "1.0.0", "license": licence, "source": source })]
        };
        let count = |packages: Vec<Value>| refused(&rules, &packages).unwrap().len();
        assert_eq!(count(package(Some("MIT"), Some("registry+https://r"))), 0);
        assert_eq!(count(package(Some("MIT"), None)), 0);
        assert_eq!(count(package(Some("GPL-3.0-only"), None)), 1);
        assert_eq!(count(package(None, None)), 1);
        assert_eq!(count(package(Some("MIT"), Some("git+https://r"))), 1);
        assert!(refused(&Table::new(), &[]).is_err());
    }
}
