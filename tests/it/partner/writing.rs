use entra_apps::model::{
    DelegatedAdminAccessAssignmentStatus, DelegatedAdminRelationshipPatch, DelegatedAdminRelationshipStatus, ETag,
    IsoDuration, NewDelegatedAdminAccessAssignment, NewDelegatedAdminRelationship,
};
use entra_apps::partner::Updated;
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::Lag;

use super::*;

const ROLES: [DirectoryRole; 2] =
    [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];

fn days(days: u32) -> IsoDuration {
    IsoDuration::from_days(days)
}

fn support() -> NewDelegatedAdminRelationship {
    NewDelegatedAdminRelationship::new("Support", days(730), ROLES)
}

#[tokio::test(start_paused = true)]
async fn a_relationship_goes_from_its_creation_to_its_end() {
    let scene = Scene::new();
    let client = scene.writer();
    let relationships = client.partner().relationships();
    let wanted = support().customer(scene.fabrikam.id()).auto_extended();
    let created = relationships.create(&wanted).await.unwrap();
    let id = created.id.clone().unwrap();
    assert_eq!(created.status, Some(DelegatedAdminRelationshipStatus::Created));
    assert_eq!((created.is_auto_extended(), created.customer_tenant_id()), (Some(true), Some(scene.fabrikam.id())));

    // While it is created, all of it can be changed, by whoever knows its version.
    let patch = DelegatedAdminRelationshipPatch::new().display_name("Fabrikam").duration(days(90)).roles(ROLES);
    let updated = relationships.update(&id, created.etag.as_ref().unwrap(), &patch).await.unwrap();
    let Updated::Done(changed) = updated else { panic!("{updated:?}") };
    assert_eq!((changed.display_name.as_deref(), changed.duration.unwrap().days()), (Some("Fabrikam"), 90));
    let error = relationships.update(&id, created.etag.as_ref().unwrap(), &patch).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, ErrorCode::VersionOutdated));

    let invited = relationships.request_approval(&id).await.unwrap();
    assert_eq!(invited.status, Some(DelegatedAdminRelationshipStatus::ApprovalPending));
    let link = client.partner().invitation_link(&id).unwrap();
    assert_eq!(
        link.as_str(),
        format!("https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/{id}")
    );
    let error = relationships.delete(&id, invited.etag.as_ref().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(relationships.requests(&id).all().await.unwrap().len(), 1);
    // Asking again asks for nothing.
    relationships.request_approval(&id).await.unwrap();
    assert_eq!(relationships.requests(&id).all().await.unwrap().len(), 1);

    let error = relationships.end(&id).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, ErrorCode::RelationshipStatusRefused));
    scene.fabrikam.approve_relationship(id.as_str());
    pass(10).await;
    assert!(relationships.request_approval(&id).await.unwrap().is_active(), "approved meanwhile");
    let ended = relationships.end(&id).await.unwrap();
    assert_eq!(ended.status, Some(DelegatedAdminRelationshipStatus::Terminated));
    assert_eq!(relationships.end(&id).await.unwrap().status, ended.status);
    let error = relationships.request_approval(&id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RelationshipStatusRefused);
    assert!(error.message().contains("terminated"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_only_created_can_be_deleted() {
    let scene = Scene::new();
    let client = scene.writer();
    let relationships = client.partner().relationships();
    let created = relationships.create(&support()).await.unwrap();
    let id = created.id.unwrap();
    assert_eq!(relationships.delete(&id, &ETag::new("W/\"x\"")).await.unwrap_err().code(), ErrorCode::VersionOutdated);
    relationships.delete(&id, &created.etag.unwrap()).await.unwrap();
    assert!(relationships.find(&id).await.unwrap().is_none());
}

/// The same cases are given to the client, which sends nothing, and to the service.
#[tokio::test(start_paused = true)]
async fn what_no_relationship_can_be_is_refused_before_it_is_sent_and_by_the_service() {
    let scene = Scene::new();
    let client = scene.writer();
    let with_admin = [DirectoryRole::GLOBAL_ADMINISTRATOR, DirectoryRole::GLOBAL_READER];
    let parse = |text: &str| text.parse::<IsoDuration>().unwrap();
    let new = |name: &str, duration: IsoDuration, roles: [DirectoryRole; 2]| {
        NewDelegatedAdminRelationship::new(name, duration, roles)
    };
    let cases = [
        (new("", days(30), ROLES), Some(ErrorCode::InvalidRelationshipName)),
        (new("  ", days(30), ROLES), Some(ErrorCode::InvalidRelationshipName)),
        (new(&"x".repeat(51), days(30), ROLES), Some(ErrorCode::InvalidRelationshipName)),
        (new(&"é".repeat(50), days(30), ROLES), None),
        (new("a", days(0), ROLES), Some(ErrorCode::InvalidRelationshipDuration)),
        (new("a", days(731), ROLES), Some(ErrorCode::InvalidRelationshipDuration)),
        (new("a", parse("PT23H"), ROLES), Some(ErrorCode::InvalidRelationshipDuration)),
        (new("a", parse("P730DT1S"), ROLES), Some(ErrorCode::InvalidRelationshipDuration)),
        (new("b", days(1), ROLES), None),
        (new("c", parse("P2Y"), ROLES), None),
        (new("d", days(30), with_admin).auto_extended(), Some(ErrorCode::GlobalAdministratorBlocksExtension)),
        (new("e", days(30), with_admin), None),
        (new("f", days(30), ROLES).auto_extended(), None),
    ];
    let roleless = (NewDelegatedAdminRelationship::new("a", days(30), []), Some(ErrorCode::RelationshipWithoutRoles));
    // The service is one of its own, where the names are still free.
    let service = Scene::new();
    for (wanted, code) in cases.into_iter().chain([roleless]) {
        scene.partner.clear_requests();
        let result = client.partner().relationships().create(&wanted).await;
        let sent = methods(&scene.partner).len();
        assert_eq!((result.err().map(|error| error.code()), sent), (code, usize::from(code.is_none())), "{wanted:?}");
        let body = serde_json::to_string(&wanted).unwrap();
        let (status, _) = service.partner.send_json("POST", RELATIONSHIPS, Some(&body));
        assert_eq!(status.is_success(), code.is_none(), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_relationship_of_a_name_is_not_made() {
    let scene = Scene::new();
    let client = scene.writer();
    let relationships = client.partner().relationships();
    let first = relationships.find_or_create(&support()).await.unwrap();
    let again = relationships.find_or_create(&support()).await.unwrap();
    assert_eq!(first.id, again.id);
    let error = relationships.create(&support()).await.unwrap_err();
    assert_eq!((error.kind(), error.maybe_done()), (ErrorKind::Conflict, false));
    assert_eq!(scene.partner.delegated_admin_relationships().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_active_relationship_is_extended_once_global_administrator_is_dropped() {
    let scene = Scene::new();
    let client = scene.writer();
    let relationships = client.partner().relationships();
    let id = scene.relationship(&[DirectoryRole::GLOBAL_ADMINISTRATOR, DirectoryRole::GLOBAL_READER]);
    let error = relationships.enable_auto_extension(&id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::GlobalAdministratorBlocksExtension);
    assert_eq!(methods(&scene.partner), ["GET"], "no write is tried");

    let started = tokio::time::Instant::now();
    let dropped = relationships.drop_global_administrator(&id).await.unwrap();
    assert_eq!(dropped.roles().collect::<Vec<_>>(), [DirectoryRole::GLOBAL_READER]);
    assert!(started.elapsed() >= Duration::from_secs(10), "the service said when to ask again");
    let extended = relationships.enable_auto_extension(&id).await.unwrap();
    assert_eq!(extended.is_auto_extended(), Some(true));
    let extended = relationships.disable_auto_extension(&id).await.unwrap();
    assert_eq!(extended.auto_extend_duration, Some(IsoDuration::zero()));

    scene.partner.clear_requests();
    relationships.disable_auto_extension(&id).await.unwrap();
    relationships.drop_global_administrator(&id).await.unwrap();
    assert_eq!(methods(&scene.partner), ["GET", "GET"], "what is done is not written again");
}

#[tokio::test(start_paused = true)]
async fn the_only_role_is_not_dropped() {
    let scene = Scene::new();
    let id = scene.relationship(&[DirectoryRole::GLOBAL_ADMINISTRATOR]);
    let client = scene.writer();
    let error = client.partner().relationships().drop_global_administrator(&id).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RelationshipWithoutRoles);
    assert_eq!(methods(&scene.partner), ["GET"]);
}

#[tokio::test(start_paused = true)]
async fn what_others_have_made_is_not_changed() {
    let scene = Scene::new();
    let roles = [DirectoryRole::GLOBAL_ADMINISTRATOR, DirectoryRole::GLOBAL_READER];
    let led = scene.partner.add_relationship(&scene.adatum, "MLT_f00", &ids(&roles));
    let client = scene.writer();
    let relationships = client.partner().relationships();
    for id in [DelegatedAdminRelationshipId::new(led), scene.made_by_provider().id.unwrap()] {
        scene.partner.clear_requests();
        let mut errors =
            vec![relationships.end(&id).await.unwrap_err(), relationships.request_approval(&id).await.unwrap_err()];
        if relationships.get(&id).await.unwrap().is_microsoft_led() {
            errors.push(relationships.drop_global_administrator(&id).await.unwrap_err());
        } else {
            errors.push(relationships.enable_auto_extension(&id).await.unwrap_err());
        }
        for error in errors {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, ErrorCode::RelationshipReadOnly), "{error}");
        }
        assert!(methods(&scene.partner).iter().all(|method| method == "GET"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_gets_roles_other_roles_and_none() {
    let scene = Scene::new();
    let id = scene.relationship(&ROLES);
    let group = scene.partner.add_group("Support", &[]);
    let client = scene.writer();
    let assignments = client.partner().access_assignments(&id);
    let wanted = NewDelegatedAdminAccessAssignment::new(group.id, [ROLES[0]]);
    let created = assignments.create(&wanted).await.unwrap();
    assert_eq!(created.status, Some(DelegatedAdminAccessAssignmentStatus::Pending));
    let assignment = created.id.unwrap();
    assert_eq!(assignments.find_or_create(&wanted).await.unwrap().id, Some(assignment.clone()));
    assert_eq!(assignments.create(&wanted).await.unwrap_err().kind(), ErrorKind::Conflict);
    pass(5).await;

    // All roles are sent, never a difference.
    let changed = assignments.set_roles(&assignment, ROLES).await.unwrap();
    assert_eq!((changed.group(), changed.roles().count(), changed.is_active()), (Some(group.id), 2, true));
    let operations = client.partner().relationships().operations(&id).all().await.unwrap();
    assert_eq!(operations[0].operation_type.as_deref(), Some("delegatedAdminAccessAssignmentUpdate"));
    scene.partner.clear_requests();
    assignments.set_roles(&assignment, [ROLES[1], ROLES[0]]).await.unwrap();
    assert_eq!(methods(&scene.partner), ["GET"], "the same set in another order");
    let same = assignments.update(&assignment, changed.etag.as_ref().unwrap(), ROLES).await.unwrap();
    assert!(matches!(same, Updated::Done(_)), "the service says so at once");

    let error = assignments.set_roles(&assignment, [DirectoryRole::GLOBAL_READER]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "the relationship does not hold it: {error}");
    let error = assignments.update(&assignment, &ETag::new("x"), []).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::RelationshipWithoutRoles);

    assignments.remove(&assignment).await.unwrap();
    assert_eq!(assignments.find_of_group(group.id).await.unwrap(), None);
    scene.partner.clear_requests();
    assignments.remove(&assignment).await.unwrap();
    assert_eq!(methods(&scene.partner), ["GET"], "what is gone is not deleted again");
    // A new one can be made at once.
    assert_ne!(assignments.find_or_create(&wanted).await.unwrap().id, Some(assignment));
}

#[tokio::test(start_paused = true)]
async fn a_change_in_between_is_read_and_the_whole_set_is_sent_once_more() {
    let scene = Scene::new();
    let id = scene.relationship(&[ROLES[0], ROLES[1], DirectoryRole::GLOBAL_READER]);
    let group = scene.partner.add_group("Support", &[]);
    scene.partner.add_access_assignment(id.as_str(), group.id, &ids(&[ROLES[0]]));
    let client = scene.writer();
    let assignments = client.partner().access_assignments(&id);
    let assignment = assignments.find_of_group(group.id).await.unwrap().unwrap();
    // Another change is under way.
    let (it, etag) = (assignment.id.unwrap(), assignment.etag.unwrap());
    let other = assignments.update(&it, &etag, [DirectoryRole::GLOBAL_READER]).await.unwrap();
    assert!(matches!(other, Updated::Accepted(_)));
    let changed = assignments.set_roles(&it, ROLES).await.unwrap();
    assert_eq!(changed.roles().collect::<Vec<_>>().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_made_a_moment_ago_is_waited_for_and_one_that_is_gone_is_not() {
    let scene = Scene::new();
    let id = scene.relationship(&ROLES);
    let client = scene.client(&[WRITE, "Group.ReadWrite.All"]);
    let assignments = client.partner().access_assignments(&id);
    scene.partner.set_lag(Lag::none().references(Duration::from_secs(20)));
    let group = json!({"displayName": "New", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true});
    let group: Value = client.request(entra_apps::http::Method::POST, "groups").json(&group).returning().await.unwrap();
    let group: entra_apps::ids::DirectoryObjectId = group["id"].as_str().unwrap().parse().unwrap();
    let wanted = NewDelegatedAdminAccessAssignment::new(group, ROLES);
    assignments.create(&wanted).await.unwrap();

    let gone = NewDelegatedAdminAccessAssignment::new(entra_apps::ids::DirectoryObjectId::from_u128(7), ROLES);
    let started = tokio::time::Instant::now();
    let error = assignments.create(&gone).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && started.elapsed() < Duration::from_secs(1), "{error}");
    assert!(error.message().contains("access container does not exist"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_takes_too_long_ends_with_the_deadline_and_one_without_after_a_while() {
    let scene = Scene::of(builder().partner_step(Duration::from_secs(86_400)));
    let id = scene.relationship(&ROLES);
    let group = scene.partner.add_group("Support", &[]);
    scene.partner.add_access_assignment(id.as_str(), group.id, &ids(&[ROLES[0]]));
    let client = scene.writer();
    let patient = client.with_deadline(Duration::from_secs(30));
    let assignment = client.partner().access_assignments(&id).list().all().await.unwrap().remove(0).id.unwrap();
    let started = tokio::time::Instant::now();
    let error = patient.partner().access_assignments(&id).set_roles(&assignment, ROLES).await.unwrap_err();
    assert_eq!((error.kind(), error.maybe_done()), (ErrorKind::Deadline, false), "{error}");
    assert!(started.elapsed() <= Duration::from_secs(30) && error.remedy().contains("goes on"), "{error}");
    // One that waits for what is under way has an end as well.
    let error = client.partner().access_assignments(&id).set_roles(&assignment, ROLES).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(started.elapsed() < Duration::from_secs(1_000));
}
