//! `…/delegatedAdminRelationships/{id}/accessAssignments`: which groups of the partner have which roles of a relationship.

use std::collections::BTreeSet;

use http::Method;

use crate::api::List;
use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::Request;
use crate::client::{Call, Client, decode};
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{AccessAssignmentId, DelegatedAdminRelationshipId, DirectoryObjectId};
use crate::model::{
    DelegatedAdminAccessAssignment, DelegatedAdminAccessDetails, ETag, NewDelegatedAdminAccessAssignment, UnifiedRole,
};
use crate::partner::operations::{self, Updated, updated};
use crate::partner::relationships::{MAX_TRIES, again, may_be_there, without_etag};
use crate::partner::{READ, WRITE, request};

/// The access assignments of one relationship: which groups of the partner have which of its roles in the customer's
/// tenant.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_with_customers(1);
/// # let tenant = &cloud.tenants()[0];
/// # let client = tenant.client_of(&tenant.add_caller(&["DelegatedAdminRelationship.ReadWrite.All"]));
/// # let support = tenant.add_group("Support", &[]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::model::NewDelegatedAdminAccessAssignment;
///
/// let relationship = client.partner().relationships().list().all().await?.remove(0);
/// let assignments = client.partner().access_assignments(relationship.id.as_ref().unwrap());
/// let wanted = NewDelegatedAdminAccessAssignment::new(support.id, [DirectoryRole::APPLICATION_ADMINISTRATOR]);
/// let assigned = assignments.find_or_create(&wanted).await?;
/// # tokio::time::sleep(std::time::Duration::from_secs(5)).await;
///
/// // Some time later, other roles: the whole set.
/// let roles = [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];
/// let changed = assignments.set_roles(assigned.id.as_ref().unwrap(), roles).await?;
/// assert_eq!(changed.roles().count(), 2);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[derive(Clone, Debug)]
pub struct AccessAssignments<'a> {
    pub(super) client: &'a Client,
    pub(super) relationship: DelegatedAdminRelationshipId,
}

