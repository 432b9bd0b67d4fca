//! An application: the registration, in its home tenant.

use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AppId, ApplicationId};
use crate::model::body::{Body, patch, setters, switches};
use crate::model::complex::{
    AddIn, ApiApplication, AppRole, AuthenticationBehaviors, Certification, InformationalUrl, OptionalClaims,
    ParentalControlSettings, PermissionScope, PreAuthorizedApplication, PublicClientApplication,
    RequestSignatureVerification, RequiredResourceAccess, ServicePrincipalLockConfiguration, SpaApplication,
    VerifiedPublisher, WebApplication,
};
use crate::model::credentials::{KeyCredential, NewPasswordCredential, PasswordCredential};
use crate::model::enums::SignInAudience;
use crate::model::object::{object, was_asked_for};

object! {
    /// An application: the registration ([`application`](https://learn.microsoft.com/graph/api/resources/application)).
    ///
    /// With `$select`, a property that was not asked for is absent.
    ///
    /// Reading a manifest in the form of Azure AD Graph, or what older versions of the Azure CLI or PowerShell print, is
    /// an error that says so. Newer manifests and `az ad app show` have Graph's own form.
    ///
    /// ```
    /// use entra_apps::model::Application;
    ///
    /// let read: Application = serde_json::from_str(r#"{"displayName": "Contoso Backup", "tags": ["backup"]}"#)?;
    /// assert_eq!((read.display_name.as_deref(), read.tags.len()), (Some("Contoso Backup"), 1));
    /// assert!(read.notes.is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Application {
        /// The object id.
        id: Option<ApplicationId> = "id",
        /// The application (client) id.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// The unique name: set once, immutable, unique in the tenant.
        unique_name: Option<String> = "uniqueName",
        /// Who may sign in.
        sign_in_audience: Option<SignInAudience> = "signInAudience",
        /// The time of its creation, in UTC.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its deletion, in UTC; absent while it is not deleted.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// The permissions that it declares, which is not to say that they are granted.
        required_resource_access: Vec<RequiredResourceAccess> = "requiredResourceAccess",
        /// The client secrets, without their values.
        password_credentials: Vec<PasswordCredential> = "passwordCredentials",
        /// The certificates.
        key_credentials: Vec<KeyCredential> = "keyCredentials",
        /// Settings of a web application.
        web: Option<WebApplication> = "web",
        /// Settings of a single-page application.
        spa: Option<SpaApplication> = "spa",
        /// Settings of a mobile or desktop application.
        public_client: Option<PublicClientApplication> = "publicClient",
        /// Settings of an API.
        api: Option<ApiApplication> = "api",
        /// Whether it is a public client: the portal's *Allow public client flows*. Null means no.
        is_fallback_public_client: Option<bool> = "isFallbackPublicClient",
        /// The identifier URIs, such as `api://…`.
        identifier_uris: Vec<String> = "identifierUris",
        /// The app roles that it publishes.
        app_roles: Vec<AppRole> = "appRoles",
        /// The tags.
        tags: Vec<String> = "tags",
        /// Notes for administrators.
        notes: Option<String> = "notes",
        /// The description.
        description: Option<String> = "description",
        /// The app instance property lock.
        service_principal_lock_configuration: Option<ServicePrincipalLockConfiguration> = "servicePrincipalLockConfiguration",
        /// Custom behaviour that services can use.
        add_ins: Vec<AddIn> = "addIns",
        /// The id of the gallery template from which it was created.
        application_template_id: Option<String> = "applicationTemplateId",
        /// Settings of how tokens are issued.
        authentication_behaviors: Option<AuthenticationBehaviors> = "authenticationBehaviors",
        /// Microsoft's certification.
        certification: Option<Certification> = "certification",
        /// The client id of the application that created it.
        created_by_app_id: Option<String> = "createdByAppId",
        /// The default redirect URI.
        default_redirect_uri: Option<String> = "defaultRedirectUri",
        /// The status when Microsoft has disabled it, such as `DisabledDueToViolationOfServicesAgreement`.
        disabled_by_microsoft_status: Option<String> = "disabledByMicrosoftStatus",
        /// Which groups are listed in tokens: `None`, `SecurityGroup` or `All`.
        group_membership_claims: Option<String> = "groupMembershipClaims",
        /// The URLs of its logo, terms, privacy statement and support.
        info: Option<InformationalUrl> = "info",
        /// Whether a device can sign in without a user.
        is_device_only_auth_supported: Option<bool> = "isDeviceOnlyAuthSupported",
        /// Whether it is deactivated, so that no new tokens are issued to it.
        is_disabled: Option<bool> = "isDisabled",
        /// The logo, which Graph never returns as a part of the object.
        logo: Option<String> = "logo",
        /// The client ids of applications that may manage it.
        manager_applications: Vec<uuid::Uuid> = "managerApplications",
        /// The native authentication APIs that are enabled: `none` or `all`.
        native_authentication_apis_enabled: Option<String> = "nativeAuthenticationApisEnabled",
        /// Whether a sign-in response must come as a POST.
        oauth2_require_post_response: Option<bool> = "oauth2RequirePostResponse",
        /// The optional claims of its tokens.
        optional_claims: Option<OptionalClaims> = "optionalClaims",
        /// Settings of parental control.
        parental_control_settings: Option<ParentalControlSettings> = "parentalControlSettings",
        /// The verified publisher domain.
        publisher_domain: Option<String> = "publisherDomain",
        /// Settings of the verification of signed requests.
        request_signature_verification: Option<RequestSignatureVerification> = "requestSignatureVerification",
        /// The URL of the SAML metadata.
        saml_metadata_url: Option<String> = "samlMetadataUrl",
        /// A reference to a service catalogue.
        service_management_reference: Option<String> = "serviceManagementReference",
        /// The id of the certificate with which tokens are encrypted.
        token_encryption_key_id: Option<uuid::Uuid> = "tokenEncryptionKeyId",
        /// The verified publisher.
        verified_publisher: Option<VerifiedPublisher> = "verifiedPublisher",
    }
    has ["web" "spa" "api" "isFallbackPublicClient"]
}

