//! Issuing a credential, and removing one, so that none is lost in silence.

use time::OffsetDateTime;

use crate::client::Client;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, ApplicationId, KeyId, TenantId};
use crate::model::{Application, KeyCredential, NewPasswordCredential, PasswordCredential};
use crate::provision::apply_state::SecretAttempt;
use crate::provision::certificate::Certificate;
use crate::provision::collections::attempt;
use crate::provision::credential::ClientSecret;
use crate::provision::credential_name::{Mark, marked};
use crate::provision::key_list;
use crate::provision::made_certificate::MadeCertificate;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::{CredentialKind, IssuedSecret};
use crate::random;
use crate::retry::{Deadline, READ_LAG};

/// An application of whose credentials one is issued or removed.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    pub(super) tenant: TenantId,
    pub(super) app_id: AppId,
    pub(super) id: ApplicationId,
}

/// What came of an attempt to issue one.
pub(super) enum Attempted {
    Issued(IssuedSecret),
    /// It was lost on the way, and is not there.
    Lost,
    /// It was lost on the way, and may be there.
    InDoubt(Error),
}

/// A certificate that was made once in a run, and is added again where another writer overwrites it.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    key_id: KeyId,
    description: String,
    end: OffsetDateTime,
    made: MadeCertificate,
}

/// So often one that was overwritten is added again.
const MAX_ADDITIONS: u32 = 5;

/// What was read a moment ago is written from for so long.
const MAX_AGE: std::time::Duration = std::time::Duration::from_secs(5);

impl Target {
    pub(super) async fn issue_secret(
        &self,
        wanted: &ClientSecret,
        predecessor: Option<KeyId>,
        end: OffsetDateTime,
    ) -> Result<Attempted, Error> {
        let description = marked(wanted.name(), Mark::Rotates, predecessor)?;
        let attempt = attempt(&self.client, wanted, description, end);
        let new = NewPasswordCredential::new().display_name(attempt.description.as_str()).end(attempt.end);
        match self.client.applications().add_password(self.id, &new).await {
            Ok(PasswordCredential { key_id: Some(key_id), secret_text: Some(value), end_date_time, .. }) => {
                let issued = IssuedSecret::new(self.tenant, self.app_id, key_id, value);
                let issued = issued.display_name(attempt.description.as_str());
                Ok(Attempted::Issued(issued.end(end_date_time.unwrap_or(attempt.end))))
            }
            // A response without the value is as good as lost.
            Ok(_) => Ok(self.settle_lost(&attempt, None).await),
            Err(error) if error.maybe_done() => Ok(self.settle_lost(&attempt, Some(error)).await),
            Err(error) => Err(error),
        }
    }

