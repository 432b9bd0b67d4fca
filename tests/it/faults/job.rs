//! A registration that is applied under faults until it converges, and the check of how it ends.

use std::fmt::Write as _;

use entra_apps::ids::KeyId;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::{AppRegistration, Client};
use entra_emulator::{Api, Fault, MemoryTenant, MemoryTenantBuilder, Snapshot};
use serde_json::Value;

use crate::support::{builder, guides, register};

/// How often a job is applied before it counts as one that never converges.
pub(crate) const RUNS: usize = 6;

/// A tenant whose Microsoft Graph has what the guides and the caller need, and no more: thousands are made here.
pub(crate) fn lean() -> MemoryTenantBuilder {
    let caller = [
        "Application.ReadWrite.All",
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Directory.Read.All",
        "Organization.Read.All",
    ];
    let guides = guides::all();
    let wanted = guides.iter().flat_map(|(_, registration)| registration.wanted_permissions().cloned());
    let wanted = wanted.chain(caller.map(|name| Permission::application(name).unwrap()));
    let installed = crate::install::registration();
    let wanted = wanted.chain(installed.wanted_permissions().cloned());
    let graph = Api::new(MICROSOFT_GRAPH, "Microsoft Graph").identifier_uri("https://graph.microsoft.com");
    wanted.filter(|permission| permission.api() == MICROSOFT_GRAPH).fold(builder().api(graph), |builder, permission| {
        builder.permission(MICROSOFT_GRAPH, permission.kind(), permission.name().unwrap(), permission.id().unwrap())
    })
}

/// A job: what is declared, and the tenant that it begins in.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) registration: AppRegistration,
    before: Snapshot,
    /// The secrets that the caller already holds.
    held: Vec<KeyId>,
    /// What an undisturbed run sends: how many requests, and how many items in their batches.
    pub(super) requests: u64,
    pub(super) items: u64,
    /// What it leaves.
    after: String,
}

/// Whether a secret may be left that nobody has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Never,
    /// If the next plan names it.
    Reported,
}

impl Job {
    async fn new(name: String, registration: AppRegistration, before: Snapshot, held: Vec<KeyId>) -> Self {
        let tenant = lean().snapshot(before.clone()).build();
        let client = tenant.client();
        let mut plan = client.plan(&registration);
        for key in &held {
            plan = plan.holding(*key);
        }
        let plan = plan.await.unwrap();
        client.apply(&plan).approve_all().await.unwrap();
        let requests = tenant.requests();
        let items = requests.iter().map(|request| request.items.len() as u64).sum();
        let requests = requests.len() as u64;
        let after = state(&tenant, &registration);
        Self { name, registration, before, held, requests, items, after }
    }

    /// The first run of the onboarding of ImmyBot.
    pub(super) async fn immybot() -> Self {
        let registration = guides::immybot::registration("contoso").unwrap();
        Self::new("immybot, first run".into(), registration, lean().build().snapshot(), Vec::new()).await
    }

    /// Each guide: a first run, and a run that repairs what somebody has changed since.
    pub(super) async fn all() -> Vec<Self> {
        let mut jobs = Vec::new();
        for (name, registration) in guides::all() {
            let tenant = lean().build();
            let empty = tenant.snapshot();
            let registered = register(&tenant.client(), &registration).await;
            let held: Vec<KeyId> = registered.secrets.iter().map(|secret| secret.key_id).collect();
            let app = registered.application.as_ref().unwrap();
            // Somebody takes away a permission, all consent of people, and the redirect URIs.
            let grants = [
                tenant
                    .app_role_assignments()
                    .iter()
                    .rev()
                    .take(1)
                    .map(|held| format!("/servicePrincipals/{}/appRoleAssignments/{}", held.principal_id, held.id))
                    .collect::<Vec<_>>(),
                tenant
                    .oauth2_permission_grants()
                    .iter()
                    .map(|grant| format!("/oauth2PermissionGrants/{}", grant.id))
                    .collect(),
            ];
            for path in grants.concat() {
                tenant.send_json("DELETE", &path, None);
            }
            let path = format!("/applications/{}", app.application_id);
            let changed = r#"{"notes": null, "web": {"redirectUris": ["https://elsewhere.example/x"]}}"#;
            let (status, body) = tenant.send_json("PATCH", &path, Some(changed));
            assert!(status.is_success(), "{body}");
            let drifted = tenant.snapshot();
            jobs.push(Self::new(format!("{name}, first run"), registration.clone(), empty, Vec::new()).await);
            jobs.push(Self::new(format!("{name}, repair"), registration, drifted, held).await);
        }
        jobs
    }

