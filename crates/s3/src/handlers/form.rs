//! PostObject: a form that stands for a PutObject.
//!
//! Who sends it is proven by its policy's signature, or by the request's own head, or not at all; never by two of them.
//! The policy is satisfied before the store is asked, and the store allows it before a byte of the file is read.

use std::fmt::Display;

use bytes::Bytes;
use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use identity::CallerKind;
use model::{BucketName, ObjectKey};
use operations::{Context, Error, PutObject, Written};

use super::object_read::show;
use super::object_write::DEFAULT_CHECKSUM;
use super::{Asked, Failure, Sent, headers, tagging};
use crate::error::{Code, S3Error};
use crate::reply::{self, Reply};
use crate::wire::address::Style;
use crate::wire::encoding;
use crate::wire::form::{self, Form, Policy, Sizes};
use crate::wire::router::Call;
use crate::xml::answers;

pub(super) async fn post<B>(asked: &Asked<'_>, ctx: &mut Context, sent: Sent<'_, B>) -> Result<Reply, Failure>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Display + Send,
{
    let (request, bucket) = (&asked.call.head, asked.bucket()?);
    let signed = ctx.caller.kind() != CallerKind::Anonymous;
    let boundary = form::boundary(request)?;
    form::nothing_beside(request, signed)?;
    let mut source = sent.source(asked)?;
    let (form, mut file) = form::read(&mut source, &boundary).await?;

    let key = form.key()?;
    let (proof, sizes) = prove(asked, ctx, &form, signed).await?;
    form.agrees_on(bucket)?;

    // From here on the form is a PutObject with these headers.
    let call = Call {
        operation: asked.call.operation,
        bucket: Some(bucket.clone()),
        key: Some(key.clone()),
        version: None,
        style: asked.call.style,
        head: form.head(request)?.into(),
    };
    let stands_for = Asked { call: &call, proof, ..*asked };
    let mut described = headers::described(&stands_for)?;
    if let Some(document) = form.get("tagging").filter(|document| !document.is_empty()) {
        described.tags = tagging::of_document(document.as_bytes())?;
    }
    ctx.facts = headers::facts_with(&stands_for, proof, described.tags.clone());
    let (expected, algorithm) = form::expected(&call.head)?;
    let put = PutObject {
        bucket,
        key: &key,
        described,
        acl: headers::acl(&stands_for)?,
        conditions: headers::write_conditions(&stands_for)?,
        algorithm: algorithm.unwrap_or(DEFAULT_CHECKSUM),
    };
    file.expect(sizes, expected);
    let written = asked.store.put_object(ctx, put, &mut file).await.map_err(|error| match error {
        Error::Aborted => Failure::Refused(file.take_error().unwrap_or(Code::IncompleteBody.into())),
        error => Failure::Store(error),
    })?;
    Ok(answer(&stands_for, &form, (bucket, &key), &written))
}

/// Who sends the form, and how long its file may be.
async fn prove(
    asked: &Asked<'_>,
    ctx: &mut Context,
    form: &Form,
    signed: bool,
) -> Result<(crate::wire::facts::Proof, Sizes), Failure> {
    if signed {
        if form.proves() {
            let message = "Only one auth mechanism allowed; a form whose request is signed has no policy.";
            return Err(S3Error::with_message(Code::InvalidArgument, message).into());
        }
        return Ok((asked.proof, Sizes::default()));
    }
    let Some((caller, proof)) = form::prove(form, asked.config, asked.store, ctx.source).await? else {
        return Ok((asked.proof, Sizes::default()));
    };
    asked.store.key_used(&caller, ctx.source, asked.call.head.header("user-agent"));
    ctx.caller = caller;
    let policy = Policy::parse(form.get("policy").unwrap_or_default())?;
    Ok((proof, policy.check(form, asked.bucket()?, asked.received)?))
}

/// What the form asks to be told: a page to go to, a status, or nothing.
fn answer(asked: &Asked<'_>, form: &Form, (bucket, key): (&BucketName, &ObjectKey), written: &Written) -> Reply {
    let location = location(asked, bucket, key);
    let tag = written.etag.as_str();
    let redirect = form.get("success_action_redirect").or_else(|| form.get("redirect"));
    let (mut reply, at) = match redirect.and_then(|url| redirect_to(url, bucket, key, tag)) {
        Some(to) => (reply::empty(StatusCode::SEE_OTHER), Some(to)),
        None => {
            let reply = match form.get("success_action_status") {
                Some("200") => reply::empty(StatusCode::OK),
                Some("201") => {
                    let mut reply = reply::xml(answers::posted(&location, bucket.as_str(), key.as_str(), tag));
                    *reply.status_mut() = StatusCode::CREATED;
                    reply
                }
                // Whatever is no status that it may ask for counts as none.
                _ => reply::empty(StatusCode::NO_CONTENT),
            };
            (reply, HeaderValue::from_str(&location).ok())
        }
    };
    if let Some(at) = at {
        reply.headers_mut().insert(LOCATION, at);
    }
    reply.headers_mut().insert(ETAG, reply::quoted(tag));
    if let Some(checksum) = &written.checksum {
        show(reply.headers_mut(), checksum);
    }
    reply
}

/// Where the object is.
fn location(asked: &Asked<'_>, bucket: &BucketName, key: &ObjectKey) -> String {
    let head = &asked.call.head;
    let scheme = if head.tls.is_some() { "https" } else { "http" };
    let mut path = Vec::with_capacity(key.as_str().len());
    if asked.call.style == Style::Path {
        path.push(b'/');
        path.extend_from_slice(bucket.as_str().as_bytes());
    }
    path.push(b'/');
    encoding::encode_path(key.as_str(), &mut path);
    format!("{scheme}://{}{}", head.host(), String::from_utf8_lossy(&path))
}

/// The page to go to, which is told what was stored. `None` for what is no address of a page: S3 takes it as not given.
fn redirect_to(url: &str, bucket: &BucketName, key: &ObjectKey, tag: &str) -> Option<HeaderValue> {
    let scheme = |scheme: &str| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    if !scheme("http://") && !scheme("https://") {
        return None;
    }
    let (page, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let mut to = page.as_bytes().to_vec();
    let mut separator = if page.contains('?') { b'&' } else { b'?' };
    for (name, value) in [("bucket", bucket.as_str()), ("key", key.as_str()), ("etag", &format!("\"{tag}\""))] {
        to.push(separator);
        to.extend_from_slice(name.as_bytes());
        to.push(b'=');
        encoding::encode(value, &mut to);
        separator = b'&';
    }
    to.extend_from_slice(fragment.as_bytes());
    HeaderValue::from_bytes(&to).ok()
}
