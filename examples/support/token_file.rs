//! Keeps a person's refresh token in a file, so that the next run needs no sign-in.

use std::error::Error;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use entra_apps::async_trait;
use entra_apps::auth::RefreshTokenStore;
use entra_apps::secrecy::{ExposeSecret as _, SecretString};

/// A file that only its owner can read. A product would use what the system has for secrets.
#[derive(Debug)]
pub(crate) struct TokenFile(PathBuf);

impl TokenFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl RefreshTokenStore for TokenFile {
    async fn load(&self) -> Result<Option<SecretString>, Box<dyn Error + Send + Sync>> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(SecretString::from(text.trim()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", self.0.display()).into()),
        }
    }

    /// Writes beside the file and moves it there: at no time is there half a token.
    async fn store(&self, token: &SecretString) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        let write = || {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&beside)?.write_all(token.expose_secret().as_bytes())?;
            std::fs::rename(&beside, &self.0)
        };
        write().map_err(|error: std::io::Error| format!("{}: {error}", self.0.display()).into())
    }
}
