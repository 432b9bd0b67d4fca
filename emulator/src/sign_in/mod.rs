//! The sign-in service: who asks for a token, how they prove it, and what they get.
//!
//! An [`Endpoint`] is where a request goes, [`Asking`] is the request. Apps come in by [`client_credentials`]; people by
//! [`device_code`] and [`authorize`], and stay signed in by [`refresh`]. What a token is worth is kept by [`Tokens`].

mod admin_consent;
mod answer;
mod assertion;
mod authorize;
mod by_hand;
mod claims;
mod client;
mod client_credentials;
mod code;
mod consent;
mod credential;
mod delegated;
mod device_code;
mod device_page;
mod discovery;
mod error;
mod first_party;
mod flows;
mod form;
mod issue;
mod logout;
mod people;
mod person;
mod redirect;
mod refresh;
mod resource;
mod scopes;
mod tokens;
mod user_info;
mod user_realm;

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use time::OffsetDateTime;

pub(super) use answer::json_response;
pub(super) use error::SignInError;
pub(super) use first_party::registration;
pub(super) use flows::Flows;
pub(super) use tokens::{Tokens, bearer, unauthorized};

use super::answer::Correlation;
use super::directory::Directory;
use super::lag::Behind;
use super::route::decode;
use super::table::View;
use super::world::World;
use error::SignInResult;
use form::Form;
use redirect::Redirect;

/// Where a request to the sign-in service goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Token,
    TokenV1,
    DeviceCode,
    Authorize,
    AdminConsent,
    AdminConsentV1,
    Configuration,
    ConfigurationV1,
    Keys,
    /// Which hosts speak for one sign-in service.
    Instances,
    /// What is known of a user name.
    UserRealm(String),
    /// Where a person enters the code that a device shows.
    DevicePage,
    Logout,
    /// Who a token is about; it is below the host of Microsoft Graph.
    UserInfo,
}

impl Endpoint {
    /// The endpoint of a path and the tenant that it names. Case does not matter.
    pub(super) fn of(parts: &[&str]) -> Option<(String, Self)> {
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
            ["userrealm", _] => Self::UserRealm(decode(parts.last()?)),
            ["oauth2", "v2.0", "logout"] | ["oauth2", "logout"] => Self::Logout,
            ["userinfo"] if tenant.eq_ignore_ascii_case("oidc") => Self::UserInfo,
            ["openid", "userinfo"] => Self::UserInfo,
            ["oauth2", "deviceauth"] => Self::DevicePage,
            [] if ["device", "devicelogin"].contains(&tenant.to_lowercase().as_str()) => Self::DevicePage,
            _ => return None,
        };
        Some((decode(tenant), endpoint))
    }

    /// The path that faults are matched against: without the tenant.
    pub(super) fn path(&self) -> &'static str {
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
pub(super) struct Asking<'a> {
    /// The tenant that answers, unless the request is for whichever a person comes from.
    pub(super) at: usize,
    /// The tenant as the path names it.
    pub(super) tenant: &'a str,
    pub(super) endpoint: &'a Endpoint,
    /// The scheme and host that links start with.
    pub(super) origin: &'a str,
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) correlation: &'a Correlation,
    pub(super) now: Duration,
    pub(super) wall: OffsetDateTime,
}

/// When something happens: on the tenant's clock, and by the calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Duration,
    pub(super) wall: OffsetDateTime,
}

impl Moment {
    /// The directory as a person sees it who has just consented: as it is.
    fn present(self) -> View {
        View { now: self.now, lag: Behind::NOT }
    }
}

/// The tenant that a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenancy {
    One(usize),
    /// `common` or `organizations`: the tenant of whoever signs in.
    Any,
}

impl Asking<'_> {
    /// The scheme and host of the sign-in service. A request that names no host means Microsoft's.
    pub(super) fn authority(&self) -> &str {
        match self.origin {
            "https://graph.microsoft.com" => "https://login.microsoftonline.com",
            origin => origin,
        }
    }

    /// The directory as a replica of the sign-in service sees it.
    fn view(&self, directory: &Directory) -> View {
        View { now: self.now, lag: directory.lag.sign_in }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall }
    }

    /// Puts the id of the request on its answer, the same as the trace id of a refusal; the client's own where it asked
    /// for that.
    pub(super) fn sign(&self, response: &mut Response<Bytes>) {
        let Correlation { request_id, client_request_id, .. } = self.correlation;
        let wants = self.headers.get("return-client-request-id").is_some_and(|value| value == "true");
        let own = wants.then_some(("client-request-id", client_request_id));
        for (name, id) in [("x-ms-request-id", request_id)].into_iter().chain(own) {
            // What came from a request and is no header value is left out.
            response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (HeaderName::from_static(name), id)));
        }
    }

    /// The directory as a person sees it who has just consented: as it is.
    fn present(&self) -> View {
        self.moment().present()
    }

    /// The parameters of a request that a browser makes.
    fn browsed(&self) -> Form {
        Form::browsed(self.query, self.body)
    }

    fn posted(&self) -> SignInResult<Form> {
        if self.method == Method::POST {
            return Ok(Form::read(self.headers, self.body));
        }
        let message = format!("The endpoint only accepts POST requests. Received a {} request.", self.method);
        Err(SignInError::invalid_request(900_561, message))
    }
}

