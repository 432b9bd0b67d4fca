//! `/tenantRelationships/delegatedAdminRelationships`.

use std::time::Duration;

use http::Method;

use crate::api::{Filter, List};
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client, decode};
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{DelegatedAdminRelationshipId, TenantId};
use crate::model::{
    DelegatedAdminRelationship, DelegatedAdminRelationshipOperation, DelegatedAdminRelationshipPatch,
    DelegatedAdminRelationshipProperty, DelegatedAdminRelationshipRequest, DelegatedAdminRelationshipRequestAction,
    DelegatedAdminRelationshipStatus, ETag, NewDelegatedAdminRelationship,
};
use crate::partner::operations::{self, PendingOperation, Updated, updated};
use crate::partner::{READ, WRITE, request};
use crate::retry::{Deadline, WaitReason};

/// Delegated admin relationships of a partner with its customers (GDAP).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.ReadWrite.All"]));
/// # let customer = cloud.tenants()[1].id();
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::model::{IsoDuration, NewDelegatedAdminRelationship};
///
/// let roles = [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];
/// let wanted = NewDelegatedAdminRelationship::new("Contoso support", IsoDuration::from_days(730), roles)
///     .customer(customer)
///     .auto_extended();
/// let relationships = client.partner().relationships();
/// let created = relationships.find_or_create(&wanted).await?;
/// let invited = relationships.request_approval(created.id.as_ref().unwrap()).await?;
/// println!("{}", client.partner().invitation_link(invited.id.as_ref().unwrap()).unwrap());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Clone, Copy, Debug)]
pub struct Relationships<'a>(pub(super) &'a Client);

/// How often a change is begun again because somebody else has changed the object since it was read.
pub(super) const MAX_TRIES: u32 = 4;

/// How long a status is waited for where the client has no deadline.
const MAX_STATUS_WAIT: Duration = Duration::from_secs(600);

