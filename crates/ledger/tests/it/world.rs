//! A store to try things on, and an event to record in it.

use std::future::Future;
use std::sync::Arc;

use kv::{Change, Engine, Memory, Write};
use ledger::{Actor, Event, Ledger};
use model::{AccessKeyId, AccountId, Timestamp};

/// The key that logs are chained with.
pub const LOG_KEY: [u8; 32] = [7; 32];

/// Runs what an engine in memory never keeps waiting.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub struct World {
    pub engine: Arc<Memory>,
    pub ledger: Ledger,
}

impl World {
    pub fn new() -> Self {
        let engine = Arc::new(Memory::new(LOG_KEY));
        World { ledger: Ledger::new(engine.clone()), engine }
    }

    pub fn write(&self, write: Vec<Write>) {
        now(self.engine.commit(Change { require: vec![], write })).unwrap().unwrap();
    }

    /// Records events `1..=count`, one a change.
    pub fn with_events(count: u64) -> Self {
        let world = World::new();
        (1..=count).for_each(|n| world.write(vec![ledger::append(&event(n))]));
        world
    }
}

pub fn account(n: u64) -> AccountId {
    AccountId::new(&format!("{n:012}")).unwrap()
}

pub fn key_id() -> AccessKeyId {
    AccessKeyId::new("BWABCDEFGHIJKLMNOP27").unwrap()
}

pub fn event(n: u64) -> Event {
    Event {
        at: Timestamp::from_millis(1_289_952_000_123 + n),
        request_id: format!("{n:016X}"),
        actor: Actor::Key { account: account(1), key: key_id() },
        operation: "PutObject".into(),
        subject: "myproject".into(),
        object: Some(format!("dump-{n}.tar")),
        detail: String::new(),
        bytes: 5,
    }
}
