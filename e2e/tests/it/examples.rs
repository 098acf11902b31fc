//! A well-formed request for every row of the table of operations, and the bucket at which all of them can be aimed.
//!
//! The match over [`Op`] is exhaustive, so a new operation does not compile before it has an example here; and
//! isolation's tests send each to a bucket of the caller's own, where it must not be refused as malformed.

use client::{Body, Method, Request, S3, Source};
use s3::table::{Op, Operation};
use testkit::{acl_document, by_id};

use crate::field_rig::ok;

/// The key of the object that is there.
const KEY: &str = "victim.txt";
/// The key of another one, for copies.
pub const SOURCE: &str = "source.txt";

/// What a request is aimed at.
#[derive(Debug, Clone)]
pub struct Aim {
    pub bucket: String,
    /// An object that is there, if the bucket is.
    pub key: String,
    /// The canonical id of the bucket's owner.
    pub owner: String,
    /// An unfinished upload of `key`, and the tag of its part 1.
    pub upload: String,
    pub part: String,
    /// What copies read: `bucket/key`.
    pub source: String,
}

/// A new bucket of `whose`, with two objects and an unfinished upload; copies read the second object.
pub async fn prepare(whose: &S3, name: &str, owner_id: &str) -> Aim {
    ok(&whose.put(name, "").await.unwrap());
    ok(&whose.put(&format!("{name}/{KEY}"), "the victim's bytes").await.unwrap());
    let source = format!("{name}/{SOURCE}");
    ok(&whose.put(&source, "to be copied").await.unwrap());
    let begun = whose.post(&format!("{name}/{KEY}?uploads"), "").await.unwrap();
    let upload = begun.elements(&["InitiateMultipartUploadResult", "UploadId"])[0].clone();
    let part = whose.put(&format!("{name}/{KEY}?partNumber=1&uploadId={upload}"), "part").await.unwrap();
    let part = part.header("etag").unwrap().to_owned();
    let (bucket, key, owner) = (name.to_owned(), KEY.to_owned(), owner_id.to_owned());
    Aim { bucket, key, owner, upload, part, source }
}

/// Everything there is to know of a bucket, as `whose`, its owner, sees it.
pub async fn snapshot(whose: &S3, aim: &Aim) -> Vec<(String, u16, String)> {
    let Aim { bucket, key, upload, .. } = aim;
    let mut seen = vec![];
    for place in [
        format!("{bucket}?list-type=2&fetch-owner=true"),
        format!("{bucket}?acl"),
        format!("{bucket}?uploads"),
        format!("{bucket}?ownershipControls"),
        format!("{bucket}?publicAccessBlock"),
        format!("{bucket}?policy"),
        format!("{bucket}?tagging"),
        format!("{bucket}/{key}"),
        format!("{bucket}/{key}?acl"),
        format!("{bucket}/{key}?tagging"),
        format!("{bucket}/{key}?uploadId={upload}"),
    ] {
        let answer = whose.get(&place).await.unwrap();
        // An error's body names the request.
        let text = if answer.status == 200 { answer.text() } else { answer.code().unwrap_or_default() };
        seen.push((place, answer.status, text));
    }
    seen
}