impl Application {
    /// Notes that a member, given by its path, was asked for: a list that did not come all the same is not known.
    pub(crate) fn was_asked_for(&mut self, path: &str) {
        was_asked_for(self, path);
    }
}

/// The setters of a new application and of a change.
macro_rules! application_setters {
    ($name:ident { $($own:tt)* }) => {
        setters! {
            $name {
                $($own)*
                /// Who may sign in. Set it always: the service's default has changed over time.
                sign_in_audience("signInAudience"): SignInAudience;
                /// The permissions that it declares; replaces the list.
                required_resource_access("requiredResourceAccess"): Vec<RequiredResourceAccess>;
                /// Settings of a web application.
                web("web"): WebPatch;
                /// Settings of a single-page application.
                spa("spa"): RedirectUrisPatch;
                /// Settings of a mobile or desktop application.
                public_client("publicClient"): RedirectUrisPatch;
                /// Settings of an API.
                api("api"): ApiPatch;
                /// The identifier URIs; replaces the list.
                identifier_uris("identifierUris"): Vec<String>;
                /// The app roles; replaces the list. A role must be disabled before it is left out.
                app_roles("appRoles"): Vec<AppRole>;
                /// The tags; replaces the list.
                tags("tags"): Vec<String>;
                /// Notes for administrators.
                notes("notes"): String, clear clear_notes;
                /// The description, up to 1,024 characters.
                description("description"): String, clear clear_description;
                /// The unique name, which can be set once.
                unique_name("uniqueName"): String;
                /// The app instance property lock.
                service_principal_lock_configuration("servicePrincipalLockConfiguration"): ServicePrincipalLockConfiguration, clear clear_service_principal_lock_configuration;
                /// The certificates; replaces the list, so existing ones are sent again.
                key_credentials("keyCredentials"): Vec<KeyCredential>;
                /// The URLs of its logo, terms, privacy statement and support.
                info("info"): InformationalUrl;
                /// The optional claims of its tokens.
                optional_claims("optionalClaims"): OptionalClaims, clear clear_optional_claims;
                /// Which groups are listed in tokens: `None`, `SecurityGroup` or `All`.
                group_membership_claims("groupMembershipClaims"): String, clear clear_group_membership_claims;
                /// The default redirect URI.
                default_redirect_uri("defaultRedirectUri"): String, clear clear_default_redirect_uri;
                /// A reference to a service catalogue.
                service_management_reference("serviceManagementReference"): String, clear clear_service_management_reference;
                /// Settings of parental control.
                parental_control_settings("parentalControlSettings"): ParentalControlSettings;
                /// Settings of the verification of signed requests.
                request_signature_verification("requestSignatureVerification"): RequestSignatureVerification, clear clear_request_signature_verification;
                /// Settings of how tokens are issued.
                authentication_behaviors("authenticationBehaviors"): AuthenticationBehaviors, clear clear_authentication_behaviors;
                /// Custom behaviour that services can use; replaces the list.
                add_ins("addIns"): Vec<AddIn>;
                /// The URL of the SAML metadata.
                saml_metadata_url("samlMetadataUrl"): String, clear clear_saml_metadata_url;
                /// The id of the certificate with which tokens are encrypted.
                token_encryption_key_id("tokenEncryptionKeyId"): uuid::Uuid, clear clear_token_encryption_key_id;
            }
        }

        switches! {
            $name {
                /// Makes it a public client: the portal's *Allow public client flows*.
                public_client_flows_allowed("isFallbackPublicClient") = true;
                /// Makes it no public client.
                public_client_flows_refused("isFallbackPublicClient") = false;
                /// Deactivates it: no new tokens are issued to it.
                deactivated("isDisabled") = true;
                /// Activates it again.
                activated("isDisabled") = false;
            }
        }
    };
}

