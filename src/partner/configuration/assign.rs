//! Giving groups their roles at customers: each role where it is still missing right before that, until all are in effect.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::client::Client;
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId};
use crate::model::{
    DelegatedAdminAccessAssignment, DelegatedAdminAccessAssignmentStatus, DelegatedAdminRelationshipOperationStatus,
    NewDelegatedAdminAccessAssignment, UnifiedRole,
};
use crate::partner::configuration::applied::GdapApplied;
use crate::partner::configuration::compare::of_group;
use crate::partner::configuration::step::GdapStep;
use crate::partner::operations::{self, PendingOperation, Updated};
use crate::partner::readiness;
use crate::partner::relationships::{MAX_TRIES, again, may_be_there, without_etag};
use crate::retry::{Deadline, WaitReason};

/// How long what was written may take to be in effect where the client has no deadline.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Gives roles by access assignments.
pub(super) struct Assigner<'a> {
    pub(super) client: &'a Client,
}

impl Assigner<'_> {
    /// Gives the roles of these steps, and adds what became of each to what was applied.
    pub(super) async fn assign(
        &self,
        groups: &BTreeMap<String, DirectoryObjectId>,
        steps: Vec<GdapStep>,
        applied: &mut GdapApplied,
    ) {
        let mut jobs: Vec<Job> = Vec::new();
        for step in steps {
            let group = step.id.group.as_ref().and_then(|name| groups.get(name));
            let (Some(group), Some(relationship), Some(role)) = (group, step.relationship.clone(), step.assigned)
            else {
                applied.add_failures([step], &Error::new(ErrorCode::GroupNotFound));
                continue;
            };
            let known = jobs.iter_mut().find(|it| it.group == *group && it.relationship == relationship);
            match known {
                Some(job) => {
                    job.roles.insert(role);
                    job.steps.push(step);
                }
                None => jobs.push(Job {
                    relationship,
                    group: *group,
                    roles: BTreeSet::from([role]),
                    steps: vec![step],
                    state: State::Due,
                    tries: 0,
                }),
            }
        }
        let mut options = self.client.options();
        options.deadline = options.deadline.earlier(Deadline::after(self.client.clock(), MAX_WAIT));
        let operation = "GET /tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments";
        let mut poll = self.client.context().poll(operation, WaitReason::Operation, &options);
        loop {
            let due = self.read(&mut jobs).await;
            self.send(&mut jobs, due).await;
            if jobs.iter().all(Job::is_over) || !poll.wait(poll.backoff()).await {
                break;
            }
        }
        for job in jobs {
            match job.state {
                State::Done => applied.done.extend(job.steps),
                State::Failed(error) => applied.add_failures(job.steps, &error),
                State::Due | State::Accepted(_) => {
                    let error = Error::new(ErrorCode::DeadlineExceeded)
                        .with_message("the time allowed was up before the role was in effect")
                        .with_remedy("What the service has accepted goes on: verify it after a while.");
                    applied.add_failures(job.steps, &error);
                }
            }
        }
    }

    /// Reads where the jobs stand; returns what is to be written, by the place of the job.
    async fn read(&self, jobs: &mut [Job]) -> Vec<(usize, Write)> {
        let relationships: BTreeSet<_> =
            jobs.iter().filter(|job| !job.is_over()).map(|job| job.relationship.clone()).collect();
        let read = readiness::read_assignments(self.client, relationships.into_iter().collect()).await;
        self.watch(jobs).await;
        let mut due = Vec::new();
        for (place, job) in jobs.iter_mut().enumerate().filter(|(_, job)| !job.is_over()) {
            match read.get(&job.relationship) {
                Some(Ok(all)) => due.extend(job.compare(of_group(all, job.group)).map(|write| (place, write))),
                Some(Err(error)) => job.failed(error.said_again()),
                None => {}
            }
        }
        due
    }

    /// Looks at the operations that carry a change out.
    async fn watch(&self, jobs: &mut [Job]) {
        let mut batch = self.client.batch();
        let mut handles = Vec::new();
        for (place, job) in jobs.iter().enumerate() {
            if let State::Accepted(Some(pending)) = &job.state {
                handles.push((place, batch.add(operations::watch(self.client, pending))));
            }
        }
        if handles.is_empty() {
            return;
        }
        // What cannot be told now is looked at again.
        let Ok(mut response) = batch.await else { return };
        for (place, handle) in handles {
            if let Ok((operation, _)) = response.take(handle)
                && operation.status == Some(DelegatedAdminRelationshipOperationStatus::Failed)
            {
                jobs[place].state = State::Failed(Error::new(ErrorCode::RelationshipOperationFailed));
            }
        }
    }

    async fn send(&self, jobs: &mut [Job], due: Vec<(usize, Write)>) {
        if due.is_empty() {
            return;
        }
        let mut batch = self.client.batch();
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for (place, write) in due {
            let assignments = self.client.partner().access_assignments(&jobs[place].relationship);
            match write {
                Write::Create(assignment) => created.push((place, batch.add(assignments.create(&assignment)))),
                Write::Update(found, roles) => match (&found.id, &found.etag) {
                    (Some(id), Some(etag)) => updated.push((place, batch.add(assignments.update(id, etag, roles)))),
                    _ => jobs[place].state = State::Failed(without_etag()),
                },
            }
        }
        let mut response = match batch.await {
            Ok(response) => response,
            Err(error) => {
                let places = created.into_iter().map(|(place, _)| place).chain(updated.into_iter().map(|(it, _)| it));
                places.for_each(|place| jobs[place].failed(error.said_again()));
                return;
            }
        };
        for (place, handle) in created {
            match response.take(handle) {
                Ok(_) => jobs[place].state = State::Accepted(None),
                Err(error) => jobs[place].failed(error),
            }
        }
        for (place, handle) in updated {
            match response.take(handle) {
                Ok(Updated::Done(_)) => jobs[place].state = State::Accepted(None),
                Ok(Updated::Accepted(pending)) => jobs[place].state = State::Accepted(Some(pending)),
                // Another change may be in the way, or this very one, whose response was lost.
                Err(error) => match again(self.client, &jobs[place].relationship, error, jobs[place].tries + 1).await {
                    Ok(()) => jobs[place].tries += 1,
                    Err(error) => jobs[place].failed(error),
                },
            }
        }
    }
}

