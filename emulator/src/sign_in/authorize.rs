//! The authorization endpoint: users sign in with a browser, which is sent back to the app with a code or an error.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Response;

use super::account_picker::error_page;
use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::flows::{Account, AuthorizationCode, Platform, Session};
use super::form::Form;
use super::redirect::{Redirect, ResponseMode};
use super::scopes::{ApiScopes, Scopes};
use super::signed_in_user::SignedInUser;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;

/// The error codes that Entra shows on a page, although the redirect URI is valid.
const SHOWN_AS_PAGE: [u32; 4] = [50020, 50034, 50057, 50105];

impl CloudState {
    /// Handles `/{tenant}/oauth2/v2.0/authorize`.
    pub(super) fn authorize(&mut self, request: &SignInRequest<'_>) -> Response<Bytes> {
        let form = request.browser_form();
        let (tenancy, client, redirect) = match self.client_and_redirect(request, &form, form.optional("redirect_uri"))
        {
            Ok(found) => found,
            Err(error) => return error_page(&error, request),
        };
        let mode = ResponseMode::parse(form.optional("response_mode"));
        let response =
            mode.clone().and_then(|mode| self.authorize_at(request, &form, tenancy, client, &redirect, mode));
        let is_silent = form.optional("prompt") == Some("none");
        match response {
            Ok(response) => response,
            Err(error) if error.code().is_none() => error_page(&error, request),
            Err(error) if error.code().is_some_and(|code| SHOWN_AS_PAGE.contains(&code)) && !is_silent => {
                error_page(&error, request)
            }
            Err(error) => {
                let error = if is_silent { error.for_silent_request() } else { error };
                redirect_with_error(request, &form, &redirect, mode.unwrap_or(ResponseMode::Query), &error, &[])
            }
        }
    }

    /// The client and the redirect URI of a request; without them, an error can only be shown on a page.
    pub(super) fn client_and_redirect(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        requested: Option<&str>,
    ) -> SignInResult<(Tenancy, ClientApp, Redirect)> {
        let tenancy = self.tenancy(request)?;
        let client_id = form.required("client_id")?;
        let client = match tenancy {
            Tenancy::One(tenant) => self.client(tenant, client_id, request.view(&self[tenant].directory))?,
            Tenancy::Any => {
                self.client_anywhere(request.tenant, client_id, request.view(&self[request.tenant].directory))?
            }
        };
        let redirect = Redirect::find(&client, requested)?;
        Ok((tenancy, client, redirect))
    }

    fn authorize_at(
        &mut self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenancy: Tenancy,
        mut client: ClientApp,
        redirect: &Redirect,
        mode: ResponseMode,
    ) -> SignInResult<Response<Bytes>> {
        check_response_type(form, &client)?;
        let challenge = challenge(form, redirect.platform)?;
        let scope = form.required("scope")?;
        let scopes = Scopes::parse(scope)?;
        let prompt = form.optional("prompt").unwrap_or_default();
        if !["", "none", "login", "consent", "select_account", "create"].contains(&prompt) {
            let message = format!("Unsupported 'prompt' value: '{prompt}'.");
            return Err(SignInError::invalid_request(90023, message));
        }
        let Some(account) = self.browser_account(request, form) else {
            if prompt == "none" {
                let message = "A silent sign-in request was sent but no user is signed in.";
                return Err(SignInError::new("login_required", 50058, message));
            }
            if self.is_cancelled(form) {
                return Err(cancelled());
            }
            let first = match tenancy {
                Tenancy::One(tenant) => tenant,
                Tenancy::Any => request.tenant,
            };
            return Ok(self.account_picker_page(first, &format!("Sign in to {}", client.name), "", form));
        };
        let tenant = match tenancy {
            Tenancy::One(tenant) => tenant,
            Tenancy::Any => account.home,
        };
        if tenancy == Tenancy::Any {
            client = self.client(tenant, &client.app_id, request.without_lag())?;
        }
        let user = self.signed_in_user(tenant, &account, &client)?;
        if prompt == "none" {
            self.check_consented(request, tenant, &client, &user, &scopes)?;
        } else {
            self.consent_interactively(request.moment(), tenant, &mut client, &user, &scopes, prompt == "consent")?;
        }
        self.check_user_assigned(tenant, &client, &user)?;
        let code = self.new_code(request, form, tenant, &client, account, scope, redirect, challenge);
        let mut parameters = vec![("code", code)];
        if form.optional("client_info") == Some("1") {
            parameters.push(("client_info", self.client_info(&user)));
        }
        parameters.push(("state", form.optional("state").unwrap_or_default().to_owned()));
        parameters.push(("session_state", self[tenant].directory.new_id().to_string()));
        Ok(redirect.respond(mode, &parameters))
    }

