//! Memory of the server while one PUT of 5 GiB runs.

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Body, Chunked, Generated, Method, Request};

use super::{BUCKET, progress};
use crate::child::Setting;
use crate::options::Options;
use crate::subject::Subject;
use crate::watch::Watch;
use crate::{Outcome, process};

/// Room on the disk that is left alone, in bytes.
const SPARE: u64 = 2 << 30;

/// What was found for one form of body.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// How the body was sent.
    pub form: &'static str,
    /// How long it was, in bytes.
    pub length: u64,
    /// Resident memory just before, in bytes.
    pub before: u64,
    /// Most that was resident meanwhile.
    pub peak: u64,
    /// From the first byte to the answer.
    pub elapsed: Duration,
}

impl Upload {
    /// How much more memory was resident than before.
    pub fn growth(&self) -> u64 {
        self.peak.saturating_sub(self.before)
    }
}

pub(super) fn measure(options: &Options, dir: &Path) -> Outcome<Vec<Upload>> {
    let length = options.upload_bytes();
    let disk = rustix::fs::statvfs(dir)?;
    let room = disk.f_bavail * disk.f_frsize;
    if room < length + SPARE {
        return Err(format!(
            "an upload of {} GiB needs {} GiB of room, and there are {}; name another disk with --scratch",
            length >> 30,
            (length + SPARE) >> 30,
            room >> 30
        )
        .into());
    }
    let source = Generated::new(5, length);
    let forms = [
        ("UNSIGNED-PAYLOAD", Body::Unsigned(source.clone().into())),
        // What SDKs send over plain HTTP.
        ("aws-chunked, signed chunks, CRC32C in the trailer", Body::Chunked(Chunked::signed(source).crc32c())),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = forms.len();
    let mut uploads = Vec::new();
    for (at, (form, body)) in forms.into_iter().enumerate() {
        progress(&format!("one PUT of {} MiB, form", length >> 20), at, count);
        let data = dir.join(format!("data-{at}"));
        let subject = Subject::start(&data, Setting::default())?;
        subject.make_bucket(BUCKET)?;
        let pid = subject.child.pid();
        std::thread::sleep(Duration::from_secs(1));
        process::forget_peak(pid)?;
        let before = process::memory(pid)?.resident;
        let watch = Watch::start(vec![pid]);
        let begun = Instant::now();
        let request = Request::at_place(Method::PUT, &format!("{BUCKET}/large")).body(body);
        let answer = runtime.block_on(subject.s3.send(&request))?;
        let elapsed = begun.elapsed();
        let peak = watch.end().max(process::memory(pid)?.peak);
        if answer.status != 200 {
            return Err(format!("the upload was answered {}: {}", answer.status, answer.text()).into());
        }
        uploads.push(Upload { form, length, before, peak, elapsed });
        drop(subject);
        std::fs::remove_dir_all(&data)?;
    }
    Ok(uploads)
}
