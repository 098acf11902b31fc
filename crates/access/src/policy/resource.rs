//! Which buckets and objects a statement is about.

use std::borrow::Cow;

use super::PolicyError;
use super::action::Kind;
use super::evaluate::{Asked, Truth};
use super::json::Json;
use super::pattern::{Part, Syntax, Template};

/// How every S3 resource begins.
const PREFIX: &str = "arn:aws:s3:::";

/// One pattern of a statement's resources.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcePattern {
    text: Box<str>,
    template: Template,
    form: Form,
}

/// What is known of a pattern beforehand, so that most are settled by comparing the bucket's name.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// Exactly the bucket.
    Bucket(Box<str>),
    /// Objects of exactly this bucket.
    Objects { bucket: Box<str>, key: Template },
    /// Anything else: the bucket's name is a pattern, too.
    Open,
}

impl ResourcePattern {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows `arn:aws:s3:::`: to be matched against `bucket` or `bucket/key`.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The bucket in which all that it matches lies, if it names one without wildcards and variables.
    pub fn bucket(&self) -> Option<&str> {
        match &self.form {
            Form::Bucket(bucket) | Form::Objects { bucket, .. } => Some(bucket),
            Form::Open => None,
        }
    }

    /// The pattern of the keys in [`ResourcePattern::bucket`]; `None` where it is the bucket itself, or open.
    pub fn key(&self) -> Option<&Template> {
        match &self.form {
            Form::Objects { key, .. } => Some(key),
            Form::Bucket(_) | Form::Open => None,
        }
    }

    fn includes(&self, kind: Kind) -> bool {
        match self.form {
            Form::Bucket(_) => kind == Kind::Bucket,
            Form::Objects { .. } => kind == Kind::Object,
            Form::Open => true,
        }
    }

    fn matches(&self, asked: &Asked<'_>) -> Truth {
        let resolve = |key: &_| asked.variable(key);
        let bucket = asked.bucket.map_or("", |bucket| bucket.as_str());
        match &self.form {
            Form::Bucket(named) => Truth::of(asked.key.is_none() && **named == *bucket),
            Form::Objects { bucket: named, .. } if **named != *bucket => Truth::No,
            Form::Objects { key, .. } => asked.key.map_or(Truth::No, |asked| key.matches(asked, &resolve)),
            Form::Open => {
                let text = match asked.key {
                    None => Cow::Borrowed(bucket),
                    Some(key) => Cow::Owned(format!("{bucket}/{key}")),
                };
                self.template.matches(&text, &resolve)
            }
        }
    }

    fn parse(text: &str, variables: bool) -> Result<Self, String> {
        let rest = match text {
            "*" => "*",
            _ => text.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()).ok_or_else(|| {
                format!("Policy has invalid resource: {text:?}; write {PREFIX}BUCKET or {PREFIX}BUCKET/KEY")
            })?,
        };
        let template = Template::parse(rest, Syntax { variables, wildcards: true, fold: false })?;
        let form = match template.parts() {
            [Part::Text(text), others @ ..] => match text.split_once('/') {
                Some((bucket, key)) => {
                    let mut parts = if key.is_empty() { Vec::new() } else { vec![Part::Text(key.into())] };
                    parts.extend_from_slice(others);
                    Form::Objects { bucket: bucket.into(), key: Template::new(parts, false) }
                }
                None if others.is_empty() => Form::Bucket(text.clone()),
                None => Form::Open,
            },
            _ => Form::Open,
        };
        Ok(ResourcePattern { text: text.into(), template, form })
    }
}

/// The `Resource` or `NotResource` of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    negated: bool,
    patterns: Box<[ResourcePattern]>,
    /// Where each was written.
    paths: Box<[String]>,
}

impl Resources {
    /// Whether it is `NotResource`: all but those that it names.
    pub fn negated(&self) -> bool {
        self.negated
    }

    /// The patterns; never empty.
    pub fn patterns(&self) -> &[ResourcePattern] {
        &self.patterns
    }

    /// The patterns, each with its place in the document.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&str, &ResourcePattern)> {
        self.paths.iter().map(String::as_str).zip(&self.patterns)
    }

    /// Whether some of what it is about is of this kind.
    pub(super) fn include(&self, kind: Kind) -> bool {
        match kind {
            Kind::Service => self.patterns.iter().any(|pattern| pattern.form == Form::Open),
            Kind::Bucket | Kind::Object => self.negated || self.patterns.iter().any(|pattern| pattern.includes(kind)),
        }
    }

    pub(super) fn cover(&self, asked: &Asked<'_>) -> Truth {
        let named = Truth::any(self.patterns.iter().map(|pattern| pattern.matches(asked)));
        if self.negated { !named } else { named }
    }

    pub(super) fn parse(json: &Json, negated: bool, variables: bool, path: &str) -> Result<Self, PolicyError> {
        let (mut patterns, mut paths) = (Vec::new(), Vec::new());
        for (path, value) in json.one_or_more(path)? {
            let pattern = ResourcePattern::parse(value.text(&path)?, variables);
            patterns.push(pattern.map_err(|message| PolicyError::new(&*path, message))?);
            paths.push(path);
        }
        Ok(Resources { negated, patterns: patterns.into(), paths: paths.into() })
    }
}
