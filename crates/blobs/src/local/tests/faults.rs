//! Syncs that freeze, fail, or are not done; a device that is full.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::*;
use crate::conformance::{body, publish, read};

/// Small enough for one buffer, and larger.
const LENGTHS: [usize; 2] = [1000, 1_500_000];
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Counts syncs from when it was armed; the n-th fails, or waits for `thaw`.
#[derive(Default)]
struct Faulty {
    seen: AtomicUsize,
    fails: AtomicUsize,
    errno: AtomicUsize,
    freezes: Mutex<usize>,
    thawed: Condvar,
}

impl Faulty {
    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    fn fail(&self, nth: usize, errno: i32) {
        self.errno.store(errno as usize, Ordering::SeqCst);
        self.fails.store(nth, Ordering::SeqCst);
        self.seen.store(0, Ordering::SeqCst);
    }

    fn freeze(&self, nth: usize) {
        *self.freezes.lock() = nth;
        self.seen.store(0, Ordering::SeqCst);
    }

    fn thaw(&self) {
        *self.freezes.lock() = 0;
        self.thawed.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        let nth = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let mut freezes = self.freezes.lock();
        while *freezes == nth {
            self.thawed.wait(&mut freezes);
        }
        if self.fails.load(Ordering::SeqCst) == nth {
            return Err(io::Error::from_raw_os_error(self.errno.load(Ordering::SeqCst) as i32));
        }
        Ok(())
    }
}

impl SyncSeam for Faulty {
    fn sync_file(&self, _file: &File) -> io::Result<()> {
        self.pass()
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.pass()
    }
}

fn with(sync: Arc<dyn SyncSeam>) -> LocalOptions {
    LocalOptions { sync: Some(sync), durability: Durability::Full }
}

/// A store of each staging, with its directory and syncs, and which of a publish's two syncs is to go wrong.
fn cases() -> impl Iterator<Item = (Arc<TempDir>, Arc<Faulty>, LocalDisk, usize)> {
    STAGINGS.into_iter().flat_map(|unnamed| {
        let (dir, sync) = (Arc::new(scratch_dir()), Arc::new(Faulty::default()));
        let store = open_as(dir.path(), with(sync.clone()), unnamed);
        [1, 2].map(|nth| (dir.clone(), sync.clone(), store.clone(), nth))
    })
}

#[tokio::test]
async fn publish_does_not_return_while_a_sync_of_the_file_or_the_directory_is_frozen() {
    for (_dir, sync, store, nth) in cases() {
        sync.freeze(nth);
        let task = tokio::spawn({
            let store = store.clone();
            async move { publish(&store, &body(1, 1000), &[]).await }
        });
        until("the sync is reached", || sync.seen() == nth).await;
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert!(!task.is_finished(), "publish returned before sync {nth} was done");
        sync.thaw();
        let blob = task.await.unwrap().unwrap();
        assert_eq!(sync.seen(), 2);
        assert!(read(&store, blob, 0..1000).await.unwrap() == body(1, 1000));
    }
}

#[tokio::test]
async fn a_publish_that_nobody_waits_for_any_more_is_taken_back() {
    for (dir, sync, store, nth) in cases() {
        sync.freeze(nth);
        let task = tokio::spawn({
            let store = store.clone();
            async move { publish(&store, &body(1, 1000), &[]).await }
        });
        until("the sync is reached", || sync.seen() == nth).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        sync.thaw();
        until("nothing is left", || sync.seen() == 2 && files(dir.path()).is_empty()).await;
    }
}

#[tokio::test]
async fn a_sync_that_fails_fails_the_publish_and_nothing_of_the_body_is_left() {
    for (dir, sync, store, nth) in cases() {
        for (len, errno) in LENGTHS.into_iter().zip([EIO, ENOSPC]) {
            sync.fail(nth, errno);
            let error = publish(&store, &body(1, len), &[]).await.unwrap_err();
            assert!(matches!((errno, &error), (EIO, Error::Io(_)) | (ENOSPC, Error::Full)), "{error:?}");
            assert!(store.list(None, 10).await.unwrap().is_empty());
            until("nothing is left", || files(dir.path()).is_empty()).await;
            // The next one is not affected.
            let blob = publish(&store, &body(2, len), &[]).await.unwrap();
            assert_eq!(store.list(None, 10).await.unwrap(), [blob.id]);
            store.delete(blob.id).await.unwrap();
        }
    }
}

