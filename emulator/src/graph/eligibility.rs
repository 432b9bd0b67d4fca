//! The memberships that somebody may activate: Privileged Identity Management of groups.
//!
//! <https://learn.microsoft.com/graph/api/resources/privilegedidentitymanagement-for-groups-api-overview>

use http::StatusCode;
use serde_json::{Map, Value};

use crate::data::json::timestamp;
use crate::graph::call::{Actor, Call};
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::Operation;
use crate::partner::list::{ListQuery, ListSchema, Row};

static INSTANCES: ListSchema = ListSchema {
    type_name: "privilegedAccessGroupEligibilityScheduleInstance",
    selectable: &[
        "id",
        "accessId",
        "eligibilityScheduleId",
        "endDateTime",
        "groupId",
        "memberType",
        "principalId",
        "startDateTime",
    ],
    filterable: &["accessId", "eligibilityScheduleId", "groupId", "memberType", "principalId"],
    max_page_size: 999,
    in_directory: true,
};

/// Finds the operation of a method and the segments behind `/identityGovernance`, of which the last has this key; `None` is
/// a wrong method on a known path.
pub(crate) fn route(
    method: &str,
    names: &[&str],
    key: Option<&(String, String)>,
) -> Result<Option<Operation>, GraphError> {
    let by_principal = key.is_some_and(|(name, value)| name == "on" && value.eq_ignore_ascii_case("principal"));
    match (names, method) {
        (["privilegedaccess", "group", "eligibilityscheduleinstances", "filterbycurrentuser"], _) if by_principal => {
            Ok((method == "GET").then_some(Operation::ListOwnEligibility))
        }
        _ => Err(GraphError::not_implemented(format!("the path /identityGovernance/{}", names.join("/")))),
    }
}

impl Directory {
    /// The groups that the caller may become a member of by activation.
    /// <https://learn.microsoft.com/graph/api/privilegedaccessgroupeligibilityscheduleinstance-filterbycurrentuser>
    pub(crate) fn list_own_eligibility(&self, call: &Call) -> GraphResult {
        let Actor::SignedIn(identity) = &call.actor else {
            return Err(GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", "Nobody is signed in."));
        };
        let query = ListQuery::parse(call, &INSTANCES)?;
        let principal = identity.principal_id();
        let groups = self.eligible.sources(principal).iter().filter(|group| self.groups.live(group).is_some());
        let rows = groups.zip(1..).map(|(group, order)| {
            let mut properties = Map::new();
            properties.insert("id".into(), format!("{group}_member_{principal}").into());
            properties.insert("startDateTime".into(), timestamp::seconds(self.created_at).into());
            properties.insert("endDateTime".into(), Value::Null);
            properties.insert("memberType".into(), "direct".into());
            properties.insert("principalId".into(), principal.into());
            properties.insert("accessId".into(), "member".into());
            properties.insert("groupId".into(), group.as_str().into());
            properties.insert("eligibilityScheduleId".into(), format!("{group}_member_{principal}").into());
            Row { order, properties }
        });
        let context = "Collection(privilegedAccessGroupEligibilityScheduleInstance)";
        Ok(GraphResponse::ok(query.page(rows, context, call)))
    }
}
