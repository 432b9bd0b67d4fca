//! `/applications/{id}/federatedIdentityCredentials`: tokens of another issuer in place of a secret.

use http::Method;

use crate::api::{ApplicationKey, List};
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::FederatedIdentityCredentialId;
use crate::model::query::keyed;
use crate::model::{FederatedIdentityCredential, FederatedIdentityCredentialPatch, NewFederatedIdentityCredential};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All, or Application.ReadWrite.OwnedBy for apps of its own";

/// The last part of the path.
const CREDENTIALS: &str = "federatedIdentityCredentials";

/// By what a federated identity credential of an application is addressed.
///
/// ```
/// use entra_apps::api::FederatedIdentityCredentialKey;
/// use entra_apps::ids::FederatedIdentityCredentialId;
///
/// let by_id: FederatedIdentityCredentialKey = FederatedIdentityCredentialId::from_u128(1).into();
/// let by_name: FederatedIdentityCredentialKey = "main".into();
/// assert_ne!(by_id, by_name);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FederatedIdentityCredentialKey {
    /// Its id.
    Id(FederatedIdentityCredentialId),
    /// Its immutable name.
    Name(String),
}

impl From<FederatedIdentityCredentialId> for FederatedIdentityCredentialKey {
    fn from(id: FederatedIdentityCredentialId) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for FederatedIdentityCredentialKey {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for FederatedIdentityCredentialKey {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl FederatedIdentityCredentialKey {
    fn segment(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// `/applications/{id}/federatedIdentityCredentials`: which tokens of other issuers an app takes in place of a secret. An
/// app has 20 at most.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::model::{FederatedIdentityCredentialPatch, NewApplication, NewFederatedIdentityCredential};
///
/// let client = MemoryTenant::new().client();
/// let id = client.applications().create(&NewApplication::new("Contoso Deploy")).await?.id.unwrap();
/// let github = "https://token.actions.githubusercontent.com";
/// let main = NewFederatedIdentityCredential::new("main", github, "repo:contoso/backup:ref:refs/heads/main");
///
/// let credentials = client.federated_identity_credentials();
/// credentials.create(id, &main).await?;
/// credentials.update(id, "main", &FederatedIdentityCredentialPatch::new().description("Deploys")).await?;
/// assert_eq!(credentials.list(id).all().await?[0].description.as_deref(), Some("Deploys"));
/// credentials.delete(id, "main").await?;
/// assert!(credentials.find(id, "main").await?.is_none());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FederatedIdentityCredentials<'a>(pub(super) &'a Client);

impl FederatedIdentityCredentials<'_> {
    /// Lists the credentials of an application
    /// ([`GET …/federatedIdentityCredentials`](https://learn.microsoft.com/graph/api/application-list-federatedidentitycredentials)).
    /// Least permission: `Application.Read.All`.
    pub fn list(&self, app: impl Into<ApplicationKey>) -> List<FederatedIdentityCredential> {
        let (mut segments, id) = app.into().segments();
        segments.push(CREDENTIALS.to_owned());
        List::new(self.0, "GET /applications/{id}/federatedIdentityCredentials", READ, segments)
            .object(ObjectKind::Application, id)
    }

    /// Finds a credential
    /// ([`GET …/federatedIdentityCredentials/{id}`](https://learn.microsoft.com/graph/api/federatedidentitycredential-get)),
    /// or `None`. Least permission: `Application.Read.All`.
    pub fn find(
        &self,
        app: impl Into<ApplicationKey>,
        key: impl Into<FederatedIdentityCredentialKey>,
    ) -> Call<Option<FederatedIdentityCredential>> {
        let operation = "GET /applications/{id}/federatedIdentityCredentials/{id}";
        let request = item(&app.into(), &key.into(), operation, READ, Method::GET);
        Call::new(self.0, Ok(request), decode::json_if_found)
    }

    /// Creates a credential
    /// ([`POST …/federatedIdentityCredentials`](https://learn.microsoft.com/graph/api/application-post-federatedidentitycredentials)).
    /// An application has one at most of a name, and one at most of an issuer and a subject. Least permission:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// Of kind [`Conflict`](crate::ErrorKind::Conflict) when there is one.
    pub fn create(
        &self,
        app: impl Into<ApplicationKey>,
        new: &NewFederatedIdentityCredential,
    ) -> Call<FederatedIdentityCredential> {
        let operation = "POST /applications/{id}/federatedIdentityCredentials";
        let request = app.into().request(operation, WRITE, Method::POST, &[CREDENTIALS]).creates(ObjectKind::Other);
        Call::new(self.0, request.body(new), decode::json)
    }

    /// Creates the credential of this name, or changes it where it is there
    /// ([upsert](https://learn.microsoft.com/graph/api/federatedidentitycredential-upsert)): `Some` when it was created.
    ///
    /// Sending it twice makes one credential. It cannot be part of a batch. Least permission:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn upsert(
        &self,
        app: impl Into<ApplicationKey>,
        new: &NewFederatedIdentityCredential,
    ) -> Call<Option<FederatedIdentityCredential>> {
        let operation = "PATCH /applications/{id}/federatedIdentityCredentials(name)";
        let by_name = keyed(CREDENTIALS, "name", new.name());
        let request = app.into().request(operation, WRITE, Method::PATCH, &[&by_name]);
        let request = request.create_if_missing().creates(ObjectKind::Other);
        Call::new(self.0, request.body(new), decode::json_if_created)
    }

    /// Changes a credential
    /// ([`PATCH …/federatedIdentityCredentials/{id}`](https://learn.microsoft.com/graph/api/federatedidentitycredential-update)).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn update(
        &self,
        app: impl Into<ApplicationKey>,
        key: impl Into<FederatedIdentityCredentialKey>,
        patch: &FederatedIdentityCredentialPatch,
    ) -> Call<()> {
        let operation = "PATCH /applications/{id}/federatedIdentityCredentials/{id}";
        let request = item(&app.into(), &key.into(), operation, WRITE, Method::PATCH);
        Call::new(self.0, request.body(patch), decode::empty)
    }

    /// Deletes a credential for good
    /// ([`DELETE …/federatedIdentityCredentials/{id}`](https://learn.microsoft.com/graph/api/federatedidentitycredential-delete)).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn delete(&self, app: impl Into<ApplicationKey>, key: impl Into<FederatedIdentityCredentialKey>) -> Call<()> {
        let operation = "DELETE /applications/{id}/federatedIdentityCredentials/{id}";
        let request = item(&app.into(), &key.into(), operation, WRITE, Method::DELETE);
        Call::new(self.0, Ok(request), decode::empty)
    }
}

/// A request about one credential; a 404 is lag only where this client has just made it.
fn item(
    app: &ApplicationKey,
    key: &FederatedIdentityCredentialKey,
    operation: &'static str,
    permissions: &'static str,
    method: Method,
) -> Request {
    let (mut segments, _) = app.segments();
    let key = key.segment();
    segments.extend([CREDENTIALS.to_owned(), key.clone()]);
    Request::new(operation, permissions, method, segments).lag_rule(LagRule::NotFound).object(ObjectKind::Other, key)
}
