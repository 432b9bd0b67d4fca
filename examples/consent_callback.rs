//! Consent by link: a page with the admin consent link, the callback that Entra sends the browser to, and the proof that
//! the grants are there, shown in the browser.
//!
//! `cargo run --example consent_callback -- --live --port 8400 --tenant contoso.example --permission Directory.Read.All`,
//! with the vendor's app in `ENTRA_TENANT_ID`, `ENTRA_CLIENT_ID` and `ENTRA_CLIENT_SECRET`; `http://localhost/callback`
//! is one of its redirect URIs. Without flags the example plays the administrator itself, between two in-memory tenants.

#[path = "consent_callback/administrator.rs"]
mod administrator;
#[path = "consent_callback/pages.rs"]
mod pages;
#[path = "consent_callback/server.rs"]
mod server;
#[allow(dead_code)] // the vendors' examples use more of it
mod support;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use administrator::Administrator;
use entra_apps::consent::{AdminConsentCallback, ConsentApp, ConsentCheck, PendingConsent, ReportedConsent};
use entra_apps::ids::{Tenant, TenantId};
use entra_apps::permission::Permission;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::provision::EntraRole;
use entra_apps::transport::Transport;
use entra_apps::url::Url;

use entra_apps::{AppRegistration, Client, ClientSecret, Error, RedirectUri, SignInAudience};
use entra_emulator::{MemoryCloud, MemoryTenant};
use lexopt::prelude::*;
use serde_json::json;
use server::Server;
use support::Failure;
use support::access::Access;
use support::connect::{Connection, environment};
use tokio::net::TcpListener;

/// As it is registered: of a loopback address, Entra passes over the port.
const REGISTERED: &str = "http://localhost/callback";

const HELP: &str = "usage: consent_callback [flags]

Shows a page with an admin consent link, receives the callback, and shows what was really granted. Without flags it
plays the administrator itself, between two in-memory tenants. Exit code 0 when everything wanted is granted.

  --live                 a real app, multi-tenant, from ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET;
                         http://localhost/callback is one of its redirect URIs
  --emulator URL         against the emulator example; an app is registered there, unless the environment names one
  --follow               with --emulator: play the administrator as well, instead of waiting for a browser
  --tenant TENANT        whose administrator is asked: id or domain; organizations by default
  --permission NAME      an application permission of Microsoft Graph to look for; repeatable
  --port PORT            where to listen on this machine; any free port by default
  --json                 one JSON object on standard output, nothing else
";

struct Flags {
    access: Access,
    follow: bool,
    tenant: Tenant,
    permissions: Vec<Permission>,
    port: u16,
    json: bool,
}

