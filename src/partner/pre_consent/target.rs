//! A customer of a run, as small as it can be kept: there may be ten thousand.

use crate::directory_role::DirectoryRole;
use crate::ids::TenantId;
use crate::partner::customers::Customer;
use crate::partner::readiness::{CustomerReadiness, Gap, ReadinessOutcome};

/// A customer of a run.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) tenant: TenantId,
    name: Option<Box<str>>,
    /// Whether the roles are there, as far as the partner's tenant says.
    pub(super) readiness: ReadinessOutcome,
    roles: Box<[DirectoryRole]>,
    gaps: Box<[Gap]>,
    /// Which of the registrations is for it.
    pub(super) registration: usize,
}

impl Target {
    pub(super) fn new(customer: CustomerReadiness, registration_of: &impl Fn(TenantId) -> usize) -> Self {
        let CustomerReadiness { customer, outcome, roles, gaps, .. } = customer;
        let tenant = customer.tenant_id;
        // Whoever is ready may be asked: which roles there are says nothing more.
        let roles = if outcome == ReadinessOutcome::Ready { Vec::new() } else { roles };
        Self {
            tenant,
            name: customer.display_name.or(customer.default_domain).map(String::into_boxed_str),
            readiness: outcome,
            roles: roles.into_boxed_slice(),
            gaps: gaps.into_boxed_slice(),
            registration: registration_of(tenant),
        }
    }

    /// The customer as a report names it.
    pub(super) fn customer(&self) -> Customer {
        Customer {
            tenant_id: self.tenant,
            display_name: self.name.as_deref().map(str::to_owned),
            default_domain: None,
            sources: Vec::new(),
        }
    }

    /// What is known of it from the partner's tenant.
    pub(super) fn readiness(&self) -> CustomerReadiness {
        CustomerReadiness {
            customer: self.customer(),
            outcome: self.readiness,
            roles: self.roles.to_vec(),
            proven: false,
            gaps: self.gaps.to_vec(),
        }
    }
}
