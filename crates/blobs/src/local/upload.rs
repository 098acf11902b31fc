//! Writing a body: blocks are put together here and written by the blocking pool, one buffer ahead of the sender.
//!
//! Memory: one buffer that fills and at most one that is being written, each of [`BUFFERED_BLOCKS`] blocks: about 1 MiB
//! for a body of any length. A body that fits into one buffer is opened, written, synced and named in one visit to the
//! pool; until then it is not on the device at all.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use model::BlobId;
use rustix::fs::fstatvfs;
use tokio::task::{JoinHandle, spawn_blocking};

use super::format::{BLOCK, HEADER, STORED_BLOCK, block_crc, header};
use super::scratch::Scratch;
use super::{Disk, elsewhere, joined};
use crate::{BlobRef, Error, Staged};

/// Blocks in a buffer.
pub(super) const BUFFERED_BLOCKS: u64 = 8;

/// Most bytes in a buffer; the first has the header's place in front.
const BUFFER: usize = HEADER + BUFFERED_BLOCKS as usize * STORED_BLOCK;

/// A body that is being written.
pub(super) struct Upload {
    disk: Arc<Disk>,
    id: BlobId,
    /// Bytes accepted.
    len: u64,
    crc64: Digest,
    /// The file from `offset` on, as far as it is known: whole blocks with checksums, then the open block.
    buffer: Vec<u8>,
    offset: u64,
    /// Where in `buffer` the open block begins.
    open_at: usize,
    /// The open block's number.
    open_index: u64,
    scratch: Option<Arc<Scratch>>,
    writing: Option<JoinHandle<Result<Written, Error>>>,
    /// Why nothing more is accepted.
    broken: Option<Error>,
}

/// A buffer that was written, to be used again.
struct Written {
    scratch: Arc<Scratch>,
    buffer: Vec<u8>,
}

impl Upload {
    pub(super) fn new(disk: Arc<Disk>) -> Self {
        let id = disk.next_id();
        Upload::of(disk, id)
    }

    /// Of the body that is to have that id.
    pub(super) fn of(disk: Arc<Disk>, id: BlobId) -> Self {
        Upload {
            id,
            disk,
            len: 0,
            crc64: Digest::new(CrcAlgorithm::Crc64Nvme),
            buffer: vec![0; HEADER],
            offset: 0,
            open_at: HEADER,
            open_index: 0,
            scratch: None,
            writing: None,
            broken: None,
        }
    }

    async fn accept(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        while !bytes.is_empty() {
            let room = BLOCK - (self.buffer.len() - self.open_at);
            let part = bytes.split_to(room.min(bytes.len()));
            self.make_room(part.len());
            self.buffer.extend_from_slice(&part);
            self.crc64.update(&part);
            self.len += part.len() as u64;
            if part.len() == room {
                self.close_block();
                if self.open_index.is_multiple_of(BUFFERED_BLOCKS) {
                    self.send_buffer().await?;
                }
            }
        }
        Ok(())
    }

    /// Grows the buffer by doubling, as a small body wants it, but not beyond what a full one needs.
    fn make_room(&mut self, more: usize) {
        let needed = self.buffer.len() + more + STORED_BLOCK - BLOCK;
        if needed > self.buffer.capacity() {
            let target = needed.next_power_of_two().min(BUFFER).max(needed);
            self.buffer.reserve_exact(target - self.buffer.len());
        }
    }

    fn close_block(&mut self) {
        let crc = block_crc(self.id, self.open_index, &self.buffer[self.open_at..]);
        self.buffer.extend_from_slice(&crc);
        self.open_at = self.buffer.len();
        self.open_index += 1;
    }

    /// Has the buffer written, and goes on in the one that was written before it.
    async fn send_buffer(&mut self) -> Result<(), Error> {
        let empty = self.wait_for_write().await?;
        let buffer = std::mem::replace(&mut self.buffer, empty);
        let at = self.offset;
        self.offset += buffer.len() as u64;
        self.open_at = 0;
        let (disk, id, scratch) = (self.disk.clone(), self.id, self.scratch.clone());
        self.writing = Some(spawn_blocking(move || {
            let scratch = match scratch {
                Some(scratch) => scratch,
                None => Arc::new(Scratch::create(&disk.places, id, disk.unnamed)?),
            };
            write_at(&scratch, &buffer, at, id)?;
            Ok(Written { scratch, buffer })
        }));
        Ok(())
    }

