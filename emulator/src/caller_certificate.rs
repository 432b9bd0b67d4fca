//! A certificate by which the tenant's own app can sign in as well.

use serde_json::json;

use crate::MemoryTenant;

impl MemoryTenant {
    /// Lets the tenant's own app ([`caller`](Self::caller)) sign in by the first certificate of a PEM text as well.
    ///
    /// # Errors
    /// A sentence that says what is wrong: there is no certificate in the text, or the tenant does not take it.
    pub fn trust_certificate(&self, pem: &str) -> Result<(), String> {
        let body = pem.split_once("-----BEGIN CERTIFICATE-----").and_then(|(_, rest)| rest.split_once("-----END"));
        let Some((body, _)) = body else { return Err("it holds no BEGIN CERTIFICATE".to_owned()) };
        let key: String = body.split_whitespace().collect();
        let change = json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]});
        let path = format!("/applications(appId='{}')", self.caller().client_id);
        let (status, answer) = self.send_json("PATCH", &path, Some(&change.to_string()));
        if status.is_success() {
            return Ok(());
        }
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        Err(format!("the tenant does not take the certificate: {}", answer["error"]["message"].as_str().unwrap_or("")))
    }
}
