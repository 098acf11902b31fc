//! The real clients: programs that nobody here wrote, doing against a server what people do with them.
//!
//! Each client gets a bucket of the owner's and a guest's key that the owner granted READ and WRITE on it, by e-mail
//! address: the story that the product is for. With that key it does what it does first when a person configures it, then
//! its work, and then tries another bucket of the owner's, where everything must be refused. Each check is a row of
//! `docs/clients.md`, which a whole run writes.
//!
//! The presets of shares are met in the same way, each by the programs that it is for.
//!
//! A file here is one client. What a client said is kept only where a check fails.

mod aws;
mod boto3;
mod cards;
mod desk;
mod duplicity;
mod files;
mod http;
pub(crate) mod install;
mod network;
mod paste;
mod presets;
mod rclone;
mod report;
mod restic;
mod s3cmd;
mod s5cmd;
mod script;
mod sdk_js;
mod server;
mod sheet;
mod tools;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::process::Failure;
use crate::step::{heading, seconds};
use crate::workspace::{cargo, target};
use desk::Desk;
use sheet::Sheet;
pub(crate) use sheet::Tally;
use tools::{Tool, Toolbox};
use world::World;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Names of clients; all of them unless given.
    pub only: Option<Vec<String>>,
    /// The server's binary; built for release unless given.
    pub server: Option<PathBuf>,
    /// Keep the files even if all checks pass.
    pub keep: bool,
}

/// A client of the matrix.
struct Client {
    /// As in the table and after `--only`.
    name: &'static str,
    /// Its own program first, then what it needs beside.
    tools: &'static [Tool],
    /// The preset by which the bucket is shared with it; or it is a guest, to be granted what it needs.
    preset: Option<&'static str>,
    work: fn(&Desk, &mut Sheet),
}

impl Client {
    const fn guest(name: &'static str, tools: &'static [Tool], work: fn(&Desk, &mut Sheet)) -> Client {
        Client { name, tools, preset: None, work }
    }

    /// A preset, with the programs that it is for.
    const fn preset(
        name: &'static str,
        preset: &'static str,
        tools: &'static [Tool],
        work: fn(&Desk, &mut Sheet),
    ) -> Client {
        Client { name, tools, preset: Some(preset), work }
    }

    /// Whether what is met is ours, whichever programs meet it.
    fn is_ours(&self) -> bool {
        self.preset.is_some() || ["cards", "network"].contains(&self.name)
    }
}

const CLIENTS: [Client; 19] = [
    Client::guest("s3cmd", &[Tool::S3cmd], s3cmd::work),
    Client::guest("aws-v1", &[Tool::Aws1], aws::work_v1),
    Client::guest("aws-v2", &[Tool::Aws2], aws::work_v2),
    Client::guest("boto3", &[Tool::Boto3], boto3::work),
    Client::guest("rclone", &[Tool::Rclone], rclone::work),
    Client::guest("restic", &[Tool::Restic], restic::work),
    Client::guest("duplicity", &[Tool::Duplicity, Tool::Gpg], duplicity::work),
    Client::guest("s5cmd", &[Tool::S5cmd], s5cmd::work),
    Client::guest("aws-sdk-js", &[Tool::SdkJs], sdk_js::work),
    Client::guest(
        "cards",
        &[Tool::Bash, Tool::Aws1, Tool::Aws2, Tool::Rclone, Tool::Restic, Tool::Duplicity, Tool::Gpg, Tool::Boto3],
        cards::work,
    ),
    Client::guest("network", &[Tool::Openssl, Tool::Aws2, Tool::Restic, Tool::Rclone, Tool::Boto3], network::work),
    Client::preset("preset-read", "read", COPIERS, presets::read),
    Client::preset("preset-write", "write", COPIERS, presets::write),
    Client::preset("preset-read-write", "read-write", COPIERS, presets::read_write),
    Client::preset("preset-drop-box", "drop-box", COPIERS, presets::drop_box),
    Client::preset("preset-backup", "backup", COPIERS, presets::backup),
    Client::preset("preset-restic", "restic", &[Tool::Restic, Tool::Bash, Tool::Boto3], presets::restic),
    Client::preset(
        "preset-duplicity",
        "duplicity",
        &[Tool::Duplicity, Tool::Gpg, Tool::Bash, Tool::Boto3],
        presets::duplicity,
    ),
    Client::preset("preset-rclone-sync", "rclone-sync", &[Tool::Rclone, Tool::Bash, Tool::Boto3], presets::rclone_sync),
];

