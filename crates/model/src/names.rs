//! Names of buckets and keys of objects: the two texts that a caller chooses.

use std::fmt;

use crate::{Invalid, limits};

/// A bucket's name, by S3's rules for general purpose buckets (S3 user guide, "Bucket naming rules"): 3–63 bytes of
/// `a-z 0-9 . -`, beginning and ending with a letter or digit, no two dots in a row, not shaped like an IPv4 address,
/// and none of the prefixes and suffixes that S3 reserves.
///
/// It is short, and every request makes and copies several; so it is kept in place.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName {
    /// Followed by zeros. They sort before whatever a name may hold, so that names sort as their texts do.
    text: [u8; limits::BUCKET_NAME_MAX_BYTES],
    len: u8,
}

impl BucketName {
    /// Checks `name` against the rules.
    ///
    /// # Errors
    /// [`Invalid`] naming the rule that `name` breaks.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let bad = |reason: &'static str| Err(Invalid::new("bucket name", reason));
        let bytes = name.as_bytes();
        if bytes.len() < limits::BUCKET_NAME_MIN_BYTES {
            return bad("is shorter than 3 characters");
        }
        if bytes.len() > limits::BUCKET_NAME_MAX_BYTES {
            return bad("is longer than 63 characters");
        }
        if !bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')) {
            return bad("may hold only lower-case letters, digits, dots and hyphens");
        }
        let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if !edge(bytes[0]) || !edge(bytes[bytes.len() - 1]) {
            return bad("must begin and end with a letter or digit");
        }
        if bytes.windows(2).any(|two| two == b"..") {
            return bad("has two dots in a row");
        }
        if bytes[0].is_ascii_digit() && name.parse::<std::net::Ipv4Addr>().is_ok() {
            return bad("is shaped like an IP address");
        }
        if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| name.starts_with(p))
            || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|s| name.ends_with(s))
        {
            return bad("begins or ends with a text that S3 reserves");
        }
        let mut text = [0; limits::BUCKET_NAME_MAX_BYTES];
        text[..bytes.len()].copy_from_slice(bytes);
        Ok(BucketName { text, len: bytes.len() as u8 })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).expect("a name is checked to be ASCII when it is made")
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// An object's key: 1–1024 bytes of UTF-8, any of them, kept exactly as given. `..`, `//`, `\` and NUL are ordinary
/// text here; nothing in Bailiwick uses a key as a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// Checks the length of `key`.
    ///
    /// # Errors
    /// [`Invalid`] if `key` is empty or longer than [`limits::OBJECT_KEY_BYTES`].
    pub fn new(key: impl Into<Box<str>>) -> Result<Self, Invalid> {
        let key = key.into();
        if key.is_empty() {
            return Err(Invalid::new("object key", "is empty"));
        }
        if key.len() > limits::OBJECT_KEY_BYTES {
            return Err(Invalid::new("object key", "is longer than 1024 bytes"));
        }
        Ok(ObjectKey(key))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_name_follows_s3s_rules() {
        for good in ["abc", "myproject.example.com", "a-b-c", "0ab", "a".repeat(63).as_str(), "1.2.3.a"] {
            assert!(BucketName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "ab.",
            "a..b",
            "1.2.3.4",
            "xn--abc",
            "abc-s3alias",
            "a b",
            "abc/",
            "ä-b-c",
            "a".repeat(64).as_str(),
        ] {
            assert!(BucketName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bucket_names_sort_as_their_texts_do() {
        let texts = ["a-b", "abc", "abc.d", "abc-d", "abcd", "0ab", "abc0", &"a".repeat(63), &"a".repeat(62)];
        let mut names = texts.map(|text| BucketName::new(text).unwrap());
        let mut sorted = texts;
        names.sort();
        sorted.sort();
        assert_eq!(names.each_ref().map(BucketName::as_str), sorted);
    }

    #[test]
    fn an_object_key_is_any_text_of_1_to_1024_bytes_kept_exactly() {
        for good in ["a", "/", "//", "..", "a/../b", "\\", "a\0b", "ключ", &"k".repeat(1024)] {
            assert_eq!(ObjectKey::new(good).unwrap().as_str(), good);
        }
        assert!(ObjectKey::new("").is_err());
        assert!(ObjectKey::new("k".repeat(1025)).is_err());
    }
}
