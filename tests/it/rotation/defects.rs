//! What goes wrong where others rotate, and does not here.

use std::time::Duration;

use entra_apps::provision::CredentialKind;
use entra_emulator::Fault;

use super::scene::{DAY, Scene, Watch, credentials};

/// Terraform's provider deletes the earlier password before it creates the next.
#[tokio::test(start_paused = true)]
async fn none_is_deleted_before_another_one_is_created_stored_and_signs_in() {
    let scene = Scene::new(CredentialKind::ClientSecret).await;
    let (tenant, vault) = scene.start();
    tenant.clear_requests();
    let rotate = |client: entra_apps::Client| {
        let store = std::sync::Arc::new(vault.clone());
        async move { client.rotate(&scene_registration()).store(store).overlap(Duration::ZERO).await }
    };
    rotate(tenant.client()).await.unwrap();
    let at = |path: &str| tenant.requests().iter().position(|request| request.path.contains(path));
    let (added, removed) = (at("/addPassword").unwrap(), at("/removePassword").unwrap());
    let requests = tenant.requests();
    let sign_ins = requests[added..removed].iter().filter(|request| request.is_token).count();
    assert!(added < removed && sign_ins >= 3, "{sign_ins} sign-ins between {added} and {removed}");
    assert_eq!(scene.own(&tenant), [vault.last()]);
}

fn scene_registration() -> entra_apps::AppRegistration {
    super::scene::registration(CredentialKind::ClientSecret)
}

/// Azurerator goes on where a removal has failed, and leaks one secret with each rotation.
#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_is_an_error_and_is_made_up_for() {
    for kind in [CredentialKind::ClientSecret, CredentialKind::Certificate] {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start();
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        tokio::time::advance(2 * DAY).await;
        let on = match kind {
            CredentialKind::ClientSecret => Fault::on("POST", "/applications/*/removePassword"),
            _ => Fault::on("PATCH", "/applications/*"),
        };
        tenant.fault(on.always().fails(500));
        let error = scene.rotate(&tenant.client(), &vault).await.unwrap_err();
        assert!(error.to_string().contains("Run it again"), "{kind:?}: {error}");
        assert_eq!(scene.own(&tenant).len(), 2, "{kind:?}");
        tenant.clear_faults();
        scene.rotate(&tenant.client(), &vault).await.unwrap();
        assert_eq!(scene.own(&tenant), [vault.last()], "{kind:?}");
    }
}

/// Vault's rotate-root removes every other secret of the app, others' among them, without a look at whether its own works.
#[tokio::test(start_paused = true)]
async fn what_others_have_issued_stays_even_if_it_bears_the_same_description() {
    for kind in [CredentialKind::ClientSecret, CredentialKind::Certificate] {
        let scene = Scene::new(kind).await;
        let (tenant, vault) = scene.start();
        let watch = Watch::new(&scene, &tenant, &vault, None);
        for _ in 0..3 {
            let rotated = scene.rotate(&watch.client(), &vault).await.unwrap();
            // The one of the same description is named.
            let code = entra_apps::ErrorCode::CredentialNotOurs;
            let named: Vec<_> = rotated.open.iter().filter(|open| open.code == code).collect();
            assert_eq!(named.len(), 1, "{kind:?}: {:?}", rotated.open);
            assert!(scene.foreign.contains(&named[0].key_id.unwrap()), "{kind:?}");
            tokio::time::advance(160 * DAY).await;
        }
        watch.result().unwrap();
        assert_eq!(scene.foreign.len(), 3);
        assert!(scene.foreign.iter().all(|it| credentials(&tenant).contains(it)), "{kind:?}");
    }
}
