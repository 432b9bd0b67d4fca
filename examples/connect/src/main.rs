//! A web service that customers connect their Microsoft 365 to, one tenant after the other: a page with a consent link, the
//! callback that Entra sends the browser to, and the proof that the grants are there.
//!
//! `cargo run -p example-connect -- --live --port 8400 --permission Directory.Read.All`, with the multi-tenant app in
//! `ENTRA_TENANT_ID`, `ENTRA_CLIENT_ID` and `ENTRA_CLIENT_SECRET`; `http://localhost/callback` is one of its redirect URIs.
//! Without flags, two administrators connect their tenants of an in-memory cloud: that part is `demo.rs`.

mod demo;

use std::collections::HashMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::{Router, routing::get};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use clap::Parser;
use entra_apps::consent::{AdminConsentCallback, ConsentApp, ConsentCheck, PendingConsent, ReportedConsent};
use entra_apps::ids::{AppId, Tenant, TenantId};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission};
use entra_apps::secrecy::SecretString;
use entra_apps::url::Url;
use entra_apps::{Client, Error, ErrorCode, SignInAudience};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// As it is registered: of a loopback address, Entra passes over the port.
const REDIRECT_URI: &str = "http://localhost/callback";

const COOKIE: &str = "consent";

/// How long an administrator may take to consent.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How long a browser waits for a consent to reach all of the directory's replicas.
const WAIT: Duration = Duration::from_secs(20);

/// Connects customers' tenants by admin consent. Exit code 0 when all that is wanted is granted, 1 when not, 2 when it
/// could not start.
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Args {
    /// A real app, multi-tenant, with the redirect URI http://localhost/callback
    #[arg(long, conflicts_with = "emulator", requires_all = ["home", "client_id"])]
    live: bool,
    /// Against the emulator at this address: an app is registered there
    #[arg(long, value_name = "URL")]
    emulator: Option<Url>,
    /// Play the administrator as well, instead of waiting for a browser
    #[arg(long, requires = "emulator")]
    follow: bool,
    /// An application permission of Microsoft Graph to look for; repeatable
    #[arg(long = "permission", value_name = "NAME", value_parser = Permission::application)]
    permissions: Vec<Permission>,
    /// Where to listen on this machine; any free port by default
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// JSON on standard output, nothing else
    #[arg(long)]
    json: bool,
    /// The vendor's own tenant
    #[arg(long = "tenant", env = "ENTRA_TENANT_ID", value_name = "TENANT")]
    home: Option<TenantId>,
    #[arg(long, env = "ENTRA_CLIENT_ID", value_name = "ID")]
    client_id: Option<AppId>,
}

/// The vendor's app, and a client that is signed in as the app.
struct Vendor {
    app: ConsentApp,
    client: Client,
    wanted: Vec<Permission>,
}

struct Service {
    vendor: Vendor,
    callback: String,
    /// By the state, which the browser has in a cookie.
    pending: Mutex<HashMap<String, (Instant, PendingConsent)>>,
    /// Where a product would save the customer.
    connected: mpsc::UnboundedSender<Result<ConsentCheck, Error>>,
}

