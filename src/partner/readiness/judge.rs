//! The judgement: from what was observed of a customer to its gaps. It reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use time::OffsetDateTime;

use crate::clock::later;
use crate::directory_role::DirectoryRole;
use crate::error::ErrorCode;
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId};
use crate::model::{
    DelegatedAdminAccessAssignment, DelegatedAdminAccessAssignmentStatus, DelegatedAdminRelationship,
    DelegatedAdminRelationshipStatus,
};
use crate::partner::readiness::gap::{Gap, GapSeverity, Unknown};
use crate::partner::readiness::{ReadinessOutcome, RolesNeeded};

/// What matters about time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For how long a relationship counts as activated a moment ago.
    pub(super) settling: Duration,
    /// How long before its end a relationship counts as ending, and a request as lapsing.
    pub(super) ending: Duration,
}

/// A request lapses after ninety days.
/// <https://learn.microsoft.com/partner-center/customers/gdap-obtain-admin-permissions-to-manage-customer>
const LAPSE: Duration = Duration::from_secs(90 * 86_400);

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
    /// The roles that a token of the customer's tenant shows, where there is one.
    pub(super) shown_roles: Option<&'a [DirectoryRole]>,
    /// Why the customer's tenant could not be signed in to, where that was tried.
    pub(super) refused: Option<ErrorCode>,
}

/// The signed-in person of the partner.
#[derive(Debug)]
pub(super) struct Person {
    /// The groups that the person is in, directly or through others.
    pub(super) groups: Read<BTreeSet<DirectoryObjectId>>,
    /// The groups in which the person can activate a membership.
    pub(super) eligible: BTreeSet<DirectoryObjectId>,
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
    let mut judgement = Judgement { gaps: Vec::new(), roles: BTreeSet::new() };
    let relationships = match observed.relationships {
        Ok(relationships) => relationships,
        Err(error) => {
            judgement.gaps.push(Gap::Unknown { what: Unknown::Relationships, error });
            &[]
        }
    };
    let active: Vec<Active<'_>> = relationships.iter().filter_map(|it| Active::of(it, now)).collect();
    if active.is_empty() {
        if observed.relationships.is_ok() {
            judgement.gaps.push(without_active(&relationships.iter().collect::<Vec<_>>(), limits, now));
        }
    } else {
        judgement.gaps.extend(notices(&active, limits, now));
        for any_of in needed.sets() {
            judgement.gaps.extend(Need { any_of, active: &active, observed, limits, now }.gap());
        }
    }
    judgement.roles = roles_of_person(&active, observed);
    compare_with_customer(&mut judgement, observed, needed);
    let mut seen = Vec::new();
    judgement.gaps.retain(|gap| {
        !seen.contains(gap) && {
            seen.push(gap.clone());
            true
        }
    });
    judgement
}

/// An active relationship whose time is not over.
struct Active<'a> {
    id: &'a DelegatedAdminRelationshipId,
    relationship: &'a DelegatedAdminRelationship,
}

impl<'a> Active<'a> {
    fn of(relationship: &'a DelegatedAdminRelationship, now: OffsetDateTime) -> Option<Self> {
        let over = relationship.end_date_time.is_some_and(|end| end <= now);
        let lasts = relationship.is_active() && (!over || relationship.is_auto_extended() == Some(true));
        Some(Self { id: relationship.id.as_ref().filter(|_| lasts)?, relationship })
    }

    fn holds(&self, any_of: &[DirectoryRole]) -> bool {
        self.relationship.roles().any(|role| any_of.contains(&role))
    }

    /// Whether it was activated a moment ago, or at a time that is still to come.
    fn is_settling(&self, limits: Limits, now: OffsetDateTime) -> bool {
        self.relationship.activated_date_time.is_some_and(|at| now < later(at, limits.settling))
    }
}

/// Where a customer stands without an active relationship: by the relationship that is nearest to one.
fn without_active(relationships: &[&DelegatedAdminRelationship], limits: Limits, now: OffsetDateTime) -> Gap {
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
fn notices(active: &[Active<'_>], limits: Limits, now: OffsetDateTime) -> Vec<Gap> {
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

/// One set of roles of which one is needed.
struct Need<'a> {
    any_of: &'a [DirectoryRole],
    active: &'a [Active<'a>],
    observed: &'a Observed<'a>,
    limits: Limits,
    now: OffsetDateTime,
}

impl Need<'_> {
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
        self.observed.person.is_some_and(|person| person.eligible.contains(&group))
    }

    fn membership_unknown(&self) -> Gap {
        let error = self.observed.person.and_then(|person| person.groups.as_ref().err().copied());
        Gap::Unknown { what: Unknown::Memberships, error: error.unwrap_or(ErrorCode::UnexpectedResponse) }
    }
}

