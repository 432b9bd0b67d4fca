//! The behaviour of the tenant, seen through its transport.

mod app_management;
mod applications;
mod azure_management;
mod clients;
mod cloud;
mod delta;
mod depth;
mod faults;
mod faulty_transport;
mod federated_credentials;
mod grants;
mod key_credentials;
mod lag;
mod legacy_values;
mod memory;
mod objects;
mod paging;
mod partner;
mod permissions;
mod queries;
mod reports;
mod sign_in;
mod sign_in_certificates;
mod sign_in_code;
mod sign_in_consent;
mod sign_in_device;
mod sign_in_discovery;
mod sign_in_partner;
mod sign_in_refresh;
mod snapshots;
mod throttling;
mod types;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{Caller, MemoryCloud, MemoryTenant, MemoryTenantBuilder};
use crate::clock::TenantClock;
use entra_apps::ids::PermissionId;
use entra_apps::permission::{MICROSOFT_GRAPH, PermissionKind};
use entra_apps::transport::{Transport as _, TransportError};

const USER_READ_ALL: u128 = 0xdf02_1288_bdef_4463_88db_98f2_2de8_9214;
const USER_READ: u128 = 0xe1fe_6dd8_ba31_4d61_89e7_8863_9da4_683d;

/// A tenant on virtual time whose Microsoft Graph has a few more permissions than the callers hold.
fn builder() -> MemoryTenantBuilder {
    let named = [
        ("Application.Read.All", 0x9a5d_68dd_52b0_4cc2_bd40_abcf_44ac_3a30),
        ("Application.ReadWrite.All", 0x1bfe_fb4e_e0b5_418b_a88f_73c4_6d2c_c8e9),
        ("Application.ReadWrite.OwnedBy", 0x18a4_783c_866b_4cc7_a460_3d5e_5662_c884),
        ("DelegatedPermissionGrant.ReadWrite.All", 0x8e8e_4742_1d95_4f68_9d56_6ee7_5648_c72a),
        ("Organization.Read.All", 0x4984_76ce_e0fe_48b0_b801_37ba_7e26_85c6),
        ("AppRoleAssignment.ReadWrite.All", 0x06b7_08a9_e830_4db3_a914_8e69_da51_d44f),
        ("Directory.Read.All", 0x7ab1_d382_f21e_4acd_a863_ba3e_13f7_da61),
        ("User.Read.All", USER_READ_ALL),
    ];
    let builder = MemoryTenant::builder().clock(Arc::new(TenantClock::starting_at(datetime!(2025-06-01 12:00 UTC))));
    let builder = named.into_iter().fold(builder, |builder, (value, id)| {
        builder.permission(MICROSOFT_GRAPH, PermissionKind::Application, value, PermissionId::from_u128(id))
    });
    builder.permission(MICROSOFT_GRAPH, PermissionKind::Delegated, "User.Read", PermissionId::from_u128(USER_READ))
}

