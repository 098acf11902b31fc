//! Reading a body: whole blocks, each verified before anything of it is handed out.
//!
//! What the page cache has is read at once, on the caller's thread (`RWF_NOWAIT`, `RESOLVE_CACHED`), which costs about a
//! seventh of a visit to the blocking pool. What it has not is read by the pool; from then on the pool reads one chunk
//! ahead while the last is sent. Memory: at most two chunks a reader.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use model::BlobId;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::{JoinHandle, spawn_blocking};

use super::buffers::Buffer;
use super::format::{BLOCK, CRC, HEADER, block_at, block_crc, check, check_len};
use super::{Disk, blocking, elsewhere, joined};
use crate::{BlobRef, Error, MAX_CHUNK_BYTES, Reader};

/// Most blocks in a chunk.
const CHUNK_BLOCKS: usize = MAX_CHUNK_BYTES / BLOCK;

/// Bytes from which on giving back the room of a removed file is not left to the caller's thread.
const LARGE: u64 = 16 * 1024 * 1024;

/// Opens the file of `blob` and checks its length and header.
pub(super) async fn open(disk: &Arc<Disk>, blob: BlobRef) -> Result<File, Error> {
    let path = disk.places.file_of(blob.id);
    if let Some(file) = open_cached(disk, &path) {
        let mut header = [0; HEADER];
        if read_cached(disk, &file, &mut [IoSliceMut::new(&mut header)], 0) == Some(HEADER) {
            check(&blob, file_len(&file, blob.id)?, &header)?;
            return Ok(file);
        }
    }
    blocking(move || open_blocking(&path, blob)).await
}

fn open_blocking(path: &Path, blob: BlobRef) -> Result<File, Error> {
    let file = File::open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Error::Missing(blob.id),
        _ => Error::device(path.display(), &e),
    })?;
    let len = file_len(&file, blob.id)?;
    check_len(&blob, len)?;
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0).map_err(|e| Error::device(path.display(), &e))?;
    check(&blob, len, &header)?;
    Ok(file)
}

fn file_len(file: &File, id: BlobId) -> Result<u64, Error> {
    Ok(file.metadata().map_err(|e| Error::device(format_args!("blob {id}"), &e))?.len())
}

/// Opens `path` if nothing has to be read from the device for it. Every failure is left to the blocking way to name.
fn open_cached(disk: &Disk, path: &Path) -> Option<File> {
    if !disk.inline_reads.load(Ordering::Relaxed) {
        return None;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
}

/// Reads at `offset` what the page cache has, and answers how much that was; `None` if nothing.
fn read_cached(disk: &Disk, file: &File, into: &mut [IoSliceMut<'_>], offset: u64) -> Option<usize> {
    if !disk.inline_reads.load(Ordering::Relaxed) {
        return None;
    }
    match rustix::io::preadv2(file, into, offset, ReadWriteFlags::NOWAIT) {
        Ok(read) => Some(read),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
            // This file system or kernel cannot; it will not learn.
            disk.inline_reads.store(false, Ordering::Relaxed);
            None
        }
        Err(_) => None,
    }
}

/// A run of whole blocks of a blob.
#[derive(Clone, Copy)]
struct Span {
    blob: BlobRef,
    /// Number of the first block.
    first: u64,
    /// Bytes of the body in the run.
    len: usize,
}

impl Span {
    /// The blocks that hold the byte `at` and those after it up to `end`, as many as fit into a chunk. `at < end`.
    fn of(blob: BlobRef, at: u64, end: u64) -> Self {
        let first = at / BLOCK as u64;
        let start = first * BLOCK as u64;
        let blocks_end = end.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64).min(blob.len);
        let len = (blocks_end - start).min((CHUNK_BLOCKS * BLOCK) as u64) as usize;
        Span { blob, first, len }
    }

    /// The bytes of these blocks, if the page cache has them all.
    fn cached(&self, disk: &Disk, file: &File) -> Option<Result<Bytes, Error>> {
        let (mut body, mut crcs) = (disk.buffers.take(self.len), [[0; CRC]; CHUNK_BLOCKS]);
        let wanted = self.len + self.len.div_ceil(BLOCK) * CRC;
        let read = read_cached(disk, file, &mut interleaved(body.as_mut(), &mut crcs), block_at(self.first))?;
        (read == wanted).then(|| self.verified(body, &crcs))
    }

    /// The bytes of these blocks, however long it takes.
    fn read(&self, disk: &Disk, file: &File) -> Result<Bytes, Error> {
        let (mut body, mut crcs) = (disk.buffers.take(self.len), [[0; CRC]; CHUNK_BLOCKS]);
        let mut slices = interleaved(body.as_mut(), &mut crcs);
        let mut rest = slices.as_mut_slice();
        let mut offset = block_at(self.first);
        while !rest.is_empty() {
            match rustix::io::preadv(file, rest, offset) {
                Ok(0) => return Err(Error::corrupt(self.blob.id, "its file ends before the body does")),
                Ok(read) => {
                    offset += read as u64;
                    IoSliceMut::advance_slices(&mut rest, read);
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::device(format_args!("reading blob {}", self.blob.id), &e.into())),
            }
        }
        self.verified(body, &crcs)
    }

    fn verified(&self, body: Buffer, crcs: &[[u8; CRC]; CHUNK_BLOCKS]) -> Result<Bytes, Error> {
        for ((index, block), crc) in (self.first..).zip(body.as_ref().chunks(BLOCK)).zip(crcs) {
            if block_crc(self.blob.id, index, block) != *crc {
                return Err(Error::corrupt(self.blob.id, format!("block {index} does not verify")));
            }
        }
        Ok(Bytes::from_owner(body))
    }
}

