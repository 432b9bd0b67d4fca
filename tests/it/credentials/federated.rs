//! Tokens of other issuers in place of a secret.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::auth::{AssertionRequest, ClientAssertion, ClientAuthentication};
use entra_apps::model::NewFederatedIdentityCredential;
use entra_apps::provision::{Action, FederatedCredential, StepKind, UsableCredential};
use entra_apps::secrecy::SecretString;
use entra_apps::{AppRegistration, BoxError, ErrorCode, ErrorKind};
use entra_emulator::{Fault, Lag};
use serde_json::json;

use crate::faults::each_request::FAULTS;
use crate::faults::job::report;
use crate::support::{TODAY, builder, counts, quiet, register, tenant};

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App")
        .credential(FederatedCredential::github_branch("main", "contoso/backup", "main").description("Deploys"))
        .credential(FederatedCredential::kubernetes("jobs", "https://oidc.example/id", "jobs", "backup"))
}

/// A token of a branch of the repository, as GitHub signs it.
#[derive(Debug)]
struct Workflow(&'static str);

#[async_trait]
impl ClientAssertion for Workflow {
    async fn assertion(&self, _: &AssertionRequest) -> Result<SecretString, BoxError> {
        let claims = json!({
            "iss": "https://token.actions.githubusercontent.com", "aud": "api://AzureADTokenExchange",
            "sub": format!("repo:contoso/backup:ref:refs/heads/{}", self.0),
            "exp": (TODAY + entra_apps::time::Duration::DAY).unix_timestamp(),
        });
        let signed = [json!({"alg": "RS256"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode("x"))))
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_planned_applied_and_verified_in_the_same_requests() {
    let tenant = tenant();
    let client = quiet(&tenant).client();
    let plan = client.plan(&registration()).await.unwrap();
    let texts: Vec<_> = plan.changes().map(|change| change.text.as_str()).collect();
    let text = "add the federated credential “main”: tokens of https://token.actions.githubusercontent.com for \
                repo:contoso/backup:ref:refs/heads/main as api://AzureADTokenExchange";
    assert!(texts.contains(&text), "{texts:?}");
    let registered = client.apply(&plan).await.unwrap();
    assert!(registered.done.iter().any(|done| done.id.to_string() == "federated_credential:main"));
    assert_eq!(counts(&tenant).0, 3, "a read, the application, and the rest");
    tenant.clear_requests();
    assert!(tenant.client().plan(&registration()).await.unwrap().is_converged());
    assert_eq!(counts(&tenant), (2, 0));
    let checklist = tenant.client().verify(&registration()).await.unwrap();
    assert!(checklist.is_done(), "{checklist}");
    assert!(
        checklist.to_string().contains("[x] The app takes tokens of https://oidc.example/id for system:serviceaccount")
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_differs_is_changed_and_others_stay_and_are_listed() {
    let tenant = tenant();
    let client = tenant.client();
    let app = register(&client, &registration()).await.application.unwrap();
    let other = NewFederatedIdentityCredential::new("other", "https://other.example", "x");
    client.federated_identity_credentials().create(app.application_id, &other).await.unwrap();
    let moved = AppRegistration::new("k", "App").credential(FederatedCredential::github_branch(
        "main",
        "contoso/backup",
        "release",
    ));
    let plan = tenant.client().plan(&moved).await.unwrap();
    let change = plan.changes().next().unwrap();
    assert_eq!((change.id.to_string().as_str(), change.action), ("federated_credential:main", Action::Change));
    assert!(
        change.from.as_deref().unwrap().contains("heads/main")
            && change.to.as_deref().unwrap().contains("heads/release")
    );
    let surplus: Vec<_> = plan.surplus().map(|it| (it.id.to_string(), it.action)).collect();
    let left = |name: &str| (format!("{}:{name}", StepKind::SURPLUS_FEDERATED_CREDENTIAL), Action::LeftAlone);
    assert_eq!(surplus, [left("jobs"), left("other")]);
    tenant.client().apply(&plan).await.unwrap();
    let all = client.federated_identity_credentials().list(app.application_id).all().await.unwrap();
    let main = all.iter().find(|it| it.name.as_deref() == Some("main")).unwrap();
    assert_eq!(main.description.as_deref(), Some("Deploys"), "what is not said stays");
    assert_eq!(all.len(), 3);
    // The same tokens under another name are taken already.
    let renamed = AppRegistration::new("k", "App").credential(FederatedCredential::kubernetes(
        "cluster",
        "https://oidc.example/id",
        "jobs",
        "backup",
    ));
    let plan = tenant.client().plan(&renamed).await.unwrap();
    assert!(plan.is_converged() && plan.to_string().contains("is there, called “jobs”"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_the_issuer_signs_in_once_the_service_knows_the_credential() {
    let tenant = builder().lags(Lag::none().sign_in(std::time::Duration::from_secs(30))).build();
    tenant.settle();
    let client = tenant.client();
    let registered = register(&client, &registration()).await;
    let app_id = registered.application.unwrap().app_id;
    let of = |branch: &'static str| {
        UsableCredential::new(tenant.id(), app_id, ClientAuthentication::assertion(Arc::new(Workflow(branch))))
    };
    let usable = client.wait_until_usable(of("main"), &registration()).await.unwrap();
    assert!(usable.waited >= std::time::Duration::from_secs(25), "{usable:?}");
    // A wrong subject is accepted by the directory, and shows here alone.
    let wanted = registration();
    let wait = client.wait_until_usable(of("release"), &wanted).deadline(std::time::Duration::from_secs(90));
    let error = wait.await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (ErrorCode::SecretNotUsable, ErrorKind::Deadline));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("letter for letter"), "{source}");
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_read_them_is_told_so_and_can_do_the_rest() {
    let tenant = tenant();
    register(&tenant.client(), &registration()).await;
    let caller = tenant.add_caller(&["Directory.Read.All"]);
    let client = tenant.client_of(&caller);
    let checklist = client.verify(&registration()).await.unwrap();
    let open: Vec<_> = checklist.open().map(|check| check.id.to_string()).collect();
    assert_eq!(open, ["federated_credential:main", "federated_credential:jobs"]);
    assert!(checklist.to_string().contains("not known"), "{checklist}");
}

#[tokio::test(start_paused = true)]
async fn what_entra_refuses_is_refused_before_anything_is_sent() {
    let tenant = tenant();
    let client = quiet(&tenant).client();
    let bare = || AppRegistration::new("k", "App");
    let one = || FederatedCredential::new("one", "https://issuer.example", "x");
    let many = (0..21).map(|at| FederatedCredential::new(format!("n-{at}"), "https://issuer.example", at.to_string()));
    for wrong in [
        bare().credential(one()).credential(one()),
        bare().credential(one()).credential(FederatedCredential::new("ONE", "https://other.example", "x")),
        bare().credential(one()).credential(FederatedCredential::new("two", "https://issuer.example", "x")),
        bare().credential(FederatedCredential::new("o", "https://issuer.example", "x")),
        many.fold(bare(), AppRegistration::credential),
    ] {
        let error = client.plan(&wrong).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidFederatedCredential);
    }
    assert!(tenant.requests().is_empty());
}

/// Every request of a first run fails in every way: in the end each credential is there once.
#[tokio::test(start_paused = true)]
async fn whatever_fails_each_is_there_once() {
    let mut results = Vec::new();
    for number in 1..=3 {
        for (name, make) in FAULTS {
            let tenant = tenant();
            tenant.fault(make(Fault::on("*", "/**").nth(number).alone()));
            for _ in 0..4 {
                let client = tenant.client();
                let Ok(plan) = client.plan(&registration()).await else { continue };
                drop(client.apply(&plan).await);
            }
            tenant.clear_faults();
            let client = tenant.client();
            let checklist = client.verify(&registration()).await.unwrap();
            let app = client.applications().list().all().await.unwrap();
            let id = app.iter().find(|app| app.unique_name.as_deref() == Some("k")).unwrap().id.unwrap();
            let there = client.federated_identity_credentials().list(id).all().await.unwrap().len();
            results.push(match checklist.is_done() && there == 2 {
                true => Ok(()),
                false => Err(format!("{name} at request {number}: {there}\n{checklist}")),
            });
        }
    }
    report("federated credentials, each request", &results);
}
