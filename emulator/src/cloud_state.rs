//! The state of all tenants of a cloud, or of a single one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;
use uuid::Uuid;

use crate::data::json::{eq_ignore_case, text};
use crate::data::lag::LookupLag;
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::faults::{Spender, Spending};
use crate::graph::authorize;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::GraphResult;
use crate::graph::route::{ObjectKey, Operation};
use crate::service::TenantState;
use crate::sign_in::{self, SignInFlows};

/// An application that another tenant has registered and that may be used here.
#[derive(Clone, Debug)]
pub(crate) struct ForeignApplication {
    pub(crate) application: Arc<Value>,
    pub(crate) home: Uuid,
}

/// Where applications were found by their app ids.
#[derive(Debug, Default)]
struct Registrars {
    /// How many applications had arrived by then.
    arrivals: u64,
    tenants: HashMap<String, Arc<[usize]>>,
}

/// The tenants of a cloud, addressed by index, and the sign-ins in progress.
#[derive(Default)]
pub(crate) struct CloudState {
    tenants: Vec<TenantState>,
    /// Which of them are partners: each request asks, and there may be ten thousand tenants.
    partners: Vec<usize>,
    /// Where tenants were found by a name in lower case; each is looked at again, because a snapshot may rename it.
    found: RefCell<HashMap<String, usize>>,
    registrars: RefCell<Registrars>,
    /// Counts the applications of all tenants.
    arrivals: Arc<AtomicU64>,
    /// The sign-ins in progress.
    pub(crate) flows: SignInFlows,
    /// What apps have spent, in each tenant and across all.
    pub(crate) spending: Spending,
}

impl Index<usize> for CloudState {
    type Output = TenantState;

    fn index(&self, tenant: usize) -> &TenantState {
        &self.tenants[tenant]
    }
}

impl IndexMut<usize> for CloudState {
    fn index_mut(&mut self, tenant: usize) -> &mut TenantState {
        &mut self.tenants[tenant]
    }
}

impl CloudState {
    /// Adds a tenant, and returns its index.
    pub(crate) fn add(&mut self, tenant: TenantState) -> usize {
        self.tenants.push(tenant);
        let index = self.tenants.len() - 1;
        self.note_loaded(index);
        index
    }

    /// Takes in what a tenant is whose state was loaded.
    pub(crate) fn note_loaded(&mut self, index: usize) {
        let directory = &mut self.tenants[index].directory;
        directory.applications.count_arrivals(&self.arrivals);
        self.partners.retain(|known| *known != index);
        if directory.partner.is_some() {
            self.partners.push(index);
        }
    }

    /// The tenants that have, or had, an application of this app id, in their order. They are looked for again when there is
    /// another application anywhere.
    pub(crate) fn registrars(&self, app_id: &str) -> Arc<[usize]> {
        let mut known = self.registrars.borrow_mut();
        let arrivals = self.arrivals.load(Ordering::Relaxed);
        if known.arrivals != arrivals {
            *known = Registrars { arrivals, tenants: HashMap::new() };
        }
        let has = |index: &usize| self.tenants[*index].directory.applications.has_indexed("appId", app_id);
        let find = || (0..self.tenants.len()).filter(has).collect();
        Arc::clone(known.tenants.entry(app_id.to_lowercase()).or_insert_with(find))
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = (usize, &TenantState)> {
        self.tenants.iter().enumerate()
    }

    /// The tenants of partners.
    pub(crate) fn partners(&self) -> &[usize] {
        &self.partners
    }

    /// The index of the tenant with this id or domain.
    pub(crate) fn find_tenant(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        let is_there = |index: &usize| self.tenants[*index].directory.has_id_or_domain(&name);
        let found = self.found.borrow().get(&name).copied().filter(is_there);
        let found = found.or_else(|| (0..self.tenants.len()).find(is_there));
        if let Some(index) = found {
            self.found.borrow_mut().insert(name, index);
        }
        found
    }

    /// The index of the tenant that issued the token of a request.
    pub(crate) fn issuer(&self, headers: &HeaderMap) -> Option<usize> {
        let token = headers.get(AUTHORIZATION);
        let has_issued = |index: &usize| self.tenants[*index].tokens.contains(token);
        let claimed = self.find_tenant(&Spender::of_token(headers).tenant);
        claimed.filter(has_issued).or_else(|| (0..self.tenants.len()).find(has_issued))
    }

    /// The multi-tenant application of an app id, registered by another tenant or by Microsoft.
    pub(crate) fn foreign_application(&self, tenant: usize, app_id: &str) -> Option<ForeignApplication> {
        let registrars = self.registrars(app_id);
        let others = registrars.iter().filter(|index| **index != tenant);
        let mut found = others.flat_map(|index| {
            let directory = &self.tenants[*index].directory;
            let home = directory.tenant_id;
            let live = directory.applications.find_by("appId", app_id).filter(|(state, _)| *state == ObjectState::Live);
            live.map(move |(_, application)| ForeignApplication { application: Arc::clone(application), home })
        });
        found
            .find(|foreign_application| text(&foreign_application.application, "signInAudience") != "AzureADMyOrg")
            .or_else(|| sign_in::registration(app_id))
    }

    /// Carries out a Graph operation in one tenant, with its effects on the others.
    pub(crate) fn perform(&mut self, tenant: usize, operation: Operation, call: &mut Call) -> GraphResult {
        if let Operation::Partner(partner) = &operation {
            authorize::authorize(&operation, &call.actor)?;
            return self.partner(tenant, partner, call);
        }
        if let Operation::Roles(roles) = &operation {
            authorize::authorize(&operation, &call.actor)?;
            return self.role_management(tenant, roles, call);
        }
        let app_id = match &operation {
            Operation::Create(ObjectKind::ServicePrincipal) => {
                call.body.as_ref().map(|body| text(body, "appId").to_owned())
            }
            Operation::Update(ObjectKind::ServicePrincipal, ObjectKey::AppId(app_id)) => Some(app_id.clone()),
            _ => None,
        };
        call.foreign_application = app_id.and_then(|app_id| self.foreign_application(tenant, &app_id));
        let updated = match &operation {
            Operation::Update(ObjectKind::Application, key) => Some(key.clone()),
            _ => None,
        };
        let outcome = self[tenant].directory.perform(operation, call)?;
        if let Some(key) = updated.filter(|_| self.tenants.len() > 1) {
            self.sync_foreign_service_principals(tenant, &key, call);
        }
        Ok(outcome)
    }

    /// Updates the service principals in other tenants after an application has changed.
    fn sync_foreign_service_principals(&mut self, tenant: usize, key: &ObjectKey, call: &Call) {
        let Ok(application) = self[tenant].directory.find(ObjectKind::Application, key, LookupLag::NONE, call) else {
            return;
        };
        for (index, other) in self.tenants.iter_mut().enumerate() {
            if index != tenant {
                other.directory.sync_service_principal(&application, call);
            }
        }
    }
}

impl Directory {
    /// Whether the tenant has this id or domain.
    pub(crate) fn has_id_or_domain(&self, name: &str) -> bool {
        eq_ignore_case(name, &self.tenant_id.to_string()) || eq_ignore_case(name, &self.domain)
    }
}
