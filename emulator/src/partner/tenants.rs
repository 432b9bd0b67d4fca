//! `/tenantRelationships/findTenantInformationBy…`: what is public of any tenant of the cloud.
//!
//! <https://learn.microsoft.com/graph/api/tenantrelationship-findtenantinformationbytenantid>

use serde_json::json;
use uuid::Uuid;

use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;
use crate::graph::call::Call;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};

impl CloudState {
    /// The tenant of this id, or of this domain.
    pub(super) fn find_tenant_information(&self, name: &str, by_id: bool, call: &Call) -> GraphResult {
        if by_id && Uuid::try_parse(name).is_err() {
            return Err(GraphError::bad_request(format!("Invalid tenant id '{name}'.")));
        }
        let directories = self.tenants().map(|(_, state)| &state.directory);
        let mut found = directories.filter(|directory| match by_id {
            true => eq_ignore_case(name, &directory.tenant_id.to_string()),
            false => eq_ignore_case(name, &directory.domain),
        });
        let directory = found.next().ok_or_else(|| GraphError::not_found(name))?;
        Ok(GraphResponse::ok(json!({
            "@odata.context": call.context("microsoft.graph.tenantInformation"),
            "tenantId": directory.tenant_id,
            "federationBrandName": null,
            "displayName": directory.display_name,
            "defaultDomainName": directory.domain,
        })))
    }
}