impl Relationships<'_> {
    fn request(
        &self,
        operation: &'static str,
        permissions: &'static str,
        method: Method,
        id: &DelegatedAdminRelationshipId,
        action: &[&str],
    ) -> Result<Request, Error> {
        let segments = ["delegatedAdminRelationships", id.as_str()].into_iter().chain(action.iter().copied());
        Ok(request(self.0, operation, permissions, method, segments)?.object(ObjectKind::Other, id))
    }

    /// Lists relationships
    /// ([`GET …/delegatedAdminRelationships`](https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadminrelationships)),
    /// up to 300 in a page: those that Microsoft or an indirect provider has made among them. Least permission:
    /// `DelegatedAdminRelationship.Read.All`.
    pub fn list(&self) -> List<DelegatedAdminRelationship> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships";
        List::of(self.0, request(self.0, operation, READ, Method::GET, ["delegatedAdminRelationships"]))
    }

    /// Lists the relationships with one customer, whatever their status. Least permission:
    /// `DelegatedAdminRelationship.Read.All`.
    pub fn list_of_customer(&self, customer: TenantId) -> List<DelegatedAdminRelationship> {
        self.list().filter(Filter::eq(DelegatedAdminRelationshipProperty::CustomerTenantId, customer))
    }

    /// Lists the relationships of this status. Least permission: `DelegatedAdminRelationship.Read.All`.
    pub fn list_of_status(&self, status: DelegatedAdminRelationshipStatus) -> List<DelegatedAdminRelationship> {
        self.list().filter(Filter::eq(DelegatedAdminRelationshipProperty::Status, status))
    }

    /// Gets a relationship
    /// ([`GET …/delegatedAdminRelationships/{id}`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-get)),
    /// or an error of kind [`NotFound`](crate::ErrorKind::NotFound): one of another partner is not found, either. Least
    /// permission: `DelegatedAdminRelationship.Read.All`.
    pub fn get(&self, id: &DelegatedAdminRelationshipId) -> Call<DelegatedAdminRelationship> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}";
        Call::new(self.0, self.request(operation, READ, Method::GET, id, &[]), decode::json)
    }

    /// Finds a relationship, or `None`. Least permission: `DelegatedAdminRelationship.Read.All`.
    pub fn find(&self, id: &DelegatedAdminRelationshipId) -> Call<Option<DelegatedAdminRelationship>> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}";
        Call::new(self.0, self.request(operation, READ, Method::GET, id, &[]), decode::json_if_found)
    }

    /// Finds the relationship of this display name, or `None`: no two have the same. Least permission:
    /// `DelegatedAdminRelationship.Read.All`.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn find_by_name(&self, display_name: &str) -> Result<Option<DelegatedAdminRelationship>, Error> {
        let named = Filter::eq(DelegatedAdminRelationshipProperty::DisplayName, display_name);
        let same = |it: &DelegatedAdminRelationship| {
            it.display_name.as_deref().is_some_and(|name| name.to_lowercase() == display_name.to_lowercase())
        };
        Ok(self.list().filter(named).all().await?.into_iter().find(same))
    }

    /// Creates a relationship
    /// ([`POST …/delegatedAdminRelationships`](https://learn.microsoft.com/graph/api/tenantrelationship-post-delegatedadminrelationships)),
    /// of the status created. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// Of kind [`Invalid`](crate::ErrorKind::Invalid), before anything is sent, for a name, a duration or roles that no
    /// relationship can have; of kind [`Conflict`](crate::ErrorKind::Conflict) when there is one of this name, whatever its
    /// status. One whose [`maybe_done`](crate::Error::maybe_done) is true may leave it behind:
    /// [`find_or_create`](Self::find_or_create) looks for it.
    pub fn create(&self, relationship: &NewDelegatedAdminRelationship) -> Call<DelegatedAdminRelationship> {
        let operation = "POST /tenantRelationships/delegatedAdminRelationships";
        let request = relationship
            .check()
            .map_err(|error| error.during(operation))
            .and_then(|()| request(self.0, operation, WRITE, Method::POST, ["delegatedAdminRelationships"]))
            .and_then(|request| request.creates(ObjectKind::Other).body(relationship));
        Call::new(self.0, request, decode::json)
    }

    /// Finds the relationship of this display name, or creates it: never a second one, also where a response is lost. One
    /// that is found may be of another status, customer, duration or roles than what is wanted: that is for the caller to
    /// see. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// Those of [`create`](Self::create) and [`list`](Self::list).
    pub async fn find_or_create(
        &self,
        relationship: &NewDelegatedAdminRelationship,
    ) -> Result<DelegatedAdminRelationship, Error> {
        relationship.check()?;
        let client = self.0.begin_operation();
        let relationships = Relationships(&client);
        let mut tries = 1;
        loop {
            if let Some(found) = relationships.find_by_name(&relationship.display_name).await? {
                return Ok(found);
            }
            match relationships.create(relationship).await {
                Err(error) if tries < MAX_TRIES && may_be_there(&error) => tries += 1,
                result => return result,
            }
        }
    }

    /// Changes a relationship
    /// ([`PATCH …/delegatedAdminRelationships/{id}`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-update)):
    /// all of it while its status is created, and its extension or the role Global Administrator while it is active. `etag`
    /// is that of the relationship as it was read. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`VersionOutdated`](crate::ErrorCode::VersionOutdated) when it was changed since.
    pub fn update(
        &self,
        id: &DelegatedAdminRelationshipId,
        etag: &ETag,
        patch: &DelegatedAdminRelationshipPatch,
    ) -> Call<Updated<DelegatedAdminRelationship>> {
        let operation = "PATCH /tenantRelationships/delegatedAdminRelationships/{id}";
        let request = self
            .request(operation, WRITE, Method::PATCH, id, &[])
            .and_then(|request| request.if_match(etag.as_str())?.body(patch));
        Call::new(self.0, request, updated)
    }

    /// Deletes a relationship whose status is created
    /// ([`DELETE …/delegatedAdminRelationships/{id}`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-delete)).
    /// Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    pub fn delete(&self, id: &DelegatedAdminRelationshipId, etag: &ETag) -> Call<()> {
        let operation = "DELETE /tenantRelationships/delegatedAdminRelationships/{id}";
        let request =
            self.request(operation, WRITE, Method::DELETE, id, &[]).and_then(|request| request.if_match(etag.as_str()));
        Call::new(self.0, request, decode::empty)
    }

    /// Lists the requests about a relationship
    /// ([`GET …/requests`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-requests)). Least
    /// permission: `DelegatedAdminRelationship.Read.All`.
    pub fn requests(&self, id: &DelegatedAdminRelationshipId) -> List<DelegatedAdminRelationshipRequest> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}/requests";
        List::of(self.0, self.request(operation, READ, Method::GET, id, &["requests"]))
    }

    /// Lists the operations of a relationship
    /// ([`GET …/operations`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-operations)). Least
    /// permission: `DelegatedAdminRelationship.Read.All`.
    pub fn operations(&self, id: &DelegatedAdminRelationshipId) -> List<DelegatedAdminRelationshipOperation> {
        operations::list(self.0, id)
    }

    /// Waits until a change that was accepted is carried out: until the client's deadline, or ten minutes without one.
    /// Least permission: `DelegatedAdminRelationship.Read.All`.
    ///
    /// # Errors
    /// [`RelationshipOperationFailed`](crate::ErrorCode::RelationshipOperationFailed) when it could not be carried out;
    /// [`DeadlineExceeded`](crate::ErrorCode::DeadlineExceeded) while it goes on.
    pub async fn wait_for(&self, operation: &PendingOperation) -> Result<DelegatedAdminRelationshipOperation, Error> {
        operations::wait_for(self.0, operation).await
    }

    /// Locks a relationship of the status created, so that the customer can approve it
    /// ([`POST …/requests`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-requests)). Least
    /// permission: `DelegatedAdminRelationship.ReadWrite.All`.
    pub fn lock_for_approval(&self, id: &DelegatedAdminRelationshipId) -> Call<DelegatedAdminRelationshipRequest> {
        self.ask(id, DelegatedAdminRelationshipRequestAction::LockForApproval)
    }

    /// Ends an active relationship
    /// ([`POST …/requests`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-requests)). Least
    /// permission: `DelegatedAdminRelationship.ReadWrite.All`.
    pub fn terminate(&self, id: &DelegatedAdminRelationshipId) -> Call<DelegatedAdminRelationshipRequest> {
        self.ask(id, DelegatedAdminRelationshipRequestAction::Terminate)
    }

    fn ask(
        &self,
        id: &DelegatedAdminRelationshipId,
        action: DelegatedAdminRelationshipRequestAction,
    ) -> Call<DelegatedAdminRelationshipRequest> {
        let operation = "POST /tenantRelationships/delegatedAdminRelationships/{id}/requests";
        let request = self
            .request(operation, WRITE, Method::POST, id, &["requests"])
            .and_then(|request| request.body(&serde_json::json!({ "action": action })));
        Call::new(self.0, request, decode::json)
    }

    /// Locks a relationship where that is not done, and waits until the customer can approve it. One that has been
    /// approved meanwhile is returned as it is. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`RelationshipStatusRefused`](crate::ErrorCode::RelationshipStatusRefused) for one that has ended.
    pub async fn request_approval(
        &self,
        id: &DelegatedAdminRelationshipId,
    ) -> Result<DelegatedAdminRelationship, Error> {
        use DelegatedAdminRelationshipStatus::{Activating, Active, ApprovalPending, Approved, Created};
        let action = DelegatedAdminRelationshipRequestAction::LockForApproval;
        self.bring_to(id, action, Created, |status| match status {
            Created => Some(false),
            ApprovalPending | Approved | Activating | Active => Some(true),
            _ => None,
        })
        .await
    }

    /// Ends a relationship that is active, and waits until it has ended. One that has ended already is returned as it is.
    /// Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`RelationshipStatusRefused`](crate::ErrorCode::RelationshipStatusRefused) for one that was never active.
    pub async fn end(&self, id: &DelegatedAdminRelationshipId) -> Result<DelegatedAdminRelationship, Error> {
        use DelegatedAdminRelationshipStatus::{
            Active, Expired, Expiring, Terminated, Terminating, TerminationRequested,
        };
        let action = DelegatedAdminRelationshipRequestAction::Terminate;
        self.bring_to(id, action, Active, |status| match status {
            Active | Expiring | TerminationRequested | Terminating => Some(false),
            Expired | Terminated => Some(true),
            _ => None,
        })
        .await
    }

    /// Asks for an action, once, where the status is `from`, and waits until `reached` says that the status is the one.
    async fn bring_to(
        &self,
        id: &DelegatedAdminRelationshipId,
        action: DelegatedAdminRelationshipRequestAction,
        from: DelegatedAdminRelationshipStatus,
        reached: fn(&DelegatedAdminRelationshipStatus) -> Option<bool>,
    ) -> Result<DelegatedAdminRelationship, Error> {
        let client = self.0.begin_operation();
        let relationships = Relationships(&client);
        let mut options = client.options();
        options.deadline = options.deadline.earlier(Deadline::after(client.clock(), MAX_STATUS_WAIT));
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}";
        let mut poll = client.context().poll(operation, WaitReason::Operation, &options);
        let mut asked = false;
        loop {
            let found = relationships.get(id).await?;
            check_own(&found)?;
            let status = found.status.clone();
            match status.as_ref().map(reached) {
                Some(Some(true)) => return Ok(found),
                Some(None) => return Err(wrong_status(&found)),
                // Unreadable: it may become readable.
                Some(Some(false)) | None => {}
            }
            if status.as_ref() == Some(&from) && !asked {
                match relationships.ask(id, action.clone()).await {
                    Ok(_) => {}
                    // Whether it was carried out shows in the status; the service takes it once.
                    Err(error) if error.maybe_done() => {}
                    // Somebody else was faster: the status tells.
                    Err(error) if error.kind() == ErrorKind::Refused => {
                        let again = relationships.get(id).await?;
                        if again.status == status {
                            return Err(error);
                        }
                    }
                    Err(error) => return Err(error),
                }
                asked = true;
            }
            if !poll.wait(poll.backoff()).await {
                return Err(Error::new(ErrorCode::DeadlineExceeded)
                    .with_message("the time allowed was up before the relationship had the status asked for")
                    .with_remedy("It goes on all the same: read the relationship again after a while.")
                    .during(operation));
            }
        }
    }

    /// Lets a relationship be extended by 180 days each time that it would end, and returns it as it is then: also while it
    /// is active. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`GlobalAdministratorBlocksExtension`](crate::ErrorCode::GlobalAdministratorBlocksExtension) while Global
    /// Administrator is among its roles: [drop it](Self::drop_global_administrator) first.
    /// [`RelationshipReadOnly`](crate::ErrorCode::RelationshipReadOnly) for one that Microsoft or an indirect provider has
    /// made.
    pub async fn enable_auto_extension(
        &self,
        id: &DelegatedAdminRelationshipId,
    ) -> Result<DelegatedAdminRelationship, Error> {
        self.change(id, |relationship| {
            if relationship.is_auto_extended() == Some(true) {
                return Ok(None);
            }
            if relationship.roles().any(|role| role == DirectoryRole::GLOBAL_ADMINISTRATOR) {
                return Err(Error::new(ErrorCode::GlobalAdministratorBlocksExtension));
            }
            Ok(Some(DelegatedAdminRelationshipPatch::new().auto_extended()))
        })
        .await
    }

    /// Lets a relationship end when its duration is over, and returns it as it is then: also while it is active. Least
    /// permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`RelationshipReadOnly`](crate::ErrorCode::RelationshipReadOnly) for one that Microsoft or an indirect provider has
    /// made.
    pub async fn disable_auto_extension(
        &self,
        id: &DelegatedAdminRelationshipId,
    ) -> Result<DelegatedAdminRelationship, Error> {
        self.change(id, |relationship| match relationship.is_auto_extended() {
            Some(false) => Ok(None),
            _ => Ok(Some(DelegatedAdminRelationshipPatch::new().not_auto_extended())),
        })
        .await
    }

    /// Drops the role Global Administrator from a relationship, and returns it as it is then: also while it is active.
    /// There is no way back. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`RelationshipWithoutRoles`](crate::ErrorCode::RelationshipWithoutRoles) where it is the only role;
    /// [`RelationshipReadOnly`](crate::ErrorCode::RelationshipReadOnly) for one that Microsoft or an indirect provider has
    /// made.
    pub async fn drop_global_administrator(
        &self,
        id: &DelegatedAdminRelationshipId,
    ) -> Result<DelegatedAdminRelationship, Error> {
        self.change(id, |relationship| {
            // What could not be read of the roles is sent back as it came.
            let mut details = relationship.access_details.clone().unwrap_or_default();
            let before = details.unified_roles.len();
            details.unified_roles.retain(|role| role.role_definition_id != Some(DirectoryRole::GLOBAL_ADMINISTRATOR));
            if details.unified_roles.len() == before {
                return Ok(None);
            }
            if details.unified_roles.is_empty() {
                return Err(Error::new(ErrorCode::RelationshipWithoutRoles)
                    .with_message("Global Administrator is the only role of the relationship")
                    .with_remedy("End it, and invite the customer to a relationship of lesser roles."));
            }
            Ok(Some(DelegatedAdminRelationshipPatch::new().access_details(details)))
        })
        .await
    }

    /// Changes what was read, again if somebody else was faster, until there is nothing left to change.
    async fn change(
        &self,
        id: &DelegatedAdminRelationshipId,
        patch: impl Fn(&DelegatedAdminRelationship) -> Result<Option<DelegatedAdminRelationshipPatch>, Error>,
    ) -> Result<DelegatedAdminRelationship, Error> {
        let client = self.0.begin_operation();
        let relationships = Relationships(&client);
        let mut tries = 1;
        loop {
            let found = relationships.get(id).await?;
            let Some(patch) = patch(&found)? else { return Ok(found) };
            check_own(&found)?;
            let etag = found.etag.as_ref().ok_or_else(without_etag)?;
            match relationships.update(id, etag, &patch).await {
                Ok(Updated::Done(relationship)) => return Ok(relationship),
                Ok(Updated::Accepted(operation)) => {
                    operations::wait_for(&client, &operation).await?;
                    return relationships.get(id).await;
                }
                Err(error) => again(&client, id, error, tries).await?,
            }
            tries += 1;
        }
    }
}

