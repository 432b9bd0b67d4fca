//! The complex types of applications and service principals.
//!
//! Each is documented at `https://learn.microsoft.com/graph/api/resources/` followed by its name in lower case.

use time::OffsetDateTime;

use crate::ids::{AppId, PermissionId};
use crate::model::enums::ResourceAccessType;
use crate::model::object::object;

object! {
    /// Settings of an application that is itself an API ([`apiApplication`](https://learn.microsoft.com/graph/api/resources/apiapplication)).
    ApiApplication {
        /// Whether claims mapping works without a custom signing key.
        accept_mapped_claims: Option<bool> = "acceptMappedClaims",
        /// Client ids that are consented to together with this API.
        known_client_applications: Vec<uuid::Uuid> = "knownClientApplications",
        /// The delegated permissions that it publishes.
        oauth2_permission_scopes: Vec<PermissionScope> = "oauth2PermissionScopes",
        /// Clients that need no consent.
        pre_authorized_applications: Vec<PreAuthorizedApplication> = "preAuthorizedApplications",
        /// The version of access tokens, 1 or 2; null means 1.
        requested_access_token_version: Option<i32> = "requestedAccessTokenVersion",
    }
}

object! {
    /// Settings of a web application ([`webApplication`](https://learn.microsoft.com/graph/api/resources/webapplication)).
    WebApplication {
        /// The home page.
        home_page_url: Option<String> = "homePageUrl",
        /// Which tokens the implicit flow may give.
        implicit_grant_settings: Option<ImplicitGrantSettings> = "implicitGrantSettings",
        /// Where Entra tells the app that a user signed out.
        logout_url: Option<String> = "logoutUrl",
        /// Redirect URIs; the order is not kept by the service.
        redirect_uris: Vec<String> = "redirectUris",
        /// Redirect URIs with their index.
        redirect_uri_settings: Vec<RedirectUriSettings> = "redirectUriSettings",
    }
}

object! {
    /// Settings of a single-page application ([`spaApplication`](https://learn.microsoft.com/graph/api/resources/spaapplication)).
    SpaApplication {
        /// Redirect URIs; the order is not kept by the service.
        redirect_uris: Vec<String> = "redirectUris",
    }
}

object! {
    /// Settings of a mobile or desktop application ([`publicClientApplication`](https://learn.microsoft.com/graph/api/resources/publicclientapplication)).
    PublicClientApplication {
        /// Redirect URIs; the order is not kept by the service.
        redirect_uris: Vec<String> = "redirectUris",
    }
}

object! {
    /// Which tokens the implicit flow may give ([`implicitGrantSettings`](https://learn.microsoft.com/graph/api/resources/implicitgrantsettings)).
    ImplicitGrantSettings {
        /// Access tokens.
        enable_access_token_issuance: Option<bool> = "enableAccessTokenIssuance",
        /// ID tokens.
        enable_id_token_issuance: Option<bool> = "enableIdTokenIssuance",
    }
}

object! {
    /// A redirect URI with its index ([`redirectUriSettings`](https://learn.microsoft.com/graph/api/resources/redirecturisettings)).
    RedirectUriSettings {
        /// The index.
        index: Option<i32> = "index",
        /// The redirect URI.
        uri: Option<String> = "uri",
    }
}

object! {
    /// A delegated permission that an API publishes ([`permissionScope`](https://learn.microsoft.com/graph/api/resources/permissionscope)).
    PermissionScope {
        /// What an administrator reads.
        admin_consent_description: Option<String> = "adminConsentDescription",
        /// The title that an administrator reads.
        admin_consent_display_name: Option<String> = "adminConsentDisplayName",
        /// The id of the scope.
        id: Option<PermissionId> = "id",
        /// Whether it is in use; it must be off before it is deleted.
        is_enabled: Option<bool> = "isEnabled",
        /// Where it is defined.
        origin: Option<String> = "origin",
        /// Who may consent: `User` or `Admin`.
        kind: Option<String> = "type",
        /// What a user reads.
        user_consent_description: Option<String> = "userConsentDescription",
        /// The title that a user reads.
        user_consent_display_name: Option<String> = "userConsentDisplayName",
        /// The name in the `scp` claim, such as `User.Read`.
        value: Option<String> = "value",
    }
}