    /// Checks that all requested permissions have been granted, as a silent request needs.
    fn check_consented(
        &self,
        request: &SignInRequest<'_>,
        tenant: usize,
        client: &ClientApp,
        user: &SignedInUser,
        scopes: &Scopes,
    ) -> SignInResult<()> {
        let apis = if scopes.apis.is_empty() { vec![ApiScopes::default()] } else { scopes.apis.clone() };
        for requested in apis {
            let resource = self.resource(tenant, requested.name.as_deref(), request.without_lag())?;
            self.permissions_for_token(tenant, client, user, &requested, &resource, request.without_lag())?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what a code stands for")]
    fn new_code(
        &mut self,
        request: &SignInRequest<'_>,
        form: &Form,
        tenant: usize,
        client: &ClientApp,
        account: Account,
        scope: &str,
        redirect: &Redirect,
        challenge: Option<(String, bool)>,
    ) -> String {
        let directory = &self[tenant].directory;
        let random = [directory.new_id(), directory.new_id(), directory.new_id()].map(uuid::Uuid::into_bytes).concat();
        let code = format!("1.{}", URL_SAFE_NO_PAD.encode(random));
        let session = Session {
            client_id: client.app_id.clone(),
            account,
            tenant,
            scope: scope.to_owned(),
            platform: redirect.platform,
            nonce: form.optional("nonce").map(str::to_owned),
            has_mfa: !self.flows.without_mfa,
            since: request.now,
            since_wall: request.wall,
        };
        let redirect_uri = form.optional("redirect_uri").unwrap_or(&redirect.uri).to_owned();
        let authorization_code =
            AuthorizationCode { session, redirect_uri, challenge, issued: request.now, is_redeemed: false };
        self.flows.remove_expired(request.now);
        self.flows.codes.insert(code.clone(), authorization_code);
        code
    }
}

/// Sends a browser back to the app with an error.
pub(super) fn redirect_with_error(
    request: &SignInRequest<'_>,
    form: &Form,
    redirect: &Redirect,
    mode: ResponseMode,
    error: &SignInError,
    more: &[(&str, String)],
) -> Response<Bytes> {
    let mut parameters = vec![
        ("error", error.error_name().to_owned()),
        ("error_description", error.description(request.correlation)),
        ("error_uri", error.uri(request.authority()).unwrap_or_default()),
    ];
    if error.code() == Some(65004) {
        parameters.push(("error_subcode", "cancel".to_owned()));
    }
    parameters.extend(more.iter().cloned());
    parameters.push(("state", form.optional("state").unwrap_or_default().to_owned()));
    redirect.respond(mode, &parameters)
}

pub(super) fn cancelled() -> SignInError {
    SignInError::new("access_denied", 65004, "User declined to consent to access the app.")
}

fn check_response_type(form: &Form, client: &ClientApp) -> SignInResult<()> {
    let requested = form.required("response_type")?;
    let enabled = &client.application["web"]["implicitGrantSettings"];
    for part in requested.split_whitespace() {
        let (member, code) = match part {
            "code" => continue,
            "id_token" => ("enableIdTokenIssuance", 700_054),
            "token" => ("enableAccessTokenIssuance", 700_051),
            _ => {
                let message = format!("The app requested an unsupported response type '{requested}'.");
                return Err(SignInError::new("unsupported_response_type", 70005, message));
            }
        };
        if enabled[member] != true {
            let message = format!("response_type '{part}' is not enabled for the application.");
            return Err(SignInError::new("unsupported_response_type", code, message));
        }
    }
    if requested.trim() == "code" {
        return Ok(());
    }
    let what = format!("the response type '{requested}'");
    Err(SignInError::not_implemented("unsupported_response_type", &what))
}

/// The PKCE challenge, and whether it is hashed. A single-page app must send one.
fn challenge(form: &Form, platform: Platform) -> SignInResult<Option<(String, bool)>> {
    let Some(challenge) = form.optional("code_challenge") else {
        if platform == Platform::SinglePage {
            let message = "Proof Key for Code Exchange is required for cross-origin authorization code redemption.";
            return Err(SignInError::invalid_request(9_002_325, message));
        }
        return Ok(None);
    };
    let is_hashed = match form.optional("code_challenge_method") {
        Some("S256") => true,
        None | Some("plain") => false,
        Some(_) => return Err(SignInError::invalid_request(50149, "Invalid Code_Challenge_method parameter.")),
    };
    if !(43..=128).contains(&challenge.len()) {
        return Err(SignInError::invalid_request(501_491, "Invalid size of Code_Challenge parameter."));
    }
    Ok(Some((challenge.to_owned(), is_hashed)))
}