/// The places for blocks and their checksums in the order in which the file has them.
fn interleaved<'a>(body: &'a mut [u8], crcs: &'a mut [[u8; CRC]; CHUNK_BLOCKS]) -> Vec<IoSliceMut<'a>> {
    body.chunks_mut(BLOCK).zip(crcs).flat_map(|(block, crc)| [IoSliceMut::new(block), IoSliceMut::new(crc)]).collect()
}

/// A range of a blob that is being read.
pub(super) struct BodyReader {
    disk: Arc<Disk>,
    /// Present until dropped.
    file: Option<Arc<File>>,
    blob: BlobRef,
    /// The next byte to hand out, and the first not to.
    at: u64,
    end: u64,
    /// Over what was handed out, if that will be the whole body.
    whole: Option<Digest>,
    /// The read of the span that begins at `at`.
    reading: Option<JoinHandle<Result<Bytes, Error>>>,
    broken: Option<Error>,
}

impl BodyReader {
    pub(super) fn new(disk: Arc<Disk>, file: File, blob: BlobRef, range: Range<u64>) -> Self {
        let whole = range == (0..blob.len);
        BodyReader {
            disk,
            file: Some(Arc::new(file)),
            blob,
            at: range.start,
            end: range.end,
            whole: whole.then(|| Digest::new(CrcAlgorithm::Crc64Nvme)),
            reading: None,
            broken: None,
        }
    }

    fn file(&self) -> &Arc<File> {
        self.file.as_ref().expect("taken only when dropped")
    }

    fn span(&self) -> Span {
        Span::of(self.blob, self.at, self.end)
    }

    fn start_reading(&mut self) -> &mut JoinHandle<Result<Bytes, Error>> {
        let (span, disk, file) = (self.span(), self.disk.clone(), self.file().clone());
        self.reading.insert(spawn_blocking(move || span.read(&disk, &file)))
    }

    /// The next bytes of the span at `at`, and whether the device had to be asked for them.
    async fn fetch(&mut self) -> Result<(Bytes, bool), Error> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            None => match self.span().cached(&self.disk, self.file()) {
                Some(body) => return body.map(|body| (body, false)),
                None => self.start_reading(),
            },
        };
        let read = joined(reading.await);
        self.reading = None;
        read.map(|body| (body, true))
    }

    async fn step(&mut self) -> Result<Bytes, Error> {
        let span = self.span();
        let (body, cold) = self.fetch().await?;
        let start = span.first * BLOCK as u64;
        let until = self.end.min(start + span.len as u64);
        let chunk = body.slice((self.at - start) as usize..(until - start) as usize);
        if let Some(whole) = &mut self.whole {
            whole.update(&chunk);
            // Before the last bytes go out, so that who reads to the end has read what was written.
            if until == self.end && whole.finalize() != self.blob.crc64 {
                return Err(Error::corrupt(self.blob.id, "its blocks verify but the whole does not"));
            }
        }
        self.at = until;
        if cold && self.at < self.end {
            self.start_reading();
        }
        Ok(chunk)
    }
}

#[async_trait]
impl Reader for BodyReader {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.at == self.end {
            return Ok(None);
        }
        match self.step().await {
            Ok(chunk) => Ok(Some(chunk)),
            Err(error) => {
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        if self.blob.len >= LARGE {
            elsewhere(self.file.take());
        }
    }
}