/// Whether what an error leaves open is to be looked for: it may have been made, by this call or by somebody else.
pub(super) fn may_be_there(error: &Error) -> bool {
    error.maybe_done() || error.kind() == ErrorKind::Conflict
}

/// Whether a change is worth another try: the version is outdated, or another change was under way and has ended.
pub(super) async fn again(
    client: &Client,
    relationship: &DelegatedAdminRelationshipId,
    error: Error,
    tries: u32,
) -> Result<(), Error> {
    let outdated = error.code() == ErrorCode::VersionOutdated;
    let in_the_way = matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict);
    if tries >= MAX_TRIES || !in_the_way {
        return Err(error);
    }
    // A response that was lost leaves an operation behind; so does somebody else.
    match operations::wait_for_others(client, relationship).await? {
        false if !outdated => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn without_etag() -> Error {
    Error::new(ErrorCode::UnexpectedResponse)
        .with_message("the service did not say which version the object is of, without which it cannot be changed")
}

/// Refuses to change what Microsoft or an indirect provider has made.
fn check_own(relationship: &DelegatedAdminRelationship) -> Result<(), Error> {
    match relationship.is_microsoft_led() || relationship.is_of_reseller() {
        true => Err(Error::new(ErrorCode::RelationshipReadOnly)),
        false => Ok(()),
    }
}

fn wrong_status(relationship: &DelegatedAdminRelationship) -> Error {
    let status = relationship.status.as_ref().map_or("unknown", DelegatedAdminRelationshipStatus::as_str);
    Error::new(ErrorCode::RelationshipStatusRefused)
        .with_message(format!("the relationship has the status {}", crate::error::foreign(status.to_owned())))
}
