//! Every way to sign in, on tenants in this process and over HTTP behind the emulator's server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use entra_apps::auth::{
    AssertionRequest, ChainProvider, ClientAssertion, ClientAuthentication, ClientCredentialsProvider,
    DeviceCodeProvider, GitHubActions, ManagedIdentityProvider, MemoryRefreshTokenStore, RefreshTokenProvider,
    RefreshTokenStore, StaticToken, TenantLookup, public_client,
};
use entra_apps::bytes::Bytes;
use entra_apps::clock::Clock as _;
use entra_apps::consent::{AdminConsentCallback, PendingConsent};
use entra_apps::http::Request;
use entra_apps::ids::Tenant;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::secrecy::SecretString;
use entra_apps::{AppRegistration, BoxError, ClientSecret, ErrorCode, ErrorKind, RedirectUri, SignInAudience};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant, User};
use serde_json::json;

use crate::support::{register, token_of};

pub(crate) mod scene;

use scene::{AUDIENCE, App, IDENTITY_HEADER, ISSUER, JOB_TOKEN, Over, SUBJECT, Scene, text, word};

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

pub(crate) fn administrator(tenant: &MemoryTenant) -> User {
    tenant.add_user("Ada Lovelace", &[GLOBAL_ADMINISTRATOR.parse().unwrap()])
}

#[tokio::test]
async fn an_app_signs_in_with_its_secret() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let caller = scene.tenant().caller();
        let builder = scene.builder(scene.tenant());
        scene.reaches(scene.tenant(), builder.client_secret(caller.client_id, caller.client_secret)).await;
    }
}

#[cfg(feature = "certificate")]
#[tokio::test]
async fn an_app_signs_in_with_its_certificate() {
    use entra_apps::auth::ClientCertificate;

    const DER: &[u8] = include_bytes!("../../emulator/certificates/one.der");
    const KEY: &[u8] = include_bytes!("../../emulator/certificates/one.key.der");
    const OTHER: &[u8] = include_bytes!("../../emulator/certificates/two.der");
    const OTHER_KEY: &[u8] = include_bytes!("../../emulator/certificates/two.key.der");

    for over in Over::ALL {
        use base64::Engine as _;

        let scene = Scene::one(*over).await;
        let caller = scene.tenant().caller();
        let key = base64::engine::general_purpose::STANDARD.encode(DER);
        let keys = json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]});
        scene.by_hand("PATCH", &format!("/applications(appId='{}')", caller.client_id), &keys);
        let certificate = ClientCertificate::from_der(DER, KEY).unwrap();
        let builder = scene.builder(scene.tenant()).client_certificate(caller.client_id, certificate);
        scene.reaches(scene.tenant(), builder).await;
        let other = ClientCertificate::from_der(OTHER, OTHER_KEY).unwrap();
        let other =
            ClientCredentialsProvider::new(scene.service(), caller.client_id, ClientAuthentication::certificate(other));
        let error = token_of(&other, &scene::request(scene.tenant())).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CertificateUnknown, "{over:?}: {error}");
    }
}

/// A source of assertions of one's own.
#[derive(Debug)]
pub(crate) struct Source(pub(crate) String);

#[entra_apps::async_trait]
impl ClientAssertion for Source {
    async fn assertion(&self, _: &AssertionRequest) -> Result<SecretString, BoxError> {
        Ok(SecretString::from(self.0.clone()))
    }
}

/// An app that may read the organization, and trusts the issuer.
fn workload(scene: &Scene) -> entra_apps::ids::AppId {
    let caller = scene.tenant().caller();
    let found = scene.tenant().applications().into_iter().find(|app| app.app_id == caller.client_id).unwrap();
    App { id: found.id.to_string(), app_id: caller.client_id }.trust(scene);
    caller.client_id
}

