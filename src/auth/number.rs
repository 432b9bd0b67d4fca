//! Numbers and moments of a sign-in response, in the forms that endpoints write them in.

use std::borrow::Cow;

use serde_json::Value;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A whole number, as JSON or as a text; what is beyond the range is its end, and parts of one are left out.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(truncated)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(truncated))
        }
        _ => None,
    }
}

/// The whole part of a number, within the range of 64 bits.
#[allow(clippy::cast_possible_truncation)] // `as` saturates, which is what is wanted
fn truncated(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}

/// A moment: seconds since 1970 as a number or a text, or a date in words. A date without a zone is in UTC.
pub(super) fn moment(value: &Value) -> Option<OffsetDateTime> {
    match whole(value) {
        Some(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
        None => in_words(value.as_str()?.trim()),
    }
}

fn in_words(text: &str) -> Option<OffsetDateTime> {
    let standard = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, &Rfc2822)).ok();
    standard.or_else(|| loose(text))
}

/// `2026-06-01 12:00:00.123`, `2026-06-01T12:00:00`, `06/01/2026 12:00:00 +00:00` and `6/1/2026 1:00:00 PM +00:00`, as
/// older hosts write them.
fn loose(text: &str) -> Option<OffsetDateTime> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let date = words.next()?;
    let (date, joined) = date.split_once('T').map_or((date, None), |(date, time)| (date, Some(time)));
    let mut words = joined.into_iter().chain(words);
    let numbers = |text: &str, separator| -> Option<[i32; 3]> {
        let numbers: Vec<i32> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
        numbers.try_into().ok()
    };
    let [year, month, day] = match date.contains('/') {
        true => numbers(date, '/').map(|[month, day, year]| [year, month, day])?,
        false => numbers(date, '-')?,
    };
    let time = words.next()?;
    let (time, zone) = match time.find(['+', 'Z', '-']) {
        Some(start) => (&time[..start], Some(&time[start..])),
        None => (time, None),
    };
    let [mut hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let mut rest: Vec<&str> = zone.into_iter().chain(words).collect();
    if let Some(half) =
        rest.first().copied().filter(|word| ["AM", "PM"].iter().any(|half| word.eq_ignore_ascii_case(half)))
    {
        hour = hour % 12 + if half.eq_ignore_ascii_case("PM") { 12 } else { 0 };
        rest.remove(0);
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let part = |number: i32| u8::try_from(number).ok();
    let date = Date::from_calendar_date(year, month, part(day)?).ok()?;
    let time = Time::from_hms(part(hour)?, part(minute)?, part(second)?).ok()?;
    let moment = PrimitiveDateTime::new(date, time).assume_utc();
    match rest.as_slice() {
        [] | ["Z" | "UTC" | "GMT"] => Some(moment),
        [zone] => {
            let (sign, zone) = match zone.split_at_checked(1)? {
                ("+", zone) => (-1, zone),
                ("-", zone) => (1, zone),
                _ => return None,
            };
            let (hours, minutes) = zone.split_once(':').unwrap_or((zone.get(..2)?, zone.get(2..)?));
            let offset = i64::from(hours.parse::<u8>().ok()?) * 60 + i64::from(minutes.parse::<u8>().ok()?);
            moment.checked_add(Duration::minutes(sign * offset))
        }
        _ => None,
    }
}

/// A token: what consists of blanks is none.
pub(super) fn token(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|token| !token.is_empty())
}

/// A text, or a number or word in its place; blanks around it are left out, and an empty one is none.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.trim()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);

    #[test]
    fn a_number_is_read_in_each_form() {
        for (value, expected) in [
            (json!(3599), 3599),
            (json!("3599"), 3599),
            (json!(" 3599 "), 3599),
            (json!(3599.9), 3599),
            (json!("3599.0"), 3599),
            (json!("3.6e3"), 3600),
            (json!(-1), -1),
            (json!("-1"), -1),
            (json!(u64::MAX), i64::MAX),
            (json!("18446744073709551615"), i64::MAX),
            (json!(-1e300), i64::MIN),
        ] {
            assert_eq!(whole(&value), Some(expected), "{value}");
        }
        for value in
            [json!(null), json!("x"), json!(""), json!([1]), json!(true), json!({}), json!("NaN"), json!("inf")]
        {
            assert_eq!(whole(&value), None, "{value}");
        }
    }

    #[test]
    fn a_moment_is_read_in_each_form() {
        for value in [
            json!(NOW.unix_timestamp()),
            json!(NOW.unix_timestamp().to_string()),
            json!("2026-06-01T09:00:00Z"),
            json!("2026-06-01T11:00:00+02:00"),
            json!("2026-06-01T09:00:00.1234567Z"),
            json!("Mon, 01 Jun 2026 09:00:00 GMT"),
            json!("2026-06-01 09:00:00"),
            json!("2026-06-01 09:00:00.000000"),
            json!("2026-06-01T09:00:00"),
            json!("2026-06-01 11:00:00+02:00"),
            json!("2026-06-01 04:00:00 -0500"),
            json!("2026-06-01 09:00:00 UTC"),
            json!("06/01/2026 09:00:00 +00:00"),
            json!("06/01/2026 09:00:00 AM +00:00"),
            json!("6/1/2026 9:00:00 AM"),
            json!(" 2026-06-01 09:00:00Z "),
        ] {
            assert_eq!(moment(&value).map(OffsetDateTime::unix_timestamp), Some(NOW.unix_timestamp()), "{value}");
        }
        assert_eq!(moment(&json!("06/01/2026 00:30:00 PM +00:00")), Some(datetime!(2026-06-01 12:30 UTC)));
        assert_eq!(moment(&json!("06/01/2026 12:30:00 AM +00:00")), Some(datetime!(2026-06-01 0:30 UTC)));
        for value in [
            json!(null),
            json!(""),
            json!("soon"),
            json!("2026-13-01 09:00:00"),
            json!("2026-06-01 25:00:00"),
            json!("2026-06-01"),
            json!("9999-12-31 23:59:00 -99:99"),
            json!("1/1/1/1 0:0:0"),
            json!("2026-06-01 09:00:00 +é"),
            json!(i64::MAX),
            json!(["2026-06-01T09:00:00Z"]),
        ] {
            assert_eq!(moment(&value), None, "{value}");
        }
    }
}
