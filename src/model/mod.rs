//! Microsoft Graph's types, v1.0: what is read, and what is sent.
//!
//! What is read keeps members that this version does not know ([`Unknown`]). What is sent holds just what was set:
//! absent, null and a value are three things in an update.

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
