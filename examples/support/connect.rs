//! The client: in memory, over HTTP to the emulator, or to a real tenant.

use std::sync::Arc;

use entra_apps::Client;
use entra_apps::memory::MemoryTenant;

use super::Recorder;
use super::flags::Flags;
use super::output::Failure;

pub(crate) fn client(flags: &Flags) -> Result<(Client, Recorder), Failure> {
    if flags.live || flags.emulator.is_some() {
        return over_http(flags);
    }
    let tenant = MemoryTenant::new();
    let recorder = Recorder::new(Arc::new(tenant.clone()));
    let client = tenant.client_builder().transport(Arc::new(recorder.clone())).build()?;
    Ok((client, recorder))
}

#[cfg(feature = "reqwest")]
fn over_http(flags: &Flags) -> Result<(Client, Recorder), Failure> {
    use std::env;

    use entra_apps::cloud::Cloud;
    use entra_apps::secrecy::SecretString;
    use entra_apps::transport::ReqwestTransport;
    use entra_apps::url::Url;

    let recorder = Recorder::new(Arc::new(ReqwestTransport::new()?));
    let builder = Client::builder().transport(Arc::new(recorder.clone())).user_agent_suffix("entra-apps-example");
    let client = match &flags.emulator {
        Some(address) => {
            let url = Url::parse(address).map_err(|_| {
                Failure::new(
                    "invalid_emulator",
                    format!("{address} is no address"),
                    "Give the emulator's baseUrl, such as http://127.0.0.1:8400.",
                )
            })?;
            let cloud = Cloud::custom("emulator", &url, &url)?;
            // The emulator's tenant starts as the one in memory does, and so has its ids.
            let tenant = MemoryTenant::new();
            let caller = tenant.caller();
            let id = env::var("ENTRA_TENANT_ID").unwrap_or_else(|_| tenant.id().to_string());
            let client_id = match env::var("ENTRA_CLIENT_ID") {
                Ok(text) => text.parse()?,
                Err(_) => caller.client_id,
            };
            let secret = env::var("ENTRA_CLIENT_SECRET").map_or(caller.client_secret, SecretString::from);
            builder.cloud(cloud).tenant(id).client_secret(client_id, secret).build()?
        }
        None => {
            let client_id = variable("ENTRA_CLIENT_ID")?.parse()?;
            let secret = SecretString::from(variable("ENTRA_CLIENT_SECRET")?);
            builder.tenant(variable("ENTRA_TENANT_ID")?).client_secret(client_id, secret).build()?
        }
    };
    Ok((client, recorder))
}

#[cfg(not(feature = "reqwest"))]
fn over_http(_: &Flags) -> Result<(Client, Recorder), Failure> {
    Err(Failure::new(
        "no_reqwest",
        "this example was built without the feature reqwest",
        "Build it with default features.",
    ))
}

#[cfg(feature = "reqwest")]
fn variable(name: &str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| {
        Failure::new(
            "missing_variable",
            format!("the environment variable {name} is not set"),
            "Set ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET to those of an app that may register apps.",
        )
    })
}
