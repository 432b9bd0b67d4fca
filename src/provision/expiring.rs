//! The client secrets and certificates that end soon: of one app, or of every application and service principal of the
//! tenant.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::api::{Filter, List, Pages};
use crate::client::Client;
use crate::clock::later;
use crate::error::Error;
use crate::ids::{AppId, ApplicationId, DirectoryObjectId, KeyId, ServicePrincipalId, TenantId};
use crate::model::{Application, KeyCredential, PasswordCredential, ServicePrincipal};
use crate::provision::credential_name;

/// The most items that a page of applications or service principals has.
const PAGE: u16 = 999;

/// What is read of an application.
const OF_APPLICATION: [&str; 6] = ["id", "appId", "displayName", "uniqueName", "passwordCredentials", "keyCredentials"];
/// What is read of a service principal.
const OF_SERVICE_PRINCIPAL: [&str; 6] =
    ["id", "appId", "displayName", "appOwnerOrganizationId", "passwordCredentials", "keyCredentials"];

/// The lists of credentials, and what is in each.
const LISTS: [(&str, ExpiringKind); 2] =
    [("passwordCredentials", ExpiringKind::ClientSecret), ("keyCredentials", ExpiringKind::Certificate)];

/// Credentials that end within a time, to be narrowed and then read.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .credential(ClientSecret::new("Nightly").valid_for_days(14));
/// let app_id = client.apply(&client.plan(&backup).await?).await?.application.unwrap().app_id;
///
/// let month = Duration::from_secs(30 * 24 * 3600);
/// let mut ending = client.expiring(month).items();
/// while let Some(credential) = ending.next().await? {
///     println!("{credential}"); // as each page comes
/// }
/// let of_app = client.expiring(month).of(app_id).all().await?;
/// assert_eq!(of_app[0].name.as_deref(), Some("Nightly"));
/// assert_eq!(of_app[0].unique_name.as_deref(), Some("contoso-backup"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Debug)]
#[must_use = "nothing is read until it is asked for"]
pub struct Expiring {
    client: Client,
    within: Duration,
    app: Option<AppId>,
    with_ended: bool,
}

impl Expiring {
    pub(super) fn new(client: &Client, within: Duration) -> Self {
        Self { client: client.clone(), within, app: None, with_ended: false }
    }

    /// Looks at one app alone: its application, where it is registered here, and its service principal.
    pub fn of(mut self, app_id: AppId) -> Self {
        self.app = Some(app_id);
        self
    }

    /// Tells those that have ended already, too.
    pub fn with_ended(mut self) -> Self {
        self.with_ended = true;
        self
    }

    /// Reads credential by credential; pages are fetched as they are needed, and the first one is there after the first
    /// page. They come app by app, and not by their end.
    pub fn items(self) -> ExpiringCredentials {
        let Self { client, within, app, with_ended } = self;
        let now = client.clock().now();
        let applications = client.applications().list().select(OF_APPLICATION);
        let principals = client.service_principals().list().select(OF_SERVICE_PRINCIPAL);
        ExpiringCredentials {
            applications: Some(narrowed(applications, app)),
            principals: Some(narrowed(principals, app)),
            held: Vec::new().into_iter(),
            until: Until { now, end: later(now, within), with_ended },
        }
    }

    /// Reads all of them, the first to end first, and those whose end is not known before.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn all(self) -> Result<Vec<ExpiringCredential>, Error> {
        let mut items = self.items();
        let mut all = Vec::new();
        while let Some(credential) = items.next().await? {
            all.push(credential);
        }
        all.sort_by_key(|credential| credential.end);
        Ok(all)
    }
}

/// The pages of a list: those of one app alone, or of all.
fn narrowed<T: DeserializeOwned + Send + 'static>(list: List<T>, app: Option<AppId>) -> Pages<T> {
    match app {
        Some(app) => list.filter(Filter::eq("appId", app.to_string())).pages(),
        None => list.top(PAGE).pages(),
    }
}

