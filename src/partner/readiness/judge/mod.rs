//! The judgement: from what was observed of a customer to its gaps. It reads nothing.

mod customer;
mod relationships;
mod roles;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::directory_role::DirectoryRole;
use crate::error::ErrorCode;
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, TenantId};
use crate::model::{DelegatedAdminAccessAssignment, DelegatedAdminRelationship};
use crate::partner::readiness::gap::{Gap, GapSeverity, Unknown};
use crate::partner::readiness::{ReadinessOutcome, RolesNeeded};

use relationships::Active;
use roles::Need;

/// What matters about time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For how long a relationship counts as activated a moment ago.
    pub(super) settling: Duration,
    /// How long before its end a relationship counts as ending, and a request as lapsing.
    pub(super) ending: Duration,
}

/// Either what was read, or the code of the error that kept it from being read.
pub(super) type Read<T> = Result<T, ErrorCode>;

/// What was observed of one customer.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    /// Its relationships, of any status.
    pub(super) relationships: Read<&'a [DelegatedAdminRelationship]>,
    /// The access assignments of those that are active.
    pub(super) assignments: &'a BTreeMap<DelegatedAdminRelationshipId, Read<Vec<DelegatedAdminAccessAssignment>>>,
    /// Of the assigned groups those that are there; `None` where that could not be read.
    pub(super) live_groups: Option<&'a BTreeSet<DirectoryObjectId>>,
    /// The signed-in person; `None` for an app without one.
    pub(super) person: Option<&'a Person>,
    /// What the customer's own tenant says; `None` where it was not asked, or says nothing.
    pub(super) in_customer: Option<&'a InCustomer>,
}

impl Observed<'_> {
    /// Whether the customer has a relationship that is active at this time.
    pub(super) fn has_access(&self, now: OffsetDateTime) -> bool {
        self.relationships.is_ok_and(|all| all.iter().any(|it| Active::of(it, now).is_some()))
    }
}

/// The signed-in person of the partner.
#[derive(Debug)]
pub(super) struct Person {
    /// The person's object id, where it is known.
    pub(super) id: Option<Uuid>,
    /// The partner's tenant, where it is known.
    pub(super) tenant: Option<TenantId>,
    /// The groups that the person is in, directly or through others.
    pub(super) groups: Read<BTreeSet<DirectoryObjectId>>,
    /// The groups in which the person can activate a membership.
    pub(super) eligible: Read<BTreeSet<DirectoryObjectId>>,
}

/// What the customer's own tenant says of the person.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InCustomer {
    /// It shows these directory roles.
    Shows(BTreeSet<DirectoryRole>),
    /// A policy there refuses the sign-in.
    KeepsOut(ErrorCode),
    /// The sign-in failed for another reason.
    Unread(ErrorCode),
}

/// The gaps of one customer, and the roles that the person has there by what the partner's tenant says.
#[derive(Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) gaps: Vec<Gap>,
    pub(super) roles: BTreeSet<DirectoryRole>,
}

/// The outcome of gaps, those of the partner among them.
pub(super) fn outcome<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> ReadinessOutcome {
    match gaps.into_iter().map(Gap::severity).max() {
        None | Some(GapSeverity::Notice) => ReadinessOutcome::Ready,
        Some(GapSeverity::NotYet) => ReadinessOutcome::NotYet,
        Some(GapSeverity::Unknown) => ReadinessOutcome::Unknown,
        Some(GapSeverity::Blocking) => ReadinessOutcome::NotReady,
    }
}

/// Judges a customer.
pub(super) fn judge(observed: &Observed<'_>, needed: &RolesNeeded, limits: Limits, now: OffsetDateTime) -> Judgement {
    let mut gaps = Vec::new();
    let relationships = match observed.relationships {
        Ok(relationships) => relationships,
        Err(error) => {
            gaps.push(Gap::Unknown { what: Unknown::Relationships, error });
            &[]
        }
    };
    let active: Vec<Active<'_>> = relationships.iter().filter_map(|it| Active::of(it, now)).collect();
    if active.is_empty() {
        if observed.relationships.is_ok() {
            let all: Vec<_> = relationships.iter().collect();
            gaps.push(relationships::without_active(&all, limits, now));
        }
    } else {
        gaps.extend(relationships::notices(&active, limits, now));
        for any_of in needed.sets() {
            gaps.extend(Need { any_of, active: &active, observed, limits, now }.gaps());
        }
    }
    if let Some(in_customer) = observed.in_customer {
        customer::compare(in_customer, observed.person, needed, &mut gaps);
    }
    let mut distinct: Vec<Gap> = Vec::new();
    for gap in gaps {
        if !distinct.contains(&gap) {
            distinct.push(gap);
        }
    }
    Judgement { gaps: distinct, roles: roles::of_person(&active, observed) }
}

#[cfg(test)]
mod tests;
