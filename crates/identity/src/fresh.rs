//! The only source of randomness of this crate: the operating system's.

use zeroize::Zeroizing;

use crate::Error;

/// Fills `bytes` with randomness.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|e| Error::Randomness(e.to_string()))
}

/// `len` characters, each drawn evenly from `alphabet` (ASCII, 1–256 of them).
pub(crate) fn text(alphabet: &[u8], len: usize) -> Result<Zeroizing<String>, Error> {
    // Bytes at or above the bound would make the first characters likelier than the rest: drawn again.
    let bound = 256 - 256 % alphabet.len();
    let mut out = Zeroizing::new(String::with_capacity(len));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while out.len() < len {
        fill(bytes.as_mut_slice())?;
        let wanted = len - out.len();
        let even = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < bound);
        out.extend(even.take(wanted).map(|b| char::from(alphabet[b % alphabet.len()])));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_an_alphabet_is_drawn_about_equally_often() {
        // 91 characters: taking bytes modulo 91 would draw the first 74 half again as often as the rest.
        let alphabet: Vec<u8> = (b' '..=b'z').collect();
        let drawn = text(&alphabet, 910_000).unwrap();
        assert_eq!(drawn.len(), 910_000);
        for c in &alphabet {
            let count = drawn.bytes().filter(|b| b == c).count();
            assert!((9_300..10_700).contains(&count), "{}: {count}", char::from(*c));
        }
    }
}