/// The roles that the person has by what the partner's tenant says.
fn roles_of_person(active: &[Active<'_>], observed: &Observed<'_>) -> BTreeSet<DirectoryRole> {
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

/// A token of the customer's tenant proves what is there, whatever the partner's tenant says.
fn compare_with_customer(judgement: &mut Judgement, observed: &Observed<'_>, needed: &RolesNeeded) {
    match observed.refused {
        Some(ErrorCode::BlockedByConditionalAccess) => judgement.gaps.push(Gap::BlockedByCustomer),
        Some(error) => judgement.gaps.push(Gap::Unknown { what: Unknown::Customer, error }),
        None => {}
    }
    let Some(shown) = observed.shown_roles else { return };
    for any_of in needed.sets() {
        if shown.iter().any(|role| any_of.contains(role)) {
            continue;
        }
        // Where the partner's tenant knows why, that is said already.
        if judgement.gaps.iter().all(|gap| gap.severity() == GapSeverity::Notice) {
            judgement.gaps.push(Gap::RoleNotInCustomer { any_of: any_of.to_vec() });
        }
    }
    if needed.sets().all(|any_of| shown.iter().any(|role| any_of.contains(role))) {
        judgement.gaps.retain(|gap| gap.severity() == GapSeverity::Notice);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);
    const LIMITS: Limits = Limits { settling: Duration::from_secs(900), ending: Duration::from_secs(30 * 86_400) };
    const ADMIN: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;
    const CLOUD: DirectoryRole = DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR;
    const GRANT: DirectoryRole = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR;
    const GLOBAL: DirectoryRole = DirectoryRole::GLOBAL_ADMINISTRATOR;
    const TEAM: DirectoryObjectId = DirectoryObjectId::from_u128(1);
    const OTHERS: DirectoryObjectId = DirectoryObjectId::from_u128(2);
    const GONE: DirectoryObjectId = DirectoryObjectId::from_u128(3);

    fn roles(roles: &[DirectoryRole]) -> Value {
        let roles: Vec<_> = roles.iter().map(|role| json!({ "roleDefinitionId": role.id() })).collect();
        json!({ "unifiedRoles": roles })
    }

    /// An active relationship of a year ago that ends in a year.
    fn relationship(id: &str, held: &[DirectoryRole]) -> Value {
        json!({
            "id": id, "displayName": id, "status": "active", "autoExtendDuration": "PT0S",
            "accessDetails": roles(held), "lastModifiedDateTime": "2025-06-01T09:00:00Z",
            "activatedDateTime": "2025-06-01T09:00:00Z", "endDateTime": "2027-06-01T09:00:00Z"
        })
    }

    fn with(mut value: Value, changes: Value) -> Value {
        value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        value
    }

    fn assignment(group: DirectoryObjectId, held: &[DirectoryRole], status: &str) -> Value {
        json!({
            "id": "x", "status": status, "accessContainer": {"accessContainerId": group}, "accessDetails": roles(held)
        })
    }

    /// What is observed: relationships with their assignments, and a person in TEAM.
    struct Scene {
        relationships: Read<Vec<DelegatedAdminRelationship>>,
        assignments: BTreeMap<DelegatedAdminRelationshipId, Read<Vec<DelegatedAdminAccessAssignment>>>,
        live: Option<BTreeSet<DirectoryObjectId>>,
        person: Option<Person>,
        shown: Option<Vec<DirectoryRole>>,
        refused: Option<ErrorCode>,
    }

    impl Scene {
        fn of(relationships: &[(Value, &[Value])]) -> Self {
            let read = |value: &Value| serde_json::from_value(value.clone()).unwrap();
            let all: Vec<DelegatedAdminRelationship> = relationships.iter().map(|(it, _)| read(it)).collect();
            let assignments = all.iter().zip(relationships).map(|(relationship, (_, assignments))| {
                let all = assignments.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect();
                (relationship.id.clone().unwrap(), Ok(all))
            });
            Self {
                assignments: assignments.collect(),
                relationships: Ok(all),
                live: Some([TEAM, OTHERS].into()),
                person: Some(Person { groups: Ok([TEAM].into()), eligible: BTreeSet::new() }),
                shown: None,
                refused: None,
            }
        }

        fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
            change(&mut self);
            self
        }

        fn judge(&self, needed: &RolesNeeded) -> Judgement {
            let observed = Observed {
                relationships: match &self.relationships {
                    Ok(all) => Ok(all),
                    Err(error) => Err(*error),
                },
                assignments: &self.assignments,
                live_groups: self.live.as_ref(),
                person: self.person.as_ref(),
                shown_roles: self.shown.as_deref(),
                refused: self.refused,
            };
            judge(&observed, needed, LIMITS, NOW)
        }
    }

    fn needed() -> RolesNeeded {
        RolesNeeded::to_administer_apps()
    }

    fn codes(judgement: &Judgement) -> Vec<&'static str> {
        judgement.gaps.iter().map(Gap::code).collect()
    }

    /// Each state of a customer, and what it comes to.
    #[test]
    fn each_gap_is_found_and_none_is_invented() {
        use ReadinessOutcome::{NotReady, NotYet, Ready, Unknown};

        let held = |status: &str| assignment(TEAM, &[ADMIN], status);
        let active = || relationship("r", &[ADMIN, GRANT]);
        let team = [held("active")];
        let pending = |at: &str| {
            with(
                active(),
                json!({"status": "approvalPending", "lastModifiedDateTime": at, "activatedDateTime": null, "endDateTime": null}),
            )
        };
        let unread = |scene: &mut Scene| {
            scene.assignments.insert(DelegatedAdminRelationshipId::new("r"), Err(ErrorCode::Throttled));
        };
        let cases: Vec<(&str, Scene, &[&str], ReadinessOutcome)> = vec![
            ("all there", Scene::of(&[(active(), &team)]), &[], Ready),
            (
                "cloud suffices",
                Scene::of(&[(relationship("r", &[CLOUD]), &[assignment(TEAM, &[CLOUD], "active")])]),
                &[],
                Ready,
            ),
            ("nothing", Scene::of(&[]), &["no_relationship"], NotReady),
            (
                "created",
                Scene::of(&[(with(active(), json!({"status": "created", "activatedDateTime": null})), &[])]),
                &["not_invited"],
                NotReady,
            ),
            ("asked today", Scene::of(&[(pending("2026-06-01T08:00:00Z"), &[])]), &["approval_pending"], NotReady),
            ("60 days ago", Scene::of(&[(pending("2026-04-02T09:00:00Z"), &[])]), &["invitation_lapsing"], NotReady),
            ("59 days ago", Scene::of(&[(pending("2026-04-03T09:00:01Z"), &[])]), &["approval_pending"], NotReady),
            ("90 days ago", Scene::of(&[(pending("2026-03-03T09:00:00Z"), &[])]), &["invitation_lapsed"], NotReady),
            (
                "lapsed",
                Scene::of(&[(with(pending("2026-01-01T09:00:00Z"), json!({"status": "expired"})), &[])]),
                &["invitation_lapsed"],
                NotReady,
            ),
            (
                "approved",
                Scene::of(&[(with(active(), json!({"status": "approved"})), &[])]),
                &["activated_recently"],
                NotYet,
            ),
            (
                "activating",
                Scene::of(&[(with(active(), json!({"status": "activating"})), &[])]),
                &["activated_recently"],
                NotYet,
            ),
            (
                "expired",
                Scene::of(&[(with(active(), json!({"status": "expired"})), &team)]),
                &["relationship_ended"],
                NotReady,
            ),
            (
                "terminated",
                Scene::of(&[(with(active(), json!({"status": "terminated"})), &team)]),
                &["relationship_ended"],
                NotReady,
            ),
            (
                "being ended",
                Scene::of(&[(with(active(), json!({"status": "terminationRequested"})), &team)]),
                &["relationship_ended"],
                NotReady,
            ),
            (
                "over at this moment",
                Scene::of(&[(with(active(), json!({"endDateTime": "2026-06-01T09:00:00Z"})), &team)]),
                &["relationship_ended"],
                NotReady,
            ),
            (
                "over and extended",
                Scene::of(&[(
                    with(active(), json!({"endDateTime": "2026-06-01T09:00:00Z", "autoExtendDuration": "P180D"})),
                    &team,
                )]),
                &[],
                Ready,
            ),
            (
                "ends in 30 days",
                Scene::of(&[(with(active(), json!({"endDateTime": "2026-07-01T09:00:00Z"})), &team)]),
                &["relationship_ending"],
                Ready,
            ),
            (
                "ends in 31 days",
                Scene::of(&[(with(active(), json!({"endDateTime": "2026-07-01T09:00:01Z"})), &team)]),
                &[],
                Ready,
            ),
            (
                "extended",
                Scene::of(&[(
                    with(active(), json!({"endDateTime": "2026-06-09T09:00:00Z", "autoExtendDuration": "P180D"})),
                    &team,
                )]),
                &[],
                Ready,
            ),
            ("global", Scene::of(&[(relationship("r", &[ADMIN, GLOBAL]), &team)]), &["extension_blocked"], Ready),
            (
                "status new",
                Scene::of(&[(with(active(), json!({"status": "hibernating"})), &team)]),
                &["relationship_ended"],
                NotReady,
            ),
            (
                "microsoft's",
                Scene::of(&[(with(active(), json!({"displayName": "MLT_x"})), &team)]),
                &["microsoft_led_only"],
                Ready,
            ),
            (
                "microsoft's, lesser",
                Scene::of(&[(
                    with(relationship("r", &[DirectoryRole::GLOBAL_READER]), json!({"displayName": "MLT_x"})),
                    &[],
                )]),
                &["microsoft_led_only", "role_not_in_relationship"],
                NotReady,
            ),
            (
                "14 minutes",
                Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T08:45:01Z"})), &team)]),
                &["activated_recently"],
                NotYet,
            ),
            (
                "15 minutes",
                Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T08:45:00Z"})), &team)]),
                &[],
                Ready,
            ),
            (
                "in the future",
                Scene::of(&[(with(active(), json!({"activatedDateTime": "2026-06-01T10:00:00Z"})), &team)]),
                &["activated_recently"],
                NotYet,
            ),
            (
                "lesser role",
                Scene::of(&[(relationship("r", &[DirectoryRole::GLOBAL_READER]), &[])]),
                &["role_not_in_relationship"],
                NotReady,
            ),
            ("not assigned", Scene::of(&[(active(), &[])]), &["role_not_assigned"], NotReady),
            (
                "another role assigned",
                Scene::of(&[(active(), &[assignment(TEAM, &[GRANT], "active")])]),
                &["role_not_assigned"],
                NotReady,
            ),
            ("pending", Scene::of(&[(active(), &[held("pending")])]), &["assignment_pending"], NotYet),
            ("failed", Scene::of(&[(active(), &[held("error")])]), &["assignment_failed"], NotReady),
            ("being deleted", Scene::of(&[(active(), &[held("deleting")])]), &["role_not_assigned"], NotReady),
            ("deleted and made anew", Scene::of(&[(active(), &[held("deleted"), held("active")])]), &[], Ready),
            (
                "group gone",
                Scene::of(&[(active(), &[assignment(GONE, &[ADMIN], "active")])]),
                &["group_deleted"],
                NotReady,
            ),
            (
                "group gone, another there",
                Scene::of(&[(active(), &[assignment(GONE, &[ADMIN], "active"), held("active")])]),
                &[],
                Ready,
            ),
            ("groups unread", Scene::of(&[(active(), &team)]).change(|it| it.live = None), &[], Ready),
            (
                "in no group",
                Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])]),
                &["not_in_group"],
                NotReady,
            ),
            (
                "eligible",
                Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])])
                    .change(|it| it.person.as_mut().unwrap().eligible = [OTHERS].into()),
                &["only_eligible"],
                NotReady,
            ),
            (
                "memberships unread",
                Scene::of(&[(active(), &team)])
                    .change(|it| it.person.as_mut().unwrap().groups = Err(ErrorCode::MissingPermission)),
                &["unknown"],
                Unknown,
            ),
            (
                "an app",
                Scene::of(&[(active(), &[assignment(OTHERS, &[ADMIN], "active")])]).change(|it| it.person = None),
                &[],
                Ready,
            ),
            ("assignments unread", Scene::of(&[(active(), &team)]).change(unread), &["unknown"], Unknown),
            (
                "assignments unread, another relationship suffices",
                Scene::of(&[(active(), &[]), (relationship("s", &[ADMIN]), &team)]).change(unread),
                &[],
                Ready,
            ),
            (
                "relationships unread",
                Scene::of(&[]).change(|it| it.relationships = Err(ErrorCode::MissingPermission)),
                &["unknown"],
                Unknown,
            ),
            (
                "old and ended",
                Scene::of(&[(with(relationship("o", &[ADMIN]), json!({"status": "expired"})), &[]), (active(), &team)]),
                &[],
                Ready,
            ),
            (
                "a new one is asked for",
                Scene::of(&[
                    (relationship("o", &[GRANT]), &[]),
                    (with(pending("2026-06-01T08:00:00Z"), json!({"id": "p"})), &[]),
                ]),
                &["approval_pending"],
                NotReady,
            ),
            (
                "settling, and an older one",
                Scene::of(&[
                    (with(active(), json!({"activatedDateTime": "2026-06-01T08:59:00Z"})), &team),
                    (relationship("s", &[ADMIN]), &team),
                ]),
                &[],
                Ready,
            ),
            (
                "the customer's policy",
                Scene::of(&[(active(), &team)]).change(|it| it.refused = Some(ErrorCode::BlockedByConditionalAccess)),
                &["blocked_by_customer"],
                NotReady,
            ),
            (
                "the customer is not known",
                Scene::of(&[(active(), &team)]).change(|it| it.refused = Some(ErrorCode::NotConsented)),
                &["unknown"],
                Unknown,
            ),
            (
                "the customer shows less",
                Scene::of(&[(active(), &team)]).change(|it| it.shown = Some(vec![GRANT])),
                &["role_not_in_customer"],
                NotReady,
            ),
            (
                "the customer shows it",
                Scene::of(&[(active(), &[])]).change(|it| it.shown = Some(vec![ADMIN])),
                &[],
                Ready,
            ),
        ];
        for (name, scene, gaps, wanted) in cases {
            let judgement = scene.judge(&needed());
            assert_eq!(codes(&judgement), gaps, "{name}: {judgement:?}");
            assert_eq!(outcome(&judgement.gaps), wanted, "{name}");
            for gap in &judgement.gaps {
                let json = serde_json::to_value(gap).unwrap();
                assert!(!gap.remedy().is_empty() && !gap.to_string().ends_with('.'), "{gap}");
                assert_eq!((&json["code"], &json["text"]), (&gap.code().into(), &gap.to_string().into()));
            }
        }
    }

    #[test]
    fn roles_are_the_union_of_relationships_and_groups() {
        let scene = Scene::of(&[
            (relationship("a", &[ADMIN]), &[assignment(TEAM, &[ADMIN], "active")]),
            (relationship("b", &[GRANT]), &[assignment(TEAM, &[GRANT, GLOBAL], "active")]),
            (with(relationship("c", &[CLOUD]), json!({"status": "expired"})), &[assignment(TEAM, &[CLOUD], "active")]),
        ]);
        let both = needed().any_of([GRANT]);
        let judgement = scene.judge(&both);
        assert_eq!((codes(&judgement), outcome(&judgement.gaps)), (vec![], ReadinessOutcome::Ready));
        // What a relationship has lost its assignment does not give, and what has ended gives nothing.
        assert_eq!(judgement.roles, [ADMIN, GRANT].into());
    }

    #[test]
    fn the_remedy_for_a_role_names_the_one_that_the_guide_names() {
        let scene = Scene::of(&[(relationship("r", &[ADMIN]), &[assignment(TEAM, &[ADMIN], "active")])]);
        let judgement = scene.judge(&needed().any_of([GRANT, GLOBAL]));
        assert_eq!(judgement.gaps, [Gap::RoleNotInRelationship { any_of: vec![GRANT, GLOBAL] }]);
        let remedy = judgement.gaps[0].remedy();
        assert!(remedy.contains("Privileged Role Administrator") && remedy.contains("invitation link"), "{remedy}");
        assert!(!remedy.contains("Global Administrator"), "{remedy}");
    }
}
