//! Federated identity credentials: which tokens of other issuers the app takes in place of a secret.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::api::{List, Page, ServicePrincipalKey};
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::model::{FederatedIdentityCredential, FederatedIdentityCredentialPatch, NewFederatedIdentityCredential};
use crate::provision::apply_state::ApplyState;
use crate::provision::collections::{Collection, Phase, TakeRead, TakeResponse, empty_if_not_found};
use crate::provision::comparison::Comparison;
use crate::provision::federated_credential::FederatedCredential;
use crate::provision::findings::Findings;
use crate::provision::observed::Observed;
use crate::provision::registration::AppRegistration;
use crate::provision::replicas::wait_for_replicas;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

impl StepKind {
    /// A federated identity credential of the registration.
    pub const FEDERATED_CREDENTIAL: Self = Self::new("federated_credential");
    /// A federated identity credential that the registration does not name.
    pub const SURPLUS_FEDERATED_CREDENTIAL: Self = Self::surplus("surplus_federated_credential");
}

/// An app has so many at most.
const MAX_CREDENTIALS: usize = 20;

const LIST: &str = "federatedIdentityCredentials";

pub(super) struct FederatedCredentials;

#[async_trait]
impl Collection for FederatedCredentials {
    fn is_of_application(&self) -> bool {
        true
    }

    fn unreadable(&self, observed: &Observed) -> Option<&'static str> {
        let is_unreadable = |it: &FederatedIdentityCredential| it.name.is_none() || !it.unreadable().is_empty();
        (observed.federated_unknown || observed.federated.iter().any(is_unreadable)).then_some(LIST)
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let wanted = &registration.federated_credentials;
        let invalid = |message: String| Error::new(ErrorCode::InvalidFederatedCredential).with_message(message);
        if wanted.len() > MAX_CREDENTIALS {
            findings.add(invalid(format!("an app has {MAX_CREDENTIALS} federated credentials at most")));
        }
        for (index, credential) in wanted.iter().enumerate() {
            findings.add_result(credential.check());
            let is_same = |other: &FederatedCredential| {
                let same_token = other.issuer() == credential.issuer() && other.subject() == credential.subject();
                other.name().eq_ignore_ascii_case(credential.name()) || same_token
            };
            if wanted[..index].iter().any(is_same) {
                let name = credential.name();
                findings.add(invalid(format!(
                    "the federated credential “{name}”, or its issuer and subject, stands twice"
                )));
            }
        }
    }

    fn read(&self, client: &Client, principal: ServicePrincipalKey, batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        let ServicePrincipalKey::AppId(app_id) = principal else { return None };
        let list = client.federated_identity_credentials().list(app_id);
        Some(Box::new(Read(batch.add(list.clone().page()), list)))
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        for wanted in &it.registration.federated_credentials {
            steps.push(step(it, wanted));
        }
        let is_meant = |there: &&FederatedIdentityCredential| {
            it.registration
                .federated_credentials
                .iter()
                .any(|wanted| is_named(wanted, there) || is_as_wanted(wanted, there))
        };
        for surplus in it.observed.federated.iter().filter(|there| !is_meant(there)) {
            let name = surplus.name.as_deref().unwrap_or_default();
            let subject = Subject::FederatedCredential(name.to_owned());
            let id = StepId::of(StepKind::SURPLUS_FEDERATED_CREDENTIAL, subject);
            let what = format!("federated credential “{name}”, {}", described(surplus));
            let remedy = "Remove it under Certificates & secrets, Federated credentials, if nobody uses it.";
            let step = Step::new(id, Action::LeftAlone).plan(format!("{what}: not named here"));
            steps.push(step.check(format!("Nothing more than needed: {what}"), remedy).not_required());
        }
    }

    fn facts(&self, observed: &Observed) -> BTreeSet<String> {
        let fact = |it: &FederatedIdentityCredential| {
            let (name, description) = (it.name.as_deref().unwrap_or_default(), it.description.as_deref());
            format!("federated credential {name}: {} {}", described(it), description.unwrap_or_default())
        };
        observed.federated.iter().map(fact).collect()
    }

    fn phase(&self) -> Phase {
        Phase::Objects
    }

    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error> {
        let mut requests: Vec<Box<dyn TakeResponse>> = Vec::new();
        let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Ok(requests) };
        let credentials = state.client.federated_identity_credentials();
        for wanted in &state.registration.federated_credentials {
            match found(&state.observed, wanted) {
                Found::AsWanted(_) => {}
                Found::Different(there) => {
                    let name = there.name.as_deref().unwrap_or(wanted.name());
                    let update = credentials.update(id, name, &patch(wanted)).fresh_until(state.fresh_until);
                    requests.push(Box::new(Changed { handle: batch.add(update), wanted: wanted.clone() }));
                }
                Found::Nothing => {
                    // An app has one of a name at most: a second attempt is refused, not doubled.
                    let create = credentials.create(id, &new(wanted)).repeatable();
                    requests.push(Box::new(Created { handle: batch.add(create), wanted: wanted.clone() }));
                }
            }
        }
        Ok(requests)
    }
}

