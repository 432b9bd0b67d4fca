//! `/tenantRelationships/delegatedAdminCustomers`: the customers that have ever approved a relationship.
//!
//! <https://learn.microsoft.com/graph/api/resources/delegatedadmincustomer>

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::errors;
use super::list::{self, ListQuery, ListSchema, Row};
use super::{Partner, Relationship};
use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;
use crate::graph::call::Call;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};

const COLLECTION: &str = "delegatedAdminCustomers";

static SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminCustomer",
    selectable: &["id", "tenantId", "displayName"],
    filterable: &["id", "tenantId", "displayName"],
    max_page_size: 300,
    in_directory: false,
};

static SERVICE_SCHEMA: ListSchema = ListSchema {
    type_name: "delegatedAdminServiceManagementDetail",
    selectable: &["id", "serviceName", "serviceManagementUrl"],
    filterable: &["id", "serviceName"],
    max_page_size: 300,
    in_directory: false,
};

/// The portals in which a partner administers the services of a customer.
const SERVICES: [(&str, &str); 3] = [
    ("Microsoft365", "https://admin.microsoft.com/Partner/beginclientsession.aspx?CTID="),
    ("EntraId", "https://entra.microsoft.com/"),
    ("Azure", "https://portal.azure.com/"),
];

impl Partner {
    /// The customers that have approved a relationship, whatever its status now, in the order of the first.
    fn customers(&self) -> Vec<Row> {
        Self::customers_of(self.relationships.iter())
    }

    fn customers_of<'a>(relationships: impl Iterator<Item = &'a Relationship>) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let mut known: HashSet<String> = HashSet::new();
        for relationship in relationships {
            let (id, value) = (relationship.customer(), &relationship.entity.value);
            if id.is_empty() || value["activatedDateTime"].is_null() || !known.insert(id.to_lowercase()) {
                continue;
            }
            let mut properties = Map::new();
            properties.insert("@odata.type".into(), "#microsoft.graph.delegatedAdminCustomer".into());
            properties.insert("@odata.etag".into(), relationship.entity.etag().into());
            for name in ["id", "tenantId"] {
                properties.insert(name.into(), id.into());
            }
            properties.insert("displayName".into(), value["customer"]["displayName"].clone());
            rows.push(Row { order: relationship.entity.number, properties });
        }
        rows
    }

    fn customer(&self, id: &str) -> Result<Map<String, Value>, GraphError> {
        let found = Self::customers_of(self.relationships.of_customer(id)).into_iter().next();
        Ok(found.ok_or_else(errors::not_found)?.properties)
    }
}

fn services(customer: &str) -> impl Iterator<Item = Row> {
    let customer = customer.to_lowercase();
    SERVICES.iter().zip(1..).map(move |((name, url), order)| {
        let value = json!({
            "@odata.type": "#microsoft.graph.delegatedAdminServiceManagementDetail",
            "id": name,
            "serviceName": name,
            "serviceManagementUrl": format!("{url}{customer}"),
        });
        let Value::Object(properties) = value else { return Row { order, properties: Map::new() } };
        Row { order, properties }
    })
}

impl CloudState {
    pub(super) fn list_customers(&self, tenant: usize, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        Ok(GraphResponse::ok(query.page(self.partner_of(tenant)?.customers().into_iter(), COLLECTION, call)))
    }

    pub(super) fn count_customers(&self, tenant: usize, call: &Call) -> GraphResult {
        list::count(self.partner_of(tenant)?.customers().into_iter(), call, &SCHEMA)
    }

    pub(super) fn get_customer(&self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SCHEMA)?;
        Ok(GraphResponse::ok(query.entity(self.partner_of(tenant)?.customer(id)?, COLLECTION, call)))
    }

    pub(super) fn list_services(&self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SERVICE_SCHEMA)?;
        let customer = self.partner_of(tenant)?.customer(id)?;
        let id = customer.get("id").and_then(Value::as_str).unwrap_or_default();
        let context = format!("{COLLECTION}('{id}')/serviceManagementDetails");
        Ok(GraphResponse::ok(query.page(services(id), &context, call)))
    }

    pub(super) fn count_services(&self, tenant: usize, id: &str, call: &Call) -> GraphResult {
        self.partner_of(tenant)?.customer(id)?;
        list::count(services(id), call, &SERVICE_SCHEMA)
    }

    pub(super) fn get_service(&self, tenant: usize, id: &str, service: &str, call: &Call) -> GraphResult {
        let query = ListQuery::parse(call, &SERVICE_SCHEMA)?;
        self.partner_of(tenant)?.customer(id)?;
        let matches_id = |row: &Row| {
            row.properties.get("id").and_then(Value::as_str).is_some_and(|known| eq_ignore_case(known, service))
        };
        let found = services(id).find(matches_id).ok_or_else(errors::not_found)?;
        let context = format!("{COLLECTION}('{}')/serviceManagementDetails", id.to_lowercase());
        Ok(GraphResponse::ok(query.entity(found.properties, &context, call)))
    }
}
