//! What an apply refuses before it sends anything.

use entra_apps::cloud::Cloud;
use entra_apps::permission::microsoft_graph::application;
use entra_apps::{AppRegistration, ErrorKind};

use crate::support::{counts, quiet, register, tenant};

#[tokio::test(start_paused = true)]
async fn what_is_declared_and_not_granted_yet_needs_approval() {
    let tenant = tenant();
    let client = tenant.client();
    let declared =
        AppRegistration::new("k", "App").permission(application::DIRECTORY_READ_WRITE_ALL).admin_consent(false);
    register(&client, &declared).await;
    let granted = declared.admin_consent(true);
    let plan = client.plan(&granted).await.unwrap();
    assert_eq!(plan.needs_approval(), [&application::DIRECTORY_READ_WRITE_ALL]);
    quiet(&tenant);
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::NeedsApproval, "{error}");
    assert_eq!(counts(&tenant), (0, 0));
    client.apply(&plan).approve("Directory.ReadWrite.All").await.unwrap();
    assert!(client.verify(&granted).await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_another_cloud_is_refused() {
    let tenant = tenant();
    let registration = AppRegistration::new("k", "App");
    let plan = tenant.client().plan(&registration).await.unwrap();
    let (here, elsewhere) = (Cloud::global(), "elsewhere");
    // The same tenant behind the same addresses: the cloud's name alone tells them apart.
    let elsewhere = Cloud::custom(elsewhere, here.graph(), here.authority()).unwrap();
    let other = tenant.client_builder().cloud(elsewhere).build().unwrap();
    other.plan(&registration).await.unwrap();
    quiet(&tenant);
    let error = other.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().kind(), error.error().code()), (ErrorKind::Stale, "other_target"), "{error}");
    assert_eq!(counts(&tenant), (0, 0));
}
