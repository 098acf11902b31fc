//! Presigned URLs that were found right before.
//!
//! A presigned URL is made to be used more than once: by a page that shows a picture again, a build that fetches the same
//! archive, a cache that asks whether it is still the same. To read, route and verify the same bytes again gives the same
//! again, and is a fifth of what a small read costs. So what they gave is kept, for requests that are the same to the byte,
//! headers included.
//!
//! What is kept lets nobody in. Each use checks what may have changed: the time; the key, with its secret, account and share
//! ([`identity::Directory::recall`]); and the authoriser is asked as ever. Where anything is not as it was, the request is
//! read, routed and verified like one that was never seen.
//!
//! Kept is only what was verified, so who has no key fills nothing. A URL that came once leaves a number; what it means is
//! kept when it comes again. The least used go when there is no more room; and one whose time is over, or whose key has
//! changed, when it is used again.

use std::hash::{BuildHasher as _, Hasher as _};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use identity::Proven;
use model::Timestamp;
use operations::Store;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::auth::Claim;
use super::facts::Proof;
use super::head::{Head, names_no_host};
use super::payload::Payload;
use super::router::Call;
use super::same_bytes;
use super::when::Validity;
use crate::handlers::Failure;

/// Most bytes that are kept, about.
const BYTES: u64 = 4 << 20;
/// Bytes of a usual request, with what it means.
const USUAL: u64 = 4 << 10;
/// What a header, and a pair of the query, take beside their texts, about.
const PIECE: u64 = 250;
/// What a number counts, which is more than it takes: eight thousand are enough to know a URL that is in use.
const NUMBER: u64 = 512;
/// Longest request that is kept, in bytes.
const LONGEST: usize = 4 << 10;

/// By a hash; two requests of one hash push each other out.
pub(crate) struct Seen {
    /// `None`: it was right once.
    urls: Cache<u64, Option<Arc<Url>>, Weight>,
    hashes: RandomState,
    /// How often one was found again.
    recalled: AtomicU64,
}

/// One that was right, with what it means.
pub(crate) struct Url {
    hash: u64,
    exact: Exact,
    call: Arc<Call>,
    proven: Proven,
    proof: Proof,
    validity: Validity,
}

/// All that is read of a head, as it was sent.
struct Exact {
    method: Method,
    path: Box<str>,
    query: Box<str>,
    /// Where in the query the signature stands.
    signature: Range<usize>,
    /// Each as `name:value` and a line feed, which no name or value holds.
    headers: Box<[u8]>,
    /// How many headers and pairs of the query there are.
    pieces: u64,
    tls: Option<&'static str>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<u64, Option<Arc<Url>>> for Weight {
    fn weight(&self, _: &u64, url: &Option<Arc<Url>>) -> u64 {
        // Each text is kept twice, as it was sent and as it was understood.
        let exact = |exact: &Exact| USUAL / 2 + 2 * exact.len() as u64 + PIECE * exact.pieces;
        NUMBER + url.as_ref().map_or(0, |url| exact(&url.exact))
    }
}

impl Seen {
    /// None yet.
    pub fn new() -> Self {
        let urls = Cache::with_weighter((BYTES / USUAL) as usize, BYTES, Weight);
        Seen { urls, hashes: RandomState::default(), recalled: AtomicU64::new(0) }
    }

    /// The same request, if it was right before.
    pub fn find(&self, parts: &Parts, tls: Option<&'static str>) -> Option<Arc<Url>> {
        let hash = self.hash(&parts.method, parts.uri.path(), parts.uri.query()?, parts.headers.iter())?;
        self.urls.get(&hash)?.filter(|url| url.exact.is(parts, tls))
    }

    /// Remembers a request that was found right, if it is a presigned URL that reads.
    pub fn keep(&self, call: &Call, claim: &Claim) {
        let head = &*call.head;
        let (Some(validity), true) = (claim.presigned, claim.payload.is_plain()) else { return };
        let hash = self.hash(&head.method, head.raw_path(), head.raw_query(), head.sent_headers());
        let Some(hash) = hash else { return };
        if self.urls.peek(&hash).is_none() {
            self.urls.insert(hash, None);
            return;
        }
        let (Some(proven), Some(exact)) = (claim.caller.proven(), Exact::of(head)) else { return };
        let (call, proof) = (Arc::new(call.detached()), claim.proof);
        self.urls.insert(hash, Some(Arc::new(Url { hash, exact, call, proven, proof, validity })));
    }

    /// Forgets it.
    fn forget(&self, url: &Url) {
        self.urls.remove(&url.hash);
    }

    /// How many requests were answered without being read anew.
    pub fn recalled(&self) -> u64 {
        self.recalled.load(Ordering::Relaxed)
    }

    fn hash<'h>(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>,
    ) -> Option<u64> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let mut hasher = self.hashes.build_hasher();
        hasher.write(path.as_bytes());
        hasher.write(query.as_bytes());
        for (name, value) in headers {
            hasher.write(name.as_str().as_bytes());
            hasher.write(value.as_bytes());
        }
        hasher.write_u8(u8::from(method == Method::HEAD));
        Some(hasher.finish())
    }
}

impl Url {
    /// What is asked.
    pub fn call(&self) -> &Arc<Call> {
        &self.call
    }

