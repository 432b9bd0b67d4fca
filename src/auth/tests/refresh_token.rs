//! Signing in with a refresh token, in the home tenant and in others.

use super::*;
use crate::auth::{MemoryRefreshTokenStore, RefreshTokenProvider, RefreshTokenStore};

fn store_with(token: &str) -> Arc<MemoryRefreshTokenStore> {
    Arc::new(MemoryRefreshTokenStore::new(secret(token)))
}

async fn held(store: &MemoryRefreshTokenStore) -> String {
    text(&store.load().await.unwrap().unwrap()).to_owned()
}

#[tokio::test(start_paused = true)]
async fn each_use_at_home_renews_the_token() {
    let script = Script::new([tokens("a", "second"), token("b"), token("c")]);
    let store = store_with("first");
    let provider = RefreshTokenProvider::new(service(&script), CLIENT, tenant(TENANT), store.clone());
    for expected in ["a", "b", "c"] {
        assert_eq!(text(&token_of(&provider, &request()).await.unwrap().secret), expected);
    }
    let forms = script.forms();
    let given: Vec<_> = forms.iter().map(|form| form["refresh_token"].as_str()).collect();
    assert_eq!(given, ["first", "second", "second"], "a response without a token leaves the one there was");
    assert_eq!(forms[0]["grant_type"], "refresh_token");
    assert_eq!(forms[0]["scope"], format!("{SCOPE} offline_access"));
    assert!(!forms[0].contains_key("client_secret"), "a public client must not send one");
}

#[tokio::test(start_paused = true)]
async fn what_customers_give_never_takes_the_place_of_the_partners() {
    let script = Script::new([tokens("a", "customers"), tokens("b", "partners")]);
    let store = store_with("first");
    let provider = RefreshTokenProvider::new(service(&script), CLIENT, tenant(TENANT), store.clone());
    token_of(&provider, &TokenRequest::new(tenant(CUSTOMER), SCOPE)).await.unwrap();
    assert!(script.paths()[0].contains(CUSTOMER));
    assert_eq!(held(&store).await, "first");
    token_of(&provider, &request()).await.unwrap();
    assert_eq!((script.forms()[1]["refresh_token"].as_str(), held(&store).await.as_str()), ("first", "partners"));
}

#[tokio::test(start_paused = true)]
async fn an_app_with_a_secret_sends_it() {
    let script = Script::new([token("a")]);
    let provider = RefreshTokenProvider::new(service(&script), CLIENT, tenant(TENANT), store_with("rt"))
        .client_authentication(ClientAuthentication::secret(secret("app-secret")));
    token_of(&provider, &request().claims("{}")).await.unwrap();
    assert_eq!((&*script.forms()[0]["client_secret"], &*script.forms()[0]["claims"]), ("app-secret", "{}"));
    assert!(!format!("{provider:?} {:?}", store_with("rt-secret")).contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_without_the_token() {
    for (number, code) in [
        (700_082, "sign_in_expired"),
        (70008, "sign_in_expired"),
        (70043, "sign_in_expired"),
        (50173, "sign_in_expired"),
        (50133, "sign_in_expired"),
        (700_084, "sign_in_expired"),
        (65001, "not_consented"),
        (50076, "mfa_required"),
        (90099, "partner_not_authorized"),
        (50020, "account_not_in_tenant"),
    ] {
        let description = format!("AADSTS{number}: refresh-token-itself is bad");
        let body = json!({"error": "invalid_grant", "error_description": description, "error_codes": [number]});
        let script = Script::new([Reply::Response(400, body)]);
        let provider =
            RefreshTokenProvider::new(service(&script), CLIENT, tenant(TENANT), store_with("refresh-token-itself"));
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "AADSTS{number}");
        assert_hidden(&error, &["refresh-token-itself"]);
    }
}

#[derive(Debug)]
struct Sealed {
    holds: bool,
}

#[async_trait]
impl RefreshTokenStore for Sealed {
    async fn load(&self) -> Result<Option<SecretString>, BoxError> {
        if self.holds { Ok(Some(secret("old"))) } else { Err("sealed".into()) }
    }

    async fn store(&self, _: &SecretString) -> Result<(), BoxError> {
        Err("sealed".into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_is_empty_is_an_error() {
    for (store, code) in [
        (Arc::new(Sealed { holds: true }) as Arc<dyn RefreshTokenStore>, "refresh_token_not_stored"),
        (Arc::new(Sealed { holds: false }), "refresh_token_not_loaded"),
        (Arc::new(MemoryRefreshTokenStore::default()), "not_signed_in"),
    ] {
        let script = Script::new([tokens("access-token", "new-refresh")]);
        let provider = RefreshTokenProvider::new(service(&script), CLIENT, tenant(TENANT), store);
        let error = token_of(&provider, &request()).await.unwrap_err();
        assert_eq!(error.code().as_str(), code);
        assert_hidden(&error, &["access-token", "new-refresh"]);
    }
}
