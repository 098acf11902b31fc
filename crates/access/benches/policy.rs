//! How long a policy takes: 20 statements with conditions, of which the last one settles it.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use access::policy::{Asked, Facts, Outcome, Policy, Value, Values, Who};
use criterion::{Criterion, criterion_group, criterion_main};
use model::{AccountId, Action, BucketName, CanonicalId, Timestamp};

struct Request;

impl Facts for Request {
    fn values(&self, key: &str) -> Values<'_> {
        Values::One(match key {
            "aws:sourceip" => Value::Address(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))),
            "aws:securetransport" => Value::Bool(true),
            "aws:currenttime" => Value::Moment(Timestamp::from_seconds(1_767_225_600)),
            "aws:useragent" => Value::Text("aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 lang/python#3.13.7"),
            "s3:signatureversion" => Value::Text("AWS4-HMAC-SHA256"),
            _ => return Values::Absent,
        })
    }
}

/// Each statement is about the action and the object, so that its conditions must be looked at.
fn document() -> String {
    let statement = |index: usize, effect: &str, network: &str| {
        format!(
            r#"{{
                "Effect": "{effect}", "Principal": {{"AWS": ["111122223333", "444455556666"]}},
                "Action": ["s3:Get*", "s3:ListBucket"],
                "Resource": ["arn:aws:s3:::myproject", "arn:aws:s3:::myproject/data/*/{index}/*", "arn:aws:s3:::myproject/*"],
                "Condition": {{
                    "Bool": {{"aws:SecureTransport": "true"}},
                    "DateLessThan": {{"aws:CurrentTime": "2027-01-01T00:00:00Z"}},
                    "StringLike": {{"aws:UserAgent": ["*boto3*", "aws-cli/*"]}},
                    "IpAddress": {{"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16", "{network}"]}}
                }}
            }}"#
        )
    };
    let effects = |index| if index % 2 == 0 { "Deny" } else { "Allow" };
    let mut list: Vec<_> = (0..19).map(|index| statement(index, effects(index), "198.51.100.0/24")).collect();
    list.push(statement(19, "Allow", "203.0.113.0/24"));
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, list.join(","))
}

fn bench(criterion: &mut Criterion) {
    let text = document();
    let policy = Policy::parse(&text).expect("a good policy");
    let id = AccountId::new("444455556666").expect("12 digits");
    let canonical = CanonicalId::new(&"a".repeat(64)).expect("64 digits");
    let bucket = BucketName::new("myproject").expect("a name");
    let asked = Asked {
        who: Who::Account { id: &id, canonical: &canonical },
        action: Action::GetObject,
        bucket: Some(&bucket),
        key: Some("data/2026/reports/january/summary.parquet"),
        facts: &Request,
    };
    assert!(matches!(policy.evaluate(&asked), Outcome::Allowed(at) if at.index == 19));
    criterion.bench_function("policy of 20 statements with conditions", |bencher| {
        bencher.iter(|| policy.evaluate(black_box(&asked)));
    });
    criterion.bench_function("reading a policy of 20 statements", |bencher| {
        bencher.iter(|| Policy::parse(black_box(&text)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
