//! Which grant of an ACL reaches a caller: the one place that compares grantees.

use model::{Acl, CanonicalId, Grantee, Group, Permission};

use crate::{GrantAt, Via};

/// What grants to groups are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Groups {
    /// They count.
    Count,
    /// They are passed over, and it is noted: IgnorePublicAcls.
    Blocked,
    /// They are not asked for.
    Aside,
}

/// What looking through an ACL came to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Match {
    /// This grant reaches the caller.
    Granted(GrantAt),
    /// None does; this one would, were public access not blocked.
    Ignored(GrantAt),
    /// None does.
    Nothing,
}

/// The first grant of `acl` that gives `wanted` (`None`: anything) to the account `who` (`None`: to anyone unsigned).
pub(crate) fn matching(acl: &Acl, who: Option<&CanonicalId>, wanted: Option<Permission>, groups: Groups) -> Match {
    let mut ignored = Match::Nothing;
    for (index, grant) in acl.grants().iter().enumerate() {
        if wanted.is_some_and(|wanted| !grant.permission.includes(wanted)) {
            continue;
        }
        let via = match &grant.grantee {
            Grantee::Account(named) if who == Some(named) => Via::Account,
            Grantee::Group(group) if groups != Groups::Aside && belongs(who, *group) => Via::Group(*group),
            Grantee::Account(_) | Grantee::Group(_) => continue,
        };
        let at = GrantAt { index, via, permission: grant.permission };
        match (via, groups, ignored) {
            (Via::Account, ..) | (Via::Group(_), Groups::Count, _) => return Match::Granted(at),
            (Via::Group(_), _, Match::Nothing) => ignored = Match::Ignored(at),
            (Via::Group(_), ..) => {}
        }
    }
    ignored
}

/// LogDelivery is the server's own log writer: no caller belongs to it.
fn belongs(who: Option<&CanonicalId>, group: Group) -> bool {
    match group {
        Group::AllUsers => true,
        Group::AuthenticatedUsers => who.is_some(),
        Group::LogDelivery => false,
    }
}
