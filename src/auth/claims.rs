//! The claims in an access token.
//!
//! Microsoft asks clients not to validate Graph's tokens, so that these claims are only hints. A token in another format
//! has none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::ids::{AppId, TenantId};
use crate::token::AccessToken;

/// The claims of a token that this crate reads.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct TokenClaims {
    #[serde(default)]
    pub(crate) tid: Option<uuid::Uuid>,
    /// In seconds since 1970.
    #[serde(default)]
    pub(crate) exp: Option<i64>,
    /// The application permissions, by name.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// The delegated permissions, separated by blanks; only where a person is signed in.
    #[serde(default)]
    pub(crate) scp: Option<String>,
    /// The person's active directory roles, by template id; absent in some tokens.
    #[serde(default)]
    pub(crate) wids: Option<Vec<uuid::Uuid>>,
    /// How the person signed in: `mfa` among it where there was a further factor; absent in some tokens.
    #[serde(default)]
    pub(crate) amr: Option<Vec<String>>,
    /// The app that signed in, in a token of version 1.0.
    #[serde(default)]
    pub(crate) appid: Option<uuid::Uuid>,
    /// The app that signed in, in a token of version 2.0.
    #[serde(default)]
    pub(crate) azp: Option<uuid::Uuid>,
}

impl TokenClaims {
    pub(crate) fn of(token: &AccessToken) -> Self {
        Self::parse(token.secret.expose_secret())
    }

    pub(crate) fn parse(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }

    /// The app that signed in.
    pub(crate) fn app(&self) -> Option<AppId> {
        self.appid.or(self.azp).map(AppId::new)
    }

    /// The tenant that issued the token.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        self.tid.map(TenantId::new)
    }
}
