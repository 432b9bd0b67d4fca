//! The tenants that know of one another: one alone, or those of a cloud.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::authorize;
use crate::call::Call;
use crate::json::{same, text};
use crate::lag::LookupLag;
use crate::object_kind::ObjectKind;
use crate::object_store::ObjectState;
use crate::response::GraphResult;
use crate::route::{ObjectKey, Operation};
use crate::service::TenantState;
use crate::sign_in::{self, SignInFlows};

/// An application of another tenant that may be used here.
#[derive(Clone, Debug)]
pub(crate) struct ForeignApplication {
    pub(crate) application: Arc<Value>,
    pub(crate) home: Uuid,
}

#[derive(Default)]
pub(crate) struct CloudState {
    tenants: Vec<TenantState>,
    /// The sign-ins that are under way.
    pub(crate) flows: SignInFlows,
}

impl Index<usize> for CloudState {
    type Output = TenantState;

    fn index(&self, at: usize) -> &TenantState {
        &self.tenants[at]
    }
}

impl IndexMut<usize> for CloudState {
    fn index_mut(&mut self, at: usize) -> &mut TenantState {
        &mut self.tenants[at]
    }
}

impl CloudState {
    /// Adds a tenant, and returns its place.
    pub(crate) fn add(&mut self, tenant: TenantState) -> usize {
        self.tenants.push(tenant);
        self.tenants.len() - 1
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = (usize, &TenantState)> {
        self.tenants.iter().enumerate()
    }

    pub(crate) fn tenants_mut(&mut self) -> impl Iterator<Item = &mut TenantState> {
        self.tenants.iter_mut()
    }

    /// The tenant of an id or a domain.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.tenants.iter().position(|tenant| tenant.directory.is_called(name))
    }

    /// The application of an app id that another tenant has registered for several organizations.
    pub(crate) fn abroad(&self, at: usize, app_id: &str) -> Option<ForeignApplication> {
        let others = self.tenants().filter(|(place, _)| *place != at);
        let mut found = others.flat_map(|(_, state)| {
            let home = state.directory.tenant_id;
            let live =
                state.directory.applications.having("appId", app_id).filter(|(life, _)| *life == ObjectState::Live);
            live.map(move |(_, application)| ForeignApplication { application: Arc::clone(application), home })
        });
        found
            .find(|abroad| text(&abroad.application, "signInAudience") != "AzureADMyOrg")
            .or_else(|| sign_in::registration(app_id))
    }

    /// Carries out a request to Graph in one tenant, and what follows from it in the others.
    pub(crate) fn perform(&mut self, at: usize, operation: Operation, call: &mut Call) -> GraphResult {
        if let Operation::Partner(partner) = &operation {
            authorize::authorize(&operation, &call.actor)?;
            return self.partner(at, partner, call);
        }
        let app_id = match &operation {
            Operation::Create(ObjectKind::ServicePrincipal) => {
                call.body.as_ref().map(|body| text(body, "appId").to_owned())
            }
            Operation::Update(ObjectKind::ServicePrincipal, ObjectKey::AppId(app_id)) => Some(app_id.clone()),
            _ => None,
        };
        call.abroad = app_id.and_then(|app_id| self.abroad(at, &app_id));
        let updated = match &operation {
            Operation::Update(ObjectKind::Application, key) => Some(key.clone()),
            _ => None,
        };
        let outcome = self[at].directory.perform(operation, call)?;
        if let Some(key) = updated.filter(|_| self.tenants.len() > 1) {
            self.show_abroad(at, &key, call);
        }
        Ok(outcome)
    }

    /// Lets the service principals in other tenants show what their application has become.
    fn show_abroad(&mut self, at: usize, key: &ObjectKey, call: &Call) {
        let Ok(application) = self[at].directory.find(ObjectKind::Application, key, LookupLag::NOT, call) else {
            return;
        };
        for (place, other) in self.tenants.iter_mut().enumerate() {
            if place != at {
                other.directory.mirror(&application, call);
            }
        }
    }
}

impl crate::directory::Directory {
    /// Whether this is the tenant of an id or a domain.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        same(name, &self.tenant_id.to_string()) || same(name, &self.domain)
    }
}
