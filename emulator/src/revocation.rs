//! Revoking application permissions while tokens still claim them.

use std::time::Duration;

use entra_apps::ids::ServicePrincipalId;
use entra_apps::permission::MICROSOFT_GRAPH;

use crate::MemoryTenant;
use crate::data::json::{eq_ignore_case, items, text};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ReplicaView;
use crate::graph::call::{Actor, Call};
use crate::service::TenantState;

impl MemoryTenant {
    /// Revokes an application permission of Microsoft Graph, by the object id of the app's service principal. Tokens
    /// issued before still claim it, but Graph refuses it at once; new tokens do not have it.
    ///
    /// # Panics
    /// When the app does not have it.
    pub fn revoke_role(&self, holder: ServicePrincipalId, role: &str) {
        let found = self.state().revoke_role(&holder.to_string(), role);
        assert!(found, "the service principal {holder} does not hold {role}");
    }
}

impl TenantState {
    /// Removes an application permission from a service principal, visible to every replica at once; returns whether it
    /// had it.
    fn revoke_role(&mut self, holder: &str, role: &str) -> bool {
        let directory = &mut self.directory;
        let Some(graph) = directory.live_service_principal(&MICROSOFT_GRAPH.to_string()).cloned() else {
            return false;
        };
        let ids = items(&graph, "appRoles").iter().filter(|known| text(known, "value") == role);
        let ids: Vec<&str> = ids.map(|known| text(known, "id")).collect();
        let assignments = directory.assignments.visible_by("principalId", holder, ReplicaView::CURRENT).into_iter();
        let assignments = assignments.filter(|assignments| {
            text(&assignments.value, "resourceId") == text(&graph, "id")
                && ids.iter().any(|id| eq_ignore_case(id, text(&assignments.value, "appRoleId")))
        });
        let assignments: Vec<_> = assignments.map(|assignments| text(&assignments.value, "id").to_owned()).collect();
        for id in &assignments {
            directory.store_mut(ObjectKind::Assignment).purge(id, None, Duration::ZERO);
        }
        self.tokens.revoke_role(holder, role);
        !assignments.is_empty()
    }

    /// Revokes an application permission of the app that makes a call.
    pub(crate) fn revoke_role_of_actor(&mut self, call: &mut Call, role: &str) {
        if let Actor::SignedIn(identity) = &mut call.actor {
            self.revoke_role(&identity.service_principal_id, role);
            identity.roles.retain(|assignments| assignments != role);
        }
    }
}
