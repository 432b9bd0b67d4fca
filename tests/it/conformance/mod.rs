//! What this crate relies on in the service, and what the in-memory tenant says it imitates: one suite for both.
//!
//! Each case is a function of a [`Scene`]: a client of some tenant, and a prefix that everything has which the case
//! makes. `memory::` runs them on the in-memory tenant, `lagging::` on one whose replicas are seconds behind, and `live::`
//! on a real tenant, on request:
//!
//! ```text
//! ENTRA_APPS_TENANT=… ENTRA_APPS_CLIENT_ID=… ENTRA_APPS_CLIENT_SECRET=… cargo test --test it -- --ignored live::
//! ```
//!
//! A case assumes nothing of what else is in the tenant, touches only what it made, and leaves nothing behind.

mod applications;
mod credentials;
mod grants;
mod queries;
mod real;
mod registration;
mod scene;
mod service_principals;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use entra_apps::model::{ApplicationPatch, NewApplication};
use entra_emulator::{Fault, MemoryTenant};

use crate::support::builder;
use scene::{Place, Scene};

/// A case, ready to run.
type Case = fn(Scene) -> Pin<Box<dyn Future<Output = ()>>>;

/// How far the replicas of the lagging tenant are behind.
const LAG: Duration = Duration::from_secs(15);

/// Runs a case on an in-memory tenant, and sees that it left nothing behind.
async fn in_memory(tenant: MemoryTenant, case: Case) {
    tenant.settle();
    let before = objects(&tenant);
    Place::in_memory(&tenant).run(case).await;
    assert_eq!(objects(&tenant), before, "the tenant is as it was");
}

/// The ids of what there is, deleted objects included.
fn objects(tenant: &MemoryTenant) -> Vec<String> {
    let lists = [
        "/applications",
        "/servicePrincipals",
        "/oauth2PermissionGrants",
        "/directory/deletedItems/microsoft.graph.application",
        "/directory/deletedItems/microsoft.graph.servicePrincipal",
    ];
    let listed = lists.map(|path| tenant.send_json("GET", &format!("{path}?$select=id&$top=999"), None).1);
    listed.into_iter().chain([format!("{:?}", tenant.app_role_assignments())]).collect()
}

/// A case that fails after it made something.
async fn fails(scene: Scene) {
    scene.app("Fails").await;
    scene.api().await;
    panic!("as it should");
}

/// Plays a case that fails; the tenant's client does not wait for it.
async fn failed(tenant: &MemoryTenant, case: Case) {
    let local = tokio::task::LocalSet::new();
    let place = Place::in_memory(tenant);
    let played = local.run_until(local.spawn_local(place.run(case))).await;
    assert!(played.unwrap_err().is_panic(), "the failure is told");
}

#[tokio::test(start_paused = true)]
async fn a_case_that_fails_leaves_nothing_behind() {
    for lag in [Duration::ZERO, LAG] {
        let tenant = builder().lag(lag).build();
        tenant.settle();
        let before = objects(&tenant);
        failed(&tenant, |scene| Box::pin(fails(scene))).await;
        assert_eq!(objects(&tenant), before);
    }
}

