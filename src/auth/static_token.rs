//! A token from elsewhere.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::auth::TokenClaims;
use crate::error::BoxError;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

/// Returns one token from elsewhere, whatever tenant and scope are requested, until it expires.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), entra_apps::BoxError> {
/// use entra_apps::auth::StaticToken;
/// use entra_apps::ids::TenantId;
/// use entra_apps::secrecy::{ExposeSecret as _, SecretString};
/// use entra_apps::token::{TokenProvider as _, TokenRequest};
///
/// let provider = StaticToken::new(SecretString::from("eyJ0eXAi…"));
/// let request = TokenRequest::new(TenantId::from_u128(7), "https://graph.microsoft.com/.default");
/// assert_eq!(provider.token(&request).await?.secret.expose_secret(), "eyJ0eXAi…");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct StaticToken(AccessToken);

impl StaticToken {
    /// Wraps a token. Its expiry is read from its claims, if it has them.
    pub fn new(token: SecretString) -> Self {
        let expires_at = TokenClaims::parse(token.expose_secret())
            .exp
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .unwrap_or(datetime!(9999-12-31 0:00 UTC));
        Self(AccessToken::new(token, expires_at))
    }
}

#[async_trait]
impl TokenProvider for StaticToken {
    async fn token(&self, _request: &TokenRequest) -> Result<AccessToken, BoxError> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_shows_the_token() {
        let shown = format!("{:?}", StaticToken::new(SecretString::from("very-secret")));
        assert!(!shown.contains("very-secret"), "{shown}");
    }
}
