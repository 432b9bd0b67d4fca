//! Graph's error bodies.
//!
//! The envelope: <https://learn.microsoft.com/graph/errors>.

use serde_json::Value;

use crate::error::ErrorDetail;
use crate::retry::Response;

/// What the envelope says; empty where the body is of another kind.
#[derive(Debug, Default)]
pub(crate) struct ServiceError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Vec<ErrorDetail>,
}

/// Details beyond this many are left out.
const MAX_DETAILS: usize = 20;

impl ServiceError {
    pub(crate) fn of(response: &Response) -> Self {
        let error = &response.json()["error"];
        let text = |object: &Value, member: &str| object[member].as_str().map(str::to_owned);
        let details = error["details"].as_array().map_or(&[][..], Vec::as_slice).iter().take(MAX_DETAILS);
        Self {
            code: text(error, "code").unwrap_or_default(),
            message: text(error, "message").unwrap_or_default(),
            details: details
                .map(|detail| ErrorDetail {
                    code: text(detail, "code").unwrap_or_default(),
                    target: text(detail, "target"),
                    message: text(detail, "message").unwrap_or_default(),
                })
                .collect(),
        }
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code == code || self.details.iter().any(|detail| detail.code == code)
    }
}
