//! Percent-encoding as S3 and its signatures use it. Decoding is strict: `%` without two hexadecimal digits is refused, so
//! that nobody has to guess what it stands for.

use std::cmp::Ordering;

/// `%` without two hexadecimal digits, or bytes that are no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDecodable;

/// Characters that AWS's encoding leaves alone (SigV4, "Create a canonical request", UriEncode).
fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[usize::from(byte)]
}

const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        byte += 1;
    }
    table
};

/// How many bytes `bytes` begins with that no encoding changes.
pub(crate) fn unreserved(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_unreserved(**byte)).count()
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// What each byte is worth as a hexadecimal digit, in either case.
const VALUES: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut digit = 0u8;
    while digit < 16 {
        let upper = DIGITS[digit as usize];
        table[upper as usize] = digit;
        table[upper.to_ascii_lowercase() as usize] = digit;
        digit += 1;
    }
    table
};
const NO_DIGIT: u8 = 0xFF;

/// Two hexadecimal digits.
fn byte_of(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
    ((high | low) != NO_DIGIT).then_some(high << 4 | low)
}

/// What is spelt in hexadecimal, in either case; `None` if it is not exactly `N` bytes.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = byte_of(*high, *low)?;
    }
    Some(bytes)
}

/// Appends what `text` stands for; with whether it is spelt as [`encode`] would spell it.
fn decode_bytes(mut text: &[u8], plus_is_blank: bool, out: &mut Vec<u8>) -> Result<bool, NotDecodable> {
    let mut as_encoded = true;
    loop {
        let plain = unreserved(text);
        out.extend_from_slice(&text[..plain]);
        text = match &text[plain..] {
            [] => return Ok(as_encoded),
            [b'%', high, low, rest @ ..] => {
                let byte = byte_of(*high, *low).ok_or(NotDecodable)?;
                as_encoded &= !is_unreserved(byte) && !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
                out.push(byte);
                rest
            }
            [b'%', ..] => return Err(NotDecodable),
            [byte, rest @ ..] => {
                as_encoded = false;
                out.push(if *byte == b'+' && plus_is_blank { b' ' } else { *byte });
                rest
            }
        };
    }
}

/// Appends a piece of a query, decoded, `+` being a blank; with whether it is spelt as [`encode`] would spell it.
pub(crate) fn decode_query(text: &[u8], out: &mut Vec<u8>) -> Result<bool, NotDecodable> {
    decode_bytes(text, true, out)
}

/// A piece of a path, decoded; `+` is a plus.
pub(crate) fn decode_path(text: &str) -> Result<String, NotDecodable> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    decode_bytes(text.as_bytes(), false, &mut out)?;
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

/// How two texts compare once they are encoded.
pub(crate) fn cmp_encoded(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    // What precedes the first difference is encoded alike.
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    match (&a[same..], &b[same..]) {
        ([x, ..], [y, ..]) if is_unreserved(*x) && is_unreserved(*y) => x.cmp(y),
        (a, b) => encoded(a).cmp(encoded(b)),
    }
}

/// The bytes that [`encode`] would append, one at a time.
fn encoded(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().flat_map(|byte| {
        let byte = *byte;
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
    decode_bytes(raw.as_bytes(), false, &mut decoded)?;
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
            prop_assert_eq!(&once, &encoded(text.as_bytes()).collect::<Vec<_>>());
            let once = String::from_utf8(once).unwrap();
            prop_assert_eq!(decode_path(&once).unwrap(), text.clone());
            let mut query = Vec::new();
            prop_assert!(decode_query(once.as_bytes(), &mut query).unwrap());
            prop_assert_eq!(query, text.into_bytes());
        }

        #[test]
        fn what_is_told_to_be_spelt_as_it_would_be_is(text in "([a-c./~_+=& ä]|%[0-9A-Fa-f]{2}){0,8}") {
            let (mut decoded, mut encoded) = (Vec::new(), Vec::new());
            let as_encoded = decode_query(text.as_bytes(), &mut decoded).unwrap();
            encode_bytes(&decoded, false, &mut encoded);
            prop_assert_eq!(as_encoded, encoded == text.as_bytes());
        }

        #[test]
        fn hexadecimal_digits_are_read_in_either_case_and_nothing_else_is(bytes in any::<[u8; 4]>(), text in "[0-9a-fA-Fg+ ]{0,10}") {
            prop_assert_eq!(unhex(&hex::encode(bytes)), Some(bytes));
            prop_assert_eq!(unhex(&hex::encode_upper(bytes)), Some(bytes));
            let mut known = [0; 4];
            let is = hex::decode_to_slice(&text, &mut known).is_ok();
            prop_assert_eq!(unhex(&text), is.then_some(known));
        }

        #[test]
        fn texts_compare_as_what_they_are_encoded_to(common in "[a-c%~ä]{0,4}", a in "[!-~ä\\PC]{0,4}", b in "[!-~ä\\PC]{0,4}") {
            let (a, b) = (common.clone() + &a, common + &b);
            let encoded = |text: &str| {
                let mut out = Vec::new();
                encode(text, &mut out);
                out
            };
            prop_assert_eq!(cmp_encoded(&a, &b), encoded(&a).cmp(&encoded(&b)));
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
