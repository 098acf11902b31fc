//! What policies' statements say of keys and conditions, read for all requests instead of one.

use std::fmt::Write;

use model::{AccountId, Action, BucketName, CanonicalId, Principal};

use super::pattern::{Pattern, Piece};
use crate::policy::{
    Condition, Effect, Operands, Part, Policy, Quantifier, ResourcePattern, Statement, Template, Test, Variable, Who,
};

/// Who asks, as policies see it.
pub(super) fn who(principal: &Principal) -> Who<'_> {
    match principal {
        Principal::Anonymous => Who::Anonymous,
        Principal::Key { account, .. } => Who::Account { id: &account.id, canonical: &account.canonical_id },
    }
}

/// Condition keys whose value is known from who asks and of which bucket, so that nothing can be chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed<'a> {
    pub(super) account: Option<(&'a AccountId, &'a CanonicalId, &'a str)>,
    pub(super) resource_account: Option<&'a AccountId>,
}

impl<'a> Fixed<'a> {
    pub(super) fn new(principal: &'a Principal, resource_account: Option<&'a AccountId>) -> Self {
        let account = principal.account().map(|a| (&a.id, &a.canonical_id, a.email.as_str()));
        Fixed { account, resource_account }
    }

    /// `None`: a request may choose it. `Some(None)`: no request has it.
    pub(super) fn value(&self, key: &str) -> Option<Option<String>> {
        match key {
            "aws:userid" | "aws:principalaccount" => Some(self.account.map(|(id, ..)| id.to_string())),
            "aws:username" => Some(self.account.map(|(.., email)| email.to_owned())),
            "aws:principalarn" => Some(self.account.map(|(id, ..)| format!("arn:aws:iam::{id}:root"))),
            "s3:resourceaccount" => Some(self.resource_account.map(|id| id.to_string())),
            _ => None,
        }
    }
}

/// A template as a pattern, and whether it is exactly that: a variable that a request chooses is taken for any text.
pub(super) fn pattern(template: &Template, fixed: &Fixed<'_>) -> (Pattern, bool) {
    let mut exact = !template.ignores_case();
    let mut pieces = vec![];
    for part in template.parts() {
        match part {
            Part::Text(text) => pieces.extend(text.chars().map(Piece::Char)),
            Part::AnyText => pieces.push(Piece::Many),
            Part::AnyChar => pieces.push(Piece::One),
            Part::Variable(variable) => match fixed.value(variable.key().as_str()) {
                Some(value) => match value.as_deref().or(variable.default()) {
                    Some(text) => pieces.extend(text.chars().map(Piece::Char)),
                    None => pieces.push(Piece::Many),
                },
                None => {
                    exact = false;
                    pieces.push(Piece::Many);
                }
            },
        }
    }
    (pieces.into_iter().collect(), exact)
}

/// One statement of a policy, as far as it is about this caller in this bucket.
pub(super) struct Relevant<'a> {
    pub(super) index: usize,
    pub(super) statement: &'a Statement,
    /// The keys that its resources name, whether or not they are negated.
    pub(super) keys: Vec<Pattern>,
    /// Those of them that the request has a part in, with the variables that it fills.
    chosen: Vec<(Pattern, Vec<&'a Variable>)>,
    /// Whether its resources name the bucket itself, and whether surely: a request may choose it.
    bucket: Option<bool>,
    /// Whether what it says can be asked key by key and value by value.
    pub(super) exact: bool,
}

impl Relevant<'_> {
    pub(super) fn is_allow(&self) -> bool {
        self.statement.effect() == Effect::Allow
    }

    pub(super) fn is_about(&self, action: Action) -> bool {
        self.statement.actions().cover(action)
    }

    /// Whether its resources may cover `key`, or the bucket itself; exactly, where it is `exact`. Where a request chooses
    /// what they name, that may be none of it.
    pub(super) fn may_cover(&self, key: Option<&str>) -> bool {
        let negated = self.statement.resources().negated();
        let named = match key {
            None if negated => self.bucket == Some(true),
            None => self.bucket.is_some(),
            Some(key) => {
                let chosen = |pattern| negated && self.chosen.iter().any(|(chosen, _)| chosen == pattern);
                self.keys.iter().any(|pattern| pattern.matches(key) && !chosen(pattern))
            }
        };
        named != negated
    }

    /// Whether it may tell `key` from others of the same patterns, where the request has values of what `has` says so.
    pub(super) fn tells_more(&self, key: &str, has: impl Fn(&str) -> bool) -> bool {
        let filled = |variable: &&Variable| variable.default().is_some() || has(variable.key().as_str());
        self.chosen.iter().any(|(pattern, variables)| variables.iter().any(filled) && pattern.matches(key))
    }

    /// Whether it denies every such request, whatever else the request says.
    pub(super) fn surely_denies(&self, action: Action, key: Option<&str>) -> bool {
        !self.is_allow()
            && self.exact
            && self.is_about(action)
            && self.statement.conditions().is_empty()
            && self.may_cover(key)
    }
}

