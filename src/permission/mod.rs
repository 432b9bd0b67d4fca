//! Permissions: what an app may be granted, as constants for Microsoft Graph and by id or name for any other API.
//!
//! ```
//! use entra_apps::permission::{Permission, PermissionKind, microsoft_graph, well_known};
//!
//! // A constant: a typo does not compile.
//! let read_directory = microsoft_graph::application::DIRECTORY_READ_ALL;
//! assert_eq!(read_directory.to_string(), "Directory.Read.All (application)");
//!
//! // A name: a typo is an error with a suggestion.
//! assert_eq!(Permission::application("Directory.Read.All")?, read_directory);
//! let error = Permission::application("Directroy.Read.All").unwrap_err();
//! assert_eq!(error.code(), entra_apps::ErrorCode::UnknownPermission);
//! assert!(error.remedy().contains("Directory.Read.All"));
//!
//! // Another API: its permission's name is looked up in the tenant.
//! let partner_center = Permission::by_name(
//!     well_known::MICROSOFT_PARTNER_CENTER,
//!     "user_impersonation",
//!     PermissionKind::Delegated,
//! )?;
//! assert_eq!(partner_center.to_string(), "user_impersonation (delegated, Microsoft Partner Center)");
//! # Ok::<(), entra_apps::Error>(())
//! ```
//!
//! Microsoft's list: <https://learn.microsoft.com/graph/permissions-reference>

mod catalogue;
mod licence;
mod name;
mod resource_specific;
mod review;
mod serial;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId};

pub use catalogue::{CatalogueEntry, catalogue, find_by_id, find_by_name, microsoft_graph, well_known};
pub use resource_specific::ResourceSpecificPermission;
pub(crate) use review::{apis_of, review_reason};

/// The app id of Microsoft Graph, the same in every cloud.
pub const MICROSOFT_GRAPH: AppId = AppId::from_u128(0x0000_0003_0000_0000_c000_0000_0000_0000);

/// Who acts: the app itself, or the app for a signed-in user.
///
/// ```
/// use entra_apps::permission::PermissionKind;
/// use entra_apps::permission::microsoft_graph::{application, delegated};
///
/// assert_eq!(application::DIRECTORY_READ_ALL.kind(), PermissionKind::Application); // the app by itself
/// assert_eq!(delegated::DIRECTORY_READ_ALL.kind(), PermissionKind::Delegated); // as far as the user may
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PermissionKind {
    /// An application permission: an app role, `Role` in a declaration.
    Application,
    /// A delegated permission: a scope, `Scope` in a declaration.
    Delegated,
}

impl PermissionKind {
    /// The kind as a word: `application` or `delegated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Delegated => "delegated",
        }
    }

    /// The kind as Graph writes it in a declaration, as the `type` of a `resourceAccess`: `Role` or `Scope`.
    ///
    /// <https://learn.microsoft.com/graph/api/resources/resourceaccess>
    pub const fn resource_access_type(self) -> &'static str {
        match self {
            Self::Application => "Role",
            Self::Delegated => "Scope",
        }
    }

    /// The kind that Graph writes as `Role` or `Scope`; `None` for any other string.
    pub fn from_resource_access_type(text: &str) -> Option<Self> {
        [Self::Application, Self::Delegated].into_iter().find(|kind| kind.resource_access_type() == text)
    }

    const fn other(self) -> Self {
        match self {
            Self::Application => Self::Delegated,
            Self::Delegated => Self::Application,
        }
    }
}

impl fmt::Display for PermissionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One permission of one API, application or delegated.
///
/// For Microsoft Graph it is a constant of [`microsoft_graph`], or a name given to [`application`](Self::application)
/// or [`delegated`](Self::delegated). For any other API it is given [by id](Self::by_id), or [by name](Self::by_name),
/// which is then looked up in the tenant.
///
/// Two are equal when they are the same permission: same API, same kind, same id, however they were made. Where no id is
/// known, the name stands for it. They sort by API, kind and name.
///
/// ```
/// use entra_apps::permission::{Permission, microsoft_graph::application};
///
/// let permission = Permission::application("directory.read.all")?; // a name that somebody typed in
/// assert_eq!(permission, application::DIRECTORY_READ_ALL);
/// assert!(permission.is_admin_consent_required() && permission.high_privilege().is_none());
/// # Ok::<(), entra_apps::Error>(())
/// ```
///
/// A resource-specific permission is of [another type](ResourceSpecificPermission), because it cannot be granted
/// tenant-wide:
///
/// ```compile_fail,E0308
/// use entra_apps::permission::{Permission, microsoft_graph};
///
/// let permission: Permission = microsoft_graph::resource_specific::CHANNEL_CREATE_GROUP;
/// ```
#[derive(Clone)]
pub struct Permission(Form);

