//! Text with wildcards and policy variables.
//!
//! A pattern is written by who makes the policy. What a request gives (a name, a key, the value of a variable) is
//! compared as it is: a `*` in it is a star.

use std::borrow::Cow;

use super::evaluate::Truth;
use super::key::{ConditionKey, KeyKind};

/// A policy variable: `${aws:username}` or `${aws:username, 'nobody'}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    key: ConditionKey,
    default: Option<Box<str>>,
}

impl Variable {
    /// Whose value it stands for.
    pub fn key(&self) -> &ConditionKey {
        &self.key
    }

    /// What it stands for where the request has no such value.
    pub fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }
}

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Exactly this.
    Text(Box<str>),
    /// `*`: any text, also none.
    AnyText,
    /// `?`: one character.
    AnyChar,
    /// The value of a variable, exactly.
    Variable(Variable),
}

/// How a text is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    /// `${…}` is a variable.
    pub(super) variables: bool,
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// Upper and lower case are one.
    pub(super) fold: bool,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Box<[Part]>,
    fold: bool,
    /// Ready to match, where there is no variable.
    glob: Option<Glob>,
}

impl Template {
    /// Its pieces; no two texts in a row.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether upper and lower case are one. The texts among its pieces are then in lower case.
    pub fn ignores_case(&self) -> bool {
        self.fold
    }

    /// The one text that it matches, if it has neither wildcards nor variables.
    pub fn fixed(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// # Errors
    /// What is wrong with a variable in it.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            let (part, after) = match c {
                '$' if syntax.variables && after.starts_with('{') => match enclosed(rest)? {
                    (literal @ ("*" | "?" | "$"), after) => {
                        plain.push_str(literal);
                        rest = after;
                        continue;
                    }
                    (inner, after) => (Part::Variable(variable(inner)?), after),
                },
                '*' if syntax.wildcards => (Part::AnyText, after),
                '?' if syntax.wildcards => (Part::AnyChar, after),
                _ => {
                    plain.push(c);
                    rest = after;
                    continue;
                }
            };
            push_text(&mut parts, &mut plain, syntax.fold);
            parts.push(part);
            rest = after;
        }
        push_text(&mut parts, &mut plain, syntax.fold);
        Ok(Template::new(parts, syntax.fold))
    }

    pub(super) fn new(parts: Vec<Part>, fold: bool) -> Self {
        let variables = parts.iter().any(|part| matches!(part, Part::Variable(_)));
        let glob = (!variables).then(|| Glob::of(&parts, &|_| None).0);
        Template { parts: parts.into(), fold, glob }
    }

    /// Whether it matches the whole of `text`. A variable that `resolve` knows no value for, and that has no default,
    /// could be any text: then it is unknown, unless even that would not match.
    pub(super) fn matches<'a>(&self, text: &str, resolve: &impl Fn(&ConditionKey) -> Option<&'a str>) -> Truth {
        let text = if self.fold { folded(text) } else { Cow::Borrowed(text) };
        if let Some(glob) = &self.glob {
            return Truth::of(glob.matches(&text));
        }
        let value = |variable: &Variable| {
            let value = resolve(&variable.key).map(Cow::Borrowed);
            let value = value.or_else(|| variable.default.as_deref().map(|text| Cow::Owned(text.to_owned())));
            value.map(|value| if self.fold { Cow::Owned(folded(&value).into_owned()) } else { value })
        };
        let (glob, complete) = Glob::of(&self.parts, &value);
        match (glob.matches(&text), complete) {
            (false, _) => Truth::No,
            (true, true) => Truth::Yes,
            (true, false) => Truth::Unknown,
        }
    }
}

/// Ends a run of plain text, if there is one.
fn push_text(parts: &mut Vec<Part>, plain: &mut String, fold: bool) {
    if !plain.is_empty() {
        let text = if fold { folded(plain) } else { Cow::Borrowed(plain.as_str()) };
        parts.push(Part::Text(text.into()));
        plain.clear();
    }
}

/// `text` in lower case, character by character.
fn folded(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c.to_lowercase().eq([c])) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
    }
}

/// Splits `${inner}rest`.
fn enclosed(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in text.char_indices().skip(2) {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted => return Ok((&text[2..at], &text[at + 1..])),
            _ => {}
        }
    }
    Err("has a ${ without its }: write ${$}{ for these two characters".to_owned())
}

