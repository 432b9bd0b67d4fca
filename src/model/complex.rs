//! The complex types of applications and service principals.
//!
//! Each is documented at `https://learn.microsoft.com/graph/api/resources/` followed by its name in lower case.

use time::OffsetDateTime;

use crate::ids::{AppId, PermissionId};
use crate::model::enums::ResourceAccessType;
use crate::model::object::{flags, object};

object! {
    /// Settings of an application that is itself an API ([`apiApplication`](https://learn.microsoft.com/graph/api/resources/apiapplication)).
    ///
    /// ```
    /// use entra_apps::model::ApiApplication;
    ///
    /// let read: ApiApplication = serde_json::from_str(r#"{"requestedAccessTokenVersion": 2}"#)?;
    /// assert_eq!(read.requested_access_token_version, Some(2));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ApiApplication {
        /// Whether claims mapping works without a custom signing key.
        accept_mapped_claims: Option<bool> = "acceptMappedClaims",
        /// The client ids that are consented to together with this API.
        known_client_applications: Vec<uuid::Uuid> = "knownClientApplications",
        /// The delegated permissions that it publishes.
        oauth2_permission_scopes: Vec<PermissionScope> = "oauth2PermissionScopes",
        /// The clients that need no consent.
        pre_authorized_applications: Vec<PreAuthorizedApplication> = "preAuthorizedApplications",
        /// The version of access tokens, 1 or 2; null means 1.
        requested_access_token_version: Option<i32> = "requestedAccessTokenVersion",
    }
}

object! {
    /// Settings of a web application ([`webApplication`](https://learn.microsoft.com/graph/api/resources/webapplication)).
    ///
    /// ```
    /// use entra_apps::model::WebApplication;
    ///
    /// let read: WebApplication = serde_json::from_str(r#"{"redirectUris": ["https://a.example/callback"]}"#)?;
    /// assert_eq!(read.redirect_uris, ["https://a.example/callback"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    WebApplication {
        /// The home page.
        home_page_url: Option<String> = "homePageUrl",
        /// The tokens that the implicit flow may issue.
        implicit_grant_settings: Option<ImplicitGrantSettings> = "implicitGrantSettings",
        /// The URL to which Entra reports that a user signed out.
        logout_url: Option<String> = "logoutUrl",
        /// The redirect URIs, in no particular order.
        redirect_uris: Vec<String> = "redirectUris",
        /// The redirect URIs, each with its index.
        redirect_uri_settings: Vec<RedirectUriSettings> = "redirectUriSettings",
    }
}

object! {
    /// Settings of a single-page application ([`spaApplication`](https://learn.microsoft.com/graph/api/resources/spaapplication)).
    ///
    /// ```
    /// use entra_apps::model::SpaApplication;
    ///
    /// let read: SpaApplication = serde_json::from_str(r#"{"redirectUris": ["https://a.example/"]}"#)?;
    /// assert_eq!(read.redirect_uris, ["https://a.example/"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    SpaApplication {
        /// The redirect URIs, in no particular order.
        redirect_uris: Vec<String> = "redirectUris",
    }
}

object! {
    /// Settings of a mobile or desktop application ([`publicClientApplication`](https://learn.microsoft.com/graph/api/resources/publicclientapplication)).
    ///
    /// ```
    /// use entra_apps::model::PublicClientApplication;
    ///
    /// let read: PublicClientApplication = serde_json::from_str(r#"{"redirectUris": ["http://localhost"]}"#)?;
    /// assert_eq!(read.redirect_uris, ["http://localhost"]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    PublicClientApplication {
        /// The redirect URIs, in no particular order.
        redirect_uris: Vec<String> = "redirectUris",
    }
}

object! {
    /// The tokens that the implicit flow may issue ([`implicitGrantSettings`](https://learn.microsoft.com/graph/api/resources/implicitgrantsettings)).
    ///
    /// ```
    /// use entra_apps::model::ImplicitGrantSettings;
    ///
    /// let made = ImplicitGrantSettings::new().with_id_tokens().without_access_tokens();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"enableIdTokenIssuance": true, "enableAccessTokenIssuance": false}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable ImplicitGrantSettings {
        /// Whether it issues access tokens.
        enable_access_token_issuance: Option<bool> = "enableAccessTokenIssuance",
        /// Whether it issues ID tokens.
        enable_id_token_issuance: Option<bool> = "enableIdTokenIssuance",
    }
}

