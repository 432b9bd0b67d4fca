//! Values of an older time, which today's rules refuse.

use super::*;
use crate::LegacyValues;

const WEB: &[&str] = &["https://old.contoso.example/*", "http://contoso.example/cb", "https://contoso.example/rel"];

/// A tenant with an application of legacy values.
async fn legacy() -> (Session, String) {
    let session = Session::new(&builder().build()).await;
    let (app, _) = session.app_and_principal("Old").await;
    let id = app["id"].as_str().unwrap();
    let web = json!({"redirectUris": [WEB[0], WEB[1], WEB[2], "https://contoso.example/REL"],
                     "logoutUrl": "http://contoso.example", "homePageUrl": "ldap://contoso.example"});
    let properties = json!({"web": web, "tags": ["two words"], "displayName": "x".repeat(300),
                            "identifierUris": ["https://elsewhere.example/"]});
    session.tenant.store_as_is(id, &properties.to_string());
    (session, format!("/applications/{id}"))
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_as_it_is_is_read_and_shown_by_the_service_principal() {
    let (session, path) = legacy().await;
    let read = session.get(&path).await.expect(200);
    assert_eq!((&read["tags"], read["web"]["redirectUris"].as_array().unwrap().len()), (&json!(["two words"]), 4));
    let filter = format!("/servicePrincipals(appId='{}')", read["appId"].as_str().unwrap());
    let principal = session.get(&filter).await.expect(200);
    assert!(principal["replyUrls"].as_array().unwrap().contains(&json!(WEB[0])), "{principal}");
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_other_properties_goes_through_with_legacy_values() {
    let (session, path) = legacy().await;
    for policy in [LegacyValues::Kept, LegacyValues::Refused] {
        session.tenant.set_legacy_values(policy);
        session.patch(&path, json!({"notes": format!("{policy:?}")})).await.expect(204);
        session.patch(&path, json!({"spa": {"redirectUris": ["https://new.contoso.example"]}})).await.expect(204);
    }
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_keeps_legacy_values_goes_through_or_is_refused_on_demand() {
    let (session, path) = legacy().await;
    let more = |more: &str| json!({"web": {"redirectUris": ([WEB, &[more]].concat())}});
    session.tenant.set_legacy_values(LegacyValues::Refused);
    for body in [
        more("https://new.contoso.example"),
        json!({"tags": ["two words", "one"]}),
        json!({"identifierUris": ["https://elsewhere.example/", "https://contoso.onmicrosoft.com/new"]}),
    ] {
        session.patch(&path, body.clone()).await.expect(400);
        session.tenant.set_legacy_values(LegacyValues::Kept);
        session.patch(&path, body).await.expect(204);
        session.tenant.set_legacy_values(LegacyValues::Refused);
    }
    session.tenant.set_legacy_values(LegacyValues::Kept);
    // What is new is judged by the rules of today, and so is all under another audience.
    session.patch(&path, more("https://new.contoso.example/*")).await.refused(400, "Request_BadRequest");
    let message = session.patch(&path, more("https://contoso.example/REL")).await.refused(400, "Request_BadRequest");
    assert_eq!(message, "Redirect URIs must have distinct values.");
    session.patch(&path, json!({"web": {"logoutUrl": "http://localhost"}})).await.refused(400, "Request_BadRequest");
    let audience = json!({"signInAudience": "AzureADMultipleOrgs"});
    session.patch(&path, audience).await.refused(400, "Request_BadRequest");
}

#[test]
#[should_panic(expected = "no object")]
fn what_there_is_not_cannot_be_stored() {
    builder().build().store_as_is(uuid::Uuid::nil(), "{}");
}
