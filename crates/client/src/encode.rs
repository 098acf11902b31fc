//! Percent-encoding as SigV4 defines it: everything but `A–Z a–z 0–9 - . _ ~` becomes `%XX` in capitals.
//!
//! A query is kept as the ordered pairs that are sent, in encoded form, so that a test can send any; its canonical form
//! is computed from those.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const KEY: &AsciiSet = &COMPONENT.remove(b'/');

/// A query name or value, encoded.
pub fn encode_component(text: &str) -> String {
    percent_encode(text.as_bytes(), COMPONENT).to_string()
}

/// An object's key, encoded for a path: `/` stays, and so do `.` and `..`, which are not special in S3.
pub fn encode_key(key: &str) -> String {
    percent_encode(key.as_bytes(), KEY).to_string()
}

/// One parameter in encoded form; the value is `None` where there is no `=`.
pub(crate) type Pair = (String, Option<String>);

/// Splits a query as it stands in a URL.
pub(crate) fn split(query: &str) -> Vec<Pair> {
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    parameters
        .map(|parameter| match parameter.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (parameter.to_owned(), None),
        })
        .collect()
}

/// The reverse of [`split`].
pub(crate) fn join(pairs: &[Pair]) -> String {
    let parameters: Vec<String> = pairs
        .iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.clone(),
        })
        .collect();
    parameters.join("&")
}

/// The canonical query of SigV4: each name and value decoded and encoded anew, sorted by name, then by value.
pub(crate) fn canonical(pairs: &[Pair]) -> String {
    let anew = |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), COMPONENT).to_string();
    let mut canonical: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (anew(name), anew(value.as_deref().unwrap_or_default()))).collect();
    canonical.sort();
    canonical.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Decoded text; for SigV2, which signs values so.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_unreserved_is_encoded_and_only_a_key_keeps_its_slashes() {
        assert_eq!(encode_component("a/b c+~*é"), "a%2Fb%20c%2B~%2A%C3%A9");
        assert_eq!(encode_key("a//../b c?"), "a//../b%20c%3F");
    }

    #[test]
    fn the_canonical_query_is_sorted_by_encoded_name_and_has_one_spelling() {
        let sent = "prefix=a%2fb&acl&X-b=2&prefix=A/c&x=";
        assert_eq!(join(&split(sent)), sent);
        assert_eq!(canonical(&split(sent)), "X-b=2&acl=&prefix=A%2Fc&prefix=a%2Fb&x=");
    }
}