/// What a row's request has beside what the table says of it.
#[derive(Default)]
struct Example {
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn body(text: impl Into<String>) -> Example {
    Example { body: text.into(), ..Example::default() }
}

fn document(root: &str, inside: &str) -> Example {
    body(format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</{root}>"))
}

fn header(name: &'static str, value: impl Into<String>) -> Example {
    Example { headers: vec![(name, value.into())], ..Example::default() }
}

/// The request of that row.
pub fn request(row: &Operation, aim: &Aim) -> Request {
    let method = Method::from_bytes(row.method.as_bytes()).unwrap();
    let path = match row.target {
        s3::table::Target::Service => "/".to_owned(),
        s3::table::Target::Bucket => format!("/{}", aim.bucket),
        s3::table::Target::Object => format!("/{}/{}", aim.bucket, aim.key),
    };
    let query: Vec<String> = row
        .sub
        .iter()
        .map(|key| match *key {
            "uploadId" => format!("uploadId={}", aim.upload),
            "partNumber" => "partNumber=1".into(),
            "list-type" | "select-type" => format!("{key}=2"),
            "id" => "id=x".into(),
            plain => plain.to_owned(),
        })
        .collect();
    let mut request = Request::new(method, path).raw_query(&query.join("&"));
    if let Some(name) = row.header {
        assert_eq!(name, "x-amz-copy-source", "{}: this header has no example", row.name);
        request = request.header(name, format!("/{}", aim.source));
    }
    let example = example(row.op, aim);
    for (name, value) in example.headers {
        request = request.header(name, value);
    }
    if matches!(row.method, "PUT" | "POST") { request.body(Body::Signed(Source::from(example.body))) } else { request }
}

fn example(op: Op, aim: &Aim) -> Example {
    let full_control = || acl_document(&aim.owner, &[(by_id(&aim.owner), "FULL_CONTROL")]);
    match op {
        Op::ListBuckets
        | Op::CreateBucket
        | Op::HeadBucket
        | Op::DeleteBucket
        | Op::GetBucketLocation
        | Op::ListObjects
        | Op::ListObjectsV2
        | Op::ListObjectVersions
        | Op::ListMultipartUploads
        | Op::GetBucketAcl
        | Op::GetBucketOwnershipControls
        | Op::DeleteBucketOwnershipControls
        | Op::GetPublicAccessBlock
        | Op::DeletePublicAccessBlock
        | Op::GetBucketPolicy
        | Op::DeleteBucketPolicy
        | Op::GetBucketPolicyStatus
        | Op::GetBucketTagging
        | Op::DeleteBucketTagging
        | Op::GetBucketVersioning
        | Op::GetBucketCors
        | Op::DeleteBucketCors
        | Op::GetBucketLifecycleConfiguration
        | Op::DeleteBucketLifecycle
        | Op::GetBucketEncryption
        | Op::DeleteBucketEncryption
        | Op::GetBucketWebsite
        | Op::DeleteBucketWebsite
        | Op::GetBucketReplication
        | Op::DeleteBucketReplication
        | Op::GetBucketLogging
        | Op::GetBucketNotificationConfiguration
        | Op::GetBucketRequestPayment
        | Op::GetBucketAccelerateConfiguration
        | Op::GetObjectLockConfiguration
        | Op::GetBucketAbac
        | Op::GetBucketAnalyticsConfiguration
        | Op::DeleteBucketAnalyticsConfiguration
        | Op::ListBucketAnalyticsConfigurations
        | Op::GetBucketIntelligentTieringConfiguration
        | Op::DeleteBucketIntelligentTieringConfiguration
        | Op::ListBucketIntelligentTieringConfigurations
        | Op::GetBucketInventoryConfiguration
        | Op::DeleteBucketInventoryConfiguration
        | Op::ListBucketInventoryConfigurations
        | Op::GetBucketMetricsConfiguration
        | Op::DeleteBucketMetricsConfiguration
        | Op::ListBucketMetricsConfigurations
        | Op::GetBucketMetadataConfiguration
        | Op::DeleteBucketMetadataConfiguration
        | Op::GetBucketMetadataTableConfiguration
        | Op::DeleteBucketMetadataTableConfiguration
        | Op::CopyObject
        | Op::GetObject
        | Op::HeadObject
        | Op::DeleteObject
        | Op::GetObjectAcl
        | Op::GetObjectTagging
        | Op::DeleteObjectTagging
        | Op::GetObjectLegalHold
        | Op::GetObjectRetention
        | Op::GetObjectTorrent
        | Op::CreateMultipartUpload
        | Op::UploadPartCopy
        | Op::ListParts
        | Op::AbortMultipartUpload => Example::default(),

        Op::DeleteObjects => {
            let text = format!("<Delete><Object><Key>{}</Key></Object></Delete>", aim.key);
            let md5 = Source::from(text.clone()).md5_base64();
            Example { headers: vec![("content-md5", md5)], body: text }
        }
        Op::PostObject => Example {
            headers: vec![("content-type", "multipart/form-data; boundary=b".into())],
            body: "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nposted\r\n\
                   --b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nbytes\r\n--b--\r\n"
                .into(),
        },
        Op::PutBucketAcl | Op::PutObjectAcl => body(full_control()),
        Op::PutBucketOwnershipControls => {
            document("OwnershipControls", "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>")
        }
        Op::PutPublicAccessBlock => {
            document("PublicAccessBlockConfiguration", "<BlockPublicAcls>true</BlockPublicAcls>")
        }
        Op::PutBucketPolicy => body(format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Principal\":\"*\",\
             \"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::{}/*\"}}]}}",
            aim.bucket
        )),
        Op::PutBucketTagging | Op::PutObjectTagging => {
            document("Tagging", "<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>")
        }
        Op::PutBucketVersioning => document("VersioningConfiguration", "<Status>Enabled</Status>"),
        Op::PutBucketCors => document(
            "CORSConfiguration",
            "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>",
        ),
        Op::PutBucketLifecycleConfiguration => document(
            "LifecycleConfiguration",
            "<Rule><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
        ),
        Op::PutBucketEncryption => document(
            "ServerSideEncryptionConfiguration",
            "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
             </ApplyServerSideEncryptionByDefault></Rule>",
        ),
        Op::PutBucketWebsite => {
            document("WebsiteConfiguration", "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>")
        }
        Op::PutBucketReplication => document(
            "ReplicationConfiguration",
            "<Role>arn:aws:iam::1:role/r</Role><Rule><Status>Enabled</Status><Prefix></Prefix>\
             <Destination><Bucket>arn:aws:s3:::elsewhere</Bucket></Destination></Rule>",
        ),
        Op::PutBucketLogging => document("BucketLoggingStatus", ""),
        Op::PutBucketNotificationConfiguration => document("NotificationConfiguration", ""),
        Op::PutBucketRequestPayment => document("RequestPaymentConfiguration", "<Payer>Requester</Payer>"),
        Op::PutBucketAccelerateConfiguration => document("AccelerateConfiguration", "<Status>Enabled</Status>"),
        Op::PutObjectLockConfiguration => {
            document("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
        }
        Op::PutBucketAbac => document("AbacStatus", "<Status>Enabled</Status>"),
        Op::PutBucketAnalyticsConfiguration => document("AnalyticsConfiguration", "<Id>x</Id>"),
        Op::PutBucketIntelligentTieringConfiguration => document("IntelligentTieringConfiguration", "<Id>x</Id>"),
        Op::PutBucketInventoryConfiguration => document("InventoryConfiguration", "<Id>x</Id>"),
        Op::PutBucketMetricsConfiguration => document("MetricsConfiguration", "<Id>x</Id>"),
        Op::CreateBucketMetadataConfiguration => document("MetadataConfiguration", ""),
        Op::CreateBucketMetadataTableConfiguration => document("MetadataTableConfiguration", ""),
        Op::UpdateBucketMetadataInventoryTableConfiguration => document("InventoryTableConfiguration", ""),
        Op::UpdateBucketMetadataJournalTableConfiguration => document("JournalTableConfiguration", ""),
        Op::PutObject | Op::UploadPart => body("other bytes"),
        Op::GetObjectAttributes => header("x-amz-object-attributes", "ETag,ObjectSize"),
        Op::PutObjectLegalHold => document("LegalHold", "<Status>ON</Status>"),
        Op::PutObjectRetention => {
            document("Retention", "<Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate>")
        }
        Op::RestoreObject => document("RestoreRequest", "<Days>1</Days>"),
        Op::SelectObjectContent => document(
            "SelectObjectContentRequest",
            "<Expression>SELECT * FROM S3Object</Expression><ExpressionType>SQL</ExpressionType>",
        ),
        Op::RenameObject => header("if-match", "*"),
        Op::UpdateObjectEncryption => document("ObjectEncryption", "<SSE-S3/>"),
        Op::CompleteMultipartUpload => document(
            "CompleteMultipartUpload",
            &format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", aim.part),
        ),
    }
}
