//! How fast it works, how much it holds, and how several share the work.

use std::sync::Mutex;

use async_trait::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::partner::ConsentLimits;
use entra_apps::transport::TransportError;
use entra_emulator::Throttling;

use super::*;

/// Notes when Partner Center is asked and when a token is.
#[derive(Debug)]
struct Watch {
    cloud: MemoryCloud,
    partner_center: Mutex<Vec<tokio::time::Instant>>,
    tokens: Mutex<Vec<tokio::time::Instant>>,
    throttled: Mutex<usize>,
}

impl Watch {
    fn new(cloud: &MemoryCloud) -> Arc<Self> {
        let (partner_center, tokens) = (Mutex::default(), Mutex::default());
        Arc::new(Self { cloud: cloud.clone(), partner_center, tokens, throttled: Mutex::default() })
    }
}

#[async_trait]
impl Transport for Watch {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let now = tokio::time::Instant::now();
        if request.uri().path().contains("/applicationconsents") {
            self.partner_center.lock().unwrap().push(now);
        }
        if request.uri().path().ends_with("/token") {
            self.tokens.lock().unwrap().push(now);
        }
        let response = self.cloud.send(request).await?;
        let in_batch = String::from_utf8_lossy(response.body()).matches("\"status\":429").count();
        *self.throttled.lock().unwrap() += in_batch + usize::from(response.status() == 429);
        Ok(response)
    }
}

/// The most that happens in any span of this length.
fn most_within(times: &Mutex<Vec<tokio::time::Instant>>, span: Duration) -> usize {
    let times = times.lock().unwrap();
    times.iter().map(|from| times.iter().filter(|at| **at >= *from && **at < *from + span).count()).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_exceeded_and_no_request_is_refused() {
    let scene = Scene::new(120).await;
    scene.cloud.tenants().iter().for_each(|tenant| tenant.set_throttling(Throttling::documented()));
    let watch = Watch::new(&scene.cloud);
    let client = scene.client_over(Arc::clone(&watch) as _);
    let consent = client.partner().pre_consent(&registration()).deployer(&deployer(), DeployerConsent::Remove);
    let report = run(consent.limits(ConsentLimits::default().tokens(None))).await;
    assert_eq!(counts(&report), BTreeMap::from([(CustomerState::Consented, 120)]), "{report}");
    assert_eq!(*watch.throttled.lock().unwrap(), 0);
    let most = most_within(&watch.partner_center, Duration::from_secs(1));
    assert!((40..=50).contains(&most), "{most}");
}

/// Runs over twenty customers, with the limit of tokens as it is by default.
async fn five_tokens_in_a_second(consent: PreConsent, watch: &Watch) {
    let report = run(consent).await;
    assert_eq!(counts(&report), BTreeMap::from([(CustomerState::Consented, 20)]), "{report}");
    let most = most_within(&watch.tokens, Duration::from_secs(1));
    assert!((5..=6).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn tokens_begin_at_five_in_a_second() {
    let scene = Scene::new(20).await;
    let watch = Watch::new(&scene.cloud);
    let client = scene.client_over(Arc::clone(&watch) as _);
    let consent = client.partner().pre_consent(&registration()).deployer(&deployer(), DeployerConsent::Keep);
    five_tokens_in_a_second(consent, &watch).await;
}

#[tokio::test(start_paused = true)]
async fn the_apps_own_credential_keeps_to_the_limit_too() {
    let scene = Scene::new(20).await;
    let watch = Watch::new(&scene.cloud);
    let app = scene.app_over(Arc::clone(&watch) as _).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    watch.tokens.lock().unwrap().clear();
    let client = scene.client_over(Arc::clone(&watch) as _);
    let consent = client.partner().pre_consent(&registration()).deployer(&deployer(), DeployerConsent::Keep);
    five_tokens_in_a_second(consent.with_app_credential(&app), &watch).await;
}

#[tokio::test(start_paused = true)]
async fn parts_share_the_customers_and_the_limits_and_their_reports_are_one() {
    const PARTS: usize = 4;
    let scene = Scene::new(60).await;
    let watch = Watch::new(&scene.cloud);
    let mut parts = tokio::task::JoinSet::new();
    for index in 0..PARTS {
        // A client of its own, as another process has.
        let client = scene.client_over(Arc::clone(&watch) as _);
        parts.spawn(async move {
            let consent = client.partner().pre_consent(&registration()).deployer(&deployer(), DeployerConsent::Remove);
            let limits = ConsentLimits::default().tokens(None);
            run(consent.shard(index, PARTS).limits(limits)).await
        });
    }
    let mut reports = parts.join_all().await;
    let most = most_within(&watch.partner_center, Duration::from_secs(1));
    assert!((30..=50).contains(&most), "{most}");
    assert!(reports.iter().all(|report| report.complete && report.shard.is_some() && report.customers.len() < 60));
    let merged = Report::merge(reports.clone()).unwrap();
    assert!(merged.complete && merged.shard.is_none());
    assert_eq!(counts(&merged), BTreeMap::from([(CustomerState::Consented, 60)]), "{merged}");
    let whole = run(scene.consent(DeployerConsent::Remove)).await;
    let ids = |report: &Report| report.customers.iter().map(|it| it.tenant_id).collect::<Vec<TenantId>>();
    assert_eq!(ids(&merged), ids(&whole));
    // Read and written, and one that is missing or twice.
    let again = Report::from_json(&reports[0].to_json()).unwrap();
    assert_eq!(again, reports[0]);
    let last = reports.pop().unwrap();
    assert!(!Report::merge(reports.clone()).unwrap().complete);
    let twice = Report::merge([last.clone(), last]).unwrap_err();
    assert_eq!(twice.code(), entra_apps::ErrorCode::ReportsOfDifferentTargets);
}
