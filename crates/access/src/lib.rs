//! Who may do what: one pure function from a question and the records that bear on it to a verdict with its reasons.
//!
//! ACLs, ownership, policies, shares and restrictions of keys are evidence for the same [`decide`], so that there is one place to read and to test; what
//! ListBuckets shows ([`lists_bucket`]) comes from the same matching. An operation takes the [`Permit`] by value, so that
//! it cannot be reached without one. Which ACL a bucket or object may *get* is checked here too ([`bucket_acl`],
//! [`new_object`], [`object_acl`]), next to what an ACL means.
//!
//! Invariants:
//! - default deny, and total: what cannot be told (no bucket read, another bucket read, a principal that contradicts
//!   itself) is denied;
//! - grants only ever add: removing one, or blocking public access, allows nothing that was denied;
//! - a share's key reaches its share, and on it no more than the giver could do;
//! - every verdict names what settled it; the reasons are for the owner's eyes, never for a refused caller's;
//! - a [`Permit`] is made only in this crate, and cannot be copied.
//!
//! Absent on purpose: I/O, clocks, async, wire formats, and text made before somebody asks for it.
//!
//! Where S3's meaning of a grant has changed over the years, 2006's is kept: WRITE on a bucket is to create, overwrite
//! and delete any of its objects.

mod admission;
mod decide;
mod facts;
mod grants;
mod listing;
mod narrow;
mod policies;
pub mod policy;
mod question;
pub mod reach;
mod reason;
mod standing;
mod verdict;

pub use admission::{AclRefusal, NewObject, RequestedAcl, bucket_acl, new_object, object_acl};
pub use decide::decide;
pub use facts::NoFacts;
pub use listing::lists_bucket;
#[cfg(feature = "fuzzing")]
pub use policy::fuzz;
pub use question::{Evidence, ObjectFacts, PolicyEvidence, Question, Resource, Settings, UploadFacts};
pub use reason::{GrantAt, Reason, Via};
pub use verdict::{Denial, DenialKind, Permit, Verdict};
