//! Stores for refresh tokens.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::BoxError;

/// A store for the refresh token of one person, which signs that person in for months: keep it encrypted.
///
/// The service issues a new one with each use in the person's own tenant, which replaces the old one. Refresh tokens from
/// other tenants, such as a partner's customers, are never stored.
///
/// ```
/// use entra_apps::BoxError;
/// use entra_apps::auth::RefreshTokenStore;
/// use entra_apps::secrecy::SecretString;
///
/// /// Stands for the keychain of the operating system.
/// #[derive(Debug, Default)]
/// struct Keychain(std::sync::Mutex<Option<SecretString>>);
///
/// #[entra_apps::async_trait]
/// impl RefreshTokenStore for Keychain {
///     async fn load(&self) -> Result<Option<SecretString>, BoxError> {
///         Ok(self.0.lock().unwrap().clone())
///     }
///
///     async fn store(&self, token: &SecretString) -> Result<(), BoxError> {
///         *self.0.lock().unwrap() = Some(token.clone());
///         Ok(())
///     }
/// }
/// # let _: std::sync::Arc<dyn RefreshTokenStore> = std::sync::Arc::new(Keychain::default());
/// ```
#[async_trait]
pub trait RefreshTokenStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the stored token, if there is one.
    ///
    /// # Errors
    /// Any error, without the token in it. An [`Error`](crate::Error) passes through as it is; another becomes the source
    /// of one with the code [`RefreshTokenNotLoaded`](crate::ErrorCode::RefreshTokenNotLoaded).
    async fn load(&self) -> Result<Option<SecretString>, BoxError>;

    /// Stores a token in place of the previous one.
    ///
    /// # Errors
    /// Any error, without the token in it. An [`Error`](crate::Error) passes through as it is; another becomes the source
    /// of one with the code [`RefreshTokenNotStored`](crate::ErrorCode::RefreshTokenNotStored).
    async fn store(&self, token: &SecretString) -> Result<(), BoxError>;
}

/// A store that keeps the refresh token in memory, while the program runs.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), entra_apps::BoxError> {
/// use entra_apps::auth::{MemoryRefreshTokenStore, RefreshTokenStore as _};
/// use entra_apps::secrecy::SecretString;
///
/// let store = MemoryRefreshTokenStore::new(SecretString::from("0.AXoA…"));
/// assert!(store.load().await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct MemoryRefreshTokenStore(Mutex<Option<SecretString>>);

impl MemoryRefreshTokenStore {
    /// Creates a store that holds `token`.
    pub fn new(token: SecretString) -> Self {
        Self(Mutex::new(Some(token)))
    }
}

impl fmt::Debug for MemoryRefreshTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryRefreshTokenStore")
    }
}

#[async_trait]
impl RefreshTokenStore for MemoryRefreshTokenStore {
    async fn load(&self) -> Result<Option<SecretString>, BoxError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn store(&self, token: &SecretString) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}
