//! The client against a tenant that limits what may be asked, and one whose clock is wrong.

use std::time::Duration;

use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::{ErrorKind, time};
use entra_emulator::{Fault, RetryAfter, Throttling};

use crate::support::guides;
use crate::support::{builder, register};

#[tokio::test(start_paused = true)]
async fn a_job_ends_as_it_should_under_a_small_limit() {
    let seconds = Duration::from_secs;
    for limits in [
        Throttling::of(3, seconds(10)),
        Throttling::of(100, seconds(10)).writes(3, seconds(60)),
        Throttling::of(5, seconds(10)).writes(2, seconds(30)).tenant_writes(4, seconds(100)),
        Throttling::documented(),
    ] {
        let tenant = builder().throttling(limits.clone()).build();
        let client = tenant.client();
        let registration = guides::immybot::registration("contoso");
        let registered = register(&client, &registration).await;
        assert_eq!(registered.secrets.len(), 1, "{limits:?}");
        assert!(client.verify(&registration).await.unwrap().is_done(), "{limits:?}");
        let throttled = tenant
            .requests()
            .iter()
            .flat_map(|request| &request.items)
            .filter(|item| item.status.is_some_and(|status| status.as_u16() == 429))
            .count();
        assert_eq!(throttled > 0, limits != Throttling::documented(), "{limits:?}: {throttled} items were refused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_ends_as_it_should_where_the_tenant_has_another_time() {
    for minutes in [-10, 10] {
        let tenant = builder().clock_skew(time::Duration::minutes(minutes)).build();
        let client = tenant.client();
        let registration = guides::immybot::registration("contoso");
        register(&client, &registration).await;
        assert!(client.verify(&registration).await.unwrap().is_done(), "{minutes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_to_come_back_is_read_by_the_clock_that_wrote_it() {
    for minutes in [-10, 10] {
        let tenant = builder().clock_skew(time::Duration::minutes(minutes)).build();
        let client = tenant.client();
        client.tenant_id().await.unwrap();
        tenant.fault(Fault::on("GET", "/organization").throttled(RetryAfter::Date(Duration::from_secs(60))));
        let before = tokio::time::Instant::now();
        client.organization().get().await.unwrap();
        let waited = before.elapsed();
        assert!(waited >= Duration::from_secs(59) && waited < Duration::from_secs(65), "{minutes}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_lost_half_way_ends_an_apply_with_what_was_done() {
    let tenant = builder().build();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso");
    let plan = client.plan(&registration).await.unwrap();
    let lost = "AppRoleAssignment.ReadWrite.All";
    tenant.fault(Fault::on("POST", "/servicePrincipals/*/appRoleAssignedTo").revokes(lost));
    let error = client.apply(&plan).approve_all().await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.report().application.is_some(), "what was done is told");
    let held: Vec<_> = error.report().secrets.iter().map(|secret| secret.key_id).collect();
    // Granted again by an administrator, it counts in a new token.
    let graph = tenant.service_principals().into_iter().find(|app| app.app_id == MICROSOFT_GRAPH).unwrap();
    let id = Permission::application(lost).unwrap().id().unwrap();
    let caller = tenant.caller().service_principal_id;
    let body = format!(r#"{{"principalId":"{caller}","resourceId":"{}","appRoleId":"{id}"}}"#, graph.id);
    let path = format!("/servicePrincipals/{}/appRoleAssignedTo", graph.id);
    assert_eq!(tenant.send_json("POST", &path, Some(&body)).0, 201);
    let client = tenant.client();
    let mut request = client.plan(&registration);
    for key in held {
        request = request.holding(key);
    }
    client.apply(&request.await.unwrap()).approve_all().await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}
