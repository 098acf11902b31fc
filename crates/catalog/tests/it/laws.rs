//! Random histories of a small store: what they leave behind is exactly what the records name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::{
    BodyAt, CompletedUpload, GrantTarget, Manifest, ManifestPart, NewBody, Object, ObjectSlot, Piece,
    plan_abort_upload, plan_complete_upload, plan_delete_object, plan_replace_bucket, plan_replace_object_acl,
};
use model::{Acl, BlobId, Bucket, BucketName, Grant, Grantee, Group, ObjectKey, Permission, UploadId};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{World, body, canonical, key, name, now, object, part, upload};

const BUCKETS: [&str; 2] = ["myproject", "myproject-a"];
const KEYS: [&str; 3] = ["a", "a\0b", "é/"];
const ACCOUNTS: u8 = 3;

#[derive(Debug, Clone)]
enum Step {
    Put { owner: u8, acl: Acl, body: Option<BodyAt> },
    Delete,
    ObjectAcl(Acl),
    BucketAcl(Acl),
    Begin { upload: u64, owner: u8, acl: Acl },
    Part { upload: u64, number: u16, body: Option<BodyAt> },
    Complete { upload: u64, used: BTreeSet<u16> },
    Abort { upload: u64 },
}

fn acls() -> impl Strategy<Value = Acl> {
    let grantee = prop_oneof![
        2 => (0..ACCOUNTS).prop_map(|n| Grantee::Account(canonical(n))),
        1 => select(&Group::ALL[..]).prop_map(Grantee::Group),
    ];
    prop::collection::vec((grantee, select(&Permission::ALL[..])), 0..4).prop_map(|grants| {
        Acl::new(grants.into_iter().map(|(grantee, permission)| Grant { grantee, permission }).collect()).unwrap()
    })
}

fn bodies() -> impl Strategy<Value = Option<BodyAt>> {
    select(vec![None, Some(BodyAt::Inline), Some(BodyAt::Blob)])
}

fn steps() -> impl Strategy<Value = (usize, usize, Step)> {
    let step = prop_oneof![
        4 => (0..ACCOUNTS, acls(), bodies()).prop_map(|(owner, acl, body)| Step::Put { owner, acl, body }),
        2 => Just(Step::Delete),
        2 => acls().prop_map(Step::ObjectAcl),
        1 => acls().prop_map(Step::BucketAcl),
        3 => (0..3u64, 0..ACCOUNTS, acls()).prop_map(|(upload, owner, acl)| Step::Begin { upload, owner, acl }),
        6 => (0..3u64, 1..5u16, bodies()).prop_map(|(upload, number, body)| Step::Part { upload, number, body }),
        2 => (0..3u64, prop::collection::btree_set(1..5u16, 0..5))
            .prop_map(|(upload, used)| Step::Complete { upload, used }),
        1 => (0..3u64).prop_map(|upload| Step::Abort { upload }),
    ];
    (0..BUCKETS.len(), 0..KEYS.len(), step)
}

/// A store, and the blobs that were ever published and thrown away.
struct History {
    world: World,
    blobs: u64,
    garbage: Vec<BlobId>,
}

impl History {
    fn body(&mut self, at: Option<BodyAt>) -> NewBody {
        self.blobs += 1;
        at.map_or(NewBody::Empty, |at| body(at, self.blobs, self.blobs % 3))
    }