/// A change of an application: a property that is not set stays as it is, a list is replaced
/// ([update](https://learn.microsoft.com/graph/api/application-update)).
///
/// ```
/// use entra_apps::model::ApplicationPatch;
///
/// let made = ApplicationPatch::new().tags(vec!["backup".to_owned()]).public_client_flows_allowed().clear_notes();
/// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"tags": ["backup"], "isFallbackPublicClient": true, "notes": null}));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ApplicationPatch(Body);

impl ApplicationPatch {
    /// A change in which nothing is set yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A change of these members, by their names in Graph.
    pub(crate) fn of_members(members: impl Iterator<Item = (String, serde_json::Value)>) -> Self {
        let mut body = Body::default();
        members.for_each(|(name, value)| body.set(&name, value));
        Self(body)
    }
}

application_setters! {
    ApplicationPatch {
        /// The display name, up to 256 characters.
        display_name("displayName"): String;
    }
}

/// A new application ([create](https://learn.microsoft.com/graph/api/application-post-applications)).
///
/// ```
/// use entra_apps::SignInAudience;
/// use entra_apps::model::NewApplication;
///
/// let new = NewApplication::new("Contoso Backup").sign_in_audience(SignInAudience::SingleOrganization);
/// assert_eq!(serde_json::to_value(&new)?["signInAudience"], "AzureADMyOrg");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewApplication(Body);

impl NewApplication {
    /// An application of this display name. Entra allows several of one display name.
    pub fn new(display_name: impl Into<String>) -> Self {
        let mut body = Body::default();
        body.set("displayName", display_name.into());
        Self(body)
    }
}

application_setters! {
    NewApplication {
        /// Client secrets to issue with it; their values are in the response.
        password_credentials("passwordCredentials"): Vec<NewPasswordCredential>;
    }
}

patch! {
    /// A change of the settings of a web application.
    ///
    /// ```
    /// use entra_apps::model::WebPatch;
    ///
    /// let made = WebPatch::new().redirect_uris(vec!["https://a.example/callback".to_owned()]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"redirectUris": ["https://a.example/callback"]}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    WebPatch {
        /// The redirect URIs; replaces the list.
        redirect_uris("redirectUris"): Vec<String>;
        /// The home page.
        home_page_url("homePageUrl"): String, clear clear_home_page_url;
        /// The URL to which Entra reports that a user signed out.
        logout_url("logoutUrl"): String, clear clear_logout_url;
        /// The tokens that the implicit flow may issue.
        implicit_grant_settings("implicitGrantSettings"): crate::model::ImplicitGrantSettings;
    }
}

patch! {
    /// A change of the redirect URIs of one platform.
    ///
    /// ```
    /// use entra_apps::model::RedirectUrisPatch;
    ///
    /// let made = RedirectUrisPatch::new().redirect_uris(vec!["http://localhost".to_owned()]);
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"redirectUris": ["http://localhost"]}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    RedirectUrisPatch {
        /// The redirect URIs; replaces the list.
        redirect_uris("redirectUris"): Vec<String>;
    }
}

patch! {
    /// A change of the settings of an API.
    ///
    /// ```
    /// use entra_apps::model::ApiPatch;
    ///
    /// let made = ApiPatch::new().requested_access_token_version(2).mapped_claims_refused();
    /// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"requestedAccessTokenVersion": 2, "acceptMappedClaims": false}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ApiPatch {
        /// The version of access tokens, 1 or 2. Personal accounts need 2.
        requested_access_token_version("requestedAccessTokenVersion"): i32, clear clear_requested_access_token_version;
        /// The scopes; replaces the list. A scope must be disabled before it is left out.
        oauth2_permission_scopes("oauth2PermissionScopes"): Vec<PermissionScope>;
        /// The clients that need no consent; replaces the list. Their scopes must exist before.
        pre_authorized_applications("preAuthorizedApplications"): Vec<PreAuthorizedApplication>;
        /// The client ids that are consented to together with this API; replaces the list.
        known_client_applications("knownClientApplications"): Vec<uuid::Uuid>;
    }
}

switches! {
    ApiPatch {
        /// Lets claims mapping work without a custom signing key.
        mapped_claims_accepted("acceptMappedClaims") = true;
        /// Lets claims mapping work with a custom signing key alone.
        mapped_claims_refused("acceptMappedClaims") = false;
    }
}
