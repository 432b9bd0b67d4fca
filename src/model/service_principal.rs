//! A service principal: the app in one tenant.

use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AppId, ServicePrincipalId, TenantId};
use crate::model::body::{Body, setters, switches};
use crate::model::complex::{
    AddIn, AppRole, InformationalUrl, PermissionScope, ResourceSpecificPermission, SamlSingleSignOnSettings,
    VerifiedPublisher,
};
use crate::model::credentials::{KeyCredential, PasswordCredential};
use crate::model::enums::SignInAudience;
use crate::model::object::{object, was_asked_for};

object! {
    /// A service principal: the app in one tenant
    /// ([`servicePrincipal`](https://learn.microsoft.com/graph/api/resources/serviceprincipal)).
    ///
    /// With `$select`, a property that was not asked for is absent.
    ///
    /// ```
    /// use entra_apps::model::ServicePrincipal;
    ///
    /// let read: ServicePrincipal = serde_json::from_str(r#"{"accountEnabled": true, "servicePrincipalType": "Application"}"#)?;
    /// assert_eq!(read.account_enabled, Some(true));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ServicePrincipal {
        /// The object id.
        id: Option<ServicePrincipalId> = "id",
        /// The application (client) id.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// Whether users can sign in to it and tokens are issued to it.
        account_enabled: Option<bool> = "accountEnabled",
        /// The type: `Application`, `ManagedIdentity`, `Legacy` or `SocialIdp`.
        service_principal_type: Option<String> = "servicePrincipalType",
        /// The tenant in which the application is registered.
        app_owner_organization_id: Option<TenantId> = "appOwnerOrganizationId",
        /// The application's display name.
        app_display_name: Option<String> = "appDisplayName",
        /// The time of its creation, in UTC, which Graph returns although v1.0 does not declare it.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// The time of its deletion, in UTC; absent while it is not deleted.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// Whether users and apps must be assigned to it before they get tokens.
        app_role_assignment_required: Option<bool> = "appRoleAssignmentRequired",
        /// The application permissions that it publishes.
        app_roles: Vec<AppRole> = "appRoles",
        /// The delegated permissions that it publishes.
        oauth2_permission_scopes: Vec<PermissionScope> = "oauth2PermissionScopes",
        /// The permissions that are granted per team or chat.
        resource_specific_application_permissions: Vec<ResourceSpecificPermission> = "resourceSpecificApplicationPermissions",
        /// The tags, the application's among them.
        tags: Vec<String> = "tags",
        /// The client secrets of the service principal itself, without their values.
        password_credentials: Vec<PasswordCredential> = "passwordCredentials",
        /// The certificates of the service principal itself.
        key_credentials: Vec<KeyCredential> = "keyCredentials",
        /// The application's redirect URIs.
        reply_urls: Vec<String> = "replyUrls",
        /// The names: the client id and the identifier URIs.
        service_principal_names: Vec<String> = "servicePrincipalNames",
        /// Who may sign in.
        sign_in_audience: Option<SignInAudience> = "signInAudience",
        /// Custom behaviour that services can use.
        add_ins: Vec<AddIn> = "addIns",
        /// The alternative names.
        alternative_names: Vec<String> = "alternativeNames",
        /// The application's description.
        app_description: Option<String> = "appDescription",
        /// The id of the gallery template from which it was created.
        application_template_id: Option<String> = "applicationTemplateId",
        /// The client id of the application that created it.
        created_by_app_id: Option<String> = "createdByAppId",
        /// The description.
        description: Option<String> = "description",
        /// The status when Microsoft has disabled it, such as `DisabledDueToViolationOfServicesAgreement`.
        disabled_by_microsoft_status: Option<String> = "disabledByMicrosoftStatus",
        /// The home page.
        homepage: Option<String> = "homepage",
        /// The URLs of its logo, terms, privacy statement and support.
        info: Option<InformationalUrl> = "info",
        /// Whether it is deactivated, so that no new tokens are issued to it.
        is_disabled: Option<bool> = "isDisabled",
        /// The URL of the login page.
        login_url: Option<String> = "loginUrl",
        /// The URL of the logout page.
        logout_url: Option<String> = "logoutUrl",
        /// Notes for administrators.
        notes: Option<String> = "notes",
        /// The email addresses that are notified before a certificate expires.
        notification_email_addresses: Vec<String> = "notificationEmailAddresses",
        /// The preferred mode of single sign-on, such as `saml`.
        preferred_single_sign_on_mode: Option<String> = "preferredSingleSignOnMode",
        /// The thumbprint of the preferred signing certificate.
        preferred_token_signing_key_thumbprint: Option<String> = "preferredTokenSigningKeyThumbprint",
        /// Settings of SAML single sign-on.
        saml_single_sign_on_settings: Option<SamlSingleSignOnSettings> = "samlSingleSignOnSettings",
        /// The id of the certificate with which tokens are encrypted.
        token_encryption_key_id: Option<uuid::Uuid> = "tokenEncryptionKeyId",
        /// The verified publisher.
        verified_publisher: Option<VerifiedPublisher> = "verifiedPublisher",
    }
    has ["id"]
}