    fn apply(&mut self, bucket: &str, text: &str, step: Step) {
        let bucket = self.world.bucket(&name(bucket)).unwrap();
        let key = key(text);
        let nth = |all: &[&str], wanted: &str| all.iter().position(|text| *text == wanted).unwrap() as u64;
        let place = nth(&BUCKETS, bucket.value.name.as_str()) * 10 + nth(&KEYS, text);
        let id = |n: u64| UploadId::from_parts(n, place);
        let old = self.world.object(&bucket.value, &key);
        let manifest = old.as_ref().and_then(|old| old.value.manifest);
        let manifest = manifest.map(|(id, _)| now(self.world.catalog.manifest(&id)).unwrap().unwrap());
        let slot = ObjectSlot {
            bucket: &bucket.value,
            key: &key,
            old: old.as_ref().map(|old| (old, manifest.as_ref().map(|m| &*m.value))),
        };
        let (change, garbage) = match step {
            Step::Put { owner, acl, body } => {
                let body = self.body(body);
                let piece = body.piece();
                let object = Object { acl, piece, len: piece.map_or(0, |p| p.len), ..object(text, owner) };
                catalog::plan_put_object(&slot, &object, &body)
            }
            Step::Delete => match plan_delete_object(&slot) {
                Some(planned) => planned,
                None => return,
            },
            Step::ObjectAcl(acl) => match &old {
                Some(old) => (plan_replace_object_acl(&bucket.value, old, acl), vec![]),
                None => return,
            },
            Step::BucketAcl(acl) => {
                (plan_replace_bucket(&bucket, &Bucket { acl, ..Bucket::clone(&bucket.value) }), vec![])
            }
            Step::Begin { upload: n, owner, acl } => {
                if self.world.upload(&bucket.value, &key, &id(n)).is_some() {
                    return;
                }
                let upload = catalog::Upload { acl, ..upload(bucket.value.name.as_str(), text, owner, id(n)) };
                (catalog::plan_begin_upload(&upload), vec![])
            }
            Step::Part { upload, number, body } => {
                let Some(upload) = self.world.upload(&bucket.value, &key, &id(upload)) else { return };
                let body = self.body(body);
                self.world.plan_part(&upload, &part(number, &body), &body)
            }
            Step::Complete { upload, used } => {
                let Some(upload) = self.world.upload(&bucket.value, &key, &id(upload)) else { return };
                let parts = self.world.parts(&upload.value.id);
                let chosen: Vec<_> = parts.iter().filter(|p| used.contains(&p.value.number)).collect();
                let in_manifest = |p: &&catalog::Stored<catalog::Part>| ManifestPart {
                    number: p.value.number,
                    piece: p.value.piece,
                    checksum: None,
                };
                let manifest = Manifest(chosen.iter().map(in_manifest).collect());
                self.blobs += 1;
                let first = manifest.0.iter().find_map(|p| p.piece).map(|p| p.id);
                let at = first.unwrap_or(BlobId::from_parts(2, self.blobs));
                let object = Object {
                    owner: upload.value.owner.clone(),
                    acl: upload.value.acl.clone(),
                    len: chosen.iter().map(|p| p.value.len).sum(),
                    manifest: Some((at, u16::try_from(chosen.len()).unwrap())),
                    ..object(text, 0)
                };
                let done = CompletedUpload {
                    upload: &upload,
                    parts: &parts,
                    used: &used,
                    manifest: &manifest,
                    object: &object,
                };
                plan_complete_upload(&slot, &done)
            }
            Step::Abort { upload } => {
                let Some(upload) = self.world.upload(&bucket.value, &key, &id(upload)) else { return };
                plan_abort_upload(&upload, &self.world.parts(&upload.value.id))
            }
        };
        self.world.must(change);
        self.garbage.extend(garbage);
    }

    /// Every record there is, read the long way.
    fn records(&self) -> Records {
        let mut all = Records::default();
        for bucket in now(self.world.catalog.buckets()).unwrap() {
            let bucket = bucket.value;
            for text in KEYS {
                if let Some(object) = self.world.object(&bucket, &key(text)) {
                    all.objects.push((bucket.clone(), object.value));
                }
            }
            let uploads = now(self.world.catalog.uploads(&bucket, 1000)).unwrap();
            all.uploads.extend(uploads.into_iter().map(|u| u.value.id.clone()));
            all.buckets.push(bucket);
        }
        for (_, object) in &all.objects {
            all.pieces.extend(object.piece);
            if let Some((id, count)) = object.manifest {
                let manifest = now(self.world.catalog.manifest(&id)).unwrap().unwrap().value;
                assert_eq!(manifest.0.len(), usize::from(count));
                assert_eq!(manifest.0.iter().filter_map(|p| p.piece).map(|p| p.len).sum::<u64>(), object.len);
                all.pieces.extend(manifest.0.iter().filter_map(|p| p.piece));
                all.manifests.push(id);
            }
        }
        for id in &all.uploads {
            let parts = self.world.parts(id);
            all.parts += parts.len();
            all.pieces.extend(parts.iter().filter_map(|p| p.value.piece));
        }
        all
    }

    fn ids(&self, table: &[u8]) -> Vec<Vec<u8>> {
        self.world.rows(table).into_iter().map(|e| e.key[table.len()..].to_vec()).collect()
    }
}

#[derive(Default)]
struct Records {
    buckets: Vec<Arc<Bucket>>,
    objects: Vec<(Arc<Bucket>, Arc<Object>)>,
    uploads: Vec<UploadId>,
    parts: usize,
    pieces: Vec<Piece>,
    manifests: Vec<BlobId>,
}

