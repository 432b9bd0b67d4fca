//! What ends soon, of one app and of the whole tenant, as a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use entra_apps::futures_core::Stream as _;
use entra_apps::ids::{ApplicationId, ServicePrincipalId};
use entra_apps::model::{NewApplication, NewPasswordCredential, NewServicePrincipal};
use entra_apps::provision::{CredentialHolder, CredentialState, ExpiringKind};
use entra_apps::{Client, ErrorKind};
use entra_emulator::{Fault, MemoryTenant};

use crate::support::{TODAY, counts, quiet, tenant};

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Scene {
    tenant: MemoryTenant,
    client: Client,
    app: ApplicationId,
    principal: ServicePrincipalId,
}

/// An app that has a secret which ends in ten days, and its service principal one that ends in twenty.
async fn scene() -> Scene {
    let tenant = tenant();
    let client = tenant.client();
    let app = client.applications().create(&NewApplication::new("Backup")).await.unwrap();
    let principal = client.service_principals().create(&NewServicePrincipal::new(app.app_id.unwrap())).await.unwrap();
    let (app, principal) = (app.id.unwrap(), principal.id.unwrap());
    let ends = |name: &str, days: u32| NewPasswordCredential::new().display_name(name).end(TODAY + days * DAY);
    client.applications().add_password(app, &ends("soon", 10)).await.unwrap();
    client.applications().add_password(app, &ends("later", 400)).await.unwrap();
    client.service_principals().add_password(principal, &ends("own", 20)).await.unwrap();
    Scene { tenant, client, app, principal }
}

fn names(found: &[entra_apps::provision::ExpiringCredential]) -> Vec<&str> {
    found.iter().filter_map(|it| it.name.as_deref()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_ends_within_the_time_is_told_with_its_app_and_holder() {
    let Scene { tenant, client, app, principal } = scene().await;
    quiet(&tenant);
    let found = client.expiring(30 * DAY).all().await.unwrap();
    assert_eq!(counts(&tenant), (2, 0), "one list of applications, and one of service principals");
    assert_eq!(names(&found), ["soon", "own"]);
    assert_eq!(found[0].holder, Some(CredentialHolder::Application(app)));
    assert_eq!(found[1].holder, Some(CredentialHolder::ServicePrincipal(principal)));
    assert_eq!((found[0].kind, found[0].state), (ExpiringKind::ClientSecret, CredentialState::Ends));
    assert_eq!(found[0].to_string(), "client secret “soon” of “Backup” ends on 2026-06-11");
    assert_eq!(names(&client.expiring(15 * DAY).all().await.unwrap()), ["soon"]);
    assert_eq!(names(&client.expiring(401 * DAY).all().await.unwrap()), ["soon", "own", "later"]);

    // One app, wherever it is; a while later, what has ended is told on request.
    let other = client.applications().create(&NewApplication::new("Other")).await.unwrap().app_id.unwrap();
    assert!(client.expiring(30 * DAY).of(other).all().await.unwrap().is_empty());
    tokio::time::sleep(15 * DAY).await;
    let app_id = found[0].app_id.unwrap();
    assert_eq!(names(&client.expiring(30 * DAY).of(app_id).all().await.unwrap()), ["own"]);
    let with_ended = client.expiring(30 * DAY).of(app_id).with_ended().all().await.unwrap();
    assert_eq!(with_ended[0].state, CredentialState::HasEnded);
    assert_eq!(with_ended[0].to_string(), "client secret “soon” of “Backup” ended on 2026-06-11");
}

#[tokio::test(start_paused = true)]
async fn the_first_one_is_there_after_the_first_page() {
    let tenant = tenant();
    let client = tenant.client();
    for number in 0..1_100 {
        let body = format!(
            r#"{{"displayName": "App {number}", "passwordCredentials": [{{"displayName": "{number}", "endDateTime": "2026-06-10T00:00:00Z"}}]}}"#
        );
        assert_eq!(tenant.send_json("POST", "/applications", Some(&body)).0, 201);
    }
    quiet(&tenant);
    let mut ending = client.expiring(30 * DAY).items();
    assert_eq!(ending.next().await.unwrap().unwrap().name.as_deref(), Some("0"));
    assert_eq!(counts(&tenant), (1, 0));
    let mut count = 1;
    while let Some(credential) = poll_fn(|context| Pin::new(&mut ending).poll_next(context)).await {
        assert_eq!(credential.unwrap().name, Some(count.to_string()));
        count += 1;
    }
    assert_eq!((count, counts(&tenant)), (1_100, (3, 0)), "two pages of applications, and the service principals");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_asked_for_again_and_a_stream_ends_behind_it() {
    let Scene { tenant, client, .. } = scene().await;
    let refused = || {
        let denied = "Insufficient privileges to complete the operation.";
        Fault::on("GET", "/servicePrincipals").refuses(403, "Authorization_RequestDenied", denied)
    };
    tenant.fault(refused());
    let mut ending = client.expiring(30 * DAY).items();
    assert_eq!(ending.next().await.unwrap().unwrap().name.as_deref(), Some("soon"));
    assert_eq!(ending.next().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(ending.next().await.unwrap().unwrap().name.as_deref(), Some("own"), "the same page again");
    assert!(ending.next().await.unwrap().is_none());

    tenant.fault(refused());
    let mut stream = client.expiring(30 * DAY).items();
    let mut seen = Vec::new();
    while let Some(item) = poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
        seen.push(item.is_ok());
    }
    assert_eq!(seen, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_told_and_costs_nothing_else() {
    let Scene { tenant, client, app, .. } = scene().await;
    tenant.store_as_is(app, r#"{"passwordCredentials": [{"keyId": "4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8", "displayName": "odd", "endDateTime": "some day"}]}"#);
    let found = client.expiring(30 * DAY).all().await.unwrap();
    assert_eq!(names(&found), ["odd", "own"]);
    assert_eq!((found[0].state, found[0].end), (CredentialState::Unknown, None));
    assert!(found[0].to_string().ends_with("its end cannot be read"), "{}", found[0]);
}
