//! `/servicePrincipals`: the apps in this tenant.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::api::List;
#[cfg(feature = "certificate")]
use crate::api::applications::{add_key, remove_key};
use crate::api::applications::{add_owner, selecting};
#[cfg(feature = "certificate")]
use crate::auth::ClientCertificate;
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::{AppId, DirectoryObjectId, KeyId, ServicePrincipalId};
#[cfg(feature = "certificate")]
use crate::model::KeyCredential;
use crate::model::query::keyed;
use crate::model::{
    DirectoryObject, NewPasswordCredential, NewServicePrincipal, PasswordCredential, PublishedApi, ServicePrincipal,
    ServicePrincipalPatch,
};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All, or Application.ReadWrite.OwnedBy for apps of its own";

/// By what a service principal is addressed.
///
/// # JSON
/// `{"id": …}` or `{"appId": …}`.
///
/// ```
/// use entra_apps::api::ServicePrincipalKey;
/// use entra_apps::ids::ServicePrincipalId;
/// use entra_apps::permission::MICROSOFT_GRAPH;
///
/// let by_object_id: ServicePrincipalKey = ServicePrincipalId::from_u128(1).into();
/// let by_client_id: ServicePrincipalKey = MICROSOFT_GRAPH.into();
/// assert_ne!(by_object_id, by_client_id);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ServicePrincipalKey {
    /// Its object id.
    Id(ServicePrincipalId),
    /// Its application (client) id.
    AppId(AppId),
}

impl ServicePrincipalKey {
    pub(super) fn request(
        self,
        operation: &'static str,
        permissions: &'static str,
        method: Method,
        action: &[&str],
    ) -> Request {
        let mut segments = self.segments();
        segments.extend(action.iter().map(|part| (*part).to_owned()));
        Request::new(operation, permissions, method, segments).object(ObjectKind::ServicePrincipal, self.id())
    }

    pub(super) fn segments(self) -> Vec<String> {
        match self {
            Self::Id(id) => vec!["servicePrincipals".to_owned(), id.to_string()],
            Self::AppId(id) => vec![keyed("servicePrincipals", "appId", &id.to_string())],
        }
    }

    pub(crate) fn id(self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::AppId(id) => id.to_string(),
        }
    }
}

impl From<ServicePrincipalId> for ServicePrincipalKey {
    fn from(id: ServicePrincipalId) -> Self {
        Self::Id(id)
    }
}

impl From<AppId> for ServicePrincipalKey {
    fn from(id: AppId) -> Self {
        Self::AppId(id)
    }
}

/// `/servicePrincipals`: the apps in this tenant.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::model::{NewApplication, NewServicePrincipal, ServicePrincipalPatch};
///
/// let client = MemoryTenant::new().client();
/// let app = client.applications().create(&NewApplication::new("Contoso Backup")).await?;
/// let app_id = app.app_id.unwrap();
/// client.service_principals().create(&NewServicePrincipal::new(app_id)).await?;
/// client.service_principals().update(app_id, &ServicePrincipalPatch::new().assignment_required()).await?;
/// assert_eq!(client.service_principals().get(app_id).await?.app_role_assignment_required, Some(true));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ServicePrincipals<'a>(pub(super) &'a Client);

