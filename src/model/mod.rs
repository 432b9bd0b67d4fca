//! The types of Microsoft Graph v1.0: the objects of responses, and the bodies of requests.
//!
//! An object of a response is read member by member: members that this version does not know, and values of another
//! form than documented, are kept ([`Unknown`]) and lose nothing else. The body of a request holds only what was set, because
//! absent, null and a value are three different things in an update.

mod application;
mod body;
mod complex;
mod credentials;
mod date;
mod directory;
mod enums;
mod grants;
mod object;
mod page;
mod property;
pub mod query;
mod service_principal;
mod unknown;

pub use application::{ApiPatch, Application, ApplicationPatch, NewApplication, RedirectUrisPatch, WebPatch};
pub use complex::*;
pub use credentials::{KeyCredential, NewPasswordCredential, PasswordCredential};
pub use date::Date;
pub use directory::{DeletedItem, DirectoryObject, Organization, VerifiedDomain};
pub use enums::{ConsentType, PrincipalType, ResourceAccessType, SignInAudience};
pub use grants::{
    AppRoleAssignment, NewAppRoleAssignment, NewOAuth2PermissionGrant, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch,
};
pub(crate) use page::Envelope;
pub use property::{
    AppRoleAssignmentProperty, ApplicationProperty, OAuth2PermissionGrantProperty, Property, ServicePrincipalProperty,
};
pub use service_principal::{NewServicePrincipal, ServicePrincipal, ServicePrincipalPatch};
pub use unknown::Unknown;

#[cfg(test)]
mod shared;
#[cfg(test)]
mod tests;
