//! Whether the crates use each other as ARCHITECTURE.md says they may.
//!
//! The table there is the rule: its first column names a crate, its second the crates of ours that it may use, `all`, or
//! `–` for none. What stands under `crates/` must have a row. Dependencies of tests are exempt.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process::Failure;
use crate::workspace::{list, metadata, root, text};

/// What a crate may use of ours.
#[derive(Debug, PartialEq, Eq)]
enum May {
    All,
    These(BTreeSet<String>),
}

/// Compares the table with what the crates declare; the failure names every difference.
pub(crate) fn check() -> Result<String, Failure> {
    let path = root().join("ARCHITECTURE.md");
    let document =
        std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let rules = table(&document)?;
    let metadata = metadata(&["--no-deps"])?;
    let wrong = differences(&rules, list(&metadata, "packages"));
    if wrong.is_empty() {
        Ok(format!("{} crates use each other as ARCHITECTURE.md says", rules.len()))
    } else {
        Err(format!("ARCHITECTURE.md and the crates disagree:\n{}", wrong.join("\n")))
    }
}

/// The first table whose header begins with `| crate |`.
fn table(document: &str) -> Result<BTreeMap<String, May>, Failure> {
    let mut lines = document.lines().skip_while(|line| !line.starts_with("| crate |"));
    lines.next().ok_or("ARCHITECTURE.md has no table whose header begins with `| crate |`")?;
    let mut rules = BTreeMap::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let (Some(name), Some(may)) = (cells.get(1), cells.get(2)) else {
            return Err(format!("this row of ARCHITECTURE.md has fewer than two cells: {line}"));
        };
        let names =
            may.split(',').map(|name| name.trim().trim_matches('`')).filter(|name| !matches!(*name, "" | "–" | "-"));
        let may = if *may == "all" { May::All } else { May::These(names.map(str::to_owned).collect()) };
        if rules.insert((*name).to_owned(), may).is_some() {
            return Err(format!("ARCHITECTURE.md has two rows for {name}"));
        }
    }
    Ok(rules)
}

fn differences(rules: &BTreeMap<String, May>, packages: &[Value]) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| text(package, "name")).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some(may) = rules.get(name) else {
            if text(package, "manifest_path").contains("/crates/") {
                wrong.push(format!("  {name} has no row"));
            }
            continue;
        };
        let May::These(may) = may else { continue };
        for used in list(package, "dependencies").iter().filter(|used| used["kind"] != "dev") {
            let used = text(used, "name");
            if ours.contains(used) && !may.contains(used) {
                wrong.push(format!("  {name} uses {used}, which its row does not allow"));
            }
        }
    }
    for (name, may) in rules {
        let named = match may {
            May::All => BTreeSet::new(),
            May::These(may) => may.iter().map(String::as_str).collect(),
        };
        for unknown in named.into_iter().chain([name.as_str()]).filter(|name| !ours.contains(name)) {
            wrong.push(format!("  the row of {name} names {unknown}, which is no crate of this workspace"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_crates_use_each_other_as_the_architecture_says() {
        check().unwrap();
    }

    fn package(name: &str, uses: &[(&str, Option<&str>)]) -> Value {
        let uses: Vec<Value> = uses.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        json!({ "name": name, "manifest_path": format!("/w/crates/{name}/Cargo.toml"), "dependencies": uses })
    }

    #[test]
    fn a_use_that_no_row_allows_is_found_whichever_way_it_arises() {
        let document = "text\n\n| crate | may use | promises |\n|---|---|---|\n| model | – | x |\n| kv | `model` | x |\n| server | all | x |\n\n| crate | b |\n|---|---|\n| other | x |\n";
        let rules = table(document).unwrap();
        assert_eq!((rules.len(), &rules["server"]), (3, &May::All));
        let model = || package("model", &[("serde", None)]);
        let kv = |kind| package("kv", &[("model", None), ("testkit", kind)]);
        let rest = [
            package("server", &[("kv", None)]),
            json!({ "name": "testkit", "manifest_path": "/w/testkit/Cargo.toml" }),
        ];
        let with = |kv: Value, model: Value| differences(&rules, &[&[model, kv], &rest[..]].concat());
        assert!(with(kv(Some("dev")), model()).is_empty());
        for kind in [None, Some("build")] {
            assert!(with(kv(kind), model())[0].contains("kv uses testkit"));
        }
        assert!(with(kv(Some("dev")), package("model", &[("kv", None)]))[0].contains("model uses kv"));
        assert!(with(kv(Some("dev")), package("new", &[]))[0].contains("new has no row"));
        assert!(with(kv(Some("dev")), package("new", &[])).iter().any(|line| line.contains("no crate of this")));
        assert!(table("no table").is_err());
    }
}
