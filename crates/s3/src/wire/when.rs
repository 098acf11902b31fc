//! Dates in signatures, and how far they may be from the server's clock.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use model::{Timestamp, limits};

use super::head::Head;
use crate::dates::{iso_date, read_date};
use crate::error::{Code, S3Error};

/// From `20130524T000000Z`; nothing else.
pub(super) fn iso_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 16
        && bytes.iter().enumerate().all(|(at, b)| match at {
            8 => *b == b'T',
            15 => *b == b'Z',
            _ => b.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let two = |at: usize| text[at..at + 2].parse::<i8>().ok();
    let year = text[..4].parse().ok()?;
    let date = DateTime::new(year, two(4)?, two(6)?, two(9)?, two(11)?, two(13)?, 0).ok()?;
    let seconds = Offset::UTC.to_timestamp(date).ok()?.as_second();
    u64::try_from(seconds).ok().map(Timestamp::from_seconds)
}

/// As [`iso_basic`] reads it.
pub(super) fn to_iso_basic(at: Timestamp) -> String {
    let seconds = i64::try_from(at.seconds()).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    let at = Offset::UTC.to_datetime(seconds.unwrap_or(jiff::Timestamp::MAX));
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The date that a header-signed request says it was signed at, as sent and understood: `x-amz-date`, else `Date`.
///
/// # Errors
/// AccessDenied if there is none that can be read.
pub(super) fn signed_at(head: &Head) -> Result<(&str, Timestamp), S3Error> {
    let text = match head.text("x-amz-date")? {
        Some(text) => Some(text),
        None => head.text("date")?,
    };
    text.and_then(|text| Some((text, iso_basic(text).or_else(|| read_date(text))?))).ok_or_else(|| {
        let message = "AWS authentication requires a valid Date or x-amz-date header";
        S3Error::with_message(Code::AccessDenied, message)
    })
}

/// Refuses what was signed too long ago, or too far in the future.
pub(super) fn check_skew(signed: Timestamp, now: Timestamp) -> Result<(), S3Error> {
    if signed.millis().abs_diff(now.millis()) <= limits::CLOCK_SKEW_SECONDS * 1000 {
        return Ok(());
    }
    Err(S3Error::new(Code::RequestTimeTooSkewed)
        .with_detail("RequestTime", iso_date(signed))
        .with_detail("ServerTime", iso_date(now))
        .with_detail("MaxAllowedSkewMilliseconds", (limits::CLOCK_SKEW_SECONDS * 1000).to_string()))
}

/// Refuses a presigned URL after its last second.
pub(super) fn check_expiry(expires: Timestamp, now: Timestamp) -> Result<(), S3Error> {
    if now.millis() <= expires.millis() {
        return Ok(());
    }
    Err(S3Error::with_message(Code::AccessDenied, "Request has expired")
        .with_detail("Expires", iso_date(expires))
        .with_detail("ServerTime", iso_date(now)))
}

/// From when to when a presigned URL is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    /// When it was signed.
    pub from: Timestamp,
    /// How long it is good from then on.
    pub seconds: u64,
}

impl Validity {
    /// Refuses a URL of the future, as far as clocks may differ, and one whose time is over.
    pub fn check(self, now: Timestamp) -> Result<(), S3Error> {
        if self.from.millis() > now.plus_seconds(limits::CLOCK_SKEW_SECONDS).millis() {
            return Err(S3Error::with_message(Code::AccessDenied, "Request is not valid yet"));
        }
        check_expiry(self.from.plus_seconds(self.seconds), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basic_date_is_read_to_the_second_and_nothing_else_is_one() {
        assert_eq!(iso_basic("20130524T000001Z"), Some(Timestamp::from_seconds(1_369_353_601)));
        for bad in [
            "",
            "20130524",
            "20130524T000000",
            "20131324T000000Z",
            "20130230T000000Z",
            "20130524T250000Z",
            "2013-05-24T000Z0",
            "+0130524T000000Z",
            "20130524T0000+1Z",
            "19690524T000000Z",
            "２0130524T0000Z",
        ] {
            assert_eq!(iso_basic(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_header_date_may_be_fifteen_minutes_off_and_no_more() {
        let now = Timestamp::from_seconds(1_000_000);
        for off in [0, 900] {
            assert!(check_skew(Timestamp::from_seconds(1_000_000 - off), now).is_ok());
            assert!(check_skew(Timestamp::from_seconds(1_000_000 + off), now).is_ok());
        }
        for at in [1_000_000 - 901, 1_000_000 + 901, 0, u64::MAX] {
            assert_eq!(check_skew(Timestamp::from_seconds(at), now).unwrap_err().code(), Code::RequestTimeTooSkewed);
        }
    }
}
