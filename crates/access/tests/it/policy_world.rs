//! A small world for policies: two accounts, one bucket, and what a request may tell of itself.

use std::collections::BTreeMap;

use access::policy::{Asked, Facts, Outcome, Policy, Value, Values, Who};
use model::{AccountId, Action, BucketName, CanonicalId};
use serde_json::{Value as Json, json};

pub const ANN: &str = "111122223333";
pub const BEN: &str = "444455556666";
pub const ANN_CANONICAL: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const BEN_CANONICAL: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// What is known of a request: values by the key's name in lower case.
#[derive(Debug, Clone, Default)]
pub struct Known(pub BTreeMap<String, Vec<Value<'static>>>);

impl Known {
    pub fn of(facts: &[(&str, &[Value<'static>])]) -> Self {
        Known(facts.iter().map(|(key, values)| ((*key).to_owned(), values.to_vec())).collect())
    }
}

impl Facts for Known {
    fn values(&self, key: &str) -> Values<'_> {
        match self.0.get(key).map(Vec::as_slice) {
            None => Values::Absent,
            Some([one]) => Values::One(*one),
            Some(many) => Values::Many(many),
        }
    }
}

/// A request, owned.
#[derive(Debug, Clone)]
pub struct Request {
    /// `None` is nobody.
    pub account: Option<(AccountId, CanonicalId)>,
    pub action: Action,
    pub bucket: BucketName,
    pub key: Option<String>,
    pub known: Known,
}

impl Request {
    pub fn get(key: &str) -> Self {
        Request {
            account: None,
            action: Action::GetObject,
            bucket: bucket(),
            key: Some(key.to_owned()),
            known: Known::default(),
        }
    }

    pub fn by(self, account: &str, canonical: &str) -> Self {
        let ids = (AccountId::new(account).unwrap(), CanonicalId::new(canonical).unwrap());
        Request { account: Some(ids), ..self }
    }

    pub fn knowing(self, known: Known) -> Self {
        Request { known, ..self }
    }

    pub fn asked(&self) -> Asked<'_> {
        let who = match &self.account {
            None => Who::Anonymous,
            Some((id, canonical)) => Who::Account { id, canonical },
        };
        let (bucket, key) = (Some(&self.bucket), self.key.as_deref());
        Asked { who, action: self.action, bucket, key, facts: &self.known }
    }
}

pub fn bucket() -> BucketName {
    BucketName::new("myproject").unwrap()
}

/// A policy of one statement: Allow, everyone, everything in the bucket, but for what `change` sets.
pub fn statement(change: &Json) -> Json {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::myproject", "arn:aws:s3:::myproject/*"],
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Json::Null => drop(statement.as_object_mut().unwrap().remove(name)),
            value => statement[name] = value.clone(),
        }
    }
    statement
}

pub fn document(statements: &[Json]) -> Json {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

pub fn policy(statements: &[Json]) -> Policy {
    Policy::parse(&document(statements).to_string()).unwrap()
}

/// Whether a statement of this change applies: `yes`, `no`, or `?`, where it allows nothing and denies all the same.
pub fn applies(change: &Json, request: &Request) -> &'static str {
    let with = |effect: &str| {
        let mut statement = statement(change);
        statement["Effect"] = effect.into();
        policy(&[statement]).evaluate(&request.asked())
    };
    match (with("Allow"), with("Deny")) {
        (Outcome::Allowed(_), Outcome::Denied(at)) if !at.untold => "yes",
        (Outcome::Silent, Outcome::Denied(at)) if at.untold => "?",
        (Outcome::Silent, Outcome::Silent) => "no",
        other => panic!("{change} on {:?}: {other:?}", request.asked()),
    }
}
