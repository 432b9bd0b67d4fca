//! What somebody has to have looked at before anything is written in the tenants of customers.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode, on_one_line};
use crate::ids::{AppId, TenantId};
use crate::permission::Permission;
use crate::provision::registration::AppRegistration;

/// What becomes of the deployer in a customer's tenant once it has done its work there. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::DeployerConsent;
///
/// assert_eq!(serde_json::to_value(DeployerConsent::Keep)?, "keep");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployerConsent {
    /// It keeps its consent: with the person's sign-in it can grant permissions there until somebody takes it away. The
    /// next run asks it what is granted, in two requests and without a write.
    Keep,
    /// Its consent and its service principal are taken away again. The next run has to consent to it anew before it knows
    /// what is granted, unless [the app's own credential](crate::partner::PreConsent::with_app_credential) tells.
    Remove,
}

/// What a run over customers writes: for which app, by which deployer, which permissions in which customers' tenants. A run
/// takes it as its approval, and does nothing that it does not name: no permission and no customer that came later.
///
/// It is saved and read as JSON, so that whoever approves need not be the program that runs.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let admin = cloud.client(&cloud.tenants()[0]);
/// # use entra_apps::partner::deployer_registration;
/// # use entra_apps::permission::microsoft_graph::delegated;
/// # use entra_apps::{AppRegistration, SignInAudience};
/// # let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
/// #     .audience(SignInAudience::MultipleOrganizations).permission(delegated::USER_READ);
/// # let deployer = deployer_registration("contoso-deployer", "Contoso Deployer");
/// # admin.apply(&admin.plan(&backup).await?).await?;
/// # let registered = admin.apply(&admin.plan(&deployer).await?).approve_all().await?;
/// # let client = cloud.client_of_agent(registered.application.unwrap().app_id);
/// use entra_apps::partner::{ConsentApproval, DeployerConsent};
///
/// let consent = client.partner().pre_consent(&backup).deployer(&deployer, DeployerConsent::Keep);
/// let prepared = consent.prepare().await?;
/// println!("{}", prepared.approval()); // for a person
/// let saved = serde_json::to_string(prepared.approval())?;
///
/// let approved: ConsentApproval = serde_json::from_str(&saved)?;
/// let report = prepared.run(&approved)?.report().await;
/// # assert_eq!(report.customers.len(), 2);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ConsentApproval {
    /// The app.
    pub app_id: AppId,
    /// The tenant in which it is registered.
    pub publisher: TenantId,
    /// Who acts in the customers' tenants, where it is not the app itself.
    pub deployer: Option<ApprovedDeployer>,
    /// Whether a consent at Partner Center that is too narrow is taken away and given anew.
    pub replaces_consents: bool,
    /// Which permissions which customers' tenants grant.
    pub consents: Vec<ApprovedConsents>,
}

/// A deployer that was approved.
///
/// ```
/// use entra_apps::partner::ApprovedDeployer;
///
/// let json = r#"{"appId": "00000000-0000-0000-0000-000000000007", "permissions": ["User.Read (delegated)"], "consent": "remove"}"#;
/// assert_eq!(serde_json::from_str::<ApprovedDeployer>(json)?.permissions.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ApprovedDeployer {
    /// The client id.
    pub app_id: AppId,
    /// The permissions that it gets in each customer's tenant.
    pub permissions: BTreeSet<String>,
    /// What becomes of it there.
    pub consent: DeployerConsent,
}

/// Permissions that were approved for some customers.
///
/// ```
/// use entra_apps::partner::ApprovedConsents;
///
/// let json = r#"{"permissions": ["User.Read (delegated)"], "customers": ["00000000-0000-0000-0000-000000000001"]}"#;
/// assert_eq!(serde_json::from_str::<ApprovedConsents>(json)?.customers.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ApprovedConsents {
    /// The permissions, as a plan shows them.
    pub permissions: BTreeSet<String>,
    /// The tenant ids of the customers.
    pub customers: BTreeSet<TenantId>,
}

