//! Forms (S3 API reference, "POST Object"): a browser sends fields and a file in one `multipart/form-data` body, and may
//! prove by two of the fields that somebody with a key allowed exactly this: a policy, and its signature.
//!
//! The key decision: fields become the headers of the PutObject that they stand for, and are read by the same functions,
//! so that a form can say nothing that a header could not, and in no other way.
//!
//! Invariants:
//! - at most 20 KiB are read, and kept, before the caller is proven and the policy is satisfied; the file streams;
//! - what counts comes before the file; what follows it is passed over, up to 20 KiB;
//! - a field occurs once, and with a policy counts only if a condition speaks of it;
//! - the bucket is the URL's; a `bucket` field can only agree.
//!
//! Absent on purpose: `filename*` (RFC 7578, 4.2, forbids it), transfer encodings, nested multiparts.

mod disposition;
mod multipart;
mod policy;
mod proof;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use model::{BucketName, ChecksumAlgorithm, ObjectKey, limits};
use operations::Expected;

pub(crate) use multipart::File;
pub(crate) use policy::{Policy, Sizes};
pub(crate) use proof::prove;

use self::multipart::{Multipart, Upstream};
use super::digests::Declared;
use super::head::{self, Head};
use crate::error::{Code, S3Error};

/// What the fields of a form say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Names in lower case, values with `${filename}` replaced; each name occurs once.
    fields: Vec<(String, String)>,
}

/// Fields that prove who signed the policy. They need no condition.
const PROOF: [&str; 7] =
    ["policy", "awsaccesskeyid", "signature", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];

/// Reads a form up to its file.
///
/// # Errors
/// MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument; what the body itself broke off with.
pub(crate) async fn read<'s, S: Upstream>(source: &'s mut S, boundary: &str) -> Result<(Form, File<'s, S>), S3Error> {
    let mut body = Multipart::new(source, boundary);
    let mut form = Form::default();
    let mut count = 0;
    loop {
        let Some(part) = body.part().await? else {
            return Err(S3Error::argument("file", "0", "POST requires exactly one file upload per request."));
        };
        if part.name.eq_ignore_ascii_case("file") {
            form.expand(part.filename.as_deref().map_or("", base_name))?;
            return Ok((form, body.into_file()));
        }
        count += 1;
        if count > limits::FORM_FIELDS {
            return Err(Code::MaxPostPreDataLengthExceededError.into());
        }
        let name = part.name.to_ascii_lowercase();
        let value = body.value().await?;
        let value = std::str::from_utf8(&value)
            .map_err(|_| S3Error::argument(&part.name, "", "The value of a form field is not valid UTF-8."))?;
        if name.starts_with("x-ignore-") {
            continue;
        }
        if form.get(&name).is_some() {
            return Err(S3Error::argument(&part.name, value, "A form field occurs more than once."));
        }
        form.fields.push((name, value.to_owned()));
    }
}

/// What follows the last slash or backslash: some browsers tell where the file was.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or("")
}

/// The boundary that `Content-Type` names.
///
/// # Errors
/// PreconditionFailed, as S3 has it, for what is no form; MalformedPOSTRequest for a boundary that is none.
pub(crate) fn boundary(head: &Head) -> Result<String, S3Error> {
    let no_form = || {
        let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
        S3Error::new(Code::PreconditionFailed).with_detail("Condition", condition)
    };
    let (kind, parameters) = disposition::read(head.text("content-type")?.unwrap_or("")).ok_or_else(no_form)?;
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return Err(no_form());
    }
    let mut named = parameters.into_iter().filter(|(name, _)| name == "boundary").map(|(_, value)| value);
    let fits = |boundary: &String| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        (1..=70).contains(&boundary.len()) && boundary.bytes().all(allowed) && !boundary.ends_with(' ')
    };
    match (named.next().filter(fits), named.next()) {
        (Some(boundary), None) => Ok(boundary),
        _ => Err(Code::MalformedPOSTRequest.into()),
    }
}

/// Headers beginning with `x-amz-` that are about the request, not about the object.
const OF_REQUEST: [&str; 5] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-user-agent",
];

/// Whether the header `name` would say something of the object, which in a form only fields do.
fn of_object(name: &str) -> bool {
    (head::is_amz(name) && !OF_REQUEST.contains(&name)) || matches!(name, "content-md5" | "if-match" | "if-none-match")
}

