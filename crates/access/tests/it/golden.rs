//! Comparing a text with its golden file, and telling what differs.

use std::fmt::Write;
use std::path::Path;

/// Most differing lines that a failure prints.
const SHOWN: usize = 60;

/// Fails, with the lines that differ, unless `text` is what `tests/golden/NAME` holds. With `BLESS=1` in the
/// environment it writes the file instead.
pub fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if golden != text {
        panic!(
            "{name} changed:\n{}\nIf that is meant: BLESS=1 cargo test -p access, and look at the diff again.",
            difference(&golden, text)
        );
    }
}

/// The lines that differ, each under the heading that it stands under.
fn difference(golden: &str, now: &str) -> String {
    let place = |text: &str| -> Vec<(String, String)> {
        let mut heading = String::new();
        let mut lines = vec![];
        for line in text.lines() {
            if line.starts_with('#') {
                heading = line.to_owned();
            }
            lines.push((heading.clone(), line.to_owned()));
        }
        lines
    };
    let (golden, now) = (place(golden), place(now));
    let (was, is): (std::collections::HashSet<_>, std::collections::HashSet<_>) =
        (golden.iter().collect(), now.iter().collect());
    let gone = golden.iter().filter(|line| !is.contains(line)).map(|line| ('-', line));
    let come = now.iter().filter(|line| !was.contains(line)).map(|line| ('+', line));
    let mut changed: Vec<_> = gone.chain(come).collect();
    changed.sort_by_key(|(_, (heading, line))| (heading.clone(), line.split('|').nth(1).map(str::to_owned)));
    let mut out = String::new();
    for (sign, (heading, line)) in changed.iter().take(SHOWN) {
        writeln!(out, "{sign} {heading}  {line}").expect("writing to memory cannot fail");
    }
    if changed.len() > SHOWN {
        writeln!(out, "… and {} more lines", changed.len() - SHOWN).expect("writing to memory cannot fail");
    }
    if changed.is_empty() { "the order of lines".into() } else { out }
}
