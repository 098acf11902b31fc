//! Checksums of multipart objects: over the whole by combining the parts' CRCs, or composite, over the parts' checksums
//! (S3 user guide, "Checking object integrity").

use catalog::Part;
use model::{Checksum, ChecksumAlgorithm, ChecksumKind};

use crate::Error;
use crate::intake::{Running, crc, crc_bytes};

/// What an upload without a wish of its own has.
pub(super) const DEFAULT: (ChecksumAlgorithm, ChecksumKind) = (ChecksumAlgorithm::Crc64Nvme, ChecksumKind::FullObject);

/// Whether S3 has that combination: SHA values of parts do not combine, and CRC-64/NVME is never composite.
pub(super) fn check_kind(wanted: Option<(ChecksumAlgorithm, ChecksumKind)>) -> Result<(), Error> {
    let Some((algorithm, kind)) = wanted else { return Ok(()) };
    let fits = match kind {
        ChecksumKind::FullObject => crc(algorithm).is_some(),
        ChecksumKind::Composite => algorithm != ChecksumAlgorithm::Crc64Nvme,
    };
    if fits {
        return Ok(());
    }
    let (kind, algorithm) = (kind.as_str(), algorithm.as_str().to_ascii_lowercase());
    Err(Error::InvalidRequest(format!(
        "The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
    )))
}

/// By which algorithm a part's checksum is: the upload's, which the part must not contradict; where the upload has none,
/// whatever came with the part.
pub(super) fn of_part(
    upload: Option<(ChecksumAlgorithm, ChecksumKind)>,
    part: Option<ChecksumAlgorithm>,
) -> Result<ChecksumAlgorithm, Error> {
    match (upload, part) {
        (Some((wanted, _)), Some(given)) if wanted != given => Err(Error::InvalidRequest(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            wanted.as_str().to_ascii_lowercase(),
            given.as_str().to_ascii_lowercase()
        ))),
        (Some((wanted, _)), _) => Ok(wanted),
        (None, given) => Ok(given.unwrap_or(DEFAULT.0)),
    }
}

/// The checksum of the object that consists of `parts`, by the upload's algorithm.
///
/// # Errors
/// [`Error::Damaged`] if a part lacks the checksum that it was stored with.
pub(super) fn of_object(upload: Option<(ChecksumAlgorithm, ChecksumKind)>, parts: &[&Part]) -> Result<Checksum, Error> {
    let (algorithm, kind) = upload.unwrap_or(DEFAULT);
    let value = match (kind, crc(algorithm)) {
        (ChecksumKind::FullObject, Some(of)) => {
            let mut whole = 0;
            for part in parts.iter().filter(|part| part.len > 0) {
                whole = crc_fast::checksum_combine(of, whole, number(part, algorithm)?, part.len);
            }
            if parts.iter().all(|part| part.len == 0) {
                whole = crc_fast::checksum(of, b"");
            }
            crc_bytes(algorithm, whole)
        }
        (ChecksumKind::FullObject, None) => return Err(Error::Damaged("an upload combines what does not".into())),
        (ChecksumKind::Composite, _) => {
            let mut over = Running::new(algorithm);
            for part in parts {
                over.update(stored(part, algorithm)?);
            }
            over.finish()
        }
    };
    let count = (kind == ChecksumKind::Composite).then(|| u16::try_from(parts.len()).unwrap_or(u16::MAX));
    Ok(Checksum { algorithm, kind, value, parts: count })
}

/// A part's CRC. Its CRC-64/NVME is known of every part, whatever it was uploaded with.
fn number(part: &Part, algorithm: ChecksumAlgorithm) -> Result<u64, Error> {
    match (algorithm, part.piece) {
        (ChecksumAlgorithm::Crc64Nvme, Some(piece)) => Ok(piece.crc64),
        _ => Ok(stored(part, algorithm)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
    }
}

fn stored(part: &Part, algorithm: ChecksumAlgorithm) -> Result<&[u8], Error> {
    match &part.checksum {
        Some(checksum) if checksum.algorithm == algorithm => Ok(&checksum.value),
        _ => Err(Error::Damaged(format!("part {} has no {} checksum", part.number, algorithm.as_str()))),
    }
}

#[cfg(test)]
mod tests {
    use model::{ETag, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn part(number: u16, bytes: &[u8], algorithm: ChecksumAlgorithm) -> Part {
        let mut running = Running::new(algorithm);
        running.update(bytes);
        let value = running.finish();
        let crc64 = crate::body::crc64(bytes);
        let id = model::BlobId::from_parts(1, u64::from(number));
        let len = bytes.len() as u64;
        Part {
            number,
            len,
            md5: [0; 16],
            modified: Timestamp::from_millis(0),
            checksum: Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: None }),
            piece: (len > 0).then_some(catalog_piece(id, len, crc64)),
            cause: String::new(),
        }
    }

    fn catalog_piece(id: model::BlobId, len: u64, crc64: u64) -> catalog::Piece {
        catalog::Piece { at: catalog::BodyAt::Blob, id, len, crc64 }
    }

    proptest! {
        #[test]
        fn crcs_of_parts_combine_into_the_crc_of_the_whole(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        ) {
            let whole: Vec<u8> = bodies.concat();
            for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme] {
                let parts: Vec<Part> = (1..).zip(&bodies).map(|(n, b)| part(n, b, algorithm)).collect();
                let all: Vec<&Part> = parts.iter().collect();
                let combined = of_object(Some((algorithm, ChecksumKind::FullObject)), &all).unwrap();
                let mut direct = Running::new(algorithm);
                direct.update(&whole);
                prop_assert_eq!(combined.value, direct.finish());
            }
        }
    }

    #[test]
    fn a_composite_checksum_is_over_the_parts_checksums() {
        let parts = [part(1, b"one", ChecksumAlgorithm::Sha256), part(2, b"two", ChecksumAlgorithm::Sha256)];
        let all: Vec<&Part> = parts.iter().collect();
        let of = of_object(Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)), &all).unwrap();
        let values: Vec<u8> = parts.iter().flat_map(|p| p.checksum.as_ref().unwrap().value.to_vec()).collect();
        let mut direct = Running::new(ChecksumAlgorithm::Sha256);
        direct.update(&values);
        assert_eq!((of.value, of.parts), (direct.finish(), Some(2)));
        assert_eq!(ETag::from_parts([0; 16], 2).as_str(), "00000000000000000000000000000000-2");
    }

    #[test]
    fn what_does_not_combine_is_refused_when_the_upload_begins() {
        for algorithm in ChecksumAlgorithm::ALL {
            let full = check_kind(Some((algorithm, ChecksumKind::FullObject))).is_ok();
            let composite = check_kind(Some((algorithm, ChecksumKind::Composite))).is_ok();
            assert_eq!(full, !matches!(algorithm, ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256));
            assert_eq!(composite, algorithm != ChecksumAlgorithm::Crc64Nvme);
        }
        assert!(
            of_part(Some((ChecksumAlgorithm::Sha1, ChecksumKind::Composite)), Some(ChecksumAlgorithm::Crc32)).is_err()
        );
    }
}
