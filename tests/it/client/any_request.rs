//! Operations without a method: sent by path, with all that a typed call has.

use std::time::Duration;

use entra_apps::http::Method;
use entra_apps::ids::ApplicationId;
use entra_apps::model::{Application, DirectoryObject, NewApplication};
use entra_apps::{Client, ErrorKind};
use entra_emulator::{Fault, MemoryTenant};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{builder, counts, quiet, tenant};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct FederatedCredential {
    name: String,
    issuer: String,
    subject: String,
    audiences: Vec<String>,
}

fn credential(name: &str) -> FederatedCredential {
    FederatedCredential {
        name: name.to_owned(),
        issuer: "https://token.actions.githubusercontent.com".to_owned(),
        subject: format!("repo:contoso/backup:environment:{name}"),
        audiences: vec!["api://AzureADTokenExchange".to_owned()],
    }
}

async fn application(client: &Client) -> ApplicationId {
    client.applications().create(&NewApplication::new("App")).await.unwrap().id.unwrap()
}

async fn listed(client: &Client, path: &str) -> Vec<String> {
    let list = client.request(Method::GET, path).list::<FederatedCredential>();
    let mut names: Vec<_> = list.all().await.unwrap().into_iter().map(|credential| credential.name).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn federated_credentials_are_created_listed_and_deleted_also_in_a_batch() {
    let client = tenant().client();
    let path = format!("applications/{}/federatedIdentityCredentials", application(&client).await);
    let made = client.request(Method::POST, &path).json(&credential("main")).returning::<FederatedCredential>();
    assert_eq!(made.await.unwrap(), credential("main"));
    let mut batch = client.batch();
    let more = ["staging", "production"]
        .map(|name| batch.add(client.request(Method::POST, &path).json(&credential(name)).returning::<Value>()));
    let mut response = batch.await.unwrap();
    for handle in more {
        assert!(response.take(handle).unwrap()["id"].is_string());
    }
    assert_eq!(listed(&client, &path).await, ["main", "production", "staging"]);
    let mut batch = client.batch();
    let first = batch.add(client.request(Method::GET, &path).list::<FederatedCredential>().page());
    let gone = batch.add(client.request(Method::DELETE, format!("{path}/staging")).returning_nothing());
    let mut response = batch.await.unwrap();
    assert_eq!(response.take(first).unwrap().value.len(), 3);
    response.take(gone).unwrap();
    client.request(Method::DELETE, format!("{path}/main")).returning::<()>().await.unwrap();
    assert_eq!(listed(&client, &path).await, ["production"]);
    let of = |name: &str| client.request(Method::GET, format!("{path}/{name}"));
    assert!(of("production").returning_if_found::<FederatedCredential>().await.unwrap().is_some());
    assert!(of("main").returning_if_found::<FederatedCredential>().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn owners_are_added_listed_and_removed_also_in_a_batch() {
    let tenant = tenant();
    let client = tenant.client();
    let path = format!("applications/{}/owners", application(&client).await);
    let people = ["Ada", "Alan"].map(|name| tenant.add_user(name, &[]).id.to_string());
    let add = |person: &str| {
        client.request(Method::POST, format!("{path}/$ref")).reference(["directoryObjects", person]).returning_nothing()
    };
    let owners = || client.request(Method::GET, &path).list::<DirectoryObject>().all();
    add(&people[0]).await.unwrap();
    let mut batch = client.batch();
    let (again, second) = (batch.add(add(&people[0])), batch.add(add(&people[1])));
    let mut response = batch.await.unwrap();
    assert_eq!(response.take(again).unwrap_err().kind(), ErrorKind::Conflict);
    response.take(second).unwrap();
    let listed: Vec<_> = owners().await.unwrap().iter().map(|owner| owner.id.unwrap().to_string()).collect();
    assert!(people.iter().all(|person| listed.contains(person)), "{listed:?}");
    let gone = client.request(Method::DELETE, format!("{path}/{}/$ref", people[0])).returning_nothing();
    gone.await.unwrap();
    assert_eq!(owners().await.unwrap().len(), listed.len() - 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_operation_without_its_ids_and_says_what_to_do() {
    let tenant = tenant();
    let client = tenant.client();
    let id = ApplicationId::from_u128(7);
    let owners = client.request(Method::GET, format!("applications/{id}/owners"));
    let error = owners.returning::<Value>().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::NotFound, Some("GET /applications/{id}/owners")));
    let caller = tenant.add_caller(&[]);
    let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap();
    let error = client.request(Method::GET, "applications").returning::<Value>().await.unwrap_err();
    assert_eq!(error.code().as_str(), "missing_permission");
    assert!(error.remedy().contains("reference names"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_invalid_is_refused_before_it_is_sent() {
    let tenant = tenant();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    quiet(&tenant);
    let get = |path: &str| client.request(Method::GET, path);
    for (call, code) in [
        (get("https://evil.example/me"), "invalid_path"),
        (get("applications/../users"), "invalid_path"),
        (get("applications").header("Authorization", "Bearer x"), "invalid_header"),
        (get("applications").reference("//evil.example/x"), "invalid_path"),
        (get("applications").bytes("a\nb", "x"), "invalid_header"),
        (get("applications").query("$select", "id").query("$select", "appId"), "invalid_query"),
    ] {
        assert_eq!(call.returning::<Value>().await.unwrap_err().code().as_str(), code);
    }
    for alone in [get("applications").header("Prefer", "return=minimal"), get("applications").bytes("image/png", "x")] {
        let mut batch = client.batch();
        let _handle = batch.add(alone.returning_nothing());
        assert_eq!(batch.await.unwrap_err().code().as_str(), "not_batchable");
    }
    assert_eq!(counts(&tenant).0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_repeated_only_where_the_caller_says_so() {
    let post = |tenant: &MemoryTenant| {
        tenant.fault(Fault::on("POST", "/applications").fails_after_writing(503));
        tenant.client().request(Method::POST, "applications").json(&json!({"displayName": "Raw"}))
    };
    let tenant = tenant();
    let before = tenant.applications().len();
    let error = post(&tenant).returning::<Application>().await.unwrap_err();
    assert!(error.maybe_done() && error.remedy().contains("look for what it makes"), "{error}");
    assert_eq!(tenant.applications().len(), before + 1);
    post(&tenant).repeatable().returning::<Application>().await.unwrap();
    assert_eq!(tenant.applications().len(), before + 3);
    // What sets what it sets is repeated.
    let client = tenant.client();
    let id = application(&client).await;
    tenant.fault(Fault::on("PATCH", "/applications/*").fails_after_writing(503));
    let patch = client.request(Method::PATCH, format!("applications/{id}")).json(&json!({"notes": "twice"}));
    patch.returning::<()>().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_made_a_moment_ago_is_waited_for() {
    let tenant = builder().lag(Duration::from_secs(20)).build();
    tenant.settle();
    let client = tenant.client();
    let path = format!("applications/{}/federatedIdentityCredentials", application(&client).await);
    client.request(Method::POST, &path).json(&credential("main")).returning::<Value>().await.unwrap();
    tenant.settle();
    client.request(Method::POST, &path).json(&credential("other")).returning::<Value>().await.unwrap();
    client.request(Method::GET, format!("{path}/other")).returning::<Value>().await.unwrap();
    client.request(Method::DELETE, format!("{path}/other")).returning_nothing().await.unwrap();
    // What goes from an application leaves the application as fresh as it was.
    let id = application(&client).await;
    client.request(Method::GET, format!("applications/{id}")).returning::<Application>().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_list_pages_and_takes_options_in_both_forms() {
    let tenant = tenant();
    let client = tenant.client();
    for number in 0..25 {
        client.applications().create(&NewApplication::new(format!("Raw {number:02}"))).await.unwrap();
    }
    let list = client
        .request(Method::GET, "applications")
        .query("$filter", "startsWith(displayName,'Raw')")
        .list::<Application>()
        .select(["displayName"])
        .top(10);
    quiet(&tenant);
    assert_eq!(list.all().await.unwrap().len(), 25);
    assert_eq!(counts(&tenant).0, 3);
}

#[tokio::test(start_paused = true)]
async fn the_beta_version_has_a_batch_of_its_own() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("POST", "/beta/$batch").body(r#"{"responses":[{"id":"2","status":200,"body":{"x":1}}]}"#));
    let mut batch = client.batch();
    let first = batch.add(client.organization().get());
    let beta = batch.add(client.request(Method::GET, "organization").beta().returning::<Value>());
    let second = batch.add(client.organization().get());
    let mut response = batch.await.unwrap();
    for handle in [first, second] {
        assert_eq!(response.take(handle).unwrap().id, Some(tenant.id()));
    }
    let _ = response.take(beta);
    let paths: Vec<_> = tenant.requests().iter().filter(|request| !request.is_token).map(|r| r.path.clone()).collect();
    assert_eq!(paths, ["/v1.0/$batch", "/beta/$batch"]);
}
