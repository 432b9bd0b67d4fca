//! Consent by link: a page with the admin consent link, the callback that Entra sends the browser to, and the proof that
//! the grants are there, shown in the browser.
//!
//! `cargo run --example consent_callback -- --live --port 8400 --tenant contoso.example --permission Directory.Read.All`,
//! with the vendor's app in `ENTRA_TENANT_ID`, `ENTRA_CLIENT_ID` and `ENTRA_CLIENT_SECRET`; `http://localhost/callback`
//! is one of its redirect URIs. Without flags the example plays the administrator itself, between two in-memory tenants.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::consent::{AdminConsentCallback, ConsentApp, ConsentCheck, ConsentTenant, PendingConsent};
use entra_apps::memory::{MemoryCloud, MemoryTenant};
use entra_apps::model::{NewAppRoleAssignment, NewOAuth2PermissionGrant, NewServicePrincipal};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use entra_apps::{AppRegistration, Client, ClientSecret, Platform, SignInAudience};
use lexopt::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error>;

/// As it is registered: of a loopback address, Entra passes over the port.
const REGISTERED: &str = "http://localhost/callback";

const HELP: &str = "usage: consent_callback [flags]

Shows a page with an admin consent link, receives the callback, and shows what was really granted. Without flags it
plays the administrator itself, between two in-memory tenants. Exit code 0 when everything wanted is granted.

  --live                 a real app, multi-tenant, from ENTRA_TENANT_ID, ENTRA_CLIENT_ID and ENTRA_CLIENT_SECRET;
                         http://localhost/callback is one of its redirect URIs
  --emulator URL         the same, against the emulator example
  --tenant TENANT        whose administrator is asked: id or domain; organizations by default
  --permission NAME      an application permission of Microsoft Graph to look for; repeatable
  --port PORT            where to listen on this machine; any free port by default
  --json                 one JSON object on standard output, nothing else
";

struct Flags {
    live: bool,
    emulator: Option<String>,
    tenant: ConsentTenant,
    permissions: Vec<Permission>,
    port: u16,
    json: bool,
}