    /// Looks for the secret of an attempt whose response was lost until reads no longer lag, and removes it.
    async fn settle_lost(&self, attempt: &SecretAttempt, error: Option<Error>) -> Attempted {
        let in_doubt = |error: Error| Attempted::InDoubt(error);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let app = self.client.applications().find_selecting(self.id, &["id", "passwordCredentials"]).await;
            let app = match app {
                Ok(app) => app,
                Err(other) => return in_doubt(error.unwrap_or(other)),
            };
            let secrets = app.iter().flat_map(|app: &Application| &app.password_credentials);
            let found: Vec<KeyId> = secrets.filter(|it| attempt.issued(it)).filter_map(|it| it.key_id).collect();
            for key_id in &found {
                if let Err(other) = self.remove_secret(*key_id).await {
                    return in_doubt(error.unwrap_or(other));
                }
            }
            let age = self.client.clock().monotonic().saturating_sub(attempt.at);
            if !found.is_empty() || age > READ_LAG {
                return Attempted::Lost;
            }
            if let Err(other) = wait_for_replicas(&self.client, "GET /applications/{id}", attempts).await {
                return in_doubt(error.unwrap_or(other));
            }
        }
    }

    /// Removes a client secret: what is gone already is removed.
    pub(super) async fn remove_secret(&self, key_id: KeyId) -> Result<(), Error> {
        match self.client.applications().remove_password(self.id, key_id).repeatable().await {
            Err(error) if error.code() == ErrorCode::CredentialNotFound => Ok(()),
            removed => removed,
        }
    }

    /// Removes one that is gone already or now, beside one that stays.
    pub(super) async fn remove(&self, kind: CredentialKind, key_id: KeyId, beside: Option<KeyId>) -> Result<(), Error> {
        match kind {
            CredentialKind::ClientSecret => self.remove_secret(key_id).await,
            CredentialKind::Certificate => key_list::remove(&self.client, self.id, key_id, beside).await,
        }
    }

    /// Makes a certificate, which is added by [`add_certificate`](Self::add_certificate).
    pub(super) fn prepare(
        &self,
        wanted: &Certificate,
        predecessor: Option<KeyId>,
        end: OffsetDateTime,
    ) -> Result<Prepared, Error> {
        let description = marked(wanted.name(), Mark::Rotates, predecessor)?;
        let now = self.client.clock().now();
        // A certificate knows whole seconds.
        let end = end.replace_nanosecond(0).unwrap_or(now);
        let made = MadeCertificate::new(wanted.name(), now, end)?;
        Ok(Prepared { key_id: KeyId::new(random::uuid(self.client.randomness())), description, end, made })
    }

    /// Adds a certificate to the list, and again where another writer has overwritten it, until the application shows it.
    pub(super) async fn add_certificate(&self, prepared: &Prepared) -> Result<Attempted, Error> {
        let Prepared { key_id, description, end, made } = prepared;
        let credential = KeyCredential::certificate(&made.der)
            .key_id(*key_id)
            .display_name(description.as_str())
            // When it was added says how long the earlier ones stay; its own beginning is before that.
            .start_date_time(self.client.clock().now() - self.client.clock_skew());
        for attempts in 1..=MAX_ADDITIONS {
            let Some(app) = key_list::read(&self.client, self.id).await? else {
                return Err(Error::new(ErrorCode::NotFound).during("GET /applications/{id}"));
            };
            if app.key_credentials.iter().any(|key| key.key_id.is_none() || key.is_unreadable("endDateTime")) {
                return Err(Error::new(ErrorCode::UnreadableMember).with_message(
                    "a certificate of the application came in a form that cannot be read, and the list is written as a whole",
                ));
            }
            if !key_list::lists(&app, *key_id) {
                let patch = key_list::merged(&app.key_credentials, vec![credential.clone()], self.client.clock().now());
                let fresh = Deadline::after(self.client.clock(), MAX_AGE);
                match self.client.applications().update(self.id, &patch).fresh_until(fresh).await {
                    Ok(()) => {}
                    // It was held up for so long that the list is to be read again.
                    Err(error) if error.is_outdated() => {
                        wait_for_replicas(&self.client, "PATCH /applications/{id}", attempts).await?;
                        continue;
                    }
                    Err(error) if may_be_done(&error) => match key_list::is_shown(&self.client, self.id, *key_id).await
                    {
                        Ok(true) => {}
                        Ok(false) => return Err(error),
                        Err(_) => return Ok(Attempted::InDoubt(error)),
                    },
                    Err(error) => return Err(error),
                }
            }
            match key_list::is_shown(&self.client, self.id, *key_id).await {
                Ok(true) => {
                    let issued = IssuedSecret::new(self.tenant, self.app_id, *key_id, made.pem.clone());
                    let issued = issued.kind(CredentialKind::Certificate).display_name(description.as_str()).end(*end);
                    return Ok(Attempted::Issued(issued));
                }
                // Another writer has overwritten it.
                Ok(false) => {}
                Err(error) => return Ok(Attempted::InDoubt(error)),
            }
        }
        Err(Error::new(ErrorCode::ServiceContradictsItself).during("PATCH /applications/{id}"))
    }
}

impl Prepared {
    pub(super) fn key_id(&self) -> KeyId {
        self.key_id
    }
}

/// Whether a write that failed may have been carried out.
fn may_be_done(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::Deadline | ErrorKind::Service | ErrorKind::Decode)
}
