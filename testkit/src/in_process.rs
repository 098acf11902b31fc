//! The server in this process, put together from parts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use client::{Credentials, S3};
use identity::{Directory, MasterKey};
use kv::{Embedded, EmbeddedOptions, Engine, KeyRange};
use model::{ObjectOwnership, PublicAccessBlock, Timestamp};
use operations::admin::{Command, KeyOrder, NewAccount, Outcome, ShareOrder};
use operations::{Care, Parts, Settings, Store, Upkeep};

use crate::listener::Listener;
use crate::{Account, Gate, OWNER, REGION, Share};

/// Tells the time.
pub type Clock = operations::Clock;

/// The master key of every store here.
const MASTER: [u8; 32] = [0x5a; 32];

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In memory: gone when the server stops.
    Memory,
    /// In this directory, laid out as a data directory is, with its syncs going through these.
    Disk {
        /// Made if it does not exist.
        dir: PathBuf,
        /// For records.
        records: Arc<Gate>,
        /// For bodies.
        bodies: Arc<Gate>,
    },
}

impl Storage {
    /// In `dir`, with syncs that pass.
    pub fn disk(dir: &Path) -> Storage {
        Storage::Disk { dir: dir.to_owned(), records: Gate::new(), bodies: Gate::new() }
    }

    fn gates(&self) -> impl Iterator<Item = &Gate> {
        match self {
            Storage::Memory => [None, None],
            Storage::Disk { records, bodies, .. } => [Some(records), Some(bodies)],
        }
        .into_iter()
        .flatten()
        .map(Arc::as_ref)
    }
}

/// What a server is put together from.
#[derive(Clone)]
pub struct Options {
    /// Where the store is.
    pub storage: Storage,
    /// Of S3 on the wire.
    pub wire: s3::wire::Config,
    /// Of decisions, for the whole server.
    pub access: access::Settings,
    /// What each new bucket is blocked by of its own.
    pub new_bucket_block: Option<PublicAccessBlock>,
    /// Bodies up to this many bytes lie in the records.
    pub inline_bytes: usize,
    /// The clock of store and listener.
    pub clock: Clock,
    /// Whether requests come with their address, by which failures are counted and throttled.
    pub throttled: bool,
}

impl Default for Options {
    /// The program's defaults, in memory.
    fn default() -> Self {
        Options {
            storage: Storage::Memory,
            wire: s3::wire::Config { region: REGION.into(), domains: vec![], allow_sigv2: false },
            access: access::Settings {
                public_access_block: PublicAccessBlock::ALL,
                default_ownership: ObjectOwnership::OwnerOwns,
                strict_signup: false,
            },
            new_bucket_block: Some(PublicAccessBlock::ALL),
            inline_bytes: 4096,
            clock: Arc::new(now),
            throttled: true,
        }
    }
}

impl Options {
    /// The program's defaults, in `dir`.
    pub fn on_disk(dir: &Path) -> Self {
        Options { storage: Storage::disk(dir), ..Options::default() }
    }

    /// With nothing blocked that is public.
    pub fn public(self) -> Self {
        let access = access::Settings { public_access_block: PublicAccessBlock::NONE, ..self.access };
        Options { access, new_bucket_block: None, ..self }
    }
}

/// A server in this process. It needs a runtime with more than one thread.
pub struct InProcess {
    options: Options,
    store: Option<Store>,
    upkeep: Option<Upkeep>,
    listener: Listener,
    engine: Opened,
    records: Weak<dyn Engine>,
    owner: Credentials,
}

/// What has to be closed in good order.
enum Opened {
    Memory,
    Embedded(Arc<Embedded>),
}

impl InProcess {
    /// Starts on an empty store and makes the owner's account.
    pub async fn start(options: Options) -> InProcess {
        InProcess::open(options, None).await
    }

    /// Starts on a store that has an owner already, whose key is `owner`.
    pub async fn start_again(options: Options, owner: Credentials) -> InProcess {
        InProcess::open(options, Some(owner)).await
    }

