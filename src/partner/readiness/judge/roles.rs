//! The gaps of roles: what stands between a person and a role, by relationship, access assignment and group.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use crate::directory_role::DirectoryRole;
use crate::error::ErrorCode;
use crate::ids::DirectoryObjectId;
use crate::model::{
    DelegatedAdminAccessAssignmentStatus, DelegatedAdminRelationship, DelegatedAdminRelationshipStatus,
};
use crate::partner::readiness::gap::{Gap, Unknown};
use crate::partner::readiness::judge::relationships::{Active, without_active};
use crate::partner::readiness::judge::{Limits, Observed};

/// One set of roles of which one is needed.
pub(super) struct Need<'a> {
    pub(super) any_of: &'a [DirectoryRole],
    pub(super) active: &'a [Active<'a>],
    pub(super) observed: &'a Observed<'a>,
    pub(super) limits: Limits,
    pub(super) now: OffsetDateTime,
}

impl Need<'_> {
    /// What stands between the person and the role, and whether more of it could not be told.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let gap = self.gap();
        let eligible = self.observed.person.map(|person| &person.eligible);
        let unread = match (&gap, eligible) {
            (Some(Gap::NotInGroup { .. }), Some(Err(error))) => {
                Some(Gap::Unknown { what: Unknown::EligibleMemberships, error: *error })
            }
            _ => None,
        };
        gap.into_iter().chain(unread).collect()
    }

    /// What stands between the person and the role; nothing where it is there. The role is the union of all active
    /// relationships and assigned groups, so that the nearest way to it counts.
    fn gap(&self) -> Option<Gap> {
        let holders: Vec<&Active<'_>> = self.active.iter().filter(|it| it.holds(self.any_of)).collect();
        let Some(first) = holders.first() else {
            let waiting = self.waiting();
            return Some(match waiting.is_empty() {
                true => Gap::RoleNotInRelationship { any_of: self.any_of.to_vec() },
                false => without_active(&waiting, self.limits, self.now),
            });
        };
        let (mut nearest, mut groups): (Option<(u8, Gap)>, Vec<DirectoryObjectId>) = (None, Vec::new());
        // A lower number is nearer to the role.
        let mut consider = |distance: u8, gap: Gap| {
            if nearest.as_ref().is_none_or(|(other, _)| distance < *other) {
                nearest = Some((distance, gap));
            }
        };
        for holder in &holders {
            let relationship = holder.id.clone();
            let assignments = match self.observed.assignments.get(holder.id) {
                Some(Ok(assignments)) => assignments,
                Some(Err(error)) => {
                    consider(4, Gap::Unknown { what: Unknown::AccessAssignments, error: *error });
                    continue;
                }
                None => continue,
            };
            for assignment in assignments.iter().filter(|it| it.roles().any(|role| self.any_of.contains(&role))) {
                let (Some(group), true) = (assignment.group(), assignment.is_live()) else { continue };
                let relationship = relationship.clone();
                if self.observed.live_groups.is_some_and(|live| !live.contains(&group)) {
                    consider(7, Gap::GroupDeleted { relationship, group });
                } else if !assignment.is_active() {
                    match &assignment.status {
                        Some(DelegatedAdminAccessAssignmentStatus::Error) => {
                            consider(6, Gap::AssignmentFailed { relationship, group });
                        }
                        _ if self.is_member(group) != Some(false) => {
                            consider(2, Gap::AssignmentPending { relationship, group });
                        }
                        _ => groups.push(group),
                    }
                } else {
                    match self.is_member(group) {
                        Some(true) if holder.is_settling(self.limits, self.now) => {
                            let at = holder.relationship.activated_date_time;
                            consider(1, Gap::ActivatedRecently { relationship, at });
                        }
                        Some(true) => return None,
                        Some(false) => groups.push(group),
                        None => consider(3, self.membership_unknown()),
                    }
                }
            }
        }
        if !groups.is_empty() {
            groups.sort_unstable();
            groups.dedup();
            let eligible: Vec<_> = groups.iter().copied().filter(|group| self.is_eligible(*group)).collect();
            match eligible.is_empty() {
                true => consider(5, Gap::NotInGroup { groups, any_of: self.any_of.to_vec() }),
                false => consider(3, Gap::OnlyEligible { groups: eligible }),
            }
        }
        let missing = || Gap::RoleNotAssigned { relationship: first.id.clone(), any_of: self.any_of.to_vec() };
        Some(nearest.map_or_else(missing, |(_, gap)| gap))
    }

    /// The relationships that hold the role and are not active yet.
    fn waiting(&self) -> Vec<&DelegatedAdminRelationship> {
        use DelegatedAdminRelationshipStatus::{Activating, ApprovalPending, Approved, Created};
        let all = self.observed.relationships.unwrap_or_default().iter();
        all.filter(|it| matches!(it.status, Some(Created | ApprovalPending | Approved | Activating)))
            .filter(|it| it.roles().any(|role| self.any_of.contains(&role)))
            .collect()
    }

    /// Whether the person is in a group; an app without a person counts as in each.
    fn is_member(&self, group: DirectoryObjectId) -> Option<bool> {
        match self.observed.person {
            None => Some(true),
            Some(person) => person.groups.as_ref().ok().map(|groups| groups.contains(&group)),
        }
    }

    fn is_eligible(&self, group: DirectoryObjectId) -> bool {
        self.observed.person.is_some_and(|person| person.eligible.as_ref().is_ok_and(|all| all.contains(&group)))
    }

    fn membership_unknown(&self) -> Gap {
        let error = self.observed.person.and_then(|person| person.groups.as_ref().err().copied());
        Gap::Unknown { what: Unknown::Memberships, error: error.unwrap_or(ErrorCode::UnexpectedResponse) }
    }
}

/// The roles that the person has by what the partner's tenant says.
pub(super) fn of_person(active: &[Active<'_>], observed: &Observed<'_>) -> BTreeSet<DirectoryRole> {
    let mut roles = BTreeSet::new();
    for holder in active {
        let Some(Ok(assignments)) = observed.assignments.get(holder.id) else { continue };
        let approved: BTreeSet<DirectoryRole> = holder.relationship.roles().collect();
        for assignment in assignments.iter().filter(|it| it.is_active()) {
            let Some(group) = assignment.group() else { continue };
            let is_there = observed.live_groups.is_none_or(|live| live.contains(&group));
            let is_member = match observed.person {
                None => true,
                Some(person) => person.groups.as_ref().is_ok_and(|groups| groups.contains(&group)),
            };
            if is_there && is_member {
                roles.extend(assignment.roles().filter(|role| approved.contains(role)));
            }
        }
    }
    roles
}