/// The roles that a group is to have in a relationship.
struct Job {
    relationship: DelegatedAdminRelationshipId,
    group: DirectoryObjectId,
    roles: BTreeSet<DirectoryRole>,
    steps: Vec<GdapStep>,
    state: State,
    tries: u32,
}

enum State {
    /// It is to be written, or it is not known whether it was.
    Due,
    /// The service has taken it, with an operation or without.
    Accepted(Option<PendingOperation>),
    Done,
    Failed(Error),
}

/// What is to be written.
enum Write {
    Create(NewDelegatedAdminAccessAssignment),
    /// An assignment as it was read, and all of its roles.
    Update(Box<DelegatedAdminAccessAssignment>, BTreeSet<DirectoryRole>),
}

impl Job {
    fn is_over(&self) -> bool {
        matches!(self.state, State::Done | State::Failed(_))
    }

    /// A failure is for good, unless another look may show that it was done, or that somebody else was faster.
    fn failed(&mut self, error: Error) {
        self.tries += 1;
        let may_pass = may_be_there(&error)
            || matches!(
                error.kind(),
                ErrorKind::Throttled | ErrorKind::Service | ErrorKind::Network | ErrorKind::Decode
            );
        self.state = match may_pass && self.tries < MAX_TRIES {
            true => State::Due,
            false => State::Failed(error),
        };
    }

    /// Compares with what is there: what is to be written, if anything.
    fn compare(&mut self, found: Option<&DelegatedAdminAccessAssignment>) -> Option<Write> {
        use DelegatedAdminAccessAssignmentStatus::{Active, Error as Broken};
        let is_accepted = matches!(self.state, State::Accepted(_));
        let Some(found) = found else {
            // What was accepted may take a while to show.
            let roles = self.roles.iter().copied();
            return (!is_accepted).then(|| Write::Create(NewDelegatedAdminAccessAssignment::new(self.group, roles)));
        };
        let held: BTreeSet<DirectoryRole> = found.roles().collect();
        let is_complete = self.roles.is_subset(&held);
        match &found.status {
            Some(Active) if is_complete => self.state = State::Done,
            Some(Broken) => self.state = State::Failed(Error::new(ErrorCode::RelationshipOperationFailed)),
            Some(Active) if !is_accepted => {
                let is_role = |it: &UnifiedRole| it.role_definition_id.is_some();
                let details = found.access_details.as_ref();
                if !details.is_some_and(|it| it.unknown.is_empty() && it.unified_roles.iter().all(is_role)) {
                    self.state = State::Failed(Error::new(ErrorCode::UnexpectedResponse).with_message(
                        "a role of the access assignment could not be read, and would be lost by a change",
                    ));
                    return None;
                }
                return Some(Write::Update(Box::new(found.clone()), held.union(&self.roles).copied().collect()));
            }
            _ => {}
        }
        None
    }
}
