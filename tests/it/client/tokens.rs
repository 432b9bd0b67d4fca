//! The client's token: replaced when it is refused, and of no other tenant.

use std::sync::Arc;

use entra_apps::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService, StaticToken};
use entra_apps::cloud::Cloud;
use entra_apps::ids::TenantId;
use entra_apps::token::{TokenProvider as _, TokenRequest};
use entra_apps::{AppRegistration, ErrorKind};
use entra_emulator::Fault;

use crate::support::{counts, quiet, tenant};

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").token_refused());
    client.organization().get().await.unwrap();
    let tokens = tenant.requests().iter().filter(|request| request.is_token).count();
    assert_eq!(tokens, 2);
    tenant.fault(Fault::on("GET", "/organization").always().token_refused());
    let error = client.organization().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, "token_refused"));
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_tenant_is_refused() {
    let tenant = tenant();
    let client = tenant.client().for_tenant(TenantId::from_u128(7));
    let error = client.plan(&AppRegistration::new("k", "App")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn, "{error}");
    // A token that ignores which tenant is asked for.
    let caller = tenant.caller();
    let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    let provider =
        ClientCredentialsProvider::new(service, caller.client_id, ClientAuthentication::secret(caller.client_secret));
    let token = provider.token(&TokenRequest::new(tenant.id(), "https://graph.microsoft.com/.default")).await.unwrap();
    let own = StaticToken::new(token.secret);
    let client = tenant.client_builder().tenant(TenantId::from_u128(7)).token_provider(Arc::new(own)).build().unwrap();
    quiet(&tenant);
    let error = client.plan(&AppRegistration::new("k", "App")).await.unwrap_err();
    assert_eq!(error.code().as_str(), "token_of_another_tenant", "{error}");
    assert_eq!(counts(&tenant).0, 0);
}
