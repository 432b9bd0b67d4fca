//! App management policies: predicted where they may be read, shortened to on request, and named in every error.

mod certificates;
mod faults;
mod restrictions;

use entra_apps::model::NewApplication;
use entra_apps::provision::StepKind;
use entra_apps::time::Duration;
use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, ErrorKind, Plan, SignInAudience};
use entra_emulator::MemoryTenant;
use serde_json::{Value, json};

use crate::support::{TODAY, counts, quiet, tenant};

pub(crate) const DEFAULT: &str = "/policies/defaultAppManagementPolicy";
const NAME: &str = "Default app management tenant policy";
const WRITES: [&str; 2] = ["Application.ReadWrite.All", "Directory.Read.All"];

/// A client of an app that may register apps, and these permissions besides.
pub(crate) fn client(tenant: &MemoryTenant, more: &[&str]) -> Client {
    let caller = tenant.add_caller(&[&WRITES[..], more].concat());
    tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap()
}

pub(crate) fn reader(tenant: &MemoryTenant) -> Client {
    client(tenant, &["Policy.Read.All"])
}

pub(crate) fn restrict(tenant: &MemoryTenant, restrictions: &Value) {
    let body = json!({"isEnabled": true, "applicationRestrictions": restrictions}).to_string();
    let (status, answer) = tenant.send_json("PATCH", DEFAULT, Some(&body));
    assert_eq!(status, 204, "{answer}");
}

pub(crate) fn lifetime(max: &str) -> Value {
    json!({"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": max}]})
}

pub(crate) fn no_secrets() -> Value {
    json!({"passwordCredentials": [{"restrictionType": "passwordAddition"}]})
}

/// Makes a policy by hand and assigns it to an application.
pub(crate) fn assign(tenant: &MemoryTenant, app: impl std::fmt::Display, is_enabled: bool, restrictions: &Value) {
    let body = json!({"displayName": "Vendors", "isEnabled": is_enabled, "restrictions": restrictions}).to_string();
    let (status, answer) = tenant.send_json("POST", "/policies/appManagementPolicies", Some(&body));
    assert_eq!(status, 201, "{answer}");
    let id = serde_json::from_str::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_owned();
    let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/policies/appManagementPolicies/{id}")});
    let path = format!("/applications/{app}/appManagementPolicies/$ref");
    let (status, answer) = tenant.send_json("POST", &path, Some(&link.to_string()));
    assert_eq!(status, 204, "{answer}");
}

pub(crate) fn two_years() -> AppRegistration {
    AppRegistration::new("backup", "Backup").credential(ClientSecret::new("Main").valid_for_days(730))
}

/// The requests that were refused, but for reads of what is not there yet.
pub(crate) fn refused(tenant: &MemoryTenant) -> Vec<String> {
    let requests = tenant.requests();
    let items = requests.iter().flat_map(|request| {
        let whole = (request.method.clone(), request.path.clone(), request.status);
        let items = request.items.iter().map(|item| (item.method.clone(), item.url.clone(), item.status));
        std::iter::once(whole).chain(items)
    });
    let failed = items.filter(|(method, _, status)| {
        let status = status.unwrap();
        status.as_u16() >= 400 && !(status == 404 && method == "GET")
    });
    failed.map(|(method, path, status)| format!("{method} {path}: {}", status.unwrap())).collect()
}

