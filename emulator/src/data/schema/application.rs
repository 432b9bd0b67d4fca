//! Applications, and the complex types in them.

use super::Type::{Boolean, Collection, Complex, Guid, Int32, NotNull, ReadOnly, String as Text};
use super::credentials::{KEY_CREDENTIALS, PASSWORD_CREDENTIALS};
use super::{ComplexType, TEXTS, Type};

pub(crate) static APPLICATION: ComplexType = ComplexType {
    name: "application",
    members: &[
        ("id", ReadOnly),
        ("deletedDateTime", ReadOnly),
        ("appId", ReadOnly),
        ("applicationTemplateId", ReadOnly),
        ("disabledByMicrosoftStatus", ReadOnly),
        ("createdDateTime", ReadOnly),
        ("displayName", Text),
        ("description", Text),
        ("groupMembershipClaims", Text),
        ("identifierUris", TEXTS),
        ("isDeviceOnlyAuthSupported", Boolean),
        ("isFallbackPublicClient", Boolean),
        ("nativeAuthenticationApisEnabled", Type::Enum("nativeAuthenticationApisEnabled", &["none", "all"])),
        ("notes", Text),
        ("publisherDomain", ReadOnly),
        ("serviceManagementReference", Text),
        ("signInAudience", Text),
        ("tags", TEXTS),
        ("tokenEncryptionKeyId", Guid),
        ("uniqueName", Text),
        ("samlMetadataUrl", Text),
        ("defaultRedirectUri", Text),
        ("certification", ReadOnly),
        ("optionalClaims", Complex(&OPTIONAL_CLAIMS)),
        ("servicePrincipalLockConfiguration", Complex(&SERVICE_PRINCIPAL_LOCK)),
        ("requestSignatureVerification", Complex(&REQUEST_SIGNATURE_VERIFICATION)),
        ("addIns", ADD_INS),
        ("api", Complex(&API_APPLICATION)),
        ("appRoles", Collection(&Complex(&APP_ROLE))),
        ("info", Complex(&INFORMATIONAL_URL)),
        ("keyCredentials", KEY_CREDENTIALS),
        ("parentalControlSettings", Complex(&PARENTAL_CONTROL_SETTINGS)),
        ("passwordCredentials", PASSWORD_CREDENTIALS),
        ("publicClient", Complex(&PUBLIC_CLIENT_APPLICATION)),
        ("requiredResourceAccess", Collection(&Complex(&REQUIRED_RESOURCE_ACCESS))),
        ("verifiedPublisher", ReadOnly),
        ("web", Complex(&WEB_APPLICATION)),
        ("spa", Complex(&SPA_APPLICATION)),
    ],
};

pub(crate) static FEDERATED_CREDENTIAL: ComplexType = ComplexType {
    name: "federatedIdentityCredential",
    members: &[
        ("id", ReadOnly),
        ("name", NotNull(&Text)),
        ("issuer", NotNull(&Text)),
        ("subject", Text),
        ("description", Text),
        ("audiences", TEXTS),
    ],
};

static OPTIONAL_CLAIMS: ComplexType = ComplexType {
    name: "optionalClaims",
    members: &[
        ("accessToken", Collection(&Complex(&OPTIONAL_CLAIM))),
        ("idToken", Collection(&Complex(&OPTIONAL_CLAIM))),
        ("saml2Token", Collection(&Complex(&OPTIONAL_CLAIM))),
    ],
};

static OPTIONAL_CLAIM: ComplexType = ComplexType {
    name: "optionalClaim",
    members: &[
        ("additionalProperties", TEXTS),
        ("essential", NotNull(&Boolean)),
        ("name", NotNull(&Text)),
        ("source", Text),
    ],
};

/// `identifierUris` is a member that the reference of v1.0 lacks and manifests have.
/// <https://learn.microsoft.com/entra/identity-platform/reference-microsoft-graph-app-manifest>
static SERVICE_PRINCIPAL_LOCK: ComplexType = ComplexType {
    name: "servicePrincipalLockConfiguration",
    members: &[
        ("isEnabled", NotNull(&Boolean)),
        ("allProperties", Boolean),
        ("credentialsWithUsageVerify", Boolean),
        ("credentialsWithUsageSign", Boolean),
        ("identifierUris", Boolean),
        ("tokenEncryptionKeyId", Boolean),
    ],
};

