//! The one place that knows how the store and its S3 front are opened, asked and closed.

mod datadir;
mod owner;
pub(crate) mod remake;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use access::Settings as AccessSettings;
use blobs::{LocalDisk, LocalOptions};
use identity::{Directory, MasterKey};
use kv::{Embedded, EmbeddedOptions};
use model::{PublicAccessBlock, Timestamp};
use operations::{Care, Parts, Scrubbing, Settings, Store, Teller, Upkeep, admin};
use tokio::sync::Mutex;

use self::datadir::DataDir;
use crate::cli::{Common, Durability, ServeFlags, Switch};
use crate::complaint::{Cause, Complaint};
use crate::listen::{Arrival, Handler};
use crate::socket::Execute;

/// Whether there is a store in the directory, of whatever version.
pub(crate) fn holds_store(dir: &std::path::Path) -> bool {
    DataDir::holds_store(dir)
}

/// Bodies up to this many bytes go into the engine with their record: one append and one sync for both. Larger ones get
/// files of their own, which cost three syncs and give their room back at once (`docs/decisions/0011-log-before-index.md`).
/// As much as one chunk of a file, so that a request holds no more of the one than of the other.
const INLINE_BYTES: usize = blobs::MAX_CHUNK_BYTES;

/// What the keys of the ledger's log and of backups' manifests are derived by.
const LEDGER: &str = "ledger";
const BACKUPS: &str = "backup manifests";

/// An open store. Cheap to clone; the last clone that is drained closes it.
#[derive(Clone)]
pub(crate) struct Engine {
    store: Store,
    upkeep: Arc<Mutex<Option<Upkeep>>>,
    embedded: Arc<Embedded>,
    commands: Arc<AtomicU64>,
}

impl Engine {
    /// Opens the store of a data directory, and makes one where there is none; with whether it was made just now.
    pub(crate) async fn open(common: &Common, flags: &ServeFlags) -> Result<(Engine, bool), Complaint> {
        let (engine, dir) = tokio::task::block_in_place(|| Engine::assemble(common, flags))?;
        let begun = async {
            if !engine.store.start().await.map_err(|error| dir.unusable(&error.to_string()))? {
                return Err(Complaint::failed(
                    format!("the master key is not the one that the store in {} was made with", dir.shown()),
                    "Give the master key of its first start; nothing was changed.",
                ));
            }
            owner::make_first(&engine.store, &dir, flags).await
        };
        match begun.await {
            Ok(fresh) => {
                *engine.upkeep.lock().await = Some(engine.store.upkeep());
                Ok((engine, fresh))
            }
            Err(complaint) => Err(complaint),
        }
    }

    fn assemble(common: &Common, flags: &ServeFlags) -> Result<(Engine, DataDir), Complaint> {
        let source = common.master_key()?;
        let dir = DataDir::prepare(&common.data)?;
        let master = MasterKey::load(&source, dir.is_new())
            .map_err(|error| Complaint::failed(error.to_string(), "Nothing was changed."))?;
        let relaxed = flags.durability == Durability::Relaxed;
        let (log_key, backup_key) = (master.derive(LEDGER), master.derive(BACKUPS));
        let mut options = EmbeddedOptions::new(log_key);
        options.durability = if relaxed { kv::Durability::Relaxed } else { kv::Durability::Full };
        let embedded = Embedded::open(&dir.records(), options).map_err(|error| match error {
            kv::Error::InUse => Complaint::failed(
                format!("the data directory {} is in use by another process", dir.shown()),
                "Stop it, or name another directory with --data.",
            )
            .because(Cause::StoreInUse),
            kv::Error::Corrupt(_) | kv::Error::Format(_) => dir.refused(&error.to_string()),
            other => dir.unusable(&other.to_string()),
        })?;
        let durability = if relaxed { blobs::Durability::Relaxed } else { blobs::Durability::Full };
        let bodies = LocalDisk::open(&dir.bodies(), LocalOptions { durability, ..LocalOptions::default() })
            .map_err(|error| dir.unusable(&error.to_string()))?;
        let embedded = Arc::new(embedded);
        let (watched, shown, compacted) = (embedded.clone(), embedded.clone(), embedded.clone());
        let store = Store::new(Parts {
            directory: Directory::new(embedded.clone(), master),
            engine: embedded.clone(),
            blobs: Arc::new(bodies),
            settings: settings(flags),
            clock: Arc::new(now),
            trouble: Box::new(move || watched.health()),
            care: Some(Care {
                snapshot: Box::new(move || shown.snapshot()),
                compact: Box::new(move |tell| compacted.compact(tell)),
                log_key,
                backup_key,
            }),
        });
        let engine = Engine { store, upkeep: Arc::default(), embedded, commands: Arc::default() };
        Ok((engine, dir))
    }

    /// What answers S3 requests.
    pub(crate) fn front(&self, flags: &ServeFlags) -> Front {
        let config = s3::wire::Config {
            region: flags.region.clone(),
            domains: flags.domain.clone(),
            allow_sigv2: flags.allow_sigv2,
        };
        Front(s3::Service::new(self.store.clone(), config))
    }

    /// Reads all that is stored in the background, from now on, as the flags say.
    pub(crate) async fn scrub(&self, flags: &ServeFlags) {
        let scrubbing = Scrubbing { bytes_per_second: flags.scrub_rate, every: flags.scrub_every };
        if let Some(upkeep) = &mut *self.upkeep.lock().await {
            upkeep.scrub(scrubbing);
        }
    }

    /// Writes what is still in memory. Nothing may be asked of the store any more.
    pub(crate) async fn drain(self) {
        if let Some(upkeep) = self.upkeep.lock().await.take()
            && let Err(error) = upkeep.stop().await
        {
            tracing::warn!(%error, "the last counters of reads could not be written");
        }
        drop(self.store);
        // Its drop closes the file; who still holds it (a connection that was cut) does so a moment later.
        if let Some(embedded) = Arc::into_inner(self.embedded) {
            let _ = tokio::task::spawn_blocking(move || drop(embedded)).await;
        }
    }
}

fn settings(flags: &ServeFlags) -> Settings {
    let blocked = flags.default_public_access_block == Switch::On;
    Settings {
        access: AccessSettings {
            public_access_block: if blocked { PublicAccessBlock::ALL } else { PublicAccessBlock::NONE },
            default_ownership: flags.default_object_ownership,
            strict_signup: flags.strict_signup,
        },
        new_bucket_block: blocked.then_some(PublicAccessBlock::ALL),
        inline_bytes: INLINE_BYTES,
        max_key_lifetime: flags.max_key_lifetime,
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Execute for Engine {
    async fn execute(
        &self,
        uid: u32,
        command: admin::Command,
        teller: Teller,
    ) -> Result<admin::Outcome, admin::Failure> {
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("operator-{}-{number}", now().millis());
        self.store.execute_telling(uid, request_id, command, &teller).await
    }
}

/// S3 in front of the store.
#[derive(Clone)]
pub(crate) struct Front(s3::Service);

impl Handler for Front {
    type Body = s3::ReplyBody;

    fn handle(
        &self,
        arrival: Arrival,
        request: http::Request<hyper::body::Incoming>,
    ) -> impl Future<Output = http::Response<s3::ReplyBody>> + Send + use<> {
        let Arrival { request_id, peer, received, tls } = arrival;
        let arrival = s3::Arrival { request_id, source: Some(peer), received, tls };
        self.0.handle(arrival, request)
    }
}
