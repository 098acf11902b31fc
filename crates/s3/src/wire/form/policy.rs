//! The policy of a form (S3 API reference, "POST Policy"): until when it holds, and what the form may say.
//!
//! Default deny: a field that no condition speaks of, or a condition that speaks of a field which is not there, and the
//! form is refused. The document is read strictly, because whoever signs one and whoever enforces it must read the same.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{BucketName, Timestamp};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Form;
use crate::error::{Code, S3Error};

/// How many bytes a form's file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    least: u64,
    most: u64,
}

impl Default for Sizes {
    /// Any number; the store has a limit of its own.
    fn default() -> Self {
        Sizes { least: 0, most: u64::MAX }
    }
}

impl Sizes {
    /// Refuses a file of more than the most, of which `len` bytes came so far.
    pub(super) fn check_most(self, len: u64) -> Result<(), S3Error> {
        if len <= self.most {
            return Ok(());
        }
        Err(S3Error::new(Code::EntityTooLarge)
            .with_detail("ProposedSize", len.to_string())
            .with_detail("MaxSizeAllowed", self.most.to_string()))
    }

    /// Refuses a file of `len` bytes in all, if that is less than the least.
    pub(super) fn check_least(self, len: u64) -> Result<(), S3Error> {
        if len >= self.least {
            return Ok(());
        }
        Err(S3Error::new(Code::EntityTooSmall)
            .with_detail("ProposedSize", len.to_string())
            .with_detail("MinSizeAllowed", self.least.to_string()))
    }
}

/// What a field must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Eq,
    StartsWith,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    operator: Operator,
    /// In lower case, without `$`.
    field: String,
    value: String,
}

/// As S3 repeats it to whom it refuses.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            Operator::Eq => "eq",
            Operator::StartsWith => "starts-with",
        };
        write!(f, "[\"{operator}\", \"${}\", \"{}\"]", self.field, self.value)
    }
}

/// A policy that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    expires: Timestamp,
    conditions: Vec<Condition>,
    sizes: Sizes,
}

fn invalid(message: impl fmt::Display) -> S3Error {
    S3Error::with_message(Code::InvalidPolicyDocument, format!("Invalid Policy: {message}"))
}

fn against(message: impl fmt::Display) -> S3Error {
    S3Error::with_message(Code::AccessDenied, format!("Invalid according to Policy: {message}"))
}

impl Policy {
    /// Reads a policy from the field that holds it.
    ///
    /// # Errors
    /// InvalidPolicyDocument.
    pub(crate) fn parse(field: &str) -> Result<Self, S3Error> {
        let document = STANDARD.decode(field).map_err(|_| invalid("It is not encoded in base64."))?;
        let document = String::from_utf8(document).map_err(|_| invalid("It is not valid UTF-8."))?;
        let Json::Map(members) = serde_json::from_str(&unescape(&document)).map_err(|error| {
            // The place and the kind of error; of the text only what the caller sent itself.
            invalid(format_args!("Invalid JSON: {error}."))
        })?
        else {
            return Err(invalid("It is not a JSON object."));
        };
        let (mut expires, mut conditions) = (None, None);
        for (name, value) in members {
            match name.as_str() {
                "expiration" => expires = Some(expiration(&value)?),
                "conditions" => conditions = Some(value),
                _ => return Err(invalid(format_args!("Unexpected: '{name}'."))),
            }
        }
        let expires = expires.ok_or_else(|| invalid("Policy missing expiration."))?;
        let Some(Json::List(listed)) = conditions else { return Err(invalid("Policy missing conditions.")) };
        let mut policy = Policy { expires, conditions: vec![], sizes: Sizes::default() };
        for condition in listed {
            policy.add(condition)?;
        }
        Ok(policy)
    }

    fn add(&mut self, condition: Json) -> Result<(), S3Error> {
        let simple = || invalid("Simple-Conditions must have exactly one property specified, whose value is a text.");
        match condition {
            Json::Map(mut members) => match (members.pop(), members.pop()) {
                (Some((field, Json::Text(value))), None) => {
                    self.conditions.push(Condition {
                        operator: Operator::Eq,
                        field: field.to_ascii_lowercase(),
                        value,
                    });
                    Ok(())
                }
                _ => Err(simple()),
            },
            Json::List(items) => match <[Json; 3]>::try_from(items) {
                Ok([Json::Text(operator), first, second]) => self.add_list(&operator, first, second),
                _ => Err(invalid("A condition must be a list of an operator and two arguments, or an object.")),
            },
            _ => Err(invalid("A condition must be a list or an object.")),
        }
    }

