//! The report of a rotation, and its error.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::{Error, ErrorKind};
use crate::ids::{AppId, ApplicationId, KeyId, TenantId};
use crate::provision::credential_use::CredentialUse;
use crate::provision::progress::Done;
use crate::provision::report::{CredentialKind, IssuedSecret, OpenItem};

/// The report of a rotation: what it did, or had done when it failed, and how each credential stands.
///
/// # JSON
/// `tenantId`, `appId`, `applicationId` (null is what is not known), `credentials` (each a [`RotatedCredential`]), `secrets`
/// (each an [`IssuedSecret`], **without its value**), `done` (each a [`Done`]) and `open` (each an [`OpenItem`]).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::provision::rotation::MemorySecretStore;
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let (client, store) = (MemoryTenant::new().client(), Arc::new(MemorySecretStore::new()));
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
/// let rotated = client.rotate(&backup).store(store).await?;
/// assert!(rotated.done.is_empty() && rotated.open.is_empty(), "nothing is due yet");
/// println!("{}", serde_json::to_string(&rotated)?);
/// # Ok(()) }
/// ```
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rotated {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The *application (client) id*, once the application was found.
    pub app_id: Option<AppId>,
    /// The *object id* of the registration, once the application was found.
    pub application_id: Option<ApplicationId>,
    /// How each credential stands.
    pub credentials: Vec<RotatedCredential>,
    /// The credentials that are live and that the store may not have, each with its value: it is here and nowhere else.
    pub secrets: Vec<IssuedSecret>,
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What is left: for a person, or for a later run.
    pub open: Vec<OpenItem>,
}

/// How one credential stands after a rotation.
///
/// # JSON
/// `name`, `kind`, `state`, `current`, `end` (RFC 3339), `issued`, `earlier` (key ids), `overlapUntil` (RFC 3339) and
/// `others` (each an [`OtherCredential`]); null is what there is none of.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::provision::rotation::{MemorySecretStore, RotationState};
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let (client, store) = (MemoryTenant::new().client(), Arc::new(MemorySecretStore::new()));
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
/// let rotated = client.rotate(&backup).store(store.clone()).at_once("Backup").await?;
/// let credential = &rotated.credentials[0];
/// assert_eq!((credential.name.as_str(), credential.state), ("Backup", RotationState::Overlapping));
/// assert_eq!(credential.earlier, [store.kept()[0].key_id]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RotatedCredential {
    /// The description that the registration gives it.
    pub name: String,
    /// What it is.
    pub kind: CredentialKind,
    /// The state in which it is left.
    pub state: RotationState,
    /// The one in use.
    pub current: Option<KeyId>,
    /// When the one in use ends, in UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
    /// The one that this run has issued.
    pub issued: Option<KeyId>,
    /// Those that stay beside it for a while, and go in a later run.
    pub earlier: Vec<KeyId>,
    /// When the last of them goes, in UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub overlap_until: Option<OffsetDateTime>,
    /// Those that stand beside the one in use, whoever issued them, where their use [was asked
    /// for](crate::provision::rotation::Rotate::with_activity).
    pub others: Vec<OtherCredential>,
}

/// A credential that stands beside the one in use, and what is known of its use.
///
/// # JSON
/// `keyId` and `use` (a [`CredentialUse`]).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::provision::rotation::{MemorySecretStore, OtherCredential};
/// use entra_apps::provision::{CredentialUse, NoEvidence};
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let (client, store) = (MemoryTenant::new().client(), Arc::new(MemorySecretStore::new()));
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
/// let rotated = client.rotate(&backup).store(store).at_once("Backup").with_activity().await?;
/// let OtherCredential { used, .. } = rotated.credentials[0].others[0];
/// assert_eq!(used, CredentialUse::Unknown(NoEvidence::NotReadable), "the caller lacks AuditLog.Read.All");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OtherCredential {
    /// The credential.
    pub key_id: KeyId,
    /// Whether it is in use, as far as the report of sign-in activities shows it.
    #[serde(rename = "use")]
    pub used: CredentialUse,
}

/// The state in which a rotation leaves a credential.
///
/// # JSON
/// In snake case.
///
/// ```
/// use entra_apps::provision::rotation::RotationState;
///
/// assert_eq!(serde_json::to_value(RotationState::ValueUnknown)?, "value_unknown");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RotationState {
    /// One is in use, which the store has and which signs in; no other is left of it.
    Current,
    /// One is in use, and earlier ones stay beside it for a while.
    Overlapping,
    /// One was handed to a sink that cannot be asked, so that nothing is removed.
    HandedOver,
    /// The store has none of those that are there, and none was to be issued.
    ValueUnknown,
}

/// The error of a rotation, with the report of all that was done.
///
/// Run it again when the cause is mended: it goes on where this one stopped.
///
/// It becomes an [`Error`] with `?`. Where a value is in the report and nowhere else, the source of that error is this one.
///
/// # JSON
/// `error` (an [`Error`]) and `report` (a [`Rotated`], so without values).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use entra_apps::provision::rotation::MemorySecretStore;
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let (client, store) = (MemoryTenant::new().client(), Arc::new(MemorySecretStore::new()));
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(store.clone()).await?;
/// let failed = client.rotate(&backup).store(store).at_once("Bakcup").await.unwrap_err();
/// assert_eq!(failed.error().code(), entra_apps::ErrorCode::UnknownSecret);
/// assert!(failed.report().done.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Serialize)]
pub struct RotateError {
    pub(super) error: Error,
    pub(super) report: Box<Rotated>,
}

impl RotateError {
    /// The error that ended it.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The report of what was done before.
    pub fn report(&self) -> &Rotated {
        &self.report
    }

    /// The error and the report.
    pub fn into_parts(self) -> (Error, Rotated) {
        (self.error, *self.report)
    }
}

impl fmt::Display for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        if let Some(secret) = self.report.secrets.first() {
            write!(
                f,
                " The {} {} is live, and its value is in the error's report (report().secrets) and nowhere else: keep it.",
                secret.kind.noun(),
                secret.key_id
            )?;
        }
        if self.error.kind() != ErrorKind::Invalid {
            f.write_str(" Run it again: it goes on where this run stopped, and nothing that is in use was removed.")?;
        }
        Ok(())
    }
}

impl std::error::Error for RotateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl From<RotateError> for Error {
    fn from(failed: RotateError) -> Self {
        match failed.report.secrets.is_empty() {
            true => failed.error,
            false => failed.error.copy().with_source(failed),
        }
    }
}
