//! What others write between a plan and its apply is not overwritten, and nothing is done that the plan does not show.

mod throttled;

use std::time::Duration;

use entra_apps::model::{Application, ApplicationPatch};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::provision::Tag;
use entra_apps::{AppRegistration, Client, ErrorCode, RedirectUri};
use entra_emulator::MemoryTenant;
use serde_json::json;

use crate::support::{counts, quiet, register, tenant};

const THEIRS: &str = "https://theirs.example/callback";

/// The moments after the plan at which somebody else writes, in seconds.
const MOMENTS: [u64; 4] = [0, 4, 20, 55];

fn registration(name: &str) -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web(format!("https://{name}.example/callback")).unwrap())
        .permission(delegated::USER_READ)
        .tag(Tag::new(name).unwrap())
}

fn both() -> AppRegistration {
    registration("a").redirect_uri(RedirectUri::web("https://b.example/callback").unwrap()).tag(Tag::new("b").unwrap())
}

/// A tenant in which the app was registered long ago, and a client that knows nothing of it.
async fn scene() -> (MemoryTenant, Client) {
    let tenant = tenant();
    register(&tenant.client(), &registration("a")).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    let client = tenant.client();
    (tenant, client)
}

async fn app(tenant: &MemoryTenant) -> Application {
    let app_id = tenant.applications().into_iter().find(|app| app.display_name == "App").unwrap().app_id;
    tenant.client().applications().get(app_id).await.unwrap()
}

/// An administrator adds a redirect URI, a tag and a declared scope, another to the grant, and a tag of the principal.
async fn administrator_adds(tenant: &MemoryTenant) {
    let app = app(tenant).await;
    let client = tenant.client();
    let mut web = app.web.unwrap().redirect_uris;
    web.push(THEIRS.to_owned());
    let mut declared = serde_json::to_value(&app.required_resource_access).unwrap();
    let scope = delegated::CALENDARS_READ.id().unwrap().to_string();
    let entry = declared[0]["resourceAccess"].as_array_mut().unwrap();
    entry.push(serde_json::json!({"id": scope, "type": "Scope"}));
    let tags = app.tags.iter().map(String::as_str).chain(["theirs"]).collect::<Vec<_>>();
    let body = serde_json::json!({"web": {"redirectUris": web}, "requiredResourceAccess": declared, "tags": tags});
    let (status, text) =
        tenant.send_json("PATCH", &format!("/applications/{}", app.id.unwrap()), Some(&body.to_string()));
    assert_eq!(status, 204, "{text}");
    let app_id = app.app_id.unwrap();
    let grant = client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap().remove(0);
    let scopes = format!("{} Calendars.Read", grant.scope.unwrap());
    let body = serde_json::json!({"scope": scopes}).to_string();
    tenant.send_json("PATCH", &format!("/oauth2PermissionGrants/{}", grant.id.unwrap()), Some(&body));
    let principal = client.service_principals().get(app_id).await.unwrap();
    let tags = principal.tags.iter().map(String::as_str).chain(["theirs"]).collect::<Vec<_>>();
    let body = serde_json::json!({"tags": tags}).to_string();
    tenant.send_json("PATCH", &format!("/servicePrincipals/{}", principal.id.unwrap()), Some(&body));
}

/// Asserts that what the administrator added is there.
async fn assert_theirs_stay(tenant: &MemoryTenant, context: &str) {
    let app = app(tenant).await;
    let client = tenant.client();
    let uris = &app.web.as_ref().unwrap().redirect_uris;
    assert!(uris.iter().any(|uri| uri == THEIRS), "{context}: {uris:?}");
    assert!(app.tags.iter().any(|tag| tag == "theirs"), "{context}: {:?}", app.tags);
    let declared = app.required_resource_access.iter().flat_map(|api| &api.resource_access);
    let declared: Vec<_> = declared.filter_map(|access| access.id).collect();
    assert!(declared.contains(&delegated::CALENDARS_READ.id().unwrap()), "{context}: {declared:?}");
    let grant = client.oauth2_permission_grants().list_held_by(app.app_id.unwrap()).all().await.unwrap().remove(0);
    assert!(grant.scopes().any(|scope| scope == "Calendars.Read"), "{context}: {grant:?}");
    let principal = client.service_principals().get(app.app_id.unwrap()).await.unwrap();
    assert!(principal.tags.iter().any(|tag| tag == "theirs"), "{context}: {:?}", principal.tags);
}

