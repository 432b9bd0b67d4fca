//! The guide as a value: what an app registration is to be.

use serde::{Deserialize, Serialize};
use time::Duration;
use url::{Host, Url};

use crate::consent::ConsentApp;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::model::SignInAudience;
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::caller_permissions::CallerPermissions;
use crate::provision::credential::ClientSecret;
use crate::provision::redirect_uri::{Platform, RedirectUri};

/// With this tag on its service principal, the portal lists the app under Enterprise applications.
pub(super) const ENTERPRISE_TAG: &str = "WindowsAzureActiveDirectoryIntegratedApp";

/// What an app registration is to be: the vendor's guide, written down once.
///
/// ```
/// use entra_apps::permission::microsoft_graph::{application, delegated};
/// use entra_apps::{AppRegistration, ClientSecret, Platform, SignInAudience};
///
/// let immybot = AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
///     .audience(SignInAudience::MultipleOrganizations)
///     .redirect_uri(Platform::Web, "https://contoso.immy.bot/consent-callback")
///     .permission(application::DIRECTORY_READ_ALL)
///     .permission(delegated::USER_READ)
///     .optional(application::APPLICATION_READ_WRITE_ALL, "Add Azure Sync Fabric to Tenant task")
///     .credential(ClientSecret::new("ImmyBot").valid_for_months(24));
/// immybot.check()?;
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct AppRegistration {
    pub(super) unique_name: String,
    pub(super) display_name: String,
    pub(super) audience: SignInAudience,
    #[serde(default)]
    pub(super) redirect_uris: Vec<RedirectUri>,
    #[serde(default)]
    pub(super) public_client_flows: Option<bool>,
    #[serde(default)]
    pub(super) permissions: Vec<PermissionEntry>,
    #[serde(default)]
    pub(super) selection: Selection,
    #[serde(default = "on")]
    pub(super) admin_consent: bool,
    #[serde(default)]
    pub(super) credentials: Vec<ClientSecret>,
    #[serde(default)]
    pub(super) notes: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default = "on")]
    pub(super) listed_as_enterprise_application: bool,
    #[serde(default)]
    pub(super) homepage: Option<String>,
    #[serde(default)]
    pub(super) logout_url: Option<String>,
    #[serde(default)]
    pub(super) property_lock: Option<bool>,
    #[serde(default)]
    pub(super) use_within: Option<Duration>,
    #[serde(default)]
    pub(super) confirmations: Vec<Confirmation>,
    #[serde(default)]
    pub(super) remove_surplus: bool,
}

fn on() -> bool {
    true
}

/// A permission that the guide names, required or optional.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PermissionEntry {
    pub(super) permission: Permission,
    /// What it is needed for; without a purpose it is required.
    #[serde(default)]
    pub(super) purposes: Vec<String>,
}

/// Which optional permissions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Selection {
    #[default]
    None,
    Purposes(Vec<String>),
    All,
}

/// A step that only a person can confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confirmation {
    pub(super) code: String,
    pub(super) step: String,
}

impl AppRegistration {
    /// Starts the registration of an app that is found by its unique name, whatever it is called.
    ///
    /// The unique name is Graph's immutable `uniqueName`: choose it once and for ever, such as `contoso-backup`. Single
    /// tenant, admin consent on, listed under Enterprise applications, unless said otherwise.
    pub fn new(unique_name: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self {
            unique_name: unique_name.into(),
            display_name: display_name.into(),
            audience: SignInAudience::SingleOrganization,
            redirect_uris: Vec::new(),
            public_client_flows: None,
            permissions: Vec::new(),
            selection: Selection::None,
            admin_consent: true,
            credentials: Vec::new(),
            notes: None,
            tags: Vec::new(),
            listed_as_enterprise_application: true,
            homepage: None,
            logout_url: None,
            property_lock: None,
            use_within: None,
            confirmations: Vec::new(),
            remove_surplus: false,
        }
    }

    /// Sets who may sign in to the app: the portal's *Supported account types*.
    pub fn audience(mut self, audience: SignInAudience) -> Self {
        self.audience = audience;
        self
    }

    /// Adds a redirect URI, kept exactly as given.
    pub fn redirect_uri(mut self, platform: Platform, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(RedirectUri::new(platform, uri));
        self
    }

    /// Sets *Allow public client flows*: device code, and sign-in without a secret. Left as it is unless said.
    pub fn public_client_flows(mut self, allowed: bool) -> Self {
        self.public_client_flows = Some(allowed);
        self
    }

