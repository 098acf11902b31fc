//! nginx over plain files: what reading costs where nobody asks who reads.
//!
//! `sendfile`, connections that are kept for ever, a worker for each core, no log of requests. It takes GET and HEAD of what
//! [`Store::data`](super::Store) holds under `files`.

use std::path::Path;
use std::process::Command;

use client::Method;

use super::foreign::told;
use super::{Door, Foreign, Kind, Process, Store};
use crate::Outcome;
use crate::subject::free_address;

/// Where the files lie, below the store's directory.
pub(crate) const FILES: &str = "files";

pub(super) fn start(program: &Path, data: &Path) -> Outcome<Store> {
    let files = data.join(FILES);
    std::fs::create_dir_all(&files)?;
    let address = free_address()?;
    // As root it would drop to another user, who may not be let to the files.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let dir = data.display();
    let config = data.join("nginx.conf");
    std::fs::write(
        &config,
        format!(
            "{user}daemon off;\nworker_processes auto;\npid {dir}/pid;\nerror_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n\
             \x20 client_body_temp_path {dir}/t1;\n  proxy_temp_path {dir}/t2;\n  fastcgi_temp_path {dir}/t3;\n\
             \x20 uwsgi_temp_path {dir}/t4;\n  scgi_temp_path {dir}/t5;\n\
             \x20 server {{ listen {address}; root {}; }}\n}}\n",
            files.display()
        ),
    )?;
    let version = Command::new(program).arg("-v").output()?;
    // "nginx version: nginx/1.22.1"
    let said = String::from_utf8_lossy(&version.stderr).into_owned();
    let version = said.trim().rsplit('/').next().unwrap_or("unknown").to_owned();
    told(Command::new(program).arg("-t").arg("-q").arg("-c").arg(&config))?;
    std::fs::write(files.join("ready"), "ready")?;
    let mut foreign = Foreign::start(Command::new(program).arg("-c").arg(&config), &data.join("log"))?;
    let door = Door::new(address, None)?;
    foreign.await_ready(|| door.ask(Method::GET, "ready"))?;
    Ok(Store {
        kind: Kind::Nginx,
        version,
        setting: "plain files, `sendfile`, connections kept".to_owned(),
        door,
        data: data.to_owned(),
        process: Process::Foreign(foreign),
    })
}
