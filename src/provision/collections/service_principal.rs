//! The service principal of the app in this tenant.

use std::collections::BTreeSet;

use async_trait::async_trait;
use http::StatusCode;

use crate::api::ServicePrincipalKey;
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::ServicePrincipalId;
use crate::model::{AppRoleAssignment, NewServicePrincipal, PrincipalType, ServicePrincipal, ServicePrincipalPatch};
use crate::provision::apply_state::ApplyState;
use crate::provision::collections::{self, Collection, Phase, TakeRead, TakeResponse};
use crate::provision::comparison::Comparison;
use crate::provision::observed::{Observed, shown};
use crate::provision::plan_options::Removal;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::report::OpenItem;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// The service principal of the app in this tenant.
    pub const SERVICE_PRINCIPAL: Self = Self::new("service_principal");
    /// Users, groups and apps that are assigned to a service principal that is deleted.
    pub const ASSIGNED_TO: Self = Self::new("assigned_to");
    /// Whether the portal lists the app under Enterprise applications.
    pub const ENTERPRISE_APPLICATION: Self = Self::new("enterprise_application");
}

/// With this tag on its service principal, the portal lists the app under Enterprise applications.
const ENTERPRISE_TAG: &str = "WindowsAzureActiveDirectoryIntegratedApp";

/// So many of those who are assigned to an app are named in a sentence.
const MAX_NAMED: usize = 10;

/// The properties that are read.
const SELECTED: &[&str] = &[
    "id",
    "appId",
    "displayName",
    "tags",
    "accountEnabled",
    "isDisabled",
    "disabledByMicrosoftStatus",
    "appOwnerOrganizationId",
    "appRoleAssignmentRequired",
    "servicePrincipalType",
];

pub(super) struct ServicePrincipals;

