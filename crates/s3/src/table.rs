//! The table of operations: every request form of S3 that a general purpose bucket knows, whether it is carried out or
//! not. The router allows what stands here and nothing else.
//!
//! Invariants, held by tests: no two rows have the same form; a query key that selects a row is not also one that it may
//! come without; what is authorised is asked of what the request names.

use std::sync::LazyLock;

use model::Action;

/// What an operation is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The service: path `/`.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It is carried out.
    Implemented,
    /// It reads or removes something that nobody can set yet: after authorisation it answers as S3 does for "not set".
    NotSet,
    /// After authorisation it answers NotImplemented, and nothing changes.
    NotImplemented,
}

/// An operation and the form of its request.
#[derive(Debug)]
pub struct Operation {
    /// Which.
    pub op: Op,
    /// S3's name for it.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// What it is asked of.
    pub target: Target,
    /// The query keys that select it; all must be there.
    pub sub: &'static [&'static str],
    /// The header that selects it among rows that are otherwise alike.
    pub header: Option<&'static str>,
    /// Further query keys that it takes.
    pub query: &'static [&'static str],
    /// What is authorised.
    pub action: Action,
    /// What becomes of it.
    pub support: Support,
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op
    }
}

macro_rules! operations {
    ($($method:ident $target:ident $name:ident $sub:expr, $header:expr, $query:expr, $action:ident, $support:ident;)*) => {
        /// An operation of S3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Op { $(#[doc = concat!("S3's ", stringify!($name), ".")] $name,)* }

        /// All operations.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            op: Op::$name,
            name: stringify!($name),
            method: stringify!($method),
            target: Target::$target,
            sub: &$sub,
            header: $header,
            query: &$query,
            action: Action::$action,
            support: Support::$support,
        },)*];
    };
}

const COPY: Option<&str> = Some("x-amz-copy-source");

