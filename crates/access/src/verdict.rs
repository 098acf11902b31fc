//! What a decision comes to: a permit that an operation consumes, or a denial; each with its reasons.

use model::{Action, Basis, BucketName, ObjectKey, Principal, VersionId};

use crate::{Question, Reason, Resource};

/// Most reasons of one verdict.
const REASONS: usize = 4;

/// A few reasons, the one that settled it first. Made without allocation; what does not fit is left out, which only ever
/// concerns the later, explaining ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reasons {
    list: [Reason; REASONS],
    len: usize,
}

impl Reasons {
    /// Settled by `reason`.
    pub(crate) fn of(reason: Reason) -> Self {
        Reasons { list: [reason; REASONS], len: 1 }
    }

    /// And `reason` bears on it, if there is one.
    pub(crate) fn and(mut self, reason: impl Into<Option<Reason>>) -> Self {
        if let Some(reason) = reason.into()
            && self.len < REASONS
        {
            self.list[self.len] = reason;
            self.len += 1;
        }
        self
    }

    pub(crate) fn as_slice(&self) -> &[Reason] {
        &self.list[..self.len]
    }
}

/// The answer to a question.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// Yes.
    Allowed(Permit),
    /// No.
    Denied(Denial),
}

impl Verdict {
    /// Whether it is a yes.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Verdict::Allowed(_))
    }

    /// What settled it; never empty.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Verdict::Allowed(permit) => permit.reasons(),
            Verdict::Denied(denial) => denial.reasons(),
        }
    }
}

/// Leave to do one thing once. An operation takes it by value and does exactly what it names, on condition that the
/// records of its basis are unchanged.
///
/// It is made only by [`crate::decide`], and there is no second one from a first. What has one may read it:
/// ```
/// fn read(permit: access::Permit) -> (model::Action, Option<model::BucketName>) {
///     (permit.action(), permit.bucket().cloned())
/// }
/// ```
/// but cannot put one together:
/// ```compile_fail,E0451
/// fn forge(honest: access::Permit) -> access::Permit {
///     access::Permit { action: model::Action::DeleteBucket, ..honest }
/// }
/// ```
/// nor ask for it in another way than by the decision:
/// ```compile_fail,E0624
/// fn forge(question: access::Question<'_>, denied: access::Denial) -> access::Permit {
///     access::Permit::new(&question, model::Basis::default(), todo!())
/// }
/// ```
/// ```compile_fail,E0277
/// fn forge() -> access::Permit {
///     Default::default()
/// }
/// ```
/// nor make it say something else:
/// ```compile_fail,E0616
/// fn widen(mut permit: access::Permit) -> access::Permit {
///     permit.action = model::Action::DeleteBucket;
///     permit
/// }
/// ```
/// nor keep one after giving it away:
/// ```compile_fail,E0599
/// fn keep(permit: access::Permit) -> (access::Permit, access::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
/// ```compile_fail,E0382
/// fn twice(permit: access::Permit, operation: fn(access::Permit)) {
///     operation(permit);
///     operation(permit);
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    /// Apart, because it is large, and a permit is handed on.
    principal: Box<Principal>,
    action: Action,
    bucket: Option<BucketName>,
    key: Option<ObjectKey>,
    version: Option<VersionId>,
    basis: Basis,
    reasons: Reasons,
}

impl Permit {
    pub(crate) fn new(question: &Question<'_>, basis: Basis, reasons: Reasons) -> Self {
        let (key, version) = match question.resource {
            Resource::Service | Resource::Bucket(_) => (None, None),
            Resource::Object { key, version, .. } => (Some(key.clone()), version.cloned()),
        };
        Permit {
            principal: Box::new(question.principal.clone()),
            action: question.action,
            bucket: question.resource.bucket().cloned(),
            key,
            version,
            basis,
            reasons,
        }
    }

    /// What may be done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// On which bucket; `None` for an action of the service.
    pub fn bucket(&self) -> Option<&BucketName> {
        self.bucket.as_ref()
    }

    /// On which object's key; `None` for an action of a bucket or the service.
    pub fn key(&self) -> Option<&ObjectKey> {
        self.key.as_ref()
    }

    /// On which version; `None` for the current one.
    pub fn version(&self) -> Option<&VersionId> {
        self.version.as_ref()
    }

    /// Who may do it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The records that the decision rests on: conditions of the commit.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// What settled it, first, and what bore on it; never empty.
    pub fn reasons(&self) -> &[Reason] {
        self.reasons.as_slice()
    }
}

/// Which refusal the caller hears. It hears no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// S3's AccessDenied.
    AccessDenied,
    /// S3's NotSignedUp: a guest, on a server with strict signup.
    NotSignedUp,
    /// S3's MethodNotAllowed: another account, to whom a bucket's policy would open the policy itself.
    MethodNotAllowed,
}

/// A refusal.
#[derive(Debug, Clone)]
pub struct Denial {
    kind: DenialKind,
    reasons: Reasons,
}

impl Denial {
    pub(crate) fn new(reasons: Reasons) -> Self {
        let kind = match reasons.list[0] {
            Reason::StrictSignup => DenialKind::NotSignedUp,
            Reason::PolicyOfOwnersAlone => DenialKind::MethodNotAllowed,
            _ => DenialKind::AccessDenied,
        };
        Denial { kind, reasons }
    }

    /// Which refusal the caller hears.
    pub fn kind(&self) -> DenialKind {
        self.kind
    }

    /// What settled it, first, and what would have allowed it but does not count; never empty. For the owner and the
    /// operator, not for the caller.
    pub fn reasons(&self) -> &[Reason] {
        self.reasons.as_slice()
    }
}
