//! Client secrets, and signing in with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entra_apps::ErrorKind;
use entra_apps::model::{ApplicationPatch, NewAppRoleAssignment, NewPasswordCredential};
use entra_apps::secrecy::{ExposeSecret as _, SecretString};
use entra_apps::time::Duration;
use entra_apps::token::AccessToken;

use super::scene::{ROLE, Scene, agree};

pub(super) async fn a_secret_is_shown_once_and_removed(scene: Scene) {
    let id = scene.create(&scene.new_application("Secret")).await.id.unwrap();
    let applications = scene.client().applications();
    let mut issued = Vec::new();
    for name in ["One", "Two"] {
        issued.push(applications.add_password(id, &NewPasswordCredential::new().display_name(name)).await.unwrap());
    }
    let [one, two] = issued.as_slice() else { unreachable!("two were issued") };
    let value = one.secret_text.as_ref().unwrap().expose_secret();
    assert!(value.len() >= 16 && Some(&value[..3]) == one.hint.as_deref(), "the value, and how it starts");
    assert_ne!(Some(value), two.secret_text.as_ref().map(SecretString::expose_secret));
    let lasts = one.end_date_time.unwrap() - one.start_date_time.unwrap();
    assert!((730..=731).contains(&lasts.whole_days()), "two years by default: {lasts}");
    let read = agree(async || applications.get(id).await, |read| read.password_credentials.len() == 2).await;
    assert!(read.password_credentials.iter().all(|held| held.secret_text.is_none()), "never again");
    applications.remove_password(id, one.key_id.unwrap()).await.unwrap();
    let read = agree(async || applications.get(id).await, |read| read.password_credentials.len() == 1).await;
    assert_eq!(read.password_credentials[0].key_id, two.key_id);
}

pub(super) async fn a_secret_ends_when_it_was_asked_to(scene: Scene) {
    let id = scene.create(&scene.new_application("Ends")).await.id.unwrap();
    // To the second: what the service keeps.
    let end = (scene.now() + Duration::days(30)).replace_nanosecond(0).unwrap();
    let applications = scene.client().applications();
    let issued = applications.add_password(id, &NewPasswordCredential::new().end(end)).await.unwrap();
    assert_eq!(issued.end_date_time, Some(end));
    let read = agree(async || applications.get(id).await, |read| !read.password_credentials.is_empty()).await;
    assert_eq!(read.password_credentials[0].end_date_time, Some(end));
}

pub(super) async fn a_secret_that_is_not_there_cannot_be_removed(scene: Scene) {
    let (id, nothing) = (scene.create(&scene.new_application("None")).await.id.unwrap(), scene.random_key_id());
    // The client that made the application takes the answer for that of a replica which does not know the secret yet.
    let stranger = scene.stranger();
    let refusal = async || match stranger.applications().remove_password(id, nothing).await {
        Ok(()) => panic!("what is not there was removed"),
        Err(error) => Ok(error),
    };
    let said = "No password credential found with keyId";
    let error = agree(refusal, |error| error.service_message().unwrap_or_default().starts_with(said)).await;
    assert_eq!(
        (error.kind(), error.status().map(|status| status.as_u16())),
        (ErrorKind::NotFound, Some(400)),
        "{error}"
    );
}

pub(super) async fn a_secret_can_come_with_the_application(scene: Scene) {
    let secret = NewPasswordCredential::new().display_name("First");
    let made = scene.create(&scene.new_application("Comes").password_credentials(vec![secret])).await;
    let [issued] = made.password_credentials.as_slice() else { panic!("{:?}", made.password_credentials) };
    assert!(issued.secret_text.is_some());
    let read = scene.client().applications().get(made.id.unwrap()).await.unwrap();
    assert_eq!(read.password_credentials.len(), 1);
    assert!(read.password_credentials[0].secret_text.is_none());
}

pub(super) async fn a_fresh_secret_signs_in_with_the_roles_that_were_granted(scene: Scene) {
    let (api, app) = (scene.api().await, scene.app("Client").await);
    let client = scene.client();
    let uri = format!("api://{}", api.app.app_id);
    client
        .applications()
        .update(api.app.id, &ApplicationPatch::new().identifier_uris(vec![uri.clone()]))
        .await
        .unwrap();
    let grant = NewAppRoleAssignment::new(app.principal, api.app.principal, api.role);
    client.app_role_assignments().create(&grant).await.unwrap();
    let secret = client.applications().add_password(app.id, &NewPasswordCredential::new()).await.unwrap();
    let secret = secret.secret_text.unwrap();
    let scope = format!("{uri}/.default");
    let token = agree(
        async || scene.sign_in(app.app_id, &secret, &scope).await,
        |token| claims(token)["roles"].as_array().is_some_and(|roles| !roles.is_empty()),
    )
    .await;
    let claims = claims(&token);
    assert_eq!(claims["roles"], serde_json::json!([ROLE]));
    assert_eq!(claims["tid"], client.tenant_id().await.unwrap().to_string());
    // Version 1 names the client `appid`, version 2 `azp`.
    let named = claims["appid"].as_str().or(claims["azp"].as_str());
    assert_eq!((named, claims["oid"].as_str()), (Some(&*app.app_id.to_string()), Some(&*app.principal.to_string())));
}

fn claims(token: &AccessToken) -> serde_json::Value {
    let body = token.secret.expose_secret().split('.').nth(1).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap_or_default()).unwrap_or_default()
}

pub(super) async fn a_wrong_secret_does_not_sign_in(scene: Scene) {
    let app = scene.app("Wrong").await;
    let scope = scene.client().cloud().graph_scope();
    let wrong = SecretString::from("not-the-secret-of-this-app-and-of-no-other");
    let refusal = async || match scene.sign_in(app.app_id, &wrong, &scope).await {
        Ok(_) => panic!("a wrong secret signed in"),
        Err(error) => Ok(error),
    };
    // A moment ago there was no such app; what is refused in the end is the secret.
    let error = agree(refusal, |error| error.code().as_str() == "wrong_secret").await;
    assert_eq!((error.kind(), error.service_code()), (ErrorKind::SignIn, Some("AADSTS7000215")));
}
