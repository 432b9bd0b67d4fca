//! The examination: what was typed in is looked at, looked up and tried, from what costs nothing to a sign-in.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tracing::Instrument as _;
use url::Host;
use uuid::Uuid;

use crate::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService, TenantLookup, TokenClaims};
use crate::client::Client;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant, TenantId};
use crate::permission::{MICROSOFT_GRAPH, PermissionKind, well_known_name};
use crate::provision::diagnose::diagnosis::Diagnosis;
use crate::provision::diagnose::recording_transport::RecordingTransport;
use crate::provision::permission_entry::{PermissionEntry, Place};
use crate::provision::registration::AppRegistration;
use crate::provision::report::RegisteredApplication;
use crate::provision::token_permissions::application_permissions_by_api;
use crate::retry::{Deadline, SendContext};
use crate::token::{TokenRequest, token_of};

/// A diagnosis to be made: awaiting it makes it.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::provision::RegisteredApplication;
/// use entra_apps::{AppRegistration, ErrorCode, secrecy::SecretString};
///
/// let tenant = MemoryTenant::new();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let object_id = "ed7cc2c5-4d63-4f47-a7b1-6d83c2b4a5f1"; // pasted in place of the client id
/// let app = RegisteredApplication::new("6731de76-14a6-49ae-97bc-6eba6914391e".parse()?, object_id.parse()?);
///
/// let client = tenant.client();
/// let diagnose = client.diagnose(tenant.domain(), object_id, SecretString::from("typed~in"), &backup);
/// let diagnosis = diagnose.registered_as(&app).deadline(Duration::from_secs(60)).await;
/// assert_eq!(diagnosis.problems[0].code, ErrorCode::ObjectIdInsteadOfClientId);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
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
    deadline: Option<Duration>,
}

impl<'a> Diagnose<'a> {
    pub(in crate::provision) fn new(
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
            deadline: None,
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

    /// Sets how long it may take. What was found by then is found; that the time was up is one more problem.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(mut self) -> Diagnosis {
        let clock = Arc::clone(&self.context.clock);
        let deadline = self.deadline.map(|allowed| Deadline::after(&*clock, allowed)).unwrap_or_default();
        let recording =
            Arc::new(RecordingTransport::new(Arc::clone(&self.context.transport), Arc::clone(&self.context.clock)));
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
        if deadline.bound(&*clock, self.examine(&mut found)).await.is_none() {
            let code = ErrorCode::DeadlineExceeded;
            found.problem(code, describe(code), "Check the network and the proxy, and allow more time.");
        }
        found.requests = recording.take();
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
                if let Err(error) = tenant.check_cloud(&self.cloud) {
                    found.problem(error.code(), capitalize(error.message()), error.remedy());
                }
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

    async fn sign_in(&self, found: &mut Diagnosis, app_id: AppId) {
        let secret = SecretString::from(self.secret.expose_secret().trim());
        let service = SignInService::with_context(self.cloud.clone(), self.context.clone());
        let provider = ClientCredentialsProvider::new(service, app_id, ClientAuthentication::secret(secret));
        let Some(tenant) = found.tenant_id.map(Tenant::from).or_else(|| self.tenant.parse().ok()) else { return };
        let (mut wanted, mut missing, mut surplus) = (0, Vec::new(), Vec::new());
        for (api, names) in application_permissions_by_api(self.registration, Place::OtherTenant) {
            let scope = match api {
                MICROSOFT_GRAPH => self.cloud.graph_scope(),
                api => format!("{api}/.default"),
            };
            let claims = match token_of(&provider, &TokenRequest::new(&tenant, scope)).await {
                Ok(token) => TokenClaims::of(&token),
                Err(error) => {
                    // An API that is not there says nothing of the others.
                    if error.code() == ErrorCode::ResourceNotInTenant {
                        let name = well_known_name(api).map_or_else(|| api.to_string(), str::to_owned);
                        let text = format!(
                            "{} This is the API {name}, of which {} is needed.",
                            capitalize(error.message()),
                            names.join(", ")
                        );
                        found.problem(error.code(), text, error.remedy());
                        continue;
                    }
                    self.sign_in_refused(found, app_id, &error);
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
            let is_named = |role: &String| names.contains(role) || may_hold(self.registration, api, role);
            surplus.extend(claims.roles.iter().filter(|role| !is_named(role)).cloned());
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
        // A token names application permissions: neither delegated ones, nor those that are given by their id alone; and it
        // does not tell which groups of permissions the tenant cannot have.
        let is_seen = |entry: &PermissionEntry| {
            let permission = &entry.permission;
            let is_named = permission.kind() == PermissionKind::Application && permission.name().is_some();
            let is_held = || permission.name().is_some_and(|name| found.granted.iter().any(|role| role == name));
            is_named && (entry.where_available.is_none() || is_held())
        };
        let wanted = self.registration.entries_in(Place::OtherTenant);
        let unseen: Vec<_> = wanted.filter(|entry| !is_seen(entry)).map(|entry| entry.permission.to_string()).collect();
        if !unseen.is_empty() {
            let text = format!("Not seen by a sign-in of the app itself: {}.", unseen.join(", "));
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
        // What was typed in is not traced: a secret may stand in the wrong field.
        let span = tracing::debug_span!("diagnose", unique_name = self.registration.unique_name());
        Box::pin(self.run().instrument(span))
    }
}

/// Whether the app may hold an application permission in some tenants: in its own alone, or where the API is there.
fn may_hold(registration: &AppRegistration, api: AppId, name: &str) -> bool {
    registration
        .entries_in(Place::OwnTenant)
        .map(|entry| &entry.permission)
        .any(|it| it.api() == api && it.kind() == PermissionKind::Application && it.name() == Some(name))
}

/// The codes of problems after which signing in tells nothing more.
const WITHOUT_SIGN_IN: [ErrorCode; 14] = [
    ErrorCode::Unreachable,
    ErrorCode::HostNotFound,
    ErrorCode::ConnectionRefused,
    ErrorCode::CertificateNotTrusted,
    ErrorCode::ProxyUnreachable,
    ErrorCode::ProxyAuthenticationRequired,
    ErrorCode::ProxyRefused,
    ErrorCode::IdsSwapped,
    ErrorCode::UnknownTenant,
    ErrorCode::WrongCloud,
    ErrorCode::AnsweredByProxy,
    ErrorCode::Redirected,
    ErrorCode::UnexpectedResponse,
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
