//! Against the reference data beside the project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::object::{Object, unreadable};
use super::*;

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/graph").join(name)
}

/// The JSON bodies of the documentation's answers whose file name starts with one of `starts`.
fn samples(starts: &[&str]) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(reference("doc-examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with("__response.http") || !starts.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let Some(start) = text.find('{') else { continue };
        if let Ok(value) = serde_json::from_str(&text[start..]) {
            found.push((name, value));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Samples whose ids are placeholders, so that no id can be read from them.
const PLACEHOLDERS: [&str; 1] = ["serviceprincipal-get__1__response.http"];

/// Reads a sample, an object or a list of them.
fn read<T: DeserializeOwned + Object>(starts: &[&str], id: fn(&T) -> bool, least: usize) {
    let samples = samples(starts);
    let mut count = 0;
    for (name, value) in samples {
        if PLACEHOLDERS.contains(&name.as_str()) {
            continue;
        }
        let objects = match value.get("value") {
            Some(serde_json::Value::Array(list)) => list.clone(),
            _ => vec![value],
        };
        for object in objects {
            let has_id = object.get("id").is_some() || object.get("keyId").is_some();
            let read: T = serde_json::from_value(object).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!has_id || id(&read), "{name}: its id was not read");
            // The documentation's own answer has an empty text in place of this date.
            let unreadable: Vec<_> = unreadable(&read).into_iter().filter(|path| path != "activatedDateTime").collect();
            assert_eq!(unreadable, Vec::<String>::new(), "{name}");
            count += 1;
        }
    }
    assert!(count >= least, "{count} objects read, at least {least} expected");
}

#[test]
#[ignore = "needs the reference data"]
fn the_documentations_answers_are_read() {
    read::<Application>(
        &["application-get", "application-list__", "application-post-app", "application-upsert"],
        |app| app.id.is_some(),
        5,
    );
    read::<ServicePrincipal>(
        &["serviceprincipal-get", "serviceprincipal-list__", "serviceprincipal-post-serviceprincipals"],
        |sp| sp.id.is_some(),
        2,
    );
    read::<AppRoleAssignment>(
        &["serviceprincipal-post-approle", "serviceprincipal-list-approle"],
        |grant| grant.id.is_some(),
        2,
    );
    read::<OAuth2PermissionGrant>(&["oauth2permissiongrant"], |grant| grant.id.is_some(), 2);
    read::<PasswordCredential>(
        &["application-addpassword", "serviceprincipal-addpassword"],
        |secret| secret.key_id.is_some(),
        2,
    );
    read::<DelegatedAdminRelationship>(
        &[
            "delegatedadminrelationship-get",
            "delegatedadminrelationship-update",
            "tenantrelationship-list-delegatedadminrelationships",
            "tenantrelationship-post-delegatedadminrelationships",
        ],
        |it| it.id.is_some() && it.etag.is_some() && it.duration.is_some() && it.roles().count() > 0,
        6,
    );
    read::<DelegatedAdminAccessAssignment>(
        &["delegatedadminrelationship-post-accessassignments"],
        |it| it.id.is_some() && it.group().is_some() && it.roles().count() == 4,
        1,
    );
    read::<DelegatedAdminRelationshipRequest>(
        &["delegatedadminrelationship-post-requests"],
        |it| it.id.is_some() && it.unknown.names().all(|name| name.starts_with('@')),
        1,
    );
}

/// The property names of a type in section 16 of the notes on Graph.
fn declared(kind: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(reference("graph-api.md")).unwrap();
    let heading = text.find(&format!("**{kind} (")).unwrap_or_else(|| panic!("no section on {kind}"));
    let line = text[heading..].lines().nth(1).unwrap();
    line.split("; ").filter_map(|part| part.split(':').next()).map(str::to_owned).collect()
}

/// Every declared property has a field: none lands among the unknown.
fn covers<T: Object + Default>(kind: &str) {
    let known = T::default().names().concat();
    let mut names = declared(kind);
    assert!(names.len() > 1, "{kind}: {names:?}");
    names.retain(|name| !known.contains(&name.as_str()));
    // Security attributes are open-ended, and stay among the unknown.
    names.remove("customSecurityAttributes");
    assert!(names.is_empty(), "{kind} lacks {names:?}");
}

#[test]
#[ignore = "needs the reference data"]
fn every_declared_property_has_a_field() {
    covers::<Application>("application");
    covers::<ServicePrincipal>("servicePrincipal");
    covers::<ApiApplication>("apiApplication");
    covers::<WebApplication>("webApplication");
    covers::<PermissionScope>("permissionScope");
    covers::<AppRole>("appRole");
    covers::<RequiredResourceAccess>("requiredResourceAccess");
    covers::<ResourceAccess>("resourceAccess");
    covers::<OptionalClaims>("optionalClaims");
    covers::<OptionalClaim>("optionalClaim");
    covers::<PasswordCredential>("passwordCredential");
    covers::<KeyCredential>("keyCredential");
    covers::<AppRoleAssignment>("appRoleAssignment");
    covers::<OAuth2PermissionGrant>("oAuth2PermissionGrant");
    covers::<InformationalUrl>("informationalUrl");
    covers::<VerifiedPublisher>("verifiedPublisher");
    covers::<Certification>("certification");
    covers::<AuthenticationBehaviors>("authenticationBehaviors");
    covers::<ServicePrincipalLockConfiguration>("servicePrincipalLockConfiguration");
    covers::<RequestSignatureVerification>("requestSignatureVerification");
    covers::<ResourceSpecificPermission>("resourceSpecificPermission");
    covers::<VerifiedDomain>("verifiedDomain");
}