flags! {
    ImplicitGrantSettings {
        /// Lets the implicit flow issue access tokens.
        with_access_tokens: enable_access_token_issuance = true;
        /// Keeps the implicit flow from issuing access tokens.
        without_access_tokens: enable_access_token_issuance = false;
        /// Lets the implicit flow issue ID tokens.
        with_id_tokens: enable_id_token_issuance = true;
        /// Keeps the implicit flow from issuing ID tokens.
        without_id_tokens: enable_id_token_issuance = false;
    }
}

impl ImplicitGrantSettings {
    /// Creates settings of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// A redirect URI with its index ([`redirectUriSettings`](https://learn.microsoft.com/graph/api/resources/redirecturisettings)).
    ///
    /// ```
    /// use entra_apps::model::RedirectUriSettings;
    ///
    /// let read: RedirectUriSettings = serde_json::from_str(r#"{"uri": "https://a.example/", "index": 1}"#)?;
    /// assert_eq!(read.index, Some(1));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RedirectUriSettings {
        /// The number by which SAML flows identify the URI.
        index: Option<i32> = "index",
        /// The redirect URI.
        uri: Option<String> = "uri",
    }
}

object! {
    /// A delegated permission that an API publishes ([`permissionScope`](https://learn.microsoft.com/graph/api/resources/permissionscope)).
    ///
    /// ```
    /// use entra_apps::model::PermissionScope;
    ///
    /// let made = PermissionScope::new(entra_apps::uuid::Uuid::from_u128(1).into(), "Backup.Read").disabled();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"id": "00000000-0000-0000-0000-000000000001", "value": "Backup.Read", "isEnabled": false}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable PermissionScope {
        /// The description in the administrator's consent dialog.
        admin_consent_description: Option<String> = "adminConsentDescription",
        /// The title in the administrator's consent dialog.
        admin_consent_display_name: Option<String> = "adminConsentDisplayName",
        /// The id of the scope.
        id: Option<PermissionId> = "id",
        /// Whether it is enabled; it must be disabled before it is deleted.
        is_enabled: Option<bool> = "isEnabled",
        /// The object that defines it.
        origin: Option<String> = "origin",
        /// Who may consent: `User` or `Admin`.
        kind: Option<String> = "type",
        /// The description in a user's consent dialog.
        user_consent_description: Option<String> = "userConsentDescription",
        /// The title in a user's consent dialog.
        user_consent_display_name: Option<String> = "userConsentDisplayName",
        /// The name in the `scp` claim, such as `User.Read`.
        value: Option<String> = "value",
    }
}

impl PermissionScope {
    /// Creates an enabled scope of this id and name.
    pub fn new(id: PermissionId, value: impl Into<String>) -> Self {
        Self::default().id(id).value(value).enabled()
    }
}

flags! {
    PermissionScope {
        /// Enables it.
        enabled: is_enabled = true;
        /// Disables it, as it must be before it is deleted.
        disabled: is_enabled = false;
    }
}

object! {
    /// A client that needs no consent ([`preAuthorizedApplication`](https://learn.microsoft.com/graph/api/resources/preauthorizedapplication)).
    ///
    /// ```
    /// use entra_apps::model::PreAuthorizedApplication;
    ///
    /// let made = PreAuthorizedApplication::new(entra_apps::uuid::Uuid::from_u128(1).into(), [entra_apps::uuid::Uuid::from_u128(1).into()]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"appId": "00000000-0000-0000-0000-000000000001", "delegatedPermissionIds": ["00000000-0000-0000-0000-000000000001"]}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable PreAuthorizedApplication {
        /// The client id.
        app_id: Option<String> = "appId",
        /// The ids of the scopes.
        delegated_permission_ids: Vec<String> = "delegatedPermissionIds",
    }
}

impl PreAuthorizedApplication {
    /// Creates the entry of a client, for these scopes.
    pub fn new(client: AppId, scopes: impl IntoIterator<Item = PermissionId>) -> Self {
        let scopes = scopes.into_iter().map(|scope| scope.to_string());
        Self::default().app_id(client.to_string()).delegated_permission_ids(scopes)
    }
}

