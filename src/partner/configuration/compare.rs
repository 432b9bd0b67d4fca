//! The comparison of a configuration with what was observed: each step, and what is to be done about it. It reads nothing.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, TenantId};
use crate::model::{
    DelegatedAdminAccessAssignment, DelegatedAdminAccessAssignmentStatus, DelegatedAdminRelationship,
    DelegatedAdminRelationshipStatus, IsoDuration, NewDelegatedAdminRelationship,
};
use crate::partner::configuration::approval::{GdapApproval, Principal, RoleAccess};
use crate::partner::configuration::observe::{Observed, ObservedCustomer, ObservedGroup, Scope};
use crate::partner::configuration::step::{GdapAction, GdapStep, GdapStepId};
use crate::partner::configuration::{GdapConfiguration, sufficient};
use crate::partner::readiness::{self, Gap, GapSeverity};

/// A configuration, and what is there.
pub(super) struct Comparison<'a> {
    pub(super) configuration: &'a GdapConfiguration,
    pub(super) observed: &'a Observed,
    pub(super) scope: &'a Scope,
    pub(super) now: OffsetDateTime,
}

/// The steps of one customer, and what keeps it back.
pub(super) struct CustomerSteps {
    pub(super) steps: Vec<GdapStep>,
    pub(super) gaps: Vec<Gap>,
    /// A relationship that holds what is missing, and waits for the customer or for its activation.
    pub(super) invited: Option<DelegatedAdminRelationshipId>,
    pub(super) invitation: Option<NewDelegatedAdminRelationship>,
}

/// How long a relationship that is proposed lasts, in days.
const DURATION_DAYS: u32 = 730;