/// The texts by which the permissions of a registration are approved.
pub(super) fn texts<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> BTreeSet<String> {
    permissions.into_iter().map(ToString::to_string).collect()
}

impl ConsentApproval {
    /// Refuses to do what was not approved: for another app, by another deployer, or with permissions that nobody has
    /// approved for any customer.
    pub(super) fn check(&self, needed: &Self) -> Result<(), Error> {
        let refuse = |what: String| {
            let error =
                Error::new(ErrorCode::NeedsApproval).with_message(format!("the approval does not cover {what}"));
            Err(error.with_remedy("Look at what would be done now, and approve that."))
        };
        if (self.app_id, self.publisher) != (needed.app_id, needed.publisher) {
            return refuse(format!("the app {} of the tenant {}", needed.app_id, needed.publisher));
        }
        if needed.replaces_consents && !self.replaces_consents {
            return refuse("that a consent is taken away and given anew".to_owned());
        }
        match (&needed.deployer, &self.deployer) {
            (None, _) => {}
            (Some(needed), Some(approved))
                if needed.app_id == approved.app_id && needed.consent == approved.consent =>
            {
                let mut grown = needed.permissions.difference(&approved.permissions);
                if let Some(permission) = grown.next() {
                    return refuse(format!("{permission} for the deployer"));
                }
            }
            (Some(needed), _) => return refuse(format!("the deployer {}, and what becomes of it", needed.app_id)),
        }
        for consents in needed.consents.iter().filter(|it| !it.customers.is_empty()) {
            let of_customers: Vec<&ApprovedConsents> =
                self.consents.iter().filter(|approved| !approved.customers.is_disjoint(&consents.customers)).collect();
            let is_approved = |permission: &&String| of_customers.iter().any(|it| it.permissions.contains(*permission));
            if let Some(permission) = consents.permissions.iter().find(|it| !is_approved(it))
                && !of_customers.is_empty()
            {
                return refuse(permission.clone());
            }
        }
        Ok(())
    }

    /// Whether these permissions were approved for this customer.
    pub(super) fn covers(&self, customer: TenantId, permissions: &BTreeSet<String>) -> bool {
        let of_customer = self.consents.iter().filter(|approved| approved.customers.contains(&customer));
        of_customer.into_iter().any(|approved| permissions.is_subset(&approved.permissions))
    }
}

/// At most so many customers are printed.
const MAX_CUSTOMERS: usize = 20;

impl fmt::Display for ConsentApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The app {} of the tenant {}", self.app_id, self.publisher)?;
        for ApprovedConsents { permissions, customers } in &self.consents {
            writeln!(f, "gets in {} customers' tenants", customers.len())?;
            for permission in permissions {
                writeln!(f, "  {}", on_one_line(permission.clone()))?;
            }
            let shown: Vec<String> = customers.iter().take(MAX_CUSTOMERS).map(ToString::to_string).collect();
            let more = customers.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            writeln!(f, "of {}{more}", shown.join(", "))?;
        }
        if let Some(ApprovedDeployer { app_id, permissions, consent }) = &self.deployer {
            let stays = match consent {
                DeployerConsent::Keep => "stays there",
                DeployerConsent::Remove => "is removed again",
            };
            writeln!(f, "through the deployer {app_id}, which {stays}, and gets there")?;
            for permission in permissions {
                writeln!(f, "  {}", on_one_line(permission.clone()))?;
            }
        }
        if self.replaces_consents {
            writeln!(f, "A consent of the partner's app that is too narrow is taken away and given anew.")?;
        }
        Ok(())
    }
}

/// What is to be approved for the customers of one registration.
pub(super) fn consents(registration: &AppRegistration, customers: BTreeSet<TenantId>) -> ApprovedConsents {
    ApprovedConsents { permissions: texts(registration.declared_permissions()), customers }
}
