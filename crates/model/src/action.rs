//! What a caller may be allowed to do, under the names of S3's actions.

/// What an action is asked of, and whether it concerns a setting beside what ACLs know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Service,
    Bucket,
    BucketSetting,
    Object,
    ObjectSetting,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $kind:ident;)*) => {
        /// What is decided over. The names are those of S3's policy actions (Service Authorization Reference, "Actions,
        /// resources, and condition keys for Amazon S3"); where one S3 action covers requests that an ACL tells apart
        /// (HeadBucket), Bailiwick has one for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];

            /// As reports spell it; no two are alike.
            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$name => $text,)* }
            }

            const fn kind(self) -> Kind {
                match self { $(Action::$name => Kind::$kind,)* }
            }
        }
    };
}

actions! {
    /// See one's own list of buckets.
    ListAllMyBuckets = "s3:ListAllMyBuckets", Service;
    /// Make a bucket.
    CreateBucket = "s3:CreateBucket", Bucket;
    /// Remove an empty bucket.
    DeleteBucket = "s3:DeleteBucket", Bucket;
    /// Learn that a bucket exists and may be listed.
    HeadBucket = "s3:HeadBucket", Bucket;
    /// Learn a bucket's region.
    GetBucketLocation = "s3:GetBucketLocation", Bucket;
    /// List a bucket's objects.
    ListBucket = "s3:ListBucket", Bucket;
    /// List the versions of a bucket's objects.
    ListBucketVersions = "s3:ListBucketVersions", Bucket;
    /// List a bucket's unfinished uploads.
    ListBucketMultipartUploads = "s3:ListBucketMultipartUploads", Bucket;
    /// Read a bucket's ACL.
    GetBucketAcl = "s3:GetBucketAcl", Bucket;
    /// Change a bucket's ACL.
    PutBucketAcl = "s3:PutBucketAcl", Bucket;
    /// Read a bucket's policy.
    GetBucketPolicy = "s3:GetBucketPolicy", BucketSetting;
    /// Change a bucket's policy.
    PutBucketPolicy = "s3:PutBucketPolicy", BucketSetting;
    /// Remove a bucket's policy.
    DeleteBucketPolicy = "s3:DeleteBucketPolicy", BucketSetting;
    /// Learn whether a bucket's policy is public.
    GetBucketPolicyStatus = "s3:GetBucketPolicyStatus", BucketSetting;
    /// Read who owns what lands in a bucket.
    GetBucketOwnershipControls = "s3:GetBucketOwnershipControls", BucketSetting;
    /// Change who owns what lands in a bucket.
    PutBucketOwnershipControls = "s3:PutBucketOwnershipControls", BucketSetting;
    /// Read what public access to a bucket is blocked.
    GetBucketPublicAccessBlock = "s3:GetBucketPublicAccessBlock", BucketSetting;
    /// Change what public access to a bucket is blocked.
    PutBucketPublicAccessBlock = "s3:PutBucketPublicAccessBlock", BucketSetting;
    /// Read a bucket's tags.
    GetBucketTagging = "s3:GetBucketTagging", BucketSetting;
    /// Change a bucket's tags.
    PutBucketTagging = "s3:PutBucketTagging", BucketSetting;
    /// Give a bucket tags while making it.
    TagResource = "s3:TagResource", BucketSetting;
    /// Read whether a bucket keeps versions.
    GetBucketVersioning = "s3:GetBucketVersioning", BucketSetting;
    /// Change whether a bucket keeps versions.
    PutBucketVersioning = "s3:PutBucketVersioning", BucketSetting;
    /// Read a bucket's CORS rules.
    GetBucketCORS = "s3:GetBucketCORS", BucketSetting;
    /// Change a bucket's CORS rules.
    PutBucketCORS = "s3:PutBucketCORS", BucketSetting;
    /// Read a bucket's lifecycle rules.
    GetLifecycleConfiguration = "s3:GetLifecycleConfiguration", BucketSetting;
    /// Change a bucket's lifecycle rules.
    PutLifecycleConfiguration = "s3:PutLifecycleConfiguration", BucketSetting;
    /// Read a bucket's default encryption.
    GetEncryptionConfiguration = "s3:GetEncryptionConfiguration", BucketSetting;
    /// Change a bucket's default encryption.
    PutEncryptionConfiguration = "s3:PutEncryptionConfiguration", BucketSetting;
    /// Read a bucket's website.
    GetBucketWebsite = "s3:GetBucketWebsite", BucketSetting;
    /// Change a bucket's website.
    PutBucketWebsite = "s3:PutBucketWebsite", BucketSetting;
    /// Read a bucket's replication rules.
    GetReplicationConfiguration = "s3:GetReplicationConfiguration", BucketSetting;
    /// Change a bucket's replication rules.
    PutReplicationConfiguration = "s3:PutReplicationConfiguration", BucketSetting;
    /// Read where a bucket's access is logged.
    GetBucketLogging = "s3:GetBucketLogging", BucketSetting;
    /// Change where a bucket's access is logged.
    PutBucketLogging = "s3:PutBucketLogging", BucketSetting;
    /// Read a bucket's notifications.
    GetBucketNotification = "s3:GetBucketNotification", BucketSetting;
    /// Change a bucket's notifications.
    PutBucketNotification = "s3:PutBucketNotification", BucketSetting;
    /// Read who pays for requests to a bucket.
    GetBucketRequestPayment = "s3:GetBucketRequestPayment", BucketSetting;
    /// Change who pays for requests to a bucket.
    PutBucketRequestPayment = "s3:PutBucketRequestPayment", BucketSetting;
    /// Read a bucket's acceleration.
    GetAccelerateConfiguration = "s3:GetAccelerateConfiguration", BucketSetting;
    /// Change a bucket's acceleration.
    PutAccelerateConfiguration = "s3:PutAccelerateConfiguration", BucketSetting;
    /// Read a bucket's object lock.
    GetBucketObjectLockConfiguration = "s3:GetBucketObjectLockConfiguration", BucketSetting;
    /// Change a bucket's object lock.
    PutBucketObjectLockConfiguration = "s3:PutBucketObjectLockConfiguration", BucketSetting;
    /// Read whether tags decide over access to a bucket.
    GetBucketAbac = "s3:GetBucketAbac", BucketSetting;
    /// Change whether tags decide over access to a bucket.
    PutBucketAbac = "s3:PutBucketAbac", BucketSetting;
    /// Read a bucket's analytics.
    GetAnalyticsConfiguration = "s3:GetAnalyticsConfiguration", BucketSetting;
    /// Change a bucket's analytics.
    PutAnalyticsConfiguration = "s3:PutAnalyticsConfiguration", BucketSetting;
    /// Read a bucket's tiering.
    GetIntelligentTieringConfiguration = "s3:GetIntelligentTieringConfiguration", BucketSetting;
    /// Change a bucket's tiering.
    PutIntelligentTieringConfiguration = "s3:PutIntelligentTieringConfiguration", BucketSetting;
    /// Read a bucket's inventories.
    GetInventoryConfiguration = "s3:GetInventoryConfiguration", BucketSetting;
    /// Change a bucket's inventories.
    PutInventoryConfiguration = "s3:PutInventoryConfiguration", BucketSetting;
    /// Read a bucket's metrics.
    GetMetricsConfiguration = "s3:GetMetricsConfiguration", BucketSetting;
    /// Change a bucket's metrics.
    PutMetricsConfiguration = "s3:PutMetricsConfiguration", BucketSetting;
    /// Remove a bucket's website.
    DeleteBucketWebsite = "s3:DeleteBucketWebsite", BucketSetting;
    /// Read a bucket's metadata tables.
    GetBucketMetadataTableConfiguration = "s3:GetBucketMetadataTableConfiguration", BucketSetting;
    /// Make a bucket's metadata tables.
    CreateBucketMetadataTableConfiguration = "s3:CreateBucketMetadataTableConfiguration", BucketSetting;
    /// Remove a bucket's metadata tables.
    DeleteBucketMetadataTableConfiguration = "s3:DeleteBucketMetadataTableConfiguration", BucketSetting;
    /// Change a bucket's metadata tables.
    UpdateBucketMetadataTableConfiguration = "s3:UpdateBucketMetadataTableConfiguration", BucketSetting;
    /// Read an object's bytes and metadata.
    GetObject = "s3:GetObject", Object;
    /// Read an object's attributes.
    GetObjectAttributes = "s3:GetObjectAttributes", Object;
    /// Create or overwrite an object, by one request or by parts.
    PutObject = "s3:PutObject", Object;
    /// Remove an object.
    DeleteObject = "s3:DeleteObject", Object;
    /// Read an object's ACL.
    GetObjectAcl = "s3:GetObjectAcl", Object;
    /// Change an object's ACL.
    PutObjectAcl = "s3:PutObjectAcl", Object;
    /// Give up an unfinished upload.
    AbortMultipartUpload = "s3:AbortMultipartUpload", Object;
    /// List the parts of an unfinished upload.
    ListMultipartUploadParts = "s3:ListMultipartUploadParts", Object;
    /// Get an object's torrent file.
    GetObjectTorrent = "s3:GetObjectTorrent", Object;
    /// Read an object's tags.
    GetObjectTagging = "s3:GetObjectTagging", ObjectSetting;
    /// Change an object's tags.
    PutObjectTagging = "s3:PutObjectTagging", ObjectSetting;
    /// Remove an object's tags.
    DeleteObjectTagging = "s3:DeleteObjectTagging", ObjectSetting;
    /// Read until when an object is locked.
    GetObjectRetention = "s3:GetObjectRetention", ObjectSetting;
    /// Change until when an object is locked.
    PutObjectRetention = "s3:PutObjectRetention", ObjectSetting;
    /// Read an object's legal hold.
    GetObjectLegalHold = "s3:GetObjectLegalHold", ObjectSetting;
    /// Change an object's legal hold.
    PutObjectLegalHold = "s3:PutObjectLegalHold", ObjectSetting;
    /// Bring an object back from an archive.
    RestoreObject = "s3:RestoreObject", ObjectSetting;
    /// Change how an object is encrypted.
    UpdateObjectEncryption = "s3:UpdateObjectEncryption", ObjectSetting;
}

impl Action {
    /// Whether it is asked of an object rather than of a bucket or the service.
    pub const fn on_object(self) -> bool {
        matches!(self.kind(), Kind::Object | Kind::ObjectSetting)
    }

    /// Whether it concerns a setting that no ACL speaks of.
    pub const fn of_setting(self) -> bool {
        matches!(self.kind(), Kind::BucketSetting | Kind::ObjectSetting)
    }

    /// Whether it is the service's, and concerns no single bucket.
    pub const fn of_service(self) -> bool {
        matches!(self.kind(), Kind::Service)
    }

    /// Whether it is asked of a bucket that is being made; one that is there has nothing of it.
    pub const fn of_new_bucket(self) -> bool {
        matches!(self, Action::CreateBucket | Action::TagResource)
    }

    /// As policies spell it. HeadBucket is allowed by the right to list.
    pub const fn policy_name(self) -> &'static str {
        match self {
            Action::HeadBucket => Action::ListBucket.as_str(),
            other => other.as_str(),
        }
    }
}
