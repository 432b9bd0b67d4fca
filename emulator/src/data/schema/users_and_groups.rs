//! Users and groups.

use super::Type::{Boolean, DateTimeOffset, ReadOnly, String as Text};
use super::{ComplexType, TEXTS};

pub(crate) static USER: ComplexType = ComplexType {
    name: "user",
    members: &[
        ("businessPhones", TEXTS),
        ("displayName", Text),
        ("givenName", Text),
        ("jobTitle", Text),
        ("mail", Text),
        ("mobilePhone", Text),
        ("officeLocation", Text),
        ("preferredLanguage", Text),
        ("surname", Text),
        ("userPrincipalName", Text),
        ("id", ReadOnly),
        ("deletedDateTime", ReadOnly),
        ("accountEnabled", Boolean),
        ("createdDateTime", ReadOnly),
        ("creationType", ReadOnly),
        ("department", Text),
        ("externalUserState", ReadOnly),
        ("mailNickname", Text),
        ("usageLocation", Text),
        ("userType", Text),
    ],
};

pub(crate) static GROUP: ComplexType = ComplexType {
    name: "group",
    members: &[
        ("id", ReadOnly),
        ("deletedDateTime", ReadOnly),
        ("classification", Text),
        ("createdDateTime", ReadOnly),
        ("creationOptions", ReadOnly),
        ("description", Text),
        ("displayName", Text),
        ("expirationDateTime", DateTimeOffset),
        ("groupTypes", TEXTS),
        ("isAssignableToRole", Boolean),
        ("mail", ReadOnly),
        ("mailEnabled", Boolean),
        ("mailNickname", Text),
        ("uniqueName", Text),
        ("membershipRule", Text),
        ("membershipRuleProcessingState", Text),
        ("preferredDataLocation", Text),
        ("preferredLanguage", Text),
        ("renewedDateTime", ReadOnly),
        ("securityEnabled", Boolean),
        ("securityIdentifier", ReadOnly),
        ("theme", Text),
        ("visibility", Text),
    ],
};
