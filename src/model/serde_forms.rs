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

/// A date as Graph reads it, in UTC.
pub(super) fn rfc3339(date: OffsetDateTime) -> String {
    date.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}
