//! Service principals.

use super::Type::{Boolean, Complex, Guid, NotNull, ReadOnly, String as Text};
use super::application::ADD_INS;
use super::credentials::{KEY_CREDENTIALS, PASSWORD_CREDENTIALS};
use super::{ComplexType, TEXTS};

pub(crate) static SERVICE_PRINCIPAL: ComplexType = ComplexType {
    name: "servicePrincipal",
    members: &[
        ("id", ReadOnly),
        ("deletedDateTime", ReadOnly),
        ("accountEnabled", Boolean),
        ("alternativeNames", TEXTS),
        ("appDisplayName", ReadOnly),
        ("appDescription", ReadOnly),
        ("appId", Text),
        ("applicationTemplateId", ReadOnly),
        ("appOwnerOrganizationId", ReadOnly),
        ("appRoleAssignmentRequired", NotNull(&Boolean)),
        ("createdDateTime", ReadOnly),
        ("description", Text),
        ("disabledByMicrosoftStatus", ReadOnly),
        ("isDisabled", Boolean),
        ("displayName", Text),
        ("homepage", Text),
        ("loginUrl", Text),
        ("logoutUrl", Text),
        ("notes", Text),
        ("notificationEmailAddresses", TEXTS),
        ("preferredSingleSignOnMode", Text),
        ("preferredTokenSigningKeyThumbprint", Text),
        ("replyUrls", TEXTS),
        ("servicePrincipalNames", TEXTS),
        ("servicePrincipalType", ReadOnly),
        ("signInAudience", ReadOnly),
        ("tags", TEXTS),
        ("tokenEncryptionKeyId", Guid),
        ("samlSingleSignOnSettings", Complex(&SAML_SINGLE_SIGN_ON_SETTINGS)),
        ("addIns", ADD_INS),
        ("appRoles", ReadOnly),
        ("info", ReadOnly),
        ("keyCredentials", KEY_CREDENTIALS),
        ("oauth2PermissionScopes", ReadOnly),
        ("passwordCredentials", PASSWORD_CREDENTIALS),
        ("resourceSpecificApplicationPermissions", ReadOnly),
        ("verifiedPublisher", ReadOnly),
    ],
};

static SAML_SINGLE_SIGN_ON_SETTINGS: ComplexType =
    ComplexType { name: "samlSingleSignOnSettings", members: &[("relayState", Text)] };
