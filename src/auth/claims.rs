//! The claims in an access token.
//!
//! Microsoft asks clients not to validate Graph's tokens, so that these claims are only hints. A token in another format
//! has none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde_json::Value;
use uuid::Uuid;

use crate::auth::number::whole;
use crate::ids::{AppId, TenantId};
use crate::token::AccessToken;

/// The claims of a token that this crate reads. Each is read by itself: an odd one does not hide the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenClaims {
    pub(crate) tid: Option<Uuid>,
    /// Who signed in: the object id of the person, or of the app's service principal.
    pub(crate) oid: Option<Uuid>,
    /// In seconds since 1970.
    pub(crate) exp: Option<i64>,
    /// The application permissions, by name.
    pub(crate) roles: Vec<String>,
    /// The delegated permissions, separated by blanks; only where a person is signed in.
    pub(crate) scp: Option<String>,
    /// The person's active directory roles, by template id; absent in some tokens.
    pub(crate) wids: Option<Vec<Uuid>>,
    /// How the person signed in: `mfa` among it where there was a further factor; absent in some tokens.
    pub(crate) amr: Option<Vec<String>>,
    /// The app that signed in, in a token of version 1.0.
    pub(crate) appid: Option<Uuid>,
    /// The app that signed in, in a token of version 2.0.
    pub(crate) azp: Option<Uuid>,
}

impl TokenClaims {
    pub(crate) fn of(token: &AccessToken) -> Self {
        Self::parse(token.secret.expose_secret())
    }

    pub(crate) fn parse(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&json).unwrap_or_default();
        let id = |name: &str| uuid(&claims[name]);
        // Several permissions in one text, or in a list.
        let words = |name: &str| -> Option<Vec<String>> {
            match &claims[name] {
                Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
                Value::Array(list) => Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
                _ => None,
            }
        };
        Self {
            tid: id("tid"),
            oid: id("oid"),
            exp: whole(&claims["exp"]),
            roles: words("roles").unwrap_or_default(),
            scp: words("scp").map(|scopes| scopes.join(" ")),
            // A list of which a part cannot be read is unknown: what is missing from it may be there.
            wids: claims["wids"].as_array().and_then(|list| list.iter().map(uuid).collect()),
            amr: words("amr"),
            appid: id("appid"),
            azp: id("azp"),
        }
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

fn uuid(value: &Value) -> Option<Uuid> {
    value.as_str()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(payload: &Value) -> TokenClaims {
        TokenClaims::parse(&format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload.to_string())))
    }

    #[test]
    fn an_odd_claim_does_not_hide_the_others() {
        let id = Uuid::from_u128(7);
        let whole =
            json!({"tid": id, "exp": 7, "roles": ["A", "B"], "scp": "C D", "wids": [id], "appid": id, "azp": id});
        for odd in [json!(null), json!(7.5), json!({}), json!([{}]), json!("x"), json!(true), json!([7])] {
            for name in ["tid", "exp", "roles", "scp", "wids", "appid", "azp"] {
                let mut payload = whole.clone();
                payload[name] = odd.clone();
                let read = claims(&payload);
                let label = format!("{name} {odd}: {read:?}");
                assert!(name == "tid" || read.tid == Some(id), "{label}");
                assert!(name == "exp" || read.exp == Some(7), "{label}");
                assert!(name == "roles" || read.roles == ["A", "B"], "{label}");
                assert!(name == "scp" || read.scp.as_deref() == Some("C D"), "{label}");
                assert!(if name == "wids" { read.wids.is_none() } else { read.wids == Some(vec![id]) }, "{label}");
                assert!(name == "appid" || name == "azp" || read.app() == Some(AppId::new(id)), "{label}");
            }
        }
    }

    #[test]
    fn claims_are_read_in_other_forms_too() {
        let read = claims(&json!({"exp": "1780308000", "roles": "A", "scp": ["C", "D"]}));
        assert_eq!(
            (read.exp, read.roles, read.scp.as_deref()),
            (Some(1_780_308_000), vec!["A".to_owned()], Some("C D"))
        );
    }
}
