//! Which responses are those of a replica that lags, operation by operation, and which are real errors.

use entra_apps::ids::{AppId, ApplicationId, KeyId, PermissionId, ServicePrincipalId};
use entra_apps::model::{
    ApplicationPatch, NewAppRoleAssignment, NewApplication, NewOAuth2PermissionGrant, NewPasswordCredential,
    NewServicePrincipal,
};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::{Client, Error};
use entra_emulator::{Fault, MemoryTenant};

use crate::support::{quiet, tenant};

/// A write about objects that the same client made a moment ago.
#[derive(Clone, Copy, Debug)]
enum Write {
    UpdateApplication,
    AddPassword,
    RemovePassword,
    CreateServicePrincipal,
    AssignAppRole,
    GrantPermission,
}

/// A directory with what the writes are about, all of it fresh.
struct Scene {
    tenant: MemoryTenant,
    client: Client,
    application: ApplicationId,
    secret: KeyId,
    /// An application without a service principal.
    bare: AppId,
    principal: ServicePrincipalId,
    graph: ServicePrincipalId,
    role: PermissionId,
}

impl Scene {
    async fn new() -> Self {
        let tenant = tenant();
        let client = tenant.client();
        let graph = client.service_principals().find(MICROSOFT_GRAPH).await.unwrap().unwrap();
        let role = graph.app_roles.iter().find(|role| role.value.as_deref() == Some("User.Read.All")).unwrap();
        let (role, graph) = (role.id.unwrap(), graph.id.unwrap());
        let app = client.applications().create(&NewApplication::new("Fresh")).await.unwrap();
        let secret = NewPasswordCredential::new().display_name("Main");
        let secret = client.applications().add_password(app.id.unwrap(), &secret).await.unwrap();
        let principal = NewServicePrincipal::new(app.app_id.unwrap());
        let principal = client.service_principals().create(&principal).await.unwrap();
        let bare = client.applications().create(&NewApplication::new("Bare")).await.unwrap();
        quiet(&tenant);
        Self {
            application: app.id.unwrap(),
            secret: secret.key_id.unwrap(),
            bare: bare.app_id.unwrap(),
            principal: principal.id.unwrap(),
            tenant,
            client,
            graph,
            role,
        }
    }

    async fn carry_out(&self, write: Write) -> Result<(), Error> {
        let applications = self.client.applications();
        match write {
            Write::UpdateApplication => {
                applications.update(self.application, &ApplicationPatch::new().notes("Changed")).await
            }
            Write::AddPassword => {
                applications.add_password(self.application, &NewPasswordCredential::new()).await.map(drop)
            }
            Write::RemovePassword => applications.remove_password(self.application, self.secret).await,
            Write::CreateServicePrincipal => {
                self.client.service_principals().create(&NewServicePrincipal::new(self.bare)).await.map(drop)
            }
            Write::AssignAppRole => {
                let assignment = NewAppRoleAssignment::new(self.principal, self.graph, self.role);
                self.client.app_role_assignments().create(&assignment).await.map(drop)
            }
            Write::GrantPermission => {
                let grant = NewOAuth2PermissionGrant::for_all_principals(self.principal, self.graph, ["User.Read"]);
                self.client.oauth2_permission_grants().create(&grant).await.map(drop)
            }
        }
    }
}

