//! Why an operation did not happen, in the store's own terms. The wire has one exhaustive mapping of these.

use model::{ETag, Timestamp};

/// Why an operation did not happen. Texts are for the log, unless a variant says that they are for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authoriser said no; what it said is for the owner, not for the caller.
    #[error("access denied")]
    AccessDenied(access::Denial),
    /// No such access key, or one that does not work; which of both is not told before it is proven.
    #[error("the access key does not exist or is disabled")]
    InvalidAccessKey,
    /// The bucket belongs to another account than the request says.
    #[error("the bucket's owner is not the one expected")]
    WrongBucketOwner,
    /// An unsigned request asks for what takes an account.
    #[error("it takes an account")]
    NeedsAccount,
    /// A public ACL where public access is blocked.
    #[error("the ACL is public, and public access is blocked")]
    PublicAclBlocked,
    /// An ACL on something whose owner alone decides.
    #[error("the bucket does not take this ACL")]
    AclsDisabled,
    /// ACLs cannot be turned off while the bucket's ACL grants something to others.
    #[error("the bucket's ACL grants something to others")]
    OwnershipAgainstAcl,
    /// The document is no bucket policy. For the caller: which place in it, and what is wrong there.
    #[error("{0}")]
    MalformedPolicy(String),
    /// A public policy where public access is blocked.
    #[error("the policy is public, and public policies are blocked")]
    PublicPolicyBlocked,
    /// The policy would take away the caller's own right to change it.
    #[error("the policy locks its author out")]
    SelfLockout,
    /// No such bucket.
    #[error("no such bucket")]
    NoSuchBucket,
    /// No such object.
    #[error("no such key")]
    NoSuchKey,
    /// No such version of an object.
    #[error("no such version")]
    NoSuchVersion,
    /// No such unfinished upload.
    #[error("no such upload")]
    NoSuchUpload,
    /// The bucket's name is taken by somebody else, or by a bucket with other settings.
    #[error("the bucket's name is taken")]
    BucketAlreadyExists,
    /// The bucket still holds something.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The account owns as many buckets as it may.
    #[error("the account owns too many buckets")]
    TooManyBuckets,
    /// The account has as many keys as it may.
    #[error("the account has too many access keys")]
    TooManyKeys,
    /// A bucket setting that nobody set.
    #[error("nothing is set")]
    NotSet,
    /// A condition of the request does not hold. Names the header.
    #[error("the condition {0} does not hold")]
    PreconditionFailed(&'static str),
    /// The caller has it already.
    #[error("not modified")]
    NotModified {
        /// The object's tag.
        etag: ETag,
        /// When it was written.
        modified: Timestamp,
    },
    /// The range begins after the end.
    #[error("the range cannot be satisfied")]
    InvalidRange {
        /// The object's length, in bytes.
        len: u64,
    },
    /// A part that was named is not there, or is another one.
    #[error("a part is missing or is not the one named")]
    InvalidPart,
    /// Parts out of order.
    #[error("the parts are not in order")]
    InvalidPartOrder,
    /// A part that is not the last is too small.
    #[error("a part is too small")]
    EntityTooSmall,
    /// The body is longer than S3 allows.
    #[error("the body is too large")]
    EntityTooLarge,
    /// The bytes that arrived are not those that were announced.
    #[error("a digest does not match")]
    BadDigest {
        /// Which, as the caller named it: `Content-MD5`, `x-amz-checksum-crc32`.
        header: &'static str,
    },
    /// The body could not be read to its end; who supplies it knows why.
    #[error("the body broke off")]
    Aborted,
    /// Nobody has that e-mail address.
    #[error("no account has that e-mail address")]
    UnresolvableEmail,
    /// The request asks for something that makes no sense. For the caller.
    #[error("{message}")]
    InvalidArgument {
        /// What, as the caller named it.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The request contradicts itself or what is stored. For the caller.
    #[error("{0}")]
    InvalidRequest(String),
    /// It would be more than may lie in the bucket through the caller's share.
    #[error("the share's quota is exceeded")]
    QuotaExceeded,
    /// Too many attempts of that kind from that address, or more requests than the caller's share may send.
    #[error("too many attempts")]
    SlowDown,
    /// Others changed the same thing again and again; try later.
    #[error("the change met too many others")]
    Contention,
    /// There is no room to store it.
    #[error("no space is left")]
    Full,
    /// The store cannot be written, or read, now.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What is stored is damaged.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

impl From<kv::Error> for Error {
    fn from(error: kv::Error) -> Self {
        match error {
            kv::Error::Full => Error::Full,
            kv::Error::Corrupt(_) | kv::Error::Format(_) => Error::Damaged(error.to_string()),
            kv::Error::Poisoned(_) | kv::Error::InUse | kv::Error::Io(_) => Error::Unavailable(error.to_string()),
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::Engine(error) => error.into(),
            catalog::Error::Corrupt { .. } => Error::Damaged(error.to_string()),
        }
    }
}

impl From<blobs::Error> for Error {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::Full => Error::Full,
            blobs::Error::Missing(_) | blobs::Error::Corrupt { .. } => Error::Damaged(error.to_string()),
            blobs::Error::Io(_) => Error::Unavailable(error.to_string()),
        }
    }
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        match error {
            ledger::Error::Engine(error) => error.into(),
            ledger::Error::Corrupt { .. } => Error::Damaged(error.to_string()),
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        match error {
            identity::Error::Engine(error) => error.into(),
            identity::Error::Corrupt { .. } | identity::Error::Sealed { .. } => Error::Damaged(error.to_string()),
            identity::Error::Randomness(_) => Error::Unavailable(error.to_string()),
        }
    }
}

impl From<identity::LookupError> for Error {
    fn from(error: identity::LookupError) -> Self {
        match error {
            identity::LookupError::Unknown
            | identity::LookupError::Disabled
            | identity::LookupError::AccountSuspended => Error::InvalidAccessKey,
            identity::LookupError::Internal(error) => error.into(),
        }
    }
}

impl From<access::AclRefusal> for Error {
    fn from(refusal: access::AclRefusal) -> Self {
        match refusal {
            access::AclRefusal::PublicAclBlocked => Error::PublicAclBlocked,
            access::AclRefusal::AclsDisabled => Error::AclsDisabled,
        }
    }
}
