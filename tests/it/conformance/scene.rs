//! Where a case plays: a client of a tenant, names that nobody else uses, and the cleaning up.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entra_apps::api::{Filter, UniqueName};
use entra_apps::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService};
use entra_apps::clock::Clock;
use entra_apps::ids::{AppId, ApplicationId, DirectoryObjectId, KeyId, PermissionId, ServicePrincipalId, Tenant};
use entra_apps::model::{
    AppRole, Application, ApplicationProperty, NewApplication, NewServicePrincipal, PermissionScope,
};
use entra_apps::secrecy::SecretString;
use entra_apps::token::{AccessToken, TokenRequest};
use entra_apps::transport::Transport;
use entra_apps::uuid::Uuid;
use entra_apps::{Client, ClientBuilder, Error, ErrorKind, RetryPolicy, SignInAudience};
use entra_emulator::{Caller, MemoryTenant};

use super::Case;
use recorder::Recorder;

#[allow(dead_code)] // the examples count by it, and more
#[path = "../../../examples/support/recorder.rs"]
mod recorder;

/// What the name of every object starts with that a case makes.
const PREFIX: &str = "entra-apps-conformance";

/// A tenant, in memory or real, and a caller in it.
pub(super) struct Place {
    client: Client,
    stranger: Client,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    tenant: String,
    seed: u64,
}

impl Place {
    pub(super) fn in_memory(tenant: &MemoryTenant) -> Self {
        Self::in_memory_as(tenant, tenant.caller())
    }

    /// A client of this tenant that signs in as another caller.
    pub(super) fn in_memory_as(tenant: &MemoryTenant, caller: Caller) -> Self {
        let transport: Arc<dyn Transport> = Arc::new(tenant.clone());
        let signed_in = || tenant.client_builder().client_secret(caller.client_id, caller.client_secret.clone());
        let place = Self::reached_by(transport, tenant.clock(), tenant.id().to_string(), 1, signed_in);
        place.expect("nothing is missing")
    }

    /// A tenant that is reached by `transport`; `client` gives a client that lacks the transport alone.
    pub(super) fn reached_by(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tenant: String,
        seed: u64,
        client: impl Fn() -> ClientBuilder,
    ) -> Result<Self, Error> {
        let recorder = Recorder::new(transport);
        let client = || {
            let client = client().tenant(&tenant).transport(Arc::new(recorder.clone())).clock(Arc::clone(&clock));
            client.user_agent_suffix(PREFIX).build()
        };
        Ok(Self { client: client()?, stranger: client()?, recorder, clock, tenant, seed })
    }

    /// Plays a case and clears away what it made, whatever became of it.
    pub(super) async fn run(self, case: Case) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let prefix = format!("{PREFIX}-{:08x}", random.u32(..));
        let scene = Scene { place: Arc::new(self), prefix, stage: Arc::new(Mutex::new(Stage::new(random))) };
        let local = tokio::task::LocalSet::new();
        let played = local.run_until(local.spawn_local(case(scene.clone()))).await;
        let left = scene.clear().await;
        if let Err(error) = played {
            if !left.is_empty() {
                eprintln!("and this was left behind: {}", left.join("; "));
            }
            std::panic::resume_unwind(error.into_panic());
        }
        assert!(left.is_empty(), "this was left behind: {}", left.join("; "));
    }
}

/// What a case is given.
#[derive(Clone)]
pub(super) struct Scene {
    place: Arc<Place>,
    /// Unique to this run of this case.
    pub(super) prefix: String,
    stage: Arc<Mutex<Stage>>,
}

/// What was made, and where chance comes from.
struct Stage {
    random: fastrand::Rng,
    keys: Vec<String>,
    applications: Vec<ApplicationId>,
    principals: Vec<ServicePrincipalId>,
}

impl Stage {
    fn new(random: fastrand::Rng) -> Self {
        Self { random, keys: Vec::new(), applications: Vec::new(), principals: Vec::new() }
    }
}

/// An application with its service principal.
pub(super) struct Made {
    pub(super) id: ApplicationId,
    pub(super) app_id: AppId,
    pub(super) principal: ServicePrincipalId,
}

/// An app that is an API: it publishes a role for apps and a scope.
pub(super) struct Api {
    pub(super) app: Made,
    pub(super) role: PermissionId,
}

