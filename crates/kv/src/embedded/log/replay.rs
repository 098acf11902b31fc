//! Reading a log back: where it ends, and whether that is where it was left.
//!
//! The last frame may be there in part: its sync had not returned, so nobody was answered. Such an end is cut off.
//! A frame that does not verify *before* one that was written after it had been synced is damage, and nothing is
//! changed: each frame says up to which revision all before it was durable.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use model::Revision;

use super::files::Files;
use super::frame::{ALIGN, FRAME_HEAD_BYTES, FileHeader, Frame, HEADER_BYTES, payload_len};
use crate::Error;
use crate::embedded::overlay::Overlay;

/// A moment in the log: the first byte of a frame, or where one will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::embedded) struct Position {
    pub file: u64,
    pub offset: u64,
}

impl Position {
    /// Where the first frame of a file is.
    pub const fn first_of(file: u64) -> Self {
        Position { file, offset: HEADER_BYTES as u64 }
    }
}

/// What was found after a checkpoint.
pub(in crate::embedded) struct Replayed {
    /// What it changed.
    pub rows: Overlay,
    /// The last revision.
    pub last: Revision,
    /// The file that was read last, and where its last whole frame ends; `None` if there is none.
    pub end: Option<Position>,
    /// Bytes of frames.
    pub bytes: u64,
}

/// Reads what follows `from`, where `last` was the last revision, in files of `store`.
pub(in crate::embedded) fn replay(
    files: &Files,
    store: &[u8; 16],
    from: Position,
    last: Revision,
) -> Result<Replayed, Error> {
    let mut found = Replayed { rows: Overlay::default(), last, end: None, bytes: 0 };
    let there = files.numbers()?;
    let after: Vec<u64> = there.range(from.file..).copied().collect();
    // A file that the checkpoint ends in was there, and was that long.
    if from.offset > HEADER_BYTES as u64 {
        let path = files.path(from.file);
        let len = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if len < from.offset {
            let what = "the file is missing or cut short";
            return Err(Error::Corrupt(format!("{}: {what}", path.display())));
        }
    }
    let mut ended = false;
    for (number, expected) in after.iter().copied().zip(from.file..) {
        let path = files.path(number);
        let damaged = |what: &str| Error::Corrupt(format!("{}: {what}", path.display()));
        if number != expected {
            return Err(damaged("the log file before it is missing"));
        }
        let file = File::open(&path).map_err(|error| Error::Io(format!("{}: {error}", path.display())))?;
        let header = own_header(&file, &path, number, store)?;
        if header.is_none() && number == from.file && from.offset > HEADER_BYTES as u64 {
            return Err(damaged("it has no header"));
        }
        let Some(header) = header else {
            // Its first bytes were never synced: it was being made.
            ended = true;
            continue;
        };
        let mut at = if number == from.file { from.offset } else { HEADER_BYTES as u64 };
        if number != from.file && header.base != found.last {
            return Err(damaged("changes are missing before it"));
        }
        if ended {
            return Err(damaged("the log file before it has no whole header"));
        }
        while let Some(frame) = read(&file, number, at).map_err(|error| damaged(&error.to_string()))? {
            if frame.before != found.last {
                return Err(damaged(&format!("at byte {at}, changes are missing")));
            }
            frame.replay(&mut found.rows)?;
            found.last = frame.after;
            found.bytes += frame.len();
            at += frame.len();
        }
        if let Some(later) = later_durable(&file, number, at, found.last).map_err(|e| damaged(&e.to_string()))? {
            return Err(damaged(&format!("what is at byte {at} was damaged after it had been written (byte {later})")));
        }
        found.end = Some(Position { file: number, offset: at });
    }
    Ok(found)
}

/// What the file `number` of `store`, which is at `path`, says of itself; `None` if nothing. Errors name the path.
pub(super) fn own_header(file: &File, path: &Path, number: u64, store: &[u8; 16]) -> Result<Option<FileHeader>, Error> {
    let found = header(file).map_err(|error| match error {
        Error::Format(what) => Error::Format(format!("{}: {what}", path.display())),
        Error::Corrupt(what) => Error::Corrupt(format!("{}: {what}", path.display())),
        other => other,
    })?;
    if found.as_ref().is_some_and(|header| header.store != *store || header.number != number) {
        let what = "it belongs to another store or has another name than it was given";
        return Err(Error::Corrupt(format!("{}: {what}", path.display())));
    }
    Ok(found)
}

