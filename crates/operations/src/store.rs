//! The store as a value: what it is made of, and what every request brings along.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use access::NoFacts;
use access::policy::Facts;
use blobs::Blobs;
use catalog::{Catalog, Stored};
use identity::{Caller, Candidate, Directory, Proven};
use kv::Engine;
use ledger::{Ledger, Line, Meter, Usage};
use model::{BlobId, Bucket, Network, Principal, PublicAccessBlock, Timestamp};

use crate::caps::Caps;
use crate::care::{Care, Scrub};
use crate::denials::Denials;
use crate::garbage::{Holds, Pins};
use crate::policies::Policies;
use crate::throttle::{Attempt, Throttle};
use crate::upkeep::LastUses;
use crate::{Error, gate};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the store behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What decides over access for the whole server.
    pub access: access::Settings,
    /// What each new bucket is blocked by of its own.
    pub new_bucket_block: Option<PublicAccessBlock>,
    /// Bodies up to this many bytes are stored in the engine, with their record.
    pub inline_bytes: usize,
    /// How long a new key lives at most, and lives where nobody says; `None`: for ever. Keys that exist are left alone.
    pub max_key_lifetime: Option<Duration>,
}

/// What a store is made of.
pub struct Parts {
    /// Where records are.
    pub engine: Arc<dyn Engine>,
    /// Where bodies are.
    pub blobs: Arc<dyn Blobs>,
    /// Who is who. It reads from the same engine.
    pub directory: Directory,
    /// How the store behaves.
    pub settings: Settings,
    /// Tells the time.
    pub clock: Clock,
    /// Why nothing can be written, if nothing can: what the engine says of itself.
    pub trouble: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// What looking after it takes; `None` where its engine cannot.
    pub care: Option<Care>,
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What clones of a store share.
pub struct Inner {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) directory: Directory,
    pub(crate) catalog: Catalog,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Settings,
    pub(crate) throttle: Throttle,
    pub(crate) pins: Pins,
    pub(crate) holds: Holds,
    pub(crate) policies: Policies,
    pub(crate) denials: Denials,
    pub(crate) meter: Meter,
    pub(crate) uses: LastUses,
    pub(crate) caps: Caps,
    pub(crate) trouble: Box<dyn Fn() -> Option<String> + Send + Sync>,
    pub(crate) care: Option<Care>,
    pub(crate) scrub: Scrub,
    pub(crate) since: Instant,
    clock: Clock,
    /// Sequence of the ids of bodies in the engine.
    inline: AtomicU64,
}

impl Deref for Store {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What every request brings along.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks, proven.
    pub caller: Caller,
    /// Names the request in the ledger and the log.
    pub request_id: String,
    /// From which address, where it is known.
    pub source: Option<IpAddr>,
    /// The account id of whom the caller takes the bucket to be (`x-amz-expected-bucket-owner`).
    pub expected_owner: Option<String>,
    /// What a policy's conditions may ask about the request.
    pub facts: RequestFacts,
}

/// What is known of a request beside who asks for what. Made once for a request; cheap to clone.
#[derive(Clone, Default)]
pub struct RequestFacts(Option<Arc<dyn Facts + Send + Sync>>);

impl RequestFacts {
    /// Those.
    pub fn new(facts: Arc<dyn Facts + Send + Sync>) -> Self {
        RequestFacts(Some(facts))
    }
}

impl fmt::Debug for RequestFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestFacts")
    }
}

/// Ids of bodies in the engine have this bit in their sequence; those that the store of bodies gives out never reach it,
/// so that the two never meet where either may name a manifest.
const INLINE: u64 = 1 << 63;

