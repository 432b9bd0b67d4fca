//! The trait for stores that can be asked what they hold.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::Serialize;

use crate::error::BoxError;
use crate::ids::{AppId, TenantId};
use crate::provision::report::{CredentialKind, IssuedSecret, SecretSink};

/// Which credential a store is asked for.
///
/// # JSON
/// `tenantId`, `appId`, `kind` and `name`.
///
/// ```
/// use entra_apps::ids::{AppId, TenantId};
/// use entra_apps::provision::CredentialKind;
/// use entra_apps::provision::rotation::StoredCredential;
///
/// // To test a store of one's own.
/// let asked = StoredCredential::new(TenantId::from_u128(1), AppId::from_u128(2), CredentialKind::ClientSecret, "Backup");
/// assert_eq!(asked.name, "Backup");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoredCredential {
    /// The tenant that it is for.
    pub tenant_id: TenantId,
    /// The *application (client) id* that it is for.
    pub app_id: AppId,
    /// What it is.
    pub kind: CredentialKind,
    /// The description that the registration gives it.
    pub name: String,
}

impl StoredCredential {
    /// Asks for the credential that the registration calls so.
    pub fn new(tenant_id: TenantId, app_id: AppId, kind: CredentialKind, name: impl Into<String>) -> Self {
        Self { tenant_id, app_id, kind, name: name.into() }
    }

    /// Whether an issued credential is of this one: of the same app and kind, and called as the registration calls it, or as
    /// one that was issued in its place.
    pub fn is(&self, issued: &IssuedSecret) -> bool {
        let is_of_app = issued.tenant_id == self.tenant_id && issued.app_id == self.app_id && issued.kind == self.kind;
        is_of_app && crate::provision::credential_name::is_of(&self.name, issued.display_name.as_deref())
    }
}

/// A sink that can be asked what it holds: by its answer, and by nothing else, a new credential counts as stored.
///
/// Keep the earlier value beside the new one until a rotation has removed it: Entra's sign-in service learns of a new
/// credential some seconds after the directory, sometimes minutes, and whoever reads the store in between needs the one that
/// works.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::{Arc, Mutex};
///
/// use entra_apps::provision::rotation::{SecretStore, StoredCredential};
/// use entra_apps::{AppRegistration, BoxError, ClientSecret, IssuedSecret, SecretSink, async_trait};
///
/// #[derive(Debug, Default)]
/// struct Vault(Mutex<Vec<IssuedSecret>>);
///
/// #[async_trait]
/// impl SecretSink for Vault {
///     async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
///         self.0.lock().unwrap().push(secret.clone());
///         Ok(())
///     }
/// }
///
/// #[async_trait]
/// impl SecretStore for Vault {
///     async fn load(&self, wanted: &StoredCredential) -> Result<Option<IssuedSecret>, BoxError> {
///         Ok(self.0.lock().unwrap().iter().rev().find(|secret| wanted.is(secret)).cloned())
///     }
/// }
///
/// let client = MemoryTenant::new().client();
/// let vault = Arc::new(Vault::default());
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).secret_sink(vault.clone()).await?;
/// let rotated = client.rotate(&backup).store(vault).await?;
/// assert!(rotated.done.is_empty(), "nothing is due yet");
/// # Ok(()) }
/// ```
#[async_trait]
pub trait SecretStore: SecretSink {
    /// Returns what is held of a credential: the one that was stored last, with its key id and its value, or `None`.
    ///
    /// # Errors
    /// When the store cannot be asked. Nothing is removed from the app then.
    async fn load(&self, wanted: &StoredCredential) -> Result<Option<IssuedSecret>, BoxError>;
}

/// A store in memory, for tests and for programs that write what is in it elsewhere. It keeps all that it was given.
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
/// assert_eq!(store.kept()[0].display_name.as_deref(), Some("Backup"));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct MemorySecretStore(Mutex<Vec<IssuedSecret>>);

impl MemorySecretStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that it was given, the last one at the end.
    pub fn kept(&self) -> Vec<IssuedSecret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl SecretSink for MemorySecretStore {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(secret.clone());
        Ok(())
    }
}

#[async_trait]
impl SecretStore for MemorySecretStore {
    async fn load(&self, wanted: &StoredCredential) -> Result<Option<IssuedSecret>, BoxError> {
        Ok(self.kept().into_iter().rev().find(|kept| wanted.is(kept)))
    }
}
