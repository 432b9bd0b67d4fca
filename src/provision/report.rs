//! The report of an apply: the ids, what was done, each secret once, and what is left for a person.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Serialize;
use time::OffsetDateTime;
use url::Url;

use crate::error::{BoxError, ErrorCode};
use crate::ids::{AppId, ApplicationId, KeyId, ServicePrincipalId, TenantId};
use crate::provision::notice::Notice;
use crate::provision::progress::Done;

/// The report of an apply: what it did, or had done when it failed.
///
/// # JSON
/// `tenantId`, `application` (a [`RegisteredApplication`], or null), `servicePrincipal` (an [`InstalledPrincipal`], or left out), `secrets` (each an [`IssuedSecret`], **without its
/// value**), `certificates` (each an [`IssuedCertificate`]), `done` (each a [`Done`]), `corrections` (sentences), `open` (each an [`OpenItem`]) and `notices` (each a [`Notice`], or left out). A value is written by nobody but the
/// caller, who takes it from [`IssuedSecret::value`].
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::secrecy::ExposeSecret;
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// let registered = client.apply(&client.plan(&backup).await?).await?;
/// let app = registered.application.as_ref().expect("an apply that succeeds has one");
/// println!("tenant {}, client id {}", registered.tenant_id, app.app_id);
///
/// let json = serde_json::to_string(&registered)?;
/// assert!(!json.contains(registered.secrets[0].value.expose_secret()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Registered {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The application, once it is there.
    pub application: Option<RegisteredApplication>,
    /// The service principal of an app that is not registered here: of an [`Installation`](crate::provision::Installation),
    /// once it is there. In JSON it is left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_principal: Option<InstalledPrincipal>,
    /// The secrets that this run issued, each with its value: it is here and nowhere else.
    pub secrets: Vec<IssuedSecret>,
    /// The certificates that this run added. The private key of one that it made is in the secret sink and nowhere else.
    pub certificates: Vec<IssuedCertificate>,
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What was corrected on the way: a permission whose id differs in this tenant, a lifetime that a policy does not allow
    /// and that was [to be shortened](crate::provision::PlanRequest::shorten).
    pub corrections: Vec<String>,
    /// What is left for a person to do.
    pub open: Vec<OpenItem>,
    /// What is to be known of the tenant, and undoes nothing. In JSON it is left out where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// The ids of an application.
///
/// # JSON
/// `appId`, `applicationId`, `servicePrincipalId`, `uniqueName`, `displayName` and `created` (RFC 3339); null is what is
/// not known.
///
/// ```
/// use entra_apps::provision::RegisteredApplication;
///
/// // From what a product has stored:
/// let app = RegisteredApplication::new(
///     "6731de76-14a6-49ae-97bc-6eba6914391e".parse()?,
///     "ed7cc2c5-4d63-4f47-a7b1-6d83c2b4a5f1".parse()?,
/// )
/// .display_name("Contoso Backup");
/// assert_eq!(app.service_principal_id, None);
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RegisteredApplication {
    /// The *application (client) id*.
    pub app_id: AppId,
    /// The *object id* of the registration.
    pub application_id: ApplicationId,
    /// The object id of its service principal here, once it is there.
    pub service_principal_id: Option<ServicePrincipalId>,
    /// The unique name.
    pub unique_name: Option<String>,
    /// The display name.
    pub display_name: Option<String>,
    /// When it was created, in UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub created: Option<OffsetDateTime>,
}

impl RegisteredApplication {
    /// Names an application by its client id and the object id of its registration.
    pub fn new(app_id: AppId, application_id: ApplicationId) -> Self {
        Self {
            app_id,
            application_id,
            service_principal_id: None,
            unique_name: None,
            display_name: None,
            created: None,
        }
    }

    /// Sets the object id of its service principal in the tenant.
    #[must_use]
    pub fn service_principal_id(mut self, id: ServicePrincipalId) -> Self {
        self.service_principal_id = Some(id);
        self
    }

