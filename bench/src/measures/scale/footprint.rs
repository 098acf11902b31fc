//! How much disk objects of 64 KiB take, once the store has tidied up.

use std::path::Path;
use std::time::Duration;

use client::Method;

use super::asked::{occupied, settled};
use crate::Outcome;
use crate::load::{Load, Shot, Until};
use crate::measures::peers::Requests;
use crate::options::Options;
use crate::stores::{Kind, Store};

/// Length of an object, in bytes.
const SIZE: u64 = 64 << 10;
/// How many there are; in a quick run.
const OBJECTS: [u64; 2] = [16_384, 1024];
/// How long a store may take to tidy up.
const PATIENCE: Duration = Duration::from_secs(90);

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    /// Bytes that were stored.
    pub stored: u64,
    /// What they occupy beyond an empty store, once that has not changed for some seconds.
    pub occupied: u64,
    /// What the half of them occupies for which the other half was deleted.
    pub after_deleting: u64,
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Footprint> {
    let store = Store::start(Kind::Ours, options, &dir.join("footprint"))?;
    store.door.ask(Method::PUT, "footprint")?;
    let empty = occupied(&store.data)?;
    let count = OBJECTS[usize::from(options.quick)];
    let bodies = Requests::new();
    let place = |n: u64| format!("footprint/{n:06}");
    // In parts, because the requests hold their heads.
    for from in (0..count).step_by(4096) {
        let put = |n| bodies.put(&store.door, &place(n), n, SIZE);
        send(&store, (from..count.min(from + 4096)).map(put).collect::<Outcome<Vec<_>>>()?)?;
    }
    let stored = settled(&store, PATIENCE)?;
    let delete = |n| store.door.shot(Method::DELETE, &place(2 * n));
    send(&store, (0..count / 2).map(delete).collect::<Outcome<Vec<_>>>()?)?;
    let after_deleting = settled(&store, PATIENCE)?;
    store.stop()?;
    let beyond = |occupied: u64| occupied.saturating_sub(empty);
    Ok(Footprint { stored: count * SIZE, occupied: beyond(stored), after_deleting: beyond(after_deleting) })
}

fn send(store: &Store, shots: Vec<Shot>) -> Outcome<()> {
    let (connections, threads) = (16, 2);
    Load { to: store.door.to, shots: &shots, connections, threads, cores: &[], until: Until::Spent }.run().map(drop)
}
