//! What is read of a partner's tenant: groups with their members and owners, people, customers, their relationships and
//! access assignments. Nothing is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::api::{Filter, GroupKey};
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, Tenant, TenantId};
use crate::model::{DelegatedAdminRelationship, Group, GroupMember};
use crate::partner::check_cloud;
use crate::partner::configuration::approval::{GroupState, Principal};
use crate::partner::configuration::{GdapConfiguration, Key, SecurityGroup};
use crate::partner::customers::{Customer, UnreadSource};
use crate::partner::readiness::{self, ADMIN_AGENTS, Assignments};

/// Which customers a plan is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// These alone.
    pub(super) customers: Option<Vec<Tenant>>,
    /// In these relationships alone.
    pub(super) relationships: Option<Vec<DelegatedAdminRelationshipId>>,
    /// Whether a plan has named them: who is no customer any more stands in nobody's way.
    pub(super) is_of_plan: bool,
}

/// A group, and what is known of it besides.
#[derive(Debug)]
pub(super) struct ObservedGroup {
    pub(super) state: GroupState,
    /// Whether directory roles of the partner's own tenant can be assigned to it.
    is_role_assignable: bool,
    /// The groups that it is in, directly or through others; read where a member is to be added.
    pub(super) parents: Vec<Principal>,
}

impl ObservedGroup {
    pub(super) fn has(&self, person: DirectoryObjectId) -> bool {
        self.state.members.iter().any(|member| member.id == person)
    }

    /// The group, and those that it is in.
    pub(super) fn with_parents(&self) -> BTreeSet<DirectoryObjectId> {
        self.state.id.into_iter().chain(self.parents.iter().map(|parent| parent.id)).collect()
    }

    /// Why members are not for this client to change, and what to do then.
    pub(super) fn closed(&self) -> Option<(&'static str, &'static str)> {
        match (&self.state.rule, self.is_role_assignable) {
            (Some(_), _) => Some((
                "a rule says who its members are",
                "Let the rule of the group include the person, or name another group.",
            )),
            (None, true) => Some((
                "it can have directory roles in the partner's own tenant",
                "A Privileged Role Administrator adds the person; or name a group without that.",
            )),
            (None, false) => None,
        }
    }
}

/// What was observed of one customer.
#[derive(Debug)]
pub(super) struct ObservedCustomer {
    pub(super) customer: Customer,
    pub(super) relationships: Vec<DelegatedAdminRelationship>,
}

#[derive(Debug)]
pub(super) struct Observed {
    /// The partner's tenant.
    pub(super) tenant: TenantId,
    /// In the order of the configuration.
    pub(super) groups: Vec<ObservedGroup>,
    /// `AdminAgents`, where there is somebody who is to be in it.
    pub(super) agents: Option<ObservedGroup>,
    /// In the order of the configuration.
    pub(super) people: Vec<Principal>,
    pub(super) customers: Vec<ObservedCustomer>,
    /// Of the active relationships of these customers; of all customers where a member is to be added.
    pub(super) assignments: Assignments,
    /// The customer of each active relationship whose assignments were read.
    pub(super) customer_of: HashMap<DelegatedAdminRelationshipId, TenantId>,
    /// The display names of all relationships, in lower case.
    pub(super) names: BTreeSet<String>,
    pub(super) unread: Vec<UnreadSource>,
}

/// The largest page of members, in objects.
const MAX_MEMBERS: u16 = 999;

const GROUP: [&str; 8] = [
    "id",
    "displayName",
    "uniqueName",
    "securityEnabled",
    "mailEnabled",
    "groupTypes",
    "membershipRule",
    "isAssignableToRole",
];

