//! What an operator types to hold a key or a share back, checked whole before anything is planned: the first mistake is
//! told with what was typed, and nothing is done.

use access::policy::Policy;
use model::{Action, BucketName, Network, Restriction, Share, Timestamp, limits};

use super::{Failure, KeyOrder, RestrictionView, rfc3339};

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// The moment that somebody means by `text`: a date (its beginning, UTC), an RFC 3339 moment, or a length of time from
/// `now`. It lies ahead.
pub(super) fn until(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let at = if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        millis(moment)
    } else if let Some(date) = date(text) {
        jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().and_then(millis)
    } else {
        seconds(text).map(|seconds| now.plus_seconds(seconds))
    };
    let at = at.ok_or_else(|| {
        Failure::invalid(
            format!("{text:?} is no date and no length of time"),
            "Give a date such as 2027-01-31, a moment such as 2027-01-31T12:00:00Z, or a length of time such as 30d.",
        )
    })?;
    if at <= now {
        return Err(Failure::invalid(
            format!("{text} is not ahead: it is {} now", rfc3339(now)),
            "Give a later moment, or a length of time such as 30d.",
        ));
    }
    Ok(at)
}

/// `2027-01-31` and nothing more: a time of day without its zone would be passed over.
fn date(text: &str) -> Option<jiff::civil::Date> {
    (text.len() == "2027-01-31".len()).then(|| text.parse().ok()).flatten()
}

fn millis(at: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// A length of time, in seconds; days have 24 hours.
fn seconds(text: &str) -> Option<u64> {
    let span: jiff::Span = text.parse().ok()?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(length.as_secs()).ok()
}

/// How long two keys overlap, in seconds; it may be none.
pub(super) fn overlap(text: &str) -> Result<u64, Failure> {
    seconds(text).ok_or_else(|| {
        Failure::invalid(format!("{text:?} is no length of time"), "Give one such as 1h or 7d; 0s for no overlap.")
    })
}

/// When something ends that may be ordered by `days` or by a moment.
pub(super) fn end(
    days: Option<u64>,
    moment: Option<&str>,
    default_days: u64,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    match (days, moment) {
        (Some(_), Some(_)) => Err(Failure::invalid(
            "both a number of days and a moment are given".to_owned(),
            "Give either --days or --until.",
        )),
        (_, Some(moment)) => until(moment, now),
        (Some(0), None) => Err(Failure::invalid("0 days are no time at all", "Give at least 1 day.")),
        (days, None) => Ok(now.plus_seconds(days.unwrap_or(default_days).saturating_mul(SECONDS_PER_DAY))),
    }
}

/// What a key is to be held back by.
pub(super) fn restriction(order: &KeyOrder, now: Timestamp) -> Result<Restriction, Failure> {
    let buckets = each("--bucket", &order.buckets, |name| {
        BucketName::new(name)
            .map_err(|invalid| Failure::invalid(format!("{name} is no bucket: the {invalid}"), "Give a bucket's name."))
    })?;
    let prefixes = each("--prefix", &order.prefixes, prefix)?;
    if let Some(text) = &order.policy {
        policy(text)?;
    }
    Ok(Restriction {
        policy: order.policy.as_deref().map(Into::into),
        buckets,
        prefixes,
        networks: networks(&order.networks)?,
        expires: order.expires.as_deref().map(|text| until(text, now)).transpose()?,
    })
}

fn policy(text: &str) -> Result<(), Failure> {
    let remedy = "Give a policy in AWS's language, without Principal; see docs/format/identity.md.";
    if text.len() > limits::POLICY_BYTES {
        return Err(Failure::invalid(format!("the policy is longer than {} bytes", limits::POLICY_BYTES), remedy));
    }
    match Policy::parse_for_key(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::invalid(format!("the policy is malformed: {error}"), remedy)),
    }
}

/// What the keys of objects begin with.
pub(super) fn prefix(text: &str) -> Result<Box<str>, Failure> {
    if text.is_empty() || text.len() > limits::OBJECT_KEY_BYTES {
        return Err(Failure::invalid(
            format!("a prefix of {} bytes is none", text.len()),
            format!("Give 1 to {} bytes, such as backups/.", limits::OBJECT_KEY_BYTES),
        ));
    }
    Ok(text.into())
}

/// A share's bucket and prefix, as `BUCKET` or `BUCKET/PREFIX`. A share's prefix is a folder: it ends with a slash, so that
/// `backups` does not give `backups-of-others/` too.
pub(super) fn place(text: &str) -> Result<(&str, Box<str>), Failure> {
    let Some((bucket, folder)) = text.split_once('/') else { return Ok((text, "".into())) };
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return Ok((bucket, "".into()));
    }
    if folder.chars().any(char::is_control) {
        return Err(Failure::invalid("the folder has characters that no card can show", "Give one in plain text."));
    }
    prefix(&format!("{folder}/")).map(|prefix| (bucket, prefix))
}

pub(super) fn networks(all: &[String]) -> Result<Vec<Network>, Failure> {
    each("--from", all, |text| {
        Network::parse(text).map_err(|invalid| {
            Failure::invalid(invalid.to_string(), "Give a network such as 192.0.2.0/24, or an address.")
        })
    })
}

