//! The credentials that end soon in a tenant of ten thousand applications, and in one of a thousand.
//!
//! `cargo bench --bench expiring`. It prints counts, no timings: requests for applications beside the number that is allowed,
//! those for service principals, how many requests there were when the first credential came, how many credentials there
//! are, and by how much the heap grows above the filled tenant. The emulator lives in the same heap, so that the pages
//! which it answers are in the figure.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::Client;
use entra_apps::time::macros::datetime;
use entra_emulator::{MemoryTenant, TenantClock};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// The most applications in a page.
const PAGE: usize = 999;

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// A tenant with so many applications, of which every second has a secret that ends within the month.
fn filled(applications: usize) -> MemoryTenant {
    let clock = Arc::new(TenantClock::starting_at(datetime!(2026-06-01 09:00 UTC)));
    let tenant = MemoryTenant::builder().clock(clock).build();
    // The tenant's own caller is one.
    for number in 1..applications {
        let end = if number % 2 == 0 { "2026-06-20" } else { "2027-06-20" };
        let body = format!(
            r#"{{"displayName": "App {number}", "passwordCredentials":
                [{{"displayName": "Main", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "{end}T00:00:00Z"}}]}}"#
        );
        let (status, answer) = tenant.send_json("POST", "/applications", Some(&body));
        assert!(status.is_success(), "{answer}");
    }
    tenant
}

/// The requests so far to a collection.
fn requests(tenant: &MemoryTenant, collection: &str) -> usize {
    tenant.requests().iter().filter(|request| request.path.ends_with(collection)).count()
}

async fn row(applications: usize) {
    let tenant = filled(applications);
    let client: Client = tenant.client();
    client.tenant_id().await.expect("it signs in");
    tenant.clear_requests();
    let held = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let mut ending = client.expiring(MONTH).items();
    let (mut found, mut at_first) = (0_usize, 0);
    while ending.next().await.expect("a page is read").is_some() {
        found += 1;
        if found == 1 {
            at_first = tenant.requests().len();
        }
    }
    let grown = ALLOCATED.peak_usage().saturating_sub(held);
    println!(
        "expiring {applications:>13} {:>8} {:>8} {:>11} {at_first:>9} {found:>12} {:>8}",
        requests(&tenant, "/applications"),
        applications.div_ceil(PAGE),
        requests(&tenant, "/servicePrincipals"),
        grown / 1024
    );
    assert_eq!(found, (applications - 1) / 2, "every second application has one");
}

async fn run() {
    println!("job       applications requests  allowed  principals  at first  credentials  heap kB");
    row(1_000).await;
    row(10_000).await;
}

fn main() {
    // Time is virtual: the tenant's ticks cost nothing.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(run());
}
