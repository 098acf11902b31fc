//! The two values of authentication: a [`Candidate`], whose key was found, and a [`Caller`], who proved to hold it.
//!
//! Neither can be put together elsewhere: their fields are private, and the only way from one to the other is a
//! verification that succeeds, now or (see [`Directory::recall`](crate::Directory::recall)) of the same thing before. Whoever
//! asks the authoriser needs a [`Caller`], so a request cannot be executed for somebody whose signature nobody checked.

use std::fmt;
use std::sync::{Arc, Weak};

use model::{Basis, Principal};

use crate::known::{Known, Standing};

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// Nobody in particular.
    Anonymous,
    /// The holder of an access key.
    Key,
    /// The operator, at the server's own socket: full authority.
    Operator {
        /// The peer's user id, as the operating system tells.
        uid: u32,
    },
}

/// Who asks, proven.
///
/// It cannot be forged:
/// ```compile_fail
/// use identity::Caller;
/// let forged = Caller(identity::CallerKind::Anonymous);
/// ```
/// nor made from a principal:
/// ```compile_fail
/// fn forge(principal: model::Principal) -> identity::Caller {
///     principal.into()
/// }
/// ```
/// nor changed into another:
/// ```compile_fail
/// fn become_another(mut caller: identity::Caller, principal: model::Principal) -> identity::Caller {
///     caller.principal = principal;
///     caller
/// }
/// ```
#[derive(Clone)]
pub struct Caller(Who);

#[derive(Clone)]
enum Who {
    Anonymous,
    Operator { uid: u32 },
    Key(Arc<Standing>),
}

static ANONYMOUS: Principal = Principal::Anonymous;
static NOTHING: Basis = Basis(Vec::new());

impl Caller {
    /// Who sent an unsigned request.
    pub fn anonymous() -> Self {
        Caller(Who::Anonymous)
    }

    /// The operator at the server's own socket, after the operating system told who that is. As a principal it is
    /// anonymous: its authority lies in its kind alone, so who asks only for the principal gives it nothing.
    pub fn operator(uid: u32) -> Self {
        Caller(Who::Operator { uid })
    }

    pub(crate) fn of_key(standing: Arc<Standing>) -> Self {
        Caller(Who::Key(standing))
    }

    /// That the caller has proven to hold its key, for [`Directory::recall`](crate::Directory::recall); `None` for who proves
    /// nothing.
    pub fn proven(&self) -> Option<Proven> {
        match &self.0 {
            Who::Anonymous | Who::Operator { .. } => None,
            Who::Key(standing) => Some(Proven(Arc::downgrade(standing))),
        }
    }

    /// What kind of caller it is.
    pub fn kind(&self) -> CallerKind {
        match self.0 {
            Who::Anonymous => CallerKind::Anonymous,
            Who::Operator { uid } => CallerKind::Operator { uid },
            Who::Key(_) => CallerKind::Key,
        }
    }

    /// Who it is, as the authoriser sees it.
    pub fn principal(&self) -> &Principal {
        match &self.0 {
            Who::Anonymous | Who::Operator { .. } => &ANONYMOUS,
            Who::Key(standing) => &standing.principal,
        }
    }

    /// The records of key, account and share that the caller rests on, with their revisions. As conditions of a commit
    /// they order it before any revocation, or refuse it.
    pub fn basis(&self) -> &Basis {
        match &self.0 {
            Who::Anonymous | Who::Operator { .. } => &NOTHING,
            Who::Key(standing) => &standing.basis,
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, principal, basis) = (self.kind(), self.principal(), self.basis());
        f.debug_struct("Caller")
            .field("kind", &kind)
            .field("principal", principal)
            .field("basis", basis)
            .finish_non_exhaustive()
    }
}

/// That somebody has proven to hold a key, as its records were at that time; it keeps neither them nor the secret.
///
/// It cannot be forged:
/// ```compile_fail
/// let forged = identity::Proven(std::sync::Weak::new());
/// ```
#[derive(Debug, Clone)]
pub struct Proven(Weak<Standing>);

impl Proven {
    /// The records, while anybody else keeps them.
    pub(crate) fn standing(&self) -> Option<Arc<Standing>> {
        self.0.upgrade()
    }
}

/// Somebody who names a key that is in order, and has yet to prove to hold it. Leads to the key's secret in the clear, which
/// is overwritten when nobody holds it any more: keep it for no longer than the check of one signature.
///
/// It cannot be forged:
/// ```compile_fail
/// fn forge(principal: model::Principal) -> identity::Candidate {
///     identity::Candidate { standing: principal, keep_in: None }
/// }
/// ```
/// nor used for a second proof:
/// ```compile_fail
/// fn twice(candidate: identity::Candidate) {
///     let _ = candidate.prove(|_| Err::<(), ()>(()));
///     let _ = candidate.prove(|_| Ok::<(), ()>(()));
/// }
/// ```
/// nor asked who it is before it has proven it:
/// ```compile_fail
/// fn peek(candidate: &identity::Candidate) -> &model::Principal {
///     candidate.principal()
/// }
/// ```
pub struct Candidate {
    standing: Arc<Standing>,
    /// Where to keep it once something was proven; `None` if it comes from there.
    keep_in: Option<Arc<Known>>,
}

impl Candidate {
    /// `None` if the secret is missing: nothing could be proven with it.
    pub(crate) fn new(standing: Arc<Standing>, keep_in: Option<Arc<Known>>) -> Option<Self> {
        standing.secret.is_some().then_some(Candidate { standing, keep_in })
    }

    /// Who he is, after a proof.
    fn proven(self) -> Caller {
        if let Some(known) = &self.keep_in {
            known.keep(&self.standing);
        }
        Caller::of_key(self.standing)
    }

    /// Whether the key may sign by SigV2 although the server does not allow that for all.
    pub fn allow_sigv2(&self) -> bool {
        matches!(&self.standing.principal, Principal::Key { key, .. } if key.allow_sigv2)
    }

    /// Hands the secret to `verify`, which checks a signature with it. A caller arises only if it returns `Ok`; what it
    /// returns is passed on.
    ///
    /// # Errors
    /// Those of `verify`.
    pub fn prove<T, E>(self, verify: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<(Caller, T), E> {
        let proof = verify(self.secret())?;
        Ok((self.proven(), proof))
    }

    /// As [`prove`](Candidate::prove), for signatures that are made with a key derived from the secret for a scope: a day,
    /// a place, a purpose. `derive` makes it, and must make the same whenever the scope is the same; once a proof with it
    /// has succeeded, it is kept for others as long as nothing about the access key changes.
    ///
    /// # Errors
    /// Those of `verify`.
    pub fn prove_in<K: Send + Sync + 'static, T, E>(
        self,
        scope: &str,
        derive: impl FnOnce(&[u8]) -> K,
        verify: impl FnOnce(&Arc<K>) -> Result<T, E>,
    ) -> Result<(Caller, T), E> {
        let standing = &self.standing;
        let proof = match standing.derived.get(scope) {
            Some(known) => verify(&known)?,
            None => {
                let derived = Arc::new(derive(self.secret()));
                let proof = verify(&derived)?;
                standing.derived.keep(scope, &derived);
                proof
            }
        };
        Ok((self.proven(), proof))
    }

    fn secret(&self) -> &[u8] {
        self.standing.secret.as_ref().expect("there is no candidate without one").expose().as_bytes()
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("principal", &self.standing.principal).finish_non_exhaustive()
    }
}
