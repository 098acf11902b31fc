//! The suite, on both engines.

use std::sync::Arc;

use kv::{Durability, Memory, conformance};

use crate::probe::Probe;
use crate::store::{LOG_KEY, Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_every_promise() {
    conformance::all(Arc::new(Memory::new(LOG_KEY)), LOG_KEY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_keeps_every_promise() {
    let place = Place::new();
    conformance::all(Arc::new(place.open().unwrap()), LOG_KEY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_keeps_every_promise_when_relaxed() {
    let place = Place::new();
    let engine = place.open_on(Probe::new(), Durability::Relaxed).unwrap();
    conformance::all(Arc::new(engine), LOG_KEY).await;
}
