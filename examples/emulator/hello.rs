//! What a client has to know: the first line on standard output, and the answer to `GET /`.

use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use entra_apps::memory::{MemoryCloud, MemoryTenant};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::transport::{Transport, TransportError};
use serde_json::{Value, json};

/// What a client has to know.
pub(crate) fn hello(base_url: &str, cloud: &MemoryCloud, with_tenants: bool) -> Value {
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
    let mut hello = json!({ "baseUrl": base_url });
    for member in ["tenantId", "clientId", "clientSecret"] {
        hello[member] = tenants[0][member].clone();
    }
    if with_tenants {
        hello["tenants"] = tenants.into();
    }
    hello
}

/// The tenants, and what a client has to know at `/`, where Microsoft has nothing.
#[derive(Debug)]
pub(crate) struct Emulator {
    cloud: MemoryCloud,
    hello: Bytes,
}

impl Emulator {
    pub(crate) fn new(cloud: MemoryCloud, hello: &Value) -> Self {
        Self { cloud, hello: hello.to_string().into() }
    }
}

#[async_trait]
impl Transport for Emulator {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.method() == Method::GET && request.uri().path() == "/" {
            let mut response = Response::new(self.hello.clone());
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
