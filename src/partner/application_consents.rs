//! `/v1/customers/{tenant}/applicationconsents` of Partner Center: consent in a customer's tenant without its
//! administrator.
//!
//! Partner Center is a service of its own, with tokens, errors and limits of its own: nothing here goes through Graph.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use tracing::Instrument;
use url::Url;

use crate::auth::challenge;
use crate::client::{Client, SendHow};
use crate::cloud::PARTNER_CENTER_SCOPE;
use crate::error::{Error, ErrorCode, ServiceError};
use crate::ids::{AppId, TenantId};
use crate::partner::check_cloud;
use crate::permission::well_known::MICROSOFT_PARTNER_CENTER;
use crate::permission::{Permission, PermissionKind};
use crate::random;
use crate::retry::{CallOptions, Cost, LOOK_FIRST, Outcome, Repeat, Response, trace_failure};
use crate::token::AccessToken;

/// What Partner Center asks of whoever consents for a customer.
const AGENT: &str = "The signed-in person must be in the group AdminAgents of the partner's tenant, and have the role \
                     Application Administrator or Cloud Application Administrator in the customer's tenant by a \
                     delegated admin relationship (GDAP): Partner::readiness says what is missing.";

/// Consent to an app in a customer's tenant, for the permissions of one API.
///
/// Partner Center consents only to the app that the partner is signed in to, only to delegated permissions, and takes one
/// API at a time.
///
/// ```
/// use entra_apps::ids::AppId;
/// use entra_apps::partner::NewApplicationConsent;
/// use entra_apps::permission::microsoft_graph::delegated;
///
/// let deployer = AppId::from_u128(7);
/// let consent = NewApplicationConsent::new(deployer, [delegated::USER_READ, delegated::DIRECTORY_READ_ALL])?;
/// assert_eq!(consent.scopes(), ["User.Read", "Directory.Read.All"]);
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApplicationConsent {
    app_id: AppId,
    api: AppId,
    scopes: Vec<String>,
}

impl NewApplicationConsent {
    /// A consent to the app for some permissions of one API.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): no permission, permissions of several APIs, one of Partner
    /// Center itself (customers do not have it), an application permission, or one without a name.
    pub fn new(app_id: AppId, permissions: impl IntoIterator<Item = Permission>) -> Result<Self, Error> {
        let refuse = |code: ErrorCode, message: &str| Err(Error::new(code).with_message(message));
        let mut consent: Option<Self> = None;
        for permission in permissions {
            if permission.kind() != PermissionKind::Delegated {
                return Err(Error::new(ErrorCode::WrongPermissionKind)
                    .with_message(format!("Partner Center does not consent to application permissions: {permission}"))
                    .with_remedy("Assign application permissions through Graph, in the customer's tenant."));
            }
            let Some(scope) = permission.name() else {
                return Err(Error::new(ErrorCode::PermissionWithoutName)
                    .with_message(format!("Partner Center takes permissions by their names: {permission}")));
            };
            if permission.api() == MICROSOFT_PARTNER_CENTER {
                return Err(Error::new(ErrorCode::ApiNotInTenant)
                    .with_message("customers do not have Partner Center as an API")
                    .with_remedy("Leave it out: it is consented to in the partner's own tenant."));
            }
            let consent = consent.get_or_insert_with(|| Self { app_id, api: permission.api(), scopes: Vec::new() });
            if consent.api != permission.api() {
                return refuse(ErrorCode::InvalidRequest, "one consent is for the permissions of one API");
            }
            if !consent.scopes.iter().any(|known| known.eq_ignore_ascii_case(scope)) {
                consent.scopes.push(scope.to_owned());
            }
        }
        match consent {
            Some(consent) => Ok(consent),
            None => refuse(ErrorCode::AppWithoutPermissions, "a consent needs at least one permission"),
        }
    }

    /// The client id of the app.
    pub fn app_id(&self) -> AppId {
        self.app_id
    }

    /// The API whose permissions they are.
    pub fn api(&self) -> AppId {
        self.api
    }

    /// The names of the permissions.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }
}

/// What became of a consent. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::ApplicationConsentResult;
///
/// assert_eq!(serde_json::to_value(ApplicationConsentResult::AlreadyExists)?, "already_exists");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApplicationConsentResult {
    /// The app is consented to.
    Created,
    /// The app had permissions of this API before. Partner Center adds none to them: what it holds may be less than was
    /// asked for, and is to be read through Graph in the customer's tenant.
    AlreadyExists,
}

