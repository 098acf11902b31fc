//! S3's errors: one declared table of codes, and the value that a refused request carries to its answer.
//!
//! Codes, statuses and messages are those of the S3 API reference ("Error responses"). A message says what is wrong with
//! the request; what only the operator should read goes to the log, and no secret goes anywhere.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode};

macro_rules! codes {
    ($($name:ident $status:ident $message:literal;)*) => {
        /// An error code of S3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $message] $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// As `Code` spells it in an answer.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => stringify!($name),)* }
            }

            /// The status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status,)* }
            }

            /// What `Message` says, unless the case has more to say.
            pub const fn message(self) -> &'static str {
                match self { $(Code::$name => $message,)* }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported BAD_REQUEST "The bucket does not allow ACLs";
    AccessDenied FORBIDDEN "Access Denied";
    AuthorizationHeaderMalformed BAD_REQUEST "The authorization header you provided is not valid.";
    AuthorizationQueryParametersError BAD_REQUEST "The authorization query parameters that you provided are not valid.";
    BadDigest BAD_REQUEST "The Content-MD5 or checksum value that you specified did not match what the server received.";
    BadRequest BAD_REQUEST "An error occurred when parsing the HTTP request.";
    BucketAlreadyExists CONFLICT "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Specify a different name and try again.";
    BucketAlreadyOwnedByYou CONFLICT "The bucket that you tried to create already exists, and you own it.";
    BucketNotEmpty CONFLICT "The bucket that you tried to delete is not empty.";
    ConditionalRequestConflict CONFLICT "A conflicting operation occurred during the request. Retry the request.";
    EntityTooLarge BAD_REQUEST "Your proposed upload exceeds the maximum allowed object size.";
    EntityTooSmall BAD_REQUEST "Your proposed upload is smaller than the minimum allowed object size.";
    IllegalLocationConstraintException BAD_REQUEST "The specified location constraint is not valid for the region that this request was sent to.";
    IncompleteBody BAD_REQUEST "You did not provide the number of bytes specified by the Content-Length HTTP header.";
    InsufficientStorage INSUFFICIENT_STORAGE "The server has no space left to store the request.";
    InternalError INTERNAL_SERVER_ERROR "An internal error occurred. Try again.";
    InvalidAccessKeyId FORBIDDEN "The AWS access key ID that you provided does not exist in our records.";
    InvalidArgument BAD_REQUEST "Invalid Argument";
    InvalidBucketAclWithObjectOwnership BAD_REQUEST "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    InvalidBucketName BAD_REQUEST "The specified bucket is not valid.";
    InvalidBucketOwnerAWSAccountID BAD_REQUEST "The value of the expected bucket owner parameter must be an AWS account ID.";
    InvalidDigest BAD_REQUEST "The Content-MD5 or checksum value that you specified is not valid.";
    InvalidEncryptionAlgorithmError BAD_REQUEST "The encryption request that you specified is not valid.";
    InvalidLocationConstraint BAD_REQUEST "The specified location constraint is not valid.";
    InvalidPart BAD_REQUEST "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.";
    InvalidPartNumber RANGE_NOT_SATISFIABLE "The requested partnumber is not satisfiable";
    InvalidPartOrder BAD_REQUEST "The list of parts was not in ascending order. Parts must be ordered by part number.";
    InvalidPolicyDocument BAD_REQUEST "The content of the form does not meet the conditions specified in the policy document.";
    InvalidRange RANGE_NOT_SATISFIABLE "The requested range is not satisfiable";
    InvalidRedirectLocation BAD_REQUEST "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    InvalidRequest BAD_REQUEST "Invalid Request";
    InvalidStorageClass BAD_REQUEST "The storage class that you specified is not valid.";
    InvalidTag BAD_REQUEST "The tag provided was not a valid tag.";
    InvalidToken BAD_REQUEST "The provided token is malformed or otherwise not valid.";
    InvalidURI BAD_REQUEST "The specified URI couldn't be parsed.";
    KeyTooLongError BAD_REQUEST "Your key is too long.";
    MalformedACLError BAD_REQUEST "The ACL that you provided was not well formed or did not validate against our published schema.";
    MalformedTrailerError BAD_REQUEST "The request contained trailing data that was not well-formed or did not conform to our published schema.";
    MalformedXML BAD_REQUEST "The XML that you provided was not well formed or did not validate against our published schema.";
    MaxMessageLengthExceeded BAD_REQUEST "Your request was too large.";
    MaxPostPreDataLengthExceededError BAD_REQUEST "Your POST request fields preceding the upload file were too large.";
    MetadataTooLarge BAD_REQUEST "Your metadata headers exceed the maximum allowed metadata size.";
    MalformedPOSTRequest BAD_REQUEST "The body of your POST request is not well-formed multipart/form-data.";
    MalformedPolicy BAD_REQUEST "The policy is not valid.";
    MethodNotAllowed METHOD_NOT_ALLOWED "The specified method is not allowed against this resource.";
    MissingContentLength LENGTH_REQUIRED "You must provide the Content-Length HTTP header.";
    MissingRequestBodyError BAD_REQUEST "Request Body is empty";
    MissingSecurityHeader BAD_REQUEST "Your request was missing a required header.";
    NoSuchBucket NOT_FOUND "The specified bucket does not exist";
    NoSuchBucketPolicy NOT_FOUND "The bucket policy does not exist";
    NoSuchCORSConfiguration NOT_FOUND "The CORS configuration does not exist";
    NoSuchConfiguration NOT_FOUND "The specified configuration does not exist.";
    NoSuchKey NOT_FOUND "The specified key does not exist.";
    NoSuchLifecycleConfiguration NOT_FOUND "The lifecycle configuration does not exist";
    NoSuchObjectLockConfiguration NOT_FOUND "The specified object does not have a ObjectLock configuration";
    NoSuchPublicAccessBlockConfiguration NOT_FOUND "The public access block configuration was not found";
    NoSuchTagSet NOT_FOUND "The TagSet does not exist";
    NoSuchUpload NOT_FOUND "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NoSuchVersion NOT_FOUND "The specified version does not exist.";
    NoSuchWebsiteConfiguration NOT_FOUND "The specified bucket does not have a website configuration";
    NotImplemented NOT_IMPLEMENTED "A header you provided implies functionality that is not implemented";
    NotModified NOT_MODIFIED "Not Modified";
    NotSignedUp FORBIDDEN "Your account is not signed up for the S3 service. You must sign up before you can use S3.";
    ObjectLockConfigurationNotFoundError NOT_FOUND "Object Lock configuration does not exist for this bucket";
    OperationAborted CONFLICT "A conflicting conditional operation is currently in progress against this resource. Try again.";
    OwnershipControlsNotFoundError NOT_FOUND "The bucket ownership controls were not found";
    PreconditionFailed PRECONDITION_FAILED "At least one of the pre-conditions you specified did not hold";
    QuotaExceeded FORBIDDEN "The quota of the share that your access key belongs to would be exceeded.";
    ReplicationConfigurationNotFoundError NOT_FOUND "The replication configuration was not found";
    RequestHeaderSectionTooLarge BAD_REQUEST "Your request header section exceeds the maximum allowed size.";
    RequestTimeTooSkewed FORBIDDEN "The difference between the request time and the server's time is too large.";
    RequestTimeout BAD_REQUEST "Your socket connection to the server was not read from or written to within the timeout period.";
    ServerSideEncryptionConfigurationNotFoundError NOT_FOUND "The server side encryption configuration was not found";
    ServiceUnavailable SERVICE_UNAVAILABLE "Service is unable to handle request.";
    SignatureDoesNotMatch FORBIDDEN "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    SlowDown SERVICE_UNAVAILABLE "Please reduce your request rate.";
    TooManyBuckets BAD_REQUEST "You have attempted to create more buckets than allowed";
    UnexpectedContent BAD_REQUEST "This request does not support content.";
    UnresolvableGrantByEmailAddress BAD_REQUEST "The email address you provided does not match any account on record.";
    XAmzContentSHA256Mismatch BAD_REQUEST "The provided 'x-amz-content-sha256' header does not match what was computed.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request was refused, as the caller is told.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Error {
    code: Code,
    message: Cow<'static, str>,
    details: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl S3Error {
    /// An error with its code's own message.
    pub fn new(code: Code) -> Self {
        S3Error { code, message: Cow::Borrowed(code.message()), details: Vec::new(), headers: Vec::new() }
    }

    /// An error with a message of its own, for the caller's eyes.
    pub fn with_message(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        S3Error { message: message.into(), ..S3Error::new(code) }
    }

    /// `InvalidArgument` about the argument `name`, whose `value` is told back.
    pub fn argument(name: &str, value: &str, message: impl Into<Cow<'static, str>>) -> Self {
        S3Error::with_message(Code::InvalidArgument, message)
            .with_detail("ArgumentName", name)
            .with_detail("ArgumentValue", value)
    }

    /// With a further element in the answer's XML, such as `ArgumentName`.
    #[must_use]
    pub fn with_detail(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.details.push((element, text.into()));
        self
    }

    /// With a header on the answer, such as `Allow`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Further elements of the answer's XML, in order.
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.details
    }

    /// Further headers of the answer.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

/// Code and message. The details are left out: they may repeat what the caller sent.
impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl fmt::Debug for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for S3Error {}

impl From<Code> for S3Error {
    fn from(code: Code) -> Self {
        S3Error::new(code)
    }
}
