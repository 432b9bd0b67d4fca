//! A diagnosis names what is wrong with the ids and the secret that a customer typed in.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, PermissionId, TenantId};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{Permission, PermissionKind};
use entra_apps::provision::Diagnosis;
use entra_apps::secrecy::{ExposeSecret as _, SecretString};

use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, Registered};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant};

use crate::flows::scene::{Over, Scene};
use crate::support::scripted_transport::{Scripted, json};
use crate::support::{register, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").permission(application::USER_READ_ALL).credential(ClientSecret::new("Main"))
}

struct Desk {
    tenant: MemoryTenant,
    client: Client,
    registered: Registered,
    app_id: String,
    secret: String,
}

async fn desk(registration: &AppRegistration) -> Desk {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, registration).await;
    let app_id = registered.application.as_ref().unwrap().app_id.to_string();
    let secret = registered.secrets[0].value.expose_secret().to_owned();
    tenant.clear_requests();
    Desk { tenant, client, registered, app_id, secret }
}

impl Desk {
    async fn diagnose(&self, tenant: &str, app_id: &str, secret: &str, wanted: &AppRegistration) -> Diagnosis {
        let diagnosis = self.client.diagnose(tenant, app_id, SecretString::from(secret), wanted).await;
        for text in [diagnosis.to_string(), diagnosis.to_json(), format!("{diagnosis:?}")] {
            assert!(secret.len() < 8 || !text.contains(secret), "the secret is shown: {text}");
        }
        for request in &diagnosis.requests {
            assert!(request.correlation_id.is_some() && (request.status != Some(401) || request.request_id.is_some()));
        }
        assert!(self.tenant.requests().iter().all(|request| request.is_token || request.path.contains("openid")));
        diagnosis
    }
}