#[tokio::test(start_paused = true)]
async fn what_an_administrator_added_after_the_plan_stays() {
    for seconds in MOMENTS {
        let (tenant, client) = scene().await;
        let wanted = both().permission(delegated::MAIL_READ);
        let plan = client.plan(&wanted).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        administrator_adds(&tenant).await;
        quiet(&tenant);
        match client.apply(&plan).await {
            Ok(_) => assert!(seconds <= 5, "a plan of {seconds} s is compared with the tenant"),
            Err(error) => {
                assert!(seconds > 5 && error.error().code() == ErrorCode::PlanOutdated, "{seconds} s: {error}");
                assert_eq!(counts(&tenant).1, 0, "{seconds} s");
                let plan = client.plan(&wanted).await.unwrap();
                client.apply(&plan).await.unwrap();
            }
        }
        assert_theirs_stay(&tenant, &format!("{seconds} s")).await;
        assert!(client.verify(&wanted).await.unwrap().is_done(), "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_exact_removes_nothing_that_the_plan_did_not_show() {
    for seconds in MOMENTS {
        let (tenant, client) = scene().await;
        let plan = client.plan(&both().remove_surplus()).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        administrator_adds(&tenant).await;
        quiet(&tenant);
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!(error.error().code(), ErrorCode::PlanOutdated, "{seconds} s: {error}");
        if seconds <= 5 {
            assert!(error.to_string().contains(THEIRS), "{error}");
        }
        assert_eq!(counts(&tenant).1, 0, "{seconds} s");
        assert_theirs_stay(&tenant, &format!("{seconds} s")).await;
    }
}

/// What somebody took away is not written back either.
#[tokio::test(start_paused = true)]
async fn what_an_administrator_removed_after_the_plan_stays_away() {
    for seconds in MOMENTS {
        let (tenant, client) = scene().await;
        register(&client, &both()).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        let plan = client.plan(&registration("c")).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let id = app(&tenant).await.id.unwrap();
        let patch = ApplicationPatch::new().tags(vec!["a".to_owned()]);
        tenant.client().applications().update(id, &patch).await.unwrap();
        quiet(&tenant);
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::PlanOutdated, 0), "{seconds} s: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_was_deleted_after_the_plan_is_not_written() {
    let (tenant, client) = scene().await;
    let plan = client.plan(&both()).await.unwrap();
    tenant.client().applications().delete(app(&tenant).await.id.unwrap()).await.unwrap();
    quiet(&tenant);
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::PlanOutdated, 0), "{error}");
}

/// One read more than a plan's two, and the writes: declared and granted in two batches.
#[tokio::test(start_paused = true)]
async fn a_change_of_an_app_reads_it_once_more() {
    let (tenant, client) = scene().await;
    quiet(&tenant);
    register(&client, &both().permission(delegated::MAIL_READ)).await;
    assert_eq!(counts(&tenant).0, 2 + 1 + 2);
}

/// Somebody makes the app between plan and apply, with more than is wanted.
#[tokio::test(start_paused = true)]
async fn an_app_that_somebody_else_made_first_passes_every_guard() {
    let more = registration("a").permission(delegated::CALENDARS_READ);
    for is_exact in [false, true] {
        let tenant = tenant();
        let client = tenant.client();
        let wanted = if is_exact { both().remove_surplus() } else { both() };
        let plan = client.plan(&wanted).await.unwrap();
        register(&tenant.client(), &more).await;
        administrator_adds(&tenant).await;
        let result = client.apply(&plan).await;
        match is_exact {
            false => assert!(result.is_ok() && client.verify(&wanted).await.unwrap().is_done()),
            true => assert_eq!(result.unwrap_err().error().code(), ErrorCode::PlanOutdated),
        }
        assert_theirs_stay(&tenant, if is_exact { "exact" } else { "not exact" }).await;
    }
}

