//! Random policies and requests that meet: the evaluation agrees with the second opinion, and its laws hold; and
//! whatever a document is, reading it ends with a policy or an error.

use access::policy::{Outcome, Policy, Value};
use model::{Action, BucketName, Timestamp};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

use crate::policy_naive::{self, Said};
use crate::policy_world::{ANN, ANN_CANONICAL, BEN, BEN_CANONICAL, Known, Request, document};

fn some_of(from: Vec<Json>) -> impl Strategy<Value = Json> {
    let most = from.len().min(3);
    (subsequence(from, 1..=most), any::<bool>())
        .prop_map(|(mut list, bare)| if bare && list.len() == 1 { list.remove(0) } else { Json::from(list) })
}

fn texts(from: &[&str]) -> Vec<Json> {
    from.iter().map(|text| Json::from(*text)).collect()
}

/// Operators with the keys that they compare and values to compare with.
fn condition() -> impl Strategy<Value = (String, String, Json)> {
    const TEXTS: [&str; 5] =
        ["aws:username", "s3:prefix", "s3:ExistingObjectTag/team", "aws:PrincipalAccount", "aws:userid"];
    let quantified = |operators: &'static [&'static str], keys: &'static [&'static str], values: Vec<Json>| {
        let quantifier = select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
        let if_exists = select(vec!["", "", "IfExists"]);
        (quantifier, select(operators), if_exists, select(keys), some_of(values)).prop_map(
            |(quantifier, operator, if_exists, key, values)| {
                let quantifier = match key {
                    "s3:RequestObjectTagKeys" if quantifier.is_empty() => "ForAnyValue:",
                    _ => quantifier,
                };
                (format!("{quantifier}{operator}{if_exists}"), key.to_owned(), values)
            },
        )
    };
    let words = texts(&["a", "ab", "*", "a*", "?", "", "${aws:username}", "${aws:userid, 'a'}/${*}", ANN]);
    let moments = texts(&["2026-01-01T00:00:00Z", "2026-01-01T12:00:00+12:00", "2026-06-01T00:00:00.5Z"]);
    let networks = texts(&["10.0.0.0/8", "10.1.2.3", "::ffff:10.0.0.0/104", "2001:db8::/32", "::/0"]);
    prop_oneof![
        4 => quantified(
            &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
            const { &TEXTS },
            words.clone()
        ),
        2 => quantified(
            &["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"],
            &["s3:RequestObjectTagKeys"],
            words
        ),
        1 => quantified(
            &["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
            &["aws:username", "s3:ExistingObjectTag/team"],
            texts(&["A", "aB", "ж"])
        ),
        2 => quantified(
            &["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"],
            &["s3:max-keys", "s3:ExistingObjectTag/team"],
            vec![json!(1), json!("10"), json!(2.5)]
        ),
        1 => quantified(
            &["DateEquals", "DateNotEquals", "DateLessThanEquals", "DateGreaterThan"],
            &["aws:CurrentTime"],
            moments
        ),
        1 => quantified(&["Bool"], &["aws:SecureTransport"], vec![json!("true"), json!(false)]),
        2 => quantified(&["IpAddress", "NotIpAddress"], &["aws:SourceIp"], networks),
        1 => (select(vec!["aws:username", "s3:RequestObjectTagKeys"]), some_of(texts(&["true", "false"])))
            .prop_map(|(key, values)| ("Null".to_owned(), key.to_owned(), values)),
    ]
}

fn conditions() -> impl Strategy<Value = Json> {
    vec(condition(), 0..3).prop_map(|list| {
        let mut operators = Map::new();
        for (operator, key, values) in list {
            operators.entry(operator).or_insert_with(|| json!({}))[key] = values;
        }
        Json::Object(operators)
    })
}

