//! Giving a body out: its pieces one after the other, verified, counted as they leave.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use blobs::{BlobRef, Reader};
use bytes::Bytes;
use catalog::{BodyAt, Object, Piece};
use ledger::{Line, Usage};
use model::BlobId;

use crate::caps::Pace;
use crate::{Error, Store};

/// An object's bytes, or a range of them, front to back. What was given out is booked when it is dropped.
pub struct Body {
    store: Store,
    /// Still to come, each with the range of it that is wanted.
    rest: VecDeque<(Piece, Range<u64>)>,
    current: Option<Current>,
    /// Keeps the blobs of a multipart object from being removed while they are read.
    pinned: Option<BlobId>,
    /// Where bytes that leave are booked; `None` where they do not leave.
    booked_on: Option<Arc<Line>>,
    sent: u64,
    /// At which speed they leave.
    pace: Option<Pace>,
}

enum Current {
    Bytes(Bytes),
    Blob(Box<dyn Reader>),
}

/// The object was replaced between the reading of its record and the opening of its body.
pub(crate) struct Replaced;

impl Body {
    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Damaged`] if what is stored is not what was written; nothing of the damaged block is given out.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.current.take() {
                Some(Current::Bytes(bytes)) => return Ok(Some(self.count(bytes).await)),
                Some(Current::Blob(mut reader)) => {
                    if let Some(bytes) = reader.next().await? {
                        self.current = Some(Current::Blob(reader));
                        return Ok(Some(self.count(bytes).await));
                    }
                }
                None => {
                    let Some((piece, range)) = self.rest.pop_front() else { return Ok(None) };
                    let opened = self.store.open_piece(&piece, range).await?;
                    self.current = Some(opened.ok_or_else(|| Error::Damaged(format!("body {} is gone", piece.id)))?);
                }
            }
        }
    }

    /// The bytes stay in the store: a copy.
    pub(crate) fn stays(mut self) -> Self {
        self.booked_on = None;
        self.pace = None;
        self
    }

    /// Leaves at the speed of the caller's share.
    pub(crate) fn at_pace(mut self, pace: Option<Pace>) -> Self {
        self.pace = pace;
        self
    }

    async fn count(&mut self, bytes: Bytes) -> Bytes {
        self.sent += bytes.len() as u64;
        if let Some(pace) = &self.pace {
            pace.after(bytes.len()).await;
        }
        bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(booked_on) = self.booked_on.take()
            && self.sent > 0
        {
            let sent = i64::try_from(self.sent).unwrap_or(i64::MAX);
            booked_on.add(&Usage { bytes_out: sent, ..Usage::default() });
        }
        if let Some(manifest) = self.pinned {
            self.store.unpin(manifest);
        }
    }
}

impl Store {
    /// Opens `range` of the object's bytes, so that they can be read whatever happens to the object from here on.
    pub(crate) async fn open_body(
        &self,
        object: &Object,
        range: Range<u64>,
        booked_on: Arc<Line>,
    ) -> Result<Result<Body, Replaced>, Error> {
        let booked_on = Some(booked_on);
        let mut body = Body {
            store: self.clone(),
            rest: VecDeque::new(),
            current: None,
            pinned: None,
            booked_on,
            sent: 0,
            pace: None,
        };
        if range.is_empty() {
            return Ok(Ok(body));
        }
        let first = match object.manifest {
            None => object.piece.map(|piece| (piece, range)),
            Some((manifest, _)) => {
                // Pinned first, then read: if the manifest is still there, its blobs are not removed before the unpin.
                self.pin(manifest);
                body.pinned = Some(manifest);
                let Some(found) = self.catalog.manifest(&manifest).await? else { return Ok(Err(Replaced)) };
                let pieces = found.value.0.iter().filter_map(|part| part.piece);
                body.rest.extend(within(pieces, range));
                body.rest.pop_front()
            }
        };
        // The first piece is opened at once: a file that is open can be read even when it is removed.
        if let Some((piece, range)) = first {
            match self.open_piece(&piece, range).await? {
                Some(opened) => body.current = Some(opened),
                None => return Ok(Err(Replaced)),
            }
        }
        Ok(Ok(body))
    }

    async fn open_piece(&self, piece: &Piece, range: Range<u64>) -> Result<Option<Current>, Error> {
        match piece.at {
            BodyAt::Inline => {
                let Some(entry) = self.catalog.inline(piece).await? else { return Ok(None) };
                // Of bytes that stay in memory it is computed once.
                let Ok(found) = entry.decoded(|_, bytes| Ok::<_, Infallible>(Crc64(crc64(bytes))));
                let bytes = entry.value.clone();
                if found.0 != piece.crc64 {
                    return Err(Error::Damaged(format!("body {} is not what was written", piece.id)));
                }
                let whole = range == (0..piece.len);
                let (start, end) = (range.start as usize, range.end as usize);
                Ok(Some(Current::Bytes(if whole { bytes } else { bytes.slice(start..end) })))
            }
            BodyAt::Blob => {
                let blob = BlobRef { id: piece.id, len: piece.len, crc64: piece.crc64 };
                match self.blobs.open(blob, range).await {
                    Ok(reader) => Ok(Some(Current::Blob(reader))),
                    Err(blobs::Error::Missing(_)) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}

/// What was computed of an entry's bytes.
struct Crc64(u64);

/// The checksum that every body has.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

/// The pieces that `range` of their sequence touches, each with the range of it that is wanted.
fn within(pieces: impl Iterator<Item = Piece>, range: Range<u64>) -> impl Iterator<Item = (Piece, Range<u64>)> {
    let mut at = 0u64;
    pieces.filter_map(move |piece| {
        let (from, to) = (at, at + piece.len);
        at = to;
        let (start, end) = (range.start.max(from), range.end.min(to));
        (start < end).then(|| (piece, start - from..end - from))
    })
}
