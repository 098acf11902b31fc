//! Who asks: accounts, access keys and shares as records, the sealing of secrets, and the way from a key to a [`Caller`].
//!
//! Identity reads, and *plans*. A plan is a [`kv::Change`] that the caller commits together with its ledger entry, so
//! that nothing about an account, key or share changes without a trace, and so that a race is settled where it is
//! applied: a plan requires what it was made from.
//!
//! Invariants:
//! - a [`Caller`] with a key arises only from [`Candidate::prove`] (or the recall of one), and a [`Candidate`] only from
//!   records that agree with each other at one moment: key enabled, account there and active, share (if the key has one)
//!   there and active;
//! - no secret is stored, printed or put into an error in the clear; a secret is told once, as the result of the plan
//!   that made it;
//! - a record that cannot be read is [`Error::Corrupt`]; there is no identity to fall back on;
//! - ids are random and guarded by "must be absent", so none is given out twice.
//!
//! Absent on purpose: HTTP and signatures (a proof is a closure of whoever checks them), the clock (a share's end is
//! judged by `access`, with the time of the request), removal of accounts (what they own and what names them stays
//! theirs; they are suspended).
//!
//! The bytes are described in `docs/format/identity.md`.

mod audit;
mod caller;
mod directory;
mod error;
mod fresh;
#[cfg(test)]
mod golden;
mod keys;
mod known;
mod lookup;
mod master;
mod plans;
mod records;
mod seal;

pub use caller::{Caller, CallerKind, Candidate, Proven};
pub use directory::{Directory, MasterCheck, Stored};
pub use error::{Error, LookupError, MasterKeyError};
pub use master::{MasterKey, MasterKeySource};
pub use plans::{KeyOptions, NewAccount, NewShare, ShareTerms};
pub use records::{CLIENT_BYTES, KeyUse, LastUsed};
pub use seal::SecretText;
