//! A request, and what a policy says of it.

use std::fmt;
use std::net::IpAddr;
use std::ops::Not;

use model::{AccountId, Action, BucketName, CanonicalId, Timestamp};

use super::condition::{Decimal, Instant, Operands, truth_value};
use super::key::ConditionKey;
use super::operator::{Quantifier, Test};
use super::{ArnPattern, Condition, Effect, Policy, Statement};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// An unsigned request.
    Anonymous,
    /// An account, by both its names.
    Account {
        /// Its number.
        id: &'a AccountId,
        /// Its canonical user id.
        canonical: &'a CanonicalId,
    },
}

/// One value of a condition key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text. Read as what the operator compares, it must be that whole.
    Text(&'a str),
    /// A whole number; of a moment, its seconds since 1970.
    Number(i64),
    /// A truth value.
    Bool(bool),
    /// A moment.
    Moment(Timestamp),
    /// An address.
    Address(IpAddr),
}

/// The values that a request has of a condition key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// None. Several values of which there are none are the same.
    Absent,
    /// One.
    One(Value<'a>),
    /// Several. Where the key is declared to have one, that cannot be told.
    Many(&'a [Value<'a>]),
    /// Several: the keys of these pairs.
    Keys(&'a [(String, String)]),
}

impl<'a> Values<'a> {
    /// One text, or none.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Values::Absent, |text| Values::One(Value::Text(text)))
    }
}

/// What is known of a request beside who asks for what.
pub trait Facts {
    /// The request's values of the condition key of this name, in lower case: `aws:sourceip`,
    /// `s3:existingobjecttag/team`. Only declared keys ([`super::KEYS`]) are asked for, and never aws:PrincipalAccount,
    /// which is the caller's. Names that a caller chooses (headers, parameters) must not become names of keys.
    fn values(&self, key: &str) -> Values<'_>;
}

/// A request.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub who: Who<'a>,
    /// For what.
    pub action: Action,
    /// On or in which bucket; `None` is the service's own, for ListAllMyBuckets.
    pub bucket: Option<&'a BucketName>,
    /// On which object's key; `None` is the bucket itself.
    pub key: Option<&'a str>,
    /// What else is known.
    pub facts: &'a dyn Facts,
}

impl<'a> Asked<'a> {
    fn values(&self, key: &ConditionKey) -> Values<'a> {
        if key.is_principal_account() {
            return match self.who {
                Who::Anonymous => Values::Absent,
                Who::Account { id, .. } => Values::One(Value::Text(id.as_str())),
            };
        }
        self.facts.values(key.as_str())
    }

    /// What a variable stands for.
    pub(super) fn variable(&self, key: &ConditionKey) -> Option<&'a str> {
        match self.values(key) {
            Values::One(value) | Values::Many(&[value]) => text(value),
            Values::Absent | Values::Many(_) | Values::Keys(_) => None,
        }
    }
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {:?}/{:?} by {:?}", self.action.as_str(), self.bucket, self.key, self.who)
    }
}

/// Which statement settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementAt {
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Whether it could not be told to apply, and denies for that.
    pub untold: bool,
}

/// What a policy says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// No, by the first statement that denies.
    Denied(StatementAt),
    /// Yes, by the first statement that allows.
    Allowed(StatementAt),
    /// Neither.
    Silent,
}

/// Whether something holds; in this order, `and` is the least and `or` the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    No,
    Unknown,
    Yes,
}

impl Truth {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Truth::Yes } else { Truth::No }
    }

    pub(super) fn any(each: impl Iterator<Item = Truth>) -> Self {
        let mut most = Truth::No;
        for truth in each {
            most = most.max(truth);
            if most == Truth::Yes {
                break;
            }
        }
        most
    }

    fn all(each: impl Iterator<Item = Truth>) -> Self {
        !Truth::any(each.map(Truth::not))
    }
}

impl Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
            Truth::Yes => Truth::No,
        }
    }
}

/// How many keys of a policy are asked for only once.
const SEEN: usize = 8;

/// What was asked for already, by the slots that the policy gave its keys: many statements speak of the same few.
#[derive(Default)]
struct Seen<'a>([Option<Values<'a>>; SEEN]);

impl<'a> Seen<'a> {
    fn values(&mut self, asked: &Asked<'a>, condition: &Condition) -> Values<'a> {
        match self.0.get_mut(condition.slot()) {
            Some(seen) => *seen.get_or_insert_with(|| asked.values(condition.key())),
            None => asked.values(condition.key()),
        }
    }
}

impl Policy {
    /// What the policy says of a request. Allocates only where a policy variable or a wildcard in a bucket's name is met.
    pub fn evaluate(&self, asked: &Asked<'_>) -> Outcome {
        let mut outcome = Outcome::Silent;
        let mut seen = Seen::default();
        for (index, statement) in self.statements().iter().enumerate() {
            if statement.effect == Effect::Allow && outcome != Outcome::Silent {
                continue;
            }
            match (statement.effect, statement.applies(asked, &mut seen)) {
                (_, Truth::No) | (Effect::Allow, Truth::Unknown) => {}
                (Effect::Allow, Truth::Yes) => outcome = Outcome::Allowed(StatementAt { index, untold: false }),
                (Effect::Deny, truth) => {
                    return Outcome::Denied(StatementAt { index, untold: truth == Truth::Unknown });
                }
            }
        }
        outcome
    }
}

impl Statement {
    fn applies<'a>(&self, asked: &Asked<'a>, seen: &mut Seen<'a>) -> Truth {
        if !self.actions.cover(asked.action)
            || self.principals.as_ref().is_some_and(|principals| !principals.cover(asked.who))
        {
            return Truth::No;
        }
        // All must hold: what is quickly told goes first, as it is in `conditions`.
        let quick = self.conditions.partition_point(|condition| !condition.is_pattern());
        let (quick, patterns) = self.conditions.split_at(quick);
        let mut all = |conditions: &[Condition]| Truth::all(conditions.iter().map(|one| one.holds(asked, seen)));
        let mut truth = all(quick);
        if truth != Truth::No {
            truth = truth.min(self.resources.cover(asked));
        }
        if truth != Truth::No {
            truth = truth.min(all(patterns));
        }
        truth
    }
}

