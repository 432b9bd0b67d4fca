//! `/v1/customers`: those to whom the partner sells.
//!
//! <https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers>

use serde_json::{Value, json};

use super::PartnerCenterRequest;
use super::response::{PartnerCenterError, PartnerCenterResponse};
use crate::cloud_state::CloudState;
use crate::json::{same, text};

fn shown(contract: &Value) -> Value {
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
    fn center_contracts(&self, at: usize) -> &[Value] {
        self[at].directory.partner.as_ref().map_or(&[], |partner| &partner.contracts)
    }

    pub(super) fn center_customers(
        &self,
        asking: &PartnerCenterRequest<'_>,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        if asking.request.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(PartnerCenterError::not_implemented("the query of a list of customers"));
        }
        let items: Vec<Value> = self.center_contracts(asking.at).iter().map(shown).collect();
        Ok(PartnerCenterResponse::ok(json!({
            "totalCount": items.len(),
            "items": items,
            "links": {"self": {"uri": "/customers", "method": "GET", "headers": []}},
            "attributes": {"objectType": "Collection"},
        })))
    }

    pub(super) fn center_customer(
        &self,
        asking: &PartnerCenterRequest<'_>,
        customer: &str,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        let mut all = self.center_contracts(asking.at).iter();
        let found = all.find(|contract| same(text(contract, "customerId"), customer));
        Ok(PartnerCenterResponse::ok(shown(found.ok_or_else(PartnerCenterError::no_customer)?)))
    }

    /// The place of a customer's tenant.
    pub(super) fn customer_tenant(
        &self,
        asking: &PartnerCenterRequest<'_>,
        customer: &str,
    ) -> Result<usize, PartnerCenterError> {
        let mut all = self.center_contracts(asking.at).iter();
        all.find(|contract| same(text(contract, "customerId"), customer))
            .ok_or_else(PartnerCenterError::no_customer)?;
        self.find(customer).ok_or_else(PartnerCenterError::no_customer)
    }
}
