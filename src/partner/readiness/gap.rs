//! What stands between a partner and a customer's tenant: each gap with its remedy.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::directory_role::DirectoryRole;
use crate::error::{Error, ErrorCode};
use crate::ids::{DelegatedAdminRelationshipId, DirectoryObjectId, TenantId};

/// How much a gap weighs. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::{Gap, GapSeverity};
///
/// assert_eq!(Gap::NoRelationship.severity(), GapSeverity::Blocking);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GapSeverity {
    /// It does not stand in the way now.
    Notice,
    /// It goes away by itself after a while.
    NotYet,
    /// Whether there is a gap could not be told.
    Unknown,
    /// It stands in the way until somebody closes it.
    Blocking,
}

/// What could not be told. In JSON it is its name in snake case.
///
/// ```
/// use entra_apps::partner::Unknown;
///
/// assert_eq!(serde_json::to_value(Unknown::Memberships)?, "memberships");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unknown {
    /// The relationships could not be read.
    Relationships,
    /// The access assignments of a relationship could not be read.
    AccessAssignments,
    /// The groups that the person is in could not be read.
    Memberships,
    /// The groups in which the person can activate a membership could not be read.
    EligibleMemberships,
    /// Whether Microsoft's own app is in the partner's tenant could not be read.
    ServicePrincipal,
    /// The customer's tenant could not be signed in to.
    Customer,
}

/// One thing that stands between a partner and a customer's tenant, or may soon.
///
/// # JSON
/// `code`, `severity`, `text` and `remedy` are always there; `relationship`, `groups`, `roles`, `at` (RFC 3339), `unknown` and
/// `error` (the code of an error) where the gap is about one.
///
/// ```
/// use entra_apps::partner::Gap;
///
/// let json = serde_json::to_value(Gap::NotAdminAgent)?;
/// assert_eq!((&json["code"], &json["severity"]), (&"not_admin_agent".into(), &"blocking".into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Gap {
    /// There is no relationship with the customer, and none was asked for.
    NoRelationship,
    /// A relationship was made, and the customer was not asked yet.
    NotInvited {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
    },
    /// The customer has not approved a relationship yet.
    ApprovalPending {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// When the request lapses.
        lapses: Option<OffsetDateTime>,
    },
    /// The customer has not approved a relationship yet, and the request is about to lapse.
    InvitationLapsing {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// When the request lapses.
        lapses: OffsetDateTime,
    },
    /// Nobody has approved the relationship in time.
    InvitationLapsed {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
    },
    /// The relationship has ended.
    RelationshipEnded {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// When.
        at: Option<OffsetDateTime>,
    },
    /// An active relationship ends soon, and is not extended.
    RelationshipEnding {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// When.
        at: OffsetDateTime,
    },
    /// Global Administrator among its roles keeps a relationship from being extended.
    ExtensionBlocked {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
    },
    /// The customer has approved, and the relationship is being activated, or was a moment ago: access takes a while.
    ActivatedRecently {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// When it was activated.
        at: Option<OffsetDateTime>,
    },
    /// All active relationships were made by Microsoft, and cannot be changed.
    MicrosoftLedOnly,
    /// No active relationship holds a role that is needed: one of these suffices.
    RoleNotInRelationship {
        /// The roles.
        any_of: Vec<DirectoryRole>,
    },
    /// A relationship holds a role that is needed, and no group has it: one of these suffices.
    RoleNotAssigned {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// The roles.
        any_of: Vec<DirectoryRole>,
    },
    /// A group is being given a role that is needed.
    AssignmentPending {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// The group.
        group: DirectoryObjectId,
    },
    /// The service could not give a group a role that is needed.
    AssignmentFailed {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// The group.
        group: DirectoryObjectId,
    },
    /// The group that has a role that is needed was deleted.
    GroupDeleted {
        /// The relationship.
        relationship: DelegatedAdminRelationshipId,
        /// The group.
        group: DirectoryObjectId,
    },
    /// The person is in none of the groups that have a role that is needed.
    NotInGroup {
        /// The groups.
        groups: Vec<DirectoryObjectId>,
        /// The roles, of which one suffices.
        any_of: Vec<DirectoryRole>,
    },
    /// The person may activate the membership in a group that has a role that is needed, and has not (PIM).
    OnlyEligible {
        /// The groups.
        groups: Vec<DirectoryObjectId>,
    },
    /// The person is not in the group AdminAgents of the partner's tenant.
    NotAdminAgent,
    /// The person may activate the membership in AdminAgents, and has not (PIM).
    AdminAgentOnlyEligible,
    /// The person signed in to the partner's tenant without a further factor.
    WithoutMfa,
    /// An app without a person needs a service principal of Microsoft's in the partner's tenant, which is not there.
    AppOnlyNotPrepared,
    /// A policy of the customer keeps the partner's person out: Conditional Access, or its cross-tenant access.
    BlockedByCustomer {
        /// The code of the refused sign-in.
        error: ErrorCode,
        /// The partner's tenant, where it is known.
        partner: Option<TenantId>,
    },
    /// A Conditional Access policy of the partner's own tenant keeps the person out.
    BlockedByPartner,
    /// The customer's tenant does not show a role that the partner's tenant says is there.
    RoleNotInCustomer {
        /// The roles, of which one suffices.
        any_of: Vec<DirectoryRole>,
    },
    /// Something could not be read, so that a gap may be there.
    Unknown {
        /// What.
        what: Unknown,
        /// The code of the error that kept it from being read.
        error: ErrorCode,
    },
}

