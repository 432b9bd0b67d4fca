//! Who a token is about, as OpenID Connect asks.
//!
//! <https://learn.microsoft.com/entra/identity-platform/userinfo>

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::SignInRequest;
use super::claims::pairwise;
use super::response::json_response;
use crate::cloud_state::CloudState;
use crate::response::{GraphError, render};

impl CloudState {
    pub(super) fn user_info(&self, asking: &SignInRequest<'_>) -> Response<Bytes> {
        match self.tell_user(asking) {
            Ok(body) => json_response(StatusCode::OK, &body),
            Err(refusal) => render(Err(refusal), asking.correlation).into_response(asking.correlation),
        }
    }

    fn tell_user(&self, asking: &SignInRequest<'_>) -> Result<Value, GraphError> {
        let identity = self[asking.at].tokens.identify(asking.headers, asking.wall)?;
        // An app that signed in for itself is nobody.
        let person = identity.person.as_ref().ok_or_else(GraphError::denied)?;
        let user = self.tenants().find_map(|(_, state)| state.directory.users.live(&person.id));
        let user = user.ok_or_else(|| GraphError::not_found(&person.id))?;
        let mut body = json!({
            "sub": pairwise(&person.id, &identity.app_id),
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