impl ServicePrincipal {
    /// Notes that a member, given by its path, was asked for: a list that did not come all the same is not known.
    pub(crate) fn was_asked_for(&mut self, path: &str) {
        was_asked_for(self, path);
    }
}

/// The setters of a new service principal and of a change.
macro_rules! principal_setters {
    ($name:ident { $($own:tt)* }) => {
        setters! {
            $name {
                $($own)*
                /// The tags; replaces the list.
                tags("tags"): Vec<String>;
                /// Notes for administrators, up to 1,024 characters.
                notes("notes"): String, clear clear_notes;
                /// The description, up to 1,024 characters.
                description("description"): String, clear clear_description;
                /// The display name.
                display_name("displayName"): String;
                /// The home page.
                homepage("homepage"): String, clear clear_homepage;
                /// The URL of the login page.
                login_url("loginUrl"): String, clear clear_login_url;
                /// The preferred mode of single sign-on, such as `saml`.
                preferred_single_sign_on_mode("preferredSingleSignOnMode"): String, clear clear_preferred_single_sign_on_mode;
                /// The email addresses that are notified before a certificate expires; replaces the list.
                notification_email_addresses("notificationEmailAddresses"): Vec<String>;
                /// The alternative names; replaces the list.
                alternative_names("alternativeNames"): Vec<String>;
                /// Settings of SAML single sign-on.
                saml_single_sign_on_settings("samlSingleSignOnSettings"): SamlSingleSignOnSettings, clear clear_saml_single_sign_on_settings;
            }
        }

        switches! {
            $name {
                /// Lets users sign in to it and tokens be issued to it, which is the default.
                account_enabled("accountEnabled") = true;
                /// Lets nobody sign in to it, and no token be issued to it.
                account_disabled("accountEnabled") = false;
                /// Gives tokens only to the users and apps that are assigned to it.
                assignment_required("appRoleAssignmentRequired") = true;
                /// Gives tokens to whoever asks, which is the default.
                assignment_not_required("appRoleAssignmentRequired") = false;
            }
        }
    };
}

/// A change of a service principal: a property that is not set stays as it is, a list is replaced
/// ([update](https://learn.microsoft.com/graph/api/serviceprincipal-update)).
///
/// ```
/// use entra_apps::model::ServicePrincipalPatch;
///
/// let made = ServicePrincipalPatch::new().account_disabled();
/// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"accountEnabled": false}));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ServicePrincipalPatch(Body);

impl ServicePrincipalPatch {
    /// A change in which nothing is set yet.
    pub fn new() -> Self {
        Self::default()
    }
}

principal_setters! {
    ServicePrincipalPatch {
    }
}

/// A new service principal ([create](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals)).
///
/// ```
/// use entra_apps::model::NewServicePrincipal;
///
/// let made = NewServicePrincipal::new(entra_apps::ids::AppId::from_u128(1)).assignment_required();
/// assert_eq!(serde_json::to_value(&made)?, serde_json::json!({"appId": "00000000-0000-0000-0000-000000000001", "appRoleAssignmentRequired": true}));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewServicePrincipal(Body);

impl NewServicePrincipal {
    /// The service principal of an application.
    pub fn new(app_id: AppId) -> Self {
        let mut body = Body::default();
        body.set("appId", app_id);
        Self(body)
    }

    /// The client id of its application, as text.
    pub(crate) fn app_id(&self) -> String {
        self.0.text("appId").unwrap_or_default().to_owned()
    }
}

principal_setters! {
    NewServicePrincipal {
    }
}
