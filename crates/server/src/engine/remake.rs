//! Making a data directory of a backup.
//!
//! The directory becomes a data directory last, when all of it is durable. Until then a file says what it is, so that no
//! server takes it for anything, and the next restore into it begins anew.

use backup::{Manifest, Shelf, Target};
use identity::MasterKey;
use kv::EmbeddedOptions;

use super::datadir::DataDir;
use super::{BACKUPS, LEDGER};
use crate::cli::Common;
use crate::complaint::Complaint;
use crate::place;

/// A backup that was found, and where it is to go.
pub(crate) struct Remake {
    manifest: Manifest,
    master: MasterKey,
    common: Common,
}

impl Remake {
    /// Finds the backup of that id, or the latest, and makes sure that the master key is the one that it was made under.
    /// Nothing is written yet.
    pub(crate) async fn find(common: &Common, shelf: &dyn Shelf, id: Option<&str>) -> Result<Remake, Complaint> {
        let master = MasterKey::load(&common.master_key()?, false).map_err(|error| {
            Complaint::failed(
                error.to_string(),
                "It is not in the backup: put the store's master key there, or name it with --master-key-file.",
            )
        })?;
        let found = backup::find(shelf, id, &master.derive(BACKUPS)).await;
        let manifest = found.map_err(|error| place::complaint(error.into()))?;
        Ok(Remake { manifest, master, common: common.clone() })
    }

    /// What was found.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Makes the store. `tell` is told of bytes of bodies.
    pub(crate) async fn make(self, shelf: &dyn Shelf, tell: backup::Tell<'_>) -> Result<Manifest, Complaint> {
        let Remake { manifest, master, common } = self;
        let dir = DataDir::begin(&common.data)?;
        let options = EmbeddedOptions::new(master.derive(LEDGER));
        let target = Target { records: dir.records(), bodies: dir.bodies(), options };
        let restored = backup::restore(shelf, manifest, target, &operations::bodies_named, tell).await;
        let restored = restored.map_err(|error| place::complaint(error.into()))?;
        dir.finish()?;
        Ok(restored.manifest)
    }
}
