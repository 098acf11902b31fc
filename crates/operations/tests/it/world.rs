//! A store with an owner, a guest and a bucket between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use identity::{Directory, MasterKey};
use kv::Engine;
use model::{BucketName, ChecksumAlgorithm, ObjectKey, ObjectOwnership, PublicAccessBlock, Timestamp};
use operations::admin::{Command, NewAccount, NewShare, Outcome, ShareOrder};
use operations::{
    Aborted, AclInput, Care, Context, CreateBucket, Described, Error, Expected, GetObject, GranteeInput, Parts,
    PutObject, Settings, Source, Store, WriteConditions, Written,
};

pub const BUCKET: &str = "myproject.example.com";
pub const GUEST: &str = "aws-myproject@example.com";
/// Bodies up to this go into the engine.
pub const INLINE_BYTES: usize = 100;

pub struct World {
    pub store: Store,
    pub engine: Arc<dyn Engine>,
    pub blobs: Arc<blobs::Memory>,
    pub clock: Arc<AtomicU64>,
    pub owner: Context,
    pub guest: Context,
    pub bucket: BucketName,
}

pub fn name(text: &str) -> BucketName {
    BucketName::new(text).unwrap()
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

/// An open store over these, with the clock in the year 2026.
pub fn store_over(engine: Arc<dyn Engine>, blobs: Arc<blobs::Memory>, clock: &Arc<AtomicU64>) -> Store {
    store_with(engine, blobs, clock, None)
}

/// The same, where what looks after the store can see it.
pub fn store_in_care(engine: &Arc<kv::Embedded>, blobs: Arc<blobs::Memory>, clock: &Arc<AtomicU64>) -> Store {
    let (shown, compacted) = (engine.clone(), engine.clone());
    let compact = Box::new(move |tell: &dyn Fn(u64, u64)| compacted.compact(tell));
    let care = Care { snapshot: Box::new(move || shown.snapshot()), compact, log_key: [7; 32], backup_key: [8; 32] };
    make(engine.clone(), blobs, clock, None, Some(care))
}

/// The same, where no new key lives longer.
pub fn store_with(
    engine: Arc<dyn Engine>,
    blobs: Arc<blobs::Memory>,
    clock: &Arc<AtomicU64>,
    max_key_lifetime: Option<std::time::Duration>,
) -> Store {
    make(engine, blobs, clock, max_key_lifetime, None)
}

fn make(
    engine: Arc<dyn Engine>,
    blobs: Arc<blobs::Memory>,
    clock: &Arc<AtomicU64>,
    max_key_lifetime: Option<std::time::Duration>,
    care: Option<Care>,
) -> Store {
    let clock = clock.clone();
    Store::new(Parts {
        directory: Directory::new(engine.clone(), MasterKey::from_bytes(std::array::from_fn(|i| i as u8))),
        engine,
        blobs,
        settings: Settings {
            access: access::Settings {
                public_access_block: PublicAccessBlock::NONE,
                default_ownership: ObjectOwnership::OwnerOwns,
                strict_signup: false,
            },
            new_bucket_block: None,
            inline_bytes: INLINE_BYTES,
            max_key_lifetime,
        },
        clock: Arc::new(move || Timestamp::from_millis(clock.fetch_add(1, Ordering::Relaxed))),
        trouble: Box::new(|| None),
        care,
    })
}

impl World {
    /// The owner's bucket, with WRITE and READ granted to the guest by e-mail address.
    pub async fn new() -> World {
        World::over(Arc::new(kv::Memory::new([7; 32]))).await
    }

    pub async fn over(engine: Arc<dyn Engine>) -> World {
        let blobs = Arc::new(blobs::Memory::new());
        let clock = Arc::new(AtomicU64::new(1_764_000_000_000));
        let store = store_over(engine.clone(), blobs.clone(), &clock);
        World::of(store, engine, blobs, clock).await
    }

    /// With the embedded engine in that directory, and what looks after it.
    pub async fn in_care(dir: &std::path::Path) -> World {
        let engine = kv::Embedded::open(&dir.join("records"), kv::EmbeddedOptions::new([7; 32])).unwrap();
        let (engine, blobs) = (Arc::new(engine), Arc::new(blobs::Memory::new()));
        let clock = Arc::new(AtomicU64::new(1_764_000_000_000));
        let store = store_in_care(&engine, blobs.clone(), &clock);
        World::of(store, engine, blobs, clock).await
    }

    async fn of(store: Store, engine: Arc<dyn Engine>, blobs: Arc<blobs::Memory>, clock: Arc<AtomicU64>) -> World {
        assert!(store.start().await.unwrap());
        let owner = account(&store, "owner@example.com", false).await;
        let guest = account(&store, GUEST, true).await;
        let owner = by_key(&store, &owner.access_key_id).await;
        let guest = by_key(&store, &guest.access_key_id).await;
        let bucket = name(BUCKET);
        let world = World { store, engine, blobs, clock, owner, guest, bucket };
        world.make(&world.owner, BUCKET).await.unwrap();
        let grants = [model::Permission::Write, model::Permission::Read]
            .map(|permission| (GranteeInput::Email(GUEST.to_owned()), permission));
        let acl = AclInput::Grants(grants.to_vec());
        world.store.put_bucket_acl(&mut world.owner.clone(), &world.bucket, None, &acl).await.unwrap();
        world
    }

    pub async fn make(&self, ctx: &Context, bucket: &str) -> Result<(), Error> {
        let (bucket, tags) = (name(bucket), model::TagSet::default());
        let new = CreateBucket { bucket: &bucket, acl: AclInput::Default, ownership: None, tags };
        self.store.create_bucket(&mut ctx.clone(), &new).await
    }

    pub async fn put(&self, ctx: &Context, object: &str, body: &[u8]) -> Result<Written, Error> {
        self.put_from(ctx, object, &mut Sent::of(body)).await
    }

    pub async fn put_from(&self, ctx: &Context, object: &str, source: &mut dyn Source) -> Result<Written, Error> {
        let object = key(object);
        let put = PutObject {
            bucket: &self.bucket,
            key: &object,
            described: Described::default(),
            acl: AclInput::Default,
            conditions: WriteConditions::default(),
            algorithm: ChecksumAlgorithm::Crc64Nvme,
        };
        self.store.put_object(&mut ctx.clone(), put, source).await
    }

    pub async fn get(&self, ctx: &Context, object: &str) -> Result<Vec<u8>, Error> {
        read(&self.store, ctx, &self.bucket, object, operations::Wanted::Whole).await
    }

    pub async fn delete(&self, ctx: &Context, object: &str) -> Result<(), Error> {
        let conditions = WriteConditions::default();
        self.store.delete_object(&mut ctx.clone(), &self.bucket, &key(object), None, &conditions).await
    }

    pub async fn share(&self, preset: &str) -> (NewShare, Context) {
        self.share_by(ShareOrder { preset: Some(preset.into()), ..ShareOrder::default() }).await
    }

    /// A share of the bucket (or of a folder of it, where the order names one) with a vendor.
    pub async fn share_by(&self, order: ShareOrder) -> (NewShare, Context) {
        let bucket = if order.bucket.is_empty() { BUCKET.into() } else { order.bucket };
        let order = ShareOrder { bucket, with: "vendor@example.com".into(), ..order };
        let Outcome::Shared(share) = self.ask(Command::Share(order)).await else { panic!("no share") };
        let ctx = by_key(&self.store, &share.access_key_id).await;
        (share, ctx)
    }

    pub async fn ask(&self, command: Command) -> Outcome {
        self.store.execute(0, "test".into(), command).await.unwrap()
    }
}

pub async fn read(
    store: &Store,
    ctx: &Context,
    bucket: &BucketName,
    object: &str,
    wanted: operations::Wanted,
) -> Result<Vec<u8>, Error> {
    let object = key(object);
    let get = GetObject { bucket, key: &object, version: None, wanted, conditions: Default::default() };
    let (_, mut body) = store.get_object(ctx, &get).await?;
    let mut all = vec![];
    while let Some(bytes) = body.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

async fn account(store: &Store, email: &str, guest: bool) -> NewAccount {
    let command = Command::AccountCreate { email: email.into(), display_name: None, guest };
    let Outcome::AccountCreated(account) = store.execute(0, "test".into(), command).await.unwrap() else {
        panic!("no account")
    };
    account
}

/// A request by the holder of that key.
pub async fn by_key(store: &Store, id: &str) -> Context {
    let candidate = store.candidate(id, None).await.unwrap();
    let (caller, ()) = candidate.prove(|_| Ok::<_, ()>(())).unwrap();
    Context { caller, request_id: "TEST".into(), source: None, expected_owner: None, facts: Default::default() }
}

pub fn anonymous() -> Context {
    let caller = identity::Caller::anonymous();
    Context { caller, request_id: "TEST".into(), source: None, expected_owner: None, facts: Default::default() }
}

/// A body in pieces of 64 bytes.
pub struct Sent {
    pieces: Vec<Bytes>,
    pub expected: Expected,
    /// Break off before the end.
    pub breaks: bool,
}

impl Sent {
    pub fn of(body: &[u8]) -> Self {
        let pieces = body.chunks(64).rev().map(Bytes::copy_from_slice).collect();
        Sent { pieces, expected: Expected::default(), breaks: false }
    }
}

#[async_trait]
impl Source for Sent {
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        match self.pieces.pop() {
            None if self.breaks => Err(Aborted),
            piece => Ok(piece),
        }
    }

    fn expected(&mut self) -> Result<Expected, Aborted> {
        Ok(self.expected.clone())
    }
}