impl Gap {
    /// The stable code, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRelationship => "no_relationship",
            Self::NotInvited { .. } => "not_invited",
            Self::ApprovalPending { .. } => "approval_pending",
            Self::InvitationLapsing { .. } => "invitation_lapsing",
            Self::InvitationLapsed { .. } => "invitation_lapsed",
            Self::RelationshipEnded { .. } => "relationship_ended",
            Self::RelationshipEnding { .. } => "relationship_ending",
            Self::ExtensionBlocked { .. } => "extension_blocked",
            Self::ActivatedRecently { .. } => "activated_recently",
            Self::MicrosoftLedOnly => "microsoft_led_only",
            Self::RoleNotInRelationship { .. } => "role_not_in_relationship",
            Self::RoleNotAssigned { .. } => "role_not_assigned",
            Self::AssignmentPending { .. } => "assignment_pending",
            Self::AssignmentFailed { .. } => "assignment_failed",
            Self::GroupDeleted { .. } => "group_deleted",
            Self::NotInGroup { .. } => "not_in_group",
            Self::OnlyEligible { .. } => "only_eligible",
            Self::NotAdminAgent => "not_admin_agent",
            Self::AdminAgentOnlyEligible => "admin_agent_only_eligible",
            Self::WithoutMfa => "without_mfa",
            Self::AppOnlyNotPrepared => "app_only_not_prepared",
            Self::BlockedByCustomer { .. } => "blocked_by_customer",
            Self::BlockedByPartner => "blocked_by_partner",
            Self::RoleNotInCustomer { .. } => "role_not_in_customer",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// How much it weighs.
    pub fn severity(&self) -> GapSeverity {
        match self {
            Self::RelationshipEnding { .. } | Self::ExtensionBlocked { .. } | Self::MicrosoftLedOnly => {
                GapSeverity::Notice
            }
            Self::ActivatedRecently { .. } | Self::AssignmentPending { .. } => GapSeverity::NotYet,
            Self::Unknown { .. } => GapSeverity::Unknown,
            _ => GapSeverity::Blocking,
        }
    }