/// Writes to standard output. Whoever reads may have gone away; the service goes on all the same.
macro_rules! say {
    ($($text:tt)*) => { drop(writeln!(std::io::stdout(), $($text)*)) };
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            if args.json {
                say!("{}", json!({"consents": [], "error": {"message": error.to_string()}}));
            }
            eprintln!("Failed: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    let (vendor, administrators) = match (args.live, &args.emulator) {
        (true, _) => (live(args)?, Vec::new()),
        (_, Some(address)) => demo::emulated(address, args.follow).await?,
        _ => demo::in_memory().await?,
    };
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await.map_err(|error| {
        format!("this machine does not let it listen on port {}: {error}; choose another --port", args.port)
    })?;
    let address = format!("http://localhost:{}", listener.local_addr()?.port());
    let (connected, mut results) = mpsc::unbounded_channel();
    let callback = format!("{address}/callback");
    let service = Arc::new(Service { vendor, callback, pending: Mutex::default(), connected });
    let router = Router::new()
        .route("/", get(home))
        .route("/connect", get(connect))
        .route("/callback", get(callback_page))
        .with_state(service);
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    if administrators.is_empty() {
        eprintln!("Open {address} in the browser of an administrator. Ctrl-C ends it.");
        while let Some(result) = results.recv().await {
            say!("{}", if args.json { outcome(&result).to_string() } else { sentence(&result) });
        }
    }
    let mut all = Vec::new();
    for administrator in administrators {
        administrator
            .connect(&address, |step| {
                if !args.json {
                    say!("{step}");
                }
            })
            .await?;
        let result = results.recv().await.ok_or("the web server has ended")?;
        if !args.json {
            say!("{}\n", sentence(&result));
        }
        all.push(result);
    }
    server.abort();
    if args.json {
        say!("{}", json!({"consents": all.iter().map(outcome).collect::<Vec<_>>(), "error": null}));
    }
    Ok(all.iter().all(|result| result.as_ref().is_ok_and(ConsentCheck::is_complete)))
}

/// The app that the environment names.
fn live(args: &Args) -> Result<Vendor, Box<dyn std::error::Error>> {
    let (Some(home), Some(app_id)) = (args.home, args.client_id) else { return Err("--live needs an app".into()) };
    let secret = std::env::var("ENTRA_CLIENT_SECRET").map_err(|_| "set ENTRA_CLIENT_SECRET to the secret's Value")?;
    Ok(Vendor {
        app: ConsentApp::new(app_id, home)
            .audience(&SignInAudience::MultipleOrganizations)
            .redirect_uri(REDIRECT_URI)
            .declares(MICROSOFT_GRAPH),
        client: Client::builder().tenant(home).client_secret(app_id, SecretString::from(secret)).build()?,
        wanted: args.permissions.clone(),
    })
}

async fn home(State(service): State<Arc<Service>>) -> Response {
    let items = service.vendor.wanted.iter().map(|permission| format!("<li>{}", escaped(&permission.to_string())));
    let wanted = items.collect::<Vec<_>>().concat();
    let form = "<form action=\"/connect\"><p><label>Your organization's domain, if you know it <input name=\"tenant\"></label>\
                <p><button>Grant admin consent at Microsoft</button></form>";
    page(
        StatusCode::OK,
        "Connect your organization",
        &format!("<p>An administrator has to consent to:<ul>{wanted}</ul>{form}"),
    )
}

#[derive(serde::Deserialize)]
struct Asked {
    #[serde(default)]
    tenant: String,
}

/// Sends the browser to Microsoft, and gives it a cookie: only this browser may come back.
async fn connect(State(service): State<Arc<Service>>, jar: CookieJar, Query(asked): Query<Asked>) -> Response {
    let tenant = match asked.tenant.trim() {
        "" => Ok(Tenant::ORGANIZATIONS),
        tenant => tenant.parse(),
    };
    let Vendor { client, app, .. } = &service.vendor;
    match tenant.and_then(|tenant| client.admin_consent_link(app, tenant, &service.callback)) {
        Ok(link) => {
            let url = link.url().to_string();
            let pending = link.into_pending();
            // On https, a product adds `.secure(true)`.
            let cookie = Cookie::build((COOKIE, pending.state().to_owned()));
            let cookie = cookie.path("/callback").http_only(true).same_site(SameSite::Lax);
            let mut all = service.pending.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, (since, _)| since.elapsed() < PATIENCE);
            all.insert(pending.state().to_owned(), (Instant::now(), pending));
            (jar.add(cookie), Redirect::to(&url)).into_response()
        }
        Err(error) => explained(StatusCode::BAD_REQUEST, "That is no organization", &error),
    }
}

