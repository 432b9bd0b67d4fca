//! Every fault on every job, every pair of faults, and as many random runs as there is time for.

use super::each_request::{Extent, FAULTS, every_item, every_pair, every_request};
use super::random;

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn every_request_of_every_job_fails_once_in_every_way() {
    every_request(Extent::All).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn every_item_of_every_job_fails_once_in_every_way() {
    every_item(Extent::All).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn two_requests_fail_in_every_pair_of_all_ways() {
    every_pair(FAULTS).await;
}

/// As many runs as `ENTRA_APPS_SWEEP` says, or a hundred thousand.
#[tokio::test(start_paused = true)]
#[ignore = "takes an hour"]
async fn many_registrations_converge_under_random_faults() {
    let runs = std::env::var("ENTRA_APPS_SWEEP").ok().and_then(|runs| runs.parse().ok());
    random::converge(runs.unwrap_or(100_000)).await;
}
