//! The directory roles of a partner's users in the tenants of customers, and the group of admin agents.

use super::assignments::group;
use super::{ADMIN_AGENTS, Partner, validation};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};

impl Partner {
    /// Which of the partner's groups have which directory roles, by template id, in the tenant of a customer: by active
    /// access assignments in active relationships.
    ///
    /// Statuses are as of the last [`CloudState::advance_time`].
    pub(crate) fn roles_of_groups(&self, customer: &str) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        let of_customer = self.relationships.of_customer(customer);
        for relationship in of_customer.filter(|relationship| relationship.entity.status() == "active") {
            let approved = relationship.roles();
            for assignment in relationship.assignments.iter().filter(|assignment| assignment.status() == "active") {
                // An assignment does not grant a role that its relationship has lost.
                let roles = validation::roles(&assignment.value["accessDetails"]).unwrap_or_default();
                for role in roles.into_iter().filter(|role| approved.iter().any(|known| eq_ignore_case(known, role))) {
                    let found = (group(assignment).to_lowercase(), role.to_lowercase());
                    if !all.contains(&found) {
                        all.push(found);
                    }
                }
            }
        }
        all
    }
}

impl CloudState {
    /// The directory roles, by template id, that a user of the partner `home` has in the tenant `customer`: those of the
    /// groups that the user is in, directly or through others.
    pub(crate) fn guest_roles(&self, customer: usize, home: usize, user_id: &str) -> Vec<String> {
        let Some(partner) = &self[home].directory.partner else { return Vec::new() };
        let groups = self.live_groups_of(home, user_id);
        let mut user_roles: Vec<String> = Vec::new();
        for (group, role) in partner.roles_of_groups(&self[customer].directory.tenant_id.to_string()) {
            if groups.iter().any(|known| eq_ignore_case(known, &group)) && !user_roles.contains(&role) {
                user_roles.push(role);
            }
        }
        user_roles
    }

    /// Whether a user of a tenant is in its group of admin agents.
    pub(crate) fn is_admin_agent(&self, tenant: usize, user_id: &str) -> bool {
        let directory = &self[tenant].directory;
        let is_agents =
            |id: &String| directory.groups.live(id).is_some_and(|it| text(it, "displayName") == ADMIN_AGENTS);
        self.live_groups_of(tenant, user_id).iter().any(is_agents)
    }

    /// The groups that a user is in, directly or through others.
    fn live_groups_of(&self, tenant: usize, user_id: &str) -> Vec<String> {
        let directory = &self[tenant].directory;
        if directory.users.live(user_id).is_none() {
            return Vec::new();
        }
        let mut groups = directory.members.transitive_sources(&user_id.to_lowercase());
        groups.retain(|group| directory.groups.live(group).is_some());
        groups
    }
}