    fn add_list(&mut self, operator: &str, first: Json, second: Json) -> Result<(), S3Error> {
        if operator.eq_ignore_ascii_case("content-length-range") {
            let (Some(least), Some(most)) = (first.number(), second.number()) else {
                return Err(invalid("content-length-range takes two numbers of bytes."));
            };
            if least > most {
                return Err(invalid("content-length-range begins after its end."));
            }
            // All conditions must hold.
            self.sizes = Sizes { least: self.sizes.least.max(least), most: self.sizes.most.min(most) };
            return Ok(());
        }
        let operator = match operator {
            _ if operator.eq_ignore_ascii_case("eq") => Operator::Eq,
            _ if operator.eq_ignore_ascii_case("starts-with") => Operator::StartsWith,
            _ => return Err(invalid(format_args!("Unknown operator: '{operator}'."))),
        };
        match (first, second) {
            (Json::Text(field), Json::Text(value)) if field.len() > 1 && field.starts_with('$') => {
                self.conditions.push(Condition { operator, field: field[1..].to_ascii_lowercase(), value });
                Ok(())
            }
            _ => Err(invalid("A condition names a field, beginning with $, and a text.")),
        }
    }

    /// Checks a form that is sent to `bucket` at `now`; tells how many bytes its file may have.
    ///
    /// # Errors
    /// AccessDenied.
    pub(crate) fn check(&self, form: &Form, bucket: &BucketName, now: Timestamp) -> Result<Sizes, S3Error> {
        if now.millis() > self.expires.millis() {
            return Err(against("Policy expired."));
        }
        for condition in &self.conditions {
            // The bucket is the URL's, whatever a field says.
            let value = if condition.field == "bucket" { Some(bucket.as_str()) } else { form.get(&condition.field) };
            if !value.is_some_and(|value| condition.holds(value)) {
                return Err(against(format_args!("Policy Condition failed: {condition}")));
            }
        }
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.field == name);
        let others = form.to_be_covered().chain(["bucket", "key"]);
        let mut extra: Vec<&str> = others.filter(|name| !covered(name)).collect();
        if extra.is_empty() {
            return Ok(self.sizes);
        }
        extra.sort_unstable();
        extra.dedup();
        Err(against(format_args!("Extra input fields: {}", extra.join(", "))))
    }
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        match self.operator {
            Operator::Eq => value == self.value,
            // S3 reads several types as a list, of which each must do.
            Operator::StartsWith if self.field == "content-type" => {
                value.split(',').all(|one| one.trim_start().starts_with(&self.value))
            }
            Operator::StartsWith => value.starts_with(&self.value),
        }
    }
}

fn expiration(value: &Json) -> Result<Timestamp, S3Error> {
    let wrong = || invalid("Invalid 'expiration' value: it must be a date such as 2030-01-31T12:00:00.000Z.");
    let Json::Text(text) = value else { return Err(wrong()) };
    let at = text.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
    // What was before 1970 has expired.
    Ok(Timestamp::from_millis(u64::try_from(at.as_millisecond()).unwrap_or(0)))
}

/// Makes JSON of what S3 takes for JSON: beside JSON's escapes, its documents have `\$` and `\v`.
fn unescape(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut characters = document.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some('$') => out.push('$'),
            Some('v') => out.push_str("\\u000b"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// JSON, as far as policies need it; an object that names a member twice is none.
#[derive(Debug)]
enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
    /// What no policy has a use for.
    Other,
}

impl Json {
    fn number(&self) -> Option<u64> {
        match self {
            Json::Number(number) => Some(*number),
            Json::Text(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = vec![];
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map: Vec<(String, Json)> = vec![];
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if map.iter().any(|(earlier, _)| *earlier == name) {
                return Err(A::Error::custom(format_args!("'{name}' occurs twice")));
            }
            map.push((name, value));
        }
        Ok(Json::Map(map))
    }
}
