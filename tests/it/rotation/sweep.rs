//! Every fault on every request of a rotation, every pair of faults, and many random runs.

use entra_apps::provision::CredentialKind;

use super::faults::{every_pair, every_request, outcomes, random};
use crate::faults::each_request::FAULTS;

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn every_request_of_a_rotation_fails_once_in_every_way() {
    every_request(FAULTS).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute"]
async fn a_rotation_of_a_secret_is_disturbed_twice_in_every_pair_of_outcomes() {
    every_pair(&[CredentialKind::ClientSecret], &outcomes()).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes many minutes"]
async fn two_requests_of_a_rotation_fail_in_every_pair_of_ways() {
    every_pair(&[CredentialKind::ClientSecret], FAULTS).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes many minutes, most of them for keys"]
async fn two_requests_of_a_rotation_of_a_certificate_fail_in_pairs_of_outcomes() {
    every_pair(&[CredentialKind::Certificate], &outcomes()).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes"]
async fn many_rotations_converge_under_random_faults() {
    random(200).await;
}
