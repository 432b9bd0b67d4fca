//! What stops a run, what holds it up, and what a later run makes of it.

use entra_apps::ErrorCode;
use entra_apps::partner::{ConsentRun, RunState};
use entra_emulator::{Fault, FaultyTransport};

use super::*;

const CONSENTS: &str = "/v1/customers/*/applicationconsents";
const TOKEN: &str = "/oauth2/v2.0/token";

/// A run over a transport with faults.
async fn faulty(
    scene: &Scene,
    faults: impl IntoIterator<Item = Fault>,
) -> (ConsentRun, Arc<FaultyTransport<MemoryCloud>>) {
    let transport = FaultyTransport::new(scene.cloud.clone()).with_clock(scene.partner().clock());
    let transport = Arc::new(transport);
    let client = scene.client_over(Arc::clone(&transport) as _);
    let consent = client.partner().pre_consent(&registration()).deployer(&deployer(), DeployerConsent::Keep);
    let prepared = consent.prepare().await.unwrap();
    faults.into_iter().for_each(|fault| transport.fault(fault));
    (prepared.run(prepared.approval()).unwrap(), transport)
}

/// A customer in whose tenant the app cannot be installed.
fn installation_refused(nth: u64) -> Fault {
    let on = Fault::on("POST", "/servicePrincipals").in_batch().nth(nth);
    on.refuses(400, "Request_BadRequest", "Something is wrong.")
}

/// Whether a later run has come to the end for every customer.
fn assert_all_consented(report: &Report) {
    let is_done = |state| matches!(state, CustomerState::Consented | CustomerState::AlreadyConsented);
    assert!(report.customers.iter().all(|customer| is_done(customer.state)), "{report}");
}

async fn rest_of(run: &mut ConsentRun) -> Report {
    let mut outcomes = Vec::new();
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    run.report_of(outcomes)
}

