//! Tags: pairs of texts on a bucket or an object, of which policies can speak.

use std::ops::Deref;

use crate::limits;

/// Why tags are not taken (S3 user guide, "Categorizing your objects using tags"; "Using cost allocation S3 bucket tags").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// More than an object may have.
    #[error("an object has at most {} tags", limits::OBJECT_TAGS)]
    TooManyOnObject,
    /// More than a bucket may have.
    #[error("a bucket has at most {} tags", limits::BUCKET_TAGS)]
    TooManyOnBucket,
    /// Two have the same key.
    #[error("two tags have the same key")]
    SameKey,
    /// A key is empty or too long, or holds something else than letters, digits, blanks and `+ - = . _ : / @`.
    #[error("the key of a tag is not valid")]
    Key,
    /// A value is too long, or holds something else than a key may.
    #[error("the value of a tag is not valid")]
    Value,
    /// A key begins with `aws:`, in whatever case: such keys are not for users.
    #[error("the key of a tag is reserved")]
    Reserved,
}

/// The tags of a bucket or an object, in the order in which they were given; no two have the same key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagSet(Vec<(String, String)>);

impl TagSet {
    /// Tags for an object.
    ///
    /// # Errors
    /// [`TagError`]
    pub fn of_object(pairs: Vec<(String, String)>) -> Result<Self, TagError> {
        if pairs.len() > limits::OBJECT_TAGS {
            return Err(TagError::TooManyOnObject);
        }
        Self::checked(pairs)
    }

    /// Tags for a bucket.
    ///
    /// # Errors
    /// [`TagError`]
    pub fn of_bucket(pairs: Vec<(String, String)>) -> Result<Self, TagError> {
        if pairs.len() > limits::BUCKET_TAGS {
            return Err(TagError::TooManyOnBucket);
        }
        Self::checked(pairs)
    }

    fn checked(pairs: Vec<(String, String)>) -> Result<Self, TagError> {
        for (at, (key, value)) in pairs.iter().enumerate() {
            if key.is_empty() || !fits(key, limits::TAG_KEY_CHARS) {
                return Err(TagError::Key);
            }
            if key.as_bytes().get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case(b"aws:")) {
                return Err(TagError::Reserved);
            }
            if !fits(value, limits::TAG_VALUE_CHARS) {
                return Err(TagError::Value);
            }
            if pairs[..at].iter().any(|(earlier, _)| earlier == key) {
                return Err(TagError::SameKey);
            }
        }
        Ok(TagSet(pairs))
    }
}

/// Keys and values.
impl Deref for TagSet {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Whether `text` has at most `chars` characters, all of which a tag may hold. Blanks are Unicode's separators, not its
/// control characters.
fn fits(text: &str, chars: usize) -> bool {
    let allowed = |c: char| {
        c.is_alphanumeric()
            || (c.is_whitespace() && !c.is_control())
            || matches!(c, '+' | '-' | '=' | '.' | '_' | ':' | '/' | '@')
    };
    text.chars().all(allowed) && text.chars().count() <= chars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Result<TagSet, TagError> {
        TagSet::of_object(vec![(key.into(), value.into())])
    }

    fn many(n: usize) -> Vec<(String, String)> {
        (0..n).map(|n| (format!("k{n}"), String::new())).collect()
    }

    #[test]
    fn tags_are_what_s3_documents_and_nothing_else() {
        for (key, value) in [
            ("a", ""),
            ("project", "myproject.example.com"),
            ("a b+c-d=e.f_g:h/i@j", "\u{a0}ж 中 é ٣"),
            ("AWSome", "aws:"),
            (&*"ä".repeat(128), &*"中".repeat(256)),
        ] {
            assert_eq!(one(key, value).unwrap()[..], [(key.to_owned(), value.to_owned())]);
        }
        for (key, value, error) in [
            ("", "v", TagError::Key),
            (&*"ä".repeat(129), "v", TagError::Key),
            ("a\nb", "v", TagError::Key),
            ("a&b", "v", TagError::Key),
            ("a", "b\0", TagError::Value),
            ("a", "<b>", TagError::Value),
            ("a", &*"x".repeat(257), TagError::Value),
            ("aws:a", "v", TagError::Reserved),
            ("AwS:", "v", TagError::Reserved),
        ] {
            assert_eq!(one(key, value), Err(error), "{key} {value}");
        }
        let same = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(TagSet::of_object(same), Err(TagError::SameKey));
        assert_eq!(TagSet::of_object(many(10)).unwrap().len(), 10);
        assert_eq!(TagSet::of_object(many(11)), Err(TagError::TooManyOnObject));
        assert_eq!(TagSet::of_bucket(many(50)).unwrap().len(), 50);
        assert_eq!(TagSet::of_bucket(many(51)), Err(TagError::TooManyOnBucket));
    }
}
