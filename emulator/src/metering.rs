//! What requests to Graph cost in a tenant that is throttled.

use std::time::Duration;

use http::header::HeaderName;

use super::faults::{Cost, Exceeded, Spender, Throttling, share};
use crate::cloud_state::CloudState;
use crate::data::json::text;
use crate::data::lag::LookupLag;
use crate::data::object_kind::ObjectKind;
use crate::graph::call::{Actor, Call};
use crate::graph::directory::Directory;
use crate::graph::response::GraphResult;
use crate::graph::route::{ObjectKey, Operation};

impl Directory {
    /// Whether a write is to an application that personal accounts may use, or may use then.
    fn is_for_personal_accounts(&self, operation: &Operation, call: &Call) -> bool {
        let asked = || call.body.as_ref().is_some_and(is_personal);
        let stored = |key: &ObjectKey| {
            self.find(ObjectKind::Application, key, LookupLag::NONE, call)
                .is_ok_and(|application| is_personal(&application))
        };
        match operation {
            Operation::Create(ObjectKind::Application) => asked(),
            Operation::Update(ObjectKind::Application, key) => asked() || stored(key),
            Operation::Delete(ObjectKind::Application, key)
            | Operation::AddPassword(ObjectKind::Application, key)
            | Operation::RemovePassword(ObjectKind::Application, key)
            | Operation::AddKey(ObjectKind::Application, key)
            | Operation::RemoveKey(ObjectKind::Application, key)
            | Operation::AddLink(ObjectKind::Application, key, _)
            | Operation::RemoveLink(ObjectKind::Application, key, ..)
            | Operation::CreateFederated(key)
            | Operation::UpdateFederated(key, _)
            | Operation::DeleteFederated(key, _) => stored(key),
            _ => false,
        }
    }
}

fn is_personal(application: &serde_json::Value) -> bool {
    text(application, "signInAudience").contains("Personal")
}

impl CloudState {
    /// Charges an app for what it asks of a tenant.
    pub(crate) fn charge(&mut self, at: usize, app: &str, cost: &Cost, now: Duration) -> Result<u64, Exceeded> {
        let directory = &self[at].directory;
        let who =
            Spender { app: app.to_owned(), tenant: directory.tenant_id.to_string(), users: directory.users.len() };
        let limits = self[at].limits.clone();
        self.spending.spend(&limits, &who, cost, now)
    }

    /// Carries out a request to Graph for what it costs.
    pub(super) fn metered(&mut self, at: usize, operation: Operation, call: &mut Call) -> GraphResult {
        let Actor::SignedIn(identity) = &call.actor else { return self.perform(at, operation, call) };
        let app = identity.app_id.clone();
        let mut cost = Cost::of(&operation, &call.method, &call.query);
        let mut used = 0;
        if self[at].limits != Throttling::none() {
            let is_personal = cost.writes > 0 && self[at].directory.is_for_personal_accounts(&operation, call);
            cost.personal_writes = u64::from(is_personal);
            used = self.charge(at, &app, &cost, call.now).map_err(|exceeded| exceeded.refusal())?;
        }
        let mut headers = vec![(HeaderName::from_static("x-ms-resource-unit"), cost.units.to_string())];
        headers.extend(share(used).map(|share| (HeaderName::from_static("x-ms-throttle-limit-percentage"), share)));
        let headers = headers.into_iter();
        match self.perform(at, operation, call) {
            Ok(answer) => Ok(headers.fold(answer, |answer, (name, value)| answer.header(name, value))),
            Err(refusal) => Err(headers.fold(refusal, |refusal, (name, value)| refusal.header(name, value))),
        }
    }
}
