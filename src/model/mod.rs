//! The types of Microsoft Graph v1.0: the objects of responses, and the bodies of requests.
//!
//! An object of a response is read member by member: members that this version does not know, and values of another
//! form than documented, are kept ([`Unknown`]) and lose nothing else. The body of a request holds only what was set, because
//! absent, null and a value are three different things in an update. What is made by hand is made in one expression:
//!
//! ```
//! use entra_apps::SignInAudience;
//! use entra_apps::model::{
//!     ApiPatch, AppRole, ApplicationPatch, ImplicitGrantSettings, OptionalClaim, OptionalClaims, PermissionScope,
//!     ServicePrincipalLockConfiguration, WebPatch,
//! };
//! use entra_apps::uuid::Uuid;
//!
//! let read = PermissionScope::new(Uuid::from_u128(1).into(), "Backup.Read")
//!     .admin_consent_display_name("Read backups")
//!     .admin_consent_description("Reads the backups of all users.")
//!     .kind("Admin");
//! let operator = AppRole::new(Uuid::from_u128(2).into(), "Backup.Operate")
//!     .display_name("Operator")
//!     .description("Starts and stops backups.")
//!     .allowed_member_types(["User", "Application"]);
//! let patch = ApplicationPatch::new()
//!     .sign_in_audience(SignInAudience::MultipleOrganizations)
//!     .web(WebPatch::new().implicit_grant_settings(ImplicitGrantSettings::new().with_id_tokens()))
//!     .api(ApiPatch::new().oauth2_permission_scopes(vec![read]))
//!     .app_roles(vec![operator])
//!     .optional_claims(OptionalClaims::new().id_token([OptionalClaim::new("email")]))
//!     .service_principal_lock_configuration(ServicePrincipalLockConfiguration::of_all())
//!     .clear_notes();
//! assert_eq!(serde_json::to_value(&patch)?["appRoles"][0]["isEnabled"], true);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod application;
mod body;
mod complex;
mod credentials;
mod date;
mod delegated_admin;
mod directory;
mod duration;
pub(crate) mod enums;
mod etag;
mod federated_identity_credential;
mod grants;
mod groups;
mod object;
mod other_form;
mod page;
mod policies;
mod property;
mod published;
pub(crate) mod query;
mod service_principal;
mod sign_in_activity;
mod tenant_relationships;
mod unknown;

pub use application::{ApiPatch, Application, ApplicationPatch, NewApplication, RedirectUrisPatch, WebPatch};
pub use complex::*;
pub use credentials::{KeyCredential, NewPasswordCredential, PasswordCredential};
pub use date::Date;
pub use delegated_admin::*;
pub use directory::{DeletedItem, DirectoryObject, Organization, VerifiedDomain};
pub use duration::IsoDuration;
pub(crate) use enums::SignInAudience;
pub use enums::{ConsentType, PrincipalType, ResourceAccessType};
pub use etag::ETag;
pub use federated_identity_credential::{
    FederatedIdentityCredential, FederatedIdentityCredentialPatch, NewFederatedIdentityCredential,
};
pub use grants::{
    AppRoleAssignment, NewAppRoleAssignment, NewOAuth2PermissionGrant, OAuth2PermissionGrant,
    OAuth2PermissionGrantPatch,
};
pub use groups::{Group, GroupMember, NewGroup, User};
pub(crate) use page::{Envelope, Regular};
pub use policies::*;
pub use property::{
    AppRoleAssignmentProperty, ApplicationProperty, OAuth2PermissionGrantProperty, Property, ServicePrincipalProperty,
};
pub(crate) use published::{PublishedApi, PublishedPermission};
pub use service_principal::{NewServicePrincipal, ServicePrincipal, ServicePrincipalPatch};
pub use sign_in_activity::{AppCredentialSignInActivity, SignInActivity};
pub use tenant_relationships::{Contract, DelegatedAdminCustomer, TenantInformation};
pub use unknown::Unknown;

#[cfg(test)]
mod shared;
#[cfg(test)]
mod tests;
