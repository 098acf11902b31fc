//! Sends a question and settles what its answer tells.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use client::{Answer, Error, Method, S3, Signature};

use super::pair::Pair;
use super::questions::{Allowed, Question};
use super::report::{Finding, NotKnown, Told};
use crate::cli::ProbeFlags;
use crate::complaint::Complaint;

/// Most bytes that are read of an answer; a list of 10,000 buckets has fewer.
const ANSWER_BYTES: usize = 2 << 20;

/// How long nothing may move.
const STALL: Duration = Duration::from_secs(15);

/// What is waited before a request that was answered by 503 SlowDown is sent again: then it is told as it is.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// S3's codes by which an endpoint refuses who asks, whatever is asked.
const REFUSALS: [&str; 11] = [
    "AccessDenied",
    "AllAccessDisabled",
    "AccountProblem",
    "NotSignedUp",
    "InvalidAccessKeyId",
    "InactiveAccessKey",
    "InvalidToken",
    "ExpiredToken",
    "UnauthorizedAccess",
    "AuthorizationRequired",
    "Forbidden",
];

/// Asks one endpoint as one pair.
pub(super) struct Asker {
    s3: S3,
    pair: Pair,
    virtual_host: bool,
    /// Whether the endpoint is taken to decide on access before anything else.
    pub(super) trusted: bool,
    sent: AtomicU64,
}

/// What was told, and the answer that told it, if there was one.
pub(super) struct Asked {
    pub(super) finding: Finding,
    pub(super) answer: Option<Answer>,
}

impl Asker {
    pub(super) fn new(s3: S3, pair: Pair, flags: &ProbeFlags) -> Self {
        let (virtual_host, trusted) = (flags.virtual_host, flags.trust_endpoint);
        Asker { s3: s3.with_stall(STALL), pair, virtual_host, trusted, sent: AtomicU64::new(0) }
    }

    /// The public half of the pair.
    pub(super) fn who(&self) -> Option<&str> {
        self.pair.id()
    }

    /// How many requests were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Asks.
    ///
    /// # Errors
    /// Where nobody listens at the endpoint, or the request cannot be made.
    pub(super) async fn ask(&self, question: &Question) -> Result<Asked, Complaint> {
        let answer = match self.send(question, true).await? {
            Ok(answer) => answer,
            Err(why) => {
                let finding = Finding::not_known(question, NotKnown::Unanswered, why);
                return Ok(Asked { finding, answer: None });
            }
        };
        let mut finding = settle(question, &answer);
        let claims = finding.told == Told::Allowed && matches!(question.allowed, Allowed::Fails(_));
        if claims && !self.trusted {
            let nobody = match self.who() {
                Some(_) => self.send(question, false).await?.ok().map(|answer| settle(question, &answer)),
                None => None,
            };
            if nobody.is_none_or(|nobody| nobody.told != Told::Refused) {
                let why = "the endpoint does not refuse it to nobody either; --trust-endpoint takes it as it is";
                finding = Finding {
                    told: Told::NotKnown,
                    kind: Some(NotKnown::Ambiguous),
                    because: Some(why.into()),
                    ..finding
                };
            }
        }
        Ok(Asked { finding, answer: Some(answer) })
    }

    /// Where it is sent.
    fn door(&self, question: &Question) -> S3 {
        match self.virtual_host && !question.bucket.is_empty() {
            true => self.s3.at_host(&format!("{}.{}", question.bucket, self.s3.authority())),
            false => self.s3.clone(),
        }
    }

    /// The answer; or why there is none.
    async fn send(&self, question: &Question, signed: bool) -> Result<Result<Answer, String>, Complaint> {
        let mut s3 = self.door(question);
        let mut request = question.request(self.virtual_host);
        match (&self.pair.credentials, signed) {
            (Some(credentials), true) => {
                s3 = s3.with_key(credentials.clone());
                if let Some(token) = &self.pair.token {
                    request = request.header("x-amz-security-token", token.clone());
                }
            }
            _ => request = request.signature(Signature::None),
        }
        let mut pauses = PAUSES.iter();
        loop {
            self.sent.fetch_add(1, Ordering::Relaxed);
            match s3.send_for(&request, ANSWER_BYTES).await {
                Ok(answer) if answer.status == 503 || answer.status == 429 => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Ok(Ok(answer)),
                },
                Ok(answer) => return Ok(Ok(answer)),
                Err(error @ (Error::Exchange { .. } | Error::Answer { .. } | Error::Stalled { .. })) => {
                    return Ok(Err(error.to_string()));
                }
                Err(error) => {
                    let remedy = match self.virtual_host {
                        true => "Look at --endpoint and --ca-file, or leave --virtual-host out.",
                        false => "Look at --endpoint, and for https at --ca-file.",
                    };
                    return Err(Complaint::failed(error.to_string(), remedy));
                }
            }
        }
    }
}

