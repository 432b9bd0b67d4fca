//! Federated identity credentials.

use serde_json::{Value, json};

use super::{Session, builder};

fn credential(name: &str) -> Value {
    json!({
        "name": name, "issuer": "https://token.actions.githubusercontent.com", "subject": format!("repo:contoso/{name}"),
        "audiences": ["api://AzureADTokenExchange"]
    })
}

async fn app() -> (Session, String) {
    let session = Session::new(&builder().build()).await;
    let app = session.app("CI").await;
    (session, format!("/applications/{}/federatedIdentityCredentials", app["id"].as_str().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_created_read_by_id_and_name_changed_and_deleted() {
    let (session, path) = app().await;
    let made = session.post(&path, credential("main")).await.expect(201);
    assert!(made.get("_application").is_none() && made["description"].is_null());
    for key in [format!("/{}", made["id"].as_str().unwrap()), "/main".into(), "(name='main')".into()] {
        let found = session.get(&format!("{path}{key}")).await.expect(200);
        assert_eq!(found["id"], made["id"], "{key}");
    }
    session.patch(&format!("{path}/main"), json!({"description": "why"})).await.expect(204);
    let listed = session.get(&format!("{path}?$filter=name%20eq%20'main'&$select=description")).await.expect(200);
    assert_eq!(listed["value"], json!([{"description": "why"}]));
    session.patch(&format!("{path}/main"), json!({"name": "other"})).await.refused(400, "Request_BadRequest");
    session.send("DELETE", &format!("{path}/main"), None).await.expect(204);
    let message = session.get(&format!("{path}/main")).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(message, "FederatedIdentityCredential with name main not found.");
}

#[tokio::test(start_paused = true)]
async fn an_upsert_creates_what_is_missing_and_changes_what_is_there() {
    let (session, path) = app().await;
    let upsert = async |prefer: &[(&str, &str)]| {
        session.try_send("PATCH", &format!("{path}(name='main')"), prefer, Some(credential("main"))).await.unwrap()
    };
    let create = [("prefer", "create-if-missing")];
    upsert(&[]).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(upsert(&create).await.expect(201)["name"], "main");
    upsert(&create).await.expect(204);
    assert_eq!(session.get(&path).await.expect(200)["value"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn limits_and_uniqueness_hold() {
    let (session, path) = app().await;
    session.post(&path, credential("main")).await.expect(201);
    let message = session.post(&path, credential("main")).await.refused(409, "Request_MultipleObjectsWithSameKeyValue");
    assert_eq!(message, "FederatedIdentityCredential with name main already exists.");
    let mut same_subject = credential("main");
    same_subject["name"] = "other".into();
    session.post(&path, same_subject).await.refused(409, "Request_MultipleObjectsWithSameKeyValue");
    for (member, value) in [
        ("name", json!("a b")),
        ("name", json!("x".repeat(121))),
        ("issuer", json!("")),
        ("subject", json!("x".repeat(601))),
        ("audiences", json!([])),
        ("audiences", json!(["a", "b"])),
    ] {
        let mut bad = credential("bad");
        bad[member] = value;
        session.post(&path, bad).await.refused(400, "Request_BadRequest");
    }
    for number in 1..20 {
        session.post(&path, credential(&format!("n{number}"))).await.expect(201);
    }
    session.post(&path, credential("twenty-first")).await.refused(403, "Directory_QuotaExceeded");
    let issuer = "/applications?$count=true&$filter=federatedIdentityCredentials/any(f:f/name%20eq%20'n7')";
    let found = session.try_send("GET", issuer, &[("consistencylevel", "eventual")], None).await.unwrap().expect(200);
    assert_eq!(found["@odata.count"], 1);
}
