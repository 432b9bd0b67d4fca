//! Policies of certificates, and the ways that are left where client secrets are forbidden.

use std::sync::Arc;

use entra_apps::provision::rotation::MemorySecretStore;
use entra_apps::provision::{Certificate, FederatedCredential, StepKind};
use entra_apps::time::Duration;
use entra_apps::{AppRegistration, ErrorCode, ErrorKind, Plan};
use serde_json::{Value, json};

use super::{NAME, client, no_secrets, reader, refused, restrict, two_years};
use crate::support::{TODAY, counts, quiet, tenant};

/// A certificate from 2020 to 2040.
const GIVEN: &[u8] = include_bytes!("../../../emulator/certificates/one.der");

fn lifetime(max: &str) -> Value {
    json!({"keyCredentials": [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": max}]})
}

fn made(days: u32) -> AppRegistration {
    AppRegistration::new("backup", "Backup").credential(Certificate::generated("Signing").valid_for_days(days))
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_lives_too_long_is_refused_by_the_plan_with_the_policys_name_and_what_it_allows() {
    let given = Certificate::from_der("Given", GIVEN).unwrap();
    let given = AppRegistration::new("backup", "Backup").credential(given);
    for (wanted, said, can_be_shortened) in
        [(made(365), "“Signing” asks for 365 days", true), (given, "“Given” is valid for", false)]
    {
        let tenant = tenant();
        restrict(&tenant, &lifetime("P90D"));
        let reader = reader(&tenant);
        let error = reader.plan(&wanted).await.unwrap_err();
        let expected = (ErrorCode::CertificateLifetimeForbiddenByPolicy, ErrorKind::Refused);
        assert_eq!((error.code(), error.kind()), expected, "{error}");
        for part in [NAME, "allows certificates of 90 days at most", said] {
            assert!(error.message().contains(part), "{error}");
        }
        assert_eq!(error.remedy().contains("`shorten`"), can_be_shortened, "{error}");
        assert_eq!(counts(&tenant), (1, 0), "the policies come with what is read anyway");
        let checklist = reader.verify(&wanted).await.unwrap();
        let open = checklist.open().find(|check| check.id.kind() == StepKind::CERTIFICATE).unwrap();
        assert!(open.remedy.as_deref().unwrap().contains("90 days"), "{open:?}");
        if !can_be_shortened {
            let error = reader.plan(&wanted).shorten().await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::CertificateLifetimeForbiddenByPolicy, "{error}");
        }
        // Who may not read policies is refused by the service.
        let client = client(&tenant, &[]);
        let plan = client.plan(&wanted).await.unwrap();
        let failed = client.apply(&plan).secret_sink(Arc::new(MemorySecretStore::new())).await.unwrap_err();
        assert_eq!(failed.error().code(), ErrorCode::CertificateLifetimeForbiddenByPolicy, "{failed}");
        assert!(failed.error().status().is_some());
    }
}

#[cfg(feature = "generate-certificate")]
#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_made_is_shortened_on_request_and_one_that_fits_goes_through() {
    for (days, shorten) in [(365, true), (90, false), (90, true), (89, false)] {
        let tenant = tenant();
        restrict(&tenant, &lifetime("P90D"));
        let client = reader(&tenant);
        quiet(&tenant);
        let wanted = made(days);
        let request = client.plan(&wanted);
        let plan = if shorten { request.shorten() } else { request }.await.unwrap();
        let clause = "for 90 days in place of 365 days, because the app management policy";
        assert_eq!(plan.to_string().contains(clause), days == 365, "{plan}");
        let plan = Plan::from_json(&plan.to_json()).unwrap();
        let store = Arc::new(MemorySecretStore::new());
        let registered = client.apply(&plan).secret_sink(store.clone()).await.unwrap();
        assert_eq!(refused(&tenant), Vec::<String>::new());
        let end = registered.certificates[0].end.unwrap();
        assert!(end <= TODAY + Duration::days(90) && end > TODAY + Duration::days(88), "{end}");
        assert_eq!(store.kept()[0].end, Some(end));
        match &registered.corrections[..] {
            [] => assert_ne!(days, 365),
            [text] => assert!(days == 365 && text.contains("the certificate “Signing” is valid for 90 days"), "{text}"),
            more => panic!("{more:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_secrets_are_forbidden_the_same_registration_goes_through_with_each_way_that_the_error_names() {
    for may_read in [true, false] {
        let tenant = tenant();
        restrict(&tenant, &no_secrets());
        let client = if may_read { reader(&tenant) } else { client(&tenant, &[]) };
        let error = match client.plan(&two_years()).await {
            Err(error) => error,
            Ok(plan) => client.apply(&plan).await.unwrap_err().into_parts().0,
        };
        assert_eq!(error.code(), ErrorCode::SecretForbiddenByPolicy, "{error}");
        for way in ["certificate", "federated identity credential"] {
            assert!(error.remedy().contains(way), "{error}");
        }
        let backup = || AppRegistration::new("backup", "Backup");
        let given = Certificate::from_der("Main", GIVEN).unwrap();
        let mut ways = vec![
            (StepKind::CERTIFICATE, backup().credential(given)),
            (
                StepKind::FEDERATED_CREDENTIAL,
                backup().credential(FederatedCredential::github_branch("main", "contoso/backup", "main")),
            ),
        ];
        if cfg!(feature = "generate-certificate") {
            ways.push((StepKind::CERTIFICATE, backup().credential(Certificate::generated("Made"))));
        }
        for (kind, wanted) in ways {
            let plan = client.plan(&wanted).await.unwrap();
            let sink = Arc::new(MemorySecretStore::new());
            let registered = client.apply(&plan).secret_sink(sink).await.unwrap();
            assert!(registered.done.iter().any(|done| done.id.kind() == kind), "{registered:?}");
            let checklist = client.verify(&wanted).await.unwrap();
            assert!(checklist.is_done(), "{checklist}");
        }
    }
}
