//! Lists: how many requests they take, and what is refused before it is sent.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use entra_apps::api::{Filter, List};
use entra_apps::futures_core::Stream;
use entra_apps::model::{Application, ApplicationProperty, NewApplication};
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::{Fault, MemoryTenant};

use crate::support::{counts, quiet, tenant};

/// The applications of a tenant in which there are so many of them.
async fn listed(tenant: &MemoryTenant, number: usize) -> List<Application> {
    let client = tenant.client();
    for number in 0..number {
        client.applications().create(&NewApplication::new(format!("Listed {number:02}"))).await.unwrap();
    }
    client.applications().list().filter(Filter::starts_with(ApplicationProperty::DisplayName, "Listed"))
}

#[tokio::test(start_paused = true)]
async fn the_items_of_a_list_take_one_request_a_page() {
    let tenant = tenant();
    let list = listed(&tenant, 25).await;
    quiet(&tenant);
    let mut items = list.top(10).items();
    let mut count = 0;
    while items.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, counts(&tenant).0), (25, 3), "items and pages");
}

#[tokio::test(start_paused = true)]
async fn a_search_finds_what_it_names() {
    let tenant = tenant();
    let found = listed(&tenant, 9).await.search("displayName", "Listed 07").all().await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].display_name.as_deref(), Some("Listed 07"));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_more_than_999_is_refused_before_it_is_sent() {
    let tenant = tenant();
    let list = listed(&tenant, 0).await;
    assert_eq!(list.top(1000).page().await.unwrap_err().code().as_str(), "invalid_page_size");
    assert_eq!(counts(&tenant).0, 0);
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

#[tokio::test(start_paused = true)]
async fn the_first_item_of_a_stream_is_there_after_the_first_page() {
    let tenant = tenant();
    let list = listed(&tenant, 25).await;
    quiet(&tenant);
    let mut items = list.clone().top(10).items();
    assert!(next(&mut items).await.unwrap().is_ok());
    assert_eq!(counts(&tenant).0, 1, "one page");
    let mut count = 1;
    while next(&mut items).await.transpose().unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, counts(&tenant).0), (25, 3));
    let mut pages = list.top(20).pages();
    let sizes =
        [next(&mut pages).await.unwrap().unwrap().value.len(), next(&mut pages).await.unwrap().unwrap().value.len()];
    assert_eq!(sizes, [20, 5]);
    assert!(next(&mut pages).await.is_none() && next(&mut pages).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_behind_an_error_and_next_goes_on_with_the_same_page() {
    let tenant = tenant();
    let mut items = listed(&tenant, 3).await.top(2).items();
    for _ in 0..2 {
        assert!(next(&mut items).await.unwrap().is_ok());
    }
    tenant.fault(Fault::on("GET", "/applications").refuses(400, "Request_BadRequest", "No."));
    assert_eq!(next(&mut items).await.unwrap().unwrap_err().kind(), ErrorKind::Refused);
    assert!(next(&mut items).await.is_none());
    assert!(items.next().await.unwrap().is_some());
    assert!(items.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_nobody_waits_for_any_more_is_not_lost() {
    let tenant = tenant();
    let list = listed(&tenant, 3).await.top(2);
    tenant.fault(Fault::on("GET", "/applications").fails(503));
    let mut pages = list.pages();
    let impatient = tokio::time::timeout(Duration::from_millis(1), pages.next()).await;
    assert!(impatient.is_err(), "it waits before it tries again");
    assert_eq!(pages.next().await.unwrap().unwrap().value.len(), 2);
    assert_eq!(pages.next().await.unwrap().unwrap().value.len(), 1);
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_place_is_forgotten_is_begun_anew_where_nobody_has_seen_any_of_it() {
    let tenant = tenant();
    let list = listed(&tenant, 5).await.top(2);
    let forget = |nth| {
        quiet(&tenant).clear_faults();
        let fault = Fault::on("GET", "/applications").nth(nth);
        tenant.fault(fault.refuses(400, "Directory_ExpiredPageToken", "The specified page token value has expired."));
    };
    forget(3);
    let all = list.clone().all().await.unwrap();
    let names: Vec<_> = all.iter().map(|app| app.display_name.as_deref().unwrap()).collect();
    assert_eq!(names, ["Listed 00", "Listed 01", "Listed 02", "Listed 03", "Listed 04"]);
    assert_eq!(counts(&tenant).0, 6, "three requests, and three anew");
    // Once, not for ever.
    tenant.fault(Fault::on("GET", "/applications").always().refuses(
        400,
        "Directory_ExpiredPageToken",
        "It has expired.",
    ));
    quiet(&tenant);
    assert_eq!(list.clone().all().await.unwrap_err().code(), ErrorCode::ExpiredPageToken);
    assert_eq!(counts(&tenant).0, 2);
    // Whoever has items already is told.
    forget(2);
    let mut items = list.items();
    for _ in 0..2 {
        items.next().await.unwrap().unwrap();
    }
    let error = items.next().await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (ErrorCode::ExpiredPageToken, ErrorKind::Stale));
    assert!(error.remedy().contains("anew"), "{error}");
}