    async fn open(options: Options, owner: Option<Credentials>) -> InProcess {
        let assembled = options.clone();
        let (store, engine, records) =
            tokio::task::spawn_blocking(move || assemble(&assembled)).await.expect("it opens");
        assert!(store.start().await.expect("the store starts"), "the master key is the store's");
        let owner = match owner {
            Some(owner) => owner,
            None => {
                let new = create_account(&store, OWNER, false).await;
                Credentials::new(new.access_key_id, new.secret_access_key)
            }
        };
        let upkeep = Some(store.upkeep());
        let service = s3::Service::new(store.clone(), options.wire.clone());
        let listener = Listener::start(service, options.clock.clone(), options.throttled).await;
        InProcess { options, store: Some(store), upkeep, listener, engine, records, owner }
    }

    /// `http://host:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.listener.address)
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        self.store.as_ref().expect("only stopping takes it")
    }

    /// Everything that is stored but bodies, and the commit that wrote it: `(key, value, revision)`, by key. What was
    /// collected for a batch is not there yet.
    pub async fn records(&self) -> Vec<(Vec<u8>, Vec<u8>, u64)> {
        let engine = self.records.upgrade().expect("the store is open");
        let page = engine.scan(KeyRange::prefix(Vec::new()), usize::MAX >> 1).await.expect("the records can be read");
        assert!(!page.more, "there is more than one page of records");
        page.entries.into_iter().map(|entry| (entry.key.to_vec(), entry.value.to_vec(), entry.revision.0)).collect()
    }

    /// What it was put together from.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The owner's key.
    pub fn owner_key(&self) -> &Credentials {
        &self.owner
    }

    /// The service as the owner sees it.
    pub fn owner(&self) -> S3 {
        self.s3(&self.owner)
    }

    /// The service as that key sees it.
    pub fn s3(&self, key: &Credentials) -> S3 {
        self.anonymous().with_key(key.clone())
    }

    /// The service as nobody sees it.
    pub fn anonymous(&self) -> S3 {
        S3::new(&self.endpoint(), &self.options.wire.region, None).expect("the endpoint of this server")
    }

    /// Does what an operator asks.
    pub async fn ask(&self, command: Command) -> Outcome {
        let shown = format!("{command:?}");
        let outcome = self.store().execute(0, "operator-test".into(), command).await;
        outcome.unwrap_or_else(|failure| panic!("{shown}: {failure:?}"))
    }

    /// A new account that may own buckets.
    pub async fn account(&self, email: &str) -> Account {
        self.new_account(email, false).await
    }

    /// A new account that may own nothing.
    pub async fn guest(&self, email: &str) -> Account {
        self.new_account(email, true).await
    }

    async fn new_account(&self, email: &str, guest: bool) -> Account {
        let new = create_account(self.store(), email, guest).await;
        let key = Credentials::new(new.access_key_id, new.secret_access_key);
        let s3 = self.s3(&key);
        let NewAccount { email, account_id, canonical_id, guest, .. } = new;
        Account { email, account_id, canonical_id, guest, key, s3 }
    }

    /// One more key for an account.
    pub async fn key(&self, account: &str, allow_sigv2: bool) -> Credentials {
        let order = KeyOrder { account: account.into(), allow_sigv2, ..KeyOrder::default() };
        let command = Command::KeyCreate(order);
        let Outcome::KeyCreated(new) = self.ask(command).await else { panic!("no key was made") };
        Credentials::new(new.access_key_id, new.secret_access_key)
    }

    /// A new share of a bucket.
    pub async fn share(&self, bucket: &str, with: &str, preset: &str) -> Share {
        let (bucket, with, preset) = (bucket.to_owned(), with.to_owned(), Some(preset.to_owned()));
        let outcome = self.ask(Command::Share(ShareOrder { bucket, with, preset, ..ShareOrder::default() })).await;
        let Outcome::Shared(new) = outcome else { panic!("no share was made") };
        let key = Credentials::new(new.access_key_id, new.secret_access_key);
        let s3 = self.s3(&key);
        Share { share_id: new.share_id, bucket: new.bucket, preset: new.preset, email: new.email, key, s3 }
    }

    /// Cuts every connection and closes the store. Syncs that were held back are let go.
    pub async fn stop(mut self) {
        self.listener.close().await;
        self.options.storage.gates().for_each(Gate::thaw);
        if let Some(upkeep) = self.upkeep.take() {
            // It fails where a test made syncs fail.
            let _ = upkeep.stop().await;
        }
        drop(self.store.take());
        let Opened::Embedded(mut engine) = std::mem::replace(&mut self.engine, Opened::Memory) else { return };
        // A request that was cut lets go of the store when its blocking work is done.
        let begun = Instant::now();
        let engine = loop {
            match Arc::try_unwrap(engine) {
                Ok(engine) => break engine,
                Err(shared) => engine = shared,
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "something still holds the store");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let _ = tokio::task::spawn_blocking(move || engine.close()).await;
    }

    /// Stops it and starts it on the same directory.
    pub async fn restart(self) -> InProcess {
        let (options, owner) = (self.options.clone(), self.owner.clone());
        assert!(!matches!(options.storage, Storage::Memory), "a store in memory is gone when it stops");
        self.stop().await;
        InProcess::start_again(options, owner).await
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        // Closing the engine waits for its last sync.
        self.options.storage.gates().for_each(Gate::thaw);
    }
}