object! {
    /// An application permission, or a role for users, that an API publishes ([`appRole`](https://learn.microsoft.com/graph/api/resources/approle)).
    ///
    /// ```
    /// use entra_apps::model::AppRole;
    ///
    /// let made = AppRole::new(entra_apps::uuid::Uuid::from_u128(1).into(), "Operate").allowed_member_types(["User"]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"id": "00000000-0000-0000-0000-000000000001", "value": "Operate", "isEnabled": true, "allowedMemberTypes": ["User"]}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable AppRole {
        /// What it can be assigned to: `User`, `Application` or both.
        allowed_member_types: Vec<String> = "allowedMemberTypes",
        /// The description.
        description: Option<String> = "description",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The id of the role.
        id: Option<PermissionId> = "id",
        /// Whether it is enabled; it must be disabled before it is deleted.
        is_enabled: Option<bool> = "isEnabled",
        /// The object that defines it: `Application` or `ServicePrincipal`.
        origin: Option<String> = "origin",
        /// The name in the `roles` claim, such as `Directory.Read.All`.
        value: Option<String> = "value",
    }
}

impl AppRole {
    /// Creates an enabled role of this id and name.
    pub fn new(id: PermissionId, value: impl Into<String>) -> Self {
        Self::default().id(id).value(value).enabled()
    }
}

flags! {
    AppRole {
        /// Enables it.
        enabled: is_enabled = true;
        /// Disables it, as it must be before it is deleted.
        disabled: is_enabled = false;
    }
}

object! {
    /// The permissions that an application declares on one API ([`requiredResourceAccess`](https://learn.microsoft.com/graph/api/resources/requiredresourceaccess)).
    ///
    /// ```
    /// use entra_apps::model::RequiredResourceAccess;
    ///
    /// let made = RequiredResourceAccess::new(entra_apps::uuid::Uuid::from_u128(1).into(), []);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"resourceAppId": "00000000-0000-0000-0000-000000000001"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable RequiredResourceAccess {
        /// The client id of the API.
        resource_app_id: Option<AppId> = "resourceAppId",
        /// The permissions that are declared on it.
        resource_access: Vec<ResourceAccess> = "resourceAccess",
    }
}

impl RequiredResourceAccess {
    /// Creates the declaration of permissions of one API.
    ///
    /// ```
    /// use entra_apps::model::{ApplicationPatch, RequiredResourceAccess, ResourceAccess};
    /// use entra_apps::permission::{MICROSOFT_GRAPH, microsoft_graph};
    ///
    /// let read = ResourceAccess::role(microsoft_graph::application::DIRECTORY_READ_ALL.id().unwrap());
    /// let declared = vec![RequiredResourceAccess::new(MICROSOFT_GRAPH, [read])];
    /// let patch = ApplicationPatch::new().required_resource_access(declared);
    /// assert!(!patch.is_empty());
    /// ```
    pub fn new(api: AppId, permissions: impl IntoIterator<Item = ResourceAccess>) -> Self {
        Self::default().resource_app_id(api).resource_access(permissions)
    }
}

object! {
    /// A declared permission ([`resourceAccess`](https://learn.microsoft.com/graph/api/resources/resourceaccess)).
    ///
    /// ```
    /// use entra_apps::model::ResourceAccess;
    ///
    /// let made = ResourceAccess::scope(entra_apps::uuid::Uuid::from_u128(1).into());
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"id": "00000000-0000-0000-0000-000000000001", "type": "Scope"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable ResourceAccess {
        /// The id of the role or scope.
        id: Option<PermissionId> = "id",
        /// Whether it is an app role or a scope.
        kind: Option<ResourceAccessType> = "type",
    }
}

impl ResourceAccess {
    /// Creates the declaration of an app role: an application permission.
    pub fn role(id: PermissionId) -> Self {
        Self::default().id(id).kind(ResourceAccessType::Role)
    }

    /// Creates the declaration of a scope: a delegated permission.
    pub fn scope(id: PermissionId) -> Self {
        Self::default().id(id).kind(ResourceAccessType::Scope)
    }
}

