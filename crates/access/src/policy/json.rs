//! JSON as it was written: nothing is dropped, so that a member given twice is seen.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::PolicyError;

/// A JSON value. Numbers are kept as text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// # Errors
    /// Where the text is not one JSON value, with line and column.
    pub(super) fn parse(text: &str) -> Result<Json, PolicyError> {
        serde_json::from_str(text)
            .map_err(|error| PolicyError::new("", format!("Policies must be valid JSON: {error}")))
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "true or false",
            Json::Number(_) => "a number",
            Json::Text(_) => "a string",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }

    /// The members of the object at `path`, no two of one name.
    pub(super) fn object(&self, path: &str) -> Result<&[(String, Json)], PolicyError> {
        let Json::Object(members) = self else {
            return Err(self.instead_of("an object", path));
        };
        for (index, (name, _)) in members.iter().enumerate() {
            if members[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(PolicyError::new(join(path, name), "is given twice: write it once"));
            }
        }
        Ok(members)
    }

    /// The string at `path`.
    pub(super) fn text(&self, path: &str) -> Result<&str, PolicyError> {
        match self {
            Json::Text(text) => Ok(text),
            other => Err(other.instead_of("a string", path)),
        }
    }

    /// The value at `path`, or each of the list there, which is not empty; with their paths.
    pub(super) fn one_or_more(&self, path: &str) -> Result<Vec<(String, &Json)>, PolicyError> {
        match self {
            Json::List(list) if list.is_empty() => {
                Err(PolicyError::new(path, "is an empty list: name at least one value"))
            }
            Json::List(list) => {
                Ok(list.iter().enumerate().map(|(index, value)| (format!("{path}[{index}]"), value)).collect())
            }
            other => Ok(vec![(path.to_owned(), other)]),
        }
    }

    fn instead_of(&self, wanted: &str, path: &str) -> PolicyError {
        PolicyError::new(path, format!("must be {wanted}, and is {}", self.kind()))
    }
}

/// The path of the member `name` of what is at `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsWritten)
    }
}

struct AsWritten;

impl<'de> Visitor<'de> for AsWritten {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
