//! The two forms of dates that S3 writes, and the ones that it reads in conditions.

use std::fmt::Write as _;

use http::HeaderValue;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::Offset;
use model::Timestamp;

fn jiff(at: Timestamp) -> jiff::Timestamp {
    // What comes after the end of the year 9999 has no such form; the latest that has one stands for it.
    i64::try_from(at.seconds()).ok().and_then(|s| jiff::Timestamp::from_second(s).ok()).unwrap_or(jiff::Timestamp::MAX)
}

/// As in a header (RFC 9110, 5.6.7): `Wed, 17 Nov 2010 09:30:00 GMT`.
pub(crate) fn http_date(at: Timestamp) -> HeaderValue {
    const DAYS: &[u8; 21] = b"MonTueWedThuFriSatSun";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = Offset::UTC.to_datetime(jiff(at));
    let mut text = *b"Wed, 17 Nov 2010 09:30:00 GMT";
    let three = |of: &[u8], index: i8| -> [u8; 3] { std::array::from_fn(|n| of[index as usize * 3 + n]) };
    text[..3].copy_from_slice(&three(DAYS, at.date().weekday().to_monday_zero_offset()));
    text[8..11].copy_from_slice(&three(MONTHS, at.month() - 1));
    let (century, year) = ((at.year() / 100) as i8, (at.year() % 100) as i8);
    for (place, number) in
        [(5, at.day()), (12, century), (14, year), (17, at.hour()), (20, at.minute()), (23, at.second())]
    {
        text[place] = b'0' + (number / 10) as u8;
        text[place + 1] = b'0' + (number % 10) as u8;
    }
    HeaderValue::from_bytes(&text).expect("a date is visible ASCII")
}

/// As in XML: `2010-11-17T09:30:00.000Z`. S3's dates tell whole seconds, and so do these, so that a listing and a
/// header agree.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let mut text = String::with_capacity(24);
    let at = Offset::UTC.to_datetime(jiff(at));
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
    use jiff::fmt::rfc2822::DateTimePrinter;

    use super::*;

    #[test]
    fn every_day_is_written_as_the_library_would() {
        for day in 0..60_000u64 {
            let at = Timestamp::from_seconds(day * 86_400 + day * 7919 % 86_400);
            let mut known = vec![];
            DateTimePrinter::new().print_timestamp_rfc9110(&jiff(at), &mut known).unwrap();
            assert_eq!(http_date(at).as_bytes(), known);
        }
    }

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
