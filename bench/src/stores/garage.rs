//! Garage: one node that is the whole cluster, metadata in LMDB, a single copy of everything.
//!
//! Its defaults: neither metadata nor data are synced before it answers, blocks of 1 MiB are compressed. The same with
//! `metadata_fsync` and `data_fsync` is a subject of its own.

use std::path::Path;
use std::process::Command;

use client::{Credentials, Method};

use super::foreign::{bare, told};
use super::{Door, Foreign, Kind, Process, Store};
use crate::Outcome;
use crate::subject::free_address;

/// Garage takes only keys of this form.
const KEY: [&str; 2] =
    ["GK0123456789abcdef01234567", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"];

pub(super) fn start(program: &Path, data: &Path, kind: Kind) -> Outcome<Store> {
    std::fs::create_dir_all(data)?;
    let said = told(Command::new(program).arg("--version"))?;
    // "garage v2.5.0 [features: …]", or "garage cargo:2.5.0 …" where cargo built it.
    let version = said.split_whitespace().nth(1).unwrap_or("unknown");
    let version = version.trim_start_matches("cargo:").trim_start_matches('v').to_owned();
    let config = data.join("garage.toml");
    let (s3_address, rpc, admin) = (free_address()?, free_address()?, free_address()?);
    let synced = kind == Kind::GarageSynced;
    let fsync = if synced { "metadata_fsync = true\ndata_fsync = true\n" } else { "" };
    let (meta, blocks) = (data.join("meta"), data.join("blocks"));
    std::fs::write(
        &config,
        format!(
            "metadata_dir = {meta:?}\ndata_dir = {blocks:?}\ndb_engine = \"lmdb\"\n{fsync}replication_factor = 1\n\
             rpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \"{}\"\n\n\
             [s3_api]\ns3_region = \"us-east-1\"\napi_bind_addr = \"{s3_address}\"\nroot_domain = \".s3.localhost\"\n\n\
             [admin]\napi_bind_addr = \"{admin}\"\n",
            KEY[1]
        ),
    )?;
    let mut command = Command::new(program);
    let mut foreign = Foreign::start(command.arg("-c").arg(&config).arg("server"), &data.join("log"))?;
    let tell = |words: &[&str]| {
        let mut command = Command::new(program);
        bare(&mut command, data);
        told(command.arg("-c").arg(&config).args(words))
    };
    let node = foreign.await_ready(|| tell(&["node", "id", "-q"]))?;
    let node = node.trim().split('@').next().unwrap_or_default().to_owned();
    foreign.await_ready(|| tell(&["layout", "assign", "-z", "here", "-c", "100G", &node]))?;
    tell(&["layout", "apply", "--version", "1"])?;
    foreign.await_ready(|| tell(&["key", "import", "--yes", "-n", "bench", KEY[0], KEY[1]]))?;
    tell(&["key", "allow", "--create-bucket", KEY[0]])?;
    let door = Door::new(s3_address, Some(Credentials::new(KEY[0], KEY[1])))?;
    foreign.await_ready(|| door.ask(Method::PUT, "ready"))?;
    let setting = match synced {
        true => "one node, LMDB, `metadata_fsync` and `data_fsync`",
        false => "one node, LMDB; no fsync",
    };
    Ok(Store {
        kind,
        version,
        setting: setting.to_owned(),
        door,
        data: data.to_owned(),
        process: Process::Foreign(foreign),
    })
}
