//! A real tenant, or the example `emulator` in its place, over HTTP.

use super::Case;

/// What must be set, and what the caller must be allowed: the end of every sentence about what is missing.
const NEEDS: &str = "set ENTRA_APPS_TENANT (its id or domain), ENTRA_APPS_CLIENT_ID and ENTRA_APPS_CLIENT_SECRET of an \
    app of a tenant for tests, with these application permissions of Microsoft Graph and admin consent: \
    Application.ReadWrite.All, AppRoleAssignment.ReadWrite.All, DelegatedPermissionGrant.ReadWrite.All and \
    Directory.Read.All. With ENTRA_APPS_EMULATOR=http://127.0.0.1:8400 alone it runs against the program entra-emulator";

/// Runs a case on the tenant that the environment names.
///
/// # Panics
/// With a sentence of what to set when it names none: a case that did not run must not look like one that passed.
#[cfg(feature = "reqwest")]
pub(super) async fn run(case: Case) {
    /// One case at a time: the tenant is somebody's.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    let turn = TURN.lock().await;
    match place() {
        Ok(place) => place.run(case).await,
        Err(what) => panic!("{what}: {NEEDS}."),
    }
    drop(turn);
}

#[cfg(not(feature = "reqwest"))]
#[allow(clippy::unused_async)] // the other one waits
pub(super) async fn run(_: Case) {
    panic!("this build has no HTTP: run it with the feature reqwest, and {NEEDS}.");
}

#[cfg(feature = "reqwest")]
fn place() -> Result<super::Place, String> {
    use std::sync::Arc;

    use entra_apps::Client;
    use entra_apps::clock::TokioClock;
    use entra_apps::cloud::Cloud;
    use entra_apps::secrecy::SecretString;
    use entra_apps::transport::ReqwestTransport;
    use entra_apps::url::Url;
    use entra_emulator::MemoryTenant;

    let mut cloud = Cloud::global();
    // The emulator's tenant starts as the one in memory does, and so has its ids.
    let mut known = None;
    if let Some(address) = variable("ENTRA_APPS_EMULATOR") {
        let url = Url::parse(&address).map_err(|_| format!("ENTRA_APPS_EMULATOR is no address: {address}"))?;
        cloud = Cloud::custom("emulator", &url, &url).map_err(|error| error.to_string())?;
        let tenant = MemoryTenant::new();
        known = Some((tenant.id().to_string(), tenant.caller()));
    }
    let must = |name: &str| variable(name).ok_or_else(|| format!("{name} is not set"));
    let (tenant, client_id, secret) = match (variable("ENTRA_APPS_TENANT"), known) {
        (None, Some((tenant, caller))) => (tenant, caller.client_id, caller.client_secret),
        _ => {
            let tenant = must("ENTRA_APPS_TENANT")?;
            let client_id = must("ENTRA_APPS_CLIENT_ID")?;
            let client_id = client_id.parse().map_err(|_| format!("ENTRA_APPS_CLIENT_ID is no GUID: {client_id}"))?;
            let secret = SecretString::from(must("ENTRA_APPS_CLIENT_SECRET")?);
            (tenant, client_id, secret)
        }
    };
    let transport = ReqwestTransport::new().map_err(|error| error.to_string())?;
    let client = || Client::builder().cloud(cloud.clone()).client_secret(client_id, secret.clone());
    let clock = Arc::new(TokioClock::new());
    let place = super::Place::reached_by(Arc::new(transport), clock, tenant, fastrand::u64(..), client);
    place.map_err(|error| error.to_string())
}

/// A variable of the environment that is set and not empty.
#[cfg(feature = "reqwest")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