impl World {
    /// Answers a request to the sign-in service.
    pub(super) fn sign_in(&mut self, asking: &Asking<'_>) -> Response<Bytes> {
        let answer = match asking.endpoint {
            Endpoint::Token => self.token(asking),
            Endpoint::TokenV1 => self.token_v1(asking),
            Endpoint::DeviceCode => self.start_device(asking),
            Endpoint::Authorize => Ok(self.authorize(asking)),
            Endpoint::AdminConsent => Ok(self.admin_consent(asking, true)),
            Endpoint::AdminConsentV1 => Ok(self.admin_consent(asking, false)),
            Endpoint::Configuration => self.configuration(asking),
            Endpoint::ConfigurationV1 => self.configuration_v1(asking),
            Endpoint::Keys => Ok(discovery::keys()),
            Endpoint::Instances => discovery::instances(asking),
            Endpoint::UserRealm(user) => Ok(self.user_realm(user)),
            Endpoint::DevicePage => Ok(self.device_page(asking)),
            Endpoint::Logout => Ok(self.logout(asking)),
            Endpoint::UserInfo => Ok(self.user_info(asking)),
        };
        answer.unwrap_or_else(|error| error.into_response(asking.correlation, asking.authority()))
    }

    /// Refuses in the form of the endpoint: to a program, or to a browser, which is sent back to the app where the app
    /// has registered the way.
    pub(super) fn refuse_sign_in(&self, asking: &Asking<'_>, error: &SignInError) -> Response<Bytes> {
        let form = asking.browsed();
        let redirect =
            self.way_back(asking, &form, form.optional("redirect_uri")).ok().map(|(_, _, redirect)| redirect);
        refuse(asking, error, redirect.as_ref())
    }

    /// The place that answers a request: the tenant that the path names; or where no tenant is named, that of the code
    /// or token which is redeemed, or else of whoever signs in by themselves.
    pub(super) fn place(&self, tenant: &str, body: &[u8]) -> Option<usize> {
        if let Some(named) = self.find(tenant) {
            return Some(named);
        }
        if !["common", "organizations"].iter().any(|shared| tenant.eq_ignore_ascii_case(shared)) {
            return None;
        }
        let form = Form::browsed("", body);
        let of_form = self.flows.place(|name| form.optional(name));
        of_form.or(self.flows.signed_in.as_ref().map(|account| account.home))
    }

    /// The tenant that a request of a person is for.
    fn tenancy(&self, asking: &Asking<'_>) -> SignInResult<Tenancy> {
        match asking.tenant.to_lowercase().as_str() {
            "common" | "organizations" => Ok(Tenancy::Any),
            "consumers" => Err(SignInError::not_implemented("invalid_request", "personal Microsoft accounts")),
            _ => self.named(asking).map(Tenancy::One),
        }
    }

    /// The tenant that a path names by its id or a domain.
    fn named(&self, asking: &Asking<'_>) -> SignInResult<usize> {
        let name = asking.tenant;
        if self[asking.at].directory.is_called(name) {
            return Ok(asking.at);
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

    /// Answers `POST /{tenant}/oauth2/v2.0/token`.
    fn token(&mut self, asking: &Asking<'_>) -> SignInResult<Response<Bytes>> {
        let form = asking.posted()?;
        if ["common", "organizations", "consumers"].iter().all(|shared| !asking.tenant.eq_ignore_ascii_case(shared)) {
            self.named(asking)?;
        }
        let body = match form.required("grant_type")? {
            "client_credentials" => self.client_credentials(asking, &form)?,
            "authorization_code" => self.redeem_code(asking, &form)?,
            "refresh_token" => self.refresh(asking, &form)?,
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => self.poll_device(asking, &form)?,
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
        Ok(answer::json_response(StatusCode::OK, &body))
    }
}

/// Refuses in the form of the endpoint: to a program, or to a browser, which is sent back to the app by `redirect`.
fn refuse(asking: &Asking<'_>, error: &SignInError, redirect: Option<&Redirect>) -> Response<Bytes> {
    let form = asking.browsed();
    match (asking.endpoint, redirect) {
        (Endpoint::Authorize, Some(redirect)) => {
            let mode = redirect::ResponseMode::parse(form.optional("response_mode"));
            authorize::go_back(asking, &form, redirect, mode.unwrap_or(redirect::ResponseMode::Query), error, &[])
        }
        (Endpoint::AdminConsent | Endpoint::AdminConsentV1, Some(redirect)) => {
            let more = [("admin_consent", "True".to_owned())];
            authorize::go_back(asking, &form, redirect, redirect::ResponseMode::Query, error, &more)
        }
        (
            Endpoint::Authorize
            | Endpoint::AdminConsent
            | Endpoint::AdminConsentV1
            | Endpoint::DevicePage
            | Endpoint::Logout,
            _,
        ) => people::error_page(error, asking),
        _ => error.clone().into_response(asking.correlation, asking.authority()),
    }
}

/// Refuses in the form of the endpoint, and trusts the way back to the app that the request names.
pub(super) fn refuse_unchecked(asking: &Asking<'_>, error: &SignInError) -> Response<Bytes> {
    let form = asking.browsed();
    let redirect = form.optional("redirect_uri");
    let redirect = redirect.map(|uri| Redirect { uri: uri.to_owned(), platform: flows::Platform::Public });
    refuse(asking, error, redirect.as_ref())
}
