//! What a rotation does, step by step, and what it leaves to a person.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use entra_apps::ids::KeyId;
use entra_apps::provision::rotation::{Rotated, RotationState};
use entra_apps::provision::{Certificate, CredentialKind, CredentialUse, NoEvidence, Progress};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, SignInAudience};
use entra_emulator::{Fault, Lag};
use serde_json::json;

use super::scene::{DAY, OVERLAP, Scene, Vault, app_json, credentials, later, registration};
use crate::app_policies::{reader, refused, restrict};
use crate::support::{builder, quiet, register};

const KINDS: [CredentialKind; 2] = [CredentialKind::ClientSecret, CredentialKind::Certificate];

#[tokio::test(start_paused = true)]
async fn one_that_is_due_is_issued_stored_proven_and_the_earlier_one_goes_after_the_overlap() {
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start();
        let old = vault.last();
        let rotated = scene.rotate(&tenant.client(), &vault).await.unwrap();
        let new = vault.last();
        assert!(new != old && scene.own(&tenant).len() == 2, "{kind:?}");
        let state = &rotated.credentials[0];
        assert_eq!((state.state, state.current, state.issued), (RotationState::Overlapping, Some(new), Some(new)));
        assert_eq!((&*state.earlier, state.name.as_str()), (&[old][..], "Backup"));
        let until = state.overlap_until.unwrap() - tenant.clock().now();
        assert!((until - OVERLAP).abs() < entra_apps::time::Duration::MINUTE, "{kind:?}: {until}");

        // A day later the earlier one goes; before that, nothing happens.
        tokio::time::advance(DAY / 2).await;
        assert!(scene.rotate(&tenant.client(), &vault).await.unwrap().done.is_empty(), "{kind:?}");
        tokio::time::advance(DAY).await;
        let rotated = scene.rotate(&tenant.client(), &vault).await.unwrap();
        assert_eq!((scene.own(&tenant), rotated.credentials[0].state), (vec![new], RotationState::Current), "{kind:?}");
        assert_eq!(rotated.done.len(), 1, "{kind:?}");
        // The app needs no plan for it: what a rotation leaves is what the registration asks for.
        assert!(tenant.client().plan(&scene.registration).await.unwrap().is_converged(), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_it_is_due_and_at_once_makes_it_due() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start_with(later(100 * DAY));
    let rotated = scene.rotate(&tenant.client(), &vault).await.unwrap();
    assert_eq!((rotated.done.len(), rotated.credentials[0].state), (0, RotationState::Current));
    let (client, store) = (tenant.client(), Arc::new(vault.clone()));
    let rotated = client.rotate(&scene.registration).store(store.clone()).at_once("Backup").await.unwrap();
    assert_eq!(rotated.credentials[0].issued, Some(vault.last()));
    let error = client.rotate(&scene.registration).store(store).at_once("Bakcup").await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::UnknownSecret);
}

#[tokio::test(start_paused = true)]
async fn the_new_one_says_which_it_rotates_and_signs_in() {
    let scene = Scene::new(CredentialKind::Certificate).await;
    let (tenant, vault) = scene.start();
    let old = vault.last().to_string();
    scene.rotate(&tenant.client(), &vault).await.unwrap();
    let issued = vault.kept().pop().unwrap();
    assert_eq!(issued.display_name, Some(format!("Backup (rotates {})", &old[..8])));
    assert_eq!(issued.kind, CredentialKind::Certificate);
    assert!(issued.value.expose_secret().contains("BEGIN PRIVATE KEY"));
    let usable = tenant.client().wait_until_usable(&issued, &scene.registration).await.unwrap();
    assert_eq!(usable.sign_ins, 3);
}

