//! The domain's values: what S3 and Bailiwick talk about, and nothing they do.
//!
//! A value that exists is valid: every type is made by a constructor that checks it, so that no later stage has to.
//! Limits are named once, in [`limits`]. This crate knows nothing of I/O, clocks, async, storage or wire formats;
//! records are encoded by the crates that store them.

pub mod limits;

mod account;
mod acl;
mod action;
mod bucket;
mod digest;
mod error;
mod ids;
mod names;
mod network;
mod preset;
mod principal;
mod restriction;
mod share;
mod tags;
mod time;

pub use account::{Account, AccountId, AccountKind, AccountState, CanonicalId, DisplayName, Email};
pub use acl::{Acl, CannedAcl, Grant, Grantee, Group, Permission};
pub use action::Action;
pub use bucket::{Bucket, BucketPolicy, ObjectOwnership, PublicAccessBlock};
pub use digest::{Checksum, ChecksumAlgorithm, ChecksumKind, ETag};
pub use error::Invalid;
pub use ids::{AccessKeyId, BlobId, Revision, ShareId, UploadId, VersionId};
pub use names::{BucketName, ObjectKey};
pub use network::Network;
pub use preset::Preset;
pub use principal::{AccessKey, Basis, KeyState, Principal};
pub use restriction::Restriction;
pub use share::{Caps, Pin, Quota, Share, ShareState};
pub use tags::{TagError, TagSet};
pub use time::Timestamp;