// Read with care: a key in the first list selects, a key in the second is only taken.
operations! {
    // The delimiter means nothing here; the access test of `s3cmd --configure` sends one.
    GET Service ListBuckets [], None, ["max-buckets", "continuation-token", "delimiter", "prefix", "bucket-region"], ListAllMyBuckets, Implemented;

    PUT Bucket CreateBucket [], None, [], CreateBucket, Implemented;
    HEAD Bucket HeadBucket [], None, [], HeadBucket, Implemented;
    DELETE Bucket DeleteBucket [], None, [], DeleteBucket, Implemented;
    GET Bucket GetBucketLocation ["location"], None, [], GetBucketLocation, Implemented;
    GET Bucket ListObjects [], None, ["delimiter", "encoding-type", "marker", "max-keys", "prefix"], ListBucket, Implemented;
    GET Bucket ListObjectsV2 ["list-type"], None, ["continuation-token", "delimiter", "encoding-type", "fetch-owner", "max-keys", "prefix", "start-after"], ListBucket, Implemented;
    GET Bucket ListObjectVersions ["versions"], None, ["delimiter", "encoding-type", "key-marker", "max-keys", "prefix", "version-id-marker"], ListBucketVersions, Implemented;
    GET Bucket ListMultipartUploads ["uploads"], None, ["delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker"], ListBucketMultipartUploads, Implemented;
    POST Bucket DeleteObjects ["delete"], None, [], DeleteObject, Implemented;
    POST Bucket PostObject [], None, [], PutObject, Implemented;

    GET Bucket GetBucketAcl ["acl"], None, [], GetBucketAcl, Implemented;
    PUT Bucket PutBucketAcl ["acl"], None, [], PutBucketAcl, Implemented;
    GET Bucket GetBucketOwnershipControls ["ownershipControls"], None, [], GetBucketOwnershipControls, Implemented;
    PUT Bucket PutBucketOwnershipControls ["ownershipControls"], None, [], PutBucketOwnershipControls, Implemented;
    DELETE Bucket DeleteBucketOwnershipControls ["ownershipControls"], None, [], PutBucketOwnershipControls, Implemented;
    GET Bucket GetPublicAccessBlock ["publicAccessBlock"], None, [], GetBucketPublicAccessBlock, Implemented;
    PUT Bucket PutPublicAccessBlock ["publicAccessBlock"], None, [], PutBucketPublicAccessBlock, Implemented;
    DELETE Bucket DeletePublicAccessBlock ["publicAccessBlock"], None, [], PutBucketPublicAccessBlock, Implemented;

    GET Bucket GetBucketPolicy ["policy"], None, [], GetBucketPolicy, Implemented;
    PUT Bucket PutBucketPolicy ["policy"], None, [], PutBucketPolicy, Implemented;
    DELETE Bucket DeleteBucketPolicy ["policy"], None, [], DeleteBucketPolicy, Implemented;
    GET Bucket GetBucketPolicyStatus ["policyStatus"], None, [], GetBucketPolicyStatus, Implemented;
    GET Bucket GetBucketTagging ["tagging"], None, [], GetBucketTagging, Implemented;
    PUT Bucket PutBucketTagging ["tagging"], None, [], PutBucketTagging, Implemented;
    DELETE Bucket DeleteBucketTagging ["tagging"], None, [], PutBucketTagging, Implemented;
    GET Bucket GetBucketVersioning ["versioning"], None, [], GetBucketVersioning, NotSet;
    PUT Bucket PutBucketVersioning ["versioning"], None, [], PutBucketVersioning, NotImplemented;
    GET Bucket GetBucketCors ["cors"], None, [], GetBucketCORS, NotSet;
    PUT Bucket PutBucketCors ["cors"], None, [], PutBucketCORS, NotImplemented;
    DELETE Bucket DeleteBucketCors ["cors"], None, [], PutBucketCORS, NotSet;
    GET Bucket GetBucketLifecycleConfiguration ["lifecycle"], None, [], GetLifecycleConfiguration, NotSet;
    PUT Bucket PutBucketLifecycleConfiguration ["lifecycle"], None, [], PutLifecycleConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketLifecycle ["lifecycle"], None, [], PutLifecycleConfiguration, NotSet;
    GET Bucket GetBucketEncryption ["encryption"], None, [], GetEncryptionConfiguration, NotSet;
    PUT Bucket PutBucketEncryption ["encryption"], None, [], PutEncryptionConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketEncryption ["encryption"], None, [], PutEncryptionConfiguration, NotSet;
    GET Bucket GetBucketWebsite ["website"], None, [], GetBucketWebsite, NotSet;
    PUT Bucket PutBucketWebsite ["website"], None, [], PutBucketWebsite, NotImplemented;
    DELETE Bucket DeleteBucketWebsite ["website"], None, [], DeleteBucketWebsite, NotSet;
    GET Bucket GetBucketReplication ["replication"], None, [], GetReplicationConfiguration, NotSet;
    PUT Bucket PutBucketReplication ["replication"], None, [], PutReplicationConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketReplication ["replication"], None, [], PutReplicationConfiguration, NotSet;
    GET Bucket GetBucketLogging ["logging"], None, [], GetBucketLogging, NotSet;
    PUT Bucket PutBucketLogging ["logging"], None, [], PutBucketLogging, NotImplemented;
    GET Bucket GetBucketNotificationConfiguration ["notification"], None, [], GetBucketNotification, NotSet;
    PUT Bucket PutBucketNotificationConfiguration ["notification"], None, [], PutBucketNotification, NotImplemented;
    GET Bucket GetBucketRequestPayment ["requestPayment"], None, [], GetBucketRequestPayment, NotSet;
    PUT Bucket PutBucketRequestPayment ["requestPayment"], None, [], PutBucketRequestPayment, NotImplemented;
    GET Bucket GetBucketAccelerateConfiguration ["accelerate"], None, [], GetAccelerateConfiguration, NotSet;
    PUT Bucket PutBucketAccelerateConfiguration ["accelerate"], None, [], PutAccelerateConfiguration, NotImplemented;
    GET Bucket GetObjectLockConfiguration ["object-lock"], None, [], GetBucketObjectLockConfiguration, NotSet;
    PUT Bucket PutObjectLockConfiguration ["object-lock"], None, [], PutBucketObjectLockConfiguration, NotImplemented;
    GET Bucket GetBucketAbac ["abac"], None, [], GetBucketAbac, NotImplemented;
    PUT Bucket PutBucketAbac ["abac"], None, [], PutBucketAbac, NotImplemented;

    GET Bucket GetBucketAnalyticsConfiguration ["analytics", "id"], None, [], GetAnalyticsConfiguration, NotSet;
    PUT Bucket PutBucketAnalyticsConfiguration ["analytics", "id"], None, [], PutAnalyticsConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketAnalyticsConfiguration ["analytics", "id"], None, [], PutAnalyticsConfiguration, NotSet;
    GET Bucket ListBucketAnalyticsConfigurations ["analytics"], None, ["continuation-token"], GetAnalyticsConfiguration, NotSet;
    GET Bucket GetBucketIntelligentTieringConfiguration ["id", "intelligent-tiering"], None, [], GetIntelligentTieringConfiguration, NotSet;
    PUT Bucket PutBucketIntelligentTieringConfiguration ["id", "intelligent-tiering"], None, [], PutIntelligentTieringConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketIntelligentTieringConfiguration ["id", "intelligent-tiering"], None, [], PutIntelligentTieringConfiguration, NotSet;
    GET Bucket ListBucketIntelligentTieringConfigurations ["intelligent-tiering"], None, ["continuation-token"], GetIntelligentTieringConfiguration, NotSet;
    GET Bucket GetBucketInventoryConfiguration ["id", "inventory"], None, [], GetInventoryConfiguration, NotSet;
    PUT Bucket PutBucketInventoryConfiguration ["id", "inventory"], None, [], PutInventoryConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketInventoryConfiguration ["id", "inventory"], None, [], PutInventoryConfiguration, NotSet;
    GET Bucket ListBucketInventoryConfigurations ["inventory"], None, ["continuation-token"], GetInventoryConfiguration, NotSet;
    GET Bucket GetBucketMetricsConfiguration ["id", "metrics"], None, [], GetMetricsConfiguration, NotSet;
    PUT Bucket PutBucketMetricsConfiguration ["id", "metrics"], None, [], PutMetricsConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketMetricsConfiguration ["id", "metrics"], None, [], PutMetricsConfiguration, NotSet;
    GET Bucket ListBucketMetricsConfigurations ["metrics"], None, ["continuation-token"], GetMetricsConfiguration, NotSet;
    GET Bucket GetBucketMetadataConfiguration ["metadataConfiguration"], None, [], GetBucketMetadataTableConfiguration, NotImplemented;
    POST Bucket CreateBucketMetadataConfiguration ["metadataConfiguration"], None, [], CreateBucketMetadataTableConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketMetadataConfiguration ["metadataConfiguration"], None, [], DeleteBucketMetadataTableConfiguration, NotImplemented;
    GET Bucket GetBucketMetadataTableConfiguration ["metadataTable"], None, [], GetBucketMetadataTableConfiguration, NotImplemented;
    POST Bucket CreateBucketMetadataTableConfiguration ["metadataTable"], None, [], CreateBucketMetadataTableConfiguration, NotImplemented;
    DELETE Bucket DeleteBucketMetadataTableConfiguration ["metadataTable"], None, [], DeleteBucketMetadataTableConfiguration, NotImplemented;
    PUT Bucket UpdateBucketMetadataInventoryTableConfiguration ["metadataInventoryTable"], None, [], UpdateBucketMetadataTableConfiguration, NotImplemented;
    PUT Bucket UpdateBucketMetadataJournalTableConfiguration ["metadataJournalTable"], None, [], UpdateBucketMetadataTableConfiguration, NotImplemented;

    PUT Object PutObject [], None, [], PutObject, Implemented;
    PUT Object CopyObject [], COPY, [], PutObject, Implemented;
    GET Object GetObject [], None, ["partNumber", "versionId", "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires"], GetObject, Implemented;
    HEAD Object HeadObject [], None, ["partNumber", "versionId", "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires"], GetObject, Implemented;
    DELETE Object DeleteObject [], None, ["versionId"], DeleteObject, Implemented;
    GET Object GetObjectAttributes ["attributes"], None, ["versionId"], GetObjectAttributes, Implemented;
    GET Object GetObjectAcl ["acl"], None, ["versionId"], GetObjectAcl, Implemented;
    PUT Object PutObjectAcl ["acl"], None, ["versionId"], PutObjectAcl, Implemented;
    GET Object GetObjectTagging ["tagging"], None, ["versionId"], GetObjectTagging, Implemented;
    PUT Object PutObjectTagging ["tagging"], None, ["versionId"], PutObjectTagging, Implemented;
    DELETE Object DeleteObjectTagging ["tagging"], None, ["versionId"], DeleteObjectTagging, Implemented;
    GET Object GetObjectLegalHold ["legal-hold"], None, ["versionId"], GetObjectLegalHold, NotSet;
    PUT Object PutObjectLegalHold ["legal-hold"], None, ["versionId"], PutObjectLegalHold, NotImplemented;
    GET Object GetObjectRetention ["retention"], None, ["versionId"], GetObjectRetention, NotSet;
    PUT Object PutObjectRetention ["retention"], None, ["versionId"], PutObjectRetention, NotImplemented;
    GET Object GetObjectTorrent ["torrent"], None, [], GetObjectTorrent, NotImplemented;
    POST Object RestoreObject ["restore"], None, ["versionId"], RestoreObject, NotImplemented;
    POST Object SelectObjectContent ["select", "select-type"], None, [], GetObject, NotImplemented;
    PUT Object RenameObject ["renameObject"], None, [], PutObject, NotImplemented;
    PUT Object UpdateObjectEncryption ["encryption"], None, ["versionId"], UpdateObjectEncryption, NotImplemented;

    POST Object CreateMultipartUpload ["uploads"], None, [], PutObject, Implemented;
    PUT Object UploadPart ["partNumber", "uploadId"], None, [], PutObject, Implemented;
    PUT Object UploadPartCopy ["partNumber", "uploadId"], COPY, [], PutObject, Implemented;
    GET Object ListParts ["uploadId"], None, ["encoding-type", "max-parts", "part-number-marker"], ListMultipartUploadParts, Implemented;
    POST Object CompleteMultipartUpload ["uploadId"], None, [], PutObject, Implemented;
    DELETE Object AbortMultipartUpload ["uploadId"], None, [], AbortMultipartUpload, Implemented;
}

