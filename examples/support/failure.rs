//! Why an example failed.

use entra_apps::{ApplyError, Error, ErrorCode};
use serde_json::{Value, json};

/// Why it failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl Failure {
    pub(crate) fn new(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"code": self.code, "message": self.message, "remedy": self.remedy})
    }

    /// Tells a person, on standard error.
    pub(crate) fn show(&self) {
        eprintln!("\nFailed: {}", self.message);
        if !self.remedy.is_empty() {
            eprintln!("{}", self.remedy);
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut message = error.to_string();
        let remedy = error.remedy();
        if let Some(end) = message.find(&format!(". {remedy}")) {
            message.truncate(end);
        }
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        // Where a flag does it, the flag is named.
        let flag = match error.code() {
            ErrorCode::SameDisplayName => " (--adopt CLIENT-ID, --create-another)",
            ErrorCode::AdoptedAppNotFound | ErrorCode::AdoptionConflict => " (--adopt CLIENT-ID)",
            ErrorCode::NeedsApproval | ErrorCode::UnknownApproval => " (--approve NAME)",
            ErrorCode::SecretNotStored => " (--secret-file PATH)",
            ErrorCode::SecretLost => " (--replace-secret)",
            ErrorCode::UnknownPurpose => " (--task NAME)",
            ErrorCode::UnknownTenant | ErrorCode::TokenWithoutTenant => " (--tenant TENANT, or ENTRA_TENANT_ID)",
            ErrorCode::AppNotInTenant => " (--client-id ID, or ENTRA_CLIENT_ID; --tenant TENANT)",
            ErrorCode::WrongSecret | ErrorCode::SecretIdInsteadOfValue | ErrorCode::SecretExpired => {
                " (ENTRA_CLIENT_SECRET)"
            }
            ErrorCode::DeadlineExceeded | ErrorCode::NotVisibleYet => " (--deadline SECONDS)",
            _ => "",
        };
        Self::new(error.code().as_str(), message, format!("{remedy}{flag}"))
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        error.into_parts().0.into()
    }
}
