//! What a client has to know: the first line on standard output, and the response to `GET /`.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use entra_apps::auth::public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
use entra_apps::transport::{Transport, TransportError};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{MemoryCloud, MemoryTenant};

/// What a client has to know, as JSON: `baseUrl`, `tenantId`, `clientId` and `clientSecret` of the first tenant, and each
/// of the `tenants` on request. Where the first tenant is a partner's, `userPrincipalName` is of a member of `AdminAgents`,
/// who signs in to the app `publicClientId`. The client's secret is in it.
pub fn welcome(base_url: &str, cloud: &MemoryCloud, with_tenants: bool) -> Value {
    let access = |tenant: &MemoryTenant| {
        let caller = tenant.caller();
        json!({
            "tenantId": tenant.id().to_string(),
            "domain": tenant.domain(),
            "clientId": caller.client_id.to_string(),
            "clientSecret": caller.client_secret.expose_secret(),
        })
    };
    let tenants: Vec<Value> = cloud.tenants().iter().map(access).collect();
    let mut welcome = json!({ "baseUrl": base_url });
    for member in ["tenantId", "clientId", "clientSecret"] {
        welcome[member] = tenants[0][member].clone();
    }
    if let Some(agent) = cloud.admin_agent() {
        welcome["userPrincipalName"] = agent.user_principal_name.into();
        welcome["publicClientId"] = MICROSOFT_GRAPH_COMMAND_LINE_TOOLS.to_string().into();
    }
    if with_tenants {
        welcome["tenants"] = tenants.into();
    }
    welcome
}

/// The tenants, and what a client has to know at `/`, where Microsoft has nothing.
pub struct Site {
    cloud: MemoryCloud,
    welcome: Bytes,
}

impl Site {
    /// The tenants of `cloud`, and `welcome` at `/`.
    pub fn new(cloud: MemoryCloud, welcome: &Value) -> Self {
        Self { cloud, welcome: welcome.to_string().into() }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Site {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() == Method::GET && request.uri().path() == "/" {
            let mut response = Response::new(self.welcome.clone());
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            return Ok(response);
        }
        if request.uri().path() == "/favicon.ico" {
            // A browser asks for it beside any page.
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        self.cloud.send(request).await
    }
}