    /// Waits for the write that is under way, and answers with an empty buffer.
    async fn wait_for_write(&mut self) -> Result<Vec<u8>, Error> {
        let Some(writing) = self.writing.take() else { return Ok(Vec::new()) };
        let Written { scratch, mut buffer } = joined(writing.await)?;
        self.scratch = Some(scratch);
        buffer.clear();
        Ok(buffer)
    }
}

/// Room that bodies leave on the device, in bytes: records need some to say that a body was removed. On a small device, a
/// sixteenth of it.
const LEFT_TO_RECORDS: u64 = 128 << 20;

fn write_at(scratch: &Scratch, bytes: &[u8], at: u64, id: BlobId) -> Result<(), Error> {
    let device = fstatvfs(&scratch.file).map_err(|e| Error::device(format_args!("writing blob {id}"), &e.into()))?;
    let (free, all) = (device.f_bavail * device.f_frsize, device.f_blocks * device.f_frsize);
    if free < bytes.len() as u64 + LEFT_TO_RECORDS.min(all / 16) {
        return Err(Error::Full);
    }
    scratch.file.write_all_at(bytes, at).map_err(|e| Error::device(format_args!("writing blob {id}"), &e))
}

#[async_trait]
impl Staged for Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        // Holds if this call is dropped halfway: then nobody knows how much of `bytes` was accepted.
        self.broken = Some(Error::Io(format!("a write to blob {} was given up halfway", self.id)));
        match self.accept(bytes).await {
            Ok(()) => {
                self.broken = None;
                Ok(())
            }
            Err(error) => {
                self.broken = Some(error.clone());
                // What it took is given back now, not when the sender has heard of it.
                elsewhere(self.scratch.take());
                Err(error)
            }
        }
    }

    async fn publish(mut self: Box<Self>) -> Result<BlobRef, Error> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if self.buffer.len() > self.open_at {
            self.close_block();
        }
        self.wait_for_write().await?;
        let blob = BlobRef { id: self.id, len: self.len, crc64: self.crc64.finalize() };
        let (disk, offset) = (self.disk.clone(), self.offset);
        let (scratch, mut buffer) = (self.scratch.take(), std::mem::take(&mut self.buffer));
        let published = spawn_blocking(move || {
            let header = header(&blob);
            let scratch = match scratch {
                Some(scratch) => {
                    write_at(&scratch, &buffer, offset, blob.id)?;
                    write_at(&scratch, &header, 0, blob.id)?;
                    scratch
                }
                None => {
                    buffer[..HEADER].copy_from_slice(&header);
                    let scratch = Arc::new(Scratch::create(&disk.places, blob.id, disk.unnamed)?);
                    write_at(&scratch, &buffer, 0, blob.id)?;
                    scratch
                }
            };
            scratch.publish(&disk, blob)
        });
        // If this call is dropped here, so is what the task answers, and the name is taken back.
        Ok(joined(published.await)?.keep())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Giving back the room of a large file takes a while.
        elsewhere(self.scratch.take());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LocalDisk, LocalOptions};
    use super::*;

    #[tokio::test]
    async fn an_upload_buffers_no_more_than_two_buffers_however_much_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalDisk::open(dir.path(), LocalOptions::default()).unwrap();
        let mut upload = Upload::new(store.0.clone());
        for len in [1, 100_000, 6_000_000, 65_536, 300_001] {
            upload.write(vec![7; len].into()).await.unwrap();
            assert!(upload.buffer.capacity() <= BUFFER, "{} bytes", upload.buffer.capacity());
            let Some(writing) = upload.writing.take() else { continue };
            let written = writing.await.unwrap().unwrap();
            assert!(written.buffer.capacity() <= BUFFER, "{} bytes", written.buffer.capacity());
            upload.scratch = Some(written.scratch);
        }
    }

    #[tokio::test]
    async fn a_write_that_was_given_up_halfway_spoils_the_body() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalDisk::open(dir.path(), LocalOptions::default()).unwrap();
        let mut upload = Box::new(Upload::new(store.0.clone()));
        // The first buffer is still being written when the second is full.
        let (written, is_written) = std::sync::mpsc::channel::<()>();
        upload.writing = Some(spawn_blocking(move || {
            let _ = is_written.recv();
            Err(Error::Full)
        }));
        let write = upload.write(vec![7; BUFFER].into());
        assert!(polled_once(write).await.is_none());
        assert!(upload.write(Bytes::from_static(b"more")).await.is_err());
        assert!(upload.publish().await.is_err());
        drop(written);
    }

    /// What `future` answers when it is polled once, and then dropped.
    async fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => std::task::Poll::Ready(Some(answer)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
