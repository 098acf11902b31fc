//! Every request that is ever sent, and what its answers mean.

use client::{Answer, Method, Request, encode_key};

use super::places::Place;

/// A question to the endpoint.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// What is asked, in a word or two.
    pub(super) what: &'static str,
    /// S3's name of the action that is decided on.
    pub(super) action: &'static str,
    pub(super) method: Method,
    /// `bucket`, `bucket/key` or empty.
    pub(super) bucket: String,
    pub(super) key: String,
    /// As it stands in a URL.
    pub(super) query: String,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
    /// What a success looks like.
    shape: Shape,
    /// How an answer tells that it is allowed.
    pub(super) allowed: Allowed,
}

/// What the body of a success is: something that speaks HTTP but no S3 answers 200 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Any,
    /// A document with this root.
    Xml(&'static str),
    Json,
}

/// What an answer looks like when the request was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It succeeds, or one of these codes says that there is nothing to read.
    Reads(&'static [&'static str]),
    /// One of these codes says why it was not carried out; success would be an answer to something else. Asked by nobody
    /// it must be refused, or it tells nothing.
    Fails(&'static [&'static str]),
    /// It does nothing because nothing is there: success, or one of these codes or statuses.
    DoesNothing(&'static [&'static str], &'static [u16]),
}

/// A completion of an upload that was never begun.
const COMPLETE: &str = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><PartNumber>1</PartNumber>\
    <ETag>\"00000000000000000000000000000000\"</ETag></Part></CompleteMultipartUpload>";

/// What is no ACL and no policy, and cannot be taken for the beginning of a short one.
const NO_ACL: &str = "<AccessControlPolicy><this is no access control list";
const NO_POLICY: &str = "{\"this is no policy\":";

const OBJECT_IS_ARCHIVED: &[&str] = &["InvalidObjectState", "InvalidRange"];

/// A name that nothing has: 128 bits at random.
///
/// # Errors
/// The system's, if it gives out no random numbers.
pub(super) fn fresh() -> Result<String, getrandom::Error> {
    Ok(format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?))
}

