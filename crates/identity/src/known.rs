//! Who was let in before: the records of keys in order, decoded, to be used again while none of them has changed.
//!
//! Nobody is let in because of what is kept here. Each use asks the engine first whether every record is still at the
//! revision that was read ([`kv::Engine::unchanged`]), all of them at one moment, which is exactly what reading them again
//! would tell; what is saved is the decoding, the unsealing, and what a scheme of signatures derives from a secret. Whoever
//! proved nothing leaves nothing here. The secret of a key that was let in stays until the key is presented again after a
//! change, or all are forgotten. Sealing guards what is at rest: whoever reads this memory finds beside the secrets the key
//! that unseals them all.
//!
//! Absent on purpose: refusals. Whoever is refused has his records read anew each time.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use kv::Key;
use model::{AccessKeyId, Basis, Principal, Revision};
use parking_lot::Mutex;

use crate::SecretText;

/// Most keys that are kept; one takes about a kilobyte.
const KEPT: usize = 4096;
/// Most derived keys of each: those of a week's presigned URLs, and today's.
const DERIVED: usize = 8;

/// Key, account and share, in order and in agreement, as they were at one moment.
pub(crate) struct Standing {
    pub principal: Principal,
    pub basis: Basis,
    /// The key's secret; `None` if it is missing.
    pub secret: Option<SecretText>,
    /// All that this was read from.
    pub rows: Vec<(Key, Revision)>,
    pub derived: Derived,
}

/// What was derived from a secret, by scope.
#[derive(Default)]
pub(crate) struct Derived(Mutex<Vec<(Box<str>, DerivedKey)>>);

/// Of whatever type the scheme of signatures uses.
type DerivedKey = Arc<dyn Any + Send + Sync>;

impl Derived {
    pub fn get<K: Send + Sync + 'static>(&self, scope: &str) -> Option<Arc<K>> {
        let all = self.0.lock();
        all.iter().find(|(of, _)| **of == *scope)?.1.clone().downcast().ok()
    }

    /// The oldest goes where there are too many.
    pub fn keep<K: Send + Sync + 'static>(&self, scope: &str, derived: &Arc<K>) {
        let mut all = self.0.lock();
        if all.iter().any(|(of, _)| **of == *scope) {
            return;
        }
        if all.len() == DERIVED {
            all.remove(0);
        }
        all.push((scope.into(), derived.clone()));
    }
}

#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<AccessKeyId, Arc<Standing>>>);

impl Known {
    pub fn get(&self, id: &AccessKeyId) -> Option<Arc<Standing>> {
        self.0.lock().get(id).cloned()
    }

    /// Where there is no more room, all are forgotten: those in use come back with their next request.
    pub fn keep(&self, standing: &Arc<Standing>) {
        let Some(id) = standing.principal.key_id() else { return };
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
