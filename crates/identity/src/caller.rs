//! The two values of authentication: a [`Candidate`], whose key was found, and a [`Caller`], who proved to hold it.
//!
//! Neither can be put together elsewhere: their fields are private, and the only way from one to the other is a
//! verification that succeeds. Whoever asks the authoriser needs a [`Caller`], so a request cannot be executed for
//! somebody whose signature nobody checked.

use model::{Basis, Principal};

use crate::SecretText;

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
/// use identity::{Caller, CallerKind};
/// let forged = Caller { kind: CallerKind::Key, principal: model::Principal::Anonymous, basis: Default::default() };
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
#[derive(Debug, Clone)]
pub struct Caller {
    kind: CallerKind,
    principal: Principal,
    basis: Basis,
}

impl Caller {
    /// Who sent an unsigned request.
    pub fn anonymous() -> Self {
        Caller { kind: CallerKind::Anonymous, principal: Principal::Anonymous, basis: Basis::default() }
    }

    /// The operator at the server's own socket, after the operating system told who that is. As a principal it is
    /// anonymous: its authority lies in its kind alone, so who asks only for the principal gives it nothing.
    pub fn operator(uid: u32) -> Self {
        Caller { kind: CallerKind::Operator { uid }, ..Caller::anonymous() }
    }

    pub(crate) fn of_key(principal: Principal, basis: Basis) -> Self {
        Caller { kind: CallerKind::Key, principal, basis }
    }

    /// What kind of caller it is.
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// Who it is, as the authoriser sees it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The records of key, account and share that the caller rests on, with their revisions. As conditions of a commit
    /// they order it before any revocation, or refuse it.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }
}

/// Somebody who names a key that is in order, and has yet to prove to hold it. Holds the key's secret in the clear,
/// overwritten when dropped: keep it for no longer than the check of one signature.
///
/// It cannot be forged:
/// ```compile_fail
/// fn forge(principal: model::Principal, secret: identity::SecretText) -> identity::Candidate {
///     identity::Candidate { principal, basis: Default::default(), secret }
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
#[derive(Debug)]
pub struct Candidate {
    principal: Principal,
    basis: Basis,
    secret: SecretText,
}

impl Candidate {
    pub(crate) fn new(principal: Principal, basis: Basis, secret: SecretText) -> Self {
        Candidate { principal, basis, secret }
    }

    /// Whether the key may sign by SigV2 although the server does not allow that for all.
    pub fn allow_sigv2(&self) -> bool {
        matches!(&self.principal, Principal::Key { key, .. } if key.allow_sigv2)
    }

    /// Hands the secret to `verify`, which checks a signature with it. A caller arises only if it returns `Ok`; what it
    /// returns is passed on.
    ///
    /// # Errors
    /// Those of `verify`.
    pub fn prove<T, E>(self, verify: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<(Caller, T), E> {
        let proof = verify(self.secret.expose().as_bytes())?;
        Ok((Caller::of_key(self.principal, self.basis), proof))
    }
}
