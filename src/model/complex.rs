//! The complex types of applications and service principals.
//!
//! Each is documented at `https://learn.microsoft.com/graph/api/resources/` followed by its name in lower case.

use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnNull, serde_as, skip_serializing_none};
use time::OffsetDateTime;

use crate::ids::{AppId, PermissionId};
use crate::model::enums::ResourceAccessType;
use crate::model::serde_forms::date;
use crate::model::unknown::Unknown;

/// Settings of an application that is itself an API ([`apiApplication`](https://learn.microsoft.com/graph/api/resources/apiapplication)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ApiApplication {
    /// Whether claims mapping works without a custom signing key.
    pub accept_mapped_claims: Option<bool>,
    /// Client ids that are consented to together with this API.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_client_applications: Vec<uuid::Uuid>,
    /// The delegated permissions that it publishes.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub oauth2_permission_scopes: Vec<PermissionScope>,
    /// Clients that need no consent.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_authorized_applications: Vec<PreAuthorizedApplication>,
    /// The version of access tokens, 1 or 2; null means 1.
    pub requested_access_token_version: Option<i32>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Settings of a web application ([`webApplication`](https://learn.microsoft.com/graph/api/resources/webapplication)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct WebApplication {
    /// The home page.
    pub home_page_url: Option<String>,
    /// Which tokens the implicit flow may give.
    pub implicit_grant_settings: Option<ImplicitGrantSettings>,
    /// Where Entra tells the app that a user signed out.
    pub logout_url: Option<String>,
    /// Redirect URIs; the order is not kept by the service.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Redirect URIs with their index.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uri_settings: Vec<RedirectUriSettings>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Settings of a single-page application ([`spaApplication`](https://learn.microsoft.com/graph/api/resources/spaapplication)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SpaApplication {
    /// Redirect URIs; the order is not kept by the service.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Settings of a mobile or desktop application ([`publicClientApplication`](https://learn.microsoft.com/graph/api/resources/publicclientapplication)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PublicClientApplication {
    /// Redirect URIs; the order is not kept by the service.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Which tokens the implicit flow may give ([`implicitGrantSettings`](https://learn.microsoft.com/graph/api/resources/implicitgrantsettings)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ImplicitGrantSettings {
    /// Access tokens.
    pub enable_access_token_issuance: Option<bool>,
    /// ID tokens.
    pub enable_id_token_issuance: Option<bool>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A redirect URI with its index ([`redirectUriSettings`](https://learn.microsoft.com/graph/api/resources/redirecturisettings)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RedirectUriSettings {
    /// The index.
    pub index: Option<i32>,
    /// The redirect URI.
    pub uri: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A delegated permission that an API publishes ([`permissionScope`](https://learn.microsoft.com/graph/api/resources/permissionscope)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PermissionScope {
    /// What an administrator reads.
    pub admin_consent_description: Option<String>,
    /// The title that an administrator reads.
    pub admin_consent_display_name: Option<String>,
    /// The id of the scope.
    pub id: Option<PermissionId>,
    /// Whether it is in use; it must be off before it is deleted.
    pub is_enabled: Option<bool>,
    /// Where it is defined.
    pub origin: Option<String>,
    /// Who may consent: `User` or `Admin`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What a user reads.
    pub user_consent_description: Option<String>,
    /// The title that a user reads.
    pub user_consent_display_name: Option<String>,
    /// The name in the `scp` claim, such as `User.Read`.
    pub value: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A client that needs no consent ([`preAuthorizedApplication`](https://learn.microsoft.com/graph/api/resources/preauthorizedapplication)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PreAuthorizedApplication {
    /// The client id.
    pub app_id: Option<String>,
    /// The ids of the scopes.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegated_permission_ids: Vec<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// An application permission, or a role for users, that an API publishes ([`appRole`](https://learn.microsoft.com/graph/api/resources/approle)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AppRole {
    /// Who may hold it: `User`, `Application`.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_member_types: Vec<String>,
    /// What it allows.
    pub description: Option<String>,
    /// The title.
    pub display_name: Option<String>,
    /// The id of the role.
    pub id: Option<PermissionId>,
    /// Whether it is in use; it must be off before it is deleted.
    pub is_enabled: Option<bool>,
    /// Where it is defined: `Application` or `ServicePrincipal`.
    pub origin: Option<String>,
    /// The name in the `roles` claim, such as `Directory.Read.All`.
    pub value: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The permissions that an application declares on one API ([`requiredResourceAccess`](https://learn.microsoft.com/graph/api/resources/requiredresourceaccess)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RequiredResourceAccess {
    /// The client id of the API.
    pub resource_app_id: Option<AppId>,
    /// The permissions.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_access: Vec<ResourceAccess>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A declared permission ([`resourceAccess`](https://learn.microsoft.com/graph/api/resources/resourceaccess)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceAccess {
    /// The id of the role or scope.
    pub id: Option<PermissionId>,
    /// Role or scope.
    #[serde(rename = "type")]
    pub kind: Option<ResourceAccessType>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Claims that tokens hold on request ([`optionalClaims`](https://learn.microsoft.com/graph/api/resources/optionalclaims)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OptionalClaims {
    /// In access tokens.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_token: Vec<OptionalClaim>,
    /// In ID tokens.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<OptionalClaim>,
    /// In SAML tokens.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub saml2_token: Vec<OptionalClaim>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A claim that a token holds on request ([`optionalClaim`](https://learn.microsoft.com/graph/api/resources/optionalclaim)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct OptionalClaim {
    /// Further properties of the claim.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_properties: Vec<String>,
    /// Whether the sign-in is to ensure it.
    pub essential: Option<bool>,
    /// The name.
    pub name: Option<String>,
    /// The source; null is a predefined claim.
    pub source: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Pages about an application ([`informationalUrl`](https://learn.microsoft.com/graph/api/resources/informationalurl)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct InformationalUrl {
    /// The logo.
    pub logo_url: Option<String>,
    /// The marketing page.
    pub marketing_url: Option<String>,
    /// The privacy statement.
    pub privacy_statement_url: Option<String>,
    /// The support page.
    pub support_url: Option<String>,
    /// The terms of service.
    pub terms_of_service_url: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Parental control ([`parentalControlSettings`](https://learn.microsoft.com/graph/api/resources/parentalcontrolsettings)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ParentalControlSettings {
    /// Two-letter country codes in which minors are blocked.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries_blocked_for_minors: Vec<String>,
    /// The rule of age groups.
    pub legal_age_group_rule: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The verified publisher ([`verifiedPublisher`](https://learn.microsoft.com/graph/api/resources/verifiedpublisher)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct VerifiedPublisher {
    /// When it was verified, in UTC.
    #[serde(with = "date")]
    pub added_date_time: Option<OffsetDateTime>,
    /// The publisher's name.
    pub display_name: Option<String>,
    /// The id in Partner Center.
    pub verified_publisher_id: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Microsoft's certification of an application ([`certification`](https://learn.microsoft.com/graph/api/resources/certification)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Certification {
    /// Details.
    pub certification_details_url: Option<String>,
    /// When it ends, in UTC.
    #[serde(with = "date")]
    pub certification_expiration_date_time: Option<OffsetDateTime>,
    /// Certified by Microsoft.
    pub is_certified_by_microsoft: Option<bool>,
    /// Attested by the publisher.
    pub is_publisher_attested: Option<bool>,
    /// When it was last certified, in UTC.
    #[serde(with = "date")]
    pub last_certification_date_time: Option<OffsetDateTime>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Custom behaviour for a service ([`addIn`](https://learn.microsoft.com/graph/api/resources/addin)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AddIn {
    /// The id.
    pub id: Option<uuid::Uuid>,
    /// Settings.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<KeyValue>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A setting ([`keyValue`](https://learn.microsoft.com/graph/api/resources/keyvalue)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct KeyValue {
    /// The key.
    pub key: Option<String>,
    /// The value.
    pub value: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How tokens are made ([`authenticationBehaviors`](https://learn.microsoft.com/graph/api/resources/authenticationbehaviors)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AuthenticationBehaviors {
    /// Blocks Azure AD Graph.
    #[serde(rename = "blockAzureADGraphAccess")]
    pub block_azure_ad_graph_access: Option<bool>,
    /// Leaves out an email claim that is not verified.
    pub remove_unverified_email_claim: Option<bool>,
    /// Requires a service principal of the client.
    pub require_client_service_principal: Option<bool>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The app instance property lock ([`servicePrincipalLockConfiguration`](https://learn.microsoft.com/graph/api/resources/serviceprincipallockconfiguration)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServicePrincipalLockConfiguration {
    /// Locks every sensitive property.
    pub all_properties: Option<bool>,
    /// Locks credentials that sign.
    pub credentials_with_usage_sign: Option<bool>,
    /// Locks credentials that verify.
    pub credentials_with_usage_verify: Option<bool>,
    /// Whether the lock is on.
    pub is_enabled: Option<bool>,
    /// Locks the token encryption key.
    pub token_encryption_key_id: Option<bool>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How signed requests are verified ([`requestSignatureVerification`](https://learn.microsoft.com/graph/api/resources/requestsignatureverification)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct RequestSignatureVerification {
    /// Weak algorithms that are taken.
    pub allowed_weak_algorithms: Option<String>,
    /// Whether requests must be signed.
    pub is_signed_request_required: Option<bool>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Settings of SAML sign-on ([`samlSingleSignOnSettings`](https://learn.microsoft.com/graph/api/resources/samlsinglesignonsettings)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SamlSingleSignOnSettings {
    /// Where the user lands.
    pub relay_state: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A permission that is granted per team or chat ([`resourceSpecificPermission`](https://learn.microsoft.com/graph/api/resources/resourcespecificpermission)).
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ResourceSpecificPermission {
    /// What it allows.
    pub description: Option<String>,
    /// The title.
    pub display_name: Option<String>,
    /// The id.
    pub id: Option<PermissionId>,
    /// Whether it is in use.
    pub is_enabled: Option<bool>,
    /// The name.
    pub value: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}
