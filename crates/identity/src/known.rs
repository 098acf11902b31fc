//! Who was let in before: the records of keys in order, decoded, to be used again while none of them has changed.
//!
//! Nobody is let in because of what is kept here. Each use asks the engine first whether every record is still at the
//! revision that was read ([`kv::Engine::unchanged`]), all of them at one moment, which is exactly what reading them again
//! would tell; what is saved is the decoding. A secret is kept as it is stored: sealed.
//!
//! Absent on purpose: refusals. Whoever is refused has his records read anew each time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kv::Key;
use model::{AccessKeyId, Basis, Principal, Revision};
use parking_lot::Mutex;

/// Most keys that are kept; one takes about a kilobyte.
const KEPT: usize = 4096;

/// Key, account and share, in order and in agreement, as they were at one moment.
pub(crate) struct Standing {
    pub principal: Principal,
    pub basis: Basis,
    /// The key's secret, sealed; `None` if it is missing.
    pub secret: Option<Bytes>,
    /// All that this was read from.
    pub rows: Vec<(Key, Revision)>,
}

#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<AccessKeyId, Arc<Standing>>>);

impl Known {
    pub fn get(&self, id: &AccessKeyId) -> Option<Arc<Standing>> {
        self.0.lock().get(id).cloned()
    }

    /// Where there is no more room, all are forgotten: those in use come back with their next request.
    pub fn keep(&self, id: &AccessKeyId, standing: &Arc<Standing>) {
        let mut kept = self.0.lock();
        if kept.len() >= KEPT && !kept.contains_key(id) {
            kept.clear();
        }
        kept.insert(id.clone(), standing.clone());
    }

    pub fn forget(&self, id: &AccessKeyId) {
        self.0.lock().remove(id);
    }
}
