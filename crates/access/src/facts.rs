//! What a policy's conditions are told of a request: what the question and the records themselves say comes from there, so
//! that no header can say it otherwise; the rest comes from whoever read the request.

use std::cell::OnceCell;

use model::Principal;

use crate::policy::{Facts, Value, Values};
use crate::{Evidence, Question, Resource};

/// Nothing is known of the request beside what is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl Facts for NoFacts {
    fn values(&self, _key: &str) -> Values<'_> {
        Values::Absent
    }
}

/// The facts of a question and its evidence, in front of those of the request.
pub(crate) struct Known<'a> {
    question: &'a Question<'a>,
    evidence: &'a Evidence<'a>,
    arn: OnceCell<String>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(question: &'a Question<'a>, evidence: &'a Evidence<'a>) -> Self {
        Known { question, evidence, arn: OnceCell::new() }
    }
}

impl Facts for Known<'_> {
    fn values(&self, key: &str) -> Values<'_> {
        let account = self.question.principal.account();
        match key {
            "aws:sourceip" => {
                self.question.source.map_or(Values::Absent, |address| Values::One(Value::Address(address)))
            }
            "aws:currenttime" | "aws:epochtime" => Values::One(Value::Moment(self.question.at)),
            "aws:userid" => Values::text(account.map(|account| account.id.as_str())),
            "aws:username" => Values::text(account.map(|account| account.email.as_str())),
            "aws:principalarn" => match self.question.principal {
                Principal::Anonymous => Values::Absent,
                Principal::Key { account, .. } => {
                    let arn = self.arn.get_or_init(|| format!("arn:aws:iam::{}:root", account.id));
                    Values::text(Some(arn))
                }
            },
            "s3:resourceaccount" => Values::text(self.evidence.bucket.map(|bucket| bucket.owner.as_str())),
            "s3:versionid" => match self.question.resource {
                Resource::Object { version, .. } => Values::text(version.map(|version| version.as_str())),
                Resource::Service | Resource::Bucket(_) => Values::Absent,
            },
            key => match key.strip_prefix("s3:existingobjecttag/") {
                None => self.question.facts.values(key),
                Some(tag) => {
                    let tags = self.evidence.object.map(|object| object.tags).unwrap_or_default();
                    let value = tags.iter().find(|(name, _)| name.to_lowercase() == tag);
                    Values::text(value.map(|(_, value)| value.as_str()))
                }
            },
        }
    }
}
