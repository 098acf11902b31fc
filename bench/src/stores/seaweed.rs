//! SeaweedFS: master, volume server, filer and S3 gateway in one process, `weed server -s3`.
//!
//! Its defaults, but for three things that have nothing to do with speed: ports, volumes of 1 GiB and a hundred of them (the
//! default is eight of 30 GiB, and each bucket takes several), and that it reports nothing to its makers.

use std::path::Path;
use std::process::Command;

use client::{Credentials, Method};

use super::foreign::told;
use super::{Door, Foreign, Kind, Process, Store};
use crate::Outcome;
use crate::subject::free_address;

const KEY: [&str; 2] = ["BENCHMARKKEY12345678", "a-secret-for-a-server-of-this-machine-only"];

pub(super) fn start(program: &Path, data: &Path) -> Outcome<Store> {
    std::fs::create_dir_all(data.join("store"))?;
    let said = told(Command::new(program).arg("version"))?;
    // "version 8000GB 4.48 …"
    let version = said.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    let config = data.join("s3.json");
    std::fs::write(
        &config,
        format!(
            r#"{{"identities":[{{"name":"bench","credentials":[{{"accessKey":"{}","secretKey":"{}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#,
            KEY[0], KEY[1]
        ),
    )?;
    let s3_address = free_address()?;
    let mut command = Command::new(program);
    command.current_dir(data).args(["server", "-s3", "-filer", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
    command.arg(format!("-dir={}", data.join("store").display())).arg(format!("-s3.config={}", config.display()));
    command.args(["-volume.max=100", "-master.volumeSizeLimitMB=1024", "-master.telemetry=false"]);
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]).arg(format!("-s3.port={}", s3_address.port()));
    for part in ["master.port", "volume.port", "filer.port", "s3.port.grpc"] {
        command.arg(format!("-{part}={}", free_address()?.port()));
    }
    for part in ["master", "volume", "filer"] {
        command.arg(format!("-{part}.port.grpc={}", free_address()?.port()));
    }
    let mut foreign = Foreign::start(&mut command, &data.join("log"))?;
    let door = Door::new(s3_address, Some(Credentials::new(KEY[0], KEY[1])))?;
    foreign.await_ready(|| door.ask(Method::PUT, "ready"))?;
    // The gateway answers before the volumes can be written.
    foreign.await_ready(|| door.ask(Method::PUT, "ready/probe"))?;
    Ok(Store {
        kind: Kind::Seaweed,
        version,
        setting: "`weed server -s3`, one process; no fsync".to_owned(),
        door,
        data: data.to_owned(),
        process: Process::Foreign(foreign),
    })
}