/// The value of the role that an [`Api`] publishes.
pub(super) const ROLE: &str = "Conform.All";
/// The value of its scope.
pub(super) const SCOPE: &str = "conform";

impl Scene {
    pub(super) fn client(&self) -> &Client {
        &self.place.client
    }

    /// A client that made nothing itself, and so takes no answer for one of a replica that lags behind.
    pub(super) fn stranger(&self) -> &Client {
        &self.place.stranger
    }

    /// How many writes were sent so far.
    pub(super) fn writes(&self) -> usize {
        self.place.recorder.counts().writes()
    }

    /// The wall time.
    pub(super) fn now(&self) -> entra_apps::time::OffsetDateTime {
        self.place.clock.now()
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A display name that nobody else uses.
    pub(super) fn name(&self, of: &str) -> String {
        format!("{} {of}", self.prefix)
    }

    /// A unique name that nobody else uses; what has it is cleared away.
    pub(super) fn key(&self, of: &str) -> String {
        let key = format!("{}-{of}", self.prefix);
        self.stage().keys.push(key.clone());
        key
    }

    /// An id that no object has.
    pub(super) fn random_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.stage().random.fill(&mut bytes);
        // The bits that a random GUID has.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid::from_bytes(bytes)
    }

    pub(super) fn random_key_id(&self) -> KeyId {
        self.random_id().into()
    }

    /// A single-tenant application of this name to be created.
    pub(super) fn new_application(&self, of: &str) -> NewApplication {
        NewApplication::new(self.name(of)).sign_in_audience(SignInAudience::SingleOrganization)
    }

    /// Creates an application that is cleared away.
    pub(super) async fn create(&self, new: &NewApplication) -> Application {
        let app = self.client().applications().create(new).await.unwrap();
        self.made(app.id.unwrap());
        app
    }

    /// Sees to it that an application is cleared away.
    pub(super) fn made(&self, id: ApplicationId) {
        self.stage().applications.push(id);
    }

    /// Deletes a service principal for good: it outlives its application among the deleted items.
    pub(super) fn made_principal(&self, id: ServicePrincipalId) {
        self.stage().principals.push(id);
    }

    /// Creates an application and its service principal.
    pub(super) async fn app(&self, of: &str) -> Made {
        self.with_principal(self.create(&self.new_application(of)).await).await
    }

    pub(super) async fn with_principal(&self, app: Application) -> Made {
        let (id, app_id) = (app.id.unwrap(), app.app_id.unwrap());
        let principal = self.client().service_principals().create(&NewServicePrincipal::new(app_id)).await.unwrap();
        let principal = principal.id.unwrap();
        self.made_principal(principal);
        Made { id, app_id, principal }
    }

    /// Creates an API of its own, so that nothing else in the tenant is touched and nobody gets a right that matters.
    pub(super) async fn api(&self) -> Api {
        let (role, scope) = (self.app_role(), self.scope());
        let id = role.id.unwrap();
        let new = self.new_application("API").app_roles(vec![role]);
        let new = new.api(entra_apps::model::ApiPatch::new().oauth2_permission_scopes(vec![scope]));
        let app = self.with_principal(self.create(&new).await).await;
        let principals = self.client().service_principals();
        agree(async || principals.get(app.principal).await, |read| read.app_roles.len() == 1).await;
        Api { app, role: id }
    }

    /// An app role to be published.
    pub(super) fn app_role(&self) -> AppRole {
        AppRole::new(self.random_id().into(), ROLE)
            .allowed_member_types(["Application"])
            .display_name("Conform")
            .description("Made by a conformance test.")
    }

    fn scope(&self) -> PermissionScope {
        PermissionScope::new(self.random_id().into(), SCOPE)
            .admin_consent_display_name("Conform")
            .admin_consent_description("Made by a conformance test.")
            .kind("Admin")
    }

    /// Signs in as an app of the tenant, once.
    pub(super) async fn sign_in(&self, app: AppId, secret: &SecretString, scope: &str) -> Result<AccessToken, Error> {
        let transport: Arc<dyn Transport> = Arc::new(self.place.recorder.clone());
        let (cloud, clock) = (self.client().cloud().clone(), Arc::clone(&self.place.clock));
        let service = SignInService::new(cloud, transport, clock);
        let provider = ClientCredentialsProvider::new(service, app, ClientAuthentication::secret(secret.clone()));
        let tenant: Tenant = self.place.tenant.parse()?;
        crate::support::token_of(&provider, &TokenRequest::new(tenant, scope)).await
    }