    /// Adds a permission that the app cannot do without.
    pub fn permission(mut self, permission: Permission) -> Self {
        self.permissions.push(PermissionEntry { permission, purposes: Vec::new() });
        self
    }

    /// Adds a permission that is needed for `purpose` only: neither declared nor granted unless the purpose is
    /// selected. Say it again for a further purpose.
    pub fn optional(mut self, permission: Permission, purpose: impl Into<String>) -> Self {
        let purpose = purpose.into();
        match self.permissions.iter_mut().find(|entry| entry.permission == permission && !entry.purposes.is_empty()) {
            Some(entry) => entry.purposes.push(purpose),
            None => self.permissions.push(PermissionEntry { permission, purposes: vec![purpose] }),
        }
        self
    }

    /// Selects the optional permissions of one purpose.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when no permission has that purpose; the error lists those
    /// that there are.
    pub fn select(mut self, purpose: &str) -> Result<Self, Error> {
        let known = self.purposes();
        let Some(found) = known.iter().find(|known| known.eq_ignore_ascii_case(purpose.trim())) else {
            let list = known.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
            return Err(Error::new(ErrorCode::UnknownPurpose)
                .with_message(format!("no permission is for “{purpose}”"))
                .with_remedy(if list.is_empty() {
                    "There are no optional permissions.".to_owned()
                } else {
                    format!("Choose one of {list}.")
                }));
        };
        let found = (*found).to_owned();
        match &mut self.selection {
            Selection::All => {}
            Selection::Purposes(selected) if selected.contains(&found) => {}
            Selection::Purposes(selected) => selected.push(found),
            Selection::None => self.selection = Selection::Purposes(vec![found]),
        }
        Ok(self)
    }

    /// Selects every optional permission.
    pub fn select_all(mut self) -> Self {
        self.selection = Selection::All;
        self
    }

    /// Sets whether the permissions are granted for the whole tenant, as the button *Grant admin consent* does. On by
    /// default.
    pub fn admin_consent(mut self, granted: bool) -> Self {
        self.admin_consent = granted;
        self
    }

    /// Adds a client secret.
    pub fn credential(mut self, secret: ClientSecret) -> Self {
        self.credentials.push(secret);
        self
    }

