//! Whom a statement is about.

use model::{AccountId, CanonicalId};

use super::evaluate::Who;
use super::json::{Json, join};
use super::{Effect, PolicyError};

/// A principal of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Named {
    /// `*`: anyone, signed or not.
    Everyone,
    /// An account by its number or root ARN.
    Account(AccountId),
    /// An account by its canonical user id.
    Canonical(CanonicalId),
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principals {
    negated: bool,
    named: Box<[Named]>,
}

impl Principals {
    /// Whether it is `NotPrincipal`: everyone but those that it names.
    pub fn negated(&self) -> bool {
        self.negated
    }

    /// Whom it names; never empty.
    pub fn named(&self) -> &[Named] {
        &self.named
    }

    /// Whether the statement is about `who`.
    pub fn cover(&self, who: Who<'_>) -> bool {
        let named = self.named.iter().any(|named| match (named, who) {
            (Named::Everyone, _) => true,
            (Named::Account(account), Who::Account { id, .. }) => account == id,
            (Named::Canonical(account), Who::Account { canonical, .. }) => account == canonical,
            (Named::Account(_) | Named::Canonical(_), Who::Anonymous) => false,
        });
        named != self.negated
    }

    pub(super) fn parse(json: &Json, negated: bool, effect: Effect, path: &str) -> Result<Self, PolicyError> {
        if negated && effect == Effect::Allow {
            let message = "Allow with NotPrincipal is not supported by S3, as it would allow everyone else, unsigned \
                           callers included: name those who are allowed in Principal";
            return Err(PolicyError::new(path, message));
        }
        let mut named = Vec::new();
        match json {
            Json::Text(text) if text == "*" => named.push(Named::Everyone),
            Json::Object(_) => {
                let members = json.object(path)?;
                if members.is_empty() {
                    return Err(PolicyError::new(path, "Invalid principal in policy: it names nobody"));
                }
                for (kind, values) in members {
                    let path = join(path, kind);
                    let read = match kind.as_str() {
                        "AWS" => account,
                        "CanonicalUser" => canonical,
                        _ => {
                            let message = "Invalid principal in policy: principals here are accounts, under AWS or \
                                           CanonicalUser";
                            return Err(PolicyError::new(path, message));
                        }
                    };
                    for (path, value) in values.one_or_more(&path)? {
                        let text = value.text(&path)?;
                        named.push(read(text).ok_or_else(|| PolicyError::new(path, invalid(text)))?);
                    }
                }
            }
            _ => {
                let message = "Invalid principal in policy: write \"*\", {\"AWS\": …} or {\"CanonicalUser\": …}";
                return Err(PolicyError::new(path, message));
            }
        }
        Ok(Principals { negated, named: named.into() })
    }
}

fn account(text: &str) -> Option<Named> {
    if text == "*" {
        return Some(Named::Everyone);
    }
    let root = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    AccountId::new(root.unwrap_or(text)).ok().map(Named::Account)
}

fn canonical(text: &str) -> Option<Named> {
    CanonicalId::new(text).ok().map(Named::Canonical)
}

fn invalid(text: &str) -> String {
    format!(
        "Invalid principal in policy: {text:?} is not *, an account of 12 digits, arn:aws:iam::ACCOUNT:root, or (under \
         CanonicalUser) a canonical user id of 64 hexadecimal digits"
    )
}