/// A client secret or certificate that ends soon, or may.
///
/// # JSON
/// `kind` (`clientSecret` or `certificate`), `state` (`ends`, `hasEnded` or `unknown`), `holder` (an object with one member,
/// `application` or `servicePrincipal`: its object id), `appId`, `displayName`, `uniqueName`, `publisher`, `isAgent`, `keyId`,
/// `name`, `start` and `end` (RFC 3339); null is what is not known.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::provision::{CredentialState, ExpiringKind};
///
/// let tenant = MemoryTenant::new();
/// let app = tenant.applications()[0].id;
/// let secret = r#"{"passwordCredential": {"displayName": "Old", "endDateTime": "2020-02-01T00:00:00Z",
///     "startDateTime": "2020-01-01T00:00:00Z"}}"#;
/// tenant.send_json("POST", &format!("/applications/{app}/addPassword"), Some(secret)); // by hand
///
/// let ended = tenant.client().expiring(Duration::ZERO).with_ended().all().await?;
/// let old = ended.iter().find(|credential| credential.name.as_deref() == Some("Old")).unwrap();
/// assert_eq!((old.kind, old.state), (ExpiringKind::ClientSecret, CredentialState::HasEnded));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExpiringCredential {
    /// Whether it is a client secret or a certificate.
    pub kind: ExpiringKind,
    /// Whether it ends, has ended, or when is not known.
    pub state: CredentialState,
    /// The object that has it; `None` where the service sent it without its id.
    pub holder: Option<CredentialHolder>,
    /// The application (client) id.
    pub app_id: Option<AppId>,
    /// The display name of the application or service principal.
    pub display_name: Option<String>,
    /// The unique name of the application, if it has one.
    pub unique_name: Option<String>,
    /// The tenant in which the app of a service principal is registered.
    pub publisher: Option<TenantId>,
    /// Whether the object is the identity of an agent, which is managed elsewhere.
    pub is_agent: bool,
    /// The id of the credential; `None` where the credentials of the object cannot be read.
    pub key_id: Option<KeyId>,
    /// The description.
    pub name: Option<String>,
    /// The time from which it is valid, in UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub start: Option<OffsetDateTime>,
    /// The last time at which it is valid, in UTC; `None` where that cannot be read.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
}

/// The sort of a credential that ends. In JSON it is its name in camel case.
///
/// ```
/// use entra_apps::provision::ExpiringKind;
///
/// assert_eq!(ExpiringKind::Certificate.to_string(), "certificate");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ExpiringKind {
    /// A client secret.
    ClientSecret,
    /// A certificate.
    Certificate,
}

impl fmt::Display for ExpiringKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientSecret => "client secret",
            Self::Certificate => "certificate",
        })
    }
}

/// Whether a credential ends. In JSON it is its name in camel case.
///
/// ```
/// use entra_apps::provision::CredentialState;
///
/// assert_eq!(serde_json::to_value(CredentialState::HasEnded)?, "hasEnded");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CredentialState {
    /// It ends within the time that was asked for.
    Ends,
    /// It has ended.
    HasEnded,
    /// Its end came in a form that cannot be read: it may end.
    Unknown,
}

/// The object that has a credential. In JSON it is an object with the one member that is its name here.
///
/// ```
/// use entra_apps::ids::ApplicationId;
/// use entra_apps::provision::CredentialHolder;
///
/// let holder = CredentialHolder::Application(ApplicationId::from_u128(1));
/// assert_eq!(holder.id(), ApplicationId::from_u128(1).into());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CredentialHolder {
    /// An application.
    Application(ApplicationId),
    /// A service principal: the credential works in this tenant alone.
    ServicePrincipal(ServicePrincipalId),
}

impl CredentialHolder {
    /// The object id.
    pub fn id(self) -> DirectoryObjectId {
        match self {
            Self::Application(id) => id.into(),
            Self::ServicePrincipal(id) => id.into(),
        }
    }
}

impl ExpiringCredential {
    /// The description that a registration gives it: of one that was issued in place of another, without the words that say
    /// so, such as `Backup` of `Backup (rotates 3f2a9c11)`.
    pub fn registered_name(&self) -> Option<&str> {
        self.name.as_deref().map(credential_name::without_mark)
    }
}

impl fmt::Display for ExpiringCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.display_name.as_deref().unwrap_or("an app without a name");
        write!(f, "{} “{}” of “{of}”", self.kind, self.name.as_deref().unwrap_or("without a description"))?;
        match (self.state, self.end) {
            (CredentialState::HasEnded, Some(end)) => write!(f, " ended on {}", end.date()),
            (_, Some(end)) => write!(f, " ends on {}", end.date()),
            (_, None) => f.write_str(": its end cannot be read"),
        }
    }
}

/// Credentials that end, read page by page. It is a [`Stream`] too, which ends behind an error.
///
/// A future of [`next`](Self::next) that is dropped loses nothing: the next one goes on with the same page.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// let mut ending = MemoryTenant::new().client().expiring(Duration::from_secs(24 * 3600)).items();
/// while let Some(credential) = ending.next().await? {
///     println!("{credential}");
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct ExpiringCredentials {
    /// None behind the last page.
    applications: Option<Pages<Application>>,
    principals: Option<Pages<ServicePrincipal>>,
    held: std::vec::IntoIter<ExpiringCredential>,
    until: Until,
}

