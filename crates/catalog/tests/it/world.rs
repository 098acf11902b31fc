//! A store to try things on, and the few things that are stored in it.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{BodyAt, Catalog, ContentHeaders, NewBody, Object, ObjectSlot, Part, PartSlot, Piece, Stored, Upload};
use kv::{Change, Engine, Entry, Key, KeyRange, Memory, Require, Write};
use model::{
    AccountId, Acl, BlobId, Bucket, BucketName, CanonicalId, ETag, Grant, Grantee, ObjectKey, Permission, Timestamp,
    UploadId,
};

/// Runs what an engine in memory never keeps waiting.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub struct World {
    pub engine: Arc<Memory>,
    pub catalog: Catalog,
}

impl World {
    pub fn new() -> Self {
        let engine = Arc::new(Memory::new([7; 32]));
        World { catalog: Catalog::new(engine.clone()), engine }
    }

    /// Whether the change was applied.
    pub fn commit(&self, change: Change) -> bool {
        now(self.engine.commit(change)).unwrap().is_ok()
    }

    /// Applies a change that nothing stands against.
    pub fn must(&self, change: Change) {
        assert!(self.commit(change), "a condition did not hold");
    }

    pub fn put_raw(&self, key: Key, value: Bytes) {
        self.must(Change { require: vec![], write: vec![Write::Put(key, value)] });
    }

    /// Everything that is stored, or what begins with `prefix`.
    pub fn rows(&self, prefix: &[u8]) -> Vec<Entry> {
        now(self.engine.scan(KeyRange::prefix(Bytes::copy_from_slice(prefix)), usize::MAX)).unwrap().entries
    }

    pub fn bucket(&self, name: &BucketName) -> Option<Stored<Bucket>> {
        now(self.catalog.bucket(name)).unwrap()
    }

    /// Makes a bucket of account `owner`.
    pub fn with_bucket(&self, name: &str, owner: u8) -> Stored<Bucket> {
        let bucket = bucket(name, owner);
        self.must(catalog::plan_create_bucket(&bucket));
        self.bucket(&bucket.name).unwrap()
    }

    pub fn object(&self, bucket: &Bucket, key: &ObjectKey) -> Option<Stored<Object>> {
        now(self.catalog.object(&bucket.name, key)).unwrap().1
    }

    pub fn upload(&self, bucket: &Bucket, key: &ObjectKey, id: &UploadId) -> Option<Stored<Upload>> {
        now(self.catalog.upload(&bucket.name, key, id)).unwrap().1
    }

    pub fn parts(&self, id: &UploadId) -> Vec<Stored<Part>> {
        now(self.catalog.all_parts(id)).unwrap()
    }

    /// The change that puts `object` in its place, as things are, as `operations` commits it: on condition that the
    /// bucket is what it was.
    pub fn plan_put(&self, bucket: &Stored<Bucket>, object: &Object, body: &NewBody) -> (Change, Vec<BlobId>) {
        let old = self.object(&bucket.value, &object.key);
        let manifest = old.as_ref().and_then(|old| old.value.manifest);
        let manifest = manifest.and_then(|(id, _)| now(self.catalog.manifest(&id)).unwrap());
        let slot = ObjectSlot {
            bucket: &bucket.value,
            key: &object.key,
            old: old.as_ref().map(|old| (old, manifest.as_ref().map(|m| &*m.value))),
        };
        let (change, garbage) = catalog::plan_put_object(&slot, object, body);
        (given(bucket, change), garbage)
    }

    /// Begins an upload and reads it back.
    pub fn begun(&self, upload: &Upload) -> Stored<Upload> {
        self.must(catalog::plan_begin_upload(upload));
        now(self.catalog.upload(&upload.bucket, &upload.key, &upload.id)).unwrap().1.unwrap()
    }

    pub fn plan_part(&self, upload: &Stored<Upload>, part: &Part, body: &NewBody) -> (Change, Vec<BlobId>) {
        let old = now(self.catalog.part(&upload.value.id, part.number)).unwrap();
        catalog::plan_put_part(&PartSlot { upload, number: part.number, old: old.as_ref() }, part, body)
    }
}

/// `change`, on condition that the bucket is what it was.
pub fn given(bucket: &Stored<Bucket>, mut change: Change) -> Change {
    change.require.push(bucket.unchanged());
    change
}

pub fn account(n: u8) -> AccountId {
    AccountId::new(&format!("{n:012}")).unwrap()
}

pub fn canonical(n: u8) -> CanonicalId {
    CanonicalId::new(&format!("{n:064x}")).unwrap()
}

pub fn name(text: &str) -> BucketName {
    BucketName::new(text).unwrap()
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

pub fn bucket(text: &str, owner: u8) -> Bucket {
    Bucket {
        name: name(text),
        incarnation: 1,
        owner: account(owner),
        owner_canonical: canonical(owner),
        acl: Acl::private(canonical(owner)),
        ownership: None,
        public_access_block: None,
        policy: None,
        created: Timestamp::from_millis(1_289_952_000_123),
    }
}

pub fn acl(grants: &[(Grantee, Permission)]) -> Acl {
    let grant =
        |(grantee, permission): &(Grantee, Permission)| Grant { grantee: grantee.clone(), permission: *permission };
    Acl::new(grants.iter().map(grant).collect()).unwrap()
}

/// An empty object of account `owner`.
pub fn object(text: &str, owner: u8) -> Object {
    Object {
        key: key(text),
        version: None,
        owner: canonical(owner),
        acl: Acl::private(canonical(owner)),
        len: 0,
        etag: ETag::from_md5([0xAB; 16]),
        modified: Timestamp::from_millis(1_289_952_000_123),
        checksum: None,
        headers: ContentHeaders::default(),
        metadata: vec![],
        tags: model::TagSet::default(),
        piece: None,
        manifest: None,
        cause: "BWABCDEFGHIJKLMNOP27".into(),
    }
}

/// A body of `len` bytes under a number that nothing else has.
pub fn body(at: BodyAt, number: u64, len: u64) -> NewBody {
    let piece = Piece { at, id: BlobId::from_parts(1, number), len, crc64: number };
    match at {
        BodyAt::Blob => NewBody::Blob(piece),
        BodyAt::Inline => NewBody::Inline(piece, vec![b'x'; usize::try_from(len).unwrap()].into()),
    }
}

/// An upload that account `n` begins.
pub fn upload(bucket: &str, text: &str, n: u8, id: UploadId) -> Upload {
    Upload {
        id,
        bucket: name(bucket),
        key: key(text),
        initiator: canonical(n),
        owner: canonical(n),
        acl: Acl::private(canonical(n)),
        checksum: None,
        headers: ContentHeaders::default(),
        metadata: vec![],
        tags: model::TagSet::default(),
        began: Timestamp::from_millis(1_289_952_000_123),
        cause: "BWABCDEFGHIJKLMNOP27".into(),
    }
}

pub fn part(number: u16, body: &NewBody) -> Part {
    let piece = body.piece();
    Part {
        number,
        len: piece.map_or(0, |p| p.len),
        md5: [0xCD; 16],
        modified: Timestamp::from_millis(1_289_952_000_123),
        checksum: None,
        piece,
        cause: "BWABCDEFGHIJKLMNOP27".into(),
    }
}

pub fn vacant_conditions(change: &Change) -> usize {
    change.require.iter().filter(|r| matches!(r, Require::Vacant(_))).count()
}