async fn create_account(store: &Store, email: &str, guest: bool) -> NewAccount {
    let command = Command::AccountCreate { email: email.into(), display_name: None, guest };
    match store.execute(0, "operator-test".into(), command).await {
        Ok(Outcome::AccountCreated(new)) => new,
        other => panic!("no account was made for {email}: {other:?}"),
    }
}

fn assemble(options: &Options) -> (Store, Opened, Weak<dyn Engine>) {
    let master = MasterKey::from_bytes(MASTER);
    let (log_key, backup_key) = (master.derive("ledger"), master.derive("backup manifests"));
    let (engine, blobs, opened): (Arc<dyn Engine>, Arc<dyn blobs::Blobs>, _) = match &options.storage {
        Storage::Memory => (Arc::new(kv::Memory::new(log_key)), Arc::new(blobs::Memory::new()), Opened::Memory),
        Storage::Disk { dir, records, bodies } => {
            std::fs::create_dir_all(dir).expect("the directory can be made");
            let seams = EmbeddedOptions { sync: Some(records.clone()), ..EmbeddedOptions::new(log_key) };
            let embedded = Arc::new(Embedded::open(&dir.join("records"), seams).expect("the records open"));
            let seams = blobs::LocalOptions { sync: Some(bodies.clone()), ..Default::default() };
            let bodies = blobs::LocalDisk::open(&dir.join("bodies"), seams).expect("the bodies open");
            (embedded.clone(), Arc::new(bodies), Opened::Embedded(embedded))
        }
    };
    let watched = match &opened {
        Opened::Memory => None,
        Opened::Embedded(embedded) => Some(Arc::downgrade(embedded)),
    };
    let care = match &opened {
        Opened::Memory => None,
        Opened::Embedded(embedded) => {
            let (embedded, compacted) = (embedded.clone(), embedded.clone());
            let compact = Box::new(move |tell: &dyn Fn(u64, u64)| compacted.compact(tell));
            Some(Care { snapshot: Box::new(move || embedded.snapshot()), compact, log_key, backup_key })
        }
    };
    let records = Arc::downgrade(&engine);
    let store = Store::new(Parts {
        directory: Directory::new(engine.clone(), master),
        engine,
        blobs,
        settings: Settings {
            access: options.access,
            new_bucket_block: options.new_bucket_block,
            inline_bytes: options.inline_bytes,
            max_key_lifetime: None,
        },
        clock: options.clock.clone(),
        trouble: Box::new(move || watched.as_ref()?.upgrade()?.health()),
        care,
    });
    (store, opened, records)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