/// The consents of one customer at Partner Center. There is no list of them: Graph tells what is granted, in the customer's
/// tenant.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let (client, customer) = (cloud.client(&cloud.tenants()[0]), cloud.tenants()[1].id());
/// use entra_apps::ErrorKind;
/// use entra_apps::ids::AppId;
/// use entra_apps::partner::NewApplicationConsent;
/// use entra_apps::permission::microsoft_graph::delegated;
///
/// let deployer = AppId::from_u128(7); // the app that the client is signed in to
/// let consent = NewApplicationConsent::new(deployer, [delegated::USER_READ])?;
/// match client.partner().application_consents(customer).create(&consent).await {
///     Ok(result) => println!("{result:?}"),
///     // Every customer fails in this way: the run ends here.
///     Err(error) if error.kind() == ErrorKind::SignIn => println!("{error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationConsents<'a> {
    pub(super) client: &'a Client,
    pub(super) customer: TenantId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConsentBody<'a> {
    application_id: AppId,
    application_grants: [GrantBody<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantBody<'a> {
    enterprise_application_id: &'a AppId,
    scope: String,
}

impl ApplicationConsents<'_> {
    /// Consents to the app in the customer's tenant, whose service principal is created where it is missing
    /// ([`POST /v1/customers/{tenant}/applicationconsents`](https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis)).
    /// Least permission: Partner Center's `user_impersonation`, for a person who signed in with a second factor.
    ///
    /// A repetition after a response that was lost has the id of the first try, by which Partner Center knows it again.
    ///
    /// # Errors
    /// - [`ErrorKind::SignIn`](crate::ErrorKind::SignIn): the sign-in had no second factor
    ///   ([`MfaRequired`](crate::ErrorCode::MfaRequired)), or no person took part in it
    ///   ([`PartnerCenterNeedsPerson`](crate::ErrorCode::PartnerCenterNeedsPerson)): every customer fails in this way;
    /// - [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden): the person is no agent, or has no role there;
    /// - [`ErrorKind::Refused`](crate::ErrorKind::Refused) with the code
    ///   [`ApiNotInTenant`](crate::ErrorCode::ApiNotInTenant): the customer does not have the API;
    /// - [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    ///   [`NotACustomer`](crate::ErrorCode::NotACustomer).
    pub async fn create(&self, consent: &NewApplicationConsent) -> Result<ApplicationConsentResult, Error> {
        let operation = "POST /customers/{id}/applicationconsents";
        let body = ConsentBody {
            application_id: consent.app_id,
            application_grants: [GrantBody {
                enterprise_application_id: &consent.api,
                scope: consent.scopes.join(", "),
            }],
        };
        let body = serde_json::to_vec(&body)
            .map_err(|error| Error::new(ErrorCode::InvalidBody).with_source(error).during(operation))?;
        let response = self.send(operation, Method::POST, None, Some(Bytes::from(body))).await?;
        match () {
            () if is_done(&response) => Ok(ApplicationConsentResult::Created),
            () if already_exists(&response) => Ok(ApplicationConsentResult::AlreadyExists),
            () => Err(refusal(operation, &response)),
        }
    }

    /// Removes what Partner Center has granted to the app in the customer's tenant
    /// ([`DELETE /v1/customers/{tenant}/applicationconsents/{app}`](https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis)),
    /// and says whether there was anything. Its service principal stays, and so does what an administrator of the customer has
    /// granted. Least permission: as for [`create`](Self::create).
    ///
    /// # Errors
    /// As [`create`](Self::create) says.
    pub async fn delete(&self, app_id: AppId) -> Result<bool, Error> {
        let operation = "DELETE /customers/{id}/applicationconsents/{id}";
        let response = self.send(operation, Method::DELETE, Some(app_id), None).await?;
        match response.status {
            _ if is_done(&response) => Ok(true),
            // The response to the first try may have been lost.
            StatusCode::NOT_FOUND if !is_unknown_customer(&response) && !response.is_foreign() => {
                Ok(response.attempts > 1)
            }
            _ => Err(refusal(operation, &response)),
        }
    }

    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        app_id: Option<AppId>,
        body: Option<Bytes>,
    ) -> Result<Response, Error> {
        check_cloud(self.client.cloud()).map_err(|error| error.during(operation))?;
        let url = self.url(app_id).map_err(|error| error.during(operation))?;
        // One id for all tries of one call: by it Partner Center knows a repetition, so that each may be repeated.
        let id = |name| (name, random::uuid(self.client.randomness()).to_string());
        let ids = [id("ms-requestid"), id("ms-correlationid")];
        let build = |token: &AccessToken| {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret()))
                .map_err(|_| Error::new(ErrorCode::MalformedToken))?;
            bearer.set_sensitive(true);
            let mut request = http::Request::builder()
                .method(method.clone())
                .uri(url.as_str())
                .header(AUTHORIZATION, bearer)
                .header(ACCEPT, "application/json")
                .header("ValidateMfa", "true");
            for (name, id) in &ids {
                request = request.header(*name, id);
            }
            if body.is_some() {
                request = request.header(CONTENT_TYPE, "application/json");
            }
            request
                .body(body.clone().unwrap_or_default())
                .map_err(|error| Error::new(ErrorCode::InvalidRequest).with_source(error))
        };
        let client = self.client.begin_operation();
        let operation = Cow::Borrowed(operation);
        let how = SendHow { operation: &operation, scope: PARTNER_CENTER_SCOPE.to_owned(), repeat: Repeat::Safe };
        let options = CallOptions { cost: Cost::PartnerCenter, ..client.options() };
        let sent = client.send_with_token(how, &options, build, classify, is_of_partner_center);
        let span = client.span(&operation);
        sent.instrument(span).await.map(|(response, _)| response)
    }

    fn url(&self, app_id: Option<AppId>) -> Result<Url, Error> {
        let mut url = self.client.cloud().partner_center().clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidEndpoint).with_message("the endpoint is no address"))?
            .pop_if_empty()
            .extend(["v1", "customers", &self.customer.to_string(), "applicationconsents"])
            .extend(app_id.map(|id| id.to_string()));
        Ok(url)
    }
}

