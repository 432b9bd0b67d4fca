//! ISO 8601 durations.

/// Parses a duration such as `P730D`, `P2Y` or `PT0S` into seconds: a year has 365 days, a month 30.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    const DAY: i64 = 86_400;
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    if time == Some("") || (date.is_empty() && time.is_none()) {
        return None;
    }
    let date = sum(date, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
    let time = sum(time.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?;
    date.checked_add(time)
}

/// Adds up numbers with units, which come in this order, each at most once.
fn sum(mut text: &str, mut units: &[(char, i64)]) -> Option<i64> {
    let mut total = 0_i64;
    while !text.is_empty() {
        let (number, rest) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
        let unit = rest.chars().next()?;
        let position = units.iter().position(|(known, _)| *known == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(units[position].1)?)?;
        units = &units[position + 1..];
        text = &rest[unit.len_utf8()..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_nonsense_is_not() {
        let days = |text| seconds(text).map(|seconds| seconds / 86_400);
        assert_eq!(
            [days("P730D"), days("P2Y"), days("P1M1W"), days("PT24H")],
            [Some(730), Some(730), Some(37), Some(1)]
        );
        assert_eq!((seconds("PT0S"), seconds("P1DT1M1S")), (Some(0), Some(86_461)));
        for nonsense in ["", "P", "PT", "P1", "1D", "P1DT", "P1D1Y", "PD", "P1S", "P-1D", "P9999999999999Y", "Pé"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}
