//! Assertions in a file, as the platform of a workload identity puts them there.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
use crate::error::{BoxError, Error, ErrorCode};

/// A file that holds an assertion.
#[derive(Debug)]
pub(super) struct AssertionFile(pub(super) PathBuf);

#[async_trait]
impl ClientAssertion for AssertionFile {
    async fn assertion(&self, _request: &AssertionRequest) -> Result<SecretString, BoxError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let path = self.0.clone();
        // A file system can hang, above all one over a network: it must not hold up the program's runtime, which may be
        // any. A sign-in an hour can afford a thread.
        let reader = std::thread::Builder::new().name("assertion file".to_owned());
        reader.spawn(move || drop(sender.send(read(&path)))).map_err(|error| self.unreadable(error))?;
        let text = receiver.await.map_err(|error| self.unreadable(std::io::Error::other(error)))?;
        Ok(text.map_err(|error| self.unreadable(error))?)
    }
}

impl AssertionFile {
    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::new(ErrorCode::UnreadableAssertionFile)
            .with_message(format!("the assertion file {} cannot be read", self.0.display()))
            .with_source(error)
    }
}

fn read(path: &Path) -> std::io::Result<SecretString> {
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    Ok(SecretString::from(text.trim()))
}