object! {
    /// The optional claims of an application's tokens ([`optionalClaims`](https://learn.microsoft.com/graph/api/resources/optionalclaims)).
    ///
    /// ```
    /// use entra_apps::model::OptionalClaims;
    ///
    /// let made = OptionalClaims::new().id_token([entra_apps::model::OptionalClaim::new("email")]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"idToken": [{"name": "email"}]}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable OptionalClaims {
        /// The claims of access tokens.
        access_token: Vec<OptionalClaim> = "accessToken",
        /// The claims of ID tokens.
        id_token: Vec<OptionalClaim> = "idToken",
        /// The claims of SAML tokens.
        saml2_token: Vec<OptionalClaim> = "saml2Token",
    }
}

impl OptionalClaims {
    /// Creates the claims of no token.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// An optional claim of a token ([`optionalClaim`](https://learn.microsoft.com/graph/api/resources/optionalclaim)).
    ///
    /// ```
    /// use entra_apps::model::OptionalClaim;
    ///
    /// let made = OptionalClaim::new("email").needed();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"name": "email", "essential": true}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable OptionalClaim {
        /// Further properties of the claim.
        additional_properties: Vec<String> = "additionalProperties",
        /// Whether the client needs it to work smoothly.
        essential: Option<bool> = "essential",
        /// The name of the claim.
        name: Option<String> = "name",
        /// The source of the claim; null for a predefined one.
        source: Option<String> = "source",
    }
}

impl OptionalClaim {
    /// Creates an optional claim of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::default().name(name)
    }
}

flags! {
    OptionalClaim {
        /// Says that the client needs it to work smoothly.
        needed: essential = true;
        /// Says that the client can do without it.
        not_needed: essential = false;
    }
}

object! {
    /// The URLs of an application's logo, terms, privacy statement and support ([`informationalUrl`](https://learn.microsoft.com/graph/api/resources/informationalurl)).
    ///
    /// ```
    /// use entra_apps::model::InformationalUrl;
    ///
    /// let made = InformationalUrl::new().support_url("https://a.example/help");
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"supportUrl": "https://a.example/help"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable InformationalUrl {
        /// The URL of the logo.
        logo_url: Option<String> = "logoUrl",
        /// The URL of the marketing page.
        marketing_url: Option<String> = "marketingUrl",
        /// The URL of the privacy statement.
        privacy_statement_url: Option<String> = "privacyStatementUrl",
        /// The URL of the support page.
        support_url: Option<String> = "supportUrl",
        /// The URL of the terms of service.
        terms_of_service_url: Option<String> = "termsOfServiceUrl",
    }
}

impl InformationalUrl {
    /// Creates URLs of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// Settings of parental control ([`parentalControlSettings`](https://learn.microsoft.com/graph/api/resources/parentalcontrolsettings)).
    ///
    /// ```
    /// use entra_apps::model::ParentalControlSettings;
    ///
    /// let made = ParentalControlSettings::new().legal_age_group_rule("Allow");
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"legalAgeGroupRule": "Allow"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable ParentalControlSettings {
        /// Two-letter country codes in which minors are blocked.
        countries_blocked_for_minors: Vec<String> = "countriesBlockedForMinors",
        /// The rule for age groups: `Allow`, `RequireConsentForPrivacyServices`, `RequireConsentForMinors` and others.
        legal_age_group_rule: Option<String> = "legalAgeGroupRule",
    }
}

impl ParentalControlSettings {
    /// Creates settings of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// The verified publisher ([`verifiedPublisher`](https://learn.microsoft.com/graph/api/resources/verifiedpublisher)).
    ///
    /// ```
    /// use entra_apps::model::VerifiedPublisher;
    ///
    /// let read: VerifiedPublisher = serde_json::from_str(r#"{"displayName": "Contoso"}"#)?;
    /// assert_eq!(read.display_name.as_deref(), Some("Contoso"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    VerifiedPublisher {
        /// The time of the verification, in UTC.
        added_date_time: Option<OffsetDateTime> = "addedDateTime",
        /// The publisher's name.
        display_name: Option<String> = "displayName",
        /// The publisher's id in Partner Center.
        verified_publisher_id: Option<String> = "verifiedPublisherId",
    }
}