/// What an answer tells.
fn settle(question: &Question, answer: &Answer) -> Finding {
    let finding = Finding::answered(question, answer);
    let known = |told| Finding { told, ..finding.clone() };
    let not_known = |kind, why: &str| Finding {
        told: Told::NotKnown,
        kind: Some(kind),
        because: Some(why.to_owned()),
        ..finding.clone()
    };
    let code = answer.code().unwrap_or_default();
    let is = |codes: &[&str]| codes.contains(&code.as_str());
    let succeeded = (200..300).contains(&answer.status) && code.is_empty();
    let lets_through = match question.allowed {
        Allowed::Reads(none) => (succeeded && question.fits(answer)) || is(none),
        Allowed::Fails(codes) => is(codes),
        Allowed::DoesNothing(codes, statuses) => is(codes) || (code.is_empty() && statuses.contains(&answer.status)),
    };
    if lets_through {
        return known(Told::Allowed);
    }
    let head = question.method == Method::HEAD;
    if is(&REFUSALS) || (head && matches!(answer.status, 401 | 403)) {
        return known(Told::Refused);
    }
    match (answer.status, code.as_str()) {
        (_, "SignatureDoesNotMatch") => not_known(
            NotKnown::Unanswered,
            "the signature is not taken: the secret is not this key's, or something between alters requests",
        ),
        (_, "RequestTimeTooSkewed") => {
            not_known(NotKnown::Unanswered, "this machine's clock is wrong, or the endpoint's")
        }
        (_, "NoSuchBucket") => not_known(NotKnown::NothingThere, "there is no such bucket"),
        (404, _) if head => not_known(NotKnown::NothingThere, "there is no such bucket"),
        (_, "NoSuchKey") => not_known(NotKnown::NothingThere, "there is no such object"),
        (501 | 405, _) => not_known(NotKnown::NotOffered, "the endpoint does not offer it"),
        (300..400, _) | (400, "AuthorizationHeaderMalformed") => not_known(
            NotKnown::Unanswered,
            "the bucket is in another region: name it with --region, and its endpoint with --endpoint",
        ),
        (200..300, "") => not_known(NotKnown::Unanswered, "the answer is none of S3's: is this an S3 endpoint?"),
        (500..600 | 429, _) => not_known(NotKnown::Unanswered, "the endpoint could not answer"),
        _ => not_known(NotKnown::Unanswered, "the answer settles nothing"),
    }
}

#[cfg(test)]
mod tests {
    use client::HeaderMap;

    use super::*;

    fn told(question: &Question, status: u16, code: &str) -> Told {
        let body = if code.is_empty() { "{}".to_owned() } else { format!("<Error><Code>{code}</Code></Error>") };
        settle(question, &Answer { status, headers: HeaderMap::new(), body: body.into() }).told
    }

    #[test]
    fn the_bucket_is_in_the_path_or_in_the_hosts_name() {
        let sent = |words: &[&str], question: &Question| {
            let flags = super::super::tests::flags(words);
            let s3 = S3::new("http://s3.example.com", "us-east-1", None).unwrap();
            let asker = Asker::new(s3, Pair { credentials: None, token: None }, &flags);
            asker.door(question).prepare(&question.request(asker.virtual_host)).unwrap().url()
        };
        let read = &Question::of_object("b.x", "a key")[1];
        assert_eq!(sent(&[], read), "http://s3.example.com/b.x/a%20key?acl");
        assert_eq!(sent(&["--virtual-host"], read), "http://b.x.s3.example.com/a%20key?acl");
        assert_eq!(sent(&["--virtual-host"], &Question::see("b.x")), "http://b.x.s3.example.com/");
        assert_eq!(sent(&["--virtual-host"], &Question::list_buckets()), "http://s3.example.com/");
    }

    #[test]
    fn a_read_is_allowed_by_success_or_by_there_being_nothing_and_refused_by_a_refusal_only() {
        let policy = &Question::of_bucket(&super::super::tests::place("b"))[5];
        assert_eq!(policy.what, "read policy");
        for (status, code, expected) in [
            (200, "", Told::Allowed),
            (404, "NoSuchBucketPolicy", Told::Allowed),
            (403, "AccessDenied", Told::Refused),
            (200, "AccessDenied", Told::Refused),
            (403, "InvalidAccessKeyId", Told::Refused),
            (403, "SignatureDoesNotMatch", Told::NotKnown),
            (403, "", Told::NotKnown),
            (404, "NoSuchBucket", Told::NotKnown),
            (301, "PermanentRedirect", Told::NotKnown),
            (500, "InternalError", Told::NotKnown),
            (501, "NotImplemented", Told::NotKnown),
        ] {
            assert_eq!(told(policy, status, code), expected, "{status} {code}");
        }
        let page = Answer { status: 200, headers: HeaderMap::new(), body: "<html></html>".into() };
        for question in [policy.clone(), Question::list_buckets(), Question::versioning("b")] {
            assert_eq!(settle(&question, &page).told, Told::NotKnown, "a web page is no answer");
        }
        let see = Question::see("b");
        assert_eq!(
            [200, 403, 404, 301].map(|status| told(&see, status, "")),
            [Told::Allowed, Told::Refused, Told::NotKnown, Told::NotKnown]
        );
    }

    #[test]
    fn a_write_is_allowed_by_the_missing_upload_and_success_tells_nothing() {
        let write = Question::write("create", "b", "k", "0");
        for (status, code, expected) in [
            (404, "NoSuchUpload", Told::Allowed),
            (403, "AccessDenied", Told::Refused),
            (200, "", Told::NotKnown),
            (404, "NoSuchKey", Told::NotKnown),
            (400, "MalformedXML", Told::NotKnown),
        ] {
            assert_eq!(told(&write, status, code), expected, "{status} {code}");
        }
        let delete = Question::delete("b", "k", "0");
        for (status, code) in [(204, ""), (412, "PreconditionFailed"), (404, "NoSuchKey")] {
            assert_eq!(told(&delete, status, code), Told::Allowed, "{status} {code}");
        }
        assert_eq!(told(&delete, 403, "AccessDenied"), Told::Refused);
    }
}
