//! A file that only its owner can read as a store that can be asked. A product would use a vault.

use std::io::ErrorKind;
use std::path::PathBuf;

use entra_apps::provision::CredentialKind;
use entra_apps::provision::rotation::{SecretStore, StoredCredential};
use entra_apps::secrecy::{ExposeSecret as _, SecretString};
use entra_apps::time::OffsetDateTime;
use entra_apps::time::format_description::well_known::Rfc3339;
use entra_apps::{BoxError, IssuedSecret, SecretSink, async_trait};
use serde_json::{Value, json};

use super::token_file::replace;

/// One credential in one file: the one that was stored last as the object itself, in the form of the other examples' files,
/// and in its member `earlier` those of before that have not ended.
#[derive(Debug)]
pub(crate) struct SecretFileStore {
    path: PathBuf,
    wanted: StoredCredential,
}

impl SecretFileStore {
    pub(crate) fn new(path: impl Into<PathBuf>, wanted: StoredCredential) -> Self {
        Self { path: path.into(), wanted }
    }

    /// The credential that the file is for.
    pub(crate) fn wanted(&self) -> &StoredCredential {
        &self.wanted
    }

    /// What is in the file: the last one first.
    fn read(&self) -> Result<Vec<IssuedSecret>, BoxError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => SecretString::from(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("{}: {error}", self.path.display()).into()),
        };
        // What is wrong in it is not shown: it may be the value.
        let failed = || format!("{} is no file of a secret", self.path.display());
        let last: Value = serde_json::from_str(text.expose_secret()).map_err(|_| failed())?;
        let earlier = last["earlier"].as_array().into_iter().flatten();
        std::iter::once(&last).chain(earlier).map(|it| from_json(it).ok_or_else(|| failed().into())).collect()
    }
}

#[async_trait]
impl SecretSink for SecretFileStore {
    async fn store(&self, secret: &IssuedSecret) -> Result<(), BoxError> {
        let now = OffsetDateTime::now_utc();
        let mut earlier = self.read()?;
        if !self.wanted.is(secret) || earlier.iter().any(|it| !self.wanted.is(it)) {
            return Err(format!("{} is the file of another credential", self.path.display()).into());
        }
        earlier.retain(|it| it.key_id != secret.key_id && it.end.is_none_or(|end| end > now));
        let mut object = to_json(secret);
        object["earlier"] = earlier.iter().map(to_json).collect();
        replace(&self.path, &format!("{object:#}\n"))
            .map_err(|error| format!("{}: {error}", self.path.display()).into())
    }
}

#[async_trait]
impl SecretStore for SecretFileStore {
    async fn load(&self, wanted: &StoredCredential) -> Result<Option<IssuedSecret>, BoxError> {
        Ok(self.read()?.into_iter().find(|it| wanted.is(it)))
    }
}

/// The member that has the value.
fn member(kind: CredentialKind) -> &'static str {
    if kind == CredentialKind::Certificate { "pem" } else { "clientSecret" }
}

fn to_json(secret: &IssuedSecret) -> Value {
    json!({
        "tenantId": secret.tenant_id, "clientId": secret.app_id, member(secret.kind): secret.value.expose_secret(),
        "keyId": secret.key_id, "displayName": secret.display_name,
        "endDateTime": secret.end.and_then(|end| end.format(&Rfc3339).ok()),
    })
}

fn from_json(object: &Value) -> Option<IssuedSecret> {
    let text = |name: &str| object[name].as_str();
    let kind = if text("pem").is_some() { CredentialKind::Certificate } else { CredentialKind::ClientSecret };
    let [tenant, app, key_id] = [text("tenantId")?, text("clientId")?, text("keyId")?];
    let value = SecretString::from(text(member(kind))?);
    let mut secret = IssuedSecret::new(tenant.parse().ok()?, app.parse().ok()?, key_id.parse().ok()?, value).kind(kind);
    secret.display_name = text("displayName").map(str::to_owned);
    secret.end = text("endDateTime").and_then(|end| OffsetDateTime::parse(end, &Rfc3339).ok());
    Some(secret)
}