/// What a file says of itself; `None` if it says nothing, not even in part of what follows.
fn header(file: &File) -> Result<Option<FileHeader>, Error> {
    let mut bytes = [0; HEADER_BYTES];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Error::Io(error.to_string())),
    }
    match FileHeader::decode(&bytes) {
        Ok(header) => Ok(Some(header)),
        // A header is synced before the first frame is: where nothing follows, it was being written.
        Err(Error::Corrupt(_)) if holds_nothing(file, HEADER_BYTES as u64).unwrap_or(false) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the file has only zeros from `from` on.
fn holds_nothing(file: &File, from: u64) -> io::Result<bool> {
    let mut nothing = true;
    chunks(file, from, |_, chunk| {
        nothing = chunk.iter().all(|byte| *byte == 0);
        nothing
    })?;
    Ok(nothing)
}

/// The frame at `at`; `None` if none is there.
pub(in crate::embedded) fn read(file: &File, number: u64, at: u64) -> io::Result<Option<Frame>> {
    let mut head = [0; FRAME_HEAD_BYTES];
    if !fill(file, at, &mut head)? {
        return Ok(None);
    }
    let Some(len) = payload_len(&head) else { return Ok(None) };
    if file.metadata()?.len() < at + (FRAME_HEAD_BYTES + len) as u64 {
        return Ok(None);
    }
    let mut payload = vec![0; len];
    if !fill(file, at + FRAME_HEAD_BYTES as u64, &mut payload)? {
        return Ok(None);
    }
    Ok(Frame::decode(number, at, &head, Bytes::from(payload)))
}

/// Where a frame after `from` begins that was written when more than `last` was durable already.
fn later_durable(file: &File, number: u64, from: u64, last: Revision) -> io::Result<Option<u64>> {
    let mut found = None;
    let mut broken = None;
    chunks(file, from, |offset, chunk| {
        for at in (0..chunk.len()).step_by(ALIGN) {
            // Most of what is there is zeros.
            if chunk[at] == 0 {
                continue;
            }
            match is_later(file, offset + at as u64, last)
                .and_then(|later| if later { read(file, number, offset + at as u64) } else { Ok(None) })
            {
                Ok(Some(frame)) if frame.durable > last => {
                    found = Some(offset + at as u64);
                    return false;
                }
                Ok(_) => {}
                Err(error) => {
                    broken = Some(error);
                    return false;
                }
            }
        }
        true
    })?;
    broken.map_or(Ok(found), Err)
}

/// Whether what is at `at` may be the head of a frame that was written when more than `last` was durable; a look at a few
/// bytes, because a body may be full of what looks like heads.
fn is_later(file: &File, at: u64, last: Revision) -> io::Result<bool> {
    let (mut head, mut said) = ([0; FRAME_HEAD_BYTES], [0; 24]);
    if !fill(file, at, &mut head)? || payload_len(&head).is_none() || !fill(file, at + head.len() as u64, &mut said)? {
        return Ok(false);
    }
    let [before, after, durable] = [0, 8, 16].map(|i| u64::from_le_bytes(said[i..i + 8].try_into().expect("8 bytes")));
    Ok(durable > last.0 && durable <= before && before < after)
}

/// Gives `see` the file from `from` on, piece by piece, as long as it wants more. Pieces begin at multiples of [`ALIGN`]
/// where `from` does.
fn chunks(file: &File, mut from: u64, mut see: impl FnMut(u64, &[u8]) -> bool) -> io::Result<()> {
    let len = file.metadata()?.len();
    let mut buffer = vec![0; 256 << 10];
    while from < len {
        let part = usize::try_from(len - from).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..part], from)?;
        if !see(from, &buffer[..part]) {
            break;
        }
        from += part as u64;
    }
    Ok(())
}

/// Whether all of `out` is there.
fn fill(file: &File, at: u64, out: &mut [u8]) -> io::Result<bool> {
    match file.read_exact_at(out, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