/// Refuses headers that say beside the fields what is to become of the object. No signature of a policy covers them.
///
/// # Errors
/// AccessDenied; InvalidRequest where the request is `signed` by its head.
pub(crate) fn nothing_beside(head: &Head, signed: bool) -> Result<(), S3Error> {
    let mut names: Vec<&str> = head.headers().keys().map(|name| name.as_str()).filter(|name| of_object(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    let names = names.join(", ");
    if signed {
        let message = format!("What a form says of its object it says in its fields, not in headers: {names}");
        return Err(S3Error::with_message(Code::InvalidRequest, message));
    }
    let message = "There were headers present in the request which were not signed";
    Err(S3Error::with_message(Code::AccessDenied, message).with_detail("HeadersNotSigned", names))
}

/// The digests that the head of a form's object declares, and by which algorithm its checksum is to be.
///
/// # Errors
/// InvalidDigest, InvalidRequest.
pub(crate) fn expected(head: &Head) -> Result<(Expected, Option<ChecksumAlgorithm>), S3Error> {
    let declared = Declared::read(head, false, true)?;
    Ok((Expected { md5: declared.md5, checksum: declared.checksum }, declared.algorithm))
}

impl Form {
    /// What a field says; `name` in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether some field would prove who sent it.
    pub(crate) fn proves(&self) -> bool {
        self.fields.iter().any(|(name, _)| PROOF.contains(&name.as_str()) || name == "x-amz-security-token")
    }

    /// Fields that with a policy count only if a condition speaks of them.
    fn to_be_covered(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str()).filter(|name| !PROOF.contains(name))
    }

    /// Puts the file's name where the fields want it, before anything else reads them.
    fn expand(&mut self, filename: &str) -> Result<(), S3Error> {
        const VARIABLE: &str = "${filename}";
        let mut bytes = 0;
        for (name, value) in &mut self.fields {
            if PROOF.contains(&name.as_str()) {
                continue;
            }
            // Counted first: a short field could become a very long one.
            let times = value.matches(VARIABLE).count();
            bytes += value.len() + times * filename.len();
            if bytes > limits::FORM_HEAD_BYTES {
                return Err(Code::MaxPostPreDataLengthExceededError.into());
            }
            if times > 0 {
                *value = value.replace(VARIABLE, filename);
            }
        }
        Ok(())
    }

    /// The object's key: the text of the field, exactly. Nothing in it is decoded or normalised.
    ///
    /// # Errors
    /// InvalidArgument, KeyTooLongError.
    pub(crate) fn key(&self) -> Result<ObjectKey, S3Error> {
        let key = self.get("key").ok_or_else(|| missing("key"))?;
        if key.is_empty() {
            return Err(S3Error::argument("key", "", "User key must have a length greater than 0."));
        }
        ObjectKey::new(key).map_err(|_| {
            S3Error::new(Code::KeyTooLongError).with_detail("MaxSizeAllowed", limits::OBJECT_KEY_BYTES.to_string())
        })
    }

    /// Refuses a form that names another bucket than its URL does.
    ///
    /// # Errors
    /// AccessDenied.
    pub(crate) fn agrees_on(&self, bucket: &BucketName) -> Result<(), S3Error> {
        match self.get("bucket") {
            Some(named) if named != bucket.as_str() => {
                let message = "The bucket that the form names is not the one that it is sent to.";
                Err(S3Error::with_message(Code::AccessDenied, message))
            }
            _ => Ok(()),
        }
    }

    /// The head of the PutObject that the form stands for: what the request's own head says of itself, and what the fields
    /// say of the object.
    ///
    /// # Errors
    /// InvalidArgument; NotImplemented for a field beginning with `x-amz-` that is not done.
    pub(crate) fn head(&self, request: &Head) -> Result<Head, S3Error> {
        let mut headers = HeaderMap::with_capacity(request.headers().len() + self.fields.len());
        for (name, value) in request.headers() {
            if !of_object(name.as_str()) && !CONTENT.contains(&name.as_str()) {
                headers.append(name, value.clone());
            }
        }
        for (field, text) in &self.fields {
            let Some(name) = header_of(field)? else { continue };
            let value = HeaderValue::from_bytes(text.as_bytes());
            let value = value.map_err(|_| S3Error::argument(field, text, "The value is not valid in a header."))?;
            if headers.insert(name, value).is_some() {
                return Err(S3Error::argument(field, text, "Two fields of the form say the same thing."));
            }
        }
        Ok(request.with_headers(headers))
    }
}

/// Headers that go with an object, and in a form come as fields: those of the request are about the form.
const CONTENT: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// The header that a field stands for, if it stands for one.
fn header_of(field: &str) -> Result<Option<HeaderName>, S3Error> {
    let not_a_name = |_| S3Error::argument(field, "", "The name of a form field is not valid.");
    let name = match field {
        "acl" => "x-amz-acl",
        "x-amz-checksum-algorithm" => "x-amz-sdk-checksum-algorithm",
        "content-md5" | "if-match" | "if-none-match" | "x-amz-storage-class" | "x-amz-website-redirect-location" => {
            field
        }
        _ if CONTENT.contains(&field) => field,
        _ if PROOF.contains(&field) || !head::is_amz(field) => return Ok(None),
        _ if ["x-amz-meta-", "x-amz-grant-", "x-amz-checksum-"].iter().any(|begin| field.starts_with(begin)) => field,
        _ => return Err(S3Error::new(Code::NotImplemented).with_detail("Header", field)),
    };
    HeaderName::from_bytes(name.as_bytes()).map(Some).map_err(not_a_name)
}

/// A form without a field that it needs, or with the field after its file.
fn missing(field: &str) -> S3Error {
    let message = format!(
        "Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields."
    );
    S3Error::argument(field, "", message)
}

#[cfg(test)]
mod tests;
