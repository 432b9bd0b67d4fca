//! What others write while the service makes a write wait: it is read, and merged, before the write is sent again.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response, StatusCode};
use entra_apps::permission::microsoft_graph::delegated;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{ApplyError, Client, ErrorCode, ErrorKind, Plan, Registered, RetryPolicy};
use entra_emulator::{Fault, MemoryTenant, RetryAfter};
use serde_json::{Value, json};

use super::{THEIRS, administrator_adds, administrator_sets, app, assert_theirs_stay, both, registration, scene};
use crate::support::{counts, quiet, register, tenant};

const WAIT: Duration = Duration::from_secs(30);

/// Makes the service say 503 where it says 429, in a batch too.
#[derive(Debug)]
struct Failing(MemoryTenant);

#[async_trait]
impl Transport for Failing {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut response = self.0.send(request).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        if let Ok(mut body) = serde_json::from_slice::<Value>(response.body())
            && let Some(items) = body["responses"].as_array_mut()
        {
            for item in items.iter_mut().filter(|item| item["status"] == 429) {
                (item["status"], item["body"]) = (json!(503), Value::Null);
            }
            *response.body_mut() = body.to_string().into();
        }
        Ok(response)
    }
}

/// A client to which the service says 503 instead of 429.
fn failing(tenant: &MemoryTenant) -> Client {
    tenant.client_builder().transport(Arc::new(Failing(tenant.clone()))).build().unwrap()
}