    /// Removes what was made, for good where the caller may. Returns what is left, in words.
    async fn clear(&self) -> Vec<String> {
        let (keys, mut applications, principals) = {
            let stage = self.stage();
            (stage.keys.clone(), stage.applications.clone(), stage.principals.clone())
        };
        let mut left = Vec::new();
        // What was made and not noted, for its answer was lost or the case failed.
        for key in keys {
            match self.client().applications().find(UniqueName::new(key.as_str()).unwrap()).await {
                Ok(found) => applications.extend(found.and_then(|app| app.id)),
                Err(error) => left.push(format!("whatever is called {key}: {error}")),
            }
        }
        match self.mine().await {
            Ok(found) => applications.extend(found),
            Err(error) => left.push(format!("whatever starts with {}: {error}", self.prefix)),
        }
        applications.sort();
        applications.dedup();
        for id in &applications {
            match self.client().applications().delete(*id).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => left.push(format!("application {id}: {error}")),
            }
        }
        let applications = applications.into_iter().map(|id| Uuid::from(id).into());
        let principals = principals.into_iter().map(|id| Uuid::from(id).into());
        for id in applications.chain(principals) {
            if let Err(error) = self.purge(id).await {
                left.push(format!("deleted object {id}: {error}"));
            }
        }
        left
    }

    /// The live applications of this scene, as far as a list shows them.
    async fn mine(&self) -> Result<Vec<ApplicationId>, Error> {
        let mine = Filter::starts_with(ApplicationProperty::DisplayName, &self.prefix);
        let found = self.client().applications().list().filter(mine).select([ApplicationProperty::Id]).all().await?;
        Ok(found.into_iter().filter_map(|app| app.id).collect())
    }

    /// Purges a deleted object; a caller who may not leaves it to the thirty days after which it goes by itself.
    async fn purge(&self, id: DirectoryObjectId) -> Result<(), Error> {
        for wait in waits() {
            match self.client().deleted_items().purge(id).await {
                Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(()),
                // Purged before, or not in the bin yet.
                Err(error) if error.kind() == ErrorKind::NotFound && self.is_gone(id).await? => return Ok(()),
                Err(error) if error.kind() == ErrorKind::NotFound => tokio::time::sleep(wait).await,
                other => return other,
            }
        }
        self.client().deleted_items().purge(id).await
    }

    /// Whether an object is neither live nor deleted.
    async fn is_gone(&self, id: DirectoryObjectId) -> Result<bool, Error> {
        let id = Uuid::from(id);
        Ok(self.client().applications().find(ApplicationId::new(id)).await?.is_none()
            && self.client().service_principals().find(ServicePrincipalId::new(id)).await?.is_none()
            && self.client().deleted_items().find(id).await?.is_none())
    }
}

/// What the client waits between two attempts, for as long as it gives the replicas.
fn waits() -> impl Iterator<Item = Duration> {
    let policy = RetryPolicy::default();
    let doubled = std::iter::successors(Some(policy.base_delay), move |wait| Some((*wait * 2).min(policy.max_delay)));
    doubled.scan(Duration::ZERO, move |waited, wait| {
        *waited += wait;
        (*waited <= policy.replication_window).then_some(wait)
    })
}

/// Reads until the answer is as it must become.
///
/// The client bridges the lag of what it just created. That a read shows the last change, a list all objects and a
/// sign-in the last secret, it does not promise, for the service does not: whoever must know reads again. As patiently
/// as the client: by its own policy.
pub(super) async fn agree<T: Debug>(look: impl AsyncFn() -> Result<T, Error>, is_it: impl Fn(&T) -> bool) -> T {
    let mut seen = look().await;
    for wait in waits() {
        if let Ok(seen) = &seen
            && is_it(seen)
        {
            break;
        }
        tokio::time::sleep(wait).await;
        seen = look().await;
    }
    match seen {
        Ok(seen) if is_it(&seen) => seen,
        seen => panic!("this is how it stayed: {seen:#?}"),
    }
}