#[derive(Clone)]
enum Form {
    /// A row of the catalogue, and so of Microsoft Graph.
    Known(&'static CatalogueEntry),
    /// An id that the catalogue does not have, perhaps with the name that goes with it.
    Id { api: AppId, kind: PermissionKind, id: PermissionId, name: Option<Arc<str>> },
    /// A name whose id only the tenant knows; never of Microsoft Graph.
    Name { api: AppId, kind: PermissionKind, name: Arc<str> },
}

/// The part of a permission by which those of one API and kind are compared.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Identity<'a> {
    Name(&'a str),
    Id(PermissionId),
}

impl Permission {
    const fn known(entry: &'static CatalogueEntry) -> Self {
        Self(Form::Known(entry))
    }

    /// The application permission of Microsoft Graph that has this name. Case does not matter, and the API's address
    /// before it (`https://graph.microsoft.com/User.Read.All`) is left out.
    ///
    /// # Errors
    /// [`UnknownPermission`](crate::ErrorCode::UnknownPermission), with the most similar names;
    /// [`WrongPermissionKind`](crate::ErrorCode::WrongPermissionKind) when it exists as a delegated permission alone;
    /// [`ResourceSpecificPermission`](crate::ErrorCode::ResourceSpecificPermission) when it is granted per team or chat.
    pub fn application(name: &str) -> Result<Self, Error> {
        name::resolve(name, PermissionKind::Application).map(Self::known)
    }

    /// The delegated permission of Microsoft Graph that has this name. Case does not matter.
    ///
    /// # Errors
    /// Those of [`application`](Self::application), with the kinds swapped.
    pub fn delegated(name: &str) -> Result<Self, Error> {
        name::resolve(name, PermissionKind::Delegated).map(Self::known)
    }

    /// The permission of any API that has this id. One of Microsoft Graph's gets its name and all else from the
    /// catalogue, if it is there.
    ///
    /// ```
    /// use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind, microsoft_graph};
    ///
    /// let id = "e1fe6dd8-ba31-4d61-89e7-88639da4683d".parse()?;
    /// let permission = Permission::by_id(MICROSOFT_GRAPH, id, PermissionKind::Delegated);
    /// assert_eq!(permission, microsoft_graph::delegated::USER_READ);
    /// # Ok::<(), entra_apps::Error>(())
    /// ```
    pub fn by_id(api: AppId, id: PermissionId, kind: PermissionKind) -> Self {
        match find_by_id(id, kind).filter(|_| api == MICROSOFT_GRAPH) {
            Some(entry) => Self::known(entry),
            None => Self(Form::Id { api, kind, id, name: None }),
        }
    }

    /// The permission of any API that has this name. One of Microsoft Graph's is looked up in the catalogue at once; one
    /// of another API, later and in the tenant, where case matters.
    ///
    /// # Errors
    /// Those of [`application`](Self::application) for Microsoft Graph;
    /// [`InvalidPermissionName`](crate::ErrorCode::InvalidPermissionName) for a string that cannot be a permission's
    /// name in any API, and [`UnknownPermission`](crate::ErrorCode::UnknownPermission) for a name with the address of
    /// another API before it.
    pub fn by_name(api: AppId, name: &str, kind: PermissionKind) -> Result<Self, Error> {
        if api == MICROSOFT_GRAPH {
            return name::resolve(name, kind).map(Self::known);
        }
        Ok(Self(Form::Name { api, kind, name: name::check(api, name)?.into() }))
    }

    /// Adds the name that belongs to the id. A plan looks both up in the tenant, and refuses them where they do not
    /// belong together there.
    ///
    /// # Errors
    /// [`InvalidPermissionName`](crate::ErrorCode::InvalidPermissionName) for a string that cannot be a permission's
    /// name in any API, [`UnknownPermission`](crate::ErrorCode::UnknownPermission) for the name of another API's, and
    /// [`PermissionMismatch`](crate::ErrorCode::PermissionMismatch) for another name than the permission is known to
    /// have.
    pub fn named(self, name: &str) -> Result<Self, Error> {
        let name = name::check(self.api(), name)?;
        match &self.0 {
            Form::Id { api, kind, id, name: None } => {
                Ok(Self(Form::Id { api: *api, kind: *kind, id: *id, name: Some(name.into()) }))
            }
            Form::Known(entry) if name::find(name, entry.kind).is_some_and(|other| other.id == entry.id) => Ok(self),
            Form::Id { name: Some(own), .. } | Form::Name { name: own, .. } if **own == *name => Ok(self),
            _ => Err(Error::new(ErrorCode::PermissionMismatch)
                .with_message(format!("{self} was given another name"))
                .with_remedy("Name the permission once, by the name that its id has.")),
        }
    }

