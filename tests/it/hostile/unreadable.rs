//! Members of responses in another form than documented: what they say is unknown, and nothing else is lost with them.

use std::sync::{Arc, Mutex};

use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Method, Request, Response};
use entra_apps::ids::AppId;
use entra_apps::model::{ApplicationPatch, NewApplication, ServicePrincipalLockConfiguration};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::provision::{Action, PageUrl, StepKind, Tag};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, RedirectUri};
use entra_emulator::MemoryTenant;
use serde_json::{Value, json};

use super::server::{Reply, Server, client};
use crate::support::{counts, quiet, register, tenant};

const ID: AppId = AppId::from_u128(7);

/// Where in each response a value is put in place of the one that is there.
type Spoil = (&'static [&'static str], Value);

/// A tenant some of whose members come in another form.
#[derive(Debug)]
struct Spoiling {
    tenant: MemoryTenant,
    spoil: Mutex<Option<Spoil>>,
}

#[async_trait]
impl Transport for Spoiling {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let response = self.tenant.send(request).await?;
        let spoil = self.spoil.lock().unwrap().clone();
        let (Some((path, value)), Ok(mut body)) = (spoil, serde_json::from_slice::<Value>(response.body())) else {
            return Ok(response);
        };
        put(&mut body, path, &value);
        let (parts, _) = response.into_parts();
        Ok(Response::from_parts(parts, Bytes::from(body.to_string())))
    }
}

/// Puts a value in the place of every member that is found by this path, wherever it begins; items of lists have no name.
fn put(body: &mut Value, path: &[&str], value: &Value) {
    put_here(body, path, value);
    match body {
        Value::Object(members) => members.values_mut().for_each(|member| put(member, path, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, path, value)),
        _ => {}
    }
}

fn put_here(body: &mut Value, path: &[&str], value: &Value) {
    match (body, path) {
        (Value::Array(items), path) => items.iter_mut().for_each(|item| put_here(item, path, value)),
        (Value::Object(members), [name]) => {
            if let Some(member) = members.get_mut(*name) {
                *member = value.clone();
            }
        }
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(member) = members.get_mut(*name) {
                put_here(member, rest, value);
            }
        }
        _ => {}
    }
}

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web("https://app.example/callback").unwrap())
        .homepage(PageUrl::new("https://app.example").unwrap())
        .notes("ours")
        .tag(Tag::new("ours").unwrap())
        .forbid_public_client_flows()
        .lock_instance_properties()
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main").valid_for_months(6))
}

/// A registered app, and a client that sees it with a member in another form; the client is new each time, and has
/// written nothing.
async fn spoilt(spoil: Spoil) -> (MemoryTenant, Client) {
    let tenant = tenant();
    register(&tenant.client(), &registration()).await;
    let transport = Spoiling { tenant: tenant.clone(), spoil: Mutex::new(Some(spoil)) };
    let client = tenant.client_builder().transport(Arc::new(transport)).build().unwrap();
    (tenant, client)
}

/// The application as the directory holds it.
fn stored(tenant: &MemoryTenant) -> Value {
    let app = tenant.applications().into_iter().find(|app| app.unique_name.is_some()).unwrap();
    serde_json::from_str(&app.json).unwrap()
}

