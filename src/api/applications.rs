//! `/applications`: the registrations.

use http::Method;

use crate::api::List;
#[cfg(feature = "certificate")]
use crate::auth::ClientCertificate;
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, DirectoryObjectId, KeyId};
#[cfg(feature = "certificate")]
use crate::model::KeyCredential;
use crate::model::query::{Query, keyed};
use crate::model::{
    Application, ApplicationPatch, DirectoryObject, NewApplication, NewPasswordCredential, PasswordCredential,
};
use crate::retry::{Deadline, READ_LAG, WaitReason};
#[cfg(feature = "certificate")]
use secrecy::{ExposeSecret as _, SecretString};

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
    pub(super) fn segments(&self) -> (Vec<String>, String) {
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
        let (mut segments, id) = self.segments();
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

    /// Adds a certificate to an application that has one, with a proof that the caller has the key of `signer`, a
    /// certificate of the application that is valid now ([addKey](https://learn.microsoft.com/graph/api/application-addkey)).
    ///
    /// The proof is made here, so that nothing in it can be wrong; it is good for ten minutes, beyond which the call is not
    /// sent any more. The first certificate of an application is added by [`update`](Self::update). An app needs no permission
    /// to change its own keys; for another one, least permission: `Application.ReadWrite.OwnedBy`, or
    /// `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`InvalidKeyProof`](crate::ErrorCode::InvalidKeyProof) where the application does not
    /// have the certificate of the signer, or it has expired.
    ///
    /// ```
    /// # fn example(client: &entra_apps::Client, id: entra_apps::ids::ApplicationId, der: &[u8], old: &entra_apps::auth::ClientCertificate) {
    /// use entra_apps::model::KeyCredential;
    ///
    /// let added = client.applications().add_key(id, &KeyCredential::certificate(der), old);
    /// # drop(added);
    /// # }
    /// ```
    #[cfg(feature = "certificate")]
    pub fn add_key(&self, id: ApplicationId, new: &KeyCredential, signer: &ClientCertificate) -> Call<KeyCredential> {
        let request = ApplicationKey::Id(id)
            .request("POST /applications/{id}/addKey", WRITE, Method::POST, &["addKey"])
            .creates(ObjectKind::Other);
        add_key(self.0, request, id.as_uuid(), new, signer)
    }

    /// Removes a certificate from an application, with a proof that the caller has the key of `signer`, a certificate of
    /// the application that is valid now ([removeKey](https://learn.microsoft.com/graph/api/application-removekey)).
    ///
    /// The proof is made here, as that of [`add_key`](Self::add_key). Sign with the certificate that stays: who has removed
    /// the last one that is valid can add none so. An app needs no permission to change its own keys; for another one, least
    /// permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`CredentialNotFound`](crate::ErrorCode::CredentialNotFound) where there is no such
    /// certificate: it is gone, as was asked. With the code [`InvalidKeyProof`](crate::ErrorCode::InvalidKeyProof) where the
    /// application does not have the certificate of the signer, or it has expired.
    #[cfg(feature = "certificate")]
    pub fn remove_key(&self, id: ApplicationId, key: KeyId, signer: &ClientCertificate) -> Call<()> {
        let request =
            ApplicationKey::Id(id).request("POST /applications/{id}/removeKey", WRITE, Method::POST, &["removeKey"]);
        remove_key(self.0, request, id.as_uuid(), key, signer)
    }

    /// Lists the owners, who can change the application
    /// ([`GET …/owners`](https://learn.microsoft.com/graph/api/application-list-owners)): users and service principals. Least
    /// permission: `Application.Read.All`.
    pub fn owners(&self, key: impl Into<ApplicationKey>) -> List<DirectoryObject> {
        let (mut segments, id) = key.into().segments();
        segments.push("owners".to_owned());
        List::new(self.0, "GET /applications/{id}/owners", READ, segments).object(ObjectKind::Application, id)
    }

    /// Adds an owner, a user or a service principal
    /// ([`POST …/owners/$ref`](https://learn.microsoft.com/graph/api/application-post-owners)). Least permissions:
    /// `Application.ReadWrite.OwnedBy` and `Directory.Read.All`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`ObjectConflict`](crate::ErrorCode::ObjectConflict) where it is one already.
    pub fn add_owner(&self, key: impl Into<ApplicationKey>, owner: impl Into<DirectoryObjectId>) -> Call<()> {
        let operation = "POST /applications/{id}/owners/$ref";
        add_owner(self.0, key.into().request(operation, WRITE, Method::POST, &["owners", "$ref"]), owner.into())
    }

    /// Removes an owner ([`DELETE …/owners/{id}/$ref`](https://learn.microsoft.com/graph/api/application-delete-owners)). Least
    /// permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn remove_owner(&self, key: impl Into<ApplicationKey>, owner: impl Into<DirectoryObjectId>) -> Call<()> {
        let (mut segments, _) = key.into().segments();
        segments.extend(["owners".to_owned(), owner.into().to_string(), "$ref".to_owned()]);
        let request = Request::new("DELETE /applications/{id}/owners/{id}/$ref", WRITE, Method::DELETE, segments);
        Call::new(self.0, Ok(request), decode::empty)
    }
}

