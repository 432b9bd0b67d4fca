//! Without a provider, building is an error that says what to do. Nothing in this file installs one.

use entra_apps::auth::SignInService;
use entra_apps::cloud::Cloud;
use entra_apps::secrecy::SecretString;
use entra_apps::transport::ReqwestTransport;
use entra_apps::url::Url;
use entra_apps::{Client, Error, ErrorKind, reqwest};
use entra_apps_no_provider::{certificate, tenant_with_certificate};

fn assert_no_provider<T>(result: Result<T, Error>) {
    let error = result.err().expect("there is no provider");
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Invalid, "no_crypto_provider"), "{error}");
    assert!(error.remedy().contains("install_default"), "{error}");
}

#[tokio::test]
async fn building_is_an_error_and_never_a_panic() {
    let (tenant, caller) = tenant_with_certificate();
    let builder = || Client::builder().tenant(tenant.id());
    assert_no_provider(builder().client_secret(caller.client_id, SecretString::from("x~y")).build());
    assert_no_provider(ReqwestTransport::new());
    assert_no_provider(ReqwestTransport::from_builder(reqwest::Client::builder()));
    assert_no_provider(ReqwestTransport::through_proxy(&Url::parse("http://127.0.0.1:1").unwrap()));
    assert_no_provider(SignInService::over_reqwest(Cloud::global()));
    assert_no_provider(certificate());
    assert_no_provider(tenant.client_builder().browser(caller.client_id, |_| {}).build());
    // What needs no cryptography works all the same.
    assert!(tenant.client().organization().get().await.is_ok());
}
