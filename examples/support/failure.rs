//! Why an example failed.

use entra_apps::Error;
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
        let flag = match error.code().as_str() {
            "same_display_name" => " (--adopt CLIENT-ID, --create-another)",
            "needs_approval" => " (--approve NAME)",
            "unknown_purpose" => " (--task NAME)",
            "deadline_exceeded" | "not_visible_yet" => " (--deadline SECONDS)",
            _ => "",
        };
        Self::new(error.code().as_str(), message, format!("{remedy}{flag}"))
    }
}
