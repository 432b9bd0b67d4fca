//! The credentials of a registration that a rotation can issue.

use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::ids::KeyId;
use crate::model::Application;
use crate::provision::certificate::Certificate;
use crate::provision::credential::ClientSecret;
use crate::provision::credential_name;
use crate::provision::policies::Credential;
use crate::provision::registration::AppRegistration;
use crate::provision::report::CredentialKind;
use crate::provision::rotation::state::Held;
use crate::provision::step::{StepId, StepKind, Subject};

/// A credential that a rotation can issue.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    Secret(&'a ClientSecret),
    Certificate(&'a Certificate),
}

impl<'a> Wanted<'a> {
    /// Those of a registration: a certificate that is given is renewed by whoever gives it, and a federated credential has
    /// no end.
    pub(super) fn all(registration: &'a AppRegistration) -> Vec<Self> {
        let secrets = registration.credentials.iter().map(Self::Secret);
        let made = registration.certificates.iter().filter(|it| it.is_generated()).map(Self::Certificate);
        secrets.chain(made).collect()
    }

    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Secret(secret) => secret.name(),
            Self::Certificate(certificate) => certificate.name(),
        }
    }

    pub(super) fn kind(self) -> CredentialKind {
        match self {
            Self::Secret(_) => CredentialKind::ClientSecret,
            Self::Certificate(_) => CredentialKind::Certificate,
        }
    }

    /// What policies look at.
    pub(super) fn credential(self) -> Credential<'a> {
        match self {
            Self::Secret(secret) => Credential::Secret(secret),
            Self::Certificate(certificate) => Credential::Certificate(certificate),
        }
    }

    /// When one that is issued now ends.
    pub(super) fn end(self, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
        match self {
            Self::Secret(secret) => secret.end(now),
            Self::Certificate(certificate) => certificate.end(now),
        }
    }

    /// How long before the end of one that is there another is to be issued.
    pub(super) fn window(self, now: OffsetDateTime) -> Duration {
        match self {
            Self::Secret(secret) => secret.renewal_window(now),
            Self::Certificate(certificate) => certificate.renewal_window(now),
        }
    }

    /// What the directory shows of it, and of what is named by key id.
    pub(super) fn held(self, app: &Application, retired: &[KeyId], now: OffsetDateTime) -> Vec<Held> {
        let is_meant = |key_id: Option<KeyId>, description: Option<&str>| {
            credential_name::is_of(self.name(), description) || key_id.is_some_and(|it| retired.contains(&it))
        };
        match self {
            Self::Secret(_) => {
                let all = app.password_credentials.iter();
                let meant = all.filter(|it| is_meant(it.key_id, it.display_name.as_deref()));
                meant.filter_map(|it| Held::of_secret(it, now)).collect()
            }
            Self::Certificate(_) => {
                let all = app.key_credentials.iter().filter(|it| it.usage.as_deref() == Some("Verify"));
                let meant = all.filter(|it| is_meant(it.key_id, it.display_name.as_deref()));
                meant.filter_map(|it| Held::of_key(it, now)).collect()
            }
        }
    }

    /// The step of issuing one.
    pub(super) fn step(self) -> StepId {
        let name = self.name().to_owned();
        match self {
            Self::Secret(_) => StepId::of(StepKind::SECRET, Subject::Secret(name)),
            Self::Certificate(_) => StepId::of(StepKind::CERTIFICATE, Subject::Certificate(name)),
        }
    }

    /// The step of removing one.
    pub(super) fn removal_step(self, key_id: KeyId) -> StepId {
        let kind = match self {
            Self::Secret(_) => StepKind::SURPLUS_SECRET,
            Self::Certificate(_) => StepKind::SURPLUS_CERTIFICATE,
        };
        StepId::of(kind, Subject::Credential(key_id))
    }
}