#[tokio::test]
async fn an_app_signs_in_with_the_word_of_an_issuer_that_it_trusts() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let client_id = workload(&scene);
        let end = scene.tenant().clock().now() + Duration::from_secs(300);
        let word = word(ISSUER, SUBJECT, AUDIENCE, end);
        let by_hand = Arc::new(Source(word.clone()));
        scene.reaches(scene.tenant(), scene.builder(scene.tenant()).client_assertion(client_id, by_hand)).await;

        let path = std::env::temp_dir().join(format!("entra-apps-flows-{}-{over:?}", std::process::id()));
        std::fs::write(&path, format!("{word}\n")).unwrap();
        let variable = |name: &str| match name {
            "AZURE_CLIENT_ID" => Some(client_id.to_string()),
            "AZURE_FEDERATED_TOKEN_FILE" => Some(path.display().to_string()),
            _ => None,
        };
        let workload = ClientCredentialsProvider::workload_identity_from_variables(scene.service(), variable).unwrap();
        scene.signs_in(scene.tenant(), &Arc::new(workload)).await;
        std::fs::remove_file(path).unwrap();

        let variable = |name: &str| match name {
            "ACTIONS_ID_TOKEN_REQUEST_URL" if *over != Over::Process => Some(scene.platform("/job/token?v=2").into()),
            // In this process nothing looks at the host.
            "ACTIONS_ID_TOKEN_REQUEST_URL" => Some("https://pipelines.example/job/token?v=2".to_owned()),
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some(JOB_TOKEN.to_owned()),
            _ => None,
        };
        let job = GitHubActions::from_variables(scene.service(), variable).unwrap();
        let job =
            ClientCredentialsProvider::new(scene.service(), client_id, ClientAuthentication::assertion(Arc::new(job)));
        scene.signs_in(scene.tenant(), &Arc::new(job)).await;
    }
}

#[tokio::test]
async fn a_person_signs_in_by_device_when_they_are_ready() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let (screen, ada) = (scene.tenant().clone(), administrator(scene.tenant()));
        let shown = Arc::new(Mutex::new(String::new()));
        let code = shown.clone();
        // The person is ready after the third question; the second is said to come too soon.
        scene.on_response(move |sent, number| {
            if sent.path.ends_with("/token") && number == 3 {
                screen.approve_device_code(&code.lock().unwrap(), &ada);
            }
        });
        let slower = Fault::on("POST", "/oauth2/v2.0/token").nth(2).body(r#"{"error":"slow_down"}"#);
        scene.tenant().fault(slower);
        let builder = scene.builder(scene.tenant()).device_code(public_client::AZURE_CLI, move |prompt| {
            shown.lock().unwrap().clone_from(&prompt.user_code);
        });
        scene.reaches(scene.tenant(), builder).await;
        let asked: Vec<_> = scene.sent().into_iter().filter(|sent| sent.path.ends_with("/token")).collect();
        let asked: Vec<u64> = asked.iter().map(|sent| sent.at.as_secs()).collect();
        assert_eq!(asked, [5, 10, 20, 30], "{over:?}");
    }
}

#[tokio::test]
async fn a_device_code_ends_when_it_is_declined_blocked_or_left_alone() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let request = scene::request(scene.tenant());
        let screen = scene.tenant().clone();
        let declined = DeviceCodeProvider::new(scene.service(), public_client::AZURE_CLI, move |prompt| {
            screen.decline_device_code(&prompt.user_code);
        });
        let error = token_of(&declined, &request).await.unwrap_err();
        let told = (error.code(), error.oauth_error());
        assert_eq!(told, (ErrorCode::ConsentDeclined, Some("authorization_declined")), "{over:?}");

        let left = DeviceCodeProvider::new(scene.service(), public_client::AZURE_CLI, |_| {});
        let before = scene.clock.now();
        let error = token_of(&left, &request).await.unwrap_err();
        assert_eq!((error.code(), error.oauth_error()), (ErrorCode::CodeExpired, None), "{over:?}");
        let took = (scene.clock.now() - before).whole_seconds();
        assert!((890..=900).contains(&took), "the code lasts for 900 s, and it is asked for each 5 s: {took}");

        for (name, reason) in [
            ("access_denied", ErrorCode::ConsentDeclined),
            ("authorization_declined", ErrorCode::ConsentDeclined),
            ("expired_token", ErrorCode::CodeExpired),
            ("bad_verification_code", ErrorCode::WrongDeviceCode),
            ("interaction_required", ErrorCode::InteractionRequired),
        ] {
            let response = json!({"error": name, "trace_id": "t", "correlation_id": "c"});
            scene.tenant().fault(Fault::on("POST", "/oauth2/v2.0/token").body(response.to_string()));
            let error = token_of(&left, &request).await.unwrap_err();
            assert_eq!((error.code(), error.oauth_error()), (reason, Some(name)), "{over:?}");
            assert_eq!(error.remedy(), reason.remedy());
            assert_eq!((error.request_id(), error.client_request_id()), (Some("t"), Some("c")));
        }
    }
}