    /// Sets the unique name.
    #[must_use]
    pub fn unique_name(mut self, name: impl Into<String>) -> Self {
        self.unique_name = Some(name.into());
        self
    }

    /// Sets the display name.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets when it was created.
    #[must_use]
    pub fn created(mut self, at: OffsetDateTime) -> Self {
        self.created = Some(at);
        self
    }
}

/// The service principal of an app that is not registered in its tenant.
///
/// # JSON
/// `servicePrincipalId`, `appId`, `displayName` and `publisher` (the tenant of the app); null is what is not known.
///
/// ```
/// # use entra_emulator::{MemoryCloud, MemoryTenant};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let cloud = MemoryCloud::new([MemoryTenant::builder(), MemoryTenant::builder()]);
/// let [vendor, customer] = [0, 1].map(|index| &cloud.tenants()[index]);
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
/// let client = cloud.client(vendor);
/// let app_id = client.apply(&client.plan(&backup).await?).await?.application.unwrap().app_id;
///
/// let client = cloud.client(customer);
/// let plan = client.install(app_id, vendor.id(), &backup).plan().await?;
/// let installed = client.apply(&plan).await?.service_principal.unwrap();
/// assert_eq!((installed.app_id, installed.publisher), (Some(app_id), Some(vendor.id())));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InstalledPrincipal {
    /// The object id of the service principal.
    pub service_principal_id: ServicePrincipalId,
    /// The *application (client) id*.
    pub app_id: Option<AppId>,
    /// The display name.
    pub display_name: Option<String>,
    /// The tenant in which the app is registered; a managed identity has none.
    pub publisher: Option<TenantId>,
}

/// What a credential is that a secret sink stores.
///
/// ```
/// use entra_apps::provision::CredentialKind;
///
/// assert_eq!(serde_json::to_value(CredentialKind::ClientSecret)?, "client_secret");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CredentialKind {
    /// A client secret, whose value is the portal's *Value*.
    ClientSecret,
    /// A certificate, whose value is its private key and itself, as PEM:
    /// [`ClientCertificate::from_pem`](crate::auth::ClientCertificate::from_pem) reads it.
    Certificate,
}

impl CredentialKind {
    /// What it is called in a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::ClientSecret => "client secret",
            Self::Certificate => "certificate",
        }
    }
}

/// A certificate that was added to an application. There is no private key in it.
///
/// # JSON
/// `tenantId`, `appId`, `keyId`, `displayName`, `thumbprint`, `pem` and `end` (RFC 3339); null is what is not known.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let der = include_bytes!("../../emulator/certificates/one.der");
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::Certificate;
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(Certificate::from_der("Backup", der)?);
/// let registered = client.apply(&client.plan(&backup).await?).await?;
/// assert_eq!(registered.certificates[0].display_name, "Backup");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IssuedCertificate {
    /// The tenant that it is for.
    pub tenant_id: TenantId,
    /// The *application (client) id* that it is for.
    pub app_id: AppId,
    /// The id of the certificate in the application.
    pub key_id: KeyId,
    /// The description.
    pub display_name: String,
    /// The SHA-1 of the certificate, which the portal shows: forty upper-case hexadecimal digits.
    pub thumbprint: String,
    /// The certificate as PEM.
    pub pem: String,
    /// When one that was made ends, in UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
}

/// A client secret with its value, or a certificate with its private key: one that was issued here, or one that a program has
/// stored.
///
/// # JSON
/// `tenantId`, `appId`, `kind`, `keyId`, `displayName` and `end` (RFC 3339); null is what is not known. **The value is left
/// out**: where it is to be written, the caller writes it.
///
/// # Examples
/// After a restart, a program waits for the secret that it has stored. The wait uses the tenant, the client id and the
/// value.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, ClientSecret, IssuedSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// # let mut registered = client.apply(&client.plan(&backup).await?).await?;
/// # let issued = registered.secrets.remove(0);
/// # let (tenant_id, app_id, key_id, value) = (issued.tenant_id, issued.app_id, issued.key_id, issued.value);
/// let stored = IssuedSecret::new(tenant_id, app_id, key_id, value);
/// client.wait_until_usable(&stored, &backup).times(1).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IssuedSecret {
    /// The tenant that it is for.
    pub tenant_id: TenantId,
    /// The *application (client) id* that it is for.
    pub app_id: AppId,
    /// What it is.
    pub kind: CredentialKind,
    /// The portal's *Secret ID*: not the secret.
    pub key_id: KeyId,
    /// The description; an apply always sets it.
    pub display_name: Option<String>,
    /// The secret itself: the portal's *Value*. Of a certificate, its private key and itself, as PEM.
    #[serde(skip)]
    pub value: SecretString,
    /// When it ends, in UTC; an apply always sets it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub end: Option<OffsetDateTime>,
}

