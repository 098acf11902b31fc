//! `cargo xtask fuzz`: the fuzz targets, guided by coverage.
//!
//! libFuzzer comes as source with the crate that binds it, and what it needs of the compiler, instrumentation of every edge
//! and comparison, is an LLVM pass that the stable compiler runs when told to by name. So this needs a C++ compiler beside
//! Rust, and no nightly, no sanitizer and no program to be installed.
//!
//! What is found by ordinary tests already is not the aim here: the same targets run on the seeds and on some thousand
//! inputs made of them in `cargo test`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Failure, Program};
use crate::step::heading;
use crate::workspace::{cargo, root, target};

/// Each is a module's function in `access` or `s3`, a binary of `fuzz/Cargo.toml`, and a directory of `fuzz/seeds`.
const TARGETS: [&str; 6] = ["policy", "pattern", "acl", "signature", "chunked", "path"];

/// How long each is fuzzed unless told, in seconds.
const SECONDS: u64 = 60;
/// Longest input, in bytes.
const LONGEST: usize = 4096;
/// Longer than any input of that length takes, in seconds.
const TIMEOUT_SECONDS: u64 = 10;
/// Most memory, in MiB.
const MEMORY_MIB: usize = 1024;
/// A clean build on two cores takes minutes.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// What the compiler is told, so that libFuzzer sees which edges an input reaches and what it compares.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// What is to be fuzzed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    seconds: u64,
    targets: Vec<&'static str>,
}

impl Wanted {
    /// From the words behind `fuzz`.
    pub(crate) fn parse(words: &[String]) -> Result<Wanted, Failure> {
        let mut wanted = Wanted { seconds: SECONDS, targets: TARGETS.to_vec() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--seconds" => {
                    let text = value()?;
                    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                    wanted.seconds = seconds.ok_or_else(|| format!("--seconds takes a number from 1, not {text}"))?;
                }
                "--only" => {
                    let named = value()?.split(',').map(|name| {
                        let known = TARGETS.iter().find(|target| **target == name);
                        known.copied().ok_or_else(|| format!("there is no target {name}; there are {TARGETS:?}"))
                    });
                    wanted.targets = named.collect::<Result<_, Failure>>()?;
                }
                _ => return Err(format!("`fuzz` knows no {word}. See `cargo xtask help`")),
            }
        }
        Ok(wanted)
    }
}

/// Builds the targets and runs each for its time; whether none of them failed.
pub(crate) fn run(wanted: &Wanted) -> Result<bool, Failure> {
    let host = host()?;
    let dir = target().join("fuzz");
    heading("build of the fuzz targets");
    cargo()
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host, "--target-dir"])
        .arg(&dir)
        .env("RUSTFLAGS", INSTRUMENTED)
        .limit(BUILD_LIMIT)
        .show()
        .map_err(|failure| format!("{failure}\nIt needs a C++ compiler, as in Debian's package g++."))?;
    let mut failed = vec![];
    for name in &wanted.targets {
        heading(&format!("{name}, {} s", wanted.seconds));
        if let Err(failure) = fuzz(&dir.join(&host).join("release").join(name), name, wanted.seconds, &dir) {
            println!("{failure}");
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        let kept = dir.join("failures");
        println!("\nFAILED: {failed:?}. The inputs are in {}; a copy in fuzz/seeds makes each a test.", kept.display());
    }
    Ok(failed.is_empty())
}

fn fuzz(binary: &Path, name: &str, seconds: u64, dir: &Path) -> Result<(), Failure> {
    let made = |path: PathBuf| -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(&path).map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
        Ok(path)
    };
    // What it learns goes into the first directory; the seeds are only read.
    let (learned, failures) = (made(dir.join("corpus").join(name))?, made(dir.join("failures").join(name))?);
    Program::new(binary)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={TIMEOUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .args(["-verbosity=0", "-print_funcs=0", "-print_final_stats=1"])
        .arg(learned)
        .arg(root().join("fuzz/seeds").join(name))
        .limit(Duration::from_secs(seconds + 120))
        .show()
}

/// The target that this compiler builds for by itself.
fn host() -> Result<String, Failure> {
    let said = Program::new("rustc").arg("-vV").run()?.done()?.stdout;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| format!("rustc does not say for which host it is:\n{said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Wanted, Failure> {
        Wanted::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_targets_are_fuzzed_for_a_minute_unless_told_otherwise() {
        assert_eq!(parse(""), Ok(Wanted { seconds: 60, targets: TARGETS.to_vec() }));
        assert_eq!(parse("--seconds 5 --only acl,path"), Ok(Wanted { seconds: 5, targets: vec!["acl", "path"] }));
        for bad in ["--seconds", "--seconds 0", "--seconds x", "--only nothing", "--fast"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_target_is_a_binary_and_has_seeds() {
        let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for name in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
            let seeds = std::fs::read_dir(root().join("fuzz/seeds").join(name)).unwrap().count();
            assert!(seeds > 2, "{name} has {seeds} seeds");
        }
    }
}