    /// The app id of the API that it belongs to.
    pub fn api(&self) -> AppId {
        match self.0 {
            Form::Known(_) => MICROSOFT_GRAPH,
            Form::Id { api, .. } | Form::Name { api, .. } => api,
        }
    }

    /// Whether it is an application or a delegated permission.
    pub fn kind(&self) -> PermissionKind {
        match self.0 {
            Form::Known(entry) => entry.kind,
            Form::Id { kind, .. } | Form::Name { kind, .. } => kind,
        }
    }

    /// The id of the app role or scope, unless only the tenant knows it.
    pub fn id(&self) -> Option<PermissionId> {
        match self.0 {
            Form::Known(entry) => Some(entry.id),
            Form::Id { id, .. } => Some(id),
            Form::Name { .. } => None,
        }
    }

    /// The name, such as `Directory.Read.All`, unless only the tenant knows it.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Form::Known(entry) => Some(entry.value),
            Form::Id { name, .. } => name.as_deref(),
            Form::Name { name, .. } => Some(name),
        }
    }

    /// The row of the catalogue; `None` for another API, and for a permission that the catalogue does not have.
    pub fn entry(&self) -> Option<&'static CatalogueEntry> {
        match self.0 {
            Form::Known(entry) => Some(entry),
            Form::Id { .. } | Form::Name { .. } => None,
        }
    }

    /// The reason why it is of high privilege, if it is: the end of a sentence that begins "an app that has it can".
    /// With a delegated permission the app can do so only as far as the signed-in user can.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph;
    ///
    /// assert!(microsoft_graph::application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY.high_privilege().is_some());
    /// assert_eq!(microsoft_graph::application::DIRECTORY_READ_ALL.high_privilege(), None);
    /// ```
    pub fn high_privilege(&self) -> Option<&'static str> {
        review::high_privilege(self.api(), self.kind(), self.name(), self.id())
    }

    /// The reason why it is not granted without approval, if it is not: that it is of
    /// [high privilege](Self::high_privilege), or that it cannot be judged, because this crate has no list of its API's
    /// permissions or a list of Microsoft Graph's that is older than it. By its name and by its id, whichever tells.
    ///
    /// ```
    /// use entra_apps::ids::AppId;
    /// use entra_apps::permission::{Permission, PermissionKind, microsoft_graph};
    ///
    /// assert_eq!(microsoft_graph::application::DIRECTORY_READ_ALL.review_reason(), None);
    /// let own_api = AppId::from_u128(42);
    /// let unknown = Permission::by_name(own_api, "Things.Read", PermissionKind::Application)?;
    /// assert!(unknown.review_reason().unwrap().contains("cannot be judged"));
    /// # Ok::<(), entra_apps::Error>(())
    /// ```
    pub fn review_reason(&self) -> Option<&'static str> {
        review_reason(self.api(), self.kind(), self.name(), self.id())
    }

    /// Whether only an administrator can consent to it. True for every application permission, and for a delegated one
    /// that the catalogue does not have.
    pub fn is_admin_consent_required(&self) -> bool {
        self.entry().is_none_or(|entry| entry.admin_consent_required)
    }

    /// Whether it is granted per team or chat, and never tenant-wide. Only [`by_id`](Self::by_id) returns such a
    /// permission, because an application can declare it.
    pub fn is_resource_specific(&self) -> bool {
        self.entry().is_some_and(|entry| entry.resource_specific)
    }

    /// The licence of its own that what it is for takes, where Microsoft documents one: of Microsoft Intune, say. The
    /// permission is granted without it, too, and of no use there.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph::application;
    ///
    /// let devices = application::DEVICE_MANAGEMENT_MANAGED_DEVICES_READ_ALL;
    /// assert_eq!(devices.licence(), Some("Microsoft Intune"));
    /// assert_eq!(application::USER_READ_ALL.licence(), None);
    /// ```
    pub fn licence(&self) -> Option<&'static str> {
        licence::of(self)
    }

    fn identity(&self) -> (AppId, PermissionKind, Identity<'_>) {
        let identity = match &self.0 {
            // A renamed permission has two rows of one id.
            Form::Known(entry) => Identity::Name(catalogue::current(entry).value),
            Form::Id { id, .. } => Identity::Id(*id),
            Form::Name { name, .. } => Identity::Name(name),
        };
        (self.api(), self.kind(), identity)
    }
}

