//! What tests share: a tenant of a fixed day, and a run.

use std::sync::Arc;

use entra_apps::bytes::Bytes;
use entra_apps::clock::TokioClock;
use entra_apps::http::Request;
use entra_apps::ids::{KeyId, PermissionId};
use entra_apps::memory::{MemoryTenant, MemoryTenantBuilder};
use entra_apps::permission::{MICROSOFT_GRAPH, PermissionKind};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::OffsetDateTime;
use entra_apps::time::macros::datetime;
use entra_apps::transport::Transport as _;
use entra_apps::url::form_urlencoded;
use entra_apps::{AppRegistration, Client, Registered};
use serde_json::Value;

// Where this file lies, whichever test takes it in.
#[path = "traffic.rs"]
pub(crate) mod traffic;

pub(crate) const TODAY: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);

/// A tenant whose time is tokio's, and so virtual. What goes over its transport is written down if the environment says
/// where.
pub(crate) fn builder() -> MemoryTenantBuilder {
    traffic::record(MemoryTenant::builder().clock(Arc::new(TokioClock::starting_at(TODAY))))
}

pub(crate) fn tenant() -> MemoryTenant {
    builder().build()
}

/// A tenant in which a permission of Microsoft Graph has an id of its own, as in a national cloud.
pub(crate) fn builder_with_own_id(permission: &str, id: PermissionId) -> MemoryTenantBuilder {
    builder().without_permission(MICROSOFT_GRAPH, permission).permission(
        MICROSOFT_GRAPH,
        PermissionKind::Application,
        permission,
        id,
    )
}

/// Plans and applies, everything approved.
pub(crate) async fn register(client: &Client, registration: &AppRegistration) -> Registered {
    let plan = client.plan(registration).await.unwrap();
    client.apply(&plan).approve_all().await.unwrap()
}

/// The secrets of the application that has a key, as the directory holds them.
pub(crate) fn secrets_of(tenant: &MemoryTenant) -> Vec<KeyId> {
    let app = tenant.applications().into_iter().find(|app| app.unique_name.is_some()).expect("it is registered");
    let app: Value = serde_json::from_str(&app.json).expect("it is JSON");
    let secrets = app["passwordCredentials"].as_array().expect("a list");
    secrets.iter().map(|secret| secret["keyId"].as_str().unwrap().parse().unwrap()).collect()
}

/// A token of an app that holds just these application permissions, for requests that are written by hand.
pub(crate) async fn token(tenant: &MemoryTenant, roles: &[&str]) -> String {
    let caller = tenant.add_caller(roles);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &caller.client_id.to_string())
        .append_pair("client_secret", caller.client_secret.expose_secret())
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let request = Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .expect("it is a request");
    let response = tenant.send(request).await.expect("no fault is scripted");
    let answer: Value = serde_json::from_slice(response.body()).expect("a token comes as JSON");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}

/// The tenant without what was recorded before.
pub(crate) fn quiet(tenant: &MemoryTenant) -> &MemoryTenant {
    tenant.clear_requests();
    tenant
}

/// The requests to Graph that were recorded, and how many write; an item of a batch counts by itself as a write.
pub(crate) fn counts(tenant: &MemoryTenant) -> (usize, usize) {
    let requests: Vec<_> = tenant.requests().into_iter().filter(|request| !request.is_token).collect();
    let writes = requests
        .iter()
        .map(|request| match request.items.is_empty() {
            true => usize::from(request.is_write),
            false => request.items.iter().filter(|item| item.method != "GET").count(),
        })
        .sum();
    (requests.len(), writes)
}