/// A refusal: the write, its path, the status, the code and the message.
type Refusal = (Write, &'static str, u16, &'static str, &'static str);

const MISSING: &str = "Resource 'x' does not exist or one of its queried reference-property objects are not present.";

/// What a replica that lags responds.
const LAG: &[Refusal] = &[
    (Write::UpdateApplication, "/applications/*", 404, "Request_ResourceNotFound", MISSING),
    (Write::UpdateApplication, "/applications/*", 409, "Error_MsaAppDoesNotExist", "The app does not exist in MSA."),
    (Write::AddPassword, "/applications/*/addPassword", 404, "Request_ResourceNotFound", MISSING),
    (Write::RemovePassword, "/applications/*/removePassword", 404, "Request_ResourceNotFound", MISSING),
    (
        Write::RemovePassword,
        "/applications/*/removePassword",
        400,
        "Request_BadRequest",
        "No password credential found with keyId.",
    ),
    (
        Write::CreateServicePrincipal,
        "/servicePrincipals",
        400,
        "Request_BadRequest",
        "The appId 'x' of the service principal does not reference a valid application object.",
    ),
    (
        Write::CreateServicePrincipal,
        "/servicePrincipals",
        403,
        "Authorization_RequestDenied",
        "When using this permission, the backing application of the service principal being created must in the \
         local tenant",
    ),
    (
        Write::AssignAppRole,
        "/servicePrincipals/*/appRoleAssignedTo",
        400,
        "Request_BadRequest",
        "Not a valid reference update.",
    ),
    (Write::AssignAppRole, "/servicePrincipals/*/appRoleAssignedTo", 404, "Request_ResourceNotFound", MISSING),
    (Write::GrantPermission, "/oauth2PermissionGrants", 400, "Request_BadRequest", MISSING),
    (Write::GrantPermission, "/oauth2PermissionGrants", 404, "Request_ResourceNotFound", MISSING),
];

const DENIED: &str = "Insufficient privileges to complete the operation.";

/// Its neighbours: the same operations on the same fresh objects, refused for good.
const REAL: &[Refusal] = &[
    (
        Write::UpdateApplication,
        "/applications/*",
        400,
        "CannotDeleteOrUpdateEnabledEntitlement",
        "Permission (scope or role) cannot be deleted or updated unless disabled first.",
    ),
    (Write::UpdateApplication, "/applications/*", 400, "Request_BadRequest", MISSING),
    (Write::UpdateApplication, "/applications/*", 409, "Request_MultipleObjectsWithSameKeyValue", "It exists."),
    (
        Write::AddPassword,
        "/applications/*/addPassword",
        400,
        "CredentialInvalidLifetimeAsPerAppPolicy",
        "Credential lifetime exceeds the max value allowed as per assigned policy.",
    ),
    (
        Write::AddPassword,
        "/applications/*/addPassword",
        400,
        "Request_BadRequest",
        "No password credential found with keyId.",
    ),
    (Write::RemovePassword, "/applications/*/removePassword", 403, "Authorization_RequestDenied", DENIED),
    (Write::CreateServicePrincipal, "/servicePrincipals", 400, "Request_BadRequest", "Property appId is invalid."),
    (Write::CreateServicePrincipal, "/servicePrincipals", 403, "Authorization_RequestDenied", DENIED),
    (
        Write::AssignAppRole,
        "/servicePrincipals/*/appRoleAssignedTo",
        400,
        "Request_BadRequest",
        "Permission being assigned was not found on application 'x'.",
    ),
    (Write::AssignAppRole, "/servicePrincipals/*/appRoleAssignedTo", 403, "Authorization_RequestDenied", DENIED),
    (Write::GrantPermission, "/oauth2PermissionGrants", 400, "Request_BadRequest", "Invalid value specified."),
    (Write::GrantPermission, "/oauth2PermissionGrants", 403, "Authorization_RequestDenied", DENIED),
    (
        Write::GrantPermission,
        "/oauth2PermissionGrants",
        409,
        "Request_MultipleObjectsWithSameKeyValue",
        "Permission entry already exists.",
    ),
];

fn fault((write, path, status, code, message): &Refusal) -> Fault {
    let method = if matches!(write, Write::UpdateApplication) { "PATCH" } else { "POST" };
    Fault::on(method, path).times(2).refuses(*status, code, message)
}

#[tokio::test(start_paused = true)]
async fn a_response_of_a_lagging_replica_is_waited_for() {
    for refusal in LAG {
        let scene = Scene::new().await;
        scene.tenant.fault(fault(refusal));
        let result = scene.carry_out(refusal.0).await;
        assert!(result.is_ok(), "{refusal:?}: {result:?}");
        let statuses = statuses(&scene);
        assert_eq!(statuses[..2], [refusal.2; 2], "{refusal:?}");
        assert!(statuses.len() == 3 && statuses[2] < 300, "{refusal:?}: {statuses:?}");
    }
}

/// An error after one attempt.
async fn is_returned_at_once(scene: &Scene, refusal: &Refusal) {
    scene.tenant.fault(fault(refusal));
    let error = scene.carry_out(refusal.0).await.unwrap_err();
    assert_eq!((error.status().map(|status| status.as_u16()), error.attempts()), (Some(refusal.2), 1), "{refusal:?}");
    assert_eq!(statuses(scene), [refusal.2], "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn a_real_error_of_the_same_operation_is_returned_at_once() {
    for refusal in REAL {
        let scene = Scene::new().await;
        is_returned_at_once(&scene, refusal).await;
    }
}

/// Where nothing was written a moment ago, these responses are real errors.
#[tokio::test(start_paused = true)]
async fn the_same_response_about_an_old_object_is_returned_at_once() {
    for refusal in LAG {
        let mut scene = Scene::new().await;
        scene.client = scene.tenant.client();
        quiet(&scene.tenant);
        is_returned_at_once(&scene, refusal).await;
    }
}

/// The statuses of what was sent to Graph since the scene was set.
fn statuses(scene: &Scene) -> Vec<u16> {
    let requests = scene.tenant.requests();
    let requests = requests.iter().filter(|request| !request.is_token);
    requests.filter_map(|request| request.status.map(|status| status.as_u16())).collect()
}
