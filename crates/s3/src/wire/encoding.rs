//! Percent-encoding as S3 and its signatures use it. Decoding is strict: `%` without two hexadecimal digits is refused, so
//! that nobody has to guess what it stands for.

/// `%` without two hexadecimal digits, or bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDecodable;

/// Characters that AWS's encoding leaves alone (SigV4, "Create a canonical request", UriEncode).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

fn decode_bytes(text: &str, plus_is_blank: bool, out: &mut Vec<u8>) -> Result<(), NotDecodable> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let high = bytes.get(at + 1).copied().and_then(digit).ok_or(NotDecodable)?;
                let low = bytes.get(at + 2).copied().and_then(digit).ok_or(NotDecodable)?;
                out.push(high << 4 | low);
                at += 3;
            }
            b'+' if plus_is_blank => {
                out.push(b' ');
                at += 1;
            }
            other => {
                out.push(other);
                at += 1;
            }
        }
    }
    Ok(())
}

/// Appends a piece of a query, decoded; `+` is a blank.
pub(crate) fn decode_query(text: &str, out: &mut Vec<u8>) -> Result<(), NotDecodable> {
    decode_bytes(text, true, out)
}

/// A piece of a path, decoded; `+` is a plus.
pub(crate) fn decode_path(text: &str) -> Result<String, NotDecodable> {
    let mut out = Vec::with_capacity(text.len());
    decode_bytes(text, false, &mut out)?;
    String::from_utf8(out).map_err(|_| NotDecodable)
}

/// Appends `text`, encoded.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    encode_bytes(text.as_bytes(), false, out);
}

/// Appends a path, encoded; slashes stay.
pub(crate) fn encode_path(text: &str, out: &mut Vec<u8>) {
    encode_bytes(text.as_bytes(), true, out);
}

fn encode_bytes(mut bytes: &[u8], keep_slash: bool, out: &mut Vec<u8>) {
    while let Some(&byte) = bytes.first() {
        let plain = bytes.iter().take_while(|b| is_unreserved(**b) || (keep_slash && **b == b'/')).count();
        if plain > 0 {
            out.extend_from_slice(&bytes[..plain]);
            bytes = &bytes[plain..];
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            bytes = &bytes[1..];
        }
    }
}

/// The bytes that [`encode`] would append, one at a time.
pub(crate) fn encoded(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().flat_map(|byte| {
        let escaped = [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        let plain = is_unreserved(byte);
        let (bytes, len) = if plain { ([byte, 0, 0], 1) } else { (escaped, 3) };
        bytes.into_iter().take(len)
    })
}

/// Appends a path as SigV4 for S3 has it: decoded, then encoded once; slashes stay, and nothing is normalised.
pub(crate) fn recode_path(raw: &str, out: &mut Vec<u8>) -> Result<(), NotDecodable> {
    if raw.bytes().all(|b| is_unreserved(b) || b == b'/') {
        out.extend_from_slice(raw.as_bytes());
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(raw.len());
    decode_bytes(raw, false, &mut decoded)?;
    encode_bytes(&decoded, true, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(text in any::<String>()) {
            let mut once = Vec::new();
            encode(&text, &mut once);
            prop_assert_eq!(&once, &encoded(&text).collect::<Vec<_>>());
            let once = String::from_utf8(once).unwrap();
            prop_assert_eq!(decode_path(&once).unwrap(), text.clone());
            let mut query = Vec::new();
            decode_query(&once, &mut query).unwrap();
            prop_assert_eq!(query, text.into_bytes());
        }

        #[test]
        fn a_path_is_encoded_once_however_it_was_sent(text in "[/a-z+ %ä~=]{0,20}") {
            let mut wanted = Vec::new();
            encode_bytes(text.as_bytes(), true, &mut wanted);
            let sent = String::from_utf8(wanted.clone()).unwrap();
            for sent in [sent.clone(), sent.replace("%2B", "+").replace("%3D", "=").replace("%C3%A4", "ä")] {
                let mut got = Vec::new();
                recode_path(&sent, &mut got).unwrap();
                prop_assert_eq!(&got, &wanted);
            }
        }
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_refused() {
        for bad in ["%", "a%2", "%zz", "%f", "%+1", "%ff"] {
            assert_eq!(decode_path(bad), Err(NotDecodable), "{bad}");
        }
    }
}
