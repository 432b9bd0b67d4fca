//! When a token expires, as the response says that it came in.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::auth::claims::TokenClaims;
use crate::auth::number::{moment, whole};

/// No token lasts longer, whatever is said of it.
const MAX_LIFETIME: Duration = Duration::days(365);

/// When a token expires, as `body` says: seconds from now, or a moment, or the token's own claim. A token of which
/// nothing is known expires now: it serves once, and is not kept.
pub(super) fn expiry(body: &Value, token: &str, now: OffsetDateTime) -> OffsetDateTime {
    let in_seconds = || whole(&body["expires_in"]).map(|seconds| now.saturating_add(Duration::seconds(seconds)));
    expiry_of(in_seconds().or_else(|| moment(&body["expires_on"])), token, now)
}

/// The expiry that was read, or else the token's own claim, or else now; between now and a year from now.
pub(super) fn expiry_of(read: Option<OffsetDateTime>, token: &str, now: OffsetDateTime) -> OffsetDateTime {
    let claimed = || OffsetDateTime::from_unix_timestamp(TokenClaims::parse(token).exp?).ok();
    read.or_else(claimed).unwrap_or(now).clamp(now, now.saturating_add(MAX_LIFETIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::PrimitiveDateTime;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);

    #[test]
    fn a_token_is_kept_no_longer_than_is_known() {
        let hour = NOW + Duration::hours(1);
        let year = NOW + MAX_LIFETIME;
        for (body, expected) in [
            (json!({"expires_in": 3600}), hour),
            (json!({"expires_in": "3600"}), hour),
            (json!({"expires_on": hour.unix_timestamp()}), hour),
            (json!({"expires_on": hour.unix_timestamp().to_string()}), hour),
            (json!({"expires_on": "06/01/2026 10:00:00 +00:00"}), hour),
            (json!({"expires_in": "soon", "expires_on": hour.unix_timestamp()}), hour),
            (json!({"expires_in": null, "expires_on": "2026-06-01T10:00:00"}), hour),
            (json!({"expires_in": 3600, "expires_on": {}}), hour),
            (json!({}), NOW),
            (json!({"expires_in": "soon", "expires_on": "soon"}), NOW),
            (json!({"expires_in": -1}), NOW),
            (json!({"expires_in": i64::MIN}), NOW),
            (json!({"expires_in": u64::MAX}), year),
            (json!({"expires_in": 1e300}), year),
            (json!({"expires_on": 253_402_300_799_i64}), year),
            (json!({"expires_on": -1}), NOW),
            (json!(null), NOW),
        ] {
            assert_eq!(expiry(&body, "opaque", NOW), expected, "{body}");
        }
        // {"exp": 1780308000}: ten o'clock.
        assert_eq!(expiry(&json!({}), "h.eyJleHAiOjE3ODAzMDgwMDB9.s", NOW), hour);
        let last = PrimitiveDateTime::MAX.assume_utc();
        assert_eq!(expiry(&json!({"expires_in": 3600}), "opaque", last), last);
    }
}