    pub(super) fn tenant(&self) -> MemoryTenant {
        lean().snapshot(self.before.clone()).build()
    }

    /// Applies with faults until it converges; what is wrong at the end.
    pub(super) async fn run(
        &self,
        label: &str,
        faults: impl IntoIterator<Item = Fault>,
        open: Open,
    ) -> Result<(), String> {
        let tenant = self.tenant();
        for fault in faults {
            tenant.fault(fault);
        }
        let mut run = Run::new(self, &tenant);
        run.until_converged(&tenant).await;
        run.check(&tenant, open).await.map_err(|what| format!("{}, {label}: {what}", self.name))
    }
}

/// The runs of one job, and what the caller knows from them.
pub(super) struct Run<'a> {
    job: &'a Job,
    held: Vec<KeyId>,
    converged: bool,
    already: Vec<KeyId>,
}

impl<'a> Run<'a> {
    pub(super) fn new(job: &'a Job, tenant: &MemoryTenant) -> Self {
        tenant.clear_requests();
        Self { job, held: job.held.clone(), converged: false, already: job.held.clone() }
    }

    /// Plans and applies until nothing is left to do, or no longer than [`RUNS`] times.
    pub(super) async fn until_converged(&mut self, tenant: &MemoryTenant) {
        for _ in 0..RUNS {
            // A process of its own each time: nothing is remembered but the secrets.
            if self.once(&tenant.client(), std::future::pending()).await {
                break;
            }
        }
    }

    /// Plans and applies once, as a process that ends when `killed` does; whether nothing was left to do.
    pub(super) async fn once(&mut self, client: &Client, killed: impl Future<Output = ()>) -> bool {
        let mut request = client.plan(&self.job.registration);
        for key in &self.held {
            request = request.holding(*key);
        }
        let work = async {
            let plan = request.await.ok()?;
            if plan.is_converged() {
                return Some((true, None));
            }
            let report = match client.apply(&plan).approve_all().await {
                Ok(report) => report,
                Err(error) => error.into_parts().1,
            };
            Some((false, Some(report)))
        };
        let done = tokio::select! {
            done = work => done,
            () = killed => None,
        };
        let Some((converged, report)) = done else { return false };
        if let Some(report) = report {
            self.held.extend(report.secrets.iter().map(|secret| secret.key_id));
        }
        self.converged = converged;
        converged
    }

