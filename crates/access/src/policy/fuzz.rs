//! What must hold of any bytes at all: the targets `policy` and `pattern` of `cargo xtask fuzz`, and of ordinary tests.

use std::fmt::Write as _;

use model::{AccountId, Action, BucketName, CanonicalId, limits};

use super::evaluate::Truth;
use super::json::Json;
use super::pattern::{Syntax, Template};
use super::{Asked, Outcome, Policy, PolicyError, Who};
use crate::NoFacts;

/// A policy that is understood is understood alike however its JSON is spelt; a Deny of everything beside its statements
/// leaves nothing allowed, and an Allow of everything lets through all that it does not deny.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for (of_bucket, parse) in [(true, Policy::parse as fn(&str) -> _), (false, Policy::parse_for_key)] {
        let Ok(policy) = parse(text) else { continue };
        let json = Json::parse(text).expect("a policy is JSON");
        for escapes in [false, true] {
            if let Some(printed) = printed(&json, escapes) {
                assert_eq!(parse(&printed).as_ref(), Ok(&policy), "{printed}");
            }
        }
        let bucket = BucketName::new("myproject").expect("a bucket's name");
        let _ = (policy.is_public(), policy.check_bucket(&bucket), policy.named_accounts().count());
        let beside = |effect: &str| with_everything(&json, effect, of_bucket).map(|text| parse(&text));
        let understood = |parsed: Result<Policy, PolicyError>| parsed.expect("one statement more is still a policy");
        let (denied, allowed) = (beside("Deny").map(understood), beside("Allow").map(understood));
        each_question(&bucket, |asked| {
            let said = policy.evaluate(asked);
            if let Some(denied) = &denied {
                assert!(matches!(denied.evaluate(asked), Outcome::Denied(_)), "{asked:?}");
            }
            if let Some(allowed) = &allowed {
                let now = matches!(allowed.evaluate(asked), Outcome::Denied(_));
                assert_eq!(now, matches!(said, Outcome::Denied(_)), "{asked:?}");
            }
        });
    }
}

/// Questions of each kind, by everybody.
fn each_question(bucket: &BucketName, ask: impl Fn(&Asked<'_>)) {
    let id = AccountId::new("000000000001").expect("an account's id");
    let canonical = CanonicalId::new(&"1".repeat(64)).expect("a canonical id");
    for who in [Who::Anonymous, Who::Account { id: &id, canonical: &canonical }] {
        for (action, key) in [
            (Action::GetObject, Some("a/b")),
            (Action::PutObject, Some("")),
            (Action::ListBucket, None),
            (Action::PutBucketPolicy, None),
        ] {
            ask(&Asked { who, action, bucket: Some(bucket), key, facts: &NoFacts });
        }
    }
}

/// The document with one more statement: this effect on everything. `None` if it would be too long.
fn with_everything(json: &Json, effect: &str, of_bucket: bool) -> Option<String> {
    let text = |text: &str| Json::Text(text.to_owned());
    let mut members =
        vec![("Effect".to_owned(), text(effect)), ("Action".to_owned(), text("*")), ("Resource".to_owned(), text("*"))];
    members.extend(of_bucket.then(|| ("Principal".to_owned(), text("*"))));
    let Json::Object(mut document) = json.clone() else { return None };
    let (_, statements) = document.iter_mut().find(|(name, _)| name == "Statement")?;
    *statements = match std::mem::replace(statements, Json::Null) {
        Json::List(mut list) => {
            list.push(Json::Object(members));
            Json::List(list)
        }
        one => Json::List(vec![one, Json::Object(members)]),
    };
    printed(&Json::Object(document), false)
}

/// A document as text, with every character as itself or as an escape. `None` if that is too long for a policy.
fn printed(json: &Json, escapes: bool) -> Option<String> {
    let mut out = String::new();
    print(json, escapes, &mut out);
    (out.len() <= limits::POLICY_BYTES).then_some(out)
}

fn print(json: &Json, escapes: bool, out: &mut String) {
    let blank = if escapes { " \n" } else { "" };
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(digits) => out.push_str(digits),
        Json::Text(text) => print_text(text, escapes, out),
        Json::List(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(blank);
                print(value, escapes, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(blank);
                print_text(name, escapes, out);
                out.push(':');
                print(value, escapes, out);
            }
            out.push('}');
        }
    }
}

