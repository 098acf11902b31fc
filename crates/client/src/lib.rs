//! A small S3 client that says exactly what it is told to say, also what a well-behaved client never would.
//!
//! `bailiwick try`, `bailiwick probe` and backups to buckets, the end-to-end tests and the benchmarks speak to servers through it. The ready-made clients
//! cannot: they normalise paths, sign all they send and repair what a test wants broken.
//!
//! **It is a second implementation.** Signatures, canonical forms and aws-chunked framing are written here from the
//! published descriptions, and this crate does not depend on `s3`. A misreading that both sides shared would pass every
//! test in which they meet; so the signatures here are also held to the examples that AWS publishes.
//!
//! # Three depths
//!
//! 1. [`S3::get`], [`S3::put`], [`S3::copy`] and so on take `"bucket/key?acl"` and give an [`Answer`]. [`S3::upload`] and
//!    [`S3::download`] do the same for bodies of any length, in bounded memory.
//! 2. [`Request`] says all of it: raw path and query, headers signed and unsigned, [`Body`] in each form that S3 knows,
//!    [`Signature`] in header or query, v4 or v2, made by whichever key, date, region and service, and what to damage
//!    afterwards. [`S3::send`] sends it, [`S3::presign`] makes a link of it.
//! 3. [`S3::prepare`] gives the signed request as data, [`Prepared`], whose parts may be altered before
//!    [`S3::send_prepared`]; or its bytes, for [`S3::exchange`], which writes what HTTP libraries would refuse to.
//!
//! ```no_run
//! # async fn example() -> Result<(), client::Error> {
//! use client::{Body, Chunked, Credentials, Method, Request, S3};
//!
//! let key = Credentials::new("AKIDEXAMPLE", "secret");
//! let s3 = S3::new("http://127.0.0.1:9000", "us-east-1", Some(key))?;
//! assert_eq!(s3.put("a-bucket/hello.txt", "hello").await?.status, 200);
//!
//! // The same object in signed chunks of 8 KiB, of which the last never comes.
//! let body = Chunked::signed(vec![0; 65_536]).chunk_size(8192);
//! let cut = Request::new(Method::PUT, "/a-bucket/hello.txt").body(Body::Chunked(body)).tamper(|frames| {
//!     frames.truncate(8);
//! });
//! assert_ne!(s3.send(&cut).await?.status, 200);
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - Nothing is sent that the caller did not ask for, except `host`, `content-length` and what the chosen signature and
//!   body need; a header that the caller gives is never replaced.
//! - Memory for a body that is generated or discarded does not grow with its length.
//! - Every wait is bounded: connecting by [`CONNECT`], everything after by a time without progress.
//! - A secret is in no `Debug` output and in no error.
//!
//! Absent on purpose: retries and redirects (a test wants the first answer, and what was signed is sent nowhere else),
//! sessions and credentials from the environment, multipart orchestration, typed answers.

mod answer;
mod body;
mod encode;
mod error;
mod request;
mod s3;
mod sigv2;
mod sigv4;
mod socket;
mod source;
mod tls;

pub use answer::{Answer, Download};
pub use body::{Body, Chunked};
pub use encode::{encode_component, encode_key};
pub use error::Error;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method};
pub use jiff::Timestamp;
pub use request::{Prepared, Request, Signature};
pub use s3::{ANSWER_BYTES, CONNECT, Credentials, S3, STALL};
pub use sigv4::Signer;
pub use source::{Generated, Source};
pub use tls::Roots;

#[cfg(test)]
mod echo;
#[cfg(test)]
mod vectors;
