//! The OpenID Connect user info endpoint.
//!
//! <https://learn.microsoft.com/entra/identity-platform/userinfo>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::SignInRequest;
use super::claims::pairwise_subject;
use super::response::json_response;
use crate::cloud_state::CloudState;
use crate::graph::response::{GraphError, render};

impl CloudState {
    pub(super) fn user_info(&self, request: &SignInRequest<'_>) -> Response<Bytes> {
        match self.user_info_body(request) {
            Ok(body) => json_response(StatusCode::OK, &body),
            Err(error) => render(Err(error), request.correlation).into_response(request.correlation),
        }
    }

    fn user_info_body(&self, request: &SignInRequest<'_>) -> Result<Value, GraphError> {
        let identity = self[request.tenant].tokens.identify(request.headers, request.wall)?;
        // An app that signed in for itself has no user info.
        let signed_in = identity.user.as_ref().ok_or_else(GraphError::denied)?;
        let user = self.tenants().find_map(|(_, state)| state.directory.users.live(&signed_in.id));
        let user = user.ok_or_else(|| GraphError::not_found(&signed_in.id))?;
        let mut body = json!({
            "sub": pairwise_subject(&signed_in.id, &identity.app_id),
            "name": user["displayName"],
            "family_name": user["surname"],
            "given_name": user["givenName"],
            "picture": "https://graph.microsoft.com/v1.0/me/photo/$value",
            "email": user["mail"],
        });
        if let Some(members) = body.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        Ok(body)
    }
}
