//! What was observed of the tenant: Graph's own objects, which a plan carries and an apply moves forward step by step.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, ApplicationId, DirectoryObjectId, KeyId, PermissionId, ServicePrincipalId, TenantId};
use crate::model::{
    AppRoleAssignment, Application, ConsentType, DeletedItem, FederatedIdentityCredential, KeyCredential,
    OAuth2PermissionGrant, PasswordCredential, ServicePrincipal,
};
use crate::permission::Permission;
use crate::provision::certificate::Certificate;
use crate::provision::credential_name;
use crate::provision::restrictions::AppRestrictions;

/// Everything that a plan depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observed {
    pub(super) tenant: TenantId,
    pub(super) tenant_name: Option<String>,
    /// With the members that the rooms select.
    pub(super) application: Option<Application>,
    /// The application that has the unique name, where another one is adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name_holder: Option<AppId>,
    /// Other applications of the same display name.
    pub(super) same_name: Vec<SameName>,
    /// Apps of other tenants that have a service principal here, of the same display name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) foreign_apps: Vec<ForeignApp>,
    /// The deleted application that holds the unique name, where it could be looked for.
    #[serde(default)]
    pub(super) deleted_holder: Option<DeletedHolder>,
    /// The deleted service principals of an app that is not registered here, where they could be looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) deleted_principals: Vec<DirectoryObjectId>,
    pub(super) principal: Option<ServicePrincipal>,
    /// The app role assignments on the service principal, where it is to be deleted: those of others, to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) assigned_to: Vec<AppRoleAssignment>,
    /// The app role assignments of the service principal.
    pub(super) assignments: Vec<AppRoleAssignment>,
    /// The OAuth2 permission grants of the service principal.
    pub(super) grants: Vec<OAuth2PermissionGrant>,
    /// The certificates of the application: a list that is read by itself, because reads of it have a limit of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<KeyCredential>,
    /// Whether something of it could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) keys_unknown: bool,
    /// The federated identity credentials of the application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) federated: Vec<FederatedIdentityCredential>,
    /// Whether they could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) federated_unknown: bool,
    /// The APIs of the wanted permissions.
    pub(super) resources: Vec<Resource>,
    /// The ids and names of the wanted permissions, as this tenant knows them.
    pub(super) permissions: Vec<Resolved>,
    /// What the app management policies allow, where they could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) restrictions: Option<Box<AppRestrictions>>,
    /// The wanted permissions that cannot be had here. A saved plan has none: it would not have been made.
    #[serde(skip)]
    pub(super) obstacles: Vec<Obstacle>,
}

/// Another application of the same display name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SameName {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) unique_name: Option<String>,
}

/// An app of another tenant, and that tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ForeignApp {
    pub(super) app_id: AppId,
    pub(super) owner: TenantId,
}

/// A deleted application that holds the unique name of the registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletedHolder {
    pub(super) id: DirectoryObjectId,
    pub(super) display_name: String,
}

impl DeletedHolder {
    /// The deleted item, if it holds the unique name.
    pub(super) fn of(item: DeletedItem, unique_name: &str) -> Option<Self> {
        let holds = item.unique_name.as_deref() == Some(unique_name);
        Some(Self { id: item.id.filter(|_| holds)?, display_name: item.display_name.unwrap_or_default() })
    }
}

/// An API, and its service principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) api: AppId,
    /// `None` where the tenant lacks it.
    pub(super) principal: Option<ServicePrincipalId>,
}

/// A wanted permission with the id and the name that the tenant knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resolved {
    pub(super) permission: Permission,
    pub(super) id: PermissionId,
    pub(super) value: Option<String>,
}

/// A wanted permission that cannot be had in this tenant, and why.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub(super) permission: Permission,
    pub(super) code: ErrorCode,
    /// What is the case, as a clause.
    pub(super) text: String,
    /// What to do, in sentences.
    pub(super) remedy: String,
}

impl Obstacle {
    /// What is the case and what to do, in sentences.
    pub(super) fn sentences(&self) -> String {
        sentences(&self.text, &self.remedy)
    }
}

