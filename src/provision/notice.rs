//! What is to be known of a tenant, and undoes nothing: permissions that are left out, licences that are not checked.

use std::fmt;

use serde::Serialize;

use crate::error::{ErrorCode, on_one_line};
use crate::ids::AppId;
use crate::permission::{Permission, well_known_name};
use crate::provision::comparison::Comparison;
use crate::provision::observed::sentences;
use crate::provision::permission_entry::Place;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

impl StepKind {
    /// A group of permissions that is left out, because the tenant lacks an API of it.
    pub const API_NOT_IN_TENANT: Self = Self::new("api_not_in_tenant");
    /// A licence that granted permissions take to be of use, and that nobody has looked for.
    pub const LICENCE_NOT_CHECKED: Self = Self::new("licence_not_checked");
}

/// Something to know of a tenant that undoes nothing: a plan with notices can be converged, and a checklist done.
///
/// Its codes: [`ApiNotInTenant`](ErrorCode::ApiNotInTenant) for a group of permissions that is left out
/// ([`where_available`](crate::AppRegistration::where_available)), and
/// [`LicenceNotChecked`](ErrorCode::LicenceNotChecked) for permissions of Microsoft Graph whose workload takes a
/// [licence](Permission::licence) of its own, in an [`Installation`](crate::provision::Installation).
///
/// # JSON
/// `code`, `about` (names: of the APIs that are missing, or of the licence), `permissions` (each
/// `{"api": …, "kind": …, "name": …, "id": …}`), `text` and `remedy`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::{Permission, PermissionKind};
/// use entra_apps::{AppRegistration, ErrorCode, ids::AppId};
///
/// let of_nobody = AppId::from_u128(42);
/// let things = Permission::by_name(of_nobody, "Things.Read", PermissionKind::Application)?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").where_available("Things", [things]);
/// let client = MemoryTenant::new().client();
/// let plan = client.plan(&backup).await?;
/// let notice = &plan.notices()[0];
/// assert_eq!(notice.code, ErrorCode::ApiNotInTenant);
/// println!("{notice}"); // with what to do
/// assert_eq!(client.apply(&plan).await?.notices, plan.notices());
/// assert!(client.verify(&backup).await?.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Notice {
    /// The stable code.
    pub code: ErrorCode,
    /// The names of what it is about.
    pub about: Vec<String>,
    /// The permissions that it is about.
    pub permissions: Vec<Permission>,
    /// What is the case, as a clause.
    pub text: String,
    /// What to do, in sentences.
    pub remedy: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sentences(&self.text, &self.remedy))
    }
}

/// What is to be known of the tenant that is planned for or checked. Of a removal, nothing is.
pub(super) fn notices(it: &Comparison<'_>) -> Vec<Notice> {
    with_subjects(it).into_iter().map(|(_, notice)| notice).collect()
}

/// Adds the steps of a plan about what is to be known; a checklist has the notices themselves.
pub(super) fn steps(it: &Comparison<'_>, steps: &mut Vec<Step>) {
    steps.extend(with_subjects(it).into_iter().map(|(id, notice)| Step::new(id, Action::Notice).plan(notice.text)));
}

fn with_subjects(it: &Comparison<'_>) -> Vec<(StepId, Notice)> {
    if it.options.removal().is_some() {
        return Vec::new();
    }
    let mut all = left_out(it);
    if it.place() == Place::OtherTenant {
        all.extend(licences(it));
    }
    all
}

/// The groups of permissions that are left out.
fn left_out(it: &Comparison<'_>) -> Vec<(StepId, Notice)> {
    let mut groups: Vec<&str> = Vec::new();
    for group in it.registration.entries_in(it.place()).filter_map(|entry| entry.where_available.as_deref()) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let notice = |group: &str| {
        let absent = it.absent_apis(group);
        let of_group = it.registration.entries_in(it.place());
        let of_group = of_group.filter(|entry| entry.where_available.as_deref() == Some(group));
        let permissions: Vec<Permission> = of_group.map(|entry| entry.permission.clone()).collect();
        let about: Vec<String> = absent.into_iter().map(name_of).collect();
        let text = format!(
            "“{group}” is left out, because the tenant has no service principal of {}: {}",
            about.join(", "),
            listed(&permissions)
        );
        let remedy =
            "License or enable the service in the tenant, if it is wanted there, and run it again: then it is granted.";
        let id = StepId::of(StepKind::API_NOT_IN_TENANT, Subject::PermissionGroup(group.to_owned()));
        let text = on_one_line(text);
        (!about.is_empty()).then(|| {
            (id, Notice { code: ErrorCode::ApiNotInTenant, about, permissions, text, remedy: remedy.to_owned() })
        })
    };
    groups.into_iter().filter_map(notice).collect()
}

/// The licences that the granted permissions take.
fn licences(it: &Comparison<'_>) -> Vec<(StepId, Notice)> {
    let mut licences: Vec<(&'static str, Vec<Permission>)> = Vec::new();
    for permission in it.permissions_to_grant().into_iter().map(|resolved| &resolved.permission) {
        let Some(licence) = permission.licence() else { continue };
        match licences.iter_mut().find(|(known, _)| *known == licence) {
            Some((_, permissions)) => permissions.push(permission.clone()),
            None => licences.push((licence, vec![permission.clone()])),
        }
    }
    let notice = |(licence, permissions): (&'static str, Vec<Permission>)| {
        let code = ErrorCode::LicenceNotChecked;
        let text = format!("{}: {licence}, which {} takes", code.cause(), listed(&permissions));
        let id = StepId::of(StepKind::LICENCE_NOT_CHECKED, Subject::Licence(licence.to_owned()));
        let about = vec![licence.to_owned()];
        (id, Notice { code, about, permissions, text, remedy: code.remedy().to_owned() })
    };
    licences.into_iter().map(notice).collect()
}

fn listed(permissions: &[Permission]) -> String {
    permissions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// An API by its name, or else by its id.
fn name_of(api: AppId) -> String {
    well_known_name(api).map_or_else(|| api.to_string(), str::to_owned)
}
