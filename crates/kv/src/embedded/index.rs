//! redb, as the index that the log is brought into now and then.
//!
//! A checkpoint is one transaction: the rows that have changed, how much of each log file is alive, and from where on the
//! log has what comes after. It is committed in two phases with redb's own record of its free pages, so that opening after
//! a crash takes no longer than opening does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use model::Revision;
use parking_lot::RwLock;
use redb::{Database, ReadableDatabase, ReadableTable};

use super::disk::{Disk, Room};
use super::failure::{Failure, guarded};
use super::file;
use super::log::Position;
use super::merge::Data;
use super::overlay::Overlay;
use super::record::{CHECKPOINT, DATA, HEADER, LIVE, Row, Value};
use super::state::Frozen;
use crate::Error;

/// What the index holds, and from where on the log has the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub last: Revision,
    pub position: Position,
}

impl Checkpoint {
    pub const FIRST: Checkpoint = Checkpoint { last: Revision(0), position: Position::first_of(1) };

    /// Revision ‖ file ‖ offset, 8 bytes each, big-endian.
    pub fn encode(&self) -> [u8; 24] {
        let mut out = [0; 24];
        let parts = [self.last.0, self.position.file, self.position.offset];
        out.chunks_exact_mut(8).zip(parts).for_each(|(out, part)| out.copy_from_slice(&part.to_be_bytes()));
        out
    }

    pub fn decode(bytes: &[u8]) -> Option<Checkpoint> {
        let bytes: &[u8; 24] = bytes.try_into().ok()?;
        let part = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let position = Position { file: part(8), offset: part(16) };
        Some(Checkpoint { last: Revision(part(0)), position })
    }
}

/// How a checkpoint ended that brought nothing in.
#[derive(Debug)]
pub(super) enum Missed {
    /// There was no room; redb goes on, or is to be [opened anew](Index::reopen).
    Full,
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Missed {
    fn from(error: E) -> Self {
        Missed::Failed(error.into())
    }
}

pub(super) struct Index {
    path: PathBuf,
    pub disk: Arc<Disk>,
    cache_bytes: usize,
    /// `None` once it is closed, and while it cannot be opened.
    database: RwLock<Option<Database>>,
}

impl Index {
    pub fn new(path: PathBuf, disk: Arc<Disk>, cache_bytes: usize, database: Database) -> Self {
        Index { path, disk, cache_bytes, database: RwLock::new(Some(database)) }
    }

    /// What was committed last. Guarded, because it is also done where a panic of redb's is already on its way.
    pub fn begin(&self) -> Result<Arc<Data>, Failure> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        guarded(|| Ok(Arc::new(database.begin_read()?.open_table(DATA)?)))
    }

    /// Bytes in each log file that rows point to.
    pub fn live(&self) -> Result<BTreeMap<u64, u64>, Failure> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        guarded(|| {
            let table = database.begin_read()?.open_table(LIVE)?;
            table.iter()?.map(|row| row.map(|(file, live)| (file.value(), live.value())).map_err(Into::into)).collect()
        })
    }

    /// Whether redb goes on; after a failed call to its file it reads what it has in memory, and refuses all else.
    pub fn is_usable(&self) -> bool {
        let database = self.database.read();
        database.as_ref().is_some_and(|database| guarded(|| Ok(database.begin_write()?.abort()?)).is_ok())
    }

    /// Brings `frozen` in, durably.
    pub fn take(&self, frozen: &Frozen) -> Result<(), Missed> {
        self.disk.begin();
        let taken = guarded(|| Ok(self.try_take(frozen))).unwrap_or_else(|panic| Err(Missed::Failed(panic)));
        match taken {
            Err(Missed::Failed(_)) if self.disk.ran_full() => Err(Missed::Full),
            taken => taken,
        }
    }

    fn try_take(&self, frozen: &Frozen) -> Result<(), Missed> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(redb::StorageError::DatabaseClosed)?;
        self.disk.fill_holes();
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut data = transaction.open_table(DATA)?;
            let mut delta: BTreeMap<u64, i64> = BTreeMap::new();
            for (key, row) in frozen.rows.iter() {
                let old = match row {
                    Some(row) => data.insert(key.as_ref(), row.encode(key).as_slice())?,
                    None => data.remove(key.as_ref())?,
                };
                if let Some(place) = old.and_then(|old| Row::place_of(old.value())) {
                    *delta.entry(place.file).or_default() -= i64::from(place.len);
                }
                if let Some(Row { value: Value::Logged(place), .. }) = row {
                    *delta.entry(place.file).or_default() += i64::from(place.len);
                }
            }
            let mut live = transaction.open_table(LIVE)?;
            for (file, delta) in delta.into_iter().filter(|(_, delta)| *delta != 0) {
                let old = live.get(file)?.map_or(0, |old| old.value());
                let what = || Error::Corrupt(format!("more of log file {file} is dead than was alive"));
                match old.checked_add_signed(delta).ok_or_else(what)? {
                    0 => drop(live.remove(file)?),
                    new => drop(live.insert(file, new)?),
                }
            }
            let checkpoint = Checkpoint { last: frozen.last, position: frozen.position };
            transaction.open_table(HEADER)?.insert(CHECKPOINT, checkpoint.encode().as_slice())?;
        }
        // What is not reserved may be missing when it is written, which redb does not survive.
        if self.disk.has_holes() && self.disk.room().free < needs(&frozen.rows) {
            transaction.abort()?;
            return Err(Missed::Full);
        }
        transaction.commit()?;
        Ok(())
    }

    /// Opens redb anew over the same file, after it met a full device. `checkpoint` is what it must hold.
    pub fn reopen(&self, checkpoint: Checkpoint) -> Result<(), Missed> {
        self.disk.begin();
        *self.database.write() = None;
        match file::open(&self.disk, &self.path, self.cache_bytes) {
            Ok((database, opened)) if opened.checkpoint == checkpoint => {
                *self.database.write() = Some(database);
                Ok(())
            }
            Ok(_) => Err(Error::Corrupt("a checkpoint without room left something behind".into()).into()),
            Err(_) if self.disk.ran_full() => Err(Missed::Full),
            Err(error) => Err(error.into()),
        }
    }

    /// Closes the file in good order. No reader may be left.
    pub fn close(&self) -> Result<(), Error> {
        self.disk.begin();
        let Some(database) = self.database.write().take() else { return Ok(()) };
        guarded(|| database.close().map_err(file::storage))
            .map_err(|failure| if self.disk.ran_full() { Error::Full } else { Error::Io(failure.describe()) })
    }

    pub fn room(&self) -> Room {
        self.disk.room()
    }
}

/// Bytes of pages that a checkpoint of `rows` may write: redb rounds up to pages, and writes a page for each row at worst.
fn needs(rows: &Overlay) -> u64 {
    rows.bytes() as u64 * 4 + (1 << 20)
}