impl ExpiringCredentials {
    /// The next one, or `None` behind the last.
    ///
    /// # Errors
    /// When a page cannot be read; the same page is asked for again by the next call. With the code
    /// [`ExpiredPageToken`](crate::ErrorCode::ExpiredPageToken) the service has forgotten how far it had come: begin anew.
    pub async fn next(&mut self) -> Result<Option<ExpiringCredential>, Error> {
        poll_fn(|context| self.poll(context)).await.transpose()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<ExpiringCredential, Error>>> {
        loop {
            if let Some(credential) = self.held.next() {
                return Poll::Ready(Some(Ok(credential)));
            }
            let found: Vec<_> = if let Some(pages) = &mut self.applications {
                match ready!(pages.poll_again(context)) {
                    Ok(Some(page)) => page.value.into_iter().flat_map(|app| self.until.of_application(app)).collect(),
                    Ok(None) => {
                        self.applications = None;
                        continue;
                    }
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            } else if let Some(pages) = &mut self.principals {
                match ready!(pages.poll_again(context)) {
                    Ok(Some(page)) => page.value.into_iter().flat_map(|it| self.until.of_principal(it)).collect(),
                    Ok(None) => {
                        self.principals = None;
                        continue;
                    }
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            } else {
                return Poll::Ready(None);
            };
            self.held = found.into_iter();
        }
    }
}

impl Stream for ExpiringCredentials {
    type Item = Result<ExpiringCredential, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = ready!(this.poll(context));
        if let Some(Err(_)) = &next {
            (this.applications, this.principals) = (None, None);
        }
        Poll::Ready(next)
    }
}

/// Which credentials are told.
#[derive(Clone, Copy, Debug)]
struct Until {
    now: OffsetDateTime,
    end: OffsetDateTime,
    with_ended: bool,
}

impl Until {
    /// Of an end that may not be known, what is told, if anything: both ends of a validity count.
    fn state(self, end: Option<OffsetDateTime>) -> Option<CredentialState> {
        match end {
            None => Some(CredentialState::Unknown),
            Some(end) if end < self.now => self.with_ended.then_some(CredentialState::HasEnded),
            Some(end) => (end <= self.end).then_some(CredentialState::Ends),
        }
    }

    fn of_application(self, mut app: Application) -> Vec<ExpiringCredential> {
        for (list, _) in LISTS {
            app.was_asked_for(list);
        }
        let whole = ExpiringCredential {
            holder: app.id.map(CredentialHolder::Application),
            app_id: app.app_id,
            display_name: app.display_name.clone(),
            unique_name: app.unique_name.clone(),
            is_agent: is_agent(app.unknown.text("@odata.type")),
            ..nothing()
        };
        self.of(&whole, &app.unreadable(), &app.password_credentials, &app.key_credentials)
    }

    fn of_principal(self, mut principal: ServicePrincipal) -> Vec<ExpiringCredential> {
        for (list, _) in LISTS {
            principal.was_asked_for(list);
        }
        let whole = ExpiringCredential {
            holder: principal.id.map(CredentialHolder::ServicePrincipal),
            app_id: principal.app_id,
            display_name: principal.display_name.clone(),
            publisher: principal.app_owner_organization_id,
            is_agent: is_agent(principal.unknown.text("@odata.type")),
            ..nothing()
        };
        self.of(&whole, &principal.unreadable(), &principal.password_credentials, &principal.key_credentials)
    }

    fn of(
        self,
        whole: &ExpiringCredential,
        unreadable: &[String],
        secrets: &[PasswordCredential],
        certificates: &[KeyCredential],
    ) -> Vec<ExpiringCredential> {
        let credential = |kind, key_id, name: Option<&String>, start, end| {
            let state = self.state(end)?;
            Some(ExpiringCredential { kind, state, key_id, name: name.cloned(), start, end, ..whole.clone() })
        };
        // The password of a signing certificate has the certificate's id.
        let is_of_certificate = |secret: &&PasswordCredential| {
            certificates.iter().any(|certificate| certificate.key_id.is_some() && certificate.key_id == secret.key_id)
        };
        let secrets = secrets.iter().filter(|secret| !is_of_certificate(secret)).filter_map(|it| {
            let (start, end) = (it.start_date_time, it.end_date_time);
            credential(ExpiringKind::ClientSecret, it.key_id, it.display_name.as_ref(), start, end)
        });
        // A signing certificate is there twice, for signing and for verifying.
        let is_again = |at: usize| {
            let it = &certificates[at];
            let is_same = |other: &KeyCredential| {
                other.custom_key_identifier == it.custom_key_identifier && other.end_date_time == it.end_date_time
            };
            it.custom_key_identifier.is_some() && certificates[..at].iter().any(is_same)
        };
        let certificates = certificates.iter().enumerate().filter(|(at, _)| !is_again(*at)).filter_map(|(_, it)| {
            let (start, end) = (it.start_date_time, it.end_date_time);
            credential(ExpiringKind::Certificate, it.key_id, it.display_name.as_ref(), start, end)
        });
        let is_whole_unreadable = unreadable.iter().any(|path| path == "@unreadable");
        let odd =
            LISTS.into_iter().filter(|(name, _)| is_whole_unreadable || unreadable.iter().any(|path| path == *name));
        let odd = odd.filter_map(|(_, kind)| credential(kind, None, None, None, None));
        secrets.chain(certificates).chain(odd).collect()
    }
}

/// A credential of which nothing is known.
fn nothing() -> ExpiringCredential {
    ExpiringCredential {
        kind: ExpiringKind::ClientSecret,
        state: CredentialState::Unknown,
        holder: None,
        app_id: None,
        display_name: None,
        unique_name: None,
        publisher: None,
        is_agent: false,
        key_id: None,
        name: None,
        start: None,
        end: None,
    }
}

/// Whether an object is derived from an application or a service principal for agents.
fn is_agent(odata_type: Option<&str>) -> bool {
    odata_type.is_some_and(|name| name.starts_with("#microsoft.graph.agentIdentity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const UNTIL: Until =
        Until { now: datetime!(2026-06-01 9:00 UTC), end: datetime!(2026-07-01 9:00 UTC), with_ended: false };

    fn states(until: Until, app: &str) -> Vec<(ExpiringKind, CredentialState)> {
        let app: Application = serde_json::from_str(app).unwrap();
        until.of_application(app).into_iter().map(|it| (it.kind, it.state)).collect()
    }

    #[test]
    fn both_ends_of_a_validity_count_and_what_cannot_be_read_may_end() {
        use CredentialState::{Ends, HasEnded, Unknown};
        for (end, state) in [
            (r#""2026-06-01T08:59:59Z""#, None),
            (r#""2026-06-01T09:00:00Z""#, Some(Ends)),
            (r#""2026-07-01T09:00:00Z""#, Some(Ends)),
            (r#""2026-07-01T09:00:01Z""#, None),
            ("7", Some(Unknown)),
            ("null", Some(Unknown)),
        ] {
            for ((list, kind), (other, _)) in LISTS.into_iter().zip(LISTS.into_iter().rev()) {
                let app = format!(r#"{{"{list}":[{{"endDateTime":{end}}}],"{other}":[]}}"#);
                let expected: Vec<_> = state.map(|state| (kind, state)).into_iter().collect();
                assert_eq!(states(UNTIL, &app), expected, "{app}");
            }
        }
        let ended = r#"{"passwordCredentials":[{"endDateTime":"2020-01-01T00:00:00Z"}],"keyCredentials":[]}"#;
        let with_ended = Until { with_ended: true, ..UNTIL };
        assert_eq!(states(with_ended, ended), [(ExpiringKind::ClientSecret, HasEnded)]);
        for odd in
            [r#""passwordCredentials":7,"#, r#""passwordCredentials":[7],"#, r#""passwordCredentials":null,"#, ""]
        {
            let app = format!(r#"{{{odd}"keyCredentials":[]}}"#);
            assert_eq!(states(UNTIL, &app), [(ExpiringKind::ClientSecret, Unknown)], "{odd}");
        }
        assert_eq!(states(UNTIL, r#"{"@unreadable":7}"#).len(), 2, "nothing of the app came");
    }

    #[test]
    fn a_signing_certificate_is_told_once() {
        let end = r#""endDateTime":"2026-06-10T00:00:00Z""#;
        let key = |id: u8, usage: &str, name: &str| {
            format!(
                r#"{{"keyId":"00000000-0000-0000-0000-0000000000{id:02}","usage":"{usage}","customKeyIdentifier":{name},{end}}}"#
            )
        };
        let app = format!(
            r#"{{"keyCredentials":[{},{},{},{}],"passwordCredentials":[{{"keyId":"00000000-0000-0000-0000-000000000001",{end}}}]}}"#,
            key(1, "Sign", r#""AB""#),
            key(2, "Verify", r#""AB""#),
            key(3, "Verify", "null"),
            key(4, "Verify", "null")
        );
        assert_eq!(states(UNTIL, &app), [(ExpiringKind::Certificate, CredentialState::Ends); 3]);
    }

    #[test]
    fn identities_of_agents_are_marked() {
        let app = r##"{"@odata.type":"#microsoft.graph.agentIdentityBlueprint","passwordCredentials":[{"endDateTime":null}]}"##;
        let app: Application = serde_json::from_str(app).unwrap();
        assert!(UNTIL.of_application(app)[0].is_agent);
        assert!(!is_agent(Some("#microsoft.graph.application")) && !is_agent(None));
    }
}
