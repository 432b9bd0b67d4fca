//! Azure's management API, as far as clients call it while signing in: an organization without subscriptions.

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::data::json::eq_ignore_case;
use crate::graph::call::pairs;
use crate::graph::directory::Directory;
use crate::sign_in::{IssuedTokens, bearer, json_response};

/// The app id of the Windows Azure Service Management API.
pub(crate) const APP_ID: u128 = 0x797f_4846_ba00_4fd7_ba43_dac1_f8f6_3013;

/// Responds to requests below `https://management.azure.com`; `path` starts with a slash.
pub(crate) fn handle_request(
    request: &http::Request<Bytes>,
    path: &str,
    tokens: &IssuedTokens,
    directory: &Directory,
    wall: OffsetDateTime,
) -> Response<Bytes> {
    match authenticate(request.headers(), tokens, wall).and_then(|()| respond(request, path, directory)) {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(response) => *response,
    }
}

fn respond(request: &http::Request<Bytes>, path: &str, directory: &Directory) -> Result<Value, Box<Response<Bytes>>> {
    let query = pairs(request.uri().query().unwrap_or_default());
    if !query.iter().any(|(name, value)| name.eq_ignore_ascii_case("api-version") && !value.is_empty()) {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(error_response(StatusCode::BAD_REQUEST, "MissingApiVersionParameter", message));
    }
    match (request.method(), path.to_ascii_lowercase().as_str()) {
        // <https://learn.microsoft.com/rest/api/resources/subscriptions/list>
        (&Method::GET, "/subscriptions") => Ok(json!({"value": [], "count": {"type": "Total", "value": 0}})),
        // <https://learn.microsoft.com/rest/api/resources/tenants/list>
        (&Method::GET, "/tenants") => {
            let id = directory.tenant_id.to_string();
            Ok(json!({"value": [{
                "id": format!("/tenants/{id}"),
                "tenantId": id,
                "countryCode": "US",
                "displayName": directory.display_name,
                "domains": [directory.domain],
                "tenantCategory": "Home",
                "defaultDomain": directory.domain,
                "tenantType": "AAD",
            }]}))
        }
        (method, _) => {
            let message = format!("The in-memory tenant does not know {method} {path} of Azure's management API.");
            Err(error_response(StatusCode::NOT_IMPLEMENTED, "NotImplemented", &message))
        }
    }
}

/// Refuses a request without a token for this API.
fn authenticate(headers: &HeaderMap, tokens: &IssuedTokens, wall: OffsetDateTime) -> Result<(), Box<Response<Bytes>>> {
    let token = bearer(headers);
    let unauthorized = |code: &str, message: &str| {
        let mut response = error_response(StatusCode::UNAUTHORIZED, code, message);
        let challenge = "Bearer authorization_uri=\"https://login.windows.net/\", error=\"invalid_token\"";
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Err(response)
    };
    if token.is_empty() {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return unauthorized("AuthenticationFailed", message);
    }
    match tokens.resource(token, wall) {
        Some((resource, _)) if eq_ignore_case(resource, &Uuid::from_u128(APP_ID).to_string()) => Ok(()),
        Some((_, audience)) => {
            let message = format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly \
                    match with one of the allowed audiences 'https://management.core.windows.net/',\
                    'https://management.core.windows.net','https://management.azure.com/',\
                    'https://management.azure.com'."
            );
            unauthorized("InvalidAuthenticationTokenAudience", &message)
        }
        None => unauthorized("InvalidAuthenticationToken", "The access token is invalid."),
    }
}

fn error_response(status: StatusCode, code: &str, message: &str) -> Box<Response<Bytes>> {
    Box::new(json_response(status, &json!({"error": {"code": code, "message": message}})))
}