object! {
    /// Microsoft's certification of an application ([`certification`](https://learn.microsoft.com/graph/api/resources/certification)).
    ///
    /// ```
    /// use entra_apps::model::Certification;
    ///
    /// let read: Certification = serde_json::from_str(r#"{"isCertifiedByMicrosoft": true}"#)?;
    /// assert_eq!(read.is_certified_by_microsoft, Some(true));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Certification {
        /// The URL of the certification's details.
        certification_details_url: Option<String> = "certificationDetailsUrl",
        /// The time at which it expires, in UTC.
        certification_expiration_date_time: Option<OffsetDateTime> = "certificationExpirationDateTime",
        /// Whether Microsoft has certified it.
        is_certified_by_microsoft: Option<bool> = "isCertifiedByMicrosoft",
        /// Whether the publisher has attested it.
        is_publisher_attested: Option<bool> = "isPublisherAttested",
        /// The time of the last certification, in UTC.
        last_certification_date_time: Option<OffsetDateTime> = "lastCertificationDateTime",
    }
}

object! {
    /// Custom behaviour that a service can use ([`addIn`](https://learn.microsoft.com/graph/api/resources/addin)).
    ///
    /// ```
    /// use entra_apps::model::AddIn;
    ///
    /// let made = AddIn::new(entra_apps::uuid::Uuid::from_u128(1), "FileHandler");
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"id": "00000000-0000-0000-0000-000000000001", "type": "FileHandler"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable AddIn {
        /// Its id.
        id: Option<uuid::Uuid> = "id",
        /// The settings.
        properties: Vec<KeyValue> = "properties",
        /// The type.
        kind: Option<String> = "type",
    }
}

impl AddIn {
    /// Creates an add-in of this id and type.
    pub fn new(id: uuid::Uuid, kind: impl Into<String>) -> Self {
        Self::default().id(id).kind(kind)
    }
}

object! {
    /// A setting of an add-in ([`keyValue`](https://learn.microsoft.com/graph/api/resources/keyvalue)).
    ///
    /// ```
    /// use entra_apps::model::KeyValue;
    ///
    /// let made = KeyValue::new("version", "2");
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"key": "version", "value": "2"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable KeyValue {
        /// The name of the setting.
        key: Option<String> = "key",
        /// The value of the setting.
        value: Option<String> = "value",
    }
}

impl KeyValue {
    /// Creates a setting.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::default().key(key).value(value)
    }
}

object! {
    /// Settings of how tokens are issued ([`authenticationBehaviors`](https://learn.microsoft.com/graph/api/resources/authenticationbehaviors)).
    ///
    /// ```
    /// use entra_apps::model::AuthenticationBehaviors;
    ///
    /// let made = AuthenticationBehaviors::new().without_unverified_email();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"removeUnverifiedEmailClaim": true}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable AuthenticationBehaviors {
        /// Whether access to Azure AD Graph is blocked.
        block_azure_ad_graph_access: Option<bool> = "blockAzureADGraphAccess",
        /// Whether an unverified email claim is removed from tokens.
        remove_unverified_email_claim: Option<bool> = "removeUnverifiedEmailClaim",
        /// Whether a client needs a service principal in the tenant to get tokens.
        require_client_service_principal: Option<bool> = "requireClientServicePrincipal",
    }
}

flags! {
    AuthenticationBehaviors {
        /// Blocks access to Azure AD Graph.
        without_azure_ad_graph: block_azure_ad_graph_access = true;
        /// Allows access to Azure AD Graph.
        with_azure_ad_graph: block_azure_ad_graph_access = false;
        /// Removes an unverified email claim from tokens.
        without_unverified_email: remove_unverified_email_claim = true;
        /// Keeps an unverified email claim in tokens.
        with_unverified_email: remove_unverified_email_claim = false;
        /// Gives no token to a client without a service principal in the tenant.
        with_service_principals_only: require_client_service_principal = true;
        /// Gives tokens to a client without a service principal in the tenant too.
        without_service_principals_too: require_client_service_principal = false;
    }
}