impl Comparison<'_> {
    fn named_groups(&self) -> impl Iterator<Item = (String, &ObservedGroup, &[DirectoryRole])> {
        let wanted = self.configuration.groups.iter();
        wanted.zip(&self.observed.groups).map(|(wanted, group)| (wanted.name(), group, &*wanted.roles))
    }

    /// The steps that concern the partner's tenant alone: groups, and who is in them.
    ///
    /// # Errors
    /// Where a person is to be added to a group whose members are not for this client to change.
    pub(super) fn partner_steps(&self) -> Result<Vec<GdapStep>, Error> {
        let mut steps = Vec::new();
        for (name, group, _) in self.named_groups() {
            let action = if group.state.id.is_some() { GdapAction::Unchanged } else { GdapAction::Add };
            let text = format!("The security group {}", group.state);
            steps.push(GdapStep::new(GdapStepId::group(&name), action, text));
        }
        for person in &self.observed.people {
            let agents = self.observed.agents.as_ref().map(|group| (None, group));
            if agents.is_none() {
                let text = format!("{person} is to be in AdminAgents, and the tenant has no such group");
                let step = GdapStep::new(GdapStepId::member(None, person.id), GdapAction::NotPossible, text);
                steps.push(step.remedy("Sign in to the tenant of a partner."));
            }
            let groups = self.named_groups().map(|(name, group, _)| (Some(name), group));
            for (name, group) in agents.into_iter().chain(groups) {
                steps.push(self.membership(person, name.as_deref(), group)?);
            }
        }
        Ok(steps)
    }

    fn membership(&self, person: &Principal, name: Option<&str>, group: &ObservedGroup) -> Result<GdapStep, Error> {
        let id = GdapStepId::member(name, person.id);
        let shown = &group.state.display_name;
        if group.has(person.id) {
            return Ok(GdapStep::new(id, GdapAction::Unchanged, format!("{person} is in the group “{shown}”")));
        }
        let closed = group.closed();
        let text = format!("{person} becomes a member of the group “{shown}”");
        if self.configuration.change_memberships {
            if let Some((why, remedy)) = closed {
                return Err(Error::new(ErrorCode::GroupMembersNotChangeable)
                    .with_message(format!("{person} cannot be added to the group “{shown}” here: {why}"))
                    .with_remedy(remedy));
            }
            return Ok(match self.access(group) {
                Some(_) => GdapStep::new(id, GdapAction::Add, text),
                None => {
                    let text = format!("{text}: what its members can do for customers could not be read");
                    GdapStep::new(id, GdapAction::Unknown, text).remedy("Run it again.")
                }
            });
        }
        let by_hand = format!(
            "In the Microsoft Entra admin center of the partner, open Groups, “{shown}”, Members, and add {person}; then \
             sign in again."
        );
        Ok(GdapStep::new(id, GdapAction::ByHand, text).remedy(closed.map_or(by_hand, |(_, remedy)| remedy.to_owned())))
    }

    /// What the members of a group can do in customers' tenants already; `None` where that could not be read.
    fn access(&self, group: &ObservedGroup) -> Option<BTreeMap<DirectoryRole, BTreeSet<TenantId>>> {
        let mut access: BTreeMap<_, BTreeSet<TenantId>> = BTreeMap::new();
        let groups = group.with_parents();
        if groups.is_empty() {
            return Some(access);
        }
        for (relationship, assignments) in &self.observed.assignments {
            let customer = self.observed.customer_of.get(relationship)?;
            for assignment in assignments.as_ref().ok()?.iter().filter(|it| it.is_live()) {
                if assignment.group().is_some_and(|group| groups.contains(&group)) {
                    for role in assignment.roles() {
                        access.entry(role).or_default().insert(*customer);
                    }
                }
            }
        }
        Some(access)
    }

    /// The steps of one customer.
    pub(super) fn customer_steps(&self, observed: &ObservedCustomer, names: &mut BTreeSet<String>) -> CustomerSteps {
        let needed = self.configuration.needed();
        let gaps = readiness::relationship_gaps(&observed.relationships, &needed, self.now);
        let mut steps = Vec::new();
        for (name, group, roles) in self.named_groups() {
            for role in roles {
                steps.push(self.role_step(observed, &name, group, *role));
            }
        }
        let is_lacking = steps.iter().any(|step| step.action == GdapAction::NotPossible);
        let waiting = observed.relationships.iter().find(|it| is_lacking && self.is_waiting(it));
        let invited = waiting.and_then(|it| it.id.clone());
        let invitation = (is_lacking && invited.is_none()).then(|| self.invitation(observed, names));
        if !is_lacking {
            return CustomerSteps { steps, gaps: Vec::new(), invited: None, invitation: None };
        }
        // What only informs says nothing of what to do about a role.
        let decisive = gaps.iter().find(|gap| gap.severity() >= GapSeverity::NotYet);
        let remedy = match (decisive, &invited) {
            (Some(gap), _) => gap.remedy(),
            (None, Some(_)) => "Send the customer the invitation link.".to_owned(),
            (None, None) => "Make a new relationship, and send the customer its invitation link.".to_owned(),
        };
        let is_coming = decisive.is_some_and(|gap| gap.severity() == GapSeverity::NotYet);
        for step in steps.iter_mut().filter(|step| step.action == GdapAction::NotPossible) {
            step.remedy = Some(remedy.clone());
            if is_coming {
                step.action = GdapAction::Waiting;
            }
        }
        CustomerSteps { steps, gaps, invited, invitation }
    }

    /// Whether a relationship holds all that is needed, and only waits for the customer or its activation.
    fn is_waiting(&self, relationship: &DelegatedAdminRelationship) -> bool {
        use DelegatedAdminRelationshipStatus::{Activating, ApprovalPending, Approved, Created};
        let holds = |role: &DirectoryRole| relationship.roles().any(|it| sufficient(*role).contains(&it));
        matches!(relationship.status, Some(Created | ApprovalPending | Approved | Activating))
            && is_own(relationship)
            && self.configuration.groups.iter().flat_map(|group| &group.roles).all(holds)
    }

    /// A relationship for the customer to approve, with what is needed and what it has approved before: what cannot be
    /// extended left out.
    fn invitation(&self, observed: &ObservedCustomer, names: &mut BTreeSet<String>) -> NewDelegatedAdminRelationship {
        let wanted = self.configuration.groups.iter().flat_map(|group| group.roles.iter().copied());
        let active = observed.relationships.iter().filter(|it| it.is_active() && is_own(it));
        let mut roles: BTreeSet<DirectoryRole> =
            wanted.chain(active.flat_map(DelegatedAdminRelationship::roles)).collect();
        if roles.len() > 1 {
            roles.remove(&DirectoryRole::GLOBAL_ADMINISTRATOR);
        }
        let is_extended = !roles.contains(&DirectoryRole::GLOBAL_ADMINISTRATOR);
        let tenant = observed.customer.tenant_id;
        let first = format!("GDAP setup {tenant}");
        let numbered = (2..).map(|number| format!("{first} {number}"));
        let free = std::iter::once(first.clone()).chain(numbered).find(|name| names.insert(name.to_lowercase()));
        let duration = IsoDuration::from_days(DURATION_DAYS);
        let made = NewDelegatedAdminRelationship::new(free.unwrap_or(first), duration, roles).customer(tenant);
        if is_extended { made.auto_extended() } else { made }
    }

    fn role_step(
        &self,
        observed: &ObservedCustomer,
        name: &str,
        group: &ObservedGroup,
        role: DirectoryRole,
    ) -> GdapStep {
        use DelegatedAdminAccessAssignmentStatus as Status;
        let customer = &observed.customer;
        let id = GdapStepId::role(customer.tenant_id, name, role);
        let any_of = sufficient(role);
        let at = customer.display_name.clone().unwrap_or_else(|| customer.tenant_id.to_string());
        let says = |assigned: DirectoryRole, verb: &str| {
            format!("The group “{}” {verb} {assigned} at {at}", group.state.display_name)
        };
        let active: Vec<_> = observed.relationships.iter().filter(|it| is_in_force(it, self.now)).collect();
        let (mut holders, mut unread) = (Vec::new(), None);
        let mut nearest: Option<GdapStep> = None;
        for relationship in active {
            let Some(relationship_id) = &relationship.id else { continue };
            let assignments = match self.observed.assignments.get(relationship_id) {
                Some(Ok(assignments)) => &**assignments,
                Some(Err(error)) => {
                    unread = Some(*error);
                    continue;
                }
                None => &[],
            };
            let own =
                assignments.iter().find(|it| it.is_live() && it.group().is_some() && it.group() == group.state.id);
            let assigned = own.and_then(|it| it.roles().find(|role| any_of.contains(role)));
            if let (Some(own), Some(assigned)) = (own, assigned) {
                let step = match own.status {
                    Some(Status::Active) => GdapStep::new(id.clone(), GdapAction::Unchanged, says(assigned, "is")),
                    Some(Status::Error) => {
                        GdapStep::new(id.clone(), GdapAction::ByHand, says(assigned, "could not become"))
                            .remedy("Delete the access assignment, and run it again.")
                    }
                    _ => GdapStep::new(id.clone(), GdapAction::Waiting, says(assigned, "is about to become")),
                };
                let step = GdapStep { relationship: Some(relationship_id.clone()), assigned: Some(assigned), ..step };
                if nearest.as_ref().is_none_or(|other| step.action < other.action) {
                    nearest = Some(step);
                }
                continue;
            }
            let is_meant = self.scope.relationships.as_ref().is_none_or(|only| only.contains(relationship_id));
            let held = any_of.iter().position(|role| relationship.roles().any(|it| it == *role));
            if let Some(place) = held.filter(|_| is_meant && is_own(relationship)) {
                holders.push((place, relationship, relationship_id, own));
            }
        }
        if let Some(step) = nearest {
            return step;
        }
        if let Some(error) = unread {
            let step =
                GdapStep::new(id, GdapAction::Unknown, format!("{}: that could not be read", says(role, "may be")));
            return GdapStep { error: Some(error), ..step.remedy(error.remedy()) };
        }
        // The role itself first, then the relationship that lasts longest.
        let lasts = |it: &DelegatedAdminRelationship| (it.is_auto_extended() == Some(true), it.end_date_time);
        holders.sort_by(|(a, one, id, _), (b, other, other_id, _)| {
            a.cmp(b).then_with(|| lasts(other).cmp(&lasts(one))).then_with(|| id.as_str().cmp(other_id.as_str()))
        });
        let Some((place, _, relationship, own)) = holders.first() else {
            return GdapStep::new(id, GdapAction::NotPossible, says(role, "cannot become"));
        };
        let assigned = any_of[*place];
        let action = if own.is_some() { GdapAction::Change } else { GdapAction::Add };
        let step = GdapStep::new(id, action, says(assigned, "becomes"));
        GdapStep { relationship: Some((*relationship).clone()), assigned: Some(assigned), ..step }
    }

    /// What needs an approval of these steps.
    pub(super) fn approvals<'s>(
        &self,
        partner: &[GdapStep],
        customers: impl IntoIterator<Item = &'s GdapStep>,
    ) -> Vec<GdapApproval> {
        let mut given: BTreeMap<(String, DirectoryRole), BTreeSet<TenantId>> = BTreeMap::new();
        for step in customers.into_iter().filter(|step| step.action.is_change()) {
            if let (Some(group), Some(role), Some(customer)) = (&step.id.group, step.assigned, step.id.customer) {
                given.entry((group.clone(), role)).or_default().insert(customer);
            }
        }
        let mut approvals = Vec::new();
        for (name, group, _) in self.named_groups() {
            for ((_, role), customers) in given.iter().filter(|((of, role), _)| *of == name && role.is_privileged()) {
                let (role, group, customers) = (*role, group.state.clone(), customers.clone());
                approvals.push(GdapApproval::Role { role, group, customers });
            }
        }
        for step in partner.iter().filter(|step| step.action.is_change()) {
            let Some(person) = step.id.person.and_then(|id| self.observed.people.iter().find(|it| it.id == id)) else {
                continue;
            };
            let named = self.named_groups().find(|(name, ..)| Some(name) == step.id.group.as_ref());
            let Some(group) = named.map(|(_, group, _)| group).or(self.observed.agents.as_ref()) else { continue };
            let mut access = self.access(group).unwrap_or_default();
            for ((of, role), customers) in &given {
                if self.gives_to(of, group) {
                    access.entry(*role).or_default().extend(customers);
                }
            }
            let access = access.into_iter().map(|(role, customers)| RoleAccess { role, customers }).collect();
            let (person, through) = (person.clone(), group.parents.clone());
            approvals.push(GdapApproval::Member { person, group: group.state.clone(), through, access });
        }
        approvals
    }

    /// Whether what the group of this name gets is what the members of `group` get: it is that group, or that is in it.
    fn gives_to(&self, name: &str, group: &ObservedGroup) -> bool {
        let of = self.named_groups().find(|(known, ..)| known == name).map(|(_, group, _)| group);
        let id = of.and_then(|of| of.state.id);
        of.is_some_and(|of| std::ptr::eq(of, group))
            || id.is_some_and(|id: DirectoryObjectId| group.with_parents().contains(&id))
    }
}

/// Whether a relationship gives access now.
fn is_in_force(relationship: &DelegatedAdminRelationship, now: OffsetDateTime) -> bool {
    let over = relationship.end_date_time.is_some_and(|end| end <= now);
    relationship.is_active() && (!over || relationship.is_auto_extended() == Some(true))
}

/// Whether a relationship is the partner's own to use: neither made by Microsoft nor by an indirect provider.
fn is_own(relationship: &DelegatedAdminRelationship) -> bool {
    !relationship.is_microsoft_led() && !relationship.is_of_reseller()
}

/// The assignment of a group, of which there is one at most that is neither deleted nor being deleted.
pub(super) fn of_group(
    assignments: &[DelegatedAdminAccessAssignment],
    group: DirectoryObjectId,
) -> Option<&DelegatedAdminAccessAssignment> {
    assignments.iter().find(|it| it.is_live() && it.group() == Some(group))
}
