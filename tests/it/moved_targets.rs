//! What has moved since it was read makes a kept plan outdated, and what could not be read is not taken for empty.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{
    AppRegistration, Client, ClientSecret, ErrorCode, ErrorKind, IssuedSecret, Plan, RedirectUri, SecretSink,
};
use entra_emulator::{Fault, MemoryTenant};
use serde_json::{Value, json};

use crate::support::{counts, quiet, register, secrets_of, tenant};

const GRAPH: &str = "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web("https://contoso.example/a").unwrap())
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"))
}

fn send(tenant: &MemoryTenant, method: &str, path: &str, body: &Value) -> Value {
    let (status, text) = tenant.send_json(method, path, (!body.is_null()).then(|| body.to_string()).as_deref());
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A tenant with the app, an hour ago.
async fn scene() -> (MemoryTenant, Client) {
    let tenant = tenant();
    let client = tenant.client();
    register(&client, &registration()).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    // Another client, which remembers nothing of it.
    let client = tenant.client();
    (tenant, client)
}

#[tokio::test(start_paused = true)]
async fn whatever_was_read_and_has_moved_makes_a_kept_plan_outdated() {
    let (tenant, client) = scene().await;
    let plan = client.plan(&registration()).await.unwrap();
    let app_id = plan.app_id().unwrap();
    let (app, own) = (format!("/applications(appId='{app_id}')"), format!("/servicePrincipals(appId='{app_id}')"));
    let id = |path: &str| send(&tenant, "GET", path, &Value::Null)["id"].as_str().unwrap().to_owned();
    let (graph, principal, object) = (id(GRAPH), id(&own), id(&app));
    let role = application::AUDIT_LOG_READ_ALL.id().unwrap();
    let grants = send(&tenant, "GET", &format!("{own}/oauth2PermissionGrants"), &Value::Null)["value"].clone();
    let grant = format!("/oauth2PermissionGrants/{}", grants[0]["id"].as_str().unwrap());
    let secret = secrets_of(&tenant)[0];
    for (method, path, body) in [
        ("PATCH", &app, json!({"tags": ["theirs"]})),
        ("PATCH", &app, json!({"web": {"redirectUris": ["https://contoso.example/a", "https://contoso.example/b"]}})),
        ("PATCH", &app, json!({"signInAudience": "AzureADMultipleOrgs"})),
        ("PATCH", &app, json!({"isFallbackPublicClient": true})),
        ("PATCH", &app, json!({"displayName": "Renamed"})),
        ("PATCH", &app, json!({"notes": "theirs"})),
        ("PATCH", &app, json!({"requiredResourceAccess": []})),
        ("PATCH", &own, json!({"accountEnabled": false})),
        ("PATCH", &own, json!({"tags": ["theirs"]})),
        ("PATCH", &grant, json!({"scope": "User.Read Mail.Read"})),
        ("DELETE", &grant, Value::Null),
        (
            "POST",
            &format!("/servicePrincipals/{graph}/appRoleAssignedTo"),
            json!({"principalId": principal, "resourceId": graph, "appRoleId": role}),
        ),
        (
            "POST",
            &format!("/applications/{object}/addPassword"),
            json!({"passwordCredential": {"displayName": "Main"}}),
        ),
        ("POST", &format!("/applications/{object}/removePassword"), json!({"keyId": secret})),
    ] {
        let plan = client.plan(&registration()).await.unwrap();
        let again = client.plan(&registration()).await.unwrap();
        assert_eq!(plan, again, "before {method} {path} {body}");
        let kept = Plan::from_json(&plan.to_json()).unwrap();
        send(&tenant, method, path, &body);
        quiet(&tenant);
        let code = client.apply(&kept).approve_all().await.map_err(|error| error.error().code()).err();
        assert_eq!(code, Some(ErrorCode::PlanOutdated), "{method} {path} {body}");
        assert_eq!(counts(&tenant).1, 0, "{method} {path} {body}");
        assert_ne!(client.plan(&registration()).await.unwrap(), plan, "{method} {path} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_may_not_be_read_is_not_empty() {
    for list in ["appRoleAssignments", "oauth2PermissionGrants"] {
        let (tenant, client) = scene().await;
        let refused = Fault::on("GET", &format!("/servicePrincipals/*/{list}")).in_batch().always();
        tenant.fault(refused.refuses(403, "Authorization_RequestDenied", "Insufficient privileges."));
        let error = client.plan(&registration()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{list}: {error}");
        assert!(tenant.unmet_faults().is_empty(), "{list}");
        // A replica that does not know the principal's lists yet is another matter.
        tenant.clear_faults();
        let unknown = Fault::on("GET", &format!("/servicePrincipals/*/{list}")).in_batch().always();
        tenant.fault(unknown.refuses(404, "Request_ResourceNotFound", "Resource 'x' does not exist."));
        let plan = client.plan(&registration()).await.unwrap();
        assert!(!plan.is_converged(), "{list}: {plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_go_and_is_gone_already_is_what_was_wanted() {
    let narrow = AppRegistration::new("k", "App").remove_surplus();
    for (method, path) in
        [("DELETE", "/oauth2PermissionGrants/*"), ("DELETE", "/servicePrincipals/*/appRoleAssignedTo/*")]
    {
        let (tenant, client) = scene().await;
        let plan = client.plan(&narrow).await.unwrap();
        let gone = Fault::on(method, path).in_batch();
        tenant.fault(gone.refuses(404, "Request_ResourceNotFound", "Resource 'x' does not exist."));
        client.apply(&plan).approve_all().await.unwrap();
        assert!(tenant.unmet_faults().is_empty(), "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_are_told_apart_by_their_names() {
    let tenant = tenant();
    let client = tenant.client();
    let two =
        AppRegistration::new("k", "App").credential(ClientSecret::new("One")).credential(ClientSecret::new("Two"));
    let issued = register(&client, &two).await.secrets;
    let names: Vec<_> = issued.iter().filter_map(|secret| secret.display_name.as_deref()).collect();
    assert_eq!(names, ["One", "Two"]);
    let twice = two.credential(ClientSecret::new("One"));
    assert_eq!(client.plan(&twice).await.unwrap_err().code(), ErrorCode::SecretTwice);
}

/// A vault that is sealed.
#[derive(Debug)]
struct Sealed;

#[async_trait]
impl SecretSink for Sealed {
    async fn store(&self, _: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("the vault is sealed".into())
    }
}

/// The removal of a secret that nobody has is done, though its response was lost: it is not reported as live.
#[tokio::test(start_paused = true)]
async fn a_removal_whose_response_was_lost_is_a_removal() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&registration()).await.unwrap();
    tenant.fault(Fault::on("POST", "/applications/*/removePassword").response_lost());
    let error = client.apply(&plan).secret_sink(Arc::new(Sealed)).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::SecretNotStored, "{error}");
    assert!(error.to_string().contains("was removed from the application again"), "{error}");
    assert!(error.report().secrets.is_empty() && secrets_of(&tenant).is_empty(), "{error}");
}

/// Each property that was changed by hand is shown with both values, set back alone, and reported.
#[tokio::test(start_paused = true)]
async fn what_was_changed_by_hand_is_shown_set_back_and_reported() {
    let registration = registration()
        .tag("ours".parse().unwrap())
        .notes("ours")
        .allow_public_client_flows()
        .lock_instance_properties();
    let tenant = tenant();
    register(&tenant.client(), &registration).await;
    let app = tenant.client().plan(&registration).await.unwrap().app_id().unwrap();
    let app = format!("/applications(appId='{app}')");
    for (members, shown, reported) in [
        (json!({"displayName": "Renamed"}), "display name: Renamed → App", "set the display name"),
        (json!({"signInAudience": "AzureADMultipleOrgs"}), "→", "set the supported account types"),
        (json!({"web": {"redirectUris": []}}), "https://contoso.example/a", "set the redirect URIs"),
        (json!({"isFallbackPublicClient": false}), "off → on", "set public client flows"),
        (json!({"notes": "theirs"}), "theirs", "set the notes"),
        (json!({"tags": []}), "ours", "set the tags"),
        (json!({"requiredResourceAccess": []}), "declare User.Read.All", "set the declared permissions"),
    ] {
        tokio::time::advance(Duration::from_secs(3600)).await;
        send(&tenant, "PATCH", &app, &members);
        let client = tenant.client();
        let plan = client.plan(&registration).await.unwrap();
        assert!(plan.to_string().contains(shown), "{members}: {plan}");
        let report = client.apply(&plan).approve_all().await.unwrap();
        let done: Vec<_> = report.done.iter().map(|done| done.text.as_str()).collect();
        assert_eq!(done, [reported], "{members}: {plan}");
        assert!(client.verify(&registration).await.unwrap().is_done(), "{members}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_declares_no_more_than_entra_takes() {
    use entra_apps::SignInAudience;
    use entra_apps::ids::{AppId, PermissionId};
    use entra_apps::permission::{Permission, PermissionKind};
    // Of so many APIs, so many permissions each.
    let of = |apis: u128, each: u128, audience: SignInAudience| {
        let permissions = (1..=apis).flat_map(|api| (1..=each).map(move |id| (api, id)));
        permissions.fold(AppRegistration::new("k", "App").audience(audience), |registration, (api, id)| {
            let (api, id) = (AppId::from_u128(api), PermissionId::from_u128(1000 * api + id));
            registration.permission(Permission::by_id(api, id, PermissionKind::Application))
        })
    };
    let (work, personal) =
        (SignInAudience::MultipleOrganizations, SignInAudience::MultipleOrganizationsAndPersonalAccounts);
    for (apis, each, audience, is_taken) in [
        (50, 8, work.clone(), true),
        (51, 1, work.clone(), false),
        (8, 50, work.clone(), true),
        (1, 401, work, false),
        (1, 30, personal.clone(), true),
        (1, 31, personal.clone(), false),
        (10, 20, personal.clone(), true),
        (11, 20, personal, false),
    ] {
        let result = of(apis, each, audience.clone()).check();
        let code = result.err().map(|error| error.code());
        assert_eq!(code, (!is_taken).then_some(ErrorCode::TooManyPermissions), "{apis} × {each} for {audience:?}");
    }
}

/// What the apply of an adopted app reports names the unique name that it was given, once.
#[tokio::test(start_paused = true)]
async fn a_unique_name_that_was_given_is_reported_once() {
    let tenant = tenant();
    let made = send(&tenant, "POST", "/applications", &json!({"displayName": "App"}));
    let app_id = made["appId"].as_str().unwrap().parse().unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App");
    let plan = client.plan(&registration).adopt(app_id).await.unwrap();
    let named =
        |report: &entra_apps::Registered| report.done.iter().filter(|done| done.text == "set the unique name").count();
    assert_eq!(named(&client.apply(&plan).await.unwrap()), 1);
    let plan = client.plan(&registration.clone().notes("more")).await.unwrap();
    assert_eq!(named(&client.apply(&plan).await.unwrap()), 0);
}

/// Secrets that are held already are not issued, so that their end is nobody's business any more.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_past_matters_where_a_secret_is_issued() {
    let (tenant, client) = scene().await;
    let past = registration_ending(crate::support::TODAY - entra_apps::time::Duration::days(1));
    assert_eq!(client.plan(&past).await.unwrap_err().code(), ErrorCode::InvalidSecretLifetime);
    let held = secrets_of(&tenant)[0];
    assert!(client.plan(&past).holding(held).await.unwrap().is_converged());
}

fn registration_ending(end: entra_apps::time::OffsetDateTime) -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web("https://contoso.example/a").unwrap())
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main").valid_until(end))
}
