//! What a diagnosis found: the value, as text and as JSON.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::ErrorCode;
use crate::ids::TenantId;

/// What a diagnosis found.
///
/// It prints as a text for a ticket, and as JSON ([`to_json`](Self::to_json)). It holds no secret and no token; what
/// was typed in is shown only where it has the form that it should have.
///
/// # JSON
/// `at` (RFC 3339), `cloud`, `tenant`, `tenantId` (null where it was not found), `clientId`, `problems` and `remarks`
/// (each a [`Finding`]), `granted` (names) and `requests` (each a [`RecordedRequest`]).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, secrecy::SecretString};
///
/// let tenant = MemoryTenant::new();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let app_id = "6731de76-14a6-49ae-97bc-6eba6914391e"; // of no app there
/// let typed_in = SecretString::from("typed~in");
/// let diagnosis = tenant.client().diagnose(tenant.domain(), app_id, typed_in, &backup).await;
/// assert!(!diagnosis.is_good());
/// println!("{diagnosis}");
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Diagnosis {
    /// When it was made, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The cloud that was asked.
    pub cloud: String,
    /// The tenant, as it was typed in.
    pub tenant: String,
    /// The tenant's id, where it was found.
    pub tenant_id: Option<TenantId>,
    /// The client id, as it was typed in.
    pub client_id: String,
    /// What is wrong, the gravest first; empty when all is well.
    pub problems: Vec<Finding>,
    /// What is worth knowing besides.
    pub remarks: Vec<Finding>,
    /// The application permissions that the app holds there, by name.
    pub granted: Vec<String>,
    /// The requests that were sent, in order.
    pub requests: Vec<RecordedRequest>,
}

/// Something that was found.
///
/// # JSON
/// `code` (its text), `text` and `remedy`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, ErrorCode, secrecy::SecretString};
///
/// let tenant = MemoryTenant::new();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let typed_in = SecretString::from("typed~in");
/// let diagnosis = tenant.client().diagnose(tenant.domain(), "Contoso Backup", typed_in, &backup).await;
/// let finding = &diagnosis.problems[0];
/// assert_eq!(finding.code, ErrorCode::MalformedClientId);
/// println!("{} {}", finding.text, finding.remedy);
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// A stable code, such as [`SecretExpired`](crate::ErrorCode::SecretExpired) or [`ConsentMissing`](crate::ErrorCode::ConsentMissing).
    pub code: ErrorCode,
    /// What is the case.
    pub text: String,
    /// What to do.
    pub remedy: String,
}

/// One request to the sign-in service, as Microsoft's support asks for it.
///
/// # JSON
/// `request`, `at` (RFC 3339), `durationMs` (milliseconds), `status` (a number), `serviceCode`, `requestId` and
/// `correlationId`; null is what is not known.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, secrecy::SecretString};
///
/// let tenant = MemoryTenant::new();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let app_id = "6731de76-14a6-49ae-97bc-6eba6914391e"; // of no app there
/// let typed_in = SecretString::from("typed~in");
/// let diagnosis = tenant.client().diagnose(tenant.domain(), app_id, typed_in, &backup).await;
/// let refused = diagnosis.requests.last().expect("the sign-in");
/// assert_eq!(refused.service_code.as_deref(), Some("AADSTS700016"));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method and the host, such as `POST login.microsoftonline.com`.
    pub request: String,
    /// When it was sent, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The service's code, such as `AADSTS7000215`.
    pub service_code: Option<String>,
    /// The service's id of the request: the trace id.
    pub request_id: Option<String>,
    /// The id that this crate gave it: the correlation id.
    pub correlation_id: Option<String>,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Writes it as JSON, to be attached to a ticket.
    ///
    /// # Panics
    /// Never: every part of it can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it holds nothing that JSON cannot")
    }

    pub(super) fn problem(&mut self, code: ErrorCode, text: impl Into<String>, remedy: &str) {
        let new = Finding::new(code, text, remedy);
        // A mistake can be found twice, by its form and by the service's response; of an API, it is another for each.
        let is_same = |known: &Finding| {
            known.code == new.code && (code != ErrorCode::ResourceNotInTenant || known.text == new.text)
        };
        if !self.problems.iter().any(is_same) {
            self.problems.push(new);
        }
    }

    pub(super) fn remark(&mut self, code: ErrorCode, text: impl Into<String>, remedy: &str) {
        self.remarks.push(Finding::new(code, text, remedy));
    }
}

