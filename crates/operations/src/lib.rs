//! What the store can do, whatever the protocol: publish a body, commit, answer.
//!
//! Every public function takes a [`Context`] with a proven caller (or is for the operator, who comes with one), reads what
//! bears on the request, asks [`access::decide`] in one place ([`gate`](mod@gate)), and commits in one place
//! ([`commit`](mod@commit)): the change, the conditions that its permit rests on, its ledger entry and its usage, all or
//! nothing. After a conflict it reads and decides anew, a bounded number of times.
//!
//! Invariants:
//! - nothing is visible before the commit returned, and nothing is acknowledged before it is durable;
//! - what was authorised is what is executed: the permit's records are conditions of the commit;
//! - a body that no record names is garbage, and only such a body is removed;
//! - memory per request is bounded, whatever is uploaded or read.
//!
//! Absent on purpose: HTTP, XML, status codes, signatures.

mod acls;
pub mod admin;
mod body;
mod buckets;
mod caps;
mod care;
mod commit;
mod denials;
mod error;
mod garbage;
mod gate;
mod intake;
mod listings;
mod md5_beside;
mod objects;
mod policies;
mod preconditions;
mod quota;
mod store;
mod tags;
mod throttle;
mod upkeep;
mod uploads;

pub use acls::{AclInput, AclView, GranteeInput, GranteeView, Party};
pub use body::Body;
pub use buckets::{BucketLine, BucketPage, BucketSettings, CreateBucket, ListBuckets};
pub use care::{Care, Scrubbing, Teller, bodies_named, open_shelf};
pub use catalog::{
    ContentHeaders, ListObjects, ListUploads, Object, ObjectLine, ObjectPage, Part, PrefixOr, Upload, UploadPage,
};
pub use error::Error;
pub use intake::{Aborted, Expected, Source};
pub use listings::{ObjectListing, PartsPage, UploadListing};
pub use objects::{
    Attributes, AttributesPart, CopyObject, CopySource, DeleteOutcome, Described, Directive, Found, GetObject,
    PutObject, Wanted, Written,
};
pub use preconditions::{ReadConditions, Tags, WriteConditions};
pub use store::{Clock, Context, Parts, RequestFacts, Settings, Store};
pub use upkeep::Upkeep;
pub use uploads::{BeginUpload, CompleteUpload, NamedPart, PartTarget, PartWritten};
