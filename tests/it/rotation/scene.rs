//! A credential that is due, others' beside it, and a watch over every request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use entra_apps::ids::{AppId, KeyId};
use entra_apps::provision::rotation::{RotateError, Rotated, SecretStore, StoredCredential};
use entra_apps::provision::{Certificate, CredentialKind};
use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, BoxError, Client, ClientSecret, IssuedSecret, SecretSink};
use entra_emulator::{MemoryTenant, MemoryTenantBuilder, Snapshot, TenantClock};
use serde_json::{Value, json};

use crate::support::{TODAY, builder};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long earlier credentials stay in these tests.
pub(super) const OVERLAP: Duration = DAY;

/// A certificate of others, from 2020 to 2040.
pub(super) const FOREIGN: &[u8] = include_bytes!("../../../emulator/certificates/one.der");

/// A store that keeps all that it was given, and gives back the last.
#[derive(Clone, Debug, Default)]
pub(super) struct Vault(Arc<Mutex<VaultState>>);

#[derive(Debug, Default)]
struct VaultState {
    kept: Vec<IssuedSecret>,
    refuses: bool,
    forgets: bool,
    is_mute: bool,
}

impl Vault {
    pub(super) fn of(kept: Vec<IssuedSecret>) -> Self {
        Self(Arc::new(Mutex::new(VaultState { kept, ..VaultState::default() })))
    }

    pub(super) fn kept(&self) -> Vec<IssuedSecret> {
        self.0.lock().unwrap().kept.clone()
    }

    pub(super) fn last(&self) -> KeyId {
        self.kept().last().expect("something is stored").key_id
    }

    /// Whether it refuses to store.
    pub(super) fn refuses(&self, refuses: bool) {
        self.0.lock().unwrap().refuses = refuses;
    }

    /// Whether it says that it has stored, and has not.
    pub(super) fn forgets(&self, forgets: bool) {
        self.0.lock().unwrap().forgets = forgets;
    }

    /// Whether it cannot be asked.
    pub(super) fn is_mute(&self, is_mute: bool) {
        self.0.lock().unwrap().is_mute = is_mute;
    }

    pub(super) fn has(&self, key_id: KeyId) -> bool {
        self.kept().iter().any(|kept| kept.key_id == key_id)
    }
}

