//! Backups of small stores to directories: what is sent, what is found, and what is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blobs::{BlobRef, Blobs, LocalDisk, LocalOptions};
use kv::{Change, Embedded, EmbeddedOptions, Engine, Entry, Key, KeyRange, Write};
use model::{BlobId, Revision};

use super::*;

const KEY: [u8; 32] = [3; 32];

/// Rows that begin with `blob/` name a body: id, length and CRC-64.
fn named(row: &Entry) -> Result<Vec<BlobRef>, String> {
    if !row.key.starts_with(b"blob/") {
        return Ok(vec![]);
    }
    let number = |at: usize| u64::from_be_bytes(row.value[at..at + 8].try_into().unwrap());
    let id = BlobId::from_bytes(row.value[..16].try_into().unwrap());
    Ok(vec![BlobRef { id, len: number(16), crc64: number(24) }])
}

struct World {
    dir: tempfile::TempDir,
    rows: Embedded,
    blobs: LocalDisk,
    minute: AtomicU64,
}

impl World {
    async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let rows = Embedded::open(&dir.path().join("rows"), EmbeddedOptions::new([7; 32])).unwrap();
        let blobs = LocalDisk::open(&dir.path().join("blobs"), LocalOptions::default()).unwrap();
        let world = World { dir, rows, blobs, minute: AtomicU64::new(0) };
        let row = |i: u32| Write::Put(format!("row/{i:05}").into(), vec![i as u8; 1000].into());
        let write = (0..3000).map(row).collect();
        world.rows.commit(Change { require: vec![], write }).await.unwrap().unwrap();
        for i in 0..20u32 {
            world.body(&format!("blob/{i:05}"), &vec![i as u8; 100_000 * i as usize]).await;
        }
        world
    }

    async fn put(&self, key: &str, value: Vec<u8>) {
        let write = Write::Put(Key::copy_from_slice(key.as_bytes()), value.into());
        self.rows.commit(Change { require: vec![], write: vec![write] }).await.unwrap().unwrap();
    }

    async fn body(&self, key: &str, bytes: &[u8]) -> BlobRef {
        let mut staged = self.blobs.stage().await.unwrap();
        staged.write(bytes::Bytes::copy_from_slice(bytes)).await.unwrap();
        let blob = staged.publish().await.unwrap();
        let value = [&blob.id.as_bytes()[..], &blob.len.to_be_bytes(), &blob.crc64.to_be_bytes()].concat();
        self.put(key, value).await;
        blob
    }

    fn shelf(&self) -> Directory {
        Directory::new(&self.dir.path().join("backups"))
    }

    async fn save(&self) -> Result<Saved, Error> {
        let minute = self.minute.fetch_add(1, Ordering::Relaxed);
        let origin = Origin {
            snapshot: Arc::new(self.rows.snapshot().unwrap()),
            blobs: &self.blobs,
            named: &named,
            key: KEY,
            now: format!("2026-01-31T12:{minute:02}:00Z"),
        };
        save(&self.shelf(), &origin, &|_| {}).await
    }

    async fn restore(&self, to: &str, id: Option<&str>) -> Result<(Restored, Embedded, LocalDisk), Error> {
        let to = self.dir.path().join(to);
        std::fs::create_dir(&to).unwrap();
        let manifest = find(&self.shelf(), id, &KEY).await?;
        let options = EmbeddedOptions::new([7; 32]);
        let target = Target { records: to.join("rows"), bodies: to.join("blobs"), options: options.clone() };
        let restored = restore(&self.shelf(), manifest, target, &named, &|_| {}).await;
        assert_eq!(to.join("rows").exists(), restored.is_ok());
        let rows = Embedded::open(&to.join("rows"), options);
        Ok((restored?, rows.unwrap(), LocalDisk::open(&to.join("blobs"), LocalOptions::default()).unwrap()))
    }
}

async fn all(engine: &Embedded) -> Vec<Entry> {
    engine.scan(KeyRange { start: Key::new(), end: None }, usize::MAX).await.unwrap().entries
}

