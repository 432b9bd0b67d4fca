//! An app of another tenant, or a service principal without an application here: granted, verified and taken away.

mod faults;
mod per_tenant;
mod removal;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use entra_apps::ids::{AppId, ServicePrincipalId, TenantId};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, RedirectUri, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant};
use serde_json::{Value, json};

use crate::support::{builder, counts, quiet, register};

/// A vendor's tenant with its app, and a customer's.
struct Scene {
    vendor: MemoryTenant,
    customer: MemoryTenant,
    app_id: AppId,
    client: Client,
}

impl Scene {
    async fn new() -> Self {
        let cloud = MemoryCloud::new([builder(), builder()]);
        let [vendor, customer] = [0, 1].map(|index| cloud.tenants()[index].clone());
        let app_id = register(&cloud.client(&vendor), &registration()).await.application.unwrap().app_id;
        let client = cloud.client(&customer);
        Self { vendor, customer, app_id, client }
    }

    fn publisher(&self) -> TenantId {
        self.vendor.id()
    }

    /// Installs it, everything approved.
    async fn installed(&self) -> ServicePrincipalId {
        let registration = registration();
        let plan = self.client.install(self.app_id, self.publisher(), &registration).plan().await.unwrap();
        let report = self.client.apply(&plan).approve_all().await.unwrap();
        report.service_principal.unwrap().service_principal_id
    }

    fn principal(&self) -> Option<ServicePrincipalId> {
        let mut all = self.customer.service_principals().into_iter();
        all.find(|principal| principal.app_id == self.app_id).map(|principal| principal.id)
    }

    /// What the app's service principal holds, each once.
    fn held(&self) -> BTreeSet<String> {
        held(&self.customer, self.principal())
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, body) = self.customer.send_json(method, path, Some(&body.to_string()));
        assert!(status.is_success(), "{body}");
        serde_json::from_str(&body).unwrap_or_default()
    }
}

fn held(tenant: &MemoryTenant, principal: Option<ServicePrincipalId>) -> BTreeSet<String> {
    let Some(id) = principal else { return BTreeSet::new() };
    let roles = tenant.app_role_assignments().into_iter().filter(|it| it.principal_id == id.into());
    let grants = tenant.oauth2_permission_grants().into_iter().filter(|it| it.client_id == id);
    let scopes = grants.flat_map(|grant| {
        let whose = if grant.principal_id.is_some() { "one user" } else { "all" };
        grant.scope.split_whitespace().map(|scope| format!("{scope} for {whose}")).collect::<Vec<_>>()
    });
    roles.map(|it| format!("role {}", it.app_role_id)).chain(scopes).collect()
}