/// A member that the model does not name, and that manifests have.
#[tokio::test(start_paused = true)]
async fn a_lock_with_more_members_than_the_model_is_written_back_as_read() {
    let (tenant, more) = (builder().build(), serde_json::json!({"isEnabled": true, "identifierUris": true}));
    let client = tenant.client();
    let made = client.applications().create(&NewApplication::new("Locked")).await.unwrap();
    let (id, path) = (made.id.unwrap(), format!("/applications/{}", made.id.unwrap()));
    let body = serde_json::json!({ "servicePrincipalLockConfiguration": more }).to_string();
    assert_eq!(tenant.send_json("PATCH", &path, Some(&body)).0, 204);
    let lock = client.applications().get(id).await.unwrap().service_principal_lock_configuration.unwrap();
    let patch = ApplicationPatch::new().service_principal_lock_configuration(lock.all_properties_locked());
    client.applications().update(id, &patch).await.unwrap();
    let read = tenant.send_json("GET", &path, None).1;
    assert!(read.contains(r#""identifierUris":true"#) && read.contains(r#""allProperties":true"#), "{read}");
}

#[tokio::test(start_paused = true)]
async fn what_was_made_and_never_answered_is_cleared_away() {
    let tenant = builder().build();
    let before = objects(&tenant);
    tenant.fault(Fault::on("POST", "/applications").response_lost());
    failed(&tenant, |scene| Box::pin(fails(scene))).await;
    assert_eq!(objects(&tenant), before);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_may_not_purge_leaves_it_to_the_bin() {
    let tenant = builder().build();
    let before = tenant.applications().len();
    let caller = tenant.add_caller(&["Application.ReadWrite.OwnedBy"]);
    let case: Case = |scene| Box::pin(applications::a_collection_is_replaced(scene));
    Place::in_memory_as(&tenant, caller).run(case).await;
    assert_eq!((tenant.applications().len(), tenant.deleted_applications().len()), (before + 1, 1));
}

macro_rules! suite {
    ($($group:ident { $($case:ident)* })*) => {
        mod memory {
            $($(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    super::in_memory(super::builder().build(), |scene| Box::pin(super::$group::$case(scene))).await;
                }
            )*)*
        }

        mod lagging {
            $($(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    let tenant = super::builder().lag(super::LAG).build();
                    super::in_memory(tenant, |scene| Box::pin(super::$group::$case(scene))).await;
                }
            )*)*
        }

        mod live {
            $($(
                #[tokio::test]
                #[ignore = "it needs a real tenant: see emulator/README.md"]
                async fn $case() {
                    super::real::run(|scene| Box::pin(super::$group::$case(scene))).await;
                }
            )*)*
        }
    };
}

suite! {
    applications {
        an_application_is_created_and_read_by_each_key
        the_same_display_name_twice_makes_two_applications
        an_empty_display_name_is_refused
        an_upsert_twice_makes_one_application
        a_unique_name_is_set_once
        a_unique_name_is_taken_by_a_deleted_application_too
        null_clears_and_what_is_not_named_stays
        a_collection_is_replaced
        a_complex_type_is_merged
        a_lock_is_written_back_as_read
        redirect_uris_are_kept_letter_for_letter
        a_redirect_uri_stands_on_one_platform
        an_enabled_app_role_is_disabled_before_it_goes
        an_identifier_uri_may_be_that_of_the_own_app_id
        declared_permissions_come_back
        a_personal_audience_needs_tokens_of_version_2
        a_deleted_application_is_listed_restored_and_purged
    }
    service_principals {
        a_service_principal_is_made_once
        an_upsert_makes_one_service_principal
        a_service_principal_needs_an_application
        a_service_principal_shows_its_application
        a_service_principal_is_changed_and_deleted
        a_service_principal_goes_with_its_application
    }
    credentials {
        a_secret_is_shown_once_and_removed
        a_secret_ends_when_it_was_asked_to
        a_secret_that_is_not_there_cannot_be_removed
        a_secret_can_come_with_the_application
        a_fresh_secret_signs_in_with_the_roles_that_were_granted
        a_wrong_secret_does_not_sign_in
    }
    grants {
        an_app_role_is_granted_once_listed_from_both_sides_and_taken_away
        a_role_that_the_api_lacks_cannot_be_granted
        delegated_permissions_are_granted_once_changed_and_taken_away
    }
    queries {
        what_is_not_there_is_not_found
        filters_find_what_they_say
        an_advanced_filter_needs_the_header_of_one
        a_list_is_counted_and_ordered
        what_is_not_selected_is_left_out
        pages_follow_one_another_without_gap_or_repetition
        a_batch_answers_each_item_by_itself
        the_organization_is_the_tenant
    }
    registration {
        a_registration_is_applied_verified_and_then_left_alone
        a_registration_is_changed_and_converges_again
    }
}
