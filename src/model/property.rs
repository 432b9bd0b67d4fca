//! The names of properties in Graph, for [`Filter`](super::query::Filter), `$select` and `$orderby`.

use std::borrow::Cow;

use crate::model::enums::text_enum;

/// The name of a property, or a path to one: made from one of the enums of properties, or from any string.
///
/// ```
/// use entra_apps::model::{ApplicationProperty, Property};
///
/// assert_eq!(Property::from(ApplicationProperty::AppId), Property::from("appId"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Property(Cow<'static, str>);

impl Property {
    /// The name as Graph writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Property {
    fn from(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }
}

macro_rules! properties {
    ($($name:ident)*) => {$(
        impl From<$name> for Property {
            fn from(property: $name) -> Self {
                Self(Cow::Owned(property.into()))
            }
        }
    )*};
}

properties!(ApplicationProperty ServicePrincipalProperty OAuth2PermissionGrantProperty AppRoleAssignmentProperty);

text_enum! {
    /// A property of an application.
    ///
    /// ```
    /// use entra_apps::model::ApplicationProperty;
    ///
    /// assert_eq!(ApplicationProperty::Id.as_str(), "id");
    /// assert_eq!(ApplicationProperty::from("new in Graph".to_owned()), ApplicationProperty::Other("new in Graph".to_owned()));
    /// ```
    ApplicationProperty {
        /// `id`.
        Id = "id",
        /// `appId`.
        AppId = "appId",
        /// `displayName`.
        DisplayName = "displayName",
        /// `uniqueName`.
        UniqueName = "uniqueName",
        /// `signInAudience`.
        SignInAudience = "signInAudience",
        /// `createdDateTime`.
        CreatedDateTime = "createdDateTime",
        /// `deletedDateTime`.
        DeletedDateTime = "deletedDateTime",
        /// `requiredResourceAccess`.
        RequiredResourceAccess = "requiredResourceAccess",
        /// `passwordCredentials`.
        PasswordCredentials = "passwordCredentials",
        /// `keyCredentials`.
        KeyCredentials = "keyCredentials",
        /// `web`.
        Web = "web",
        /// `spa`.
        Spa = "spa",
        /// `publicClient`.
        PublicClient = "publicClient",
        /// `api`.
        Api = "api",
        /// `isFallbackPublicClient`.
        IsFallbackPublicClient = "isFallbackPublicClient",
        /// `identifierUris`.
        IdentifierUris = "identifierUris",
        /// `appRoles`.
        AppRoles = "appRoles",
        /// `tags`.
        Tags = "tags",
        /// `notes`.
        Notes = "notes",
        /// `description`.
        Description = "description",
        /// `servicePrincipalLockConfiguration`.
        ServicePrincipalLockConfiguration = "servicePrincipalLockConfiguration",
        /// `addIns`.
        AddIns = "addIns",
        /// `applicationTemplateId`.
        ApplicationTemplateId = "applicationTemplateId",
        /// `authenticationBehaviors`.
        AuthenticationBehaviors = "authenticationBehaviors",
        /// `certification`.
        Certification = "certification",
        /// `createdByAppId`.
        CreatedByAppId = "createdByAppId",
        /// `defaultRedirectUri`.
        DefaultRedirectUri = "defaultRedirectUri",
        /// `disabledByMicrosoftStatus`.
        DisabledByMicrosoftStatus = "disabledByMicrosoftStatus",
        /// `groupMembershipClaims`.
        GroupMembershipClaims = "groupMembershipClaims",
        /// `info`.
        Info = "info",
        /// `isDeviceOnlyAuthSupported`.
        IsDeviceOnlyAuthSupported = "isDeviceOnlyAuthSupported",
        /// `isDisabled`.
        IsDisabled = "isDisabled",
        /// `managerApplications`.
        ManagerApplications = "managerApplications",
        /// `nativeAuthenticationApisEnabled`.
        NativeAuthenticationApisEnabled = "nativeAuthenticationApisEnabled",
        /// `oauth2RequirePostResponse`.
        Oauth2RequirePostResponse = "oauth2RequirePostResponse",
        /// `optionalClaims`.
        OptionalClaims = "optionalClaims",
        /// `parentalControlSettings`.
        ParentalControlSettings = "parentalControlSettings",
        /// `publisherDomain`.
        PublisherDomain = "publisherDomain",
        /// `requestSignatureVerification`.
        RequestSignatureVerification = "requestSignatureVerification",
        /// `samlMetadataUrl`.
        SamlMetadataUrl = "samlMetadataUrl",
        /// `serviceManagementReference`.
        ServiceManagementReference = "serviceManagementReference",
        /// `tokenEncryptionKeyId`.
        TokenEncryptionKeyId = "tokenEncryptionKeyId",
        /// `verifiedPublisher`.
        VerifiedPublisher = "verifiedPublisher",
        /// `web/redirectUris`.
        WebRedirectUris = "web/redirectUris",
        /// `spa/redirectUris`.
        SpaRedirectUris = "spa/redirectUris",
        /// `publicClient/redirectUris`.
        PublicClientRedirectUris = "publicClient/redirectUris",
        /// `web/homePageUrl`.
        WebHomePageUrl = "web/homePageUrl",
    }
}

