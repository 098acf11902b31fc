//! Reads the XML of a request into a small tree, or refuses it.
//!
//! The key decision: nothing of XML that S3's documents do not need is taken. There are no document types and so no
//! entities but the five and character references; depth, elements and attributes are counted; an element belongs to
//! S3's namespace, by whatever prefix, or to none. Who reads the tree asks for the children it knows and refuses the
//! rest, so that nothing that was sent is silently dropped.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::{S3_NAMESPACE, XSI_NAMESPACE};

/// Deepest nesting of any document of S3: an ACL has four levels; eight leave room.
const DEPTH: usize = 8;
/// Most attributes of one element, namespace declarations included.
const ATTRIBUTES: usize = 16;

/// The document is not what S3 documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name without prefix.
    name: String,
    /// `xsi:type`, where it has one.
    kind: Option<String>,
    /// What it says, entities resolved; blank where it has children.
    text: String,
    children: Vec<Element>,
}

/// Reads a document whose root is `root` and that has at most `elements` elements.
pub(crate) fn parse(bytes: &[u8], root: &str, elements: usize) -> Result<Element, Malformed> {
    parse_at(bytes, root, elements).map_err(|_| Malformed)
}

/// The same; an error is where the document is refused, in bytes from its beginning.
pub(crate) fn parse_at(bytes: &[u8], root: &str, elements: usize) -> Result<Element, usize> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.valid_up_to())?;
    if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_xml(*c)) {
        return Err(at);
    }
    let document = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(document);
    reader.config_mut().check_comments = true;
    let mut tree = Tree { open: vec![], root: None, left: elements };
    loop {
        match step(&mut reader, &mut tree) {
            Ok(true) => {}
            Ok(false) => break,
            Err(Malformed) => {
                let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                return Err((text.len() - document.len()).saturating_add(at).min(text.len()));
            }
        }
    }
    tree.root.filter(|found| tree.open.is_empty() && found.name == root).ok_or(text.len())
}

/// Reads the next part; false at the end.
fn step(reader: &mut NsReader<&[u8]>, tree: &mut Tree) -> Result<bool, Malformed> {
    match reader.read_event().map_err(|_| Malformed)? {
        Event::Start(start) => tree.start(element(reader, &start)?)?,
        Event::Empty(start) => {
            tree.start(element(reader, &start)?)?;
            tree.end()?;
        }
        Event::End(_) => tree.end()?,
        Event::Text(text) => tree.text(&text.xml10_content())?,
        Event::CData(text) => tree.text(&text.xml10_content())?,
        Event::GeneralRef(reference) => {
            let resolved = reference.resolve_char_ref().map_err(|_| Malformed)?;
            let resolved = match &*reference.xml10_content() {
                _ if resolved.is_some() => resolved,
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => None,
            };
            tree.text(resolved.ok_or(Malformed)?.encode_utf8(&mut [0; 4]))?;
        }
        Event::Decl(declared) => {
            let encoding = declared.encoding().transpose().map_err(|_| Malformed)?;
            if encoding.is_some_and(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("us-ascii")) {
                return Err(Malformed);
            }
        }
        Event::Comment(_) => {}
        Event::PI(_) | Event::DocType(_) => return Err(Malformed),
        Event::Eof => return Ok(false),
    }
    Ok(true)
}

/// Whether XML 1.0 has the character (production 2, Char); the parser does not look. A reference to one that it has not is
/// taken, as S3 takes it: keys may hold such characters.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The tree so far.
struct Tree {
    /// From the root to where we are.
    open: Vec<Element>,
    /// The root, once it is complete.
    root: Option<Element>,
    /// How many more elements there may be.
    left: usize,
}

impl Tree {
    fn start(&mut self, element: Element) -> Result<(), Malformed> {
        self.left = self.left.checked_sub(1).ok_or(Malformed)?;
        if self.root.is_some() || self.open.len() == DEPTH {
            return Err(Malformed);
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Malformed> {
        let done = self.open.pop().ok_or(Malformed)?;
        if !done.children.is_empty() && !done.text.trim().is_empty() {
            return Err(Malformed);
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Malformed),
        }
        Ok(())
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Element, Malformed> {
    let (namespace, name) = reader.resolver().resolve_element(start.name());
    match namespace {
        ResolveResult::Unbound | ResolveResult::Bound(Namespace(S3_NAMESPACE | "")) => {}
        ResolveResult::Bound(_) | ResolveResult::Unknown(_) => return Err(Malformed),
    }
    let mut kind = None;
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|_| Malformed)?;
        if count == ATTRIBUTES {
            return Err(Malformed);
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        match namespace {
            ResolveResult::Bound(Namespace(XSI_NAMESPACE)) if local.as_ref() == "type" => {
                // Two prefixes of one namespace could say two things.
                let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|_| Malformed)?;
                if kind.replace(value.trim().to_owned()).is_some() {
                    return Err(Malformed);
                }
            }
            ResolveResult::Unknown(_) => return Err(Malformed),
            ResolveResult::Bound(_) | ResolveResult::Unbound => {}
        }
    }
    Ok(Element { name: name.as_ref().to_owned(), kind, text: String::new(), children: vec![] })
}

impl Element {
    /// `xsi:type`, where the element has one.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// What it says; an element with children says nothing.
    pub(crate) fn text(&self) -> Result<&str, Malformed> {
        if self.children.is_empty() { Ok(&self.text) } else { Err(Malformed) }
    }

    /// Refuses children that nobody would read.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Malformed> {
        if self.children.iter().all(|child| known.contains(&child.name.as_str())) { Ok(()) } else { Err(Malformed) }
    }

    /// The child of that name, if there is one; two are refused.
    pub(crate) fn maybe<'a>(&'a self, name: &str) -> Result<Option<&'a Element>, Malformed> {
        let mut named = self.all(name);
        match (named.next(), named.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => Err(Malformed),
        }
    }

    /// The child of that name.
    pub(crate) fn one<'a>(&'a self, name: &str) -> Result<&'a Element, Malformed> {
        self.maybe(name)?.ok_or(Malformed)
    }

    /// What the child of that name says, if there is one.
    pub(crate) fn maybe_text<'a>(&'a self, name: &str) -> Result<Option<&'a str>, Malformed> {
        self.maybe(name)?.map(Element::text).transpose()
    }

    /// What the child of that name says.
    pub(crate) fn one_text<'a>(&'a self, name: &str) -> Result<&'a str, Malformed> {
        self.one(name)?.text()
    }

    /// All children of that name, in order.
    pub(crate) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Element> + use<'a, 'n> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

#[cfg(test)]
mod tests;