impl Operation {
    /// The row of `op`.
    pub fn of(op: Op) -> &'static Operation {
        // The rows and the variants are declared by the same lines, in the same order.
        &OPERATIONS[op as usize]
    }

    /// Whether it changes nothing.
    pub fn reads_only(&self) -> bool {
        matches!(self.method, "GET" | "HEAD") || self.op == Op::SelectObjectContent
    }
}

/// The rows of a target and method, in the table's order; they are looked for with every request.
pub(crate) fn rows(target: Target, method: &str) -> &'static [&'static Operation] {
    static SORTED: LazyLock<Vec<(Target, &str, Vec<&Operation>)>> = LazyLock::new(|| {
        let mut sorted: Vec<(Target, &str, Vec<&Operation>)> = vec![];
        for row in OPERATIONS {
            match sorted.iter_mut().find(|(target, method, _)| (*target, *method) == (row.target, row.method)) {
                Some((_, _, rows)) => rows.push(row),
                None => sorted.push((row.target, row.method, vec![row])),
            }
        }
        sorted
    });
    let found = SORTED.iter().find(|(known, of, _)| *known == target && *of == method);
    found.map_or(&[], |(_, _, rows)| rows)
}

/// Whether some operation is selected by the query key `key`.
pub(crate) fn is_sub_resource(key: &str) -> bool {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let mut all: Vec<&str> = OPERATIONS.iter().flat_map(|row| row.sub).copied().collect();
        all.sort_unstable();
        all
    });
    SORTED.binary_search(&key).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::{Purpose, purpose};

    #[test]
    fn no_two_rows_have_the_same_form() {
        for (at, row) in OPERATIONS.iter().enumerate() {
            for other in &OPERATIONS[..at] {
                let same = row.method == other.method && row.target == other.target && row.header == other.header;
                let subs = row.sub.len() == other.sub.len() && row.sub.iter().all(|key| other.sub.contains(key));
                assert!(!(same && subs), "{} and {}", row.name, other.name);
            }
            assert!(row.sub.iter().all(|key| !row.query.contains(key)), "{}", row.name);
            let for_itself = |key: &&str| purpose(key) == Purpose::Request;
            assert!(row.sub.iter().chain(row.query).all(for_itself), "{} takes a key of a signature", row.name);
            assert!(rows(row.target, row.method).contains(&row), "{}", row.name);
        }
    }

    #[test]
    fn what_is_authorised_is_asked_of_what_the_request_names() {
        for row in OPERATIONS {
            // These two name their objects in the body.
            let objects = row.target == Target::Object || matches!(row.op, Op::DeleteObjects | Op::PostObject);
            assert_eq!(row.action.on_object(), objects, "{}", row.name);
            assert_eq!(row.target == Target::Service, row.action == Action::ListAllMyBuckets, "{}", row.name);
            assert!(row.support != Support::NotSet || matches!(row.method, "GET" | "DELETE"), "{}", row.name);
        }
    }

    #[test]
    fn nothing_that_writes_is_authorised_as_a_read() {
        let reads = |action: Action| {
            let name = action.as_str();
            ["s3:Get", "s3:List", "s3:Head"].iter().any(|begin| name.starts_with(begin))
        };
        for row in OPERATIONS {
            assert_eq!(row.reads_only(), reads(row.action), "{}", row.name);
        }
    }
}
