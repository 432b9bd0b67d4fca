//! A service principal: the app in one tenant.

use serde::Serialize;
use time::OffsetDateTime;

use crate::ids::{AppId, ServicePrincipalId, TenantId};
use crate::model::body::{Body, setters};
use crate::model::complex::{
    AddIn, AppRole, InformationalUrl, PermissionScope, ResourceSpecificPermission, SamlSingleSignOnSettings,
    VerifiedPublisher,
};
use crate::model::credentials::{KeyCredential, PasswordCredential};
use crate::model::enums::SignInAudience;
use crate::model::object::object;

object! {
    /// A service principal: the app in one tenant
    /// ([`servicePrincipal`](https://learn.microsoft.com/graph/api/resources/serviceprincipal)).
    ///
    /// With `$select`, what was not asked for is absent.
    ServicePrincipal {
        /// The object id.
        id: Option<ServicePrincipalId> = "id",
        /// The application (client) id.
        app_id: Option<AppId> = "appId",
        /// The display name.
        display_name: Option<String> = "displayName",
        /// Whether the app can sign in.
        account_enabled: Option<bool> = "accountEnabled",
        /// `Application`, `ManagedIdentity`, `Legacy` or `SocialIdp`.
        service_principal_type: Option<String> = "servicePrincipalType",
        /// The tenant in which the application is registered.
        app_owner_organization_id: Option<TenantId> = "appOwnerOrganizationId",
        /// The application's display name.
        app_display_name: Option<String> = "appDisplayName",
        /// When it was created, in UTC: returned, though v1.0 does not declare it.
        created_date_time: Option<OffsetDateTime> = "createdDateTime",
        /// When it was deleted, in UTC; none while it is live.
        deleted_date_time: Option<OffsetDateTime> = "deletedDateTime",
        /// Whether users must be assigned first.
        app_role_assignment_required: Option<bool> = "appRoleAssignmentRequired",
        /// The application permissions that it publishes.
        app_roles: Vec<AppRole> = "appRoles",
        /// The delegated permissions that it publishes.
        oauth2_permission_scopes: Vec<PermissionScope> = "oauth2PermissionScopes",
        /// Permissions that are granted per team or chat.
        resource_specific_application_permissions: Vec<ResourceSpecificPermission> = "resourceSpecificApplicationPermissions",
        /// Tags, the application's among them.
        tags: Vec<String> = "tags",
        /// Its own secrets, without their values.
        password_credentials: Vec<PasswordCredential> = "passwordCredentials",
        /// Its own certificates.
        key_credentials: Vec<KeyCredential> = "keyCredentials",
        /// The application's redirect URIs.
        reply_urls: Vec<String> = "replyUrls",
        /// Its names: the client id and the identifier URIs.
        service_principal_names: Vec<String> = "servicePrincipalNames",
        /// Who may sign in.
        sign_in_audience: Option<SignInAudience> = "signInAudience",
        /// Custom behaviour for services.
        add_ins: Vec<AddIn> = "addIns",
        /// Alternative names.
        alternative_names: Vec<String> = "alternativeNames",
        /// The application's description.
        app_description: Option<String> = "appDescription",
        /// The gallery template that it came from.
        application_template_id: Option<String> = "applicationTemplateId",
        /// The client id of the app that created it.
        created_by_app_id: Option<String> = "createdByAppId",
        /// The description.
        description: Option<String> = "description",
        /// Whether Microsoft disabled it.
        disabled_by_microsoft_status: Option<String> = "disabledByMicrosoftStatus",
        /// The home page.
        homepage: Option<String> = "homepage",
        /// Pages about it.
        info: Option<InformationalUrl> = "info",
        /// Whether it gets no tokens.
        is_disabled: Option<bool> = "isDisabled",
        /// The login page.
        login_url: Option<String> = "loginUrl",
        /// The logout page.
        logout_url: Option<String> = "logoutUrl",
        /// Internal notes.
        notes: Option<String> = "notes",
        /// Who hears of certificates that end.
        notification_email_addresses: Vec<String> = "notificationEmailAddresses",
        /// How users sign in.
        preferred_single_sign_on_mode: Option<String> = "preferredSingleSignOnMode",
        /// The signing key that is preferred.
        preferred_token_signing_key_thumbprint: Option<String> = "preferredTokenSigningKeyThumbprint",
        /// Settings of SAML sign-on.
        saml_single_sign_on_settings: Option<SamlSingleSignOnSettings> = "samlSingleSignOnSettings",
        /// The key that tokens are encrypted with.
        token_encryption_key_id: Option<uuid::Uuid> = "tokenEncryptionKeyId",
        /// The verified publisher.
        verified_publisher: Option<VerifiedPublisher> = "verifiedPublisher",
    }
}

/// What can be set of a service principal, in a creation as in a change.
macro_rules! principal_setters {
    ($name:ident { $($own:tt)* }) => {
        setters! {
            $name {
                $($own)*
                /// Whether the app can sign in. On by default.
                account_enabled("accountEnabled"): bool;
                /// Whether users must be assigned first. Off by default.
                app_role_assignment_required("appRoleAssignmentRequired"): bool;
                /// Tags, all of them.
                tags("tags"): Vec<String>;
                /// Internal notes, up to 1,024 characters.
                notes("notes"): String, clear clear_notes;
                /// The description, up to 1,024 characters.
                description("description"): String, clear clear_description;
                /// The display name.
                display_name("displayName"): String;
                /// The home page.
                homepage("homepage"): String, clear clear_homepage;
                /// The login page.
                login_url("loginUrl"): String, clear clear_login_url;
                /// How users sign in.
                preferred_single_sign_on_mode("preferredSingleSignOnMode"): String, clear clear_preferred_single_sign_on_mode;
                /// Who hears of certificates that end, all of them.
                notification_email_addresses("notificationEmailAddresses"): Vec<String>;
                /// Alternative names, all of them.
                alternative_names("alternativeNames"): Vec<String>;
                /// Settings of SAML sign-on.
                saml_single_sign_on_settings("samlSingleSignOnSettings"): SamlSingleSignOnSettings, clear clear_saml_single_sign_on_settings;
            }
        }
    };
}

/// A change of a service principal: what is not set stays as it is, collections are replaced whole
/// ([update](https://learn.microsoft.com/graph/api/serviceprincipal-update)).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ServicePrincipalPatch(Body);

impl ServicePrincipalPatch {
    /// Nothing set yet.
    pub fn new() -> Self {
        Self::default()
    }
}

principal_setters! {
    ServicePrincipalPatch {
    }
}

/// A new service principal ([create](https://learn.microsoft.com/graph/api/serviceprincipal-post-serviceprincipals)).
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

    /// The application that it is for, as text.
    pub(crate) fn app_id(&self) -> String {
        self.0.text("appId").unwrap_or_default().to_owned()
    }
}

principal_setters! {
    NewServicePrincipal {
    }
}
