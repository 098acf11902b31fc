//! A second opinion on policies, from the IAM user guide's pages on policy elements, condition operators and set
//! operators: it reads the document anew for each request, and is as slow and plain as can be.
//!
//! `Some(true)`, `Some(false)`, or `None` for what cannot be told.

use access::policy::{Asked, Value, Values, Who};
use jiff::Timestamp;
use serde_json::Value as Json;

/// What is said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Denied,
    Allowed,
    Nothing,
}

pub fn evaluate(document: &Json, asked: &Asked<'_>) -> Said {
    let variables = document.get("Version") == Some(&Json::from("2012-10-17"));
    let statements = list(&document["Statement"]);
    let applies = |effect: &str| {
        let of_effect = statements.iter().filter(|statement| statement["Effect"] == effect);
        of_effect.map(|statement| applies(statement, asked, variables)).collect::<Vec<_>>()
    };
    if applies("Deny").iter().any(|applies| *applies != Some(false)) {
        Said::Denied
    } else if applies("Allow").contains(&Some(true)) {
        Said::Allowed
    } else {
        Said::Nothing
    }
}

fn list(json: &Json) -> Vec<&Json> {
    match json {
        Json::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

fn or(each: Vec<Option<bool>>) -> Option<bool> {
    if each.contains(&Some(true)) {
        Some(true)
    } else if each.contains(&None) {
        None
    } else {
        Some(false)
    }
}

fn not(truth: Option<bool>) -> Option<bool> {
    truth.map(|truth| !truth)
}

fn and(each: Vec<Option<bool>>) -> Option<bool> {
    not(or(each.into_iter().map(not).collect()))
}

/// By the plain element, or against the one that begins with Not.
fn element(statement: &Json, name: &str, matches: impl Fn(&Json) -> Option<bool>) -> Option<bool> {
    match statement.get(name) {
        Some(json) => matches(json),
        None => not(matches(&statement[format!("Not{name}")])),
    }
}

fn applies(statement: &Json, asked: &Asked<'_>, variables: bool) -> Option<bool> {
    let principal = element(statement, "Principal", |json| Some(principal(json, asked)));
    let action = element(statement, "Action", |json| {
        let name = asked.action.policy_name().to_lowercase();
        let like = |pattern: &Json| like(&wild(&pattern.as_str().unwrap().to_lowercase()), &name);
        Some(list(json).into_iter().any(like))
    });
    let resource = element(statement, "Resource", |json| {
        let mut arn = format!("arn:aws:s3:::{}", asked.bucket.unwrap());
        if let Some(key) = asked.key {
            arn = format!("{arn}/{key}");
        }
        or(list(json)
            .into_iter()
            .map(|pattern| pattern_matches(pattern.as_str().unwrap(), &arn, true, variables, asked))
            .collect())
    });
    let mut all = vec![principal, action, resource];
    for (operator, keys) in statement.get("Condition").and_then(Json::as_object).into_iter().flatten() {
        for (key, values) in keys.as_object().unwrap() {
            all.push(condition(operator, key, &list(values), asked, variables));
        }
    }
    and(all)
}

fn principal(json: &Json, asked: &Asked<'_>) -> bool {
    if json == "*" {
        return true;
    }
    let named = |kind: &str| json.get(kind).map(list).unwrap_or_default();
    let mut aws = named("AWS").into_iter();
    match asked.who {
        Who::Anonymous => aws.any(|name| name == "*"),
        Who::Account { id, canonical } => {
            aws.any(|name| name == "*" || name == id.as_str() || *name == format!("arn:aws:iam::{id}:root"))
                || named("CanonicalUser").into_iter().any(|name| name == canonical.as_str())
        }
    }
}

fn values(key: &str, asked: &Asked<'_>) -> Vec<String> {
    let text = |value: &Value<'_>| match value {
        Value::Text(text) => (*text).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Moment(moment) => Timestamp::from_millisecond(moment.millis() as i64).unwrap().to_string(),
    };
    if key.eq_ignore_ascii_case("aws:PrincipalAccount") {
        return match asked.who {
            Who::Anonymous => vec![],
            Who::Account { id, .. } => vec![id.to_string()],
        };
    }
    match asked.facts.values(&key.to_lowercase()) {
        Values::Absent => vec![],
        Values::One(value) => vec![text(&value)],
        Values::Many(many) => many.iter().map(text).collect(),
        Values::Keys(pairs) => pairs.iter().map(|(name, _)| name.clone()).collect(),
    }
}

fn condition(operator: &str, key: &str, written: &[&Json], asked: &Asked<'_>, variables: bool) -> Option<bool> {
    let given = values(key, asked);
    if operator == "Null" {
        let absent = given.is_empty().to_string();
        return Some(written.iter().any(|wanted| as_text(wanted) == absent));
    }
    let for_all = operator.starts_with("ForAllValues:");
    let for_any = operator.starts_with("ForAnyValue:");
    let operator = operator.rsplit(':').next().unwrap();
    let if_exists = operator.ends_with("IfExists");
    let operator = operator.trim_end_matches("IfExists");
    let positive = operator.replace("Not", "");
    let negated = positive != operator;
    if given.is_empty() {
        return Some(if_exists || for_all || (negated && !for_any));
    }
    if given.len() > 1 && !for_all && !for_any {
        return None;
    }
    let each = given.iter().map(|value| {
        let one = or(written.iter().map(|wanted| test(&positive, value, &as_text(wanted), asked, variables)).collect());
        if negated { not(one) } else { one }
    });
    if for_all { and(each.collect()) } else { or(each.collect()) }
}

fn as_text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn test(operator: &str, value: &str, wanted: &str, asked: &Asked<'_>, variables: bool) -> Option<bool> {
    let ordered = |ordering: std::cmp::Ordering| match operator.trim_start_matches("Numeric").trim_start_matches("Date")
    {
        "Equals" => ordering.is_eq(),
        "LessThan" => ordering.is_lt(),
        "LessThanEquals" => ordering.is_le(),
        "GreaterThan" => ordering.is_gt(),
        "GreaterThanEquals" => ordering.is_ge(),
        other => panic!("{other}"),
    };
    match operator {
        "StringEquals" => pattern_matches(wanted, value, false, variables, asked),
        "StringEqualsIgnoreCase" => Some(value.to_lowercase() == wanted.to_lowercase()),
        "StringLike" => pattern_matches(wanted, value, true, variables, asked),
        "Bool" => match value.to_lowercase().as_str() {
            "true" | "false" => Some(value.to_lowercase() == wanted.to_lowercase()),
            _ => None,
        },
        "IpAddress" => {
            let (network, bits) = wanted.split_once('/').unwrap_or((wanted, "128"));
            let bits: usize = bits.parse().unwrap();
            let value = address_bits(value)?;
            let written_long = network.contains(':');
            let network = address_bits(network).unwrap();
            let bits = if written_long && network.len() == 32 { bits - 96 } else { bits };
            let same_family = value.len() == network.len();
            Some(same_family && value.iter().zip(&network).take(bits).all(|(a, b)| a == b))
        }
        _ if operator.starts_with("Numeric") => {
            let value: f64 = value.parse().ok()?;
            Some(ordered(value.partial_cmp(&wanted.parse().unwrap()).unwrap()))
        }
        _ if operator.starts_with("Date") => {
            let value: Timestamp = value.parse().ok()?;
            Some(ordered(value.cmp(&wanted.parse().unwrap())))
        }
        other => panic!("{other}"),
    }
}

/// Most significant first; 32 of them for IPv4, also where it is written as IPv6.
fn address_bits(text: &str) -> Option<Vec<bool>> {
    let bytes: Vec<u8> = match text.parse().ok()? {
        std::net::IpAddr::V4(v4) => v4.octets().to_vec(),
        std::net::IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.octets().to_vec(),
            None => v6.octets().to_vec(),
        },
    };
    Some(bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect())
}

