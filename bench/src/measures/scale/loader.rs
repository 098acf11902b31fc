//! Fills a store's directory with very many small objects, through the engine and without a server.
//!
//! What is stored is what the server stores: one object is put by a request, and every other is that one's record, body
//! and event under another key, planned by `catalog` and `ledger` and committed by `kv`, many in one change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use catalog::{BodyAt, Catalog, NewBody, Object, ObjectSlot, Piece, plan_put_object};
use client::Method;
use identity::{MasterKey, MasterKeySource};
use kv::{Change, Embedded, EmbeddedOptions, Engine};
use ledger::{Event, Ledger, Usage, UsageKey};
use model::{BlobId, Bucket, BucketName, ObjectKey};

use super::{BUCKET, key};
use crate::Outcome;
use crate::options::Options;
use crate::stores::{Kind, Store};

/// Objects of one change.
const AT_ONCE: u64 = 500;
/// Bytes of pages that the engine may keep while it loads.
const CACHE_BYTES: usize = 512 << 20;
/// Bodies in the engine that a server named itself are fewer than this; ours are numbered from here.
const FIRST_ID: u64 = 1 << 40;
/// The body of every object.
pub(super) const BODY: &[u8] =
    b"A small body: one hundred bytes, so that ten million of them are a gigabyte and not ten of them, yes";

/// A store that grows.
pub(super) struct Loader {
    data: PathBuf,
    /// How many objects it holds, beside the first.
    pub loaded: u64,
}

/// What all objects have in common.
struct Template {
    bucket: Bucket,
    unchanged: kv::Require,
    object: Object,
    piece: Piece,
    event: Event,
    usage: UsageKey,
}

impl Loader {
    /// Makes the store, its owner, the bucket and the object that all others are like.
    pub fn new(options: &Options, data: &Path) -> Outcome<Loader> {
        let store = Store::start(Kind::Ours, options, data)?;
        store.door.ask(Method::PUT, BUCKET)?;
        let place = format!("{BUCKET}/first");
        crate::load::ask(store.door.to, &store.door.shot_of(Method::PUT, &place, Bytes::from_static(BODY))?)?;
        store.stop()?;
        Ok(Loader { data: data.to_owned(), loaded: 0 })
    }

    /// Loads until there are `count` objects, or the moment has come.
    pub fn load(&mut self, count: u64, until: Instant) -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let source = MasterKeySource::File(self.data.join("master.key"));
        let master = MasterKey::load(&source, false)?;
        let mut options = EmbeddedOptions::new(master.derive("ledger"));
        // Nothing is acknowledged to anybody here, and closing makes it durable.
        options.durability = kv::Durability::Relaxed;
        options.cache_bytes = CACHE_BYTES;
        let engine = Arc::new(Embedded::open(&self.data.join("records"), options)?);
        let loaded = runtime.block_on(self.load_into(engine.clone(), count, until));
        let engine = Arc::into_inner(engine).ok_or("the engine is still in use")?;
        engine.close()?;
        loaded
    }

    async fn load_into(&mut self, engine: Arc<Embedded>, count: u64, until: Instant) -> Outcome<()> {
        let template = template(engine.clone()).await?;
        while self.loaded < count && Instant::now() < until {
            let end = count.min(self.loaded + AT_ONCE);
            let change = template.change(self.loaded..end)?;
            engine.commit(change).await?.map_err(|conflict| format!("a load met a conflict: {conflict:?}"))?;
            if self.loaded / 250_000 != end / 250_000 {
                eprintln!("· loaded {end} objects");
            }
            self.loaded = end;
        }
        Ok(())
    }
}

async fn template(engine: Arc<Embedded>) -> Outcome<Template> {
    let engine: Arc<dyn Engine> = engine;
    let (name, first) = (BucketName::new(BUCKET)?, ObjectKey::new("first")?);
    let (bucket, object) = Catalog::new(engine.clone()).object(&name, &first).await?;
    let (bucket, object) = (bucket.ok_or("there is no bucket")?, object.ok_or("there is no first object")?);
    let events = Ledger::new(engine).events(0, 1000).await?;
    let of_put = |event: &Event| event.object.as_deref() == Some("first");
    let event =
        events.into_iter().map(|(_, event)| event).find(of_put).ok_or("there is no event of the first object")?;
    let piece = object.value.piece.filter(|piece| piece.at == BodyAt::Inline);
    let usage = UsageKey { owner: bucket.value.owner.clone(), bucket: name, cause: object.value.cause.clone() };
    Ok(Template {
        unchanged: bucket.unchanged(),
        bucket: (*bucket.value).clone(),
        object: (*object.value).clone(),
        piece: piece.ok_or("small bodies do not lie in the engine")?,
        event,
        usage,
    })
}

impl Template {
    /// Stores the objects with these numbers.
    fn change(&self, numbers: std::ops::Range<u64>) -> Outcome<Change> {
        let mut change = Change { require: vec![self.unchanged.clone()], write: Vec::new() };
        let count = i64::try_from(numbers.end - numbers.start)?;
        for number in numbers {
            let key = ObjectKey::new(key(number))?;
            let piece = Piece { id: BlobId::from_parts(self.piece.id.epoch(), FIRST_ID + number), ..self.piece };
            let slot = ObjectSlot { bucket: &self.bucket, key: &key, old: None };
            let object = Object { key: key.clone(), piece: Some(piece), ..self.object.clone() };
            let (put, _) = plan_put_object(&slot, &object, &NewBody::Inline(piece, Bytes::from_static(BODY)));
            change.require.extend(put.require);
            change.write.extend(put.write);
            let request_id = format!("{number:016X}");
            let event = Event { request_id, object: Some(key.as_str().to_owned()), ..self.event.clone() };
            change.write.push(ledger::append(&event));
        }
        let bytes = BODY.len() as i64 * count;
        let usage = Usage { bytes_stored: bytes, objects: count, requests: count, bytes_in: bytes, bytes_out: 0 };
        change.write.extend(ledger::add(&self.usage, &usage));
        Ok(change)
    }
}
