//! Linking: which tenant a customer of a product means, whether this cloud can reach it, and on which app the product works
//! there.

use serde::{Deserialize, Serialize};

use crate::auth::{FoundTenant, TenantLookup};
use crate::client::Client;
use crate::cloud::Cloud;
use crate::consent::{AdminConsentLink, ConsentApp};
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant, TenantId};
use crate::provision::checklist::Checklist;
use crate::provision::plan::Plan;
use crate::provision::registration::AppRegistration;

impl Client {
    /// Links a tenant by its id or one of its domains, as a person types it in: looks it up, and refuses a tenant that this
    /// client's cloud cannot reach. It takes no sign-in and no permission
    /// ([OpenID configuration](https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc)).
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let tenant = MemoryTenant::new();
    /// # let client = tenant.client();
    /// use entra_apps::ErrorCode;
    ///
    /// let linked = client.link_tenant("contoso.onmicrosoft.com").await.unwrap();
    /// assert_eq!((linked.tenant_id(), linked.cloud().name()), (tenant.id(), "global"));
    ///
    /// let error = client.link_tenant("contosso.onmicrosoft.com").await.unwrap_err();
    /// assert_eq!(error.code(), ErrorCode::UnknownTenant);
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidTenant`](crate::ErrorCode::InvalidTenant) for a text that is neither an id nor a domain,
    /// [`UnknownTenant`](crate::ErrorCode::UnknownTenant) where there is no such tenant, and
    /// [`WrongCloud`](crate::ErrorCode::WrongCloud) where it is in another cloud, which the message names.
    pub async fn link_tenant(&self, tenant: impl TryInto<Tenant, Error: Into<Error>>) -> Result<LinkedTenant, Error> {
        let lookup = TenantLookup::with_context(self.cloud().clone(), self.context().clone());
        let found = self.options().deadline.bound(self.clock(), lookup.get(tenant)).await;
        let found = found.unwrap_or_else(|| Err(Error::new(ErrorCode::DeadlineExceeded)))?;
        found.check_cloud(self.cloud())?;
        Ok(LinkedTenant { client: self.for_tenant(found.tenant_id), found })
    }

    /// Links the tenant that whoever is signed in belongs to, or has signed in to: the first tenant of a product's customer
    /// need not be typed in. It takes the sign-in alone.
    ///
    /// ```
    /// # use entra_emulator::MemoryTenant;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
    /// # use std::sync::Arc;
    /// use entra_apps::Client;
    /// use entra_apps::auth::public_client;
    /// # let tenant = MemoryTenant::new();
    /// # tenant.auto_sign_in(Some(&tenant.add_user("Ada Lovelace", &[])));
    ///
    /// let client = Client::builder()
    ///     .tenant("organizations") // of whoever signs in
    ///     .device_code(public_client::AZURE_CLI, |prompt| println!("{}", prompt.message))
    /// #   .transport(Arc::new(tenant.clone())).clock(tenant.clock())
    ///     .build()?;
    /// assert_eq!(client.link_own_tenant().await?.tenant_id(), tenant.id());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When signing in fails, or the token does not say by which tenant it was issued.
    pub async fn link_own_tenant(&self) -> Result<LinkedTenant, Error> {
        let tenant = self.tenant_id().await?;
        Ok(LinkedTenant { client: self.for_tenant(tenant), found: FoundTenant::new(tenant) })
    }
}

/// A tenant that was linked, with the client for it.
///
/// ```
/// # use entra_emulator::{MemoryCloud, MemoryTenant};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use entra_apps::partner::PermissionLevel;
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// # let tenant = MemoryTenant::new();
/// # let client = tenant.client();
/// let linked = client.link_tenant("contoso.onmicrosoft.com").await?;
/// let reports = AppRegistration::new("contoso-reports", "Contoso Reports")
///     .audience(SignInAudience::MultipleOrganizations)
///     .permission(application::USER_READ_ALL);
///
/// // The partner's own registration: what the permission level “Custom” means.
/// let level = PermissionLevel::Custom { registration: reports };
/// let plan = linked.plan(&level).await?;
/// linked.client().apply(&plan).await?;
/// assert!(linked.verify(&level).await?.is_done());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct LinkedTenant {
    client: Client,
    found: FoundTenant,
}