pub(super) async fn observe(
    client: &Client,
    configuration: &GdapConfiguration,
    scope: &Scope,
) -> Result<Observed, Error> {
    configuration.check()?;
    check_cloud(client.cloud())?;
    let tenant = client.tenant_id().await?;
    let list = client.partner().customers().await?;
    let mut relationships = readiness::relationships_by_customer(client).await?;
    let mut customers = list.customers;
    customers.extend(readiness::invited(&customers, &relationships));
    customers.sort_by_key(|customer| customer.tenant_id);
    narrow(client, &mut customers, &relationships, &list.unread, scope).await?;

    let found = find_groups(client, configuration).await?;
    let people = people(client, configuration).await?;
    let mut groups = details(client, found.groups).await?;
    let mut agents = details(client, found.agents.into_iter().collect()).await?.pop();
    let adds =
        |group: &ObservedGroup| configuration.change_memberships && people.iter().any(|person| !group.has(person.id));
    let grown: Vec<&mut ObservedGroup> = groups.iter_mut().chain(&mut agents).filter(|group| adds(group)).collect();
    let adds_members = grown.iter().any(|group| group.state.id.is_some());
    read_parents(client, grown).await?;

    let wanted: BTreeSet<TenantId> = customers.iter().map(|customer| customer.tenant_id).collect();
    let customer_of: HashMap<_, _> = relationships
        .iter()
        .filter(|(tenant, _)| adds_members || wanted.contains(*tenant))
        .flat_map(|(tenant, all)| all.iter().filter(|it| it.is_active()).map(|it| (it.id.clone(), *tenant)))
        .filter_map(|(id, tenant)| Some((id?, tenant)))
        .collect();
    // In an order that is always the same.
    let active: BTreeSet<_> = customer_of.keys().cloned().collect();
    let assignments = readiness::assignments(client, active.into_iter().collect()).await;
    let names = relationships.values().flatten().filter_map(|it| Some(it.display_name.as_ref()?.to_lowercase()));
    Ok(Observed {
        tenant,
        groups,
        agents,
        people,
        names: names.collect(),
        customers: customers
            .into_iter()
            .map(|customer| {
                let relationships = relationships.remove(&customer.tenant_id).unwrap_or_default();
                ObservedCustomer { customer, relationships }
            })
            .collect(),
        assignments,
        customer_of,
        unread: list.unread,
    })
}

type Relationships = HashMap<TenantId, Vec<DelegatedAdminRelationship>>;

/// Keeps the customers that are meant. Whoever is none, and a relationship that is not the partner's, is refused.
async fn narrow(
    client: &Client,
    customers: &mut Vec<Customer>,
    relationships: &Relationships,
    unread: &[UnreadSource],
    scope: &Scope,
) -> Result<(), Error> {
    if let (Some(only), false) = (&scope.relationships, scope.is_of_plan) {
        let mut wanted = BTreeSet::new();
        for id in only {
            let is_this = |it: &DelegatedAdminRelationship| it.id.as_ref() == Some(id);
            let found = relationships.iter().find(|(_, all)| all.iter().any(is_this));
            let (tenant, _) = found.ok_or_else(|| {
                Error::new(ErrorCode::UnknownRelationship)
                    .with_message(format!("the partner has no delegated admin relationship {id} with a customer"))
            })?;
            wanted.insert(*tenant);
        }
        customers.retain(|customer| wanted.contains(&customer.tenant_id));
    }
    let Some(only) = &scope.customers else { return Ok(()) };
    let wanted = tenant_ids(client, only, customers).await?;
    let mut strangers = wanted.iter().filter(|tenant| customers.iter().all(|it| it.tenant_id != **tenant));
    if let Some(stranger) = strangers.next().filter(|_| !scope.is_of_plan) {
        return Err(not_a_customer(*stranger, unread));
    }
    customers.retain(|customer| wanted.contains(&customer.tenant_id));
    Ok(())
}

/// Why a tenant is not taken for a customer: no list names it, or one that might could not be read.
pub(super) fn not_a_customer(tenant: TenantId, unread: &[UnreadSource]) -> Error {
    match unread.first() {
        Some(unread) => unread.error.said_again(),
        None => Error::new(ErrorCode::NotACustomer)
            .with_message(format!("the tenant {tenant} is no customer of the partner")),
    }
}

