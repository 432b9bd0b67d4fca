//! Applications: how they are made, named, changed and deleted.

use std::collections::BTreeSet;

use entra_apps::ErrorKind;
use entra_apps::SignInAudience;
use entra_apps::api::{ApplicationKey, DeletedKind, Filter, UniqueName};
use entra_apps::model::{
    Application, ApplicationPatch, ApplicationProperty, NewApplication, RedirectUrisPatch, RequiredResourceAccess,
    ResourceAccess, ServicePrincipalLockConfiguration, WebPatch,
};
use entra_apps::permission::{MICROSOFT_GRAPH, microsoft_graph};

use super::scene::{Scene, agree};

fn set<T: Clone + Ord>(all: &[T]) -> BTreeSet<T> {
    all.iter().cloned().collect()
}

/// Reads an application until it is as it must become.
async fn becomes(scene: &Scene, app: &Application, is_it: impl Fn(&Application) -> bool) -> Application {
    let id = app.id.unwrap();
    let applications = scene.client().applications();
    agree(async || applications.get(id).await, is_it).await
}

/// Changes an application.
async fn change(scene: &Scene, app: &Application, patch: ApplicationPatch) {
    scene.client().applications().update(app.id.unwrap(), &patch).await.unwrap();
}

pub(super) async fn an_application_is_created_and_read_by_each_key(scene: Scene) {
    let key = scene.key("read");
    let made = scene.create(&scene.new_application("Read").unique_name(&*key).notes("first")).await;
    let (id, app_id) = (made.id.unwrap(), made.app_id.unwrap());
    assert_ne!(id.as_uuid(), app_id.as_uuid(), "the object id is not the client id");
    assert_eq!(made.display_name, Some(scene.name("Read")));
    assert_eq!(made.sign_in_audience, Some(SignInAudience::SingleOrganization));
    assert!(made.created_date_time.is_some() && made.deleted_date_time.is_none());
    for key in [id.into(), app_id.into(), ApplicationKey::from(UniqueName::new(key).unwrap())] {
        let read = scene.client().applications().get(key).await.unwrap();
        assert_eq!((read.id, read.app_id, read.notes.as_deref()), (Some(id), Some(app_id), Some("first")));
    }
}

pub(super) async fn the_same_display_name_twice_makes_two_applications(scene: Scene) {
    let new = scene.new_application("Twin");
    let (one, two) = (scene.create(&new).await, scene.create(&new).await);
    assert_ne!(one.id, two.id);
    assert_ne!(one.app_id, two.app_id);
}

pub(super) async fn an_empty_display_name_is_refused(scene: Scene) {
    let error = scene.client().applications().create(&NewApplication::new("")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status().map(|status| status.as_u16())),
        (ErrorKind::Refused, Some(400)),
        "{error}"
    );
}

pub(super) async fn an_upsert_twice_makes_one_application(scene: Scene) {
    let key = scene.key("upsert's");
    let patch =
        ApplicationPatch::new().display_name(scene.name("Upsert")).sign_in_audience(SignInAudience::SingleOrganization);
    let made = scene.client().applications().upsert(&key, &patch).await.unwrap().unwrap();
    assert_eq!(made.unique_name.as_ref(), Some(&key));
    let again = scene.client().applications().upsert(&key, &patch.notes("again")).await.unwrap();
    assert!(again.is_none(), "it was changed, not created");
    becomes(&scene, &made, |read| read.notes.as_deref() == Some("again")).await;
    let applications = scene.client().applications();
    let named = || applications.list().filter(Filter::eq(ApplicationProperty::UniqueName, &*key));
    let found = agree(async || named().all().await, |found| !found.is_empty()).await;
    assert_eq!(found.iter().map(|app| app.id).collect::<Vec<_>>(), [made.id]);
}

pub(super) async fn a_unique_name_is_set_once(scene: Scene) {
    let (key, other) = (scene.key("once"), scene.key("twice"));
    let made = scene.create(&scene.new_application("Once")).await;
    change(&scene, &made, ApplicationPatch::new().unique_name(&*key)).await;
    becomes(&scene, &made, |read| read.unique_name.as_ref() == Some(&key)).await;
    let again = ApplicationPatch::new().unique_name(other);
    let error = scene.client().applications().update(made.id.unwrap(), &again).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{error}");
}

pub(super) async fn a_unique_name_is_taken_by_a_deleted_application_too(scene: Scene) {
    let key = scene.key("taken");
    let holder = scene.create(&scene.new_application("Holder").unique_name(&*key)).await;
    let other = scene.create(&scene.new_application("Other")).await;
    let patch = ApplicationPatch::new().unique_name(&*key);
    let refused = async || {
        let error = scene.client().applications().update(other.id.unwrap(), &patch).await.unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Conflict, "unique_name_taken"), "{error}");
    };
    refused().await;
    scene.client().applications().delete(holder.id.unwrap()).await.unwrap();
    refused().await;
}

