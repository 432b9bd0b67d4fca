//! The service principal of the app in this tenant.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorKind};
use crate::ids::AppId;
use crate::model::{NewServicePrincipal, ServicePrincipal, ServicePrincipalPatch};
use crate::provision::apply_state::ApplyState;
use crate::provision::collections::{self, Collection, Phase, TakeRead, TakeResponse};
use crate::provision::comparison::Comparison;
use crate::provision::observed::{Observed, shown};
use crate::provision::replicas::wait_for_replicas;
use crate::provision::step::{Action, Step, StepKind};

impl StepKind {
    /// The service principal of the app in this tenant.
    pub const SERVICE_PRINCIPAL: Self = Self::new("service_principal");
    /// Whether the portal lists the app under Enterprise applications.
    pub const ENTERPRISE_APPLICATION: Self = Self::new("enterprise_application");
}

/// With this tag on its service principal, the portal lists the app under Enterprise applications.
const ENTERPRISE_TAG: &str = "WindowsAzureActiveDirectoryIntegratedApp";

pub(super) struct ServicePrincipals;

#[async_trait]
impl Collection for ServicePrincipals {
    fn read(&self, client: &Client, app_id: AppId, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let principal = client.service_principals().find_selecting(app_id, &["id", "tags", "accountEnabled"]);
        Some(Box::new(Read(batch.add(principal))))
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let step = match &it.observed.principal {
            None => Step::new(StepKind::SERVICE_PRINCIPAL, Action::Add)
                .plan("create the app's service principal in this tenant"),
            Some(principal) => Step::new(StepKind::SERVICE_PRINCIPAL, Action::Unchanged)
                .plan(format!("the service principal is there, object id {}", shown(principal.id.as_ref()))),
        };
        let enabled = it.observed.principal.as_ref().is_some_and(|principal| principal.account_enabled != Some(false));
        let remedy =
            "Apply the registration; if the app is there and disabled, enable it under Enterprise applications.";
        steps.push(step.check("The app is present in this tenant and may sign in", remedy).done(enabled));
        let is_listed = it.observed.principal.as_ref().is_none_or(is_listed);
        if it.registration.listed_as_enterprise_application && !is_listed {
            steps.push(
                Step::new(StepKind::ENTERPRISE_APPLICATION, Action::Change)
                    .plan("list the app under Enterprise applications"),
            );
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        let Some(principal) = &observed.principal else { return BTreeSet::new() };
        let id = principal.id.map(|id| format!("service principal {id}"));
        let disabled = (principal.account_enabled == Some(false)).then(|| "disabled".to_owned());
        let tags = principal.tags.iter().map(|tag| format!("tag of the principal {tag}"));
        id.into_iter().chain(disabled).chain(tags).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Objects
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let Some(app_id) = state.observed.app_id() else { return Ok(Vec::new()) };
        let listed = state.registration.listed_as_enterprise_application;
        let principals = state.client.service_principals();
        Ok(match &state.observed.principal {
            None => {
                let mut new = NewServicePrincipal::new(app_id);
                if listed {
                    new = new.tags(vec![ENTERPRISE_TAG.to_owned()]);
                }
                // An application has one service principal at most: a second attempt is refused, not doubled.
                vec![Box::new(Created(batch.add(principals.create(&new).repeatable())))]
            }
            Some(principal) if listed && !is_listed(principal) => {
                let mut tags = principal.tags.clone();
                tags.push(ENTERPRISE_TAG.to_owned());
                let update = principals.update(app_id, &ServicePrincipalPatch::new().tags(tags.clone()));
                vec![Box::new(Listed(batch.add(update), tags))]
            }
            Some(_) => Vec::new(),
        })
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
                let Some(app_id) = state.observed.app_id() else { return Ok(()) };
                state.client.wrote_service_principal(app_id);
                collections::read(&state.client, &mut state.observed).await?;
                if state.observed.principal.is_none() {
                    wait_for_replicas(&state.client, "POST /servicePrincipals", state.round).await?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
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