impl IssuedSecret {
    /// Takes up a secret that a program has stored.
    pub fn new(tenant_id: TenantId, app_id: AppId, key_id: KeyId, value: SecretString) -> Self {
        let kind = CredentialKind::ClientSecret;
        Self { tenant_id, app_id, kind, key_id, display_name: None, value, end: None }
    }

    /// Sets what it is, a client secret otherwise.
    #[must_use]
    pub fn kind(mut self, kind: CredentialKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets when it ends.
    #[must_use]
    pub fn end(mut self, end: OffsetDateTime) -> Self {
        self.end = Some(end);
        self
    }
}

/// Something that is left for a person.
///
/// Its codes: [`AdminConsentMissing`](ErrorCode::AdminConsentMissing),
/// [`SecretValueUnknown`](ErrorCode::SecretValueUnknown), [`SecretMaybeOrphaned`](ErrorCode::SecretMaybeOrphaned) and
/// [`UniqueNameRefused`](ErrorCode::UniqueNameRefused).
///
/// # JSON
/// `code` (its text), `text`, `remedy`, `keyId` and `link`; null is what there is none of.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::microsoft_graph::delegated;
/// use entra_apps::{AppRegistration, ErrorCode, RedirectUri};
///
/// let tenant = MemoryTenant::new();
/// // It may register apps, and not consent to their permissions.
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .redirect_uri(RedirectUri::web("https://backup.contoso.example/callback")?)
///     .permission(delegated::USER_READ);
///
/// let error = client.apply(&client.plan(&backup).await?).await.unwrap_err();
/// let open = &error.report().open[0];
/// assert_eq!(open.code, ErrorCode::AdminConsentMissing);
/// println!("{open}"); // to be sent to an administrator, with the link
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OpenItem {
    /// The stable code.
    pub code: ErrorCode,
    /// What is open, as a clause.
    pub text: String,
    /// What to do, in sentences.
    pub remedy: String,
    /// The secret that it concerns, by the portal's *Secret ID*.
    pub key_id: Option<KeyId>,
    /// Where to do it, for whoever may: the admin consent link of a grant that the caller may not make.
    pub link: Option<Url>,
}

impl OpenItem {
    /// Says what is open and what to do about it.
    pub fn new(code: ErrorCode, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, text: text.into(), remedy: remedy.into(), key_id: None, link: None }
    }

    /// Sets the secret that it concerns.
    #[must_use]
    pub fn key_id(mut self, key_id: KeyId) -> Self {
        self.key_id = Some(key_id);
        self
    }

    /// Sets where to do it.
    #[must_use]
    pub fn link(mut self, link: Url) -> Self {
        self.link = Some(link);
        self
    }
}

impl fmt::Display for OpenItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.text, self.remedy)?;
        match &self.link {
            Some(link) => write!(f, " {link}"),
            None => Ok(()),
        }
    }
}