text_enum! {
    /// A property of a service principal.
    ///
    /// ```
    /// use entra_apps::model::ServicePrincipalProperty;
    ///
    /// assert_eq!(ServicePrincipalProperty::Id.as_str(), "id");
    /// assert_eq!(ServicePrincipalProperty::from("new in Graph".to_owned()), ServicePrincipalProperty::Other("new in Graph".to_owned()));
    /// ```
    ServicePrincipalProperty {
        /// `id`.
        Id = "id",
        /// `appId`.
        AppId = "appId",
        /// `displayName`.
        DisplayName = "displayName",
        /// `accountEnabled`.
        AccountEnabled = "accountEnabled",
        /// `servicePrincipalType`.
        ServicePrincipalType = "servicePrincipalType",
        /// `appOwnerOrganizationId`.
        AppOwnerOrganizationId = "appOwnerOrganizationId",
        /// `appDisplayName`.
        AppDisplayName = "appDisplayName",
        /// `createdDateTime`.
        CreatedDateTime = "createdDateTime",
        /// `deletedDateTime`.
        DeletedDateTime = "deletedDateTime",
        /// `appRoleAssignmentRequired`.
        AppRoleAssignmentRequired = "appRoleAssignmentRequired",
        /// `appRoles`.
        AppRoles = "appRoles",
        /// `oauth2PermissionScopes`.
        Oauth2PermissionScopes = "oauth2PermissionScopes",
        /// `resourceSpecificApplicationPermissions`.
        ResourceSpecificApplicationPermissions = "resourceSpecificApplicationPermissions",
        /// `tags`.
        Tags = "tags",
        /// `passwordCredentials`.
        PasswordCredentials = "passwordCredentials",
        /// `keyCredentials`.
        KeyCredentials = "keyCredentials",
        /// `replyUrls`.
        ReplyUrls = "replyUrls",
        /// `servicePrincipalNames`.
        ServicePrincipalNames = "servicePrincipalNames",
        /// `signInAudience`.
        SignInAudience = "signInAudience",
        /// `addIns`.
        AddIns = "addIns",
        /// `alternativeNames`.
        AlternativeNames = "alternativeNames",
        /// `appDescription`.
        AppDescription = "appDescription",
        /// `applicationTemplateId`.
        ApplicationTemplateId = "applicationTemplateId",
        /// `createdByAppId`.
        CreatedByAppId = "createdByAppId",
        /// `description`.
        Description = "description",
        /// `disabledByMicrosoftStatus`.
        DisabledByMicrosoftStatus = "disabledByMicrosoftStatus",
        /// `homepage`.
        Homepage = "homepage",
        /// `info`.
        Info = "info",
        /// `isDisabled`.
        IsDisabled = "isDisabled",
        /// `loginUrl`.
        LoginUrl = "loginUrl",
        /// `logoutUrl`.
        LogoutUrl = "logoutUrl",
        /// `notes`.
        Notes = "notes",
        /// `notificationEmailAddresses`.
        NotificationEmailAddresses = "notificationEmailAddresses",
        /// `preferredSingleSignOnMode`.
        PreferredSingleSignOnMode = "preferredSingleSignOnMode",
        /// `preferredTokenSigningKeyThumbprint`.
        PreferredTokenSigningKeyThumbprint = "preferredTokenSigningKeyThumbprint",
        /// `samlSingleSignOnSettings`.
        SamlSingleSignOnSettings = "samlSingleSignOnSettings",
        /// `tokenEncryptionKeyId`.
        TokenEncryptionKeyId = "tokenEncryptionKeyId",
        /// `verifiedPublisher`.
        VerifiedPublisher = "verifiedPublisher",
    }
}

text_enum! {
    /// A property of an OAuth2 permission grant.
    ///
    /// ```
    /// use entra_apps::model::OAuth2PermissionGrantProperty;
    ///
    /// assert_eq!(OAuth2PermissionGrantProperty::Id.as_str(), "id");
    /// assert_eq!(OAuth2PermissionGrantProperty::from("new in Graph".to_owned()), OAuth2PermissionGrantProperty::Other("new in Graph".to_owned()));
    /// ```
    OAuth2PermissionGrantProperty {
        /// `id`.
        Id = "id",
        /// `clientId`.
        ClientId = "clientId",
        /// `consentType`.
        ConsentType = "consentType",
        /// `principalId`.
        PrincipalId = "principalId",
        /// `resourceId`.
        ResourceId = "resourceId",
        /// `scope`.
        Scope = "scope",
    }
}

text_enum! {
    /// A property of an app role assignment.
    ///
    /// ```
    /// use entra_apps::model::AppRoleAssignmentProperty;
    ///
    /// assert_eq!(AppRoleAssignmentProperty::Id.as_str(), "id");
    /// assert_eq!(AppRoleAssignmentProperty::from("new in Graph".to_owned()), AppRoleAssignmentProperty::Other("new in Graph".to_owned()));
    /// ```
    AppRoleAssignmentProperty {
        /// `id`.
        Id = "id",
        /// `appRoleId`.
        AppRoleId = "appRoleId",
        /// `createdDateTime`.
        CreatedDateTime = "createdDateTime",
        /// `deletedDateTime`.
        DeletedDateTime = "deletedDateTime",
        /// `principalDisplayName`.
        PrincipalDisplayName = "principalDisplayName",
        /// `principalId`.
        PrincipalId = "principalId",
        /// `principalType`.
        PrincipalType = "principalType",
        /// `resourceDisplayName`.
        ResourceDisplayName = "resourceDisplayName",
        /// `resourceId`.
        ResourceId = "resourceId",
    }
}
