//! What a caller may be allowed to do, under the names of S3's actions.

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is decided over. The names are those of S3's policy actions where S3 has one (Service Authorization
        /// Reference, "Actions, resources, and condition keys for Amazon S3"); where one S3 action covers requests
        /// that an ACL tells apart (HeadBucket), Bailiwick has one for each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Action] = &[$(Action::$name,)*];

            /// As policies and reports spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$name => $text,)* }
            }
        }
    };
}

actions! {
    /// See one's own list of buckets.
    ListAllMyBuckets = "s3:ListAllMyBuckets",
    /// Make a bucket.
    CreateBucket = "s3:CreateBucket",
    /// Remove an empty bucket.
    DeleteBucket = "s3:DeleteBucket",
    /// Learn that a bucket exists and may be listed.
    HeadBucket = "s3:HeadBucket",
    /// Learn a bucket's region.
    GetBucketLocation = "s3:GetBucketLocation",
    /// List a bucket's objects.
    ListBucket = "s3:ListBucket",
    /// List a bucket's unfinished uploads.
    ListBucketMultipartUploads = "s3:ListBucketMultipartUploads",
    /// Read a bucket's ACL.
    GetBucketAcl = "s3:GetBucketAcl",
    /// Change a bucket's ACL.
    PutBucketAcl = "s3:PutBucketAcl",
    /// Read any other setting of a bucket.
    GetBucketConfiguration = "s3:GetBucketConfiguration",
    /// Change any other setting of a bucket.
    PutBucketConfiguration = "s3:PutBucketConfiguration",
    /// Read an object's bytes and metadata.
    GetObject = "s3:GetObject",
    /// Read an object's attributes.
    GetObjectAttributes = "s3:GetObjectAttributes",
    /// Create or overwrite an object, by one request or by parts.
    PutObject = "s3:PutObject",
    /// Remove an object.
    DeleteObject = "s3:DeleteObject",
    /// Read an object's ACL.
    GetObjectAcl = "s3:GetObjectAcl",
    /// Change an object's ACL.
    PutObjectAcl = "s3:PutObjectAcl",
    /// Give up an unfinished upload.
    AbortMultipartUpload = "s3:AbortMultipartUpload",
    /// List the parts of an unfinished upload.
    ListMultipartUploadParts = "s3:ListMultipartUploadParts",
    /// Read any other setting of an object: tags, retention, legal hold.
    GetObjectConfiguration = "s3:GetObjectConfiguration",
    /// Change any other setting of an object.
    PutObjectConfiguration = "s3:PutObjectConfiguration",
}

impl Action {
    /// Whether it is asked of an object rather than of a bucket or the service.
    pub const fn on_object(self) -> bool {
        matches!(
            self,
            Action::GetObject
                | Action::GetObjectAttributes
                | Action::PutObject
                | Action::DeleteObject
                | Action::GetObjectAcl
                | Action::PutObjectAcl
                | Action::AbortMultipartUpload
                | Action::ListMultipartUploadParts
                | Action::GetObjectConfiguration
                | Action::PutObjectConfiguration
        )
    }
}
