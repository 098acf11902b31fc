//! A shelf that is a bucket, or a folder of one, at any S3 endpoint.
//!
//! What a server or the way to it fails at is tried again, a bounded number of times; what it refuses is not. A large body
//! is uploaded in parts, so that one part is in memory and no more.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use blobs::Reader;
use bytes::{Bytes, BytesMut};
use client::{Answer, Credentials, Method, Request, Roots, S3, encode_component};

use crate::{Error, Shelf};

/// Bytes of a part, at the least; more where a body would have too many of them.
const PART: u64 = 8 << 20;
/// Most parts.
const PARTS: u64 = 10_000;
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// A bucket, or what is below a prefix in one.
pub struct Bucket {
    s3: S3,
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
    token: Option<String>,
}

impl Bucket {
    /// `place` is `BUCKET` or `BUCKET/PREFIX`. `authorities` are certificate authorities to trust, as PEM, in place of the
    /// system's.
    ///
    /// # Errors
    /// [`Error::Refused`] if the endpoint makes no sense.
    pub fn new(
        place: &str,
        endpoint: &str,
        region: &str,
        (credentials, token): (Credentials, Option<String>),
        authorities: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let roots = authorities.map_or(Roots::System, Roots::Pem);
        let s3 = S3::trusting(endpoint, region, Some(credentials), roots);
        let s3 = s3.map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Bucket { s3, bucket: bucket.to_owned(), prefix, token })
    }

    fn request(&self, method: Method, name: &str) -> Request {
        self.with_token(Request::at_place(method, &format!("{}/{}{name}", self.bucket, self.prefix)))
    }

    fn with_token(&self, request: Request) -> Request {
        match &self.token {
            Some(token) => request.header("x-amz-security-token", token.as_str()),
            None => request,
        }
    }

    /// Sends, again where that may help. 404 is an answer.
    async fn send(&self, request: &Request, what: &str) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let why = match self.s3.send(request).await {
                Ok(answer) if answer.status / 100 == 2 || answer.status == 404 => return Ok(answer),
                Ok(answer) if answer.status < 500 && answer.status != 429 => {
                    let code = answer.code().unwrap_or_default();
                    return Err(self.failed(what, &format!("the endpoint says {} {code}", answer.status)));
                }
                Ok(answer) => format!("the endpoint says {} {}", answer.status, answer.code().unwrap_or_default()),
                Err(error) => error.to_string(),
            };
            if attempt == ATTEMPTS {
                return Err(self.failed(what, &why));
            }
            tokio::time::sleep(PAUSE * 2u32.pow(attempt)).await;
            attempt += 1;
        }
    }

    /// The same; 404 is a failure.
    async fn done(&self, request: &Request, what: &str) -> Result<Answer, Error> {
        let answer = self.send(request, what).await?;
        if answer.status == 404 {
            let code = answer.code().unwrap_or_default();
            return Err(self.failed(what, &format!("the endpoint says 404 {code}")));
        }
        Ok(answer)
    }

    fn failed(&self, what: &str, why: &str) -> Error {
        Error::Shelf(format!("{what} at {}: {why}", self.place()))
    }

    async fn parts(
        &self,
        name: &str,
        upload: &str,
        len: u64,
        reader: &mut dyn Reader,
    ) -> Result<Result<String, blobs::Error>, Error> {
        let size = PART.max(len.div_ceil(PARTS));
        let (mut part, mut number, mut sent, mut list) = (BytesMut::new(), 1, 0, String::new());
        loop {
            let bytes = match reader.next().await {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Err(error)),
            };
            let last = bytes.is_none();
            part.extend_from_slice(&bytes.unwrap_or_default());
            if part.len() as u64 >= size || (last && !part.is_empty()) {
                sent += part.len() as u64;
                let request = self.request(Method::PUT, name).query("partNumber", &number.to_string());
                let request = request.query("uploadId", upload).bytes(part.split().freeze());
                let answer = self.done(&request, &format!("writing {name}")).await?;
                let tag = answer.header("etag").unwrap_or_default().to_owned();
                list.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
                number += 1;
            }
            if last {
                break;
            }
        }
        if sent != len {
            return Err(Error::Shelf(format!("{name}: {sent} bytes came where {len} were to come")));
        }
        Ok(Ok(format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>")))
    }
}

