//! An app rotates its own certificate, with no permission at all.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::auth::ClientCertificate;
use entra_apps::http::Method;
use entra_apps::ids::{ApplicationId, KeyId};
use entra_apps::model::KeyCredential;
use entra_apps::provision::rotation::{RotateError, Rotated, RotationState};
use entra_apps::provision::{Certificate, CredentialKind};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::{Client, ErrorCode, ErrorKind};
use entra_emulator::{Fault, MemoryTenant};
use serde_json::json;

use super::scene::{DAY, FOREIGN, Scene, Vault, Watch, app_json, credentials};
use crate::faults::each_request::FAULTS;
use crate::faults::job::report;

fn application(tenant: &MemoryTenant) -> ApplicationId {
    app_json(tenant)["id"].as_str().unwrap().parse().unwrap()
}

/// A client that signs in as the app itself, with the certificate that the store has; the app holds no permission.
fn client(scene: &Scene, tenant: &MemoryTenant, vault: &Vault, watch: Option<&Arc<Watch>>) -> Client {
    let stored = vault.kept().pop().unwrap();
    let certificate = ClientCertificate::from_pem(stored.value.expose_secret().as_bytes()).unwrap();
    let builder = tenant.client_builder().client_certificate(scene.app_id, certificate);
    match watch {
        Some(watch) => builder.transport(watch.clone()).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn wanted() -> Certificate {
    Certificate::generated("Backup").valid_for_days(180)
}

async fn rotate(scene: &Scene, tenant: &MemoryTenant, client: &Client, vault: &Vault) -> Result<Rotated, RotateError> {
    let certificate = wanted();
    let store = Arc::new(vault.clone());
    client.rotate_own_certificate(application(tenant), scene.app_id, &certificate, store).await
}

#[tokio::test(start_paused = true)]
async fn an_app_without_a_permission_rotates_its_certificate_and_the_new_one_signs_the_removal() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let (old, client) = (vault.last(), client(&scene, &tenant, &vault, None));
    let denied = client.applications().get(scene.app_id).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Forbidden, "it may not even read itself");
    let rotated = rotate(&scene, &tenant, &client, &vault).await.unwrap();
    let new = vault.last();
    assert!(new != old);
    assert_eq!(scene.own(&tenant), [new]);
    assert_eq!((rotated.credentials[0].state, rotated.credentials[0].issued), (RotationState::Current, Some(new)));
    // Signed in with the new one, it is not due again.
    let client = self::client(&scene, &tenant, &vault, None);
    assert!(rotate(&scene, &tenant, &client, &vault).await.unwrap().done.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_earlier_one_is_kept_on_request_and_retired_later_and_the_last_never_goes() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let (old, own) = (vault.last(), wanted());
    let of = |client: &Client| {
        client.rotate_own_certificate(application(&tenant), scene.app_id, &own, Arc::new(vault.clone()))
    };
    let rotated = of(&client(&scene, &tenant, &vault, None)).keep_earlier().await.unwrap();
    assert_eq!(
        (rotated.credentials[0].state, &*rotated.credentials[0].earlier),
        (RotationState::Overlapping, &[old][..])
    );
    assert_eq!(rotated.open[0].key_id, Some(old));
    tokio::time::advance(DAY).await;
    let current = vault.last();
    let rotated = of(&client(&scene, &tenant, &vault, None)).retire(old).retire(current).await.unwrap();
    assert_eq!((rotated.done.len(), scene.own(&tenant)), (1, vec![current]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_taken_back_with_a_proof_of_the_earlier_one() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let before = credentials(&tenant);
    vault.refuses(true);
    let error = rotate(&scene, &tenant, &client(&scene, &tenant, &vault, None), &vault).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::SecretNotStored);
    assert_eq!(credentials(&tenant), before);
    let empty = Vault::default();
    let error = rotate(&scene, &tenant, &client(&scene, &tenant, &vault, None), &empty).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::SecretValueUnknown);
}

/// Every request fails in every way, and the process ends at every request: a later run ends as an undisturbed one.
#[tokio::test(start_paused = true)]
async fn an_own_rotation_that_is_disturbed_is_made_up_for() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let watch = Watch::new(&scene, &tenant, &vault, None);
    rotate(&scene, &tenant, &client(&scene, &tenant, &vault, Some(&watch)), &vault).await.unwrap();
    let requests = watch.seen();
    let ways = ["not sent", "response lost", "503 before", "500 after", "truncated"];
    let ways = FAULTS.iter().filter(|(name, _)| ways.contains(name));
    let mut results = Vec::new();
    for at in 0..requests {
        for ends in [None, Some(false), Some(true)] {
            for (name, make) in ways.clone().take(if ends.is_some() { 1 } else { 5 }) {
                let (tenant, vault) = scene.start();
                tenant.clear_requests();
                if ends.is_none() {
                    tenant.fault(make(Fault::on("*", "/**").nth(at as u64 + 1).alone()));
                }
                let watch = Watch::new(&scene, &tenant, &vault, ends.map(|after| (at, after)));
                let first = client(&scene, &tenant, &vault, Some(&watch));
                tokio::select! {
                    _ = rotate(&scene, &tenant, &first, &vault) => {}
                    () = watch.reached.notified() => {}
                }
                let mut result = watch.result();
                for _ in 0..4 {
                    let watch = Watch::new(&scene, &tenant, &vault, None);
                    let client = client(&scene, &tenant, &vault, Some(&watch));
                    let old: Vec<KeyId> = vault.kept().iter().map(|kept| kept.key_id).collect();
                    let certificate = wanted();
                    let mut again = client.rotate_own_certificate(
                        application(&tenant),
                        scene.app_id,
                        &certificate,
                        Arc::new(vault.clone()),
                    );
                    // What the store has had before is named.
                    for key_id in old.iter().filter(|it| **it != vault.last()) {
                        again = again.retire(*key_id);
                    }
                    drop(again.await);
                    result = result.and(watch.result());
                }
                if result.is_ok() && scene.own(&tenant) != [vault.last()] {
                    result = Err(format!("{:?} are left", scene.own(&tenant)));
                }
                results.push(result.map_err(|it| format!("{name} {ends:?} at request {at}: {it}")));
            }
        }
    }
    report("rotation of an own certificate", &results);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_is_made_by_hand_and_wrong_is_refused_with_its_cause() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let (client, id) = (client(&scene, &tenant, &vault, None), application(&tenant));
    let now = tenant.clock().now().unix_timestamp();
    let token = |aud: &str, iss: String, nbf: i64, exp: i64| {
        let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "x"});
        let claims = json!({"aud": aud, "iss": iss, "nbf": nbf, "exp": exp});
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 256]))
    };
    let directory = "00000002-0000-0000-c000-000000000000";
    let good = token(directory, id.to_string(), now, now + 600);
    for (proof, cause) in [
        (token("https://graph.microsoft.com", id.to_string(), now, now + 600), "audience (aud)"),
        (token(directory, scene.app_id.to_string(), now, now + 600), "issuer (iss)"),
        (token(directory, id.to_string(), now, now + 3600), "longer than ten minutes"),
        (format!("{good}=="), "without padding"),
        (good, "not signed with the key of a certificate"),
    ] {
        let body =
            json!({"keyCredential": KeyCredential::certificate(FOREIGN), "passwordCredential": null, "proof": proof});
        let call = client.request(Method::POST, format!("applications/{id}/addKey")).json(&body);
        let error = call.returning::<serde_json::Value>().await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (ErrorCode::InvalidKeyProof, ErrorKind::Invalid), "{cause}");
        assert!(error.message().contains(cause), "{cause}: {error}");
        assert!(error.remedy().contains("add_key"), "{error}");
    }
    // By the API, the one thing left to be wrong is the certificate itself.
    let other =
        ClientCertificate::from_der(FOREIGN, include_bytes!("../../../emulator/certificates/one.key.der")).unwrap();
    let foreign = Scene::new(CredentialKind::ClientSecret).await;
    let added = client.applications().add_key(id, &KeyCredential::certificate(FOREIGN), &other).await;
    assert!(added.is_ok(), "it is one of the app's: {added:?}");
    drop(foreign);
    let two = include_bytes!("../../../emulator/certificates/two.der");
    let stranger =
        ClientCertificate::from_der(two, include_bytes!("../../../emulator/certificates/two.key.der")).unwrap();
    let error = client.applications().add_key(id, &KeyCredential::certificate(two), &stranger).await.unwrap_err();
    assert!(error.code() == ErrorCode::InvalidKeyProof && error.message().contains("not signed with"), "{error}");
}
