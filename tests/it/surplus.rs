//! What a registration does not name stays, whatever else an apply writes beside it.

use entra_apps::ids::{AppId, PermissionId, ServicePrincipalId};
use entra_apps::model::Application;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use entra_apps::provision::{Action, Platform, StepKind};

use entra_apps::{AppRegistration, Client, Plan, RedirectUri};
use entra_emulator::{Api, MemoryTenant, OAuth2PermissionGrant};

use crate::support::{builder, register};

const THINGS: AppId = AppId::from_u128(42);
const PLATFORMS: [(Platform, &str); 3] =
    [(Platform::Web, "web"), (Platform::Spa, "spa"), (Platform::PublicClient, "publicClient")];

fn things_use() -> Permission {
    Permission::by_id(THINGS, PermissionId::from_u128(8), PermissionKind::Delegated)
}

fn things_run() -> Permission {
    Permission::by_id(THINGS, PermissionId::from_u128(9), PermissionKind::Application)
}

/// A tenant with another API than Microsoft Graph.
fn tenant() -> MemoryTenant {
    let things = Api::new(THINGS, "Things")
        .delegated_permission("Things.Use", things_use().id().unwrap())
        .application_permission("Things.Run", things_run().id().unwrap());
    builder().api(things).build()
}

fn registration(name: &str) -> AppRegistration {
    PLATFORMS.iter().fold(
        AppRegistration::new("k", "App").tag(name.parse().unwrap()),
        |registration, (platform, place)| {
            registration.redirect_uri(RedirectUri::new(*platform, format!("https://{name}.example/{place}")).unwrap())
        },
    )
}

/// An application after a plan was applied that names nothing of what was there, and adds to each collection.
struct Applied {
    client: Client,
    app_id: AppId,
    plan: Plan,
}

