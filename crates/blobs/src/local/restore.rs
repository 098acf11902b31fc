//! Filling a store with another's bodies, under the ids that they had. For nobody but who makes a store of a backup.

use model::BlobId;

use super::{LocalDisk, directory, upload};
use crate::{Error, Staged};

impl LocalDisk {
    /// As [`stage`](crate::Blobs::stage), under an id that another store gave out. Publishing fails if it is taken.
    pub fn stage_as(&self, id: BlobId) -> Box<dyn Staged> {
        Box::new(upload::Upload::of(self.0.clone(), id))
    }

    /// Lets the next opening have an epoch above `epoch`, durably. Blocks.
    ///
    /// # Errors
    /// [`Error::Io`] if this opening's own is not below it.
    pub fn raise_epoch(&self, epoch: u64) -> Result<(), Error> {
        if epoch < self.0.epoch {
            return Err(Error::Io(format!("the epoch cannot be lowered from {} to {epoch}", self.0.epoch)));
        }
        directory::set_epoch(&self.0.places, epoch, &*self.0.sync)
    }
}
