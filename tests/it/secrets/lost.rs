//! A secret whose value was lost on the way is removed or reported, and no other secret is taken for it.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::model::NewPasswordCredential;
use entra_apps::random::Randomness;
use entra_apps::time;
use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, Registered};
use entra_emulator::{Fault, FaultOn, Lag, MemoryTenant};

use crate::support::{TODAY, guides, register, secrets_of, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_for_days(180))
}

/// A tenant in which the application is there without its secret, and nothing lags any more.
async fn before_the_secret() -> MemoryTenant {
    let tenant = tenant();
    register(&tenant.client(), &AppRegistration::new("k", "App")).await;
    tenant.settle();
    tenant
}

/// Faults of the request for a new secret.
fn add_password() -> FaultOn {
    Fault::on("POST", "/applications/*/addPassword")
}

/// Always the same number: attempts of one moment have one mark.
#[derive(Debug)]
struct NoChance;

impl Randomness for NoChance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn client_without_chance(tenant: &MemoryTenant) -> Client {
    tenant.client_builder().randomness(Arc::new(NoChance)).build().unwrap()
}

/// Asserts that the directory holds the one secret that was handed out, and that there is nothing left to do.
fn assert_one_secret(tenant: &MemoryTenant, registered: &Registered) {
    let handed_out: Vec<_> = registered.secrets.iter().map(|secret| secret.key_id).collect();
    assert_eq!(handed_out.len(), 1, "{registered:?}");
    assert_eq!(secrets_of(tenant), handed_out);
    assert!(registered.open.is_empty(), "{:?}", registered.open);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_comes_without_its_value_or_its_id_is_removed_and_another_issued() {
    for body in ["{}", r#"{"keyId":"00000000-0000-0000-0000-000000000001"}"#, r#"{"secretText":"value"}"#] {
        let tenant = tenant();
        tenant.fault(add_password().body(body));
        let registered = register(&tenant.client(), &registration()).await;
        assert_one_secret(&tenant, &registered);
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_another_run_issued_at_the_same_moment_is_not_taken_for_the_lost_one() {
    let tenant = before_the_secret().await;
    let (client, other) = (tenant.client(), tenant.client());
    let registration = registration();
    tokio::time::advance(Duration::from_secs(61)).await;
    let plan = client.plan(&registration).await.unwrap();
    let theirs = register(&other, &registration).await.secrets.remove(0);
    // What is read right before the writing does not show it yet.
    tenant.set_lag(Lag::none().reads(Duration::from_secs(20)));
    tenant.fault(add_password().fails(503));
    let ours = client.apply(&plan).await.unwrap().secrets.remove(0);
    let live = secrets_of(&tenant);
    assert!(live.len() == 2 && live.contains(&theirs.key_id) && live.contains(&ours.key_id), "{live:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_another_name_that_ends_at_the_same_moment_is_not_taken_for_the_lost_one() {
    let tenant = before_the_secret().await;
    let app_id = tenant.applications().iter().find(|app| app.unique_name.is_some()).unwrap().app_id;
    let theirs = NewPasswordCredential::new().display_name("Theirs").end(TODAY + time::Duration::days(180));
    let theirs = tenant.client().applications().add_password(app_id, &theirs).await.unwrap();
    tenant.fault(add_password().fails(503));
    let ours = register(&client_without_chance(&tenant), &registration()).await.secrets.remove(0);
    let live = secrets_of(&tenant);
    assert!(live.len() == 2 && live.contains(&theirs.key_id.unwrap()) && live.contains(&ours.key_id), "{live:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_handed_out_is_not_taken_for_the_lost_one() {
    let tenant = before_the_secret().await;
    tenant.fault(add_password().fails(503));
    let registered = register(&client_without_chance(&tenant), &registration()).await;
    assert_one_secret(&tenant, &registered);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_handed_out_is_not_open_even_if_a_later_step_fails() {
    let tenant = tenant();
    assert_one_secret(&tenant, &register(&tenant.client(), &registration()).await);

    let tenant = crate::support::tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let plan = client.plan(&registration).await.unwrap();
    tenant.fault(Fault::on("POST", "/servicePrincipals/*/appRoleAssignedTo").refuses(400, "Request_BadRequest", "No."));
    assert_one_secret(&tenant, client.apply(&plan).await.unwrap_err().report());
    // Nothing fails any more: the secret is not issued, nor handed out, a second time.
    let again = client.apply(&plan).await.unwrap();
    assert!(again.secrets.is_empty() && secrets_of(&tenant).len() == 1, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_secret_is_looked_for_until_reads_no_longer_lag() {
    let tenant = before_the_secret().await;
    tenant.set_lag(Lag::none().reads(Duration::from_secs(40)));
    tenant.fault(add_password().response_lost());
    let registered = register(&tenant.client(), &registration()).await;
    assert_one_secret(&tenant, &registered);
}

#[tokio::test(start_paused = true)]
async fn of_two_secrets_that_may_be_the_lost_one_none_is_removed_and_both_are_reported() {
    let tenant = before_the_secret().await;
    let theirs = register(&client_without_chance(&tenant), &registration()).await.secrets.remove(0);
    let client = client_without_chance(&tenant);
    let registration = registration();
    let plan = client.plan(&registration).replace_secret("Main").await.unwrap();
    tenant.fault(add_password().response_lost());
    let ours = client.apply(&plan).await.unwrap();
    let live = secrets_of(&tenant);
    assert!(live.len() == 3 && live.contains(&theirs.key_id) && live.contains(&ours.secrets[0].key_id), "{live:?}");
    assert!(ours.open.iter().any(|item| item.code == ErrorCode::SecretMaybeOrphaned), "{:?}", ours.open);
}

/// A tenant in which a secret is lost, and what else goes wrong.
async fn report(deadline: Duration, wrong: impl FnOnce(&MemoryTenant)) -> Registered {
    let tenant = before_the_secret().await;
    let client = tenant.client();
    let registration = registration();
    let plan = client.plan(&registration).await.unwrap();
    wrong(&tenant);
    match client.apply(&plan).deadline(deadline).await {
        Ok(registered) => registered,
        Err(error) => error.into_parts().1,
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_be_there_and_could_not_be_looked_for_is_reported() {
    let refused = report(Duration::from_secs(600), |tenant| {
        tenant.fault(add_password().response_lost());
        let look = Fault::on("GET", "/applications/*").alone().always();
        tenant.fault(look.refuses(403, "Authorization_RequestDenied", "No."));
    });
    let not_visible = report(Duration::from_secs(10), |tenant| {
        tenant.fault(add_password().response_lost());
        tenant.set_lag(Lag::none().reads(Duration::from_secs(40)));
    });
    let no_answer = report(Duration::from_secs(10), |tenant| tenant.fault(add_password().hangs()));
    for registered in [refused.await, not_visible.await, no_answer.await] {
        let told = registered.open.iter().find(|item| item.code == ErrorCode::SecretMaybeOrphaned);
        assert!(told.is_some_and(|item| item.text.contains("“Main”")), "{registered:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_loses_no_secret_and_needs_no_second_run() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    tenant.fault(Fault::on("POST", "/$batch").nth(2).alone().response_lost());
    let plan = client.plan(&registration).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!(registered.secrets.len(), 1);
    let app = client.applications().get(registered.application.unwrap().app_id).await.unwrap();
    let keys: Vec<_> = app.password_credentials.iter().filter_map(|secret| secret.key_id).collect();
    assert_eq!(keys, [registered.secrets[0].key_id], "the orphan is removed");
}

#[tokio::test(start_paused = true)]
async fn a_lost_secret_that_one_replica_does_not_know_yet_is_still_removed() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&guides::netwrix::registration("Contoso", false)).await.unwrap();
    tenant.fault(Fault::on("POST", "/$batch").alone().response_lost());
    let unknown = Fault::on("POST", "/applications/*/removePassword").times(3);
    tenant.fault(unknown.refuses(400, "Request_BadRequest", "No password credential found with keyId."));
    let registered = client.apply(&plan).await.unwrap();
    assert_eq!((registered.secrets.len(), secrets_of(&tenant).len()), (1, 1), "{:?}", registered.open);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_same_name_that_somebody_else_made_is_not_taken_for_the_lost_one() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let registered = register(&client, &registration).await;
    let (app, held) = (registered.application.unwrap(), &registered.secrets[0]);
    let name = held.display_name.as_deref().unwrap();
    let theirs = NewPasswordCredential::new().display_name(name);
    let theirs = tenant.client().applications().add_password(app.application_id, &theirs).await.unwrap();
    let plan = client.plan(&registration).holding(held.key_id).replace_secret(name).await.unwrap();
    tenant.clear_requests();
    tenant.fault(Fault::on("POST", "/applications/*/addPassword").response_lost());
    let replaced = client.apply(&plan).await.unwrap();
    let removals = tenant.requests().iter().filter(|request| request.path.ends_with("removePassword")).count();
    assert_eq!((replaced.secrets.len(), removals), (1, 1), "{:?}", replaced.open);
    let live = client.applications().get(app.app_id).await.unwrap().password_credentials;
    let live: Vec<_> = live.iter().filter_map(|secret| secret.key_id).collect();
    assert_eq!(live.len(), 3, "{live:?}");
    for key in [held.key_id, theirs.key_id.unwrap(), replaced.secrets[0].key_id] {
        assert!(live.contains(&key), "{key} is gone");
    }
}
