//! Changes of who may do what, before they are made, and what they would give and take: values that travel as those of
//! the other commands do.

use serde::{Deserialize, Serialize};

use super::{ReachRow, ShareOrder};

/// Whose reach is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// A key's, by its id.
    Key(String),
    /// Everyone's, without a key.
    Everyone,
    /// Everyone's, and every key's.
    All,
}

/// A change of who may do what, before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proposal {
    /// A bucket's policy, in place of the one it has: its text.
    Policy(String),
    /// A bucket's ACL, in place of the one it has.
    Acl {
        /// Whom it says the owner is, by canonical id.
        owner: Option<String>,
        /// Its grants, in order.
        grants: Vec<ProposedGrant>,
    },
    /// A share to be given.
    Share(Box<ShareOrder>),
}

/// A line of a proposed ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedGrant {
    /// To whom.
    pub grantee: ProposedGrantee,
    /// S3's name of a permission.
    pub permission: String,
}

/// Whom a proposed grant names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposedGrantee {
    /// An account, by canonical id.
    Id(String),
    /// An account, by e-mail address.
    Email(String),
    /// A group, by its URI.
    Group(String),
}

/// What somebody's reach gains and loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HolderDiff {
    /// As in [`HolderReach`](super::HolderReach); of a proposed share, whom it would be given to.
    pub who: String,
    /// As in [`HolderReach`](super::HolderReach); none for a key that would be made.
    pub access_key_ids: Vec<String>,
    /// What some request is allowed that is refused now.
    pub gained: Vec<DiffRow>,
    /// What some request would be refused that is allowed now.
    pub lost: Vec<DiffRow>,
}

/// One thing that is gained or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DiffRow {
    #[serde(flatten)]
    pub row: ReachRow,
    /// A request for each action that shows it, as `s3:GetObject on BUCKET/KEY, from 192.0.2.1`; none where it could not be
    /// settled.
    pub examples: Vec<String>,
}