#[async_trait]
impl Shelf for Bucket {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    fn looks(&self) -> bool {
        false
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let request = self.request(Method::PUT, name).bytes(bytes);
        self.done(&request, &format!("writing {name}")).await.map(drop)
    }

    async fn put_from(&self, name: &str, len: u64, reader: &mut dyn Reader) -> Result<Result<(), blobs::Error>, Error> {
        let what = format!("writing {name}");
        let begun = self.done(&self.request(Method::POST, name).raw_query("uploads"), &what).await?;
        let upload = begun.elements(&["InitiateMultipartUploadResult", "UploadId"]).into_iter().next();
        let upload = upload.ok_or_else(|| self.failed(&what, "the endpoint names no upload"))?;
        let sent = match self.parts(name, &upload, len, reader).await {
            Ok(Ok(list)) => {
                let request = self.request(Method::POST, name).query("uploadId", &upload).bytes(list.into_bytes());
                match self.done(&request, &what).await {
                    // An error may come with status 200 here.
                    Ok(answer) => match answer.code() {
                        None => return Ok(Ok(())),
                        Some(code) => Err(self.failed(&what, &code)),
                    },
                    Err(error) => Err(error),
                }
            }
            Ok(Err(error)) => Ok(Err(error)),
            Err(error) => Err(error),
        };
        // What was sent of it would be kept, and paid for.
        let _ = self.s3.send(&self.request(Method::DELETE, name).query("uploadId", &upload)).await;
        sent
    }

    async fn len(&self, name: &str) -> Result<Option<u64>, Error> {
        let what = format!("looking for {name}");
        let answer = match self.send(&self.request(Method::HEAD, name), &what).await {
            // An answer to HEAD cannot say why: one to GET can.
            Err(_) => match self.send(&self.request(Method::GET, name).header("range", "bytes=0-0"), &what).await? {
                answer if answer.status == 404 => answer,
                _ => self.send(&self.request(Method::HEAD, name), &what).await?,
            },
            Ok(answer) => answer,
        };
        if answer.status == 404 {
            return Ok(None);
        }
        let len = answer.header("content-length").and_then(|len| len.parse().ok());
        len.map(Some).ok_or_else(|| self.failed(&what, "the endpoint does not say how long it is"))
    }

    async fn get(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let what = format!("reading {name}");
        let of = format!("bytes={}-{}", range.start, range.end - 1);
        let answer = self.done(&self.request(Method::GET, name).header("range", of), &what).await?;
        if answer.body.len() as u64 == range.end - range.start {
            return Ok(answer.body);
        }
        Err(self.failed(&what, "the endpoint sent another number of bytes than it was asked for"))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let below = format!("{}{prefix}", self.prefix);
        let (mut all, mut token): (Vec<String>, Option<String>) = (vec![], None);
        loop {
            let mut query = format!("{}?list-type=2&prefix={}", self.bucket, encode_component(&below));
            if let Some(token) = &token {
                query.push_str(&format!("&continuation-token={}", encode_component(token)));
            }
            let request = self.with_token(Request::at_place(Method::GET, &query));
            let answer = self.done(&request, "listing backups").await?;
            let keys = answer.elements(&["ListBucketResult", "Contents", "Key"]);
            all.extend(keys.iter().filter_map(|key| key.strip_prefix(&self.prefix)).map(str::to_owned));
            token = answer.elements(&["ListBucketResult", "NextContinuationToken"]).into_iter().next();
            if token.is_none() {
                all.sort();
                return Ok(all);
            }
        }
    }

    async fn settle(&self) -> Result<(), Error> {
        Ok(())
    }
}