/// Keeps every token that it was given.
#[derive(Debug, Default)]
struct History(Mutex<Vec<String>>);

#[entra_apps::async_trait]
impl RefreshTokenStore for History {
    async fn load(&self) -> Result<Option<SecretString>, BoxError> {
        Ok(self.0.lock().unwrap().last().cloned().map(SecretString::from))
    }

    async fn store(&self, token: &SecretString) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(text(token));
        Ok(())
    }
}

/// Lets a person sign in by device in the scene's first tenant; what is left of it is in the store.
async fn stay(scene: &Scene, person: &User, store: Arc<dyn RefreshTokenStore>) {
    let (screen, person) = (scene.tenant().clone(), person.clone());
    let device = DeviceCodeProvider::new(scene.service(), public_client::AZURE_CLI, move |prompt| {
        screen.approve_device_code(&prompt.user_code, &person);
    });
    token_of(&device.store(store), &scene::request(scene.tenant())).await.unwrap();
}

#[tokio::test]
async fn each_renewal_at_home_hands_the_new_refresh_token_over() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let store = Arc::new(History::default());
        stay(&scene, &administrator(scene.tenant()), store.clone()).await;
        let home = scene.tenant().id();
        let provider = RefreshTokenProvider::new(scene.service(), public_client::AZURE_CLI, home, store.clone());
        let provider = Arc::new(provider);
        for renewals in 1..=3 {
            scene.signs_in(scene.tenant(), &provider).await;
            let held = store.0.lock().unwrap().clone();
            assert_eq!(held.len(), 1 + renewals, "{over:?}");
            assert!(held.windows(2).all(|pair| pair[0] != pair[1]), "each is another");
        }
    }
}

#[tokio::test]
async fn one_refresh_token_signs_in_to_several_tenants() {
    for over in Over::ALL {
        let scene = Scene::of(*over, |builder| {
            let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
            MemoryCloud::partner(named("partner"), [named("customer1"), named("customer2")])
        })
        .await;
        let [partner, customers @ ..] = scene.cloud.tenants() else { unreachable!("a partner and two customers") };
        let agent = partner.users().into_iter().find(|user| user.display_name == "Admin Agent").unwrap();
        let store = Arc::new(History::default());
        stay(&scene, &agent, store.clone()).await;
        let home = partner.id();
        let provider = RefreshTokenProvider::new(scene.service(), public_client::AZURE_CLI, home, store.clone());
        let provider = Arc::new(provider);
        for customer in customers {
            scene.signs_in(customer, &provider).await;
        }
        assert_eq!(store.0.lock().unwrap().len(), 1, "what customers give is not the partner's");
        scene.signs_in(partner, &provider).await;
        assert_eq!(store.0.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_program_signs_in_as_what_it_runs_in() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let variable = |header: &'static str| {
            let endpoint = scene.platform("/msi/token").to_string();
            move |name: &str| match name {
                "IDENTITY_ENDPOINT" => Some(endpoint.clone()),
                "IDENTITY_HEADER" => Some(header.to_owned()),
                _ => None,
            }
        };
        let identity = ManagedIdentityProvider::from_variables(scene.service(), variable(IDENTITY_HEADER)).unwrap();
        scene.signs_in(scene.tenant(), &Arc::new(identity)).await;
        let other = ManagedIdentityProvider::from_variables(scene.service(), variable("of another process")).unwrap();
        let error = token_of(&other, &scene::request(scene.tenant())).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("of another process"), "{over:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_that_somebody_else_got_is_used_as_it_is() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let token = crate::support::token(scene.tenant(), &["Organization.Read.All"]).await;
        scene.signs_in(scene.tenant(), &Arc::new(StaticToken::new(SecretString::from(token)))).await;
    }
}