pub(crate) fn registration() -> AppRegistration {
    AppRegistration::new("vendor-backup", "Vendor Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web("https://backup.example/callback").unwrap())
        .permission(application::USER_READ_ALL)
        .permission(application::GROUP_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"))
        .confirmation("stored", "The secret is stored")
}

#[tokio::test(start_paused = true)]
async fn an_app_of_another_tenant_is_installed_in_three_requests_and_verified_in_one() {
    let scene = Scene::new().await;
    let registration = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &registration);
    assert!(!installation.verify().await.unwrap().is_done());

    quiet(&scene.customer);
    let plan = installation.plan().await.unwrap();
    let changes: Vec<_> = plan.changes().map(|change| change.id.to_string()).collect();
    assert_eq!(
        changes,
        [
            "service_principal",
            "permission_granted:User.Read.All:application",
            "permission_granted:Group.Read.All:application",
            "permission_granted:User.Read:delegated",
        ],
        "{plan}"
    );
    assert_eq!(plan.app_id(), Some(scene.app_id));
    let report = scene.client.apply(&plan).await.unwrap();
    let (requests, writes) = counts(&scene.customer);
    assert_eq!((requests, writes), (3, 4));

    let installed = report.service_principal.unwrap();
    assert_eq!(Some(installed.service_principal_id), scene.principal());
    assert_eq!((installed.app_id, installed.publisher), (Some(scene.app_id), Some(scene.publisher())));
    assert!(report.application.is_none() && report.secrets.is_empty() && report.open.is_empty());
    assert_eq!(scene.held().len(), 3, "{:?}", scene.held());
    let here = scene.customer.applications();
    assert!(here.iter().all(|app| app.app_id != scene.app_id), "no application is made here");

    quiet(&scene.customer);
    let plan = installation.plan().await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    assert!(scene.client.apply(&plan).await.unwrap().done.is_empty());
    assert_eq!(counts(&scene.customer), (1, 0));
    let checklist = installation.verify().await.unwrap();
    assert!(checklist.is_done(), "{checklist}");
    assert_eq!(counts(&scene.customer), (2, 0));
    let kinds: BTreeSet<_> = checklist.items.iter().map(|item| item.id.kind().as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["permission_granted", "publisher", "service_principal"]), "{checklist}");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_granted_again_and_what_others_granted_stays() {
    let scene = Scene::new().await;
    let id = scene.installed().await;
    let before = scene.held();
    let grant = &scene.customer.oauth2_permission_grants().into_iter().find(|grant| grant.client_id == id).unwrap();
    scene.send("PATCH", &format!("/oauth2PermissionGrants/{}", grant.id), &json!({"scope": "Mail.Read"}));
    let registration = registration();
    let installation = scene.client.install(scene.app_id, scene.publisher(), &registration);
    let plan = installation.plan().await.unwrap();
    assert_eq!(plan.changes().count(), 1, "{plan}");
    assert_eq!(plan.surplus().count(), 1, "{plan}");
    // Somebody grants more, which the plan has not seen: it is read before it is written over.
    scene.send(
        "PATCH",
        &format!("/oauth2PermissionGrants/{}", grant.id),
        &json!({"scope": "Mail.Read Calendars.Read"}),
    );
    scene.client.apply(&plan).await.unwrap();
    let mut expected = before;
    expected.extend(["Mail.Read for all".to_owned(), "Calendars.Read for all".to_owned()]);
    assert_eq!(scene.held(), expected);
    assert!(installation.verify().await.unwrap().is_done());
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_of_an_installation_is_applied_once_and_is_outdated_then() {
    let scene = Scene::new().await;
    let registration = registration();
    let plan = scene.client.install(scene.app_id, scene.publisher(), &registration).plan().await.unwrap();
    let saved = entra_apps::Plan::from_json(&plan.to_json()).unwrap();
    assert_eq!(saved, plan);
    scene.client.apply(&saved).await.unwrap();
    assert_eq!(scene.held().len(), 3);
    let other = Scene::new().await;
    other.installed().await;
    let error = other.client.apply(&saved).await.unwrap_err();
    assert_eq!(error.error().kind(), entra_apps::ErrorKind::Stale, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_managed_identity_is_granted_verified_and_revoked_by_either_id() {
    let scene = Scene::new().await;
    let identity = scene.customer.add_caller(&[]);
    let id = scene.customer.service_principals().into_iter().find(|it| it.app_id == identity.client_id).unwrap().id;
    let registration = AppRegistration::new("reader", "Reader").permission(application::USER_READ_ALL);
    for by_object_id in [true, false] {
        let grants = match by_object_id {
            true => scene.client.grant_to(id, &registration),
            false => scene.client.grant_to(identity.client_id, &registration),
        };
        let plan = grants.plan().await.unwrap();
        assert_eq!(plan.changes().count(), 1, "{plan}");
        let report = scene.client.apply(&plan).await.unwrap();
        assert_eq!(report.service_principal.unwrap().service_principal_id, id);
        assert!(grants.verify().await.unwrap().is_done());
        let removal = grants.plan_removal().await.unwrap();
        scene.client.apply(&removal).await.unwrap();
        assert_eq!(held(&scene.customer, Some(id)), BTreeSet::new());
        assert!(grants.plan_removal().await.unwrap().is_converged());
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_an_installation_is_observed_again_once_it_is_old() {
    let second = Duration::from_secs(1);
    for (age, max_age, requests) in [
        (Duration::ZERO, None, 2),
        (4 * second, None, 2),
        (6 * second, None, 3),
        (3600 * second, None, 3),
        (Duration::ZERO, Some(Duration::ZERO), 3),
        (3000 * second, Some(3600 * second), 2),
    ] {
        for is_changed in [false, true] {
            let scene = Scene::new().await;
            let wanted = registration();
            let plan = scene.client.install(scene.app_id, scene.publisher(), &wanted).plan().await.unwrap();
            tokio::time::advance(age).await;
            if is_changed {
                // Somebody else installs it, and grants less and more.
                let other = registration().permission(delegated::MAIL_READ);
                let admin = scene.customer.client();
                let theirs = admin.install(scene.app_id, scene.publisher(), &other).plan().await.unwrap();
                admin.apply(&theirs).await.unwrap();
            }
            quiet(&scene.customer);
            let apply = scene.client.apply(&plan);
            let result = match max_age {
                Some(max_age) => apply.max_plan_age(max_age).await,
                None => apply.await,
            };
            match (is_changed, requests) {
                (false, _) => {
                    result.unwrap();
                    assert_eq!(counts(&scene.customer).0, requests, "{age:?} {max_age:?}");
                }
                (true, 3) => {
                    let error = result.unwrap_err();
                    assert_eq!(
                        (error.error().code(), counts(&scene.customer).1),
                        (ErrorCode::PlanOutdated, 0),
                        "{error}"
                    );
                }
                // A younger one goes on from what is there.
                (true, _) => assert_eq!(result.map(drop).map_err(|error| error.to_string()), Ok(()), "{age:?}"),
            }
            if is_changed {
                assert_eq!(scene.held().len(), 4, "nothing of theirs is lost: {age:?} {max_age:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_installation_and_its_removal_converge_under_lag_and_write_nothing_twice() {
    for seconds in [1, 10, 30] {
        let cloud = MemoryCloud::new([builder(), builder().lag(Duration::from_secs(seconds))]);
        let [vendor, customer] = [0, 1].map(|index| &cloud.tenants()[index]);
        customer.settle();
        let wanted = registration();
        let app_id = register(&cloud.client(vendor), &wanted).await.application.unwrap().app_id;
        tokio::time::advance(Duration::from_secs(300)).await;
        let client = cloud.client(customer);
        let installation = client.install(app_id, vendor.id(), &wanted);
        let id = client.apply(&installation.plan().await.unwrap()).await.unwrap().service_principal.unwrap();
        let id = id.service_principal_id;
        quiet(customer);
        let plan = installation.plan().await.unwrap();
        assert!(plan.is_converged(), "{seconds} s: {plan}");
        assert!(installation.verify().await.unwrap().is_done(), "{seconds} s");
        assert_eq!((counts(customer).1, held(customer, Some(id)).len()), (0, 3), "{seconds} s");

        let plan = installation.plan_removal().service_principal().await.unwrap();
        quiet(customer);
        client.apply(&plan).approve_deletion(id).await.unwrap();
        assert!(customer.service_principals().iter().all(|it| it.app_id != app_id), "{seconds} s");
        customer.settle();
        assert!(installation.plan_removal().service_principal().await.unwrap().is_converged(), "{seconds} s");
    }
}
