//! What policies say of a question: the bucket's, and the one that restricts the caller's key.

use model::{Action, Principal};

use crate::facts::Known;
use crate::policy::{Asked, Outcome, Policy, StatementAt, Who};
use crate::{Evidence, PolicyEvidence, Question, Reason, Resource};

/// What the bucket's policy says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Said {
    /// No, whatever else allows it.
    Denied(Reason),
    /// Yes.
    Allowed(StatementAt),
    /// Nothing.
    Silent,
}

/// What the bucket's policy says of the question.
pub(crate) fn of_bucket(question: &Question<'_>, evidence: &Evidence<'_>) -> Said {
    said(question, evidence, question.action, question.resource)
}

/// What it would say of listing the bucket: whether an object is there is told to who may list.
pub(crate) fn of_listing(question: &Question<'_>, evidence: &Evidence<'_>) -> Said {
    match question.resource.bucket() {
        None => Said::Silent,
        Some(bucket) => said(question, evidence, Action::ListBucket, Resource::Bucket(bucket)),
    }
}

/// What it would say of writing some object: for CreateBucket on a bucket that is there.
pub(crate) fn of_writing(question: &Question<'_>, evidence: &Evidence<'_>) -> Said {
    let policy = match read(evidence) {
        Ok(None) => return Said::Silent,
        Ok(Some(policy)) => policy,
        Err(reason) => return Said::Denied(reason),
    };
    outcome(policy, question, evidence, Action::PutObject, Some("any"))
}

fn said(question: &Question<'_>, evidence: &Evidence<'_>, action: Action, resource: Resource<'_>) -> Said {
    let policy = match read(evidence) {
        Ok(None) => return Said::Silent,
        Ok(Some(policy)) => policy,
        Err(reason) => return Said::Denied(reason),
    };
    let key = match resource {
        Resource::Object { key, .. } => Some(key.as_str()),
        Resource::Service | Resource::Bucket(_) => None,
    };
    outcome(policy, question, evidence, action, key)
}

/// The bucket's policy; what the record says is there must have been read.
fn read<'a>(evidence: &Evidence<'a>) -> Result<Option<&'a Policy>, Reason> {
    let recorded = evidence.bucket.is_some_and(|bucket| bucket.policy.is_some());
    match evidence.policy {
        PolicyEvidence::None if recorded => Err(Reason::PolicyUnreadable),
        PolicyEvidence::None => Ok(None),
        PolicyEvidence::Read(policy) => Ok(Some(policy)),
        PolicyEvidence::Unreadable => Err(Reason::PolicyUnreadable),
    }
}

fn outcome(
    policy: &Policy,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
    action: Action,
    key: Option<&str>,
) -> Said {
    match evaluate(policy, question, evidence, action, key) {
        Outcome::Denied(at) => Said::Denied(Reason::PolicyDenies(at)),
        Outcome::Allowed(at) => Said::Allowed(at),
        Outcome::Silent => Said::Silent,
    }
}

fn evaluate(
    policy: &Policy,
    question: &Question<'_>,
    evidence: &Evidence<'_>,
    action: Action,
    key: Option<&str>,
) -> Outcome {
    let who = match question.principal {
        Principal::Anonymous => Who::Anonymous,
        Principal::Key { account, .. } => Who::Account { id: &account.id, canonical: &account.canonical_id },
    };
    let facts = Known::new(question, evidence);
    policy.evaluate(&Asked { who, action, bucket: question.resource.bucket(), key, facts: &facts })
}

/// Whether the policy that restricts the caller's key lets the question through.
pub(crate) fn of_key(question: &Question<'_>, evidence: &Evidence<'_>) -> Result<(), Reason> {
    let Principal::Key { key, .. } = question.principal else { return Ok(()) };
    let policy = match (&key.restriction.policy, evidence.key_policy) {
        (None, _) => return Ok(()),
        (Some(_), PolicyEvidence::Read(policy)) => policy,
        (Some(_), PolicyEvidence::None | PolicyEvidence::Unreadable) => return Err(Reason::KeyPolicyUnreadable),
    };
    let object = match question.resource {
        Resource::Object { key, .. } => Some(key.as_str()),
        Resource::Service | Resource::Bucket(_) => None,
    };
    match evaluate(policy, question, evidence, question.action, object) {
        Outcome::Allowed(_) => Ok(()),
        Outcome::Denied(at) => Err(Reason::KeyPolicyDenies(at)),
        Outcome::Silent => Err(Reason::NotInKeyPolicy),
    }
}
