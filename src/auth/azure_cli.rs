//! The Azure CLI: signs in as whoever has run `az login`.

use std::ffi::OsString;
use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::process::Command;
use tracing::Instrument as _;

use crate::auth::expiry::expiry_of;
use crate::auth::number::{moment, token};
use crate::auth::refusal::{Credential, Refusal};
use crate::auth::sign_in_service::{sign_in_span, tell_failure};
use crate::clock::Clock;
use crate::error::{BoxError, Error, ErrorCode};
use crate::ids::Tenant;
use crate::retry::timeout;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "az account get-access-token";

/// The CLI is slow to start, and may renew its own token first.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// The name of the CLI's program.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// Signs in as whoever is signed in to the [Azure CLI](https://learn.microsoft.com/cli/azure/), by `az account
/// get-access-token`. For a developer's machine: it starts a process for each token.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use entra_apps::auth::AzureCliProvider;
/// use entra_apps::clock::TokioClock;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let provider = AzureCliProvider::new(Arc::new(TokioClock::new())).timeout(Duration::from_secs(30));
/// # let _: Arc<dyn entra_apps::token::TokenProvider> = Arc::new(provider);
/// # });
/// ```
pub struct AzureCliProvider {
    program: OsString,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl AzureCliProvider {
    /// Uses the `az` in the `PATH`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { program: PROGRAM.into(), clock, timeout: DEFAULT_TIMEOUT }
    }

    /// Sets the program to run instead of `az`.
    #[must_use]
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Sets how long the CLI may take. A minute by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl fmt::Debug for AzureCliProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureCliProvider").field("program", &self.program).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for AzureCliProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, BoxError> {
        let span = sign_in_span(request, None, "azure_cli");
        Ok(async { self.run(request).await.inspect_err(tell_failure) }.instrument(span).await?)
    }
}

impl AzureCliProvider {
    async fn run(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let tenant = request.tenant.to_string();
        let mut arguments = request.scopes.iter().chain([&tenant]);
        if request.scopes.is_empty() || !arguments.all(|argument| is_plain_argument(argument)) {
            return Err(Error::new(ErrorCode::InvalidArgument).during(OPERATION));
        }
        let mut command = Command::new(&self.program);
        command
            .args(["account", "get-access-token", "--output", "json", "--tenant", &tenant, "--scope"])
            .args(&request.scopes)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(command.output(), &*self.clock, self.timeout).await;
        let output = match output {
            Some(Ok(output)) => output,
            Some(Err(error)) => return Err(not_started(error)),
            None => {
                return Err(failed(ErrorCode::AzureCliTimeout)
                    .with_remedy("Run `az account get-access-token` by hand and see what it waits for."));
            }
        };
        if !output.status.success() {
            return Err(refused(&String::from_utf8_lossy(&output.stderr), &request.tenant));
        }
        read(output.stdout, self.clock.now())
            .ok_or_else(|| failed(ErrorCode::AzureCliOutputUnreadable).with_remedy("Update the Azure CLI: az upgrade."))
    }
}

/// Whether neither the CLI takes `text` for an option or a file, nor the shell that Windows starts it with for a command.
fn is_plain_argument(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | ':' | '@');
    !text.is_empty() && !text.starts_with(['-', '@']) && text.chars().all(is_plain)
}

fn failed(code: ErrorCode) -> Error {
    Error::new(code).during(OPERATION)
}

fn not_started(error: std::io::Error) -> Error {
    let failed = match error.kind() {
        std::io::ErrorKind::NotFound => failed(ErrorCode::AzureCliMissing)
            .with_remedy("Install it (https://aka.ms/azure-cli) and run `az login`, or sign in another way."),
        _ => failed(ErrorCode::AzureCliNotStarted).with_remedy("Run `az account show` by hand and see why it fails."),
    };
    failed.with_source(error)
}

/// The error for what the CLI wrote to its standard error.
fn refused(text: &str, tenant: &Tenant) -> Error {
    // Warnings may stand before it.
    let said = text.split_once("ERROR:").map_or(text, |(_, said)| said).trim();
    let refusal = Refusal::of_text(said);
    let signed_out = ["az login", "az account set", "No subscription found"].iter().any(|part| text.contains(part));
    let code = match refusal.code(Credential::Unknown) {
        _ if signed_out => ErrorCode::AzureCliSignedOut,
        ErrorCode::SignInRefused => ErrorCode::AzureCliRefused,
        code => code,
    };
    let error = refusal.into_error(code).during(OPERATION);
    match code {
        ErrorCode::AzureCliSignedOut => {
            error.with_remedy(format!("Run: az login --tenant {tenant} --allow-no-subscriptions"))
        }
        _ => error,
    }
}

/// Reads what the CLI wrote to its standard output, each member by itself.
fn read(stdout: Vec<u8>, now: OffsetDateTime) -> Option<AccessToken> {
    let stdout = secrecy::zeroize::Zeroizing::new(stdout);
    let response: Value = serde_json::from_slice(&stdout).ok()?;
    let token = token(&response["accessToken"])?;
    // From version 2.54 of the CLI on. `expiresOn` is a local time without a time zone, and so ambiguous.
    let expires_at = expiry_of(moment(&response["expires_on"]), token, now);
    Some(AccessToken::new(SecretString::from(token), expires_at))
}
