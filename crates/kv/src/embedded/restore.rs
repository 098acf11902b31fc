//! Making a store of rows that another had, with their revisions.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use model::Revision;

use super::file::{self, Found};
use super::index::{Index, Missed};
use super::log::frame::FrameBuilder;
use super::log::{self, Files, Log, Position, Trouble};
use super::overlay::Overlay;
use super::record::{LONG_BYTES, Row, Value};
use super::state::Frozen;
use super::{Embedded, EmbeddedOptions, PlainFile};
use crate::{Entry, Error};

/// Bytes of keys and values that are brought in together.
const BATCH_BYTES: usize = 16 << 20;

impl Embedded {
    /// Makes a store at `path`, where there is none, that holds exactly these rows with their revisions; `last` is the
    /// revision of its last change, none of the rows' is greater. Blocks; durable when it returns. One that is
    /// interrupted leaves nothing under the store's own name.
    ///
    /// # Errors
    /// The first that `rows` gives; [`Error::Io`] if there is a store already; [`Error::InUse`] if another makes one
    /// there now; [`Error::Full`].
    pub fn restore(
        path: &Path,
        options: EmbeddedOptions,
        store: [u8; 16],
        last: Revision,
        rows: impl Iterator<Item = Result<Entry, Error>>,
    ) -> Result<(), Error> {
        let unreadable = |error: std::io::Error| Error::Io(format!("{}: {error}", path.display()));
        if path.try_exists().map_err(unreadable)? {
            return Err(Error::Io(format!("{}: there is a store already", path.display())));
        }
        let draft = &file::draft(path);
        if draft.try_exists().map_err(unreadable)? {
            // Left behind by one that was interrupted, unless somebody is at it.
            file::check_unused(draft)?;
            fs::remove_dir_all(draft).map_err(unreadable)?;
        }
        fill(draft, options, store, last, rows)?;
        fs::rename(draft, path).map_err(unreadable)?;
        File::open(file::above(path)).and_then(|above| above.sync_all()).map_err(unreadable)
    }
}

fn fill(
    dir: &Path,
    options: EmbeddedOptions,
    store: [u8; 16],
    last: Revision,
    rows: impl Iterator<Item = Result<Entry, Error>>,
) -> Result<(), Error> {
    let seam = options.sync.unwrap_or_else(|| Arc::new(PlainFile));
    let Found { path, disk, database, .. } = file::open_or_create(dir, &seam, options.cache_bytes, Some(store))?;
    let index = Index::new(path, disk, options.cache_bytes, database);
    let files = Arc::new(Files::new(file::log_dir(dir), seam.clone()));
    let file_bytes = log::file_bytes(options.log_file_bytes, index.room().all);
    let mut log = Log::new(files, seam, store, Position::first_of(1).file, last, file_bytes);
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let batch = gather(&mut rows, last)?;
        take(&index, &mut log, batch, last)?;
    }
    // What is written later goes to a file of its own, so that nothing of this is taken for changes after it.
    log.seal().map_err(from_trouble)?;
    take(&index, &mut log, Vec::new(), last)?;
    index.close()
}

fn gather(rows: &mut impl Iterator<Item = Result<Entry, Error>>, last: Revision) -> Result<Vec<Entry>, Error> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES
        && let Some(row) = rows.next()
    {
        let row = row?;
        if row.revision > last {
            return Err(Error::Corrupt(format!("a row has revision {}, the last is {}", row.revision.0, last.0)));
        }
        bytes += row.key.len() + row.value.len();
        batch.push(row);
    }
    Ok(batch)
}

/// Long values go into the log, and all of the batch into the index.
fn take(index: &Index, log: &mut Log, batch: Vec<Entry>, last: Revision) -> Result<(), Error> {
    let mut rows = Overlay::default();
    let mut frame = FrameBuilder::new(last, last);
    let mut long = false;
    for entry in batch {
        if entry.value.len() > LONG_BYTES {
            frame.put(&entry.key, entry.revision, &entry.value);
            long = true;
        } else {
            let value = Value::Here(entry.value.clone());
            rows.set(entry.key.clone(), Some(Row { revision: entry.revision, value }));
        }
    }
    if long {
        log.append(frame, last).map_err(from_trouble)?.into_iter().for_each(|(key, row)| rows.set(key, Some(row)));
        log.sync_all().map_err(from_trouble)?;
    }
    index.take(&Frozen { rows, last, position: log.position() }).map_err(|missed| match missed {
        Missed::Full => Error::Full,
        Missed::Failed(failure) => failure.into_error(),
    })
}

fn from_trouble(trouble: Trouble) -> Error {
    match trouble {
        Trouble::Full => Error::Full,
        Trouble::Later(reason) | Trouble::Broken(reason) => Error::Io(reason),
    }
}
