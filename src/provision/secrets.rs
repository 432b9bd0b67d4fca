//! Issuing client secrets: each attempt is recognisable as its own, and none is lost in silence.

use time::{Duration, OffsetDateTime};

use crate::client::Client;
use crate::error::Error;
use crate::ids::KeyId;
use crate::model::NewPasswordCredential;
use crate::provision::credential::{ClientSecret, MARK};
use crate::provision::snapshot::Secret;
use crate::random;

/// One attempt to issue a secret.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) name: String,
    /// The exact end date that is sent: the mark.
    pub(super) end: OffsetDateTime,
    /// On the clock's monotonic scale.
    pub(super) at: std::time::Duration,
}

impl Attempt {
    pub(super) fn new(client: &Client, secret: &ClientSecret) -> Result<Self, Error> {
        let end = secret.end(client.clock().now())?;
        let range = u64::try_from(MARK.whole_microseconds()).unwrap_or(0);
        let earlier = i64::try_from(random::below(client.randomness(), range)).unwrap_or(0);
        let end = end - Duration::microseconds(earlier);
        // Microseconds: the service keeps no more than seven digits.
        let end = end.replace_nanosecond(end.nanosecond() / 1000 * 1000).unwrap_or(end);
        Ok(Self { name: secret.name().to_owned(), end, at: client.clock().monotonic() })
    }

    pub(super) fn body(&self) -> NewPasswordCredential {
        NewPasswordCredential::new().display_name(self.name.as_str()).end(self.end)
    }

    /// Whether a secret that was found is this attempt's.
    pub(super) fn made(&self, secret: &Secret) -> bool {
        let same_end = secret.end.is_some_and(|end| {
            // Some reads come back in whole seconds.
            end == self.end || (end.nanosecond() == 0 && end.unix_timestamp() == self.end.unix_timestamp())
        });
        same_end && secret.name.as_deref() == Some(&self.name)
    }
}

/// Finds the attempt's orphan among the application's secrets.
pub(super) fn orphan(attempt: &Attempt, secrets: &[Secret], known: &[KeyId]) -> Option<KeyId> {
    secrets.iter().find(|secret| attempt.made(secret) && !known.contains(&secret.key_id)).map(|secret| secret.key_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn secret(end: OffsetDateTime) -> Secret {
        Secret { key_id: KeyId::from_u128(1), name: Some("x".to_owned()), end: Some(end) }
    }

    #[test]
    fn only_the_attempts_own_mark_is_its_own() {
        let attempt = Attempt {
            name: "x".to_owned(),
            end: datetime!(2028-01-31 10:00:05.123456 UTC),
            at: std::time::Duration::ZERO,
        };
        assert!(attempt.made(&secret(datetime!(2028-01-31 10:00:05.123456 UTC))));
        assert!(attempt.made(&secret(datetime!(2028-01-31 10:00:05 UTC))), "whole seconds");
        assert!(!attempt.made(&secret(datetime!(2028-01-31 10:00:05.123457 UTC))), "another run's");
        assert!(!attempt.made(&secret(datetime!(2028-01-31 10:00:06 UTC))));
        assert_eq!(orphan(&attempt, &[secret(attempt.end)], &[KeyId::from_u128(1)]), None, "in hand");
    }
}
