//! The report of when credentials were last used.

use super::*;

const REPORT: &str = "/reports/appCredentialSignInActivities";

#[tokio::test(start_paused = true)]
async fn the_report_shows_what_was_noted_to_those_who_may_read_it() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (app, principal) = session.app_and_principal("App").await;
    let add = |object: &str, value: &Value| format!("/{object}/{}/addPassword", value["id"].as_str().unwrap());
    let of_app = session.post(&add("applications", &app), json!({})).await.expect(200)["keyId"].clone();
    let of_principal =
        session.post(&add("servicePrincipals", &principal), json!({})).await.expect(200)["keyId"].clone();
    for key in [&of_app, &of_principal] {
        tenant.note_sign_in(key.as_str().unwrap(), datetime!(2025-05-01 12:00 UTC));
    }
    session.get_beta(REPORT).await.refused(403, "Authorization_RequestDenied");
    let reader = Session::of(&tenant, &tenant.add_caller(&["AuditLog.Read.All"])).await;
    reader.get(REPORT).await.refused(501, "NotImplemented");
    let all = reader.get_beta(REPORT).await.expect(200);
    assert_eq!(all["value"].as_array().unwrap().len(), 2);
    let filter = format!("{REPORT}?$filter=keyId%20eq%20'{}'", of_app.as_str().unwrap());
    let entry = reader.get_beta(&filter).await.expect(200)["value"][0].clone();
    assert_eq!((&entry["keyId"], &entry["keyType"], &entry["appId"]), (&of_app, &json!("password"), &app["appId"]));
    assert_eq!(entry["signInActivity"]["lastSignInDateTime"], "2025-05-01T12:00:00Z");
    let one = reader.get_beta(&format!("{REPORT}/{}", entry["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(one["keyId"], of_app);
    reader.get_beta(&format!("{REPORT}?$select=keyId")).await.refused(400, "BadRequest");
    let page = reader.get_beta(&format!("{REPORT}?$top=1")).await.expect(200);
    assert!(page["@odata.nextLink"].as_str().unwrap().starts_with("https://graph.microsoft.com/beta/reports/"));
    tenant.store_sign_in_activity(r#"{"id": "odd", "keyId": 7}"#);
    assert_eq!(reader.get_beta(REPORT).await.expect(200)["value"].as_array().unwrap().len(), 3);
}
