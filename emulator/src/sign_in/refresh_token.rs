//! Redemption of refresh tokens: for any API, in any tenant that the user may sign in to.
//!
//! <https://learn.microsoft.com/entra/identity-platform/refresh-tokens>

use serde_json::Value;

use super::client_app::ClientApp;
use super::client_authentication::ClientAuthMethod;
use super::error::{SignInError, SignInResult};
use super::first_party::FirstParty;
use super::flows::{Platform, REFRESH_TOKEN_MAX_INACTIVITY, RefreshToken, SPA_REFRESH_TOKEN_LIFETIME, Session};
use super::form::Form;
use super::scopes::Scopes;
use super::user_tokens::ValidatedGrant;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, timestamp};

impl CloudState {
    pub(super) fn refresh(&mut self, request: &SignInRequest<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let token = form.required("refresh_token")?;
        let tenancy = self.tenancy(request)?;
        let Some(known) = self.flows.refresh_tokens.get(token) else {
            return Err(SignInError::invalid_grant(9_002_313, "Invalid request. Request is malformed or invalid."));
        };
        let tenant = match tenancy {
            Tenancy::One(tenant) => tenant,
            Tenancy::Any => known.session.tenant,
        };
        let client = self.client(tenant, client_id, request.view(&self[tenant].directory))?;
        check_client(&known.session, &client)?;
        self.check_lifetime(request, known)?;
        let mut session = Session { tenant, client_id: client.app_id.clone(), ..known.session.clone() };
        let auth_method = self.authenticate_redeemer(request, form, tenant, &client, session.platform)?;
        if let Some(scope) = form.optional("scope") {
            scope.clone_into(&mut session.scope);
        }
        session.nonce = None;
        let scopes = Scopes::parse(&session.scope)?;
        let view = request.view(&self[tenant].directory);
        let grant = ValidatedGrant {
            client: &client,
            session: &session,
            scopes: &scopes,
            auth_method,
            view,
            with_refresh_token: true,
        };
        let body = self.issue_tokens(request, form, &grant)?;
        // The old token stays valid: an app may use several in parallel.
        if let Some(known) = self.flows.refresh_tokens.get_mut(token) {
            known.used = request.now;
        }
        Ok(body)
    }

    fn check_lifetime(&self, request: &SignInRequest<'_>, known: &RefreshToken) -> SignInResult<()> {
        let session = &known.session;
        if session.platform == Platform::SinglePage
            && request.now.saturating_sub(known.issued) > SPA_REFRESH_TOKEN_LIFETIME
        {
            let message = format!(
                "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime \
                    of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent \
                    by the SPA to the sign in page. The token was issued on {}.",
                timestamp::ticks(known.issued_wall)
            );
            return Err(SignInError::invalid_grant(700_084, message));
        }
        if request.now.saturating_sub(known.used) > REFRESH_TOKEN_MAX_INACTIVITY {
            let message = format!(
                "The refresh token has expired due to inactivity. The token was issued on {} and was inactive for \
                    90.00:00:00.",
                timestamp::ticks(known.issued_wall)
            );
            return Err(SignInError::invalid_grant(700_082, message));
        }
        self.check_revoked(session)
    }

    /// Refuses a sign-in from before the account's sessions were revoked.
    pub(super) fn check_revoked(&self, session: &Session) -> SignInResult<()> {
        let Some((from, from_wall)) = self.flows.valid_from.get(&session.account) else { return Ok(()) };
        if session.since > *from {
            return Ok(());
        }
        let message = format!(
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might \
                have changed or reset their password. The grant was issued on '{}' and the TokensValidFrom date \
                (before which tokens are not valid) for this user is '{}'.",
            timestamp::ticks(session.since_wall),
            timestamp::ticks(*from_wall)
        );
        Err(SignInError::invalid_grant(50173, message).suberror("bad_token"))
    }

    /// Authenticates the client that redeems a code or token, as its platform demands.
    pub(super) fn authenticate_redeemer(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        client: &ClientApp,
        platform: Platform,
    ) -> SignInResult<Option<ClientAuthMethod>> {
        let shows = form.optional("client_secret").or(form.optional("client_assertion")).is_some();
        let is_from_page = request.headers.contains_key(http::header::ORIGIN);
        match platform {
            Platform::Confidential if !shows => {
                let message =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                Err(SignInError::invalid_client(7_000_218, message))
            }
            Platform::Confidential if is_from_page => {
                let message =
                    "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.";
                Err(SignInError::invalid_request(9_002_326, message))
            }
            Platform::Confidential => self.authenticate(request, form, tenant, client),
            Platform::Public | Platform::SinglePage if shows => {
                let message = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
                Err(SignInError::invalid_client(700_025, message))
            }
            Platform::SinglePage if !is_from_page => {
                let message = "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via \
                    cross-origin requests.";
                Err(SignInError::invalid_request(9_002_327, message))
            }
            Platform::Public | Platform::SinglePage => Ok(None),
        }
    }
}

/// Checks that a token was issued to this app, or to another of its family.
fn check_client(session: &Session, client: &ClientApp) -> SignInResult<()> {
    let of_family = |app: Option<&FirstParty>| app.is_some_and(|app| app.is_family);
    let is_family = of_family(client.first_party) && of_family(FirstParty::find(&session.client_id));
    if eq_ignore_case(&session.client_id, &client.app_id) || is_family {
        return Ok(());
    }
    let message = "Provided grant is invalid or malformed. The refresh token was issued to another client.";
    Err(SignInError::invalid_grant(70000, message).suberror("client_mismatch"))
}
