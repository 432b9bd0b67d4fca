//! Issuing client secrets: each attempt is recognisable as its own, and none is lost in silence.

use time::{Duration, OffsetDateTime};

use crate::client::Client;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::KeyId;
use crate::model::{NewPasswordCredential, PasswordCredential};
use crate::provision::credential::{ClientSecret, max_end_date_jitter};
use crate::provision::observe::{self, wait_for_replicas};
use crate::provision::observed::Secret;
use crate::provision::report::{IssuedSecret, OpenItem};
use crate::provision::run::Run;
use crate::random;
use crate::retry::READ_LAG;

/// One attempt to issue a secret.
#[derive(Clone, Debug)]
pub(super) struct SecretAttempt {
    pub(super) name: String,
    /// The exact end date that is sent: the mark by which the attempt is found again.
    pub(super) end: OffsetDateTime,
    /// When it was made, on the clock's monotonic scale.
    pub(super) at: std::time::Duration,
}

impl SecretAttempt {
    pub(super) fn new(client: &Client, secret: &ClientSecret) -> Result<Self, Error> {
        let now = client.clock().now();
        let end = secret.end(now)?;
        let jitter = u64::try_from(max_end_date_jitter(end - now).whole_microseconds()).unwrap_or(0);
        let earlier = i64::try_from(random::below(client.randomness(), jitter)).unwrap_or(0);
        let end = end - Duration::microseconds(earlier);
        // Microseconds: the service keeps no more than seven digits.
        let end = end.replace_nanosecond(end.nanosecond() / 1000 * 1000).unwrap_or(end);
        Ok(Self { name: secret.name().to_owned(), end, at: client.clock().monotonic() })
    }

    /// The body of the request.
    pub(super) fn body(&self) -> NewPasswordCredential {
        NewPasswordCredential::new().display_name(self.name.as_str()).end(self.end)
    }

    /// Whether a secret that was found is the one of this attempt.
    pub(super) fn issued(&self, secret: &Secret) -> bool {
        let same_end = secret.end.is_some_and(|end| {
            // Some reads come back in whole seconds.
            end == self.end || (end.nanosecond() == 0 && end.unix_timestamp() == self.end.unix_timestamp())
        });
        same_end && secret.name.as_deref() == Some(&self.name)
    }
}

