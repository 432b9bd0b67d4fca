//! The sign-in service: authentication of apps and users, consent, and tokens.
//!
//! An [`Endpoint`] is the target of a [`SignInRequest`]. Apps sign in by [`client_credentials`], users by
//! [`device_code`] and [`authorize`]; a [`refresh_token`] keeps them signed in. [`IssuedTokens`] has the identity of
//! each access token.

mod account_picker;
mod admin_consent;
mod authorization_code;
mod authorize;
mod claims;
mod client_app;
mod client_assertion;
mod client_authentication;
mod client_credentials;
mod consent;
mod delegated_permissions;
mod device_code;
mod device_page;
mod discovery;
mod error;
mod first_party;
mod flows;
mod form;
mod issued_tokens;
mod logout;
mod redirect;
mod refresh_token;
mod resource;
mod response;
mod scopes;
mod signed_in_user;
mod test_controls;
mod user_info;
mod user_realm;
mod user_tokens;

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use time::OffsetDateTime;

use crate::cloud_state::CloudState;
use crate::data::moment::Moment;
use crate::data::object_store::ReplicaView;
use crate::graph::directory::Directory;
use crate::graph::response::Correlation;
use crate::graph::route::percent_decode;
use error::SignInResult;
use form::Form;
use redirect::Redirect;

pub(crate) use error::SignInError;
pub(crate) use first_party::registration;
pub(crate) use flows::SignInFlows;
pub(crate) use issued_tokens::{IssuedTokens, bearer, unauthorized};
pub(crate) use response::json_response;

/// An endpoint of the sign-in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Token,
    TokenV1,
    DeviceCode,
    Authorize,
    AdminConsent,
    AdminConsentV1,
    Configuration,
    ConfigurationV1,
    Keys,
    /// The aliases of sign-in hosts.
    Instances,
    /// The realm of a user name.
    UserRealm(String),
    /// The page on which a user enters the code of a device.
    DevicePage,
    Logout,
    /// The OpenID Connect user info; its host is that of Microsoft Graph.
    UserInfo,
}

impl Endpoint {
    /// The endpoint of a path, and the tenant that it names. Case does not matter.
    pub(crate) fn of(parts: &[&str]) -> Option<(String, Self)> {
        let (tenant, rest) = parts.split_first()?;
        let rest: Vec<String> = rest.iter().map(|part| part.to_lowercase()).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let endpoint = match rest.as_slice() {
            ["oauth2", "v2.0", "token"] => Self::Token,
            ["oauth2", "token"] => Self::TokenV1,
            ["oauth2", "v2.0", "devicecode"] => Self::DeviceCode,
            ["oauth2", "v2.0", "authorize"] => Self::Authorize,
            ["v2.0", "adminconsent"] => Self::AdminConsent,
            ["adminconsent"] => Self::AdminConsentV1,
            ["v2.0", ".well-known", "openid-configuration"] => Self::Configuration,
            [".well-known", "openid-configuration"] => Self::ConfigurationV1,
            ["discovery", "v2.0", "keys"] | ["discovery", "keys"] => Self::Keys,
            ["discovery", "instance"] => Self::Instances,
            ["userrealm", _] => Self::UserRealm(percent_decode(parts.last()?)),
            ["oauth2", "v2.0", "logout"] | ["oauth2", "logout"] => Self::Logout,
            ["userinfo"] if tenant.eq_ignore_ascii_case("oidc") => Self::UserInfo,
            ["openid", "userinfo"] => Self::UserInfo,
            ["oauth2", "deviceauth"] => Self::DevicePage,
            [] if ["device", "devicelogin"].contains(&tenant.to_lowercase().as_str()) => Self::DevicePage,
            _ => return None,
        };
        Some((percent_decode(tenant), endpoint))
    }

    /// The path without the tenant, against which faults are matched.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Token => "/oauth2/v2.0/token",
            Self::TokenV1 => "/oauth2/token",
            Self::DeviceCode => "/oauth2/v2.0/devicecode",
            Self::Authorize => "/oauth2/v2.0/authorize",
            Self::AdminConsent => "/v2.0/adminconsent",
            Self::AdminConsentV1 => "/adminconsent",
            Self::Configuration => "/v2.0/.well-known/openid-configuration",
            Self::ConfigurationV1 => "/.well-known/openid-configuration",
            Self::Keys => "/discovery/v2.0/keys",
            Self::Instances => "/discovery/instance",
            Self::UserRealm(_) => "/userrealm",
            Self::DevicePage => "/devicelogin",
            Self::Logout => "/oauth2/v2.0/logout",
            Self::UserInfo => "/oidc/userinfo",
        }
    }
}