/// Whether it was done. The form of the body is not documented.
fn is_done(response: &Response) -> bool {
    response.status.is_success() && !response.is_foreign()
}

/// Whether Partner Center itself responded, and nobody in between.
fn is_of_partner_center(response: &Response) -> bool {
    let error = ServiceError::read(response.json());
    let says_why = !error.code.is_empty() || !error.message.is_empty();
    (says_why && !response.is_foreign()) || challenge::is_bearer(&response.headers)
}

/// Whether a consent is there. The status is not documented, so that the sentence counts too.
fn already_exists(response: &Response) -> bool {
    let error = ServiceError::read(response.json());
    is_of_partner_center(response)
        && response.status.is_client_error()
        && (response.status == StatusCode::CONFLICT || error.says("already exist"))
}

fn is_unknown_customer(response: &Response) -> bool {
    ServiceError::read(response.json()).has_code("60003")
}

fn classify(response: &Response) -> Outcome {
    let retry_after = response.retry_after;
    match response.status.as_u16() {
        429 => Outcome::Throttled { retry_after },
        408 | 500 | 502 | 503 | 504 => Outcome::Failed { retry_after },
        200..=299 if response.is_foreign() => Outcome::Failed { retry_after },
        _ => Outcome::Final,
    }
}

/// The error of a response that is no success.
fn refusal(operation: &'static str, response: &Response) -> Error {
    let service = ServiceError::read(response.json());
    let error = match is_of_partner_center(response) {
        true => meaning(response, &service).quoting(service.sentence()),
        false => response.by_proxy("Partner Center", |words| words),
    };
    let error = response.tells(error, ["ms-requestid", "ms-correlationid"], service).during(operation);
    trace_failure(&error, "refused");
    error
}

/// What Partner Center means
/// ([codes](https://learn.microsoft.com/partner-center/developer/error-codes)).
fn meaning(response: &Response, service: &ServiceError) -> Error {
    let agent = || Error::new(ErrorCode::MissingPermission).with_remedy(AGENT);
    match (response.status.as_u16(), service.code.as_str()) {
        (_, "900421") => Error::new(ErrorCode::MfaRequired),
        (401, _) if service.says("MFA") => Error::new(ErrorCode::MfaRequired),
        (_, "900329") => Error::new(ErrorCode::PartnerCenterNeedsPerson),
        (_, "900309") => Error::new(ErrorCode::BlockedByConditionalAccess),
        (_, "900420") => Error::new(ErrorCode::TokenRefused)
            .with_message("the token is not for Partner Center")
            .with_remedy("Give a token provider that signs in for the scope that it is asked for."),
        (401, _) => Error::new(ErrorCode::TokenRefused).with_remedy(
            "Consent to Partner Center's permission user_impersonation for the app in the partner's tenant, and sign \
             in again as a person there.",
        ),
        (403, "20002") => Error::new(ErrorCode::NotACustomer),
        (403, _) => agent(),
        (404, _) => Error::new(ErrorCode::NotACustomer)
            .with_remedy("Hand out the admin consent link: Partner Center does not know this tenant as a customer."),
        (400, _) if service.says("lacks a service principal") => Error::new(ErrorCode::ApiNotInTenant),
        (429, _) => Error::new(ErrorCode::Throttled),
        (500..=599 | 408, _) => Error::new(ErrorCode::ServiceFailed).with_remedy(LOOK_FIRST),
        (300..=399, _) => Error::new(ErrorCode::Redirected),
        _ => Error::new(ErrorCode::RequestRefused),
    }
}