static REQUEST_SIGNATURE_VERIFICATION: ComplexType = ComplexType {
    name: "requestSignatureVerification",
    members: &[
        ("isSignedRequestRequired", NotNull(&Boolean)),
        ("allowedWeakAlgorithms", Type::Enum("weakAlgorithms", &["rsaSha1"])),
    ],
};

static API_APPLICATION: ComplexType = ComplexType {
    name: "apiApplication",
    members: &[
        ("acceptMappedClaims", Boolean),
        ("knownClientApplications", Collection(&Guid)),
        ("oauth2PermissionScopes", Collection(&Complex(&PERMISSION_SCOPE))),
        ("preAuthorizedApplications", Collection(&Complex(&PRE_AUTHORIZED_APPLICATION))),
        ("requestedAccessTokenVersion", Int32),
    ],
};

static PERMISSION_SCOPE: ComplexType = ComplexType {
    name: "permissionScope",
    members: &[
        ("adminConsentDescription", Text),
        ("adminConsentDisplayName", Text),
        ("id", NotNull(&Guid)),
        ("isEnabled", NotNull(&Boolean)),
        ("origin", Text),
        ("type", Text),
        ("userConsentDescription", Text),
        ("userConsentDisplayName", Text),
        ("value", Text),
    ],
};

static PRE_AUTHORIZED_APPLICATION: ComplexType =
    ComplexType { name: "preAuthorizedApplication", members: &[("appId", Text), ("delegatedPermissionIds", TEXTS)] };

static APP_ROLE: ComplexType = ComplexType {
    name: "appRole",
    members: &[
        ("allowedMemberTypes", TEXTS),
        ("description", Text),
        ("displayName", Text),
        ("id", NotNull(&Guid)),
        ("isEnabled", NotNull(&Boolean)),
        ("origin", Text),
        ("value", Text),
    ],
};

static INFORMATIONAL_URL: ComplexType = ComplexType {
    name: "informationalUrl",
    members: &[
        ("logoUrl", Text),
        ("marketingUrl", Text),
        ("privacyStatementUrl", Text),
        ("supportUrl", Text),
        ("termsOfServiceUrl", Text),
    ],
};

static PARENTAL_CONTROL_SETTINGS: ComplexType = ComplexType {
    name: "parentalControlSettings",
    members: &[("countriesBlockedForMinors", TEXTS), ("legalAgeGroupRule", Text)],
};

static PUBLIC_CLIENT_APPLICATION: ComplexType =
    ComplexType { name: "publicClientApplication", members: &[("redirectUris", TEXTS)] };

static REQUIRED_RESOURCE_ACCESS: ComplexType = ComplexType {
    name: "requiredResourceAccess",
    members: &[("resourceAccess", Collection(&Complex(&RESOURCE_ACCESS))), ("resourceAppId", NotNull(&Text))],
};

static RESOURCE_ACCESS: ComplexType =
    ComplexType { name: "resourceAccess", members: &[("id", NotNull(&Guid)), ("type", Text)] };

pub(super) static WEB_APPLICATION: ComplexType = ComplexType {
    name: "webApplication",
    members: &[
        ("homePageUrl", Text),
        ("implicitGrantSettings", Complex(&IMPLICIT_GRANT_SETTINGS)),
        ("logoutUrl", Text),
        ("redirectUris", TEXTS),
        ("redirectUriSettings", Collection(&Complex(&REDIRECT_URI_SETTINGS))),
    ],
};

static IMPLICIT_GRANT_SETTINGS: ComplexType = ComplexType {
    name: "implicitGrantSettings",
    members: &[("enableAccessTokenIssuance", Boolean), ("enableIdTokenIssuance", Boolean)],
};

static REDIRECT_URI_SETTINGS: ComplexType =
    ComplexType { name: "redirectUriSettings", members: &[("index", Int32), ("uri", Text)] };

static SPA_APPLICATION: ComplexType = ComplexType { name: "spaApplication", members: &[("redirectUris", TEXTS)] };

pub(super) const ADD_INS: Type = Collection(&Complex(&ADD_IN));

static ADD_IN: ComplexType = ComplexType {
    name: "addIn",
    members: &[("id", Guid), ("properties", Collection(&Complex(&KEY_VALUE))), ("type", NotNull(&Text))],
};

static KEY_VALUE: ComplexType = ComplexType { name: "keyValue", members: &[("key", Text), ("value", Text)] };
