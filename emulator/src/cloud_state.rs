//! The tenants that know of one another: one alone, or those of a cloud.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::authorize;
use super::call::Call;
use super::json::{same, text};
use super::lag::Behind;
use super::object_kind::Kind;
use super::object_store::Life;
use super::response::Outcome;
use super::route::{Key, Operation};
use super::service::State;
use super::sign_in::{self, Flows};

/// An application of another tenant that may be used here.
#[derive(Clone, Debug)]
pub(super) struct Abroad {
    pub(super) application: Arc<Value>,
    pub(super) home: Uuid,
}

#[derive(Default)]
pub(super) struct World {
    tenants: Vec<State>,
    /// The sign-ins that are under way.
    pub(super) flows: Flows,
}

impl Index<usize> for World {
    type Output = State;

    fn index(&self, at: usize) -> &State {
        &self.tenants[at]
    }
}

impl IndexMut<usize> for World {
    fn index_mut(&mut self, at: usize) -> &mut State {
        &mut self.tenants[at]
    }
}

impl World {
    /// Adds a tenant, and returns its place.
    pub(super) fn add(&mut self, tenant: State) -> usize {
        self.tenants.push(tenant);
        self.tenants.len() - 1
    }

    pub(super) fn tenants(&self) -> impl Iterator<Item = (usize, &State)> {
        self.tenants.iter().enumerate()
    }

    pub(super) fn tenants_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.tenants.iter_mut()
    }

    /// The tenant of an id or a domain.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.tenants.iter().position(|tenant| tenant.directory.is_called(name))
    }

    /// The application of an app id that another tenant has registered for several organizations.
    pub(super) fn abroad(&self, at: usize, app_id: &str) -> Option<Abroad> {
        let others = self.tenants().filter(|(place, _)| *place != at);
        let mut found = others.flat_map(|(_, state)| {
            let home = state.directory.tenant_id;
            let live = state.directory.applications.having("appId", app_id).filter(|(life, _)| *life == Life::Live);
            live.map(move |(_, application)| Abroad { application: Arc::clone(application), home })
        });
        found
            .find(|abroad| text(&abroad.application, "signInAudience") != "AzureADMyOrg")
            .or_else(|| sign_in::registration(app_id))
    }

    /// Carries out a request to Graph in one tenant, and what follows from it in the others.
    pub(super) fn perform(&mut self, at: usize, operation: Operation, call: &mut Call) -> Outcome {
        if let Operation::Partner(partner) = &operation {
            authorize::authorize(&operation, &call.actor)?;
            return self.partner(at, partner, call);
        }
        let app_id = match &operation {
            Operation::Create(Kind::ServicePrincipal) => call.body.as_ref().map(|body| text(body, "appId").to_owned()),
            Operation::Update(Kind::ServicePrincipal, Key::AppId(app_id)) => Some(app_id.clone()),
            _ => None,
        };
        call.abroad = app_id.and_then(|app_id| self.abroad(at, &app_id));
        let updated = match &operation {
            Operation::Update(Kind::Application, key) => Some(key.clone()),
            _ => None,
        };
        let outcome = self[at].directory.perform(operation, call)?;
        if let Some(key) = updated.filter(|_| self.tenants.len() > 1) {
            self.show_abroad(at, &key, call);
        }
        Ok(outcome)
    }

    /// Lets the service principals in other tenants show what their application has become.
    fn show_abroad(&mut self, at: usize, key: &Key, call: &Call) {
        let Ok(application) = self[at].directory.find(Kind::Application, key, Behind::NOT, call) else { return };
        for (place, other) in self.tenants.iter_mut().enumerate() {
            if place != at {
                other.directory.mirror(&application, call);
            }
        }
    }
}

impl super::directory::Directory {
    /// Whether this is the tenant of an id or a domain.
    pub(super) fn is_called(&self, name: &str) -> bool {
        same(name, &self.tenant_id.to_string()) || same(name, &self.domain)
    }
}
