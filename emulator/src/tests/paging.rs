//! Pages, whichever way their objects are found.

use super::*;

const EVENTUAL: &[(&str, &str)] = &[("ConsistencyLevel", "eventual")];

/// The display names of all pages, and how many pages there were.
async fn walk(session: &Session, path: &str) -> (Vec<String>, usize) {
    let (mut path, mut found, mut pages) = (path.to_owned(), Vec::new(), 0);
    loop {
        let page = session.try_send("GET", &path, EVENTUAL, None).await.unwrap().expect(200);
        found.extend(page["value"].as_array().unwrap().iter().map(|item| item["displayName"].to_string()));
        pages += 1;
        let Some(next) = page["@odata.nextLink"].as_str() else { return (found, pages) };
        path = next.strip_prefix("https://graph.microsoft.com/v1.0").unwrap().to_owned();
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_to_a_list_has_every_object_once_and_in_order() {
    let session = Session::new(&builder().build()).await;
    let apps: Vec<Value> = {
        let mut apps = Vec::new();
        for number in 0..7 {
            apps.push(session.app(&format!("App {number}")).await);
        }
        apps
    };
    let ids: Vec<String> = apps.iter().map(|app| format!("'{}'", app["appId"].as_str().unwrap())).collect();
    let mut names: Vec<String> = (0..7).map(|number| format!("\"App {number}\"")).collect();
    let filters = ["startswith(displayName,'App')".to_owned(), format!("appId%20in%20({})", ids.join(","))];
    for filter in &filters {
        for more in ["", "&$count=true"] {
            let listed = walk(&session, &format!("/applications?$top=3&$filter={filter}{more}")).await;
            assert_eq!(listed, (names.clone(), 3), "{filter}{more}");
        }
    }
    let all = walk(&session, "/applications?$top=3").await;
    assert_eq!((&all.0[1..], all.1), (&names[..], 3), "the caller is the first");
    names.reverse();
    let sorted = "$top=3&$count=true&$orderby=displayName%20desc";
    for filter in &filters {
        assert_eq!(walk(&session, &format!("/applications?{sorted}&$filter={filter}")).await, (names.clone(), 3));
    }
    for app in &apps {
        session.send("DELETE", &format!("/applications/{}", app["id"].as_str().unwrap()), None).await.expect(204);
    }
    names.reverse();
    let deleted = "/directory/deletedItems/microsoft.graph.application?$top=3";
    assert_eq!(walk(&session, deleted).await, (names, 3));
}

#[tokio::test(start_paused = true)]
async fn a_full_last_page_has_no_link() {
    let session = Session::new(&builder().build()).await;
    for number in 0..4 {
        session.app(&format!("App {number}")).await;
    }
    let (found, pages) = walk(&session, "/applications?$top=2&$filter=startswith(displayName,'App')").await;
    assert_eq!((found.len(), pages), (4, 2));
    let page = session.get("/applications?$top=4&$filter=startswith(displayName,'App')").await.expect(200);
    assert!(page.get("@odata.nextLink").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_index_follows_a_change() {
    let session = Session::new(&builder().build()).await;
    let app = session.app("App").await;
    let uri = |suffix: &str| format!("api://{}{suffix}", app["appId"].as_str().unwrap());
    let path = format!("/applications/{}", app["id"].as_str().unwrap());
    let found = |suffix: &str| {
        let filter = format!("identifierUris/any(x:x%20eq%20'{}')", uri(suffix));
        let session = session.clone();
        async move { walk(&session, &format!("/applications?$filter={filter}")).await.0.len() }
    };
    session.patch(&path, json!({"identifierUris": [uri("/one"), uri("/two")]})).await.expect(204);
    assert_eq!((found("/ONE").await, found("/two").await), (1, 1));
    session.patch(&path, json!({"identifierUris": [uri("/two")]})).await.expect(204);
    assert_eq!((found("/one").await, found("/two").await), (0, 1));
    let other = session.app("Other").await;
    let taken = json!({"identifierUris": [uri("/two")]});
    let other = format!("/applications/{}", other["id"].as_str().unwrap());
    let response = session.patch(&other, taken.clone()).await;
    assert_eq!(response.body["error"]["details"][0]["code"], "ObjectConflict");
    session.send("DELETE", &path, None).await.expect(204);
    session.patch(&other, taken).await.refused(400, "Request_BadRequest");
}
