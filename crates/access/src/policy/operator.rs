//! The condition operators.

use std::fmt;

use super::key::KeyKind;

/// How two numbers or moments are compared: the request's on the left, the policy's on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Equal.
    Equals,
    /// Less, or before.
    LessThan,
    /// Less or equal.
    LessThanEquals,
    /// Greater, or after.
    GreaterThan,
    /// Greater or equal.
    GreaterThanEquals,
}

impl Order {
    /// Whether `left` stands in this order to `right`.
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Order::Equals => left == right,
            Order::LessThan => left < right,
            Order::LessThanEquals => left <= right,
            Order::GreaterThan => left > right,
            Order::GreaterThanEquals => left >= right,
        }
    }
}

/// What an operator asks of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// The same text.
    StringEquals,
    /// The same text but for case.
    StringEqualsIgnoreCase,
    /// Text of a pattern.
    StringLike,
    /// A number in this order.
    Numeric(Order),
    /// A moment in this order.
    Date(Order),
    /// The same truth value.
    Bool,
    /// The same bytes.
    Binary,
    /// An address of a range.
    IpAddress,
    /// An ARN of a pattern, part by part. ArnEquals and ArnLike are one, as AWS documents.
    Arn,
    /// Whether there is a value.
    Null,
}

/// How the values of a request are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// There is at most one.
    Single,
    /// All must pass; none is all.
    ForAllValues,
    /// One must pass.
    ForAnyValue,
}

/// A condition operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// What it asks of one value.
    pub test: Test,
    /// Whether it asks that no value of the policy passes, instead of one.
    pub negated: bool,
    /// How the values of a request are taken together.
    pub quantifier: Quantifier,
    /// Whether it holds where the request has no value.
    pub if_exists: bool,
    name: &'static str,
}

/// Name, test, negated.
const OPERATORS: &[(&str, Test, bool)] = &[
    ("StringEquals", Test::StringEquals, false),
    ("StringNotEquals", Test::StringEquals, true),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::Numeric(Order::Equals), false),
    ("NumericNotEquals", Test::Numeric(Order::Equals), true),
    ("NumericLessThan", Test::Numeric(Order::LessThan), false),
    ("NumericLessThanEquals", Test::Numeric(Order::LessThanEquals), false),
    ("NumericGreaterThan", Test::Numeric(Order::GreaterThan), false),
    ("NumericGreaterThanEquals", Test::Numeric(Order::GreaterThanEquals), false),
    ("DateEquals", Test::Date(Order::Equals), false),
    ("DateNotEquals", Test::Date(Order::Equals), true),
    ("DateLessThan", Test::Date(Order::LessThan), false),
    ("DateLessThanEquals", Test::Date(Order::LessThanEquals), false),
    ("DateGreaterThan", Test::Date(Order::GreaterThan), false),
    ("DateGreaterThanEquals", Test::Date(Order::GreaterThanEquals), false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::Binary, false),
    ("IpAddress", Test::IpAddress, false),
    ("NotIpAddress", Test::IpAddress, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnLike", Test::Arn, false),
    ("ArnNotLike", Test::Arn, true),
    ("Null", Test::Null, false),
];

impl Operator {
    /// From its name; `None` if there is no such operator.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return None,
            None => (Quantifier::Single, name),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (name, test, negated) = *OPERATORS.iter().find(|(name, ..)| *name == base)?;
        if test == Test::Null && (if_exists || quantifier != Quantifier::Single) {
            return None;
        }
        Some(Operator { test, negated, quantifier, if_exists, name })
    }

    /// Whether it compares what such keys have.
    pub(super) fn compares(&self, kind: KeyKind) -> bool {
        match self.test {
            Test::Null => true,
            _ if kind == KeyKind::Tag => true,
            Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => {
                matches!(kind, KeyKind::Text | KeyKind::Arn)
            }
            Test::Numeric(_) => matches!(kind, KeyKind::Number | KeyKind::Epoch),
            Test::Date(_) => matches!(kind, KeyKind::Moment | KeyKind::Epoch),
            Test::Bool => kind == KeyKind::Bool,
            Test::Binary => kind == KeyKind::Text,
            Test::IpAddress => kind == KeyKind::Address,
            Test::Arn => kind == KeyKind::Arn,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Quantifier::Single => {}
            Quantifier::ForAllValues => f.write_str("ForAllValues:")?,
            Quantifier::ForAnyValue => f.write_str("ForAnyValue:")?,
        }
        f.write_str(self.name)?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}