fn codes(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.problems.iter().map(|finding| finding.code.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_working_app_has_no_problems() {
    let registration = registration().permission(delegated::USER_READ);
    let desk = desk(&registration).await;
    let diagnosis = desk.diagnose(desk.tenant.domain(), &desk.app_id, &desk.secret, &registration).await;
    assert!(diagnosis.is_good(), "{diagnosis}");
    assert_eq!((diagnosis.tenant_id, diagnosis.granted), (Some(desk.tenant.id()), vec!["User.Read.All".to_owned()]));
    assert_eq!(diagnosis.remarks[0].code, ErrorCode::DelegatedPermissionsUnseen);
    assert_eq!(diagnosis.requests.len(), 2);
    let blanks = format!(" {} \n", desk.secret);
    let diagnosis = desk.diagnose(&format!(" {} ", desk.tenant.id()), &desk.app_id, &blanks, &registration).await;
    assert!(diagnosis.is_good() && diagnosis.remarks[0].code == ErrorCode::BlanksAroundSecret, "{diagnosis}");
}

#[tokio::test(start_paused = true)]
async fn each_mistake_is_named() {
    let registration = registration();
    let desk = desk(&registration).await;
    let app = desk.registered.application.as_ref().unwrap();
    let (tenant, app_id, secret) = (desk.tenant.id().to_string(), desk.app_id.as_str(), desk.secret.as_str());
    let key_id = desk.registered.secrets[0].key_id.to_string();
    let object_id = app.application_id.to_string();
    for (tenant, app_id, secret, code) in [
        (tenant.as_str(), app_id, key_id.as_str(), "secret_id_instead_of_value"),
        (&tenant, app_id, "wrong~secret", "wrong_secret"),
        (&tenant, app_id, " ", "secret_missing"),
        (&tenant, object_id.as_str(), secret, "app_not_in_tenant"),
        (&tenant, "App", secret, "malformed_client_id"),
        (&tenant, tenant.as_str(), secret, "ids_equal"),
        (app_id, tenant.as_str(), secret, "ids_swapped"),
        ("nobody.example", app_id, secret, "unknown_tenant"),
        ("common", app_id, secret, "invalid_tenant"),
    ] {
        let diagnosis = desk.diagnose(tenant, app_id, secret, &registration).await;
        assert_eq!(codes(&diagnosis), [code], "{diagnosis}");
        assert!(diagnosis.to_string().contains(&diagnosis.problems[0].remedy));
    }
    // A secret in the wrong field is not shown.
    let diagnosis = desk.diagnose(secret, secret, &tenant, &registration).await;
    assert!(!diagnosis.to_json().contains(secret) && !diagnosis.to_string().contains(secret), "{diagnosis}");

    let ask = |app_id: &str| {
        desk.client.diagnose(tenant.as_str(), app_id, SecretString::from(secret), &registration).registered_as(app)
    };
    let principal_id = app.service_principal_id.unwrap().to_string();
    for id in [&object_id, &principal_id] {
        let diagnosis = ask(id).await;
        assert_eq!(codes(&diagnosis), ["object_id_instead_of_client_id"], "{diagnosis}");
        assert!(diagnosis.problems[0].remedy.contains(app_id));
    }
    assert_eq!(codes(&ask(&AppId::from_u128(7).to_string()).await), ["another_client_id"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_is_reported_with_its_ids() {
    let registration = registration();
    let desk = desk(&registration).await;
    let tenant = desk.tenant.id().to_string();
    for (status, number, code) in [
        (401, 7_000_222, "secret_expired"),
        (401, 7_000_229, "service_principal_missing"),
        (400, 53003, "blocked_by_conditional_access"),
        (400, 7_000_112, "app_disabled"),
    ] {
        let fault = Fault::on("POST", "/oauth2/v2.0/token").refuses(status, &format!("AADSTS{number}"), "No.");
        desk.tenant.fault(fault);
        let diagnosis = desk.diagnose(&tenant, &desk.app_id, &desk.secret, &registration).await;
        assert_eq!(codes(&diagnosis), [code], "{diagnosis}");
        let last = diagnosis.requests.last().unwrap();
        assert_eq!(last.service_code, Some(format!("AADSTS{number}")));
        assert!(diagnosis.to_string().contains(last.request_id.as_ref().unwrap()), "{diagnosis}");
        let json: serde_json::Value = serde_json::from_str(&diagnosis.to_json()).unwrap();
        assert_eq!(json["requests"][1]["requestId"].as_str(), last.request_id.as_deref());
    }
}

#[tokio::test(start_paused = true)]
async fn a_partial_consent_is_told_apart_from_none() {
    let registration = registration();
    let desk = desk(&registration).await;
    let tenant = desk.tenant.id().to_string();
    let more = registration.clone().permission(application::MAIL_READ);
    let diagnosis = desk.diagnose(&tenant, &desk.app_id, &desk.secret, &more).await;
    assert_eq!(codes(&diagnosis), ["permission_added_after_consent"]);
    assert!(diagnosis.problems[0].text.contains("Mail.Read"), "{diagnosis}");
    let other = AppRegistration::new("k", "App").permission(application::MAIL_READ).without_admin_consent();
    let diagnosis = desk.diagnose(&tenant, &desk.app_id, &desk.secret, &other).await;
    assert_eq!(codes(&diagnosis), ["consent_missing"], "{diagnosis}");
    assert_eq!(diagnosis.remarks[0].code, ErrorCode::SurplusPermissions);
}

#[tokio::test(start_paused = true)]
async fn another_cloud_and_no_network_are_found() {
    let registration = registration();
    let government = format!(
        r#"{{"issuer":"https://login.microsoftonline.us/{}/v2.0","msgraph_host":"graph.microsoft.us"}}"#,
        TenantId::from_u128(7)
    );
    for (answers, code) in [(vec![json(200, &government)], "wrong_cloud"), (Vec::new(), "unreachable")] {
        let client = Client::builder()
            .cloud(Cloud::global())
            .tenant("x.example")
            .client_secret(AppId::from_u128(1), SecretString::from("x"))
            .transport(Arc::new(Scripted::new(answers)))
            .build()
            .unwrap();
        let app_id = AppId::from_u128(2).to_string();
        let diagnosis = client.diagnose("x.example", app_id, SecretString::from("x~y"), &registration).await;
        assert_eq!(codes(&diagnosis)[0], code, "{diagnosis}");
    }
}

/// As a vendor's product would ask, of an app in each state.
#[tokio::test]
async fn what_happened_to_an_app_is_found_over_http_as_well() {
    for over in Over::ALL {
        for (case, code) in [
            ("good", None),
            ("expired", Some("secret_expired")),
            ("another tenant", Some("app_not_in_tenant")),
            ("service principal deleted", Some("service_principal_missing")),
            ("disabled", Some("app_disabled")),
            ("consent withdrawn", Some("consent_missing")),
        ] {
            let scene = Scene::of(*over, |builder| {
                let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
                MemoryCloud::new([named("contoso"), named("fabrikam")])
            })
            .await;
            let caller = scene.tenant().caller();
            let client = scene.builder(scene.tenant()).client_secret(caller.client_id, caller.client_secret);
            let client = client.build().unwrap();
            let registration = registration();
            let registered = register(&client, &registration).await;
            let app = registered.application.as_ref().unwrap();
            let principal = format!("/servicePrincipals/{}", app.service_principal_id.unwrap());
            match case {
                "expired" => scene.clock.advance(Duration::from_secs(3 * 365 * 24 * 3600)),
                "service principal deleted" => drop(scene.by_hand("DELETE", &principal, &serde_json::json!(null))),
                "disabled" => drop(scene.by_hand("PATCH", &principal, &serde_json::json!({"accountEnabled": false}))),
                "consent withdrawn" => {
                    let principal_id = app.service_principal_id.unwrap().as_uuid();
                    let all = scene.tenant().app_role_assignments();
                    let held = all.iter().find(|held| held.principal_id.as_uuid() == principal_id);
                    let path = format!("{principal}/appRoleAssignments/{}", held.unwrap().id);
                    scene.by_hand("DELETE", &path, &serde_json::json!(null));
                }
                _ => {}
            }
            let tenant = scene.cloud.tenants()[usize::from(case == "another tenant")].domain();
            let secret = SecretString::from(registered.secrets[0].value.expose_secret());
            let diagnosis = client.diagnose(tenant, app.app_id.to_string(), secret, &registration).await;
            assert_eq!(codes(&diagnosis), code.into_iter().collect::<Vec<_>>(), "{case}, {over:?}: {diagnosis}");
            assert!(diagnosis.requests.iter().all(|request| request.request_id.is_some()), "{case}, {over:?}");
            for text in [diagnosis.to_string(), diagnosis.to_json()] {
                assert!(!text.contains(registered.secrets[0].value.expose_secret()), "{case}: the secret is shown");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_never_ends_is_given_up_in_time_and_recorded() {
    let registration = registration();
    let desk = desk(&registration).await;
    desk.tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").hangs());
    let secret = SecretString::from(desk.secret.as_str());
    let began = tokio::time::Instant::now();
    let diagnose = desk.client.diagnose(desk.tenant.domain(), &desk.app_id, secret, &registration);
    let diagnosis = diagnose.deadline(Duration::from_secs(5)).await;
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(codes(&diagnosis), ["deadline_exceeded"], "{diagnosis}");
    assert_eq!(diagnosis.tenant_id, Some(desk.tenant.id()), "what was found before is kept");
    let sign_in = diagnosis.requests.last().unwrap();
    assert!(sign_in.request.starts_with("POST ") && sign_in.correlation_id.is_some(), "{diagnosis}");
    assert!(sign_in.status.is_none() && (4_000..=5_000).contains(&sign_in.duration_ms), "{sign_in:?}");
}

#[tokio::test(start_paused = true)]
async fn each_api_that_is_not_there_is_named_and_the_rest_is_examined() {
    let registration = registration();
    let desk = desk(&registration).await;
    let of_api = |api: u128, name: &str| {
        Permission::by_name(AppId::from_u128(api), name, PermissionKind::Application).expect("a name")
    };
    let by_id = Permission::by_id(AppId::from_u128(42), PermissionId::from_u128(7), PermissionKind::Application);
    let wanted = registration
        .permission(of_api(42, "Things.Read"))
        .permission(of_api(43, "Others.Read"))
        .permission(of_api(43, "Others.Write"))
        .permission(by_id.clone());
    let diagnosis = desk.diagnose(desk.tenant.domain(), &desk.app_id, &desk.secret, &wanted).await;
    assert_eq!(codes(&diagnosis), ["resource_not_in_tenant", "resource_not_in_tenant"]);
    for (problem, said) in
        diagnosis.problems.iter().zip(["Things.Read is needed", "Others.Read, Others.Write is needed"])
    {
        assert!(problem.text.contains(said), "{diagnosis}");
    }
    assert_eq!(diagnosis.granted, ["User.Read.All"]);
    let unseen = &diagnosis.remarks[0];
    assert!(
        unseen.code == ErrorCode::DelegatedPermissionsUnseen && unseen.text.contains(&by_id.to_string()),
        "{diagnosis}"
    );
}