/// A tenant in which the app is there, its service principal not listed, and a client; of the plan everything is merged.
async fn unlisted_scene(is_503: bool) -> (MemoryTenant, Client) {
    let (tenant, client) = scene().await;
    let app_id = app(&tenant).await.app_id.unwrap();
    let path = format!("/servicePrincipals(appId='{app_id}')");
    let (status, text) = tenant.send_json("PATCH", &path, Some(r#"{"tags":["other"]}"#));
    assert!(status.is_success(), "{text}");
    let client = if is_503 { failing(&tenant) } else { client };
    (tenant, client)
}

/// Applies a plan, while somebody does something ten seconds later.
async fn apply_beside(client: &Client, plan: &Plan, other: impl AsyncFnOnce()) -> Result<Registered, ApplyError> {
    let beside = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        other().await;
    };
    tokio::join!(async { client.apply(plan).approve_all().await }, beside).0
}

/// The writes that are merged with what was read, each in a batch.
const MERGED: [&str; 3] = ["/applications/*", "/oauth2PermissionGrants/*", "/servicePrincipals/*"];

#[tokio::test(start_paused = true)]
async fn what_an_administrator_added_during_the_wait_of_a_write_stays() {
    let throttled = |fault: entra_emulator::FaultOn| fault.throttled(RetryAfter::Seconds(30));
    for is_503 in [false, true] {
        let items = MERGED.map(|path| (path.to_owned(), throttled(Fault::on("PATCH", path).in_batch().times(1))));
        let again = ("three times".to_owned(), throttled(Fault::on("PATCH", MERGED[0]).in_batch().times(3)));
        // The batch as a whole: behind the plan's two and the one read more.
        let whole = (4..=5).map(|nth| (format!("batch {nth}"), throttled(Fault::on("POST", "/$batch").nth(nth))));
        for (name, fault) in items.into_iter().chain([again]).chain(whole) {
            let context = format!("{name}, 503: {is_503}");
            let (tenant, client) = unlisted_scene(is_503).await;
            let wanted = both().permission(delegated::MAIL_READ);
            tenant.fault(fault);
            let plan = client.plan(&wanted).await.unwrap();
            let before = tokio::time::Instant::now();
            apply_beside(&client, &plan, async || administrator_adds(&tenant).await).await.unwrap();
            assert!(before.elapsed() >= WAIT, "{context}: the wait is kept");
            assert_theirs_stay(&tenant, &context).await;
            assert!(client.verify(&wanted).await.unwrap().is_done(), "{context}");
        }
    }
}

/// The first update of an app that this run has made a moment ago.
#[tokio::test(start_paused = true)]
async fn what_an_administrator_added_to_a_new_app_during_the_wait_stays() {
    for is_503 in [false, true] {
        let tenant = tenant();
        let client = if is_503 { failing(&tenant) } else { tenant.client() };
        tenant.fault(Fault::on("PATCH", "/applications/*").in_batch().throttled(RetryAfter::Seconds(30)));
        let plan = client.plan(&both()).await.unwrap();
        let theirs = json!({"web": {"redirectUris": [THEIRS]}, "tags": ["theirs"]});
        apply_beside(&client, &plan, async || administrator_sets(&tenant, &theirs).await).await.unwrap();
        let app = app(&tenant).await;
        assert_eq!((app.web.unwrap().redirect_uris.len(), app.tags.len()), (3, 3), "503: {is_503}");
        assert!(client.verify(&both()).await.unwrap().is_done(), "503: {is_503}");
    }
}

/// The creation by unique name is judged anew as well: what would stop a plan now stops it.
#[tokio::test(start_paused = true)]
async fn what_somebody_made_during_the_wait_of_a_creation_passes_every_guard() {
    for (by_hand, is_503) in [(true, false), (true, true), (false, false), (false, true)] {
        let tenant = tenant();
        let client = if is_503 { failing(&tenant) } else { tenant.client() };
        tenant.fault(Fault::on("PATCH", "/applications/*").alone().throttled(RetryAfter::Seconds(30)));
        let plan = client.plan(&both()).await.unwrap();
        let result = apply_beside(&client, &plan, async || match by_hand {
            true => {
                let (status, text) = tenant.send_json("POST", "/applications", Some(r#"{"displayName": "App"}"#));
                assert!(status.is_success(), "{text}");
            }
            false => {
                register(&tenant.client(), &registration("a")).await;
                administrator_adds(&tenant).await;
            }
        })
        .await;
        if by_hand {
            assert_eq!(result.unwrap_err().error().code(), ErrorCode::SameDisplayName);
            assert!(tenant.applications().iter().all(|app| app.unique_name.is_none()), "none is made beside it");
        } else {
            result.unwrap();
            assert_theirs_stay(&tenant, "made by somebody else").await;
            assert!(client.verify(&both()).await.unwrap().is_done());
        }
    }
}

/// A grant of which nothing is to be left is taken away as a whole: not with what somebody has added to it.
#[tokio::test(start_paused = true)]
async fn what_was_added_to_a_grant_during_the_wait_of_its_removal_is_not_removed() {
    let (tenant, client) = scene().await;
    let app_id = app(&tenant).await.app_id.unwrap();
    let wanted = registration("a");
    tenant.fault(Fault::on("DELETE", "/oauth2PermissionGrants/*").in_batch().throttled(RetryAfter::Seconds(30)));
    let plan = client.grant_to(app_id, &wanted).plan_removal().await.unwrap();
    apply_beside(&client, &plan, async || administrator_adds(&tenant).await).await.unwrap();
    let held = tenant.client().oauth2_permission_grants().list_held_by(app_id).all().await.unwrap();
    assert_eq!(held[0].scopes().collect::<Vec<_>>(), ["Calendars.Read"]);
}

/// A service principal is not deleted with what it was granted in the meantime.
#[tokio::test(start_paused = true)]
async fn a_principal_that_is_granted_something_during_the_wait_of_its_deletion_stays() {
    let (tenant, client) = scene().await;
    let app_id = app(&tenant).await.app_id.unwrap();
    let wanted = registration("a");
    let plan = client.grant_to(app_id, &wanted).plan_removal().service_principal().await.unwrap();
    tenant.fault(Fault::on("DELETE", "/servicePrincipals/*").in_batch().throttled(RetryAfter::Seconds(30)));
    let beside = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let more = wanted.clone().permission(delegated::MAIL_READ);
        let admin = tenant.client();
        admin.apply(&admin.grant_to(app_id, &more).plan().await.unwrap()).await.unwrap();
    };
    let (result, ()) = tokio::join!(async { client.apply(&plan).approve_deletion(app_id).await }, beside);
    let error = result.unwrap_err();
    assert!([ErrorCode::ServicePrincipalInUse, ErrorCode::PlanOutdated].contains(&error.error().code()), "{error}");
    assert!(tenant.service_principals().iter().any(|principal| principal.app_id == app_id));
}

/// What the plan does not show is not overwritten either: a value, and what would be surplus.
#[tokio::test(start_paused = true)]
async fn what_the_plan_does_not_show_ends_the_run_after_the_wait() {
    for (wanted, theirs) in [
        (both().notes("mine"), json!({"notes": "theirs"})),
        (both().remove_surplus(), json!({"web": {"redirectUris": ["https://a.example/callback", THEIRS]}})),
    ] {
        let (tenant, client) = scene().await;
        tenant.fault(Fault::on("PATCH", "/applications/*").in_batch().throttled(RetryAfter::Seconds(30)));
        let plan = client.plan(&wanted).await.unwrap();
        let result = apply_beside(&client, &plan, async || administrator_sets(&tenant, &theirs).await).await;
        assert_eq!(result.unwrap_err().error().code(), ErrorCode::PlanOutdated);
        let app = serde_json::to_value(app(&tenant).await).unwrap();
        assert!(app["notes"] == theirs["notes"] && app["tags"].as_array().unwrap().len() == 1, "{app}");
    }
}

/// Another request of this client is throttled, and all wait: what was read before is not written from behind it.
#[tokio::test(start_paused = true)]
async fn a_write_that_waits_behind_another_request_is_merged_anew() {
    for (is_new, before) in [(true, 1), (false, 1), (false, 3)] {
        let context = format!("new: {is_new}, other request after {before} s");
        let (tenant, client) = match is_new {
            true => {
                let tenant = tenant();
                let client = tenant.client();
                (tenant, client)
            }
            false => scene().await,
        };
        let plan = client.plan(&both()).await.unwrap();
        tenant.fault(Fault::on("GET", "/organization").alone().throttled(RetryAfter::Seconds(30)));
        // So that the other request is refused between the read and the write, too.
        tenant.fault(Fault::on("POST", "/$batch").always().slow(Duration::from_secs(2)));
        let other = async {
            tokio::time::sleep(Duration::from_secs(before)).await;
            client.organization().get().await.unwrap();
        };
        let administrator = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            match is_new {
                true => drop(register(&tenant.client(), &registration("a")).await),
                false => administrator_adds(&tenant).await,
            }
        };
        let apply = async {
            if is_new {
                tokio::time::sleep(Duration::from_secs(before + 1)).await;
            }
            client.apply(&plan).await
        };
        let (result, (), ()) = tokio::join!(apply, other, administrator);
        result.unwrap_or_else(|error| panic!("{context}: {error}"));
        if !is_new {
            assert_theirs_stay(&tenant, &context).await;
        }
        tenant.clear_faults();
        assert!(client.verify(&both()).await.unwrap().is_done(), "{context}");
    }
}

/// A wait of up to five seconds is waited out by the write itself, with no read more.
#[tokio::test(start_paused = true)]
async fn a_short_wait_costs_no_read_and_a_long_one_costs_one() {
    for (seconds, reads) in [(3, 0), (30, 1)] {
        let (tenant, client) = scene().await;
        let plan = client.plan(&both()).await.unwrap();
        tenant.fault(Fault::on("PATCH", "/applications/*").in_batch().throttled(RetryAfter::Seconds(seconds)));
        quiet(&tenant);
        client.apply(&plan).await.unwrap();
        assert_eq!(counts(&tenant).0, 3 + reads, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_made_to_wait_for_ever_ends_within_the_policy_and_the_deadline() {
    let minutes = Duration::from_secs(60);
    for is_503 in [false, true] {
        for (deadline, longest, kind) in [
            (None, 8 * minutes, if is_503 { ErrorKind::Service } else { ErrorKind::Throttled }),
            (Some(minutes), minutes, if is_503 { ErrorKind::Service } else { ErrorKind::Throttled }),
            (Some(WAIT / 2), Duration::from_secs(2), if is_503 { ErrorKind::Service } else { ErrorKind::Throttled }),
        ] {
            let (tenant, _) = scene().await;
            let transport: Arc<dyn Transport> = match is_503 {
                true => Arc::new(Failing(tenant.clone())),
                false => Arc::new(tenant.clone()),
            };
            let policy = RetryPolicy::new().max_throttled(5 * minutes);
            let client = tenant.client_builder().transport(transport).retry_policy(policy).build().unwrap();
            tenant.fault(Fault::on("PATCH", "/applications/*").in_batch().always().throttled(RetryAfter::Seconds(30)));
            let plan = client.plan(&both()).await.unwrap();
            let before = tokio::time::Instant::now();
            let apply = client.apply(&plan);
            let result = match deadline {
                Some(deadline) => apply.deadline(deadline).await,
                None => apply.await,
            };
            let error = result.unwrap_err();
            assert_eq!(error.error().kind(), kind, "{deadline:?}: {error}");
            assert!(before.elapsed() <= longest, "{deadline:?}, 503: {is_503}: {:?}", before.elapsed());
            tenant.clear_faults();
            register(&tenant.client(), &both()).await;
        }
    }
}
