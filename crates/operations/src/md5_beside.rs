//! The MD5 of a body, computed beside its reception.
//!
//! S3's ETag is an MD5, and one stream of it is slower than anything else that happens to a body (0.6 to 0.8 GB a second on
//! one core). What has arrived of a longer body is therefore hashed on another thread while more arrives and is written.
//! Nothing waits there: each piece of work is bounded, so that uploads cannot take all threads from each other.

use bytes::Bytes;
use md5::{Digest, Md5};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::Error;

/// Bytes that are handed over at once. Bodies of less are hashed where they are received.
const PIECE_BYTES: usize = 256 * 1024;

/// Memory: at most two pieces, beside what the sender's last bytes are.
pub(crate) struct Md5Beside {
    /// `None` while a piece is being hashed.
    state: Option<Md5>,
    hashing: Option<JoinHandle<Md5>>,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
}

impl Md5Beside {
    pub fn new() -> Self {
        Md5Beside { state: Some(Md5::new()), hashing: None, waiting: Vec::new(), waiting_bytes: 0 }
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the program shuts down.
    pub async fn update(&mut self, bytes: &Bytes) -> Result<(), Error> {
        self.waiting.push(bytes.clone());
        self.waiting_bytes += bytes.len();
        if self.waiting_bytes >= PIECE_BYTES {
            let mut state = self.caught_up().await?;
            let piece = std::mem::take(&mut self.waiting);
            self.waiting_bytes = 0;
            self.hashing = Some(spawn_blocking(move || {
                piece.iter().for_each(|bytes| state.update(bytes));
                state
            }));
        }
        Ok(())
    }

    /// The digest of all.
    ///
    /// # Errors
    /// As those of [`update`](Md5Beside::update).
    pub async fn finish(mut self) -> Result<[u8; 16], Error> {
        let mut state = self.caught_up().await?;
        self.waiting.iter().for_each(|bytes| state.update(bytes));
        Ok(state.finalize().into())
    }

    /// The state after all pieces that were handed over.
    async fn caught_up(&mut self) -> Result<Md5, Error> {
        match self.hashing.take() {
            Some(hashing) => hashing.await.map_err(|_| Error::Unavailable("the program is shutting down".into())),
            None => Ok(self.state.take().expect("there unless a piece is being hashed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_the_md5_of_the_whole_however_it_arrives() {
        let body: Vec<u8> = (0..1_500_000u32).map(|i| (i * 7 % 253) as u8).collect();
        let expected: [u8; 16] = Md5::digest(&body).into();
        for step in [1_000, 65_536, 262_144, 262_145, 1_000_000, 2_000_000] {
            let mut md5 = Md5Beside::new();
            for part in body.chunks(step) {
                md5.update(&Bytes::copy_from_slice(part)).await.unwrap();
            }
            assert_eq!(md5.finish().await.unwrap(), expected, "in steps of {step}");
        }
        assert_eq!(Md5Beside::new().finish().await.unwrap(), <[u8; 16]>::from(Md5::digest(b"")));
    }
}
