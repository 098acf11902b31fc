//! One condition: an operator, a key, and what the policy compares its values with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use model::{Network, Timestamp};

use super::PolicyError;
use super::json::Json;
use super::key::ConditionKey;
use super::operator::{Operator, Quantifier, Test};
use super::pattern::{Part, Syntax, Template};

/// An exact decimal number of at most 18 digits before the point and 9 after it, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    const ONE: i128 = 1_000_000_000;

    /// A whole number.
    pub fn whole(number: i64) -> Self {
        Decimal(i128::from(number) * Decimal::ONE)
    }

    /// From digits with at most one point and a sign before them.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let ok = |digits: &str, most| (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !ok(whole, 18) || !ok(fraction, 9) {
            return None;
        }
        let units = whole.parse::<i128>().ok()? * Decimal::ONE + format!("{fraction:0<9}").parse::<i128>().ok()?;
        Some(Decimal(if negative { -units } else { units }))
    }

    /// In billionths.
    pub fn billionths(self) -> i128 {
        self.0
    }
}

/// A moment as policies write it, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i128);

impl Instant {
    /// From seconds since 1970.
    pub fn from_seconds(seconds: i64) -> Self {
        Instant(i128::from(seconds) * 1_000_000_000)
    }

    /// From ISO 8601 (`2026-01-31`, `2026-01-31T12:00Z`, `2026-01-31T12:00:00.5+02:00`; a day is its first moment in
    /// UTC), or seconds since 1970.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().ok().map(Instant::from_seconds);
        }
        // The forms of the W3C note that AWS refers to, and no other of those that the library would read.
        let form = text.as_bytes();
        if form.len() < 10 || form[4] != b'-' || form[7] != b'-' || !form[0].is_ascii_digit() {
            return None;
        }
        if form.len() == 10 {
            let day: civil::Date = text.parse().ok()?;
            let days = i128::from(civil::date(1970, 1, 1).until(day).ok()?.get_days());
            return Some(Instant(days * 86_400 * 1_000_000_000));
        }
        if form[10] != b'T' || text.contains('[') {
            return None;
        }
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Instant(moment.as_nanosecond()))
    }

    /// In nanoseconds since 1970.
    pub fn nanoseconds(self) -> i128 {
        self.0
    }
}

impl From<Timestamp> for Instant {
    fn from(moment: Timestamp) -> Self {
        Instant(i128::from(moment.millis()) * 1_000_000)
    }
}

/// An ARN with wildcards: its six parts are matched one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct ArnPattern([Template; 6]);

impl ArnPattern {
    /// The patterns of `arn`, partition, service, region, account, and the rest, which may hold colons.
    pub fn parts(&self) -> &[Template; 6] {
        &self.0
    }

    fn parse(text: &str, variables: bool) -> Result<Self, String> {
        let whole = Template::parse(text, Syntax { variables, wildcards: true, fold: false })?;
        let mut parts: Vec<Vec<Part>> = vec![Vec::new()];
        for part in whole.parts() {
            match part {
                Part::Text(text) => {
                    let mut rest = &**text;
                    while parts.len() < 6
                        && let Some((before, after)) = rest.split_once(':')
                    {
                        push(&mut parts, before);
                        parts.push(Vec::new());
                        rest = after;
                    }
                    push(&mut parts, rest);
                }
                other => parts.last_mut().expect("never empty").push(other.clone()),
            }
        }
        let parts: Vec<_> = parts.into_iter().map(|parts| Template::new(parts, false)).collect();
        match <[Template; 6]>::try_from(parts) {
            Ok(parts) if parts[0].fixed() == Some("arn") => Ok(ArnPattern(parts)),
            _ => Err(format!("{text:?} is not an ARN: write arn: and five more parts with colons between them")),
        }
    }
}

fn push(parts: &mut [Vec<Part>], text: &str) {
    if let (Some(last), false) = (parts.last_mut(), text.is_empty()) {
        last.push(Part::Text(text.into()));
    }
}

/// What the policy compares with: any of these, or, where the operator is negated, none of them. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Operands {
    /// Of String….
    Text(Box<[Template]>),
    /// Of Numeric….
    Numbers(Box<[Decimal]>),
    /// Of Date….
    Instants(Box<[Instant]>),
    /// Of Bool; of Null, whether the key is absent.
    Bools(Box<[bool]>),
    /// Of BinaryEquals.
    Bytes(Box<[Box<[u8]>]>),
    /// Of IpAddress and NotIpAddress. IPv4 addresses that are written as IPv6 are here as IPv4.
    Networks(Box<[Network]>),
    /// Of Arn….
    Arns(Box<[ArnPattern]>),
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    operator: Operator,
    key: ConditionKey,
    operands: Operands,
    /// Its key's place among the keys of the policy.
    slot: usize,
}