    /// The claim that goes with it, if its key still is what it was when the signature was verified.
    ///
    /// # Errors
    /// Those of a URL whose time is over, and of an address that may not try.
    pub async fn claim(
        &self,
        seen: &Seen,
        store: &Store,
        now: Timestamp,
        source: Option<IpAddr>,
    ) -> Result<Option<Claim>, Failure> {
        self.validity.check(now).inspect_err(|_| seen.forget(self))?;
        let Some(caller) = store.recall(&self.proven, source).await? else {
            seen.forget(self);
            return Ok(None);
        };
        seen.recalled.fetch_add(1, Ordering::Relaxed);
        let (proof, presigned) = (self.proof, Some(self.validity));
        Ok(Some(Claim { caller, payload: Payload::PLAIN, proof, presigned }))
    }
}

impl Exact {
    /// `None` for what is better read each time.
    fn of(head: &Head) -> Option<Self> {
        let mut headers = Vec::new();
        let mut pieces = head.purposes().count() as u64;
        for (name, value) in head.sent_headers() {
            pieces += 1;
            for part in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                headers.extend_from_slice(part);
            }
        }
        let exact = Exact {
            method: head.method.clone(),
            path: head.raw_path().into(),
            query: head.raw_query().into(),
            signature: head.raw_signature()?,
            headers: headers.into(),
            pieces,
            tls: head.tls,
        };
        (names_no_host(head.uri()) && exact.len() <= LONGEST).then_some(exact)
    }

    fn len(&self) -> usize {
        self.path.len() + self.query.len() + self.headers.len()
    }

    /// Whether `parts` are these. The signature is compared in the same time whatever differs, so that nobody finds one out
    /// piece by piece.
    fn is(&self, parts: &Parts, tls: Option<&'static str>) -> bool {
        let Parts { method, uri, headers, .. } = parts;
        self.tls == tls
            && self.method == *method
            && names_no_host(uri)
            && *self.path == *uri.path()
            && self.is_query(uri.query().unwrap_or("").as_bytes())
            && self.are_headers(headers.iter())
    }

    fn is_query(&self, other: &[u8]) -> bool {
        let query = self.query.as_bytes();
        let Range { start, end } = self.signature;
        query.len() == other.len()
            && query[..start] == other[..start]
            && query[end..] == other[end..]
            && same_bytes(&query[start..end], &other[start..end])
    }

    fn are_headers<'h>(&self, mut others: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>) -> bool {
        let mut left = &*self.headers;
        let mut take = |part: &[u8]| left.strip_prefix(part).inspect(|rest| left = rest).is_some();
        let all = others
            .all(|(name, value)| take(name.as_str().as_bytes()) && take(b":") && take(value.as_bytes()) && take(b"\n"));
        all && left.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "/b/k?X-Amz-Algorithm=a&X-Amz-Signature=0123456789abcdef";

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn exact(parts: Parts) -> Option<Exact> {
        Exact::of(&Head::parse(parts, None).unwrap())
    }

    #[test]
    fn what_is_kept_is_that_request_and_no_other() {
        let headers = [("host", "h"), ("accept", "a"), ("accept", "b"), ("x-amz-meta-a", "")];
        let kept = exact(parts("GET", LINK, &headers)).unwrap();
        assert!(kept.is(&parts("GET", LINK, &headers), None));
        assert!(!kept.is(&parts("GET", LINK, &headers), Some("1.3")));
        assert!(!kept.is(&parts("HEAD", LINK, &headers), None));
        assert!(!kept.is(&parts("GET", &format!("http://h{LINK}"), &headers), None));
        for uri in [
            &LINK[..LINK.len() - 1],
            &format!("{LINK}0"),
            &LINK.replace("/b/", "/c/"),
            &LINK.replace("=a", "=b"),
            &LINK.replace("abcdef", "abcdee"),
            &LINK.replace("=0123", "=1123"),
            "/b/k",
        ] {
            assert!(!kept.is(&parts("GET", uri, &headers), None), "{uri}");
        }
        for other in [
            &headers[..3],
            &[("host", "h"), ("accept", "a"), ("accept", "b"), ("x-amz-meta-a", "b")],
            &[("host", "h"), ("accept", "a"), ("accept", "c"), ("x-amz-meta-a", "")],
            &[("host", "h"), ("accept", "a"), ("accept", "b"), ("x-amz-meta-a", ""), ("te", "")],
            &[("host", "h"), ("accept", "a,b"), ("x-amz-meta-a", "")],
            &[("accept", "a"), ("accept", "b"), ("x-amz-meta-a", ""), ("hostt", "h")],
        ] {
            assert!(!kept.is(&parts("GET", LINK, other), None), "{other:?}");
        }
    }

    #[test]
    fn headers_in_the_query_are_none_that_were_sent() {
        let link = format!("{LINK}&x-amz-acl=private");
        let kept = exact(parts("GET", &link, &[("host", "h")])).unwrap();
        assert!(kept.is(&parts("GET", &link, &[("host", "h")]), None));
        assert!(!kept.is(&parts("GET", &link, &[("host", "h"), ("x-amz-acl", "private")]), None));
    }

    #[test]
    fn what_is_unusual_is_read_each_time() {
        let host = [("host", "h")];
        for uri in ["/b/k?a=b", &LINK.replace("=01", "=%301"), &format!("{LINK}&a={}", "x".repeat(LONGEST))] {
            assert!(exact(parts("GET", uri, &host)).is_none(), "{uri}");
        }
        assert!(exact(parts("GET", &format!("http://h{LINK}"), &host)).is_none());
    }
}
