//! Several calls in one request: each has its own result.

use entra_apps::ErrorKind;
use entra_apps::ids::AppId;
use entra_apps::model::{ApplicationPatch, NewApplication};
use entra_emulator::Fault;

use crate::support::{counts, tenant};

#[tokio::test(start_paused = true)]
async fn more_than_twenty_items_take_two_requests() {
    let tenant = tenant();
    let client = tenant.client();
    let mut batch = client.batch();
    let handles: Vec<_> = (0..25)
        .map(|number| batch.add(client.applications().create(&NewApplication::new(format!("Batch {number}")))))
        .collect();
    let mut response = batch.send().await.unwrap();
    for (number, handle) in handles.into_iter().enumerate() {
        let created = response.take(handle).unwrap();
        assert_eq!(created.display_name, Some(format!("Batch {number}")));
    }
    assert_eq!(counts(&tenant), (2, 25), "twenty items go into one request");
}

#[tokio::test(start_paused = true)]
async fn a_batch_in_order_stops_at_a_failure() {
    let client = tenant().client();
    let mut batch = client.batch().in_order();
    let first = batch.add(client.applications().create(&NewApplication::new("First")));
    let second = batch.add(client.applications().update(AppId::from_u128(1), &ApplicationPatch::new().notes("x")));
    let third = batch.add(client.applications().create(&NewApplication::new("Third")));
    let mut response = batch.send().await.unwrap();
    response.take(first).unwrap();
    assert_eq!(response.take(second).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(response.take(third).unwrap_err().code().as_str(), "dependency_failed");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_after_a_first_step_that_failed() {
    let tenant = tenant();
    let client = tenant.client();
    let mut batch = client.batch().in_order();
    let first = batch.add(client.applications().update(AppId::from_u128(1), &ApplicationPatch::new().notes("x")));
    let second = batch.add(client.applications().create(&NewApplication::new("Second")));
    assert_eq!((batch.len(), batch.is_empty()), (2, false));
    let mut response = batch.send().await.unwrap();
    assert_eq!(response.take(first).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(response.take(second).unwrap_err().code().as_str(), "dependency_failed");
    let is_there = tenant.applications().iter().any(|app| app.display_name == "Second");
    assert_eq!((is_there, counts(&tenant).0), (false, 1), "the second is not sent by itself");
}

#[tokio::test(start_paused = true)]
async fn an_upsert_is_refused_in_a_batch() {
    let client = tenant().client();
    let mut batch = client.batch();
    let _handle = batch.add(client.applications().upsert("k", &ApplicationPatch::new().display_name("x")));
    assert_eq!(batch.send().await.unwrap_err().code().as_str(), "not_batchable");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_failed_on_no_dependency_is_not_sent_again() {
    let tenant = tenant();
    let client = tenant.client();
    tenant.fault(Fault::on("GET", "/organization").always().refuses(424, "FailedDependency", "No."));
    let mut batch = client.batch().in_order();
    let handle = batch.add(client.organization().get());
    assert!(batch.await.unwrap().take(handle).is_err());
    assert_eq!(counts(&tenant).0, 1);
}

/// The handle of a batch whose items are of another type, or of the same one.
#[tokio::test(start_paused = true)]
async fn a_handle_of_another_batch_is_refused_and_the_own_one_still_works() {
    let tenant = tenant();
    let client = tenant.client();
    let mut other = client.batch();
    let of_another_type = other.add(client.applications().list().page());
    let of_the_same_type = other.add(client.organization().get());
    let mut batch = client.batch();
    let own = batch.add(client.organization().get());
    let second = batch.add(client.organization().get());
    let mut response = batch.send().await.unwrap();
    let refused = [response.take(of_another_type).unwrap_err(), response.take(of_the_same_type).unwrap_err()];
    for error in refused {
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Invalid, "handle_of_another_batch"), "{error}");
    }
    for own in [own, second] {
        assert_eq!(response.take(own).unwrap().id, Some(tenant.id()));
    }
}
