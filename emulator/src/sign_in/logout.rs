//! The logout endpoint.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request>

use bytes::Bytes;
use http::{Response, StatusCode};

use super::SignInRequest;
use super::redirect::{Redirect, ResponseMode};
use super::response::page;
use crate::certificate::SignedToken;
use crate::cloud_state::CloudState;
use crate::data::json::text;

impl CloudState {
    /// Redirects the browser to a registered URI of the app, or else shows a page.
    ///
    /// A user who [signs in automatically](crate::MemoryTenant::auto_sign_in) does so again.
    pub(super) fn logout(&self, request: &SignInRequest<'_>) -> Response<Bytes> {
        let form = request.browser_form();
        let hint = form.optional("id_token_hint").and_then(SignedToken::parse);
        let client_id = hint.as_ref().map(|token| text(&token.claims, "aud")).or(form.optional("client_id"));
        let client = client_id.and_then(|id| self.client(request.tenant, id, request.without_lag()).ok());
        let redirect = form.optional("post_logout_redirect_uri").zip(client);
        match redirect.and_then(|(uri, client)| Redirect::find(&client, Some(uri)).ok()) {
            Some(redirect) => {
                let state = form.optional("state").unwrap_or_default().to_owned();
                redirect.respond(ResponseMode::Query, &[("state", state)])
            }
            None => page(StatusCode::OK, "Sign out", "<p>You signed out of your account.</p>"),
        }
    }
}
