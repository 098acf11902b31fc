//! The project's chores, as `cargo xtask CHORE`: all tests, the real clients among them, and the rules that no compiler
//! checks.
//!
//! A chore needs Rust and nothing else, `fuzz` a C++ compiler too. What the real clients need it installs itself, saying so, and what it could not
//! get it names: a run in which a client is missing fails, unless `BAILIWICK_CLIENTS_OPTIONAL=1` says otherwise.

mod bench;
mod clients;
mod fuzz;
mod layers;
mod licences;
mod process;
mod soak;
mod spdx;
mod step;
mod suite;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clients::Wanted;
use process::Failure;

const HELP: &str = "\
cargo xtask CHORE

  test                   every test: formatting, lints, tests, dependencies, and the real clients
  clients                the real clients alone, against a server built for release
    --only NAME,NAME     these clients; docs/clients.md stays as it is
    --server PATH        this binary instead of building one
    --keep               keep the clients' files and the server's data
  fuzz                   the fuzz targets, each for a minute, guided by coverage; needs a C++ compiler
    --seconds N          each for so long
    --only NAME,NAME     these targets
  soak                   kill -9 in a loop under load, counted, on a server built for release
    --minutes N          for so long instead of five minutes
  bench                  the benchmarks, beside other stores: writes docs/performance.md
    --install-only       install the other stores, and measure nothing
    --as-is              install nothing, and measure those that are there
    --only PART,PART     these parts, and print what is found: reads, peers, scale, …
    --quick              short rounds: whether it works, not how fast it is
    …                    more of the program's own: `cargo run --release -p bench -- --help`
  arch                   whether the crates use each other as ARCHITECTURE.md says
  deny                   whether the dependencies' licences and sources are those that deny.toml allows

Environment:
  BAILIWICK_CLIENTS_OPTIONAL=1   a client that cannot be installed does not fail the run
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match chore(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the words say; whether all of it holds.
fn chore(words: &[String]) -> Result<bool, Failure> {
    let (name, rest) = words.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    match name {
        "clients" => clients::run(&wanted(rest)?).map(|tally| tally.holds()),
        "bench" => bench::run(&bench::Wanted::parse(rest)),
        "fuzz" => fuzz::run(&fuzz::Wanted::parse(rest)?),
        "soak" => soak::run(soak::minutes(rest)?),
        _ if !rest.is_empty() => {
            Err(format!("`{name}` takes nothing more, and {rest:?} was given. See `cargo xtask help`"))
        }
        "test" => suite::run(),
        "arch" => layers::check().map(|said| said_yes(&said)),
        "deny" => licences::check().map(|said| said_yes(&said)),
        "help" | "--help" | "-h" => Ok(said_yes(HELP)),
        _ => Err(format!("there is no chore `{name}`. See `cargo xtask help`")),
    }
}

fn said_yes(text: &str) -> bool {
    println!("{}", text.trim_end());
    true
}

fn wanted(words: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--only" => wanted.only = Some(value()?.split(',').map(str::to_owned).collect()),
            "--server" => wanted.server = Some(PathBuf::from(value()?)),
            "--keep" => wanted.keep = true,
            _ => return Err(format!("`clients` knows no {word}. See `cargo xtask help`")),
        }
    }
    Ok(wanted)
}
