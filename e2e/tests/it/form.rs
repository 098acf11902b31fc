//! Browser forms (POST Object), as a page makes them and as who signs their policy does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::{Body, Credentials, Method, Request, Signature, Signer, Timestamp};
use testkit::REGION;

/// The boundary of every form here.
const BOUNDARY: &str = "b0und4ry";

/// A form under way: its fields, then its file.
#[derive(Clone)]
pub struct Form {
    fields: Vec<(String, String)>,
    filename: String,
    content: Vec<u8>,
    /// What follows the file's last boundary.
    end: String,
}

impl Form {
    /// With these fields and a file.
    pub fn new(fields: &[(&str, &str)], content: impl Into<Vec<u8>>) -> Form {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Form { fields, filename: "photo.jpg".into(), content: content.into(), end: "--\r\n".into() }
    }

    /// And this field.
    pub fn field(mut self, name: &str, value: &str) -> Form {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a file of this name.
    pub fn filename(self, filename: &str) -> Form {
        Form { filename: filename.to_owned(), ..self }
    }

    /// With this after the file in place of the last boundary's end.
    pub fn end(self, end: &str) -> Form {
        Form { end: end.to_owned(), ..self }
    }

    /// With this policy, signed now with that key.
    pub fn signed(self, key: &Credentials, policy: &str) -> Form {
        let signer = Signer::new(key, Timestamp::now(), REGION, "s3");
        let policy = STANDARD.encode(policy);
        self.field("policy", &policy)
            .field("x-amz-algorithm", "AWS4-HMAC-SHA256")
            .field("x-amz-credential", &signer.credential())
            .field("x-amz-date", signer.date())
            .field("x-amz-signature", &signer.sign(&policy))
    }

    /// Everything before the file's first byte.
    pub fn head(&self) -> Vec<u8> {
        let mut head = String::new();
        for (name, value) in &self.fields {
            head += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        head += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: image/jpeg\r\n\r\n",
            self.filename
        );
        head.into_bytes()
    }

    /// All of it.
    pub fn body(&self) -> Vec<u8> {
        let mut body = self.head();
        body.extend_from_slice(&self.content);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}{}", self.end).as_bytes());
        body
    }

    /// The request that sends it to that place.
    pub fn to(&self, place: &str) -> Request {
        self.on(Request::at_place(Method::POST, place))
    }

    /// The same request, to wherever `request` goes.
    pub fn on(&self, request: Request) -> Request {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        request.signature(Signature::None).header("content-type", kind).body(Body::Unsigned(self.body().into()))
    }
}

/// A policy for that bucket and keys that begin with `in/`, with `more` conditions, good for ten minutes.
pub fn policy(bucket: &str, more: &[&str]) -> String {
    policy_until(
        600,
        &[&[&*format!("{{\"bucket\":\"{bucket}\"}}"), "[\"starts-with\",\"$key\",\"in/\"]"], more].concat(),
    )
}

/// A policy that ends in so many seconds, with these conditions.
pub fn policy_until(seconds: i64, conditions: &[&str]) -> String {
    let end = Timestamp::from_second(Timestamp::now().as_second() + seconds).expect("a time of this century");
    let end = end.strftime("%Y-%m-%dT%H:%M:%S.000Z");
    format!("{{\"expiration\":\"{end}\",\"conditions\":[{}]}}", conditions.join(","))
}
