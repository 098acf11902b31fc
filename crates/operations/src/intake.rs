//! Taking a body in: digests while it streams, a place for it when it is whole. Nothing is visible before the commit.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use catalog::{BodyAt, NewBody, Piece};
use md5::Digest as _;
use model::{Checksum, ChecksumAlgorithm, ChecksumKind, limits};
use subtle::ConstantTimeEq as _;

use crate::body::crc64;
use crate::caps::Paced;
use crate::md5_beside::Md5Beside;
use crate::{Context, Error, Store};

/// The body broke off. Who supplies it knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted;

/// What the sender of a body says its digests are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// A checksum by the algorithm that was announced.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

/// Supplies a body.
#[async_trait]
pub trait Source: Send {
    /// The next bytes; `None` after the last, when everything that the wire can check has been checked.
    async fn next(&mut self) -> Result<Option<Bytes>, Aborted>;

    /// What the digests must be; asked once, after the last byte, because it may come in a trailer.
    fn expected(&mut self) -> Result<Expected, Aborted>;
}

/// A body that is durable, or small enough to become so with its record.
pub(crate) struct Taken {
    pub body: NewBody,
    pub len: u64,
    pub md5: [u8; 16],
    /// By the algorithm asked for.
    pub checksum: Checksum,
}

/// A running checksum by one of S3's algorithms.
pub(crate) enum Running {
    Crc(ChecksumAlgorithm, crc_fast::Digest),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

/// Which CRC of the library is which of S3's.
pub(crate) fn crc(algorithm: ChecksumAlgorithm) -> Option<crc_fast::CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(crc_fast::CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(crc_fast::CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(crc_fast::CrcAlgorithm::Crc64Nvme),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}

/// A CRC as S3 writes it: big-endian, as long as the algorithm says.
pub(crate) fn crc_bytes(algorithm: ChecksumAlgorithm, value: u64) -> Box<[u8]> {
    value.to_be_bytes()[8 - algorithm.len()..].into()
}

impl Running {
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        match (algorithm, crc(algorithm)) {
            (_, Some(crc)) => Running::Crc(algorithm, crc_fast::Digest::new(crc)),
            (ChecksumAlgorithm::Sha1, None) => Running::Sha1(sha1::Sha1::new()),
            (_, None) => Running::Sha256(sha2::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Running::Crc(_, digest) => digest.update(bytes),
            Running::Sha1(digest) => digest.update(bytes),
            Running::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Box<[u8]> {
        match self {
            Running::Crc(algorithm, digest) => crc_bytes(algorithm, digest.finalize()),
            Running::Sha1(digest) => digest.finalize().to_vec().into(),
            Running::Sha256(digest) => digest.finalize().to_vec().into(),
        }
    }
}

impl Store {
    /// Reads `source` to its end, at most `limit` bytes, and verifies every digest that the sender named. The checksum
    /// that is kept is by `algorithm`.
    pub(crate) async fn take_in(
        &self,
        source: &mut dyn Source,
        algorithm: ChecksumAlgorithm,
        limit: u64,
    ) -> Result<Taken, Error> {
        let mut md5 = Md5Beside::new();
        let mut running = Running::new(algorithm);
        let mut small = BytesMut::new();
        let mut staged: Option<Box<dyn blobs::Staged>> = None;
        let mut len = 0u64;
        while let Some(bytes) = source.next().await.map_err(|Aborted| Error::Aborted)? {
            len += bytes.len() as u64;
            if len > limit {
                return Err(Error::EntityTooLarge);
            }
            md5.update(&bytes).await?;
            running.update(&bytes);
            match &mut staged {
                Some(staged) => staged.write(bytes).await?,
                None if small.len() + bytes.len() <= self.settings.inline_bytes => small.extend_from_slice(&bytes),
                None => {
                    let mut begun = self.blobs.stage().await?;
                    if !small.is_empty() {
                        begun.write(std::mem::take(&mut small).freeze()).await?;
                    }
                    begun.write(bytes).await?;
                    staged = Some(begun);
                }
            }
        }
        let md5 = md5.finish().await?;
        let checksum = Checksum { algorithm, kind: ChecksumKind::FullObject, value: running.finish(), parts: None };
        let expected = source.expected().map_err(|Aborted| Error::Aborted)?;
        verify(&expected, &md5, &checksum)?;
        let body = match staged {
            Some(staged) => {
                let blob = staged.publish().await?;
                NewBody::Blob(Piece { at: BodyAt::Blob, id: blob.id, len: blob.len, crc64: blob.crc64 })
            }
            None if small.is_empty() => NewBody::Empty,
            None => {
                let bytes = small.freeze();
                let crc64 = crc64(&bytes);
                NewBody::Inline(Piece { at: BodyAt::Inline, id: self.fresh_inline_id(), len, crc64 }, bytes)
            }
        };
        Ok(Taken { body, len, md5, checksum })
    }

    /// Reads `source` at the speed of the caller's share, at most as many bytes as S3 takes in one request, and as there is
    /// `room` for.
    pub(crate) async fn take_in_paced(
        &self,
        ctx: &Context,
        source: &mut dyn Source,
        algorithm: ChecksumAlgorithm,
        room: Option<u64>,
    ) -> Result<Taken, Error> {
        let limit = room.map_or(limits::SINGLE_PUT_BYTES, |room| room.min(limits::SINGLE_PUT_BYTES));
        let mut source = Paced { source, pace: self.pace(&ctx.caller) };
        self.take_in(&mut source, algorithm, limit).await.map_err(|error| match error {
            Error::EntityTooLarge if limit < limits::SINGLE_PUT_BYTES => Error::QuotaExceeded,
            error => error,
        })
    }

    /// Removes a body that was taken in for a change that did not happen. Where nobody can tell whether it happened (the
    /// engine stopped in the middle), the body stays: the next start knows.
    pub(crate) async fn discard_unless<T>(&self, done: &Result<T, Error>, body: &NewBody) {
        match (done, body) {
            (Ok(_) | Err(Error::Unavailable(_)), _) => {}
            (Err(_), NewBody::Blob(piece)) => self.remove_blobs(None, vec![piece.id]).await,
            (Err(_), NewBody::Inline(..) | NewBody::Empty) => {}
        }
    }
}

fn verify(expected: &Expected, md5: &[u8; 16], checksum: &Checksum) -> Result<(), Error> {
    if let Some(wanted) = &expected.md5
        && !bool::from(wanted.ct_eq(md5))
    {
        return Err(Error::BadDigest { header: "Content-MD5" });
    }
    if let Some((algorithm, wanted)) = &expected.checksum
        && (*algorithm != checksum.algorithm || !bool::from(wanted.as_slice().ct_eq(&checksum.value)))
    {
        return Err(Error::BadDigest { header: algorithm.header() });
    }
    Ok(())
}
