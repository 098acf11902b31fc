//! Comparing a text with its golden file, and telling what differs.

use std::path::Path;

/// Fails, with the lines that differ, unless `text` is what `tests/it/golden/NAME` holds. With `BLESS=1` in the
/// environment it writes the file instead.
pub fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    if golden == text {
        return;
    }
    let without = |these: &str, those: &str, sign: char| -> Vec<String> {
        these.lines().filter(|line| !those.lines().any(|other| other == *line)).map(|l| format!("{sign} {l}")).collect()
    };
    let changed = [without(&golden, text, '-'), without(text, &golden, '+')].concat();
    let changed = if changed.is_empty() { "the order of lines".to_owned() } else { changed.join("\n") };
    panic!("{name} changed:\n{changed}\nIf that is meant: BLESS=1 cargo test -p e2e, and look at the diff again.");
}