fn variable(inner: &str) -> Result<Variable, String> {
    let (name, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((name, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            let Some(default) = quoted.filter(|text| !text.contains('\'')) else {
                return Err(format!(
                    "has the variable ${{{inner}}}: write its default in single quotes, without any inside"
                ));
            };
            (name, Some(default.into()))
        }
    };
    let Some(key) = ConditionKey::parse(name.trim()) else {
        return Err(format!("has the variable ${{{inner}}}, which is no condition key that Bailiwick knows"));
    };
    if key.spec().many || !matches!(key.spec().kind, KeyKind::Text | KeyKind::Tag | KeyKind::Arn) {
        return Err(format!("has the variable ${{{inner}}}: only keys of one text can be variables"));
    }
    Ok(Variable { key, default })
}

/// A pattern of texts and wildcards: segments with any text between them.
#[derive(Debug, Clone, PartialEq)]
struct Glob {
    segments: Box<[Segment]>,
}

/// Texts with one character between each two. Never empty.
#[derive(Debug, Clone, PartialEq)]
struct Segment(Box<[Box<str>]>);

impl Glob {
    /// Also tells whether every variable had a value; one without stands for any text.
    fn of<'a>(parts: &'a [Part], value: &dyn Fn(&'a Variable) -> Option<Cow<'a, str>>) -> (Glob, bool) {
        let mut complete = true;
        let (mut segments, mut runs, mut run) = (Vec::new(), Vec::new(), String::new());
        for part in parts {
            match part {
                Part::Text(text) => run.push_str(text),
                Part::AnyChar => runs.push(std::mem::take(&mut run).into()),
                Part::AnyText => {
                    runs.push(std::mem::take(&mut run).into());
                    segments.push(Segment(std::mem::take(&mut runs).into()));
                }
                Part::Variable(variable) => match value(variable) {
                    Some(text) => run.push_str(&text),
                    None => {
                        complete = false;
                        runs.push(std::mem::take(&mut run).into());
                        segments.push(Segment(std::mem::take(&mut runs).into()));
                    }
                },
            }
        }
        runs.push(run.into());
        segments.push(Segment(runs.into()));
        (Glob { segments: segments.into() }, complete)
    }

    fn matches(&self, text: &str) -> bool {
        let (first, others) = self.segments.split_first().expect("a glob has a segment");
        let Some(rest) = first.strip_from_start(text) else { return false };
        let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
        let Some(mut rest) = last.strip_from_end(rest) else { return false };
        for segment in middle {
            match segment.skip_past(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        true
    }
}

impl Segment {
    /// What follows it, where `text` begins with it.
    fn strip_from_start<'t>(&self, mut text: &'t str) -> Option<&'t str> {
        for (index, run) in self.0.iter().enumerate() {
            if index > 0 {
                let mut chars = text.chars();
                chars.next()?;
                text = chars.as_str();
            }
            text = if run.is_empty() { text } else { text.strip_prefix(&**run)? };
        }
        Some(text)
    }

    /// What goes before it, where `text` ends with it.
    fn strip_from_end<'t>(&self, mut text: &'t str) -> Option<&'t str> {
        for (index, run) in self.0.iter().rev().enumerate() {
            if index > 0 {
                let mut chars = text.chars();
                chars.next_back()?;
                text = chars.as_str();
            }
            text = if run.is_empty() { text } else { text.strip_suffix(&**run)? };
        }
        Some(text)
    }

    /// What follows its first place in `text`.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        if let [run] = &*self.0 {
            return find(text, run).map(|at| &text[at + run.len()..]);
        }
        text.char_indices().map(|(at, _)| at).find_map(|at| self.strip_from_start(&text[at..]))
    }
}

/// Longest text, in bytes, that is looked for by its first character: the general search takes longer to set up.
const SHORT: usize = 16;

/// The first place of `wanted` in `text`.
fn find(text: &str, wanted: &str) -> Option<usize> {
    let (first, others) = match wanted.as_bytes() {
        [] => return Some(0),
        [first, others @ ..] if first.is_ascii() && others.len() < SHORT => (char::from(*first), others),
        _ => return text.find(wanted),
    };
    let mut from = 0;
    loop {
        let at = from + text[from..].find(first)?;
        let rest = &text.as_bytes()[at + 1..];
        if rest.len() >= others.len() && rest.iter().zip(others).all(|(a, b)| a == b) {
            return Some(at);
        }
        from = at + 1;
    }
}
