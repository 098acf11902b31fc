//! Every limit of the domain, with its unit and its source. Nothing else in the project spells these numbers.

/// Longest object key, in bytes of UTF-8 (S3 user guide, "Naming Amazon S3 objects").
pub const OBJECT_KEY_BYTES: usize = 1024;
/// Shortest bucket name, in bytes (S3 user guide, "Bucket naming rules").
pub const BUCKET_NAME_MIN_BYTES: usize = 3;
/// Longest bucket name, in bytes (as above).
pub const BUCKET_NAME_MAX_BYTES: usize = 63;
/// Most grants in one access control list (S3 user guide, "ACL overview").
pub const ACL_GRANTS: usize = 100;
/// Most user metadata of one object, in bytes of names and values together (PutObject).
pub const USER_METADATA_BYTES: usize = 2048;
/// Largest body of a single PutObject, UploadPart or CopyObject, in bytes: 5 GiB.
pub const SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Largest object, in bytes: 5 TiB.
pub const OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024 * 1024;
/// Smallest part of a multipart upload but the last, in bytes: 5 MiB.
pub const PART_MIN_BYTES: u64 = 5 * 1024 * 1024;
/// Highest part number; the lowest is 1.
pub const PART_NUMBER_MAX: u16 = 10_000;
/// Most keys, versions, uploads or parts on one page of a listing.
pub const PAGE_KEYS: usize = 1000;
/// Most buckets on one page of ListBuckets.
pub const PAGE_BUCKETS: usize = 10_000;
/// Most objects in one DeleteObjects request.
pub const DELETE_OBJECTS: usize = 1000;
/// Longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3).
pub const EMAIL_BYTES: usize = 254;
/// Longest display name, in bytes.
pub const DISPLAY_NAME_BYTES: usize = 256;
/// Buckets that one account may own (AWS's default quota since 2024).
pub const BUCKETS_PER_ACCOUNT: u64 = 10_000;
/// Access keys that one account may have, share keys included.
pub const KEYS_PER_ACCOUNT: usize = 1000;
/// Longest life of a presigned URL, in seconds: seven days (SigV4, query parameters).
pub const PRESIGNED_SECONDS: u64 = 604_800;
/// Greatest distance between a signed header date and our clock, in seconds: 15 minutes.
pub const CLOCK_SKEW_SECONDS: u64 = 900;
/// Life of a share unless its maker says otherwise, in days.
pub const SHARE_DAYS: u64 = 90;
/// Longest bucket policy, in bytes: 20 KiB (S3 user guide, "Bucket policies").
pub const POLICY_BYTES: usize = 20 * 1024;
/// Most entries of each list that holds back a key or a share: buckets, prefixes, networks, actions.
pub const RESTRICTION_ENTRIES: usize = 100;
/// Longest name or note of a share, in bytes.
pub const SHARE_TEXT_BYTES: usize = 1024;
/// Networks that a share's pin learns at most; what comes after is not learned.
pub const PINNED_NETWORKS: usize = 100;
/// Keys that a share may have had before; a share that was rotated more often than that is to be given anew.
pub const FORMER_KEYS: usize = 100;
/// Most tags of an object (S3 user guide, "Categorizing your objects using tags").
pub const OBJECT_TAGS: usize = 10;
/// Most tags of a bucket (S3 user guide, "Using cost allocation S3 bucket tags").
pub const BUCKET_TAGS: usize = 50;
/// Longest key of a tag, in characters.
pub const TAG_KEY_CHARS: usize = 128;
/// Longest value of a tag, in characters.
pub const TAG_VALUE_CHARS: usize = 256;
/// Most bytes of a form before the bytes of its file: all fields with their heads (S3 API reference, "POST Object").
pub const FORM_HEAD_BYTES: usize = 20 * 1024;
/// Most bytes of a form after its file.
pub const FORM_TAIL_BYTES: u64 = 20 * 1024;
/// Most fields of a form.
pub const FORM_FIELDS: usize = 100;
/// Least cap on the bytes a second of a share: 64 KiB.
pub const SHARE_BYTES_PER_SECOND_MIN: u64 = 64 * 1024;
