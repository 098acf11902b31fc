//! Conditional requests (RFC 9110, section 13; S3 user guide, "Conditional requests").

use catalog::Object;
use model::{ETag, Timestamp};

use crate::Error;

/// Entity tags that a caller named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: anything that is there.
    Any,
    /// One of these, without quotes.
    These(Vec<String>),
}

impl Tags {
    /// From a header's value: `*`, or tags with or without quotes, separated by commas. A weak tag never matches.
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Tags::Any;
        }
        Tags::These(text.split(',').map(|tag| tag.trim().trim_matches('"').to_owned()).collect())
    }

    fn hold(&self, etag: &ETag) -> bool {
        match self {
            Tags::Any => true,
            Tags::These(tags) => tags.iter().any(|tag| tag == etag.as_str()),
        }
    }
}

/// Conditions of a read, or on the source of a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named as the headers are
pub struct ReadConditions {
    pub if_match: Option<Tags>,
    pub if_none_match: Option<Tags>,
    /// Whole seconds.
    pub if_modified_since: Option<Timestamp>,
    /// Whole seconds.
    pub if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Whether a read of `object` goes on.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`], or [`Error::NotModified`] where the caller has it already.
    pub(crate) fn check(&self, object: &Object) -> Result<(), Error> {
        let modified = object.modified.seconds();
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !tags.hold(&object.etag) => return Err(Error::PreconditionFailed("If-Match")),
            (None, Some(since)) if modified > since.seconds() => {
                return Err(Error::PreconditionFailed("If-Unmodified-Since"));
            }
            _ => {}
        }
        let not_modified = || Error::NotModified { etag: object.etag.clone(), modified: object.modified };
        match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if tags.hold(&object.etag) => Err(not_modified()),
            (None, Some(since)) if modified <= since.seconds() => Err(not_modified()),
            _ => Ok(()),
        }
    }
}

/// Conditions of a write, on what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteConditions {
    /// Write only over an object with one of these tags.
    pub if_match: Option<Tags>,
    /// Write only where nothing is: S3 takes `*` and nothing else.
    pub if_none_match: bool,
}

impl WriteConditions {
    /// Whether a write over `object` goes on.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`]; [`Error::NoSuchKey`] where a tag was named and nothing is there.
    pub(crate) fn check(&self, object: Option<&Object>) -> Result<(), Error> {
        if self.if_none_match && object.is_some() {
            return Err(Error::PreconditionFailed("If-None-Match"));
        }
        match (&self.if_match, object) {
            (Some(_), None) => Err(Error::NoSuchKey),
            (Some(tags), Some(object)) if !tags.hold(&object.etag) => Err(Error::PreconditionFailed("If-Match")),
            _ => Ok(()),
        }
    }
}