/// Takes each secret as it is issued, before any further step: a vault, a file, the product's own store.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// use entra_apps::secrecy::SecretString;
/// use entra_apps::ids::AppId;
/// use entra_apps::{AppRegistration, BoxError, ClientSecret, IssuedSecret, SecretSink, async_trait};
///
/// #[derive(Debug, Default)]
/// struct Vault(Mutex<HashMap<AppId, SecretString>>);
///
/// #[async_trait]
/// impl SecretSink for Vault {
///     async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
///         let mut secrets = self.0.lock().map_err(|_| "the vault is locked for good")?;
///         secrets.insert(secret.app_id, secret.value.clone());
///         Ok(())
///     }
/// }
///
/// let client = MemoryTenant::new().client();
/// let vault = Arc::new(Vault::default());
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// let registered = client.apply(&client.plan(&backup).await?).secret_sink(vault.clone()).await?;
/// assert!(vault.0.lock().unwrap().contains_key(&registered.secrets[0].app_id));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[async_trait]
pub trait SecretSink: fmt::Debug + Send + Sync {
    /// Stores a secret. When it fails, the secret is removed from the application again.
    ///
    /// The future is dropped when the [deadline](crate::Apply::deadline) of the apply passes, which counts as a failure.
    ///
    /// # Errors
    /// When the secret could not be stored.
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::step::StepKind;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_report_in_json_is_of_the_documented_form_and_holds_no_value() {
        let [tenant, app, object, key] = [1, 2, 3, 4].map(|id| format!("00000000-0000-0000-0000-00000000000{id}"));
        let (tenant_id, app_id, key_id) = (TenantId::from_u128(1), AppId::from_u128(2), KeyId::from_u128(4));
        let bare = RegisteredApplication::new(app_id, ApplicationId::from_u128(3));
        assert_eq!(
            serde_json::to_value(&bare).unwrap(),
            json!({
                "appId": app, "applicationId": object, "servicePrincipalId": null, "uniqueName": null,
                "displayName": null, "created": null,
            })
        );
        let application = bare
            .service_principal_id(ServicePrincipalId::from_u128(4))
            .unique_name("contoso-backup")
            .display_name("Contoso Backup")
            .created(datetime!(2026-02-01 10:00 UTC));
        let secret = IssuedSecret::new(tenant_id, app_id, key_id, SecretString::from("m4rker"));
        let link = "https://login.microsoftonline.com/common/adminconsent".parse().unwrap();
        let registered = Registered {
            tenant_id,
            service_principal: None,
            application: Some(application),
            certificates: Vec::new(),
            secrets: vec![secret.clone(), secret.display_name("Main").end(datetime!(2028-01-31 10:00:05.25 UTC))],
            done: vec![Done { id: StepKind::NOTES.into(), text: "set the notes".to_owned() }],
            corrections: Vec::new(),
            open: vec![
                OpenItem::new(ErrorCode::AdminConsentMissing, "consent is missing", "Ask for it.").link(link),
                OpenItem::new(ErrorCode::SecretValueUnknown, "it is live", "Remove it.").key_id(key_id),
            ],
            notices: Vec::new(),
        };
        let json = serde_json::to_value(&registered).unwrap();
        assert_eq!(
            json,
            json!({
                "tenantId": tenant,
                "application": {
                    "appId": app, "applicationId": object, "servicePrincipalId": key, "uniqueName": "contoso-backup",
                    "displayName": "Contoso Backup", "created": "2026-02-01T10:00:00Z",
                },
                "secrets": [
                    {
                        "tenantId": tenant, "appId": app, "kind": "client_secret", "keyId": key, "displayName": null,
                        "end": null,
                    },
                    {
                        "tenantId": tenant, "appId": app, "kind": "client_secret", "keyId": key, "displayName": "Main",
                        "end": "2028-01-31T10:00:05.25Z",
                    },
                ],
                "certificates": [],
                "done": [{"code": "notes", "kind": "notes", "subject": null, "text": "set the notes"}],
                "corrections": [],
                "open": [
                    {
                        "code": "admin_consent_missing", "text": "consent is missing", "remedy": "Ask for it.",
                        "keyId": null, "link": "https://login.microsoftonline.com/common/adminconsent",
                    },
                    {
                        "code": "secret_value_unknown", "text": "it is live", "remedy": "Remove it.", "keyId": key,
                        "link": null,
                    },
                ],
            })
        );
        assert!(!format!("{json} {registered:?}").contains("m4rker"));
    }
}
