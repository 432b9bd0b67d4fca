//! What belongs to the application and has requests of its own, each a room: service principal, grants, credentials.
//!
//! A room says what it reads, what its steps are, and which requests are missing; each request says how its response is
//! taken in. A new collection is a file here, a row of [`COLLECTIONS`], and a field of the registration with its setter.

mod certificates;
mod client_secrets;
mod federated_credentials;
mod permission_grants;
mod role_assignments;
mod service_principal;

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::api::{Page, ServicePrincipalKey};
use crate::client::{Batch, BatchResponse, Client};
use crate::error::{Error, ErrorKind};
use crate::provision::apply_state::ApplyState;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::observed::Observed;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::step::Step;

pub(super) use certificates::{lacks_sink, remove_remaining_keys};
pub(super) use client_secrets::{attempt, remove_remaining_orphans, report_unknown_values};
pub(super) use permission_grants::{holds_after_removal, report_missing_consent};

/// The rooms, in the order of the guide, in which they also make their changes.
pub(super) const COLLECTIONS: &[&dyn Collection] = &[
    &service_principal::ServicePrincipals,
    &role_assignments::RoleAssignments,
    &permission_grants::PermissionGrants,
    &client_secrets::ClientSecrets,
    &federated_credentials::FederatedCredentials,
    &certificates::Certificates,
];

/// When a room makes its changes: the requests of one phase go out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// With the update of the application, one request after the other.
    Objects,
    /// Once the service principal is there, in any order.
    Grants,
}

/// What belongs to the application and has requests of its own, as one room.
#[async_trait]
pub(super) trait Collection: Sync {
    /// The members of the application that it reads.
    fn select(&self) -> &'static [&'static str] {
        &[]
    }

    /// What came and cannot be read of what is there, if anything: it is not known then, and nothing is written.
    fn unreadable(&self, _observed: &Observed) -> Option<&'static str> {
        None
    }

    /// Refuses what Entra would refuse of this registration, before anything is sent.
    fn check(&self, _registration: &AppRegistration, _findings: &mut Findings) {}

    /// Whether it belongs to the application, and not to its service principal.
    fn is_of_application(&self) -> bool {
        false
    }

    /// Adds its own reads about a service principal, or the application that it is of.
    fn read(&self, _client: &Client, _principal: ServicePrincipalKey, _batch: &mut Batch) -> Option<Box<dyn TakeRead>> {
        None
    }

    /// Adds its steps.
    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>);

    /// What is there, each fact as a text: what a read must show again after it was written.
    fn facts(&self, observed: &Observed) -> BTreeSet<String>;

    /// When it makes its changes.
    fn phase(&self) -> Phase;

    /// Adds the requests that are missing, each with what takes its response in.
    fn requests(&self, state: &ApplyState<'_>, batch: &mut Batch) -> Result<Vec<Box<dyn TakeResponse>>, Error>;

    /// Looks again where a response has left something in doubt.
    async fn settle(&self, _state: &mut ApplyState<'_>, _round: u32) -> Result<(), Error> {
        Ok(())
    }
}

/// Takes the response to a read in.
#[async_trait]
pub(super) trait TakeRead: Send {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, observed: &mut Observed) -> Result<(), Error>;
}

/// Takes the response to a change in.
#[async_trait]
pub(super) trait TakeResponse: Send {
    async fn take(self: Box<Self>, responses: &mut BatchResponse, state: &mut ApplyState<'_>) -> Result<(), Error>;
}

/// The rooms that take part: of an app that is not registered here, those of its service principal.
pub(super) fn rooms(options: &PlanOptions) -> impl Iterator<Item = &'static dyn Collection> + use<> {
    let is_installed = options.installed.is_some();
    COLLECTIONS.iter().copied().filter(move |collection| !(is_installed && collection.is_of_application()))
}

/// Adds the reads of what belongs to a service principal, and to its application where that is registered here.
pub(super) fn reads(
    client: &Client,
    principal: ServicePrincipalKey,
    is_registered_here: bool,
    batch: &mut Batch,
) -> Vec<Box<dyn TakeRead>> {
    let is_read = |it: &&&dyn Collection| is_registered_here || !it.is_of_application();
    COLLECTIONS.iter().filter(is_read).filter_map(|collection| collection.read(client, principal, batch)).collect()
}

/// Reads a service principal and what belongs to it, and to its application where that is registered here, in one batch.
pub(super) async fn read(
    client: &Client,
    principal: ServicePrincipalKey,
    is_registered_here: bool,
    observed: &mut Observed,
) -> Result<(), Error> {
    let mut batch = client.batch();
    let reads = reads(client, principal, is_registered_here, &mut batch);
    let mut responses = batch.send().await?;
    for read in reads {
        read.take(&mut responses, observed).await?;
    }
    Ok(())
}

/// The page, or an empty one: a replica that knows the principal may not know its lists yet.
pub(super) fn empty_if_not_found<T>(page: Result<Page<T>, Error>) -> Result<Page<T>, Error> {
    match page {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Page::empty()),
        page => page,
    }
}
