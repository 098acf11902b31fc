//! What tests of the whole need: the program as a process, the same server put together in this process, and a hand on
//! its syncs.
//!
//! - [`Program`] runs a binary as `bailiwick serve` on a data directory of its own, and its other commands beside it;
//!   it can be killed, stopped and started again.
//! - [`InProcess`] is the store behind S3 on a port of this machine, with storage, settings, clock and syncs of the
//!   test's choice. It starts in milliseconds.
//! - [`Gate`] freezes, fails and counts syncs of records or bodies.
//!
//! Both servers give the same handles: [`client::S3`] for the owner, for new accounts ([`Account`]), for shares
//! ([`Share`]), for nobody.
//!
//! Everything here is for tests: what goes wrong panics, with what was said. Absent on purpose: assertions over S3's answers, which
//! belong to the test that makes them.

mod files;
mod gate;
mod in_process;
mod listener;
mod program;

pub use client::Credentials;
pub use files::{Place, contents, count_files};
pub use gate::Gate;
pub use in_process::{Clock, InProcess, Options, Storage};
pub use program::{Launch, Program, Ran};

use client::S3;

/// The region of every server here, unless a test says otherwise.
pub const REGION: &str = "us-east-1";

/// The owner's e-mail address.
pub const OWNER: &str = "owner@example.com";

/// An account with its first key.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its e-mail address.
    pub email: String,
    /// Twelve digits.
    pub account_id: String,
    /// 64 hexadecimal digits.
    pub canonical_id: String,
    /// Whether it may own nothing.
    pub guest: bool,
    /// Its first key.
    pub key: Credentials,
    /// The service as that key sees it.
    pub s3: S3,
}

/// A share with its key.
#[derive(Debug, Clone)]
pub struct Share {
    /// Names it in `shares show` and `shares revoke`.
    pub share_id: String,
    /// Its bucket.
    pub bucket: String,
    /// `read`, `write` or `read-write`.
    pub preset: String,
    /// To whom it was given.
    pub email: String,
    /// The key that reaches this share and nothing else.
    pub key: Credentials,
    /// The service as that key sees it.
    pub s3: S3,
}

/// The body of a PutBucketAcl or PutObjectAcl: `owner` by canonical id, and what is granted to whom, where the grantee is
/// the element `Grantee` as [`by_id`], [`by_email`] and [`by_group`] give it.
pub fn acl_document(owner: &str, grants: &[(String, &str)]) -> String {
    let grants: String = grants
        .iter()
        .map(|(grantee, permission)| format!("<Grant>{grantee}<Permission>{permission}</Permission></Grant>"))
        .collect();
    format!(
        "<AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>{owner}</ID></Owner>\
         <AccessControlList>{grants}</AccessControlList></AccessControlPolicy>"
    )
}

fn grantee(kind: &str, element: &str, value: &str) -> String {
    format!(
        "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">\
         <{element}>{value}</{element}></Grantee>"
    )
}

/// A grantee by canonical id.
pub fn by_id(canonical_id: &str) -> String {
    grantee("CanonicalUser", "ID", canonical_id)
}

/// A grantee by e-mail address.
pub fn by_email(email: &str) -> String {
    grantee("AmazonCustomerByEmail", "EmailAddress", email)
}

/// A group, by its URI.
pub fn by_group(uri: &str) -> String {
    grantee("Group", "URI", uri)
}
