//! Redemption of authorization codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::{SignInError, SignInResult};
use super::flows::{AUTHORIZATION_CODE_LIFETIME, AuthorizationCode};
use super::form::Form;
use super::scopes::Scopes;
use super::user_tokens::ValidatedGrant;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;

impl CloudState {
    pub(super) fn redeem_code(&mut self, request: &SignInRequest<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let code = form.required("code")?;
        let tenancy = self.tenancy(request)?;
        let Some(known) = self.flows.codes.get(code) else {
            return Err(SignInError::invalid_grant(9_002_313, "Invalid request. Request is malformed or invalid."));
        };
        let mut session = known.session.clone();
        if matches!(tenancy, Tenancy::One(tenant) if tenant != session.tenant) {
            let message = "Provided Authorization Code is intended to use against other tenant, thus rejected.";
            return Err(SignInError::invalid_grant(700_005, message));
        }
        let client = self.client(session.tenant, client_id, request.without_lag())?;
        if !eq_ignore_case(&session.client_id, client_id) {
            let message = "Provided grant is invalid or malformed. The code was issued to another client.";
            return Err(SignInError::invalid_grant(70000, message));
        }
        let auth_method = self.authenticate_redeemer(request, form, session.tenant, &client, session.platform)?;
        check_code(request, form, known)?;
        self.check_revoked(&session)?;
        // The token request names one API if the authorization request named several.
        let first = Scopes::parse(&session.scope)?;
        if let Some(scope) = form.optional("scope") {
            scope.clone_into(&mut session.scope);
        } else if let [api, _, ..] = first.apis.as_slice() {
            session.scope = first.only(api);
        }
        let scopes = Scopes::parse(&session.scope)?;
        let grant = ValidatedGrant {
            client: &client,
            session: &session,
            scopes: &scopes,
            auth_method,
            view: request.without_lag(),
            with_refresh_token: first.offline_access || scopes.offline_access,
        };
        let body = self.issue_tokens(request, form, &grant)?;
        if let Some(known) = self.flows.codes.get_mut(code) {
            known.is_redeemed = true;
        }
        Ok(body)
    }
}

fn check_code(request: &SignInRequest<'_>, form: &Form, known: &AuthorizationCode) -> SignInResult<()> {
    let redirect_uri = form.required("redirect_uri")?;
    if redirect_uri != known.redirect_uri {
        let message = format!(
            "The reply address '{redirect_uri}' does not match the reply address '{}' provided when requesting \
                Authorization code.",
            known.redirect_uri
        );
        return Err(SignInError::new("invalid_client", 500_112, message));
    }
    if known.is_redeemed {
        let message = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an \
            existing refresh token.";
        return Err(SignInError::invalid_grant(54005, message));
    }
    if request.now.saturating_sub(known.issued) > AUTHORIZATION_CODE_LIFETIME {
        let message = "The provided authorization code or refresh token has expired due to inactivity. Send a new \
            interactive authorization request for this user and resource.";
        return Err(SignInError::invalid_grant(70008, message));
    }
    let mismatch = || {
        let message = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
        Err(SignInError::invalid_grant(501_481, message))
    };
    match (&known.challenge, form.optional("code_verifier")) {
        (None, None) => Ok(()),
        (None, Some(_)) => mismatch(),
        (Some(_), None) => {
            let message =
                "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.";
            Err(SignInError::invalid_grant(50148, message))
        }
        (Some((challenge, is_hashed)), Some(verifier)) => {
            let shown = match is_hashed {
                true => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
                false => verifier.to_owned(),
            };
            if shown == challenge.trim_end_matches('=') { Ok(()) } else { mismatch() }
        }
    }
}
