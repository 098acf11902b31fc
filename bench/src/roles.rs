//! What this program is when it starts itself: the server that is measured, or the plain peer.
//!
//! A server in its role takes two commands on stdin, if asked to: `count`, and `trace on|off`, which tells where
//! allocations came from. Reading them allocates nothing, so that the counting does not count itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::peer::{self, Answer};
use crate::{Outcome, counting, process};

/// The cores to run on, with commas between.
pub(crate) const CORES: &str = "BENCH_CORES";
/// Set if the server is to count its allocations and to take commands.
pub(crate) const CONTROL: &str = "BENCH_CONTROL";

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Bailiwick. The words that follow are those of its own command line.
    Server,
    /// Plain hyper. It reads an answer from stdin to its end, says where it listens, and repeats the answer.
    Peer,
}

impl Role {
    /// How the role is called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Role::Server => "role:server",
            Role::Peer => "role:peer",
        }
    }
}

/// Plays the role that the command line names, if it names one.
pub(crate) fn play(words: &[OsString]) -> Option<ExitCode> {
    let word = words.get(1)?;
    let role = [Role::Server, Role::Peer].into_iter().find(|role| word == role.word())?;
    let played = stay_in_place().and_then(|()| match role {
        Role::Server => Ok(serve(&words[2..])),
        Role::Peer => be_peer().map(|()| ExitCode::SUCCESS),
    });
    Some(played.unwrap_or_else(|error| {
        eprintln!("error: {}: {error}", role.word());
        ExitCode::FAILURE
    }))
}

fn stay_in_place() -> Outcome<()> {
    match std::env::var(CORES) {
        Ok(cores) if !cores.is_empty() => {
            process::stay_on(&cores.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?)
        }
        _ => Ok(()),
    }
}

fn serve(words: &[OsString]) -> ExitCode {
    if std::env::var_os(CONTROL).is_some() {
        counting::start();
        std::thread::spawn(take_commands);
    }
    server::run([OsString::from("bailiwick")].into_iter().chain(words.iter().cloned()))
}

/// As many worker threads as the server has: one for each core that this process may use.
fn be_peer() -> Outcome<()> {
    let mut answer = Vec::new();
    std::io::stdin().read_to_end(&mut answer)?;
    let answer = Answer::parse(&answer)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("peer {}", listener.local_addr()?);
        peer::serve(listener, answer).await
    })
}

fn take_commands() {
    let mut stdin = std::io::stdin().lock();
    let mut line = String::with_capacity(64);
    loop {
        line.clear();
        match stdin.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        match line.trim_end() {
            "count" => {
                let count = counting::count();
                let _ = writeln!(std::io::stdout(), "count {} {}", count.allocations, count.bytes);
            }
            "trace on" => counting::trace(true),
            "trace off" => {
                counting::trace(false);
                let mut places = BTreeMap::<String, usize>::new();
                for origin in counting::origins() {
                    *places.entry(place(&origin.to_string())).or_default() += 1;
                }
                for (place, count) in places {
                    let _ = writeln!(std::io::stdout(), "origin {count} {place}");
                }
                let _ = writeln!(std::io::stdout(), "origin end");
            }
            _ => {}
        }
    }
}

/// Where an allocation comes from: the innermost line of the product's own in a backtrace; for what hyper and tokio do
/// by themselves, their names.
///
/// Release builds know files and lines but no paths of functions, so that files are what is gone by.
fn place(backtrace: &str) -> String {
    let mut under = None;
    for line in backtrace.lines() {
        // `  12: function`, and below it `at /path/of/file.rs:line:column`.
        let Some(file) = line.trim_start().strip_prefix("at ") else { continue };
        if let Some((name, line)) = of_ours(file) {
            // The server's own frames are those around hyper's: what hyper allocates beneath them is hyper's.
            match under {
                Some(library) if name.starts_with("server/") => return library,
                _ => return format!("{name}:{line}"),
            }
        }
        if under.is_none() {
            under = of_library(file);
        }
    }
    under.unwrap_or_else(|| "elsewhere".to_owned())
}

/// `crate/file.rs` and the line, of a file of the product's.
fn of_ours(file: &str) -> Option<(String, &str)> {
    let (_, path) = file.rsplit_once("/crates/").or_else(|| Some(("", file.strip_prefix("crates/")?)))?;
    let (name, rest) = path.split_once("/src/")?;
    let (path, rest) = rest.split_once(':')?;
    Some((format!("{name}/{path}"), rest.split(':').next().unwrap_or(rest)))
}

/// The name of a library that works by itself, of a file in cargo's registry.
fn of_library(file: &str) -> Option<String> {
    let (_, path) = file.split_once("/registry/src/")?;
    let name = path.split('/').nth(1)?.rsplit_once('-')?.0;
    ["hyper", "hyper-util", "tokio", "redb"].contains(&name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_booked_on_the_innermost_line_of_ours() {
        let (std, hyper) =
            ("at /rustc/0/library/alloc/src/alloc.rs:9:1", "at /c/registry/src/i-1/hyper-1.2.3/src/h1.rs:1:2");
        let (s3, server) = ("at /x/crates/s3/src/wire/head.rs:12:5", "at crates/server/src/listen/accept.rs:3:4");
        let trace = |files: &[&str]| {
            let lines = files
                .iter()
                .enumerate()
                .map(|(at, file)| format!("  {at}: {{closure#0}}<x::Y>\n             {file}\n"));
            place(&lines.collect::<String>())
        };
        assert_eq!(trace(&[std, s3, hyper, server]), "s3/wire/head.rs:12");
        assert_eq!(trace(&[std, hyper, s3]), "s3/wire/head.rs:12");
        assert_eq!(trace(&[std, hyper, server]), "hyper");
        assert_eq!(trace(&[std, server]), "server/listen/accept.rs:3");
        assert_eq!(trace(&[std]), "elsewhere");
    }
}
