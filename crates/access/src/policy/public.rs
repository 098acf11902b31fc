//! S3's meaning of "public" for a bucket policy (user guide, "Blocking public access").
//!
//! It looks at the text and not at what can happen: a policy that denies everyone again is public if one of its Allow
//! statements is.

use super::key::PRINCIPAL_ACCOUNT;
use super::{Condition, Effect, Named, Operands, Quantifier, Statement, Template};

/// Widest range of IPv4 addresses that is not public, by its prefix.
const IPV4_PREFIX: u8 = 8;
/// The same for IPv6.
const IPV6_PREFIX: u8 = 32;

pub(super) fn is_public(statement: &Statement) -> bool {
    let everyone = statement.principals().is_some_and(|principals| principals.named().contains(&Named::Everyone));
    statement.effect() == Effect::Allow && everyone && !statement.conditions().iter().any(confines)
}

/// Whether the condition lets in only fixed callers. It must ask that a value is there and is one of those named, so no
/// IfExists, no negation, and no ForAllValues, which hold without a value.
fn confines(condition: &Condition) -> bool {
    let operator = condition.operator();
    if operator.negated || operator.if_exists || operator.quantifier == Quantifier::ForAllValues {
        return false;
    }
    match (condition.key().spec().name, condition.operands()) {
        ("aws:SourceIp", Operands::Networks(networks)) => networks
            .iter()
            .all(|network| network.bits() >= if network.base().is_ipv4() { IPV4_PREFIX } else { IPV6_PREFIX }),
        (PRINCIPAL_ACCOUNT | "aws:PrincipalArn" | "aws:userid", Operands::Text(texts)) => texts.iter().all(is_fixed),
        ("aws:PrincipalArn", Operands::Arns(arns)) => arns.iter().all(|arn| arn.parts().iter().all(is_fixed)),
        _ => false,
    }
}

/// A star is no fixed value even where the operator takes it for a star: who wrote it meant more.
fn is_fixed(text: &Template) -> bool {
    text.fixed().is_some_and(|text| !text.contains(['*', '?']))
}
