//! Dates as Graph writes them.

use serde::ser::{Error as _, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A date and time of a request, from the year 0 to 9999: a request with another one is an error of the code
/// `invalid_body`. Graph keeps seven digits of a second, and what is finer is cut off here.
///
/// ```
/// use entra_apps::model::{Date, NewPasswordCredential};
/// use entra_apps::time::macros::datetime;
///
/// let secret = NewPasswordCredential::new().end(datetime!(2030-01-31 12:00:00.123456789 UTC));
/// assert_eq!(serde_json::to_value(&secret)?["endDateTime"], "2030-01-31T12:00:00.1234567Z");
/// # let _ = Date::from(datetime!(2030-01-31 12:00 UTC));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Date(OffsetDateTime);

/// The finest part of a second that Graph keeps, in nanoseconds.
const TICK: u32 = 100;

impl From<OffsetDateTime> for Date {
    fn from(date: OffsetDateTime) -> Self {
        Self(date.replace_nanosecond(date.nanosecond() / TICK * TICK).unwrap_or(date))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = rfc3339(self.0).ok_or_else(|| S::Error::custom("a date of a year before 0 or after 9999"))?;
        to.serialize_str(&text)
    }
}

/// A date as Graph reads it, in UTC; `None` outside of the years 0 to 9999. A date at either end keeps its own offset.
pub(super) fn rfc3339(date: OffsetDateTime) -> Option<String> {
    date.checked_to_offset(UtcOffset::UTC).unwrap_or(date).format(&Rfc3339).ok()
}

/// Reads a date and time of a response: RFC 3339, as Graph writes them. Seconds, zone and time may be missing
/// ([`Edm.DateTimeOffset` and `Edm.Date`](https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html)):
/// without a zone it is UTC, and a date alone is its first moment. What is finer than a nanosecond is cut off.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(date);
    }
    let (date, time) = text.split_at_checked(10)?;
    let time = time.strip_prefix(['T', 't', ' ']).or_else(|| time.is_empty().then_some("00:00:00"))?;
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let seconds = if time.len() == "00:00".len() { ":00" } else { "" };
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let zone = match zone {
        "" | "z" => "Z".to_owned(),
        // Without the colon, as ISO 8601 allows.
        zone if zone.len() == "+0000".len() && zone.is_ascii() => format!("{}:{}", &zone[..3], &zone[3..]),
        zone => zone.to_owned(),
    };
    OffsetDateTime::parse(&format!("{date}T{time}{seconds}.{fraction}{zone}"), &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_at_the_ends_of_the_calendar_are_written() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "2026-06-01T09:00:00Z"] {
            let date = OffsetDateTime::parse(text, &Rfc3339).unwrap();
            let written = rfc3339(date);
            assert!(written.is_none_or(|written| OffsetDateTime::parse(&written, &Rfc3339).is_ok()), "{text}");
        }
    }
}