#[async_trait]
impl Collection for ServicePrincipals {
    fn read(&self, client: &Client, principal: ServicePrincipalKey, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let principal = client.service_principals().find_selecting(principal, SELECTED);
        Some(Box::new(Read(batch.add(principal))))
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        if let Some(removal) = it.options.removal() {
            steps.push(removal_step(it, removal));
            steps.extend(assigned_step(it));
            return;
        }
        let step = match &it.observed.principal {
            None => Step::new(StepKind::SERVICE_PRINCIPAL, Action::Add)
                .plan("create the app's service principal in this tenant"),
            Some(principal) => Step::new(StepKind::SERVICE_PRINCIPAL, Action::Unchanged).plan(format!(
                "the service principal is there, object id {}{}",
                shown(principal.id.as_ref()),
                disabled(principal).map_or_else(String::new, |(how, _)| format!(", and {how}: it stays so"))
            )),
        };
        let principal = it.observed.principal.as_ref();
        let unreadable = |member| principal.is_some_and(|principal| principal.is_unreadable(member));
        let disabled = principal.and_then(disabled);
        let remedy = disabled.map_or("Apply the registration.", |(_, remedy)| remedy);
        let step = step.check("The app is present in this tenant and may sign in", remedy);
        let step = step.done(principal.is_some() && disabled.is_none());
        let unknown = SWITCHES.iter().find(|(member, _)| unreadable(member));
        steps.push(unknown.into_iter().fold(step, |step, (_, path)| step.unknown(path)));
        let is_listed = it.observed.principal.as_ref().is_none_or(is_listed);
        if it.registration.listed_as_enterprise_application && !is_listed && it.options.installed.is_none() {
            let step = Step::new(StepKind::ENTERPRISE_APPLICATION, Action::Change)
                .plan("list the app under Enterprise applications");
            steps.push(if unreadable("tags") { step.unknown("tags of the service principal") } else { step });
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        let Some(principal) = &observed.principal else { return BTreeSet::new() };
        let id = principal.id.map(|id| format!("service principal {id}"));
        let disabled = disabled(principal).map(|(how, _)| how.to_owned());
        let tags = principal.tags.iter().map(|tag| format!("tag of the principal {tag}"));
        id.into_iter().chain(disabled).chain(tags).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Objects
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let principals = state.client.service_principals();
        if state.options.removal().is_some() {
            let Some(id) = state.comparison().deletion() else { return Ok(Vec::new()) };
            return Ok(vec![Box::new(Deleted(batch.add(principals.delete(id).fresh_until(state.fresh_until)), id))]);
        }
        let Some(app_id) = state.comparison().app_id() else { return Ok(Vec::new()) };
        let listed = state.registration.listed_as_enterprise_application;
        Ok(match &state.observed.principal {
            None => {
                let mut new = NewServicePrincipal::new(app_id);
                if listed {
                    new = new.tags(vec![ENTERPRISE_TAG.to_owned()]);
                }
                // An application has one service principal at most: a second attempt is refused, not doubled.
                vec![Box::new(Created(batch.add(principals.create(&new).repeatable())))]
            }
            Some(_) if state.options.installed.is_some() => Vec::new(),
            Some(principal) if listed && !is_listed(principal) && !principal.is_unreadable("tags") => {
                let mut tags = principal.tags.clone();
                tags.push(ENTERPRISE_TAG.to_owned());
                let update = principals.update(app_id, &ServicePrincipalPatch::new().tags(tags.clone()));
                vec![Box::new(Listed(batch.add(update.fresh_until(state.fresh_until)), tags))]
            }
            Some(_) => Vec::new(),
        })
    }
}

/// The members that keep a service principal from signing in, and what each is called.
const SWITCHES: [(&str, &str); 3] = [
    ("accountEnabled", "accountEnabled of the service principal"),
    ("isDisabled", "isDisabled of the service principal"),
    ("disabledByMicrosoftStatus", "disabledByMicrosoftStatus of the service principal"),
];

/// How a service principal is kept from signing in, if it is, and what to do about it. Nothing here revives it: somebody has
/// switched it off.
fn disabled(principal: &ServicePrincipal) -> Option<(&'static str, &'static str)> {
    let by_microsoft = principal.disabled_by_microsoft_status.as_deref();
    if principal.account_enabled == Some(false) {
        Some(("disabled", "Enable it under Enterprise applications, if it is to sign in."))
    } else if principal.is_disabled == Some(true) {
        Some(("deactivated", "Have its application activated again under App registrations, if it is to sign in."))
    } else if by_microsoft.is_some_and(|status| !matches!(status, "" | "NotDisabled")) {
        Some(("disabled by Microsoft", "Ask Microsoft's support why, and its publisher."))
    } else {
        None
    }
}

/// The step of those who are assigned to a service principal that is deleted, and lose it with it.
fn assigned_step(it: &Comparison<'_>) -> Option<Step> {
    it.deletion()?;
    let assigned = &it.observed.assigned_to;
    let mut ids: Vec<String> = assigned.iter().map(|assignment| shown(assignment.principal_id.as_ref())).collect();
    let name = |assignment: &AppRoleAssignment| {
        let kind = assignment.principal_type.as_ref().map_or("unknown", PrincipalType::as_str);
        format!("“{}” ({kind})", assignment.principal_display_name.as_deref().unwrap_or_default())
    };
    let mut names: Vec<String> = assigned.iter().map(name).collect();
    for texts in [&mut ids, &mut names] {
        texts.sort();
        texts.dedup();
    }
    let beyond = names.len().saturating_sub(MAX_NAMED);
    names.truncate(MAX_NAMED);
    let beyond = if beyond > 0 { format!(" and {beyond} more") } else { String::new() };
    let text = format!("the assignments to the app go with it: {}{beyond}", names.join(", "));
    let step = Step::new(StepKind::ASSIGNED_TO, Action::Remove).plan(text).values(Some(ids.join(", ")), None);
    (!ids.is_empty()).then_some(step)
}

/// The step of a service principal whose grants are taken away, or which is deleted.
fn removal_step(it: &Comparison<'_>, removal: Removal) -> Step {
    let id = it.observed.principal_id();
    let step = |action| Step::new(StepKind::SERVICE_PRINCIPAL, action);
    match id {
        None => step(Action::Unchanged).plan("the app has no service principal in this tenant"),
        Some(id) if removal.service_principal => step(Action::Remove)
            .plan(format!("delete the app's service principal, object id {id}"))
            .values(Some(id.to_string()), None)
            .needs_review(Some(
                "nobody can use the app in this tenant any more, and it can be restored for 30 days only",
            )),
        Some(id) => step(Action::LeftAlone).plan(format!("the service principal stays, object id {id}")),
    }
}

fn is_listed(principal: &ServicePrincipal) -> bool {
    principal.tags.iter().any(|tag| tag == ENTERPRISE_TAG)
}

struct Read(BatchHandle<Option<ServicePrincipal>>);

#[async_trait]
impl TakeRead for Read {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        observed.principal = responses.take(self.0)?.filter(|principal| principal.id.is_some());
        if let Some(principal) = &mut observed.principal {
            principal.was_asked_for("tags");
        }
        Ok(())
    }
}

