//! A new file for a secret, which only its owner can read.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use entra_apps::ids::KeyId;
use entra_apps::provision::StepKind;
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::{IssuedSecret, Plan, SecretSink, async_trait};
use serde_json::json;

use super::failure::Failure;
use super::flags::Flags;
use super::folder;

/// The flag that names the file.
const FLAG: &str = "--secret-file PATH";

/// Stores each secret in a new file.
pub(crate) struct SecretFile {
    /// The path that was asked for.
    path: Option<PathBuf>,
    /// Otherwise a file in here, named after the guide and the secret.
    folder: PathBuf,
    name: &'static str,
    contents: Box<dyn Fn(&IssuedSecret) -> String + Send + Sync>,
    stored: Mutex<Vec<(KeyId, PathBuf)>>,
}

impl SecretFile {
    /// The file of `--secret-file`, or one in the current folder. The tenant in memory ends with the program, and its
    /// secret with it: that one goes to the folder for temporary files.
    pub(crate) fn new(flags: &Flags, name: &'static str) -> Self {
        let folder = if flags.access.is_in_memory() { std::env::temp_dir() } else { PathBuf::new() };
        let path = flags.secret_file.as_ref().map(PathBuf::from);
        Self { path, folder, name, contents: Box::new(as_json), stored: Mutex::default() }
    }

    /// A file of another form.
    #[allow(dead_code)] // one guide has a form of its own
    pub(crate) fn form(
        mut self,
        path: &str,
        contents: impl Fn(&IssuedSecret) -> String + Send + Sync + 'static,
    ) -> Self {
        (self.path, self.contents) = (Some(path.into()), Box::new(contents));
        self
    }

    /// Where a secret was stored.
    pub(crate) fn path(&self, secret: &IssuedSecret) -> Option<PathBuf> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.iter().find(|(key_id, _)| *key_id == secret.key_id).map(|(_, path)| path.clone())
    }

    /// Refuses what could not be stored, before anything is written to the tenant.
    pub(crate) fn check(&self, plan: &Plan, run: u32) -> Result<(), Failure> {
        let issues = plan.changes().any(|step| step.id.kind() == StepKind::SECRET);
        let Some(path) = &self.path else {
            return if issues { folder::check(&self.folder.join(self.name), FLAG) } else { Ok(()) };
        };
        let (shown, is_there) = (path.display(), path.symlink_metadata().is_ok());
        if issues && path.file_name().is_none() && !is_there {
            return Err(Failure::new("no_file", format!("{shown:?} names no file"), "Name one: --secret-file PATH."));
        }
        if issues && is_there {
            let remedy = "It is not overwritten: name a new file (--secret-file PATH), or move this one away.";
            return Err(Failure::new("file_exists", format!("{shown} is there already"), remedy));
        }
        if issues {
            folder::check(path, FLAG)?;
        }
        if !issues && !is_there && run == 1 {
            let message = format!("no secret would be issued, so {shown} would not be written");
            let remedy = "A live secret's value cannot be read again: run it with --replace-secret to issue another.";
            return Err(Failure::new("not_written", message, remedy));
        }
        Ok(())
    }
}

#[async_trait]
impl SecretSink for SecretFile {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let text = (self.contents)(secret);
        let id = secret.key_id.to_string();
        let mut number = 1;
        let path = loop {
            let name = format!("{}-secret-{}-{number}.json", self.name, &id[..8]);
            let path = self.path.clone().unwrap_or_else(|| self.folder.join(name));
            match write_new(&path, &text) {
                Ok(()) => break path,
                // Without a path of somebody's, the next number is as good.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && self.path.is_none() => number += 1,
                Err(error) => return Err(format!("{}: {error}", path.display()).into()),
            }
        };
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).push((secret.key_id, path));
        Ok(())
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Creates a file that only its owner can read. One that is there is not touched, nor what a link there leads to.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    // Half a secret is none.
    written.inspect_err(|_| drop(std::fs::remove_file(path)))
}

/// What an app needs to sign in, as one JSON object.
fn as_json(secret: &IssuedSecret) -> String {
    let object = json!({
        "tenantId": secret.tenant_id, "clientId": secret.app_id, "clientSecret": secret.value.expose_secret(),
        "keyId": secret.key_id, "displayName": secret.display_name,
        "endDateTime": secret.end.and_then(|end| end.format(&Rfc3339).ok()),
    });
    format!("{object:#}\n")
}
