//! The keys of Azure Arc's agent: files that only those may read who may have a token.
//!
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::auth::file_thread::on_a_thread;
use crate::error::{Error, ErrorCode};
use crate::retry::Response;

/// A key is far shorter.
const MAX_KEY_BYTES: u64 = 4096;

/// The folder of the agent's keys: no other file is read, whatever a challenge names.
#[derive(Clone, Debug)]
pub(super) struct ArcKeys(pub(super) PathBuf);

impl ArcKeys {
    /// The folder in which the agent keeps its keys on this system.
    pub(super) fn of_the_agent() -> Self {
        Self(match std::env::var_os("ProgramData").filter(|_| cfg!(windows)) {
            Some(data) => Path::new(&data).join("AzureConnectedMachineAgent").join("Tokens"),
            None if cfg!(windows) => PathBuf::from(r"C:\ProgramData\AzureConnectedMachineAgent\Tokens"),
            None => PathBuf::from("/var/opt/azcmagent/tokens"),
        })
    }

    /// Reads the key that a response asks for: `WWW-Authenticate: Basic realm=/var/opt/azcmagent/tokens/….key`.
    ///
    /// # Errors
    /// For a challenge of another form, for a file elsewhere, and for one that cannot be read.
    pub(super) async fn read(&self, response: &Response) -> Result<SecretString, Error> {
        let invalid =
            |what: &str| Error::new(ErrorCode::InvalidArcChallenge).with_message(format!("Azure Arc's agent {what}"));
        let challenges = response.headers.get_all(http::header::WWW_AUTHENTICATE);
        let path = challenges.iter().filter_map(|value| value.to_str().ok()).find_map(key_in);
        let path = PathBuf::from(path.ok_or_else(|| invalid("asks for no key: its challenge names no file"))?);
        let is_plain = path.components().all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
        let is_key = path.extension().is_some_and(|extension| extension == "key");
        if !(is_plain && is_key && path.parent().is_some_and(|folder| is_same_folder(folder, &self.0))) {
            return Err(invalid("asks for a file that is none of its keys"));
        }
        let shown = path.display().to_string();
        on_a_thread("key of Azure Arc", move || read(&path)).await.map_err(|error| {
            Error::new(ErrorCode::ArcKeyUnreadable)
                .with_message(format!("the key file {shown} of Azure Arc cannot be read"))
                .with_source(error)
        })
    }
}

/// Whether two paths are of the same folder: Windows has no case there.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    match cfg!(windows) {
        true => one.as_os_str().eq_ignore_ascii_case(other.as_os_str()),
        false => one == other,
    }
}

/// The realm of a Basic challenge, quoted or not.
fn key_in(challenge: &str) -> Option<&str> {
    let challenge = challenge.trim();
    let parameters = challenge
        .get(..6)
        .filter(|scheme| scheme.eq_ignore_ascii_case("basic "))
        .map(|_| challenge[6..].trim_start())?;
    let (_, realm) = parameters.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("realm"))?;
    Some(realm.trim().trim_matches('"')).filter(|realm| !realm.is_empty())
}

fn read(path: &Path) -> io::Result<SecretString> {
    // A link could lead out of the folder.
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file"));
    }
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)?.take(MAX_KEY_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_KEY_BYTES || text.trim().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty, or longer than a key"));
    }
    Ok(SecretString::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_realm_of_a_basic_challenge() {
        for (challenge, path) in [
            ("Basic realm=/var/opt/azcmagent/tokens/a.key", Some("/var/opt/azcmagent/tokens/a.key")),
            ("basic  Realm = \"/x/a b.key\" ", Some("/x/a b.key")),
            (
                r"Basic realm=C:\ProgramData\AzureConnectedMachineAgent\Tokens\a.key",
                Some(r"C:\ProgramData\AzureConnectedMachineAgent\Tokens\a.key"),
            ),
            ("Basic realm=", None),
            ("Bearer realm=/x/a.key", None),
            ("Basic", None),
            ("Basic /x/a.key", None),
            ("Basic nonce=/x/a.key", None),
            ("é", None),
        ] {
            assert_eq!(key_in(challenge), path, "{challenge}");
        }
    }
}
