//! Mends “AADSTS50011: The redirect URI … does not match”: from the message to the missing URI added.
//!
//! `cargo run --example redirect_uri_fix -- --live --domain contoso --message "AADSTS50011: …"`, or with the message on
//! standard input. Without flags an app is registered with a slip in its redirect URI on an in-memory tenant, and the message
//! comes from that tenant's own sign-in page.
//!
//! Whoever makes a link to a sign-in chooses the redirect URI in it, so that the message proves nothing. Only the URI that
//! the registration expects is added by itself, and only to the app that is meant.

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
pub(crate) mod support;

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use entra_apps::api::UniqueName;
use entra_apps::auth::RedirectUriMismatch;
use entra_apps::bytes::Bytes;
use entra_apps::http::Request;
use entra_apps::ids::AppId;
use entra_apps::model::{Application, ApplicationPatch, RedirectUrisPatch, WebPatch};
use entra_apps::provision::Platform;
use entra_apps::url::Url;
use entra_apps::{AppRegistration, Client, RedirectUri, SignInAudience};
use serde_json::json;
use support::{Connection, Failure, Flag, Flags, Output, SecretFile, Way};

pub(crate) const FLAGS: &[Flag] = &[
    Flag { name: "message", value: Some("TEXT"), help: "the text of the error page; - or none: standard input" },
    Flag {
        name: "domain",
        value: Some("NAME"),
        help: "NAME.immy.bot, whose URI the app is to have; contoso by default",
    },
    Flag { name: "allow-uri", value: Some("URI"), help: "add this URI, which the guide does not expect" },
    Flag { name: "move", value: None, help: "take the URI from another platform to Web" },
];

/// The guide's unique name of the app.
const UNIQUE_NAME: &str = "immybot-custom";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::main(FLAGS, run).await
}

pub(crate) async fn run(flags: &Flags, output: &mut Output) -> Result<(), Failure> {
    let domain = flags.value("domain").unwrap_or("contoso");
    if domain.is_empty() || !domain.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
        let remedy = "Give the name in front of .immy.bot, for example --domain contoso.";
        return Err(Failure::new("invalid_domain", format!("{domain:?} is no ImmyBot domain"), remedy));
    }
    let expected = RedirectUri::web(format!("https://{domain}.immy.bot/consent-callback"))?;
    output.title("ImmyBot", "the redirect URI of its custom application", &[]);
    let connection = Connection::new(&flags.access).await?;
    let client = connection.builder()?;
    let client = match flags.access.way {
        Way::Secret => client.client_secret(connection.client_id(Way::Secret)?, connection.client_secret()?),
        way => client.token_provider(connection.provider(way)?),
    };
    let client = client.build()?;
    let transport = connection.transport();

    // The message, as a person copies it. In memory, a customer has typed the domain wrong, and somebody signs in.
    let on_page = match flags.access.is_in_memory() {
        true => {
            let app = register_with_a_slip(&client, domain).await?;
            Some(error_page(&*transport, &client, app, &expected).await?)
        }
        false => None,
    };
    let message = match (flags.value("message"), on_page) {
        (Some(text), _) if text != "-" => text.to_owned(),
        (None, Some(text)) => text,
        _ => standard_input()?,
    };
    let mismatch: RedirectUriMismatch = message.parse()?;
    let requested = mismatch.redirect_uri().unwrap_or(expected.as_str());
    let differences = differences(requested, expected.as_str());
    output.remark(&format!("The message is about the app {} and the URI {}", mismatch.app_id(), shown(requested)));
    output.tell(
        "mismatch",
        json!({
            "appId": mismatch.app_id(), "redirectUri": mismatch.redirect_uri(), "expected": expected.as_str(),
            "differences": differences,
        }),
    );

    // The app: the one of the registration, which the message must mean. It names no tenant.
    let client = output.signed_in(connection.sign_in(client).await?);
    let app = find_app(&client, flags).await?;
    let app_id = app.app_id.filter(|app_id| *app_id == mismatch.app_id()).ok_or_else(|| {
        let own = app.app_id.map(|id| id.to_string()).unwrap_or_default();
        let message = format!("the message is about the app {}, and the registration's is {own}", mismatch.app_id());
        Failure::new("another_app", message, "Check the tenant and the app that was signed in to; nothing is changed.")
    })?;
    let uri = decide(requested, &expected, &differences, flags.value("allow-uri"))?;

    // One that stands under another platform moves on request.
    if let Some((platform, patch)) = to_web(&app, uri.as_str()) {
        if !flags.is_set("move") {
            let message = format!("the redirect URI {} stands under {platform}, and is wanted under Web", uri.as_str());
            let remedy = "If no page or program of that kind needs it there, move it: --move.";
            return Err(Failure::new("other_platform", message, remedy));
        }
        output.heading(&format!("Moves {} from {platform} to Web", uri.as_str()));
        if flags.plan {
            return Ok(());
        }
        client.applications().update(app_id, &patch).await?;
    }

    // Everything else of the app stays as it is, and is not named: only the URI is.
    let name = app.display_name.clone().unwrap_or_default();
    let unique_name = app.unique_name.clone().unwrap_or_else(|| UNIQUE_NAME.to_owned());
    let audience = app.sign_in_audience.clone().unwrap_or(SignInAudience::SingleOrganization);
    let registration = AppRegistration::new(unique_name, name)
        .audience(audience)
        .redirect_uri(uri)
        .without_admin_consent()
        .without_enterprise_listing();
    let lock = app.service_principal_lock_configuration.as_ref();
    let registration = match lock.is_some_and(|lock| lock.is_enabled == Some(true) && lock.all_properties == Some(true))
    {
        true => registration.lock_instance_properties(),
        false => registration.unlock_instance_properties(), // as it is
    };
    let file = Arc::new(SecretFile::new(flags, "redirect-uri-fix"));
    for run in flags.runs() {
        let mut plan = client.plan(&registration);
        if app.unique_name.is_none() {
            plan = plan.adopt(app_id).without_unique_name();
        }
        let plan = plan.await?;
        output.plan(run, &plan);
        if flags.plan {
            return Ok(());
        }
        let applied = client.apply(&plan).on_progress(output.progress()).await;
        output.applied(run, applied, &file)?;
    }
    if flags.once {
        return Ok(());
    }
    let mut verify = client.verify(&registration);
    if app.unique_name.is_none() {
        verify = verify.adopt(app_id);
    }
    output.checklist(&verify.await?);
    output.remark("A change of a moment ago may take a minute until the sign-in page knows it.");
    Ok(())
}