#[test]
fn a_sync_that_fails_while_the_store_is_opened_fails_the_opening() {
    let counting = Arc::new(Faulty::default());
    LocalDisk::open(scratch_dir().path(), with(counting.clone())).unwrap();
    assert!(counting.seen() >= 6, "format, epoch and their directories are synced");
    for nth in 1..=counting.seen() {
        let (dir, sync) = (scratch_dir(), Arc::new(Faulty::default()));
        sync.fail(nth, EIO);
        assert!(LocalDisk::open(&dir.path().join("store"), with(sync)).is_err(), "sync {nth}");
        LocalDisk::open(&dir.path().join("store"), unsynced()).expect("the next attempt goes on");
    }
}

/// Checks, whenever something is synced, that what should already be there is, and what should not be is not.
struct InOrder {
    root: PathBuf,
    steps: Mutex<Vec<&'static str>>,
}

impl SyncSeam for InOrder {
    fn sync_file(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        let mut header = [0; format::HEADER];
        // The format's and the epoch's files are shorter, and not open for reading.
        let _ = file.read_at(&mut header, 0);
        if header[..6] == *b"BWBLOB" {
            let len = u64::from_le_bytes(header[28..36].try_into().unwrap());
            assert_eq!(Some(file.metadata()?.len()), format::file_len(len), "synced before it was complete");
            let published = files(&self.root).into_iter().filter(|f| f.starts_with(self.root.join("published")));
            assert_eq!(published.count(), 0, "named before it was synced");
            self.steps.lock().push("file");
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.parent() == Some(&self.root.join("published")) {
            assert_eq!(fs::read_dir(dir)?.count(), 1, "synced before the name was there");
            self.steps.lock().push("directory");
        }
        Ok(())
    }
}

#[tokio::test]
async fn the_content_is_synced_before_it_has_a_name_and_the_name_before_the_answer() {
    for (unnamed, len) in STAGINGS.into_iter().flat_map(|unnamed| LENGTHS.map(|len| (unnamed, len))) {
        let dir = scratch_dir();
        let sync = Arc::new(InOrder { root: dir.path().to_owned(), steps: Mutex::default() });
        let store = open_as(dir.path(), with(sync.clone()), unnamed);
        publish(&store, &body(1, len), &[]).await.unwrap();
        assert_eq!(*sync.steps.lock(), ["file", "directory"]);
    }
}

#[tokio::test]
async fn relaxed_syncs_no_body_and_full_syncs_each_twice() {
    for (durability, syncs) in [(Durability::Relaxed, 0), (Durability::Full, 2)] {
        let (dir, sync) = (scratch_dir(), Arc::new(Faulty::default()));
        let store = LocalDisk::open(dir.path(), LocalOptions { sync: Some(sync.clone()), durability }).unwrap();
        assert!(sync.seen() > 0, "the epoch is synced in any case");
        for len in LENGTHS {
            let before = sync.seen();
            publish(&store, &body(1, len), &[]).await.unwrap();
            assert_eq!(sync.seen() - before, syncs, "{durability:?}");
        }
    }
}

/// A file system of 4 MiB, unmounted when dropped.
struct SmallDevice(TempDir);

impl SmallDevice {
    fn mount() -> Option<Self> {
        let dir = scratch_dir();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|done| done.status.success()).then_some(SmallDevice(dir))
    }
}

impl Drop for SmallDevice {
    fn drop(&mut self) {
        // Lazily: a file may still be open on the blocking pool.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_device_is_full_and_what_did_not_fit_takes_no_room() {
    let Some(device) = SmallDevice::mount() else {
        println!("skipped: mounting a small tmpfs needs a privilege that this process has not");
        return;
    };
    for unnamed in STAGINGS {
        let store = open_as(&device.0.path().join(format!("{unnamed}")), LocalOptions::default(), unnamed);
        for _ in 0..3 {
            let mut staged = store.stage().await.unwrap();
            let error = loop {
                if let Err(error) = staged.write(Bytes::from(vec![1; 300_000])).await {
                    break error;
                }
            };
            assert!(matches!(error, Error::Full), "{error:?}");
            assert!(matches!(staged.write(body(1, 10)).await, Err(Error::Full)), "it stays so for this body");
            assert!(matches!(staged.publish().await, Err(Error::Full)));
        }
        // All of them gave back what they had, or this would not fit.
        let mut published = Err(Error::Full);
        for _ in 0..100 {
            published = publish(&store, &body(1, 3_900_000), &[]).await;
            if published.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let blob = published.unwrap();
        // A body that meets the end only when it is published.
        assert!(matches!(publish(&store, &body(1, 520_000), &[]).await, Err(Error::Full)));
        assert_eq!(store.list(None, 10).await.unwrap(), [blob.id]);
        assert!(read(&store, blob, 0..blob.len).await.unwrap() == body(1, 3_900_000));
        store.delete(blob.id).await.unwrap();
    }
}
