//! Validation of objects that clients write: property types, and the limits, formats and uniqueness of an application.
//!
//! <https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation>

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use http::StatusCode;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::data::json::{eq_ignore_case, is_annotation, items, text, texts, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::schema::{ComplexType, Type};
use crate::graph::directory::Directory;
use crate::graph::policy::LegacyValues;
use crate::graph::redirect_uris::is_valid_redirect_uri;
use crate::graph::response::GraphError;

/// The result of a validation.
type ValidationResult = Result<(), GraphError>;

/// Converts what a client writes to its types at every depth; refuses unknown members, values of the wrong type, and
/// read-only properties.
pub(crate) fn check_properties(kind: ObjectKind, body: &mut Value) -> ValidationResult {
    let Some(members) = body.as_object_mut() else {
        return Err(GraphError::bad_request("Invalid JSON: an object is expected."));
    };
    // The links that can be bound at a creation have been removed from the body by then.
    if let Some(bound) = members.keys().find(|name| name.ends_with("@odata.bind")) {
        return Err(GraphError::not_implemented(format!("{bound} of {}", kind.type_name())));
    }
    for (name, value) in members.iter_mut().filter(|(name, _)| !is_annotation(name)) {
        match kind.entity_type().member(name) {
            None => {
                return Err(
                    GraphError::bad_request(format!("Invalid property '{name}'.")).detail("InvalidProperty", name)
                );
            }
            Some(Type::ReadOnly) => {
                return Err(GraphError::bad_request(format!("Property '{name}' is read-only and cannot be set."))
                    .detail("InvalidUpdate", name));
            }
            Some(member) => member.convert(name, value).map_err(GraphError::bad_request)?,
        }
    }
    Ok(())
}

/// Converts the parameters of an action as [`check_properties`] does.
pub(crate) fn check_parameters(of: &ComplexType, body: &mut Value) -> ValidationResult {
    let unknown = |name: &&String| !is_annotation(name) && of.member(name).is_none();
    if let Some(name) = body.as_object().and_then(|members| members.keys().find(unknown)) {
        return Err(GraphError::bad_request(format!(
            "The parameter '{name}' in the request payload is not a valid parameter for the operation '{}'.",
            of.name
        )));
    }
    of.convert(body).map_err(GraphError::bad_request)
}

/// Fills in the defaults of items in collections.
pub(crate) fn fill_defaults(application: &mut Value) {
    for (name, value) in application.as_object_mut().into_iter().flatten() {
        if let (Some(template), Some(members)) = (ObjectKind::Application.complex_template(name), value.as_object_mut())
        {
            for (name, default) in template.as_object().into_iter().flatten() {
                members.entry(name.as_str()).or_insert_with(|| default.clone());
            }
        }
    }
    let mut fill = |path: &str, defaults: &[(&str, Value)]| {
        for item in application.pointer_mut(path).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(item) = item.as_object_mut() else { continue };
            for (name, value) in defaults {
                if item.get(*name).is_none_or(|known| known.is_null() && !value.is_null()) {
                    item.insert((*name).to_owned(), value.clone());
                }
            }
        }
    };
    let shared = [("isEnabled", Value::Bool(true)), ("value", Value::Null)];
    fill("/appRoles", &shared);
    fill("/appRoles", &[("origin", "Application".into())]);
    fill("/api/oauth2PermissionScopes", &shared);
    fill(
        "/api/oauth2PermissionScopes",
        &[("type", "User".into()), ("userConsentDescription", Value::Null), ("userConsentDisplayName", Value::Null)],
    );
    for token in ["accessToken", "idToken", "saml2Token"] {
        fill(
            &format!("/optionalClaims/{token}"),
            &[
                ("additionalProperties", Value::Array(Vec::new())),
                ("essential", Value::Bool(false)),
                ("source", Value::Null),
            ],
        );
    }
}