fn statement() -> impl Strategy<Value = Json> {
    let principal = select(vec![
        json!("*"),
        json!({ "AWS": [BEN, ANN] }),
        json!({ "AWS": format!("arn:aws:iam::{ANN}:root") }),
        json!({ "CanonicalUser": BEN_CANONICAL }),
        json!({ "AWS": "*", "CanonicalUser": [ANN_CANONICAL] }),
    ]);
    let action = some_of(texts(&["s3:*", "S3:getobject", "s3:Get*", "s3:List*", "s3:*Acl", "s3:ListBucket", "*"]));
    let resource = some_of(texts(&[
        "*",
        "arn:aws:s3:::myproject",
        "arn:aws:s3:::myproject/*",
        "arn:aws:s3:::myproject/a*",
        "arn:aws:s3:::myproject/${aws:username}/*",
        "arn:aws:s3:::my*/?b",
        "arn:aws:s3:::*/${aws:userid, 'a'}${*}",
        "arn:aws:s3:::other/*",
        "arn:aws:s3:::myproject/*a*?b*",
    ]));
    let not = any::<(bool, bool, bool)>();
    (any::<bool>(), principal, action, resource, conditions(), not).prop_map(
        |(deny, principal, action, resource, conditions, (other, but, rest))| {
            let name = |plain: &str, not: bool| if not { format!("Not{plain}") } else { plain.to_owned() };
            let mut statement = json!({ "Effect": if deny { "Deny" } else { "Allow" }, "Condition": conditions });
            statement[name("Principal", other && deny)] = principal;
            statement[name("Action", but && rest)] = action;
            statement[name("Resource", rest && !but)] = resource;
            statement
        },
    )
}

fn known() -> impl Strategy<Value = Known> {
    let word = || {
        let words = ["a", "ab", "A", "*", "", "a/*", "ж", "2.5", "10", ANN];
        select(words.to_vec()).prop_map(Value::Text)
    };
    let one = |value: BoxedStrategy<Value<'static>>| option::weighted(0.7, value.prop_map(|value| vec![value]));
    let moment = select(vec![1_767_225_600_u64, 1_767_225_601, 1_780_272_000]);
    let address = select(vec!["10.1.2.3", "::ffff:10.9.9.9", "11.0.0.1", "2001:db8::1", "nowhere"]);
    let truth = prop_oneof![any::<bool>().prop_map(Value::Bool), Just(Value::Text("True")), Just(Value::Text("so"))];
    let number = prop_oneof![(0_i64..12).prop_map(Value::Number), Just(Value::Text("2.50")), Just(Value::Text("x"))];
    let words = btree_map(
        select(vec!["aws:username", "aws:userid", "s3:prefix", "s3:existingobjecttag/team", "aws:principalaccount"]),
        prop_oneof![9 => vec(word(), 1..2), 1 => vec(word(), 0..3)],
        0..5,
    );
    (
        words,
        option::weighted(0.7, vec(word(), 0..4)),
        one(moment.prop_map(|seconds| Value::Moment(Timestamp::from_seconds(seconds))).boxed()),
        one(address.prop_map(Value::Text).boxed()),
        one(truth.boxed()),
        one(number.boxed()),
    )
        .prop_map(|(words, tags, moment, address, truth, number)| {
            let mut known: Known = Known(words.into_iter().map(|(key, values)| (key.to_owned(), values)).collect());
            let others = [
                ("s3:requestobjecttagkeys", tags),
                ("aws:currenttime", moment),
                ("aws:sourceip", address),
                ("aws:securetransport", truth),
                ("s3:max-keys", number),
            ];
            known.0.extend(others.into_iter().filter_map(|(key, values)| Some((key.to_owned(), values?))));
            known
        })
}