/// A member that cannot be read makes its own steps unknown and no other, and what is there is not written.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_neither_ticked_nor_overwritten() {
    let cases: [(Spoil, &[StepKind], &str); 15] = [
        ((&["web", "redirectUris"], json!(null)), &[StepKind::REDIRECT_URI], "web/redirectUris"),
        (
            (&["web", "redirectUris"], json!("https://app.example/callback")),
            &[StepKind::REDIRECT_URI],
            "web/redirectUris",
        ),
        ((&["web", "redirectUris"], json!([7])), &[StepKind::REDIRECT_URI], "web/redirectUris"),
        ((&["web", "homePageUrl"], json!({"url": "https://app.example"})), &[StepKind::HOMEPAGE], "web/homePageUrl"),
        ((&["web"], json!([])), &[StepKind::REDIRECT_URI, StepKind::HOMEPAGE], "web/"),
        ((&["notes"], json!(["ours"])), &[StepKind::NOTES], "notes"),
        ((&["tags"], json!("ours")), &[StepKind::TAG, StepKind::ENTERPRISE_APPLICATION], "tags"),
        ((&["isFallbackPublicClient"], json!("false")), &[StepKind::PUBLIC_CLIENT_FLOWS], "isFallbackPublicClient"),
        ((&["signInAudience"], json!(1)), &[StepKind::AUDIENCE], "signInAudience"),
        (
            (&["servicePrincipalLockConfiguration", "allProperties"], json!("true")),
            &[StepKind::PROPERTY_LOCK],
            "servicePrincipalLockConfiguration/allProperties",
        ),
        ((&["requiredResourceAccess"], json!(null)), &[StepKind::PERMISSION_DECLARED], "requiredResourceAccess"),
        (
            (&["requiredResourceAccess", "resourceAccess", "id"], json!("no id")),
            &[StepKind::PERMISSION_DECLARED],
            "requiredResourceAccess",
        ),
        ((&["passwordCredentials", "endDateTime"], json!("never")), &[StepKind::SECRET], "passwordCredentials"),
        ((&["passwordCredentials"], json!(null)), &[StepKind::SECRET], "passwordCredentials"),
        (
            (&["accountEnabled"], json!("yes")),
            &[StepKind::SERVICE_PRINCIPAL],
            "accountEnabled of the service principal",
        ),
    ];
    for (spoil, kinds, path) in cases {
        let name = format!("{spoil:?}");
        let (tenant, client) = spoilt(spoil).await;
        let before = stored(&tenant);

        let plan = client.plan(&registration()).await.unwrap();
        let unknown: Vec<_> = plan.steps().iter().filter(|step| step.action == Action::Unknown).collect();
        assert!(unknown.iter().all(|step| kinds.contains(&step.id.kind())), "{name}: {plan}");
        assert!(kinds.iter().all(|kind| unknown.iter().any(|step| step.id.kind() == *kind)), "{name}: {plan}");
        assert!(unknown[0].text.contains(path), "{name}: {plan}");
        assert_eq!(plan.changes().count(), 0, "{name}: {plan}");

        let checklist = client.verify(&registration()).await.unwrap();
        let open: Vec<_> = checklist.open().filter(|item| item.required).collect();
        assert!(open.iter().all(|item| kinds.contains(&item.id.kind())), "{name}: {checklist}");
        assert!(open.iter().all(|item| item.remedy.as_deref().unwrap().contains(path)), "{name}: {checklist}");
        assert!(!checklist.is_done(), "{name}: {checklist}");

        // The plan is the same when it comes from a file.
        let kept = entra_apps::Plan::from_json(&plan.to_json()).unwrap();
        assert_eq!(kept, plan, "{name}");
        assert_eq!(kept.to_json(), plan.to_json(), "{name}");
        quiet(&tenant);
        for plan in [&plan, &kept] {
            let report = client.apply(plan).approve_all().await.unwrap();
            let open: Vec<_> = report.open.iter().filter(|item| item.code == ErrorCode::UnreadableMember).collect();
            assert!(open.iter().any(|item| item.text.contains(path)), "{name}: {report:?}");
        }
        assert_eq!(counts(&tenant).1, 0, "{name}: nothing is written");
        assert_eq!(stored(&tenant), before, "{name}");
    }
}

/// What else is wanted is written all the same, and leaves alone what cannot be read.
#[tokio::test(start_paused = true)]
async fn beside_what_cannot_be_read_the_rest_is_written() {
    let (tenant, client) = spoilt((&["web", "redirectUris"], json!(["https://other.example/", 7]))).await;
    let other = RedirectUri::web("https://other.example/").unwrap();
    let wanted =
        registration().notes("newer").homepage(PageUrl::new("https://newer.example").unwrap()).redirect_uri(other);
    let checklist = client.verify(&wanted).await.unwrap();
    let of_uris: Vec<_> = checklist.items.iter().filter(|item| item.id.kind() == StepKind::REDIRECT_URI).collect();
    assert_eq!(of_uris.iter().map(|item| item.done).collect::<Vec<_>>(), [false, true], "what was found is there");
    let report = client.apply(&client.plan(&wanted).await.unwrap()).approve_all().await.unwrap();
    assert_eq!(report.open.iter().filter(|item| item.code == ErrorCode::UnreadableMember).count(), 1, "{report:?}");
    let app = stored(&tenant);
    assert_eq!((&app["notes"], &app["web"]["homePageUrl"]), (&json!("newer"), &json!("https://newer.example")));
    assert_eq!(app["web"]["redirectUris"], json!(["https://app.example/callback"]));
}

