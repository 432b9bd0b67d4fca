//! A diagnosis for a vendor's support desk: from what a customer typed in, what is wrong with it.
//!
//! It signs in as the app and reads its token, and so needs no permission at all. The report holds what Microsoft's
//! support asks for, and no secret.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use time::OffsetDateTime;
use url::Host;
use uuid::Uuid;

use crate::auth::{
    ClientAuthentication, ClientCredentialsProvider, FoundTenant, SignInService, TenantLookup, TokenClaims,
};
use crate::client::Client;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode, foreign};
use crate::ids::{AppId, Tenant, TenantId};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::registration::AppRegistration;
use crate::provision::report::RegisteredApplication;
use crate::retry::SendContext;
use crate::token::{TokenRequest, token_of};
use crate::transport::{Transport, TransportError};

/// What a diagnosis found.
///
/// It prints as a text for a ticket, and as JSON ([`to_json`](Self::to_json)). It holds no secret and no token; what
/// was typed in is shown only where it has the form that it should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Diagnosis {
    /// When it was made, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The cloud that was asked.
    pub cloud: String,
    /// The tenant, as it was typed in.
    pub tenant: String,
    /// The tenant's id, where it was found.
    pub tenant_id: Option<TenantId>,
    /// The client id, as it was typed in.
    pub client_id: String,
    /// What is wrong, the gravest first; empty when all is well.
    pub problems: Vec<Finding>,
    /// What is worth knowing besides.
    pub remarks: Vec<Finding>,
    /// The application permissions that the app holds there, by name.
    pub granted: Vec<String>,
    /// The requests that were sent, in order.
    pub requests: Vec<RecordedRequest>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// A stable code, such as [`SecretExpired`](crate::ErrorCode::SecretExpired) or [`ConsentMissing`](crate::ErrorCode::ConsentMissing).
    pub code: ErrorCode,
    /// What is the case.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// One request to the sign-in service, as Microsoft's support asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method and the host, such as `POST login.microsoftonline.com`.
    pub request: String,
    /// When it was sent, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The service's code, such as `AADSTS7000215`.
    pub service_code: Option<String>,
    /// The service's id of the request: the trace id.
    pub request_id: Option<String>,
    /// The id that this crate gave it: the correlation id.
    pub correlation_id: Option<String>,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Writes it as JSON, to be attached to a ticket.
    ///
    /// # Panics
    /// Never: every part of it can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it holds nothing that JSON cannot")
    }

    fn problem(&mut self, code: ErrorCode, text: impl Into<String>, remedy: &str) {
        // A mistake can be found twice, by its form and by the service's response.
        if !self.problems.iter().any(|finding| finding.code == code) {
            self.problems.push(Finding::new(code, text, remedy));
        }
    }

    fn remark(&mut self, code: ErrorCode, text: impl Into<String>, remedy: &str) {
        self.remarks.push(Finding::new(code, text, remedy));
    }
}

