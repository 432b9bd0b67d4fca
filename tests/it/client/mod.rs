//! The typed client by itself.

use entra_apps::ErrorKind;
use entra_apps::api::{ApplicationKey, DeletedKind};
use entra_apps::ids::AppId;
use entra_apps::model::query::Filter;
use entra_apps::model::{
    ApplicationPatch, ApplicationProperty, NewAppRoleAssignment, NewApplication, NewOAuth2PermissionGrant,
    NewPasswordCredential, NewServicePrincipal, OAuth2PermissionGrantPatch, ServicePrincipalPatch, SignInAudience,
};
use entra_apps::permission::{MICROSOFT_GRAPH, microsoft_graph};

mod retries;

use crate::support::{counts, quiet, tenant};

#[tokio::test(start_paused = true)]
async fn an_application_lives_dies_and_lives_again() {
    let client = tenant().client();
    let new = NewApplication::new("Life").sign_in_audience(SignInAudience::SingleOrganization).notes("first");
    let app = client.applications().create(&new).await.unwrap();
    let (id, app_id) = (app.id.unwrap(), app.app_id.unwrap());
    client.applications().update(id, &ApplicationPatch::new().display_name("Life II").clear_notes()).await.unwrap();
    let read = client.applications().get(app_id).await.unwrap();
    assert_eq!((read.display_name.as_deref(), read.notes), (Some("Life II"), None));
    client.applications().delete(id).await.unwrap();
    assert_eq!(client.applications().get(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let deleted = client.deleted_items().list(DeletedKind::Application).all().await.unwrap();
    assert_eq!(deleted[0].app_id, Some(app_id));
    client.deleted_items().restore(id).await.unwrap();
    assert_eq!(client.applications().get(id).await.unwrap().app_id, Some(app_id));
    client.applications().delete(id).await.unwrap();
    client.deleted_items().purge(id).await.unwrap();
    assert!(client.deleted_items().find(id).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_upsert_makes_one_and_then_changes_it() {
    let client = tenant().client();
    let patch = ApplicationPatch::new().display_name("Upsert");
    let created = client.applications().upsert("contoso's", &patch).await.unwrap().unwrap();
    let again = client.applications().upsert("contoso's", &patch.notes("more")).await.unwrap();
    assert!(again.is_none());
    let read = client.applications().get(ApplicationKey::UniqueName("contoso's".to_owned())).await.unwrap();
    assert_eq!((read.id, read.notes.as_deref()), (created.id, Some("more")));
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_selected_ordered_counted_and_paged() {
    let tenant = tenant();
    let client = tenant.client();
    for number in 0..25 {
        let new = NewApplication::new(format!("Listed {number:02}")).tags(vec![format!("t{}", number % 2)]);
        client.applications().create(&new).await.unwrap();
    }
    let listed =
        || client.applications().list().filter(Filter::starts_with(ApplicationProperty::DisplayName, "Listed"));
    assert_eq!(listed().all().await.unwrap().len(), 25);
    quiet(&tenant);
    let mut items = listed().top(10).items();
    let mut count = 0;
    while items.next().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, counts(&tenant).0), (25, 3), "items and pages");
    let page = listed().count().top(5).page().await.unwrap();
    assert_eq!((page.count, page.value.len(), page.has_next()), (Some(25), 5, true));
    let ordered = listed()
        .order_by_descending(ApplicationProperty::DisplayName)
        .select([ApplicationProperty::DisplayName])
        .all()
        .await
        .unwrap();
    assert_eq!(ordered[0].display_name.as_deref(), Some("Listed 24"));
    assert_eq!(ordered[0].id, None, "not selected");
    let tagged = listed().filter(Filter::any_eq(ApplicationProperty::Tags, "t1")).all().await.unwrap();
    assert_eq!(tagged.len(), 12);
    let others = listed().filter(!Filter::eq("displayName", "Listed 03")).all().await.unwrap();
    assert_eq!(others.len(), 24);
    let found = client.applications().list().search("displayName", "Listed 07").all().await.unwrap();
    assert!(found.iter().any(|app| app.display_name.as_deref() == Some("Listed 07")));
    assert_eq!(listed().top(1000).page().await.unwrap_err().code(), "invalid_top");
}

#[tokio::test(start_paused = true)]
async fn grants_are_made_listed_from_both_sides_and_taken_away() {
    let client = tenant().client();
    let app = client.applications().create(&NewApplication::new("Granted")).await.unwrap();
    let principal = client.service_principals().create(&NewServicePrincipal::new(app.app_id.unwrap())).await.unwrap();
    let id = principal.id.unwrap();
    let graph =
        client.service_principals().find_selecting(MICROSOFT_GRAPH, &["id"]).await.unwrap().unwrap().id.unwrap();
    let role = microsoft_graph::application::DIRECTORY_READ_ALL.id().unwrap();
    let new = NewAppRoleAssignment::new(id, graph, role);
    let assignment = client.app_role_assignments().create(&new).await.unwrap();
    assert_eq!(client.app_role_assignments().create(&new).await.unwrap_err().kind(), ErrorKind::Conflict);
    let held = client.app_role_assignments().list_held_by(id).all().await.unwrap();
    assert_eq!(held[0].id, assignment.id);
    let given = client.app_role_assignments().list_of_resource(graph).all().await.unwrap();
    assert!(given.iter().any(|other| other.id == assignment.id));
    client.app_role_assignments().delete(graph, &assignment.id.unwrap()).await.unwrap();
    assert!(client.app_role_assignments().list_held_by(id).all().await.unwrap().is_empty());

    let grants = client.oauth2_permission_grants();
    let grant = grants.create(&NewOAuth2PermissionGrant::for_all_principals(id, graph, ["User.Read"])).await.unwrap();
    let grant_id = grant.id.unwrap();
    grants.update(&grant_id, &OAuth2PermissionGrantPatch::new().scopes(["User.Read", "openid"])).await.unwrap();
    assert_eq!(grants.get(&grant_id).await.unwrap().scopes().count(), 2);
    let filtered = grants.list().filter(Filter::eq("clientId", id)).all().await.unwrap();
    assert_eq!(filtered.len(), 1);
    grants.delete(&grant_id).await.unwrap();
    assert!(grants.find(&grant_id).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn secrets_are_issued_once_and_removed() {
    let client = tenant().client();
    let app = client.applications().create(&NewApplication::new("Secret")).await.unwrap();
    let id = app.id.unwrap();
    let issued =
        client.applications().add_password(id, &NewPasswordCredential::new().display_name("One")).await.unwrap();
    assert!(issued.secret_text.is_some());
    let read = client.applications().get(id).await.unwrap().password_credentials;
    assert_eq!(read[0].key_id, issued.key_id);
    assert!(read[0].secret_text.is_none());
    client.applications().remove_password(id, issued.key_id.unwrap()).await.unwrap();
    assert!(client.applications().get(id).await.unwrap().password_credentials.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_principal_is_changed_and_deleted() {
    let client = tenant().client();
    let app = client.applications().create(&NewApplication::new("Principal")).await.unwrap();
    let app_id = app.app_id.unwrap();
    client.service_principals().create(&NewServicePrincipal::new(app_id)).await.unwrap();
    let twice = client.service_principals().create(&NewServicePrincipal::new(app_id)).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    let patch = ServicePrincipalPatch::new().account_enabled(false).notes("off");
    client.service_principals().update(app_id, &patch).await.unwrap();
    let read = client.service_principals().get(app_id).await.unwrap();
    assert_eq!((read.account_enabled, read.notes.as_deref()), (Some(false), Some("off")));
    client.service_principals().delete(app_id).await.unwrap();
    assert!(client.service_principals().find(app_id).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_batch_answers_each_item_by_itself() {
    let tenant = tenant();
    let client = tenant.client();
    client.tenant_id().await.unwrap();
    quiet(&tenant);
    let mut batch = client.batch();
    let organization = batch.add(client.organization().get());
    let missing = batch.add(client.applications().get(AppId::from_u128(1)));
    let absent = batch.add(client.applications().find(AppId::from_u128(1)));
    let created: Vec<_> = (0..25)
        .map(|number| batch.add(client.applications().create(&NewApplication::new(format!("Batch {number}")))))
        .collect();
    let mut answers = batch.send().await.unwrap();
    assert_eq!(answers.take(organization).unwrap().id, Some(tenant.id()));
    assert_eq!(answers.take(missing).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(answers.take(absent).unwrap().is_none());
    for ticket in created {
        answers.take(ticket).unwrap();
    }
    assert_eq!(counts(&tenant).0, 2, "twenty items go into one request");
}

#[tokio::test(start_paused = true)]
async fn a_batch_in_order_stops_at_a_failure() {
    let client = tenant().client();
    let mut batch = client.batch().in_order();
    let first = batch.add(client.applications().create(&NewApplication::new("First")));
    let second = batch.add(client.applications().update(AppId::from_u128(1), &ApplicationPatch::new().notes("x")));
    let third = batch.add(client.applications().create(&NewApplication::new("Third")));
    let mut answers = batch.send().await.unwrap();
    answers.take(first).unwrap();
    assert_eq!(answers.take(second).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(answers.take(third).unwrap_err().code(), "dependency_failed");
}

#[tokio::test(start_paused = true)]
async fn an_empty_id_is_refused_before_it_is_sent() {
    let tenant = tenant();
    let client = tenant.client();
    for id in ["", ".", ".."] {
        let id = entra_apps::ids::OAuth2PermissionGrantId::new(id);
        assert_eq!(client.oauth2_permission_grants().delete(&id).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert_eq!(counts(&tenant).0, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_is_not_taken_for_a_grant() {
    let tenant = tenant();
    let client = tenant.client();
    let body = r#"{"displayName": "App", "uniqueName": "one"}"#;
    let (status, _) = tenant.send_json("POST", "/applications", Some(body));
    assert!(status.is_success());
    let id = tenant.applications().last().unwrap().id;
    let patch = ApplicationPatch::new().unique_name("two");
    let error = client.applications().update(id, &patch).await.unwrap_err();
    assert_ne!(error.code(), "already_granted", "{error}");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}