fn print_text(text: &str, escapes: bool, out: &mut String) {
    out.push('"');
    for unit in text.chars() {
        if escapes || unit.is_control() || matches!(unit, '"' | '\\') {
            for half in unit.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{half:04x}");
            }
        } else {
            out.push(unit);
        }
    }
    out.push('"');
}

/// A pattern matches what a second matcher, which tries everything, says that it matches. The first byte chooses the
/// syntax; pattern and text follow, with a line feed between them.
pub fn pattern(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let Ok(rest) = std::str::from_utf8(rest) else { return };
    let Some((pattern, text)) = rest.split_once('\n') else { return };
    let syntax = Syntax { variables: choice & 1 != 0, wildcards: choice & 2 != 0, fold: choice & 4 != 0 };
    // A variable's value is a text, whatever it looks like.
    let value = (choice & 8 != 0).then_some("a*?");
    let Ok(template) = Template::parse(pattern, syntax) else { return };
    let Some(tokens) = tokens(pattern, syntax, value) else { return };
    let lower = |text: &str| -> Vec<char> {
        if syntax.fold { text.chars().flat_map(char::to_lowercase).collect() } else { text.chars().collect() }
    };
    let matched = naive(&tokens, &lower(text));
    let said = template.matches(text, &|_| value);
    let untold = tokens.contains(&Token::Unknown);
    assert_eq!(said != Truth::No, matched, "{pattern:?} {text:?} {syntax:?}");
    assert_eq!(said == Truth::Unknown, matched && untold, "{pattern:?} {text:?} {syntax:?}");
}

/// A piece of a pattern, as the second matcher has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Any,
    /// The value of a variable that has none: any text.
    Unknown,
}

/// `pattern` in pieces. `None` where it has a variable with a default, of which this matcher knows nothing.
fn tokens(pattern: &str, syntax: Syntax, value: Option<&str>) -> Option<Vec<Token>> {
    let mut tokens = vec![];
    let plain = |text: &str, tokens: &mut Vec<Token>| {
        for c in text.chars() {
            match syntax.fold {
                true => tokens.extend(c.to_lowercase().map(Token::Char)),
                false => tokens.push(Token::Char(c)),
            }
        }
    };
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if syntax.variables && rest.starts_with("${") {
            let (inner, after) = rest[2..].split_once('}')?;
            match inner {
                "*" | "?" | "$" => plain(inner, &mut tokens),
                inner if inner.contains([',', '\'']) => return None,
                _ => match value {
                    Some(value) => plain(value, &mut tokens),
                    None => tokens.push(Token::Unknown),
                },
            }
            rest = after;
            continue;
        }
        match c {
            '*' if syntax.wildcards => tokens.push(Token::Any),
            '?' if syntax.wildcards => tokens.push(Token::One),
            _ => plain(&rest[..c.len_utf8()], &mut tokens),
        }
        rest = &rest[c.len_utf8()..];
    }
    Some(tokens)
}

/// Whether the pieces match the whole of `text`: every place that some beginning of them can reach, piece by piece.
fn naive(tokens: &[Token], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for token in tokens {
        let mut next = vec![false; text.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            match token {
                Token::Any | Token::Unknown => next[at..].fill(true),
                Token::One if at < text.len() => next[at + 1] = true,
                Token::Char(c) if text.get(at) == Some(c) => next[at + 1] = true,
                Token::One | Token::Char(_) => {}
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
#[path = "../../../../fuzz/driver.rs"]
mod driver;

#[cfg(test)]
mod tests {
    use super::driver;

    #[test]
    fn a_policy_means_the_same_however_it_is_spelt() {
        driver::run("policy", super::policy);
    }

    #[test]
    fn a_pattern_matches_what_trying_everything_matches() {
        driver::run("pattern", super::pattern);
    }
}