impl AccessAssignments<'_> {
    fn request(
        &self,
        operation: &'static str,
        permissions: &'static str,
        method: Method,
        id: Option<&AccessAssignmentId>,
    ) -> Result<Request, Error> {
        let segments = ["delegatedAdminRelationships", self.relationship.as_str(), "accessAssignments"];
        let segments = segments.into_iter().chain(id.map(AccessAssignmentId::as_str));
        let request = request(self.client, operation, permissions, method, segments)?;
        let request = request.object(ObjectKind::Other, &self.relationship);
        Ok(match id {
            Some(id) => request.object(ObjectKind::Other, id),
            None => request,
        })
    }

    /// Lists the access assignments
    /// ([`GET …/accessAssignments`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-accessassignments)),
    /// deleted ones among them. Least permission: `DelegatedAdminRelationship.Read.All`.
    pub fn list(&self) -> List<DelegatedAdminAccessAssignment> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments";
        List::of(self.client, self.request(operation, READ, Method::GET, None))
    }

    /// Gets an access assignment
    /// ([`GET …/accessAssignments/{id}`](https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-get)). Least
    /// permission: `DelegatedAdminRelationship.Read.All`.
    pub fn get(&self, id: &AccessAssignmentId) -> Call<DelegatedAdminAccessAssignment> {
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments/{id}";
        Call::new(self.client, self.request(operation, READ, Method::GET, Some(id)), decode::json)
    }

    /// Finds the access assignment of a group, or `None`: a group has one at most that is neither deleted nor being
    /// deleted. Least permission: `DelegatedAdminRelationship.Read.All`.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn find_of_group(
        &self,
        group: impl Into<DirectoryObjectId>,
    ) -> Result<Option<DelegatedAdminAccessAssignment>, Error> {
        let group = Some(group.into());
        Ok(self.list().all().await?.into_iter().find(|it| it.group() == group && it.is_live()))
    }

    /// Assigns roles of the relationship, which must be active, to a security group of the partner's tenant
    /// ([`POST …/accessAssignments`](https://learn.microsoft.com/graph/api/delegatedadminrelationship-post-accessassignments)).
    /// It takes effect some time later. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// Of kind [`Conflict`](crate::ErrorKind::Conflict) when the group has an assignment:
    /// [change its roles](Self::set_roles). One whose [`maybe_done`](crate::Error::maybe_done) is true may leave it behind:
    /// [`find_or_create`](Self::find_or_create) looks for it.
    pub fn create(&self, assignment: &NewDelegatedAdminAccessAssignment) -> Call<DelegatedAdminAccessAssignment> {
        let operation = "POST /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments";
        let request = assignment
            .check()
            .map_err(|error| error.during(operation))
            .and_then(|()| self.request(operation, WRITE, Method::POST, None))
            .and_then(|request| {
                let request = request.lag_rule(LagRule::AccessAssignment).creates(ObjectKind::Other);
                let request = match assignment.group() {
                    Some(group) => request.object(ObjectKind::Other, group),
                    None => request,
                };
                request.body(assignment)
            });
        Call::new(self.client, request, decode::json)
    }

    /// Finds the access assignment of the group, or creates it: never a second one, also where a response is lost. One that
    /// is found may have other roles: [`set_roles`](Self::set_roles) changes them. Least permission:
    /// `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// Those of [`create`](Self::create) and [`list`](Self::list).
    pub async fn find_or_create(
        &self,
        assignment: &NewDelegatedAdminAccessAssignment,
    ) -> Result<DelegatedAdminAccessAssignment, Error> {
        assignment.check()?;
        let group = assignment.group().ok_or_else(|| Error::new(ErrorCode::InvalidId))?;
        let client = self.client.begin_operation();
        let assignments = AccessAssignments { client: &client, relationship: self.relationship.clone() };
        let mut tries = 1;
        loop {
            if let Some(found) = assignments.find_of_group(group).await? {
                return Ok(found);
            }
            match assignments.create(assignment).await {
                Err(error) if tries < MAX_TRIES && may_be_there(&error) => tries += 1,
                result => return result,
            }
        }
    }

    /// Changes the roles of an access assignment, all of them
    /// ([`PATCH …/accessAssignments/{id}`](https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-update)).
    /// `etag` is that of the assignment as it was read. Its group cannot be changed. Least permission:
    /// `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// [`VersionOutdated`](crate::ErrorCode::VersionOutdated) when it was changed since.
    pub fn update(
        &self,
        id: &AccessAssignmentId,
        etag: &ETag,
        roles: impl IntoIterator<Item = DirectoryRole>,
    ) -> Call<Updated<DelegatedAdminAccessAssignment>> {
        let operation = "PATCH /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments/{id}";
        let details = DelegatedAdminAccessDetails::of(roles);
        let request = match details.unified_roles.is_empty() {
            true => Err(Error::new(ErrorCode::RelationshipWithoutRoles)
                .with_remedy("Delete the access assignment where it is to have no role.")
                .during(operation)),
            false => self
                .request(operation, WRITE, Method::PATCH, Some(id))
                .and_then(|request| request.if_match(etag.as_str()))
                .and_then(|request| request.body(&serde_json::json!({ "accessDetails": details }))),
        };
        Call::new(self.client, request, updated)
    }

    /// Gives an access assignment these roles and no others, waits until that is carried out, and returns it as it is then.
    /// Nothing is written where it has them. Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// Those of [`update`](Self::update), and [`RelationshipOperationFailed`](crate::ErrorCode::RelationshipOperationFailed)
    /// when the service could not carry it out.
    pub async fn set_roles(
        &self,
        id: &AccessAssignmentId,
        roles: impl IntoIterator<Item = DirectoryRole>,
    ) -> Result<DelegatedAdminAccessAssignment, Error> {
        let roles: BTreeSet<DirectoryRole> = roles.into_iter().collect();
        let client = self.client.begin_operation();
        let assignments = AccessAssignments { client: &client, relationship: self.relationship.clone() };
        let mut tries = 1;
        loop {
            let found = assignments.get(id).await?;
            // A role that cannot be read is one that is not wanted.
            let is_role = |it: &UnifiedRole| it.role_definition_id.is_some();
            let details = found.access_details.as_ref();
            let readable = details.is_some_and(|it| it.unknown.is_empty() && it.unified_roles.iter().all(is_role));
            if readable && found.roles().collect::<BTreeSet<_>>() == roles {
                return Ok(found);
            }
            let etag = found.etag.as_ref().ok_or_else(without_etag)?;
            match assignments.update(id, etag, roles.iter().copied()).await {
                Ok(Updated::Done(assignment)) => return Ok(assignment),
                Ok(Updated::Accepted(operation)) => {
                    operations::wait_for(&client, &operation).await?;
                    return assignments.get(id).await;
                }
                Err(error) => again(&client, &self.relationship, error, tries).await?,
            }
            tries += 1;
        }
    }

    /// Takes the roles away from the group, whatever was changed since; nothing is written where they are gone. Least
    /// permission: `DelegatedAdminRelationship.ReadWrite.All`.
    ///
    /// # Errors
    /// When it cannot be read or deleted.
    pub async fn remove(&self, id: &AccessAssignmentId) -> Result<(), Error> {
        let client = self.client.begin_operation();
        let assignments = AccessAssignments { client: &client, relationship: self.relationship.clone() };
        let mut tries = 1;
        loop {
            let found = assignments.get(id).await?;
            if !found.is_live() {
                return Ok(());
            }
            let etag = found.etag.as_ref().ok_or_else(without_etag)?;
            match assignments.delete(id, etag).await {
                Ok(()) => return Ok(()),
                Err(error) => again(&client, &self.relationship, error, tries).await?,
            }
            tries += 1;
        }
    }

    /// Takes the roles away from the group, where the assignment is of the version that was read
    /// ([`DELETE …/accessAssignments/{id}`](https://learn.microsoft.com/graph/api/delegatedadminaccessassignment-delete)).
    /// Least permission: `DelegatedAdminRelationship.ReadWrite.All`.
    pub fn delete(&self, id: &AccessAssignmentId, etag: &ETag) -> Call<()> {
        let operation = "DELETE /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments/{id}";
        let request = self
            .request(operation, WRITE, Method::DELETE, Some(id))
            .and_then(|request| request.if_match(etag.as_str()));
        Call::new(self.client, request, decode::empty)
    }
}