struct Created(BatchHandle<ServicePrincipal>);

#[async_trait]
impl TakeResponse for Created {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        match responses.take(self.0) {
            Ok(created) => {
                let Some(id) = created.id else { return Ok(()) };
                state.observed.principal = Some(created);
                state.done(StepKind::SERVICE_PRINCIPAL, format!("created the service principal, object id {id}"));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                let Some(app_id) = state.comparison().app_id() else { return Ok(()) };
                state.client.wrote_service_principal(app_id);
                let is_registered_here = state.options.installed.is_none();
                collections::read(&state.client, app_id.into(), is_registered_here, &mut state.observed).await?;
                if state.observed.principal.is_none() {
                    wait_for_replicas(&state.client, "POST /servicePrincipals", state.round).await?;
                }
                Ok(())
            }
            // Of an app of this tenant, it is the application's replica that lags.
            Err(error) if error.code() == ErrorCode::ApplicationNotVisible && state.options.installed.is_some() => {
                if error.status() == Some(StatusCode::FORBIDDEN) {
                    return Err(Error::new(ErrorCode::MissingPermission)
                        .with_message("the caller may make service principals of this tenant's own apps alone")
                        .with_remedy(
                            "Grant the app that signs in Application.ReadWrite.All, with admin consent, and sign in again.",
                        )
                        .with_source(error));
                }
                let app_id = shown(state.comparison().app_id().as_ref());
                let text = format!("no tenant of this cloud has an app {app_id} that can be installed here");
                Err(Error::new(ErrorCode::PublishedAppNotFound).with_message(text).with_source(error))
            }
            Err(error) => Err(error),
        }
    }
}

struct Deleted(BatchHandle<()>, ServicePrincipalId);

#[async_trait]
impl TakeResponse for Deleted {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self(handle, id) = *self;
        match responses.take(handle) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        state.observed.principal = None;
        state.observed.assignments.clear();
        state.observed.grants.clear();
        state.done(StepKind::SERVICE_PRINCIPAL, format!("deleted the service principal, object id {id}"));
        let text = format!("the service principal {id} is deleted, and can be restored for 30 days");
        let code = ErrorCode::ServicePrincipalDeleted;
        state.report.open.push(OpenItem::new(code, text, code.remedy()));
        Ok(())
    }
}

struct Listed(BatchHandle<()>, Vec<String>);

#[async_trait]
impl TakeResponse for Listed {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        responses.take(self.0)?;
        if let Some(principal) = &mut state.observed.principal {
            principal.tags = self.1;
        }
        state.done(StepKind::ENTERPRISE_APPLICATION, "listed under Enterprise applications");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_that_is_off_is_told_with_who_may_turn_it_on() {
        for (members, expected) in [
            ("", None),
            (r#""accountEnabled":true,"isDisabled":false,"disabledByMicrosoftStatus":"NotDisabled""#, None),
            (r#""accountEnabled":null,"isDisabled":null,"disabledByMicrosoftStatus":null"#, None),
            (r#""accountEnabled":false,"isDisabled":true"#, Some("disabled")),
            (r#""isDisabled":true"#, Some("deactivated")),
            (
                r#""disabledByMicrosoftStatus":"DisabledDueToViolationOfServicesAgreement""#,
                Some("disabled by Microsoft"),
            ),
        ] {
            let principal: ServicePrincipal = serde_json::from_str(&format!("{{{members}}}")).unwrap();
            assert_eq!(disabled(&principal).map(|(how, _)| how), expected, "{members}");
        }
    }
}
