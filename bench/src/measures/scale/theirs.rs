//! Peers as they grow, loaded by requests.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::Method;

use super::asked::{ask, occupied};
use super::loader::BODY;
use super::{BUCKET, LEVELS, Operation, Scale, key, levels};
use crate::Outcome;
use crate::load::{Load, Until};
use crate::options::Options;
use crate::stores::{Kind, Store};
use crate::watch::resident;

/// How long loading a peer may take in all; with `--full`.
const PATIENCE: [Duration; 2] = [Duration::from_secs(4 * 60), Duration::from_secs(8 * 60)];
/// Objects that are loaded between two looks at the clock.
const AT_ONCE: u64 = 5000;

/// What was found of a peer with one number of objects.
#[derive(Debug, Clone)]
pub(crate) struct PeerLevel {
    pub kind: Kind,
    pub objects: u64,
    /// Answers a second.
    pub rates: BTreeMap<Operation, f64>,
    /// Resident after that, in bytes.
    pub resident: u64,
    /// Bytes on the disk for an object, all told.
    pub disk: f64,
}

pub(super) fn measure(options: &Options, dir: &Path, found: &mut Scale) -> Outcome<()> {
    let most = if options.full { LEVELS[2] } else { LEVELS[1] };
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_peer()) {
        let data = dir.join(format!("{kind:?}"));
        if let Err(error) = grow(options, &data, kind, &levels(options, most), found) {
            eprintln!("· {}: {error}", kind.name());
            found.missing.push(format!("{}: {error}", kind.name()));
        }
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
    }
    Ok(())
}

fn grow(options: &Options, data: &Path, kind: Kind, levels: &[u64], found: &mut Scale) -> Outcome<()> {
    let store = Store::start(kind, options, data)?;
    store.door.ask(Method::PUT, BUCKET)?;
    let until = Instant::now() + PATIENCE[usize::from(options.full)];
    let mut loaded = 0;
    for count in levels {
        eprintln!("· {}: loading {count} objects", kind.name());
        while loaded < *count && Instant::now() < until {
            let end = (*count).min(loaded + AT_ONCE);
            let put = |n| store.door.shot_of(Method::PUT, &format!("{BUCKET}/{}", key(n)), Bytes::from_static(BODY));
            let shots = (loaded..end).map(put).collect::<Outcome<Vec<_>>>()?;
            let (connections, threads) = (32, 2);
            Load { to: store.door.to, shots: &shots, connections, threads, cores: &[], until: Until::Spent }.run()?;
            loaded = end;
        }
        if loaded < *count {
            let name = kind.name();
            found.missing.push(format!("{name}: {loaded} objects were stored in the time there is, not {count}"));
            return Ok(());
        }
        let rate = |operation: &Operation| {
            let asked = ask(&store.door, *operation, loaded, 0, options.peer_spell())?;
            Ok((*operation, asked.rate))
        };
        let rates = Operation::ALL.iter().map(rate).collect::<Outcome<BTreeMap<_, _>>>()?;
        rustix::fs::syncfs(std::fs::File::open(data)?)?;
        let (resident, disk) = (resident(&store.pids()), occupied(data)? as f64 / loaded as f64);
        found.peers.push(PeerLevel { kind, objects: loaded, rates, resident, disk });
    }
    Ok(())
}