/// What is there of a wanted credential.
enum Found<'a> {
    Nothing,
    AsWanted(&'a FederatedIdentityCredential),
    /// One of its name that trusts other tokens, or says something else of them.
    Different(&'a FederatedIdentityCredential),
}

fn found<'a>(observed: &'a Observed, wanted: &FederatedCredential) -> Found<'a> {
    if let Some(there) = observed.federated.iter().find(|there| is_named(wanted, there)) {
        let is_described = wanted.wanted_description().is_none_or(|text| there.description.as_deref() == Some(text));
        return match is_as_wanted(wanted, there) && is_described {
            true => Found::AsWanted(there),
            false => Found::Different(there),
        };
    }
    // Entra takes the same tokens once, whatever the credential is called.
    let there = observed.federated.iter().find(|there| is_as_wanted(wanted, there));
    there.map_or(Found::Nothing, Found::AsWanted)
}

fn is_named(wanted: &FederatedCredential, there: &FederatedIdentityCredential) -> bool {
    there.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted.name()))
}

/// Whether it takes the tokens that are wanted, compared letter for letter as Entra does.
fn is_as_wanted(wanted: &FederatedCredential, there: &FederatedIdentityCredential) -> bool {
    there.issuer.as_deref() == Some(wanted.issuer())
        && there.subject.as_deref() == Some(wanted.subject())
        && there.audiences == [wanted.wanted_audience()]
}

fn described(there: &FederatedIdentityCredential) -> String {
    let (issuer, subject) = (there.issuer.as_deref(), there.subject.as_deref());
    let audience = there.audiences.join(" ");
    format!("tokens of {} for {} as {audience}", issuer.unwrap_or_default(), subject.unwrap_or("an expression"))
}

fn wanted_tokens(wanted: &FederatedCredential) -> String {
    format!("tokens of {} for {} as {}", wanted.issuer(), wanted.subject(), wanted.wanted_audience())
}

fn step_id(wanted: &FederatedCredential) -> StepId {
    StepId::of(StepKind::FEDERATED_CREDENTIAL, Subject::FederatedCredential(wanted.name().to_owned()))
}

fn step(it: &Comparison<'_>, wanted: &FederatedCredential) -> Step {
    let (name, tokens) = (wanted.name(), wanted_tokens(wanted));
    let step = match found(it.observed, wanted) {
        Found::Nothing => Step::new(step_id(wanted), Action::Add)
            .plan(format!("add the federated credential “{name}”: {tokens}"))
            .values(None, Some(tokens.clone())),
        Found::Different(there) => Step::new(step_id(wanted), Action::Change)
            .plan(format!("change the federated credential “{name}” from {} to {tokens}", described(there)))
            .values(Some(described(there)), Some(tokens.clone())),
        Found::AsWanted(there) => {
            let other = there.name.as_deref().filter(|other| !other.eq_ignore_ascii_case(name));
            let called = other.map_or_else(String::new, |other| format!(", called “{other}”"));
            Step::new(step_id(wanted), Action::Unchanged)
                .plan(format!("the federated credential “{name}” is there{called}"))
        }
    };
    step.check(
        format!("The app takes {tokens} (federated credential “{name}”)"),
        "Apply the registration, or add it under Certificates & secrets, Federated credentials, letter for letter.",
    )
}