#[derive(Debug, Clone, Copy)]
enum Piece {
    Char(char),
    One,
    Any,
}

fn wild(text: &str) -> Vec<Piece> {
    let piece = |c| match c {
        '*' => Piece::Any,
        '?' => Piece::One,
        c => Piece::Char(c),
    };
    text.chars().map(piece).collect()
}

fn exact(text: &str) -> Vec<Piece> {
    text.chars().map(Piece::Char).collect()
}

fn like(pattern: &[Piece], text: &str) -> bool {
    let mut chars = text.chars();
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Piece::Char(c), rest)) => chars.next() == Some(*c) && like(rest, chars.as_str()),
        Some((Piece::One, rest)) => chars.next().is_some() && like(rest, chars.as_str()),
        Some((Piece::Any, rest)) => like(rest, text) || (chars.next().is_some() && like(pattern, chars.as_str())),
    }
}

/// With variables put in; what has none may be anything, and then a match is not certain.
fn pattern_matches(pattern: &str, text: &str, wildcards: bool, variables: bool, asked: &Asked<'_>) -> Option<bool> {
    let plain = |text: &str| if wildcards { wild(text) } else { exact(text) };
    let mut pieces = Vec::new();
    let mut certain = true;
    let mut rest = pattern;
    while let Some((before, after)) = variables.then(|| rest.split_once("${")).flatten() {
        let (inner, after) = after.split_once('}').unwrap();
        pieces.extend(plain(before));
        rest = after;
        if ["*", "?", "$"].contains(&inner) {
            pieces.extend(exact(inner));
            continue;
        }
        let (name, default) = match inner.split_once(", '") {
            Some((name, default)) => (name, Some(default.trim_end_matches('\''))),
            None => (inner, None),
        };
        match (values(name, asked).as_slice(), default) {
            ([value], _) => pieces.extend(exact(value)),
            (_, Some(default)) => pieces.extend(exact(default)),
            _ => {
                certain = false;
                pieces.push(Piece::Any);
            }
        }
    }
    pieces.extend(plain(rest));
    match (like(&pieces, text), certain) {
        (false, _) => Some(false),
        (true, true) => Some(true),
        (true, false) => None,
    }
}
