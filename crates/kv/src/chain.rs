//! The chain of a log: what makes a removed, altered or reordered entry show.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of one link.
const LINK: usize = 32;

/// The key that links are made with. It does not show in `Debug`.
#[derive(Clone)]
pub(crate) struct LogKey([u8; 32]);

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogKey(..)")
    }
}

/// Where a log ends: its last number and last link. An empty log ends at 0 and zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    link: [u8; LINK],
}

impl Head {
    pub(crate) const EMPTY: Head = Head { number: 0, link: [0; LINK] };

    /// Number (8 bytes, big-endian) ‖ link; `None` for anything else.
    pub(crate) fn decode(value: &[u8]) -> Option<Head> {
        let (number, link) = value.split_first_chunk::<8>()?;
        Some(Head { number: u64::from_be_bytes(*number), link: link.try_into().ok()? })
    }

    pub(crate) fn encode(&self) -> Bytes {
        [self.number.to_be_bytes().as_slice(), &self.link].concat().into()
    }
}

impl LogKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        LogKey(key)
    }

    /// The head after `payload` was appended, and the value of its entry; `None` if the log has no number left.
    pub(crate) fn append(&self, head: Head, payload: &[u8]) -> Option<(Head, Bytes)> {
        let number = head.number.checked_add(1)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&head.link);
        mac.update(&number.to_be_bytes());
        mac.update(payload);
        let link: [u8; LINK] = mac.finalize().into_bytes().into();
        Some((Head { number, link }, [link.as_slice(), payload].concat().into()))
    }
}