/// A clause that says what is the case and what to do, in sentences.
pub(super) fn sentences(clause: &str, remedy: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}. {remedy}", letters.as_str())
}

impl Observed {
    /// A tenant of which nothing was found.
    pub(super) fn nothing_in(tenant: TenantId) -> Self {
        Self {
            tenant,
            tenant_name: None,
            application: None,
            name_holder: None,
            same_name: Vec::new(),
            foreign_apps: Vec::new(),
            deleted_holder: None,
            deleted_principals: Vec::new(),
            principal: None,
            assigned_to: Vec::new(),
            assignments: Vec::new(),
            grants: Vec::new(),
            keys: Vec::new(),
            keys_unknown: false,
            federated: Vec::new(),
            federated_unknown: false,
            resources: Vec::new(),
            permissions: Vec::new(),
            restrictions: None,
            obstacles: Vec::new(),
        }
    }

    /// The client id of the application that is there.
    pub(super) fn app_id(&self) -> Option<AppId> {
        self.application.as_ref()?.app_id
    }

    /// The object id of the service principal that is there.
    pub(super) fn principal_id(&self) -> Option<ServicePrincipalId> {
        self.principal.as_ref()?.id
    }

    /// The ids of the objects in it.
    pub(super) fn object_ids(&self) -> Vec<String> {
        let app = self.application.iter().flat_map(|app| {
            [app.id.map(|id| id.to_string()), app.app_id.map(|id| id.to_string()), app.unique_name.clone()]
        });
        let principal = self.principal_id().map(|id| id.to_string());
        let assignments = self.assignments.iter().map(|assignment| assignment.id.as_ref().map(ToString::to_string));
        let grants = self.grants.iter().map(|grant| grant.id.as_ref().map(ToString::to_string));
        app.chain([principal]).chain(assignments).chain(grants).flatten().collect()
    }

    /// The service principal of an API.
    pub(super) fn resource(&self, api: AppId) -> Option<ServicePrincipalId> {
        self.resources.iter().find(|resource| resource.api == api)?.principal
    }

    /// Whether the tenant lacks an API whose permissions are wanted. Of one that is there its permissions are known.
    pub(super) fn lacks(&self, api: AppId) -> bool {
        let has_none = self.permissions.iter().all(|resolved| resolved.permission.api() != api);
        has_none && self.resources.iter().any(|resource| resource.api == api && resource.principal.is_none())
    }

    /// The API of a service principal, where it is one of those that are named.
    pub(super) fn api(&self, resource: ServicePrincipalId) -> Option<AppId> {
        self.resources.iter().find(|known| known.principal == Some(resource)).map(|known| known.api)
    }

    /// A wanted permission as the tenant knows it.
    pub(super) fn resolved(&self, permission: &Permission) -> Option<&Resolved> {
        self.permissions.iter().find(|resolved| resolved.permission == *permission)
    }