/// Validates an application as it would be written; `old` is the stored one.
pub(crate) fn check_application(new: &Value, old: Option<&Value>, directory: &Directory) -> ValidationResult {
    let invalid = |property: &str| Err(GraphError::invalid(property, "Application"));
    let personal = match text(new, "signInAudience") {
        "AzureADMyOrg" | "AzureADMultipleOrgs" => false,
        "AzureADandPersonalMicrosoftAccount" | "PersonalMicrosoftAccount" => true,
        _ => return invalid("signInAudience"),
    };
    let kept = KeptValues::of(new, old, directory.legacy_values);
    let too_long = |name: &str, limit: usize| text(new, name).chars().count() > limit && !kept.has_scalar(name);
    if text(new, "displayName").trim().is_empty() || too_long("displayName", if personal { 90 } else { 256 }) {
        return invalid("displayName");
    }
    if let Some(name) = ["description", "notes"].into_iter().find(|name| too_long(name, 1024)) {
        return invalid(name);
    }
    if too_long("uniqueName", 256) {
        return invalid("uniqueName");
    }
    match (personal, new["api"]["requestedAccessTokenVersion"].as_i64()) {
        (true, Some(2)) | (false, None | Some(1 | 2)) => {}
        _ => {
            return Err(GraphError::bad_request("Property api.requestedAccessTokenVersion is invalid.")
                .detail("InvalidValue", "api.requestedAccessTokenVersion"));
        }
    }
    if personal && items(new, "passwordCredentials").len() > 2 {
        return invalid("passwordCredentials");
    }
    check_tags(new, &kept)?;
    check_redirects(new, personal, &kept)?;
    check_page_urls(new, personal, &kept)?;
    check_permissions(new, personal)?;
    check_required_resource_access(new, personal)?;
    check_pre_authorized(new, old)?;
    check_identifier_uris(new, personal, directory, &kept)
}

/// Which values of an application are those of before, and may stay whatever the rules of today are.
struct KeptValues<'a> {
    new: &'a Value,
    old: Option<&'a Value>,
    policy: LegacyValues,
}

impl<'a> KeptValues<'a> {
    fn of(new: &'a Value, old: Option<&'a Value>, policy: LegacyValues) -> Self {
        // Another audience has other rules, by which all is judged anew.
        let old = old.filter(|old| old["signInAudience"] == new["signInAudience"]);
        Self { new, old, policy }
    }

    /// Whether the property of this pointer is as it was.
    fn is_same(&self, pointer: &str) -> bool {
        self.old.is_some_and(|old| old.pointer(pointer) == self.new.pointer(pointer))
    }

    fn has_scalar(&self, name: &str) -> bool {
        self.is_same(&format!("/{name}"))
    }

    /// Whether the collection of this pointer had a value before, and may keep it.
    fn has_item(&self, pointer: &str, value: &str) -> bool {
        let before = self.old.and_then(|old| old.pointer(pointer)).and_then(Value::as_array);
        before.is_some_and(|before| before.iter().any(|item| item == value))
            && (self.policy == LegacyValues::Kept || self.is_same(pointer))
    }
}

fn check_tags(new: &Value, kept: &KeptValues<'_>) -> ValidationResult {
    let mut known = HashSet::new();
    let fits = texts(new, "tags").all(|tag| {
        let distinct = known.insert(tag);
        let valid = (1..=256).contains(&tag.chars().count()) && !tag.contains(char::is_whitespace);
        (distinct && valid) || kept.has_item("/tags", tag)
    });
    if fits { Ok(()) } else { Err(GraphError::invalid("tags", "Application")) }
}

/// The logout URL is https, that of localhost too; the home page is any web address.
/// <https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation>
fn check_page_urls(new: &Value, personal: bool, kept: &KeptValues<'_>) -> ValidationResult {
    for (name, schemes) in [("logoutUrl", &["https"][..]), ("homePageUrl", &["https", "http"])] {
        let url = text(&new["web"], name);
        let is_logout = name == "logoutUrl";
        let fits = Url::parse(url).is_ok_and(|url| schemes.contains(&url.scheme()))
            && !(is_logout && (url.chars().count() > 255 || (personal && url.contains('*'))));
        if !url.is_empty() && !fits && !kept.is_same(&format!("/web/{name}")) {
            return Err(GraphError::invalid(&format!("web.{name}"), "Application"));
        }
    }
    Ok(())
}

