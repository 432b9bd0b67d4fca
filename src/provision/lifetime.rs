//! How long a credential lives, and how long before its end it is renewed.

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month, OffsetDateTime};

/// How long a credential lives.
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

/// A credential that ends sooner is refused: the service's own clock, which decides, may be ahead.
const MIN_LIFETIME: Duration = Duration::minutes(10);

/// So long before its end a credential is renewed where nobody says otherwise, and no more than a third of its lifetime.
const DEFAULT_RENEWAL: Duration = Duration::days(30);

impl Lifetime {
    pub(super) fn until(end: OffsetDateTime) -> Self {
        // In UTC, because an offset can be one that no written date has.
        Self::Until(end.checked_to_offset(time::UtcOffset::UTC).unwrap_or(end))
    }

    /// When a credential issued now ends, or why there is none, as the rest of a clause.
    pub(super) fn end(self, now: OffsetDateTime) -> Result<OffsetDateTime, &'static str> {
        let end = match self {
            Self::Months(months) => add_months(now, months),
            Self::Days(days) => now.checked_add(Duration::days(days.into())),
            Self::Until(end) => Some(end),
        };
        let end = end.ok_or("is longer than the calendar")?;
        if end - now <= MIN_LIFETIME { Err("is zero or in the past") } else { Ok(end) }
    }

    /// Refuses what is no lifetime, and a renewal that would be due at once.
    pub(super) fn check(self, renew_before: Option<std::time::Duration>) -> Result<(), &'static str> {
        let days = match self {
            Self::Months(0) | Self::Days(0) => return Err("is zero or in the past"),
            Self::Months(1201..) | Self::Days(36_526..) => return Err("is longer than a century"),
            Self::Months(months) => u64::from(months) * 28,
            Self::Days(days) => days.into(),
            Self::Until(_) => return Ok(()),
        };
        match renew_before.is_some_and(|before| before.as_secs() >= days * 86_400) {
            true => Err("is not longer than the time before its end at which it is to be renewed"),
            false => Ok(()),
        }
    }

    /// How long before the end of a credential that is there another is to be issued now; zero where that would not help,
    /// because the new one would be as near to its own end.
    pub(super) fn renewal_window(self, renew_before: Option<std::time::Duration>, now: OffsetDateTime) -> Duration {
        let Ok(end) = self.end(now) else { return Duration::ZERO };
        let lifetime = end - now;
        let window = match renew_before {
            Some(before) => Duration::try_from(before).unwrap_or(Duration::MAX),
            None => DEFAULT_RENEWAL.min(lifetime / 3_i32),
        };
        // A new one may end a little earlier than asked for.
        let shortest: Duration = lifetime / 20_i32 * 19_i32;
        if window < shortest { window } else { Duration::ZERO }
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
    fn renewal_is_thirty_days_ahead_a_third_of_the_lifetime_or_as_said() {
        let now = datetime!(2026-06-01 9:00 UTC);
        let days = |days: u64| Some(std::time::Duration::from_secs(days * 86_400));
        for (lifetime, before, window) in [
            (Lifetime::Days(180), None, Duration::days(30)),
            (Lifetime::Days(30), None, Duration::days(10)),
            (Lifetime::Months(24), None, Duration::days(30)),
            (Lifetime::Days(180), days(60), Duration::days(60)),
            (Lifetime::Days(180), days(0), Duration::ZERO),
            // What ends at a date ends there however often it is issued.
            (Lifetime::Until(datetime!(2026-06-21 9:00 UTC)), days(30), Duration::ZERO),
            (Lifetime::Until(datetime!(2026-01-01 9:00 UTC)), None, Duration::ZERO),
        ] {
            assert_eq!(lifetime.renewal_window(before, now), window, "{lifetime:?} {before:?}");
        }
        assert!(Lifetime::Days(30).check(days(29)).is_ok());
        assert!(Lifetime::Days(30).check(days(30)).is_err());
        assert!(Lifetime::Months(1).check(days(28)).is_err());
    }
}