fn request() -> impl Strategy<Value = Request> {
    let account = select(vec![None, Some((ANN, ANN_CANONICAL)), Some((BEN, BEN_CANONICAL))]);
    let action = select(vec![Action::GetObject, Action::ListBucket, Action::HeadBucket, Action::PutObjectAcl]);
    let key =
        select(vec![None, Some("a"), Some("ab"), Some("a/*"), Some("жb"), Some("ab/ж/xab"), Some("a*"), Some("/")]);
    let bucket = select(vec!["myproject", "myproject", "other"]);
    (account, action, bucket, key, known()).prop_map(|(account, action, bucket, key, known)| {
        let bucket = BucketName::new(bucket).unwrap();
        let key = key.filter(|_| action.on_object()).map(str::to_owned);
        let key = if action.on_object() { key.or(Some("a".to_owned())) } else { None };
        let request = Request { account: None, action, bucket, key, known };
        match account {
            None => request,
            Some((id, canonical)) => request.by(id, canonical),
        }
    })
}

fn said(policy: &Policy, request: &Request) -> Said {
    match policy.evaluate(&request.asked()) {
        Outcome::Denied(_) => Said::Denied,
        Outcome::Allowed(_) => Said::Allowed,
        Outcome::Silent => Said::Nothing,
    }
}

fn parse(document: &Json) -> Policy {
    Policy::parse(&document.to_string()).unwrap_or_else(|error| panic!("{error}: {document}"))
}

/// Any JSON, made of the words that policies are made of.
fn any_json() -> impl Strategy<Value = Json> {
    let words = [
        "Version",
        "2012-10-17",
        "Statement",
        "Effect",
        "Allow",
        "Principal",
        "AWS",
        "*",
        "Action",
        "s3:*",
        "Resource",
        "arn:aws:s3:::b/${",
        "Condition",
        "StringLike",
        "ForAllValues:ArnLike",
        "aws:PrincipalArn",
        "Null",
        "${a,'",
        "ж",
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        select(words.to_vec()).prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let member = (select(words.to_vec()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            vec(inner, 0..4).prop_map(Json::from),
            vec(member, 0..6).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_says_what_the_second_opinion_says(
        statements in vec(statement(), 1..4), version in any::<bool>(), request in request(),
    ) {
        let mut document = document(&statements);
        // Of 2008, `${` is text; both must take it so.
        if !version {
            document["Version"] = "2008-10-17".into();
        }
        let opinion = policy_naive::evaluate(&document, &request.asked());
        prop_assert_eq!(said(&parse(&document), &request), opinion);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_a_deny_never_allows_and_adding_an_allow_never_denies(
        statements in vec(statement(), 1..4), more in statement(), at in any::<prop::sample::Index>(),
        request in request(),
    ) {
        let before = said(&parse(&document(&statements)), &request);
        let mut statements = statements;
        statements.insert(at.index(statements.len() + 1), more.clone());
        let after = said(&parse(&document(&statements)), &request);
        let expected: &[Said] = match (before, more["Effect"] == "Deny") {
            (Said::Denied, _) => &[Said::Denied],
            (before, true) => &[before, Said::Denied],
            (_, false) => &[before, Said::Allowed],
        };
        prop_assert!(expected.contains(&after), "{:?}, then {:?}", before, after);
    }

    #[test]
    fn reading_any_json_ends(json in any_json()) {
        let _ = Policy::parse(&json.to_string());
        let _ = Policy::parse(&json!({ "Version": "2012-10-17", "Statement": json }).to_string());
        let _ = Policy::parse_for_key(&document(&[json!({
            "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": json,
        })]).to_string());
    }

    #[test]
    fn a_damaged_document_is_read_or_refused(
        statements in vec(statement(), 1..3), damage in vec((any::<prop::sample::Index>(), 0..8_u32), 1..4),
        request in request(),
    ) {
        let mut bytes = document(&statements).to_string().into_bytes();
        for (at, bit) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(policy) = Policy::parse(&String::from_utf8_lossy(&bytes)) {
            let _ = (policy.evaluate(&request.asked()), policy.is_public(), policy.check_bucket(&request.bucket));
        }
    }
}