impl Run<'_> {
    /// Takes in the response to an attempt to issue a secret.
    pub(super) async fn secret_added(
        &mut self,
        attempt: SecretAttempt,
        response: Result<PasswordCredential, Error>,
    ) -> Result<(), Error> {
        match response {
            Ok(PasswordCredential { key_id: Some(key_id), secret_text: Some(value), end_date_time, .. }) => {
                let Some(app_id) = self.observed.application.as_ref().map(|app| app.app_id) else { return Ok(()) };
                let secret = IssuedSecret::new(self.observed.tenant, app_id, key_id, value)
                    .display_name(attempt.name.clone())
                    .end(end_date_time.unwrap_or(attempt.end));
                self.secret_issued(secret, &attempt.name).await
            }
            // A response without the value is as good as lost.
            Ok(_) => self.response_lost(attempt).await,
            Err(error) if error.maybe_done() => {
                if error.kind() == ErrorKind::Deadline {
                    self.lost_attempts.push(attempt);
                    return Err(error);
                }
                self.response_lost(attempt).await
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a secret that was issued: gives it to the sink, and reports it.
    async fn secret_issued(&mut self, secret: IssuedSecret, name: &str) -> Result<(), Error> {
        let key_id = secret.key_id;
        if let Some(app) = &mut self.observed.application {
            app.secrets.push(Secret { key_id, name: Some(name.to_owned()), end: secret.end });
            app.secrets.sort_by_key(|secret| secret.key_id);
        }
        self.options.replace_secrets.retain(|other| other != name);
        self.options.held_secrets.push(key_id);
        let stored = match &self.sink {
            Some(sink) => sink.store(&secret).await,
            None => Ok(()),
        };
        if let Err(source) = stored {
            return Err(self.revoke(secret, source).await);
        }
        let until = secret.end.map(|end| format!(", valid until {}", end.date())).unwrap_or_default();
        self.done(format!("issued the client secret “{name}”{until}"));
        self.report.secrets.push(secret);
        Ok(())
    }

    /// Removes a secret that the sink could not store, so that none is left that nobody has.
    async fn revoke(&mut self, secret: IssuedSecret, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        let removed = self.remove_secret(secret.key_id).await;
        let text = match &removed {
            Ok(()) => "the secret could not be stored, and was removed from the application again",
            Err(_) => "the secret could not be stored, and could not be removed from the application either",
        };
        if removed.is_err() {
            // It is live: whoever reads the report has it.
            self.report.secrets.push(secret);
        }
        Error::new(ErrorCode::SecretNotStored).with_message(text).with_source(source)
    }

    /// Removes a secret from the application.
    async fn remove_secret(&mut self, key_id: KeyId) -> Result<(), Error> {
        let Some(app) = &mut self.observed.application else { return Ok(()) };
        let id = app.id;
        app.secrets.retain(|secret| secret.key_id != key_id);
        match self.client.applications().remove_password(id, key_id).repeatable().await {
            // The response to an earlier attempt was lost, and it is gone.
            Err(error) if is_unknown_secret(&error) && error.attempts() > 1 => Ok(()),
            other => other,
        }
    }

    /// Removes the secret of an attempt whose response was lost, where it is found; the next round issues another.
    async fn response_lost(&mut self, attempt: SecretAttempt) -> Result<(), Error> {
        self.lost_responses += 1;
        match self.remove_orphan(&attempt).await {
            Ok(Orphan::Found(_)) => Ok(()),
            Ok(Orphan::None | Orphan::Ambiguous) => {
                self.lost_attempts.push(attempt);
                Ok(())
            }
            // One replica shows it and another does not know it yet: looked for again at the end.
            Err(error) if is_unknown_secret(&error) => {
                self.lost_attempts.push(attempt);
                Ok(())
            }
            // Looked for again at the end, and told if it cannot be.
            Err(error) => {
                self.lost_attempts.push(attempt);
                Err(error)
            }
        }
    }

    /// Removes the secret of an attempt whose response was lost, where it is found.
    async fn remove_orphan(&mut self, attempt: &SecretAttempt) -> Result<Orphan, Error> {
        let Some(app) = &self.observed.application else { return Ok(Orphan::None) };
        let id = app.id;
        let found = self.client.applications().find_selecting(id, &["id", "appId", "passwordCredentials"]).await?;
        let Some(found) = found else { return Ok(Orphan::None) };
        let secrets = observe::read_application(found)?.secrets;
        let orphan = find_orphan(attempt, &secrets, &self.options.held_secrets);
        if let Orphan::Found(key_id) = orphan {
            self.remove_secret(key_id).await?;
            self.done(format!("removed the client secret “{}” whose value was lost on the way", attempt.name));
        }
        Ok(orphan)
    }

    /// Removes the secrets of lost attempts that could not be found before: they are looked for until reads no longer
    /// lag.
    pub(super) async fn remove_remaining_orphans(&mut self) -> Result<(), Error> {
        for attempt in std::mem::take(&mut self.lost_attempts) {
            let mut attempts = 0;
            let settled = loop {
                attempts += 1;
                let surely_absent = match self.remove_orphan(&attempt).await {
                    Ok(Orphan::Found(_)) => break true,
                    Ok(Orphan::None) => true,
                    Ok(Orphan::Ambiguous) => false,
                    Err(error) if is_unknown_secret(&error) => false,
                    Err(_) => break false,
                };
                let age = self.client.clock().monotonic().saturating_sub(attempt.at);
                if age > READ_LAG {
                    // Reads show everything by now: where there is none, it was never made.
                    break surely_absent;
                }
                if wait_for_replicas(&self.client, "GET /applications/{id}", attempts).await.is_err() {
                    break false;
                }
            };
            if !settled {
                self.report.open.push(OpenItem {
                    code: ErrorCode::SecretMaybeOrphaned,
                    text: format!(
                        "a client secret “{}” that ends at {} may be there, and nobody has its value",
                        attempt.name, attempt.end
                    ),
                    remedy: "Remove it under Certificates & secrets.".to_owned(),
                    key_id: None,
                    link: None,
                });
            }
        }
        Ok(())
    }
}

/// Whether the service refused to remove a secret because it does not know it, or not yet.
fn is_unknown_secret(error: &Error) -> bool {
    error.service_message().is_some_and(|text| text.contains("No password credential found"))
}

/// The secret of a lost attempt, among those of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orphan {
    None,
    Found(KeyId),
    /// Several have its mark: none is removed by guess.
    Ambiguous,
}

/// Finds the secret of a lost attempt among those of the application, without those whose value is `held`.
fn find_orphan(attempt: &SecretAttempt, secrets: &[Secret], held: &[KeyId]) -> Orphan {
    let mut issued = secrets.iter().filter(|secret| attempt.issued(secret) && !held.contains(&secret.key_id));
    match (issued.next(), issued.next()) {
        (None, _) => Orphan::None,
        (Some(secret), None) => Orphan::Found(secret.key_id),
        (Some(_), Some(_)) => Orphan::Ambiguous,
    }
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
        let attempt = SecretAttempt {
            name: "x".to_owned(),
            end: datetime!(2028-01-31 10:00:05.123456 UTC),
            at: std::time::Duration::ZERO,
        };
        assert!(attempt.issued(&secret(datetime!(2028-01-31 10:00:05.123456 UTC))));
        assert!(attempt.issued(&secret(datetime!(2028-01-31 10:00:05 UTC))), "whole seconds");
        assert!(!attempt.issued(&secret(datetime!(2028-01-31 10:00:05.123457 UTC))), "another run's");
        assert!(!attempt.issued(&secret(datetime!(2028-01-31 10:00:06 UTC))));
        assert_eq!(find_orphan(&attempt, &[secret(attempt.end)], &[KeyId::from_u128(1)]), Orphan::None, "in hand");
        assert_eq!(
            find_orphan(&attempt, &[secret(attempt.end), secret(attempt.end)], &[]),
            Orphan::Ambiguous,
            "two of one mark"
        );
    }
}
