//! A type for each kind of id, so that none can be used for another.
//!
//! The portal shows three GUIDs for one app, and mixing them up is the most common mistake of all: the *application
//! (client) id* ([`AppId`]), the *object id* of the registration ([`ApplicationId`]) and the *object id* of the service
//! principal ([`ServicePrincipalId`]). A tenant has one id ([`TenantId`]) and several domains; [`Tenant`] is either.
//!
//! ```
//! use entra_apps::ids::{AppId, Tenant};
//!
//! let app: AppId = "00000003-0000-0000-c000-000000000000".parse()?;
//! let tenant: Tenant = "contoso.onmicrosoft.com".parse()?;
//! println!("{app} signs in to {tenant}");
//! # Ok::<(), entra_apps::Error>(())
//! ```

mod tenant;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorCode};

pub use tenant::Tenant;

macro_rules! guid {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use entra_apps::ids::", stringify!($name), ";")]
        ///
        #[doc = concat!("let id: ", stringify!($name), " = \"00000003-0000-0000-c000-000000000000\".parse()?;")]
        /// assert_eq!(id.to_string(), "00000003-0000-0000-c000-000000000000");
        /// # Ok::<(), entra_apps::Error>(())
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a GUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// Wraps a GUID given as a number, which suits a constant.
            pub const fn from_u128(id: u128) -> Self {
                Self(Uuid::from_u128(id))
            }

            /// The GUID.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Parses a GUID, with or without hyphens and braces.
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the text is not a GUID.
            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::parse_str(text.trim()).map(Self).map_err(|_| not_a_guid($what, text))
            }
        }
    };
}

fn not_a_guid(what: &str, text: &str) -> Error {
    // A secret that was pasted into the wrong field must not appear in an error.
    let shown =
        if text.len() <= 8 { format!("{text:?}") } else { format!("a text of {} characters", text.chars().count()) };
    Error::new(ErrorCode::InvalidId).with_message(format!("the {what} must be a GUID, and {shown} is not one"))
}

guid! {
    /// The *directory (tenant) id*.
    TenantId, "tenant id"
}
guid! {
    /// The *application (client) id*, `appId` in Graph: the same in every tenant.
    AppId, "application (client) id"
}
guid! {
    /// The *object id* of an application, the registration, in its home tenant.
    ApplicationId, "object id of the application"
}
guid! {
    /// The *object id* of a service principal, the app in one tenant.
    ServicePrincipalId, "object id of the service principal"
}
guid! {
    /// The *object id* of a directory object of any type: a user, group, service principal or application.
    DirectoryObjectId, "object id"
}
guid! {
    /// The id of an application's credential, *Secret ID* in the portal. It is not the secret.
    KeyId, "key id"
}
guid! {
    /// The id of an app management policy; that of the tenant's default is all zeros.
    AppManagementPolicyId, "id of the app management policy"
}
guid! {
    /// The id of a federated identity credential of an application.
    FederatedIdentityCredentialId, "id of the federated identity credential"
}
guid! {
    /// The id of a permission: an app role or a delegated scope.
    PermissionId, "permission id"
}

impl From<ApplicationId> for DirectoryObjectId {
    fn from(id: ApplicationId) -> Self {
        Self(id.0)
    }
}

impl From<ServicePrincipalId> for DirectoryObjectId {
    fn from(id: ServicePrincipalId) -> Self {
        Self(id.0)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use entra_apps::ids::", stringify!($name), ";")]
        ///
        #[doc = concat!("let id = ", stringify!($name), "::new(\"41W1zT6z1U-kJxf62svfp1HFE8pMZhxDun-ThPczmJE\");")]
        /// assert_eq!(id.as_str(), "41W1zT6z1U-kJxf62svfp1HFE8pMZhxDun-ThPczmJE");
        /// ```
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an id as the service returned it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The id of an app role assignment: a granted application permission.
    AppRoleAssignmentId
}
text_id! {
    /// The id of an OAuth2 permission grant: granted delegated permissions.
    OAuth2PermissionGrantId
}
text_id! {
    /// The id of a delegated admin relationship (GDAP): two GUIDs, joined by a hyphen.
    DelegatedAdminRelationshipId
}
text_id! {
    /// The id of an access assignment of a delegated admin relationship.
    AccessAssignmentId
}
text_id! {
    /// The id of a request, such as for approval, of a delegated admin relationship.
    RelationshipRequestId
}
text_id! {
    /// The id of an operation that changes a delegated admin relationship or an access assignment of it.
    RelationshipOperationId
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_text_that_is_no_guid_is_refused_and_not_shown() {
        let error = "s3cret~value-pasted-by-mistake".parse::<AppId>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn braces_and_blanks_are_ignored() {
        let id: AppId = " {00000003-0000-0000-c000-000000000000} ".parse().unwrap();
        assert_eq!(id.to_string(), "00000003-0000-0000-c000-000000000000");
    }
}
