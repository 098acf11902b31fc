//! Bodies, read while others go on writing.
//!
//! The walk follows the records from snapshot to snapshot, each held for seconds. So what it finds missing may have been
//! deleted since: then the record has changed too, and nothing is said.

use std::time::{Duration, Instant};

use blobs::BlobRef;
use catalog::audit::{self, Row};
use catalog::{BodyAt, Piece};
use kv::{Entry, Key};
use tokio::task::spawn_blocking;

use super::findings::name_of;
use super::pace::Throughput;
use super::structure::{Next, next};
use super::{Care, Findings, Teller};
use crate::body::crc64;
use crate::{Error, Store};

/// Bytes of rows read at a time.
const PAGE_BYTES: usize = 256 << 10;
/// How long one snapshot is used.
const SNAPSHOT_FOR: Duration = Duration::from_secs(10);
/// Where records begin that name bodies, and where they end.
const RECORDS: (&[u8], &[u8]) = (b"o/", b"r");

/// How bodies are looked at.
pub(super) struct Look<'a> {
    /// Read every byte; else only whether each is there, as long as recorded, with its header.
    pub deep: bool,
    /// Look at all rows on the way; else only at records that name bodies, because the others were looked at.
    pub rows: bool,
    /// How fast.
    pub pace: Option<&'a Throughput>,
}

/// What was looked at.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub bodies: u64,
    pub bytes: u64,
}

/// Rows from snapshots that are not held for long.
struct Rows {
    after: Option<Key>,
    snapshot: Option<(std::sync::Arc<kv::Snapshot>, Instant)>,
}

impl Rows {
    async fn next(&mut self, care: &Care) -> Result<Next, Error> {
        let snapshot = match &self.snapshot {
            Some((snapshot, since)) if since.elapsed() < SNAPSHOT_FOR => snapshot.clone(),
            _ => {
                let fresh = std::sync::Arc::new((care.snapshot)()?);
                self.snapshot = Some((fresh.clone(), Instant::now()));
                fresh
            }
        };
        let mut after = self.after.take();
        let read = spawn_blocking(move || {
            let next = next(&snapshot, &mut after, PAGE_BYTES);
            next.map(|next| (next, after))
        });
        let (next, after) = read.await.map_err(|error| Error::Unavailable(error.to_string()))??;
        self.after = after;
        Ok(next)
    }
}

/// Looks at all bodies.
///
/// # Errors
/// If the store cannot be read at all. What is damaged is in `findings`.
pub(super) async fn check(
    store: &Store,
    care: &Care,
    look: &Look<'_>,
    findings: &mut Findings,
    teller: &Teller,
) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let after = (!look.rows).then(|| Key::from_static(RECORDS.0));
    let mut rows = Rows { after, snapshot: None };
    loop {
        match rows.next(care).await? {
            Next::End => return Ok(seen),
            Next::Damaged(key, error) => {
                if look.rows {
                    findings.row(&key, error);
                }
            }
            Next::Rows(page) => {
                for entry in page {
                    if !look.rows && entry.key.as_ref() >= RECORDS.1 {
                        return Ok(seen);
                    }
                    if look.rows
                        && let Some(pace) = look.pace
                    {
                        pace.after(entry.key.len() + entry.value.len()).await;
                    }
                    one(store, look, &entry, (&mut seen, findings, teller)).await?;
                }
            }
        }
    }
}

type Told<'a> = (&'a mut Seen, &'a mut Findings, &'a Teller);

async fn one(store: &Store, look: &Look<'_>, entry: &Entry, told: Told<'_>) -> Result<(), Error> {
    let (seen, findings, teller) = told;
    let row = match audit::row(entry) {
        Some(Ok(row)) => row,
        Some(Err(error)) if look.rows => {
            findings.row(&entry.key, error);
            return Ok(());
        }
        _ => {
            if look.rows
                && let Some(Err(error)) = store.directory.audit(entry)
            {
                findings.row(&entry.key, error);
            }
            return Ok(());
        }
    };
    let name = match &row {
        Row::Part(upload, part) => format!("part {} of upload {upload}", part.number),
        _ => name_of(&entry.key),
    };
    let pieces = match pieces_of(store, row).await {
        Ok(pieces) => pieces,
        Err(problem) => {
            if is_current(store, entry).await {
                findings.body(&name, problem);
            }
            return Ok(());
        }
    };
    for piece in pieces {
        seen.bodies += 1;
        match body(store, look, &piece).await {
            Ok(bytes) => seen.bytes += bytes,
            Err(problem) => {
                if is_current(store, entry).await {
                    findings.body(&name, problem);
                }
            }
        }
        teller.add(piece.len);
    }
    Ok(())
}

/// Of which pieces the body of an object, or of a part, consists.
async fn pieces_of(store: &Store, row: Row) -> Result<Vec<Piece>, String> {
    let object = match row {
        Row::Part(_, part) => return Ok(part.piece.into_iter().collect()),
        Row::Object(_, object) => object,
        _ => return Ok(vec![]),
    };
    let Some((id, parts)) = object.manifest else { return Ok(object.piece.into_iter().collect()) };
    let manifest = store.catalog.manifest(&id).await.map_err(|error| error.to_string())?;
    let manifest = manifest.ok_or("the list of its parts is missing")?;
    if manifest.value.0.len() != usize::from(parts) {
        return Err("the list of its parts is another one".into());
    }
    let pieces: Vec<Piece> = manifest.value.0.iter().filter_map(|part| part.piece).collect();
    let len: u64 = pieces.iter().map(|piece| piece.len).sum();
    if len == object.len { Ok(pieces) } else { Err(format!("its parts have {len} bytes, and it has {}", object.len)) }
}

/// Whether the record is still the one that was read.
async fn is_current(store: &Store, entry: &Entry) -> bool {
    match store.engine.get(&entry.key).await {
        Ok(now) => now.is_some_and(|now| now.revision == entry.revision),
        Err(_) => true,
    }
}

/// Looks at one body; how many bytes of it were read.
async fn body(store: &Store, look: &Look<'_>, piece: &Piece) -> Result<u64, String> {
    match piece.at {
        BodyAt::Inline if !look.deep => Ok(0),
        BodyAt::Inline => {
            let found = store.catalog.inline(piece).await.map_err(|error| error.to_string())?;
            let bytes = found.ok_or_else(|| "its body is missing".to_owned())?.value.clone();
            if crc64(&bytes) != piece.crc64 {
                return Err("its body is not what was written".into());
            }
            slow_down(look, bytes.len()).await;
            Ok(piece.len)
        }
        BodyAt::Blob => {
            let blob = BlobRef { id: piece.id, len: piece.len, crc64: piece.crc64 };
            let opened = store.blobs.open(blob, 0..piece.len).await;
            let mut reader = opened.map_err(|error| error.to_string())?;
            if !look.deep {
                return Ok(0);
            }
            while let Some(bytes) = reader.next().await.map_err(|error| error.to_string())? {
                slow_down(look, bytes.len()).await;
            }
            Ok(piece.len)
        }
    }
}

async fn slow_down(look: &Look<'_>, bytes: usize) {
    if let Some(pace) = look.pace {
        pace.after(bytes).await;
    }
}
