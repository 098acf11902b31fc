//! Under which conditions something is reached, in words.

use std::fmt;

use model::{Network, Timestamp};

/// One condition of a row; all of a row's hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Until then.
    Until(Timestamp),
    /// From one of these networks.
    From(Vec<Network>),
    /// In listings of what begins with one of these.
    Listing(Vec<Box<str>>),
    /// Where no object stands yet.
    New,
    /// Where an object stands already.
    Existing,
    /// Of a change: where it was not allowed for these reasons, which stay.
    Beyond(Vec<String>),
    /// On objects that the bucket's owner owns.
    OfBucketsOwner,
    /// On objects of others, as far as their ACLs give it to the bucket's owner.
    OfOthers,
    /// As this says, of a policy.
    If(String),
    /// Not as this says, of a policy: it is not taken off what is allowed.
    Unless(String),
    /// What policies say could not be settled for all requests: it may be less.
    Unproven,
    /// On the witness's key, and at most on all of these: a policy names keys by what the request itself says.
    SomeKeys,
    /// The patterns of keys are too complex to be told apart: it may be fewer keys.
    TooComplex,
}

/// RFC 3339, UTC, whole seconds.
fn rfc3339(at: Timestamp) -> String {
    let seconds = i64::try_from(at.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |all: Vec<String>| all.join(", ");
        match self {
            When::Until(at) => write!(f, "until {}", rfc3339(*at)),
            When::From(networks) => write!(f, "from {}", listed(networks.iter().map(ToString::to_string).collect())),
            When::Listing(prefixes) => {
                write!(f, "listing only {}", listed(prefixes.iter().map(|prefix| format!("{prefix}*")).collect()))
            }
            When::New => f.write_str("where there is no object yet"),
            When::Existing => f.write_str("where there is an object already"),
            When::Beyond(reasons) => write!(f, "beyond what stays allowed: {}", reasons.join("; ")),
            When::OfBucketsOwner => f.write_str("on objects that the bucket's owner owns"),
            When::OfOthers => f.write_str("on objects of others, as far as they grant it to the bucket's owner"),
            When::If(what) => write!(f, "if {what}"),
            When::Unless(what) => write!(f, "unless {what}"),
            When::Unproven => f.write_str("at most: its policies' conditions could not be settled for all requests"),
            When::SomeKeys => f.write_str("on some of these keys: a policy names them by what the request itself says"),
            When::TooComplex => f.write_str("at most: the policy's patterns are too complex to tell the keys apart"),
        }
    }
}