impl Question {
    fn read(
        what: &'static str,
        action: &'static str,
        bucket: &str,
        query: &str,
        none: &'static [&'static str],
    ) -> Self {
        Question {
            what,
            action,
            method: Method::GET,
            bucket: bucket.to_owned(),
            key: String::new(),
            query: query.to_owned(),
            headers: vec![],
            body: "",
            shape: Shape::Any,
            allowed: Allowed::Reads(none),
        }
    }

    fn shaped(self, shape: Shape) -> Self {
        Question { shape, ..self }
    }

    /// Whether a success is one of S3's.
    pub(super) fn fits(&self, answer: &Answer) -> bool {
        match self.shape {
            Shape::Any => true,
            Shape::Xml(root) => !answer.elements(&[root]).is_empty(),
            Shape::Json => answer.body.trim_ascii_start().starts_with(b"{"),
        }
    }

    /// Which buckets there are.
    pub(super) fn list_buckets() -> Self {
        Question::read("list buckets", "s3:ListAllMyBuckets", "", "", &[]).shaped(Shape::Xml("ListAllMyBucketsResult"))
    }

    /// Whether the bucket is there.
    pub(super) fn see(bucket: &str) -> Self {
        Question { method: Method::HEAD, ..Question::read("see", "s3:HeadBucket", bucket, "", &[]) }
    }

    /// What lies in a place: keys come with the answer.
    pub(super) fn list(place: &Place) -> Self {
        let query = format!("list-type=2&max-keys=10&prefix={}", client::encode_component(&place.prefix));
        Question::read("list", "s3:ListBucket", &place.bucket, &query, &[]).shaped(Shape::Xml("ListBucketResult"))
    }

    /// Whether the bucket keeps versions.
    pub(super) fn versioning(bucket: &str) -> Self {
        Question::read("read versioning", "s3:GetBucketVersioning", bucket, "versioning", &[])
            .shaped(Shape::Xml("VersioningConfiguration"))
    }

    /// What else is to be read of a bucket.
    pub(super) fn of_bucket(place: &Place) -> Vec<Self> {
        let bucket = place.bucket.as_str();
        let prefix = client::encode_component(&place.prefix);
        let read = |what, action, query: &str, none| Question::read(what, action, bucket, query, none);
        let (versions, uploads) =
            (format!("versions&max-keys=1&prefix={prefix}"), format!("uploads&max-uploads=1&prefix={prefix}"));
        vec![
            read("list versions", "s3:ListBucketVersions", &versions, &[]).shaped(Shape::Xml("ListVersionsResult")),
            read("list uploads", "s3:ListBucketMultipartUploads", &uploads, &[])
                .shaped(Shape::Xml("ListMultipartUploadsResult")),
            read("read location", "s3:GetBucketLocation", "location", &[]).shaped(Shape::Xml("LocationConstraint")),
            read("read tags", "s3:GetBucketTagging", "tagging", &["NoSuchTagSet", "NoSuchTagSetError"])
                .shaped(Shape::Xml("Tagging")),
            read("read ACL", "s3:GetBucketAcl", "acl", &[]).shaped(Shape::Xml("AccessControlPolicy")),
            read("read policy", "s3:GetBucketPolicy", "policy", &["NoSuchBucketPolicy"]).shaped(Shape::Json),
            read("read policy status", "s3:GetBucketPolicyStatus", "policyStatus", &["NoSuchBucketPolicy"])
                .shaped(Shape::Xml("PolicyStatus")),
            read(
                "read ownership",
                "s3:GetBucketOwnershipControls",
                "ownershipControls",
                &["OwnershipControlsNotFoundError"],
            )
            .shaped(Shape::Xml("OwnershipControls")),
            read(
                "read public access block",
                "s3:GetBucketPublicAccessBlock",
                "publicAccessBlock",
                &["NoSuchPublicAccessBlockConfiguration"],
            )
            .shaped(Shape::Xml("PublicAccessBlockConfiguration")),
        ]
    }

    /// What is to be read of an object that is there: its first byte, its ACL, its tags.
    pub(super) fn of_object(bucket: &str, key: &str) -> Vec<Self> {
        let read = |what, action, query| Question {
            key: key.to_owned(),
            ..Question::read(what, action, bucket, query, OBJECT_IS_ARCHIVED)
        };
        let first_byte =
            Question { headers: vec![("range", "bytes=0-0".to_owned())], ..read("read", "s3:GetObject", "") };
        vec![
            first_byte,
            read("read object ACL", "s3:GetObjectAcl", "acl").shaped(Shape::Xml("AccessControlPolicy")),
            read("read object tags", "s3:GetObjectTagging", "tagging").shaped(Shape::Xml("Tagging")),
        ]
    }

    /// Whether a key may be written: `what` it is called depends on whether something is there.
    pub(super) fn write(what: &'static str, bucket: &str, key: &str, no_upload: &str) -> Self {
        Question {
            method: Method::POST,
            key: key.to_owned(),
            body: COMPLETE,
            allowed: Allowed::Fails(&["NoSuchUpload"]),
            ..Question::read(what, "s3:PutObject", bucket, &format!("uploadId={no_upload}"), &[])
        }
    }

    /// Whether a key that is not there may be deleted. Only for a bucket that keeps no versions: in one that does, an
    /// endpoint that passes over the condition would put a delete marker there.
    pub(super) fn delete(bucket: &str, key: &str, no_etag: &str) -> Self {
        Question {
            method: Method::DELETE,
            key: key.to_owned(),
            headers: vec![("if-match", format!("\"{no_etag}\""))],
            allowed: Allowed::DoesNothing(&["PreconditionFailed", "NoSuchKey"], &[200, 204]),
            ..Question::read("delete", "s3:DeleteObject", bucket, "", &[])
        }
    }

    /// Whether ACL and policy of a bucket that is there may be changed.
    pub(super) fn change_settings(bucket: &str) -> Vec<Self> {
        let put = |what, action, query, body, codes| Question {
            method: Method::PUT,
            body,
            allowed: Allowed::Fails(codes),
            ..Question::read(what, action, bucket, query, &[])
        };
        vec![
            put("change ACL", "s3:PutBucketAcl", "acl", NO_ACL, &["MalformedACLError", "MalformedXML"]),
            put("change policy", "s3:PutBucketPolicy", "policy", NO_POLICY, &["MalformedPolicy"]),
        ]
    }

    /// The request, with the bucket in the path or, in virtual-host style, in the host's name.
    pub(super) fn request(&self, virtual_host: bool) -> Request {
        let path = match (virtual_host && !self.bucket.is_empty(), self.key.is_empty()) {
            (true, _) => format!("/{}", encode_key(&self.key)),
            (false, true) => format!("/{}", self.bucket),
            (false, false) => format!("/{}/{}", self.bucket, encode_key(&self.key)),
        };
        let mut request = Request::new(self.method.clone(), path);
        if !self.query.is_empty() {
            request = request.raw_query(&self.query);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.clone());
        }
        if self.body.is_empty() { request } else { request.bytes(self.body) }
    }

    /// Method, place and query, for people: always with the bucket in the path.
    pub(super) fn shown(&self) -> String {
        let slash = if self.key.is_empty() { "" } else { "/" };
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} /{}{slash}{}{mark}{}", self.method, self.bucket, encode_key(&self.key), self.query)
    }
}
