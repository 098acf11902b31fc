//! The bytes of a log file: `docs/format/kv.md`. Pure.
//!
//! A header, then frames, one for each group of changes that was committed together. A frame's checksum covers its
//! place and its file, so that what lies elsewhere, or was left there by something else, is no frame.

use bytes::Bytes;
use model::Revision;

use crate::embedded::overlay::Overlay;
use crate::embedded::record::{LONG_BYTES, Place, Row, Value, checksum, sum};
use crate::{Error, Key};

/// Bytes before the first frame.
pub(super) const HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"BWLOG\r\n\0";
const VERSION: u32 = 1;

/// Bytes of a frame before its payload.
pub(super) const FRAME_HEAD_BYTES: usize = 16;
const FRAME_MAGIC: &[u8; 4] = b"BWfr";
/// Frames begin at multiples of this many bytes.
pub(super) const ALIGN: usize = 8;
/// Most bytes of a payload; more is no frame. One change of the greatest size that waits, and a batch before it.
pub(super) const MAX_PAYLOAD_BYTES: usize = 256 << 20;

const DELETE: u8 = 0;
const PUT: u8 = 1;

/// What a log file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// The store that it belongs to.
    pub store: [u8; 16],
    /// Its number; files follow each other without gaps as long as they are needed.
    pub number: u64,
    /// The last revision before its first frame.
    pub base: Revision,
}

impl FileHeader {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..28].copy_from_slice(&self.store);
        out[28..36].copy_from_slice(&self.number.to_le_bytes());
        out[36..44].copy_from_slice(&self.base.0.to_le_bytes());
        let crc = sum(&[&out[..HEADER_BYTES - 4]]);
        out[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// # Errors
    /// [`Error::Format`] for a newer version, [`Error::Corrupt`] for anything that is no header.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<FileHeader, Error> {
        if bytes[..8] != *MAGIC || sum(&[&bytes[..HEADER_BYTES - 4]]).to_le_bytes() != bytes[HEADER_BYTES - 4..] {
            return Err(Error::Corrupt("its header does not verify".into()));
        }
        match u32::from_le_bytes(bytes[8..12].try_into().expect("4 bytes")) {
            VERSION => {}
            other => {
                let what = format!("written in format {other}, this program reads {VERSION}; use the newer program");
                return Err(Error::Format(what));
            }
        }
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        Ok(FileHeader {
            store: bytes[12..28].try_into().expect("16 bytes"),
            number: long(28),
            base: Revision(long(36)),
        })
    }
}

/// A frame in the making. Its place is not known before it is whole, so that it can go to the next file.
pub(in crate::embedded) struct FrameBuilder {
    bytes: Vec<u8>,
    /// Where in `bytes` long values begin, with their keys and revisions.
    long: Vec<(Key, Revision, usize, u32, u32)>,
}

impl FrameBuilder {
    /// A frame that follows the revision `before`; all up to `durable` were synced before.
    pub fn new(before: Revision, durable: Revision) -> Self {
        let mut bytes = vec![0; FRAME_HEAD_BYTES];
        [before, before, durable].iter().for_each(|r| bytes.extend_from_slice(&r.0.to_le_bytes()));
        FrameBuilder { bytes, long: Vec::new() }
    }

    /// It ends with the revision `after`, which must be a later one: so frames are told apart by their revisions.
    pub fn ending(mut self, after: Revision) -> Self {
        self.bytes[FRAME_HEAD_BYTES + 8..][..8].copy_from_slice(&after.0.to_le_bytes());
        self
    }

    pub fn delete(&mut self, key: &Key, revision: Revision) {
        self.head(DELETE, key, revision, 0);
    }

    pub fn put(&mut self, key: &Key, revision: Revision, value: &[u8]) {
        let len = u32::try_from(value.len()).expect("the queue holds no such value");
        self.head(PUT, key, revision, len);
        if value.len() > LONG_BYTES {
            self.long.push((key.clone(), revision, self.bytes.len(), len, checksum(key, revision, value)));
        }
        self.bytes.extend_from_slice(value);
    }

