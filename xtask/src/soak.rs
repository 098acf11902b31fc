//! `cargo xtask soak`: a server under load that is killed again and again, for as long as wanted, and counted.
//!
//! The rounds are those of the end-to-end test of twenty kills; here they go on, with a program built for release.

use std::time::Duration;

use crate::process::Failure;
use crate::step::heading;
use crate::workspace::cargo;

/// How long unless told, in minutes.
const MINUTES: f64 = 5.0;
/// The most that can be wished for, in minutes: a week.
const MOST_MINUTES: f64 = 7.0 * 24.0 * 60.0;
/// A clean build on two cores, and the last round, take minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// How many minutes the words behind `soak` say.
pub(crate) fn minutes(words: &[String]) -> Result<f64, Failure> {
    match words {
        [] => Ok(MINUTES),
        [flag, text] if flag == "--minutes" => {
            let minutes = text.parse().ok().filter(|minutes| *minutes > 0.0 && *minutes <= MOST_MINUTES);
            minutes.ok_or_else(|| format!("--minutes takes a number above 0 and up to {MOST_MINUTES}, not {text}"))
        }
        other => Err(format!("`soak` knows `--minutes N` and nothing else, not {other:?}. See `cargo xtask help`")),
    }
}

/// Kills for so long; whether nothing acknowledged was lost.
pub(crate) fn run(minutes: f64) -> Result<bool, Failure> {
    heading(&format!("kill -9 under load, {minutes} minutes"));
    cargo()
        .args(["test", "--release", "-p", "e2e", "--test", "it", "--"])
        .args(["--ignored", "--exact", "durability::soak", "--nocapture"])
        .env("BAILIWICK_SOAK_MINUTES", minutes.to_string())
        .limit(BUILD_LIMIT + Duration::from_secs_f64(minutes * 60.0))
        .show()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_minutes_and_nothing_else() {
        let parse = |line: &str| minutes(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse(""), Ok(MINUTES));
        assert_eq!(parse("--minutes 0.5"), Ok(0.5));
        for wrong in ["--minutes", "--minutes 0", "--minutes -1", "--minutes x", "--minutes 1e9", "--hours 1", "5"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