impl ServicePrincipals<'_> {
    /// Creates the service principal of an application
    /// ([`POST /servicePrincipals`](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals)).
    /// An application has one at most in a tenant. Least permission: `Application.ReadWrite.OwnedBy`, or
    /// `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// Of kind [`Conflict`](crate::ErrorKind::Conflict) when there is one.
    pub fn create(&self, principal: &NewServicePrincipal) -> Call<ServicePrincipal> {
        let request = Request::new("POST /servicePrincipals", WRITE, Method::POST, ["servicePrincipals"])
            .lag_rule(LagRule::ServicePrincipal)
            .object(ObjectKind::Application, principal.app_id())
            .creates(ObjectKind::ServicePrincipal);
        Call::new(self.0, request.body(principal), decode::json)
    }

    /// Finds a service principal
    /// ([`GET /servicePrincipals/{id}`](https://learn.microsoft.com/graph/api/serviceprincipal-get)), or `None`. Least
    /// permission: `Application.Read.All`.
    pub fn find(&self, key: impl Into<ServicePrincipalKey>) -> Call<Option<ServicePrincipal>> {
        self.find_selecting(key, &[])
    }

    /// Finds a service principal, with these properties only, by their names in Graph: Microsoft Graph's own is 0.8 MB
    /// with all of them. Least permission: `Application.Read.All`.
    pub fn find_selecting(
        &self,
        key: impl Into<ServicePrincipalKey>,
        select: &[&str],
    ) -> Call<Option<ServicePrincipal>> {
        let request = key.into().request("GET /servicePrincipals/{id}", READ, Method::GET, &[]);
        Call::new(self.0, selecting(request, select), decode::json_if_found)
    }

    /// Finds the permissions that an API publishes, in the lists that are named.
    pub(crate) fn find_published(&self, api: AppId, select: &[&str]) -> Call<Option<PublishedApi>> {
        let request = ServicePrincipalKey::from(api).request("GET /servicePrincipals/{id}", READ, Method::GET, &[]);
        Call::new(self.0, selecting(request, select), decode::json_if_found)
    }

    /// Gets a service principal, or an error of kind [`NotFound`](crate::ErrorKind::NotFound). Least permission:
    /// `Application.Read.All`.
    pub fn get(&self, key: impl Into<ServicePrincipalKey>) -> Call<ServicePrincipal> {
        let request = key.into().request("GET /servicePrincipals/{id}", READ, Method::GET, &[]);
        Call::new(self.0, Ok(request), decode::json)
    }

    /// Lists service principals
    /// ([`GET /servicePrincipals`](https://learn.microsoft.com/graph/api/serviceprincipal-list)). Least permission:
    /// `Application.Read.All`.
    pub fn list(&self) -> List<ServicePrincipal> {
        List::new(self.0, "GET /servicePrincipals", READ, ["servicePrincipals"])
    }

    /// Creates the service principal of an application, or changes it where it is there
    /// ([upsert](https://learn.microsoft.com/graph/api/serviceprincipal-upsert)): `Some` when it was created.
    ///
    /// It cannot be part of a batch. Least permission: `Application.ReadWrite.OwnedBy`, or
    /// `Application.ReadWrite.All` delegated.
    pub fn upsert(&self, app_id: AppId, patch: &ServicePrincipalPatch) -> Call<Option<ServicePrincipal>> {
        let request = ServicePrincipalKey::AppId(app_id)
            .request("PATCH /servicePrincipals(appId)", WRITE, Method::PATCH, &[])
            .lag_rule(LagRule::ServicePrincipal)
            .object(ObjectKind::Application, app_id)
            .create_if_missing()
            .creates(ObjectKind::ServicePrincipal);
        Call::new(self.0, request.body(patch), decode::json_if_created)
    }

    /// Changes a service principal
    /// ([`PATCH /servicePrincipals/{id}`](https://learn.microsoft.com/graph/api/serviceprincipal-update)). Least
    /// permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn update(&self, key: impl Into<ServicePrincipalKey>, patch: &ServicePrincipalPatch) -> Call<()> {
        let request = key.into().request("PATCH /servicePrincipals/{id}", WRITE, Method::PATCH, &[]);
        Call::new(self.0, request.body(patch), decode::empty)
    }

    /// Deletes a service principal with its grants
    /// ([`DELETE /servicePrincipals/{id}`](https://learn.microsoft.com/graph/api/serviceprincipal-delete)). Least
    /// permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn delete(&self, key: impl Into<ServicePrincipalKey>) -> Call<()> {
        let request = key.into().request("DELETE /servicePrincipals/{id}", WRITE, Method::DELETE, &[]);
        Call::new(self.0, Ok(request), decode::empty)
    }

    /// Issues a secret of the service principal itself
    /// ([addPassword](https://learn.microsoft.com/graph/api/serviceprincipal-addpassword)). It never shows on the
    /// application. Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn add_password(
        &self,
        key: impl Into<ServicePrincipalKey>,
        secret: &NewPasswordCredential,
    ) -> Call<PasswordCredential> {
        let request = key
            .into()
            .request("POST /servicePrincipals/{id}/addPassword", WRITE, Method::POST, &["addPassword"])
            .creates(ObjectKind::PasswordCredential);
        Call::new(self.0, request.body(&secret.as_parameter()), decode::json)
    }

    /// Removes a secret of the service principal itself
    /// ([removePassword](https://learn.microsoft.com/graph/api/serviceprincipal-removepassword)). Least permission:
    /// `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`CredentialNotFound`](crate::ErrorCode::CredentialNotFound) where there is no
    /// such secret: it is gone, as was asked. A secret that this client made a moment ago is waited for.
    pub fn remove_password(&self, key: impl Into<ServicePrincipalKey>, secret: KeyId) -> Call<()> {
        let request =
            key.into().request("POST /servicePrincipals/{id}/removePassword", WRITE, Method::POST, &["removePassword"]);
        let request = request.lag_rule(LagRule::RemovePassword).object(ObjectKind::PasswordCredential, secret);
        Call::new(self.0, request.body(&serde_json::json!({ "keyId": secret })), decode::empty)
    }

    /// Adds a certificate to a service principal that has one of its own, with a proof that the caller has the key of `signer`,
    /// one of these that is valid now ([addKey](https://learn.microsoft.com/graph/api/serviceprincipal-addkey)).
    ///
    /// The proof is made here, as by [`Applications::add_key`](crate::api::Applications::add_key). An app needs no permission
    /// to change its own keys; for another one, least permission: `Application.ReadWrite.OwnedBy`, or
    /// `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`InvalidKeyProof`](crate::ErrorCode::InvalidKeyProof) where the service principal does
    /// not have the certificate of the signer, or it has expired.
    #[cfg(feature = "certificate")]
    pub fn add_key(
        &self,
        id: ServicePrincipalId,
        new: &KeyCredential,
        signer: &ClientCertificate,
    ) -> Call<KeyCredential> {
        let request = ServicePrincipalKey::Id(id)
            .request("POST /servicePrincipals/{id}/addKey", WRITE, Method::POST, &["addKey"])
            .creates(ObjectKind::Other);
        add_key(self.0, request, id.as_uuid(), new, signer)
    }

    /// Removes a certificate from a service principal, with a proof that the caller has the key of `signer`, one of its
    /// certificates that is valid now ([removeKey](https://learn.microsoft.com/graph/api/serviceprincipal-removekey)): sign with
    /// the one that stays. Permissions as for [`add_key`](Self::add_key).
    ///
    /// # Errors
    /// As those of [`Applications::remove_key`](crate::api::Applications::remove_key).
    #[cfg(feature = "certificate")]
    pub fn remove_key(&self, id: ServicePrincipalId, key: KeyId, signer: &ClientCertificate) -> Call<()> {
        let request = ServicePrincipalKey::Id(id).request(
            "POST /servicePrincipals/{id}/removeKey",
            WRITE,
            Method::POST,
            &["removeKey"],
        );
        remove_key(self.0, request, id.as_uuid(), key, signer)
    }

    /// Lists the owners ([`GET …/owners`](https://learn.microsoft.com/graph/api/serviceprincipal-list-owners)): users and
    /// service principals. Least permission: `Application.Read.All`.
    pub fn owners(&self, key: impl Into<ServicePrincipalKey>) -> List<DirectoryObject> {
        let key = key.into();
        let mut segments = key.segments();
        segments.push("owners".to_owned());
        List::new(self.0, "GET /servicePrincipals/{id}/owners", READ, segments)
            .object(ObjectKind::ServicePrincipal, key.id())
    }

    /// Adds an owner, a user or a service principal
    /// ([`POST …/owners/$ref`](https://learn.microsoft.com/graph/api/serviceprincipal-post-owners)). Least permissions:
    /// `Application.ReadWrite.OwnedBy` and `Directory.Read.All`, or `Application.ReadWrite.All` delegated.
    ///
    /// # Errors
    /// The call gives one with the code [`ObjectConflict`](crate::ErrorCode::ObjectConflict) where it is one already.
    pub fn add_owner(&self, key: impl Into<ServicePrincipalKey>, owner: impl Into<DirectoryObjectId>) -> Call<()> {
        let operation = "POST /servicePrincipals/{id}/owners/$ref";
        let request = key.into().request(operation, WRITE, Method::POST, &["owners", "$ref"]);
        add_owner(self.0, request, owner.into())
    }

    /// Removes an owner ([`DELETE …/owners/{id}/$ref`](https://learn.microsoft.com/graph/api/serviceprincipal-delete-owners)).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn remove_owner(&self, key: impl Into<ServicePrincipalKey>, owner: impl Into<DirectoryObjectId>) -> Call<()> {
        let mut segments = key.into().segments();
        segments.extend(["owners".to_owned(), owner.into().to_string(), "$ref".to_owned()]);
        let request = Request::new("DELETE /servicePrincipals/{id}/owners/{id}/$ref", WRITE, Method::DELETE, segments);
        Call::new(self.0, Ok(request), decode::empty)
    }
}
