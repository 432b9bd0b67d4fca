//! What holds of a service principal whose application is not registered here: whose it is, and what is taken away.

use crate::api::ServicePrincipalKey;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, DirectoryObjectId, TenantId};
use crate::model::ServicePrincipal;
use crate::permission::well_known_name;
use crate::provision::collections::holds_after_removal;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::plan_options::Installed;
use crate::provision::registration::{AppRegistration, is_multi_tenant};
use crate::provision::report::InstalledPrincipal;
use crate::provision::settings::check_permissions;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// The tenant in which an app is registered that is installed here.
    pub const PUBLISHER: Self = Self::new("publisher");
    /// Users and apps must be assigned to the app before they get tokens.
    pub const ASSIGNMENT_REQUIRED: Self = Self::new("assignment_required");
    /// A deleted service principal of the app, which can be restored.
    pub const DELETED_SERVICE_PRINCIPAL: Self = Self::new("deleted_service_principal");
}

/// The tenants in which Microsoft registers its own apps, as far as it says so.
///
/// <https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in>
const MICROSOFT_TENANTS: [TenantId; 2] = [
    TenantId::from_u128(0xf8cd_ef31_a31e_4b4a_93e4_5f57_1e91_255a),
    TenantId::from_u128(0x72f9_88bf_86f1_41af_91ab_2d7c_d011_db47),
];

/// Refuses what can be refused without a look at the tenant.
pub(super) fn check(registration: &AppRegistration, wanted: &Installed, findings: &mut Findings) {
    if let ServicePrincipalKey::AppId(app_id) = wanted.principal {
        findings.add_result(check_app(app_id));
    }
    let Some(publisher) = wanted.publisher else { return };
    findings.add_result(check_owner(publisher));
    if !is_multi_tenant(&registration.audience) {
        let name = &registration.display_name;
        let message = format!("the registration “{name}” is for accounts of its own tenant alone");
        findings.add(Error::new(ErrorCode::SingleTenantRegistration).with_message(message));
    }
}

/// Refuses what cannot be made of what is there, and a service principal that is not the publisher's.
pub(super) fn check_observed(it: &Comparison<'_>, wanted: &Installed, findings: &mut Findings) {
    if wanted.publisher == Some(it.observed.tenant) {
        let own = Error::new(ErrorCode::WrongPublisher)
            .with_message("the publisher is this tenant itself, in which there is nothing to install")
            .with_remedy("Plan the registration itself here, or name the tenant of the app's publisher.");
        findings.add(own);
        return;
    }
    match &it.observed.principal {
        Some(principal) => findings.add_result(check_principal(principal, wanted)),
        None if wanted.publisher.is_none() && wanted.removal.is_none() => {
            let message = format!("the tenant has no service principal {}", wanted.principal.id());
            findings.add(Error::new(ErrorCode::ServicePrincipalNotFound).with_message(message));
        }
        None => {}
    }
    if wanted.removal.is_none() {
        check_permissions(it, findings);
    }
    let left = match wanted.removal {
        Some(removal) if removal.service_principal && it.observed.principal.is_some() => holds_after_removal(it),
        _ => Vec::new(),
    };
    if !left.is_empty() {
        let message = format!("the service principal would still hold {}", left.join(", "));
        findings.add(Error::new(ErrorCode::ServicePrincipalInUse).with_message(message));
    }
}

/// Refuses a service principal that is Microsoft's, or another publisher's than is meant.
fn check_principal(principal: &ServicePrincipal, wanted: &Installed) -> Result<(), Error> {
    if let Some(app_id) = principal.app_id {
        check_app(app_id)?;
    }
    let owner = principal.app_owner_organization_id;
    if let Some(owner) = owner {
        check_owner(owner)?;
    }
    if is_publishers(principal, wanted) {
        return Ok(());
    }
    let owner = owner.map_or_else(|| "a tenant that is not known".to_owned(), |owner| format!("the tenant {owner}"));
    let publisher = wanted.publisher.map(|publisher| format!(", and not to its publisher's, {publisher}"));
    let text = format!("the app of the service principal belongs to {owner}{}", publisher.unwrap_or_default());
    Err(Error::new(ErrorCode::WrongPublisher).with_message(text))
}

/// Whether the service principal's app is the publisher's, where one is named.
fn is_publishers(principal: &ServicePrincipal, wanted: &Installed) -> bool {
    match wanted.publisher {
        Some(publisher) => principal.app_owner_organization_id == Some(publisher),
        None => !principal.is_unreadable("appOwnerOrganizationId"),
    }
}

fn check_owner(owner: TenantId) -> Result<(), Error> {
    match MICROSOFT_TENANTS.contains(&owner) {
        true => Err(Error::new(ErrorCode::MicrosoftOwnedApp)
            .with_message(format!("the app belongs to the tenant {owner}, which is Microsoft's own"))),
        false => Ok(()),
    }
}

fn check_app(app_id: AppId) -> Result<(), Error> {
    match well_known_name(app_id) {
        Some(name) => Err(Error::new(ErrorCode::MicrosoftOwnedApp)
            .with_message(format!("{app_id} is {name}, an app of Microsoft's own"))),
        None => Ok(()),
    }
}

/// Adds the steps of the service principal's origin, and of what is only reported of it.
pub(super) fn steps(it: &Comparison<'_>, wanted: &Installed, steps: &mut Vec<Step>) {
    let principal = it.observed.principal.as_ref();
    if let Some(publisher) = wanted.publisher {
        let is_publishers = principal.is_some_and(|principal| is_publishers(principal, wanted));
        let step = Step::new(StepKind::PUBLISHER, Action::Unchanged);
        let step = match is_publishers {
            true => step.plan(format!("the app belongs to its publisher, the tenant {publisher}")),
            false => step,
        };
        let remedy = ErrorCode::WrongPublisher.remedy();
        steps.push(
            step.check(format!("The app belongs to its publisher, the tenant {publisher}"), remedy).done(is_publishers),
        );
    }
    if principal.and_then(|principal| principal.app_role_assignment_required) == Some(true) {
        let step = Step::new(StepKind::ASSIGNMENT_REQUIRED, Action::LeftAlone)
            .plan("users and apps must be assigned to the app before they get tokens: it stays so");
        let remedy = "Assign those who are to use it under Enterprise applications, Users and groups.";
        steps.push(step.check("Users and apps get tokens for the app without an assignment", remedy).not_required());
    }
    if !it.observed.deleted_principals.is_empty() {
        let ids: Vec<String> = it.observed.deleted_principals.iter().map(DirectoryObjectId::to_string).collect();
        let text = format!("deleted service principals of the app stay deleted: {}", ids.join(", "));
        steps.push(Step::new(StepKind::DELETED_SERVICE_PRINCIPAL, Action::LeftAlone).plan(text));
    }
}

/// The service principal for a report.
pub(super) fn report(it: &Comparison<'_>) -> Option<InstalledPrincipal> {
    let principal = it.observed.principal.as_ref()?;
    Some(InstalledPrincipal {
        service_principal_id: principal.id?,
        app_id: it.app_id(),
        display_name: principal.display_name.clone(),
        publisher: principal.app_owner_organization_id,
    })
}