fn new(wanted: &FederatedCredential) -> NewFederatedIdentityCredential {
    let new = NewFederatedIdentityCredential::new(wanted.name(), wanted.issuer(), wanted.subject());
    let new = new.audience(wanted.wanted_audience());
    wanted.wanted_description().into_iter().fold(new, NewFederatedIdentityCredential::description)
}

fn patch(wanted: &FederatedCredential) -> FederatedIdentityCredentialPatch {
    let patch = FederatedIdentityCredentialPatch::new().issuer(wanted.issuer()).subject(wanted.subject());
    let patch = patch.audience(wanted.wanted_audience());
    wanted.wanted_description().into_iter().fold(patch, FederatedIdentityCredentialPatch::description)
}

/// A credential as it is once it was written as it is wanted.
fn written(wanted: &FederatedCredential) -> FederatedIdentityCredential {
    FederatedIdentityCredential {
        name: Some(wanted.name().to_owned()),
        issuer: Some(wanted.issuer().to_owned()),
        subject: Some(wanted.subject().to_owned()),
        audiences: vec![wanted.wanted_audience().to_owned()],
        description: wanted.wanted_description().map(str::to_owned),
        ..FederatedIdentityCredential::default()
    }
}

struct Read(BatchHandle<Page<FederatedIdentityCredential>>, List<FederatedIdentityCredential>);

#[async_trait]
impl TakeRead for Read {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error> {
        let Self(page, list) = *self;
        observed.federated = match responses.take(page) {
            // Whoever may not read them can do everything else.
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                observed.federated_unknown = true;
                Vec::new()
            }
            page => {
                observed.federated_unknown = false;
                list.rest_of(empty_if_not_found(page)?).await?
            }
        };
        observed.federated.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }
}

struct Created {
    handle: BatchHandle<FederatedIdentityCredential>,
    wanted: FederatedCredential,
}

#[async_trait]
impl TakeResponse for Created {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, wanted } = *self;
        match responses.take(handle) {
            Ok(_) => {
                state.observed.federated.push(written(&wanted));
                state.done(step_id(&wanted), format!("added the federated credential “{}”", wanted.name()));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // Somebody was faster, or the response to an earlier attempt was lost.
                let Some(id) = state.observed.application.as_ref().and_then(|app| app.id) else { return Err(error) };
                let there = state.client.federated_identity_credentials().list(id).all().await?;
                state.observed.federated = there;
                match found(&state.observed, &wanted) {
                    Found::AsWanted(_) | Found::Different(_) => Ok(()),
                    Found::Nothing if same_tokens(&state.observed, &wanted) => Err(error),
                    Found::Nothing => {
                        let operation = "GET /applications/{id}/federatedIdentityCredentials";
                        wait_for_replicas(&state.client, operation, state.round).await
                    }
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether another credential takes tokens of the same issuer and subject, for another audience: Entra takes no second one.
fn same_tokens(observed: &Observed, wanted: &FederatedCredential) -> bool {
    let is_same = |there: &FederatedIdentityCredential| {
        there.issuer.as_deref() == Some(wanted.issuer()) && there.subject.as_deref() == Some(wanted.subject())
    };
    observed.federated.iter().any(is_same)
}

struct Changed {
    handle: BatchHandle<()>,
    wanted: FederatedCredential,
}

#[async_trait]
impl TakeResponse for Changed {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error> {
        let Self { handle, wanted } = *self;
        responses.take(handle)?;
        let mut changed = written(&wanted);
        if let Some(at) = state.observed.federated.iter().position(|there| is_named(&wanted, there)) {
            let before = state.observed.federated.remove(at);
            changed.description = changed.description.or(before.description);
        }
        state.observed.federated.push(changed);
        state.done(step_id(&wanted), format!("changed the federated credential “{}”", wanted.name()));
        Ok(())
    }
}
