//! What a backup consists of, as text. Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{Error, names};

const FIRST: &str = "bailiwick backup 1";

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which store it is of.
    pub store: [u8; 16],
    /// When it was made, as `2026-01-31T12:00:00Z`.
    pub made: String,
    /// The last change in it.
    pub revision: u64,
    /// The epoch of the store's bodies.
    pub epoch: u64,
    /// How many rows.
    pub rows: u64,
    /// How many bodies outside of the rows.
    pub bodies: u64,
    /// Bytes of these bodies.
    pub bytes: u64,
    /// What could not be read when it was made and is not in it: bodies, by their names on the shelf, and rows.
    pub without: Vec<String>,
    /// The chunks, in the order of their rows: SHA-256 and length.
    pub chunks: Vec<([u8; 32], u64)>,
}

impl Manifest {
    /// Its name: when it was made, for people, and the revision, by which they are ordered.
    pub fn id(&self) -> String {
        let made: String = self.made.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        format!("{made}-{}", self.revision)
    }

    /// Bytes of all files that it lists.
    pub fn bytes_of_files(&self) -> u64 {
        self.bytes + self.chunks.iter().map(|(_, len)| len).sum::<u64>()
    }

    /// As text, held to `key`.
    pub(crate) fn encode(&self, key: &[u8; 32]) -> String {
        let mut text = format!(
            "{FIRST}\nstore {}\nmade {}\nrevision {}\nepoch {}\nrows {}\nbodies {} {}\n",
            hex::encode(self.store),
            self.made,
            self.revision,
            self.epoch,
            self.rows,
            self.bodies,
            self.bytes
        );
        self.without.iter().for_each(|name| text.push_str(&format!("without {name}\n")));
        self.chunks.iter().for_each(|(digest, len)| text.push_str(&format!("chunk {} {len}\n", hex::encode(digest))));
        let mac = mac(key, &text).finalize().into_bytes();
        text.push_str(&format!("hmac {}\n", hex::encode(mac)));
        let digest = Sha256::digest(text.as_bytes());
        text.push_str(&format!("sha256 {}\n", hex::encode(digest)));
        text
    }

    /// From its text; `id` is whose file it is. Where no `key` is given, who made it is not asked.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Refused`] for another version, [`Error::WrongKey`].
    pub(crate) fn decode(id: &str, bytes: &[u8], key: Option<&[u8; 32]>) -> Result<Manifest, Error> {
        let name = names::backup(id);
        let damaged = |what: &str| Error::damaged(&name, what);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is no text"))?;
        let first = text.lines().next().unwrap_or_default();
        if first != FIRST {
            return Err(match first.strip_prefix("bailiwick backup ") {
                Some(version) => Error::Refused(format!(
                    "the backup {id} is of version {version:?}, and this program reads version 1; use a newer bailiwick"
                )),
                None => damaged("it is no manifest of a backup"),
            });
        }
        let (signed, digest) = split_last(text, "sha256 ").ok_or_else(|| damaged("it is cut"))?;
        if hex::encode(Sha256::digest(signed.as_bytes())) != digest {
            return Err(damaged("its digest does not hold"));
        }
        let (said, signature) = split_last(signed, "hmac ").ok_or_else(|| damaged("it is not signed"))?;
        if let Some(key) = key {
            let signature = hex::decode(signature).map_err(|_| damaged("its signature is malformed"))?;
            mac(key, said).verify_slice(&signature).map_err(|_| Error::WrongKey(id.to_owned()))?;
        }
        let manifest = parse(said).ok_or_else(|| damaged("it is malformed"))?;
        if manifest.id() != id { Err(damaged("it is another backup's")) } else { Ok(manifest) }
    }
}

fn mac(key: &[u8; 32], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

/// The text before its last line, and what that holds behind `word`.
fn split_last<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let body = text.strip_suffix('\n')?;
    let at = body.rfind('\n')? + 1;
    Some((&text[..at], body[at..].strip_prefix(word)?))
}

fn parse(text: &str) -> Option<Manifest> {
    let mut lines = text.lines().skip(1).peekable();
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
    let store = hex::decode(field("store")?).ok()?.try_into().ok()?;
    let made = field("made")?;
    let [revision, epoch, rows] =
        [field("revision")?, field("epoch")?, field("rows")?].map(|number| number.parse().ok());
    let bodies = field("bodies")?;
    let (bodies, bytes) = bodies.split_once(' ')?;
    let (mut without, mut chunks) = (vec![], vec![]);
    for line in lines {
        match line.split_once(' ')? {
            ("without", name) => without.push(name.to_owned()),
            ("chunk", chunk) => {
                let (digest, len) = chunk.split_once(' ')?;
                chunks.push((hex::decode(digest).ok()?.try_into().ok()?, len.parse().ok()?));
            }
            _ => return None,
        }
    }
    Some(Manifest {
        store,
        made,
        revision: revision?,
        epoch: epoch?,
        rows: rows?,
        bodies: bodies.parse().ok()?,
        bytes: bytes.parse().ok()?,
        without,
        chunks,
    })
}
