//! What the stores are asked for: the cells of the tables.

use crate::stores::Kind;

/// 1 KiB, in bytes, and its larger kin.
pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The size of objects of which nothing but the name is asked.
pub(crate) const SMALL: u64 = 4 * KIB;
/// The size of objects of the mixed load.
pub(crate) const MIXED: u64 = 64 * KIB;
/// Parts of a multipart object, and their size.
pub(crate) const PARTS: u64 = 8;
pub(crate) const PART: u64 = 8 * MIB;
/// Uploads that run at once within one multipart object.
pub(crate) const PARTS_AT_ONCE: usize = 4;
/// Keys, and common prefixes, of a page.
pub(crate) const PAGE: usize = 1000;

/// What one client does, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// Stores an object of that many bytes under a new key.
    Put(u64),
    /// Reads an object of that many bytes.
    Get(u64),
    /// Asks for an object's headers.
    Head,
    /// Deletes an object.
    Delete,
    /// Lists a page of keys.
    List,
    /// Lists a page of common prefixes.
    Prefixes,
    /// Uploads an object in parts.
    Multipart,
    /// Of twenty requests: twelve GET, four PUT, two HEAD, a DELETE and a LIST of 100.
    Mixed,
    /// Reads a small object of a bucket that has a hundred grants.
    GetGranted,
}

impl What {
    /// Whether it changes what is stored.
    pub fn writes(self) -> bool {
        matches!(self, What::Put(_) | What::Delete | What::Multipart | What::Mixed)
    }

    /// Bytes of bodies that one request moves, if all move the same.
    pub fn bytes(self) -> Option<u64> {
        match self {
            What::Put(size) | What::Get(size) => Some(size),
            What::GetGranted => Some(SMALL),
            What::Multipart => Some(PARTS * PART),
            What::Head | What::Delete | What::List | What::Prefixes | What::Mixed => None,
        }
    }
}

/// What so many clients do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub what: What,
    pub clients: usize,
}

impl Cell {
    /// Whether that store is asked for it.
    pub fn concerns(self, kind: Kind) -> bool {
        match kind {
            Kind::Ours => true,
            Kind::Seaweed | Kind::Garage => self.what != What::GetGranted,
            Kind::Nginx => matches!(self.what, What::Get(_) | What::Head),
            // How writes become durable touches nothing else.
            Kind::OursRelaxed | Kind::GarageSynced => {
                self.what.writes() && self.clients > 1 && self.what.bytes().is_none_or(|bytes| bytes <= MIB)
            }
        }
    }

    /// In how many of the rounds it is measured: what moves much takes long, and its figures vary little.
    pub fn rounds(self, rounds: usize) -> usize {
        if self.what.bytes().is_some_and(|bytes| bytes >= GIB) { rounds.min(3) } else { rounds }
    }

    /// By how many threads the clients are played. What moves much is bound by copying, so that each client has one.
    pub fn threads(self) -> usize {
        if self.what.bytes().is_some_and(|bytes| bytes >= MIB) { self.clients } else { self.clients.min(2) }
    }
}

/// All cells, in the order in which they are measured: those of a quick run, or all.
pub(crate) fn cells(quick: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut add = |what: What, clients: &[usize]| cells.extend(clients.iter().map(|&clients| Cell { what, clients }));
    if quick {
        add(What::Put(4 * KIB), &[1, 16, 64]);
        add(What::Put(64 * KIB), &[16]);
        add(What::Put(MIB), &[8]);
        add(What::Get(4 * KIB), &[16]);
        add(What::Get(MIB), &[8]);
        for what in [What::Head, What::Delete] {
            add(what, &[16]);
        }
        for what in [What::List, What::Prefixes] {
            add(what, &[4]);
        }
        add(What::Mixed, &[16]);
        return cells;
    }
    for of in [What::Put, What::Get] {
        for size in [KIB, 4 * KIB, 64 * KIB] {
            add(of(size), &[1, 16, 64]);
        }
        add(of(MIB), &[1, 8, 64]);
        add(of(16 * MIB), &[1, 8]);
        add(of(GIB), &[1]);
    }
    for what in [What::Head, What::Delete] {
        add(what, &[1, 16, 64]);
    }
    add(What::List, &[1, 4, 16]);
    add(What::Prefixes, &[4]);
    add(What::Multipart, &[1]);
    add(What::Mixed, &[16, 64]);
    add(What::GetGranted, &[16]);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_measures_a_part_of_what_a_whole_one_does() {
        let (quick, all) = (cells(true), cells(false));
        assert!(quick.iter().all(|cell| all.contains(cell)), "{quick:?}");
        let mut sorted = all.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), all.len(), "no cell twice");
    }

    #[test]
    fn nginx_is_asked_only_for_what_files_can_answer() {
        let asked: Vec<Cell> = cells(false).into_iter().filter(|cell| cell.concerns(Kind::Nginx)).collect();
        assert!(asked.iter().all(|cell| !cell.what.writes()) && asked.len() == 18, "{asked:?}");
    }
}
