//! Ready-made clouds of a partner and its customers.

use entra_apps::permission::well_known;
use uuid::Uuid;

use super::ADMIN_AGENTS;
use crate::graph::authorize::role;
use crate::{MemoryCloud, MemoryTenant, MemoryTenantBuilder};

/// The roles of admin agents in each customer's tenant: all that setting up applications takes.
const ADMIN_AGENT_ROLES: [&str; 5] = [
    role::APPLICATION_ADMINISTRATOR,
    role::CLOUD_APPLICATION_ADMINISTRATOR,
    role::PRIVILEGED_ROLE_ADMINISTRATOR,
    role::DIRECTORY_READERS,
    role::GLOBAL_READER,
];

impl MemoryCloud {
    /// A partner, `partner.onmicrosoft.com`, and its customers, `customer1.onmicrosoft.com` and so on: see
    /// [`partner`](Self::partner).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use entra_emulator::MemoryCloud;
    ///
    /// let cloud = MemoryCloud::partner_with_customers(2);
    /// let relationships = cloud.tenants()[0].delegated_admin_relationships();
    /// assert_eq!(relationships[1].customer, Some(cloud.tenant("customer2.onmicrosoft.com").unwrap().id()));
    /// # }
    /// ```
    pub fn partner_with_customers(customers: usize) -> Self {
        let partner = MemoryTenant::builder().display_name("Partner").domain("partner.onmicrosoft.com");
        let customer = |number| {
            let builder = MemoryTenant::builder().display_name(format!("Customer {number}"));
            builder.domain(format!("customer{number}.onmicrosoft.com"))
        };
        Self::partner(partner, (1..=customers).map(customer))
    }

    /// A partner, which is the first tenant, and its customers.
    ///
    /// The partner has a user in its group `AdminAgents`: `admin.agent@` its domain. It has a contract with each
    /// customer, and an active relationship with each, in which the admin agents are Application Administrator, Cloud
    /// Application Administrator, Privileged Role Administrator, Directory Reader and Global Reader. Customers do not
    /// have the service principal of Partner Center.
    ///
    /// # Panics
    /// When a builder's snapshot does not fit: see [`MemoryTenantBuilder::build`].
    pub fn partner(partner: MemoryTenantBuilder, customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let customers = customers.into_iter().map(|builder| builder.without_api(well_known::MICROSOFT_PARTNER_CENTER));
        let cloud = Self::new(std::iter::once(partner.partner()).chain(customers));
        let Some((partner, customers)) = cloud.tenants().split_first() else { return cloud };
        let agent = partner.add_user("Admin Agent", &[]);
        let agents = partner.groups().into_iter().find(|group| group.display_name == ADMIN_AGENTS);
        let agents = agents.expect("a partner has the group");
        partner.state().directory.members.add(&agents.id.to_string(), &agent.id.to_string());
        let roles: Vec<Uuid> = ADMIN_AGENT_ROLES.iter().filter_map(|role| role.parse().ok()).collect();
        for (customer, number) in customers.iter().zip(1..) {
            partner.add_customer(customer);
            let id = partner.add_relationship(customer, &format!("Administration of customer {number}"), &roles);
            partner.add_access_assignment(&id, agents.id, &roles);
        }
        cloud
    }
}
