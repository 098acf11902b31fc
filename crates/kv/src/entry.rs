//! What is stored under one key.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use model::Revision;

use crate::Key;

/// A stored value with the revision of the commit that wrote it. Cheap to clone, and never changed.
#[derive(Clone)]
pub struct Entry(Arc<Fields>);

/// What an entry holds.
pub struct Fields {
    /// Where it is stored.
    pub key: Key,
    /// What is stored.
    pub value: Bytes,
    /// The commit that wrote it.
    pub revision: Revision,
    /// No part of what it is.
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Deref for Entry {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl Entry {
    /// An entry.
    pub fn new(key: Key, value: Bytes, revision: Revision) -> Self {
        Entry(Arc::new(Fields { key, value, revision, made: OnceLock::new() }))
    }

    /// What `decode` makes of the entry. The first that is made of it is there for whoever has a clone, so that it is made
    /// once of an entry that an engine hands out again and again. As an entry never changes, it holds as long as that.
    ///
    /// # Errors
    /// Those of `decode`; they are not kept.
    pub fn decoded<T: Send + Sync + 'static, E>(
        &self,
        decode: impl FnOnce(&[u8], &[u8]) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(made) = self.made.get()
            && let Ok(made) = made.clone().downcast()
        {
            return Ok(made);
        }
        let made = Arc::new(decode(&self.key, &self.value)?);
        // Whoever was first stays.
        let _ = self.made.set(made.clone());
        Ok(made)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, &self.value, self.revision) == (&other.key, &other.value, other.revision)
    }
}

impl Eq for Entry {}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields { key, value, revision, .. } = &**self;
        f.debug_struct("Entry")
            .field("key", key)
            .field("value", value)
            .field("revision", revision)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(_: &[u8], value: &[u8]) -> Result<usize, &'static str> {
        if value.is_empty() { Err("nothing there") } else { Ok(value.len()) }
    }

    #[test]
    fn what_is_made_of_an_entry_is_made_once_and_an_error_is_not_kept() {
        let entry = Entry::new("k".into(), "value".into(), Revision(1));
        let (first, second) = (entry.decoded(length).unwrap(), entry.clone().decoded(length).unwrap());
        assert!(*first == 5 && Arc::ptr_eq(&first, &second));
        // Another type is made anew, and pushes nothing out.
        let text = |_: &[u8], value: &[u8]| Ok::<_, ()>(String::from_utf8_lossy(value).into_owned());
        assert_eq!(*entry.decoded(text).unwrap(), "value");
        assert!(Arc::ptr_eq(&first, &entry.decoded(length).unwrap()));
        let empty = Entry::new("k".into(), "".into(), Revision(1));
        assert_eq!(empty.decoded(length), Err("nothing there"));
        assert_eq!(empty.decoded(|_, _| Ok::<_, ()>(7usize)).as_deref(), Ok(&7));
    }
}
