//! Secrets never show, and are never lost in silence.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use entra_apps::auth::{
    ChainProvider, ClientSecretProvider, DeviceCodeProvider, GitHubActions, ManagedIdentityProvider,
    MemoryRefreshTokenStore, RefreshTokenProvider, SignInService, StaticToken,
};
use entra_apps::cloud::Cloud;
use entra_apps::secrecy::ExposeSecret;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::{AppRegistration, ClientSecret, IssuedSecret, SecretSink};

use crate::support::{register, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").credential(ClientSecret::new("Main"))
}

#[tokio::test(start_paused = true)]
async fn no_format_shows_a_secret_or_a_token() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&registration()).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    let value = registered.secrets[0].value.expose_secret().to_owned();
    let caller = tenant.caller();
    let own = caller.client_secret.expose_secret().to_owned();
    assert!(value.len() >= 16 && own.len() >= 16);
    let request = TokenRequest::new(tenant.id().to_string(), "https://graph.microsoft.com/.default");
    let provider = ClientSecretProvider::new(
        Cloud::global(),
        caller.client_id,
        caller.client_secret.clone(),
        Arc::new(tenant.clone()),
        tenant.clock(),
    );
    let token = provider.token(&request).await.unwrap();
    let bearer = token.secret.expose_secret().to_owned();
    let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    let address = "https://localhost/token".parse().unwrap();
    let store = Arc::new(MemoryRefreshTokenStore::new(caller.client_secret.clone()));
    let github = GitHubActions::new(service.clone(), &address, caller.client_secret.clone()).unwrap();
    let identity =
        ManagedIdentityProvider::in_app_service(service.clone(), &address, caller.client_secret.clone()).unwrap();
    let refresh = RefreshTokenProvider::new(service.clone(), caller.client_id, "home", store.clone())
        .client_secret(caller.client_secret.clone());
    let device_code = DeviceCodeProvider::new(service.clone(), caller.client_id, |_| {}).store(store.clone());
    let chain = ChainProvider::new().then("static", Arc::new(StaticToken::new(token.secret.clone())));
    let things: [(&str, &dyn Debug); 18] = [
        ("sign-in service", &service),
        ("refresh token store", &store),
        ("GitHub Actions", &github),
        ("managed identity", &identity),
        ("refresh token", &refresh),
        ("device code", &device_code),
        ("chain", &chain),
        ("provider", &provider),
        ("token", &token),
        ("static token", &StaticToken::new(token.secret.clone())),
        ("report", &registered),
        ("client", &client),
        ("tenant", &tenant),
        ("plan", &plan),
        ("requests", &tenant.requests()),
        ("caller", &caller),
        ("applications", &tenant.applications()),
        ("builder", &tenant.client_builder()),
    ];
    for (name, thing) in things {
        for shown in [format!("{thing:?}"), format!("{thing:#?}")] {
            let private = [&value, &own, &bearer];
            assert!(!private.iter().any(|text| shown.contains(*text)), "{name}: {shown}");
        }
    }
    assert!(!plan.to_json().contains(&value));
}

#[tokio::test(start_paused = true)]
async fn the_second_run_issues_no_secret_and_says_that_one_is_open() {
    let tenant = tenant();
    let client = tenant.client();
    register(&client, &registration()).await;
    let again = register(&client, &registration()).await;
    assert!(again.secrets.is_empty());
    assert!(again.open[0].code.starts_with("secret_value:"), "{:?}", again.open);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_replaced_on_request_and_the_earlier_one_stays() {
    let tenant = tenant();
    let client = tenant.client();
    let first = register(&client, &registration()).await;
    let wanted = registration();
    let plan = client.plan(&wanted).replace_secret("Main").await.unwrap();
    let second = client.apply(&plan).await.unwrap();
    assert_ne!(first.secrets[0].key_id, second.secrets[0].key_id);
    let app = client.applications().get(second.application.unwrap().app_id).await.unwrap();
    assert_eq!(app.password_credentials.len(), 2);
    let error = client.plan(&wanted).replace_secret("Other").await.unwrap_err();
    assert_eq!(error.code(), "unknown_secret");
}

#[derive(Debug, Default)]
struct Sink {
    stored: Mutex<Vec<String>>,
    broken: bool,
}

#[async_trait]
impl SecretSink for Sink {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.broken {
            return Err("the vault is sealed".into());
        }
        self.stored.lock().unwrap().push(secret.key_id.to_string());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_each_secret() {
    let tenant = tenant();
    let client = tenant.client();
    let sink = Arc::new(Sink::default());
    let plan = client.plan(&registration()).await.unwrap();
    let registered = client.apply(&plan).secret_sink(sink.clone()).await.unwrap();
    assert_eq!(*sink.stored.lock().unwrap(), [registered.secrets[0].key_id.to_string()]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_leaves_no_secret_behind() {
    let tenant = tenant();
    let client = tenant.client();
    let sink = Arc::new(Sink { broken: true, ..Sink::default() });
    let plan = client.plan(&registration()).await.unwrap();
    let error = client.apply(&plan).secret_sink(sink).await.unwrap_err();
    assert_eq!(error.error().code(), "secret_not_stored");
    let app_id = error.report().application.as_ref().unwrap().app_id;
    assert!(client.applications().get(app_id).await.unwrap().password_credentials.is_empty());
}
