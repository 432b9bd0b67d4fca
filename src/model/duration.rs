//! Durations as Graph writes them: ISO 8601.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorCode};
use crate::model::object::{Element, Text, Written};

/// A duration in the form of ISO 8601, such as `P730D` or `PT0S`: kept as it was written.
///
/// ```
/// use entra_apps::model::IsoDuration;
///
/// let two_years: IsoDuration = "P2Y".parse()?;
/// assert_eq!((two_years.days(), two_years.as_str()), (730, "P2Y"));
/// assert_eq!(IsoDuration::from_days(180).as_str(), "P180D");
/// assert!(IsoDuration::zero().is_zero());
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsoDuration {
    text: String,
    seconds: u64,
}

const DAY: u64 = 86_400;

impl IsoDuration {
    /// A duration of whole days.
    pub fn from_days(days: u32) -> Self {
        Self { text: format!("P{days}D"), seconds: u64::from(days) * DAY }
    }

    /// No time at all: `PT0S`.
    pub fn zero() -> Self {
        Self { text: "PT0S".to_owned(), seconds: 0 }
    }

    /// The duration as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole days in it: a year has 365, a month 30.
    pub fn days(&self) -> u64 {
        self.seconds / DAY
    }

    /// The seconds in it: a year has 365 days, a month 30.
    pub fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Whether it is of no length.
    pub fn is_zero(&self) -> bool {
        self.seconds == 0
    }
}

impl FromStr for IsoDuration {
    type Err = Error;

    /// Parses a duration of whole numbers.
    ///
    /// # Errors
    /// [`InvalidDuration`](crate::ErrorCode::InvalidDuration) for any other text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let seconds = seconds(text).ok_or_else(|| Error::new(ErrorCode::InvalidDuration))?;
        Ok(Self { text: text.to_owned(), seconds })
    }
}

impl fmt::Display for IsoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for IsoDuration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl Element for IsoDuration {
    fn written(&self) -> Written<'_> {
        Written::Text(&self.text)
    }
}

impl Text for IsoDuration {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// The seconds of a duration; `None` for what is none.
fn seconds(text: &str) -> Option<u64> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time).filter(|time| !time.is_empty())?),
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    let date = sum(date, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    date.checked_add(sum(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)
}

/// Adds up numbers with units, each of which comes once at most, in this order.
fn sum(mut text: &str, mut units: &[(char, u64)]) -> Option<u64> {
    let mut total = 0_u64;
    while !text.is_empty() {
        let (number, rest) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
        let place = units.iter().position(|(unit, _)| rest.starts_with(*unit))?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(units[place].1)?)?;
        units = &units[place + 1..];
        text = &rest[1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_anything_else_is_refused() {
        let days = |text: &str| text.parse::<IsoDuration>().unwrap().days();
        assert_eq!([days("P730D"), days("P2Y"), days("P1M1W"), days("PT24H"), days("P0D")], [730, 730, 37, 1, 0]);
        assert_eq!("P1DT1M1S".parse::<IsoDuration>().unwrap().seconds(), 86_461);
        for text in
            ["", "P", "PT", "P1", "1D", "P1DT", "P1D1Y", "PD", "P1S", "P-1D", "P1.5D", "P9999999999999Y", "Pé", "p1d"]
        {
            let error = text.parse::<IsoDuration>().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidDuration, "{text}");
        }
    }
}
