//! Lists and their options, batches, and what is not there.

use std::collections::BTreeSet;

use entra_apps::ErrorKind;
use entra_apps::api::{ApplicationKey, Filter, List, UniqueName};
use entra_apps::ids::{AppId, ApplicationId};
use entra_apps::model::{Application, ApplicationPatch, ApplicationProperty};

use super::scene::{Scene, agree};

/// Makes applications of these names.
async fn named(scene: &Scene, names: &[&str]) -> Vec<Application> {
    let mut made = Vec::new();
    for name in names {
        made.push(scene.create(&scene.new_application(name)).await);
    }
    made
}

/// The applications of this scene.
fn mine(scene: &Scene) -> List<Application> {
    let mine = Filter::starts_with(ApplicationProperty::DisplayName, &scene.prefix);
    scene.client().applications().list().filter(mine)
}

fn ids(found: &[Application]) -> BTreeSet<Option<ApplicationId>> {
    found.iter().map(|app| app.id).collect()
}

pub(super) async fn what_is_not_there_is_not_found(scene: Scene) {
    let (client, id) = (scene.client(), scene.random_id());
    let keys = [
        ApplicationKey::Id(id.into()),
        ApplicationKey::AppId(id.into()),
        UniqueName::new(scene.key("nothing")).unwrap().into(),
    ];
    for key in keys {
        let error = client.applications().get(key.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.status().map(|status| status.as_u16())), (ErrorKind::NotFound, Some(404)));
        assert!(error.has_service_code("Request_ResourceNotFound"), "{error}");
        assert!(client.applications().find(key).await.unwrap().is_none());
    }
    assert!(client.service_principals().find(AppId::from(id)).await.unwrap().is_none());
    assert!(client.deleted_items().find(id).await.unwrap().is_none());
    let patch = ApplicationPatch::new().notes("n");
    let error = client.applications().update(ApplicationId::from(id), &patch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = client.applications().delete(ApplicationId::from(id)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

pub(super) async fn filters_find_what_they_say(scene: Scene) {
    let tag = format!("{}-tag", scene.prefix);
    let made = named(&scene, &["One", "Two o'clock", "Three"]).await;
    let uri = format!("api://{}", made[2].app_id.unwrap());
    let patch = ApplicationPatch::new().tags(vec![tag.clone()]).identifier_uris(vec![uri.clone()]);
    scene.client().applications().update(made[2].id.unwrap(), &patch).await.unwrap();
    let (one, two, three) = (made[0].clone(), made[1].clone(), made[2].clone());
    let app_ids = [one.app_id.unwrap(), two.app_id.unwrap()];
    for (filter, expected) in [
        (Filter::eq(ApplicationProperty::DisplayName, scene.name("Two o'clock")), vec![two.clone()]),
        (Filter::eq(ApplicationProperty::AppId, app_ids[0]), vec![one.clone()]),
        (Filter::is_in(ApplicationProperty::AppId, app_ids), vec![one.clone(), two.clone()]),
        (Filter::starts_with(ApplicationProperty::DisplayName, &scene.name("T")), vec![two.clone(), three.clone()]),
        (Filter::any_eq(ApplicationProperty::Tags, &*tag), vec![three.clone()]),
        (Filter::any_starts_with(ApplicationProperty::IdentifierUris, &uri), vec![three.clone()]),
        (Filter::any_eq(ApplicationProperty::IdentifierUris, &*uri), vec![three.clone()]),
        (
            Filter::eq(ApplicationProperty::AppId, app_ids[0]).or(Filter::eq(ApplicationProperty::AppId, app_ids[1])),
            vec![one, two.clone()],
        ),
        // These need the header of an advanced query, which the client sends.
        (Filter::ends_with(ApplicationProperty::DisplayName, "o'clock"), vec![two]),
        (!Filter::starts_with(ApplicationProperty::DisplayName, &scene.name("T")), vec![made[0].clone()]),
    ] {
        let list = || mine(&scene).filter(filter.clone());
        let found = agree(async || list().all().await, |found| ids(found) == ids(&expected)).await;
        assert_eq!(found.len(), expected.len(), "each once: {}", filter.as_str());
    }
}

pub(super) async fn an_advanced_filter_needs_the_header_of_one(scene: Scene) {
    let text = format!("endsWith(displayName,'{} no one')", scene.prefix);
    let list = |filter| scene.client().applications().list().filter(filter);
    let error = list(Filter::raw(&*text)).all().await.unwrap_err();
    assert!(error.has_service_code("Request_UnsupportedQuery"), "{error}");
    assert!(list(Filter::raw_advanced(&*text)).all().await.unwrap().is_empty());
}

pub(super) async fn a_list_is_counted_and_ordered(scene: Scene) {
    named(&scene, &["B", "C", "A"]).await;
    let page = || mine(&scene).count().order_by_descending(ApplicationProperty::DisplayName).top(2).page();
    let page = agree(async || page().await, |page| page.count == Some(3)).await;
    assert_eq!((page.value.len(), page.has_next()), (2, true));
    let names: Vec<_> = page.value.iter().map(|app| app.display_name.clone().unwrap()).collect();
    assert_eq!(names, [scene.name("C"), scene.name("B")]);
}

pub(super) async fn what_is_not_selected_is_left_out(scene: Scene) {
    let id = named(&scene, &["Selected"]).await[0].id.unwrap();
    let read = scene.client().applications().find_selecting(id, &["displayName"]).await.unwrap().unwrap();
    assert_eq!((read.display_name, read.app_id, read.sign_in_audience), (Some(scene.name("Selected")), None, None));
    let list = || mine(&scene).select([ApplicationProperty::Id]);
    let found = agree(async || list().all().await, |found| !found.is_empty()).await;
    assert_eq!((found[0].id, &found[0].display_name), (Some(id), &None));
}

pub(super) async fn pages_follow_one_another_without_gap_or_repetition(scene: Scene) {
    let made = named(&scene, &["1", "2", "3", "4", "5"]).await;
    agree(async || mine(&scene).all().await, |found| found.len() == 5).await;
    let mut pages = mine(&scene).top(2).pages();
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.value.len());
        found.extend(page.value);
    }
    assert!(sizes.len() >= 3 && sizes.iter().all(|size| *size <= 2), "{sizes:?}");
    assert_eq!((found.len(), ids(&found)), (5, ids(&made)));
}

pub(super) async fn a_batch_answers_each_item_by_itself(scene: Scene) {
    let client = scene.client();
    let mut batch = client.batch();
    let organization = batch.add(client.organization().get());
    let missing = batch.add(client.applications().get(AppId::from(scene.random_id())));
    let absent = batch.add(client.applications().find(AppId::from(scene.random_id())));
    let created = batch.add(client.applications().create(&scene.new_application("Batch")));
    let mut answers = batch.send().await.unwrap();
    let created = answers.take(created).unwrap();
    scene.made(created.id.unwrap());
    assert_eq!(created.display_name, Some(scene.name("Batch")));
    assert_eq!(answers.take(organization).unwrap().id, Some(client.tenant_id().await.unwrap()));
    assert_eq!(answers.take(missing).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(answers.take(absent).unwrap().is_none());
}

pub(super) async fn the_organization_is_the_tenant(scene: Scene) {
    let organization = scene.client().organization().get().await.unwrap();
    assert_eq!(organization.id, Some(scene.client().tenant_id().await.unwrap()));
    assert!(organization.default_domain().is_some(), "{:?}", organization.verified_domains);
    assert!(organization.display_name.is_some());
}
