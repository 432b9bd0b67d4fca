//! Partners: relationships, their subresources, customers, contracts and Partner Center.

mod assignments;
mod groups;
mod lists;
mod partner_center;
mod presets;
mod relationships;
mod rights;
mod role_management;
mod snapshots;
mod tenants;

use std::time::Duration;

use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::graph::call::{DelegatedUser, Identity};
use crate::{MemoryCloud, User};

const READ: &str = "DelegatedAdminRelationship.Read.All";
const WRITE: &str = "DelegatedAdminRelationship.ReadWrite.All";
const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships";

const GLOBAL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10);
const APPLICATION_ADMINISTRATOR: Uuid = Uuid::from_u128(0x9b89_5d92_2cd3_44c7_9d02_a6ac_2d5e_a5c3);
const DIRECTORY_READERS: Uuid = Uuid::from_u128(0x88d8_e3e3_8f55_4a1e_953a_9b98_98b8_876b);

/// A partner and two customers, known by their domains.
struct Cloud {
    partner: MemoryTenant,
    customer: MemoryTenant,
    other: MemoryTenant,
    all: MemoryCloud,
}

impl Cloud {
    fn new() -> Self {
        Self::of(builder().partner())
    }

    fn of(partner: MemoryTenantBuilder) -> Self {
        let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com")).display_name(name);
        let cloud = MemoryCloud::new([partner.domain("partner.onmicrosoft.com"), named("Fabrikam"), named("Adatum")]);
        let [partner, customer, other] = [0, 1, 2].map(|at| cloud.tenants()[at].clone());
        Self { partner, customer, other, all: cloud }
    }

    /// An app of the partner with application permissions.
    async fn app(&self, roles: &[&str]) -> Session {
        Session::of(&self.partner, &self.partner.add_caller(roles)).await
    }

    async fn writer(&self) -> Session {
        self.app(&[WRITE]).await
    }

    /// A user of the partner, signed in to it with delegated permissions of Graph.
    fn user(&self, user: &User, scopes: &[&str]) -> Session {
        let tenant = self.partner.clone();
        let token = format!("token-{}-{}", user.id, scopes.join("-"));
        put_token(&tenant, &token, user, scopes, &Signed::default());
        Session { tenant, token }
    }
}

/// How a user has signed in.
struct Signed {
    app_id: String,
    audience: String,
    mfa: bool,
}

impl Default for Signed {
    fn default() -> Self {
        let app_id = "11111111-2222-3333-4444-555555555555".to_owned();
        Self { app_id, audience: MICROSOFT_GRAPH.to_string(), mfa: true }
    }
}

/// Adds a token of a user as if the sign-in had issued it.
fn put_token(tenant: &MemoryTenant, token: &str, user: &User, scopes: &[&str], signed: &Signed) {
    let mut state = tenant.state();
    let id = user.id.to_string();
    let wids = state.directory.roles.get(&id).cloned().unwrap_or_default();
    let scopes = scopes.iter().map(ToString::to_string).collect();
    let user = DelegatedUser { id, home: tenant.id().into(), scopes, is_guest: false, mfa: signed.mfa };
    let identity = Identity {
        app_id: signed.app_id.clone(),
        service_principal_id: String::new(),
        roles: Vec::new(),
        wids,
        user: Some(user),
    };
    state.tokens.put(token, identity, &signed.audience, datetime!(2030-01-01 00:00 UTC));
}

/// What is sent to create a relationship.
fn requested(name: &str, roles: &[Uuid]) -> Value {
    let roles: Vec<Value> = roles.iter().map(|id| json!({ "roleDefinitionId": id })).collect();
    json!({"displayName": name, "duration": "P730D", "accessDetails": {"unifiedRoles": roles}})
}

fn path_of(relationship: &Value) -> String {
    format!("{RELATIONSHIPS}/{}", relationship["id"].as_str().unwrap())
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

impl Session {
    async fn if_match(&self, method: &str, path: &str, etag: &str, body: Option<Value>) -> Answered {
        self.try_send(method, path, &[("If-Match", etag)], body).await.unwrap()
    }

    async fn etag(&self, path: &str) -> String {
        self.get(path).await.expect(200)["@odata.etag"].as_str().unwrap().to_owned()
    }

    /// Sends with the current ETag.
    async fn matched(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        let etag = self.etag(path).await;
        self.if_match(method, path, &etag, body).await
    }

    async fn status(&self, path: &str) -> String {
        self.get(path).await.expect(200)["status"].as_str().unwrap().to_owned()
    }
}