#[cfg(all(feature = "azure-cli", unix))]
#[tokio::test]
async fn a_person_who_is_signed_in_to_the_azure_cli_needs_nothing_more() {
    use std::os::unix::fs::PermissionsExt as _;

    use entra_apps::auth::AzureCliProvider;

    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let token = crate::support::token(scene.tenant(), &["Organization.Read.All"]).await;
        let end = (scene.tenant().clock().now() + Duration::from_secs(3600)).unix_timestamp();
        let program = std::env::temp_dir().join(format!("entra-apps-flows-az-{}-{over:?}", std::process::id()));
        let script = format!("#!/bin/sh\necho '{{\"accessToken\": \"{token}\", \"expires_on\": {end}}}'\n");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        // A real process takes real time.
        let at_work = scene.clock.at_work();
        let cli = AzureCliProvider::new(Arc::new(scene.clock.clone())).program(&program);
        scene.signs_in(scene.tenant(), &Arc::new(cli)).await;
        drop(at_work);
        std::fs::remove_file(program).unwrap();
    }
}

#[tokio::test]
async fn the_first_of_several_ways_that_works_is_taken() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let caller = scene.tenant().caller();
        let secret = |value: &str| {
            let secret = ClientAuthentication::secret(SecretString::from(value));
            Arc::new(ClientCredentialsProvider::new(scene.service(), caller.client_id, secret))
        };
        let person = RefreshTokenProvider::new(
            scene.service(),
            caller.client_id,
            Tenant::ORGANIZATIONS,
            Arc::new(History::default()),
        );
        let chain = ChainProvider::new().then("old secret", secret("wrong")).then("last time", Arc::new(person));
        let error = token_of(&chain, &scene::request(scene.tenant())).await.unwrap_err();
        for part in ["old secret", "AADSTS7000215", "last time", "there is no refresh token"] {
            assert!(error.to_string().contains(part), "{over:?}: {error}");
        }
        let chain = chain.then("new secret", secret(&text(&caller.client_secret)));
        scene.signs_in(scene.tenant(), &Arc::new(chain)).await;
    }
}

#[tokio::test]
async fn an_administrator_consents_by_link_and_the_grants_are_proved() {
    const BACK: &str = "https://contoso.example/consent";
    let registration = AppRegistration::new("k", "App")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(BACK).unwrap())
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"));
    let wanted = [application::USER_READ_ALL, delegated::USER_READ];
    for over in Over::ALL {
        let scene = Scene::of(*over, |builder| {
            let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
            MemoryCloud::new([named("vendor"), named("customer")])
        })
        .await;
        let [vendor, customer] = scene.cloud.tenants() else { unreachable!("a vendor and a customer") };
        let client_of = |tenant: &MemoryTenant| {
            let caller = tenant.caller();
            scene.builder(tenant).client_secret(caller.client_id, caller.client_secret).build().unwrap()
        };
        let client = client_of(vendor);
        let registered = register(&client, &registration).await;
        let app_id = registered.application.as_ref().unwrap().app_id;

        let lookup = TenantLookup::new(scene.endpoints.clone(), scene.transport(), Arc::new(scene.clock.clone()));
        let found = lookup.get("customer.onmicrosoft.com").await.unwrap().tenant_id;
        assert_eq!(found, customer.id(), "{over:?}");
        let app = registration.consent_app(app_id, vendor.id());
        let link = client.admin_consent_link(&app, found.into(), BACK).unwrap();
        customer.auto_sign_in(Some(&administrator(customer)));
        let page = Request::get(link.url().as_str()).body(Bytes::new()).unwrap();
        let response = scene.transport().send(page).await.unwrap();
        let back = response.headers()["location"].to_str().unwrap().to_owned();
        let callback = AdminConsentCallback::parse(&back).unwrap();
        let kept = serde_json::to_string(link.pending()).unwrap();
        let reported = || serde_json::from_str::<PendingConsent>(&kept).unwrap().accept(&callback).unwrap();

        let seen = client_of(customer).check_consent(&reported(), &wanted).await.unwrap();
        assert!(seen.is_complete() && seen.granted == wanted, "{over:?}: {seen:?}");
        let own = scene.builder(customer).client_secret(app_id, registered.secrets[0].value.clone()).build().unwrap();
        let seen = own.check_consent_by_token(&reported(), &wanted).await.unwrap();
        assert_eq!((seen.granted, seen.unseen), (vec![wanted[0].clone()], vec![wanted[1].clone()]), "{over:?}");
    }
}

#[tokio::test]
async fn a_thousand_callers_over_http_make_one_sign_in() {
    let scene = Scene::one(Over::Http).await;
    let caller = scene.tenant().caller();
    let client = scene.builder(scene.tenant()).client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let client = client.clone();
        calls.spawn(async move { client.organization().get().await.is_ok() });
    }
    assert!(calls.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(scene.sent().iter().filter(|sent| sent.path.ends_with("/token")).count(), 1);
}