    /// The secrets of this description that are valid at `now`.
    pub(super) fn live_secrets<'a>(
        &'a self,
        name: &'a str,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (KeyId, &'a PasswordCredential)> {
        self.secrets().filter(move |(_, secret)| {
            credential_name::is_of(name, secret.display_name.as_deref()) && Validity::of(secret, now) == Validity::Live
        })
    }

    /// The certificates of the application, by their key ids.
    pub(super) fn certificates(&self) -> impl Iterator<Item = (KeyId, &KeyCredential)> {
        self.keys.iter().filter_map(|key| Some((key.key_id?, key)))
    }

    /// The certificates of the application that are the wanted one and valid at `now`.
    pub(super) fn live_certificates<'a>(
        &'a self,
        wanted: &'a Certificate,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (KeyId, &'a KeyCredential)> {
        self.certificates().filter(move |(_, key)| wanted.is(key) && Validity::of_key(key, now) == Validity::Live)
    }

    /// When a secret of this description that is not valid yet begins, where that is within a day.
    pub(super) fn secret_begins(&self, name: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let is_soon = |secret: &&PasswordCredential| Validity::of(secret, now) == Validity::Soon;
        let of_name = self.secrets().filter(|(_, secret)| credential_name::is_of(name, secret.display_name.as_deref()));
        of_name.map(|(_, secret)| secret).filter(is_soon).filter_map(|secret| secret.start_date_time).min()
    }

    /// Whether there may be a live secret of this description among what cannot be read.
    pub(super) fn may_have_secret(&self, name: &str, now: OffsetDateTime) -> bool {
        let may_be = |secret: &PasswordCredential| match &secret.display_name {
            None => secret.is_unreadable("displayName") && Validity::of(secret, now).may_be_live(),
            Some(other) if credential_name::is_of(name, Some(other)) => match secret.key_id {
                Some(_) => Validity::of(secret, now) == Validity::Unknown,
                None => Validity::of(secret, now).may_be_live(),
            },
            Some(_) => false,
        };
        self.application.iter().any(|app| {
            // Below it stand the members of the secrets, which are looked at one by one.
            let is_list_unreadable = app.unreadable().iter().any(|path| path == "passwordCredentials");
            is_list_unreadable || app.password_credentials.iter().any(may_be)
        })
    }

    /// The client secrets of the application, by their key ids.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (KeyId, &PasswordCredential)> {
        let secrets = self.application.iter().flat_map(|app| &app.password_credentials);
        secrets.filter_map(|secret| Some((secret.key_id?, secret)))
    }

    /// The grant for all users on one API.
    pub(super) fn tenant_wide_grant(&self, resource: ServicePrincipalId) -> Option<&OAuth2PermissionGrant> {
        self.grants.iter().find(|grant| is_tenant_wide(grant) && grant.resource_id == Some(resource))
    }
}

/// Whether a client secret or a certificate can be used at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Live,
    /// Its time has not begun by the caller's clock, and begins within a day: or that clock is slow.
    Soon,
    /// Its time has not begun.
    Early,
    Ended,
    /// One of its ends is not known.
    Unknown,
}

/// A secret that begins this much later by the service's clock than it is by the caller's counts as begun: it was issued a
/// moment ago, and their clocks differ.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::minutes(15);

/// Clocks that are set to a wrong time zone differ by less: within it a secret is not issued again.
const MAX_ZONE_DIFFERENCE: Duration = Duration::days(1);

impl Validity {
    pub(super) fn of(secret: &PasswordCredential, now: OffsetDateTime) -> Self {
        let is_start_unreadable = secret.is_unreadable("startDateTime");
        Self::between(secret.start_date_time, secret.end_date_time, is_start_unreadable, now)
    }

    pub(super) fn of_key(key: &KeyCredential, now: OffsetDateTime) -> Self {
        Self::between(key.start_date_time, key.end_date_time, key.is_unreadable("startDateTime"), now)
    }

    fn between(
        start: Option<OffsetDateTime>,
        end: Option<OffsetDateTime>,
        is_start_unreadable: bool,
        now: OffsetDateTime,
    ) -> Self {
        match (start, end) {
            (_, Some(end)) if end <= now => Self::Ended,
            (Some(start), _) if start - now > MAX_ZONE_DIFFERENCE => Self::Early,
            (Some(start), _) if start - now > MAX_CLOCK_DIFFERENCE => Self::Soon,
            (None, _) if is_start_unreadable => Self::Unknown,
            (_, Some(_)) => Self::Live,
            (_, None) => Self::Unknown,
        }
    }

    fn may_be_live(self) -> bool {
        matches!(self, Self::Live | Self::Soon | Self::Unknown)
    }
}

/// Whether a grant is for the whole tenant, of which nothing but its own word says so.
pub(super) fn is_tenant_wide(grant: &OAuth2PermissionGrant) -> bool {
    grant.consent_type == Some(ConsentType::AllPrincipals)
}

/// Whether a grant is for one user only.
pub(super) fn is_of_single_user(grant: &OAuth2PermissionGrant) -> bool {
    grant.consent_type == Some(ConsentType::Principal)
}

