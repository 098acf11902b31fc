//! Pages of objects and of unfinished uploads.

use kv::{EntryOrPrefix, KeyRange, ListQuery};
use model::{Bucket, CanonicalId, Checksum, ETag, ObjectKey, Timestamp};

use crate::upload::{self, Upload};
use crate::{Catalog, Error, Stored, keys, object};

/// Which objects, and how they are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListObjects {
    /// Keys must begin with this.
    pub prefix: String,
    /// Fold at this; empty: do not.
    pub delimiter: String,
    /// Only what sorts after this: a key or a common prefix.
    pub after: String,
    /// Most keys and common prefixes together.
    pub limit: usize,
}

/// What a listing tells of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectLine {
    /// Its key.
    pub key: ObjectKey,
    /// Length, in bytes.
    pub len: u64,
    /// Entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// Who owns it.
    pub owner: CanonicalId,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A line of a folded listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefixOr<T> {
    /// Keys folded into what they have in common.
    Prefix(String),
    /// One that is not folded.
    One(T),
}

/// A page of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPage {
    /// In key order.
    pub lines: Vec<PrefixOr<ObjectLine>>,
    /// Whether there is more.
    pub more: bool,
}

/// Which uploads, and how they are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListUploads {
    /// Keys must begin with this.
    pub prefix: String,
    /// Fold at this; empty: do not.
    pub delimiter: String,
    /// Only keys after this one; together with `after_upload`, also later uploads of the same key.
    pub after_key: String,
    /// Only uploads of `after_key` after this one.
    pub after_upload: String,
    /// Most uploads and common prefixes together.
    pub limit: usize,
}

/// A page of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPage {
    /// By key, then by age.
    pub lines: Vec<PrefixOr<Upload>>,
    /// Whether there is more.
    pub more: bool,
}

impl Catalog {
    /// A page of the objects of a bucket.
    pub async fn list_objects(&self, bucket: &Bucket, wanted: &ListObjects) -> Result<ObjectPage, Error> {
        let bytes = |text: &str| bytes::Bytes::copy_from_slice(text.as_bytes());
        let some = |text: &str| (!text.is_empty()).then(|| bytes(text));
        let query = ListQuery {
            root: keys::objects(&bucket.name),
            prefix: bytes(&wanted.prefix),
            delimiter: some(&wanted.delimiter),
            after: some(&wanted.after),
            limit: wanted.limit,
        };
        let listing = self.engine.list(query).await?;
        let line = |item| match item {
            EntryOrPrefix::Prefix(prefix) => match String::from_utf8(prefix.to_vec()) {
                Ok(prefix) => Ok(PrefixOr::Prefix(prefix)),
                Err(_) => Err(Error::corrupt(&prefix, "a common prefix is no text")),
            },
            EntryOrPrefix::Entry(entry) => {
                let o = object::decode(&entry.key, &entry.value)?;
                let line = ObjectLine {
                    key: o.key,
                    len: o.len,
                    etag: o.etag,
                    modified: o.modified,
                    owner: o.owner,
                    checksum: o.checksum,
                };
                Ok(PrefixOr::One(line))
            }
        };
        let lines = listing.items.into_iter().map(line).collect::<Result<_, Error>>()?;
        Ok(ObjectPage { lines, more: listing.more })
    }

    /// A page of the unfinished uploads of a bucket. There are few of these, so it folds what it reads instead of
    /// asking the engine to.
    pub async fn list_uploads(&self, bucket: &Bucket, wanted: &ListUploads) -> Result<UploadPage, Error> {
        const STEP: usize = 1000;
        let all = upload::range(bucket);
        let mut range = KeyRange { start: first(bucket, wanted), end: all.end };
        let mut page = UploadPage { lines: vec![], more: false };
        loop {
            let step = self.engine.scan(range.clone(), STEP).await?;
            let Some(last) = step.entries.last().map(|e| e.key.clone()) else { return Ok(page) };
            for entry in step.entries {
                let upload = upload::decode_upload(&entry.key, &entry.value)?;
                let Some(rest) = upload.key.as_str().strip_prefix(wanted.prefix.as_str()) else {
                    if upload.key.as_str() > wanted.prefix.as_str() {
                        return Ok(page);
                    }
                    continue;
                };
                let folded = (!wanted.delimiter.is_empty()).then(|| rest.find(&wanted.delimiter)).flatten();
                let line = match folded {
                    Some(at) => PrefixOr::Prefix(format!("{}{}", wanted.prefix, &rest[..at + wanted.delimiter.len()])),
                    None => PrefixOr::One(upload),
                };
                let seen = match &line {
                    PrefixOr::Prefix(prefix) => {
                        prefix.as_str() <= wanted.after_key.as_str() || page.lines.last() == Some(&line)
                    }
                    PrefixOr::One(_) => false,
                };
                if seen {
                    continue;
                }
                if page.lines.len() == wanted.limit {
                    page.more = true;
                    return Ok(page);
                }
                page.lines.push(line);
            }
            if !step.more {
                return Ok(page);
            }
            range.start = [last.as_ref(), b"\0"].concat().into();
        }
    }

    /// The unfinished uploads of a bucket, whole records, for those who clean up.
    pub async fn uploads(&self, bucket: &Bucket, limit: usize) -> Result<Vec<Stored<Upload>>, Error> {
        let page = self.engine.scan(upload::range(bucket), limit).await?;
        let stored = |e: kv::Entry| {
            let value = e.decoded(upload::decode_upload)?;
            Ok(Stored { value, key: e.key.clone(), revision: e.revision })
        };
        page.entries.into_iter().map(stored).collect()
    }
}

/// Where a page of uploads begins to read.
fn first(bucket: &Bucket, wanted: &ListUploads) -> kv::Key {
    if wanted.after_key.is_empty() {
        return [keys::uploads(&bucket.name).as_ref(), &keys::escape(&wanted.prefix)].concat().into();
    }
    let of_key = keys::uploads_of(&bucket.name, &wanted.after_key);
    if wanted.after_upload.is_empty() {
        return KeyRange::prefix(of_key).end.expect("no such key is all 0xFF");
    }
    [of_key.as_ref(), wanted.after_upload.as_bytes(), b"\0"].concat().into()
}
