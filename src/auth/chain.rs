//! Chains of token providers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::error::{BoxError, Error, ErrorCode, foreign};
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Tries several token providers in order, and reports why each failed. The one that worked is tried first the next
/// time.
///
/// When a person declines the consent, no other provider is tried.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # use std::sync::Arc;
/// # use entra_apps::auth::{ChainProvider, DeviceCodeProvider, ManagedIdentityProvider, SignInService};
/// # use entra_apps::{cloud::Cloud, ids::AppId};
/// # use entra_emulator::MemoryTenant;
/// # let tenant = MemoryTenant::new();
/// # let client_id = AppId::from_u128(1);
/// let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// let device_code = DeviceCodeProvider::new(service.clone(), client_id, |prompt| println!("{}", prompt.message));
/// let provider = ChainProvider::new()
///     .then("managed identity", Arc::new(ManagedIdentityProvider::on_virtual_machine(service)))
///     .then("device code", Arc::new(device_code));
/// # let _ = provider;
/// # });
/// ```
#[derive(Default)]
pub struct ChainProvider {
    providers: Vec<(String, Arc<dyn TokenProvider>)>,
    /// The index of the one that worked.
    first: AtomicUsize,
}

impl ChainProvider {
    /// Creates an empty chain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider; the error shows its name.
    #[must_use]
    pub fn then(mut self, name: impl Into<String>, provider: Arc<dyn TokenProvider>) -> Self {
        self.providers.push((name.into(), provider));
        self
    }
}

#[cfg(feature = "browser")]
impl ChainProvider {
    /// Signs a person in with the browser of this machine, or with a device code where that fails.
    pub fn interactive(browser: super::BrowserProvider, device_code: super::DeviceCodeProvider) -> Self {
        Self::new().then("browser", Arc::new(browser)).then("device code", Arc::new(device_code))
    }
}

impl fmt::Debug for ChainProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.providers.iter().map(|(name, _)| name)).finish()
    }
}

#[async_trait]
impl TokenProvider for ChainProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let first = self.first.load(Ordering::Relaxed);
        let order = std::iter::once(first).chain((0..self.providers.len()).filter(|index| *index != first));
        let mut reasons = Vec::new();
        for index in order {
            let Some((name, provider)) = self.providers.get(index) else { continue };
            match provider.token(request).await {
                Ok(token) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(token);
                }
                Err(error) => {
                    let code = error.downcast_ref::<Error>().map(Error::code);
                    if code == Some(ErrorCode::ConsentDeclined) {
                        return Err(error);
                    }
                    let code = code.unwrap_or(ErrorCode::TokenProviderFailed);
                    tracing::debug!(provider = name, code = code.as_str(), "the token provider failed");
                    // An error that is not this crate's says why by itself.
                    reasons.push(format!("{name}: {}", foreign(error.to_string())));
                }
            }
        }
        let message = match reasons.is_empty() {
            true => "there is no way to sign in".to_owned(),
            false => format!("no way to sign in worked. {}", reasons.join(" | ")),
        };
        Err(Error::new(ErrorCode::NoWayToSignIn).with_message(message).into())
    }
}
