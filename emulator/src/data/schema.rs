//! The types of what clients write, at every depth, and how a JSON value becomes one: a text that spells a number, a truth
//! value or an id stands for it, as OData's reader has it, and nothing else of another type is taken.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use uuid::Uuid;

use crate::data::json::{is_annotation, timestamp};

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type {
    String,
    Boolean,
    Int32,
    Guid,
    DateTimeOffset,
    /// Base64.
    Binary,
    /// One of these names.
    Enum(&'static str, &'static [&'static str]),
    Complex(&'static ComplexType),
    Collection(&'static Type),
    /// A type that null is no value of.
    NotNull(&'static Type),
    /// Set by the service alone.
    ReadOnly,
}

/// A complex or entity type: its name and its members.
#[derive(Debug)]
pub(crate) struct ComplexType {
    pub(crate) name: &'static str,
    pub(crate) members: &'static [(&'static str, Type)],
}

use Type::{Binary, Boolean, Collection, Complex, DateTimeOffset, Guid, Int32, NotNull, ReadOnly, String as Text};

const TEXTS: Type = Collection(&Text);

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

/// The parameters of `addPassword`.
pub(crate) static ADD_PASSWORD: ComplexType =
    ComplexType { name: "addPassword", members: &[("passwordCredential", Complex(&PASSWORD_CREDENTIAL))] };

/// The parameters of `removePassword`.
pub(crate) static REMOVE_PASSWORD: ComplexType =
    ComplexType { name: "removePassword", members: &[("keyId", NotNull(&Guid))] };

/// The parameters of `addKey`.
pub(crate) static ADD_KEY: ComplexType = ComplexType {
    name: "addKey",
    members: &[
        ("keyCredential", NotNull(&Complex(&KEY_CREDENTIAL))),
        ("passwordCredential", Complex(&PASSWORD_CREDENTIAL)),
        ("proof", Text),
    ],
};

/// The parameters of `removeKey`.
pub(crate) static REMOVE_KEY: ComplexType =
    ComplexType { name: "removeKey", members: &[("keyId", NotNull(&Guid)), ("proof", Text)] };

const ADD_INS: Type = Collection(&Complex(&ADD_IN));
const KEY_CREDENTIALS: Type = Collection(&Complex(&KEY_CREDENTIAL));
const PASSWORD_CREDENTIALS: Type = Collection(&Complex(&PASSWORD_CREDENTIAL));

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

static ADD_IN: ComplexType = ComplexType {
    name: "addIn",
    members: &[("id", Guid), ("properties", Collection(&Complex(&KEY_VALUE))), ("type", NotNull(&Text))],
};

static KEY_VALUE: ComplexType = ComplexType { name: "keyValue", members: &[("key", Text), ("value", Text)] };

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

static KEY_CREDENTIAL: ComplexType = ComplexType {
    name: "keyCredential",
    members: &[
        ("customKeyIdentifier", Binary),
        ("displayName", Text),
        ("endDateTime", DateTimeOffset),
        ("key", Binary),
        ("keyId", Guid),
        ("startDateTime", DateTimeOffset),
        ("type", Text),
        ("usage", Text),
    ],
};

static PASSWORD_CREDENTIAL: ComplexType = ComplexType {
    name: "passwordCredential",
    members: &[
        ("customKeyIdentifier", Binary),
        ("displayName", Text),
        ("endDateTime", DateTimeOffset),
        ("hint", Text),
        ("keyId", Guid),
        ("secretText", Text),
        ("startDateTime", DateTimeOffset),
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

static WEB_APPLICATION: ComplexType = ComplexType {
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

static SAML_SINGLE_SIGN_ON_SETTINGS: ComplexType =
    ComplexType { name: "samlSingleSignOnSettings", members: &[("relayState", Text)] };

impl ComplexType {
    /// The type of a member.
    pub(crate) fn member(&self, name: &str) -> Option<&'static Type> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, member)| member)
    }

    /// Converts each member; an error is the sentence of the service.
    pub(crate) fn convert(&self, value: &mut Value) -> Result<(), String> {
        let Some(members) = value.as_object_mut() else {
            return Err(unexpected(value, "StartObject"));
        };
        for (name, value) in members {
            match (name.as_str(), self.member(name)) {
                ("@odata.type", _) => self.check_annotated_type(value)?,
                (name, _) if is_annotation(name) => {}
                (name, Some(member)) => member.convert(name, value)?,
                (name, None) => {
                    return Err(format!(
                        "The property '{name}' does not exist on type 'microsoft.graph.{}'. Make sure to only use \
                            property names that are defined by the type or mark the type as open type.",
                        self.name
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_annotated_type(&self, annotated: &Value) -> Result<(), String> {
        let annotated = annotated.as_str().unwrap_or_default();
        let expected = format!("microsoft.graph.{}", self.name);
        if annotated.trim_start_matches('#').eq_ignore_ascii_case(&expected) {
            return Ok(());
        }
        Err(format!(
            "A value was encountered that has an incompatible type name. The type name '{annotated}' was found, but it \
                is not assignable to the expected type '{expected}'."
        ))
    }
}

impl Type {
    /// Converts the value of a member; an error is the sentence of the service.
    pub(crate) fn convert(&self, name: &str, value: &mut Value) -> Result<(), String> {
        match (self, &mut *value) {
            (Self::NotNull(inner), Value::Null) => {
                let expected = format!("{}[Nullable=False]", inner.name());
                Err(format!(
                    "A null value was found for the property named '{name}', which has the expected type \
                        '{expected}'. The expected type '{expected}' does not allow null values."
                ))
            }
            (Self::NotNull(inner), _) => inner.convert(name, value),
            (_, Value::Null) | (Self::ReadOnly, _) => Ok(()),
            (Self::Complex(complex), value) => complex.convert(value),
            (Self::Collection(of), Value::Array(items)) => items.iter_mut().try_for_each(|item| match item {
                Value::Null => {
                    Err("A null value was detected in the items of a collection property value; non-nullable \
                                    instances of collection types do not support null values as items."
                        .to_owned())
                }
                item => of.convert(name, item),
            }),
            (Self::Collection(_), value) => Err(unexpected(value, "StartArray")),
            (_, value @ (Value::Object(_) | Value::Array(_))) => Err(unexpected(value, "PrimitiveValue")),
            (_, value) => match self.primitive(value) {
                Some(converted) => {
                    *value = converted;
                    Ok(())
                }
                None => {
                    let literal = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    Err(format!("Cannot convert the literal '{literal}' to the expected type '{}'.", self.name()))
                }
            },
        }
    }

    /// A primitive value as one of this type: a text is read, a number or truth value must be of the type.
    fn primitive(&self, value: &Value) -> Option<Value> {
        let text = value.as_str();
        match self {
            Self::String => text.map(Value::from),
            Self::Boolean => match text {
                None => value.as_bool(),
                Some(text) => text.trim().to_ascii_lowercase().parse().ok(),
            }
            .map(Value::from),
            Self::Int32 => match text {
                None => value.as_i64().and_then(|number| i32::try_from(number).ok()),
                Some(text) => text.trim().parse().ok(),
            }
            .map(Value::from),
            Self::Guid => text.filter(|text| Uuid::try_parse(text).is_ok()).map(Value::from),
            Self::DateTimeOffset => text.filter(|text| timestamp::parse(text).is_some()).map(Value::from),
            Self::Binary => {
                let encoded = |text: &&str| STANDARD.decode(text.split_whitespace().collect::<String>()).is_ok();
                text.filter(encoded).map(Value::from)
            }
            Self::Enum(_, names) => text.filter(|text| names.contains(text)).map(Value::from),
            Self::Complex(_) | Self::Collection(_) | Self::NotNull(_) | Self::ReadOnly => None,
        }
    }

    /// The name of the type in messages.
    fn name(&self) -> String {
        match self {
            Self::String => "Edm.String".to_owned(),
            Self::Boolean => "Edm.Boolean".to_owned(),
            Self::Int32 => "Edm.Int32".to_owned(),
            Self::Guid => "Edm.Guid".to_owned(),
            Self::DateTimeOffset => "Edm.DateTimeOffset".to_owned(),
            Self::Binary => "Edm.Binary".to_owned(),
            Self::Enum(name, _) => format!("microsoft.graph.{name}"),
            Self::Complex(complex) => format!("microsoft.graph.{}", complex.name),
            Self::Collection(of) => format!("Collection({})", of.name()),
            Self::NotNull(of) => of.name(),
            Self::ReadOnly => String::new(),
        }
    }
}

/// The sentence for a value of the wrong shape.
fn unexpected(value: &Value, expected: &str) -> String {
    let found = match value {
        Value::Object(_) => "StartObject",
        Value::Array(_) => "StartArray",
        _ => "PrimitiveValue",
    };
    format!(
        "An unexpected '{found}' node was found when reading from the JSON reader. A '{expected}' node was expected."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::object_kind::ObjectKind;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn each_member_of_an_object_has_a_type_at_every_depth() {
        fn check(path: &str, template: &Value, of: &ComplexType) {
            for (name, value) in template.as_object().unwrap() {
                let member = of.member(name).unwrap_or_else(|| panic!("{path}/{name} has no type"));
                match (member, value) {
                    (Complex(of), Value::Object(_)) => check(&format!("{path}/{name}"), value, of),
                    (Collection(_) | ReadOnly, Value::Array(_)) | (ReadOnly, _) => {}
                    (Complex(_) | Collection(_), value) => assert!(value.is_null(), "{path}/{name}: {value}"),
                    (_, value) => assert!(!value.is_object() && !value.is_array(), "{path}/{name}: {value}"),
                }
            }
        }
        for kind in ObjectKind::ALL {
            let of = kind.entity_type();
            check(kind.type_name(), kind.template(), of);
            let names: BTreeSet<&str> = kind.template().as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(of.members.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), names);
            assert_eq!(of.name, kind.type_name());
            for (name, _) in of.members {
                if let (Some(template), Some(Complex(of))) = (kind.complex_template(name), of.member(name)) {
                    check(name, template, of);
                }
            }
        }
    }

    #[test]
    fn a_text_that_spells_a_value_becomes_one_and_nothing_else_is_taken() {
        for (member, sent, expected) in [
            (Int32, json!("2"), Ok(json!(2))),
            (Int32, json!(2), Ok(json!(2))),
            (Int32, json!(2.5), Err("Edm.Int32")),
            (Int32, json!(1_u64 << 40), Err("Edm.Int32")),
            (Int32, json!("two"), Err("Edm.Int32")),
            (Int32, json!(true), Err("Edm.Int32")),
            (Boolean, json!("True"), Ok(json!(true))),
            (Boolean, json!(1), Err("Edm.Boolean")),
            (Boolean, json!("yes"), Err("Edm.Boolean")),
            (Text, json!(0), Err("Edm.String")),
            (Text, json!(false), Err("Edm.String")),
            (Text, json!(null), Ok(json!(null))),
            (Text, json!({}), Err("'StartObject'")),
            (Guid, json!("00000003-0000-0000-c000-000000000000"), Ok(json!("00000003-0000-0000-c000-000000000000"))),
            (Guid, json!("000000-0000-0000-000000"), Err("Edm.Guid")),
            (DateTimeOffset, json!("tomorrow"), Err("Edm.DateTimeOffset")),
            (Binary, json!("AA=="), Ok(json!("AA=="))),
            (Binary, json!("*"), Err("Edm.Binary")),
            (Type::Enum("weakAlgorithms", &["rsaSha1"]), json!("md5"), Err("microsoft.graph.weakAlgorithms")),
            (NotNull(&Boolean), json!(null), Err("'Edm.Boolean[Nullable=False]' does not allow null values")),
            (Collection(&Text), json!(["a", 1]), Err("Edm.String")),
            (Collection(&Text), json!(["a", null]), Err("null value")),
            (Collection(&Text), json!("a"), Err("'PrimitiveValue'")),
            (Collection(&Text), json!(null), Ok(json!(null))),
            (Complex(&WEB_APPLICATION), json!([]), Err("'StartArray'")),
            (
                Complex(&WEB_APPLICATION),
                json!({"implicitGrantSettings": {"enableIdTokenIssuance": "false"}}),
                Ok(json!({"implicitGrantSettings": {"enableIdTokenIssuance": false}})),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"implicitGrantSettings": {"enable": true}}),
                Err("'enable' does not exist on type 'microsoft.graph.implicitGrantSettings'"),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"@odata.type": "#microsoft.graph.spaApplication"}),
                Err("incompatible type name"),
            ),
            (
                Complex(&WEB_APPLICATION),
                json!({"@odata.type": "#microsoft.graph.webApplication", "logoutUrl@odata.type": "String"}),
                Ok(json!({"@odata.type": "#microsoft.graph.webApplication", "logoutUrl@odata.type": "String"})),
            ),
        ] {
            let mut value = sent.clone();
            match (member.convert("m", &mut value), expected) {
                (Ok(()), Ok(expected)) => assert_eq!(value, expected, "{sent}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{sent}: {message}"),
                (converted, expected) => panic!("{sent}: {converted:?} instead of {expected:?}"),
            }
        }
    }
}