/// A request to the sign-in service.
pub(crate) struct SignInRequest<'a> {
    /// The index of the tenant that handles the request, unless it is for the user's own tenant.
    pub(crate) tenant: usize,
    /// The tenant in the path.
    pub(crate) tenant_name: &'a str,
    pub(crate) endpoint: &'a Endpoint,
    /// The scheme and host of links.
    pub(crate) origin: &'a str,
    pub(crate) method: &'a Method,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) correlation: &'a Correlation,
    pub(crate) now: Duration,
    pub(crate) wall: OffsetDateTime,
}

/// The tenant that a path selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenancy {
    One(usize),
    /// `common` or `organizations`: the tenant of the user who signs in.
    Any,
}

impl SignInRequest<'_> {
    /// The scheme and host of the sign-in service; Microsoft's for a request without a host.
    pub(crate) fn authority(&self) -> &str {
        match self.origin {
            "https://graph.microsoft.com" => "https://login.microsoftonline.com",
            origin => origin,
        }
    }

    /// The directory as a replica of the sign-in service sees it.
    fn view(&self, directory: &Directory) -> ReplicaView {
        ReplicaView { now: self.now, lag: directory.lag.sign_in }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall }
    }

    /// Adds the request id to a response, which is also the trace id of an error, and on request the client's own.
    pub(crate) fn add_request_ids(&self, response: &mut Response<Bytes>) {
        let Correlation { request_id, client_request_id, .. } = self.correlation;
        let wants = self.headers.get("return-client-request-id").is_some_and(|value| value == "true");
        let own = wants.then_some(("client-request-id", client_request_id));
        for (name, id) in [("x-ms-request-id", request_id)].into_iter().chain(own) {
            // An id of the request that is not a valid header value is left out.
            response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (HeaderName::from_static(name), id)));
        }
    }

    /// The directory without lag: a user who has just consented is not shown an older state.
    fn without_lag(&self) -> ReplicaView {
        self.moment().without_lag()
    }

    /// The parameters of a browser's request.
    fn browser_form(&self) -> Form {
        Form::from_browser(self.query, self.body)
    }

    fn post_form(&self) -> SignInResult<Form> {
        if self.method == Method::POST {
            return Ok(Form::from_body(self.headers, self.body));
        }
        let message = format!("The endpoint only accepts POST requests. Received a {} request.", self.method);
        Err(SignInError::invalid_request(900_561, message))
    }
}

impl CloudState {
    /// Handles a request to the sign-in service.
    pub(crate) fn sign_in(&mut self, request: &SignInRequest<'_>) -> Response<Bytes> {
        let response = match request.endpoint {
            Endpoint::Token => self.token(request),
            Endpoint::TokenV1 => self.token_v1(request),
            Endpoint::DeviceCode => self.start_device_code(request),
            Endpoint::Authorize => Ok(self.authorize(request)),
            Endpoint::AdminConsent => Ok(self.admin_consent(request, true)),
            Endpoint::AdminConsentV1 => Ok(self.admin_consent(request, false)),
            Endpoint::Configuration => self.configuration(request),
            Endpoint::ConfigurationV1 => self.configuration_v1(request),
            Endpoint::Keys => Ok(discovery::keys()),
            Endpoint::Instances => discovery::instances(request),
            Endpoint::UserRealm(user) => Ok(self.user_realm(user)),
            Endpoint::DevicePage => Ok(self.device_page(request)),
            Endpoint::Logout => Ok(self.logout(request)),
            Endpoint::UserInfo => Ok(self.user_info(request)),
        };
        response.unwrap_or_else(|error| error.into_response(request.correlation, request.authority()))
    }

    /// The response for an error in the form of the endpoint: to a program, or to a browser, which is redirected to the
    /// app where the app has registered the redirect URI.
    pub(crate) fn sign_in_error_response(&self, request: &SignInRequest<'_>, error: &SignInError) -> Response<Bytes> {
        let form = request.browser_form();
        let registered = self.client_and_redirect(request, &form, form.optional("redirect_uri"));
        error_response(request, error, registered.ok().map(|(_, _, redirect)| redirect).as_ref())
    }

