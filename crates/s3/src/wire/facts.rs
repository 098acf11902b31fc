//! What the conditions of a policy may ask about a request (Service Authorization Reference, "Condition keys for Amazon
//! S3"), read from its head when they ask.
//!
//! Each key is named here and answered from one place of the request; no name that a caller chose becomes the name of a
//! key. Who asks, from where and when is not answered here: that is the authoriser's own knowledge.

use std::sync::Arc;

use access::policy::{Facts, Value, Values};
use model::{TagSet, Timestamp};

use super::head::Head;

/// How a request was proven.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Proof {
    /// `REST-HEADER`, `REST-QUERY-STRING` or `POST`; nothing for an anonymous request.
    pub auth_type: Option<&'static str>,
    /// `AWS4-HMAC-SHA256` or `AWS`.
    pub signature_version: Option<&'static str>,
    /// When it was signed, where it says so.
    pub signed_at: Option<Timestamp>,
}

/// A request's head and proof, and the tags that it sets.
pub(crate) struct HeadFacts {
    head: Arc<Head>,
    proof: Proof,
    received: Timestamp,
    tags: TagSet,
}

impl HeadFacts {
    pub(crate) fn new(head: Arc<Head>, proof: Proof, received: Timestamp, tags: TagSet) -> Self {
        HeadFacts { head, proof, received, tags }
    }

    fn header(&self, name: &str) -> Values<'_> {
        Values::text(self.head.header(name))
    }

    fn query(&self, name: &str) -> Values<'_> {
        Values::text(self.head.query(name))
    }
}

impl Facts for HeadFacts {
    fn values(&self, key: &str) -> Values<'_> {
        match key {
            "aws:securetransport" => Values::One(Value::Bool(self.head.tls.is_some())),
            "aws:useragent" => self.header("user-agent"),
            "aws:referer" => self.header("referer"),
            "s3:authtype" => Values::text(self.proof.auth_type),
            "s3:signatureversion" => Values::text(self.proof.signature_version),
            "s3:signatureage" => match self.proof.signed_at {
                None => Values::Absent,
                Some(at) => {
                    let age = self.received.millis().saturating_sub(at.millis());
                    Values::One(Value::Number(i64::try_from(age).unwrap_or(i64::MAX)))
                }
            },
            "s3:tlsversion" => Values::text(self.head.tls),
            "s3:prefix" => self.query("prefix"),
            "s3:delimiter" => self.query("delimiter"),
            "s3:max-keys" => self.query("max-keys"),
            "s3:if-match" => self.header("if-match"),
            "s3:if-none-match" => self.header("if-none-match"),
            "s3:object-lock-mode" => self.header("x-amz-object-lock-mode"),
            "s3:object-lock-retain-until-date" => self.header("x-amz-object-lock-retain-until-date"),
            "s3:object-lock-legal-hold" => self.header("x-amz-object-lock-legal-hold"),
            "s3:x-amz-acl"
            | "s3:x-amz-content-sha256"
            | "s3:x-amz-copy-source"
            | "s3:x-amz-grant-full-control"
            | "s3:x-amz-grant-read"
            | "s3:x-amz-grant-read-acp"
            | "s3:x-amz-grant-write"
            | "s3:x-amz-grant-write-acp"
            | "s3:x-amz-metadata-directive"
            | "s3:x-amz-object-ownership"
            | "s3:x-amz-server-side-encryption"
            | "s3:x-amz-server-side-encryption-aws-kms-key-id"
            | "s3:x-amz-server-side-encryption-customer-algorithm"
            | "s3:x-amz-storage-class"
            | "s3:x-amz-website-redirect-location" => self.header(&key["s3:".len()..]),
            "s3:requestobjecttagkeys" => Values::Keys(&self.tags),
            key => match key.strip_prefix("s3:requestobjecttag/") {
                None => Values::Absent,
                Some(tag) => {
                    let value = self.tags.iter().find(|(name, _)| name.to_lowercase() == tag);
                    Values::text(value.map(|(_, value)| value.as_str()))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(uri: &str, headers: &[(&str, &str)], proof: Proof) -> HeadFacts {
        let mut request = http::Request::builder().method("GET").uri(uri).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = Head::parse(request.body(()).unwrap().into_parts().0, None).unwrap();
        let tags = TagSet::of_object(vec![("Team".to_owned(), "blue".to_owned())]).unwrap();
        HeadFacts::new(Arc::new(head), proof, Timestamp::from_millis(5000), tags)
    }

    #[test]
    fn each_key_is_answered_from_its_own_place() {
        let proof = Proof {
            auth_type: Some("REST-HEADER"),
            signature_version: Some("AWS4-HMAC-SHA256"),
            signed_at: Some(Timestamp::from_millis(2000)),
        };
        let facts = facts("/b?prefix=a%2F&max-keys=5", &[("x-amz-acl", "private"), ("referer", "r")], proof);
        for (key, value) in [
            ("s3:prefix", Value::Text("a/")),
            ("s3:max-keys", Value::Text("5")),
            ("s3:x-amz-acl", Value::Text("private")),
            ("aws:referer", Value::Text("r")),
            ("aws:securetransport", Value::Bool(false)),
            ("s3:authtype", Value::Text("REST-HEADER")),
            ("s3:signatureage", Value::Number(3000)),
            ("s3:requestobjecttag/team", Value::Text("blue")),
        ] {
            assert_eq!(facts.values(key), Values::One(value), "{key}");
        }
        assert_eq!(facts.values("s3:delimiter"), Values::Absent);
    }

    /// A header or parameter that is named as a condition key is no fact (field 25).
    #[test]
    fn a_header_cannot_name_a_condition_key() {
        let spoofed = [("userid", "1"), ("sourceip", "10.0.0.1"), ("x-amz-userid", "1"), ("aws:userid", "1")];
        let facts = facts("/b?userid=1&aws%3Auserid=1&s3%3Aauthtype=POST", &spoofed[..3], Proof::default());
        for key in ["aws:userid", "aws:username", "aws:sourceip", "s3:authtype", "s3:userid", "s3:x-amz-userid"] {
            assert_eq!(facts.values(key), Values::Absent, "{key}");
        }
    }
}