impl Condition {
    /// Whether it holds of a request; `None`: that cannot be told.
    pub fn told(&self, asked: &Asked<'_>) -> Option<bool> {
        match self.holds(asked, &mut Seen::default()) {
            Truth::Yes => Some(true),
            Truth::No => Some(false),
            Truth::Unknown => None,
        }
    }

    fn holds<'a>(&self, asked: &Asked<'a>, seen: &mut Seen<'a>) -> Truth {
        let operator = self.operator();
        let values = seen.values(asked, self);
        let absent = matches!(values, Values::Absent | Values::Many([]) | Values::Keys([]));
        if let (Test::Null, Operands::Bools(wanted)) = (operator.test, self.operands()) {
            return Truth::of(wanted.contains(&absent));
        }
        let keys;
        let values = match values {
            Values::Absent | Values::Many([]) | Values::Keys([]) => {
                return Truth::of(match operator.quantifier {
                    _ if operator.if_exists => true,
                    Quantifier::Single => operator.negated,
                    Quantifier::ForAllValues => true,
                    Quantifier::ForAnyValue => false,
                });
            }
            Values::One(value) => return self.passes(value, asked),
            Values::Many(many) => many,
            Values::Keys(pairs) => {
                keys = pairs.iter().map(|(key, _)| Value::Text(key)).collect::<Vec<_>>();
                &keys[..]
            }
        };
        let each = values.iter().map(|value| self.passes(*value, asked));
        match operator.quantifier {
            Quantifier::Single if values.len() > 1 => Truth::Unknown,
            Quantifier::Single | Quantifier::ForAnyValue => Truth::any(each),
            Quantifier::ForAllValues => Truth::all(each),
        }
    }

    /// Whether one value passes the operator.
    fn passes(&self, value: Value<'_>, asked: &Asked<'_>) -> Truth {
        let matches = self.matches(value, asked);
        if self.operator().negated { !matches } else { matches }
    }

    /// Whether one of the policy's values matches. What is not of the type that the operator compares cannot be told.
    fn matches(&self, value: Value<'_>, asked: &Asked<'_>) -> Truth {
        let test = self.operator().test;
        match (self.operands(), test) {
            (Operands::Text(patterns), _) => told(text(value), |text| {
                Truth::any(patterns.iter().map(|pattern| pattern.matches(text, &|key| asked.variable(key))))
            }),
            (Operands::Arns(patterns), _) => told(text(value).and_then(arn), |arn| {
                Truth::any(patterns.iter().map(|pattern| pattern.matches(&arn, asked)))
            }),
            (Operands::Numbers(numbers), Test::Numeric(order)) => {
                told(number(value), |value| Truth::of(numbers.iter().any(|number| order.holds(value, *number))))
            }
            (Operands::Instants(instants), Test::Date(order)) => {
                told(instant(value), |value| Truth::of(instants.iter().any(|instant| order.holds(value, *instant))))
            }
            (Operands::Bools(bools), _) => told(boolean(value), |value| Truth::of(bools.contains(&value))),
            (Operands::Bytes(bytes), _) => {
                told(text(value), |text| Truth::of(bytes.iter().any(|bytes| **bytes == *text.as_bytes())))
            }
            (Operands::Networks(networks), _) => {
                told(address(value), |address| Truth::of(networks.iter().any(|network| network.contains(address))))
            }
            // No operator is parsed with other operands than its own.
            (Operands::Numbers(_) | Operands::Instants(_), _) => Truth::Unknown,
        }
    }
}

impl ArnPattern {
    fn matches(&self, arn: &[&str; 6], asked: &Asked<'_>) -> Truth {
        let parts = self.parts().iter().zip(arn);
        Truth::all(parts.map(|(pattern, part)| pattern.matches(part, &|key| asked.variable(key))))
    }
}

fn told<T>(value: Option<T>, test: impl FnOnce(T) -> Truth) -> Truth {
    value.map_or(Truth::Unknown, test)
}

fn text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn number(value: Value<'_>) -> Option<Decimal> {
    match value {
        Value::Text(text) => Decimal::parse(text),
        Value::Number(number) => Some(Decimal::whole(number)),
        Value::Moment(moment) => i64::try_from(moment.seconds()).ok().map(Decimal::whole),
        Value::Bool(_) | Value::Address(_) => None,
    }
}

fn instant(value: Value<'_>) -> Option<Instant> {
    match value {
        Value::Text(text) => Instant::parse(text),
        Value::Number(seconds) => Some(Instant::from_seconds(seconds)),
        Value::Moment(moment) => Some(moment.into()),
        Value::Bool(_) | Value::Address(_) => None,
    }
}

fn boolean(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(value),
        Value::Text(text) => truth_value(text),
        _ => None,
    }
}

/// An IPv4 address that came as IPv6 is an IPv4 address.
fn address(value: Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Address(address) => Some(address.to_canonical()),
        Value::Text(text) => text.parse::<IpAddr>().ok().map(|address| address.to_canonical()),
        _ => None,
    }
}

/// The six parts of an ARN.
fn arn(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let parts = [(); 6].map(|()| parts.next());
    let all = parts.iter().all(Option::is_some) && parts[0] == Some("arn");
    all.then(|| parts.map(Option::unwrap_or_default))
}
