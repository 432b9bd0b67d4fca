//! A certificate as a further credential of the tenant's caller.

use serde_json::json;

use crate::MemoryTenant;

impl MemoryTenant {
    /// Adds the first certificate of a PEM file to the credentials of the tenant's [`caller`](Self::caller).
    ///
    /// # Errors
    /// A sentence that says what is wrong: there is no certificate in the text, or the tenant refuses it.
    pub fn trust_certificate(&self, pem: &str) -> Result<(), String> {
        let body = pem.split_once("-----BEGIN CERTIFICATE-----").and_then(|(_, rest)| rest.split_once("-----END"));
        let Some((body, _)) = body else { return Err("it holds no BEGIN CERTIFICATE".to_owned()) };
        let key: String = body.split_whitespace().collect();
        let change = json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]});
        let path = format!("/applications(appId='{}')", self.caller().client_id);
        let (status, response) = self.send_json("PATCH", &path, Some(&change.to_string()));
        if status.is_success() {
            return Ok(());
        }
        let response: serde_json::Value = serde_json::from_str(&response).unwrap_or_default();
        Err(format!(
            "the tenant does not take the certificate: {}",
            response["error"]["message"].as_str().unwrap_or("")
        ))
    }
}