/// The statements of `policy` that are about `who`, read for `bucket`.
pub(super) fn relevant<'a>(
    policy: &'a Policy,
    who: Who<'_>,
    bucket: Option<&BucketName>,
    fixed: &Fixed<'_>,
) -> Vec<Relevant<'a>> {
    let about = |statement: &&Statement| statement.principals().is_none_or(|principals| principals.cover(who));
    let statements = policy.statements().iter().enumerate().filter(|(_, statement)| about(statement));
    statements
        .map(|(index, statement)| {
            let mut all = Relevant { index, statement, keys: vec![], chosen: vec![], bucket: None, exact: true };
            for resource in statement.resources().patterns() {
                all.read(resource, bucket, fixed);
            }
            all.exact &= statement.conditions().iter().all(|condition| is_exact(condition, fixed));
            all
        })
        .collect()
}

impl<'a> Relevant<'a> {
    fn read(&mut self, resource: &'a ResourcePattern, bucket: Option<&BucketName>, fixed: &Fixed<'_>) {
        let (pattern, exact) = pattern(resource.template(), fixed);
        let names_it = |name: &str| pattern.matches(name).then_some(exact);
        let Some(bucket) = bucket else {
            // The service's own: a resource that names no bucket.
            self.exact &= names_it("") != Some(false);
            self.bucket = self.bucket.max(names_it(""));
            return;
        };
        let names_bucket = names_it(bucket.as_str());
        self.bucket = self.bucket.max(names_bucket);
        let keys = pattern.after(&format!("{bucket}/"));
        self.exact &= exact || keys.is_empty() && names_bucket.is_none();
        let variables = resource.template().parts().iter().filter_map(|part| match part {
            Part::Variable(variable) if fixed.value(variable.key().as_str()).is_none() => Some(variable),
            _ => None,
        });
        let variables: Vec<&Variable> = variables.collect();
        if !variables.is_empty() {
            self.chosen.extend(keys.iter().map(|pattern| (pattern.clone(), variables.clone())));
        }
        self.keys.extend(keys);
    }
}

/// Whether trying one value of each kind that the condition tells apart settles it.
fn is_exact(condition: &Condition, fixed: &Fixed<'_>) -> bool {
    let is_fixed = fixed.value(condition.key().as_str()).is_some();
    let single = condition.operator().quantifier == Quantifier::Single && !condition.key().spec().many;
    match condition.operands() {
        _ if is_fixed => true,
        Operands::Text(texts) => single && texts.iter().all(|text| pattern(text, fixed).1),
        Operands::Arns(_) | Operands::Bytes(_) => false,
        Operands::Numbers(_) | Operands::Instants(_) | Operands::Bools(_) | Operands::Networks(_) => {
            single || condition.operator().test == Test::Null
        }
    }
}

/// A condition in words.
pub(super) fn words(condition: &Condition) -> String {
    let list = |values: Vec<String>| values.join(", ");
    let operator = condition.operator();
    let values = match condition.operands() {
        Operands::Text(texts) => list(texts.iter().map(text).collect()),
        Operands::Numbers(numbers) => list(numbers.iter().map(|number| decimal(number.billionths())).collect()),
        Operands::Instants(instants) => list(instants.iter().map(|instant| moment(instant.nanoseconds())).collect()),
        Operands::Bools(bools) => list(bools.iter().map(bool::to_string).collect()),
        Operands::Bytes(bytes) => list(bytes.iter().map(|bytes| bytes.escape_ascii().to_string()).collect()),
        Operands::Networks(networks) => list(networks.iter().map(ToString::to_string).collect()),
        Operands::Arns(arns) => {
            list(arns.iter().map(|arn| arn.parts().iter().map(text).collect::<Vec<_>>().join(":")).collect())
        }
    };
    format!("{operator} {} {values}", condition.key().spelled())
}

/// All conditions of a statement in words; `always` where there are none.
pub(super) fn all_words(statement: &Statement) -> String {
    let each: Vec<String> = statement.conditions().iter().map(words).collect();
    if each.is_empty() { "always".to_owned() } else { each.join(" and ") }
}

/// A statement by its place and name.
pub(super) fn named(index: usize, statement: &Statement) -> String {
    match statement.sid() {
        Some(sid) => format!("statement {} ({sid})", index + 1),
        None => format!("statement {}", index + 1),
    }
}

fn text(template: &Template) -> String {
    let mut all = String::new();
    for part in template.parts() {
        match part {
            Part::Text(text) => all.push_str(text),
            Part::AnyText => all.push('*'),
            Part::AnyChar => all.push('?'),
            Part::Variable(variable) => {
                let _ = write!(all, "${{{}}}", variable.key().spelled());
            }
        }
    }
    if all.is_empty() || all.contains([' ', ',']) { format!("{all:?}") } else { all }
}

pub(super) fn decimal(billionths: i128) -> String {
    let (sign, units) = if billionths < 0 { ("-", -billionths) } else { ("", billionths) };
    let text = format!("{sign}{}.{:09}", units / 1_000_000_000, units % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn moment(nanoseconds: i128) -> String {
    jiff::Timestamp::from_nanosecond(nanoseconds)
        .map_or_else(|_| "a moment beyond the calendar".to_owned(), |at| at.to_string())
}