/// What the presets that are for no program in particular are tried with.
const COPIERS: &[Tool] = &[Tool::Bash, Tool::Aws2, Tool::Rclone, Tool::Boto3];

/// What a build for release leaves.
pub(crate) fn release_binary() -> PathBuf {
    target().join("release/bailiwick")
}

/// Runs the clients that are wanted, and writes the table if that is all of them.
pub(crate) fn run(wanted: &Wanted) -> Result<Tally, Failure> {
    let clients = chosen(wanted.only.as_deref())?;
    let binary = match &wanted.server {
        Some(binary) => binary.clone(),
        None => {
            heading("build for release");
            cargo().args(["build", "--release", "--package", "server"]).limit(Duration::from_secs(40 * 60)).show()?;
            release_binary()
        }
    };
    heading("installing what the clients need");
    let begun = Instant::now();
    // The owner's side of every client's story is told with s3cmd.
    let tools: BTreeSet<Tool> = clients.iter().flat_map(|client| client.tools).copied().chain([Tool::S3cmd]).collect();
    let tools = Toolbox::gather(&tools);
    println!("-- done in {}", seconds(begun.elapsed()));

    let begun = Instant::now();
    let mut sheet = Sheet::default();
    match tools.path(Tool::S3cmd) {
        Ok(_) => meet_all(&clients, &binary, &tools, wanted.keep, &mut sheet)?,
        Err(reason) => {
            clients.iter().for_each(|client| sheet.not_run(client.name, &format!("the owner has no s3cmd: {reason}")));
        }
    }
    if wanted.only.is_none() {
        report::write(&sheet)?;
    }
    let tally = sheet.tally();
    println!("\nreal clients: {} clients in {}", clients.len(), seconds(begun.elapsed()));
    sheet.what_did_not_pass().for_each(|line| println!("{line}"));
    println!("{tally}");
    Ok(tally)
}

/// Starts the server, and lets one client after the other meet it.
fn meet_all(clients: &[&Client], binary: &Path, tools: &Toolbox, keep: bool, sheet: &mut Sheet) -> Result<(), Failure> {
    let mut world = World::begin(binary)?;
    world.prepare(tools)?;
    for client in clients {
        meet(client, &world, tools, sheet);
    }
    sheet.open("bailiwick", &world.version()?);
    world.close(tools, sheet);
    sheet.shut();
    if keep || sheet.tally().failed > 0 {
        println!("\nthe clients' files and the server's log are in {}", world.dir().display());
        return Ok(());
    }
    world.clean()
}

fn chosen(only: Option<&[String]>) -> Result<Vec<&'static Client>, Failure> {
    let Some(only) = only else { return Ok(CLIENTS.iter().collect()) };
    let known = || CLIENTS.iter().map(|client| client.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = only.iter().find(|name| CLIENTS.iter().all(|client| client.name != **name)) {
        return Err(format!("there is no client `{unknown}`. The clients are: {}", known()));
    }
    Ok(CLIENTS.iter().filter(|client| only.iter().any(|name| name == client.name)).collect())
}

fn meet(client: &Client, world: &World, tools: &Toolbox, sheet: &mut Sheet) {
    let version = client.tools.iter().try_for_each(|tool| tools.path(*tool).map(drop)).and_then(|()| {
        let version = tools.version(client.tools[0])?;
        Ok(if client.is_ours() { world.version()? } else { version })
    });
    match version {
        Err(reason) => sheet.not_run(client.name, &reason),
        Ok(version) => {
            sheet.open(client.name, &version);
            let desk = match client.preset {
                Some(preset) => Desk::shared(preset, world, tools),
                None => Desk::new(client.name, world, tools),
            };
            match desk {
                Ok(desk) => (client.work)(&desk, sheet),
                Err(failure) => sheet.check("a bucket, a guest's account and a place to work", || Err(failure)),
            }
            sheet.shut();
        }
    }
}
