//! Assertions in a file, as the platform of a workload identity puts them there.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::auth::assertion::{AssertionRequest, ClientAssertion};
use crate::auth::file_thread::on_a_thread;
use crate::error::{BoxError, Error, ErrorCode};

/// A file that holds an assertion.
#[derive(Debug)]
pub(super) struct AssertionFile(pub(super) PathBuf);

#[async_trait]
impl ClientAssertion for AssertionFile {
    async fn assertion(&self, _request: &AssertionRequest) -> Result<SecretString, BoxError> {
        let path = self.0.clone();
        let text = on_a_thread("assertion file", move || read(&path)).await;
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
