//! An application: the registration, in its home tenant.

use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnNull, serde_as, skip_serializing_none};
use time::OffsetDateTime;

use crate::ids::{AppId, ApplicationId};
use crate::model::body::{Body, patch, setters};
use crate::model::complex::{
    AddIn, ApiApplication, AppRole, AuthenticationBehaviors, Certification, InformationalUrl, OptionalClaims,
    ParentalControlSettings, PermissionScope, PreAuthorizedApplication, PublicClientApplication,
    RequestSignatureVerification, RequiredResourceAccess, ServicePrincipalLockConfiguration, SpaApplication,
    VerifiedPublisher, WebApplication,
};
use crate::model::credentials::{KeyCredential, NewPasswordCredential, PasswordCredential};
use crate::model::enums::SignInAudience;
use crate::model::serde_forms::date;
use crate::model::unknown::Unknown;

/// An application: the registration ([`application`](https://learn.microsoft.com/graph/api/resources/application)).
///
/// With `$select`, what was not asked for is absent.
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Application {
    /// The object id.
    pub id: Option<ApplicationId>,
    /// The application (client) id.
    pub app_id: Option<AppId>,
    /// The display name.
    pub display_name: Option<String>,
    /// The key: set once, immutable, unique in the tenant.
    pub unique_name: Option<String>,
    /// Who may sign in.
    pub sign_in_audience: Option<SignInAudience>,
    /// When it was created, in UTC.
    #[serde(with = "date")]
    pub created_date_time: Option<OffsetDateTime>,
    /// When it was deleted, in UTC; none while it is live.
    #[serde(with = "date")]
    pub deleted_date_time: Option<OffsetDateTime>,
    /// The permissions that it declares. Declared is not granted.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_resource_access: Vec<RequiredResourceAccess>,
    /// Its client secrets, without their values.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub password_credentials: Vec<PasswordCredential>,
    /// Its certificates.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_credentials: Vec<KeyCredential>,
    /// Settings of a web application.
    pub web: Option<WebApplication>,
    /// Settings of a single-page application.
    pub spa: Option<SpaApplication>,
    /// Settings of a mobile or desktop application.
    pub public_client: Option<PublicClientApplication>,
    /// Settings of an API.
    pub api: Option<ApiApplication>,
    /// *Allow public client flows*; null means no.
    pub is_fallback_public_client: Option<bool>,
    /// Identifier URIs, such as `api://…`.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifier_uris: Vec<String>,
    /// The app roles that it publishes.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub app_roles: Vec<AppRole>,
    /// Tags.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Internal notes.
    pub notes: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The app instance property lock.
    pub service_principal_lock_configuration: Option<ServicePrincipalLockConfiguration>,
    /// Custom behaviour for services.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_ins: Vec<AddIn>,
    /// The gallery template that it came from.
    pub application_template_id: Option<String>,
    /// How tokens are made.
    pub authentication_behaviors: Option<AuthenticationBehaviors>,
    /// Microsoft's certification.
    pub certification: Option<Certification>,
    /// The client id of the app that created it.
    pub created_by_app_id: Option<String>,
    /// The default redirect URI.
    pub default_redirect_uri: Option<String>,
    /// Whether Microsoft disabled it.
    pub disabled_by_microsoft_status: Option<String>,
    /// Which groups tokens hold.
    pub group_membership_claims: Option<String>,
    /// Pages about it.
    pub info: Option<InformationalUrl>,
    /// Whether it works without a user.
    pub is_device_only_auth_supported: Option<bool>,
    /// Whether it gets no tokens.
    pub is_disabled: Option<bool>,
    /// The logo: a stream, never part of an object.
    pub logo: Option<String>,
    /// Apps that may manage it.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manager_applications: Vec<uuid::Uuid>,
    /// Whether native authentication is on.
    pub native_authentication_apis_enabled: Option<String>,
    /// Whether answers come as a POST.
    pub oauth2_require_post_response: Option<bool>,
    /// Claims on request.
    pub optional_claims: Option<OptionalClaims>,
    /// Parental control.
    pub parental_control_settings: Option<ParentalControlSettings>,
    /// The verified publisher domain.
    pub publisher_domain: Option<String>,
    /// How signed requests are verified.
    pub request_signature_verification: Option<RequestSignatureVerification>,
    /// SAML metadata.
    pub saml_metadata_url: Option<String>,
    /// A reference to a service catalogue.
    pub service_management_reference: Option<String>,
    /// The key that tokens are encrypted with.
    pub token_encryption_key_id: Option<uuid::Uuid>,
    /// The verified publisher.
    pub verified_publisher: Option<VerifiedPublisher>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What can be set of an application, in a creation as in a change.
macro_rules! application_setters {
    ($name:ident { $($own:tt)* }) => {
        setters! {
            $name {
                $($own)*
                /// Who may sign in. Send it always: the service's own default has changed over time.
                sign_in_audience("signInAudience"): SignInAudience;
                /// The permissions that it declares, all of them.
                required_resource_access("requiredResourceAccess"): Vec<RequiredResourceAccess>;
                /// Settings of a web application.
                web("web"): WebPatch;
                /// Settings of a single-page application.
                spa("spa"): RedirectUrisPatch;
                /// Settings of a mobile or desktop application.
                public_client("publicClient"): RedirectUrisPatch;
                /// Settings of an API.
                api("api"): ApiPatch;
                /// *Allow public client flows*.
                is_fallback_public_client("isFallbackPublicClient"): bool, clear clear_is_fallback_public_client;
                /// Identifier URIs, all of them.
                identifier_uris("identifierUris"): Vec<String>;
                /// App roles, all of them. One must be disabled before it is left out.
                app_roles("appRoles"): Vec<AppRole>;
                /// Tags, all of them.
                tags("tags"): Vec<String>;
                /// Internal notes.
                notes("notes"): String, clear clear_notes;
                /// The description, up to 1,024 characters.
                description("description"): String, clear clear_description;
                /// The key: it can be set once.
                unique_name("uniqueName"): String;
                /// The app instance property lock.
                service_principal_lock_configuration("servicePrincipalLockConfiguration"): ServicePrincipalLockConfiguration, clear clear_service_principal_lock_configuration;
                /// Certificates, all of them: those that are there are sent again.
                key_credentials("keyCredentials"): Vec<KeyCredential>;
                /// Pages about it.
                info("info"): InformationalUrl;
                /// Claims on request.
                optional_claims("optionalClaims"): OptionalClaims, clear clear_optional_claims;
                /// Which groups tokens hold.
                group_membership_claims("groupMembershipClaims"): String, clear clear_group_membership_claims;
                /// The default redirect URI.
                default_redirect_uri("defaultRedirectUri"): String, clear clear_default_redirect_uri;
                /// A reference to a service catalogue.
                service_management_reference("serviceManagementReference"): String, clear clear_service_management_reference;
                /// Parental control.
                parental_control_settings("parentalControlSettings"): ParentalControlSettings;
                /// How signed requests are verified.
                request_signature_verification("requestSignatureVerification"): RequestSignatureVerification, clear clear_request_signature_verification;
                /// How tokens are made.
                authentication_behaviors("authenticationBehaviors"): AuthenticationBehaviors, clear clear_authentication_behaviors;
                /// Custom behaviour for services, all of it.
                add_ins("addIns"): Vec<AddIn>;
                /// The SAML metadata.
                saml_metadata_url("samlMetadataUrl"): String, clear clear_saml_metadata_url;
                /// The key that tokens are encrypted with.
                token_encryption_key_id("tokenEncryptionKeyId"): uuid::Uuid, clear clear_token_encryption_key_id;
                /// Whether the app gets no tokens.
                is_disabled("isDisabled"): bool;
            }
        }
    };
}

/// A change of an application: what is not set stays as it is, collections are replaced whole
/// ([update](https://learn.microsoft.com/graph/api/application-update)).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ApplicationPatch(Body);

impl ApplicationPatch {
    /// Nothing set yet.
    pub fn new() -> Self {
        Self::default()
    }
}

application_setters! {
    ApplicationPatch {
        /// The display name, up to 256 characters.
        display_name("displayName"): String;
    }
}

/// A new application ([create](https://learn.microsoft.com/graph/api/application-post-applications)).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewApplication(Body);

impl NewApplication {
    /// One of this display name. Nothing in Entra keeps a second one of the same name away.
    pub fn new(display_name: impl Into<String>) -> Self {
        let mut body = Body::default();
        body.set("displayName", display_name.into());
        Self(body)
    }
}

application_setters! {
    NewApplication {
        /// Secrets to be issued with it; their values are in the answer.
        password_credentials("passwordCredentials"): Vec<NewPasswordCredential>;
    }
}

patch! {
    /// A change of the settings of a web application.
    WebPatch {
        /// Redirect URIs, all of them.
        redirect_uris("redirectUris"): Vec<String>;
        /// The home page.
        home_page_url("homePageUrl"): String, clear clear_home_page_url;
        /// Where Entra tells the app that a user signed out.
        logout_url("logoutUrl"): String, clear clear_logout_url;
        /// Which tokens the implicit flow may give.
        implicit_grant_settings("implicitGrantSettings"): crate::model::ImplicitGrantSettings;
    }
}

patch! {
    /// A change of the redirect URIs of one platform.
    RedirectUrisPatch {
        /// Redirect URIs, all of them.
        redirect_uris("redirectUris"): Vec<String>;
    }
}

patch! {
    /// A change of the settings of an API.
    ApiPatch {
        /// The version of access tokens, 1 or 2. Personal accounts need 2.
        requested_access_token_version("requestedAccessTokenVersion"): i32, clear clear_requested_access_token_version;
        /// The scopes, all of them. One must be disabled before it is left out.
        oauth2_permission_scopes("oauth2PermissionScopes"): Vec<PermissionScope>;
        /// Clients that need no consent, all of them; their scopes must be there before.
        pre_authorized_applications("preAuthorizedApplications"): Vec<PreAuthorizedApplication>;
        /// Client ids that are consented to together with this API, all of them.
        known_client_applications("knownClientApplications"): Vec<uuid::Uuid>;
        /// Whether claims mapping works without a custom signing key.
        accept_mapped_claims("acceptMappedClaims"): bool, clear clear_accept_mapped_claims;
    }
}
