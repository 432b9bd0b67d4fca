//! How Graph writes dates.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A date, null or the empty text; read with any number of fractional digits, written in UTC.
pub(super) mod date {
    use super::{Deserialize, Deserializer, OffsetDateTime, Rfc3339, Serialize, Serializer, rfc3339};

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        // Some endpoints write dates of other forms; an unreadable date must not make the object unreadable.
        Ok(text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()))
    }

    #[allow(clippy::ref_option)] // serde gives the field as it is
    pub(in crate::model) fn serialize<S: Serializer>(date: &Option<OffsetDateTime>, to: S) -> Result<S::Ok, S::Error> {
        date.map(rfc3339).serialize(to)
    }
}

/// A date as Graph reads it, in UTC. One at the very ends of the calendar keeps its own offset.
pub(super) fn rfc3339(date: OffsetDateTime) -> String {
    date.checked_to_offset(UtcOffset::UTC).unwrap_or(date).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_at_the_ends_of_the_calendar_are_written() {
        for text in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "2026-06-01T09:00:00Z"] {
            let date = OffsetDateTime::parse(text, &Rfc3339).unwrap();
            let written = rfc3339(date);
            assert!(written.is_empty() || OffsetDateTime::parse(&written, &Rfc3339).is_ok(), "{text}: {written}");
        }
    }
}