/// The tenant ids of tenants; a domain that no list of customers has is looked up.
async fn tenant_ids(client: &Client, tenants: &[Tenant], known: &[Customer]) -> Result<BTreeSet<TenantId>, Error> {
    let mut ids = BTreeSet::new();
    let mut batch = client.batch();
    let mut handles = Vec::new();
    for tenant in tenants {
        let domain = tenant.to_string();
        let has_domain =
            |it: &&Customer| it.default_domain.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&domain));
        match (tenant.id(), known.iter().find(has_domain)) {
            (Some(id), _) => drop(ids.insert(id)),
            (None, Some(customer)) => drop(ids.insert(customer.tenant_id)),
            (None, None) => handles.push((batch.add(client.partner().find_tenant_by_domain(&domain)), domain)),
        }
    }
    if handles.is_empty() {
        return Ok(ids);
    }
    let mut response = batch.await?;
    for (handle, domain) in handles {
        let found = response.take(handle)?.and_then(|found| found.tenant_id);
        ids.insert(found.ok_or_else(|| {
            Error::new(ErrorCode::DomainOfNoTenant).with_message(format!("the domain {domain} belongs to no tenant"))
        })?);
    }
    Ok(ids)
}

/// Groups as they were found: those of the configuration, in its order, and `AdminAgents`.
struct Found {
    groups: Vec<Group>,
    agents: Option<Group>,
}

/// Finds the groups. One that is to be made has no id; one that cannot have access to customers is refused, and so is one
/// to be made beside another of its display name.
async fn find_groups(client: &Client, configuration: &GdapConfiguration) -> Result<Found, Error> {
    let named = |name: &str| client.groups().list().filter(Filter::eq("displayName", name)).select(GROUP);
    let mut batch = client.batch();
    let mut handles = Vec::new();
    for group in &configuration.groups {
        let find = batch.add(client.groups().find_selecting(group.graph_key()?, &GROUP));
        let others = match &group.key {
            Key::Id { .. } => None,
            Key::Name { display_name, .. } => Some(batch.add(named(display_name).page())),
        };
        handles.push((group, find, others));
    }
    let agents = (!configuration.members.is_empty()).then(|| batch.add(named(ADMIN_AGENTS).page()));
    let mut response = batch.await?;
    let mut groups = Vec::new();
    for (wanted, find, others) in handles {
        let found = response.take(find)?;
        let others = others.map(|handle| response.take(handle)).transpose()?.map_or_else(Vec::new, |page| page.value);
        groups.push(match (found, &wanted.key) {
            (Some(group), _) if group.is_security_group() => group,
            (Some(group), _) => return Err(not_a_security_group(wanted, &group)),
            (None, Key::Id { id }) => {
                return Err(Error::new(ErrorCode::GroupNotFound)
                    .with_message(format!("the tenant has no group of the object id {id}")));
            }
            (None, Key::Name { display_name, .. }) => match others.into_iter().find(|it| it.id.is_some()) {
                Some(other) => return Err(same_name(client, other).await),
                None => Group { display_name: Some(display_name.clone()), ..Group::default() },
            },
        });
    }
    let mut agents = agents.map(|handle| response.take(handle)).transpose()?.map_or_else(Vec::new, |page| page.value);
    // Anybody can give a group this name: which one is Microsoft's, it does not say.
    match agents.len() {
        0 | 1 => Ok(Found { groups, agents: agents.pop() }),
        count => Err(Error::new(ErrorCode::SameGroupName)
            .with_message(format!("{count} groups of the partner's tenant are called {ADMIN_AGENTS}"))
            .with_remedy("Rename those that Microsoft has not made: who is in it may act for all customers.")),
    }
}

fn not_a_security_group(wanted: &SecurityGroup, group: &Group) -> Error {
    let kind = match group {
        _ if group.group_types.iter().any(|kind| kind == "Unified") => "a Microsoft 365 group",
        _ if group.mail_enabled == Some(true) => "mail-enabled",
        _ => "not known to be a security group",
    };
    let name = group.display_name.clone().unwrap_or_else(|| wanted.name());
    Error::new(ErrorCode::NotASecurityGroup).with_message(format!("the group “{name}” is {kind}"))
}

/// Refuses to make a group beside one of the same display name, and says what that is.
async fn same_name(client: &Client, other: Group) -> Error {
    let found = match details(client, vec![other]).await.map(|mut all| all.pop()) {
        Ok(Some(found)) => found,
        Ok(None) => return Error::new(ErrorCode::SameGroupName),
        Err(error) => return error,
    };
    let id = found.state.id.map(|id| id.to_string()).unwrap_or_default();
    Error::new(ErrorCode::SameGroupName)
        .with_message(format!("there is a group of the display name already: {}", found.state))
        .with_remedy(format!(
            "If it is the one that is meant, name it by its object id, {id}; otherwise choose another display name."
        ))
}

