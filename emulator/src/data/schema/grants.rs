//! Assignments of application permissions, and grants of delegated ones.

use super::ComplexType;
use super::Type::{DateTimeOffset, Guid, NotNull, String as Text};

pub(crate) static ASSIGNMENT: ComplexType = ComplexType {
    name: "appRoleAssignment",
    members: &[
        ("id", Text),
        ("deletedDateTime", DateTimeOffset),
        ("appRoleId", NotNull(&Guid)),
        ("createdDateTime", DateTimeOffset),
        ("principalDisplayName", Text),
        ("principalId", Guid),
        ("principalType", Text),
        ("resourceDisplayName", Text),
        ("resourceId", Guid),
    ],
};

pub(crate) static GRANT: ComplexType = ComplexType {
    name: "oAuth2PermissionGrant",
    members: &[
        ("clientId", NotNull(&Text)),
        ("consentType", Text),
        ("id", Text),
        ("principalId", Text),
        ("resourceId", NotNull(&Text)),
        ("scope", Text),
    ],
};
