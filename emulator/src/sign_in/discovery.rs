//! The documents that clients read before they sign in: endpoints, keys, and aliases of sign-in hosts.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::error::{SignInError, SignInResult};
use super::response::json_response;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;

/// The tenant of personal Microsoft accounts, in the issuer of `consumers`.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// Microsoft's sign-in services: the preferred host, the host for token caches, and all aliases.
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
const INSTANCES: [(&str, &str, &[&str]); 5] = [
    (
        "login.microsoftonline.com",
        "login.windows.net",
        &["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    ),
    (
        "login.partner.microsoftonline.cn",
        "login.partner.microsoftonline.cn",
        &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    ),
    ("login.microsoftonline.de", "login.microsoftonline.de", &["login.microsoftonline.de"]),
    ("login.microsoftonline.us", "login.microsoftonline.us", &["login.microsoftonline.us", "login.usgovcloudapi.net"]),
    ("login-us.microsoftonline.com", "login-us.microsoftonline.com", &["login-us.microsoftonline.com"]),
];

/// Whether the host of an origin is one of Microsoft's sign-in services.
pub(super) fn is_microsoft(origin: &str) -> bool {
    let host = origin.split("://").last().unwrap_or_default();
    INSTANCES.iter().any(|(_, _, aliases)| aliases.contains(&host))
}

/// The names of a cloud and its Graph.
struct CloudEndpoints {
    instance: String,
    old_graph: String,
    graph: String,
    graph_origin: String,
    privileges: String,
}

impl CloudEndpoints {
    /// The cloud of a sign-in host, in this part of its region; a host that is not Microsoft's is its own Graph.
    fn of(authority: &str, part: Option<&str>) -> Self {
        let cloud = |instance: &str, old_graph: &str, graph: &str, privileges: &str| Self {
            instance: instance.into(),
            old_graph: old_graph.into(),
            graph: graph.into(),
            graph_origin: format!("https://{graph}"),
            privileges: privileges.into(),
        };
        let host = authority.split("://").last().unwrap_or_default();
        match host {
            "login.microsoftonline.us" | "login.usgovcloudapi.net" => cloud(
                "microsoftonline.us",
                "graph.windows.net",
                if part == Some("DOD") { "dod-graph.microsoft.us" } else { "graph.microsoft.us" },
                "https://pasff.usgovcloudapi.net",
            ),
            "login.partner.microsoftonline.cn" | "login.chinacloudapi.cn" => cloud(
                "partner.microsoftonline.cn",
                "graph.chinacloudapi.cn",
                "microsoftgraph.chinacloudapi.cn",
                "https://pas.chinacloudapi.cn",
            ),
            _ if is_microsoft(authority) => {
                cloud("microsoftonline.com", "graph.windows.net", "graph.microsoft.com", "https://pas.windows.net")
            }
            own => Self { graph_origin: authority.into(), ..cloud(own, own, own, authority) },
        }
    }
}

/// The version 2.0 issuer of a tenant.
pub(super) fn issuer(authority: &str, tenant: &str) -> String {
    format!("{authority}/{tenant}/v2.0")
}

/// The version 1.0 issuer of a tenant, which access tokens for Microsoft's APIs have.
pub(super) fn issuer_v1(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

/// What a configuration says of a tenant, or of whichever tenant a user signs in to.
struct Described {
    /// The tenant in links.
    tenant: String,
    /// The tenant in the issuer.
    issuer_tenant: String,
    authority: String,
    cloud: CloudEndpoints,
    /// The region, and the part of it; what stands for any tenant has none.
    region: Option<(String, Option<String>)>,
}

impl Described {
    fn new(tenant: &str, issuer_tenant: &str, authority: &str, region: Option<(String, Option<String>)>) -> Self {
        let in_government = region.as_ref().is_some_and(|(region, _)| region == "USGov") && is_microsoft(authority);
        let authority = if in_government { "https://login.microsoftonline.us" } else { authority };
        let part = region.as_ref().and_then(|(_, part)| part.as_deref());
        Self {
            tenant: tenant.to_owned(),
            issuer_tenant: issuer_tenant.to_owned(),
            cloud: CloudEndpoints::of(authority, part),
            authority: authority.to_owned(),
            region,
        }
    }

    /// Adds what says where the tenant is.
    fn add_region(&self, body: &mut Value) {
        let (region, part) = self.region.as_ref().map_or((None, None), |(region, part)| (Some(region), part.as_ref()));
        body["tenant_region_scope"] = region.map_or(Value::Null, |region| region.as_str().into());
        if let Some(part) = part {
            body["tenant_region_sub_scope"] = part.as_str().into();
        }
        body["cloud_instance_name"] = self.cloud.instance.as_str().into();
        body["cloud_graph_host_name"] = self.cloud.old_graph.as_str().into();
        body["msgraph_host"] = self.cloud.graph.as_str().into();
        body["rbac_url"] = self.cloud.privileges.as_str().into();
    }
}

impl CloudState {
    /// The tenant of a configuration.
    fn described(&self, request: &SignInRequest<'_>) -> SignInResult<Described> {
        let authority = request.authority();
        let tenancy = match request.tenant_name.to_lowercase().as_str() {
            "consumers" => return Ok(Described::new("consumers", CONSUMERS, authority, None)),
            _ => self.tenancy(request),
        };
        Ok(match tenancy.map_err(|error| error.with_error("invalid_tenant"))? {
            Tenancy::One(tenant) => {
                let directory = &self[tenant].directory;
                let id = directory.tenant_id.to_string();
                Described::new(&id, &id, authority, Some(directory.region.clone()))
            }
            Tenancy::Any => Described::new(&request.tenant_name.to_lowercase(), "{tenantid}", authority, None),
        })
    }

    pub(super) fn configuration(&self, request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let described = self.described(request)?;
        let Described { tenant, issuer_tenant, authority, cloud, .. } = &described;
        let base = format!("{authority}/{tenant}");
        let mut body = json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer(authority, issuer_tenant),
            "request_uri_parameter_supported": false,
            "userinfo_endpoint": format!("{}/oidc/userinfo", cloud.graph_origin),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
                "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid",
                "ver", "at_hash", "c_hash", "email"
            ],
            "kerberos_endpoint": format!("{base}/kerberos"),
        });
        described.add_region(&mut body);
        Ok(json_response(StatusCode::OK, &body))
    }

    pub(super) fn configuration_v1(&self, request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let described = self.described(request)?;
        let Described { tenant, issuer_tenant, authority, .. } = &described;
        let base = format!("{authority}/{tenant}");
        let mut body = json!({
            "token_endpoint": format!("{base}/oauth2/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{authority}/common/discovery/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
            "scopes_supported": ["openid"],
            "issuer": issuer_v1(issuer_tenant),
            "microsoft_multi_refresh_token": true,
            "authorization_endpoint": format!("{base}/oauth2/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/devicecode"),
            "http_logout_supported": true,
            "frontchannel_logout_supported": true,
            "end_session_endpoint": format!("{base}/oauth2/logout"),
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
                "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "email", "given_name",
                "family_name", "nickname"
            ],
            "check_session_iframe": format!("{base}/oauth2/checksession"),
            "userinfo_endpoint": format!("{base}/openid/userinfo"),
            "kerberos_endpoint": format!("{base}/kerberos"),
        });
        described.add_region(&mut body);
        Ok(json_response(StatusCode::OK, &body))
    }
}

