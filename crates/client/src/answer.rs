//! What came back.

use bytes::Bytes;
use http::HeaderMap;
use quick_xml::events::Event;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The S3 code of an error: what `<Code>` holds where the body is an `<Error>`. HEAD has none.
    pub fn code(&self) -> Option<String> {
        let text = self.text();
        let is_error = texts(&text, &["Error"]).is_some_and(|errors| !errors.is_empty());
        is_error.then(|| texts(&text, &["Error", "Code"])?.into_iter().next()).flatten()
    }

    /// The body; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The texts of all elements at that place of the body, counted from its root and by local names:
    /// `&["ListBucketResult", "Contents", "Key"]`. Empty where there are none, or the body is not XML.
    pub fn elements(&self, place: &[&str]) -> Vec<String> {
        texts(&self.text(), place).unwrap_or_default()
    }

    /// A header, where it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An answer whose body went elsewhere.
#[derive(Debug, Clone)]
pub struct Download {
    /// The answer. Its body is empty if the status is 2xx, and what was said if not.
    pub answer: Answer,
    /// Bytes that were passed on.
    pub length: u64,
}

/// None where the text is not well-formed.
fn texts(xml: &str, place: &[&str]) -> Option<Vec<String>> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut here: Vec<String> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    let mut roots = 0;
    loop {
        let event = reader.read_event().ok()?;
        match &event {
            Event::Start(start) => here.push(start.local_name().as_ref().to_owned()),
            Event::Empty(start) => here.push(start.local_name().as_ref().to_owned()),
            _ => (),
        }
        let inside = here == place;
        match (&event, inside) {
            (Event::Start(_) | Event::Empty(_), true) => found.push(String::new()),
            (Event::Text(text), true) => found.last_mut()?.push_str(&text.xml10_content()),
            (Event::CData(text), true) => found.last_mut()?.push_str(&text.xml10_content()),
            (Event::GeneralRef(reference), true) => {
                let character = match reference.resolve_char_ref().ok()? {
                    Some(character) => character,
                    None => entity(reference)?,
                };
                found.last_mut()?.push(character);
            }
            _ => (),
        }
        match event {
            Event::End(_) | Event::Empty(_) => {
                here.pop();
                roots += usize::from(here.is_empty());
            }
            Event::Eof => return (here.is_empty() && roots == 1).then_some(found),
            _ => (),
        }
    }
}

/// The five that XML knows.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &'static str) -> Answer {
        Answer { status: 403, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn the_code_is_that_of_an_error_and_of_nothing_else() {
        let denied = answer("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Resource>x</Resource></Error>");
        assert_eq!(denied.code().as_deref(), Some("AccessDenied"));
        for other in ["", "<Other><Code>A</Code></Other>", "<Error><Code>A</Code>", "<a/><Error><Code>A</Code></Error>"]
        {
            assert_eq!(answer(other).code(), None, "{other}");
        }
    }

    #[test]
    fn elements_are_found_by_their_place_with_entities_resolved_and_prefixes_ignored() {
        let list = answer(
            "<s:List xmlns:s=\"x\"><Key>not this</Key><Contents><s:Key>a&amp;b &#xe9;<![CDATA[<]]></s:Key></Contents>\
             <Contents><Key/></Contents></s:List>",
        );
        assert_eq!(list.elements(&["List", "Contents", "Key"]), ["a&b é<", ""]);
    }
}