#[tokio::test(start_paused = true)]
async fn the_sign_in_service_is_waited_for_and_a_removed_one_that_still_works_proves_nothing() {
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        let lag = Lag::none().sign_in(Duration::from_secs(40));
        let (tenant, vault) = scene.start_with(later(155 * DAY).lags(lag).removed_credentials_work_for(10 * DAY));
        tenant.settle();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (client, told) = (tenant.client(), seen.clone());
        let rotate = client.rotate(&scene.registration).store(Arc::new(vault.clone())).overlap(OVERLAP);
        rotate
            .on_progress(move |progress| {
                if let Progress::Done(done) = progress {
                    told.lock().unwrap().push(done.text.clone());
                }
            })
            .await
            .unwrap();
        assert!(seen.lock().unwrap().iter().any(|text| text.contains("2 of 3 times")), "{kind:?}");
        // Somebody removes the new one, which works on for days: the earlier one stays, and another is issued.
        let (old, new) = (scene.own(&tenant).into_iter().find(|it| *it != vault.last()).unwrap(), vault.last());
        let path = format!("/applications/{}", app_json(&tenant)["id"].as_str().unwrap());
        if kind == CredentialKind::ClientSecret {
            let body = json!({ "keyId": new }).to_string();
            assert!(tenant.send_json("POST", &format!("{path}/removePassword"), Some(&body)).0.is_success());
        } else {
            let mut keys = app_json(&tenant)["keyCredentials"].as_array().unwrap().clone();
            keys.retain(|key| key["keyId"] != new.to_string());
            let body = json!({ "keyCredentials": keys }).to_string();
            assert!(tenant.send_json("PATCH", &path, Some(&body)).0.is_success());
        }
        tokio::time::advance(2 * DAY).await;
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        assert!(vault.last() != new && scene.own(&tenant).contains(&old), "{kind:?}");
        assert!(scene.own(&tenant).contains(&vault.last()), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_taken_back_and_reported_with_its_value_if_that_fails() {
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start();
        let before = credentials(&tenant);
        vault.refuses(true);
        let error = scene.rotate(&tenant.client(), &vault).await.unwrap_err();
        assert_eq!(error.error().code(), ErrorCode::SecretNotStored, "{kind:?}");
        assert!(error.report().secrets.is_empty() && error.to_string().contains("removed"), "{kind:?}: {error}");
        assert_eq!(sorted(credentials(&tenant)), sorted(before), "{kind:?}");

        let path =
            if kind == CredentialKind::ClientSecret { "/applications/*/removePassword" } else { "/applications/*" };
        let method = if kind == CredentialKind::ClientSecret { "POST" } else { "PATCH" };
        let removal = if kind == CredentialKind::ClientSecret { 1 } else { 2 };
        tenant.fault(Fault::on(method, path).nth(removal).refuses(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges.",
        ));
        let error = scene.rotate(&tenant.client(), &vault).await.unwrap_err();
        let report = error.report();
        assert_eq!(report.secrets.len(), 1, "{kind:?}: {error}");
        assert!(
            scene.own(&tenant).contains(&report.secrets[0].key_id),
            "{kind:?}: it is live, and reported with its value"
        );
        assert!(error.to_string().contains("keep it") && !format!("{error:?}").contains("PRIVATE KEY"), "{kind:?}");
        // Once it can be stored again, a later run issues another, and the orphan goes.
        vault.refuses(false);
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        tokio::time::advance(2 * DAY).await;
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        assert_eq!(scene.own(&tenant), [vault.last()], "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_where_the_store_does_not_give_back_what_it_was_given_or_cannot_be_asked() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start();
    let old = vault.last();
    vault.forgets(true);
    // It gives back the earlier one: another is not counted as stored, and the earlier one stays.
    let rotated = scene.rotate(&tenant.client(), &vault).await;
    assert!(scene.own(&tenant).contains(&old));
    drop(rotated);
    vault.forgets(false);
    vault.is_mute(true);
    let before = sorted(credentials(&tenant));
    tokio::time::advance(2 * DAY).await;
    let error = scene.rotate(&tenant.client(), &vault).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::SecretStoreFailed);
    assert_eq!(sorted(credentials(&tenant)), before);
    vault.is_mute(false);
    scene.rotate(&tenant.client(), &vault).await.unwrap();
    tokio::time::advance(2 * DAY).await;
    scene.rotate(&tenant.client(), &vault).await.unwrap();
    assert_eq!(scene.own(&tenant), [vault.last()], "what never came to the store goes");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_be_asked_gets_the_new_one_and_nothing_is_removed() {
    let scene = Scene::alone(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start();
    let old = vault.last();
    for _ in 0..2 {
        let rotate = tenant.client();
        let rotate = rotate.rotate(&scene.registration).secret_sink(Arc::new(vault.clone())).overlap(Duration::ZERO);
        let rotated = rotate.await.unwrap();
        assert_eq!(rotated.credentials[0].state, RotationState::HandedOver);
        assert!(rotated.open.iter().any(|open| open.key_id == Some(old) && open.code == ErrorCode::SecretValueUnknown));
        assert_eq!(scene.own(&tenant).len(), 2, "once, and not each night");
        tokio::time::advance(2 * DAY).await;
    }
    let client = tenant.client();
    let error = client.rotate(&scene.registration).await.unwrap_err();
    assert_eq!((error.error().code(), error.error().kind()), (ErrorCode::SecretSinkMissing, ErrorKind::Invalid));
}

#[tokio::test(start_paused = true)]
async fn one_whose_value_nobody_has_is_reported_and_replaced_on_request() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, _) = scene.start_with(later(DAY));
    let (empty, client) = (Vault::default(), tenant.client());
    let rotated = scene.rotate(&client, &empty).await.unwrap();
    assert_eq!(rotated.credentials[0].state, RotationState::ValueUnknown);
    assert!(rotated.open.iter().all(|open| open.code == ErrorCode::SecretValueUnknown) && !rotated.open.is_empty());
    let rotate = client.rotate(&scene.registration).store(Arc::new(empty.clone())).overlap(OVERLAP);
    rotate.replace_lost().await.unwrap();
    let lost: Vec<_> = scene.own(&tenant).into_iter().filter(|it| *it != empty.last()).collect();
    assert_eq!(lost.len(), 1);
    tokio::time::advance(2 * DAY).await;
    let rotated = scene.rotate(&client, &empty).await.unwrap();
    // Each of its description may be the lost one as well as a stranger's: they are named, and stay.
    let named = rotated.open.iter().filter(|open| open.code == ErrorCode::CredentialNotOurs).count();
    assert_eq!((named, scene.own(&tenant).len()), (2, 2));
    assert!(scene.foreign.iter().all(|it| credentials(&tenant).contains(it)));
    let rotate = client.rotate(&scene.registration).store(Arc::new(empty.clone())).overlap(OVERLAP);
    rotate.retire(lost[0]).await.unwrap();
    assert_eq!(scene.own(&tenant), [empty.last()]);
}

#[tokio::test(start_paused = true)]
async fn what_is_named_by_key_id_goes_after_the_overlap_and_what_is_gone_already_is_removed() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start();
    let foreign = scene.foreign[0];
    let client = tenant.client();
    let rotate = || client.rotate(&scene.registration).store(Arc::new(vault.clone())).overlap(OVERLAP).retire(foreign);
    tenant.fault(Fault::on("POST", "/applications/*/removePassword").response_lost());
    rotate().await.unwrap();
    assert!(!credentials(&tenant).contains(&foreign));
    assert!(credentials(&tenant).contains(&scene.foreign[1]));
}

#[tokio::test(start_paused = true)]
async fn an_app_for_personal_accounts_has_two_secrets_at_most() {
    let audience = SignInAudience::MultipleOrganizationsAndPersonalAccounts;
    let wanted = AppRegistration::new("contoso-backup", "Contoso Backup")
        .audience(audience)
        .credential(ClientSecret::new("Backup").valid_for_days(180));
    let (first, vault) = (builder().build(), Vault::default());
    let client = first.client();
    let plan = client.plan(&wanted).await.unwrap();
    client.apply(&plan).secret_sink(Arc::new(vault.clone())).await.unwrap();
    let add = |end: &str| {
        let path = format!("/applications/{}/addPassword", app_json(&first)["id"].as_str().unwrap());
        let body = json!({"passwordCredential": {"displayName": "Backup", "endDateTime": end}}).to_string();
        assert!(first.send_json("POST", &path, Some(&body)).0.is_success());
    };
    // A second one that is valid: there is no room, and nothing is removed.
    let room = first.snapshot();
    add("2028-01-01T00:00:00Z");
    let tenant = later(155 * DAY).snapshot(first.snapshot()).build();
    let before = sorted(credentials(&tenant));
    let client = tenant.client();
    let error = client.rotate(&wanted).store(Arc::new(vault.clone())).await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::TooManySecrets);
    assert_eq!(sorted(credentials(&tenant)), before);
    // A second one that has expired goes first.
    first.restore(&room).unwrap();
    add("2026-07-01T00:00:00Z");
    let tenant = later(155 * DAY).snapshot(first.snapshot()).build();
    let client = tenant.client();
    let rotated = client.rotate(&wanted).store(Arc::new(vault.clone())).await.unwrap();
    assert_eq!(rotated.credentials[0].issued, Some(vault.last()));
    assert_eq!(credentials(&tenant).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn plan_and_check_warn_ahead_and_an_apply_renews() {
    let scene = Scene::alone(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start_with(later(149 * DAY));
    let client = tenant.client();
    assert!(client.plan(&scene.registration).await.unwrap().is_converged(), "31 days ahead");
    let (tenant, _) = scene.start();
    let client = tenant.client();
    let checklist = client.verify(&scene.registration).await.unwrap();
    let warning = checklist.open().find(|check| check.id.to_string() == "credential_renewal:Backup").unwrap();
    assert!(!warning.required && warning.step.contains("it ends on 2026-11-2"), "{warning:?}");
    let plan = client.plan(&scene.registration).await.unwrap();
    let changes: Vec<_> = plan.changes().map(|change| change.text.clone()).collect();
    assert_eq!(changes.len(), 1);
    assert!(changes[0].starts_with("renew the client secret “Backup”, which ends on"), "{changes:?}");
    let registered = client.apply(&plan).secret_sink(Arc::new(vault.clone())).await.unwrap();
    assert!(registered.secrets[0].display_name.as_deref().unwrap().starts_with("Backup (renews "));
    assert!(client.plan(&scene.registration).await.unwrap().is_converged(), "once");
    // The renewed one is in the store. Whose the earlier one is, nothing shows: it is named, and goes on request.
    tokio::time::advance(2 * DAY).await;
    let rotated = scene.rotate(&client, &vault).await.unwrap();
    let earlier = rotated.open[0].key_id.unwrap();
    assert_eq!((rotated.open[0].code, scene.own(&tenant).len()), (ErrorCode::CredentialNotOurs, 2));
    client.rotate(&scene.registration).store(Arc::new(vault.clone())).overlap(OVERLAP).retire(earlier).await.unwrap();
    assert_eq!(scene.own(&tenant), [vault.last()]);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_given_is_only_warned_of_and_never_renews_where_nobody_asks() {
    // It ends in 2040.
    let given = Certificate::from_der("Given", super::scene::FOREIGN).unwrap().renew_before(14 * 365 * DAY);
    let wanted = AppRegistration::new("contoso-backup", "Contoso Backup").credential(given);
    let tenant = builder().build();
    register(&tenant.client(), &wanted).await;
    let plan = tenant.client().plan(&wanted).await.unwrap();
    assert!(plan.is_converged());
    assert!(plan.steps().iter().any(|step| step.id.to_string() == "credential_renewal:Given"), "{plan}");
    let never = registration(CredentialKind::ClientSecret);
    let never = AppRegistration::new(never.unique_name(), never.display_name())
        .credential(ClientSecret::new("Backup").valid_for_days(180).renew_before(Duration::ZERO));
    let scene = Scene::alone(CredentialKind::ClientSecret).await;
    let (tenant, _) = scene.start();
    assert!(tenant.client().plan(&never).await.unwrap().is_converged());
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn use_is_told_and_what_nobody_uses_goes_on_request_alone() {
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start_with(later(100 * DAY));
        let (store, by_hand) = (Arc::new(vault.clone()), scene.foreign_of_same_description(&tenant));
        let reader = tenant.add_caller(&["Application.ReadWrite.All", "AuditLog.Read.All"]);
        let client = tenant.client_of(&reader);
        let before = credentials(&tenant);
        let now = tenant.clock().now();
        let used =
            |rotated: &Rotated| rotated.credentials[0].others.iter().map(|it| (it.key_id, it.used)).collect::<Vec<_>>();

        // Without an entry, and with one that is too near, it stays whatever is asked for.
        let rotated =
            client.rotate(&scene.registration).store(store.clone()).overlap(DAY).remove_unused().await.unwrap();
        assert_eq!(used(&rotated), [(by_hand, CredentialUse::Unknown(NoEvidence::NoEntry))], "{kind:?}");
        tenant.note_sign_in(by_hand, now - 7 * DAY);
        let rotated =
            client.rotate(&scene.registration).store(store.clone()).overlap(DAY).remove_unused().await.unwrap();
        assert_eq!(used(&rotated), [(by_hand, CredentialUse::LastUsed(now - 7 * DAY))], "{kind:?}");
        assert!(rotated.done.is_empty() && credentials(&tenant) == before, "{kind:?}");

        // A day and seven days later it is evidence, of which nothing follows unless it is asked for.
        tokio::time::advance(2 * DAY).await;
        let rotate = || client.rotate(&scene.registration).store(store.clone()).overlap(DAY);
        let rotated = rotate().with_activity().await.unwrap();
        assert_eq!(used(&rotated), [(by_hand, CredentialUse::NotUsedSince(now - 7 * DAY))], "{kind:?}");
        assert_eq!(rotated.open[0].code, ErrorCode::CredentialNotOurs);
        assert_eq!(rotate().await.unwrap().credentials[0].others, [], "nothing was asked");
        // Who may not read the report learns nothing, and does nothing.
        let rotated = tenant.client().rotate(&scene.registration).store(store.clone()).remove_unused().await.unwrap();
        assert_eq!(used(&rotated), [(by_hand, CredentialUse::Unknown(NoEvidence::NotReadable))], "{kind:?}");
        assert_eq!(credentials(&tenant), before, "{kind:?}");

        let rotated = rotate().remove_unused().await.unwrap();
        assert!(rotated.done[0].text.contains(&by_hand.to_string()), "{:?}", rotated.done);
        assert_eq!((rotated.done.len(), rotated.open.len(), used(&rotated)), (1, 0, Vec::new()), "{kind:?}");
        let left: Vec<KeyId> = before.into_iter().filter(|key_id| *key_id != by_hand).collect();
        assert_eq!(credentials(&tenant), left, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_app_for_other_tenants_nothing_goes_by_its_use() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start_with(later(100 * DAY));
    let by_hand = scene.foreign_of_same_description(&tenant);
    tenant.note_sign_in(by_hand, tenant.clock().now() - 90 * DAY);
    let body = json!({"signInAudience": "AzureADMultipleOrgs"}).to_string();
    assert!(tenant.send_json("PATCH", "/applications(uniqueName='contoso-backup')", Some(&body)).0.is_success());
    let reader = tenant.add_caller(&["Application.ReadWrite.All", "AuditLog.Read.All"]);
    let client = tenant.client_of(&reader);
    let rotated = client.rotate(&scene.registration).store(Arc::new(vault)).remove_unused().await.unwrap();
    let unknown = CredentialUse::Unknown(NoEvidence::SignsInElsewhere);
    assert_eq!((rotated.done.len(), rotated.credentials[0].others[0].used), (0, unknown));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_lifetime_is_taken_on_request_and_the_next_one_comes_in_time() {
    for kind in KINDS {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start_with(later(175 * DAY));
        let (list, sort) = match kind {
            CredentialKind::Certificate => ("keyCredentials", "asymmetricKeyLifetime"),
            _ => ("passwordCredentials", "passwordLifetime"),
        };
        restrict(&tenant, &json!({list: [{"restrictionType": sort, "maxLifetime": "P20D"}]}));
        let (client, store) = (reader(&tenant), Arc::new(vault.clone()));
        let error = client.rotate(&scene.registration).store(store.clone()).await.unwrap_err();
        let forbidden = [ErrorCode::SecretLifetimeForbiddenByPolicy, ErrorCode::CertificateLifetimeForbiddenByPolicy];
        assert!(forbidden.contains(&error.error().code()), "{error}");

        // A month before its end the registration asks for another one, which twenty days do not allow.
        let rotate = || client.rotate(&scene.registration).store(store.clone()).overlap(DAY).shorten();
        quiet(&tenant);
        let rotated = rotate().await.unwrap();
        assert!(rotated.done[0].text.contains("valid for 20 days in place of 180 days, because"), "{:?}", rotated.done);
        assert!(refused(&tenant).is_empty(), "{kind:?}: {:?}", refused(&tenant));
        let first = rotated.credentials[0].current;
        let lifetime = rotated.credentials[0].end.unwrap() - tenant.clock().now();
        assert_eq!((lifetime.whole_days(), scene.own(&tenant).len()), (19, 2), "{kind:?}: {lifetime}");
        for _ in 0..12 {
            tokio::time::advance(DAY).await;
            let rotated = rotate().await.unwrap();
            assert_eq!((rotated.credentials[0].current, rotated.credentials[0].issued), (first, None), "{kind:?}");
        }
        tokio::time::advance(2 * DAY).await;
        assert_ne!(rotate().await.unwrap().credentials[0].current, first, "{kind:?}");
        // Who may not read the policies learns from the refusal what to ask for.
        tokio::time::advance(DAY * 15).await;
        let error = tenant.client().rotate(&scene.registration).store(store.clone()).shorten().await.unwrap_err();
        assert!(forbidden.contains(&error.error().code()), "{error}");
        assert!(error.to_string().contains("Policy.Read.All"), "{error}");
    }
}