    /// Whether the end is what it should be.
    pub(super) async fn check(mut self, tenant: &MemoryTenant, open: Open) -> Result<(), String> {
        let sent = tenant.requests().len() as u64;
        tenant.clear_faults();
        if !self.converged {
            // A secret that nobody may hold keeps a plan open; it is not work.
            self.once(&tenant.client(), std::future::pending()).await;
        }
        let checklist = tenant.client().verify(&self.job.registration).await.map_err(|error| error.to_string())?;
        if !checklist.is_done() {
            return Err(format!("not done:\n{checklist}"));
        }
        let mut wanted = self.job.after.clone();
        let mut found = state(tenant, &self.job.registration);
        // Secrets are counted apart.
        let cut = |state: &mut String| state.truncate(state.find("secrets").unwrap_or(state.len()));
        cut(&mut wanted);
        cut(&mut found);
        if wanted != found {
            return Err(format!("the tenant holds\n{found}\ninstead of\n{wanted}"));
        }
        // A secret that nobody has is named by the next plan.
        let client = tenant.client();
        let mut plan = client.plan(&self.job.registration);
        for key in &self.held {
            plan = plan.holding(*key);
        }
        let plan = plan.await.map_err(|error| error.to_string())?;
        let unknown: Vec<KeyId> =
            secrets(tenant, &self.job.registration).into_iter().filter(|key| !self.held.contains(key)).collect();
        let reported =
            |key: &KeyId| plan.steps().iter().any(|line| line.id.to_string() == format!("secret_value:{key}"));
        if let Some(key) = unknown.iter().find(|key| !reported(key)) {
            return Err(format!("nobody has the secret {key}, and no plan names it"));
        }
        if open == Open::Never && !unknown.is_empty() {
            return Err(format!("nobody has the secrets {unknown:?}"));
        }
        let unknown = unknown.len();
        let named = secrets(tenant, &self.job.registration).len();
        if named > self.held.len().max(self.already.len()) + unknown {
            return Err(format!("{named} secrets"));
        }
        let most = (self.job.requests + 6) * (RUNS as u64 + 1);
        if sent > most {
            return Err(format!("{sent} requests, more than {most}"));
        }
        Ok(())
    }
}

fn application(tenant: &MemoryTenant, registration: &AppRegistration) -> Vec<Value> {
    let all = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
    all.map(|app| serde_json::from_str(&app.json).unwrap()).collect()
}

fn secrets(tenant: &MemoryTenant, registration: &AppRegistration) -> Vec<KeyId> {
    let apps = application(tenant, registration);
    let all = apps.iter().flat_map(|app| app["passwordCredentials"].as_array().unwrap());
    all.map(|secret| secret["keyId"].as_str().unwrap().parse().unwrap()).collect()
}

/// What the tenant holds of a registration, without ids and times, as lines that compare.
fn state(tenant: &MemoryTenant, registration: &AppRegistration) -> String {
    let mut lines = String::new();
    for mut app in application(tenant, registration) {
        let members = app.as_object_mut().unwrap();
        let secrets = members.remove("passwordCredentials").unwrap().as_array().unwrap().len();
        for name in ["id", "appId", "createdDateTime"] {
            members.remove(name);
        }
        for list in ["/web/redirectUris", "/requiredResourceAccess", "/tags"] {
            if let Some(list) = app.pointer_mut(list).and_then(Value::as_array_mut) {
                list.sort_by_key(ToString::to_string);
            }
        }
        writeln!(lines, "application {app}").unwrap();
        let apps = tenant.applications().into_iter().filter(|app| app.display_name == registration.display_name());
        for app in apps {
            let principals = tenant.service_principals().into_iter().filter(|principal| principal.app_id == app.app_id);
            for principal in principals {
                let id = principal.id;
                let mut roles: Vec<_> = tenant
                    .app_role_assignments()
                    .into_iter()
                    .filter(|held| held.principal_id == id.into())
                    .map(|held| held.app_role_id.to_string())
                    .collect();
                roles.sort();
                let mut scopes: Vec<_> = tenant
                    .oauth2_permission_grants()
                    .into_iter()
                    .filter(|grant| grant.client_id == id)
                    .map(|grant| {
                        let mut scopes: Vec<_> = grant.scope.split_whitespace().map(str::to_owned).collect();
                        scopes.sort();
                        scopes.join(" ")
                    })
                    .collect();
                scopes.sort();
                writeln!(lines, "service principal {roles:?} {scopes:?}").unwrap();
            }
        }
        writeln!(lines, "secrets {secrets}").unwrap();
    }
    lines
}

/// Prints how many runs converged, and says what was wrong with the others.
pub(crate) fn report(what: &str, results: &[Result<(), String>]) {
    let wrong: Vec<&String> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    println!("{what}: {} of {} runs converged", results.len() - wrong.len(), results.len());
    let first = wrong.iter().take(5).map(|wrong| wrong.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {} runs went wrong:\n{first}", wrong.len(), results.len());
}
