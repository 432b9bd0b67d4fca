//! The guide as a value: what an app registration is to be.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with::{As, DurationSeconds};

use crate::consent::{ConsentApp, ExpectedPermissions};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::model::SignInAudience;
use crate::permission::Permission;
use crate::provision::caller_permissions::CallerPermissions;
use crate::provision::certificate::Certificate;
use crate::provision::confirmation::Confirmation;
use crate::provision::credential::{ClientSecret, Credential};
use crate::provision::federated_credential::FederatedCredential;
use crate::provision::findings::Findings;
use crate::provision::page_url::{LogoutUrl, PageUrl};
use crate::provision::permission_entry::{PermissionEntry, Place, Selection};
use crate::provision::redirect_uri::RedirectUri;
use crate::provision::tag::Tag;
use crate::strict::Strict;

/// What an app registration is to be: the vendor's guide, written down once.
///
/// ```
/// use entra_apps::permission::microsoft_graph::{application, delegated};
/// use entra_apps::{AppRegistration, ClientSecret, RedirectUri, SignInAudience};
///
/// let immybot = AppRegistration::new("immybot-custom", "ImmyBot Custom Application")
///     .audience(SignInAudience::MultipleOrganizations)
///     .redirect_uri(RedirectUri::web("https://contoso.immy.bot/consent-callback")?)
///     .permission(application::DIRECTORY_READ_ALL)
///     .permission(delegated::USER_READ)
///     .optional(application::APPLICATION_READ_WRITE_ALL, "Add Azure Sync Fabric to Tenant task")
///     .credential(ClientSecret::new("ImmyBot").valid_for_months(24));
/// immybot.check()?;
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct AppRegistration {
    pub(super) unique_name: String,
    pub(super) display_name: String,
    pub(super) audience: SignInAudience,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) public_client_flows: Option<bool>,
    pub(super) permissions: Vec<PermissionEntry>,
    pub(super) selection: Selection,
    pub(super) admin_consent: bool,
    pub(super) credentials: Vec<ClientSecret>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) federated_credentials: Vec<FederatedCredential>,
    pub(super) notes: Option<String>,
    pub(super) tags: Vec<Tag>,
    pub(super) listed_as_enterprise_application: bool,
    pub(super) homepage: Option<PageUrl>,
    pub(super) logout_url: Option<LogoutUrl>,
    pub(super) property_lock: Option<bool>,
    pub(super) use_within: Option<Duration>,
    pub(super) confirmations: Vec<Confirmation>,
    pub(super) remove_surplus: bool,
}

/// The form in which a registration is written and read.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AppRegistration", rename_all = "camelCase")]
struct WrittenRegistration {
    unique_name: String,
    display_name: String,
    audience: SignInAudience,
    #[serde(default)]
    redirect_uris: Vec<RedirectUri>,
    #[serde(default)]
    public_client_flows: Option<bool>,
    #[serde(default)]
    permissions: Vec<PermissionEntry>,
    #[serde(default)]
    selection: Selection,
    #[serde(default = "on")]
    admin_consent: bool,
    #[serde(default)]
    credentials: Vec<ClientSecret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Certificate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    federated_credentials: Vec<FederatedCredential>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default = "on")]
    listed_as_enterprise_application: bool,
    #[serde(default)]
    homepage: Option<PageUrl>,
    #[serde(default)]
    logout_url: Option<LogoutUrl>,
    #[serde(default)]
    property_lock: Option<bool>,
    #[serde(default, rename = "useWithinSeconds", with = "As::<Option<DurationSeconds<u64>>>")]
    use_within: Option<Duration>,
    #[serde(default)]
    confirmations: Vec<Confirmation>,
    #[serde(default)]
    remove_surplus: bool,
}

impl Serialize for AppRegistration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WrittenRegistration::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for AppRegistration {
    /// Reads what [`Serialize`] writes. A member that is not known is refused, with the one that was probably meant.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenRegistration::deserialize(Strict(deserializer))
    }
}