/// Where Microsoft sends the browser back to.
async fn callback_page(State(service): State<Arc<Service>>, jar: CookieJar, uri: Uri) -> Response {
    let callback = match AdminConsentCallback::parse(&uri.to_string()) {
        Ok(callback) => callback,
        Err(error) => return explained(StatusCode::BAD_REQUEST, "This answer is not taken", &error),
    };
    let state = jar.get(COOKIE).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
    let accepted = {
        let mut all = service.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, pending)) = all.get(&state).cloned() else {
            let body = "<p>No consent is awaited from this browser.<p><a href=\"/\">Begin</a>";
            return page(StatusCode::BAD_REQUEST, "This answer is not taken", body);
        };
        let accepted = pending.accept(&callback);
        // The answer to another link: the one that is awaited stays awaited.
        if let Err(error) = &accepted
            && error.code() == ErrorCode::ConsentStateMismatch
        {
            return explained(StatusCode::BAD_REQUEST, "This answer is not taken", error);
        }
        all.remove(&state);
        accepted
    };
    let result = match accepted {
        Ok(reported) => check(&service.vendor, &reported).await,
        Err(error) => Err(error),
    };
    let shown = match &result {
        Ok(check) if check.is_complete() => page(
            StatusCode::OK,
            "Consent is granted",
            &format!("<p>{}<p>You can close this page.", escaped(&sentence(&result))),
        ),
        Ok(_) => page(StatusCode::OK, "Consent is incomplete", &format!("<p>{}", escaped(&sentence(&result)))),
        Err(error) if error.code() == ErrorCode::ConsentCancelled => {
            explained(StatusCode::OK, "You pressed Cancel", error)
        }
        Err(error) => explained(StatusCode::OK, "Consent did not work", error),
    };
    // Nobody listens any more when the program ends.
    drop(service.connected.send(result));
    shown
}

/// Whether the grants are there: in a token of the app, and where it may read that, in the directory. Anybody can send a
/// browser to the callback; this is the proof.
async fn check(vendor: &Vendor, reported: &ReportedConsent) -> Result<ConsentCheck, Error> {
    let check = vendor.client.check_consent_by_token(reported, &vendor.wanted).wait(WAIT).await?;
    if check.unseen.is_empty() || !check.is_complete() {
        return Ok(check);
    }
    Ok(vendor.client.check_consent(reported, &vendor.wanted).wait(WAIT).await.unwrap_or(check))
}

fn sentence(result: &Result<ConsentCheck, Error>) -> String {
    let names = |all: &[Permission]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match result {
        Ok(check) if check.is_complete() => {
            format!("The tenant {} has granted {}.", check.tenant_id, names(&check.granted))
        }
        Ok(check) if check.missing.is_empty() => {
            format!("What the tenant {} has granted of {} cannot be read.", check.tenant_id, names(&check.unknown))
        }
        Ok(check) => format!("The tenant {} has not granted {}.", check.tenant_id, names(&check.missing)),
        Err(error) => error.to_string(),
    }
}

fn outcome(result: &Result<ConsentCheck, Error>) -> serde_json::Value {
    match result {
        Ok(check) => json!({"consent": check, "error": null}),
        Err(error) => {
            let error = json!({"code": error.code().as_str(), "message": error.message(), "remedy": error.remedy()});
            json!({"consent": null, "error": error})
        }
    }
}

fn explained(status: StatusCode, title: &str, error: &Error) -> Response {
    let again = "<p><a href=\"/\">Begin again</a>";
    page(status, title, &format!("<p>{}.<p>{}{again}", escaped(error.message()), escaped(error.remedy())))
}

/// A page that runs no script, and that no other page may show in a frame.
fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'self' https: http://127.0.0.1:* http://localhost:*; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n<h1>{title}</h1>\n{body}\n"
    );
    (status, headers, Html(html)).into_response()
}

/// Text inside HTML, between tags or in quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
