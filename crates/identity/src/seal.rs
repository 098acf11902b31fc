//! Sealing: secrets at rest are ciphertext, bound to the key they belong to.
//!
//! XChaCha20-Poly1305, because its nonce is long enough to be drawn at random for as many secrets as anybody makes, and
//! because it needs no hardware to be fast and constant in time. The access key's id is authenticated with it, so that a
//! sealed secret moved under another key's id does not open.

use std::fmt;

use bytes::Bytes;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use model::AccessKeyId;
use zeroize::Zeroizing;

use crate::records::VERSION;
use crate::{Error, MasterKey, fresh, keys};

const NONCE_BYTES: usize = 24;

/// A secret access key. It is overwritten when it is dropped, and no formatting shows it.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// 40 letters and digits from the operating system's randomness: 238 bits, and nothing that a shell or a
    /// configuration file would read as anything but text.
    pub(crate) fn fresh() -> Result<Self, Error> {
        fresh::text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 40).map(SecretText)
    }

    /// The text itself: to show it once, or to compute a signature with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// Seals and opens the secrets of one store.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(master: &MasterKey) -> Self {
        let key = Zeroizing::new(master.derive("access key secrets"));
        Sealer(XChaCha20Poly1305::new((&*key).into()))
    }

    /// What to store: version, nonce, ciphertext with tag.
    pub(crate) fn seal(&self, id: &AccessKeyId, secret: &SecretText) -> Result<Bytes, Error> {
        let mut nonce = [0_u8; NONCE_BYTES];
        fresh::fill(&mut nonce)?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &bound_to(id) };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("40 bytes are not too long to seal");
        Ok([&[VERSION], &nonce[..], &sealed].concat().into())
    }

    /// Opens what [`Sealer::seal`] made for the same key.
    pub(crate) fn open(&self, id: &AccessKeyId, stored: &[u8]) -> Result<SecretText, Error> {
        let at = || keys::secret(id);
        let (nonce, sealed) = match stored.split_first() {
            Some((&VERSION, rest)) => rest.split_first_chunk::<NONCE_BYTES>(),
            _ => None,
        }
        .ok_or_else(|| Error::corrupt(&at(), "it is no sealed secret of a version that is known here"))?;
        let payload = Payload { msg: sealed, aad: &bound_to(id) };
        let plain = self
            .0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| Error::Sealed { key: at().escape_ascii().to_string() })?;
        match String::from_utf8(plain) {
            Ok(text) => Ok(SecretText(Zeroizing::new(text))),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(Error::corrupt(&at(), "the secret is not text"))
            }
        }
    }
}

const BOUND: &[u8; 7] = b"secret/";
const ID_BYTES: usize = 20;

/// What is authenticated with a secret: `secret/` and the key's id.
fn bound_to(id: &AccessKeyId) -> [u8; BOUND.len() + ID_BYTES] {
    let mut bound = [0; BOUND.len() + ID_BYTES];
    bound[..BOUND.len()].copy_from_slice(BOUND);
    bound[BOUND.len()..].copy_from_slice(id.as_str().as_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32]))
    }

    fn id(text: &str) -> AccessKeyId {
        AccessKeyId::new(text).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_for_its_key_and_its_master_key_only() {
        let (a, b) = (id("BWAAAAAAAAAAAAAAAAAA"), id("BWBBBBBBBBBBBBBBBBBB"));
        let secret = SecretText::fresh().unwrap();
        let sealed = sealer(1).seal(&a, &secret).unwrap();
        assert_eq!(sealer(1).open(&a, &sealed).unwrap().expose(), secret.expose());
        assert!(matches!(sealer(1).open(&b, &sealed), Err(Error::Sealed { .. })));
        assert!(matches!(sealer(2).open(&a, &sealed), Err(Error::Sealed { .. })));
    }

    #[test]
    fn a_sealed_secret_altered_or_cut_anywhere_does_not_open() {
        let a = id("BWAAAAAAAAAAAAAAAAAA");
        let sealed = sealer(1).seal(&a, &SecretText::fresh().unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.to_vec();
            altered[at] ^= 1;
            assert!(sealer(1).open(&a, &altered).is_err(), "byte {at}");
            assert!(sealer(1).open(&a, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn sealing_the_same_secret_twice_shows_no_sameness() {
        let a = id("BWAAAAAAAAAAAAAAAAAA");
        let secret = SecretText::fresh().unwrap();
        assert_ne!(sealer(1).seal(&a, &secret).unwrap(), sealer(1).seal(&a, &secret).unwrap());
    }
}
