//! `/applications`: the registrations.

use http::Method;

use crate::api::List;
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, KeyId};
use crate::model::query::{Query, keyed};
use crate::model::{Application, ApplicationPatch, NewApplication, NewPasswordCredential, PasswordCredential};
use crate::retry::{Deadline, READ_LAG, WaitReason};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All, or Application.ReadWrite.OwnedBy for apps of its own";

/// By what an application is addressed.
///
/// ```
/// use entra_apps::api::{ApplicationKey, UniqueName};
/// use entra_apps::ids::{AppId, ApplicationId};
///
/// let by_object_id: ApplicationKey = ApplicationId::from_u128(1).into();
/// let by_client_id: ApplicationKey = AppId::from_u128(2).into();
/// let by_name: ApplicationKey = UniqueName::new("contoso-backup")?.into();
/// # let _ = (by_object_id, by_client_id, by_name);
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApplicationKey {
    /// Its object id.
    Id(ApplicationId),
    /// Its application (client) id.
    AppId(AppId),
    /// Its immutable unique name.
    UniqueName(UniqueName),
}

/// The unique name of an application: its immutable key in Graph, of 1 to 256 characters.
///
/// ```
/// use entra_apps::api::UniqueName;
///
/// let name: UniqueName = "contoso-backup".parse()?;
/// assert_eq!(name.as_str(), "contoso-backup");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueName(String);

/// The longest unique name, in characters.
const MAX_UNIQUE_NAME_LENGTH: usize = 256;

impl UniqueName {
    /// Checks a unique name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code
    /// [`InvalidUniqueName`](crate::ErrorCode::InvalidUniqueName) when it is empty, too long, or holds a control
    /// character.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let fits = (1..=MAX_UNIQUE_NAME_LENGTH).contains(&name.chars().count());
        match fits && !name.contains(char::is_control) {
            true => Ok(Self(name)),
            false => Err(Error::new(ErrorCode::InvalidUniqueName)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UniqueName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::new(name)
    }
}

impl std::fmt::Display for UniqueName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl ApplicationKey {
    fn segment(&self) -> (Vec<String>, String) {
        match self {
            Self::Id(id) => (vec!["applications".to_owned(), id.to_string()], id.to_string()),
            Self::AppId(id) => (vec![keyed("applications", "appId", &id.to_string())], id.to_string()),
            Self::UniqueName(UniqueName(name)) => (vec![keyed("applications", "uniqueName", name)], name.clone()),
        }
    }