    /// The index of the tenant that handles a request: the one in the path, or for `common` and `organizations` that of
    /// the redeemed code or token, or else that of the user who signs in automatically.
    pub(crate) fn route_sign_in(&self, tenant_name: &str, body: &[u8]) -> Option<usize> {
        if let Some(named) = self.find_tenant(tenant_name) {
            return Some(named);
        }
        if !["common", "organizations"].iter().any(|shared| tenant_name.eq_ignore_ascii_case(shared)) {
            return None;
        }
        let form = Form::from_browser("", body);
        let of_form = self.flows.tenant_of_grant(|name| form.optional(name));
        of_form.or(self.flows.auto_sign_in.as_ref().map(|account| account.home))
    }

    /// The tenant that a user's request selects.
    fn tenancy(&self, request: &SignInRequest<'_>) -> SignInResult<Tenancy> {
        match request.tenant_name.to_lowercase().as_str() {
            "common" | "organizations" => Ok(Tenancy::Any),
            "consumers" => Err(SignInError::not_implemented("invalid_request", "personal Microsoft accounts")),
            _ => self.tenant_by_name(request).map(Tenancy::One),
        }
    }

    /// The index of the tenant that the path names by id or domain.
    fn tenant_by_name(&self, request: &SignInRequest<'_>) -> SignInResult<usize> {
        let name = request.tenant_name;
        if self[request.tenant].directory.has_id_or_domain(name) {
            return Ok(request.tenant);
        }
        if !name.contains('.') && uuid::Uuid::parse_str(name).is_err() {
            let message = format!(
                "Specified tenant identifier '{name}' is neither a valid DNS name, nor a valid external domain."
            );
            return Err(SignInError::invalid_request(900_023, message));
        }
        let message = format!(
            "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the \
                correct cloud. Check with your subscription administrator, this may happen if there are no active \
                subscriptions for the tenant."
        );
        Err(SignInError::invalid_request(90002, message))
    }

    /// Handles `POST /{tenant}/oauth2/v2.0/token`.
    fn token(&mut self, request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let form = request.post_form()?;
        if ["common", "organizations", "consumers"]
            .iter()
            .all(|shared| !request.tenant_name.eq_ignore_ascii_case(shared))
        {
            self.tenant_by_name(request)?;
        }
        let body = match form.required("grant_type")? {
            "client_credentials" => self.client_credentials(request, &form)?,
            "authorization_code" => self.redeem_code(request, &form)?,
            "refresh_token" => self.refresh(request, &form)?,
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                self.redeem_device_code(request, &form)?
            }
            known @ ("password"
            | "urn:ietf:params:oauth:grant-type:jwt-bearer"
            | "urn:ietf:params:oauth:grant-type:saml2-bearer") => {
                let what = format!("the grant type '{known}'");
                return Err(SignInError::not_implemented("unsupported_grant_type", &what));
            }
            other => {
                let message = format!("The app requested an unsupported grant type '{other}'.");
                return Err(SignInError::new("unsupported_grant_type", 70003, message));
            }
        };
        Ok(response::json_response(StatusCode::OK, &body))
    }
}

/// The response for an error in the form of the endpoint: to a program, or to a browser, which is redirected to the app.
fn error_response(request: &SignInRequest<'_>, error: &SignInError, redirect: Option<&Redirect>) -> Response<Bytes> {
    let form = request.browser_form();
    match (request.endpoint, redirect) {
        (Endpoint::Authorize, Some(redirect)) => {
            let mode = redirect::ResponseMode::parse(form.optional("response_mode"));
            let mode = mode.unwrap_or(redirect::ResponseMode::Query);
            authorize::redirect_with_error(request, &form, redirect, mode, error, &[])
        }
        (Endpoint::AdminConsent | Endpoint::AdminConsentV1, Some(redirect)) => {
            let more = [("admin_consent", "True".to_owned())];
            authorize::redirect_with_error(request, &form, redirect, redirect::ResponseMode::Query, error, &more)
        }
        (
            Endpoint::Authorize
            | Endpoint::AdminConsent
            | Endpoint::AdminConsentV1
            | Endpoint::DevicePage
            | Endpoint::Logout,
            _,
        ) => account_picker::error_page(error, request),
        _ => error.clone().into_response(request.correlation, request.authority()),
    }
}

/// The response for an error in the form of the endpoint, with the redirect URI that the request names taken as it is.
pub(crate) fn unchecked_error_response(request: &SignInRequest<'_>, error: &SignInError) -> Response<Bytes> {
    let form = request.browser_form();
    let redirect = form.optional("redirect_uri");
    let redirect = redirect.map(|uri| Redirect { uri: uri.to_owned(), platform: flows::Platform::Public });
    error_response(request, error, redirect.as_ref())
}