/// An empty key set: tokens are valid if they were issued here, whatever their signature.
pub(super) fn keys() -> Response<Bytes> {
    json_response(StatusCode::OK, &json!({"keys": []}))
}

/// The aliases of sign-in hosts, which clients request before they trust an authority.
pub(super) fn instances(request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
    let form = request.browser_form();
    let requested = form.required("authorization_endpoint")?;
    let unknown = || {
        let message = format!("Unknown or invalid instance: '{requested}'.");
        SignInError::new("invalid_instance", 50049, message)
    };
    let url = Url::parse(requested).map_err(|_| unknown())?;
    let (scheme, host) = (url.scheme(), url.host_str().ok_or_else(unknown)?);
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let origin = format!("{scheme}://{host}");
    let is_own = origin == request.authority();
    if !is_own && !is_microsoft(&origin) {
        return Err(unknown());
    }
    let tenant = url.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
    let version = if url.path().to_lowercase().contains("/oauth2/v2.0/") { "/v2.0" } else { "" };
    let mut metadata: Vec<Value> = INSTANCES
        .iter()
        .map(|(network, cache, aliases)| {
            json!({"preferred_network": network, "preferred_cache": cache, "aliases": aliases})
        })
        .collect();
    if !is_microsoft(&origin) {
        metadata.push(json!({"preferred_network": host, "preferred_cache": host, "aliases": [host]}));
    }
    let body = json!({
        "tenant_discovery_endpoint": format!("{origin}/{tenant}{version}/.well-known/openid-configuration"),
        "api-version": form.optional("api-version").unwrap_or("1.0"),
        "metadata": metadata,
    });
    Ok(json_response(StatusCode::OK, &body))
}
