//! Delta queries.

use serde_json::{Value, json};

use super::{Answered, Session, builder};
use std::time::Duration;

/// Follows a round to its end: the rows, and the path of the next round.
async fn round(session: &Session, path: &str) -> (Vec<Value>, String) {
    let (mut rows, mut path) = (Vec::new(), path.to_owned());
    loop {
        let page = session.get(&path).await.expect(200);
        rows.extend(page["value"].as_array().unwrap().iter().cloned());
        let link = |name: &str| page[name].as_str().map(|link| link.split("/v1.0").nth(1).unwrap().to_owned());
        match (link("@odata.nextLink"), link("@odata.deltaLink")) {
            (Some(next), None) => path = next,
            (None, Some(delta)) => return (rows, delta),
            links => panic!("{links:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_delta_returns_all_objects_and_the_next_the_changes() {
    let session = Session::new(&builder().build()).await;
    let (one, two, three) = (session.app("One").await, session.app("Two").await, session.app("Three").await);
    let path = |app: &Value| format!("/applications/{}", app["id"].as_str().unwrap());
    let (rows, next) = round(&session, "/applications/delta?$select=displayName&$top=2").await;
    assert_eq!(rows.len(), 4, "the caller's own application is one of them");
    assert_eq!(rows[3], json!({"id": three["id"], "displayName": "Three"}));
    assert_eq!(round(&session, &next).await.0, Vec::<Value>::new());

    session.patch(&path(&one), json!({"displayName": "First"})).await.expect(204);
    session.send("DELETE", &path(&two), None).await.expect(204);
    session.send("DELETE", &path(&three), None).await.expect(204);
    session
        .send("DELETE", &format!("/directory/deletedItems/{}", three["id"].as_str().unwrap()), None)
        .await
        .expect(204);
    let (rows, next) = round(&session, &next).await;
    let gone = |app: &Value, reason| json!({"id": app["id"], "@removed": {"reason": reason}});
    assert_eq!(
        rows,
        [json!({"id": one["id"], "displayName": "First"}), gone(&two, "changed"), gone(&three, "deleted")]
    );
    assert!(round(&session, &next).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delta_can_start_now_and_be_limited_to_ids() {
    let session = Session::new(&builder().build()).await;
    let one = session.app("One").await;
    let (rows, next) = round(&session, "/applications/delta()?$deltatoken=latest").await;
    assert!(rows.is_empty());
    let two = session.app("Two").await;
    assert_eq!(round(&session, &next).await.0[0]["id"], two["id"]);
    let filter = format!("/applications/delta?$filter=id%20eq%20'{}'", one["id"].as_str().unwrap());
    assert_eq!(round(&session, &filter).await.0.len(), 1);
    let refused = |path: &'static str| async { session.get(path).await };
    refused("/applications/delta?$filter=displayName%20eq%20'x'").await.refused(400, "Request_UnsupportedQuery");
    refused("/applications/delta?$search=%22displayName:x%22").await.refused(400, "Request_UnsupportedQuery");
    refused("/applications/delta?$deltatoken=nonsense").await.refused(410, "syncStateNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_lists_do_not_show_yet_is_in_a_later_delta() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (_, next) = round(&session, "/applications/delta").await;
    tenant.set_lag(crate::Lag::none().lists(Duration::from_secs(30)));
    let app = session.app("Late").await;
    let (rows, next) = round(&session, &next).await;
    assert!(rows.is_empty());
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(round(&session, &next).await.0[0]["id"], app["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_delta_token_expires_after_a_week() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (_, next) = round(&session, "/oauth2PermissionGrants/delta").await;
    tokio::time::sleep(Duration::from_secs(7 * 24 * 3600)).await;
    let session = Session::new(&tenant).await;
    let stale: Answered = session.get(&next).await;
    stale.refused(410, "syncStateNotFound");
}

#[tokio::test(start_paused = true)]
async fn a_forged_token_is_of_no_use_and_does_no_harm() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let session = Session::new(&builder().build()).await;
    session.app("App").await;
    let path = |option: &str, begun: i64, top: u64| {
        let token = json!({"since": null, "until": 1, "after": u64::MAX, "begun": begun, "select": null, "ids": [], "top": top});
        format!("/applications/delta?{option}={}", URL_SAFE_NO_PAD.encode(token.to_string()))
    };
    for option in ["$skiptoken", "$deltatoken"] {
        session.get(&path(option, i64::MIN, 1)).await.refused(410, "syncStateNotFound");
        session.get(&path(option, i64::MAX, u64::MAX)).await.expect(200);
    }
}
