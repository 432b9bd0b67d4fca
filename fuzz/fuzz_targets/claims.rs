//! What a token says of itself: the data is its payload, and whoever reads it does not trust it.
#![no_main]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::async_trait;
use entra_apps::auth::StaticToken;
use entra_apps::bytes::Bytes;
use entra_apps::consent::{AdminConsentCallback, AdminConsentLink, ConsentApp};
use entra_apps::http::{Request, Response};
use entra_apps::ids::{AppId, TenantId};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::secrecy::SecretString;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, ClientSecret};
use entra_apps_fuzz::{SECRET, block_on, builder, check_for, check_request, cloud};
use entra_emulator::SeededRandomness;
use libfuzzer_sys::fuzz_target;

/// Signs everybody in with the same token, and knows nothing in Graph.
#[derive(Debug)]
struct Issuer(String);

#[async_trait]
impl Transport for Issuer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        check_request(&request);
        let body = match request.uri().path().ends_with("/token") {
            true => format!(r#"{{"access_token":"{}","expires_in":3599}}"#, self.0),
            false => r#"{"value":[]}"#.to_owned(),
        };
        Ok(Response::new(body.into()))
    }
}

fuzz_target!(|data: &[u8]| {
    let token = format!("a.{}.c", URL_SAFE_NO_PAD.encode(data));
    let issuer = Arc::new(Issuer(token.clone()));
    let wanted = AppRegistration::new("fuzz", "Fuzz")
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main").valid_for_months(6));
    let provider = StaticToken::new(SecretString::from(token.clone()));
    let given = builder(issuer.clone()).tenant("home.test").token_provider(Arc::new(provider)).build().unwrap();
    let id = AppId::from_u128(2);
    let signing_in = builder(issuer).client_secret(id, SecretString::from(SECRET)).build().unwrap();
    let home = TenantId::from_u128(1);
    let app = ConsentApp::new(id, home)
        .audience(&entra_apps::SignInAudience::MultipleOrganizations)
        .redirect_uri("https://app.test/")
        .declares(MICROSOFT_GRAPH);
    let randomness = SeededRandomness::new(1);
    let link =
        AdminConsentLink::new(&cloud(), &app, entra_apps::ids::Tenant::ORGANIZATIONS, "https://app.test/", &randomness)
            .unwrap();
    let pending = link.into_pending();
    let query = format!("admin_consent=True&tenant={home}&state={}", pending.state());
    let reported = pending.accept(&AdminConsentCallback::parse(&query).unwrap()).unwrap();
    block_on(async {
        check_for(given.tenant_id().await, Some(&token));
        check_for(given.preflight(&wanted).await, Some(&token));
        check_for(given.plan(&wanted).await.map(|plan| plan.to_string()), Some(&token));
        let asked = [application::DIRECTORY_READ_ALL, delegated::USER_READ];
        check_for(signing_in.check_consent_by_token(&reported, &asked).await, Some(SECRET));
        let found = given.diagnose("home.test", id.to_string(), SecretString::from(SECRET), &wanted).await;
        let shown = format!("{found} {found:?} {}", found.to_json());
        assert!(!shown.contains(SECRET) && !shown.contains(&token), "{shown}");
    });
});
