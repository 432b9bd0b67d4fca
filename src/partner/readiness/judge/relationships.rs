//! The gaps of relationships: none, not approved yet, lapsed, ended, ending, Microsoft's own.

use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::later;
use crate::directory_role::DirectoryRole;
use crate::ids::DelegatedAdminRelationshipId;
use crate::model::{DelegatedAdminRelationship, DelegatedAdminRelationshipStatus};
use crate::partner::readiness::gap::Gap;
use crate::partner::readiness::judge::Limits;

/// A request lapses after ninety days.
/// <https://learn.microsoft.com/partner-center/customers/gdap-obtain-admin-permissions-to-manage-customer>
const LAPSE: Duration = Duration::from_secs(90 * 86_400);

/// An active relationship whose time is not over.
pub(super) struct Active<'a> {
    pub(super) id: &'a DelegatedAdminRelationshipId,
    pub(super) relationship: &'a DelegatedAdminRelationship,
}

impl<'a> Active<'a> {
    pub(super) fn of(relationship: &'a DelegatedAdminRelationship, now: OffsetDateTime) -> Option<Self> {
        let over = relationship.end_date_time.is_some_and(|end| end <= now);
        let lasts = relationship.is_active() && (!over || relationship.is_auto_extended() == Some(true));
        Some(Self { id: relationship.id.as_ref().filter(|_| lasts)?, relationship })
    }

    pub(super) fn holds(&self, any_of: &[DirectoryRole]) -> bool {
        self.relationship.roles().any(|role| any_of.contains(&role))
    }

    /// Whether it was activated a moment ago, or at a time that is still to come.
    pub(super) fn is_settling(&self, limits: Limits, now: OffsetDateTime) -> bool {
        self.relationship.activated_date_time.is_some_and(|at| now < later(at, limits.settling))
    }
}

/// Where a customer stands without an active relationship: by the relationship that is nearest to one.
pub(super) fn without_active(
    relationships: &[&DelegatedAdminRelationship],
    limits: Limits,
    now: OffsetDateTime,
) -> Gap {
    use DelegatedAdminRelationshipStatus::{Activating, Active, ApprovalPending, Approved, Created};
    let of = |wanted: &[DelegatedAdminRelationshipStatus]| {
        let mut found = relationships.iter().copied().filter_map(|it| {
            let status = it.status.as_ref()?;
            Some((it, it.id.clone().filter(|_| wanted.contains(status))?))
        });
        found.next()
    };
    if let Some((_, relationship)) = of(&[Approved, Activating]) {
        return Gap::ActivatedRecently { relationship, at: None };
    }
    if let Some((found, relationship)) = of(&[ApprovalPending]) {
        let lapses = found.last_modified_date_time.map(|at| later(at, LAPSE));
        return match lapses {
            Some(lapses) if lapses <= now => Gap::InvitationLapsed { relationship },
            Some(lapses) if lapses - now <= limits.ending => Gap::InvitationLapsing { relationship, lapses },
            lapses => Gap::ApprovalPending { relationship, lapses },
        };
    }
    if let Some((_, relationship)) = of(&[Created]) {
        return Gap::NotInvited { relationship };
    }
    // What is left has ended; the latest says why. One that is active here is so only by its status.
    let ended = relationships.iter().filter(|it| it.id.is_some() && it.status.is_some());
    let Some(last) = ended.max_by_key(|it| it.end_date_time.or(it.last_modified_date_time)) else {
        return Gap::NoRelationship;
    };
    let relationship = last.id.clone().unwrap_or_else(|| DelegatedAdminRelationshipId::new(""));
    match (&last.status, last.activated_date_time) {
        (Some(status), None) if *status != Active => Gap::InvitationLapsed { relationship },
        _ => Gap::RelationshipEnded { relationship, at: last.end_date_time },
    }
}

/// What is worth to know of active relationships, although it stands in nobody's way.
pub(super) fn notices(active: &[Active<'_>], limits: Limits, now: OffsetDateTime) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for Active { id, relationship } in active {
        if relationship.is_auto_extended() == Some(true) {
            continue;
        }
        if let Some(at) = relationship.end_date_time.filter(|end| *end - now <= limits.ending) {
            gaps.push(Gap::RelationshipEnding { relationship: (*id).clone(), at });
        }
        if relationship.roles().any(|role| role == DirectoryRole::GLOBAL_ADMINISTRATOR) {
            gaps.push(Gap::ExtensionBlocked { relationship: (*id).clone() });
        }
    }
    if active.iter().all(|it| it.relationship.is_microsoft_led()) {
        gaps.push(Gap::MicrosoftLedOnly);
    }
    gaps
}
