//! `/applications`: the registrations.

use http::Method;

use crate::api::List;
use crate::client::decode;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client};
use crate::ids::{AppId, ApplicationId, KeyId};
use crate::model::query::{Query, keyed};
use crate::model::{Application, ApplicationPatch, NewApplication, NewPasswordCredential, PasswordCredential};

const READ: &str = "Application.Read.All";
const WRITE: &str = "Application.ReadWrite.All, or Application.ReadWrite.OwnedBy for apps of its own";

/// By what an application is addressed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApplicationKey {
    /// Its object id.
    Id(ApplicationId),
    /// Its application (client) id.
    AppId(AppId),
    /// Its immutable unique name.
    UniqueName(String),
}

impl ApplicationKey {
    fn segment(&self) -> (Vec<String>, String) {
        match self {
            Self::Id(id) => (vec!["applications".to_owned(), id.to_string()], id.to_string()),
            Self::AppId(id) => (vec![keyed("applications", "appId", &id.to_string())], id.to_string()),
            Self::UniqueName(name) => (vec![keyed("applications", "uniqueName", name)], name.clone()),
        }
    }

    fn request(&self, operation: &'static str, permissions: &'static str, method: Method, action: &[&str]) -> Request {
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

/// `/applications`: the registrations of this tenant.
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

    /// Changes an application ([`PATCH /applications/{id}`](https://learn.microsoft.com/graph/api/application-update)).
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
    /// An error whose [`maybe_done`](crate::Error::maybe_done) is true leaves a secret behind that nobody knows: look
    /// for it by its end date.
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

    /// Removes a client secret ([removePassword](https://learn.microsoft.com/graph/api/application-removepassword)).
    /// Least permission: `Application.ReadWrite.OwnedBy`, or `Application.ReadWrite.All` delegated.
    pub fn remove_password(&self, key: impl Into<ApplicationKey>, secret: KeyId) -> Call<()> {
        let request =
            key.into().request("POST /applications/{id}/removePassword", WRITE, Method::POST, &["removePassword"]);
        let request = request.lag_rule(LagRule::RemovePassword).object(ObjectKind::PasswordCredential, secret);
        Call::new(self.0, request.body(&serde_json::json!({ "keyId": secret })), decode::empty)
    }
}

pub(super) fn selecting(request: Request, select: &[&str]) -> Result<Request, crate::Error> {
    if select.is_empty() {
        return Ok(request);
    }
    let query = Query::selecting(select);
    Ok(request.query(query.pairs()?, false))
}
