//! The socket as a file: its name, its mode, and a way to it that does not depend on how long the data directory's path
//! is (the system's own limit is 108 bytes).

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

const NAME: &str = "operator.sock";
/// What it is called until its mode is set.
const DRAFT: &str = "operator.sock.new";
/// Paths up to this many bytes are used as they are, on every system.
const SHORT_BYTES: usize = 90;

/// The listening end; the file is removed when it is dropped.
pub(crate) struct SocketFile {
    path: PathBuf,
    listener: UnixListener,
}

impl SocketFile {
    /// Puts the socket into `dir`, in place of one that a killed server left. Call it only as the one who holds the
    /// store's lock: that decides who serves.
    pub(crate) fn bind(dir: &Path) -> io::Result<Self> {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        let (draft, path) = (dir.join(DRAFT), dir.join(NAME));
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = through_short_path(dir, DRAFT, |path| UnixListener::bind(path))?;
        // Under its own name only when nobody else can open it any more.
        std::fs::set_permissions(&draft, Permissions::from_mode(0o600))?;
        std::fs::rename(&draft, &path)?;
        Ok(SocketFile { path, listener })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the operator's socket could not be removed");
        }
    }
}

/// Connects to the socket in `dir`.
pub(super) async fn connect(dir: &Path) -> io::Result<UnixStream> {
    // Connecting to a Unix socket never waits for the other side's program, only for room in its queue.
    let stream = through_short_path(dir, NAME, |path| std::os::unix::net::UnixStream::connect(path))?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Runs `act` with a path to `name` in `dir`: where the real one is long, one through the open directory's descriptor.
fn through_short_path<T>(dir: &Path, name: &str, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join(name);
    if path.as_os_str().len() <= SHORT_BYTES {
        return act(&path);
    }
    let open = File::open(dir)?;
    act(&Path::new("/proc/self/fd").join(open.as_raw_fd().to_string()).join(name))
}
