//! What tests share: a tenant of a fixed day, and a run.

use entra_apps::ids::{KeyId, PermissionId};
use entra_apps::permission::{MICROSOFT_GRAPH, PermissionKind};
use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
use entra_apps::{AppRegistration, Client, Error, Registered};
use entra_emulator::{MemoryTenant, MemoryTenantBuilder};
use serde_json::Value;

pub(crate) mod guides;
pub(crate) mod scripted_transport;
mod tenants;

pub(crate) use tenants::*;

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

/// A token of a provider of the crate, whose errors are the crate's own.
pub(crate) async fn token_of(provider: &dyn TokenProvider, request: &TokenRequest) -> Result<AccessToken, Error> {
    provider.token(request).await.map_err(|error| *error.downcast::<Error>().expect("an error of the crate"))
}

/// The secrets of the application that has a key, as the directory holds them.
pub(crate) fn secrets_of(tenant: &MemoryTenant) -> Vec<KeyId> {
    let app = tenant.applications().into_iter().find(|app| app.unique_name.is_some()).expect("it is registered");
    let app: Value = serde_json::from_str(&app.json).expect("it is JSON");
    let secrets = app["passwordCredentials"].as_array().expect("a list");
    secrets.iter().map(|secret| secret["keyId"].as_str().unwrap().parse().unwrap()).collect()
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