fn flags() -> Result<Option<Flags>, Box<dyn std::error::Error>> {
    let mut flags = Flags {
        access: Access::default(),
        follow: false,
        tenant: Tenant::ORGANIZATIONS,
        permissions: Vec::new(),
        port: 0,
        json: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("live") => flags.access.live = true,
            Long("emulator") => flags.access.emulator = Some(parser.value()?.string()?),
            Long("follow") => flags.follow = true,
            Long("tenant") => flags.tenant = parser.value()?.string()?.parse()?,
            Long("permission") => flags.permissions.push(Permission::application(&parser.value()?.string()?)?),
            Long("port") => flags.port = parser.value()?.parse()?,
            Long("json") => flags.json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    flags.access.check()?;
    if flags.follow && flags.access.emulator.is_none() {
        return Err("--follow is for the emulator: elsewhere an administrator consents in a browser".into());
    }
    Ok(Some(flags))
}

/// The vendor's side: the app, and a client that signs in as the app.
struct Vendor {
    app: ConsentApp,
    client: Client,
    wanted: Vec<Permission>,
    /// Whose administrator is asked.
    tenant: Tenant,
    transport: Arc<dyn Transport>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (flags, failure) = match flags() {
        Ok(None) => {
            print(HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Some(flags)) => match Box::pin(run(&flags)).await {
            Ok(true) => return ExitCode::SUCCESS,
            Ok(false) => return ExitCode::FAILURE,
            Err(failure) => (flags.json, failure),
        },
        Err(error) => {
            let json = std::env::args().any(|argument| argument == "--json");
            (json, Failure::new("bad_flag", error.to_string(), "--help lists the flags."))
        }
    };
    if flags {
        print(&format!("{}\n", json!({"consent": null, "error": failure.to_json()})));
    } else {
        failure.show();
    }
    ExitCode::from(2)
}

async fn run(flags: &Flags) -> Result<bool, Failure> {
    let vendor = match &flags.access {
        access if access.is_in_memory() => in_memory().await?,
        access if access.emulator.is_some() && environment("ENTRA_CLIENT_ID").is_none() => emulated(flags).await?,
        _ => given(flags)?,
    };
    let listener = TcpListener::bind(("127.0.0.1", flags.port)).await.map_err(|error| {
        let message = format!("this machine does not let it listen on port {}: {error}", flags.port);
        Failure::new("port", message, "Choose another --port, or none for one that is free.")
    })?;
    let port = listener.local_addr().map_or(flags.port, |address| address.port());
    let address = Url::parse(&format!("http://localhost:{port}/")).map_err(|_| Failure::new("port", "no port", ""))?;
    let server = Server::start(listener);
    let result = if flags.access.is_in_memory() || flags.follow {
        let administrator = Administrator { transport: Arc::clone(&vendor.transport), address: address.clone() };
        let tell = |text: &str| tell(flags, &format!("{text}\n"));
        let played = async {
            let played = administrator.consent(&tell).await;
            played.map_err(|error| Failure::new("administrator", error.to_string(), "Run it again with a browser."))
        };
        tokio::try_join!(serve(server, &address, &vendor), played)?.0
    } else {
        tell(flags, &format!("Open {address} in the browser of an administrator. Ctrl-C ends it.\n"));
        serve(server, &address, &vendor).await?
    };
    if flags.json {
        let error = result
            .as_ref()
            .err()
            .map(|error| json!({"code": error.code().as_str(), "message": error.message(), "remedy": error.remedy()}));
        print(&format!("{}\n", json!({"consent": result.as_ref().ok(), "error": error})));
    } else {
        tell(flags, &format!("{}\n", sentence(&result)));
    }
    Ok(result.is_ok_and(|check| check.is_complete()))
}

/// Writes to standard output. Whoever reads may have gone away.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn tell(flags: &Flags, text: &str) {
    if !flags.json {
        print(text);
    }
}

/// Serves pages until an answer to a link that was given out is there.
async fn serve(mut server: Server, address: &Url, vendor: &Vendor) -> Result<Result<ConsentCheck, Error>, Failure> {
    let back = format!("{address}callback");
    // A product keeps one for each session of a browser; this example has one session.
    let mut pending: Option<PendingConsent> = None;
    while let Some(asked) = server.next().await {
        if asked.target == "/" {
            let link = vendor.client.admin_consent_link(&vendor.app, vendor.tenant.clone(), &back)?;
            let page = pages::ask(link.url(), &vendor.wanted);
            pending = Some(link.into_pending());
            asked.answer(&page).await;
            continue;
        }
        let callback = AdminConsentCallback::parse(&asked.target);
        let (true, Ok(callback)) = (asked.target.starts_with("/callback?"), callback) else {
            asked.answer(&pages::not_found()).await;
            continue;
        };
        let Some(awaited) = pending.clone() else {
            asked.answer(&pages::nothing_asked()).await;
            continue;
        };
        let result = match awaited.accept(&callback) {
            // Somebody else's link, or an earlier one: the one that is awaited stays awaited.
            Err(error) if error.code().as_str() == "consent_state_mismatch" => {
                asked.answer(&pages::refused(&error)).await;
                continue;
            }
            Ok(reported) => look(vendor, &reported).await,
            Err(error) => Err(error),
        };
        asked.answer(&pages::told(&result)).await;
        return Ok(result);
    }
    Err(Failure::new("server", "the web server has ended", "Run it again."))
}

/// Whether the grants are there: in a token of the app, and where it may read that, in the directory.
async fn look(vendor: &Vendor, reported: &ReportedConsent) -> Result<ConsentCheck, Error> {
    let check = vendor.client.check_consent_by_token(reported, &vendor.wanted).wait(PATIENCE).await?;
    if check.unseen.is_empty() || !check.is_complete() {
        return Ok(check);
    }
    Ok(vendor.client.check_consent(reported, &vendor.wanted).wait(PATIENCE).await.unwrap_or(check))
}

fn sentence(result: &Result<ConsentCheck, Error>) -> String {
    let names = |all: &[Permission]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match result {
        Ok(check) if check.is_complete() => {
            let unseen = match check.unseen.is_empty() {
                true => String::new(),
                false => format!(" Not visible to the app: {}.", names(&check.unseen)),
            };
            format!(
                "Consent is granted: the app has {} in the tenant {}.{unseen}",
                names(&check.granted),
                check.tenant_id
            )
        }
        Ok(check) => format!("The tenant {} has not granted {}.", check.tenant_id, names(&check.missing)),
        Err(error) => error.to_string(),
    }
}

/// What the vendor of this example sells.
fn registration() -> AppRegistration {
    AppRegistration::new("contoso-backup", "Contoso Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(REGISTERED).expect("an address that Entra takes"))
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Backup"))
        // That is what the link is for.
        .without_admin_consent()
}

/// Registers the vendor's app by `client`, in the tenant that it is for.
async fn register(
    client: &Client,
    home: TenantId,
    tenant: Tenant,
    transport: Arc<dyn Transport>,
) -> Result<Vendor, Failure> {
    let registration = registration();
    let plan = client.plan(&registration).replace_secret("Backup").await?;
    let registered = client.apply(&plan).await.map_err(|error| error.into_parts().0)?;
    let (Some(app), Some(secret)) = (&registered.application, registered.secrets.first()) else {
        return Err(Failure::new("not_registered", "the app was not registered", "Run it again."));
    };
    let own = Client::builder().cloud(client.cloud().clone()).tenant(home).transport(Arc::clone(&transport));
    Ok(Vendor {
        app: registration.consent_app(app.app_id, home),
        client: own.client_secret(app.app_id, secret.value.clone()).deadline(PATIENCE).build()?,
        wanted: registration.wanted_permissions().cloned().collect(),
        tenant,
        transport,
    })
}

/// How long a consent may take to be seen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A vendor with a multi-tenant app, and a customer: two tenants that know of one another.
async fn in_memory() -> Result<Vendor, Failure> {
    let cloud = MemoryCloud::new([
        MemoryTenant::builder().domain("vendor.onmicrosoft.com"),
        MemoryTenant::builder().domain("customer.onmicrosoft.com"),
    ]);
    let [home, customer] = cloud.tenants() else {
        return Err(Failure::new("no_tenants", "there are two tenants", ""));
    };
    customer.add_user("Ada Lovelace", &[EntraRole::GlobalAdministrator.template_id()]);
    register(&home.client(), home.id(), customer.id().into(), Arc::new(cloud.clone())).await
}

/// The same in the emulator: its first tenant is the vendor's, and whoever signs in is the customer.
async fn emulated(flags: &Flags) -> Result<Vendor, Failure> {
    let signed_in = Connection::new(&flags.access, &environment).await?.sign_in().await?;
    let home = signed_in.tenant.id.parse()?;
    register(&signed_in.client, home, flags.tenant.clone(), Arc::new(signed_in.recorder)).await
}

/// The app that the environment names.
#[cfg(feature = "reqwest")]
fn given(flags: &Flags) -> Result<Vendor, Failure> {
    use entra_apps::cloud::Cloud;
    use entra_apps::ids::AppId;
    use entra_apps::permission::MICROSOFT_GRAPH;
    use entra_apps::secrecy::SecretString;
    use entra_apps::transport::ReqwestTransport;

    let variable = |name: &str| {
        environment(name).ok_or_else(|| {
            let remedy = "Set ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET to those of a multi-tenant app \
                          with the redirect URI http://localhost/callback.";
            Failure::new("missing_setting", format!("the environment variable {name} is not set"), remedy)
        })
    };
    let cloud = match &flags.access.emulator {
        Some(address) => {
            let url = Url::parse(address).map_err(|_| {
                let remedy = "Give the emulator's baseUrl, such as http://127.0.0.1:8400.";
                Failure::new("invalid_emulator", format!("{address} is no address"), remedy)
            })?;
            Cloud::custom("emulator", &url, &url)?
        }
        None => Cloud::global(),
    };
    let home: TenantId = variable("ENTRA_TENANT_ID")?.parse()?;
    let app_id: AppId = variable("ENTRA_CLIENT_ID")?.parse()?;
    let secret = SecretString::from(variable("ENTRA_CLIENT_SECRET")?);
    let app = ConsentApp::new(app_id, home)
        .audience(&SignInAudience::MultipleOrganizations)
        .redirect_uri(REGISTERED)
        .declares(MICROSOFT_GRAPH);
    let transport: Arc<dyn Transport> = Arc::new(ReqwestTransport::new()?);
    let client = Client::builder().cloud(cloud).tenant(home).transport(Arc::clone(&transport));
    let client = client.client_secret(app_id, secret).deadline(PATIENCE).build()?;
    Ok(Vendor { app, client, wanted: flags.permissions.clone(), tenant: flags.tenant.clone(), transport })
}

#[cfg(not(feature = "reqwest"))]
fn given(_: &Flags) -> Result<Vendor, Failure> {
    let message = "this example was built without the feature reqwest";
    Err(Failure::new("no_reqwest", message, "Build it with default features."))
}
