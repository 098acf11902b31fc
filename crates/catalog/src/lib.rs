//! What is stored, as records: buckets, objects, unfinished uploads, and the indexes that answer questions without scans.
//!
//! Reads go to the engine through [`Catalog`]; changes are planned by pure functions that turn records read and input
//! into a [`kv::Change`], which `operations` commits together with the ledger's entry. An object's key in the engine
//! holds its bucket's name, so that a bucket and an object in it are one read; that is safe because every change of an
//! object requires the bucket's record unchanged, and a bucket is removed only while nothing is stored under its name.
//!
//! Every record begins with a version; room for versions of objects is in the layout (`v` keys) and in the records.
//! Absent on purpose: how bodies are stored, who may do what, HTTP.

pub mod audit;
mod bucket;
mod codec;
mod error;
mod grants;
mod keys;
mod listing;
mod object;
mod read;
mod tags;
mod upload;

pub use bucket::{plan_create_bucket, plan_delete_bucket, plan_replace_bucket};
pub use error::Error;
pub use grants::GrantTarget;
pub use listing::{ListObjects, ListUploads, ObjectLine, ObjectPage, PrefixOr, UploadPage};
pub use object::{
    BodyAt, ContentHeaders, Manifest, ManifestPart, NewBody, Object, ObjectSlot, Piece, plan_delete_object,
    plan_put_object, plan_replace_object_acl, plan_replace_object_tags,
};
pub use read::{Catalog, Stored};
pub use tags::{plan_create_tagged_bucket, plan_put_bucket_tags};
pub use upload::{
    CompletedUpload, Part, PartSlot, Upload, plan_abort_upload, plan_begin_upload, plan_complete_upload, plan_put_part,
};
