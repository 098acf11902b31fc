//! What must be stored before anything can be read: the same in all stores.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use client::Method;

use super::cells::{Cell, MIB, MIXED, SMALL, What};
use super::requests::{BUCKET, FLAT, FOLDERS, GRANTED, IN_FOLDER, Requests, objects, read_key, read_number};
use super::resident_in;
use crate::Outcome;
use crate::load::{Load, Shot, Until};
use crate::measures::grants;
use crate::stores::{FILES, Kind, Store};

/// How long a store is left alone before its memory counts as that of an idle one.
const REST: Duration = Duration::from_secs(2);

/// Stores what the cells read; how much memory is resident afterwards, in bytes.
pub(super) fn fill(store: &Store, requests: &Requests, cells: &[Cell]) -> Outcome<u64> {
    let mut sizes = vec![SMALL, MIXED];
    sizes.extend(cells.iter().filter_map(|cell| match cell.what {
        What::Get(size) => Some(size),
        _ => None,
    }));
    sizes.sort_unstable();
    sizes.dedup();
    if store.kind == Kind::Nginx {
        for size in sizes {
            for n in 0..objects(size) {
                let path = store.data.join(FILES).join(BUCKET).join(read_key(size, n));
                std::fs::create_dir_all(path.parent().ok_or("a file without a directory")?)?;
                let mut file = std::fs::File::create(path)?;
                requests.body(read_number(size, n), size).iter().try_for_each(|piece| file.write_all(piece))?;
            }
        }
        return Ok(resident_in(store));
    }
    store.door.ask(Method::PUT, BUCKET)?;
    for size in sizes {
        let put = |n| requests.put(&store.door, &format!("{BUCKET}/{}", read_key(size, n)), read_number(size, n), size);
        let shots = (0..objects(size)).map(put).collect::<Outcome<Vec<_>>>()?;
        let clients = if size > MIB { 2 } else { 16 };
        send(store, shots, clients, 2)?;
    }
    if cells.iter().any(|cell| matches!(cell.what, What::List | What::Prefixes | What::Mixed)) {
        let flat = (0..FLAT).map(|n| format!("flat/{n:06}"));
        let tree = (0..FOLDERS * IN_FOLDER).map(|n| format!("tree/{:06}/{}", n / IN_FOLDER, n % IN_FOLDER));
        let put = |key| store.door.shot_of(Method::PUT, &format!("{BUCKET}/{key}"), Bytes::from_static(b"small"));
        send(store, flat.chain(tree).map(put).collect::<Outcome<Vec<_>>>()?, 32, 2)?;
    }
    let granted = cells.iter().any(|cell| cell.what == What::GetGranted);
    if let (true, Some(subject)) = (granted && store.kind == Kind::Ours, store.subject()) {
        let guests = grants::guests(subject, grants::MANY)?;
        let ids = guests.iter().filter_map(|guest| guest["canonical_id"].as_str()).collect();
        store.door.ask(Method::PUT, GRANTED)?;
        subject.grant([(GRANTED.to_owned(), ids)])?;
        let put = |n| requests.put(&store.door, &format!("{GRANTED}/{}", read_key(SMALL, n)), n as u64, SMALL);
        send(store, (0..objects(SMALL)).map(put).collect::<Outcome<Vec<_>>>()?, 16, 2)?;
    }
    std::thread::sleep(REST);
    Ok(resident_in(store))
}

/// Sends each of the requests once, by so many clients at most.
pub(super) fn send(store: &Store, shots: Vec<Shot>, clients: usize, threads: usize) -> Outcome<()> {
    if shots.is_empty() {
        return Ok(());
    }
    let connections = clients.min(shots.len());
    let load = Load { to: store.door.to, shots: &shots, connections, threads, cores: &[], until: Until::Spent };
    load.run().map(drop)
}
