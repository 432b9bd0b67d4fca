//! A transport of your own: one that records a run, without tokens and secrets, and one that plays it back offline.
//!
//! `cargo run --example custom_transport -- --record run.json`, then `-- --replay run.json`; without flags it records a run
//! against the emulator into a temporary file, plays it back, and compares the two.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, Sleep};
use entra_apps::http::{Request, Response, header};
use entra_apps::permission::microsoft_graph::application;
use entra_apps::random::Randomness;
use entra_apps::secrecy::{ExposeSecret as _, SecretString};
use entra_apps::time::OffsetDateTime;
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, Client, ClientSecret, async_trait};
use entra_emulator::MemoryTenant;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// One request with its response. Headers of the request are not kept: one of them is the token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Exchange {
    method: String,
    url: String,
    request: Value,
    status: u16,
    content_type: String,
    response: Value,
}

impl Exchange {
    fn of(request: &Request<Bytes>) -> Self {
        let (method, url) = (request.method().to_string(), request.uri().to_string());
        // What signs in is a secret from end to end.
        let body = if url.contains("/oauth2/") { Value::Null } else { redacted(request.body()) };
        Self { method, url, request: body, status: 0, content_type: String::new(), response: Value::Null }
    }

    fn is_of(&self, request: &Self) -> bool {
        (&self.method, &self.url, &self.request) == (&request.method, &request.url, &request.request)
    }
}

/// A body without what nobody may see.
fn redacted(body: &Bytes) -> Value {
    fn redact(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(redact),
            Value::Object(members) => {
                for (name, value) in members {
                    match name.as_str() {
                        "access_token" | "refresh_token" | "id_token" | "secretText" => *value = "redacted".into(),
                        _ => redact(value),
                    }
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::from_slice(body).unwrap_or_default();
    redact(&mut value);
    value
}

/// Keeps what goes over another transport.
#[derive(Debug)]
struct Recorder {
    inner: Arc<dyn Transport>,
    exchanges: Mutex<Vec<Exchange>>,
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut exchange = Exchange::of(&request);
        // A failure without a response is not kept: what plays it back has no network.
        let response = self.inner.send(request).await?;
        exchange.status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        exchange.content_type = content_type.map(str::to_owned).unwrap_or_default();
        exchange.response = redacted(response.body());
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
        Ok(response)
    }
}

/// Gives each response of a recording once, to the request that it was recorded for.
#[derive(Debug)]
struct Replayer(Mutex<Vec<Exchange>>);

#[async_trait]
impl Transport for Replayer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let asked = Exchange::of(&request);
        let mut exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = exchanges.iter().position(|exchange| exchange.is_of(&asked));
        let unknown = || TransportError::not_sent(format!("the recording has no {} {}", asked.method, asked.url));
        let exchange = exchanges.remove(found.ok_or_else(unknown)?);
        let body = if exchange.response.is_null() { String::new() } else { exchange.response.to_string() };
        let response = Response::builder().status(exchange.status).header(header::CONTENT_TYPE, exchange.content_type);
        response.body(Bytes::from(body)).map_err(TransportError::not_sent)
    }
}

/// A clock that stands: what depends on the time is the same in each run.
#[derive(Debug)]
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

/// Randomness that gives equal bytes in each run. It is for tests: states and verifiers must not be guessed.
#[derive(Debug, Default)]
struct Repeatable(Mutex<u8>);

impl Randomness for Repeatable {
    fn fill(&self, bytes: &mut [u8]) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.fill_with(|| {
            *next = next.wrapping_add(1);
            *next
        });
    }
}

/// The whole job over any transport: what became of it, and the secret that was issued.
async fn job(
    transport: Arc<dyn Transport>,
    tenant: &MemoryTenant,
    secret: SecretString,
) -> Result<(Value, SecretString), Failure> {
    let client = Client::builder()
        .tenant(tenant.id())
        .client_secret(tenant.caller().client_id, secret)
        .transport(transport)
        .clock(Arc::new(StillClock))
        .randomness(Arc::new(Repeatable::default()))
        .build()?;
    let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
        .permission(application::DIRECTORY_READ_ALL)
        .credential(ClientSecret::new("Backup").valid_for_months(12));
    let registered = client.apply(&client.plan(&backup).await?).await?;
    let (Some(app), [issued]) = (&registered.application, &registered.secrets[..]) else {
        return Err("the app was not registered".into());
    };
    let is_done = client.verify(&backup).await?.is_done();
    Ok((json!({"clientId": app.app_id, "done": registered.done, "isDone": is_done}), issued.value.clone()))
}

/// Records a run against the emulator.
async fn record(path: &str) -> Result<Value, Failure> {
    let tenant = tenant();
    let recorder = Arc::new(Recorder { inner: Arc::new(tenant.clone()), exchanges: Mutex::default() });
    let secret = tenant.caller().client_secret;
    let (result, issued) = job(recorder.clone(), &tenant, secret.clone()).await?;
    let exchanges = recorder.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
    let text = serde_json::to_string_pretty(&*exchanges)?;
    if [secret.expose_secret(), issued.expose_secret(), "eyJ"].iter().any(|secret| text.contains(secret)) {
        return Err("a secret or a token is in the recording".into());
    }
    std::fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
    Ok(result)
}

/// Plays a run back: nothing is sent, and no secret is needed.
async fn replay(path: &str) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let exchanges = serde_json::from_str(&text).map_err(|error| format!("{path} is no recording: {error}"))?;
    // The tenant only says its id here.
    let (result, _) = job(Arc::new(Replayer(Mutex::new(exchanges))), &tenant(), SecretString::from("none")).await?;
    Ok(result)
}

fn tenant() -> MemoryTenant {
    MemoryTenant::builder().clock(Arc::new(StillClock)).tick(Duration::ZERO).build()
}

async fn run(arguments: &[&str]) -> Result<Value, Failure> {
    match arguments {
        ["--record", path] => record(path).await,
        ["--replay", path] => replay(path).await,
        [] | ["--json"] => {
            let path = std::env::temp_dir().join(format!("entra-apps-recording-{}.json", std::process::id()));
            let path = path.to_str().ok_or("the folder for temporary files has no name in Unicode")?;
            let (recorded, first, second) = (record(path).await?, replay(path).await, replay(path).await);
            std::fs::remove_file(path)?;
            if (&first?, &second?) != (&recorded, &recorded) {
                return Err("it was played back otherwise than it was recorded".into());
            }
            Ok(recorded)
        }
        _ => Err("usage: custom_transport [--record FILE | --replay FILE | --json]".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await {
        Ok(result) => {
            // Whoever reads may have gone away.
            let _ = writeln!(std::io::stdout(), "{result:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Failed: {error}");
            ExitCode::FAILURE
        }
    }
}
