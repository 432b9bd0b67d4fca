//! Signing in with what the Azure CLI is signed in with.

use std::ffi::OsString;
use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::process::Command;

use crate::auth::claims::TokenClaims;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, foreign};
use crate::retry::timeout;
use crate::token::{AccessToken, TokenProvider, TokenRequest};

const OPERATION: &str = "az account get-access-token";

/// The CLI is slow to start, and may renew its own token.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What a developer's machine calls it.
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// Signs in as whoever is signed in to the [Azure CLI](https://learn.microsoft.com/cli/azure/), by `az account
/// get-access-token`. For a developer's machine: it starts a process for each token.
pub struct AzureCliProvider {
    program: OsString,
    clock: Arc<dyn Clock>,
    time_limit: Duration,
}

impl AzureCliProvider {
    /// The `az` that the path finds.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { program: PROGRAM.into(), clock, time_limit: TIME_LIMIT }
    }

    /// Another `az`.
    #[must_use]
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// How long it may take. A minute by default.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
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
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let words = request.scopes.iter().chain([&request.tenant]);
        if request.scopes.is_empty() || words.into_iter().any(|word| is_no_argument(word)) {
            return Err(Error::invalid("invalid_argument", "the tenant or a scope is no word of a command line")
                .with_remedy("Give the tenant's id or domain, and scopes such as https://graph.microsoft.com/.default.")
                .during(OPERATION));
        }
        let mut command = Command::new(&self.program);
        command
            .args(["account", "get-access-token", "--output", "json", "--tenant", &request.tenant, "--scope"])
            .args(&request.scopes)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(command.output(), self.clock.sleep(self.time_limit)).await;
        let output = match output {
            Some(Ok(output)) => output,
            Some(Err(error)) => return Err(not_started(error)),
            None => {
                return Err(failed("azure_cli_timeout", "the Azure CLI does not answer")
                    .with_remedy("Run `az account get-access-token` by hand and see what it waits for."));
            }
        };
        if !output.status.success() {
            return Err(refused(&String::from_utf8_lossy(&output.stderr), &request.tenant));
        }
        read(output.stdout).ok_or_else(|| {
            failed("azure_cli_answer", "the Azure CLI's output holds no token with an end")
                .with_remedy("Update the Azure CLI: az upgrade.")
        })
    }
}

/// A word that the CLI, or the shell that Windows starts it with, would take for something else.
fn is_no_argument(word: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | ':' | '@');
    word.is_empty() || word.starts_with(['-', '@']) || !word.chars().all(harmless)
}

fn failed(code: &'static str, message: &str) -> Error {
    Error::new(ErrorKind::SignIn, code, message).during(OPERATION)
}

fn not_started(error: std::io::Error) -> Error {
    let failed = match error.kind() {
        std::io::ErrorKind::NotFound => {
            failed("azure_cli_missing", "the Azure CLI is not installed, or not in the path")
                .with_remedy("Install it (https://aka.ms/azure-cli) and run `az login`, or sign in another way.")
        }
        _ => failed("azure_cli_not_started", "the Azure CLI cannot be started")
            .with_remedy("Run `az account show` by hand and see what is in its way."),
    };
    failed.with_source(error)
}

/// What the CLI says in words.
fn refused(text: &str, tenant: &str) -> Error {
    let said = foreign(text.trim().trim_start_matches("ERROR:").trim().to_owned());
    let signed_out = ["az login", "az account set", "No subscription found"].iter().any(|part| text.contains(part));
    let error = if signed_out {
        failed("azure_cli_signed_out", "the Azure CLI is not signed in to this tenant")
            .with_remedy(format!("Run: az login --tenant {tenant} --allow-no-subscriptions"))
    } else {
        failed("azure_cli_refused", "the Azure CLI gives no token")
            .with_remedy("What it said stands beside this; run `az account get-access-token` by hand.")
    };
    let code = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| is_code(word)).unwrap_or_default();
    error.with_service(code, said, Vec::new())
}

fn is_code(word: &str) -> bool {
    word.strip_prefix("AADSTS").is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}

fn read(stdout: Vec<u8>) -> Option<AccessToken> {
    #[derive(Deserialize)]
    struct CliToken {
        #[serde(rename = "accessToken")]
        access_token: SecretString,
        /// Seconds since 1970; the CLI has it from version 2.54 on.
        #[serde(default)]
        expires_on: Option<i64>,
    }

    let stdout = secrecy::zeroize::Zeroizing::new(stdout);
    let response: CliToken = serde_json::from_slice(&stdout).ok()?;
    let token = response.access_token;
    // `expiresOn` is local time without a zone, and says nothing certain.
    let end = response.expires_on.or_else(|| TokenClaims::of_text(token.expose_secret()).exp)?;
    let end = OffsetDateTime::from_unix_timestamp(end).ok()?;
    (!token.expose_secret().is_empty()).then(|| AccessToken::new(token, end))
}
