//! Changes that the service accepts and carries out later.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_with::{As, DurationSeconds};
use url::Url;

use crate::api::List;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client, decode};
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, RelationshipOperationId};
use crate::model::{DelegatedAdminRelationshipOperation, DelegatedAdminRelationshipOperationStatus};
use crate::partner::{READ, request};
use crate::retry::{Deadline, Response, WaitReason};

/// How long a change is waited for where the client has no deadline.
const MAX_OPERATION: Duration = Duration::from_secs(600);

/// What a change led to.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.ReadWrite.All"]));
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::Updated;
///
/// let relationship = client.partner().relationships().list().all().await?.remove(0);
/// let assignments = client.partner().access_assignments(relationship.id.as_ref().unwrap());
/// let assignment = assignments.list().all().await?.remove(0);
/// let (id, etag) = (assignment.id.unwrap(), assignment.etag.unwrap());
/// match assignments.update(&id, &etag, [DirectoryRole::APPLICATION_ADMINISTRATOR]).await? {
///     Updated::Done(assignment) => println!("{:?}", assignment.status),
///     Updated::Accepted(operation) => {
///         client.partner().relationships().wait_for(&operation).await?;
///     }
///     _ => {}
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Updated<T> {
    /// It is done, or there was nothing to do: the object as it is now.
    Done(T),
    /// It was accepted, and takes a while.
    Accepted(PendingOperation),
}

/// A change that the service has accepted and is carrying out.
///
/// # JSON
/// `relationship` and `operation` (ids), and `retryAfterSeconds`, which is null where the service did not say.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.ReadWrite.All"]));
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{PendingOperation, Updated};
///
/// let relationship = client.partner().relationships().list().all().await?.remove(0);
/// let assignments = client.partner().access_assignments(relationship.id.as_ref().unwrap());
/// let assignment = assignments.list().all().await?.remove(0);
/// let (id, etag) = (assignment.id.unwrap(), assignment.etag.unwrap());
/// let updated = assignments.update(&id, &etag, [DirectoryRole::APPLICATION_ADMINISTRATOR]).await?;
/// let Updated::Accepted(PendingOperation { operation, .. }) = updated else { unreachable!() };
/// println!("{operation} goes on");
///
/// // Kept by its ids, and waited for after a restart.
/// let kept = PendingOperation::new(relationship.id.unwrap(), operation);
/// client.partner().relationships().wait_for(&kept).await?;
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PendingOperation {
    /// The relationship that it belongs to.
    pub relationship: DelegatedAdminRelationshipId,
    /// The operation.
    pub operation: RelationshipOperationId,
    /// How long to wait before asking how it went, as the service said.
    #[serde(rename = "retryAfterSeconds", with = "As::<Option<DurationSeconds<u64>>>")]
    pub retry_after: Option<Duration>,
}

impl PendingOperation {
    /// An operation of a relationship by their ids, such as one that was begun before the program was started again.
    pub fn new(relationship: DelegatedAdminRelationshipId, operation: RelationshipOperationId) -> Self {
        Self { relationship, operation, retry_after: None }
    }
}

/// Decodes the response to a change: the object, or the operation that its `Location` names. That address is never
/// followed: the ids in it are taken.
pub(super) fn updated<T: DeserializeOwned>(request: &Request, response: &Response) -> Result<Updated<T>, Error> {
    if response.status != StatusCode::ACCEPTED {
        return decode::json(request, response).map(Updated::Done);
    }
    let operation = response.header("location").and_then(|text| {
        let url = Url::parse(text).ok()?;
        let segments: Vec<&str> = url.path_segments()?.collect();
        match segments.as_slice() {
            [.., relationship, name, operation] if *name == "operations" && !operation.is_empty() => {
                Some(((*relationship).to_owned(), (*operation).to_owned()))
            }
            _ => None,
        }
    });
    let (relationship, operation) = operation.ok_or_else(|| {
        Error::new(ErrorCode::UnexpectedResponse)
            .with_message("the service accepted the change, and did not say where it can be watched")
            .with_remedy("Read the object again after a while: it shows the change once that is carried out.")
            .with_status(response.status)
            .during(request.operation.clone())
    })?;
    Ok(Updated::Accepted(PendingOperation {
        relationship: DelegatedAdminRelationshipId::new(relationship),
        operation: RelationshipOperationId::new(operation),
        retry_after: response.retry_after,
    }))
}

/// Lists the operations of a relationship.
pub(super) fn list(
    client: &Client,
    relationship: &DelegatedAdminRelationshipId,
) -> List<DelegatedAdminRelationshipOperation> {
    let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}/operations";
    let segments = ["delegatedAdminRelationships", relationship.as_str(), "operations"];
    List::of(client, request(client, operation, READ, Method::GET, segments))
}

const GET: &str = "GET /tenantRelationships/delegatedAdminRelationships/{id}/operations/{id}";

/// A call whose result has the wait that the service asks for beside it.
pub(super) fn watch(
    client: &Client,
    pending: &PendingOperation,
) -> Call<(DelegatedAdminRelationshipOperation, Option<Duration>)> {
    let segments =
        ["delegatedAdminRelationships", pending.relationship.as_str(), "operations", pending.operation.as_str()];
    let request = request(client, GET, READ, Method::GET, segments)
        .map(|request| request.object(ObjectKind::Other, &pending.operation));
    Call::new(client, request, |request, response| {
        let retry_after = response.retry_after;
        decode::json(request, response).map(|operation| (operation, retry_after))
    })
}

/// Waits until an operation has ended, within the client's deadline or else ten minutes.
pub(super) async fn wait_for(
    client: &Client,
    pending: &PendingOperation,
) -> Result<DelegatedAdminRelationshipOperation, Error> {
    let client = client.begin_operation();
    let mut options = client.options();
    options.deadline = options.deadline.earlier(Deadline::after(client.clock(), MAX_OPERATION));
    let mut poll = client.context().poll(GET, WaitReason::Operation, &options);
    let mut retry_after = pending.retry_after;
    loop {
        let wait = retry_after.filter(|wait| !wait.is_zero()).unwrap_or_else(|| poll.backoff());
        if !poll.wait(wait).await {
            return Err(Error::new(ErrorCode::DeadlineExceeded)
                .with_message("the time allowed was up while the service was carrying a change out")
                .with_remedy("It goes on all the same: read the object again after a while.")
                .during(GET));
        }
        let (operation, next) = watch(&client, pending).await?;
        match &operation.status {
            Some(DelegatedAdminRelationshipOperationStatus::Succeeded) => return Ok(operation),
            Some(DelegatedAdminRelationshipOperationStatus::Failed) => {
                return Err(Error::new(ErrorCode::RelationshipOperationFailed).during(GET));
            }
            // What is not known goes on, until the time is up.
            _ => retry_after = next,
        }
    }
}

/// Waits for every operation of a relationship that has not ended: whether there was one. How each ends is for others to
/// see.
pub(super) async fn wait_for_others(
    client: &Client,
    relationship: &DelegatedAdminRelationshipId,
) -> Result<bool, Error> {
    use DelegatedAdminRelationshipOperationStatus::{Failed, Succeeded};
    let mut found = false;
    for operation in list(client, relationship).all().await? {
        let Some(id) = operation.id.filter(|_| !matches!(operation.status, Some(Succeeded | Failed))) else { continue };
        found = true;
        let pending = PendingOperation::new(relationship.clone(), id);
        match wait_for(client, &pending).await {
            Err(error) if error.code() != ErrorCode::RelationshipOperationFailed => return Err(error),
            _ => {}
        }
    }
    Ok(found)
}
