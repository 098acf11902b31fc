//! An engine in which something happens between two reads.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kv::{Answer, Change, Commit, Engine, Entry, Error, Key, KeyRange, ListQuery, Listing, Page};

pub struct Between {
    pub inner: Arc<dyn Engine>,
    /// Committed once, after the first `get_many` from now.
    pub next: Mutex<Option<Change>>,
}

#[async_trait]
impl Engine for Between {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>> {
        Answer::later(async move {
            let found = self.inner.get_many(keys).await;
            let next = self.next.lock().unwrap().take();
            if let Some(change) = next {
                self.inner.commit(change).await?.unwrap();
            }
            found
        })
    }

    fn unchanged<'a>(&'a self, rows: &'a [(Key, model::Revision)]) -> Answer<'a, bool> {
        self.inner.unchanged(rows)
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
