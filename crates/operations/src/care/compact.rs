//! `compact`: the room of what is there no more is given back now, and not when it has become much.

use tokio::task::spawn_blocking;

use super::Teller;
use crate::admin::{CompactView, Failure};
use crate::{Error, Store};

impl Store {
    /// Compacts. Whoever writes meanwhile goes on; given up, what is done stays done.
    pub(crate) async fn compact(&self, teller: &Teller) -> Result<CompactView, Failure> {
        self.care()?;
        teller.begin("compacting", "bytes", None);
        let (store, teller) = (self.clone(), teller.clone());
        let work = spawn_blocking(move || {
            let care = store.care.as_ref().ok_or_else(|| kv::Error::Io("it is in nobody's care".into()))?;
            (care.compact)(&|done, of| teller.reach(done, of))
        });
        let done = work.await.map_err(|error| Error::Unavailable(error.to_string()))?.map_err(Error::from)?;
        Ok(CompactView { bytes_before: done.before, bytes_after: done.after })
    }
}
