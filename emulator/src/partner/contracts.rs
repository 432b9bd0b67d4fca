//! `/contracts`: the customers of a reseller. They are directory objects, and exist in the tenants of partners only:
//! any other tenant has none.
//!
//! <https://learn.microsoft.com/graph/api/resources/contract>

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Partner;
use super::list::{self, ListQuery, ListSchema, Row};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::graph::call::Call;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::query;

const COLLECTION: &str = "contracts";

static SCHEMA: ListSchema = ListSchema {
    type_name: "contract",
    selectable: &["id", "deletedDateTime", "contractType", "customerId", "defaultDomainName", "displayName"],
    filterable: &["customerId", "defaultDomainName", "displayName"],
    max_page_size: 999,
    in_directory: true,
};

/// The contracts of a partner, each as Graph returns it, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Contracts {
    all: Vec<Value>,
    by_customer: HashMap<String, usize>,
}

impl Contracts {
    pub(super) fn push(&mut self, contract: Value) {
        self.by_customer.entry(text(&contract, "customerId").to_lowercase()).or_insert(self.all.len());
        self.all.push(contract);
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.all.iter()
    }

    /// The contract with a tenant.
    pub(crate) fn of_customer(&self, customer: &str) -> Option<&Value> {
        self.by_customer.get(&customer.to_lowercase()).map(|index| &self.all[*index])
    }
}

impl Partner {
    /// Adds a contract, which keeps the customer's current names.
    pub(super) fn add_contract(&mut self, id: Uuid, customer: Uuid, domain: &str, name: &str) {
        let customer = customer.to_string();
        if !self.has_contract(&customer) {
            self.contracts.push(json!({
                "id": id, "deletedDateTime": null, "contractType": "ResellerPartner", "customerId": customer,
                "defaultDomainName": domain, "displayName": name
            }));
        }
    }

    /// Whether the partner has a contract with a tenant.
    pub(super) fn has_contract(&self, customer: &str) -> bool {
        self.contracts.of_customer(customer).is_some()
    }
}

impl CloudState {
    fn contract_rows(&self, tenant: usize) -> Vec<Row> {
        let contracts = self[tenant].directory.partner.iter().flat_map(|partner| partner.contracts.iter());
        let rows = contracts.zip(1..).filter_map(|(contract, order)| {
            let Value::Object(properties) = contract.clone() else { return None };
            Some(Row { order, properties })
        });
        rows.collect()
    }

    pub(super) fn list_contracts(&self, tenant: usize, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        Ok(GraphResponse::ok(query.page(self.contract_rows(tenant).into_iter(), COLLECTION, call)))
    }

    pub(super) fn count_contracts(&self, tenant: usize, call: &Call) -> GraphResult {
        query::check_count(call)?;
        list::count(self.contract_rows(tenant).into_iter(), call, &SCHEMA)
    }

    pub(super) fn get_contract(&self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        let mut rows = self.contract_rows(tenant).into_iter();
        let matches_id =
            |row: &Row| row.properties.get("id").and_then(Value::as_str).is_some_and(|known| eq_ignore_case(known, id));
        let found = rows.find(matches_id).ok_or_else(|| GraphError::not_found(id))?;
        Ok(GraphResponse::ok(query.entity(found.properties, COLLECTION, call)))
    }
}
