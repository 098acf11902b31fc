//! What happened, once, with who caused it.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use model::{AccessKeyId, AccountId, Timestamp};

use crate::{Error, corrupt};

/// Who caused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An unsigned request.
    Anonymous,
    /// The holder of a key.
    Key {
        /// Whose key.
        account: AccountId,
        /// Which key.
        key: AccessKeyId,
    },
    /// Somebody at the operator's socket, or with the store open on the server's machine.
    Operator {
        /// The process's user.
        uid: u32,
    },
}

impl Actor {
    /// How usage names it: the key's id, empty for anonymous, `operator`.
    pub fn cause(&self) -> &str {
        match self {
            Actor::Anonymous => "",
            Actor::Key { key, .. } => key.as_str(),
            Actor::Operator { .. } => "operator",
        }
    }
}

/// A committed change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// The request that asked for it.
    pub request_id: String,
    /// Who asked.
    pub actor: Actor,
    /// The operation, under S3's name or the command's.
    pub operation: String,
    /// The bucket, account, key or share that it concerned.
    pub subject: String,
    /// The object's key, for changes of objects.
    pub object: Option<String>,
    /// What changed, for people; empty where the operation says it all.
    pub detail: String,
    /// Bytes that it added or, negative, removed.
    pub bytes: i64,
}

/// The stored form, version 1.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredEvent {
    #[n(0)]
    version: u8,
    #[n(1)]
    at: u64,
    #[n(2)]
    request_id: String,
    #[n(3)]
    account: Option<String>,
    #[n(4)]
    key: Option<String>,
    #[n(5)]
    uid: Option<u32>,
    #[n(6)]
    operation: String,
    #[n(7)]
    subject: String,
    #[n(8)]
    object: Option<String>,
    #[n(9)]
    detail: String,
    #[n(10)]
    bytes: i64,
}

impl Event {
    pub(crate) fn encode(&self) -> Bytes {
        let (account, key, uid) = match &self.actor {
            Actor::Anonymous => (None, None, None),
            Actor::Key { account, key } => (Some(account.to_string()), Some(key.to_string()), None),
            Actor::Operator { uid } => (None, None, Some(*uid)),
        };
        let stored = StoredEvent {
            version: 1,
            at: self.at.millis(),
            request_id: self.request_id.clone(),
            account,
            key,
            uid,
            operation: self.operation.clone(),
            subject: self.subject.clone(),
            object: self.object.clone(),
            detail: self.detail.clone(),
            bytes: self.bytes,
        };
        minicbor::to_vec(&stored).expect("encoding to memory cannot fail").into()
    }

    pub(crate) fn decode(number: u64, payload: &[u8]) -> Result<Self, Error> {
        let mut decoder = minicbor::Decoder::new(payload);
        let stored: StoredEvent = decoder.decode().map_err(|e| corrupt(number, &e.to_string()))?;
        if decoder.position() != payload.len() {
            return Err(corrupt(number, "something follows the event"));
        }
        if stored.version != 1 {
            return Err(corrupt(number, "the event's version is not known"));
        }
        let actor = match (stored.account, stored.key, stored.uid) {
            (None, None, None) => Actor::Anonymous,
            (Some(account), Some(key), None) => {
                let parse = || Some((AccountId::new(&account).ok()?, AccessKeyId::new(&key).ok()?));
                let (account, key) = parse().ok_or_else(|| corrupt(number, "the actor's ids are malformed"))?;
                Actor::Key { account, key }
            }
            (None, None, Some(uid)) => Actor::Operator { uid },
            _ => return Err(corrupt(number, "the event names no actor, or two")),
        };
        Ok(Event {
            at: Timestamp::from_millis(stored.at),
            request_id: stored.request_id,
            actor,
            operation: stored.operation,
            subject: stored.subject,
            object: stored.object,
            detail: stored.detail,
            bytes: stored.bytes,
        })
    }
}