impl Finding {
    fn new(code: ErrorCode, text: impl Into<String>, remedy: &str) -> Self {
        Self { code, text: text.into(), remedy: remedy.to_owned() }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Sign-in of the app {} in the tenant {}", self.client_id, self.tenant)?;
        if let Some(id) = self.tenant_id {
            writeln!(f, "Tenant id {id}, cloud {}", self.cloud)?;
        }
        writeln!(f)?;
        for finding in &self.problems {
            writeln!(f, "✗ {} ({})\n    {}", finding.text, finding.code, finding.remedy)?;
        }
        if self.is_good() {
            writeln!(f, "✓ The app signs in, and holds what it needs.")?;
        }
        for finding in &self.remarks {
            writeln!(f, "· {} ({})\n    {}", finding.text, finding.code, finding.remedy)?;
        }
        if !self.granted.is_empty() {
            writeln!(f, "\nGranted: {}", self.granted.join(", "))?;
        }
        writeln!(f, "\nFor Microsoft's support")?;
        for it in &self.requests {
            let status = it.status.map_or_else(|| "no response".to_owned(), |status| format!("status {status}"));
            write!(f, "  {} {}: {status} after {} ms", format_time(it.at), it.request, it.duration_ms)?;
            for (name, value) in
                [("", &it.service_code), ("request id ", &it.request_id), ("correlation id ", &it.correlation_id)]
            {
                if let Some(value) = value {
                    write!(f, ", {name}{value}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn format_time(at: OffsetDateTime) -> String {
    let to_the_second = at.replace_nanosecond(0).unwrap_or(at);
    to_the_second.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_diagnosis_in_json_is_of_the_documented_form() {
        let at = datetime!(2026-02-01 10:00 UTC);
        let mut diagnosis = Diagnosis {
            at,
            cloud: "global".to_owned(),
            tenant: "contoso.onmicrosoft.com".to_owned(),
            tenant_id: Some(TenantId::from_u128(1)),
            client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".to_owned(),
            problems: Vec::new(),
            remarks: Vec::new(),
            granted: vec!["User.Read.All".to_owned()],
            requests: vec![RecordedRequest {
                request: "POST login.microsoftonline.com".to_owned(),
                at,
                duration_ms: 120,
                status: Some(401),
                service_code: Some("AADSTS7000215".to_owned()),
                request_id: Some("r".to_owned()),
                correlation_id: None,
            }],
        };
        diagnosis.problem(ErrorCode::WrongSecret, "The secret is wrong.", "Copy it.");
        diagnosis.problem(ErrorCode::WrongSecret, "The secret is wrong again.", "Copy it.");
        diagnosis.remark(ErrorCode::BlanksAroundSecret, "Blanks.", "Leave them out.");
        for api in ["Things.", "Others.", "Things."] {
            diagnosis.problem(ErrorCode::ResourceNotInTenant, api, "License it.");
        }
        assert_eq!(diagnosis.problems.drain(1..).map(|found| found.text).collect::<Vec<_>>(), ["Things.", "Others."]);
        let json: serde_json::Value = serde_json::from_str(&diagnosis.to_json()).unwrap();
        assert_eq!(
            json,
            json!({
                "at": "2026-02-01T10:00:00Z",
                "cloud": "global",
                "tenant": "contoso.onmicrosoft.com",
                "tenantId": "00000000-0000-0000-0000-000000000001",
                "clientId": "6731de76-14a6-49ae-97bc-6eba6914391e",
                "problems": [{"code": "wrong_secret", "text": "The secret is wrong.", "remedy": "Copy it."}],
                "remarks": [{"code": "blanks_around_secret", "text": "Blanks.", "remedy": "Leave them out."}],
                "granted": ["User.Read.All"],
                "requests": [{
                    "request": "POST login.microsoftonline.com", "at": "2026-02-01T10:00:00Z", "durationMs": 120,
                    "status": 401, "serviceCode": "AADSTS7000215", "requestId": "r", "correlationId": null,
                }],
            })
        );
    }
}