/// The scopes of a grant, in order and each once.
pub(super) fn scopes_of(grant: &OAuth2PermissionGrant) -> Vec<String> {
    let mut scopes: Vec<String> = grant.scopes().map(str::to_owned).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// An id for a person; nothing where it is missing.
pub(super) fn shown(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

/// An application must come with its ids.
pub(super) fn with_ids(app: Application) -> Result<Application, Error> {
    match (app.id, app.app_id) {
        (Some(_), Some(_)) => Ok(app),
        _ => Err(Error::new(ErrorCode::UnexpectedResponse).with_message("the application came without its ids")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 9:00 UTC);

    fn observed(secret: &str) -> Observed {
        let app = format!(r#"{{"passwordCredentials":[{secret}]}}"#);
        Observed {
            application: Some(serde_json::from_str(&app).unwrap()),
            ..Observed::nothing_in(TenantId::from_u128(1))
        }
    }

    #[test]
    fn a_secret_is_live_between_its_two_ends_and_unknown_where_one_cannot_be_read() {
        let id = r#""keyId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","displayName":"a""#;
        for (members, validity) in [
            (r#""endDateTime":"2026-06-01T09:00:00.0000001Z""#, Validity::Live),
            (r#""endDateTime":"2026-06-01T09:00:00Z""#, Validity::Ended),
            (r#""startDateTime":"2026-01-01","endDateTime":"2027-01-01T00:00:00""#, Validity::Live),
            (r#""startDateTime":"2026-06-01T09:15:00Z","endDateTime":"2027-01-01T00:00:00Z""#, Validity::Live),
            (r#""startDateTime":"2026-06-01T09:15:01Z","endDateTime":"2027-01-01T00:00:00Z""#, Validity::Soon),
            (r#""startDateTime":"2026-06-02T11:00:00+02:00","endDateTime":"2027-01-01T00:00:00Z""#, Validity::Soon),
            (r#""startDateTime":"2026-06-02T09:00:01","endDateTime":"2027-01-01T00:00:00Z""#, Validity::Early),
            (r#""startDateTime":null,"endDateTime":"2027-01-01T00:00:00Z""#, Validity::Live),
            (r#""startDateTime":"soon","endDateTime":"2027-01-01T00:00:00Z""#, Validity::Unknown),
            (r#""startDateTime":7,"endDateTime":"2026-01-01T00:00:00Z""#, Validity::Ended),
            (r#""endDateTime":"never""#, Validity::Unknown),
            (r#""endDateTime":1798761600"#, Validity::Unknown),
            (r#""endDateTime":null"#, Validity::Unknown),
            (r#""startDateTime":"2026-01-01T00:00:00Z""#, Validity::Unknown),
            (r#""startDateTime":"2027-01-01T00:00:00Z","endDateTime":"never""#, Validity::Early),
        ] {
            let observed = observed(&format!("{{{id},{members}}}"));
            let (_, secret) = observed.secrets().next().unwrap();
            assert_eq!(Validity::of(secret, NOW), validity, "{members}");
            assert_eq!(observed.live_secrets("a", NOW).count(), usize::from(validity == Validity::Live), "{members}");
            assert_eq!(observed.may_have_secret("a", NOW), validity == Validity::Unknown, "{members}");
            assert!(!observed.may_have_secret("b", NOW), "{members}");
        }
    }

    #[test]
    fn a_secret_may_be_among_what_cannot_be_read() {
        for (secret, may_be) in [
            ("7", true),
            ("null", true),
            (r#"{"displayName":7,"endDateTime":"2027-01-01T00:00:00Z"}"#, true),
            (r#"{"displayName":7,"endDateTime":"2026-01-01T00:00:00Z"}"#, false),
            (r#"{"displayName":null,"endDateTime":"2027-01-01T00:00:00Z"}"#, false),
            (r#"{"displayName":"a","keyId":"no id","endDateTime":"2027-01-01T00:00:00Z"}"#, true),
            (r#"{"displayName":"a","keyId":"no id","endDateTime":"2026-01-01T00:00:00Z"}"#, false),
            (r#"{"displayName":"b","keyId":"no id","endDateTime":"never"}"#, false),
            (r#"{"displayName":"b","hint":{}}"#, false),
        ] {
            assert_eq!(observed(secret).may_have_secret("a", NOW), may_be, "{secret}");
        }
    }
}
