//! A configuration of delegated admin relationships: which security groups of the partner have which directory roles in
//! customers' tenants, and who is in these groups. It is planned, applied and verified as a registration is.

mod applied;
mod apply;
mod approval;
mod assign;
mod checklist;
mod compare;
mod observe;
mod plan;
mod step;

use serde::Serialize;

use crate::api::{GroupKey, UniqueName, UserKey};
use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::DirectoryObjectId;
use crate::partner::Partner;
use crate::partner::readiness::RolesNeeded;

pub use applied::{GdapApplied, GdapFailure};
pub use apply::ApplyGdap;
pub use approval::{GdapApproval, GroupState, Principal, RoleAccess};
pub use checklist::{GdapChecklist, VerifyGdap};
pub use plan::{GdapCustomer, GdapPlan, PlanGdap};
pub use step::{GdapAction, GdapStep, GdapStepId, GdapStepKind};

/// Which security groups of the partner have which directory roles in customers' tenants, and who is in these groups.
///
/// What is there already stays: other groups, other roles, other members. Someone in the configuration becomes a member
/// of the group `AdminAgents` as well, without which Partner Center lets nobody act for customers
/// ([background](https://learn.microsoft.com/partner-center/customers/gdap-introduction)).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// # let cloud = MemoryCloud::partner_in_use_with_customers(3);
/// # let client = cloud.client(&cloud.tenants()[0]);
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::partner::{GdapConfiguration, SecurityGroup};
///
/// let administrators = SecurityGroup::unique_name("immybot-application-administrators", "Application Administrators")
///     .role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let privileged =
///     SecurityGroup::unique_name("immybot-privileged-role-administrators", "Privileged Role Administrators")
///         .role(DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
/// let configuration = GdapConfiguration::new()
///     .group(administrators)
///     .group(privileged)
///     .member("admin.agent@partner.onmicrosoft.com")
///     .change_memberships();
///
/// let plan = client.partner().plan(&configuration).await?; // reads only
/// println!("{plan}");
/// // Somebody has looked at these, and approves just them.
/// let approved = plan.needs_approval().to_vec();
/// let applied = client.partner().apply(&plan).approve(approved).await?;
/// assert!(applied.failed.is_empty());
/// let checklist = client.partner().verify(&configuration).await?;
/// assert!(checklist.is_done());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # JSON
/// `groups`, each with `id` or with `uniqueName` and `displayName`, and with its `roles`; `members`; `changeMemberships`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GdapConfiguration {
    groups: Vec<SecurityGroup>,
    #[serde(serialize_with = "texts")]
    members: Vec<UserKey>,
    change_memberships: bool,
}

fn texts<S: serde::Serializer>(keys: &[UserKey], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(UserKey::to_string))
}

impl GdapConfiguration {
    /// A configuration of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a group with its roles.
    #[must_use]
    pub fn group(mut self, group: SecurityGroup) -> Self {
        self.groups.push(group);
        self
    }

    /// Adds a user of the partner's tenant, by object id or user principal name, who is to be in `AdminAgents` and in each
    /// of the groups. Who is in none yet is told in the plan; see [`change_memberships`](Self::change_memberships).
    #[must_use]
    pub fn member(mut self, user: impl Into<UserKey>) -> Self {
        self.members.push(user.into());
        self
    }

    /// Lets an apply add members to groups, which otherwise is left to a person: the plan says where.
    #[must_use]
    pub fn change_memberships(mut self) -> Self {
        self.change_memberships = true;
        self
    }

    /// Refuses what can be refused without a look at the tenant.
    fn check(&self) -> Result<(), Error> {
        for (at, group) in self.groups.iter().enumerate() {
            group.check()?;
            if self.groups[..at].iter().any(|other| other.name() == group.name()) {
                return Err(Error::new(ErrorCode::GroupTwice)
                    .with_message(format!("the security group {} is named twice", group.name())));
            }
        }
        match self.groups.is_empty() {
            true => Err(Error::new(ErrorCode::RelationshipWithoutRoles)
                .with_message("the configuration has no group with a directory role")),
            false => Ok(()),
        }
    }

    /// The roles that customers have to approve: of each set one suffices.
    fn needed(&self) -> RolesNeeded {
        let roles = self.groups.iter().flat_map(|group| &group.roles);
        roles.fold(RolesNeeded::default(), |needed, role| needed.any_of(sufficient(*role)))
    }
}

