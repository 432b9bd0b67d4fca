//! The kinds of objects, their names in Graph, and their properties.

use std::sync::LazyLock;

use serde_json::Value;

use crate::data::schema::{self, ComplexType};

/// A kind of object that the directory stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ObjectKind {
    Application,
    ServicePrincipal,
    Assignment,
    Grant,
    User,
    Group,
    FederatedCredential,
}

impl ObjectKind {
    /// The name of the entity set: the first segment of a path.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::ServicePrincipal => "servicePrincipals",
            Self::Assignment => "appRoleAssignments",
            Self::Grant => "oauth2PermissionGrants",
            Self::User => "users",
            Self::Group => "groups",
            Self::FederatedCredential => "federatedIdentityCredentials",
        }
    }

    /// The name of the type in an `@odata.type`.
    pub(crate) fn type_name(self) -> &'static str {
        self.entity_type().name
    }

    /// The name of the type in messages of the directory.
    pub(crate) fn directory_type(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::ServicePrincipal => "ServicePrincipal",
            Self::Assignment => "AppRoleAssignment",
            Self::Grant => "OAuth2PermissionGrant",
            Self::User => "User",
            Self::Group => "Group",
            Self::FederatedCredential => "FederatedIdentityCredential",
        }
    }

    /// All kinds.
    pub(crate) const ALL: [Self; 7] = [
        Self::Application,
        Self::ServicePrincipal,
        Self::Assignment,
        Self::Grant,
        Self::User,
        Self::Group,
        Self::FederatedCredential,
    ];

    /// The kinds that are directory objects, which a deletion moves to `deletedItems`.
    pub(crate) const OBJECTS: [Self; 4] = [Self::Application, Self::ServicePrincipal, Self::User, Self::Group];

    /// The kind for a type name such as `microsoft.graph.user`.
    pub(crate) fn of_type(name: &str) -> Option<Self> {
        let name = name.trim_start_matches('#');
        let name = name.get("microsoft.graph.".len()..).filter(|_| name.to_lowercase().starts_with("microsoft.graph."));
        Self::ALL.into_iter().find(|kind| name.is_some_and(|name| kind.type_name().eq_ignore_ascii_case(name)))
    }

    /// The properties that a response has without `$select`; `None` is all.
    pub(crate) fn default_properties(self) -> Option<&'static [&'static str]> {
        const USER_DEFAULTS: &[&str] = &[
            "businessPhones",
            "displayName",
            "givenName",
            "jobTitle",
            "mail",
            "mobilePhone",
            "officeLocation",
            "preferredLanguage",
            "surname",
            "userPrincipalName",
            "id",
        ];
        (self == Self::User).then_some(USER_DEFAULTS)
    }

    /// The navigation properties that can be expanded, and filtered through.
    pub(crate) fn navigations(self) -> &'static [&'static str] {
        match self {
            Self::Application => {
                &["owners", "federatedIdentityCredentials", "extensionProperties", "createdOnBehalfOf"]
            }
            Self::ServicePrincipal => &[
                "owners",
                "ownedObjects",
                "memberOf",
                "transitiveMemberOf",
                "appRoleAssignedTo",
                "appRoleAssignments",
                "oauth2PermissionGrants",
            ],
            Self::User => {
                &["ownedObjects", "memberOf", "transitiveMemberOf", "appRoleAssignments", "oauth2PermissionGrants"]
            }
            Self::Group => &["owners", "members", "memberOf", "transitiveMemberOf", "appRoleAssignments"],
            Self::Assignment | Self::Grant | Self::FederatedCredential => &[],
        }
    }

    /// The properties that `$search` looks into.
    pub(crate) fn searched_properties(self) -> &'static [&'static str] {
        match self {
            Self::Application | Self::ServicePrincipal | Self::Group => &["displayName", "description", "mailNickname"],
            Self::User => &["displayName", "givenName", "surname", "mail", "userPrincipalName"],
            Self::Assignment | Self::Grant | Self::FederatedCredential => &[],
        }
    }

    /// A new object of the kind with every property that Graph returns, in its order.
    pub(crate) fn template(self) -> &'static Value {
        match self {
            Self::Application => &APPLICATION,
            Self::ServicePrincipal => &SERVICE_PRINCIPAL,
            Self::Assignment => &ASSIGNMENT,
            Self::Grant => &GRANT,
            Self::User => &USER,
            Self::Group => &GROUP,
            Self::FederatedCredential => &FEDERATED_CREDENTIAL,
        }
    }

    /// The type of the object, with the types of its properties.
    pub(crate) fn entity_type(self) -> &'static ComplexType {
        match self {
            Self::Application => &schema::APPLICATION,
            Self::ServicePrincipal => &schema::SERVICE_PRINCIPAL,
            Self::Assignment => &schema::ASSIGNMENT,
            Self::Grant => &schema::GRANT,
            Self::User => &schema::USER,
            Self::Group => &schema::GROUP,
            Self::FederatedCredential => &schema::FEDERATED_CREDENTIAL,
        }
    }

    /// The name of a property as the service writes it, by its name in any case.
    pub(crate) fn property_name(self, name: &str) -> Option<&'static str> {
        self.template().as_object()?.keys().map(String::as_str).find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The default value of a complex property that is null until it is set; `None` for any other property.
    pub(crate) fn complex_template(self, name: &str) -> Option<&'static Value> {
        (self == Self::Application).then(|| COMPLEX.get(name))?
    }

    /// The collections that the directory returns in reverse order.
    pub(crate) fn reversed_collections(self) -> &'static [&'static str] {
        match self {
            Self::Application => &[
                "/web/redirectUris",
                "/spa/redirectUris",
                "/publicClient/redirectUris",
                "/appRoles",
                "/requiredResourceAccess",
                "/passwordCredentials",
            ],
            Self::ServicePrincipal => &["/servicePrincipalNames"],
            _ => &[],
        }
    }

    /// Converts between the order of writing and the order of reading.
    pub(crate) fn reverse(self, value: &mut Value) {
        for path in self.reversed_collections() {
            if let Some(Value::Array(items)) = value.pointer_mut(path) {
                items.reverse();
            }
        }
    }
}

