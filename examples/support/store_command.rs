//! A command as the place for secrets, such as the one of a vault.

use std::process::Stdio;

use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::{BoxError, IssuedSecret, SecretSink, async_trait};
use tokio::io::AsyncWriteExt as _;

/// Gets each value on its standard input, and what else is to be known of it in its environment. It cannot be asked what it
/// has.
#[derive(Debug)]
pub(crate) struct StoreCommand {
    line: String,
    environment: Vec<(&'static str, String)>,
}

impl StoreCommand {
    pub(crate) fn new(line: &str, environment: Vec<(&'static str, String)>) -> Self {
        Self { line: line.to_owned(), environment }
    }
}

#[async_trait]
impl SecretSink for StoreCommand {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut child = tokio::process::Command::new(shell)
            .args([flag, &self.line])
            .env_remove("ENTRA_CLIENT_SECRET") // what this program signs in with is none of its business
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("ENTRA_TENANT_ID", secret.tenant_id.to_string())
            .env("ENTRA_CLIENT_ID", secret.app_id.to_string())
            .env("ENTRA_KEY_ID", secret.key_id.to_string())
            .env("ENTRA_ENDS", secret.end.map(|end| end.date().to_string()).unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        // One that does not read it says so by its exit code.
        let written = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(secret.value.expose_secret().as_bytes()).await,
            None => Ok(()),
        };
        let status = child.wait().await?;
        if !status.success() {
            return Err(format!("the store command ended with {status}").into());
        }
        Ok(written?)
    }
}