    /// What to do about it, in sentences.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoRelationship | Self::InvitationLapsed { .. } | Self::RelationshipEnded { .. } => {
                "Make a new relationship, ask for its approval, and send the customer the invitation link.".to_owned()
            }
            Self::NotInvited { .. } => "Ask for its approval, and send the customer the invitation link.".to_owned(),
            Self::ApprovalPending { .. } => {
                "Send the customer the invitation link: a Global Administrator there approves it.".to_owned()
            }
            Self::InvitationLapsing { .. } => {
                "Send the customer the invitation link again: once the request lapses, a new relationship is needed."
                    .to_owned()
            }
            Self::RelationshipEnding { .. } => {
                "Let it be extended, or invite the customer to a new relationship in time.".to_owned()
            }
            Self::ExtensionBlocked { .. } => {
                "Drop Global Administrator from the relationship, then let it be extended.".to_owned()
            }
            Self::ActivatedRecently { .. } => "Wait some minutes, and check again.".to_owned(),
            Self::MicrosoftLedOnly => {
                "Invite the customer to a relationship of your own: this kind cannot be changed or extended.".to_owned()
            }
            Self::RoleNotInRelationship { any_of } => format!(
                "A relationship cannot be given further roles: make a new one with {}, and send the customer its \
                 invitation link.",
                preferred(any_of)
            ),
            Self::RoleNotAssigned { any_of, .. } => {
                format!(
                    "Give {} to a security group of the partner's tenant by an access assignment.",
                    preferred(any_of)
                )
            }
            Self::AssignmentPending { .. } => "Wait until the access assignment is active, and check again.".to_owned(),
            Self::AssignmentFailed { .. } => "Delete the access assignment, and make it again.".to_owned(),
            Self::GroupDeleted { .. } => {
                "Delete the access assignment, and give the roles to a group that is there, or restore the group."
                    .to_owned()
            }
            Self::NotInGroup { .. } => {
                "Add the person to one of these groups, and sign in again afterwards.".to_owned()
            }
            Self::OnlyEligible { .. } | Self::AdminAgentOnlyEligible => {
                "Activate the membership in Privileged Identity Management, and sign in again afterwards.".to_owned()
            }
            Self::NotAdminAgent => {
                "Add the person to the group AdminAgents of the partner's tenant, and sign in again afterwards."
                    .to_owned()
            }
            Self::WithoutMfa => {
                "Require multifactor authentication of all users in the partner's tenant, and sign in again.".to_owned()
            }
            Self::AppOnlyNotPrepared => {
                "Create the service principal of the app 2832473f-ec63-45fb-976f-5d45a7d4bb91 (Partner Customer \
                 Delegated Administration) in the partner's tenant, or sign in as a person."
                    .to_owned()
            }
            Self::BlockedByCustomer { error: ErrorCode::BlockedByCrossTenantPolicy, .. } => {
                ErrorCode::BlockedByCrossTenantPolicy.remedy().to_owned()
            }
            Self::BlockedByCustomer { partner, .. } => {
                let partner =
                    partner.map_or_else(|| "the partner's tenant".to_owned(), |id| format!("the tenant {id}"));
                format!(
                    "An administrator of the customer excludes the partner from the Conditional Access policy that the \
                     sign-in log there names: Users, Exclude, Guest or external users, Service provider users, of {partner}."
                )
            }
            Self::BlockedByPartner => {
                "Meet the policy of the partner's own tenant: its name is in the sign-in log there.".to_owned()
            }
            Self::RoleNotInCustomer { .. } => {
                "Sign in again; if that does not help, make the access assignment again.".to_owned()
            }
            Self::Unknown { error, .. } => error.remedy().to_owned(),
        }
    }

    /// The relationship that it is about.
    pub fn relationship(&self) -> Option<&DelegatedAdminRelationshipId> {
        match self {
            Self::NotInvited { relationship }
            | Self::ApprovalPending { relationship, .. }
            | Self::InvitationLapsing { relationship, .. }
            | Self::InvitationLapsed { relationship }
            | Self::RelationshipEnded { relationship, .. }
            | Self::RelationshipEnding { relationship, .. }
            | Self::ExtensionBlocked { relationship }
            | Self::ActivatedRecently { relationship, .. }
            | Self::RoleNotAssigned { relationship, .. }
            | Self::AssignmentPending { relationship, .. }
            | Self::AssignmentFailed { relationship, .. }
            | Self::GroupDeleted { relationship, .. } => Some(relationship),
            _ => None,
        }
    }

    /// The groups that it is about.
    pub fn groups(&self) -> &[DirectoryObjectId] {
        match self {
            Self::NotInGroup { groups, .. } | Self::OnlyEligible { groups } => groups,
            Self::AssignmentPending { group, .. }
            | Self::AssignmentFailed { group, .. }
            | Self::GroupDeleted { group, .. } => std::slice::from_ref(group),
            _ => &[],
        }
    }

    /// The roles of which one suffices.
    pub fn roles(&self) -> &[DirectoryRole] {
        match self {
            Self::RoleNotInRelationship { any_of }
            | Self::RoleNotAssigned { any_of, .. }
            | Self::NotInGroup { any_of, .. }
            | Self::RoleNotInCustomer { any_of } => any_of,
            _ => &[],
        }
    }

    fn at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::ApprovalPending { lapses, .. } => *lapses,
            Self::InvitationLapsing { lapses, .. } => Some(*lapses),
            Self::RelationshipEnded { at, .. } | Self::ActivatedRecently { at, .. } => *at,
            Self::RelationshipEnding { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// What an error kept from being read.
    pub(super) fn unknown(what: Unknown, error: &Error) -> Self {
        Self::Unknown { what, error: error.code() }
    }
}

/// The role that is asked for where several suffice: the first.
fn preferred(any_of: &[DirectoryRole]) -> String {
    any_of.first().map_or_else(String::new, ToString::to_string)
}

