//! The credentials that a registration asks for: client secrets here, certificates and federated ones beside it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_with::{As, DurationSeconds};
use time::{Duration, OffsetDateTime};

use crate::error::{Error, ErrorCode};
use crate::provision::certificate::Certificate;
use crate::provision::federated_credential::FederatedCredential;
use crate::provision::lifetime::Lifetime;
use crate::strict::Strict;

/// A credential of any kind, for [`AppRegistration::credential`](crate::AppRegistration::credential).
///
/// ```
/// use entra_apps::provision::{Certificate, FederatedCredential};
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let deploy = AppRegistration::new("contoso-deploy", "Contoso Deploy")
///     .credential(ClientSecret::new("Backup").valid_for_months(6))
///     .credential(Certificate::generated("Nightly job"))
///     .credential(FederatedCredential::github_branch("main", "contoso/backup", "main"));
/// deploy.check()?;
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A client secret.
    ClientSecret(ClientSecret),
    /// A certificate.
    Certificate(Certificate),
    /// Tokens of another issuer.
    Federated(FederatedCredential),
}

impl From<ClientSecret> for Credential {
    fn from(secret: ClientSecret) -> Self {
        Self::ClientSecret(secret)
    }
}

impl From<Certificate> for Credential {
    fn from(certificate: Certificate) -> Self {
        Self::Certificate(certificate)
    }
}

impl From<FederatedCredential> for Credential {
    fn from(credential: FederatedCredential) -> Self {
        Self::Federated(credential)
    }
}

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
    #[serde(
        rename = "renewBeforeSeconds",
        default,
        skip_serializing_if = "Option::is_none",
        with = "As::<Option<DurationSeconds<u64>>>"
    )]
    renew_before: Option<std::time::Duration>,
}

/// A client secret as it is read from a file.
#[derive(Deserialize)]
#[serde(remote = "ClientSecret")]
struct WrittenSecret {
    name: String,
    lifetime: Lifetime,
    #[serde(rename = "renewBeforeSeconds", default, with = "As::<Option<DurationSeconds<u64>>>")]
    renew_before: Option<std::time::Duration>,
}

impl<'de> Deserialize<'de> for ClientSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenSecret::deserialize(Strict(deserializer))
    }
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

impl ClientSecret {
    /// Asks for a secret of this description, valid for 180 days unless said otherwise.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), lifetime: DEFAULT_LIFETIME, renew_before: None }
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
        self.lifetime = Lifetime::until(end);
        self
    }

    /// Sets how long before its end it is renewed: 30 days unless said otherwise, a third of its lifetime at most. From then
    /// on a plan shows, a check warns, and an apply issues another one beside it. Zero: never.
    pub fn renew_before(mut self, end: std::time::Duration) -> Self {
        self.renew_before = Some(end);
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
        self.lifetime.end(now).map_err(|what| self.invalid(what))
    }

    /// How long before the end of one that is there another is to be issued.
    pub(super) fn renewal_window(&self, now: OffsetDateTime) -> Duration {
        self.lifetime.renewal_window(self.renew_before, now)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let length = self.name.chars().count();
        if self.name.trim().is_empty() || length > 90 {
            return Err(Error::new(ErrorCode::InvalidSecretName));
        }
        self.lifetime.check(self.renew_before).map_err(|what| self.invalid(what))
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(ErrorCode::InvalidSecretLifetime)
            .with_message(format!("the lifetime of the client secret “{}” {what}", self.name))
    }
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
