//! An application: the registration, in its home tenant.

use serde::Serialize;
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
use crate::model::object::object;

object! {
    /// An application: the registration ([`application`](https://learn.microsoft.com/graph/api/resources/application)).
    ///
    /// With `$select`, what was not asked for is absent.
    Application {
        /// The object id.
        id: Option<ApplicationId> = "id",
        /// The application (client) id.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The key: set once, immutable, unique in the tenant.
        unique_name: Option<String> = "uniqueName",
        /// Who may sign in.
        sign_in_audience: Option<SignInAudience> = "signInAudience",
        /// When it was created, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// When it was deleted, in UTC; none while it is live.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// The permissions that it declares. Declared is not granted.
        required_resource_access: Vec<RequiredResourceAccess> = "requiredResourceAccess",
        /// Its client secrets, without their values.
        password_credentials: Vec<PasswordCredential> = "passwordCredentials",
        /// Its certificates.
        key_credentials: Vec<KeyCredential> = "keyCredentials",
        /// Settings of a web application.
        web: Option<WebApplication> = "web",
        /// Settings of a single-page application.
        spa: Option<SpaApplication> = "spa",
        /// Settings of a mobile or desktop application.
        public_client: Option<PublicClientApplication> = "publicClient",
        /// Settings of an API.
        api: Option<ApiApplication> = "api",
        /// *Allow public client flows*; null means no.
        is_fallback_public_client: Option<bool> = "isFallbackPublicClient",
        /// Identifier URIs, such as `api://…`.
        identifier_uris: Vec<String> = "identifierUris",
        /// The app roles that it publishes.
        app_roles: Vec<AppRole> = "appRoles",
        /// Tags.
        tags: Vec<String> = "tags",
        /// Internal notes.
        notes: Option<String> = "notes",
        /// The description.
        description: Option<String> = "description",
        /// The app instance property lock.
        service_principal_lock_configuration: Option<ServicePrincipalLockConfiguration> = "servicePrincipalLockConfiguration",
        /// Custom behaviour for services.
        add_ins: Vec<AddIn> = "addIns",
        /// The gallery template that it came from.
        application_template_id: Option<String> = "applicationTemplateId",
        /// How tokens are made.
        authentication_behaviors: Option<AuthenticationBehaviors> = "authenticationBehaviors",
        /// Microsoft's certification.
        certification: Option<Certification> = "certification",
        /// The client id of the app that created it.
        created_by_app_id: Option<String> = "createdByAppId",
        /// The default redirect URI.
        default_redirect_uri: Option<String> = "defaultRedirectUri",
        /// Whether Microsoft disabled it.
        disabled_by_microsoft_status: Option<String> = "disabledByMicrosoftStatus",
        /// Which groups tokens hold.
        group_membership_claims: Option<String> = "groupMembershipClaims",
        /// Pages about it.
        info: Option<InformationalUrl> = "info",
        /// Whether it works without a user.
        is_device_only_auth_supported: Option<bool> = "isDeviceOnlyAuthSupported",
        /// Whether it gets no tokens.
        is_disabled: Option<bool> = "isDisabled",
        /// The logo: a stream, never part of an object.
        logo: Option<String> = "logo",
        /// Apps that may manage it.
        manager_applications: Vec<uuid::Uuid> = "managerApplications",
        /// Whether native authentication is on.
        native_authentication_apis_enabled: Option<String> = "nativeAuthenticationApisEnabled",
        /// Whether answers come as a POST.
        oauth2_require_post_response: Option<bool> = "oauth2RequirePostResponse",
        /// Claims on request.
        optional_claims: Option<OptionalClaims> = "optionalClaims",
        /// Parental control.
        parental_control_settings: Option<ParentalControlSettings> = "parentalControlSettings",
        /// The verified publisher domain.
        publisher_domain: Option<String> = "publisherDomain",
        /// How signed requests are verified.
        request_signature_verification: Option<RequestSignatureVerification> = "requestSignatureVerification",
        /// SAML metadata.
        saml_metadata_url: Option<String> = "samlMetadataUrl",
        /// A reference to a service catalogue.
        service_management_reference: Option<String> = "serviceManagementReference",
        /// The key that tokens are encrypted with.
        token_encryption_key_id: Option<uuid::Uuid> = "tokenEncryptionKeyId",
        /// The verified publisher.
        verified_publisher: Option<VerifiedPublisher> = "verifiedPublisher",
    }
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
