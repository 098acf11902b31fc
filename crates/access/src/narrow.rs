//! What a key's restriction, and a share's prefix, leave of a question. They only ever narrow.

use model::{Action, Principal, Share};

use crate::policy::{Value, Values};
use crate::{Question, Reason, Resource};

/// Whether the buckets and prefixes that the caller's key is restricted to leave the question.
pub(crate) fn by_key(question: &Question<'_>) -> Result<(), Reason> {
    let Principal::Key { key, .. } = question.principal else { return Ok(()) };
    let restriction = &key.restriction;
    if question.resource.bucket().is_some_and(|bucket| !restriction.covers_bucket(bucket)) {
        return Err(Reason::BucketNotOfKey);
    }
    if restriction.prefixes.is_empty() || within(question, |prefix| restriction.covers_prefix(prefix)) {
        return Ok(());
    }
    Err(Reason::PrefixNotOfKey)
}

/// Whether the part of the bucket that is shared leaves the question.
pub(crate) fn by_share(question: &Question<'_>, share: &Share) -> Result<(), Reason> {
    if share.prefix.is_empty() || within(question, |prefix| prefix.starts_with(&*share.prefix)) {
        return Ok(());
    }
    Err(Reason::PrefixNotOfShare)
}

/// Whether a question concerns only keys of which `covered` says yes to what they begin with.
fn within(question: &Question<'_>, covered: impl Fn(&str) -> bool) -> bool {
    match (question.resource, question.action) {
        (Resource::Object { key, .. }, _) => covered(key.as_str()),
        // What clients ask first, and what tells nothing of any key.
        (
            _,
            Action::ListAllMyBuckets
            | Action::CreateBucket
            | Action::HeadBucket
            | Action::GetBucketLocation
            | Action::GetBucketVersioning,
        ) => true,
        (_, Action::ListBucket | Action::ListBucketVersions | Action::ListBucketMultipartUploads) => {
            match question.facts.values("s3:prefix") {
                Values::One(Value::Text(prefix)) => covered(prefix),
                _ => covered(""),
            }
        }
        _ => false,
    }
}