fn check_redirects(new: &Value, personal: bool, kept: &KeptValues<'_>) -> ValidationResult {
    // Whether all that stand for one address are those of before.
    let mut known: HashMap<String, bool> = HashMap::new();
    let limit = if personal { 100 } else { 256 };
    for platform in ["web", "spa", "publicClient"] {
        let (pointer, target) = (format!("/{platform}/redirectUris"), format!("{platform}.redirectUris"));
        for uri in texts(&new[platform], "redirectUris") {
            let is_kept = kept.has_item(&pointer, uri);
            if !is_kept && !is_valid_redirect_uri(uri, platform, personal) {
                return Err(GraphError::invalid(&target, "Application"));
            }
            match known.entry(uri.to_ascii_lowercase()) {
                Entry::Occupied(entry) if !(is_kept && *entry.get()) => {
                    return Err(GraphError::bad_request("Redirect URIs must have distinct values.")
                        .detail("InvalidValue", target));
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => drop(entry.insert(is_kept)),
            }
        }
    }
    if known.len() > limit { Err(GraphError::invalid("web.redirectUris", "Application")) } else { Ok(()) }
}

/// Validates a service principal as it would be written. Its tags may have blanks.
pub(crate) fn check_service_principal(new: &Value) -> ValidationResult {
    let invalid = |name: &str| Err(GraphError::invalid(name, "ServicePrincipal"));
    if text(new, "displayName").trim().is_empty() {
        return invalid("displayName");
    }
    match ["description", "notes"].into_iter().find(|name| text(new, name).chars().count() > 1024) {
        Some(name) => invalid(name),
        None => Ok(()),
    }
}

/// Validates app roles and scopes: ids and values are unique across both, and values have the characters that a claim
/// can have.
fn check_permissions(new: &Value, personal: bool) -> ValidationResult {
    if personal && !items(new, "appRoles").is_empty() {
        return Err(GraphError::invalid("appRoles", "Application"));
    }
    let scopes = items(&new["api"], "oauth2PermissionScopes");
    if personal && scopes.len() > 100 {
        return Err(GraphError::invalid("api.oauth2PermissionScopes", "Application"));
    }
    let (mut ids, mut role_values, mut scope_values) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (all, property) in [(items(new, "appRoles"), "appRoles"), (scopes, "api.oauth2PermissionScopes")] {
        let is_role = property == "appRoles";
        let max_length = if personal { 40 } else { 120 };
        for item in all {
            let value = text(item, "value");
            let allowed =
                |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'()*+,-./:;=?@[]^_{}~".contains(letter);
            let members = texts(item, "allowedMemberTypes").collect::<Vec<_>>();
            let members_fit =
                !members.is_empty() && members.iter().all(|member| ["User", "Application"].contains(member));
            let value_fits = value.len() <= max_length && value.chars().all(allowed) && !value.starts_with('.');
            let fits = Uuid::parse_str(text(item, "id")).is_ok_and(|id| !id.is_nil())
                && value_fits
                && (is_role || !value.is_empty())
                && (!is_role
                    || (members_fit && !text(item, "displayName").is_empty() && !text(item, "description").is_empty()))
                && (is_role || ["User", "Admin"].contains(&text(item, "type")));
            if !fits {
                return Err(GraphError::invalid(property, "Application"));
            }
            let values = if is_role { &mut role_values } else { &mut scope_values };
            let distinct = ids.insert(text(item, "id").to_lowercase()) && (value.is_empty() || values.insert(value));
            if !distinct {
                return Err(GraphError::bad_request("Request contains a property with duplicate values.")
                    .detail("InvalidValue", property));
            }
        }
    }
    Ok(())
}

/// Refuses to remove an enabled role or scope or to change its value: it is disabled first, in a separate request.
pub(crate) fn check_entitlements(new: &Value, old: &Value) -> ValidationResult {
    for path in ["/appRoles", "/api/oauth2PermissionScopes"] {
        let all =
            |application: &Value| application.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
        let remaining = all(new);
        let broken = all(old).iter().filter(|item| item["isEnabled"] == true).any(|item| {
            let same = |other: &&Value| eq_ignore_case(text(other, "id"), text(item, "id"));
            remaining.iter().find(same).is_none_or(|remaining| remaining["value"] != item["value"])
        });
        if broken {
            let code = "CannotDeleteOrUpdateEnabledEntitlement";
            let message = "Permission (scope or role) cannot be deleted or updated unless disabled first.";
            return Err(
                GraphError::new(StatusCode::BAD_REQUEST, code, message).detail(code, path[1..].replace('/', "."))
            );
        }
    }
    Ok(())
}

fn check_required_resource_access(new: &Value, personal: bool) -> ValidationResult {
    let apis = items(new, "requiredResourceAccess");
    let invalid = || Err(GraphError::invalid("requiredResourceAccess", "Application"));
    let mut known = HashSet::new();
    let mut total = 0;
    for api in apis {
        let permissions = items(api, "resourceAccess");
        total += permissions.len();
        if Uuid::parse_str(text(api, "resourceAppId")).is_err() || (personal && permissions.len() > 30) {
            return invalid();
        }
        for permission in permissions {
            if Uuid::parse_str(text(permission, "id")).is_err()
                || !["Role", "Scope"].contains(&text(permission, "type"))
            {
                return invalid();
            }
        }
        if !known.insert(text(api, "resourceAppId").to_lowercase()) {
            return Err(GraphError::bad_request("Request contains a property with duplicate values.")
                .detail("InvalidValue", "requiredResourceAccess"));
        }
    }
    if apis.len() > 50 || total > if personal { 200 } else { 400 } { invalid() } else { Ok(()) }
}

/// Refuses a pre-authorization of scopes that do not exist yet: that takes two requests.
fn check_pre_authorized(new: &Value, old: Option<&Value>) -> ValidationResult {
    let scopes = old.map_or(&[][..], |old| items(&old["api"], "oauth2PermissionScopes"));
    let known: HashSet<String> = scopes.iter().map(|scope| text(scope, "id").to_lowercase()).collect();
    let mut clients = items(&new["api"], "preAuthorizedApplications").iter();
    let fits = clients.all(|client| {
        Uuid::parse_str(text(client, "appId")).is_ok()
            && texts(client, "delegatedPermissionIds").all(|id| known.contains(&id.to_lowercase()))
    });
    if fits { Ok(()) } else { Err(GraphError::invalid("api.preAuthorizedApplications", "Application")) }
}

fn check_identifier_uris(
    new: &Value,
    personal: bool,
    directory: &Directory,
    kept: &KeptValues<'_>,
) -> ValidationResult {
    let (app_id, tenant) = (text(new, "appId"), directory.tenant_id.to_string());
    let mut known = HashSet::new();
    for uri in texts(new, "identifierUris") {
        let invalid = || Err(GraphError::invalid("identifierUris", "Application"));
        if !known.insert(uri.to_lowercase()) {
            return invalid();
        }
        if kept.has_item("/identifierUris", uri) {
            continue;
        }
        if uri.is_empty() || uri.chars().count() > if personal { 120 } else { 255 } || uri.contains(['*', ' ']) {
            return invalid();
        }
        if uri.ends_with('/') {
            let code = "IdentifierUrisEndsWithSlash";
            let message = format!("Values of identifierUris property must not end with a slash: '{uri}'");
            return Err(GraphError::new(StatusCode::BAD_REQUEST, code, message).detail(code, "identifierUris"));
        }
        if personal && (uri.starts_with("urn:") || uri.contains(['?', '#'])) {
            return invalid();
        }
        if directory.is_identifier_uri_taken(uri, text(new, "id")) {
            return Err(GraphError::bad_request(
                "Another object with the same value for property identifierUris already exists.",
            )
            .detail("ObjectConflict", "identifierUris"));
        }
        if let Some(rest) = uri.strip_prefix("api://") {
            let first = rest.split('/').next().unwrap_or_default();
            let foreign = Uuid::parse_str(first).is_ok() && ![app_id, &tenant].contains(&first);
            let own = rest.split('/').any(|part| part == app_id || part == tenant);
            let version_2 = new["api"]["requestedAccessTokenVersion"] == 2;
            let verified = first == directory.domain;
            if foreign || !(own || version_2 || verified) {
                return Err(GraphError::bad_request(format!(
                    "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified \
                        domain, tenant ID, or app ID, as per the default tenant policy of your organization. See \
                        https://aka.ms/identifier-uri-addition-error for more information on this error."
                )));
            }
        } else if let Some(host) =
            Url::parse(uri).ok().filter(|url| url.scheme() != "urn").and_then(|url| url.host_str().map(str::to_owned))
        {
            let verified = host == directory.domain || host.ends_with(&format!(".{}", directory.domain));
            if !verified {
                let code = "HostNameNotOnVerifiedDomain";
                let message = format!(
                    "Values of identifierUris property must use a verified domain of the organization or its \
                        subdomain: '{uri}'"
                );
                return Err(GraphError::new(StatusCode::BAD_REQUEST, code, message).detail(code, "identifierUris"));
            }
        } else if !uri.starts_with("urn:") {
            return invalid();
        }
    }
    Ok(())
}

/// A date-time of a requested credential; `None` when it is left out.
pub(crate) fn credential_date(credential: &Value, name: &str) -> Result<Option<time::OffsetDateTime>, GraphError> {
    match credential.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().and_then(timestamp::parse) {
            Some(at) => Ok(Some(at)),
            None => Err(GraphError::bad_request(format!(
                "Cannot convert the literal '{value}' to the expected type 'Edm.DateTimeOffset'."
            ))),
        },
    }
}
