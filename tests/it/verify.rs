//! The checklist: what is done, what is open and why, and what only a person can confirm.

use std::time::Duration;

use entra_apps::time;
use entra_apps::{AppRegistration, ClientSecret, SignInAudience};

use crate::support::{TODAY, guides, register, tenant};

#[tokio::test(start_paused = true)]
async fn a_permission_that_somebody_removed_is_open_and_granted_again() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::netwrix::registration("Contoso", false);
    let app_id = register(&client, &registration).await.application.unwrap().app_id;
    let role = client.app_role_assignments().list_held_by(app_id).all().await.unwrap().remove(0);
    tenant.send_json(
        "DELETE",
        &format!("/servicePrincipals/{}/appRoleAssignedTo/{}", role.resource_id.unwrap(), role.id.unwrap()),
        None,
    );
    let checklist = client.verify(&registration).await.unwrap();
    let open: Vec<_> = checklist.open().filter(|item| item.required).map(|item| item.id.to_string()).collect();
    assert_eq!(open, ["permission_granted:Directory.Read.All:application"]);
    assert!(!checklist.is_done());
    let plan = client.plan(&registration).await.unwrap();
    assert_eq!(plan.changes().count(), 1, "{plan}");
    client.apply(&plan).await.unwrap();
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_step_past_its_deadline_is_too_late() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::patch_my_pc::registration();
    register(&client, &registration).await;
    assert!(client.verify(&registration).await.unwrap().is_done());
    tokio::time::advance(Duration::from_secs(72 * 3600)).await;
    let checklist = client.verify(&registration).await.unwrap();
    let late = checklist.items.iter().find(|item| item.id.to_string() == "used_in_time").unwrap();
    assert!(!late.done && late.remedy.as_ref().unwrap().contains("make a new one"), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_secret_is_open_and_another_is_issued() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_for_days(7));
    register(&client, &registration).await;
    tokio::time::advance(Duration::from_secs(8 * 24 * 3600)).await;
    let checklist = client.verify(&registration).await.unwrap();
    let item = checklist.items.iter().find(|item| item.id.to_string() == "secret:Main").unwrap();
    assert!(!item.done && item.remedy.as_ref().unwrap().contains("expired"), "{item:?}");
    assert_eq!(register(&client, &registration).await.secrets.len(), 1);
    assert!(client.verify(&registration).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn verify_reports_on_a_registration_that_a_plan_would_refuse() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = |end| AppRegistration::new("k", "App").credential(ClientSecret::new("Main").valid_until(end));
    let end = TODAY + time::Duration::days(2);
    register(&client, &registration(end)).await;
    tokio::time::advance(Duration::from_secs(3 * 24 * 3600)).await;
    assert!(!client.verify(&registration(end)).await.unwrap().is_done());
    assert_eq!(client.plan(&registration(end)).await.unwrap_err().code().as_str(), "invalid_secret_lifetime");
}

#[tokio::test(start_paused = true)]
async fn steps_that_only_a_person_can_confirm_are_never_ticked() {
    let tenant = tenant();
    let client = tenant.client();
    let registration = guides::peig::registration(SignInAudience::MultipleOrganizations).unwrap();
    register(&client, &registration).await;
    let checklist = client.verify(&registration).await.unwrap();
    let item = checklist.items.iter().find(|item| item.id.to_string() == "confirmation:secret_stored").unwrap();
    assert!(!item.done && !item.required);
    assert!(checklist.is_done());
}
