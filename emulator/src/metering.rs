//! What requests to Graph cost in a tenant that is throttled.

use http::header::HeaderName;

use super::answer::{Outcome, Refusal};
use super::call::{Actor, Call};
use super::directory::Directory;
use super::faults::{Cost, Spender, share};
use super::json::text;
use super::kind::Kind;
use super::lag::Behind;
use super::route::{Key, Operation};
use super::service::State;
use super::world::World;

impl State {
    /// Charges an app for an operation.
    fn charge(&mut self, app: &str, operation: &Operation, cost: &mut Cost, call: &Call) -> Result<u64, Refusal> {
        if self.throttle.is_off() {
            return Ok(0);
        }
        if cost.writes > 0 && self.directory.is_for_personal_accounts(operation, call) {
            cost.personal_writes = 1;
        }
        let tenant = self.directory.tenant_id.to_string();
        let who = Spender { app: app.to_owned(), tenant, users: self.directory.users.len() };
        self.throttle.spend(&who, cost, call.now).map_err(|exceeded| exceeded.refusal())
    }
}

impl Directory {
    /// Whether a write is to an application that personal accounts may use, or may use then.
    fn is_for_personal_accounts(&self, operation: &Operation, call: &Call) -> bool {
        let asked = || call.body.as_ref().is_some_and(is_personal);
        let stored = |key: &Key| {
            self.find(Kind::Application, key, Behind::NOT, call).is_ok_and(|application| is_personal(&application))
        };
        match operation {
            Operation::Create(Kind::Application) => asked(),
            Operation::Update(Kind::Application, key) => asked() || stored(key),
            Operation::Delete(Kind::Application, key)
            | Operation::AddPassword(Kind::Application, key)
            | Operation::RemovePassword(Kind::Application, key)
            | Operation::AddKey(Kind::Application, key)
            | Operation::RemoveKey(Kind::Application, key)
            | Operation::AddLink(Kind::Application, key, _)
            | Operation::RemoveLink(Kind::Application, key, ..)
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

impl World {
    /// Carries out a request to Graph for what it costs.
    pub(super) fn metered(&mut self, at: usize, operation: Operation, call: &mut Call) -> Outcome {
        let Actor::SignedIn(identity) = &call.actor else { return self.perform(at, operation, call) };
        let app = identity.app_id.clone();
        let mut cost = Cost::of(&operation, &call.method, &call.query);
        let used = self[at].charge(&app, &operation, &mut cost, call)?;
        let mut headers = vec![(HeaderName::from_static("x-ms-resource-unit"), cost.units.to_string())];
        headers.extend(share(used).map(|share| (HeaderName::from_static("x-ms-throttle-limit-percentage"), share)));
        let headers = headers.into_iter();
        match self.perform(at, operation, call) {
            Ok(answer) => Ok(headers.fold(answer, |answer, (name, value)| answer.header(name, value))),
            Err(refusal) => Err(headers.fold(refusal, |refusal, (name, value)| refusal.header(name, value))),
        }
    }
}