impl AuthenticationBehaviors {
    /// Creates settings of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// The app instance property lock ([`servicePrincipalLockConfiguration`](https://learn.microsoft.com/graph/api/resources/serviceprincipallockconfiguration)).
    ///
    /// ```
    /// use entra_apps::model::ServicePrincipalLockConfiguration;
    ///
    /// let made = ServicePrincipalLockConfiguration::of_all();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"isEnabled": true, "allProperties": true}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable ServicePrincipalLockConfiguration {
        /// Whether every sensitive property is locked.
        all_properties: Option<bool> = "allProperties",
        /// Whether credentials of the usage `Sign` are locked.
        credentials_with_usage_sign: Option<bool> = "credentialsWithUsageSign",
        /// Whether credentials of the usage `Verify` are locked.
        credentials_with_usage_verify: Option<bool> = "credentialsWithUsageVerify",
        /// Whether the lock is enabled.
        is_enabled: Option<bool> = "isEnabled",
        /// Whether the token encryption key is locked.
        token_encryption_key_id: Option<bool> = "tokenEncryptionKeyId",
    }
}

impl ServicePrincipalLockConfiguration {
    /// Creates a lock of every sensitive property.
    pub fn of_all() -> Self {
        Self::of_some().all_properties_locked()
    }

    /// Creates a lock of the properties that are named next.
    pub fn of_some() -> Self {
        Self { is_enabled: Some(true), ..Self::default() }
    }

    /// Creates a lock that is off.
    pub fn off() -> Self {
        Self { is_enabled: Some(false), ..Self::default() }
    }
}

flags! {
    ServicePrincipalLockConfiguration {
        /// Locks every sensitive property.
        all_properties_locked: all_properties = true;
        /// Locks credentials of the usage `Sign`.
        sign_credentials_locked: credentials_with_usage_sign = true;
        /// Locks credentials of the usage `Verify`.
        verify_credentials_locked: credentials_with_usage_verify = true;
        /// Locks the token encryption key.
        token_encryption_key_locked: token_encryption_key_id = true;
    }
}

object! {
    /// Settings of the verification of signed requests ([`requestSignatureVerification`](https://learn.microsoft.com/graph/api/resources/requestsignatureverification)).
    ///
    /// ```
    /// use entra_apps::model::RequestSignatureVerification;
    ///
    /// let made = RequestSignatureVerification::new().signed_only();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"isSignedRequestRequired": true}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable RequestSignatureVerification {
        /// The weak signature algorithms that are allowed, such as `rsaSha1`.
        allowed_weak_algorithms: Option<String> = "allowedWeakAlgorithms",
        /// Whether requests must be signed.
        is_signed_request_required: Option<bool> = "isSignedRequestRequired",
    }
}

flags! {
    RequestSignatureVerification {
        /// Takes signed requests only.
        signed_only: is_signed_request_required = true;
        /// Takes requests without a signature too.
        unsigned_too: is_signed_request_required = false;
    }
}

impl RequestSignatureVerification {
    /// Creates settings of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// Settings of SAML single sign-on ([`samlSingleSignOnSettings`](https://learn.microsoft.com/graph/api/resources/samlsinglesignonsettings)).
    ///
    /// ```
    /// use entra_apps::model::SamlSingleSignOnSettings;
    ///
    /// let made = SamlSingleSignOnSettings::new().relay_state("/home");
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"relayState": "/home"}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    settable SamlSingleSignOnSettings {
        /// The relative URI to which the user is sent after single sign-on.
        relay_state: Option<String> = "relayState",
    }
}

impl SamlSingleSignOnSettings {
    /// Creates settings of which none is set.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// A permission that is granted per team or chat ([`resourceSpecificPermission`](https://learn.microsoft.com/graph/api/resources/resourcespecificpermission)).
    ///
    /// ```
    /// use entra_apps::model::ResourceSpecificPermission;
    ///
    /// let read: ResourceSpecificPermission = serde_json::from_str(r#"{"value": "TeamSettings.Read.Group"}"#)?;
    /// assert_eq!(read.value.as_deref(), Some("TeamSettings.Read.Group"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ResourceSpecificPermission {
        /// The description.
        description: Option<String> = "description",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// Its id.
        id: Option<PermissionId> = "id",
        /// Whether it is enabled.
        is_enabled: Option<bool> = "isEnabled",
        /// The name of the permission.
        value: Option<String> = "value",
    }
}
