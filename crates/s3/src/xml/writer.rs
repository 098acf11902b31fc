//! Writes the XML of answers.
//!
//! Element names are ours and never escaped; every text is. What XML 1.0 cannot hold (control characters in keys) is
//! written as a character reference, as S3 does: clients that must read such keys ask for `encoding-type=url`.

use std::fmt::{Display, Write as _};

use super::S3_NAMESPACE;

/// A document under way.
#[derive(Debug)]
pub(crate) struct Xml {
    out: String,
    root: &'static str,
}

/// What every document begins with.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

impl Xml {
    /// A document whose root is `root`, in S3's namespace.
    pub(crate) fn new(root: &'static str) -> Self {
        let mut out = String::with_capacity(512);
        out.push_str(DECLARATION);
        let _ = write!(out, "<{root} xmlns=\"{S3_NAMESPACE}\">");
        Xml { out, root }
    }

    /// A document whose root is in no namespace: an error.
    pub(crate) fn plain(root: &'static str) -> Self {
        Xml { out: format!("{DECLARATION}<{root}>"), root }
    }

    /// `<name>text</name>`.
    pub(crate) fn element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// `<name>text</name>`, if there is a text.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.element(name, text);
        }
    }

    /// `<name>value</name>` for what needs no escaping: numbers and switches.
    pub(crate) fn value(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.out, "<{name}>{value}</{name}>");
    }

    /// An element with children.
    pub(crate) fn within(&mut self, name: &str, children: impl FnOnce(&mut Self)) {
        self.open(name);
        children(self);
        self.close(name);
    }

    /// An element with children and attributes, which are ours and written as they are.
    pub(crate) fn within_typed(&mut self, name: &str, attributes: &str, children: impl FnOnce(&mut Self)) {
        let _ = write!(self.out, "<{name} {attributes}>");
        children(self);
        self.close(name);
    }

    /// Text of the element that is open.
    pub(crate) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '"' => self.out.push_str("&quot;"),
                '\t' | '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                    self.out.push(c);
                }
                control => {
                    let _ = write!(self.out, "&#x{:X};", u32::from(control));
                }
            }
        }
    }

    /// The document.
    pub(crate) fn finish(mut self) -> String {
        self.close(self.root);
        self.out
    }

    fn open(&mut self, name: &str) {
        let _ = write!(self.out, "<{name}>");
    }

    fn close(&mut self, name: &str) {
        let _ = write!(self.out, "</{name}>");
    }
}