/// The app of `--adopt`, or of the guide's unique name.
async fn find_app(client: &Client, flags: &Flags) -> Result<Application, Failure> {
    let select = [
        "id",
        "appId",
        "uniqueName",
        "displayName",
        "signInAudience",
        "web",
        "spa",
        "publicClient",
        "servicePrincipalLockConfiguration",
    ];
    let found = match flags.adopt {
        Some(app_id) => client.applications().find_selecting(app_id, &select).await?,
        None => client.applications().find_selecting(UniqueName::new(UNIQUE_NAME)?, &select).await?,
    };
    found.ok_or_else(|| {
        let remedy =
            "Check the tenant; name an app that was made by hand by its Application (client) ID: --adopt CLIENT-ID.";
        Failure::new("no_app", "the tenant has no such app", remedy)
    })
}

/// The URI to add: the expected one, or exactly the one that a person has typed.
fn decide(
    requested: &str,
    expected: &RedirectUri,
    differences: &[String],
    typed: Option<&str>,
) -> Result<RedirectUri, Failure> {
    if requested == expected.as_str() {
        return Ok(expected.clone());
    }
    match typed {
        Some(typed) if typed == requested => Ok(RedirectUri::web(typed)?),
        Some(_) => {
            let message = format!("--allow-uri is not the URI of the message, which is {}", shown(requested));
            Err(Failure::new("another_uri", message, "Type it letter for letter, if it is the right one."))
        }
        None => {
            let message = format!(
                "the URI of the message is not the one that the guide expects, {}: {} ({})",
                expected.as_str(),
                shown(requested),
                differences.join(", ")
            );
            let remedy = "Add it only if you know whose it is: whoever gets tokens there acts as the app. Then type it, letter \
                          for letter: --allow-uri URI. For another domain of yours: --domain NAME.";
            Err(Failure::new("unexpected_uri", message, remedy))
        }
    }
}