/// A member that was asked for and did not come is no empty list.
#[tokio::test(start_paused = true)]
async fn a_list_that_did_not_come_is_not_replaced() {
    #[derive(Debug)]
    struct Without(MemoryTenant);

    #[async_trait]
    impl Transport for Without {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            let response = self.0.send(request).await?;
            let body = String::from_utf8_lossy(response.body()).replace("\"requiredResourceAccess\"", "\"renamed\"");
            Ok(response.map(|_| Bytes::from(body)))
        }
    }

    let tenant = tenant();
    register(&tenant.client(), &registration()).await;
    let client = tenant.client_builder().transport(Arc::new(Without(tenant.clone()))).build().unwrap();
    let wanted = registration().permission(application::USER_READ_ALL);
    let report = client.apply(&client.plan(&wanted).await.unwrap()).approve_all().await.unwrap();
    assert!(report.open.iter().any(|item| item.text.starts_with("requiredResourceAccess")), "{report:?}");
    let app = stored(&tenant);
    assert_eq!(app["requiredResourceAccess"][0]["resourceAccess"].as_array().unwrap().len(), 2, "{app}");
}

/// Grants and assignments that cannot be read are neither taken for granted nor made again, changed or removed.
#[tokio::test(start_paused = true)]
async fn a_grant_that_cannot_be_read_is_not_touched() {
    let cases: [(Spoil, &str); 7] = [
        ((&["consentType"], json!(null)), "oauth2PermissionGrants"),
        ((&["consentType"], json!("Everybody")), "oauth2PermissionGrants"),
        ((&["consentType"], json!(1)), "oauth2PermissionGrants"),
        ((&["scope"], json!(["User.Read"])), "oauth2PermissionGrants"),
        ((&["resourceId"], json!("no id")), "oauth2PermissionGrants"),
        ((&["appRoleId"], json!("no id")), "appRoleAssignments"),
        ((&["principalType"], json!(7)), ""),
    ];
    for (spoil, path) in cases {
        let name = format!("{spoil:?}");
        let (tenant, client) = spoilt(spoil.clone()).await;
        let grants = || (tenant.oauth2_permission_grants(), tenant.app_role_assignments());
        let before = grants();
        let checklist = client.verify(&registration()).await.unwrap();
        let granted = checklist.items.iter().filter(|item| item.id.kind() == StepKind::PERMISSION_GRANTED);
        let done: Vec<_> = granted.map(|item| item.done).collect();
        assert_eq!(done.iter().all(|done| *done), spoil.0 == ["principalType"], "{name}: {checklist}");
        if !path.is_empty() {
            let wanted = registration().remove_surplus();
            let plan = client.plan(&wanted).await.unwrap();
            assert!(plan.to_string().contains(path), "{name}: {plan}");
            client.apply(&plan).approve_all().await.unwrap();
            assert_eq!(grants(), before, "{name}");
        }
    }
}

