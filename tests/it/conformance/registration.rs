//! The main job on a tenant of any kind. It grants what gives no power: to read the service's health, and a user's own
//! profile.

use entra_apps::permission::microsoft_graph::{application, delegated};

use entra_apps::{AppRegistration, ClientSecret, RedirectUri, Registered, SignInAudience};

use super::scene::Scene;

fn registration(scene: &Scene) -> AppRegistration {
    AppRegistration::new(scene.key("job"), scene.name("Job"))
        .audience(SignInAudience::SingleOrganization)
        .redirect_uri(RedirectUri::web("https://job.contoso.example/callback").unwrap())
        .permission(application::SERVICE_HEALTH_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Conform").valid_for_months(1))
}

/// Plans and applies.
async fn apply(scene: &Scene, registration: &AppRegistration) -> Registered {
    let plan = scene.client().plan(registration).await.unwrap();
    let applied = scene.client().apply(&plan).await;
    let registered = applied.unwrap_or_else(|error| panic!("{error}\n{:?}", error.report()));
    let app = registered.application.as_ref().unwrap();
    scene.made(app.application_id);
    scene.made_principal(app.service_principal_id.unwrap());
    registered
}

pub(super) async fn a_registration_is_applied_verified_and_then_left_alone(scene: Scene) {
    let registration = registration(&scene);
    let registered = apply(&scene, &registration).await;
    assert_eq!((registered.secrets.len(), registered.open.len()), (1, 0), "{:?}", registered.open);
    let writes = scene.writes();
    let plan = scene.client().plan(&registration).holding(registered.secrets[0].key_id).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    scene.client().apply(&plan).await.unwrap();
    assert_eq!(scene.writes(), writes, "a second run writes nothing");
    let checklist = scene.client().verify(&registration).await.unwrap();
    assert!(checklist.is_done(), "{checklist}");
}

pub(super) async fn a_registration_is_changed_and_converges_again(scene: Scene) {
    let first = registration(&scene);
    let app = apply(&scene, &first).await.application.unwrap();
    let second = first.redirect_uri(RedirectUri::spa("https://job.contoso.example/spa").unwrap()).notes("second");
    let changed = apply(&scene, &second).await;
    assert_eq!(changed.application.unwrap().app_id, app.app_id, "it is the same application");
    assert!(changed.secrets.is_empty(), "there is one");
    let plan = scene.client().plan(&second).await.unwrap();
    assert_eq!(plan.changes().count(), 0, "{plan}");
    let checklist = scene.client().verify(&second).await.unwrap();
    assert!(checklist.is_done(), "{checklist}");
}