/// In what a URI differs from the expected one, for a person to see.
fn differences(requested: &str, expected: &str) -> Vec<String> {
    if requested == expected {
        return Vec::new();
    }
    let mut all = Vec::new();
    if !requested.is_ascii() {
        all.push("letters that may look like others".to_owned());
    }
    let (Ok(one), Ok(other)) = (Url::parse(requested), Url::parse(expected)) else {
        all.push("it is no address".to_owned());
        return all;
    };
    let mut compare = |what: &str, one: &str, other: &str| {
        if one != other {
            let (one, other) = if one.is_empty() { ("none", other) } else { (one, other) };
            let other = if other.is_empty() { "none" } else { other };
            all.push(format!("{what} {} instead of {other}", shown(one)));
        }
    };
    let port = |url: &Url| url.port().map(|port| port.to_string()).unwrap_or_default();
    compare("scheme", one.scheme(), other.scheme());
    compare("host", one.host_str().unwrap_or_default(), other.host_str().unwrap_or_default());
    compare("port", &port(&one), &port(&other));
    compare("user name", one.username(), other.username());
    compare("path", one.path(), other.path());
    compare("query", one.query().unwrap_or_default(), other.query().unwrap_or_default());
    compare("fragment", one.fragment().unwrap_or_default(), other.fragment().unwrap_or_default());
    if all.is_empty() {
        all.push("another spelling of the same address".to_owned());
    }
    all
}

/// A text with whatever is not plain ASCII written out, so that it looks like nothing else.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|letter| if letter.is_ascii_graphic() { vec![letter] } else { letter.escape_unicode().collect() })
        .collect()
}

/// The platform under which the app has the URI in the place of Web, and the one change that moves it.
fn to_web(app: &Application, uri: &str) -> Option<(&'static str, ApplicationPatch)> {
    let has = |uris: &[String]| uris.iter().any(|it| it == uri);
    let without = |uris: &[String]| {
        let others = uris.iter().filter(|it| *it != uri);
        RedirectUrisPatch::new().redirect_uris(others.cloned().collect::<Vec<String>>())
    };
    let mut web = app.web.as_ref().map(|web| web.redirect_uris.clone()).unwrap_or_default();
    web.push(uri.to_owned());
    let patch = ApplicationPatch::new().web(WebPatch::new().redirect_uris(web));
    if let Some(spa) = app.spa.as_ref().filter(|spa| has(&spa.redirect_uris)) {
        return Some((Platform::Spa.portal_name(), patch.spa(without(&spa.redirect_uris))));
    }
    let client = app.public_client.as_ref().filter(|client| has(&client.redirect_uris))?;
    Some((Platform::PublicClient.portal_name(), patch.public_client(without(&client.redirect_uris))))
}

/// What is on standard input.
fn standard_input() -> Result<String, Failure> {
    let (mut text, max) = (String::new(), 64 * 1024);
    let read = std::io::stdin().lock().take(max).read_to_string(&mut text);
    let remedy = "Give the text of the error page on standard input, or as --message TEXT.";
    read.map_err(|error| Failure::new("no_message", format!("standard input: {error}"), remedy))?;
    Ok(text)
}

/// The app of a customer who has mistyped the domain: in memory only.
async fn register_with_a_slip(client: &Client, domain: &str) -> Result<AppId, Failure> {
    let slip = format!("https://{domain}s.immy.bot/consent-callback");
    let registration = AppRegistration::new(UNIQUE_NAME, "ImmyBot Custom Application")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(slip)?);
    let registered = client.apply(&client.plan(&registration).await?).await?;
    registered.application.map(|app| app.app_id).ok_or_else(|| Failure::new("not_registered", "there is no app", ""))
}

/// The text of the page that a browser shows for a sign-in to the app with a redirect URI.
async fn error_page(
    transport: &dyn entra_apps::transport::Transport,
    client: &Client,
    app: AppId,
    uri: &RedirectUri,
) -> Result<String, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| Failure::new("no_page", format!("no page: {error}"), "");
    let mut url = client.cloud().authority().clone();
    url.set_path(&format!("{}/oauth2/v2.0/authorize", client.tenant_id().await?));
    url.query_pairs_mut().extend_pairs([
        ("client_id", app.to_string().as_str()),
        ("response_type", "code"),
        ("redirect_uri", uri.as_str()),
        ("scope", "openid"),
    ]);
    let request = Request::get(url.as_str()).body(Bytes::new()).map_err(|error| unreachable(&error))?;
    let response = transport.send(request).await.map_err(|error| unreachable(&error))?;
    let page = String::from_utf8_lossy(response.body()).into_owned();
    // What a person copies is the text, without its tags.
    let mut text = String::new();
    let mut in_tag = false;
    for letter in page[page.find("<main").unwrap_or_default()..].chars() {
        match letter {
            '<' => in_tag = true,
            '>' => in_tag = false,
            letter if !in_tag => text.push(letter),
            _ => {}
        }
    }
    Ok(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&").trim().to_owned())
}
