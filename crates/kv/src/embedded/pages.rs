//! Checksums of the index's pages, in a file beside it.
//!
//! redb checks its pages only where it recovers. Here each page is checked whenever it is read from the file, so that a
//! byte that the device changed makes no key disappear. redb writes a page only while no durable commit refers to it,
//! and syncs it before a commit does; its checksum is written and synced before that sync returns. So whatever a crash
//! leaves, pages that a commit refers to have theirs.
//!
//! The first page is redb's own header, which is overwritten in place and has checksums of its own; pages that were never
//! written whole have none either.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use parking_lot::RwLock;

use super::disk::SyncSeam;
use super::record::sum;

/// Bytes that one checksum covers.
const PAGE: usize = 4096;
/// Checksums that are written together: those of one page of the file.
const TOGETHER: usize = PAGE / size_of::<u32>();
/// What the file begins with; the store's id follows, and zeros up to a page.
const MAGIC: &[u8; 16] = b"BWPAGES\r\n\0\0\0v\0\0\x01";

pub(super) struct Pages {
    file: File,
    seam: Arc<dyn SyncSeam>,
    sums: RwLock<Sums>,
}

#[derive(Default)]
struct Sums {
    /// By page; 0 where there is none.
    of: Vec<u32>,
    /// Which groups of [`TOGETHER`] are not written yet.
    dirty: BTreeSet<usize>,
}

impl Pages {
    /// Checksums of an empty file.
    pub fn create(file: File, seam: Arc<dyn SyncSeam>) -> io::Result<Pages> {
        file.set_len(0)?;
        let mut head = vec![0; PAGE];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        seam.write(&file, 0, &head)?;
        Ok(Pages { file, seam, sums: RwLock::default() })
    }

    /// Reads what [`flush`](Pages::flush) wrote. `InvalidData` if it is another kind of file.
    pub fn open(file: File, seam: Arc<dyn SyncSeam>) -> io::Result<Pages> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        seam.read(&file, 0, &mut bytes)?;
        if len < PAGE || bytes[..MAGIC.len()] != *MAGIC || bytes[MAGIC.len()..PAGE].iter().any(|byte| *byte != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not the checksums of an index's pages"));
        }
        let of = bytes[PAGE..].chunks_exact(4).map(|sum| u32::from_le_bytes(sum.try_into().expect("4 bytes")));
        let sums = Sums { of: of.collect(), dirty: BTreeSet::new() };
        Ok(Pages { file, seam, sums: RwLock::new(sums) })
    }

    /// Takes note of what was written at `offset`.
    pub fn wrote(&self, offset: u64, data: &[u8]) {
        let mut sums = self.sums.write();
        for (page, part) in parts(offset, data) {
            if sums.of.len() <= page {
                sums.of.resize((page + 1).next_multiple_of(TOGETHER), 0);
            }
            let of = part.filter(|_| page > 0).map_or(0, |part| page_sum(page, part));
            if sums.of[page] != of {
                sums.of[page] = of;
                sums.dirty.insert(page / TOGETHER);
            }
        }
    }

    /// Takes note that the file ends at `len` now.
    pub fn cut(&self, len: u64) {
        let mut sums = self.sums.write();
        let first = usize::try_from(len).unwrap_or(usize::MAX).div_ceil(PAGE);
        for page in first..sums.of.len() {
            if sums.of[page] != 0 {
                sums.of[page] = 0;
                sums.dirty.insert(page / TOGETHER);
            }
        }
    }

    /// Whether what was read at `offset` is what was written there.
    pub fn check(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let sums = self.sums.read();
        for (page, part) in parts(offset, data) {
            let expected = sums.of.get(page).copied().unwrap_or(0);
            if let Some(part) = part
                && expected != 0
                && expected != page_sum(page, part)
            {
                let at = page * PAGE;
                return Err(io::Error::other(format!("the page of the index at byte {at} is damaged")));
            }
        }
        Ok(())
    }

    /// Makes the checksums durable. To be called before the pages are.
    pub fn flush(&self) -> io::Result<()> {
        let mut sums = self.sums.write();
        if sums.dirty.is_empty() {
            return Ok(());
        }
        for group in &sums.dirty {
            let of = sums.of.iter().skip(group * TOGETHER).take(TOGETHER);
            let bytes: Vec<u8> = of.flat_map(|sum| sum.to_le_bytes()).collect();
            self.seam.write(&self.file, ((group + 1) * PAGE) as u64, &bytes)?;
        }
        self.seam.sync(&self.file)?;
        sums.dirty.clear();
        Ok(())
    }
}

/// Never 0.
fn page_sum(page: usize, bytes: &[u8]) -> u32 {
    sum(&[&(page as u64).to_le_bytes(), bytes]).max(1)
}

/// The pages that `data` at `offset` touches, with its bytes of those that it covers whole.
fn parts(offset: u64, data: &[u8]) -> impl Iterator<Item = (usize, Option<&[u8]>)> {
    let offset = usize::try_from(offset).expect("no file is longer than memory can be addressed");
    (offset / PAGE..(offset + data.len()).div_ceil(PAGE)).map(move |page| {
        let begins = page * PAGE;
        let part = begins.checked_sub(offset).and_then(|from| data.get(from..from + PAGE));
        (page, part)
    })
}

#[cfg(test)]
mod tests {
    use super::super::disk::PlainFile;
    use super::*;

    #[test]
    fn what_was_written_whole_is_checked_also_after_opening_and_what_was_not_is_not() {
        let (file, again) = {
            let file = tempfile::NamedTempFile::new().unwrap();
            (file.reopen().unwrap(), file.reopen().unwrap())
        };
        let pages = Pages::create(file, Arc::new(PlainFile)).unwrap();
        let data: Vec<u8> = (0..3 * PAGE).map(|i| (i % 251) as u8).collect();
        pages.wrote(0, &data);
        pages.wrote(5 * PAGE as u64, &data[..100]);
        pages.flush().unwrap();
        let reopened = Pages::open(again, Arc::new(PlainFile)).unwrap();
        for pages in [&pages, &reopened] {
            pages.check(0, &data).unwrap();
            for at in [PAGE, 2 * PAGE - 1, 3 * PAGE - 1] {
                let mut flipped = data.clone();
                flipped[at] ^= 1;
                assert!(pages.check(0, &flipped).is_err(), "{at}");
            }
            // The header, a part of a page, a page at another place.
            pages.check(0, &[7; PAGE]).unwrap();
            pages.check(PAGE as u64, &[7; 100]).unwrap();
            pages.check(5 * PAGE as u64, &[7; PAGE]).unwrap();
            assert!(pages.check(2 * PAGE as u64, &data[PAGE..2 * PAGE]).is_err());
        }
        pages.cut(2 * PAGE as u64);
        pages.check(2 * PAGE as u64, &[7; PAGE]).unwrap();
        assert!(pages.check(PAGE as u64, &[7; PAGE]).is_err());
    }
}