object! {
    /// A client that needs no consent ([`preAuthorizedApplication`](https://learn.microsoft.com/graph/api/resources/preauthorizedapplication)).
    PreAuthorizedApplication {
        /// The client id.
        app_id: Option<String> = "appId",
        /// The ids of the scopes.
        delegated_permission_ids: Vec<String> = "delegatedPermissionIds",
    }
}

object! {
    /// An application permission, or a role for users, that an API publishes ([`appRole`](https://learn.microsoft.com/graph/api/resources/approle)).
    AppRole {
        /// Who may hold it: `User`, `Application`.
        allowed_member_types: Vec<String> = "allowedMemberTypes",
        /// What it allows.
        description: Option<String> = "description",
        /// The title.
        display_name: Option<String> = "displayName",
        /// The id of the role.
        id: Option<PermissionId> = "id",
        /// Whether it is in use; it must be off before it is deleted.
        is_enabled: Option<bool> = "isEnabled",
        /// Where it is defined: `Application` or `ServicePrincipal`.
        origin: Option<String> = "origin",
        /// The name in the `roles` claim, such as `Directory.Read.All`.
        value: Option<String> = "value",
    }
}

object! {
    /// The permissions that an application declares on one API ([`requiredResourceAccess`](https://learn.microsoft.com/graph/api/resources/requiredresourceaccess)).
    RequiredResourceAccess {
        /// The client id of the API.
        resource_app_id: Option<AppId> = "resourceAppId",
        /// The permissions.
        resource_access: Vec<ResourceAccess> = "resourceAccess",
    }
}

object! {
    /// A declared permission ([`resourceAccess`](https://learn.microsoft.com/graph/api/resources/resourceaccess)).
    ResourceAccess {
        /// The id of the role or scope.
        id: Option<PermissionId> = "id",
        /// Role or scope.
        kind: Option<ResourceAccessType> = "type",
    }
}

object! {
    /// Claims that tokens hold on request ([`optionalClaims`](https://learn.microsoft.com/graph/api/resources/optionalclaims)).
    OptionalClaims {
        /// In access tokens.
        access_token: Vec<OptionalClaim> = "accessToken",
        /// In ID tokens.
        id_token: Vec<OptionalClaim> = "idToken",
        /// In SAML tokens.
        saml2_token: Vec<OptionalClaim> = "saml2Token",
    }
}

object! {
    /// A claim that a token holds on request ([`optionalClaim`](https://learn.microsoft.com/graph/api/resources/optionalclaim)).
    OptionalClaim {
        /// Further properties of the claim.
        additional_properties: Vec<String> = "additionalProperties",
        /// Whether the sign-in is to ensure it.
        essential: Option<bool> = "essential",
        /// The name.
        name: Option<String> = "name",
        /// The source; null is a predefined claim.
        source: Option<String> = "source",
    }
}

object! {
    /// Pages about an application ([`informationalUrl`](https://learn.microsoft.com/graph/api/resources/informationalurl)).
    InformationalUrl {
        /// The logo.
        logo_url: Option<String> = "logoUrl",
        /// The marketing page.
        marketing_url: Option<String> = "marketingUrl",
        /// The privacy statement.
        privacy_statement_url: Option<String> = "privacyStatementUrl",
        /// The support page.
        support_url: Option<String> = "supportUrl",
        /// The terms of service.
        terms_of_service_url: Option<String> = "termsOfServiceUrl",
    }
}

object! {
    /// Parental control ([`parentalControlSettings`](https://learn.microsoft.com/graph/api/resources/parentalcontrolsettings)).
    ParentalControlSettings {
        /// Two-letter country codes in which minors are blocked.
        countries_blocked_for_minors: Vec<String> = "countriesBlockedForMinors",
        /// The rule of age groups.
        legal_age_group_rule: Option<String> = "legalAgeGroupRule",
    }
}

object! {
    /// The verified publisher ([`verifiedPublisher`](https://learn.microsoft.com/graph/api/resources/verifiedpublisher)).
    VerifiedPublisher {
        /// When it was verified, in UTC.
        added_date_time: Option<OffsetDateTime> = "addedDateTime",
        /// The publisher's name.
        display_name: Option<String> = "displayName",
        /// The id in Partner Center.
        verified_publisher_id: Option<String> = "verifiedPublisherId",
    }
}

