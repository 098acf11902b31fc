//! Accounts: who owns, who is granted to, who pays.

use std::fmt;
use std::sync::Arc;

use crate::ids::text_id;
use crate::{Invalid, Timestamp, limits};

text_id! {
    /// An account's number: 12 decimal digits, as in an ARN.
    AccountId, "account id", 12, |b: u8| b.is_ascii_digit()
}
text_id! {
    /// An account's canonical user id: 64 lower-case hexadecimal digits, as in an ACL.
    CanonicalId, "canonical id", 64, |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f')
}

/// An e-mail address, normalised: trimmed and in lower case, so that one mailbox is one account. Bailiwick never sends
/// mail; the address is a name that two parties can agree on.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(Arc<str>);

impl Email {
    /// Normalises and checks: one `@`, something on both sides, a domain of letters, digits, dots and hyphens, ASCII
    /// without blanks or control characters, at most [`limits::EMAIL_BYTES`].
    ///
    /// # Errors
    /// [`Invalid`] naming the broken rule.
    pub fn new(address: &str) -> Result<Self, Invalid> {
        let bad = |reason: &'static str| Err(Invalid::new("e-mail address", reason));
        let address = address.trim().to_ascii_lowercase();
        if address.len() > limits::EMAIL_BYTES {
            return bad("is longer than 254 bytes");
        }
        if !address.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b',' | b';' | b'\\')) {
            return bad("may hold only printable ASCII without blanks, quotes, commas, semicolons and brackets");
        }
        let Some((local, domain)) = address.split_once('@') else {
            return bad("has no @");
        };
        if local.is_empty() || domain.contains('@') {
            return bad("must be one name, one @ and one domain");
        }
        let label = |l: &str| {
            !l.is_empty()
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !domain.split('.').all(label) {
            return bad("has a domain that is not a host name");
        }
        Ok(Email(address.into()))
    }

    /// The normalised address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What people see of an account beside its ids: 1–256 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Checks length and characters.
    ///
    /// # Errors
    /// [`Invalid`] naming the broken rule.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let bad = |reason: &'static str| Err(Invalid::new("display name", reason));
        match name {
            "" => bad("is empty"),
            _ if name.len() > limits::DISPLAY_NAME_BYTES => bad("is longer than 256 bytes"),
            _ if name.chars().any(char::is_control) => bad("holds a control character"),
            _ => Ok(DisplayName(name.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an account may have of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// May make and own buckets.
    Owner,
    /// Owns nothing, ever: 2010's second account.
    Guest,
}

/// Whether an account's keys work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// They do.
    Active,
    /// None of them does; what the account owns stays.
    Suspended,
}

/// An account: a party that owns buckets, or is granted something on another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// 12 digits, given at creation, never reused.
    pub id: AccountId,
    /// 64 hexadecimal digits, given at creation, never reused. ACLs name accounts by this.
    pub canonical_id: CanonicalId,
    /// Unique among all accounts of the server.
    pub email: Email,
    /// For people.
    pub display_name: DisplayName,
    /// Owner or guest.
    pub kind: AccountKind,
    /// Active or suspended.
    pub state: AccountState,
    /// When it was made.
    pub created: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_is_one_address_however_it_is_written() {
        assert_eq!(Email::new(" AWS-MyProject@Example.COM ").unwrap().as_str(), "aws-myproject@example.com");
        for bad in
            ["", "a", "@b", "a@", "a@b@c", "a b@c.de", "a@b..c", "a@-b.de", "a@b,c", "<a@b.de>", "ä@b.de", "a@b/c"]
        {
            assert!(Email::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_have_one_form() {
        assert!(AccountId::new("012345678901").is_ok());
        assert!(AccountId::new("12345").is_err());
        assert!(CanonicalId::new(&"a1".repeat(32)).is_ok());
        assert!(CanonicalId::new(&"A1".repeat(32)).is_err());
    }
}