impl LinkedTenant {
    /// The tenant's id.
    pub fn tenant_id(&self) -> TenantId {
        self.found.tenant_id
    }

    /// The cloud that it was linked in.
    pub fn cloud(&self) -> &Cloud {
        self.client.cloud()
    }

    /// What was found of the tenant: its region, where it was looked up.
    pub fn found(&self) -> &FoundTenant {
        &self.found
    }

    /// The client for this tenant.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Plans what the level lacks in this tenant: the vendor's app with its grants, by [`Client::install`], or the partner's
    /// own registration, by [`Client::plan`]. It is applied by [`Client::apply`]. Reads only.
    ///
    /// # Errors
    /// Those of [`Installation::plan`](crate::provision::Installation::plan) and of [`Client::plan`].
    pub async fn plan(&self, level: &PermissionLevel) -> Result<Plan, Error> {
        match level {
            PermissionLevel::Default { app_id, publisher, registration } => {
                self.client.install(*app_id, *publisher, registration).plan().await
            }
            PermissionLevel::Custom { registration } => self.client.plan(registration).await,
        }
    }

    /// Checks each step of the level against this tenant. Reads only.
    ///
    /// # Errors
    /// Those of [`Installation::verify`](crate::provision::Installation::verify) and of [`Client::verify`].
    pub async fn verify(&self, level: &PermissionLevel) -> Result<Checklist, Error> {
        match level {
            PermissionLevel::Default { app_id, publisher, registration } => {
                self.client.install(*app_id, *publisher, registration).verify().await
            }
            PermissionLevel::Custom { registration } => self.client.verify(registration).await,
        }
    }

    /// Makes the link by which an administrator of this tenant consents to the vendor's app, in the place of a
    /// [plan](Self::plan); `None` for a level whose app is this tenant's own, which needs none here. Nothing is sent.
    ///
    /// # Errors
    /// As [`AdminConsentLink::new`].
    pub fn consent_link(&self, level: &PermissionLevel, redirect_uri: &str) -> Result<Option<AdminConsentLink>, Error> {
        let app = level.vendor_app();
        app.map(|app| self.client.admin_consent_link(&app, self.tenant_id().into(), redirect_uri)).transpose()
    }
}

/// The app on which a product works in a linked tenant, and in those of its customers: the two permission levels of products
/// for managed service providers.
///
/// # JSON
/// `level` (`default` or `custom`) and the members of the variant in camel case. What is not known is refused.
///
/// ```
/// use entra_apps::ids::{AppId, TenantId};
/// use entra_apps::partner::PermissionLevel;
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let registration = AppRegistration::new("contoso-reports", "Contoso Reports")
///     .audience(SignInAudience::MultipleOrganizations)
///     .permission(application::USER_READ_ALL);
/// let level = PermissionLevel::Default {
///     app_id: AppId::from_u128(1),       // the vendor's app
///     publisher: TenantId::from_u128(2), // the vendor's tenant
///     registration,
/// };
/// let json = serde_json::to_value(&level)?;
/// assert_eq!(json["level"], "default");
/// assert_eq!(serde_json::from_value::<PermissionLevel>(json)?, level);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub enum PermissionLevel {
    /// The vendor's own multi-tenant app, which an administrator consents to. Nothing is registered in the tenant.
    Default {
        /// The client id of the vendor's app.
        app_id: AppId,
        /// The vendor's tenant, in which the app is registered.
        publisher: TenantId,
        /// The permissions that the app is to have.
        registration: AppRegistration,
    },
    /// An app of the partner's own, registered in the partner's tenant, with the permissions that the partner chooses.
    Custom {
        /// What is to be registered.
        registration: AppRegistration,
    },
}

impl PermissionLevel {
    /// What the app is to be.
    pub fn registration(&self) -> &AppRegistration {
        match self {
            Self::Default { registration, .. } | Self::Custom { registration } => registration,
        }
    }

    /// The vendor's app for an [admin consent link](Client::admin_consent_link), of the partner or of a customer; `None` for
    /// the partner's own app, whose id the [registration](crate::Registered) gives:
    /// [`AppRegistration::consent_app`].
    pub fn vendor_app(&self) -> Option<ConsentApp> {
        match self {
            Self::Default { app_id, publisher, registration } => Some(registration.consent_app(*app_id, *publisher)),
            Self::Custom { .. } => None,
        }
    }
}