fn asks_for_policies(tenant: &MemoryTenant) -> bool {
    let requests = tenant.requests();
    let items = requests.iter().flat_map(|request| &request.items).map(|item| &item.url);
    requests.iter().map(|request| &request.path).chain(items).any(|path| path.to_lowercase().contains("policies"))
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_a_policy_forbids_is_refused_by_the_plan_with_its_name_and_what_it_allows() {
    let tenant = tenant();
    restrict(&tenant, &lifetime("P90D"));
    let client = reader(&tenant);
    let error = client.plan(&two_years()).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (ErrorCode::SecretLifetimeForbiddenByPolicy, ErrorKind::Refused));
    let text = error.to_string();
    for part in [NAME, "90 days", "“Main” asks for 730 days", "shorten"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(counts(&tenant), (1, 0), "the policies come with what is read anyway");
    assert!(
        client
            .plan(&AppRegistration::new("backup", "Backup").credential(ClientSecret::new("Main").valid_for_days(90)))
            .await
            .is_ok()
    );
    // What cannot be made is left open by a checklist, with the reason.
    let checklist = client.verify(&two_years()).await.unwrap();
    let open = checklist.open().find(|check| check.id.kind() == StepKind::SECRET).unwrap();
    assert!(open.remedy.as_deref().unwrap().contains("90 days"), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_is_shortened_on_request_without_a_failed_request_and_the_report_says_so() {
    let tenant = tenant();
    restrict(&tenant, &lifetime("P90D"));
    let client = reader(&tenant);
    quiet(&tenant);
    let plan = client.plan(&two_years()).shorten().await.unwrap();
    assert!(plan.to_string().contains("for 90 days in place of 730 days, because the app management policy"), "{plan}");
    let plan = Plan::from_json(&plan.to_json()).unwrap();
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!(refused(&tenant), Vec::<String>::new());
    let end = registered.secrets[0].end.unwrap();
    assert!(end <= TODAY + Duration::days(90) && end > TODAY + Duration::days(89), "{end}");
    let [correction] = &registered.corrections[..] else { panic!("{:?}", registered.corrections) };
    for part in ["“Main”", "for 90 days in place of 730 days", NAME] {
        assert!(correction.contains(part), "{correction}");
    }
    // Once more: nothing is written, in the two requests of any converged run.
    quiet(&tenant);
    let plan = client.plan(&two_years()).shorten().holding(registered.secrets[0].key_id).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    assert!(client.apply(&plan).await.unwrap().corrections.is_empty());
    assert_eq!(counts(&tenant), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_first_run_that_reads_policies_takes_the_four_requests_of_any() {
    let tenant = tenant();
    restrict(&tenant, &lifetime("P90D"));
    let client = client(&tenant, &["Policy.Read.All", "AppRoleAssignment.ReadWrite.All"]);
    let wanted = two_years().permission(entra_apps::permission::microsoft_graph::application::USER_READ_ALL);
    let plan = client.plan(&wanted).shorten().await.unwrap();
    client.apply(&plan).approve_all().await.unwrap();
    assert_eq!(counts(&tenant).0, 4);
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_nothing_is_asked_or_guessed_and_the_error_says_what_to_ask() {
    for shorten in [false, true] {
        let tenant = tenant();
        restrict(&tenant, &lifetime("P90D"));
        let client = client(&tenant, &[]);
        let wanted = two_years();
        let request = client.plan(&wanted);
        let plan = if shorten { request.shorten() } else { request }.await.unwrap();
        let failed = client.apply(&plan).await.unwrap_err();
        let error = failed.error();
        assert_eq!(error.code(), ErrorCode::SecretLifetimeForbiddenByPolicy, "{error}");
        assert!(error.service_message().unwrap().contains("00000000-0000-0000-0000-000000000000"), "{error}");
        for part in ["Ask an administrator", "Policy.Read.All", "`shorten`"] {
            assert!(error.remedy().contains(part), "{error}");
        }
        assert!(!asks_for_policies(&tenant), "its token shows that it may not");
    }
}

#[tokio::test(start_paused = true)]
async fn where_secrets_are_forbidden_the_error_names_certificate_and_federated_credential() {
    for may_read in [true, false] {
        let tenant = tenant();
        restrict(&tenant, &no_secrets());
        let client = if may_read { reader(&tenant) } else { client(&tenant, &[]) };
        let error = match client.plan(&two_years()).shorten().await {
            Err(error) => error,
            Ok(plan) => client.apply(&plan).await.unwrap_err().into_parts().0,
        };
        assert_eq!(error.code(), ErrorCode::SecretForbiddenByPolicy, "{error}");
        assert!(error.remedy().contains("certificate") && error.remedy().contains("federated"), "{error}");
        assert_eq!(error.message().contains(NAME), may_read, "{error}");
        assert_eq!(error.status().is_none(), may_read, "predicted, or refused");
        // Without a secret, the same registration goes through.
        let plan = client.plan(&AppRegistration::new("backup", "Backup")).await.unwrap();
        client.apply(&plan).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_app_takes_the_place_of_the_default() {
    let tenant = tenant();
    let client = reader(&tenant);
    let plan = client.plan(&AppRegistration::new("backup", "Backup")).await.unwrap();
    let app = client.apply(&plan).await.unwrap().application.unwrap().application_id;
    restrict(&tenant, &no_secrets());
    assign(&tenant, app, true, &lifetime("P180D"));
    let error = client.plan(&two_years()).await.unwrap_err();
    assert!(error.message().contains("“Vendors” allows client secrets of 180 days"), "{error}");
    let plan = client.plan(&two_years()).shorten().await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    assert!(registered.secrets[0].end.unwrap() > TODAY + Duration::days(179));
}

#[tokio::test(start_paused = true)]
async fn an_audience_that_a_policy_forbids_is_refused_by_the_plan_and_named_by_the_refusal() {
    for may_read in [true, false] {
        let tenant = tenant();
        restrict(&tenant, &json!({"audiences": {"azureAdMultipleOrgs": {"state": "enabled"}}}));
        let client = if may_read { reader(&tenant) } else { client(&tenant, &[]) };
        let many = AppRegistration::new("backup", "Backup").audience(SignInAudience::MultipleOrganizations);
        let error = match client.plan(&many).await {
            Err(error) => error,
            Ok(plan) => client.apply(&plan).await.unwrap_err().into_parts().0,
        };
        assert_eq!(
            (error.code(), error.status().is_none()),
            (ErrorCode::AudienceForbiddenByPolicy, may_read),
            "{error}"
        );
        assert!(error.remedy().contains("single-tenant"), "{error}");
        assert!(client.plan(&AppRegistration::new("backup", "Backup")).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_from_a_file_says_of_policies_is_read_again() {
    let tenant = tenant();
    let client = reader(&tenant);
    let saved = client.plan(&two_years()).await.unwrap().to_json();
    restrict(&tenant, &lifetime("P90D"));
    let failed = client.apply(&Plan::from_json(&saved).unwrap()).await.unwrap_err();
    assert_eq!(failed.error().code(), ErrorCode::SecretLifetimeForbiddenByPolicy, "{failed}");
    assert_eq!(failed.error().status(), None, "nothing was sent");
    assert!(tenant.applications().iter().all(|app| app.unique_name.is_none()));
}

#[tokio::test(start_paused = true)]
async fn each_refusal_by_a_policy_has_a_code_of_its_own() {
    let tenant = tenant();
    restrict(
        &tenant,
        &json!({
            "passwordCredentials": [{"restrictionType": "passwordAddition"}],
            "identifierUris": {"uriAdditionWithoutUniqueTenantIdentifier": {"state": "enabled"}}
        }),
    );
    let client = client(&tenant, &[]);
    let app = client.applications().create(&NewApplication::new("App")).await.unwrap().id.unwrap();
    let patch = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let send = |method: &str, path: String, body: Value| {
        let client = &client;
        let method = method.parse::<entra_apps::http::Method>().unwrap();
        async move { client.request(method, path).json(&body).returning_nothing().await.unwrap_err() }
    };
    let secret = send("POST", format!("applications/{app}/addPassword"), json!({})).await;
    assert_eq!(secret.code(), ErrorCode::SecretForbiddenByPolicy, "{secret}");
    let uri = patch(r#"{"identifierUris": ["api://backup"], "api": {"requestedAccessTokenVersion": 2}}"#);
    let uri = send("PATCH", format!("applications/{app}"), uri).await;
    assert_eq!(uri.code(), ErrorCode::IdentifierUriForbiddenByPolicy, "{uri}");

    for (code, expected) in [
        ("CredentialInvalidLifetimeAsPerAppPolicy", ErrorCode::CertificateLifetimeForbiddenByPolicy),
        ("CredentialTypeNotAllowedAsPerAppPolicy", ErrorCode::CertificateForbiddenByPolicy),
    ] {
        for (method, path) in [("PATCH", format!("applications/{app}")), ("POST", format!("applications/{app}/addKey"))]
        {
            tenant.fault(entra_emulator::Fault::on(method, &format!("/{path}")).refuses(
                400,
                code,
                "As per policy 'x'.",
            ));
            let error = send(method, path, json!({})).await;
            assert_eq!((error.code(), error.kind()), (expected, ErrorKind::Refused), "{method} {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_demands_a_service_tree_entry_says_so_by_a_code() {
    let tenant = crate::support::builder().requires_service_management_reference().build();
    let client = tenant.client();
    let plan = client.plan(&AppRegistration::new("backup", "Backup")).await.unwrap();
    let failed = client.apply(&plan).await.unwrap_err();
    assert_eq!(failed.error().code(), ErrorCode::ServiceManagementReferenceMissing, "{failed}");
    assert_eq!(failed.error().kind(), ErrorKind::Refused);
    assert!(failed.error().remedy().contains("adopt"), "{failed}");
    // As the remedy says:
    let body = r#"{"displayName": "Backup", "serviceManagementReference": "tree-1"}"#;
    assert_eq!(tenant.send_json("POST", "/applications", Some(body)).0, 201);
    let by_hand = tenant.applications().pop().unwrap().app_id;
    let backup = AppRegistration::new("backup", "Backup");
    let plan = client.plan(&backup).adopt(by_hand).await.unwrap();
    client.apply(&plan).await.unwrap();
}