    /// Sets the internal notes of the registration.
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Some(notes.into());
        self
    }

    /// Adds a tag to the application.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets whether the portal lists the app under Enterprise applications. On by default.
    pub fn listed_as_enterprise_application(mut self, listed: bool) -> Self {
        self.listed_as_enterprise_application = listed;
        self
    }

    /// Sets the home page.
    pub fn homepage(mut self, url: impl Into<String>) -> Self {
        self.homepage = Some(url.into());
        self
    }

    /// Sets the front-channel logout URL, by which Entra tells the app that a user signed out.
    pub fn logout_url(mut self, url: impl Into<String>) -> Self {
        self.logout_url = Some(url.into());
        self
    }

    /// Sets the [instance property
    /// lock](https://learn.microsoft.com/entra/identity-platform/howto-configure-app-instance-property-locks): nobody
    /// in another tenant can change the app's credentials there. On by default for a multi-tenant app, left as it is
    /// otherwise.
    pub fn instance_property_lock(mut self, locked: bool) -> Self {
        self.property_lock = Some(locked);
        self
    }

    /// Sets the time from its creation within which the app must be used; past it, `verify` says to make a new one.
    pub fn use_within(mut self, time: Duration) -> Self {
        self.use_within = Some(time);
        self
    }

    /// Adds a step that only a person can confirm, such as `secret_stored`, “The secret is stored securely”. It stands
    /// in the checklist and is never ticked by itself.
    pub fn confirmation(mut self, code: impl Into<String>, step: impl Into<String>) -> Self {
        self.confirmations.push(Confirmation { code: code.into(), step: step.into() });
        self
    }

    /// Removes what is surplus too: redirect URIs, declared permissions, and tenant-wide grants that are not named here.
    /// Secrets, owners and grants of single users are never removed by this.
    pub fn remove_surplus(mut self) -> Self {
        self.remove_surplus = true;
        self
    }

    /// What of this registration matters to an admin consent link, once it is applied as `app_id` of `home_tenant`.
    pub fn consent_app(&self, app_id: AppId, home_tenant: TenantId) -> ConsentApp {
        let app = ConsentApp::new(app_id, home_tenant).audience(&self.audience);
        let app = self.redirect_uris.iter().fold(app, |app, uri| app.redirect_uri(&uri.uri));
        self.wanted_permissions().fold(app, |app, permission| app.declares(permission.api()))
    }

    /// The unique name by which the app is found: Graph's immutable `uniqueName`.
    pub fn unique_name(&self) -> &str {
        &self.unique_name
    }

    /// The display name.
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The descriptions of its client secrets.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.credentials.iter().map(ClientSecret::name)
    }

    /// Every purpose that an optional permission has, in order.
    pub fn purposes(&self) -> Vec<&str> {
        let mut purposes: Vec<&str> = Vec::new();
        for purpose in self.permissions.iter().flat_map(|entry| &entry.purposes) {
            if !purposes.contains(&purpose.as_str()) {
                purposes.push(purpose);
            }
        }
        purposes
    }

    /// The permissions that are wanted: the required ones, and the optional ones selected.
    pub fn wanted_permissions(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.iter().filter(|entry| self.wants(entry)).map(|entry| &entry.permission)
    }

    /// What whoever applies this registration needs, as it stands: the grants of optional permissions count when they
    /// are selected.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph::application;
    /// use entra_apps::{AppRegistration, EntraRole};
    ///
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::DIRECTORY_READ_ALL);
    /// assert!(backup.caller_permissions().roles.contains(&EntraRole::PrivilegedRoleAdministrator));
    /// ```
    pub fn caller_permissions(&self) -> CallerPermissions {
        CallerPermissions::to_grant(self.wanted_permissions().filter(|_| self.admin_consent))
    }

    /// Checks what can be checked without a tenant; [`Client::plan`](crate::Client::plan) does it too.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for the first thing that Entra would refuse.
    pub fn check(&self) -> Result<(), Error> {
        let personal = allows_personal_accounts(&self.audience);
        self.check_names(personal)?;
        self.check_redirect_uris(personal)?;
        self.check_permissions(personal)?;
        self.check_credentials(personal)?;
        for (what, url) in [("homepage", &self.homepage), ("logout URL", &self.logout_url)] {
            if let Some(url) = url {
                check_url(what, url)?;
            }
        }
        self.check_tags()?;
        self.check_texts()
    }

    /// The application permissions that the tokens of the app must hold, by API; Microsoft Graph alone where there are
    /// none.
    pub(super) fn application_permissions_by_api(&self) -> Vec<(AppId, Vec<String>)> {
        let mut wanted: Vec<(AppId, Vec<String>)> = Vec::new();
        for permission in self.wanted_permissions().filter(|it| it.kind() == PermissionKind::Application) {
            // A permission without a name cannot be looked for in a token.
            let Some(name) = permission.name().filter(|_| !permission.is_resource_specific()) else { continue };
            match wanted.iter_mut().find(|(api, _)| *api == permission.api()) {
                Some((_, names)) => names.push(name.to_owned()),
                None => wanted.push((permission.api(), vec![name.to_owned()])),
            }
        }
        if wanted.is_empty() {
            wanted.push((MICROSOFT_GRAPH, Vec::new()));
        }
        wanted
    }

    fn wants(&self, entry: &PermissionEntry) -> bool {
        entry.purposes.is_empty()
            || match &self.selection {
                Selection::None => false,
                Selection::All => true,
                Selection::Purposes(selected) => entry.purposes.iter().any(|purpose| selected.contains(purpose)),
            }
    }

    pub(super) fn locks_properties(&self) -> Option<bool> {
        self.property_lock.or_else(|| is_multi_tenant(&self.audience).then_some(true))
    }

    fn check_names(&self, personal: bool) -> Result<(), Error> {
        let name = &self.unique_name;
        if name.trim().is_empty() || name.chars().count() > 256 || name.chars().any(char::is_control) {
            return Err(Error::new(ErrorCode::InvalidUniqueName));
        }
        let max = if personal { 90 } else { 256 };
        let length = self.display_name.chars().count();
        if self.display_name.trim().is_empty() || length > max {
            return Err(Error::new(ErrorCode::InvalidDisplayName)
                .with_message(format!("the display name has {length} characters; 1 to {max} are allowed")));
        }
        if let SignInAudience::Other(other) = &self.audience {
            return Err(
                Error::new(ErrorCode::InvalidAudience).with_message(format!("{other} is no audience that Entra knows"))
            );
        }
        Ok(())
    }

    fn check_redirect_uris(&self, personal: bool) -> Result<(), Error> {
        let max = if personal { 100 } else { 256 };
        if self.redirect_uris.len() > max {
            return Err(Error::new(ErrorCode::TooManyRedirectUris)
                .with_message(format!("there are more than {max} redirect URIs")));
        }
        for (index, uri) in self.redirect_uris.iter().enumerate() {
            uri.check(personal)?;
            let earlier = self.redirect_uris[..index].iter().find(|other| other.uri.eq_ignore_ascii_case(&uri.uri));
            if let Some(earlier) = earlier {
                return Err(Error::new(ErrorCode::RedirectUriTwice).with_message(format!(
                    "the redirect URI {} stands twice: {} and {}",
                    uri.uri,
                    earlier.platform.portal_name(),
                    uri.platform.portal_name()
                )));
            }
        }
        Ok(())
    }

    fn check_permissions(&self, personal: bool) -> Result<(), Error> {
        for (index, entry) in self.permissions.iter().enumerate() {
            if self.permissions[..index].iter().any(|other| other.permission == entry.permission) {
                return Err(Error::new(ErrorCode::PermissionTwice)
                    .with_message(format!("the permission {} stands twice", entry.permission))
                    .with_remedy("Name it once, as required or as optional."));
            }
        }
        let wanted: Vec<_> = self.wanted_permissions().collect();
        if let Some(permission) = wanted.iter().find(|permission| permission.is_resource_specific()) {
            return Err(Error::new(ErrorCode::ResourceSpecificPermission)
                .with_message(format!("{permission} is granted per team or chat, not for a tenant")));
        }
        let mut apis: Vec<_> = wanted.iter().map(|permission| permission.api()).collect();
        apis.sort();
        apis.dedup();
        let max = if personal { 200 } else { 400 };
        let limits = if apis.len() > 50 {
            Some("more than 50 APIs".to_owned())
        } else if wanted.len() > max {
            Some(format!("more than {max} permissions"))
        } else if personal && apis.iter().any(|api| wanted.iter().filter(|p| p.api() == *api).count() > 30) {
            Some("more than 30 permissions of one API, the limit for personal accounts".to_owned())
        } else {
            None
        };
        match limits {
            Some(what) => {
                Err(Error::new(ErrorCode::TooManyPermissions).with_message(format!("the app declares {what}")))
            }
            None => Ok(()),
        }
    }

    fn check_credentials(&self, personal: bool) -> Result<(), Error> {
        if personal && self.credentials.len() > 2 {
            return Err(Error::new(ErrorCode::TooManySecrets));
        }
        for (index, secret) in self.credentials.iter().enumerate() {
            secret.check()?;
            if self.credentials[..index].iter().any(|other| other.name() == secret.name()) {
                return Err(Error::new(ErrorCode::SecretTwice)
                    .with_message(format!("two client secrets are called “{}”", secret.name())));
            }
        }
        Ok(())
    }

    fn check_tags(&self) -> Result<(), Error> {
        for (index, tag) in self.tags.iter().enumerate() {
            let length = tag.chars().count();
            if length == 0 || length > 256 || tag.contains(char::is_whitespace) || self.tags[..index].contains(tag) {
                return Err(Error::new(ErrorCode::InvalidTag)
                    .with_message(format!("the tag {tag:?} is not one that Entra takes"))
                    .with_remedy("A tag has 1 to 256 characters without blanks, and stands once."));
            }
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), Error> {
        if self.notes.as_ref().is_some_and(|notes| notes.chars().count() > 1024) {
            return Err(Error::new(ErrorCode::NotesTooLong));
        }
        if self.purposes().iter().any(|purpose| purpose.trim().is_empty()) {
            return Err(Error::new(ErrorCode::EmptyPurpose));
        }
        if self.use_within.is_some_and(|time| !time.is_positive()) {
            return Err(Error::new(ErrorCode::InvalidUseWithin));
        }
        for (index, confirmation) in self.confirmations.iter().enumerate() {
            let code = &confirmation.code;
            if code.trim().is_empty() || self.confirmations[..index].iter().any(|other| other.code == *code) {
                return Err(Error::new(ErrorCode::InvalidConfirmation)
                    .with_message(format!("the confirmation code “{code}” is empty or stands twice")));
            }
        }
        Ok(())
    }
}

pub(super) fn is_multi_tenant(audience: &SignInAudience) -> bool {
    matches!(audience, SignInAudience::MultipleOrganizations | SignInAudience::MultipleOrganizationsAndPersonalAccounts)
}

pub(super) fn allows_personal_accounts(audience: &SignInAudience) -> bool {
    matches!(audience, SignInAudience::MultipleOrganizationsAndPersonalAccounts | SignInAudience::PersonalAccounts)
}

fn check_url(what: &str, text: &str) -> Result<(), Error> {
    let good = text.chars().count() <= 255
        && Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https" || (url.scheme() == "http" && url.host() == Some(Host::Domain("localhost")))
        });
    if good {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidPageUrl).with_message(format!("the {what} {text} is not one that Entra takes")))
}