#[tokio::test]
async fn the_old_token_bridges_an_outage_of_the_sign_in_service() {
    for over in Over::ALL {
        let scene = Scene::one(*over).await;
        let caller = scene.tenant().caller();
        let builder = scene.builder(scene.tenant()).client_secret(caller.client_id, caller.client_secret);
        let client = builder.build().unwrap();
        client.organization().get().await.unwrap();
        scene.clock.advance(Duration::from_secs(55 * 60));
        scene.tenant().fault(Fault::on("POST", "/oauth2/v2.0/token").always().fails(503));
        let sign_ins = || scene.sent().iter().filter(|sent| sent.path.ends_with("/token")).count();
        for _ in 0..10 {
            client.organization().get().await.unwrap_or_else(|error| panic!("{over:?}: {error}"));
        }
        let tried = sign_ins();
        assert!(tried > 1 && tried < 10, "it is tried early, and not with each call: {tried}");
        scene.clock.advance(Duration::from_secs(5 * 60));
        let error = client.organization().get().await.unwrap_err();
        assert_eq!((error.status().map(|status| status.as_u16()), error.kind()), (Some(503), ErrorKind::SignIn));
        scene.tenant().clear_faults();
        client.organization().get().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_in_memory_serves_the_next_client() {
    let scene = Scene::one(Over::Process).await;
    let store = Arc::new(MemoryRefreshTokenStore::default());
    stay(&scene, &administrator(scene.tenant()), store.clone()).await;
    let home = scene.tenant().id();
    let next = RefreshTokenProvider::new(scene.service(), public_client::AZURE_CLI, home, store);
    scene.signs_in(scene.tenant(), &Arc::new(next)).await;
}

#[tokio::test]
async fn what_a_way_to_sign_in_lacks_is_an_error_at_build() {
    let scene = Scene::one(Over::Process).await;
    let error = scene.builder(scene.tenant()).build().unwrap_err();
    assert!(error.code().as_str() == "missing_credential" && error.remedy().contains("device_code"), "{error}");
    let is_workload = ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"].iter().all(|name| std::env::var(name).is_ok());
    match scene.builder(scene.tenant()).workload_identity().build() {
        Ok(_) => assert!(is_workload),
        Err(error) => {
            assert_eq!((error.code().as_str(), is_workload), ("missing_environment_variable", false), "{error}");
        }
    }
    // Without its variables this machine may be a virtual one: that shows at the first token.
    assert!(scene.builder(scene.tenant()).managed_identity().build().is_ok());
}

#[cfg(feature = "browser")]
mod with_a_browser {
    use entra_apps::auth::BrowserProvider;

    use super::*;

    #[tokio::test]
    async fn a_person_signs_in_in_the_browser_of_this_machine() {
        for over in Over::ALL {
            let scene = Scene::one(*over).await;
            scene.tenant().auto_sign_in(Some(&administrator(scene.tenant())));
            let (browser, opened) = (scene.browser(), Arc::new(Mutex::new(None)));
            let page = opened.clone();
            let builder = scene.builder(scene.tenant()).browser(public_client::AZURE_CLI, move |url| {
                *page.lock().unwrap() = Some(tokio::spawn(browser(url)));
            });
            scene.reaches(scene.tenant(), builder).await;
            let page = opened.lock().unwrap().take().unwrap();
            assert!(page.await.unwrap().contains("You are signed in"), "{over:?}");
            let paths: Vec<_> =
                scene.sent().iter().map(|sent| sent.path.rsplit('/').next().unwrap().to_owned()).collect();
            assert_eq!(paths, ["authorize", "token", "organization"], "{over:?}");
        }
    }

    #[tokio::test]
    async fn where_no_browser_opens_a_device_code_is_shown() {
        for over in Over::ALL {
            let scene = Scene::one(*over).await;
            let (screen, ada) = (scene.tenant().clone(), administrator(scene.tenant()));
            let browser = BrowserProvider::new(scene.service(), public_client::AZURE_CLI, |_| {});
            let device = DeviceCodeProvider::new(scene.service(), public_client::AZURE_CLI, move |prompt| {
                screen.approve_device_code(&prompt.user_code, &ada);
            });
            scene.signs_in(scene.tenant(), &Arc::new(ChainProvider::interactive(browser, device))).await;
        }
    }
}
