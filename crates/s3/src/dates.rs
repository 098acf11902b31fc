//! The two forms of dates that S3 writes, and the ones that it reads in conditions.

use std::fmt::Write as _;

use http::HeaderValue;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use model::Timestamp;

/// Length of an IMF-fixdate, in bytes.
const HTTP_DATE_BYTES: usize = 29;

fn jiff(at: Timestamp) -> jiff::Timestamp {
    // What comes after the end of the year 9999 has no such form; the latest that has one stands for it.
    i64::try_from(at.seconds()).ok().and_then(|s| jiff::Timestamp::from_second(s).ok()).unwrap_or(jiff::Timestamp::MAX)
}

/// As in a header (RFC 9110, 5.6.7): `Wed, 17 Nov 2010 09:30:00 GMT`.
pub(crate) fn http_date(at: Timestamp) -> HeaderValue {
    let mut text = Vec::with_capacity(HTTP_DATE_BYTES);
    let printed = DateTimePrinter::new().print_timestamp_rfc9110(&jiff(at), &mut text);
    printed.expect("every moment that jiff knows has a date");
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("a date is visible ASCII")
}

/// As in XML: `2010-11-17T09:30:00.000Z`. S3's dates tell whole seconds, and so do these, so that a listing and a
/// header agree.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    let at = jiff::tz::Offset::UTC.to_datetime(jiff(at));
    let _ = write!(
        text,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    text
}

/// The date in a condition: as in a header, or, as S3 takes it too, ISO 8601. `None` if it is neither.
pub(crate) fn read_date(text: &str) -> Option<Timestamp> {
    let parsed = DateTimeParser::new().parse_timestamp(text).ok().or_else(|| text.parse::<jiff::Timestamp>().ok())?;
    // What was before 1970 is before everything that is stored here.
    Some(Timestamp::from_seconds(u64::try_from(parsed.as_second()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_and_read_the_same_in_both_forms() {
        let at = Timestamp::from_millis(1_289_986_200_789);
        assert_eq!(http_date(at), "Wed, 17 Nov 2010 09:30:00 GMT");
        assert_eq!(iso_date(at), "2010-11-17T09:30:00.000Z");
        for text in ["Wed, 17 Nov 2010 09:30:00 GMT", "Wed, 17 Nov 2010 10:30:00 +0100", "2010-11-17T09:30:00.000Z"] {
            assert_eq!(read_date(text), Some(Timestamp::from_seconds(1_289_986_200)), "{text}");
        }
        assert_eq!(read_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp::from_seconds(0)));
        assert_eq!(read_date("yesterday"), None);
        assert_eq!(http_date(Timestamp::from_millis(u64::MAX)), "Thu, 30 Dec 9999 22:00:00 GMT");
    }
}
