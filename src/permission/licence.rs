//! The licences that workloads of Microsoft Graph take, as far as Microsoft documents them.

use crate::permission::{MICROSOFT_GRAPH, Permission};

/// What the names of permissions begin with, the licence that what they are for takes, and where Microsoft says so.
///
/// A permission is granted whether the tenant has the licence or not: without it, Graph refuses the requests.
const LICENCES: &[(&[&str], &str, &str)] = &[
    (
        &["DeviceManagement"],
        "Microsoft Intune",
        "https://learn.microsoft.com/graph/api/resources/intune-graph-overview",
    ),
    (
        &["IdentityRiskEvent.", "IdentityRiskyUser."],
        "Microsoft Entra ID P2",
        "https://learn.microsoft.com/graph/api/riskyuser-get",
    ),
    (
        &["IdentityRiskyServicePrincipal."],
        "Microsoft Entra Workload ID Premium",
        "https://learn.microsoft.com/graph/api/riskyserviceprincipal-get",
    ),
    (
        &[
            "PrivilegedAccess.",
            "PrivilegedAssignmentSchedule.",
            "PrivilegedEligibilitySchedule.",
            "RoleAssignmentSchedule.",
            "RoleEligibilitySchedule.",
        ],
        "Microsoft Entra ID P2 or Microsoft Entra ID Governance",
        "https://learn.microsoft.com/entra/id-governance/licensing-fundamentals",
    ),
    (
        &["EntitlementManagement.", "AccessReview."],
        "Microsoft Entra ID P2 or Microsoft Entra ID Governance",
        "https://learn.microsoft.com/entra/id-governance/licensing-fundamentals",
    ),
    (
        &["LifecycleWorkflows.", "LifecycleWorkflows-"],
        "Microsoft Entra ID Governance",
        "https://learn.microsoft.com/entra/id-governance/licensing-fundamentals",
    ),
    // Its sign-in logs; the rest of the audit log takes none.
    (
        &["AuditLog.Read.All"],
        "Microsoft Entra ID P1 or P2 (for sign-in logs)",
        "https://learn.microsoft.com/entra/identity/monitoring-health/howto-analyze-activity-logs-with-microsoft-graph",
    ),
];

/// The licence that a permission's workload takes, if it takes one of its own.
pub(super) fn of(permission: &Permission) -> Option<&'static str> {
    let name = permission.name().filter(|_| permission.api() == MICROSOFT_GRAPH)?;
    let takes = |begins: &[&str]| begins.iter().any(|begin| name.starts_with(begin));
    LICENCES.iter().find(|(begins, _, _)| takes(begins)).map(|(_, licence, _)| *licence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::catalogue;

    #[test]
    fn each_row_is_of_permissions_that_there_are_and_has_its_source() {
        for (begins, licence, source) in LICENCES {
            assert!(source.starts_with("https://learn.microsoft.com/"), "{licence}");
            for begin in *begins {
                assert!(catalogue().iter().any(|entry| entry.value.starts_with(begin)), "{begin}");
            }
        }
    }
}