impl Finding {
    fn new(code: ErrorCode, text: impl Into<String>, remedy: &str) -> Self {
        Self { code, text: text.into(), remedy: remedy.to_owned() }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Sign-in of the app {} in the tenant {}", self.client_id, self.tenant)?;
        if let Some(id) = self.tenant_id {
            writeln!(f, "Tenant id {id}, cloud {}", self.cloud)?;
        }
        writeln!(f)?;
        for finding in &self.problems {
            writeln!(f, "✗ {} ({})\n    {}", finding.text, finding.code, finding.remedy)?;
        }
        if self.is_good() {
            writeln!(f, "✓ The app signs in, and holds what it needs.")?;
        }
        for finding in &self.remarks {
            writeln!(f, "· {} ({})\n    {}", finding.text, finding.code, finding.remedy)?;
        }
        if !self.granted.is_empty() {
            writeln!(f, "\nGranted: {}", self.granted.join(", "))?;
        }
        writeln!(f, "\nFor Microsoft's support")?;
        for it in &self.requests {
            let status = it.status.map_or_else(|| "no response".to_owned(), |status| format!("status {status}"));
            write!(f, "  {} {}: {status} after {} ms", format_time(it.at), it.request, it.duration_ms)?;
            for (name, value) in
                [("", &it.service_code), ("request id ", &it.request_id), ("correlation id ", &it.correlation_id)]
            {
                if let Some(value) = value {
                    write!(f, ", {name}{value}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn format_time(at: OffsetDateTime) -> String {
    let to_the_second = at.replace_nanosecond(0).unwrap_or(at);
    to_the_second.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// A diagnosis to be made: awaiting it makes it.
#[must_use = "it is made when it is awaited"]
pub struct Diagnose<'a> {
    cloud: Cloud,
    context: SendContext,
    tenant: String,
    client_id: String,
    secret: SecretString,
    registration: &'a AppRegistration,
    expected: Option<AppId>,
    known: Option<RegisteredApplication>,
}

impl<'a> Diagnose<'a> {
    pub(super) fn new(
        client: &Client,
        tenant: String,
        client_id: String,
        secret: SecretString,
        registration: &'a AppRegistration,
    ) -> Self {
        Self {
            cloud: client.cloud().clone(),
            context: client.context().clone(),
            tenant,
            client_id,
            secret,
            registration,
            expected: None,
            known: None,
        }
    }

    /// Sets the client id that it should be, where the app is the vendor's own in every tenant: then a tenant that does
    /// not know it has not consented.
    pub fn expected_app(mut self, app_id: AppId) -> Self {
        self.expected = Some(app_id);
        self
    }

    /// Sets the ids that the app was registered with: then an object id in place of the client id is recognised for
    /// certain.
    pub fn registered_as(mut self, application: &RegisteredApplication) -> Self {
        self.expected = Some(application.app_id);
        self.known = Some(application.clone());
        self
    }

    async fn run(mut self) -> Diagnosis {
        let recording = Arc::new(RecordingTransport {
            inner: Arc::clone(&self.context.transport),
            clock: Arc::clone(&self.context.clock),
            log: Mutex::default(),
        });
        self.context.transport = Arc::<RecordingTransport>::clone(&recording);
        let mut found = Diagnosis {
            at: self.context.clock.now(),
            cloud: self.cloud.name().to_owned(),
            tenant: redact_input(&self.tenant),
            tenant_id: None,
            client_id: redact_input(&self.client_id),
            problems: Vec::new(),
            remarks: Vec::new(),
            granted: Vec::new(),
            requests: Vec::new(),
        };
        self.examine(&mut found).await;
        found.requests = std::mem::take(&mut *recording.log());
        found
    }

    async fn examine(&self, found: &mut Diagnosis) {
        let (tenant, client_id) = (self.tenant.trim(), self.client_id.trim());
        let secret = self.secret.expose_secret();
        if secret.trim() != secret {
            found.remark(
                ErrorCode::BlanksAroundSecret,
                "The secret was given with blanks around it, which are left out here.",
                "Paste it without them.",
            );
        }
        if secret.trim().is_empty() {
            found.problem(ErrorCode::SecretMissing, "There is no secret.", ErrorCode::SecretMissing.remedy());
        } else if Uuid::parse_str(secret.trim()).is_ok() {
            let reason = ErrorCode::SecretIdInsteadOfValue;
            found.problem(reason, describe(reason), reason.remedy());
        }
        let app_id = match client_id.parse::<AppId>() {
            Ok(app_id) => Some(app_id),
            Err(error) => {
                found.problem(ErrorCode::MalformedClientId, capitalize(error.message()), error.remedy());
                None
            }
        };
        if app_id.is_some() && client_id.eq_ignore_ascii_case(tenant) {
            found.problem(
                ErrorCode::IdsEqual,
                "The tenant and the client id are the same id.",
                "Copy both from the app's Overview: Application (client) ID and Directory (tenant) ID.",
            );
            return;
        }
        self.look_up(found, app_id).await;
        let Some(app_id) = app_id else { return };
        if secret.trim().is_empty() || found.problems.iter().any(|it| WITHOUT_SIGN_IN.contains(&it.code)) {
            return;
        }
        self.sign_in(found, app_id).await;
    }

    /// Finds the tenant, and whether the ids have changed places.
    async fn look_up(&self, found: &mut Diagnosis, app_id: Option<AppId>) {
        let lookup = TenantLookup::with_context(self.cloud.clone(), self.context.clone());
        match lookup.get(&self.tenant).await {
            // The text is not shown: a secret may have been given in its place.
            Err(error) if error.code() == ErrorCode::InvalidTenant => {
                found.problem(error.code(), capitalize(error.code().cause()), error.remedy());
            }
            Ok(tenant) => {
                found.tenant_id = Some(tenant.tenant_id);
                self.compare_cloud(found, &tenant);
            }
            Err(error) if error.code() == ErrorCode::UnknownTenant => {
                let swapped = match app_id {
                    Some(app_id) => lookup.get(TenantId::from(app_id.as_uuid())).await.is_ok(),
                    None => false,
                };
                if swapped {
                    found.problem(
                        ErrorCode::IdsSwapped,
                        "The client id is a tenant's, and there is no such tenant as the one given.",
                        "Exchange the two: the tenant's id was given as the client id.",
                    );
                } else {
                    found.problem(error.code(), capitalize(error.message()), error.remedy());
                }
            }
            Err(error) => found.problem(error.code(), capitalize(error.message()), error.remedy()),
        }
    }

    fn compare_cloud(&self, found: &mut Diagnosis, tenant: &FoundTenant) {
        let known = [Cloud::global(), Cloud::us_government(), Cloud::us_government_dod(), Cloud::china()];
        if let Some(other) = tenant.cloud().filter(|other| known.contains(&self.cloud) && *other != self.cloud) {
            let reason = ErrorCode::WrongCloud;
            let text = format!("The tenant is in the cloud {}, and {} was asked.", other.name(), self.cloud.name());
            found.problem(reason, text, reason.remedy());
        }
    }

    async fn sign_in(&self, found: &mut Diagnosis, app_id: AppId) {
        let secret = SecretString::from(self.secret.expose_secret().trim());
        let service = SignInService::with_context(self.cloud.clone(), self.context.clone());
        let provider = ClientCredentialsProvider::new(service, app_id, ClientAuthentication::secret(secret));
        let Some(tenant) = found.tenant_id.map(Tenant::from).or_else(|| self.tenant.parse().ok()) else { return };
        let (mut wanted, mut missing, mut surplus) = (0, Vec::new(), Vec::new());
        for (api, names) in self.registration.application_permissions_by_api() {
            let scope = match api {
                MICROSOFT_GRAPH => self.cloud.graph_scope(),
                api => format!("{api}/.default"),
            };
            let claims = match token_of(&provider, &TokenRequest::new(&tenant, scope)).await {
                Ok(token) => TokenClaims::of(&token),
                Err(error) => {
                    self.sign_in_refused(found, app_id, &error);
                    // An API that is not there says nothing of the others.
                    if error.code() == ErrorCode::ResourceNotInTenant {
                        continue;
                    }
                    return;
                }
            };
            if let (Some(asked), Some(own)) = (found.tenant_id, claims.tenant())
                && asked != own
            {
                found.problem(
                    ErrorCode::TokenOfAnotherTenant,
                    format!("The token is of the tenant {own}."),
                    "Check the authority's address: another service answers in its place.",
                );
                return;
            }
            wanted += names.len();
            missing.extend(names.iter().filter(|name| !claims.roles.contains(name)).cloned());
            surplus.extend(claims.roles.iter().filter(|role| !names.contains(role)).cloned());
            found.granted.extend(claims.roles);
        }
        let list = missing.join(", ");
        if !missing.is_empty() && missing.len() == wanted {
            found.problem(
                ErrorCode::ConsentMissing,
                format!("The app signs in and holds none of the permissions that it needs: {list}."),
                "Grant admin consent for the app in this tenant; declared permissions alone allow nothing.",
            );
        } else if !missing.is_empty() {
            found.problem(
                ErrorCode::PermissionAddedAfterConsent,
                format!(
                    "The app lacks {list}, and holds others: they were added after the consent, or left out of it."
                ),
                "Grant admin consent again: it covers what was declared at that time.",
            );
        }
        if !surplus.is_empty() {
            let text = format!("The app holds more than it needs: {}.", surplus.join(", "));
            found.remark(ErrorCode::SurplusPermissions, text, "Take it away, if nothing else needs it.");
        }
        let delegated = self.registration.wanted_permissions();
        let delegated: Vec<_> = delegated
            .filter(|permission| permission.kind() == PermissionKind::Delegated)
            .map(Permission::to_string)
            .collect();
        if !delegated.is_empty() {
            let text = format!("Not seen by a sign-in of the app itself: {}.", delegated.join(", "));
            found.remark(
                ErrorCode::DelegatedPermissionsUnseen,
                text,
                "Verify the registration, as somebody who may read there.",
            );
        }
    }

    fn sign_in_refused(&self, found: &mut Diagnosis, app_id: AppId, error: &Error) {
        let remedy = error.remedy();
        match error.code() {
            ErrorCode::AppNotInTenant => self.app_not_in_tenant(found, app_id),
            code => found.problem(code, capitalize(error.message()), remedy),
        }
    }

    /// Adds the problem of an app that the tenant does not know: which mistake it is, as far as the ids are known.
    fn app_not_in_tenant(&self, found: &mut Diagnosis, app_id: AppId) {
        let given = app_id.as_uuid();
        if let Some(known) = &self.known {
            let is_principal = known.service_principal_id.is_some_and(|id| id.as_uuid() == given);
            if known.application_id.as_uuid() == given || is_principal {
                return found.problem(
                    ErrorCode::ObjectIdInsteadOfClientId,
                    "The client id is an object id of the app.",
                    &format!("Give the Application (client) ID instead: {}.", known.app_id),
                );
            }
        }
        match self.expected {
            Some(expected) if expected == app_id => found.problem(
                ErrorCode::AppNotInTenant,
                "The tenant does not know the app: nobody has consented there, or it is the wrong tenant.",
                "Check the tenant; then let an administrator of it open the admin consent link. An app made a moment ago may take a minute.",
            ),
            Some(expected) => found.problem(
                ErrorCode::AnotherClientId,
                format!("The client id is not the app's, which is {expected}."),
                &format!("Give {expected}, the Application (client) ID; object ids look alike."),
            ),
            None => found.problem(
                ErrorCode::AppNotInTenant,
                "The tenant does not know an app of this client id: it is an object id, or the tenant is another.",
                ErrorCode::AppNotInTenant.remedy(),
            ),
        }
    }
}

impl fmt::Debug for Diagnose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnose").field("client_id", &redact_input(&self.client_id)).finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for Diagnose<'a> {
    type Output = Diagnosis;
    type IntoFuture = Pin<Box<dyn Future<Output = Diagnosis> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The codes of problems after which signing in tells nothing more.
const WITHOUT_SIGN_IN: [ErrorCode; 6] = [
    ErrorCode::Unreachable,
    ErrorCode::IdsSwapped,
    ErrorCode::UnknownTenant,
    ErrorCode::WrongCloud,
    ErrorCode::NotASignInService,
    ErrorCode::InvalidTenant,
];

fn describe(code: ErrorCode) -> String {
    capitalize(code.cause())
}

fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut text: String = first.into_iter().flatten().chain(letters).collect();
    text.push('.');
    text
}

/// Redacts what was typed in, unless it has the form that it should have: a secret in the wrong field must not be
/// shown.
fn redact_input(text: &str) -> String {
    let text = text.trim();
    let is_domain = matches!(Host::parse(text), Ok(Host::Domain(name)) if name.contains('.')) && text.len() <= 253;
    if Uuid::parse_str(text).is_ok() || (is_domain && !text.contains(['~', '_'])) {
        return text.to_owned();
    }
    format!("(a text of {} characters)", text.chars().count())
}

/// A transport that records the requests to the sign-in service, without what is in them.
#[derive(Debug)]
struct RecordingTransport {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    log: Mutex<Vec<RecordedRequest>>,
}

impl RecordingTransport {
    fn log(&self) -> std::sync::MutexGuard<'_, Vec<RecordedRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a refusal that is recorded.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Refusal {
    error_codes: Vec<u64>,
    trace_id: Option<String>,
}

#[async_trait]
impl Transport for RecordingTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let header = |headers: &http::HeaderMap, name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(|text| foreign(text.to_owned()))
        };
        let mut recorded = RecordedRequest {
            request: format!("{} {}", request.method(), request.uri().host().unwrap_or_default()),
            at: self.clock.now(),
            duration_ms: 0,
            status: None,
            service_code: None,
            request_id: None,
            correlation_id: header(request.headers(), "client-request-id"),
        };
        let began = self.clock.monotonic();
        let response = self.inner.send(request).await;
        let took = self.clock.monotonic().saturating_sub(began).as_millis();
        recorded.duration_ms = u64::try_from(took).unwrap_or(u64::MAX);
        if let Ok(response) = &response {
            recorded.status = Some(response.status().as_u16());
            recorded.request_id = header(response.headers(), "x-ms-request-id");
            if !response.status().is_success() {
                let refusal: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
                recorded.service_code = refusal.error_codes.first().map(|code| format!("AADSTS{code}"));
                recorded.request_id = refusal.trace_id.map(foreign).or(recorded.request_id);
            }
        }
        self.log().push(recorded);
        response
    }
}
