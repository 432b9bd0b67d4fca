//! Dates as Graph writes them.

use serde::ser::{Error as _, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A date and time of a request, from the year 0 to 9999: a request with another one is an error of the code
/// `invalid_body`.
#[derive(Clone, Debug)]
pub struct Date(OffsetDateTime);

impl From<OffsetDateTime> for Date {
    fn from(date: OffsetDateTime) -> Self {
        Self(date)
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