fn names(roles: &[DirectoryRole]) -> String {
    roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn day(at: Option<OffsetDateTime>) -> String {
    at.map_or_else(String::new, |at| format!(" on {}", at.date()))
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRelationship => f.write_str("there is no relationship with the customer"),
            Self::NotInvited { .. } => f.write_str("the customer was not asked to approve the relationship"),
            Self::ApprovalPending { lapses, .. } => {
                write!(f, "the customer has not approved the relationship; the request lapses{}", day(*lapses))
            }
            Self::InvitationLapsing { lapses, .. } => {
                write!(
                    f,
                    "the customer has not approved the relationship, and the request lapses{}",
                    day(Some(*lapses))
                )
            }
            Self::InvitationLapsed { .. } => f.write_str("the request to approve the relationship has lapsed"),
            Self::RelationshipEnded { at, .. } => write!(f, "the relationship has ended{}", day(*at)),
            Self::RelationshipEnding { at, .. } => {
                write!(f, "the relationship ends{}, and is not extended", day(Some(*at)))
            }
            Self::ExtensionBlocked { .. } => {
                f.write_str("Global Administrator keeps the relationship from being extended")
            }
            Self::ActivatedRecently { .. } => f.write_str("the relationship was activated a moment ago"),
            Self::MicrosoftLedOnly => f.write_str("every active relationship was made by Microsoft"),
            Self::RoleNotInRelationship { any_of } => write!(f, "no active relationship holds {}", names(any_of)),
            Self::RoleNotAssigned { any_of, .. } => write!(f, "no group has {}", names(any_of)),
            Self::AssignmentPending { group, .. } => write!(f, "the access assignment of the group {group} is pending"),
            Self::AssignmentFailed { group, .. } => write!(f, "the access assignment of the group {group} has failed"),
            Self::GroupDeleted { group, .. } => write!(f, "the group {group} of the access assignment was deleted"),
            Self::NotInGroup { any_of, .. } => write!(f, "the person is in no group that has {}", names(any_of)),
            Self::OnlyEligible { .. } => f.write_str("the person's membership in the group is eligible, not active"),
            Self::NotAdminAgent => f.write_str("the person is not in the group AdminAgents"),
            Self::AdminAgentOnlyEligible => {
                f.write_str("the person's membership in AdminAgents is eligible, not active")
            }
            Self::WithoutMfa => {
                f.write_str("the sign-in to the partner's tenant was without multifactor authentication")
            }
            Self::AppOnlyNotPrepared => {
                f.write_str("the partner's tenant lacks the service principal that an app without a person needs")
            }
            Self::BlockedByCustomer { error, .. } => {
                write!(f, "the customer's tenant keeps the person out: {}", error.cause())
            }
            Self::BlockedByPartner => f.write_str("a Conditional Access policy of the partner blocks the sign-in"),
            Self::RoleNotInCustomer { any_of } => {
                write!(f, "the customer's tenant does not show {} for the person", names(any_of))
            }
            Self::Unknown { what, error } => {
                let what = match what {
                    Unknown::Relationships => "the relationships",
                    Unknown::AccessAssignments => "the access assignments",
                    Unknown::Memberships => "the groups that the person is in",
                    Unknown::EligibleMemberships => "the groups that the person may join by activation",
                    Unknown::ServicePrincipal => "the service principals of the partner's tenant",
                    Unknown::Customer => "the customer's tenant",
                };
                write!(f, "{what} could not be read: {}", error.cause())
            }
        }
    }
}

impl Serialize for Gap {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("severity", &self.severity())?;
        map.serialize_entry("text", &self.to_string())?;
        map.serialize_entry("remedy", &self.remedy())?;
        if let Some(relationship) = self.relationship() {
            map.serialize_entry("relationship", relationship)?;
        }
        if !self.groups().is_empty() {
            map.serialize_entry("groups", self.groups())?;
        }
        if !self.roles().is_empty() {
            map.serialize_entry("roles", self.roles())?;
        }
        if let Some(at) = self.at().and_then(|at| at.format(&Rfc3339).ok()) {
            map.serialize_entry("at", &at)?;
        }
        if let Self::Unknown { what, .. } = self {
            map.serialize_entry("unknown", what)?;
        }
        if let Self::Unknown { error, .. } | Self::BlockedByCustomer { error, .. } = self {
            map.serialize_entry("error", error)?;
        }
        map.end()
    }
}