impl Store {
    /// A store of `parts`. Before the first request, [`Store::start`] must have been called.
    pub fn new(parts: Parts) -> Self {
        let Parts { engine, blobs, directory, settings, clock, trouble, care } = parts;
        Store(Arc::new(Inner {
            catalog: Catalog::new(engine.clone()),
            ledger: Ledger::new(engine.clone()),
            engine,
            blobs,
            directory,
            settings,
            throttle: Throttle::default(),
            pins: Pins::default(),
            holds: Holds::default(),
            policies: Policies::default(),
            denials: Denials::default(),
            meter: Meter::default(),
            uses: LastUses::default(),
            caps: Caps::default(),
            trouble,
            care,
            scrub: Scrub::default(),
            since: Instant::now(),
            clock,
            inline: AtomicU64::new(INLINE),
        }))
    }

    /// The candidate for the access key of that id, from that address.
    ///
    /// # Errors
    /// [`Error::InvalidAccessKey`]; [`Error::SlowDown`] for an address that failed too often lately.
    pub async fn candidate(&self, key_id: &str, source: Option<IpAddr>) -> Result<Candidate, Error> {
        if !self.throttle.allows(Attempt::Signature, source) {
            return Err(Error::SlowDown);
        }
        let found = self.directory.candidate(key_id).await.map_err(Error::from);
        if matches!(found, Err(Error::InvalidAccessKey)) {
            self.signature_failed(source);
        }
        found
    }

    /// Whom an earlier proof of the very same request, from that address, still stands for. `None`: it has to be proven anew.
    ///
    /// # Errors
    /// [`Error::SlowDown`] for an address that failed too often lately.
    pub async fn recall(&self, proven: &Proven, source: Option<IpAddr>) -> Result<Option<Caller>, Error> {
        if !self.throttle.allows(Attempt::Signature, source) {
            return Err(Error::SlowDown);
        }
        Ok(self.directory.recall(proven).await?)
    }

    /// Notes that somebody at that address did not prove to hold the key that it named.
    pub fn signature_failed(&self, source: Option<IpAddr>) {
        self.throttle.failed(Attempt::Signature, source);
    }

    /// Notes that the caller's key was used now, from that address, by a client that calls itself so. Now, and not when the
    /// request arrived: whoever sends one slowly does not reach back into the days in which a pin learned.
    pub fn key_used(&self, caller: &Caller, source: Option<IpAddr>, client: Option<&str>) {
        let Some(key) = caller.principal().key_id() else { return };
        let now = self.now();
        self.uses.note(key, now, source, client);
        if let (Principal::Key { share: Some(share), .. }, Some(source)) = (caller.principal(), source)
            && share.learns(now)
        {
            self.uses.learn(share, Network::of_caller(source));
        }
    }

    /// The clock: the only one of this crate.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Counts a request that changes nothing; one that does counts itself in its commit. Where it was booked.
    pub(crate) fn count_request(&self, ctx: &Context, bucket: &Stored<Bucket>) -> Arc<Line> {
        let line = self.line(ctx, bucket);
        line.add(&Usage { requests: 1, ..Usage::default() });
        line
    }

    /// Where usage in `bucket` caused by the caller is booked that is no part of a change.
    pub(crate) fn line(&self, ctx: &Context, bucket: &Stored<Bucket>) -> Arc<Line> {
        self.meter.line(&self.usage_key(ctx, bucket))
    }

    /// A name for a body that goes into the engine.
    pub(crate) fn fresh_inline_id(&self) -> BlobId {
        BlobId::from_parts(self.blobs.epoch(), self.inline.fetch_add(1, Ordering::Relaxed))
    }
}

impl Context {
    /// The operator's, for one command.
    pub(crate) fn operator(uid: u32, request_id: String) -> Self {
        let facts = RequestFacts::default();
        Context { caller: Caller::operator(uid), request_id, source: None, expected_owner: None, facts }
    }

    /// What is known of the request.
    pub(crate) fn facts(&self) -> &dyn Facts {
        match &self.facts.0 {
            Some(facts) => &**facts,
            None => &NoFacts,
        }
    }

    /// Which key this request's usage is booked on.
    pub(crate) fn cause(&self) -> String {
        gate::actor(&self.caller).cause().to_owned()
    }
}
