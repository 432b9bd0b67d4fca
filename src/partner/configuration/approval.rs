//! Approvals: the literal items of a plan that somebody has to have looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::directory_role::DirectoryRole;
use crate::error::on_one_line;
use crate::ids::{DirectoryObjectId, TenantId};

/// A user, a service principal or a group, by id and name.
///
/// ```
/// use entra_apps::partner::Principal;
///
/// let json = r#"{"id": "00000000-0000-0000-0000-000000000001", "name": "Ada Lovelace"}"#;
/// assert_eq!(serde_json::from_str::<Principal>(json)?.to_string(), "Ada Lovelace");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Principal {
    /// The object id.
    pub id: DirectoryObjectId,
    /// What it is called; the id where it has no name.
    pub name: String,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&on_one_line(self.name.clone()))
    }
}

/// A group as it was when it was looked at: who has its roles, and who can change that.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(1);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// # let team = cloud.tenants()[0].groups().into_iter().find(|group| group.display_name == "Field Team").unwrap();
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::id(team.id).role(DirectoryRole::DIRECTORY_READERS);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// let team = &plan.groups[0];
/// println!("{}: {:?}, of {:?}", team.display_name, team.members, team.owners);
/// assert_eq!((team.members[0].to_string().as_str(), &team.rule), ("Admin Agent", &None));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GroupState {
    /// The object id; `None` while it is to be made.
    pub id: Option<DirectoryObjectId>,
    /// The display name.
    pub display_name: String,
    /// Its owners, who can add members.
    pub owners: Vec<Principal>,
    /// Its members, and those of the groups among them.
    pub members: Vec<Principal>,
    /// The rule that says who its members are, of a dynamic group.
    pub rule: Option<String>,
}

impl GroupState {
    /// Whether nobody has been added since it was like `earlier`, and no other group is meant.
    fn has_not_grown_since(&self, earlier: &Self) -> bool {
        self.is_same(earlier) && are_known(&self.members, &earlier.members) && are_known(&self.owners, &earlier.owners)
    }

    fn is_same(&self, earlier: &Self) -> bool {
        self.id == earlier.id
            && (self.id.is_some() || self.display_name == earlier.display_name)
            && self.rule == earlier.rule
    }
}

/// Whether nobody is there now who was not there then.
fn are_known(now: &[Principal], then: &[Principal]) -> bool {
    let then: BTreeSet<DirectoryObjectId> = then.iter().map(|principal| principal.id).collect();
    now.iter().all(|principal| then.contains(&principal.id))
}

/// At most so many names are printed of a list.
const MAX_NAMES: usize = 20;

fn listed(names: impl ExactSizeIterator<Item = impl fmt::Display>) -> String {
    let (count, names): (usize, Vec<String>) = (names.len(), names.take(MAX_NAMES).map(|it| it.to_string()).collect());
    match count {
        0 => "nobody".to_owned(),
        _ if count > MAX_NAMES => format!("{}, and {} more", names.join(", "), count - MAX_NAMES),
        _ => names.join(", "),
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”", on_one_line(self.display_name.clone()))?;
        match &self.id {
            Some(id) => write!(f, " ({id})")?,
            None => f.write_str(" (to be made)")?,
        }
        write!(f, ", members: {}", listed(self.members.iter()))?;
        if !self.owners.is_empty() {
            write!(f, ", owners: {}", listed(self.owners.iter()))?;
        }
        match &self.rule {
            Some(rule) => write!(f, ", rule: {}", on_one_line(rule.clone())),
            None => Ok(()),
        }
    }
}

/// A directory role in the tenants of customers.
///
/// ```
/// use entra_apps::partner::RoleAccess;
///
/// let json = r#"{"role": {"name": "Global Reader"}, "customers": ["00000000-0000-0000-0000-000000000001"]}"#;
/// assert_eq!(serde_json::from_str::<RoleAccess>(json)?.customers.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleAccess {
    /// The role.
    pub role: DirectoryRole,
    /// The tenant ids of the customers.
    pub customers: BTreeSet<TenantId>,
}

/// One thing that a plan does and that needs an approval: it names role, group, person and customers, as they were when
/// the plan was made. It covers that and no more: neither a customer, nor a role, nor a member that came later.
///
/// It is saved and read as JSON.
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(2);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::ErrorKind;
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapApproval, GdapConfiguration, SecurityGroup};
///
/// let group = SecurityGroup::unique_name("contoso", "Contoso").role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let plan = client.partner().plan(&GdapConfiguration::new().group(group)).await?;
/// assert_eq!(client.partner().apply(&plan).await.unwrap_err().kind(), ErrorKind::NeedsApproval);
///
/// let saved = serde_json::to_string(plan.needs_approval())?;
/// let approved: Vec<GdapApproval> = serde_json::from_str(&saved)?;
/// client.partner().apply(&plan).approve(approved).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum GdapApproval {
    /// A group gets a privileged role in customers' tenants.
    #[non_exhaustive]
    Role {
        /// The role.
        role: DirectoryRole,
        /// The group.
        group: GroupState,
        /// The tenant ids of the customers.
        customers: BTreeSet<TenantId>,
    },
    /// A person becomes a member of a group.
    #[non_exhaustive]
    Member {
        /// The person.
        person: Principal,
        /// The group.
        group: GroupState,
        /// The groups that it is in, directly or through others.
        through: Vec<Principal>,
        /// What its members can do in customers' tenants then, through whichever group.
        access: Vec<RoleAccess>,
    },
}

type Access = BTreeMap<DirectoryRole, BTreeSet<TenantId>>;

/// What is left of `access` where these parts are taken away.
fn without<'a>(access: &mut Access, parts: impl IntoIterator<Item = (DirectoryRole, &'a BTreeSet<TenantId>)>) {
    for (role, customers) in parts {
        if let Some(left) = access.get_mut(&role) {
            left.retain(|customer| !customers.contains(customer));
        }
    }
    access.retain(|_, customers| !customers.is_empty());
}

impl GdapApproval {
    /// Whether these items, together, name all of this one.
    pub(super) fn is_covered_by(&self, approved: &[Self]) -> bool {
        match self {
            Self::Role { role, group, customers } => {
                let mut access = Access::from([(*role, customers.clone())]);
                for item in approved {
                    if let Self::Role { role, group: then, customers } = item
                        && group.has_not_grown_since(then)
                    {
                        without(&mut access, [(*role, customers)]);
                    }
                }
                access.is_empty()
            }
            Self::Member { person, group, through, access } => {
                let mut left: Access = access.iter().map(|it| (it.role, it.customers.clone())).collect();
                let mut is_named = false;
                for item in approved {
                    if let Self::Member { person: named, group: then, through: before, access } = item
                        && named.id == person.id
                        && group.is_same(then)
                        && are_known(through, before)
                    {
                        is_named = true;
                        without(&mut left, access.iter().map(|it| (it.role, &it.customers)));
                    }
                }
                is_named && left.is_empty()
            }
        }
    }
}

impl fmt::Display for GdapApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role { role, group, customers } => {
                write!(f, "{role} for the group {group}, at {}", listed(customers.iter()))
            }
            Self::Member { person, group, through, access } => {
                write!(f, "{person} as a member of the group {group}")?;
                if !through.is_empty() {
                    write!(f, ", which is in {}", listed(through.iter()))?;
                }
                for RoleAccess { role, customers } in access {
                    write!(f, "; that is {role} at {}", listed(customers.iter()))?;
                }
                Ok(())
            }
        }
    }
}
