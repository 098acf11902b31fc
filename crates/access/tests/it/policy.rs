//! Policies, case by case: what each operator, variable, principal and resource means, and where a bad document is said
//! to be bad.

use std::cell::RefCell;

use access::policy::Value::{self, Text};
use access::policy::{Facts, KEYS, Outcome, Policy, Values};
use model::{Action, BucketName, Timestamp, limits};
use serde_json::{Value as Json, json};

use crate::policy_world::{
    ANN, ANN_CANONICAL, BEN, BEN_CANONICAL, Known, Request, applies, bucket, document, policy, statement,
};

/// Operator, key, the policy's value, the request's values, whether it holds.
type Row = (&'static str, &'static str, Json, &'static [Value<'static>], &'static str);

fn check(rows: Vec<Row>) {
    for (operator, key, written, given, expected) in rows {
        let known = Known::of(&[(&*key.to_lowercase(), given)]);
        let change = json!({ "Condition": { operator: { key: written } } });
        assert_eq!(applies(&change, &Request::get("k").knowing(known)), expected, "{change} on {given:?}");
    }
}

const AGENT: &str = "aws:UserAgent";
const TAG: &str = "s3:ExistingObjectTag/team";

#[test]
fn text_operators_compare_text() {
    check(vec![
        ("StringEquals", AGENT, json!("a*"), &[Text("a*")], "yes"),
        ("StringEquals", AGENT, json!("a*"), &[Text("ab")], "no"),
        ("StringEquals", AGENT, json!("a"), &[Text("A")], "no"),
        ("StringEquals", AGENT, json!(["x", "a"]), &[Text("a")], "yes"),
        ("StringEquals", AGENT, json!("a"), &[], "no"),
        ("StringNotEquals", AGENT, json!(["x", "a"]), &[Text("a")], "no"),
        ("StringNotEquals", AGENT, json!(["x", "a"]), &[Text("b")], "yes"),
        ("StringNotEquals", AGENT, json!("a"), &[], "yes"),
        ("StringEqualsIgnoreCase", AGENT, json!("Äb"), &[Text("äB")], "yes"),
        ("StringEqualsIgnoreCase", AGENT, json!("a"), &[Text("b")], "no"),
        ("StringNotEqualsIgnoreCase", AGENT, json!("a"), &[Text("A")], "no"),
        ("StringLike", AGENT, json!("a*c?"), &[Text("abbcd")], "yes"),
        ("StringLike", AGENT, json!("a*c?"), &[Text("ac")], "no"),
        ("StringLike", AGENT, json!("?"), &[Text("ж")], "yes"),
        ("StringLike", AGENT, json!("*"), &[Text("")], "yes"),
        ("StringLike", AGENT, json!("aa*aa"), &[Text("aaa")], "no"),
        ("StringLike", AGENT, json!("*ab?ab*"), &[Text("xababbab")], "yes"),
        ("StringLike", AGENT, json!("A*"), &[Text("ab")], "no"),
        ("StringNotLike", AGENT, json!(["a*", "b*"]), &[Text("c")], "yes"),
        ("StringNotLike", AGENT, json!(["a*", "b*"]), &[Text("ba")], "no"),
        ("BinaryEquals", AGENT, json!("aGk="), &[Text("hi")], "yes"),
        ("BinaryEquals", AGENT, json!("aGk="), &[Text("aGk=")], "no"),
    ]);
}