/// Two plans of one client, one after the other: the second one goes on from what the first has done.
#[tokio::test(start_paused = true)]
async fn plans_of_one_client_are_applied_one_after_the_other() {
    for seconds in [0, 4, 20] {
        let (_, client) = scene().await;
        let wanted = both().permission(application::DIRECTORY_READ_ALL);
        let (one, other) = (wanted.clone().notes("one"), wanted.clone().notes("other"));
        let (one, other) = (client.plan(&one).await.unwrap(), client.plan(&other).await.unwrap());
        client.apply(&one).await.unwrap();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        client.apply(&other).await.unwrap();
        assert!(client.plan(&wanted.notes("other")).await.unwrap().is_converged(), "{seconds} s");
    }
}

/// Sets a member of the application as an administrator would.
async fn administrator_sets(tenant: &MemoryTenant, members: &serde_json::Value) {
    let id = app(tenant).await.id.unwrap();
    let (status, text) = tenant.send_json("PATCH", &format!("/applications/{id}"), Some(&members.to_string()));
    assert_eq!(status, 204, "{text}");
}

/// A value is changed from the one that the plan shows, which may be none.
#[tokio::test(start_paused = true)]
async fn a_value_that_an_administrator_set_after_the_plan_stays() {
    let page = || "https://mine.example/".parse().unwrap();
    let theirs = "https://theirs.example/";
    for seconds in MOMENTS {
        for (wanted, members, shown) in [
            (registration("a").notes("mine"), json!({"notes": theirs}), "/notes"),
            (registration("a").homepage(page()), json!({"web": {"homePageUrl": theirs}}), "/web/homePageUrl"),
        ] {
            let (tenant, client) = scene().await;
            let plan = client.plan(&wanted).await.unwrap();
            tokio::time::advance(Duration::from_secs(seconds)).await;
            administrator_sets(&tenant, &members).await;
            quiet(&tenant);
            let error = client.apply(&plan).await.unwrap_err();
            assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::PlanOutdated, 0), "{seconds} s: {error}");
            let there = serde_json::to_value(app(&tenant).await).unwrap();
            assert_eq!(there.pointer(shown).unwrap(), theirs, "{seconds} s");
        }
    }
}

/// What the first of two plans of one client saw on its way is not what that client wrote.
#[tokio::test(start_paused = true)]
async fn a_second_plan_of_one_client_takes_nothing_of_others_for_its_own() {
    for seconds in [0, 4, 20] {
        for wanted in [registration("a").notes("mine"), registration("a").remove_surplus()] {
            let (tenant, client) = scene().await;
            let first = client.plan(&registration("a").homepage("https://h.example/".parse().unwrap())).await.unwrap();
            let second = client.plan(&wanted).await.unwrap();
            let uris = ["https://a.example/callback", THEIRS];
            administrator_sets(&tenant, &json!({"notes": "theirs", "web": {"redirectUris": uris}})).await;
            client.apply(&first).await.unwrap();
            tokio::time::advance(Duration::from_secs(seconds)).await;
            quiet(&tenant);
            match client.apply(&second).await {
                Ok(_) => panic!("{seconds} s: it was not shown"),
                Err(error) => {
                    let expected = (ErrorCode::PlanOutdated, 0);
                    assert_eq!((error.error().code(), counts(&tenant).1), expected, "{seconds} s: {error}");
                }
            }
            let app = app(&tenant).await;
            assert!(app.notes.as_deref() == Some("theirs") && app.web.unwrap().redirect_uris.len() == 2, "{seconds} s");
        }
    }
}