fn sorted(ids: impl Iterator<Item = BlobId>) -> Vec<Vec<u8>> {
    let mut ids: Vec<_> = ids.map(|id| id.as_bytes().to_vec()).collect();
    ids.sort();
    ids
}

/// Whom `acl` names, but the bucket's owner.
fn named(acl: &Acl, bucket: &Bucket) -> BTreeSet<Grantee> {
    let but = Grantee::Account(bucket.owner_canonical.clone());
    acl.grants().iter().map(|g| g.grantee.clone()).filter(|g| *g != but).collect()
}

fn run(history: Vec<(usize, usize, Step)>) -> History {
    let mut run = History { world: World::new(), blobs: 0, garbage: vec![] };
    for (owner, bucket) in (0..).zip(BUCKETS) {
        run.world.with_bucket(bucket, owner);
    }
    for (bucket, key, step) in history {
        run.apply(BUCKETS[bucket], KEYS[key], step);
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_stored_of_bodies_is_what_a_record_names_and_the_rest_was_called_garbage_once(
        history in prop::collection::vec(steps(), 0..60),
    ) {
        let run = run(history);
        let records = run.records();
        let at = |wanted: BodyAt| sorted(records.pieces.iter().filter(|p| p.at == wanted).map(|p| p.id));
        prop_assert_eq!(run.ids(b"R/"), at(BodyAt::Blob), "blobs");
        prop_assert_eq!(run.ids(b"D/"), at(BodyAt::Inline), "small bodies");
        prop_assert_eq!(run.ids(b"M/"), sorted(records.manifests.iter().copied()), "manifests");
        prop_assert_eq!(run.world.rows(b"q/").len(), records.parts, "parts");
        for piece in records.pieces.iter().filter(|p| p.at == BodyAt::Inline) {
            let bytes = now(run.world.catalog.inline(piece)).unwrap().unwrap().value.clone();
            prop_assert_eq!(bytes.len() as u64, piece.len);
        }
        let garbage: BTreeSet<_> = run.garbage.iter().copied().collect();
        prop_assert_eq!(garbage.len(), run.garbage.len(), "garbage twice");
        let named = now(run.world.catalog.named(&run.garbage)).unwrap();
        prop_assert!(named.iter().all(|named| !named), "garbage that is named");
    }

    #[test]
    fn the_index_of_grants_is_what_a_scan_of_all_acls_finds(history in prop::collection::vec(steps(), 0..60)) {
        let run = run(history);
        let records = run.records();
        let mut by_bucket: BTreeMap<Grantee, Vec<BucketName>> = BTreeMap::new();
        for bucket in &records.buckets {
            for grantee in named(&bucket.acl, bucket) {
                by_bucket.entry(grantee).or_default().push(bucket.name.clone());
            }
        }
        let mut by_object: BTreeMap<Grantee, Vec<(BucketName, ObjectKey)>> = BTreeMap::new();
        for (bucket, object) in &records.objects {
            let mut who = named(&object.acl, bucket);
            if object.owner != bucket.owner_canonical {
                who.insert(Grantee::Account(object.owner.clone()));
            }
            for grantee in who {
                by_object.entry(grantee).or_default().push((bucket.name.clone(), object.key.clone()));
            }
        }
        let everyone = (0..ACCOUNTS).map(|n| Grantee::Account(canonical(n))).chain(Group::ALL.map(Grantee::Group));
        for grantee in everyone {
            let target = match &grantee {
                Grantee::Account(id) => GrantTarget::Account(id),
                Grantee::Group(group) => GrantTarget::Group(*group),
            };
            let buckets = now(run.world.catalog.granted_buckets(&target)).unwrap();
            prop_assert_eq!(buckets, by_bucket.get(&grantee).cloned().unwrap_or_default(), "{:?}", grantee);
            let (objects, more) = now(run.world.catalog.granted_objects(&target, 1000)).unwrap();
            prop_assert_eq!(objects, by_object.get(&grantee).cloned().unwrap_or_default(), "{:?}", grantee);
            prop_assert!(!more);
        }
        let rows = by_bucket.values().map(Vec::len).sum::<usize>();
        prop_assert_eq!(run.world.rows(b"G/").len(), rows);
        prop_assert_eq!(run.world.rows(b"H/").len(), by_object.values().map(Vec::len).sum::<usize>());
    }
}