fn flags() -> Result<Option<Flags>, Failure> {
    let mut flags = Flags {
        live: false,
        emulator: None,
        tenant: ConsentTenant::Organizations,
        permissions: Vec::new(),
        port: 0,
        json: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("live") => flags.live = true,
            Long("emulator") => flags.emulator = Some(parser.value()?.string()?),
            Long("tenant") => flags.tenant = parser.value()?.string()?.parse()?,
            Long("permission") => flags.permissions.push(Permission::application(&parser.value()?.string()?)?),
            Long("port") => flags.port = parser.value()?.parse()?,
            Long("json") => flags.json = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if flags.live && flags.emulator.is_some() {
        return Err("--live and --emulator exclude each other".into());
    }
    Ok(Some(flags))
}

/// The vendor's side: the app, and a client that signs in as the app.
struct Vendor {
    app: ConsentApp,
    client: Client,
    wanted: Vec<Permission>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<bool, Failure> {
    let Some(flags) = flags()? else {
        print(HELP);
        return Ok(true);
    };
    let listener = TcpListener::bind(("127.0.0.1", flags.port)).await?;
    let address = format!("http://localhost:{}", listener.local_addr()?.port());
    let result = if flags.live || flags.emulator.is_some() {
        let vendor = over_http(&flags)?;
        tell(&flags, &format!("Open {address}/ in the browser of an administrator. Ctrl-C ends it.\n"));
        serve(&listener, &address, &flags.tenant, &vendor).await?
    } else {
        let (vendor, customer) = in_memory().await?;
        let tenant = ConsentTenant::Id(customer.id());
        let person = administrator(&address, &customer, &flags);
        let (served, played) = tokio::join!(serve(&listener, &address, &tenant, &vendor), person);
        played?;
        served?
    };
    if flags.json {
        let (check, error) = match &result {
            Ok(check) => (json!(check), json!(null)),
            Err(error) => {
                (json!(null), json!({"code": error.code(), "message": error.message(), "remedy": error.remedy()}))
            }
        };
        print(&format!("{}\n", json!({ "consent": check, "error": error })));
    } else {
        tell(&flags, &format!("{}\n", sentence(&result)));
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
async fn serve(
    listener: &TcpListener,
    address: &str,
    tenant: &ConsentTenant,
    vendor: &Vendor,
) -> Result<entra_apps::Result<ConsentCheck>, Failure> {
    let back = format!("{address}/callback");
    // A product keeps one for each session of a browser; this example has one session.
    let mut pending: Option<PendingConsent> = None;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let Some(target) = request_target(&mut stream).await else { continue };
        if target == "/" {
            let link = vendor.client.admin_consent_link(&vendor.app, tenant.clone(), &back)?;
            let page = format!("<a href=\"{}\">Grant admin consent</a>", escaped(link.url().as_str()));
            pending = Some(link.into_pending());
            answer(&mut stream, 200, &page).await;
            continue;
        }
        let callback = AdminConsentCallback::parse(&target);
        let (true, Ok(callback)) = (target.starts_with("/callback?"), callback) else {
            answer(&mut stream, 404, "There is nothing here.").await;
            continue;
        };
        let Some(asked) = pending.clone() else {
            answer(&mut stream, 400, "No link was given out. Begin again.").await;
            continue;
        };
        let result = match asked.accept(&callback) {
            // Somebody else's link, or an earlier one: the one that is awaited stays awaited.
            Err(error) if error.code() == "consent_state" => {
                answer(&mut stream, 400, &escaped(&error.to_string())).await;
                continue;
            }
            Ok(reported) => vendor.client.check_consent_by_token(&reported, &vendor.wanted).await,
            Err(error) => Err(error),
        };
        answer(&mut stream, 200, &escaped(&sentence(&result))).await;
        return Ok(result);
    }
}

fn sentence(result: &entra_apps::Result<ConsentCheck>) -> String {
    let names = |all: &[Permission]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match result {
        Ok(check) if check.is_complete() => {
            let unseen = match check.unseen.is_empty() {
                true => String::new(),
                false => format!(" Not visible to the app: {}.", names(&check.unseen)),
            };
            format!("Thank you. The tenant {} has granted {}.{unseen}", check.tenant_id, names(&check.granted))
        }
        Ok(check) => format!("The tenant {} has not granted {}.", check.tenant_id, names(&check.missing)),
        Err(error) => error.to_string(),
    }
}

/// The target of a GET request; the rest of the request does not matter.
async fn request_target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let read = async {
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < 32 * 1024 {
            if stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    };
    // Browsers open connections ahead, and send nothing on them.
    tokio::time::timeout(Duration::from_secs(5), read).await.ok()??;
    let text = String::from_utf8_lossy(&head);
    let mut words = text.lines().next()?.split(' ');
    (words.next()? == "GET").then_some(())?;
    Some(words.next()?.to_owned())
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Consent</title><p>{body}</p>");
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
        page.len()
    );
    // A browser that has gone away gets no answer.
    let _ = stream.write_all(format!("{head}{page}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A vendor with a multi-tenant app, and a customer: two tenants that know of one another.
async fn in_memory() -> Result<(Vendor, MemoryTenant), Failure> {
    let cloud = MemoryCloud::new([
        MemoryTenant::builder().domain("vendor.onmicrosoft.com"),
        MemoryTenant::builder().domain("customer.onmicrosoft.com"),
    ]);
    let [home, customer] = cloud.tenants() else { return Err("there are two tenants".into()) };
    let client = home.client();
    let registration = AppRegistration::new("contoso-backup", "Contoso Backup")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(Platform::Web, REGISTERED)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Backup"));
    let registered = client.apply(&client.plan(&registration).await?).await?;
    let app = registered.application.as_ref().ok_or("the app was not registered")?;
    let own = home.client_builder().transport(Arc::new(cloud.clone()));
    let vendor = Vendor {
        app: registration.consent_app(app.app_id, home.id()),
        client: own.client_secret(app.app_id, registered.secrets[0].value.clone()).build()?,
        wanted: registration.wanted_permissions().cloned().collect(),
    };
    Ok((vendor, customer.clone()))
}

/// Plays the administrator: opens the page, follows the link, accepts, and is sent back.
async fn administrator(address: &str, customer: &MemoryTenant, flags: &Flags) -> Result<(), Failure> {
    let page = get(address, "/").await?;
    let link = page.split('"').find(|part| part.contains("/adminconsent?")).ok_or("the page has no link")?;
    let link = entra_apps::url::Url::parse(&link.replace("&amp;", "&"))?;
    tell(flags, &format!("The administrator opens {link}\n"));
    let value = |name: &str| {
        link.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).ok_or("an incomplete link")
    };
    // What Entra does when Accept is pressed: the app's service principal and its grants.
    let client = customer.client();
    let app_id = value("client_id")?.parse()?;
    let principal = client.service_principals().create(&NewServicePrincipal::new(app_id)).await?.id;
    let graph = client.service_principals().find_selecting(MICROSOFT_GRAPH, &["id"]).await?.and_then(|graph| graph.id);
    let (principal, graph) = (principal.ok_or("no id")?, graph.ok_or("no Microsoft Graph")?);
    for permission in [application::DIRECTORY_READ_ALL, delegated::USER_READ] {
        let (id, name) = (permission.id().ok_or("no id")?, permission.name().unwrap_or_default());
        if permission.kind() == PermissionKind::Application {
            client.app_role_assignments().create(&NewAppRoleAssignment::new(principal, graph, id)).await?;
        } else {
            let grant = NewOAuth2PermissionGrant::for_all_principals(principal, graph, [name]);
            client.oauth2_permission_grants().create(&grant).await?;
        }
    }
    let answer = format!("admin_consent=True&tenant={}&state={}", customer.id(), value("state")?);
    let shown = get(address, &format!("/callback?{answer}")).await?;
    let text = shown.rsplit("<p>").next().unwrap_or_default().trim_end_matches("</p>");
    tell(flags, &format!("The browser shows: {text}\n"));
    Ok(())
}

async fn get(address: &str, target: &str) -> Result<String, Failure> {
    let host = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host.replace("localhost", "127.0.0.1")).await?;
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[cfg(feature = "reqwest")]
fn over_http(flags: &Flags) -> Result<Vendor, Failure> {
    use entra_apps::cloud::Cloud;
    use entra_apps::ids::{AppId, TenantId};
    use entra_apps::secrecy::SecretString;
    use entra_apps::url::Url;

    let variable = |name: &str| std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"));
    let cloud = match &flags.emulator {
        Some(address) => {
            let url = Url::parse(address)?;
            Cloud::custom("emulator", &url, &url)?
        }
        None => Cloud::global(),
    };
    let home: TenantId = variable("ENTRA_TENANT_ID")?.parse()?;
    let app_id: AppId = variable("ENTRA_CLIENT_ID")?.parse()?;
    let secret = SecretString::from(variable("ENTRA_CLIENT_SECRET")?);
    let app = ConsentApp::new(app_id, home).multi_tenant(true).redirect_uri(REGISTERED).declares(MICROSOFT_GRAPH);
    let client = Client::builder().cloud(cloud).tenant(home).client_secret(app_id, secret);
    let client = client.default_deadline(Duration::from_secs(120)).build()?;
    Ok(Vendor { app, client, wanted: flags.permissions.clone() })
}

#[cfg(not(feature = "reqwest"))]
fn over_http(_: &Flags) -> Result<Vendor, Failure> {
    Err("this example was built without the feature reqwest: build it with default features".into())
}
