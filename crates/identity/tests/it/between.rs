//! An engine in which something happens between two reads.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kv::{Change, Commit, Engine, Entry, Error, Key, KeyRange, ListQuery, Listing, Page};

pub struct Between {
    pub inner: Arc<dyn Engine>,
    /// Committed once, after the first `get_many` from now.
    pub next: Mutex<Option<Change>>,
}

#[async_trait]
impl Engine for Between {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>, Error> {
        let found = self.inner.get_many(keys).await;
        let next = self.next.lock().unwrap().take();
        if let Some(change) = next {
            self.inner.commit(change).await?.unwrap();
        }
        found
    }

    async fn unchanged(&self, rows: &[(Key, model::Revision)]) -> Result<bool, Error> {
        self.inner.unchanged(rows).await
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, Error> {
        self.inner.scan(range, limit).await
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, Error> {
        self.inner.list(query).await
    }

    async fn commit(&self, change: Change) -> Result<Commit, Error> {
        self.inner.commit(change).await
    }
}
