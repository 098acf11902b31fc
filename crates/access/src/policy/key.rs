//! The condition keys: every one that a policy may speak of, declared once.

use std::fmt;

/// What the values of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Text: String… and BinaryEquals compare it.
    Text,
    /// Text that people choose and that may hold anything: every operator compares it.
    Tag,
    /// A number.
    Number,
    /// A moment.
    Moment,
    /// A moment, or the number of its seconds since 1970: Date… and Numeric… compare it.
    Epoch,
    /// `true` or `false`.
    Bool,
    /// An IP address.
    Address,
    /// An ARN: Arn… and String… compare it.
    Arn,
}

/// Which requests have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// Any may.
    ToAll,
    /// Only those for these actions (Service Authorization Reference).
    To(&'static [&'static str]),
}

impl Applies {
    /// Whether a request for this action may have it.
    pub fn to(&self, action: &str) -> bool {
        match self {
            Applies::ToAll => true,
            Applies::To(actions) => actions.contains(&action),
        }
    }
}

/// A condition key, or a family of them: one whose name ends with `/` is completed by the key of a tag.
#[derive(Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// As AWS spells it. Case does not matter.
    pub name: &'static str,
    /// What its values are.
    pub kind: KeyKind,
    /// Whether a request may have several values of it. Then a condition must say ForAllValues or ForAnyValue.
    pub many: bool,
    /// Which requests have it.
    pub applies: Applies,
}

const fn key(name: &'static str, kind: KeyKind, applies: Applies) -> KeySpec {
    KeySpec { name, kind, many: false, applies }
}

const LISTINGS: Applies = Applies::To(&["s3:ListBucket", "s3:ListBucketVersions"]);
const PUT: Applies = Applies::To(&["s3:PutObject"]);
const ACLS: Applies = Applies::To(&[
    "s3:BypassGovernanceRetention",
    "s3:CreateBucket",
    "s3:PutBucketAcl",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
]);
const EXISTING_TAGS: Applies = Applies::To(&[
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
]);
const REQUEST_TAGS: Applies =
    Applies::To(&["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:BypassGovernanceRetention"]);
const VERSIONS: Applies = Applies::To(&[
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectVersionTorrent",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
]);
const LOCKS: Applies = Applies::To(&["s3:BypassGovernanceRetention", "s3:PutObject", "s3:PutObjectRetention"]);

/// All of them.
pub const KEYS: &[KeySpec] = &[
    key("aws:CurrentTime", KeyKind::Moment, Applies::ToAll),
    key("aws:EpochTime", KeyKind::Epoch, Applies::ToAll),
    key(PRINCIPAL_ACCOUNT, KeyKind::Text, Applies::ToAll),
    key("aws:PrincipalArn", KeyKind::Arn, Applies::ToAll),
    key("aws:Referer", KeyKind::Text, Applies::ToAll),
    key("aws:SecureTransport", KeyKind::Bool, Applies::ToAll),
    key("aws:SourceIp", KeyKind::Address, Applies::ToAll),
    key("aws:UserAgent", KeyKind::Text, Applies::ToAll),
    key("aws:userid", KeyKind::Text, Applies::ToAll),
    key("aws:username", KeyKind::Text, Applies::ToAll),
    key("s3:ExistingObjectTag/", KeyKind::Tag, EXISTING_TAGS),
    key("s3:RequestObjectTag/", KeyKind::Tag, REQUEST_TAGS),
    KeySpec { name: "s3:RequestObjectTagKeys", kind: KeyKind::Text, many: true, applies: REQUEST_TAGS },
    key("s3:ResourceAccount", KeyKind::Text, Applies::ToAll),
    key("s3:TlsVersion", KeyKind::Number, Applies::ToAll),
    key("s3:VersionId", KeyKind::Text, VERSIONS),
    key("s3:authType", KeyKind::Text, Applies::ToAll),
    key("s3:delimiter", KeyKind::Text, LISTINGS),
    key("s3:if-match", KeyKind::Text, Applies::To(&["s3:PutObject", "s3:DeleteObject"])),
    key("s3:if-none-match", KeyKind::Text, PUT),
    key("s3:max-keys", KeyKind::Number, LISTINGS),
    key("s3:object-lock-legal-hold", KeyKind::Text, Applies::To(&["s3:PutObject", "s3:PutObjectLegalHold"])),
    key("s3:object-lock-mode", KeyKind::Text, LOCKS),
    key("s3:object-lock-remaining-retention-days", KeyKind::Number, LOCKS),
    key("s3:object-lock-retain-until-date", KeyKind::Moment, LOCKS),
    key("s3:prefix", KeyKind::Text, LISTINGS),
    key("s3:signatureAge", KeyKind::Number, Applies::ToAll),
    key("s3:signatureversion", KeyKind::Text, Applies::ToAll),
    key("s3:x-amz-acl", KeyKind::Text, ACLS),
    key("s3:x-amz-content-sha256", KeyKind::Text, Applies::ToAll),
    key("s3:x-amz-copy-source", KeyKind::Text, PUT),
    key("s3:x-amz-grant-full-control", KeyKind::Text, ACLS),
    key("s3:x-amz-grant-read", KeyKind::Text, ACLS),
    key("s3:x-amz-grant-read-acp", KeyKind::Text, ACLS),
    key("s3:x-amz-grant-write", KeyKind::Text, ACLS),
    key("s3:x-amz-grant-write-acp", KeyKind::Text, ACLS),
    key("s3:x-amz-metadata-directive", KeyKind::Text, PUT),
    key("s3:x-amz-object-ownership", KeyKind::Text, Applies::To(&["s3:CreateBucket"])),
    key("s3:x-amz-server-side-encryption", KeyKind::Text, PUT),
    key("s3:x-amz-server-side-encryption-aws-kms-key-id", KeyKind::Arn, PUT),
    key("s3:x-amz-server-side-encryption-customer-algorithm", KeyKind::Text, PUT),
    key("s3:x-amz-storage-class", KeyKind::Text, PUT),
    key("s3:x-amz-website-redirect-location", KeyKind::Text, PUT),
];

/// The key that is the caller's account, and so comes from who asks.
pub(super) const PRINCIPAL_ACCOUNT: &str = "aws:PrincipalAccount";

/// A condition key of a policy: a declared one, and of a family the tag's key with it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConditionKey {
    spec: &'static KeySpec,
    /// The whole name in lower case.
    lower: Box<str>,
}

impl ConditionKey {
    /// From its name, in whatever case; `None` if no such key is declared.
    pub fn parse(name: &str) -> Option<Self> {
        let spec = KEYS.iter().find(|spec| {
            if spec.name.ends_with('/') {
                let begins = name.get(..spec.name.len()).is_some_and(|start| start.eq_ignore_ascii_case(spec.name));
                begins && name.len() > spec.name.len()
            } else {
                spec.name.eq_ignore_ascii_case(name)
            }
        })?;
        Some(ConditionKey { spec, lower: name.to_lowercase().into() })
    }

    /// Its declaration.
    pub fn spec(&self) -> &'static KeySpec {
        self.spec
    }

    /// Its whole name in lower case: by this its values are asked for.
    pub fn as_str(&self) -> &str {
        &self.lower
    }

    /// As AWS spells it.
    pub fn spelled(&self) -> String {
        format!("{}{}", self.spec.name, self.lower.get(self.spec.name.len()..).unwrap_or_default())
    }

    /// Whether it is the caller's account.
    pub(super) fn is_principal_account(&self) -> bool {
        self.spec.name == PRINCIPAL_ACCOUNT
    }
}

impl fmt::Debug for ConditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lower)
    }
}