pub(super) async fn null_clears_and_what_is_not_named_stays(scene: Scene) {
    let made = scene.create(&scene.new_application("Clear").notes("n").description("d")).await;
    change(&scene, &made, ApplicationPatch::new().clear_notes()).await;
    let read = becomes(&scene, &made, |read| read.notes.is_none()).await;
    assert_eq!(read.description.as_deref(), Some("d"));
    assert_eq!(read.display_name, made.display_name);
}

pub(super) async fn a_collection_is_replaced(scene: Scene) {
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let made = scene.create(&scene.new_application("Tags").tags(tags(&["one", "two"]))).await;
    change(&scene, &made, ApplicationPatch::new().tags(tags(&["two", "three"]))).await;
    becomes(&scene, &made, |read| set(&read.tags) == set(&tags(&["two", "three"]))).await;
    change(&scene, &made, ApplicationPatch::new().tags(Vec::<String>::new())).await;
    becomes(&scene, &made, |read| read.tags.is_empty()).await;
}

pub(super) async fn a_complex_type_is_merged(scene: Scene) {
    let uris = vec!["https://merge.contoso.example/one".to_owned()];
    let web = WebPatch::new().redirect_uris(uris.clone()).logout_url("https://merge.contoso.example/out");
    let made = scene.create(&scene.new_application("Merge").web(web)).await;
    let home = WebPatch::new().home_page_url("https://merge.contoso.example");
    change(&scene, &made, ApplicationPatch::new().web(home)).await;
    let read = becomes(&scene, &made, |read| read.web.as_ref().is_some_and(|web| web.home_page_url.is_some())).await;
    let web = read.web.unwrap();
    assert_eq!((web.redirect_uris, web.logout_url.as_deref()), (uris, Some("https://merge.contoso.example/out")));
    change(&scene, &made, ApplicationPatch::new().web(WebPatch::new().clear_logout_url())).await;
    let read = becomes(&scene, &made, |read| read.web.as_ref().is_some_and(|web| web.logout_url.is_none())).await;
    assert_eq!(read.web.unwrap().redirect_uris.len(), 1);
}

pub(super) async fn a_lock_is_written_back_as_read(scene: Scene) {
    let lock = ServicePrincipalLockConfiguration::of_some().verify_credentials_locked();
    let made = scene.create(&scene.new_application("Lock").service_principal_lock_configuration(lock)).await;
    let has = |read: &Application, all| {
        let lock = read.service_principal_lock_configuration.as_ref();
        lock.is_some_and(|lock| lock.credentials_with_usage_verify == Some(true) && lock.all_properties == all)
    };
    let is_locked = |read: &Application| read.service_principal_lock_configuration.is_some();
    let read = becomes(&scene, &made, is_locked).await.service_principal_lock_configuration.unwrap();
    let patch = ApplicationPatch::new().service_principal_lock_configuration(read.all_properties_locked());
    change(&scene, &made, patch).await;
    becomes(&scene, &made, |read| has(read, Some(true))).await;
}

pub(super) async fn redirect_uris_are_kept_letter_for_letter(scene: Scene) {
    let web = [
        "https://b.contoso.example/Path",
        "https://a.contoso.example/",
        "https://a.contoso.example",
        "http://localhost",
    ];
    let web = web.map(str::to_owned).to_vec();
    let spa = vec!["https://a.contoso.example/spa?x=1".to_owned()];
    let native = vec!["contoso.conform://auth".to_owned(), "http://localhost/native".to_owned()];
    let new = scene
        .new_application("Redirects")
        .web(WebPatch::new().redirect_uris(web.clone()))
        .spa(RedirectUrisPatch::new().redirect_uris(spa.clone()))
        .public_client(RedirectUrisPatch::new().redirect_uris(native.clone()));
    let made = scene.create(&new).await;
    // Their order is not kept.
    let kept = |read: &Application| {
        let (Some(w), Some(s), Some(p)) = (&read.web, &read.spa, &read.public_client) else { return false };
        set(&w.redirect_uris) == set(&web)
            && set(&s.redirect_uris) == set(&spa)
            && set(&p.redirect_uris) == set(&native)
    };
    becomes(&scene, &made, kept).await;
}

pub(super) async fn a_redirect_uri_stands_on_one_platform(scene: Scene) {
    let uris = vec!["https://twice.contoso.example".to_owned()];
    let made = scene.create(&scene.new_application("Twice")).await;
    let patch = ApplicationPatch::new()
        .web(WebPatch::new().redirect_uris(uris.clone()))
        .spa(RedirectUrisPatch::new().redirect_uris(uris));
    let error = scene.client().applications().update(made.id.unwrap(), &patch).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status().map(|status| status.as_u16())),
        (ErrorKind::Refused, Some(400)),
        "{error}"
    );
}

