//! Enums of strings, which keep a value that this version does not know.

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this version does not know, as the service wrote it.
            Other(String),
        }

        impl $name {
            /// The value as Graph writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::of(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(|text| Self::of(&text))
            }
        }

        impl crate::model::object::Element for $name {
            fn written(&self) -> crate::model::object::Written<'_> {
                crate::model::object::Written::Text(self.as_str())
            }
        }

        impl crate::model::object::Text for $name {
            fn from_text(text: &str) -> Option<Self> {
                Some(Self::of(text))
            }
        }
    };
}

pub(super) use text_enum;

text_enum! {
    /// Who may sign in to an application: the portal's *Supported account types*
    /// ([`signInAudience`](https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation)).
    ///
    /// ```
    /// use entra_apps::SignInAudience;
    ///
    /// assert_eq!(SignInAudience::SingleOrganization.as_str(), "AzureADMyOrg");
    /// assert_eq!(SignInAudience::from("new in Graph".to_owned()), SignInAudience::Other("new in Graph".to_owned()));
    /// ```
    SignInAudience {
        /// Accounts in this organizational directory only: single tenant.
        SingleOrganization = "AzureADMyOrg",
        /// Accounts in any organizational directory: multitenant.
        MultipleOrganizations = "AzureADMultipleOrgs",
        /// Accounts in any organizational directory, and personal Microsoft accounts.
        MultipleOrganizationsAndPersonalAccounts = "AzureADandPersonalMicrosoftAccount",
        /// Personal Microsoft accounts only.
        PersonalAccounts = "PersonalMicrosoftAccount",
    }
}

impl SignInAudience {
    /// The label in the portal.
    pub fn portal_name(&self) -> &str {
        match self {
            Self::SingleOrganization => "Accounts in this organizational directory only (single tenant)",
            Self::MultipleOrganizations => "Accounts in any organizational directory (multitenant)",
            Self::MultipleOrganizationsAndPersonalAccounts => {
                "Accounts in any organizational directory (multitenant) and personal Microsoft accounts"
            }
            Self::PersonalAccounts => "Personal Microsoft accounts only",
            Self::Other(text) => text,
        }
    }
}

text_enum! {
    /// Whether a declared permission is an app role or a scope.
    ///
    /// ```
    /// use entra_apps::model::ResourceAccessType;
    ///
    /// assert_eq!(ResourceAccessType::Role.as_str(), "Role");
    /// assert_eq!(ResourceAccessType::from("new in Graph".to_owned()), ResourceAccessType::Other("new in Graph".to_owned()));
    /// ```
    ResourceAccessType {
        /// An app role: an application permission.
        Role = "Role",
        /// A scope: a delegated permission.
        Scope = "Scope",
    }
}

text_enum! {
    /// Whether a delegated permission was granted for every user or for one.
    ///
    /// ```
    /// use entra_apps::model::ConsentType;
    ///
    /// assert_eq!(ConsentType::AllPrincipals.as_str(), "AllPrincipals");
    /// assert_eq!(ConsentType::from("new in Graph".to_owned()), ConsentType::Other("new in Graph".to_owned()));
    /// ```
    ConsentType {
        /// For every user of the tenant.
        AllPrincipals = "AllPrincipals",
        /// For one user.
        Principal = "Principal",
    }
}

text_enum! {
    /// The type of the object to which an app role was assigned.
    ///
    /// ```
    /// use entra_apps::model::PrincipalType;
    ///
    /// assert_eq!(PrincipalType::Group.as_str(), "Group");
    /// assert_eq!(PrincipalType::from("new in Graph".to_owned()), PrincipalType::Other("new in Graph".to_owned()));
    /// ```
    PrincipalType {
        /// A user.
        User = "User",
        /// A group.
        Group = "Group",
        /// A service principal.
        ServicePrincipal = "ServicePrincipal",
    }
}
