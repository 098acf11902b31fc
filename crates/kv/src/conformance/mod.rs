//! What every engine promises, one function a promise. Each panics, saying what it saw, if the promise is broken.
//!
//! The functions keep to keys of their own, so that they can share one store, and leave those behind; a store can be
//! put through each of them once.

mod changes;
mod reads;
mod together;

use std::sync::Arc;

use bytes::Bytes;

pub use self::changes::{
    a_ceiling_is_never_exceeded, a_change_is_applied_whole_or_not_at_all, a_counter_starts_at_zero_and_stays,
    a_damaged_counter_or_log_is_told_and_nothing_changes, a_log_is_numbered_and_chained, conditions_hold_or_conflict,
    large_values_come_back, writes_are_applied_in_their_order,
};
pub use self::reads::{
    a_listing_folds_at_the_delimiter, a_listing_goes_on_after, a_listing_is_paged_without_gap_or_repetition,
    a_scan_is_cut_at_its_range_and_limit, get_many_answers_in_the_order_asked, what_a_commit_left_is_read_at_once,
    what_is_unchanged_has_the_revision_that_was_read,
};
pub use self::together::{one_read_is_consistent, only_one_creates, revisions_grow, sums_lose_nothing};
use crate::{Change, Commit, Engine, Entry, Error, Key, Receipt, Require, Write};

/// All of them, one after the other, on one empty engine whose logs are chained with `log_key`.
pub async fn all(engine: Arc<dyn Engine>, log_key: [u8; 32]) {
    a_change_is_applied_whole_or_not_at_all(&engine).await;
    conditions_hold_or_conflict(&engine).await;
    writes_are_applied_in_their_order(&engine).await;
    a_counter_starts_at_zero_and_stays(&engine).await;
    a_ceiling_is_never_exceeded(&engine).await;
    a_log_is_numbered_and_chained(&engine, log_key).await;
    a_damaged_counter_or_log_is_told_and_nothing_changes(&engine).await;
    large_values_come_back(&engine).await;
    get_many_answers_in_the_order_asked(&engine).await;
    what_is_unchanged_has_the_revision_that_was_read(&engine).await;
    what_a_commit_left_is_read_at_once(&engine).await;
    a_scan_is_cut_at_its_range_and_limit(&engine).await;
    a_listing_folds_at_the_delimiter(&engine).await;
    a_listing_goes_on_after(&engine).await;
    a_listing_is_paged_without_gap_or_repetition(&engine).await;
    sums_lose_nothing(&engine).await;
    only_one_creates(&engine).await;
    revisions_grow(&engine).await;
    one_read_is_consistent(&engine).await;
}

type Store = Arc<dyn Engine>;

fn key(text: impl AsRef<[u8]>) -> Key {
    Key::copy_from_slice(text.as_ref())
}

fn put(at: &str, value: &str) -> Write {
    Write::Put(key(at), Bytes::copy_from_slice(value.as_bytes()))
}

fn delete(at: &str) -> Write {
    Write::Delete(key(at))
}

fn add(at: &str, delta: i64, ceiling: Option<i64>) -> Write {
    Write::Add { key: key(at), delta, ceiling }
}

async fn commit(engine: &Store, require: Vec<Require>, write: Vec<Write>) -> Result<Commit, Error> {
    engine.commit(Change { require, write }).await
}

/// Commits `write`, which nothing stands against.
async fn done(engine: &Store, write: Vec<Write>) -> Receipt {
    commit(engine, vec![], write).await.expect("the engine is well").expect("nothing was required")
}

async fn get(engine: &Store, at: impl AsRef<[u8]>) -> Option<Entry> {
    engine.get_many(&[key(at)]).await.expect("the engine is well").remove(0)
}

async fn value(engine: &Store, at: &str) -> Option<String> {
    get(engine, at).await.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

async fn counter(engine: &Store, at: &str) -> Option<i64> {
    crate::decode_counter(&get(engine, at).await?.value)
}