#[test]
fn numbers_dates_and_truths_compare_by_value() {
    const NOON: Value<'_> = Value::Moment(Timestamp::from_seconds(1_767_268_800)); // 2026-01-01T12:00:00Z
    check(vec![
        ("NumericEquals", "s3:signatureAge", json!(10), &[Text("10.0")], "yes"),
        ("NumericEquals", "s3:signatureAge", json!("10"), &[Value::Number(11)], "no"),
        ("NumericNotEquals", "s3:signatureAge", json!(["10", 11]), &[Value::Number(11)], "no"),
        ("NumericNotEquals", "s3:signatureAge", json!(10), &[], "yes"),
        ("NumericLessThan", "s3:TlsVersion", json!(1.2), &[Text("1.1")], "yes"),
        ("NumericLessThan", "s3:TlsVersion", json!("1.2"), &[Text("1.2")], "no"),
        ("NumericLessThanEquals", "s3:TlsVersion", json!("1.2"), &[Text("1.2")], "yes"),
        ("NumericGreaterThan", "s3:signatureAge", json!("-3"), &[Value::Number(-2)], "yes"),
        ("NumericGreaterThanEquals", "s3:signatureAge", json!(9), &[Value::Number(10)], "yes"),
        // As text it would be the other way round.
        ("NumericLessThan", "s3:signatureAge", json!(9), &[Value::Number(10)], "no"),
        ("NumericLessThan", "s3:signatureAge", json!(9), &[Text("many")], "?"),
        ("DateEquals", "aws:CurrentTime", json!("2026-01-01T12:00:00Z"), &[NOON], "yes"),
        ("DateEquals", "aws:CurrentTime", json!("2026-01-01T14:00+02:00"), &[NOON], "yes"),
        ("DateEquals", "aws:CurrentTime", json!("1767268800"), &[NOON], "yes"),
        ("DateNotEquals", "aws:CurrentTime", json!("2026-01-01T12:00:00.5Z"), &[NOON], "yes"),
        ("DateLessThan", "aws:CurrentTime", json!("2026-01-02"), &[NOON], "yes"),
        ("DateLessThan", "aws:CurrentTime", json!("2026-01-01"), &[NOON], "no"),
        ("DateLessThan", "aws:CurrentTime", json!("1969-12-31"), &[NOON], "no"),
        ("DateLessThanEquals", "aws:CurrentTime", json!("2026-01-01T12:00Z"), &[NOON], "yes"),
        ("DateGreaterThan", "aws:EpochTime", json!("2026-01-01T11:59:59Z"), &[NOON], "yes"),
        ("DateGreaterThanEquals", "aws:CurrentTime", json!("2026-01-01T12:00:00.001Z"), &[NOON], "no"),
        ("NumericGreaterThan", "aws:EpochTime", json!(1_767_268_799), &[NOON], "yes"),
        ("Bool", "aws:SecureTransport", json!("true"), &[Value::Bool(true)], "yes"),
        ("Bool", "aws:SecureTransport", json!(false), &[Text("False")], "yes"),
        ("Bool", "aws:SecureTransport", json!("false"), &[Value::Bool(true)], "no"),
        ("Bool", "aws:SecureTransport", json!("false"), &[], "no"),
        ("Bool", "aws:SecureTransport", json!("false"), &[Text("")], "?"),
        ("Null", AGENT, json!("true"), &[], "yes"),
        ("Null", AGENT, json!("true"), &[Text("")], "no"),
        ("Null", AGENT, json!(false), &[Text("")], "yes"),
        ("Null", "s3:RequestObjectTagKeys", json!("false"), &[Text("a"), Text("b")], "yes"),
        // A tag is text that may be anything.
        ("NumericLessThan", TAG, json!(5), &[Text("4")], "yes"),
        ("DateLessThan", TAG, json!("2026-01-02"), &[Text("2026-01-01")], "yes"),
        // A key of one value, with two.
        ("StringEquals", TAG, json!("a"), &[Text("a"), Text("b")], "?"),
        ("StringNotEquals", TAG, json!("a"), &[Text("b"), Text("c")], "?"),
    ]);
}