async fn bytes(blobs: &LocalDisk, blob: BlobRef) -> Result<Vec<u8>, blobs::Error> {
    let mut reader = blobs.open(blob, 0..blob.len).await?;
    let mut all = vec![];
    while let Some(bytes) = reader.next().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn what_is_restored_is_what_was_backed_up_and_goes_on_above_it() {
    let world = World::new().await;
    let before = all(&world.rows).await;
    let saved = world.save().await.unwrap();
    assert_eq!((saved.manifest.rows, saved.manifest.bodies, saved.bodies_sent), (3020, 20, 20));
    let (restored, rows, blobs) = world.restore("copy", None).await.unwrap();
    assert_eq!(restored.manifest, saved.manifest);
    assert_eq!(all(&rows).await, before);
    for row in &before {
        for blob in named(row).unwrap() {
            assert_eq!(bytes(&blobs, blob).await.unwrap(), bytes(&world.blobs, blob).await.unwrap());
        }
    }
    // Revisions and ids that the lost store gave out after the backup do not come again.
    assert!(blobs.epoch() > world.blobs.epoch() + 1000);
    let receipt = rows.commit(Change::default()).await.unwrap().unwrap();
    assert!(receipt.revision > Revision(saved.manifest.revision + 1_000_000));
}

#[tokio::test]
async fn a_second_backup_sends_what_changed_and_no_more() {
    let world = World::new().await;
    let first = world.save().await.unwrap();
    assert!(first.manifest.chunks.len() > 2, "{}", first.manifest.chunks.len());
    let same = world.save().await.unwrap();
    assert_eq!((same.chunks_sent, same.bodies_sent, same.bytes_sent), (0, 0, 0));
    world.put("row/01500-more", vec![1; 10]).await;
    let blob = world.body("blob/more", &[9; 5000]).await;
    let second = world.save().await.unwrap();
    assert_eq!(second.bodies_sent, 1);
    assert!((1..=2).contains(&second.chunks_sent), "{}", second.chunks_sent);
    // Each is a backup of its own moment.
    let (_, rows, _) = world.restore("old", Some(&first.manifest.id())).await.unwrap();
    assert_eq!(all(&rows).await.len(), 3020);
    let (_, rows, blobs) = world.restore("new", Some(&second.manifest.id())).await.unwrap();
    assert_eq!(all(&rows).await, all(&world.rows).await);
    assert_eq!(bytes(&blobs, blob).await.unwrap(), [9; 5000]);
}

#[tokio::test]
async fn a_backup_that_was_given_up_is_not_there_and_what_it_sent_is_used() {
    let world = World::new().await;
    let origin = Origin {
        snapshot: Arc::new(world.rows.snapshot().unwrap()),
        blobs: &world.blobs,
        named: &named,
        key: KEY,
        now: "2026-01-31T11:00:00Z".into(),
    };
    let shelf = world.shelf();
    let done = AtomicU64::new(0);
    let (told, is_told) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    let tell = |bytes| {
        if done.fetch_add(bytes, Ordering::Relaxed) > 8_000_000
            && let Some(told) = told.lock().unwrap().take()
        {
            let _ = told.send(());
        }
    };
    tokio::select! {
        _ = save(&shelf, &origin, &tell) => panic!("it was to be given up"),
        _ = is_told => {}
    }
    assert!(matches!(find(&shelf, None, &KEY).await, Err(Error::NotFound(_))));
    drop(shelf);
    let saved = world.save().await.unwrap();
    assert!(saved.bodies_sent < 20, "{}", saved.bodies_sent);
    world.restore("copy", None).await.unwrap();
    assert!(files(&world.dir.path().join("backups/incoming")).is_empty());
}

#[tokio::test]
async fn a_flipped_byte_in_any_kind_of_file_is_refused_by_name_and_nothing_is_made() {
    let world = World::new().await;
    let saved = world.save().await.unwrap();
    let root = world.dir.path().join("backups");
    for (number, kind) in ["rows", "bodies", "backups", "repository"].into_iter().enumerate() {
        let path = if root.join(kind).is_dir() {
            files(&root.join(kind)).into_iter().find(|path| path.metadata().unwrap().len() > 0).unwrap()
        } else {
            root.join(kind)
        };
        let whole = std::fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut altered = whole.clone();
            altered[at] ^= 4;
            std::fs::write(&path, altered).unwrap();
            let error = world.restore(&format!("copy-{number}-{at}"), None).await.map(|_| ()).unwrap_err();
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let name = name.strip_prefix("backups/").unwrap_or(&name);
            assert!(error.to_string().contains(name), "{at} of {name}: {error}");
            assert!(matches!(error, Error::Damaged { .. } | Error::Refused(_)), "{error:?}");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let error = world.restore(&format!("copy-{number}-cut"), None).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
        std::fs::write(&path, whole).unwrap();
    }
    world.restore("copy", Some(&saved.manifest.id())).await.unwrap();
}

#[tokio::test]
async fn what_is_lacking_on_the_shelf_is_sent_again_and_what_cannot_be_read_is_left_out_by_name() {
    let world = World::new().await;
    world.save().await.unwrap();
    let root = world.dir.path().join("backups");
    std::fs::remove_file(&files(&root.join("bodies"))[0]).unwrap();
    std::fs::remove_file(&files(&root.join("rows"))[0]).unwrap();
    let saved = world.save().await.unwrap();
    assert_eq!((saved.chunks_sent, saved.bodies_sent), (1, 1));

    let blob = world.body("blob/more", &[9; 5000]).await;
    world.blobs.delete(blob.id).await.unwrap();
    let saved = world.save().await.unwrap();
    assert_eq!(saved.manifest.without.len(), 1);
    assert!(saved.manifest.without[0].contains(&blob.id.to_string()));
    let (_, rows, blobs) = world.restore("copy", None).await.unwrap();
    assert_eq!(all(&rows).await, all(&world.rows).await);
    assert!(matches!(bytes(&blobs, blob).await, Err(blobs::Error::Missing(_))));
}

#[tokio::test]
async fn another_master_key_another_store_and_a_directory_of_others_are_refused() {
    let world = World::new().await;
    world.save().await.unwrap();
    assert!(matches!(find(&world.shelf(), None, &[4; 32]).await, Err(Error::WrongKey(_))));
    assert!(matches!(find(&world.shelf(), Some("x"), &KEY).await, Err(Error::NotFound(_))));
    let other = World::new().await;
    let shelf = world.shelf();
    let origin = Origin {
        snapshot: Arc::new(other.rows.snapshot().unwrap()),
        blobs: &other.blobs,
        named: &named,
        key: KEY,
        now: "2026-01-31T13:00:00Z".into(),
    };
    let error = save(&shelf, &origin, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("another store"), "{error}");
    std::fs::create_dir(other.dir.path().join("photos")).unwrap();
    std::fs::write(other.dir.path().join("photos/a.jpg"), "x").unwrap();
    let shelf = Directory::new(&other.dir.path().join("photos"));
    let error = save(&shelf, &origin, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    assert!(matches!(find(&shelf, None, &KEY).await, Err(Error::NotFound(_))));
}

#[test]
fn the_files_are_as_the_document_says() {
    let golden = include_str!("../tests/golden/v1.txt");
    let line = |name: &str| golden.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    let rows = [
        Entry::new("a".into(), "first".into(), Revision(1)),
        Entry::new(Key::from_static(b"b\0\xff"), bytes::Bytes::new(), Revision(0x0102_0304_0506_0708)),
    ];
    let mut chunk = chunk::Chunk::new();
    for row in &rows {
        chunk.add(row);
    }
    let (bytes, digest) = chunk.finish();
    assert_eq!(hex::encode(&bytes), line("chunk"));
    assert_eq!(names::rows(&digest), line("chunk-name"));
    assert_eq!(chunk::decode(&bytes).unwrap(), rows);
    let blob = BlobRef { id: BlobId::from_parts(3, 0x1ff), len: 9, crc64: 0xae8b_1486_0a79_9888 };
    assert_eq!(names::body(&blob), line("body-name"));
    let manifest = Manifest {
        store: std::array::from_fn(|i| i as u8),
        made: "2026-01-31T12:00:00Z".into(),
        revision: 17,
        epoch: 3,
        rows: 2,
        bodies: 1,
        bytes: 9,
        without: vec![],
        chunks: vec![(digest, bytes.len() as u64)],
    };
    let text = manifest.encode(&KEY);
    assert_eq!(text.replace('\n', "|"), line("manifest"));
    assert_eq!(names::backup(&manifest.id()), line("manifest-name"));
    assert_eq!(Manifest::decode(&manifest.id(), text.as_bytes(), Some(&KEY)).unwrap(), manifest);
    let ends: Vec<u32> = (0..4000)
        .filter(|i| {
            chunk::Chunk::new().add(&Entry::new(
                format!("{i}").into(),
                bytes::Bytes::from(vec![0; 1 << 10]),
                Revision(1),
            ))
        })
        .collect();
    assert_eq!(format!("{ends:?}"), line("ends"));
}