/// The actions of a share, by S3's names, with or without `s3:`.
pub(super) fn actions(all: &[String]) -> Result<Vec<Action>, Failure> {
    each("--allow", all, |text| {
        let bare = text.strip_prefix("s3:").unwrap_or(text);
        let found = Action::ALL.iter().copied().find(|action| action.as_str().strip_prefix("s3:") == Some(bare));
        let action = found.ok_or_else(|| {
            Failure::invalid(
                format!("there is no action {text}"),
                "Give S3's names, such as s3:GetObject,s3:PutObject,s3:ListBucket.",
            )
        })?;
        if !Share::can_give(action) {
            return Err(Failure::invalid(
                format!("a share cannot give {}: it changes who may do what, or the bucket itself", action.as_str()),
                "Grant it to an account, by the bucket's ACL or policy.",
            ));
        }
        Ok(action)
    })
}

/// A text for people.
pub(super) fn words(what: &str, text: Option<&str>) -> Result<Box<str>, Failure> {
    let text = text.unwrap_or_default();
    if text.len() > limits::SHARE_TEXT_BYTES || text.chars().any(char::is_control) {
        return Err(Failure::invalid(
            format!("the {what} is longer than {} bytes or not one line", limits::SHARE_TEXT_BYTES),
            "Give a shorter one.",
        ));
    }
    Ok(text.into())
}

/// Each of `all` once, in the order given; not more than there may be.
fn each<T: PartialEq>(flag: &str, all: &[String], one: impl Fn(&str) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    if all.len() > limits::RESTRICTION_ENTRIES {
        return Err(Failure::invalid(
            format!("{flag} is given more than {} times", limits::RESTRICTION_ENTRIES),
            "Give wider ones, or make several.",
        ));
    }
    let mut checked: Vec<T> = vec![];
    for text in all {
        let value = one(text)?;
        if !checked.contains(&value) {
            checked.push(value);
        }
    }
    Ok(checked)
}

/// What a key is held back by, for people.
pub(super) fn view(restriction: &Restriction) -> RestrictionView {
    let Restriction { policy, buckets, prefixes, networks, expires: _ } = restriction;
    RestrictionView {
        buckets: buckets.iter().map(ToString::to_string).collect(),
        prefixes: prefixes.iter().map(|prefix| prefix.to_string()).collect(),
        networks: networks.iter().map(ToString::to_string).collect(),
        policy: policy.as_deref().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_764_000_000); // 2025-11-24T16:00:00Z

    #[test]
    fn an_end_is_a_date_a_moment_or_a_length_of_time_and_lies_ahead() {
        for (text, expected) in [
            ("2025-11-25", 1_764_028_800),
            ("2025-11-24T16:00:01Z", 1_764_000_001),
            ("2025-11-24T18:00:00+01:00", 1_764_003_600),
            ("30d", 1_764_000_000 + 30 * 86_400),
            ("1h", 1_764_003_600),
            ("2 weeks", 1_764_000_000 + 14 * 86_400),
        ] {
            assert_eq!(until(text, NOW).map(Timestamp::seconds), Ok(expected), "{text}");
        }
        for (text, said) in [
            ("", "no date"),
            ("soon", "no date"),
            ("2025-13-01", "no date"),
            ("1mo", "no date"),
            ("-1h", "no date"),
            ("0s", "not ahead"),
            ("2025-11-24", "not ahead"),
            ("2025-11-25T10:00:00", "no date"),
            ("1969-12-31", "no date"),
        ] {
            let failure = until(text, NOW).unwrap_err();
            assert!(failure.message.contains(said), "{text}: {failure}");
        }
    }

    #[test]
    fn a_shares_prefix_is_a_folder() {
        let placed = |text| place(text).map(|(bucket, prefix)| (bucket, prefix.to_string())).unwrap();
        assert_eq!(placed("abc"), ("abc", String::new()));
        assert_eq!(placed("abc/"), ("abc", String::new()));
        for text in ["abc/a/b", "abc/a/b/", "abc/a/b//"] {
            assert_eq!(placed(text), ("abc", "a/b/".to_owned()));
        }
        assert!(place(&format!("abc/{}", "p".repeat(1024))).is_err() && place("abc/a\nb").is_err());
    }

    #[test]
    fn what_a_share_gives_is_named_as_s3_names_it_and_never_more_than_a_share_may_give() {
        let actions = |text: &str| super::actions(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(actions("s3:GetObject,PutObject,GetObject"), Ok(vec![Action::GetObject, Action::PutObject]));
        for (text, said) in [
            ("s3:getobject", "there is no action"),
            ("s3:*", "there is no action"),
            ("s3:GetObject,s3:PutBucketPolicy", "cannot give s3:PutBucketPolicy"),
            ("s3:PutObjectAcl", "cannot give"),
            ("s3:CreateBucket", "cannot give"),
        ] {
            assert!(actions(text).unwrap_err().message.contains(said), "{text}");
        }
    }

    #[test]
    fn a_mistake_in_one_of_many_is_told_and_nothing_is_taken() {
        let order = |alter: &dyn Fn(&mut KeyOrder)| {
            let mut order = KeyOrder { buckets: vec!["abc".into()], ..KeyOrder::default() };
            alter(&mut order);
            restriction(&order, NOW).map_err(|failure| failure.message)
        };
        for (alter, said) in [
            (&(|order: &mut KeyOrder| order.buckets.push("No".into())) as &dyn Fn(&mut KeyOrder), "No is no bucket"),
            (&|order| order.prefixes.push(String::new()), "prefix of 0 bytes"),
            (&|order| order.networks.push("10.0.0.1/8".into()), "10.0.0.0/8"),
            (&|order| order.expires = Some("yesterday".into()), "yesterday"),
            (&|order| order.policy = Some("{\"Statement\":[]".into()), "malformed"),
            (&|order| order.networks = vec!["::/0".into(); 101], "more than 100"),
        ] {
            let told = order(alter).unwrap_err();
            assert!(told.contains(said), "{told}");
        }
        assert!(order(&|_| ()).is_ok());
    }
}
