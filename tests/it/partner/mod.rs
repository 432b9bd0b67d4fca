//! Partners: customers, delegated admin relationships, access assignments.

mod application_consents;
mod audit;
mod configuration;
mod faults;
mod link;
mod manual_consent;
mod pre_consent;
mod readiness;
mod reading;
mod writing;

use std::time::Duration;

use entra_apps::Client;
use entra_apps::directory_role::DirectoryRole;
use entra_apps::ids::DelegatedAdminRelationshipId;
use entra_apps::model::DelegatedAdminRelationship;
use entra_apps::uuid::Uuid;
use entra_emulator::{MemoryCloud, MemoryTenant, MemoryTenantBuilder};
use serde_json::{Value, json};

use crate::support::builder;

const READ: &str = "DelegatedAdminRelationship.Read.All";
const WRITE: &str = "DelegatedAdminRelationship.ReadWrite.All";
const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships";

/// A partner and two customers, Fabrikam and Adatum.
struct Scene {
    cloud: MemoryCloud,
    partner: MemoryTenant,
    fabrikam: MemoryTenant,
    adatum: MemoryTenant,
}

impl Scene {
    fn new() -> Self {
        Self::of(builder())
    }

    fn of(partner: MemoryTenantBuilder) -> Self {
        let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com")).display_name(name);
        let partner = partner.partner().domain("partner.onmicrosoft.com");
        let cloud = MemoryCloud::new([partner, named("Fabrikam"), named("Adatum")]);
        let [partner, fabrikam, adatum] = [0, 1, 2].map(|at| cloud.tenants()[at].clone());
        Self { cloud, partner, fabrikam, adatum }
    }

    /// A client of the partner's tenant with these application permissions.
    fn client(&self, permissions: &[&str]) -> Client {
        let client = self.partner.client_of(&self.partner.add_caller(permissions));
        self.partner.clear_requests();
        client
    }

    fn writer(&self) -> Client {
        self.client(&[WRITE])
    }

    /// An active relationship with Fabrikam.
    fn relationship(&self, roles: &[DirectoryRole]) -> DelegatedAdminRelationshipId {
        let id = self.partner.add_relationship(&self.fabrikam, "Fabrikam support", &ids(roles));
        DelegatedAdminRelationshipId::new(id)
    }

    /// A relationship as its maker makes it, by hand.
    fn made(&self, body: &Value) -> DelegatedAdminRelationship {
        let (status, body) = self.partner.send_json("POST", RELATIONSHIPS, Some(&body.to_string()));
        assert_eq!(status, 201, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn made_by_provider(&self) -> DelegatedAdminRelationship {
        self.made(&json!({
            "@odata.type": "#microsoft.graph.resellerDelegatedAdminRelationship", "displayName": "By provider",
            "duration": "P180D", "indirectProviderTenantId": self.adatum.id(), "accessDetails": {"unifiedRoles":
                [{"roleDefinitionId": DirectoryRole::GLOBAL_READER.id()}]}
        }))
    }
}

fn ids(roles: &[DirectoryRole]) -> Vec<Uuid> {
    roles.iter().map(DirectoryRole::id).collect()
}

/// The methods of the requests to Graph, in order.
fn methods(tenant: &MemoryTenant) -> Vec<String> {
    tenant.requests().iter().filter(|it| !it.is_token).map(|it| it.method.to_string()).collect()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
