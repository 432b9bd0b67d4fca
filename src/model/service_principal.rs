//! A service principal: the app in one tenant.

use serde::{Deserialize, Serialize};
use serde_with::{DefaultOnNull, serde_as, skip_serializing_none};
use time::OffsetDateTime;

use crate::ids::{AppId, ServicePrincipalId, TenantId};
use crate::model::body::{Body, setters};
use crate::model::complex::{
    AddIn, AppRole, InformationalUrl, PermissionScope, ResourceSpecificPermission, SamlSingleSignOnSettings,
    VerifiedPublisher,
};
use crate::model::credentials::{KeyCredential, PasswordCredential};
use crate::model::enums::SignInAudience;
use crate::model::serde_forms::date;
use crate::model::unknown::Unknown;

/// A service principal: the app in one tenant
/// ([`servicePrincipal`](https://learn.microsoft.com/graph/api/resources/serviceprincipal)).
///
/// With `$select`, what was not asked for is absent.
#[serde_as]
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServicePrincipal {
    /// The object id.
    pub id: Option<ServicePrincipalId>,
    /// The application (client) id.
    pub app_id: Option<AppId>,
    /// The display name.
    pub display_name: Option<String>,
    /// Whether the app can sign in.
    pub account_enabled: Option<bool>,
    /// `Application`, `ManagedIdentity`, `Legacy` or `SocialIdp`.
    pub service_principal_type: Option<String>,
    /// The tenant in which the application is registered.
    pub app_owner_organization_id: Option<TenantId>,
    /// The application's display name.
    pub app_display_name: Option<String>,
    /// When it was created, in UTC: returned, though v1.0 does not declare it.
    #[serde(with = "date")]
    pub created_date_time: Option<OffsetDateTime>,
    /// When it was deleted, in UTC; none while it is live.
    #[serde(with = "date")]
    pub deleted_date_time: Option<OffsetDateTime>,
    /// Whether users must be assigned first.
    pub app_role_assignment_required: Option<bool>,
    /// The application permissions that it publishes.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub app_roles: Vec<AppRole>,
    /// The delegated permissions that it publishes.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub oauth2_permission_scopes: Vec<PermissionScope>,
    /// Permissions that are granted per team or chat.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_specific_application_permissions: Vec<ResourceSpecificPermission>,
    /// Tags, the application's among them.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its own secrets, without their values.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub password_credentials: Vec<PasswordCredential>,
    /// Its own certificates.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_credentials: Vec<KeyCredential>,
    /// The application's redirect URIs.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply_urls: Vec<String>,
    /// Its names: the client id and the identifier URIs.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_principal_names: Vec<String>,
    /// Who may sign in.
    pub sign_in_audience: Option<SignInAudience>,
    /// Custom behaviour for services.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_ins: Vec<AddIn>,
    /// Alternative names.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternative_names: Vec<String>,
    /// The application's description.
    pub app_description: Option<String>,
    /// The gallery template that it came from.
    pub application_template_id: Option<String>,
    /// The client id of the app that created it.
    pub created_by_app_id: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Whether Microsoft disabled it.
    pub disabled_by_microsoft_status: Option<String>,
    /// The home page.
    pub homepage: Option<String>,
    /// Pages about it.
    pub info: Option<InformationalUrl>,
    /// Whether it gets no tokens.
    pub is_disabled: Option<bool>,
    /// The login page.
    pub login_url: Option<String>,
    /// The logout page.
    pub logout_url: Option<String>,
    /// Internal notes.
    pub notes: Option<String>,
    /// Who hears of certificates that end.
    #[serde_as(deserialize_as = "DefaultOnNull")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notification_email_addresses: Vec<String>,
    /// How users sign in.
    pub preferred_single_sign_on_mode: Option<String>,
    /// The signing key that is preferred.
    pub preferred_token_signing_key_thumbprint: Option<String>,
    /// Settings of SAML sign-on.
    pub saml_single_sign_on_settings: Option<SamlSingleSignOnSettings>,
    /// The key that tokens are encrypted with.
    pub token_encryption_key_id: Option<uuid::Uuid>,
    /// The verified publisher.
    pub verified_publisher: Option<VerifiedPublisher>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub unknown: Unknown,
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
