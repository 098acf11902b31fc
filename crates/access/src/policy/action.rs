//! Which actions a statement is about.

use model::Action;

use super::PolicyError;
use super::json::Json;

/// What an action is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Service,
    Bucket,
    Object,
}

/// S3's actions on objects that are none of Bailiwick's: a policy may name them, and nothing asks for them.
const OTHER_OBJECT_ACTIONS: &[&str] = &[
    "s3:BypassGovernanceRetention",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectVersionTorrent",
    "s3:InitiateReplication",
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
];

/// The same, on an account, its access points, jobs and dashboards.
const OTHER_SERVICE_ACTIONS: &[&str] = &[
    "s3:CreateAccessPoint",
    "s3:CreateJob",
    "s3:DeleteAccessPoint",
    "s3:DeleteAccessPointPolicy",
    "s3:DeleteStorageLensConfiguration",
    "s3:DescribeJob",
    "s3:GetAccessPoint",
    "s3:GetAccessPointPolicy",
    "s3:GetAccessPointPolicyStatus",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetJobTagging",
    "s3:GetStorageLensConfiguration",
    "s3:GetStorageLensDashboard",
    "s3:ListAccessPoints",
    "s3:ListJobs",
    "s3:ListMultiRegionAccessPoints",
    "s3:ListStorageLensConfigurations",
    "s3:ListTagsForResource",
    "s3:PutAccessPointPolicy",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutStorageLensConfiguration",
    "s3:UntagResource",
    "s3:UpdateJobPriority",
    "s3:UpdateJobStatus",
];

/// The name that policies have for an action, and what it is asked of; one may come twice.
fn known() -> impl Iterator<Item = (&'static str, Kind)> {
    let ours = Action::ALL.iter().map(|action| {
        let kind = match action {
            action if action.of_service() => Kind::Service,
            action if action.on_object() => Kind::Object,
            _ => Kind::Bucket,
        };
        (action.policy_name(), kind)
    });
    let others = OTHER_OBJECT_ACTIONS.iter().map(|name| (*name, Kind::Object));
    ours.chain(others).chain(OTHER_SERVICE_ACTIONS.iter().map(|name| (*name, Kind::Service)))
}

/// A set of actions, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set([u64; Action::ALL.len().div_ceil(64)]);

impl Set {
    fn insert(&mut self, action: Action) {
        self.0[action as usize / 64] |= 1 << (action as usize % 64);
    }

    fn holds(&self, action: Action) -> bool {
        self.0[action as usize / 64] >> (action as usize % 64) & 1 == 1
    }
}

/// The `Action` or `NotAction` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    negated: bool,
    patterns: Box<[Box<str>]>,
    /// Where each was written.
    paths: Box<[String]>,
    /// Those of ours that a pattern matches.
    named: Set,
}

impl Actions {
    /// Whether it is `NotAction`: all but those that it names.
    pub fn negated(&self) -> bool {
        self.negated
    }

    /// The patterns as written; never empty.
    pub fn patterns(&self) -> &[Box<str>] {
        &self.patterns
    }

    /// Whether the statement is about `action`.
    pub fn cover(&self, action: Action) -> bool {
        self.named.holds(action) != self.negated
    }

    /// A pattern none of whose actions can be asked of such resources; or, of NotAction, the first, if what it leaves
    /// cannot. With its place in the document.
    pub(super) fn idle(&self, asked_of: impl Fn(Kind) -> bool) -> Option<(&str, &str)> {
        let mut placed = self.paths.iter().map(String::as_str).zip(self.patterns.iter().map(|pattern| &**pattern));
        if self.negated {
            let idle = self.names(asked_of).next().is_none();
            return placed.next().filter(|_| idle);
        }
        let works = |pattern: &str| known().any(|(name, kind)| asked_of(kind) && matches(pattern, name));
        placed.find(|(_, pattern)| !works(pattern))
    }

    /// The names of the actions that it is about and that can be asked of such resources.
    pub(super) fn names(&self, asked_of: impl Fn(Kind) -> bool) -> impl Iterator<Item = &'static str> {
        known()
            .filter(move |(name, kind)| {
                asked_of(*kind) && self.patterns.iter().any(|pattern| matches(pattern, name)) != self.negated
            })
            .map(|(name, _)| name)
    }

    pub(super) fn parse(json: &Json, negated: bool, path: &str) -> Result<Self, PolicyError> {
        let (mut patterns, mut paths, mut named) = (Vec::new(), Vec::new(), Set::default());
        for (path, value) in json.one_or_more(path)? {
            let pattern = value.text(&path)?;
            if !known().any(|(name, _)| matches(pattern, name)) {
                let message = format!("Policy has invalid action: {pattern:?} matches none of S3's actions");
                return Err(PolicyError::new(path, message));
            }
            for action in Action::ALL {
                if matches(pattern, action.policy_name()) {
                    named.insert(*action);
                }
            }
            patterns.push(pattern.into());
            paths.push(path);
        }
        Ok(Actions { negated, patterns: patterns.into(), paths: paths.into(), named })
    }
}

/// Whether `pattern` matches the whole of `name`, in whatever case. Names are ASCII.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where to go on after a mismatch: behind the last star, with one more byte given to it.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, n));
            }
            Some(&b) if b == b'?' || b.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((behind, from)) => {
                    retry = Some((behind, from + 1));
                    (p, n) = (behind, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}