fn on() -> bool {
    true
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
            certificates: Vec::new(),
            federated_credentials: Vec::new(),
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

    /// Adds a redirect URI.
    pub fn redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.redirect_uris.push(uri);
        self
    }

    /// Turns on *Allow public client flows*: device code, and sign-in without a secret. Left as it is unless said.
    pub fn allow_public_client_flows(mut self) -> Self {
        self.public_client_flows = Some(true);
        self
    }

    /// Turns off *Allow public client flows*. Left as it is unless said.
    pub fn forbid_public_client_flows(mut self) -> Self {
        self.public_client_flows = Some(false);
        self
    }

    /// Adds a permission that the app cannot do without.
    pub fn permission(mut self, permission: Permission) -> Self {
        self.permissions.push(PermissionEntry::required(permission));
        self
    }

    /// Adds a permission that is needed for `purpose` only: neither declared nor granted unless the purpose is
    /// selected. Say it again for a further purpose.
    pub fn optional(mut self, permission: Permission, purpose: impl Into<String>) -> Self {
        let purpose = purpose.into();
        match self.permissions.iter_mut().find(|entry| entry.permission == permission && !entry.purposes.is_empty()) {
            Some(entry) => entry.purposes.push(purpose),
            None => {
                self.permissions
                    .push(PermissionEntry { purposes: vec![purpose], ..PermissionEntry::required(permission) });
            }
        }
        self
    }

    /// Adds a permission that the app needs in its own tenant alone: to read the partner's delegated admin relationships,
    /// say, which a customer's tenant has none of.
    ///
    /// It is granted in the tenant in which the app is registered, and not declared: an admin consent link asks for all
    /// that is declared, so that each customer would be asked for it too. No [installation](crate::Client::install), consent
    /// or audit in another tenant counts it as wanted; where it is granted there, it is surplus.
    ///
    /// The portal's button *Grant admin consent* grants what is declared, and may take away what is not: apply the
    /// registration instead.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph::application;
    /// use entra_apps::{AppRegistration, SignInAudience};
    ///
    /// let sync = AppRegistration::new("contoso-sync", "Contoso Sync")
    ///     .audience(SignInAudience::MultipleOrganizations)
    ///     .permission(application::USER_READ_ALL)
    ///     .own_tenant_permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL);
    /// assert_eq!(sync.wanted_permissions().count(), 2);
    /// assert_eq!(sync.declared_permissions().collect::<Vec<_>>(), [&application::USER_READ_ALL]);
    /// ```
    pub fn own_tenant_permission(mut self, permission: Permission) -> Self {
        self.permissions.push(PermissionEntry { own_tenant: true, ..PermissionEntry::required(permission) });
        self
    }

    /// Adds permissions that the app can do without where a tenant lacks one of their APIs, because it has no licence for the
    /// service, say. The name is that by which the group is told to people, such as `Defender for Endpoint`.
    ///
    /// In a tenant that has the service principals of all their APIs they are wanted as any others. Elsewhere none of them is
    /// granted, and nothing is undone by it: plan, checklist and report have a [`Notice`](crate::provision::Notice) with the
    /// code [`ApiNotInTenant`](crate::ErrorCode::ApiNotInTenant). Once the API is there, the next plan grants them.
    ///
    /// They are declared in the app's own tenant all the same, so that an admin consent link asks for them: it fails as a
    /// whole in a tenant that lacks one of the APIs. Where the own tenant lacks the API itself, a permission can be declared
    /// that is given [by its id](Permission::by_id); of one that is given by its name alone, nobody knows the id there.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph::application;
    /// use entra_apps::permission::{Permission, PermissionKind, well_known};
    /// use entra_apps::AppRegistration;
    ///
    /// let exchange = well_known::OFFICE_365_EXCHANGE_ONLINE;
    /// let manage = Permission::by_name(exchange, "Exchange.ManageAsApp", PermissionKind::Application)?;
    /// let sync = AppRegistration::new("contoso-sync", "Contoso Sync")
    ///     .permission(application::USER_READ_ALL)
    ///     .where_available("Exchange Online", [manage]);
    /// assert_eq!(sync.wanted_permissions().count(), 2);
    /// # Ok::<(), entra_apps::Error>(())
    /// ```
    pub fn where_available(
        mut self,
        group: impl Into<String>,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Self {
        let group = group.into();
        self.permissions.extend(permissions.into_iter().map(|permission| PermissionEntry {
            where_available: Some(group.clone()),
            ..PermissionEntry::required(permission)
        }));
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
            return Err(unknown_purpose(purpose, &known));
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

    /// Declares the permissions and leaves it to somebody else to grant them. Otherwise they are granted for the whole
    /// tenant, as the button *Grant admin consent* does.
    pub fn without_admin_consent(mut self) -> Self {
        self.admin_consent = false;
        self
    }

    /// Adds a credential: a [`ClientSecret`], a [`Certificate`] or a [`FederatedCredential`].
    pub fn credential(mut self, credential: impl Into<Credential>) -> Self {
        match credential.into() {
            Credential::ClientSecret(secret) => self.credentials.push(secret),
            Credential::Certificate(certificate) => self.certificates.push(certificate),
            Credential::Federated(credential) => self.federated_credentials.push(credential),
        }
        self
    }

    /// Sets the internal notes of the registration.
    pub fn notes(mut self, notes: impl Into<String>) -> Self {
        self.notes = Some(notes.into());
        self
    }

    /// Adds a tag to the application.
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Leaves it open whether the portal lists the app under Enterprise applications. Otherwise it does.
    pub fn without_enterprise_listing(mut self) -> Self {
        self.listed_as_enterprise_application = false;
        self
    }

    /// Sets the home page.
    pub fn homepage(mut self, url: PageUrl) -> Self {
        self.homepage = Some(url);
        self
    }

    /// Sets the front-channel logout URL, by which Entra tells the app that a user signed out.
    pub fn logout_url(mut self, url: LogoutUrl) -> Self {
        self.logout_url = Some(url);
        self
    }

    /// Turns on the [app instance property
    /// lock](https://learn.microsoft.com/entra/identity-platform/howto-configure-app-instance-property-locks): nobody
    /// in another tenant can change the app's credentials there. On by default for a multi-tenant app, left as it is
    /// otherwise.
    pub fn lock_instance_properties(mut self) -> Self {
        self.property_lock = Some(true);
        self
    }

    /// Turns off the app instance property lock: see [`lock_instance_properties`](Self::lock_instance_properties).
    pub fn unlock_instance_properties(mut self) -> Self {
        self.property_lock = Some(false);
        self
    }

    /// Sets the time from its creation within which the app must be used, in whole seconds; past it, `verify` says to make
    /// a new one.
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
        let app = self.redirect_uris.iter().fold(app, |app, uri| app.redirect_uri(uri.as_str()));
        self.declared_permissions().fold(app, |app, permission| app.declares(permission.api()))
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

    /// The descriptions of its certificates.
    pub fn certificate_names(&self) -> impl Iterator<Item = &str> {
        self.certificates.iter().map(Certificate::name)
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

    /// The permissions that are wanted in the app's own tenant: the required ones, and the optional ones selected.
    pub fn wanted_permissions(&self) -> impl Iterator<Item = &Permission> {
        self.entries_in(Place::OwnTenant).map(|entry| &entry.permission)
    }

    /// The permissions that the app declares, which an admin consent link asks for, and which are wanted in other tenants:
    /// all that are [wanted](Self::wanted_permissions) but those [for the own tenant alone](Self::own_tenant_permission).
    pub fn declared_permissions(&self) -> impl Iterator<Item = &Permission> {
        self.entries_in(Place::OtherTenant).map(|entry| &entry.permission)
    }

    /// The entries of the permissions that are wanted in a tenant.
    pub(super) fn entries_in(&self, place: Place) -> impl Iterator<Item = &PermissionEntry> {
        let is_for = move |entry: &PermissionEntry| place == Place::OwnTenant || !entry.own_tenant;
        self.permissions.iter().filter(move |entry| is_for(entry) && self.wants(entry))
    }

    /// What whoever applies this registration needs, as it stands: the grants of optional permissions count when they
    /// are selected.
    ///
    /// ```
    /// use entra_apps::permission::microsoft_graph::application;
    /// use entra_apps::directory_role::DirectoryRole;
    /// use entra_apps::AppRegistration;
    ///
    /// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::DIRECTORY_READ_ALL);
    /// assert!(backup.caller_permissions().roles.contains(&DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR));
    /// ```
    pub fn caller_permissions(&self) -> CallerPermissions {
        CallerPermissions::to_grant(self.wanted_permissions().filter(|_| self.admin_consent))
    }

    fn wants(&self, entry: &PermissionEntry) -> bool {
        entry.purposes.is_empty()
            || match &self.selection {
                Selection::None => false,
                Selection::All => true,
                Selection::Purposes(selected) => entry.purposes.iter().any(|purpose| selected.contains(purpose)),
            }
    }

    /// A copy whose lists stand in one order, however they were named.
    pub(super) fn in_any_order(&self) -> Self {
        let mut sorted = self.clone();
        sorted.redirect_uris.sort();
        sorted.permissions.sort_by_cached_key(|entry| entry.permission.to_string());
        sorted.tags.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        sorted.credentials.sort_by(|one, other| one.name().cmp(other.name()));
        sorted.certificates.sort_by(|one, other| one.name().cmp(other.name()));
        sorted.federated_credentials.sort_by(|one, other| one.name().cmp(other.name()));
        sorted
    }

    /// Checks what belongs to no room: the time of use, and what a person confirms.
    pub(super) fn check_texts(&self, findings: &mut Findings) {
        let purposes = self.purposes();
        if let Selection::Purposes(selected) = &self.selection {
            let unknown = selected.iter().filter(|selected| !purposes.contains(&selected.as_str()));
            for unknown in unknown {
                findings.add(unknown_purpose(unknown, &purposes));
            }
        }
        if self.use_within.is_some_and(|time| time.is_zero()) {
            findings.add(Error::new(ErrorCode::InvalidUseWithin));
        }
        for (index, confirmation) in self.confirmations.iter().enumerate() {
            let code = &confirmation.code;
            if code.trim().is_empty() || self.confirmations[..index].iter().any(|other| other.code == *code) {
                let message = format!("the confirmation code “{code}” is empty or stands twice");
                findings.add(Error::new(ErrorCode::InvalidConfirmation).with_message(message));
            }
        }
    }
}

/// What a consent in another tenant is expected to have granted.
impl From<&AppRegistration> for ExpectedPermissions {
    fn from(registration: &AppRegistration) -> Self {
        let mut expected = Self::default();
        for entry in registration.entries_in(Place::OtherTenant) {
            expected.push(entry.permission.clone(), entry.where_available.clone());
        }
        expected
    }
}

/// The error for a purpose that no permission has.
fn unknown_purpose(purpose: &str, known: &[&str]) -> Error {
    let list = known.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
    Error::new(ErrorCode::UnknownPurpose).with_message(format!("no permission is for “{purpose}”")).with_remedy(
        if list.is_empty() {
            "There are no optional permissions.".to_owned()
        } else {
            format!("Choose one of {list}.")
        },
    )
}

pub(super) fn is_multi_tenant(audience: &SignInAudience) -> bool {
    matches!(audience, SignInAudience::MultipleOrganizations | SignInAudience::MultipleOrganizationsAndPersonalAccounts)
}

pub(super) fn allows_personal_accounts(audience: &SignInAudience) -> bool {
    matches!(audience, SignInAudience::MultipleOrganizationsAndPersonalAccounts | SignInAudience::PersonalAccounts)
}