/// As of 2025, in the order of recorded responses.
static APPLICATION: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "id": null, "deletedDateTime": null, "appId": null, "applicationTemplateId": null,
        "disabledByMicrosoftStatus": null, "createdDateTime": null, "displayName": null, "description": null,
        "groupMembershipClaims": null, "identifierUris": [], "isDeviceOnlyAuthSupported": null,
        "isFallbackPublicClient": null, "nativeAuthenticationApisEnabled": null, "notes": null,
        "publisherDomain": null, "serviceManagementReference": null, "signInAudience": null, "tags": [],
        "tokenEncryptionKeyId": null, "uniqueName": null, "samlMetadataUrl": null, "defaultRedirectUri": null,
        "certification": null, "optionalClaims": null, "servicePrincipalLockConfiguration": null,
        "requestSignatureVerification": null, "addIns": [],
        "api": {
            "acceptMappedClaims": null, "knownClientApplications": [], "requestedAccessTokenVersion": null,
            "oauth2PermissionScopes": [], "preAuthorizedApplications": []
        },
        "appRoles": [],
        "info": {
            "logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null, "supportUrl": null,
            "termsOfServiceUrl": null
        },
        "keyCredentials": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "verifiedPublisher": {"displayName": null, "verifiedPublisherId": null, "addedDateTime": null},
        "web": {
            "homePageUrl": null, "logoutUrl": null, "redirectUris": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false},
            "redirectUriSettings": []
        },
        "spa": {"redirectUris": []}
    }"#,
    )
});

static COMPLEX: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "optionalClaims": {"accessToken": [], "idToken": [], "saml2Token": []},
        "servicePrincipalLockConfiguration": {
            "isEnabled": false, "allProperties": null, "credentialsWithUsageVerify": null,
            "credentialsWithUsageSign": null, "tokenEncryptionKeyId": null
        },
        "requestSignatureVerification": {"isSignedRequestRequired": false, "allowedWeakAlgorithms": null}
    }"#,
    )
});

static SERVICE_PRINCIPAL: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "id": null, "deletedDateTime": null, "accountEnabled": true, "alternativeNames": [], "appDisplayName": null,
        "appDescription": null, "appId": null, "applicationTemplateId": null, "appOwnerOrganizationId": null,
        "appRoleAssignmentRequired": false, "createdDateTime": null, "description": null,
        "disabledByMicrosoftStatus": null, "displayName": null, "homepage": null, "isDisabled": null, "loginUrl": null,
        "logoutUrl": null, "notes": null, "notificationEmailAddresses": [], "preferredSingleSignOnMode": null,
        "preferredTokenSigningKeyThumbprint": null, "replyUrls": [], "servicePrincipalNames": [],
        "servicePrincipalType": "Application", "signInAudience": null, "tags": [], "tokenEncryptionKeyId": null,
        "samlSingleSignOnSettings": null, "addIns": [], "appRoles": [],
        "info": {
            "logoUrl": null, "marketingUrl": null, "privacyStatementUrl": null, "supportUrl": null,
            "termsOfServiceUrl": null
        },
        "keyCredentials": [], "oauth2PermissionScopes": [], "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": {"displayName": null, "verifiedPublisherId": null, "addedDateTime": null}
    }"#,
    )
});

static ASSIGNMENT: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "id": null, "deletedDateTime": null, "appRoleId": null, "createdDateTime": null, "principalDisplayName": null,
        "principalId": null, "principalType": "ServicePrincipal", "resourceDisplayName": null, "resourceId": null
    }"#,
    )
});

static GRANT: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "clientId": null, "consentType": null, "id": null, "principalId": null, "resourceId": null, "scope": null
    }"#,
    )
});

/// As of 2025. Only the first eleven are returned by default.
static USER: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "businessPhones": [], "displayName": null, "givenName": null, "jobTitle": null, "mail": null,
        "mobilePhone": null, "officeLocation": null, "preferredLanguage": null, "surname": null,
        "userPrincipalName": null, "id": null, "deletedDateTime": null, "accountEnabled": true,
        "createdDateTime": null, "creationType": null, "department": null, "externalUserState": null,
        "mailNickname": null, "usageLocation": null, "userType": "Member"
    }"#,
    )
});

static GROUP: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "id": null, "deletedDateTime": null, "classification": null, "createdDateTime": null, "creationOptions": [],
        "description": null, "displayName": null, "expirationDateTime": null, "groupTypes": [],
        "isAssignableToRole": null, "mail": null, "mailEnabled": false, "mailNickname": null,
        "membershipRule": null, "membershipRuleProcessingState": null, "preferredDataLocation": null,
        "preferredLanguage": null, "renewedDateTime": null, "securityEnabled": true, "securityIdentifier": null,
        "theme": null, "uniqueName": null, "visibility": null
    }"#,
    )
});

/// The object id of the application is an internal property besides these, which is never shown.
static FEDERATED_CREDENTIAL: LazyLock<Value> = LazyLock::new(|| {
    parse(
        r#"{
        "id": null, "name": null, "issuer": null, "subject": null, "description": null, "audiences": []
    }"#,
    )
});

fn parse(template: &str) -> Value {
    serde_json::from_str(template).expect("the template is valid JSON")
}