#[test]
fn addresses_lie_in_ranges_whichever_way_they_are_written() {
    const V4: &[Value<'_>] = &[Text("203.0.113.7")];
    const MAPPED: &[Value<'_>] = &[Text("::ffff:203.0.113.7")];
    const V6: &[Value<'_>] = &[Text("2001:db8::7")];
    let ip = "aws:SourceIp";
    check(vec![
        ("IpAddress", ip, json!("203.0.113.0/24"), V4, "yes"),
        ("IpAddress", ip, json!("203.0.113.7"), V4, "yes"),
        ("IpAddress", ip, json!("203.0.113.8"), V4, "no"),
        ("IpAddress", ip, json!("203.0.113.0/24"), MAPPED, "yes"),
        ("IpAddress", ip, json!("::ffff:203.0.113.0/120"), V4, "yes"),
        ("IpAddress", ip, json!("0.0.0.0/0"), V6, "no"),
        ("IpAddress", ip, json!("::/0"), V4, "no"),
        ("IpAddress", ip, json!("2001:db8::/32"), V6, "yes"),
        ("IpAddress", ip, json!(["10.0.0.0/8", "2001:db8::/32"]), V6, "yes"),
        ("IpAddress", ip, json!("0.0.0.0/0"), &[], "no"),
        ("IpAddress", ip, json!("0.0.0.0/0"), &[Text("203.0.113.7, 10.0.0.1")], "?"),
        ("NotIpAddress", ip, json!("203.0.113.0/24"), MAPPED, "no"),
        ("NotIpAddress", ip, json!(["203.0.113.0/24", "2001:db8::/32"]), V6, "no"),
        ("NotIpAddress", ip, json!("203.0.113.0/24"), V6, "yes"),
        ("NotIpAddress", ip, json!("203.0.113.0/24"), &[], "yes"),
    ]);
}

#[test]
fn arns_are_compared_part_by_part() {
    const ROOT: &[Value<'_>] = &[Text("arn:aws:iam::111122223333:root")];
    let key = "aws:PrincipalArn";
    check(vec![
        ("ArnEquals", key, json!("arn:aws:iam::111122223333:root"), ROOT, "yes"),
        ("ArnEquals", key, json!("arn:aws:iam::1111*:*"), ROOT, "yes"),
        ("ArnLike", key, json!("arn:aws:*:*:1111????3333:root"), ROOT, "yes"),
        // A star stays within its part.
        ("ArnLike", key, json!("arn:*:root:*:*:*"), ROOT, "no"),
        ("ArnNotLike", key, json!("arn:aws:iam::*:root"), ROOT, "no"),
        ("ArnNotEquals", key, json!("arn:aws:iam::4444*:root"), ROOT, "yes"),
        ("ArnLike", key, json!("arn:aws:iam::*:*"), &[Text("root")], "?"),
        ("StringLike", key, json!("arn:aws:iam::1111*"), ROOT, "yes"),
        ("ArnLike", key, json!("arn:aws:iam::${aws:PrincipalAccount, '111122223333'}:root"), ROOT, "yes"),
    ]);
}

#[test]
fn set_operators_follow_their_truth_table() {
    const NONE: &[Value<'_>] = &[];
    const IN: &[Value<'_>] = &[Text("a"), Text("b")];
    const MIXED: &[Value<'_>] = &[Text("a"), Text("z")];
    const OUT: &[Value<'_>] = &[Text("y"), Text("z")];
    const ONE: &[Value<'_>] = &[Text("a")];
    let table = [
        // none, all of the policy's, some of them, none of them, just one
        ("ForAllValues:StringEquals", ["yes", "yes", "no", "no", "yes"]),
        ("ForAllValues:StringNotEquals", ["yes", "no", "no", "yes", "no"]),
        ("ForAnyValue:StringEquals", ["no", "yes", "yes", "no", "yes"]),
        ("ForAnyValue:StringNotEquals", ["no", "no", "yes", "yes", "no"]),
        ("ForAllValues:StringEqualsIfExists", ["yes", "yes", "no", "no", "yes"]),
        ("ForAnyValue:StringEqualsIfExists", ["yes", "yes", "yes", "no", "yes"]),
        ("ForAnyValue:StringNotEqualsIfExists", ["yes", "no", "yes", "yes", "no"]),
        ("ForAllValues:StringLike", ["yes", "yes", "no", "no", "yes"]),
        ("ForAllValues:StringNotLike", ["yes", "no", "no", "yes", "no"]),
        ("ForAnyValue:StringNotLike", ["no", "no", "yes", "yes", "no"]),
    ];
    for (operator, expected) in table {
        let rows = [NONE, IN, MIXED, OUT, ONE].into_iter().zip(expected);
        let row = |(given, expected)| (operator, "s3:RequestObjectTagKeys", json!(["a", "b"]), given, expected);
        check(rows.map(row).collect());
    }
}

#[test]
fn if_exists_holds_where_there_is_no_value_and_only_there() {
    for operator in ["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIgnoreCase"] {
        let if_exists: &'static str = format!("{operator}IfExists").leak();
        let plain = if operator.contains("Not") { "yes" } else { "no" };
        let found = if operator.contains("Not") { "no" } else { "yes" };
        check(vec![
            (operator, AGENT, json!("a"), &[], plain),
            (if_exists, AGENT, json!("a"), &[], "yes"),
            (if_exists, AGENT, json!("a"), &[Text("a")], found),
        ]);
    }
}

#[test]
fn several_operators_and_keys_must_all_hold() {
    let known = Known::of(&[("aws:useragent", &[Text("curl")]), ("aws:referer", &[Text("here")])]);
    let request = Request::get("k").knowing(known);
    let holds = |condition| applies(&json!({ "Condition": condition }), &request);
    assert_eq!(holds(json!({ "StringEquals": { "aws:UserAgent": "curl", "AWS:REFERER": "here" } })), "yes");
    assert_eq!(holds(json!({ "StringEquals": { "aws:UserAgent": "curl", "aws:Referer": "there" } })), "no");
    let two = json!({ "StringLike": { "aws:UserAgent": "c*" }, "StringNotLike": { "aws:Referer": "h*" } });
    assert_eq!(holds(two), "no");
    assert_eq!(holds(json!({})), "yes");
}

#[test]
fn variables_stand_for_what_the_request_says_letter_by_letter() {
    let user = |name: &'static str| Known::of(&[("aws:username", &[Text(name)])]);
    let home = |known: Known, key: &str, pattern: &str| {
        let change = json!({ "Resource": format!("arn:aws:s3:::myproject/{pattern}") });
        applies(&change, &Request::get(key).knowing(known))
    };
    let pattern = "home/${aws:username}/*";
    assert_eq!(home(user("ann"), "home/ann/x", pattern), "yes");
    assert_eq!(home(user("ben"), "home/ann/x", pattern), "no");
    // A star that a caller sends is a star and no wildcard.
    assert_eq!(home(user("*"), "home/ann/x", pattern), "no");
    assert_eq!(home(user("*"), "home/*/x", pattern), "yes");
    assert_eq!(home(user("a${aws:userid}"), "home/a/x", pattern), "no");
    // Without a value nothing can be told, but for keys that no value would reach.
    assert_eq!(home(Known::default(), "home/ann/x", pattern), "?");
    assert_eq!(home(Known::default(), "else/ann/x", pattern), "no");
    assert_eq!(home(Known::default(), "home/all/x", "home/${aws:username, 'all'}/*"), "yes");
    assert_eq!(home(Known::default(), "home/{*}/x", "home/${AWS:userName,'{*}'}/*"), "yes");
    assert_eq!(home(user("ann"), "home/all/x", "home/${aws:username, 'all'}/*"), "no");
    assert_eq!(home(user("ann"), "a*?$b", "a${*}${?}${$}?"), "yes");
    assert_eq!(home(user("ann"), "axx$b", "a${*}${?}${$}?"), "no");
    assert_eq!(home(user("ann"), "$ann$", "$${aws:username}$"), "yes");

    let prefix = |name| Known::of(&[("aws:username", &[Text(name)]), ("s3:prefix", &[Text("ann/")])]);
    let condition = json!({ "Condition": { "StringNotEquals": { "s3:prefix": "${aws:username}/" } } });
    assert_eq!(applies(&condition, &Request::get("k").knowing(prefix("ann"))), "no");
    assert_eq!(applies(&condition, &Request::get("k").knowing(prefix("ben"))), "yes");
    let unknown = Known::of(&[("s3:prefix", &[Text("ann/")])]);
    assert_eq!(applies(&condition, &Request::get("k").knowing(unknown)), "?");

    // The account is who asks, whatever the facts say.
    let own = json!({ "Condition": { "StringEquals": { "aws:PrincipalAccount": ANN } } });
    let forged = Known::of(&[("aws:principalaccount", &[Text(ANN)])]);
    assert_eq!(applies(&own, &Request::get("k").knowing(forged.clone())), "no");
    assert_eq!(applies(&own, &Request::get("k").by(BEN, BEN_CANONICAL).knowing(forged)), "no");
    assert_eq!(applies(&own, &Request::get("k").by(ANN, ANN_CANONICAL)), "yes");
}

#[test]
fn in_the_version_of_2008_a_variable_is_ordinary_text() {
    let old = |resource: &str| {
        let statement = statement(&json!({ "Resource": resource }));
        Policy::parse(&json!({ "Statement": statement }).to_string()).unwrap()
    };
    let policy = old("arn:aws:s3:::myproject/${aws:username}/${*");
    let outcome = policy.evaluate(&Request::get("${aws:username}/${x").asked());
    assert!(matches!(outcome, Outcome::Allowed(_)), "{outcome:?}");
}

#[test]
fn a_principal_is_everyone_or_an_account_by_any_of_its_names() {
    let ann = Request::get("k").by(ANN, ANN_CANONICAL);
    let ben = Request::get("k").by(BEN, BEN_CANONICAL);
    let nobody = Request::get("k");
    let rows = [
        (json!("*"), ["yes", "yes", "yes"]),
        (json!({ "AWS": "*" }), ["yes", "yes", "yes"]),
        (json!({ "AWS": ANN }), ["yes", "no", "no"]),
        (json!({ "AWS": format!("arn:aws:iam::{ANN}:root") }), ["yes", "no", "no"]),
        (json!({ "CanonicalUser": ANN_CANONICAL }), ["yes", "no", "no"]),
        (json!({ "AWS": [ANN], "CanonicalUser": [BEN_CANONICAL] }), ["yes", "yes", "no"]),
    ];
    for (principal, expected) in rows {
        for (request, expected) in [&ann, &ben, &nobody].into_iter().zip(expected) {
            assert_eq!(applies(&json!({ "Principal": principal }), request), expected, "{principal}");
        }
    }
    let but_ann = json!({ "Effect": "Deny", "Principal": null, "NotPrincipal": { "AWS": ANN } });
    let but_ann = policy(&[statement(&but_ann)]);
    assert_eq!(but_ann.evaluate(&ann.asked()), Outcome::Silent);
    assert!(matches!(but_ann.evaluate(&ben.asked()), Outcome::Denied(_)));
    assert!(matches!(but_ann.evaluate(&nobody.asked()), Outcome::Denied(_)));
}

#[test]
fn a_bucket_is_not_its_objects_and_an_action_is_named_in_any_case() {
    let list = Request { action: Action::ListBucket, key: None, ..Request::get("k") };
    let head = Request { action: Action::HeadBucket, ..list.clone() };
    let get = Request::get("a/b");
    let on = |resource: &str, request: &Request| applies(&json!({ "Resource": resource }), request);
    assert_eq!([on("arn:aws:s3:::myproject", &list), on("arn:aws:s3:::myproject", &get)], ["yes", "no"]);
    assert_eq!([on("arn:aws:s3:::myproject/*", &list), on("arn:aws:s3:::myproject/*", &get)], ["no", "yes"]);
    assert_eq!([on("arn:aws:s3:::myproject*", &list), on("arn:aws:s3:::my*", &get)], ["yes", "yes"]);
    assert_eq!([on("*", &list), on("arn:aws:s3:::*", &get), on("arn:aws:s3:::*/b", &get)], ["yes"; 3]);
    assert_eq!([on("arn:aws:s3:::myproject/A/*", &get), on("arn:aws:s3:::other/*", &get)], ["no", "no"]);
    assert_eq!([on("arn:aws:s3:::myproject/a?b", &get), on("arn:aws:s3:::myproject/a", &get)], ["yes", "no"]);
    let but = json!({ "Resource": null, "NotResource": "arn:aws:s3:::myproject/a/*" });
    assert_eq!([applies(&but, &get), applies(&but, &list), applies(&but, &Request::get("c"))], ["no", "yes", "yes"]);

    let named = |action: Json, request: &Request| applies(&json!({ "Action": action }), request);
    assert_eq!([named(json!("S3:getobject"), &get), named(json!("s3:Get?bject"), &get)], ["yes", "yes"]);
    assert_eq!([named(json!("s3:ListBucket"), &head), named(json!(["s3:Put*", "*"]), &get)], ["yes", "yes"]);
    assert_eq!([named(json!("s3:GetObjectAcl"), &get), named(json!("s3:Get*"), &list)], ["no", "no"]);
    let but = json!({ "Action": null, "NotAction": ["s3:Get*", "s3:List*"] });
    assert_eq!([applies(&but, &get), applies(&but, &list)], ["no", "no"]);
    assert_eq!(applies(&but, &Request { action: Action::PutObject, ..get.clone() }), "yes");

    // The service itself is reached only by what matches nothing in particular.
    let mine = Request { action: Action::ListAllMyBuckets, key: None, ..get };
    for (resource, expected) in [("*", true), ("arn:aws:s3:::*", true), ("arn:aws:s3:::myproject", false)] {
        let text = statement(&json!({ "Principal": null, "Resource": resource }));
        let policy = Policy::parse_for_key(&document(&[text]).to_string()).unwrap();
        let outcome = policy.evaluate(&access::policy::Asked { bucket: None, ..mine.asked() });
        assert_eq!(matches!(outcome, Outcome::Allowed(_)), expected, "{resource}");
    }
}

#[test]
fn the_first_statement_that_settles_it_is_named_and_any_deny_wins() {
    let idle = statement(&json!({ "Action": "s3:PutObject" }));
    let allow = statement(&json!({ "Sid": "All may read" }));
    let deny = statement(&json!({ "Effect": "Deny", "Resource": "arn:aws:s3:::myproject/secret/*" }));
    let policy = policy(&[idle, allow.clone(), allow, deny]);
    match policy.evaluate(&Request::get("k").asked()) {
        Outcome::Allowed(at) => assert_eq!(policy.statements()[at.index].sid(), Some("All may read")),
        other => panic!("{other:?}"),
    }
    match policy.evaluate(&Request::get("secret/k").asked()) {
        Outcome::Denied(at) => assert_eq!((at.index, at.untold), (3, false)),
        other => panic!("{other:?}"),
    }
}

/// Asked for what it does not know, it remembers for what.
#[derive(Default)]
struct Curious(RefCell<Vec<String>>);

impl Facts for Curious {
    fn values(&self, key: &str) -> Values<'_> {
        self.0.borrow_mut().push(key.to_owned());
        Values::Absent
    }
}

/// A signed header `userid: …` became a condition's value elsewhere (RustFS GHSA-6r96). Here a value can only be given
/// under a declared name, and every declared name has its prefix.
#[test]
fn a_header_cannot_set_a_condition() {
    for spec in KEYS {
        assert!(spec.name.starts_with("aws:") || spec.name.starts_with("s3:"), "{}", spec.name);
    }
    let conditions = json!({ "StringEqualsIfExists": {
        "aws:UserID": "${aws:username}", "s3:ExistingObjectTag/Team": "x", "aws:PrincipalAccount": ANN,
    } });
    let policy = policy(&[statement(&json!({ "Condition": conditions }))]);
    let curious = Curious::default();
    let request = Request::get("k");
    let _ = policy.evaluate(&access::policy::Asked { facts: &curious, ..request.asked() });
    let mut asked_for = curious.0.into_inner();
    asked_for.sort();
    assert_eq!(asked_for, ["aws:userid", "s3:existingobjecttag/team"]);
    for name in ["userid", "username", "sourceip", "aws:", "x-amz-acl", "s3:ExistingObjectTag/", "s3:x-amz-meta-a"] {
        let text = document(&[statement(&json!({ "Condition": { "StringLike": { name: "*" } } }))]).to_string();
        assert!(Policy::parse(&text).unwrap_err().message.contains("condition key"), "{name}");
    }
}

#[test]
fn a_bad_document_is_refused_with_its_place() {
    let rows: Vec<(Json, &str, &str)> = vec![
        (json!({ "Effect": "allow" }), "Statement[0].Effect", "Allow nor Deny"),
        (json!({ "Effect": null }), "Statement[0]", "Effect"),
        (json!({ "Sid": 5 }), "Statement[0].Sid", "is a number"),
        (json!({ "Principals": "*" }), "Statement[0].Principals", "Unknown field"),
        (json!({ "Principal": null }), "Statement[0]", "Missing required field Principal"),
        (json!({ "Principal": ANN }), "Statement[0].Principal", "Invalid principal"),
        (json!({ "Principal": {} }), "Statement[0].Principal", "Invalid principal"),
        (json!({ "Principal": { "AWS": [] } }), "Statement[0].Principal.AWS", "empty list"),
        (json!({ "Principal": { "AWS": ["*", "1111"] } }), "Statement[0].Principal.AWS[1]", "Invalid principal"),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::111122223333:user/a" } }),
            "Statement[0].Principal.AWS",
            "Invalid",
        ),
        (json!({ "Principal": { "CanonicalUser": "*" } }), "Statement[0].Principal.CanonicalUser", "Invalid principal"),
        (json!({ "Principal": { "Service": "s3.amazonaws.com" } }), "Statement[0].Principal.Service", "Invalid"),
        (json!({ "NotPrincipal": "*" }), "Statement[0].NotPrincipal", "write one"),
        (json!({ "Principal": null, "NotPrincipal": { "AWS": ANN } }), "Statement[0].NotPrincipal", "not supported"),
        (json!({ "Action": [] }), "Statement[0].Action", "empty list"),
        (json!({ "Action": ["s3:Get*", "s3:Fly"] }), "Statement[0].Action[1]", "invalid action"),
        (json!({ "Action": "ec2:*" }), "Statement[0].Action", "invalid action"),
        (json!({ "Action": [["s3:Get*"]] }), "Statement[0].Action[0]", "must be a string, and is a list"),
        (json!({ "NotAction": "s3:Get*" }), "Statement[0].NotAction", "write one"),
        (json!({ "Resource": "myproject/*" }), "Statement[0].Resource", "invalid resource"),
        (json!({ "Resource": ["arn:aws:s3:::"] }), "Statement[0].Resource[0]", "invalid resource"),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:nobody}" }), "Statement[0].Resource", "no condition key"),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:username" }), "Statement[0].Resource", "without its }"),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:username, all}" }), "Statement[0].Resource", "single quotes"),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:SourceIp}" }), "Statement[0].Resource", "one text"),
        (json!({ "Condition": [] }), "Statement[0].Condition", "must be an object"),
    ];
    let conditions = [
        (json!({ "StringIs": { AGENT: "x" } }), "StringIs.aws:UserAgent", "no operator"),
        (json!({ "stringequals": { AGENT: "x" } }), "stringequals.aws:UserAgent", "no operator"),
        (json!({ "NullIfExists": { AGENT: "true" } }), "NullIfExists.aws:UserAgent", "no operator"),
        (
            json!({ "ForSomeValues:StringLike": { AGENT: "x" } }),
            "ForSomeValues:StringLike.aws:UserAgent",
            "no operator",
        ),
        (json!({ "StringLike": { "aws:Moon": "x" } }), "StringLike.aws:Moon", "condition key"),
        (json!({ "StringLike": {} }), "StringLike", "no condition key"),
        (json!({ "StringLike": { AGENT: [] } }), "StringLike.aws:UserAgent", "empty list"),
        (json!({ "StringLike": { AGENT: ["a", null] } }), "StringLike.aws:UserAgent[1]", "is null"),
        (json!({ "StringLike": { "aws:SourceIp": "10.*" } }), "StringLike.aws:SourceIp", "IpAddress"),
        (json!({ "StringLike": { AGENT: "x", "AWS:useragent": "y" } }), "StringLike.aws:UserAgent", "given twice"),
        (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/33"] } }), "IpAddress.aws:SourceIp[0]", "10.0.0.0/33"),
        (json!({ "NumericEquals": { "s3:max-keys": "1e3" } }), "NumericEquals.s3:max-keys", "not a number"),
        (json!({ "DateLessThan": { "aws:CurrentTime": "tomorrow" } }), "DateLessThan.aws:CurrentTime", "not a date"),
        (
            json!({ "DateLessThan": { "aws:CurrentTime": "2026-01-01T00:00:00" } }),
            "DateLessThan.aws:CurrentTime",
            "date",
        ),
        (json!({ "Bool": { "aws:SecureTransport": "yes" } }), "Bool.aws:SecureTransport", "neither true nor false"),
        (json!({ "BinaryEquals": { AGENT: "?" } }), "BinaryEquals.aws:UserAgent", "base64"),
        (json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam" } }), "ArnLike.aws:PrincipalArn", "not an ARN"),
        (
            json!({ "StringEquals": { "s3:RequestObjectTagKeys": "a" } }),
            "StringEquals.s3:RequestObjectTagKeys",
            "ForAll",
        ),
    ];
    let conditions = conditions.into_iter().map(|(condition, path, says)| {
        (json!({ "Condition": condition }), format!("Statement[0].Condition.{path}"), says)
    });
    let rows = rows.into_iter().map(|(change, path, says)| (change, path.to_owned(), says)).chain(conditions);
    for (change, path, says) in rows {
        let error = Policy::parse(&document(&[statement(&change)]).to_string()).expect_err(&path);
        assert_eq!(error.path, path, "{error}");
        assert!(error.message.contains(says), "{error}");
    }

    let good = document(&[statement(&json!({}))]).to_string();
    let whole = [
        ("", "", "valid JSON"),
        ("[]", "", "must be an object"),
        ("{}", "", "Statement"),
        (r#"{"Statement": []}"#, "Statement", "empty list"),
        (r#"{"Statement": ["x"]}"#, "Statement[0]", "must be an object"),
        (r#"{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}"#, "Version", "given twice"),
        (r#"{"Version": "2020-01-01", "Statement": []}"#, "Version", "2012-10-17"),
        (r#"{"version": "2012-10-17"}"#, "version", "Unknown field"),
        (r#"{"Statement": {"Effect": "Deny", "Eff\u0065ct": "Allow"}}"#, "Statement.Effect", "given twice"),
        (&format!("{good} x"), "", "valid JSON"),
        (&format!("{good}{}", " ".repeat(limits::POLICY_BYTES)), "", "20480"),
        (&format!("{{\"Statement\":{}", "[".repeat(5000)), "", "valid JSON"),
    ];
    for (text, path, says) in whole {
        let error = Policy::parse(text).expect_err(text);
        assert_eq!(error.path, path, "{error}");
        assert!(error.message.contains(says), "{error}");
    }
    let error = Policy::parse_for_key(&good).unwrap_err();
    assert_eq!((error.path.as_str(), error.to_string().contains("leave it out")), ("Statement[0].Principal", true));
}

#[test]
fn a_policy_must_fit_its_bucket() {
    let check = |change: Json| policy(&[statement(&change)]).check_bucket(&bucket());
    assert_eq!(check(json!({})), Ok(()));
    assert_eq!(check(json!({ "Action": "s3:*", "Resource": "arn:aws:s3:::myproject/*" })), Ok(()));
    let both = json!(["arn:aws:s3:::myproject", "arn:aws:s3:::myproject/*"]);
    let prefix = json!({ "StringLike": { "s3:prefix": "a/*" } });
    let listed = json!({ "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": both, "Condition": prefix });
    assert_eq!(check(listed), Ok(()));
    let objects = "arn:aws:s3:::myproject/*";
    let rows = [
        (json!({ "Resource": "*" }), "Resource", "invalid resource"),
        (json!({ "Resource": ["arn:aws:s3:::myproject*"] }), "Resource[0]", "invalid resource"),
        (json!({ "Resource": ["arn:aws:s3:::myproject", "arn:aws:s3:::other/*"] }), "Resource[1]", "invalid resource"),
        (json!({ "Resource": "arn:aws:s3:::${aws:username, 'myproject'}/*" }), "Resource", "invalid resource"),
        (json!({ "Resource": null, "NotResource": "arn:aws:s3:::other/*" }), "NotResource", "invalid resource"),
        (json!({ "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": objects }), "Action[1]", "does not apply"),
        (json!({ "Action": "s3:Get*Location", "Resource": objects }), "Action", "does not apply"),
        (json!({ "Action": "s3:GetObject", "Resource": "arn:aws:s3:::myproject" }), "Action", "does not apply"),
        (json!({ "Action": "s3:ListAllMyBuckets" }), "Action", "does not apply"),
        (json!({ "Action": null, "NotAction": "s3:*" }), "NotAction", "does not apply"),
        (
            json!({ "Action": "s3:GetObject", "Resource": objects, "Condition": { "StringLike": { "s3:prefix": "a" } } }),
            "Condition.StringLike.s3:prefix",
            "Conditions do not apply",
        ),
    ];
    for (change, path, says) in rows {
        let error = check(change).expect_err(path);
        assert_eq!(error.path, format!("Statement[0].{path}"), "{error}");
        assert!(error.message.contains(says), "{error}");
    }
    let other = BucketName::new("other").unwrap();
    assert!(policy(&[statement(&json!({}))]).check_bucket(&other).is_err());
}

#[test]
fn public_is_what_lets_in_everyone_without_a_fixed_limit() {
    let public = |change: Json| policy(&[statement(&change)]).is_public();
    let on = |condition: Json| public(json!({ "Condition": condition }));
    for open in [json!({}), json!({ "Principal": { "AWS": "*" } }), json!({ "Principal": { "AWS": [ANN, "*"] } })] {
        assert!(public(open));
    }
    assert!(!public(json!({ "Effect": "Deny" })));
    assert!(!public(json!({ "Principal": { "AWS": ANN } })));
    assert!(!public(json!({ "Principal": { "CanonicalUser": ANN_CANONICAL } })));
    for confined in [
        json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] } }),
        json!({ "IpAddress": { "aws:SourceIp": "203.0.113.7" }, "StringLike": { "aws:Referer": "*" } }),
        json!({ "StringEquals": { "aws:PrincipalAccount": [ANN, BEN] } }),
        json!({ "StringLike": { "aws:userid": ANN } }),
        json!({ "ArnEquals": { "aws:PrincipalArn": format!("arn:aws:iam::{ANN}:root") } }),
    ] {
        assert!(!on(confined.clone()), "{confined}");
    }
    for open in [
        json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"] } }),
        json!({ "IpAddress": { "aws:SourceIp": "::/0" } }),
        json!({ "IpAddress": { "aws:SourceIp": "2000::/31" } }),
        json!({ "IpAddressIfExists": { "aws:SourceIp": "10.0.0.0/8" } }),
        json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
        json!({ "ForAllValues:StringEquals": { "aws:PrincipalAccount": ANN } }),
        json!({ "StringNotEquals": { "aws:PrincipalAccount": ANN } }),
        json!({ "StringLike": { "aws:PrincipalAccount": "1111*" } }),
        json!({ "StringEquals": { "aws:userid": "${aws:username}" } }),
        json!({ "StringEquals": { "aws:Referer": "https://example.com/" } }),
        json!({ "Bool": { "aws:SecureTransport": true } }),
    ] {
        assert!(on(open.clone()), "{open}");
    }
    // One statement is enough, and a Deny beside it changes nothing.
    let all = [
        statement(&json!({ "Effect": "Deny" })),
        statement(&json!({})),
        statement(&json!({ "Principal": { "AWS": ANN } })),
    ];
    assert!(policy(&all).is_public());
}

#[test]
fn the_accounts_that_allow_statements_name_are_told() {
    let policy = policy(&[
        statement(&json!({ "Principal": { "AWS": [ANN, "*"], "CanonicalUser": BEN_CANONICAL } })),
        statement(&json!({ "Effect": "Deny", "Principal": { "AWS": BEN } })),
    ]);
    let named: Vec<String> = policy.named_accounts().map(|named| format!("{named:?}")).collect();
    assert_eq!(named, [format!("Account({ANN})"), format!("Canonical({BEN_CANONICAL})")]);
}
