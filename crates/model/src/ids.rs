//! Identifiers that the store gives out.

use std::fmt;

use crate::Invalid;

/// How often a record has changed, as the engine counts: greater is later, and no two states of one key share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

pub(crate) fn checked<const LEN: usize>(
    what: &'static str,
    text: &str,
    ok: impl Fn(u8) -> bool,
) -> Result<[u8; LEN], Invalid> {
    match text.as_bytes().try_into() {
        Ok(bytes) if text.bytes().all(ok) => Ok(bytes),
        _ => Err(Invalid::new(what, "is not of the form that Bailiwick gives out")),
    }
}

// An id has one length, so it is its characters and nothing else: records hold many of them, and none costs an allocation.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $len:expr, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Checks the form.
            ///
            /// # Errors
            /// [`Invalid`] if the text has another length or other characters.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                $crate::ids::checked($what, text, $ok).map($name)
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("an id is checked to be ASCII when it is made")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use text_id;

const fn lower_hex(b: u8) -> bool {
    b.is_ascii_digit() || matches!(b, b'a'..=b'f')
}

text_id! {
    /// The public half of an access key: 20 characters of `A-Z 2-7`. Those that Bailiwick gives out begin with `BW`.
    AccessKeyId, "access key id", 20, |b: u8| b.is_ascii_uppercase() || matches!(b, b'2'..=b'7')
}
text_id! {
    /// Names a share: 12 lower-case hexadecimal digits.
    ShareId, "share id", 12, lower_hex
}
text_id! {
    /// Names a multipart upload: 32 lower-case hexadecimal digits. The first 16 are the moment it began, so that the
    /// uploads of one key sort by age.
    UploadId, "upload id", 32, lower_hex
}
text_id! {
    /// Names one version of an object: 32 lower-case hexadecimal digits. Objects written while versioning is off have
    /// no such id; S3 calls theirs `null`.
    VersionId, "version id", 32, lower_hex
}

impl UploadId {
    /// The id for an upload begun at `millis` since the epoch, made unique by `random`.
    pub fn from_parts(millis: u64, random: u64) -> Self {
        let text = format!("{millis:016x}{random:016x}");
        UploadId(text.as_bytes().try_into().expect("two numbers of 16 digits are 32"))
    }
}

/// Names a blob: 8 bytes that tell which opening of the store made it, 8 that tell it from its siblings. No user's text
/// ever becomes part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 16]);

impl BlobId {
    /// The `sequence`-th blob of the opening `epoch`.
    pub fn from_parts(epoch: u64, sequence: u64) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&epoch.to_be_bytes());
        id[8..].copy_from_slice(&sequence.to_be_bytes());
        BlobId(id)
    }

    /// From its stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        BlobId(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Which opening of the store made it.
    pub fn epoch(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("eight of sixteen bytes"))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
