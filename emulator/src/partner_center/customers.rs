//! `/v1/customers`: the customers of the partner.
//!
//! <https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers>

use serde_json::{Value, json};

use super::PartnerCenterRequest;
use super::response::{PartnerCenterError, PartnerCenterResponse};
use crate::cloud_state::CloudState;
use crate::partner::Contracts;

fn customer_resource(contract: &Value) -> Value {
    json!({
        "id": contract["customerId"],
        "companyProfile": {
            "tenantId": contract["customerId"],
            "domain": contract["defaultDomainName"],
            "companyName": contract["displayName"],
            "attributes": {"objectType": "CustomerCompanyProfile"},
        },
        "relationshipToPartner": "reseller",
        "attributes": {"objectType": "Customer"},
    })
}

impl CloudState {
    fn partner_contracts(&self, tenant: usize) -> Option<&Contracts> {
        self[tenant].directory.partner.as_ref().map(|partner| &partner.contracts)
    }

    fn partner_contract(&self, tenant: usize, customer: &str) -> Result<&Value, PartnerCenterError> {
        let found = self.partner_contracts(tenant).and_then(|contracts| contracts.of_customer(customer));
        found.ok_or_else(PartnerCenterError::unknown_customer)
    }

    pub(super) fn list_partner_center_customers(
        &self,
        request: &PartnerCenterRequest<'_>,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        if request.http.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(PartnerCenterError::not_implemented("the query of a list of customers"));
        }
        let contracts = self.partner_contracts(request.tenant).into_iter().flat_map(Contracts::iter);
        let items: Vec<Value> = contracts.map(customer_resource).collect();
        Ok(PartnerCenterResponse::ok(json!({
            "totalCount": items.len(),
            "items": items,
            "links": {"self": {"uri": "/customers", "method": "GET", "headers": []}},
            "attributes": {"objectType": "Collection"},
        })))
    }

    pub(super) fn get_partner_center_customer(
        &self,
        request: &PartnerCenterRequest<'_>,
        customer: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        Ok(PartnerCenterResponse::ok(customer_resource(self.partner_contract(request.tenant, customer)?)))
    }

    /// The index of a customer's tenant.
    pub(super) fn customer_tenant(
        &self,
        request: &PartnerCenterRequest<'_>,
        customer: &str,
    ) -> Result<usize, PartnerCenterError> {
        self.partner_contract(request.tenant, customer)?;
        self.find_tenant(customer).ok_or_else(PartnerCenterError::unknown_customer)
    }
}