object! {
    /// Microsoft's certification of an application ([`certification`](https://learn.microsoft.com/graph/api/resources/certification)).
    Certification {
        /// Details.
        certification_details_url: Option<String> = "certificationDetailsUrl",
        /// When it ends, in UTC.
        certification_expiration_date_time: Option<OffsetDateTime> = "certificationExpirationDateTime",
        /// Certified by Microsoft.
        is_certified_by_microsoft: Option<bool> = "isCertifiedByMicrosoft",
        /// Attested by the publisher.
        is_publisher_attested: Option<bool> = "isPublisherAttested",
        /// When it was last certified, in UTC.
        last_certification_date_time: Option<OffsetDateTime> = "lastCertificationDateTime",
    }
}

object! {
    /// Custom behaviour for a service ([`addIn`](https://learn.microsoft.com/graph/api/resources/addin)).
    AddIn {
        /// The id.
        id: Option<uuid::Uuid> = "id",
        /// Settings.
        properties: Vec<KeyValue> = "properties",
        /// The type.
        kind: Option<String> = "type",
    }
}

object! {
    /// A setting ([`keyValue`](https://learn.microsoft.com/graph/api/resources/keyvalue)).
    KeyValue {
        /// The key.
        key: Option<String> = "key",
        /// The value.
        value: Option<String> = "value",
    }
}

object! {
    /// How tokens are made ([`authenticationBehaviors`](https://learn.microsoft.com/graph/api/resources/authenticationbehaviors)).
    AuthenticationBehaviors {
        /// Blocks Azure AD Graph.
        block_azure_ad_graph_access: Option<bool> = "blockAzureADGraphAccess",
        /// Leaves out an email claim that is not verified.
        remove_unverified_email_claim: Option<bool> = "removeUnverifiedEmailClaim",
        /// Requires a service principal of the client.
        require_client_service_principal: Option<bool> = "requireClientServicePrincipal",
    }
}

object! {
    /// The app instance property lock ([`servicePrincipalLockConfiguration`](https://learn.microsoft.com/graph/api/resources/serviceprincipallockconfiguration)).
    ServicePrincipalLockConfiguration {
        /// Locks every sensitive property.
        all_properties: Option<bool> = "allProperties",
        /// Locks credentials that sign.
        credentials_with_usage_sign: Option<bool> = "credentialsWithUsageSign",
        /// Locks credentials that verify.
        credentials_with_usage_verify: Option<bool> = "credentialsWithUsageVerify",
        /// Whether the lock is on.
        is_enabled: Option<bool> = "isEnabled",
        /// Locks the token encryption key.
        token_encryption_key_id: Option<bool> = "tokenEncryptionKeyId",
    }
}

object! {
    /// How signed requests are verified ([`requestSignatureVerification`](https://learn.microsoft.com/graph/api/resources/requestsignatureverification)).
    RequestSignatureVerification {
        /// Weak algorithms that are taken.
        allowed_weak_algorithms: Option<String> = "allowedWeakAlgorithms",
        /// Whether requests must be signed.
        is_signed_request_required: Option<bool> = "isSignedRequestRequired",
    }
}

object! {
    /// Settings of SAML sign-on ([`samlSingleSignOnSettings`](https://learn.microsoft.com/graph/api/resources/samlsinglesignonsettings)).
    SamlSingleSignOnSettings {
        /// Where the user lands.
        relay_state: Option<String> = "relayState",
    }
}

object! {
    /// A permission that is granted per team or chat ([`resourceSpecificPermission`](https://learn.microsoft.com/graph/api/resources/resourcespecificpermission)).
    ResourceSpecificPermission {
        /// What it allows.
        description: Option<String> = "description",
        /// The title.
        display_name: Option<String> = "displayName",
        /// The id.
        id: Option<PermissionId> = "id",
        /// Whether it is in use.
        is_enabled: Option<bool> = "isEnabled",
        /// The name.
        value: Option<String> = "value",
    }
}