    pub(super) fn request(
        &self,
        operation: &'static str,
        permissions: &'static str,
        method: Method,
        action: &[&str],
    ) -> Request {
        let (mut segments, id) = self.segment();
        segments.extend(action.iter().map(|part| (*part).to_owned()));
        Request::new(operation, permissions, method, segments).object(ObjectKind::Application, id)
    }
}

impl From<ApplicationId> for ApplicationKey {
    fn from(id: ApplicationId) -> Self {
        Self::Id(id)
    }
}

impl From<AppId> for ApplicationKey {
    fn from(id: AppId) -> Self {
        Self::AppId(id)
    }
}

impl From<UniqueName> for ApplicationKey {
    fn from(name: UniqueName) -> Self {
        Self::UniqueName(name)
    }
}

/// `/applications`: the registrations of this tenant.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::model::{ApplicationPatch, NewApplication};
///
/// let client = MemoryTenant::new().client();
/// let id = client.applications().create(&NewApplication::new("Contoso Backup")).await?.id.unwrap();
/// client.applications().update(id, &ApplicationPatch::new().notes("Made by hand")).await?;
/// assert_eq!(client.applications().get(id).await?.notes.as_deref(), Some("Made by hand"));
/// client.applications().delete(id).await?;
/// assert!(client.applications().find(id).await?.is_none());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Applications<'a>(pub(super) &'a Client);

impl Applications<'_> {
    /// Creates an application ([`POST /applications`](https://learn.microsoft.com/graph/api/application-post-applications)).
    ///
    /// Nothing keeps a second one of the same name away; [`upsert`](Self::upsert) does. Least permission:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn create(&self, application: &NewApplication) -> Call<Application> {
        let request = Request::new("POST /applications", WRITE, Method::POST, ["applications"])
            .lag_rule(LagRule::None)
            .creates(ObjectKind::Application);
        Call::new(self.0, request.body(application), decode::json)
    }

    /// Creates the application of this unique name, or changes it where it is there
    /// ([upsert](https://learn.microsoft.com/graph/api/application-upsert)): `Some` when it was created. The patch
    /// must hold a display name.
    ///
    /// Sending it twice makes one application. It cannot be part of a batch. Least permission:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn upsert(&self, unique_name: &str, patch: &ApplicationPatch) -> Call<Option<Application>> {
        let request = Request::new(
            "PATCH /applications(uniqueName)",
            WRITE,
            Method::PATCH,
            [keyed("applications", "uniqueName", unique_name)],
        );
        Call::new(
            self.0,
            request.lag_rule(LagRule::None).create_if_missing().creates(ObjectKind::Application).body(patch),
            decode::json_if_created,
        )
    }

    /// Finds an application ([`GET /applications/{id}`](https://learn.microsoft.com/graph/api/application-get)), or
    /// `None`. Least permission: `Application.Read.All`.
    pub fn find(&self, key: impl Into<ApplicationKey>) -> Call<Option<Application>> {
        self.find_selecting(key, &[])
    }

    /// Finds an application, with these properties only, by their names in Graph. Least permission:
    /// `Application.Read.All`.
    pub fn find_selecting(&self, key: impl Into<ApplicationKey>, select: &[&str]) -> Call<Option<Application>> {
        let request = key.into().request("GET /applications/{id}", READ, Method::GET, &[]);
        Call::new(self.0, selecting(request, select), decode::json_if_found)
    }

    /// Gets an application, or an error of kind [`NotFound`](crate::ErrorKind::NotFound). Least permission:
    /// `Application.Read.All`.
    pub fn get(&self, key: impl Into<ApplicationKey>) -> Call<Application> {
        let request = key.into().request("GET /applications/{id}", READ, Method::GET, &[]);
        Call::new(self.0, Ok(request), decode::json)
    }

    /// Lists applications ([`GET /applications`](https://learn.microsoft.com/graph/api/application-list)). Least
    /// permission: `Application.Read.All`.
    pub fn list(&self) -> List<Application> {
        List::new(self.0, "GET /applications", READ, ["applications"])
    }

    /// Changes an application ([`PATCH /applications/{id}`](https://learn.microsoft.com/graph/api/application-update)). A
    /// certificate is added so, too: see [`KeyCredential`](crate::model::KeyCredential).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn update(&self, key: impl Into<ApplicationKey>, patch: &ApplicationPatch) -> Call<()> {
        let request = key.into().request("PATCH /applications/{id}", WRITE, Method::PATCH, &[]);
        Call::new(self.0, request.body(patch), decode::empty)
    }

    /// Deletes an application and its service principal here
    /// ([`DELETE /applications/{id}`](https://learn.microsoft.com/graph/api/application-delete)). It can be restored
    /// for 30 days. Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn delete(&self, key: impl Into<ApplicationKey>) -> Call<()> {
        let request = key.into().request("DELETE /applications/{id}", WRITE, Method::DELETE, &[]);
        Call::new(self.0, Ok(request), decode::empty)
    }

    /// Issues a client secret ([addPassword](https://learn.microsoft.com/graph/api/application-addpassword)): its
    /// value is in this response and never again. Least permission: `Application.ReadWrite.OwnedBy`, or
    /// `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// An error whose [`maybe_done`](crate::Error::maybe_done) is true may leave a secret behind that nobody knows. With
    /// a description and an end date of its own it is [found again](Self::find_lost_passwords), and can be removed:
    ///
    /// ```
    /// # use entra_emulator::{Fault, MemoryTenant};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// use entra_apps::model::{NewApplication, NewPasswordCredential};
    /// use entra_apps::time::{Duration, OffsetDateTime};
    ///
    /// # let tenant = MemoryTenant::new();
    /// # let client = tenant.client();
    /// # let id = client.applications().create(&NewApplication::new("Contoso Backup")).await?.id.unwrap();
    /// # let now = OffsetDateTime::now_utc();
    /// # tenant.fault(Fault::on("POST", "/applications/*/addPassword").fails_after_writing(503));
    /// let wanted = NewPasswordCredential::new().display_name("Nightly").end(now + Duration::days(180));
    /// match client.applications().add_password(id, &wanted).await {
    ///     Ok(secret) => println!("{:?}", secret.key_id),
    ///     Err(error) if error.maybe_done() => {
    ///         for lost in client.applications().find_lost_passwords(id, &wanted).await? {
    ///             client.applications().remove_password(id, lost).await?;
    ///         }
    ///         // Now another one can be issued, with an end date of its own: a second later, say.
    ///     }
    ///     Err(error) => return Err(error),
    /// }
    /// # assert!(client.applications().get(id).await?.password_credentials.is_empty());
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub fn add_password(
        &self,
        key: impl Into<ApplicationKey>,
        secret: &NewPasswordCredential,
    ) -> Call<PasswordCredential> {
        let request = key
            .into()
            .request("POST /applications/{id}/addPassword", WRITE, Method::POST, &["addPassword"])
            .creates(ObjectKind::PasswordCredential);
        Call::new(self.0, request.body(&secret.as_parameter()), decode::json)
    }

    /// Finds the secret of an [`add_password`](Self::add_password) whose response was lost: those of the description and
    /// the end date that were `wanted`, none where that says no end date. It looks until one is there or replicas no
    /// longer lag, which is a minute at most, within the client's deadline. More than one are several attempts of the same
    /// end date: whose each is, nobody can tell. Least permission: `Application.Read.All`.
    ///
    /// # Errors
    /// When the application cannot be read.
    pub async fn find_lost_passwords(
        &self,
        key: impl Into<ApplicationKey>,
        wanted: &NewPasswordCredential,
    ) -> Result<Vec<KeyId>, crate::Error> {
        let (key, client) = (key.into(), self.0.begin_operation());
        let mut options = client.options();
        options.deadline = options.deadline.earlier(Deadline::after(client.clock(), READ_LAG));
        let mut poll = client.context().poll("GET /applications/{id}", WaitReason::Replication, &options);
        loop {
            let app = client.applications().find_selecting(key.clone(), &["id", "passwordCredentials"]).await?;
            let secrets = app.iter().flat_map(|app| &app.password_credentials);
            let found: Vec<KeyId> =
                secrets.filter(|secret| secret.may_be(wanted)).filter_map(|secret| secret.key_id).collect();
            if !found.is_empty() || !poll.wait(poll.backoff()).await {
                return Ok(found);
            }
        }
    }

    /// Removes a client secret ([removePassword](https://learn.microsoft.com/graph/api/application-removepassword)).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`CredentialNotFound`](crate::ErrorCode::CredentialNotFound) where there is no
    /// such secret: it is gone, as was asked. A secret that this client made a moment ago is waited for.
    pub fn remove_password(&self, key: impl Into<ApplicationKey>, secret: KeyId) -> Call<()> {
        let request =
            key.into().request("POST /applications/{id}/removePassword", WRITE, Method::POST, &["removePassword"]);
        let request = request.lag_rule(LagRule::RemovePassword).object(ObjectKind::PasswordCredential, secret);
        Call::new(self.0, request.body(&serde_json::json!({ "keyId": secret })), decode::empty)
    }
}

pub(super) fn selecting(request: Request, select: &[&str]) -> Result<Request, Error> {
    if select.is_empty() {
        return Ok(request);
    }
    let query = Query::selecting(select);
    Ok(request.query(query.pairs()?, false))
}
