//! What fails leaves nothing visible, and nothing that is visible goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use blobs::Blobs;
use kv::{Answer, Change, Commit, Engine, Entry, Key, KeyRange, ListQuery, Listing, Page};
use operations::{Error, Expected};

use crate::world::{Sent, World, store_over};

/// An engine whose commits fail while it is told to.
struct Failing {
    inner: kv::Memory,
    fails: AtomicBool,
    full: AtomicBool,
}

#[async_trait]
impl Engine for Failing {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Option<Entry>>> {
        self.inner.get_many(keys)
    }

    fn unchanged<'a>(&'a self, rows: &'a [(Key, model::Revision)]) -> Answer<'a, bool> {
        self.inner.unchanged(rows)
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Page, kv::Error> {
        self.inner.scan(range, limit).await
    }

    async fn list(&self, query: ListQuery) -> Result<Listing, kv::Error> {
        self.inner.list(query).await
    }

    async fn commit(&self, change: Change) -> Result<Commit, kv::Error> {
        if self.full.load(Ordering::Relaxed) {
            return Err(kv::Error::Full);
        }
        if self.fails.load(Ordering::Relaxed) {
            // Nobody knows whether it holds: here it does.
            let _ = self.inner.commit(change).await;
            return Err(kv::Error::Poisoned("a test".into()));
        }
        self.inner.commit(change).await
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_or_is_not_what_was_announced_leaves_nothing() {
    let world = World::new().await;
    world.put(&world.owner, "k", b"before").await.unwrap();
    for body in [vec![1; 50], vec![1; 5000]] {
        let mut breaks = Sent::of(&body);
        breaks.breaks = true;
        assert!(matches!(world.put_from(&world.guest, "k", &mut breaks).await, Err(Error::Aborted)));
        let mut other = Sent::of(&body);
        other.expected = Expected { md5: Some([0; 16]), checksum: None };
        let refused = world.put_from(&world.guest, "k", &mut other).await;
        assert!(matches!(refused, Err(Error::BadDigest { .. })), "{refused:?}");
        let mut other = Sent::of(&body);
        other.expected.checksum = Some((model::ChecksumAlgorithm::Crc64Nvme, vec![0; 8]));
        let refused = world.put_from(&world.guest, "k", &mut other).await;
        assert!(matches!(refused, Err(Error::BadDigest { .. })), "{refused:?}");
    }
    assert_eq!(world.get(&world.owner, "k").await.unwrap(), b"before");
    assert!(world.blobs.list(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn after_an_outcome_that_nobody_knows_the_body_stays_and_after_a_full_disk_it_goes() {
    let engine = Arc::new(Failing {
        inner: kv::Memory::new([7; 32]),
        fails: AtomicBool::new(false),
        full: AtomicBool::new(false),
    });
    let world = World::over(engine.clone()).await;
    world.put(&world.owner, "k", &[1; 1000]).await.unwrap();

    engine.full.store(true, Ordering::Relaxed);
    assert!(matches!(world.put(&world.owner, "k", &[2; 1000]).await, Err(Error::Full)));
    engine.full.store(false, Ordering::Relaxed);
    assert_eq!(world.blobs.list(None, 10).await.unwrap().len(), 1);

    engine.fails.store(true, Ordering::Relaxed);
    assert!(matches!(world.put(&world.owner, "k", &[3; 1000]).await, Err(Error::Unavailable(_))));
    engine.fails.store(false, Ordering::Relaxed);
    // It did hold; so its body must be there, and the next start removes the one that it replaced.
    assert_eq!(world.get(&world.owner, "k").await.unwrap(), [3; 1000]);
    let reopened = Arc::new(world.blobs.reopen());
    let store = store_over(engine, reopened.clone(), &world.clock);
    assert!(store.start().await.unwrap());
    assert_eq!(reopened.list(None, 10).await.unwrap().len(), 1);
    let read = crate::world::read(&store, &world.owner, &world.bucket, "k", operations::Wanted::Whole).await;
    assert_eq!(read.unwrap(), [3; 1000]);
}

#[tokio::test]
async fn the_next_start_collects_what_a_crash_left_and_nothing_else() {
    let world = World::new().await;
    world.put(&world.owner, "kept", &[1; 1000]).await.unwrap();
    let mut orphan = world.blobs.stage().await.unwrap();
    orphan.write(bytes::Bytes::from_static(&[9; 500])).await.unwrap();
    orphan.publish().await.unwrap();
    assert_eq!(world.blobs.list(None, 10).await.unwrap().len(), 2);
    let reopened = Arc::new(world.blobs.reopen());
    let store = store_over(world.engine.clone(), reopened.clone(), &world.clock);
    assert!(store.start().await.unwrap());
    assert_eq!(reopened.list(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_does_not_start_under_another_master_key() {
    let world = World::new().await;
    let other = identity::MasterKey::from_bytes(std::array::from_fn(|i| i as u8 + 100));
    let store = operations::Store::new(operations::Parts {
        directory: identity::Directory::new(world.engine.clone(), other),
        engine: world.engine.clone(),
        blobs: world.blobs.clone(),
        settings: operations::Settings {
            access: access::Settings {
                public_access_block: model::PublicAccessBlock::ALL,
                default_ownership: model::ObjectOwnership::OwnerOwns,
                strict_signup: false,
            },
            new_bucket_block: None,
            inline_bytes: 0,
            max_key_lifetime: None,
        },
        clock: Arc::new(|| model::Timestamp::from_millis(0)),
        trouble: Box::new(|| None),
        care: None,
    });
    assert!(!store.start().await.unwrap());
}

#[tokio::test]
async fn a_multipart_object_that_is_being_read_can_be_replaced() {
    let world = World::new().await;
    world.put(&world.owner, "k", &[1; 5000]).await.unwrap();
    let object = crate::world::key("k");
    let get = operations::GetObject {
        bucket: &world.bucket,
        key: &object,
        version: None,
        wanted: operations::Wanted::Whole,
        conditions: Default::default(),
    };
    let (_, mut body) = world.store.get_object(&world.owner, &get).await.unwrap();
    world.put(&world.owner, "k", &[2; 5000]).await.unwrap();
    let mut all = vec![];
    while let Some(bytes) = body.next().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(all, [1; 5000]);
    assert_eq!(world.get(&world.owner, "k").await.unwrap(), [2; 5000]);
}