impl Condition {
    /// How it compares.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Which of the request's values.
    pub fn key(&self) -> &ConditionKey {
        &self.key
    }

    /// With what.
    pub fn operands(&self) -> &Operands {
        &self.operands
    }

    /// Its key's place among the keys of the policy.
    pub(super) fn slot(&self) -> usize {
        self.slot
    }

    /// Takes its key's place among `keys`, a new one at the end if need be.
    pub(super) fn settle(&mut self, keys: &mut Vec<ConditionKey>) {
        let known = keys.iter().position(|key| *key == self.key);
        self.slot = known.unwrap_or_else(|| {
            keys.push(self.key.clone());
            keys.len() - 1
        });
    }

    /// Whether texts must be matched to tell it.
    pub(super) fn is_pattern(&self) -> bool {
        matches!(self.operands, Operands::Text(_) | Operands::Arns(_))
    }

    pub(super) fn parse(
        operator: &str,
        key: &str,
        values: &Json,
        path: &str,
        variables: bool,
    ) -> Result<Self, PolicyError> {
        let bad = |message: String| Err(PolicyError::new(path, message));
        let Some(parsed) = Operator::parse(operator) else {
            return bad(format!("Invalid Condition type: there is no operator {operator:?}"));
        };
        let (operator, spelled) = (parsed, key);
        let Some(key) = ConditionKey::parse(spelled) else {
            return bad(format!("Policy has an invalid condition key: {spelled:?} is none that Bailiwick knows"));
        };
        if !operator.compares(key.spec().kind) {
            return bad(format!("{operator} does not compare such values: {} is {}", key.spelled(), is(&key)));
        }
        if key.spec().many && operator.quantifier == Quantifier::Single && operator.test != Test::Null {
            return bad(format!("may have several values: write ForAllValues:{operator} or ForAnyValue:{operator}"));
        }
        let values = values.one_or_more(path)?;
        let operands = operands(operator, &values, variables)?;
        Ok(Condition { operator, key, operands, slot: 0 })
    }
}

/// What a key is, and what compares it.
fn is(key: &ConditionKey) -> &'static str {
    use super::key::KeyKind;
    match key.spec().kind {
        KeyKind::Text | KeyKind::Tag => "text, for StringEquals and StringLike",
        KeyKind::Number => "a number, for NumericEquals and its like",
        KeyKind::Moment => "a moment, for DateLessThan and its like",
        KeyKind::Epoch => "a moment, for DateLessThan, NumericLessThan and their like",
        KeyKind::Bool => "true or false, for Bool",
        KeyKind::Address => "an address, for IpAddress and NotIpAddress",
        KeyKind::Arn => "an ARN, for ArnLike and StringLike",
    }
}

fn operands(operator: Operator, values: &[(String, &Json)], variables: bool) -> Result<Operands, PolicyError> {
    let text = |wildcards, fold| {
        each(values, |text| Template::parse(text, Syntax { variables, wildcards, fold })).map(Operands::Text)
    };
    match operator.test {
        Test::StringEquals => text(false, false),
        Test::StringEqualsIgnoreCase => text(false, true),
        Test::StringLike => text(true, false),
        Test::Numeric(_) => each(values, |text| {
            Decimal::parse(text)
                .ok_or_else(|| format!("{text:?} is not a number of at most 18 digits before the point and 9 after it"))
        })
        .map(Operands::Numbers),
        Test::Date(_) => each(values, |text| {
            Instant::parse(text)
                .ok_or_else(|| format!("{text:?} is not a date as 2026-01-31T12:00:00Z, or seconds since 1970"))
        })
        .map(Operands::Instants),
        Test::Bool | Test::Null => {
            each(values, |text| truth_value(text).ok_or_else(|| format!("{text:?} is neither true nor false")))
                .map(Operands::Bools)
        }
        Test::Binary => {
            each(values, |text| STANDARD.decode(text).map(Into::into).map_err(|_| format!("{text:?} is not base64")))
                .map(Operands::Bytes)
        }
        Test::IpAddress => {
            each(values, |text| Network::parse(text).map_err(|invalid| invalid.to_string())).map(Operands::Networks)
        }
        Test::Arn => each(values, |text| ArnPattern::parse(text, variables)).map(Operands::Arns),
    }
}

fn each<T>(values: &[(String, &Json)], read: impl Fn(&str) -> Result<T, String>) -> Result<Box<[T]>, PolicyError> {
    let each = values.iter().map(|(path, json)| {
        let text = match json {
            Json::Text(text) | Json::Number(text) => text,
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            other => {
                let message = format!("must be a string, a number, true or false, and is {}", other.kind());
                return Err(PolicyError::new(path, message));
            }
        };
        read(text).map_err(|message| PolicyError::new(path, message))
    });
    each.collect()
}

/// `true` or `false` in whatever case.
pub(super) fn truth_value(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
