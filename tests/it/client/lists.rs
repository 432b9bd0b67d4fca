//! Lists: how many requests they take, and what is refused before it is sent.

use entra_apps::api::{Filter, List};
use entra_apps::model::{Application, ApplicationProperty, NewApplication};
use entra_emulator::MemoryTenant;

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
