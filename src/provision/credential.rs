//! The client secrets that a registration asks for.

use serde::{Deserialize, Deserializer, Serialize};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::error::{Error, ErrorCode};
use crate::strict::Strict;

/// A client secret to be issued: a password credential of the application.
///
/// ```
/// use entra_apps::ClientSecret;
/// use entra_apps::time::macros::datetime;
///
/// let secret = ClientSecret::new("Backup").valid_for_months(24);
/// assert_eq!(secret.end(datetime!(2026-01-31 10:00 UTC))?, datetime!(2028-01-31 10:00 UTC));
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct ClientSecret {
    name: String,
    lifetime: Lifetime,
}

/// A client secret as it is read from a file.
#[derive(Deserialize)]
#[serde(remote = "ClientSecret")]
struct WrittenSecret {
    name: String,
    lifetime: Lifetime,
}

impl<'de> Deserialize<'de> for ClientSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenSecret::deserialize(Strict(deserializer))
    }
}

/// How long a secret lives.
///
/// ```
/// use entra_apps::ClientSecret;
/// use entra_apps::provision::Lifetime;
///
/// assert_eq!(ClientSecret::new("Backup").lifetime(), Lifetime::Days(180)); // unless said otherwise
/// assert_eq!(ClientSecret::new("Backup").valid_for_months(24).lifetime(), Lifetime::Months(24));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Lifetime {
    /// Calendar months: to the same day of the month, or the month's last.
    Months(u32),
    /// Days of 24 hours.
    Days(u32),
    /// To a date.
    Until(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
}

/// The lifetime that the portal recommends.
const DEFAULT_LIFETIME: Lifetime = Lifetime::Days(180);

/// How much earlier than asked for a secret may end: a fortieth of its lifetime, six hours at most.
///
/// Each attempt to issue a secret ends a little earlier, by chance, so that its end date is a mark by which this
/// attempt, and no other, is found again when its response was lost. The service shows whole seconds, and twenty
/// thousand of them tell attempts of the same instant apart.
pub(super) fn max_end_date_jitter(lifetime: Duration) -> Duration {
    let part: Duration = lifetime / 40_i32;
    part.min(Duration::hours(6))
}

/// A secret that ends sooner is refused: the service's own clock, which decides, may be ahead.
const MIN_LIFETIME: Duration = Duration::minutes(10);

impl ClientSecret {
    /// Asks for a secret of this description, valid for 180 days unless said otherwise.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), lifetime: DEFAULT_LIFETIME }
    }

    /// Ends after calendar months, or up to six hours earlier: the exact end is a mark by which an attempt whose
    /// response was lost is found again. The portal offers 24 at most.
    pub fn valid_for_months(mut self, months: u32) -> Self {
        self.lifetime = Lifetime::Months(months);
        self
    }

    /// Ends after days, or up to a fortieth of the time earlier, six hours at most.
    pub fn valid_for_days(mut self, days: u32) -> Self {
        self.lifetime = Lifetime::Days(days);
        self
    }

    /// Ends at a date, or up to a fortieth of the time earlier, six hours at most.
    pub fn valid_until(mut self, end: OffsetDateTime) -> Self {
        // In UTC, because an offset can be one that no written date has.
        self.lifetime = Lifetime::Until(end.checked_to_offset(time::UtcOffset::UTC).unwrap_or(end));
        self
    }

    /// The description, which the portal shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it lives.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// When a secret issued now ends.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a lifetime of zero, in the past or beyond the calendar.
    pub fn end(&self, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
        let end = match self.lifetime {
            Lifetime::Months(months) => add_months(now, months),
            Lifetime::Days(days) => now.checked_add(Duration::days(days.into())),
            Lifetime::Until(end) => Some(end),
        };
        let end = end.ok_or_else(|| self.invalid("is longer than the calendar"))?;
        if end - now <= MIN_LIFETIME { Err(self.invalid("is zero or in the past")) } else { Ok(end) }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let length = self.name.chars().count();
        if self.name.trim().is_empty() || length > 90 {
            return Err(Error::new(ErrorCode::InvalidSecretName));
        }
        match self.lifetime {
            Lifetime::Months(0) | Lifetime::Days(0) => Err(self.invalid("is zero or in the past")),
            Lifetime::Months(1201..) | Lifetime::Days(36_526..) => Err(self.invalid("is longer than a century")),
            _ => Ok(()),
        }
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(ErrorCode::InvalidSecretLifetime)
            .with_message(format!("the lifetime of the client secret “{}” {what}", self.name))
    }
}

fn add_months(from: OffsetDateTime, months: u32) -> Option<OffsetDateTime> {
    let zero_based = i64::from(from.year()) * 12 + i64::from(u8::from(from.month())) - 1 + i64::from(months);
    let year = i32::try_from(zero_based.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(zero_based.rem_euclid(12) + 1).ok()?).ok()?;
    let day = from.day().min(month.length(year));
    Some(from.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn months_are_the_calendars() {
        let end = |from, months| ClientSecret::new("x").valid_for_months(months).end(from).unwrap();
        assert_eq!(end(datetime!(2026-01-31 10:00 UTC), 1), datetime!(2026-02-28 10:00 UTC));
        assert_eq!(end(datetime!(2024-02-29 10:00 UTC), 24), datetime!(2026-02-28 10:00 UTC));
        assert_eq!(end(datetime!(2026-12-15 10:00 UTC), 24), datetime!(2028-12-15 10:00 UTC));
    }

    #[test]
    fn a_lifetime_that_is_none_is_refused() {
        let now = datetime!(2026-01-31 10:00 UTC);
        for secret in [
            ClientSecret::new("x").valid_for_days(0),
            ClientSecret::new("x").valid_for_months(0),
            ClientSecret::new("x").valid_until(datetime!(2026-01-30 10:00 UTC)),
            ClientSecret::new("x").valid_for_months(u32::MAX),
        ] {
            assert_eq!(secret.end(now).unwrap_err().code().as_str(), "invalid_secret_lifetime", "{secret:?}");
        }
    }
}
