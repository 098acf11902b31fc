//! `backup`: a consistent copy of the store while it runs.
//!
//! Before the moment is chosen that the copy shows, a hold is taken that keeps bodies from being removed; so whatever is
//! deleted meanwhile is still there to be copied.

use std::path::Path;
use std::sync::Arc;

use backup::{Bucket, Credentials, Directory, Origin, Shelf};
use blobs::BlobRef;
use catalog::audit;
use kv::{Change, Entry, Key, Write};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::Teller;
use crate::admin::{BackupView, Failure, ShelfOrder, rfc3339};
use crate::{Context, Error, Store};

/// Where the last backup is remembered.
const LAST: &[u8] = b"z/backup";

/// The last backup that was made, as it is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LastBackup {
    pub version: u32,
    pub id: String,
    pub place: String,
    pub made: String,
    /// How much could not be read and is not in it.
    #[serde(default)]
    pub lacks: u64,
}

/// The bodies outside of the rows that a row names.
///
/// # Errors
/// Why that cannot be told: its record is damaged.
pub fn bodies_named(row: &Entry) -> Result<Vec<BlobRef>, String> {
    let pieces = audit::bodies(row).map_err(|error| error.to_string())?;
    Ok(pieces.iter().map(|piece| BlobRef { id: piece.id, len: piece.len, crc64: piece.crc64 }).collect())
}

/// The place that is meant. Nothing is asked of it yet.
///
/// # Errors
/// [`Failure`] if it makes no sense.
pub fn open_shelf(order: &ShelfOrder) -> Result<Box<dyn Shelf>, Failure> {
    let Some(place) = order.place.strip_prefix("s3://") else {
        if !Path::new(&order.place).is_absolute() {
            let message = format!("{} is no place for backups", order.place);
            return Err(Failure::invalid(message, "Name a directory, or s3://BUCKET/PREFIX."));
        }
        return Ok(Box::new(Directory::new(Path::new(&order.place))));
    };
    let authorities = order.authorities.as_ref().map(|path| {
        std::fs::read(path).map_err(|error| {
            let message = format!("the authorities {} cannot be read: {error}", path.display());
            Failure::invalid(message, "Name a PEM file that the server can read with --ca-file.")
        })
    });
    let authorities = authorities.transpose()?;
    let credentials = Credentials::new(order.access_key_id.as_str(), order.secret_access_key.as_str());
    let key = (credentials, order.session_token.clone());
    let bucket = Bucket::new(place, &order.endpoint, &order.region, key, authorities.as_deref());
    Ok(Box::new(bucket.map_err(|error| Failure::invalid(error.to_string(), "Name it with --endpoint."))?))
}

impl Store {
    /// Backs the store up.
    pub(crate) async fn back_up(
        &self,
        ctx: &Context,
        order: &ShelfOrder,
        teller: &Teller,
    ) -> Result<BackupView, Failure> {
        self.care()?;
        let shelf = open_shelf(order)?;
        let of: i64 = self.ledger.usage(None).await.map_err(Error::from)?.iter().map(|(_, of)| of.bytes_stored).sum();
        teller.begin("backing up", "bytes", u64::try_from(of).ok());
        let _hold = self.hold();
        let store = self.clone();
        let snapshot = spawn_blocking(move || {
            let care = store.care.as_ref().ok_or_else(|| kv::Error::Io("it is in nobody's care".into()))?;
            (care.snapshot)()
        });
        let snapshot = snapshot.await.map_err(|error| Error::Unavailable(error.to_string()))?.map_err(Error::from)?;
        let origin = Origin {
            snapshot: Arc::new(snapshot),
            blobs: self.blobs.as_ref(),
            named: &bodies_named,
            key: self.care()?.backup_key,
            now: rfc3339(self.now()),
        };
        let saved = backup::save(shelf.as_ref(), &origin, &|bytes| teller.add(bytes)).await?;
        drop(origin);
        let view = BackupView {
            id: saved.manifest.id(),
            place: shelf.place(),
            made: saved.manifest.made,
            rows: saved.manifest.rows,
            bodies: saved.manifest.bodies,
            bytes: saved.manifest.bytes,
            chunks_sent: saved.chunks_sent,
            bodies_sent: saved.bodies_sent,
            bytes_sent: saved.bytes_sent,
            without: saved.manifest.without,
        };
        let (id, place, made) = (view.id.clone(), view.place.clone(), view.made.clone());
        let last = LastBackup { version: 1, id, place, made, lacks: view.without.len() as u64 };
        let value = serde_json::to_vec(&last).map_err(|error| Error::Unavailable(error.to_string()))?;
        let write = vec![Write::Put(Key::from_static(LAST), value.into())];
        let change = Change { require: vec![], write };
        let detail = format!("{} bodies and {} chunks were new", view.bodies_sent, view.chunks_sent);
        self.operate(ctx, change, "Backup", &view.place, detail).await?;
        Ok(view)
    }

    /// The last backup that was made, if there was one.
    pub(crate) async fn last_backup(&self) -> Result<Option<LastBackup>, Error> {
        let found = self.engine.get(&Key::from_static(LAST)).await?;
        let read = |entry: Entry| {
            serde_json::from_slice(&entry.value).map_err(|error| Error::Damaged(format!("row z/backup: {error}")))
        };
        found.map(read).transpose()
    }
}

/// What an operator is told of it.
impl From<backup::Error> for Failure {
    fn from(error: backup::Error) -> Self {
        use backup::Error as B;
        match error {
            B::Rows(error) => Error::from(error).into(),
            B::Bodies(error) => Error::from(error).into(),
            B::NotFound(message) => {
                Failure::not_found(message, "Name the place that `bailiwick backup` was given, or another --snapshot.")
            }
            B::Refused(message) => Failure::conflict(message, ""),
            error @ B::WrongKey(_) => Failure::conflict(
                error.to_string(),
                "Give the master key of the store that was backed up; nothing was changed.",
            ),
            error @ B::Damaged { .. } => Failure::unavailable(
                error.to_string(),
                "Take another backup (`bailiwick restore SRC --list`), or put the file back from a copy of the place.",
            ),
            error @ B::Shelf(_) => Failure::unavailable(
                error.to_string(),
                "See that the place can be reached, read and written, and try again: what was sent is used.",
            ),
        }
    }
}