    fn head(&mut self, kind: u8, key: &Key, revision: Revision, len: u32) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&revision.0.to_le_bytes());
        self.bytes.extend_from_slice(&u32::try_from(key.len()).expect("no such key").to_le_bytes());
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(key);
    }

    /// Bytes that it will take.
    pub fn len(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGN)
    }

    /// The frame for `offset` of the file `number`, and where its long values then are.
    pub fn finish(mut self, number: u64, offset: u64) -> (Vec<u8>, Vec<(Key, Row)>) {
        let payload = self.bytes.len() - FRAME_HEAD_BYTES;
        let len = u32::try_from(payload).expect("the queue lets no such batch pass").to_le_bytes();
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let crc = frame_sum(number, offset, &len, &self.bytes[FRAME_HEAD_BYTES..][..payload]);
        self.bytes[..4].copy_from_slice(FRAME_MAGIC);
        self.bytes[4..8].copy_from_slice(&len);
        self.bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        let placed = self.long.into_iter().map(|(key, revision, at, len, crc)| {
            let place = Place { file: number, offset: offset + at as u64, len, crc };
            (key, Row { revision, value: Value::Logged(place) })
        });
        (self.bytes, placed.collect())
    }
}

fn frame_sum(number: u64, offset: u64, len: &[u8; 4], payload: &[u8]) -> u32 {
    sum(&[&number.to_le_bytes(), &offset.to_le_bytes(), len, payload])
}

/// How long the payload of a frame with this head is; `None` if it is none.
pub(super) fn payload_len(head: &[u8; FRAME_HEAD_BYTES]) -> Option<usize> {
    let len = u32::from_le_bytes(head[4..8].try_into().expect("4 bytes")) as usize;
    (head[..4] == *FRAME_MAGIC && head[12..] == [0; 4] && len <= MAX_PAYLOAD_BYTES).then_some(len)
}

/// A frame as it was read back.
#[derive(Debug)]
pub(in crate::embedded) struct Frame {
    pub before: Revision,
    pub after: Revision,
    pub durable: Revision,
    /// Number of the file.
    number: u64,
    /// Where in the file the payload begins.
    at: u64,
    payload: Bytes,
}

impl Frame {
    /// The frame at `offset` of the file `number`; `None` if what is there is none.
    pub(super) fn decode(number: u64, offset: u64, head: &[u8; FRAME_HEAD_BYTES], payload: Bytes) -> Option<Frame> {
        let len: &[u8; 4] = head[4..8].try_into().expect("4 bytes");
        if frame_sum(number, offset, len, &payload).to_le_bytes() != head[8..12] {
            return None;
        }
        let revision = |at: usize| Some(Revision(u64::from_le_bytes(payload.get(at..at + 8)?.try_into().ok()?)));
        let at = offset + FRAME_HEAD_BYTES as u64;
        Some(Frame { before: revision(0)?, after: revision(8)?, durable: revision(16)?, number, at, payload })
    }

    /// What it changed, in its order: key, row or removal, and for a long row its value.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a checked frame is none: no program wrote it.
    pub fn effects(&self) -> Result<Vec<(Key, Option<Row>, Bytes)>, Error> {
        let nonsense = || Error::Corrupt(format!("a frame of log file {} makes no sense", self.number));
        let mut effects = Vec::new();
        let mut at = 24;
        let take = |at: &mut usize, len: usize| {
            let end = at.checked_add(len).filter(|end| *end <= self.payload.len())?;
            let part = self.payload.slice(*at..end);
            *at = end;
            Some(part)
        };
        while at < self.payload.len() {
            let head = take(&mut at, 17).ok_or_else(nonsense)?;
            let revision = Revision(u64::from_le_bytes(head[1..9].try_into().expect("8 bytes")));
            let len = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes")) as usize;
            // Copied, because a slice would keep the whole frame in memory.
            let key = Key::copy_from_slice(&take(&mut at, len(9)).ok_or_else(nonsense)?);
            let begins = self.at + at as u64;
            let value = take(&mut at, len(13)).ok_or_else(nonsense)?;
            let row = match head[0] {
                DELETE => None,
                PUT if value.len() > LONG_BYTES => {
                    let crc = checksum(&key, revision, &value);
                    let len = u32::try_from(value.len()).map_err(|_| nonsense())?;
                    let place = Place { file: self.number, offset: begins, len, crc };
                    Some(Row { revision, value: Value::Logged(place) })
                }
                PUT => Some(Row { revision, value: Value::Here(Bytes::copy_from_slice(&value)) }),
                _ => return Err(nonsense()),
            };
            effects.push((key, row, value));
        }
        Ok(effects)
    }

    /// Brings what it changed into `overlay`.
    pub(super) fn replay(&self, overlay: &mut Overlay) -> Result<(), Error> {
        self.effects()?.into_iter().for_each(|(key, row, _)| overlay.set(key, row));
        Ok(())
    }

    /// Bytes that it takes in its file.
    pub fn len(&self) -> u64 {
        (FRAME_HEAD_BYTES + self.payload.len()).next_multiple_of(ALIGN) as u64
    }
}
