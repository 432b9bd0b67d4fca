//! Each request of a job fails once in every way: run again, it ends where an undisturbed one ends, and nothing is doubled.

use entra_apps::model::{IsoDuration, NewDelegatedAdminAccessAssignment, NewDelegatedAdminRelationship};
use entra_apps::{Error, ErrorKind};
use entra_emulator::{Fault, FaultOn, RetryAfter};

use super::*;

type Way = (&'static str, fn(FaultOn) -> Fault);

/// One of each outcome: not sent, carried out or not, and known or not.
const WAYS: [Way; 6] = [
    ("not sent", FaultOn::unreachable),
    ("response lost", FaultOn::response_lost),
    ("429", |on| on.throttled(RetryAfter::Seconds(7))),
    ("503 before", |on| on.fails(503)),
    ("500 after", |on| on.fails_after_writing(500)),
    ("truncated", FaultOn::truncated),
];

const ROLES: [DirectoryRole; 2] =
    [DirectoryRole::APPLICATION_ADMINISTRATOR, DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR];

/// Invites a customer, and once that has approved, gives a group its roles and changes them.
async fn job(client: &Client, scene: &Scene) -> Result<(), Error> {
    let relationships = client.partner().relationships();
    let wanted =
        NewDelegatedAdminRelationship::new("Support", IsoDuration::from_days(730), ROLES).customer(scene.fabrikam.id());
    let id = relationships.find_or_create(&wanted).await?.id.unwrap();
    if !relationships.request_approval(&id).await?.is_active() {
        scene.fabrikam.approve_relationship(id.as_str());
        pass(10).await;
    }
    relationships.enable_auto_extension(&id).await?;
    let group = scene.partner.groups().into_iter().find(|group| group.display_name == "Team").unwrap().id;
    let assignments = client.partner().access_assignments(&id);
    let wanted = NewDelegatedAdminAccessAssignment::new(group, [ROLES[0]]);
    let assigned = assignments.find_or_create(&wanted).await?.id.unwrap();
    pass(10).await;
    assignments.set_roles(&assigned, ROLES).await.map(drop)
}

fn check(scene: &Scene, case: &str) {
    let all = scene.partner.delegated_admin_relationships();
    assert_eq!(all.len(), 1, "{case}");
    let path = format!("{RELATIONSHIPS}/{}", all[0].id);
    let get = |path: &str| {
        let (_, body) = scene.partner.send_json("GET", path, None);
        serde_json::from_str::<Value>(&body).unwrap()
    };
    assert_eq!(
        (&get(&path)["status"], &get(&path)["autoExtendDuration"]),
        (&json!("active"), &json!("P180D")),
        "{case}"
    );
    let assignments = get(&format!("{path}/accessAssignments"))["value"].clone();
    assert_eq!(assignments.as_array().unwrap().len(), 1, "{case}");
    assert_eq!(assignments[0]["accessDetails"]["unifiedRoles"].as_array().unwrap().len(), 2, "{case}");
    let requests = get(&format!("{path}/requests"))["value"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 1, "{case}: asked for approval once");
    let operations = get(&format!("{path}/operations"))["value"].clone();
    assert_eq!(operations.as_array().unwrap().len(), 1, "{case}: changed once");
}

#[tokio::test(start_paused = true)]
async fn every_request_fails_once_in_every_way_and_nothing_is_doubled() {
    let run = || {
        let scene = Scene::new();
        scene.partner.add_group("Team", &[]);
        let client = scene.writer();
        (scene, client)
    };
    let (scene, client) = run();
    job(&client, &scene).await.unwrap();
    check(&scene, "undisturbed");
    let requests = scene.partner.requests().iter().filter(|it| !it.is_token).count();
    assert!(requests > 10, "{requests}");
    scene.partner.clear_requests();
    job(&client, &scene).await.unwrap();
    assert!(methods(&scene.partner).iter().all(|method| method == "GET"), "a second run writes nothing");
    for (way, fault) in WAYS {
        for nth in 1..=requests {
            let (scene, client) = run();
            // A token first, so that the requests to Graph alone are counted.
            client.partner().relationships().list().all().await.unwrap();
            scene.partner.fault(fault(Fault::on("*", "/tenantRelationships/**").nth(nth as u64)));
            let case = format!("{way} at request {nth} of {requests}");
            let mut result = job(&client, &scene).await;
            for _ in 0..2 {
                if let Err(error) = result {
                    assert_ne!(error.kind(), ErrorKind::Conflict, "{case}: {error}");
                    pass(60).await;
                    result = job(&client, &scene).await;
                }
            }
            result.unwrap_or_else(|error| panic!("{case}: {error}"));
            check(&scene, &case);
        }
    }
}