/// A response, parsed.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answered {
    fn of(response: http::Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The code and the message of a refusal.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> String {
        assert_eq!((self.status, self.body["error"]["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        self.body["error"]["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// A caller that has signed in.
#[derive(Clone)]
struct Session {
    tenant: MemoryTenant,
    token: String,
}

async fn sign_in(tenant: &MemoryTenant, caller: &Caller) -> Answered {
    token(tenant, caller, "https://graph.microsoft.com/.default").await
}

async fn token(tenant: &MemoryTenant, caller: &Caller, scope: &str) -> Answered {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &caller.client_id.to_string())
        .append_pair("client_secret", caller.client_secret.expose_secret())
        .append_pair("scope", scope)
        .finish();
    let uri = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id());
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").body(form.into());
    Answered::of(tenant.send(request.unwrap()).await.unwrap())
}

impl Session {
    async fn new(tenant: &MemoryTenant) -> Self {
        Self::of(tenant, &tenant.caller()).await
    }

    async fn of(tenant: &MemoryTenant, caller: &Caller) -> Self {
        let token = sign_in(tenant, caller).await.expect(200)["access_token"].as_str().unwrap().to_owned();
        Self { tenant: tenant.clone(), token }
    }

    async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answered, TransportError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://graph.microsoft.com/v1.0{path}"))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        self.tenant.send(request.body(body).unwrap()).await.map(Answered::of)
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.try_send(method, path, &[], body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, None).await
    }

    /// Reads from the beta version.
    async fn get_beta(&self, path: &str) -> Answered {
        let request = Request::get(format!("https://graph.microsoft.com/beta{path}"));
        let request = request.header("authorization", format!("Bearer {}", self.token)).body(Bytes::new());
        Answered::of(self.tenant.send(request.unwrap()).await.unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        self.send("POST", path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answered {
        self.send("PATCH", path, Some(body)).await
    }

    async fn upsert(&self, name: &str, body: Value) -> Answered {
        let path = format!("/applications(uniqueName='{name}')");
        self.try_send("PATCH", &path, &[("prefer", "create-if-missing")], Some(body)).await.unwrap()
    }

    async fn app(&self, name: &str) -> Value {
        self.post("/applications", json!({ "displayName": name })).await.expect(201)
    }

    /// An application with its service principal.
    async fn app_and_principal(&self, name: &str) -> (Value, Value) {
        let app = self.app(name).await;
        let principal = self.post("/servicePrincipals", json!({"appId": app["appId"]})).await.expect(201);
        (app, principal)
    }

    async fn graph_principal(&self) -> String {
        let principal =
            self.get(&format!("/servicePrincipals(appId='{MICROSOFT_GRAPH}')?$select=id")).await.expect(200);
        principal["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    let run = |seed| async move {
        let session = Session::new(&builder().seed(seed).build()).await;
        session.app("One").await.to_string() + &session.token
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn no_debug_output_and_no_inspection_shows_a_secret() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let app = session.app("App").await;
    let path = format!("/applications/{}/addPassword", app["id"].as_str().unwrap());
    let issued = session.post(&path, json!({})).await.expect(200)["secretText"].as_str().unwrap().to_owned();
    let caller = tenant.caller();
    let shown = format!(
        "{tenant:?} {caller:?} {:?} {:?} {:?} {:?}",
        tenant.requests(),
        tenant.applications(),
        tenant.service_principals(),
        MemoryTenant::builder()
    );
    assert!(
        !shown.contains(&issued)
            && !shown.contains(caller.client_secret.expose_secret())
            && !shown.contains(&session.token)
    );
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_overlap_and_sequential_ones_make_a_chain() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (a, b) = (session.clone(), session.clone());
    let both = [
        tokio::spawn(async move { a.get("/applications").await }),
        tokio::spawn(async move { b.get("/organization").await }),
    ];
    for each in both {
        each.await.unwrap().expect(200);
    }
    assert_eq!(tenant.round_trips(), 1);
    session.app("App").await;
    assert_eq!(tenant.round_trips(), 2);
    let requests = tenant.requests();
    assert!(requests[0].is_token && requests[3].is_write && !requests[1].is_write);
    assert_eq!(requests[3].status, Some(StatusCode::CREATED));
    tenant.clear_requests();
    assert_eq!((tenant.requests().len(), tenant.round_trips()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn links_are_absolute_and_follow_the_host_of_the_request() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let link =
        |response: Value| response["@odata.nextLink"].as_str().unwrap().split("/v1.0/").next().unwrap().to_owned();
    assert_eq!(link(session.get("/servicePrincipals?$top=1").await.expect(200)), "https://graph.microsoft.com");
    let forwarded = [("x-forwarded-host", "emulator:8443"), ("x-forwarded-proto", "http")];
    let response = session.try_send("GET", "/servicePrincipals?$top=1", &forwarded, None).await.unwrap();
    assert_eq!(link(response.expect(200)), "http://emulator:8443");
}
