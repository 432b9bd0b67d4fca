//! Federated credentials, keys and owners by the typed client.

use entra_apps::api::UniqueName;
use entra_apps::auth::ClientCertificate;
use entra_apps::model::{
    ApplicationPatch, FederatedIdentityCredentialPatch, KeyCredential, NewApplication, NewFederatedIdentityCredential,
    NewServicePrincipal,
};
use entra_apps::{ErrorCode, ErrorKind};

use crate::support::tenant;

const ONE: &[u8] = include_bytes!("../../../emulator/certificates/one.der");
const ONE_KEY: &[u8] = include_bytes!("../../../emulator/certificates/one.key.der");
const TWO: &[u8] = include_bytes!("../../../emulator/certificates/two.der");
const TWO_KEY: &[u8] = include_bytes!("../../../emulator/certificates/two.key.der");

#[tokio::test(start_paused = true)]
async fn a_federated_credential_is_found_by_each_of_its_keys_and_made_once() {
    let tenant = tenant();
    let client = tenant.client();
    let name = UniqueName::new("k").unwrap();
    let id = client
        .applications()
        .upsert("k", &ApplicationPatch::new().display_name("App"))
        .await
        .unwrap()
        .unwrap()
        .id
        .unwrap();
    let (credentials, new) = (
        client.federated_identity_credentials(),
        NewFederatedIdentityCredential::new("main", "https://i.example", "x"),
    );
    let made = credentials.upsert(name.clone(), &new).await.unwrap().expect("it was made");
    assert!(credentials.upsert(name.clone(), &new).await.unwrap().is_none(), "and is there");
    let error = credentials.create(id, &new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let by_id = credentials.find(name.clone(), made.id.unwrap()).await.unwrap().unwrap();
    let by_name = credentials.find(id, "main").await.unwrap().unwrap();
    assert_eq!(
        (&by_id.name, by_id.audiences.as_slice()),
        (&by_name.name, &["api://AzureADTokenExchange".to_owned()][..])
    );
    credentials.update(id, "main", &FederatedIdentityCredentialPatch::new().subject("y").audience("z")).await.unwrap();
    let changed = credentials.list(name).all().await.unwrap().pop().unwrap();
    assert_eq!((changed.subject.as_deref(), changed.audiences.as_slice()), (Some("y"), &["z".to_owned()][..]));
    credentials.delete(id, made.id.unwrap()).await.unwrap();
    assert!(credentials.find(id, "main").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn keys_are_added_and_removed_with_a_proof_of_one_that_is_there() {
    let tenant = tenant();
    let client = tenant.client();
    let applications = client.applications();
    let id = applications.create(&NewApplication::new("App")).await.unwrap().id.unwrap();
    let [one, two] = [(ONE, ONE_KEY), (TWO, TWO_KEY)].map(|(der, key)| ClientCertificate::from_der(der, key).unwrap());
    let error = applications.add_key(id, &KeyCredential::certificate(TWO), &one).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidKeyProof, "the first one is added by an update");
    applications
        .update(id, &ApplicationPatch::new().key_credentials(vec![KeyCredential::certificate(ONE)]))
        .await
        .unwrap();
    let first = applications.get(id).await.unwrap().key_credentials[0].key_id.unwrap();
    let added = applications.add_key(id, &KeyCredential::certificate(TWO), &one).await.unwrap();
    applications.remove_key(id, first, &two).await.unwrap();
    let left: Vec<_> = applications.get(id).await.unwrap().key_credentials.iter().map(|key| key.key_id).collect();
    assert_eq!(left, [added.key_id]);
    let error = applications.remove_key(id, first, &two).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::CredentialNotFound);
}

#[tokio::test(start_paused = true)]
async fn owners_are_added_listed_and_removed() {
    let tenant = tenant();
    let client = tenant.client();
    let applications = client.applications();
    let id = applications.create(&NewApplication::new("App")).await.unwrap().id.unwrap();
    let ada = tenant.add_user("Ada Lovelace", &[]).id;
    applications.add_owner(id, ada).await.unwrap();
    let error = applications.add_owner(id, ada).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ObjectConflict);
    let owners = applications.owners(id).all().await.unwrap();
    assert!(owners.iter().any(|owner| owner.id == Some(ada)));
    applications.remove_owner(id, ada).await.unwrap();
    assert!(!applications.owners(id).all().await.unwrap().iter().any(|owner| owner.id == Some(ada)));
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_has_keys_and_owners_of_its_own() {
    let tenant = tenant();
    let client = tenant.client();
    let app = client.applications().create(&NewApplication::new("App")).await.unwrap();
    let (app_id, principals) = (app.app_id.unwrap(), client.service_principals());
    let id = principals.create(&NewServicePrincipal::new(app_id)).await.unwrap().id.unwrap();
    let [one, two] = [(ONE, ONE_KEY), (TWO, TWO_KEY)].map(|(der, key)| ClientCertificate::from_der(der, key).unwrap());
    let error = principals.add_key(id, &KeyCredential::certificate(TWO), &one).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidKeyProof, "the first one is added otherwise");
    let first = serde_json::json!({"keyCredentials": [KeyCredential::certificate(ONE)]}).to_string();
    let (status, body) = tenant.send_json("PATCH", &format!("/servicePrincipals/{id}"), Some(&first));
    assert!(status.is_success(), "{body}");
    let first = principals.get(id).await.unwrap().key_credentials[0].key_id.unwrap();
    let added = principals.add_key(id, &KeyCredential::certificate(TWO), &one).await.unwrap();
    principals.remove_key(id, first, &two).await.unwrap();
    let left: Vec<_> = principals.get(id).await.unwrap().key_credentials.iter().map(|key| key.key_id).collect();
    assert_eq!(left, [added.key_id]);
    assert!(client.applications().get(app_id).await.unwrap().key_credentials.is_empty(), "they are its own");

    let ada = tenant.add_user("Ada Lovelace", &[]).id;
    principals.add_owner(app_id, ada).await.unwrap();
    assert_eq!(principals.add_owner(id, ada).await.unwrap_err().code(), ErrorCode::ObjectConflict);
    assert!(principals.owners(app_id).all().await.unwrap().iter().any(|owner| owner.id == Some(ada)));
    principals.remove_owner(id, ada).await.unwrap();
    assert!(!principals.owners(id).all().await.unwrap().iter().any(|owner| owner.id == Some(ada)));
}
