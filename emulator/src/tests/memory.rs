//! What a tenant holds does not grow with what it was asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

use super::*;

/// How much a tenant holds, collection by collection.
fn sizes(tenant: &MemoryTenant) -> Vec<(&'static str, usize)> {
    let state = tenant.state();
    let directory = &state.directory;
    let [devices, codes, refresh_tokens] = state.cloud.flows.sizes();
    let tables = [&directory.applications, &directory.service_principals, &directory.assignments, &directory.federated];
    vec![
        ("requests", state.log.all().count()),
        ("tokens", state.tokens.len()),
        ("device codes", devices),
        ("authorization codes", codes),
        ("refresh tokens", refresh_tokens),
        ("windows", state.cloud.spending.windows()),
        ("versions", tables.iter().map(|table| table.versions().count()).sum()),
        ("changes", directory.changes.len()),
        ("deleted objects", directory.deleted_items.len()),
        ("secrets", directory.secrets.len()),
        ("keys", directory.keys.len()),
    ]
}

/// Creates an application, gives it a secret and a certificate, takes them away, and deletes it for good.
async fn come_and_go(session: &Session) {
    let app = session.app("Passing").await;
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let secret = session.post(&(path.clone() + "/addPassword"), json!({})).await.expect(200);
    session.post(&(path.clone() + "/removePassword"), json!({"keyId": secret["keyId"]})).await.expect(204);
    let certificate = STANDARD.encode(include_bytes!("../../certificates/one.der"));
    let key = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate});
    session.patch(&path, json!({"keyCredentials": [key]})).await.expect(204);
    session.patch(&path, json!({"keyCredentials": []})).await.expect(204);
    session.send("DELETE", &path, None).await.expect(204);
    let deleted = format!("/directory/deletedItems/{}", app["id"].as_str().unwrap());
    session.post(&(deleted.clone() + "/restore"), json!({})).await.expect(200);
    session.send("DELETE", &path, None).await.expect(204);
    session.send("DELETE", &deleted, None).await.expect(204);
    session.get("/applications?$top=1").await.expect(200);
    session
        .post("/$batch", json!({"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}))
        .await
        .expect(200);
    let form = [("client_id", session.tenant.caller().client_id.to_string()), ("scope", "openid".to_owned())];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let uri = format!("https://login.microsoftonline.com/{}/oauth2/v2.0/devicecode", session.tenant.id());
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded").body(form.into());
    assert_eq!(session.tenant.send(request.unwrap()).await.unwrap().status(), 200);
    tokio::time::advance(Duration::from_secs(600)).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_leaves_nothing_behind() {
    let tenant = builder().recorded_requests(100).lag(Duration::from_millis(1)).build();
    tenant.set_throttling(crate::Throttling::documented());
    let after = |rounds: usize| {
        let tenant = tenant.clone();
        async move {
            for _ in 0..rounds {
                come_and_go(&Session::new(&tenant).await).await;
            }
            let mut state = tenant.state();
            // It is looked for what nobody has only once there is much of it.
            state.directory.sweep_at = 0;
            state.directory.sweep_credentials();
            drop(state);
            sizes(&tenant)
        }
    };
    let (few, many) = (after(40).await, after(80).await);
    let changes = |sizes: &[(&str, usize)]| sizes.iter().find(|(name, _)| *name == "changes").unwrap().1;
    // One for each object that there ever was, up to a bound of its own.
    assert_eq!((changes(&few), changes(&many)), (40, 120));
    let rest = |sizes: Vec<(&'static str, usize)>| {
        sizes.into_iter().filter(|(name, _)| *name != "changes").collect::<Vec<_>>()
    };
    assert_eq!(rest(few), rest(many));
    assert_eq!(tenant.requests().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_records_the_latest_requests() {
    let tenant = builder().recorded_requests(3).build();
    let session = Session::new(&tenant).await;
    for path in ["/organization", "/users", "/groups", "/applications"] {
        session.get(path).await.expect(200);
    }
    let paths: Vec<_> = tenant.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/v1.0/users", "/v1.0/groups", "/v1.0/applications"]);
    assert_eq!(tenant.round_trips(), 3);
    let silent = builder().recorded_requests(0).build();
    Session::new(&silent).await.get("/organization").await.expect(200);
    assert!(silent.requests().is_empty());
}
