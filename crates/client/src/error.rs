//! What keeps a request from having an answer. An answer of 4xx or 5xx is an [`Answer`](crate::Answer), not an error.

use std::time::Duration;

/// No answer, and why.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint is not one that can be spoken to.
    #[error("the endpoint {given:?} is not usable: {why}; give it as http://host:port or https://host")]
    Endpoint {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The request cannot be made as it was described; nothing was sent.
    #[error("{request} cannot be made: {why}")]
    Request {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody accepts connections there.
    #[error("no connection to {endpoint} for {request}: {why}")]
    Connect {
        /// Host and port.
        endpoint: String,
        /// Method and path.
        request: String,
        /// The system's words.
        why: String,
    },
    /// The connection broke before the answer began. What the server did with the request is unknown.
    #[error("no answer to {request}: {why}")]
    Exchange {
        /// Method and path.
        request: String,
        /// HTTP's words.
        why: String,
    },
    /// The answer began, and broke off.
    #[error("the answer to {request} broke off after {bytes} bytes of body: {why}")]
    Answer {
        /// Method and path.
        request: String,
        /// How much of the body had come.
        bytes: u64,
        /// HTTP's words.
        why: String,
    },
    /// The answer is longer than what is read into memory; [`S3::download`](crate::S3::download) has no such bound.
    #[error("the answer to {request} is longer than {limit} bytes; download it piece by piece")]
    TooLong {
        /// Method and path.
        request: String,
        /// [`ANSWER_BYTES`](crate::ANSWER_BYTES).
        limit: usize,
    },
    /// Nothing moved for so long that it was given up.
    #[error("{request}: nothing moved for {limit:?} while {step}")]
    Stalled {
        /// Method and path.
        request: String,
        /// What was being waited for.
        step: &'static str,
        /// How long.
        limit: Duration,
    },
}

/// The whole chain of causes in one line: the outermost one of an HTTP library rarely says anything.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
