//! Objects that are not of Microsoft Graph: manifests, and what tools print. Read as Graph's they would be half empty.

use crate::model::object::Object;

/// A form that is not Graph's.
struct OtherForm {
    /// What it is, and how to get what is wanted instead.
    text: &'static str,
    /// Members that it has and Graph lacks; one is enough.
    members: &'static [&'static str],
}

/// [Manifests](https://learn.microsoft.com/entra/identity-platform/reference-app-manifest) as the portal had them until
/// 2025, and objects of Azure AD Graph, which the Azure CLI printed before 2.37.
const OTHER_FORMS: [OtherForm; 2] = [
    OtherForm {
        text: "it is an app manifest of Azure AD Graph; read GET /applications/{id}, or download the manifest of \
               Microsoft Graph in the portal",
        members: &[
            "accessTokenAcceptedVersion",
            "allowPublicClient",
            "informationalUrls",
            "oauth2AllowIdTokenImplicitFlow",
            "orgRestrictions",
            "replyUrlsWithType",
        ],
    },
    OtherForm {
        text: "it is an object of Azure AD Graph, as older versions of the Azure CLI print it; read GET \
               /applications/{id} or /servicePrincipals/{id}, with az rest or a newer az",
        members: &[
            "appOwnerTenantId",
            "availableToOtherTenants",
            "oauth2AllowImplicitFlow",
            "oauth2Permissions",
            "objectId",
            "objectType",
            "odata.metadata",
            "odata.type",
        ],
    },
];

/// Refuses an object that has members of another form, and none of those that only Graph's `own` has: Graph adds members
/// at any time, and one of those alone says nothing.
pub(super) fn check(object: &dyn Object, own: &[&str]) -> Result<(), String> {
    let (_, unknown) = object.members();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = object.names().concat();
    let mut came = (0..names.len()).filter(|at| unknown.has_come(*at)).map(|at| names[at]).peekable();
    let has_any = came.peek().is_some();
    if came.any(|name| own.contains(&name) && unknown.get(name).is_none()) {
        return Ok(());
    }
    let refuse = |name: &str, text: &str| Err(format!("no object of Microsoft Graph, for it has {name:?}: {text}"));
    for form in &OTHER_FORMS {
        if let Some(name) = form.members.iter().find(|name| unknown.get(name).is_some()) {
            return refuse(name, form.text);
        }
    }
    if has_any {
        return Ok(());
    }
    if unknown.get("value").is_some_and(serde_json::Value::is_array) {
        return refuse("value", "it is a list; read each of its items");
    }
    let is_capital = |name: &&str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    match unknown.names().find(is_capital) {
        Some(name) => refuse(
            name,
            "its names are written as PowerShell writes them; read what Graph sends, with Invoke-MgGraphRequest and \
             -OutputType Json",
        ),
        None => Ok(()),
    }
}