/// Adds a certificate to the object of this id.
#[cfg(feature = "certificate")]
pub(super) fn add_key(
    client: &Client,
    request: Request,
    object_id: uuid::Uuid,
    new: &KeyCredential,
    signer: &ClientCertificate,
) -> Call<KeyCredential> {
    let (request, proof) = with_proof(client, request, object_id, signer);
    let body = proof.and_then(|proof| {
        let proof = proof.expose_secret();
        request.body(&serde_json::json!({ "keyCredential": new, "passwordCredential": null, "proof": proof }))
    });
    Call::new(client, body, decode::json)
}

/// Removes a certificate from the object of this id.
#[cfg(feature = "certificate")]
pub(super) fn remove_key(
    client: &Client,
    request: Request,
    object_id: uuid::Uuid,
    key: KeyId,
    signer: &ClientCertificate,
) -> Call<()> {
    let request = request.lag_rule(LagRule::RemovePassword).object(ObjectKind::Other, key);
    let (request, proof) = with_proof(client, request, object_id, signer);
    let body =
        proof.and_then(|proof| request.body(&serde_json::json!({ "keyId": key, "proof": proof.expose_secret() })));
    Call::new(client, body, decode::empty)
}

/// Adds an owner by a reference to it.
pub(super) fn add_owner(client: &Client, request: Request, owner: DirectoryObjectId) -> Call<()> {
    let object = Request::new("", "", Method::GET, ["directoryObjects".to_owned(), owner.to_string()]);
    let request = object.url(client.cloud()).and_then(|link| {
        request.object(ObjectKind::Other, owner).body(&serde_json::json!({ "@odata.id": link.as_str() }))
    });
    Call::new(client, request, decode::empty)
}

/// A request that is good as long as the proof that goes with it, and the proof: by the service's clock, as far as it is
/// known.
#[cfg(feature = "certificate")]
fn with_proof(
    client: &Client,
    request: Request,
    object_id: uuid::Uuid,
    signer: &ClientCertificate,
) -> (Request, Result<SecretString, Error>) {
    let now = client.clock().now() - client.clock_skew();
    let proof = signer.proof(object_id, now).map_err(|error| error.during(request.operation.clone()));
    (request.fresh_until(Deadline::after(client.clock(), PROOF_IN_TIME)), proof)
}

/// For so long a request is sent with the proof that was made for it, which is valid for a minute more.
#[cfg(feature = "certificate")]
const PROOF_IN_TIME: std::time::Duration = std::time::Duration::from_secs(9 * 60);

pub(super) fn selecting(request: Request, select: &[&str]) -> Result<Request, Error> {
    if select.is_empty() {
        return Ok(request);
    }
    let query = Query::selecting(select);
    Ok(request.query(query.pairs()?, false))
}