/// Whether the run has stopped with this code, without a write, and reports every customer.
fn assert_stopped(scene: &Scene, run: &ConsentRun, report: &Report, code: ErrorCode) {
    assert!(matches!(run.state(), RunState::Stopped(error) if error.code() == code), "{:?}", run.state());
    assert_eq!(counts(report), BTreeMap::from([(CustomerState::Skipped, scene.customers().len())]), "{report}");
    assert!(report.customers.iter().all(|customer| customer.reasons[0].code == code), "{report}");
    assert!(scene.customers().iter().all(|customer| writes(customer) == 0));
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_without_a_second_factor_stops_the_run_at_once() {
    let scene = Scene::new(8).await;
    let refused = Fault::on("POST", CONSENTS).always().refuses(401, "900421", "MFA required");
    let (mut run, _) = faulty(&scene, [refused]).await;
    let report = rest_of(&mut run).await;
    assert_stopped(&scene, &run, &report, ErrorCode::MfaRequired);
}

#[tokio::test(start_paused = true)]
async fn a_token_for_another_service_stops_the_run_at_once() {
    let scene = Scene::new(8).await;
    let refused = Fault::on("POST", CONSENTS).always().refuses(401, "900420", "Wrong audience");
    let (mut run, _) = faulty(&scene, [refused]).await;
    let report = rest_of(&mut run).await;
    assert_stopped(&scene, &run, &report, ErrorCode::TokenRefused);
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_was_revoked_stops_the_run_at_once() {
    let scene = Scene::new(8).await;
    let (mut run, _) = faulty(&scene, []).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.partner().revoke_sign_in_sessions(&scene.cloud.admin_agent().unwrap());
    let report = rest_of(&mut run).await;
    assert_stopped(&scene, &run, &report, ErrorCode::SignInExpired);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_partners_own_holds_the_run_up_until_the_person_signs_in_again() {
    let scene = Scene::new(6).await;
    let refused = Fault::on("POST", CONSENTS).nth(5).refuses(403, "900309", "Conditional access");
    let (mut run, _) = faulty(&scene, [refused]).await;
    let mut outcomes = Vec::new();
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    assert!(
        matches!(run.state(), RunState::SignInNeeded(error) if error.code() == ErrorCode::BlockedByConditionalAccess)
    );
    assert!(outcomes.len() < 6 && run.progress().done == outcomes.len(), "{outcomes:?}");
    scene.sign_in().await;
    run.resume();
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    assert!(matches!(run.state(), RunState::Finished), "{:?}", run.state());
    let report = run.report_of(outcomes);
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented; 6], "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_is_too_old_holds_up_and_a_customers_own_policy_does_not() {
    let scene = Scene::new(4).await;
    let too_old = Fault::on("POST", TOKEN).nth(3).refuses(
        400,
        "AADSTS70043",
        "The refresh token has expired due to sign-in frequency checks by Conditional Access.",
    );
    let (mut run, _) = faulty(&scene, [too_old]).await;
    let mut outcomes = Vec::new();
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    assert!(matches!(run.state(), RunState::SignInNeeded(_)), "{:?} {outcomes:?}", run.state());
    run.resume();
    outcomes.extend(rest_of(&mut run).await.customers);
    assert_eq!(states(&run.report_of(outcomes), scene.customers()), [CustomerState::Consented; 4]);

    let scene = Scene::new(4).await;
    scene.customers()[1].block_service_providers();
    let report = scene.run(DeployerConsent::Keep).await;
    assert_eq!(
        counts(&report),
        BTreeMap::from([(CustomerState::Consented, 3), (CustomerState::NotReady, 1)]),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn where_one_of_the_first_customers_fails_no_other_is_written_to() {
    let scene = Scene::new(10).await;
    let (mut run, _) = faulty(&scene, [installation_refused(2)]).await;
    let report = rest_of(&mut run).await;
    assert!(
        matches!(run.state(), RunState::Stopped(error) if error.code() == ErrorCode::CanaryFailed),
        "{:?}",
        run.state()
    );
    let counts = counts(&report);
    assert_eq!(counts[&CustomerState::Failed], 1, "{report}");
    assert_eq!(counts[&CustomerState::Skipped], 7, "{report}");
    let written =
        scene.customers().iter().filter(|customer| principal_of(customer, scene.deployer_id).is_some()).count();
    assert_eq!(written, 3, "three, and no more");
    let report = scene.run(DeployerConsent::Keep).await;
    assert_eq!(report.customers.len(), 10);
    assert_all_consented(&report);
}

#[tokio::test(start_paused = true)]
async fn after_the_first_customers_one_that_fails_stops_no_other() {
    let scene = Scene::new(12).await;
    let (mut run, _) = faulty(&scene, [installation_refused(7)]).await;
    let report = rest_of(&mut run).await;
    assert!(matches!(run.state(), RunState::Finished), "{:?}", run.state());
    assert_eq!(
        counts(&report),
        BTreeMap::from([(CustomerState::Consented, 11), (CustomerState::Failed, 1)]),
        "{report}"
    );
    let failed = report.customers.iter().find(|it| it.state == CustomerState::Failed).unwrap();
    assert_eq!(failed.reasons[0].code, ErrorCode::RequestRefused);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_reports_all_and_a_later_one_comes_to_the_end() {
    let scene = Scene::new(20).await;
    let prepared = scene.consent(DeployerConsent::Keep).prepare().await.unwrap();
    let mut run = prepared.run(prepared.approval()).unwrap();
    let mut outcomes = vec![run.next().await.unwrap()];
    run.cancel();
    while let Some(outcome) = run.next().await {
        outcomes.push(outcome);
    }
    assert!(matches!(run.state(), RunState::Cancelled));
    let report = run.report_of(outcomes);
    assert_eq!(report.customers.len(), 20);
    assert!(counts(&report)[&CustomerState::Skipped] > 10, "{report}");
    let report = scene.run(DeployerConsent::Keep).await;
    assert_all_consented(&report);
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_does_not_come_through_in_time_is_not_yet_and_a_later_run_goes_on() {
    let scene = Scene::new(2).await;
    for customer in scene.customers() {
        customer.set_lag(entra_emulator::Lag::all(Duration::from_secs(600)));
    }
    let report = run(scene.consent(DeployerConsent::Keep).propagation(Duration::from_secs(60))).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::NotYet; 2], "{report}");
    assert_eq!(codes(&report, &scene.customers()[0]), ["consent_not_visible_yet"]);
    for customer in scene.customers() {
        customer.settle();
        customer.set_lag(entra_emulator::Lag::all(Duration::ZERO));
    }
    let report = scene.run(DeployerConsent::Keep).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented; 2], "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_sign_in_service_may_ask_for_patience_and_nothing_fails() {
    let scene = Scene::new(6).await;
    let busy = Fault::on("POST", TOKEN).nth(3).times(3).refuses(400, "AADSTS50196", "Client request loop.");
    let (mut run, transport) = faulty(&scene, [busy]).await;
    let began = tokio::time::Instant::now();
    let report = rest_of(&mut run).await;
    assert_eq!(states(&report, scene.customers()), [CustomerState::Consented; 6], "{report}");
    assert!(transport.unmet_faults().is_empty());
    assert!(began.elapsed() >= Duration::from_secs(30), "it was asked less often: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_mends_nothing_ends_a_customer_and_holds_up_no_other() {
    let scene = Scene::new(7).await;
    let refused = Fault::on("POST", CONSENTS).always().refuses(403, "900309", "Conditional access");
    let (mut run, _) = faulty(&scene, [refused]).await;
    let mut outcomes = Vec::new();
    while !matches!(run.state(), RunState::Finished) {
        outcomes.extend(rest_of(&mut run).await.customers);
        run.resume();
    }
    let report = run.report_of(outcomes);
    assert_eq!(states(&report, scene.customers()), [CustomerState::NotReady; 7], "{report}");
    assert_eq!(codes(&report, &scene.customers()[0]), ["blocked_by_conditional_access"]);
    assert!(scene.customers().iter().all(|customer| writes(customer) == 0));
}