impl PartialEq for Permission {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Permission {}

impl PartialOrd for Permission {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Permission {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for Permission {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Display for Permission {
    /// `Directory.Read.All (application)`; for another API than Microsoft Graph also its name, or else its app id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.id()) {
            (Some(name), _) => f.write_str(name)?,
            (None, Some(id)) => write!(f, "{id}")?,
            (None, None) => {}
        }
        let (api, kind) = (self.api(), self.kind());
        match well_known_name(api) {
            _ if api == MICROSOFT_GRAPH => write!(f, " ({kind})"),
            Some(name) => write!(f, " ({kind}, {name})"),
            None => write!(f, " ({kind}, {api})"),
        }
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permission({self}")?;
        if let (Some(_), Some(id)) = (self.name(), self.id()) {
            write!(f, ", {id}")?;
        }
        f.write_str(")")
    }
}

/// The name of one of Microsoft's own APIs or apps.
///
/// ```
/// use entra_apps::permission::{well_known, well_known_name};
///
/// assert_eq!(well_known_name(well_known::OFFICE_365_EXCHANGE_ONLINE), Some("Office 365 Exchange Online"));
/// ```
pub fn well_known_name(app: AppId) -> Option<&'static str> {
    well_known::ALL.iter().find(|(id, _)| *id == app).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use microsoft_graph::{application, delegated};

    const EXCHANGE: AppId = well_known::OFFICE_365_EXCHANGE_ONLINE;

    fn hash(permission: &Permission) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        permission.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_permission_is_the_same_however_it_was_made() {
        let constant = application::DIRECTORY_READ_ALL;
        let by_id = Permission::by_id(MICROSOFT_GRAPH, constant.id().unwrap(), PermissionKind::Application);
        let parsed = Permission::application(" directory.read.all ").unwrap();
        for other in [by_id, parsed] {
            assert_eq!(other, constant);
            assert_eq!(hash(&other), hash(&constant));
            assert_eq!(other.cmp(&constant), Ordering::Equal);
            assert_eq!(other.to_string(), "Directory.Read.All (application)");
        }
        assert_ne!(application::DIRECTORY_READ_ALL, delegated::DIRECTORY_READ_ALL);
    }

    #[test]
    fn an_id_of_graph_means_nothing_in_another_api() {
        let id = application::DIRECTORY_READ_ALL.id().unwrap();
        let permission = Permission::by_id(EXCHANGE, id, PermissionKind::Application);
        assert_eq!((permission.name(), permission.id(), permission.entry()), (None, Some(id), None));
        assert_eq!(permission.to_string(), format!("{id} (application, Office 365 Exchange Online)"));
    }

    #[test]
    fn a_name_that_goes_with_an_id_does_not_change_which_permission_it_is() {
        let id = PermissionId::from_u128(1);
        let plain = Permission::by_id(AppId::from_u128(9), id, PermissionKind::Delegated);
        let named = plain.clone().named("Things.Read").unwrap();
        assert_eq!(plain, named);
        assert_eq!(hash(&plain), hash(&named));
        assert_eq!(named.to_string(), "Things.Read (delegated, 00000000-0000-0000-0000-000000000009)");
    }

    #[test]
    fn permissions_sort_by_api_kind_and_name() {
        let full_access = Permission::by_name(EXCHANGE, "full_access_as_app", PermissionKind::Application).unwrap();
        let sorted: BTreeSet<_> = [
            delegated::USER_READ,
            application::USER_READ_ALL,
            full_access.clone(),
            application::DIRECTORY_READ_ALL,
            application::USER_READ_ALL,
        ]
        .into();
        let expected = [full_access, application::DIRECTORY_READ_ALL, application::USER_READ_ALL, delegated::USER_READ];
        assert!(sorted.into_iter().eq(expected));
    }

    #[test]
    fn both_kinds_of_a_marked_permission_are_marked() {
        assert!(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY.high_privilege().is_some());
        assert!(delegated::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY.high_privilege().is_some());
    }

    #[test]
    fn where_nothing_is_known_an_administrator_is_asked() {
        assert!(!delegated::USER_READ.is_admin_consent_required());
        assert!(application::DIRECTORY_READ_ALL.is_admin_consent_required());
        assert!(
            Permission::by_name(EXCHANGE, "EWS.AccessAsUser.All", PermissionKind::Delegated)
                .unwrap()
                .is_admin_consent_required()
        );
    }

    #[test]
    fn a_kind_is_read_as_it_is_written() {
        for kind in [PermissionKind::Application, PermissionKind::Delegated] {
            assert_eq!(PermissionKind::from_resource_access_type(kind.resource_access_type()), Some(kind));
        }
        assert_eq!(PermissionKind::from_resource_access_type("role"), None);
    }
}