/// A security group of the partner's tenant, and the directory roles that it is to have in customers' tenants.
///
/// ```
/// use entra_apps::directory_role::DirectoryRole;
/// use entra_apps::ids::DirectoryObjectId;
/// use entra_apps::partner::SecurityGroup;
///
/// // One that is made where it is missing, and one that was made by hand.
/// let made = SecurityGroup::unique_name("contoso-administrators", "Application Administrators")
///     .role(DirectoryRole::APPLICATION_ADMINISTRATOR);
/// let adopted = SecurityGroup::id(DirectoryObjectId::from_u128(1)).role(DirectoryRole::by_name("Directory Readers")?);
/// assert_ne!(made, adopted);
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecurityGroup {
    #[serde(flatten)]
    key: Key,
    roles: Vec<DirectoryRole>,
}

/// By what a group is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Key {
    Id {
        id: DirectoryObjectId,
    },
    #[serde(rename_all = "camelCase")]
    Name {
        unique_name: String,
        display_name: String,
    },
}

/// The longest display name of a group, in characters.
const MAX_NAME_LENGTH: usize = 256;

impl SecurityGroup {
    /// The group of this unique name, which Graph never changes; it is made where it is missing. Where another group has
    /// the display name already, the plan stops until that is named [by its id](Self::id), or another name is chosen.
    pub fn unique_name(unique_name: impl Into<String>, display_name: impl Into<String>) -> Self {
        let key = Key::Name { unique_name: unique_name.into(), display_name: display_name.into() };
        Self { key, roles: Vec::new() }
    }

    /// The group of this object id, however it was made.
    pub fn id(id: DirectoryObjectId) -> Self {
        Self { key: Key::Id { id }, roles: Vec::new() }
    }

    /// Adds a directory role. In the place of Application Administrator, Cloud Application Administrator suffices: where
    /// the group has it, or the relationship holds no other.
    #[must_use]
    pub fn role(mut self, role: DirectoryRole) -> Self {
        if !self.roles.contains(&role) {
            self.roles.push(role);
        }
        self
    }

    /// The unique name or the id, as a step's code has it.
    fn name(&self) -> String {
        match &self.key {
            Key::Id { id } => id.to_string(),
            Key::Name { unique_name, .. } => unique_name.clone(),
        }
    }

    fn graph_key(&self) -> Result<GroupKey, Error> {
        match &self.key {
            Key::Id { id } => Ok((*id).into()),
            Key::Name { unique_name, .. } => Ok(UniqueName::new(unique_name)?.into()),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.graph_key()?;
        if let Key::Name { display_name, .. } = &self.key
            && (display_name.trim().is_empty() || display_name.chars().count() > MAX_NAME_LENGTH)
        {
            return Err(Error::new(ErrorCode::InvalidDisplayName)
                .with_message("the display name of a security group is empty or too long")
                .with_remedy("Give the group a name by which the partner knows it again."));
        }
        match self.roles.is_empty() {
            true => Err(Error::new(ErrorCode::RelationshipWithoutRoles)
                .with_message(format!("the security group {} is to have no directory role", self.name()))),
            false => Ok(()),
        }
    }
}

/// The roles of which one does what a role is wanted for; the first is the role itself.
fn sufficient(role: DirectoryRole) -> Vec<DirectoryRole> {
    match role {
        DirectoryRole::APPLICATION_ADMINISTRATOR => vec![role, DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR],
        _ => vec![role],
    }
}

impl Partner<'_> {
    /// Plans a configuration for every customer, or for [some](PlanGdap::of): reads only. Least permissions:
    /// `DelegatedAdminRelationship.Read.All`, `Directory.Read.All`.
    pub fn plan(&self, configuration: &GdapConfiguration) -> PlanGdap {
        PlanGdap::new(self.0, configuration)
    }

    /// Applies a plan: makes the groups that are missing, gives them their roles, and adds members where the configuration
    /// says so. Least permissions: `DelegatedAdminRelationship.ReadWrite.All`, `Directory.Read.All`, `Group.ReadWrite.All`.
    pub fn apply<'p>(&self, plan: &'p GdapPlan) -> ApplyGdap<'p> {
        ApplyGdap::new(self.0, plan)
    }

    /// Verifies a configuration, for every customer or for [some](VerifyGdap::of): reads only. Least permissions:
    /// `DelegatedAdminRelationship.Read.All`, `Directory.Read.All`.
    pub fn verify(&self, configuration: &GdapConfiguration) -> VerifyGdap {
        VerifyGdap::new(self.0, configuration)
    }
}
