//! A certificate in place of a secret: given, or made for the sink.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use entra_apps::auth::ClientCertificate;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::provision::{Action, Certificate, CredentialKind, StepKind};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::{AppRegistration, BoxError, ClientSecret, ErrorCode, IssuedSecret, Plan, SecretSink};
use entra_emulator::{Fault, MemoryTenant};
use serde_json::{Value, json};

use crate::faults::each_request::FAULTS;
use crate::faults::job::report;
use crate::support::{counts, quiet, register, tenant};

const ONE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
const TWO: &[u8] = include_bytes!("../../../emulator/certificates/two.der");

#[derive(Debug, Default)]
struct Vault(Mutex<Vec<IssuedSecret>>);

#[async_trait]
impl SecretSink for Vault {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(secret.clone());
        Ok(())
    }
}

#[derive(Debug)]
struct Sealed;

#[async_trait]
impl SecretSink for Sealed {
    async fn store(&self, _: &IssuedSecret) -> Result<(), BoxError> {
        Err("the vault is sealed".into())
    }
}

fn made() -> AppRegistration {
    AppRegistration::new("k", "App")
        .permission(application::USER_READ_ALL)
        .credential(Certificate::generated("Main").valid_for_months(6))
}

fn keys(tenant: &MemoryTenant) -> Vec<Value> {
    let app = tenant.applications().into_iter().find(|app| app.unique_name.is_some()).expect("it is registered");
    let app: Value = serde_json::from_str(&app.json).unwrap();
    app["keyCredentials"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_first_run_with_a_certificate_takes_the_four_requests_of_one_with_a_secret() {
    let with_secret =
        AppRegistration::new("k", "App").permission(application::USER_READ_ALL).credential(ClientSecret::new("Main"));
    let before = tenant();
    register(&quiet(&before).client(), &with_secret).await;
    for registration in [made(), with_secret.clone().credential(Certificate::from_der("Given", ONE).unwrap())] {
        let (tenant, vault) = (tenant(), Arc::new(Vault::default()));
        let client = quiet(&tenant).client();
        let plan = client.plan(&registration).await.unwrap();
        client.apply(&plan).secret_sink(vault).await.unwrap();
        assert_eq!((counts(&tenant).0, counts(&before).0), (4, 4));
        tenant.clear_requests();
        assert!(tenant.client().plan(&registration).await.unwrap().is_converged());
        assert_eq!(counts(&tenant), (2, 0));
        assert!(tenant.client().verify(&registration).await.unwrap().is_done());
    }
}

#[tokio::test(start_paused = true)]
async fn the_private_key_goes_to_the_sink_and_nowhere_else_and_the_app_signs_in_with_it() {
    let (tenant, vault) = (tenant(), Arc::new(Vault::default()));
    let client = tenant.client();
    let plan = client.plan(&made()).await.unwrap();
    let registered = client.apply(&plan).secret_sink(vault.clone()).await.unwrap();
    let stored = vault.0.lock().unwrap().pop().unwrap();
    assert!(registered.secrets.is_empty());
    let issued = &registered.certificates[0];
    assert_eq!((stored.kind, stored.key_id), (CredentialKind::Certificate, issued.key_id));
    assert_eq!((stored.display_name.as_deref(), issued.display_name.as_str()), (Some("Main"), "Main"));
    assert!(stored.end == issued.end && issued.end.is_some());
    let private: &str = stored.value.expose_secret().split("-----END PRIVATE KEY-----").next().unwrap();
    let part = private.lines().nth(5).unwrap();
    let shown =
        format!("{registered:?} {} {plan} {plan:?} {}", serde_json::to_string(&registered).unwrap(), plan.to_json());
    assert!(part.len() == 64 && !shown.contains(part) && !shown.contains("PRIVATE KEY"));
    assert!(stored.value.expose_secret().contains(issued.pem.lines().nth(1).unwrap()));

    let usable = client.wait_until_usable(&stored, &made()).await.unwrap();
    assert_eq!((usable.sign_ins, usable.roles), (3, vec!["User.Read.All".to_owned()]));
    let certificate = ClientCertificate::from_pem(stored.value.expose_secret().as_bytes()).unwrap();
    let as_app = tenant.client_builder().client_certificate(stored.app_id, certificate).build().unwrap();
    assert_eq!(as_app.tenant_id().await.unwrap(), tenant.id());
    // What the directory shows of it is what the facts ask for.
    let key = keys(&tenant).pop().unwrap();
    assert_eq!((key["usage"].as_str(), key["type"].as_str()), (Some("Verify"), Some("AsymmetricX509Cert")));
    assert_eq!(key["customKeyIdentifier"].as_str(), Some(issued.thumbprint.as_str()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_where_there_is_no_sink_and_what_cannot_be_stored_is_taken_back() {
    let tenant = tenant();
    let client = tenant.client();
    let plan = client.plan(&made()).await.unwrap();
    tenant.clear_requests();
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::SecretSinkMissing, 0));
    let error = client.apply(&plan).secret_sink(Arc::new(Sealed)).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::SecretNotStored);
    assert!(keys(&tenant).is_empty());
    // The next run makes another.
    let vault = Arc::new(Vault::default());
    let plan = client.plan(&made()).await.unwrap();
    client.apply(&plan).secret_sink(vault.clone()).await.unwrap();
    assert_eq!((keys(&tenant).len(), vault.0.lock().unwrap().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_given_is_recognised_by_itself_and_others_stay_and_are_listed() {
    let tenant = tenant();
    let client = tenant.client();
    let given = |name: &str| AppRegistration::new("k", "App").credential(Certificate::from_der(name, ONE).unwrap());
    register(&client, &given("Main")).await;
    // Under another description it is the same certificate.
    assert!(client.plan(&given("Other")).await.unwrap().is_converged());
    let two = AppRegistration::new("k", "App").credential(Certificate::from_der("Two", TWO).unwrap());
    let plan = client.plan(&two).await.unwrap();
    let changes: Vec<_> = plan.changes().map(|change| change.text.as_str()).collect();
    assert_eq!(changes, ["add the certificate “Two”"]);
    let surplus = plan.surplus().next().unwrap();
    assert_eq!((surplus.id.kind(), surplus.action), (StepKind::SURPLUS_CERTIFICATE, Action::LeftAlone));
    client.apply(&Plan::from_json(&plan.to_json()).unwrap()).await.unwrap();
    assert_eq!(keys(&tenant).len(), 2);
    let checklist = client.verify(&two.remove_surplus()).await.unwrap();
    assert!(checklist.is_done() && checklist.to_string().contains("Nothing more than needed: certificate “Main”"));
}

#[tokio::test(start_paused = true)]
async fn an_expired_one_goes_with_the_first_write_which_the_plan_shows() {
    let tenant = tenant();
    let client = tenant.client();
    let bare = AppRegistration::new("k", "App");
    let id = register(&client, &bare).await.application.unwrap().application_id;
    let old = json!({
        "keyId": "11111111-2222-3333-4444-555555555555", "displayName": "Old", "usage": "Verify",
        "type": "AsymmetricX509Cert", "startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2021-01-01T00:00:00Z",
        "key": null, "customKeyIdentifier": null,
    });
    tenant.store_as_is(id, &json!({ "keyCredentials": [old] }).to_string());
    let wanted = bare.credential(Certificate::from_der("Main", ONE).unwrap());
    let plan = client.plan(&wanted).await.unwrap();
    let removed = plan.changes().find(|change| change.action == Action::Remove).expect("the expired one");
    assert!(removed.text.contains("“Old”") && removed.text.contains("expired"), "{}", removed.text);
    client.apply(&plan).await.unwrap();
    let names: Vec<_> = keys(&tenant).iter().map(|key| key["displayName"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["Main"]);
}

#[tokio::test(start_paused = true)]
async fn another_is_made_on_request_and_what_nobody_may_have_is_named() {
    let (tenant, vault) = (tenant(), Arc::new(Vault::default()));
    let client = tenant.client();
    client.apply(&client.plan(&made()).await.unwrap()).secret_sink(vault.clone()).await.unwrap();
    let first = vault.0.lock().unwrap()[0].key_id;
    let named = |plan: &Plan| {
        let mut steps = plan.steps().iter();
        steps.any(|step| step.id.to_string() == format!("certificate_key:{first}"))
    };
    assert!(named(&client.plan(&made()).await.unwrap()));
    assert!(!named(&client.plan(&made()).holding(first).await.unwrap()));
    let plan = client.plan(&made()).replace_certificate("Main").await.unwrap();
    client.apply(&plan).secret_sink(vault.clone()).await.unwrap();
    assert_eq!((keys(&tenant).len(), vault.0.lock().unwrap().len()), (2, 2));
    let error = client.plan(&made()).replace_certificate("Mian").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnknownSecret);
    let twice = made().credential(Certificate::generated("Main"));
    assert_eq!(client.plan(&twice).await.unwrap_err().code(), ErrorCode::SecretTwice);
}

/// Every request of a first run fails in every outcome: in the end there is one certificate, and the sink has its key.
#[tokio::test(start_paused = true)]
async fn whatever_fails_a_certificate_is_there_whose_key_the_sink_has() {
    let ways = ["not sent", "response lost", "503 before", "500 after", "replica miss", "truncated"];
    let mut results = Vec::new();
    for number in 1..=4 {
        for (name, make) in FAULTS.iter().filter(|(name, _)| ways.contains(name)) {
            let (tenant, vault) = (tenant(), Arc::new(Vault::default()));
            tenant.fault(make(Fault::on("*", "/**").nth(number).alone()));
            for _ in 0..4 {
                let client = tenant.client();
                let Ok(plan) = client.plan(&made()).await else { continue };
                drop(client.apply(&plan).secret_sink(vault.clone()).approve_all().await);
            }
            tenant.clear_faults();
            let checklist = tenant.client().verify(&made()).await.unwrap();
            let there: Vec<String> =
                keys(&tenant).iter().map(|key| key["keyId"].as_str().unwrap().to_owned()).collect();
            let stored: Vec<String> = vault.0.lock().unwrap().iter().map(|it| it.key_id.to_string()).collect();
            let result = match checklist.is_done() && there == stored {
                true => Ok(()),
                false => Err(format!("{name} at request {number}: {there:?}, stored {stored:?}\n{checklist}")),
            };
            results.push(result);
        }
    }
    report("a certificate, each request", &results);
}