#[async_trait]
impl SecretSink for Vault {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        let mut state = self.0.lock().unwrap();
        if state.refuses {
            return Err("the vault is sealed".into());
        }
        if !state.forgets {
            state.kept.push(secret.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl SecretStore for Vault {
    async fn load(&self, wanted: &StoredCredential) -> Result<Option<IssuedSecret>, BoxError> {
        let state = self.0.lock().unwrap();
        match state.is_mute {
            true => Err("the vault is sealed".into()),
            false => Ok(state.kept.iter().rev().find(|kept| wanted.is(kept)).cloned()),
        }
    }
}

/// A registration whose one credential is due, with others' credentials beside it.
pub(super) struct Scene {
    pub(super) registration: AppRegistration,
    pub(super) app_id: AppId,
    before: Snapshot,
    stored: Vec<IssuedSecret>,
    /// What is not ours: of the same description, and of another.
    pub(super) foreign: Vec<KeyId>,
}

pub(super) fn registration(kind: CredentialKind) -> AppRegistration {
    let registration = AppRegistration::new("contoso-backup", "Contoso Backup");
    match kind {
        CredentialKind::Certificate => registration.credential(Certificate::generated("Backup").valid_for_days(180)),
        _ => registration.credential(ClientSecret::new("Backup").valid_for_days(180)),
    }
}

/// A tenant at a time after the first day.
pub(super) fn later(after: Duration) -> MemoryTenantBuilder {
    builder().clock(Arc::new(TenantClock::starting_at(TODAY + after)))
}

impl Scene {
    pub(super) async fn new(kind: CredentialKind) -> Self {
        Self::with_foreign(kind, true).await
    }

    /// Without others' credentials.
    pub(super) async fn alone(kind: CredentialKind) -> Self {
        Self::with_foreign(kind, false).await
    }

    async fn with_foreign(kind: CredentialKind, has_foreign: bool) -> Self {
        let (tenant, vault, registration) = (builder().build(), Vault::default(), registration(kind));
        let client = tenant.client();
        let plan = client.plan(&registration).await.unwrap();
        let registered = client.apply(&plan).secret_sink(Arc::new(vault.clone())).await.unwrap();
        let app = registered.application.unwrap();
        let path = format!("/applications/{}", app.application_id);
        let before = credentials(&tenant);
        if !has_foreign {
            let (before, stored, foreign) = (tenant.snapshot(), vault.kept(), Vec::new());
            return Self { registration, app_id: app.app_id, before, stored, foreign };
        }
        for name in ["Backup", "Other"] {
            let end = "2028-01-01T00:00:00Z";
            let secret = json!({"passwordCredential": {"displayName": name, "endDateTime": end}}).to_string();
            let (status, body) = tenant.send_json("POST", &format!("{path}/addPassword"), Some(&secret));
            assert!(status.is_success(), "{body}");
        }
        let own = app_json(&tenant)["keyCredentials"].as_array().unwrap().clone();
        let key = base64::engine::general_purpose::STANDARD.encode(FOREIGN);
        let key = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": key, "displayName": "Backup"});
        let keys: Vec<Value> = own.into_iter().chain([key]).collect();
        let (status, body) = tenant.send_json("PATCH", &path, Some(&json!({ "keyCredentials": keys }).to_string()));
        assert!(status.is_success(), "{body}");
        let foreign = credentials(&tenant).into_iter().filter(|it| !before.contains(it)).collect();
        Self { registration, app_id: app.app_id, before: tenant.snapshot(), stored: vault.kept(), foreign }
    }

    /// The tenant when the credential is due, 155 days later, and the store.
    pub(super) fn start(&self) -> (MemoryTenant, Vault) {
        self.start_with(later(155 * DAY))
    }

    pub(super) fn start_with(&self, builder: MemoryTenantBuilder) -> (MemoryTenant, Vault) {
        (builder.snapshot(self.before.clone()).build(), Vault::of(self.stored.clone()))
    }

    pub(super) async fn rotate(&self, client: &Client, vault: &Vault) -> Result<Rotated, RotateError> {
        client.rotate(&self.registration).store(Arc::new(vault.clone())).overlap(OVERLAP).await
    }

    /// Others' credential of the kind and the description that the registration's has.
    pub(super) fn foreign_of_same_description(&self, tenant: &MemoryTenant) -> KeyId {
        let list = if self.is_of_certificate() { "keyCredentials" } else { "passwordCredentials" };
        let all = app_json(tenant)[list].as_array().unwrap().clone();
        let found = all.iter().filter(|it| it["displayName"] == "Backup");
        let mut keys = found.map(|it| it["keyId"].as_str().unwrap().parse().unwrap());
        keys.find(|key_id| self.foreign.contains(key_id)).expect("others have one")
    }

    fn is_of_certificate(&self) -> bool {
        self.stored.iter().all(|it| it.kind == CredentialKind::Certificate)
    }

    /// The credentials of the app that are ours.
    pub(super) fn own(&self, tenant: &MemoryTenant) -> Vec<KeyId> {
        credentials(tenant).into_iter().filter(|it| !self.foreign.contains(it)).collect()
    }
}

/// The application, as the directory holds it.
pub(super) fn app_json(tenant: &MemoryTenant) -> Value {
    let app = tenant.applications().into_iter().find(|app| app.display_name == "Contoso Backup").expect("it is there");
    serde_json::from_str(&app.json).expect("it is JSON")
}

fn listed(tenant: &MemoryTenant) -> Vec<(KeyId, OffsetDateTime)> {
    let app = app_json(tenant);
    let lists = ["passwordCredentials", "keyCredentials"].map(|list| app[list].as_array().unwrap().clone());
    let read = |it: Value| {
        let end = OffsetDateTime::parse(it["endDateTime"].as_str().unwrap(), &Rfc3339).unwrap();
        (it["keyId"].as_str().unwrap().parse().unwrap(), end)
    };
    lists.concat().into_iter().map(read).collect()
}

/// The key ids of all credentials that the application has.
pub(super) fn credentials(tenant: &MemoryTenant) -> Vec<KeyId> {
    listed(tenant).into_iter().map(|(key_id, _)| key_id).collect()
}

/// A way to the tenant that looks before and after each request whether a credential that is stored works and others' are
/// there, and on which the process ends at a request, if it is to.
#[derive(Debug)]
pub(super) struct Watch {
    tenant: MemoryTenant,
    vault: Vault,
    foreign: Vec<KeyId>,
    /// The request at which the process ends, and whether it is sent before that.
    pub(super) ends_at: Option<(usize, bool)>,
    seen: AtomicUsize,
    pub(super) reached: tokio::sync::Notify,
    broken: Mutex<Option<String>>,
}

impl Watch {
    pub(super) fn new(
        scene: &Scene,
        tenant: &MemoryTenant,
        vault: &Vault,
        ends_at: Option<(usize, bool)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            tenant: tenant.clone(),
            vault: vault.clone(),
            foreign: scene.foreign.clone(),
            ends_at,
            seen: AtomicUsize::new(0),
            reached: tokio::sync::Notify::new(),
            broken: Mutex::new(None),
        })
    }

    pub(super) fn client(self: &Arc<Self>) -> Client {
        self.tenant.client_builder().transport(self.clone()).build().unwrap()
    }

    /// How many requests there were.
    pub(super) fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    pub(super) fn result(&self) -> Result<(), String> {
        self.broken.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn look(&self) {
        let (listed, now) = (listed(&self.tenant), self.tenant.clock().now());
        let works = |(key_id, end): &(KeyId, OffsetDateTime)| *end > now && self.vault.has(*key_id);
        let what = match self.foreign.iter().find(|it| listed.iter().all(|(key_id, _)| key_id != *it)) {
            Some(foreign) => format!("{foreign} of somebody else was removed"),
            None if !listed.iter().any(works) => "no credential that is stored works".to_owned(),
            None => return,
        };
        self.broken.lock().unwrap().get_or_insert(format!("at request {}: {what}", self.seen()));
    }
}

#[async_trait]
impl Transport for Watch {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.look();
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        let response = match self.ends_at {
            Some((at, after)) if at == number => {
                if after {
                    drop(self.tenant.send(request).await);
                    self.look();
                }
                self.reached.notify_one();
                std::future::pending().await
            }
            _ => self.tenant.send(request).await,
        };
        self.look();
        response
    }
}
