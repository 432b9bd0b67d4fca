//! Keeps a person's refresh token in a file, so that the next run needs no sign-in.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use entra_apps::async_trait;
use entra_apps::auth::RefreshTokenStore;
use entra_apps::random::{Randomness as _, SystemRandomness};
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

    /// Writes a new file beside it and moves that there: at no time is there half a token, or one in a file that somebody
    /// else has made. A link at the path is replaced, and what it leads to is not touched.
    async fn store(&self, token: &SecretString) -> Result<(), Box<dyn Error + Send + Sync>> {
        replace(&self.0, token.expose_secret()).map_err(|error| format!("{}: {error}", self.0.display()).into())
    }
}

/// Replaces a file by one that only its owner can read.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A name that nobody can foresee; one that is there all the same is not opened.
    let mut random = [0; 16];
    SystemRandomness::default().fill(&mut random);
    let mut beside = path.to_owned().into_os_string();
    beside.push(format!(".{:032x}", u128::from_ne_bytes(random)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    drop(file);
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