impl Applied {
    async fn new() -> Self {
        let tenant = tenant();
        let client = tenant.client();
        let earlier = registration("earlier")
            .without_enterprise_listing()
            .permission(application::AUDIT_LOG_READ_ALL)
            .permission(delegated::USER_READ)
            .permission(things_run())
            .permission(things_use());
        let app = register(&client, &earlier).await.application.unwrap();
        let path = format!("/servicePrincipals/{}", app.service_principal_id.unwrap());
        tenant.send_json("PATCH", &path, Some(r#"{"tags": ["earlier"]}"#));
        let later = registration("later").permission(application::DIRECTORY_READ_ALL).permission(delegated::OPENID);
        let plan = client.plan(&later).await.unwrap();
        client.apply(&plan).await.unwrap();
        Self { client, app_id: app.app_id, plan }
    }

    async fn application(&self) -> Application {
        self.client.applications().get(self.app_id).await.unwrap()
    }

    /// The scopes granted for all users, each grant's in order.
    async fn scopes(&self) -> Vec<Vec<String>> {
        let grants = self.client.oauth2_permission_grants().list_held_by(self.app_id).all().await.unwrap();
        let sorted = |grant: &entra_apps::model::OAuth2PermissionGrant| {
            let mut scopes: Vec<String> = grant.scopes().map(str::to_owned).collect();
            scopes.sort();
            scopes
        };
        grants.iter().map(sorted).collect()
    }

    /// The service principal of an API.
    async fn principal_of(&self, api: AppId) -> ServicePrincipalId {
        self.client.service_principals().get(api).await.unwrap().id.unwrap()
    }

    /// Asserts that the plan said that it leaves this alone.
    fn assert_listed(&self, code: &str) {
        let line = self.plan.steps().iter().find(|line| line.id.to_string() == code);
        assert_eq!(line.map(|line| line.action), Some(Action::LeftAlone), "{code}: {}", self.plan);
    }
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

#[tokio::test(start_paused = true)]
async fn redirect_uris_that_are_not_named_stay() {
    let applied = Applied::new().await;
    let app = applied.application().await;
    let uris =
        [app.web.unwrap().redirect_uris, app.spa.unwrap().redirect_uris, app.public_client.unwrap().redirect_uris];
    for ((_, place), uris) in PLATFORMS.iter().zip(uris) {
        let both = ["earlier", "later"].map(|name| format!("https://{name}.example/{place}"));
        assert_eq!(sorted(uris), both);
        applied.assert_listed(&format!("surplus_redirect_uri:{place}:{}", both[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn declared_permissions_that_are_not_named_stay() {
    let applied = Applied::new().await;
    let declared = applied.application().await.required_resource_access;
    let declared = declared.into_iter().flat_map(|api| api.resource_access).filter_map(|access| access.id);
    let earlier = [application::AUDIT_LOG_READ_ALL, things_run(), delegated::USER_READ, things_use()];
    let later = [application::DIRECTORY_READ_ALL, delegated::OPENID];
    let all = earlier.iter().chain(&later).map(|permission| permission.id().unwrap());
    assert_eq!(sorted(declared), sorted(all));
    for permission in earlier {
        let id = permission.id().unwrap().to_string();
        let name = permission.name().unwrap_or(&id);
        let api = if permission.api() == MICROSOFT_GRAPH { String::new() } else { format!(":{}", permission.api()) };
        applied.assert_listed(&format!("surplus_declaration:{name}:{}{api}", permission.kind()));
    }
}

#[tokio::test(start_paused = true)]
async fn granted_scopes_that_are_not_named_stay_in_a_grant_that_is_widened() {
    let applied = Applied::new().await;
    let scopes = applied.scopes().await;
    assert!(scopes.contains(&vec!["User.Read".to_owned(), "openid".to_owned()]), "{scopes:?}");
    assert_eq!(scopes.len(), 2, "one grant for each API: {scopes:?}");
    applied.assert_listed("surplus_grant:User.Read:delegated");
}

#[tokio::test(start_paused = true)]
async fn grants_on_an_api_of_which_nothing_is_named_stay() {
    let applied = Applied::new().await;
    let scopes = applied.scopes().await;
    assert!(scopes.contains(&vec!["Things.Use".to_owned()]), "{scopes:?}");
    let things = applied.principal_of(things_use().api()).await;
    applied.assert_listed(&format!("surplus_grant:Things.Use:delegated:{things}"));
}

#[tokio::test(start_paused = true)]
async fn granted_roles_that_are_not_named_stay() {
    let applied = Applied::new().await;
    let roles = applied.client.app_role_assignments().list_held_by(applied.app_id).all().await.unwrap();
    let roles = roles.into_iter().filter_map(|held| held.app_role_id);
    let all = [application::AUDIT_LOG_READ_ALL, application::DIRECTORY_READ_ALL, things_run()];
    assert_eq!(sorted(roles), sorted(all.iter().filter_map(Permission::id)));
    for permission in [application::AUDIT_LOG_READ_ALL, things_run()] {
        let id = permission.id().unwrap().to_string();
        let api = match permission.api() {
            MICROSOFT_GRAPH => String::new(),
            api => format!(":{}", applied.principal_of(api).await),
        };
        applied.assert_listed(&format!("surplus_grant:{}:application{api}", permission.name().unwrap_or(&id)));
    }
}

#[tokio::test(start_paused = true)]
async fn tags_that_others_gave_stay() {
    let applied = Applied::new().await;
    assert_eq!(sorted(applied.application().await.tags), ["earlier", "later"]);
    let principal = applied.client.service_principals().get(applied.app_id).await.unwrap();
    assert_eq!(sorted(principal.tags), ["WindowsAzureActiveDirectoryIntegratedApp", "earlier"]);
}

/// The grants that single users made for themselves.
fn of_single_users(tenant: &MemoryTenant) -> Vec<OAuth2PermissionGrant> {
    tenant.oauth2_permission_grants().into_iter().filter(|grant| grant.principal_id.is_some()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_grants_of_single_users_stay_even_when_exact() {
    let app = AppRegistration::new("k", "App");
    let narrow =
        [app.clone().permission(delegated::USER_READ), app.clone().permission(application::DIRECTORY_READ_ALL)];
    for registration in narrow.iter().cloned().chain(narrow.iter().cloned().map(AppRegistration::remove_surplus)) {
        let tenant = tenant();
        let client = tenant.client();
        register(&client, &app.clone().permission(things_use())).await;
        let for_all = tenant.oauth2_permission_grants().remove(0);
        let user = tenant.add_user("Ada Lovelace", &[]);
        let graph = client.service_principals().get(entra_apps::permission::MICROSOFT_GRAPH).await.unwrap();
        for (resource, scope) in [(graph.id.unwrap(), "Mail.Read"), (for_all.resource_id, "Things.Use")] {
            let body = serde_json::json!({
                "clientId": for_all.client_id.to_string(),
                "consentType": "Principal",
                "principalId": user.id.to_string(),
                "resourceId": resource.to_string(),
                "scope": scope,
            });
            tenant.send_json("POST", "/oauth2PermissionGrants", Some(&body.to_string()));
        }
        let before = of_single_users(&tenant);
        assert_eq!(before.len(), 2);
        let plan = client.plan(&registration).await.unwrap();
        client.apply(&plan).await.unwrap();
        assert_eq!(of_single_users(&tenant), before, "{plan}");
        let exact = plan.changes().any(|line| line.action == Action::Remove);
        assert_eq!(tenant.oauth2_permission_grants().contains(&for_all), !exact, "what is for all users: {plan}");
        assert!(plan.steps().iter().any(|line| line.id.to_string() == "user_grants"), "{plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn surplus_stays_and_is_listed_and_removed_on_request() {
    let tenant = tenant();
    let client = tenant.client();
    let wide = AppRegistration::new("k", "Wide")
        .redirect_uri(RedirectUri::web("https://a.example").unwrap())
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::AUDIT_LOG_READ_ALL);
    register(&client, &wide).await;
    let narrow = AppRegistration::new("k", "Wide").permission(application::DIRECTORY_READ_ALL);
    let plan = client.plan(&narrow).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    let left: Vec<_> =
        plan.steps().iter().filter(|line| line.action == Action::LeftAlone).map(|line| line.id.to_string()).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let exact = narrow.remove_surplus();
    let plan = client.plan(&exact).await.unwrap();
    assert_eq!(plan.changes().filter(|line| line.action == Action::Remove).count(), 3, "{plan}");
    client.apply(&plan).await.unwrap();
    let plan = client.plan(&exact).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    let roles = client.app_role_assignments().list_held_by(plan.app_id().unwrap()).all().await.unwrap();
    assert_eq!(roles.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn surplus_on_an_api_that_is_not_named_is_listed_and_removed_on_request() {
    let tenant = tenant();
    let client = tenant.client();
    let used = Permission::by_name(THINGS, "Things.Use", PermissionKind::Delegated).unwrap();
    let narrow = AppRegistration::new("k", "App").permission(application::DIRECTORY_READ_ALL);
    let wide = narrow.clone().permission(used).permission(delegated::USER_READ);
    register(&client, &wide).await;
    let checklist = client.verify(&narrow).await.unwrap();
    let surplus: Vec<_> =
        checklist.items.iter().filter(|item| item.id.to_string().starts_with("surplus_grant")).collect();
    assert_eq!(surplus.len(), 2, "{checklist}");

    let exact = narrow.remove_surplus();
    let app_id = register(&client, &exact).await.application.unwrap().app_id;
    assert!(client.oauth2_permission_grants().list_held_by(app_id).all().await.unwrap().is_empty());
    assert!(client.plan(&exact).await.unwrap().is_converged());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_poses_as_microsoft_graph_is_not_shown_as_it() {
    let posing = Api::new(THINGS, "Microsoft Graph")
        .application_permission("Things.Run", application::AUDIT_LOG_READ_ALL.id().unwrap());
    let client = builder().api(posing).build().client();
    let graph = AppRegistration::new("k", "App").permission(application::DIRECTORY_READ_ALL);
    let things = Permission::by_name(THINGS, "Things.Run", PermissionKind::Application).unwrap();
    register(&client, &graph.clone().permission(things)).await;
    let plan = client.plan(&graph).await.unwrap();
    let surplus: Vec<_> = plan.surplus().filter(|step| step.id.kind() == StepKind::SURPLUS_GRANT).collect();
    assert_eq!(surplus.len(), 1, "{plan}");
    assert!(!surplus[0].text.contains("AuditLog.Read.All"), "{plan}");
}
