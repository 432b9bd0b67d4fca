//! The realm of a user name, which clients request before they sign in.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use super::response::json_response;
use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;

impl CloudState {
    /// Whether the domain of a user name is a tenant's of the cloud.
    pub(super) fn user_realm(&self, user: &str) -> Response<Bytes> {
        let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
        let known = self.tenants().find(|(_, state)| eq_ignore_case(&state.directory.domain, domain));
        let body = match known {
            Some((_, state)) => json!({
                "ver": "1.0",
                "account_type": "Managed",
                "domain_name": state.directory.domain,
                "cloud_instance_name": "microsoftonline.com",
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            }),
            None => json!({
                "ver": "1.0",
                "account_type": "Unknown",
                "cloud_instance_name": "microsoftonline.com",
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            }),
        };
        json_response(StatusCode::OK, &body)
    }
}
