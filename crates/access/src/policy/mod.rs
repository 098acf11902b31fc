//! The AWS policy language as S3's bucket policies and access keys' restrictions use it: a document becomes a value, and
//! the value answers one request.
//!
//! Source: "IAM JSON policy elements reference" in the IAM user guide, versions 2012-10-17 and 2008-10-17; for the keys
//! and actions, the Service Authorization Reference ("Actions, resources, and condition keys for Amazon S3").
//!
//! What matters is three-valued. A statement applies, does not apply, or cannot be told to: where a policy variable has
//! no value, or a request's value is not of the type that the operator compares. What cannot be told allows nothing, and
//! denies; that is stricter than AWS, which passes over such a deny.
//!
//! Invariants:
//! - a [`Policy`] was understood whole: every element, operator, condition key, action and value of it; what is unknown,
//!   of the wrong type, or given twice was refused with its place;
//! - any deny wins; adding a Deny statement never allows, adding an Allow statement never denies;
//! - what a caller sends can only become the value of a declared condition key ([`KEYS`]), never a pattern;
//! - who the caller is comes from [`Asked::who`] alone.
//!
//! Absent on purpose: clocks and I/O (a request's values come through [`Facts`]), users, roles, services and federation
//! (Bailiwick's principals are accounts), and whether an account that is named exists.

mod action;
mod condition;
mod document;
mod evaluate;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod json;
mod key;
mod operator;
mod pattern;
mod principal;
mod public;
mod resource;

pub use action::Actions;
pub use condition::{ArnPattern, Condition, Decimal, Instant, Operands};
pub use evaluate::{Asked, Facts, Outcome, StatementAt, Value, Values, Who};
pub use key::{Applies, ConditionKey, KEYS, KeyKind, KeySpec};
pub use operator::{Operator, Order, Quantifier, Test};
pub use pattern::{Part, Template, Variable};
pub use principal::{Named, Principals};
pub use resource::{ResourcePattern, Resources};

use model::BucketName;

/// Why a document is not taken. S3: 400 MalformedPolicy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", path, if path.is_empty() { "" } else { ": " })]
pub struct PolicyError {
    /// Where, as `Statement[2].Condition.IpAddress.aws:SourceIp[0]`, counted from 0; empty for the whole document.
    pub path: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl PolicyError {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        PolicyError { path: path.into(), message: message.into() }
    }
}

/// The version of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 2008-10-17, also where a document names none: `${…}` is ordinary text.
    V2008,
    /// 2012-10-17: with policy variables.
    V2012,
}

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever allows.
    Deny,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    sid: Option<Box<str>>,
    effect: Effect,
    principals: Option<Principals>,
    actions: Actions,
    resources: Resources,
    conditions: Box<[Condition]>,
    path: Box<str>,
}

impl Statement {
    /// Its name, where it has one. Not necessarily unique.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whom it is about; `None` in a key's restriction, which is about the key.
    pub fn principals(&self) -> Option<&Principals> {
        self.principals.as_ref()
    }

    /// Which actions it is about.
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// Which resources it is about.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// What must all hold; in no particular order.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

/// A policy that was understood whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    version: Version,
    id: Option<Box<str>>,
    statements: Box<[Statement]>,
}

impl Policy {
    /// Reads a bucket's policy. [`Policy::check_bucket`] tells whether it fits a given bucket.
    ///
    /// # Errors
    /// [`PolicyError`] if the document is longer than [`model::limits::POLICY_BYTES`], or anything in it is not
    /// understood, or a statement has neither `Principal` nor `NotPrincipal`.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        document::policy(text, document::Of::Bucket)
    }

    /// Reads a key's restriction: the same language without principals.
    ///
    /// # Errors
    /// As [`Policy::parse`], but where a statement has `Principal` or `NotPrincipal`.
    pub fn parse_for_key(text: &str) -> Result<Policy, PolicyError> {
        document::policy(text, document::Of::Key)
    }

    /// Whether it may be the policy of `bucket`: every resource lies in it, every action can be asked of one of its
    /// statement's resources, and every condition key comes with one of its statement's actions.
    ///
    /// # Errors
    /// [`PolicyError`] naming the element that does not fit.
    pub fn check_bucket(&self, bucket: &BucketName) -> Result<(), PolicyError> {
        self.statements.iter().try_for_each(|statement| statement.check_bucket(bucket))
    }

    /// Whether S3 calls it public (user guide, "The meaning of public"): some Allow statement lets in everyone, and is
    /// not confined to fixed accounts or to address ranges of at most a /8 (IPv4) or a /32 (IPv6).
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(public::is_public)
    }

    /// The accounts that Allow statements name, as they name them; one may come more than once. Everyone is no account.
    pub fn named_accounts(&self) -> impl Iterator<Item = &Named> {
        let allows = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        let named = allows.filter_map(Statement::principals).flat_map(|principals| principals.named());
        named.filter(|named| **named != Named::Everyone)
    }

    /// The version of the language that it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its name, where it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its statements in their order; never empty.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    fn check_bucket(&self, bucket: &BucketName) -> Result<(), PolicyError> {
        for (path, pattern) in self.resources.placed() {
            if pattern.bucket() != Some(bucket.as_str()) {
                let message = format!(
                    "Policy has invalid resource: {} does not lie in this bucket; write arn:aws:s3:::{bucket} for the \
                     bucket, arn:aws:s3:::{bucket}/* for its objects",
                    pattern.as_str()
                );
                return Err(PolicyError::new(path, message));
            }
        }
        let asked_of = |kind| self.resources.include(kind);
        if let Some((path, pattern)) = self.actions.idle(asked_of) {
            let message = format!(
                "Action does not apply to any resource(s) in statement: {pattern}; actions on the bucket take \
                 arn:aws:s3:::{bucket}, those on objects arn:aws:s3:::{bucket}/*"
            );
            return Err(PolicyError::new(path, message));
        }
        for condition in &self.conditions {
            let key = condition.key();
            if !self.actions.names(asked_of).any(|action| key.spec().applies.to(action)) {
                let path = format!("{}.Condition.{}.{}", self.path, condition.operator(), key.spelled());
                let message = "Conditions do not apply to combination of actions and resources in statement: no request \
                               that it is about has this key";
                return Err(PolicyError::new(path, message));
            }
        }
        Ok(())
    }
}
