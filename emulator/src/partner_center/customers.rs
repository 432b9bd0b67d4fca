//! `/v1/customers`: the customers of the partner.
//!
//! <https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers>

use serde_json::{Value, json};

use super::PartnerCenterRequest;
use super::response::{PartnerCenterError, PartnerCenterResponse};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};

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
    fn partner_contracts(&self, tenant: usize) -> &[Value] {
        self[tenant].directory.partner.as_ref().map_or(&[], |partner| &partner.contracts)
    }

    pub(super) fn list_partner_center_customers(
        &self,
        request: &PartnerCenterRequest<'_>,
    ) -> Result<PartnerCenterResponse, PartnerCenterError> {
        if request.http.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(PartnerCenterError::not_implemented("the query of a list of customers"));
        }
        let items: Vec<Value> = self.partner_contracts(request.tenant).iter().map(customer_resource).collect();
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
        let mut all = self.partner_contracts(request.tenant).iter();
        let found = all.find(|contract| eq_ignore_case(text(contract, "customerId"), customer));
        Ok(PartnerCenterResponse::ok(customer_resource(found.ok_or_else(PartnerCenterError::unknown_customer)?)))
    }

    /// The index of a customer's tenant.
    pub(super) fn customer_tenant(
        &self,
        request: &PartnerCenterRequest<'_>,
        customer: &str,
    ) -> Result<usize, PartnerCenterError> {
        let mut all = self.partner_contracts(request.tenant).iter();
        all.find(|contract| eq_ignore_case(text(contract, "customerId"), customer))
            .ok_or_else(PartnerCenterError::unknown_customer)?;
        self.find_tenant(customer).ok_or_else(PartnerCenterError::unknown_customer)
    }
}
