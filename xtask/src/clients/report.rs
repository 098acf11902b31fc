//! `docs/clients.md`: every check of the last whole run, for who asks whether their client works.
//!
//! The same run writes the same text: no times, no ports, no order but that of the clients' list.

use crate::process::Failure;
use crate::workspace::root;

use super::sheet::{Outcome, Row, Sheet};

const HEAD: &str = "\
# Clients that work

Written by `cargo xtask clients`, which `cargo xtask test` runs too; not by hand.

Each client got a bucket of the owner's and a guest's key, with READ and WRITE granted by e-mail address, as in the
README. What says *owner* was done with the owner's key, all else with the guest's. Clients are installed as people
install them: aws-v2 and restic from Debian, aws-sdk-js from npm, the others from PyPI. The cards are what
`bailiwick share --for CLIENT` prints, used as it stands. Of Cyberduck, which has no package there, only the bookmark was
read, by Python's plistlib.

Each `preset-…` is a bucket that was shared by that preset, and nothing but the key of that share: with its card pasted, the
programs that the preset is for do all of their job, and what it withholds is refused; so is everything on another bucket.
The rows without a program are tried with boto3, request by request. In `network` the server has TLS by a certificate of its
own, a region that clients do not expect, and buckets as names of hosts.

| client | version | what was run | result |
| --- | --- | --- | --- |
";

/// A failure is told at this length here, and in full by the run.
const TOLD_CHARACTERS: usize = 160;

/// Writes the table.
pub(crate) fn write(sheet: &Sheet) -> Result<(), Failure> {
    let path = root().join("docs/clients.md");
    std::fs::write(&path, render(sheet.rows()))
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn render(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        let result = match &row.outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Failed(failure) => format!("**failed**: {}", cell(failure)),
            Outcome::NotRun(reason) => format!("not run: {}", cell(reason)),
        };
        text.push_str(&format!("| {} | {} | {} | {result} |\n", row.client, row.version, cell(&row.check)));
    }
    text
}

fn cell(text: &str) -> String {
    // Where the checkout lies is nobody's business.
    let text = text.replace(&*root().to_string_lossy(), ".");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    match line.char_indices().nth(TOLD_CHARACTERS) {
        None => line,
        Some((at, _)) => format!("{} …", &line[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_many_lines_is_one_cell() {
        let row = Row {
            client: "c".into(),
            version: "1.0".into(),
            check: "`ls | wc`".into(),
            outcome: Outcome::Failed(format!("a\n| b\n{}", "x".repeat(500))),
        };
        let text = render(&[row]);
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("| c | 1.0 | `ls \\| wc` | **failed**: a \\| b xxx"), "{last}");
        assert!(last.ends_with("x … |") && last.len() < 260, "{last}");
    }
}
