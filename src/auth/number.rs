//! A number of a sign-in response, which some endpoints send as a string.

use serde::Deserialize;
use serde_with::{As, DisplayFromStr, PickFirst, Same};

/// A whole number, as JSON or as a string.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(super) struct Number(#[serde(with = "As::<PickFirst<(Same, DisplayFromStr)>>")] pub(super) i64);

impl Number {
    /// The number as a count; a negative one is none.
    pub(super) fn count(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_json_and_as_a_string() {
        let read = |text: &str| serde_json::from_str::<Number>(text).ok().map(|number| number.0);
        assert_eq!((read("3599"), read(r#""3599""#), read("-1")), (Some(3599), Some(3599), Some(-1)));
        for text in ["null", "1.5", r#""x""#, r#""""#, "[1]", "true", "18446744073709551615"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_negative_number_counts_nothing() {
        assert_eq!((Number(-1).count(), Number(7).count()), (0, 7));
    }
}