/// A secret that is not valid yet is none, and another is issued; one whose end is not known is not doubled.
#[tokio::test(start_paused = true)]
async fn both_ends_of_a_secret_count() {
    for (member, value, issued, done) in [
        ("startDateTime", json!("2099-01-01T00:00:00Z"), 1, false),
        ("startDateTime", json!("2026-06-01T12:00:00"), 0, false),
        ("startDateTime", json!("2020-01-01"), 0, true),
        ("startDateTime", json!("in a while"), 0, false),
        ("endDateTime", json!("2020-01-01T00:00:00"), 1, false),
        ("endDateTime", json!("2099-12-31T00:00:00.1234567"), 0, true),
        ("endDateTime", json!(4_102_444_800_u64), 0, false),
        ("endDateTime", json!(null), 0, false),
    ] {
        let path: &'static [&'static str] = match member {
            "startDateTime" => &["passwordCredentials", "startDateTime"],
            _ => &["passwordCredentials", "endDateTime"],
        };
        let name = format!("{member}: {value}");
        let (_, client) = spoilt((path, value.clone())).await;
        let plan = client.plan(&registration()).await.unwrap();
        let adds = plan.changes().filter(|change| change.id.kind() == StepKind::SECRET).count();
        assert_eq!(adds, issued, "{name}: {plan}");
        let checklist = client.verify(&registration()).await.unwrap();
        let checked = checklist.items.iter().find(|item| item.id.kind() == StepKind::SECRET).unwrap();
        assert_eq!(checked.done, done, "{name}: {checklist}");
        let asked = client.plan(&registration()).replace_secret("Main").await.unwrap();
        assert_eq!(asked.changes().filter(|change| change.id.kind() == StepKind::SECRET).count(), 1, "{name}: {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_list_that_is_no_object_is_one_that_is_not_known() {
    let body = r#"{"value":[{"displayName":"One"},null,7,{"displayName":"Two"}]}"#;
    let client = client(&Server::always(Reply::ok(body)));
    let apps = client.applications().list().all().await.unwrap();
    let names: Vec<_> = apps.iter().map(|app| app.display_name.as_deref()).collect();
    assert_eq!(names, [Some("One"), None, None, Some("Two")]);
    assert_eq!(apps.iter().filter(|app| app.is_unreadable("displayName")).count(), 2);
    let mut items = client.service_principals().list().items();
    let mut count = 0;
    while items.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Reads an app, changes its lock, and writes it: what the crate does not know of it goes with it.
#[tokio::test(start_paused = true)]
async fn a_typed_change_keeps_the_members_that_are_not_known() {
    let lock = json!({
        "isEnabled": true, "allProperties": "yes", "identifierUris": true, "newInGraph": {"a": [1, null]},
        "credentialsWithUsageSign": true,
    });
    let app =
        json!({"id": "00000000-0000-0000-0000-000000000001", "servicePrincipalLockConfiguration": lock}).to_string();
    let server = Server::new(move |_, request| match request.method() {
        &Method::GET => Reply::ok(app.clone()),
        _ => Reply::of(204, ""),
    });
    let client = client(&server);
    let mut lock = client.applications().get(ID).await.unwrap().service_principal_lock_configuration.unwrap();
    assert_eq!(lock.unreadable(), ["allProperties"]);
    lock.credentials_with_usage_sign = Some(false);
    let patch = ApplicationPatch::new().service_principal_lock_configuration(lock.verify_credentials_locked());
    client.applications().update(ID, &patch).await.unwrap();
    let sent: Value = serde_json::from_slice(server.requests().last().unwrap().body()).unwrap();
    let written = json!({
        "isEnabled": true, "allProperties": "yes", "identifierUris": true, "newInGraph": {"a": [1, null]},
        "credentialsWithUsageSign": false, "credentialsWithUsageVerify": true,
    });
    assert_eq!(sent, json!({ "servicePrincipalLockConfiguration": written }));
}

/// The emulator has the whole lock, and takes it back as it was read.
#[tokio::test(start_paused = true)]
async fn a_lock_is_read_changed_and_written_in_a_tenant() {
    let client = tenant().client();
    let lock = ServicePrincipalLockConfiguration::of_all().token_encryption_key_locked();
    let new = NewApplication::new("App").service_principal_lock_configuration(lock);
    let app = client.applications().create(&new).await.unwrap();
    let id = app.app_id.unwrap();
    let mut lock = client.applications().get(id).await.unwrap().service_principal_lock_configuration.unwrap();
    assert!(lock.was_read("allProperties") && lock.unreadable().is_empty());
    lock.is_enabled = Some(false);
    let patch = ApplicationPatch::new().service_principal_lock_configuration(lock.clone());
    client.applications().update(id, &patch).await.unwrap();
    let again = client.applications().get(id).await.unwrap().service_principal_lock_configuration.unwrap();
    assert_eq!(again, lock);
}
