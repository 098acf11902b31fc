//! XML in and out: a strict reader, an escaping writer, and the documents of S3.

pub(crate) mod acl;
pub(crate) mod answers;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub(crate) mod listings;
mod reader;
pub(crate) mod settings;
pub(crate) mod tagging;
mod writer;

pub(crate) use listings::Encoding;
pub(crate) use reader::Malformed;
pub(crate) use writer::Xml;

/// The namespace of S3's documents.
pub(crate) const S3_NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// The namespace of `xsi:type`.
pub(crate) const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";
