//! Applying a registration: few requests, the tenant holds what was asked for, and a second run writes nothing.

use std::sync::Arc;

use entra_apps::clock::{Clock, Sleep, TokioClock};
use entra_apps::time::{Duration, OffsetDateTime, PrimitiveDateTime};
use entra_apps::{AppRegistration, SignInAudience};

use crate::support::{TODAY, builder, counts, guides, quiet, register, tenant};

#[tokio::test(start_paused = true)]
async fn each_guide_takes_four_requests_and_then_two_reads() {
    for (name, registration) in guides::all() {
        let tenant = tenant();
        let client = tenant.client();
        let registered = register(&client, &registration).await;
        assert_eq!(counts(&tenant).0, 4, "{name}: requests of a first run");
        assert_eq!(tenant.round_trips(), 4, "{name}: round trips of a first run");
        let bytes = || tenant.requests().iter().map(|request| request.response_bytes).sum::<usize>();
        // Once, what Microsoft Graph publishes in the tenant: nothing less says that a permission is there.
        assert!(bytes() < 500_000, "{name}: {} bytes were read", bytes());

        quiet(&tenant);
        let held = registered.secrets[0].key_id;
        let plan = client.plan(&registration).holding(held).await.unwrap();
        assert!(plan.is_converged(), "{name}: {plan}");
        client.apply(&plan).await.unwrap();
        assert_eq!(counts(&tenant), (2, 0), "{name}: requests and writes of a second run");

        let checklist = client.verify(&registration).await.unwrap();
        assert!(checklist.is_done(), "{name}:\n{checklist}");
        assert!(bytes() < 32_000, "{name}: {} bytes were read again", bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn all_tasks_of_immybot_take_six_requests_at_most() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::immybot::registration("contoso").unwrap().select_all();
    register(&client, &registration).await;
    assert!(counts(&tenant).0 <= 6, "{}", counts(&tenant).0);
    assert!(client.verify(&registration).await.unwrap().is_done());
    assert_eq!(tenant.app_role_assignments().len() - tenant_default_roles(), 6);
}

/// The roles of the tenant's own caller.
fn tenant_default_roles() -> usize {
    tenant().app_role_assignments().len()
}

#[tokio::test(start_paused = true)]
async fn the_tenant_holds_what_the_guide_asks_for() {
    let tenant = tenant();
    let client = tenant.client();
    let registered = register(&client, &guides::immybot::registration("contoso").unwrap()).await;
    let ids = registered.application.unwrap();
    let app = client.applications().get(ids.app_id).await.unwrap();
    assert_eq!(app.id, Some(ids.application_id));
    assert_eq!(app.unique_name.as_deref(), Some("immybot-custom"));
    assert_eq!(app.sign_in_audience, Some(SignInAudience::MultipleOrganizations));
    assert_eq!(app.web.unwrap().redirect_uris, ["https://contoso.immy.bot/consent-callback"]);
    assert_eq!(app.required_resource_access[0].resource_access.len(), 3);
    let lock = app.service_principal_lock_configuration.unwrap();
    assert_eq!((lock.is_enabled, lock.all_properties), (Some(true), Some(true)));
    let end = app.password_credentials[0].end_date_time.unwrap();
    let asked = TODAY.replace_year(2028).unwrap();
    assert!(end <= asked + Duration::minutes(1) && asked - end < Duration::hours(7), "{end}");

    let principal = client.service_principals().get(ids.app_id).await.unwrap();
    assert_eq!(principal.id, ids.service_principal_id);
    assert!(principal.tags.iter().any(|tag| tag == "WindowsAzureActiveDirectoryIntegratedApp"), "{:?}", principal.tags);
    let roles = client.app_role_assignments().list_held_by(ids.app_id).all().await.unwrap();
    assert_eq!(roles.len(), 2);
    let grants = client.oauth2_permission_grants().list_held_by(ids.app_id).all().await.unwrap();
    assert_eq!(grants[0].scopes().collect::<Vec<_>>(), ["User.Read"]);
}

#[tokio::test(start_paused = true)]
async fn http_localhost_is_registered_without_a_slash() {
    let tenant = tenant();
    let client = tenant.client();
    let peig = guides::peig::registration(SignInAudience::SingleOrganization).unwrap();
    let app_id = register(&client, &peig).await.application.unwrap().app_id;
    let app = client.applications().get(app_id).await.unwrap();
    assert_eq!(app.web.unwrap().redirect_uris, ["http://localhost"]);
    assert_eq!(app.is_fallback_public_client, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_applied_where_the_clock_of_the_service_differs() {
    for minutes in [-10, 10] {
        let tenant = builder().clock_skew(Duration::minutes(minutes)).build();
        let client = tenant.client();
        let registration = guides::immybot::registration("contoso").unwrap();
        register(&client, &registration).await;
        assert!(client.verify(&registration).await.unwrap().is_done(), "{minutes}");
    }
}

/// A wall time that stands still, while the rest of the clock goes on.
#[derive(Debug)]
struct StoppedClock(OffsetDateTime, TokioClock);

impl Clock for StoppedClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }

    fn monotonic(&self) -> std::time::Duration {
        self.1.monotonic()
    }

    fn sleep(&self, duration: std::time::Duration) -> Sleep {
        self.1.sleep(duration)
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_applied_at_both_ends_of_the_calendar() {
    for wall in [PrimitiveDateTime::MIN, PrimitiveDateTime::MAX] {
        let clock = StoppedClock(wall.assume_utc(), TokioClock::new());
        let client = tenant().client_builder().clock(Arc::new(clock)).build().unwrap();
        let plan = client.plan(&AppRegistration::new("contoso-app", "App")).await.unwrap();
        // The second time, it is asked how long ago the first one was.
        for _ in 0..2 {
            client.apply(&plan).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}
