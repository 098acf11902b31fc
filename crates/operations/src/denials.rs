//! The latest refusals of the authoriser, by request: what an owner may ask about, and the refused caller may not.
//!
//! They are kept in memory, the oldest of [`KEPT`] making room for the newest. A restart forgets them; they explain, and
//! nothing rests on them.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use access::{Question, Reason, Resource};
use model::{AccessKeyId, Action, BucketName, ObjectKey, Timestamp};
use parking_lot::Mutex;

/// Refusals that are kept.
const KEPT: usize = 10_000;

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// Which request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// By which key; `None`: unsigned.
    pub key: Option<AccessKeyId>,
    /// From which address.
    pub source: Option<IpAddr>,
    /// What was asked for.
    pub action: Action,
    /// On which bucket.
    pub bucket: Option<BucketName>,
    /// On which object.
    pub object: Option<ObjectKey>,
    /// What settled it, first, and what bore on it.
    pub reasons: Vec<Reason>,
}

/// The latest refusals.
#[derive(Default)]
pub(crate) struct Denials(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_request: HashMap<String, Vec<Refusal>>,
    order: VecDeque<String>,
}

impl Denials {
    /// Notes that `question`, asked by that request, was refused.
    pub(crate) fn note(&self, request_id: &str, question: &Question<'_>, reasons: &[Reason]) {
        let (bucket, object) = match question.resource {
            Resource::Service => (None, None),
            Resource::Bucket(bucket) => (Some(bucket.clone()), None),
            Resource::Object { bucket, key, .. } => (Some(bucket.clone()), Some(key.clone())),
        };
        let refusal = Refusal {
            request_id: request_id.to_owned(),
            at: question.at,
            key: question.principal.key_id().cloned(),
            source: question.source,
            action: question.action,
            bucket,
            object,
            reasons: reasons.to_vec(),
        };
        let mut kept = self.0.lock();
        if kept.order.len() >= KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            // A request may have been refused several times (DeleteObjects); its refusals go together.
            kept.by_request.remove(&oldest);
        }
        kept.order.push_back(request_id.to_owned());
        kept.by_request.entry(request_id.to_owned()).or_default().push(refusal);
    }

    /// The refusals of that request, in their order.
    pub(crate) fn of(&self, request_id: &str) -> Vec<Refusal> {
        self.0.lock().by_request.get(request_id).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use access::NoFacts;
    use model::Principal;

    use super::*;

    fn note(denials: &Denials, id: &str) {
        let question = Question {
            principal: &Principal::Anonymous,
            action: Action::ListAllMyBuckets,
            resource: Resource::Service,
            at: Timestamp::from_millis(0),
            source: None,
            facts: &NoFacts,
        };
        denials.note(id, &question, &[Reason::NeedsKey]);
    }

    #[test]
    fn the_newest_are_kept_and_memory_is_bounded() {
        let denials = Denials::default();
        note(&denials, "first");
        note(&denials, "first");
        assert_eq!(denials.of("first").len(), 2);
        for number in 0..KEPT {
            note(&denials, &number.to_string());
        }
        assert!(denials.of("first").is_empty() && !denials.of("9999").is_empty());
        let kept = denials.0.lock();
        assert!(kept.order.len() <= KEPT && kept.by_request.len() <= KEPT);
    }
}