async fn people(client: &Client, configuration: &GdapConfiguration) -> Result<Vec<Principal>, Error> {
    if configuration.members.is_empty() {
        return Ok(Vec::new());
    }
    let mut batch = client.batch();
    let handles: Vec<_> =
        configuration.members.iter().map(|key| (key, batch.add(client.users().find(key.clone())))).collect();
    let mut response = batch.await?;
    let mut people: Vec<Principal> = Vec::new();
    for (key, handle) in handles {
        let user = response.take(handle)?;
        let named = user.and_then(|user| {
            let name = match (user.display_name, user.user_principal_name) {
                (Some(name), Some(principal_name)) => Some(format!("{name} ({principal_name})")),
                (name, principal_name) => name.or(principal_name),
            };
            Some(Principal { id: user.id?, name: name.unwrap_or_else(|| key.to_string()) })
        });
        let person = named.ok_or_else(|| {
            Error::new(ErrorCode::UserNotFound).with_message(format!("the partner's tenant has no user {key}"))
        })?;
        if people.iter().all(|known| known.id != person.id) {
            people.push(person);
        }
    }
    Ok(people)
}

fn principal(member: GroupMember) -> Option<Principal> {
    let id = member.id?;
    Some(Principal { id, name: member.display_name.or(member.user_principal_name).unwrap_or_else(|| id.to_string()) })
}

fn principals(members: Vec<GroupMember>) -> Vec<Principal> {
    let all: BTreeMap<_, _> = members.into_iter().filter_map(principal).map(|it| (it.id, it)).collect();
    all.into_values().collect()
}

/// Reads the owners and members of groups; one that is to be made has none.
async fn details(client: &Client, groups: Vec<Group>) -> Result<Vec<ObservedGroup>, Error> {
    let lists = |id: DirectoryObjectId| {
        [client.groups().owners(id), client.groups().transitive_members(id)]
            .map(|list| list.select(["id", "displayName"]).top(MAX_MEMBERS))
    };
    let mut batch = client.batch();
    let handles: Vec<_> = groups
        .iter()
        .map(|group| group.id.map(|id| lists(id).map(|list| (batch.add(list.clone().page()), list))))
        .collect();
    let mut response = match batch.is_empty() {
        true => None,
        false => Some(batch.await?),
    };
    let mut all = Vec::new();
    for (group, handles) in groups.into_iter().zip(handles) {
        let mut read = Vec::new();
        for (handle, list) in handles.into_iter().flatten() {
            let response = response.as_mut().ok_or_else(|| Error::new(ErrorCode::IncompleteBatchResponse))?;
            read.push(principals(list.rest_of(response.take(handle)?).await?));
        }
        let rule = group.is_dynamic().then(|| group.membership_rule.clone().unwrap_or_default());
        let members = read.pop().unwrap_or_default();
        let owners = read.pop().unwrap_or_default();
        let display_name = group.display_name.unwrap_or_default();
        all.push(ObservedGroup {
            state: GroupState { id: group.id, display_name, owners, members, rule },
            is_role_assignable: group.is_assignable_to_role == Some(true),
            parents: Vec::new(),
        });
    }
    Ok(all)
}

/// Reads which groups these are in.
async fn read_parents(client: &Client, groups: Vec<&mut ObservedGroup>) -> Result<(), Error> {
    for group in groups {
        if let Some(id) = group.state.id {
            let list = client.groups().transitive_member_of(id).select(["id", "displayName"]).top(MAX_MEMBERS);
            group.parents = principals(list.all().await?);
        }
    }
    Ok(())
}

/// The state of one group as it is now.
pub(super) async fn group_now(client: &Client, key: GroupKey) -> Result<Option<GroupState>, Error> {
    let Some(group) = client.groups().find_selecting(key, &GROUP).await? else { return Ok(None) };
    Ok(details(client, vec![group]).await?.pop().map(|group| group.state))
}