pub(super) async fn an_enabled_app_role_is_disabled_before_it_goes(scene: Scene) {
    let mut role = scene.app_role();
    let made = scene.create(&scene.new_application("Roles").app_roles(vec![role.clone()])).await;
    becomes(&scene, &made, |read| read.app_roles.len() == 1).await;
    let without = ApplicationPatch::new().app_roles(Vec::new());
    let error = scene.client().applications().update(made.id.unwrap(), &without).await.unwrap_err();
    assert!(error.has_service_code("CannotDeleteOrUpdateEnabledEntitlement"), "{error}");
    role.is_enabled = Some(false);
    change(&scene, &made, ApplicationPatch::new().app_roles(vec![role])).await;
    becomes(&scene, &made, |read| read.app_roles.iter().all(|role| role.is_enabled == Some(false))).await;
    change(&scene, &made, without).await;
    becomes(&scene, &made, |read| read.app_roles.is_empty()).await;
}

pub(super) async fn an_identifier_uri_may_be_that_of_the_own_app_id(scene: Scene) {
    let (one, two) =
        (scene.create(&scene.new_application("One")).await, scene.create(&scene.new_application("Two")).await);
    let uri = |app: &Application| vec![format!("api://{}", app.app_id.unwrap())];
    change(&scene, &one, ApplicationPatch::new().identifier_uris(uri(&one))).await;
    becomes(&scene, &one, |read| read.identifier_uris == uri(&one)).await;
    // That of another app is refused, whether for it is taken or for it is not its own.
    let patch = ApplicationPatch::new().identifier_uris(uri(&one));
    let error = scene.client().applications().update(two.id.unwrap(), &patch).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Refused), "{error}");
}

pub(super) async fn declared_permissions_come_back(scene: Scene) {
    let graph = RequiredResourceAccess::new(
        MICROSOFT_GRAPH,
        [
            ResourceAccess::scope(microsoft_graph::delegated::USER_READ.id().unwrap()),
            ResourceAccess::role(microsoft_graph::application::DIRECTORY_READ_ALL.id().unwrap()),
        ],
    );
    let made = scene.create(&scene.new_application("Declares").required_resource_access(vec![graph.clone()])).await;
    let read = becomes(&scene, &made, |read| !read.required_resource_access.is_empty()).await;
    let pairs = |declared: &RequiredResourceAccess| {
        let pairs = declared.resource_access.iter().map(|access| (access.id, format!("{:?}", access.kind)));
        pairs.collect::<BTreeSet<_>>()
    };
    let [declared] = read.required_resource_access.as_slice() else { panic!("{:?}", read.required_resource_access) };
    assert_eq!((declared.resource_app_id, pairs(declared)), (Some(MICROSOFT_GRAPH), pairs(&graph)));
    change(&scene, &made, ApplicationPatch::new().required_resource_access(Vec::new())).await;
    becomes(&scene, &made, |read| read.required_resource_access.is_empty()).await;
}

pub(super) async fn a_personal_audience_needs_tokens_of_version_2(scene: Scene) {
    let made = scene.create(&scene.new_application("Personal")).await;
    let patch = ApplicationPatch::new().sign_in_audience(SignInAudience::MultipleOrganizationsAndPersonalAccounts);
    let error = scene.client().applications().update(made.id.unwrap(), &patch).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status().map(|status| status.as_u16())),
        (ErrorKind::Refused, Some(400)),
        "{error}"
    );
}

pub(super) async fn a_deleted_application_is_listed_restored_and_purged(scene: Scene) {
    let app = scene.app("Deleted").await;
    let (client, id) = (scene.client(), app.id);
    client.applications().delete(id).await.unwrap();
    let (applications, deleted) = (client.applications(), client.deleted_items());
    agree(async || applications.find(id).await, Option::is_none).await;
    let listed = agree(
        async || deleted.list(DeletedKind::Application).all().await,
        |found| found.iter().any(|found| found.app_id == Some(app.app_id)),
    )
    .await;
    let listed = listed.into_iter().find(|found| found.app_id == Some(app.app_id)).unwrap();
    assert_eq!(listed.id.map(|id| id.as_uuid()), Some(id.as_uuid()));
    assert!(listed.deleted_date_time.is_some());

    let restored = deleted.restore(id).await.unwrap();
    assert_eq!(restored.id.map(|id| id.as_uuid()), Some(id.as_uuid()));
    let read = agree(async || applications.find(id).await, Option::is_some).await.unwrap();
    assert_eq!((read.app_id, read.deleted_date_time), (Some(app.app_id), None), "it is the same application");
    // The service principal went with it and is restored by a call of its own.
    let principal = agree(async || deleted.find(app.principal.as_uuid()).await, Option::is_some).await.unwrap();
    assert_eq!(principal.app_id, Some(app.app_id));

    applications.delete(id).await.unwrap();
    agree(async || deleted.find(id).await, Option::is_some).await;
    match deleted.purge(id).await {
        // A caller who owns no more than its own apps may not.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}"),
        Ok(()) => drop(agree(async || deleted.find(id).await, Option::is_none).await),
    }
}
