//! Certificates of an application or service principal: as a property of the object, and by `addKey` and `removeKey`.
//!
//! <https://learn.microsoft.com/graph/api/resources/keycredential>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::certificate::{CLOCK_SKEW_TOLERANCE, Certificate, SignedToken};
use crate::data::json::{eq_ignore_case, items, text, timestamp};
use crate::data::object_kind::ObjectKind;
use crate::data::object_store::ObjectState;
use crate::data::schema;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::{GraphError, GraphResponse, GraphResult};
use crate::graph::route::ObjectKey;
use crate::graph::validation;

/// The audience of a proof-of-possession token.
const PROOF_AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";
/// The maximum lifetime of a proof-of-possession token.
const MAX_PROOF_LIFETIME: time::Duration = time::Duration::minutes(10);

/// The bytes of new keys, by key id.
pub(crate) type NewKeys = Vec<(String, Vec<u8>)>;

impl Directory {
    /// Validates the `keyCredentials` of a request and replaces them by the stored form; `old` is the object before.
    /// The returned bytes go to [`store_key_bytes`](Self::store_key_bytes) once the object is written.
    pub(crate) fn prepare_key_credentials(
        &self,
        kind: ObjectKind,
        body: &mut Value,
        old: Option<&Value>,
        call: &Call,
    ) -> Result<NewKeys, GraphError> {
        let mut bytes = Vec::new();
        let Some(requested) = body.get("keyCredentials").and_then(Value::as_array).cloned() else { return Ok(bytes) };
        let mut stored_keys = Vec::new();
        for key in &requested {
            let known = old.map_or(&[][..], |old| items(old, "keyCredentials"));
            let known = known.iter().find(|known| {
                !text(key, "keyId").is_empty() && eq_ignore_case(text(known, "keyId"), text(key, "keyId"))
            });
            match (text(key, "key"), known) {
                ("", Some(known)) => {
                    if timestamp::parse(text(known, "endDateTime")).is_some_and(|end| end <= call.wall) {
                        return Err(invalid_end());
                    }
                    stored_keys.push(known.clone());
                }
                ("", None) => return Err(GraphError::invalid("keyCredentials", kind.directory_type())),
                (_, _) => {
                    let (stored, der) = self.new_key_credential(kind, key, call)?;
                    self.check_new_key(kind, old, &stored, call)?;
                    bytes.push((text(&stored, "keyId").to_owned(), der));
                    stored_keys.push(stored);
                }
            }
        }
        let mut ids: Vec<&str> = stored_keys.iter().map(|key| text(key, "keyId")).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < stored_keys.len() {
            return Err(duplicate_key());
        }
        body["keyCredentials"] = stored_keys.into();
        Ok(bytes)
    }

    /// The stored form of a requested key credential, and its bytes.
    fn new_key_credential(
        &self,
        kind: ObjectKind,
        requested: &Value,
        call: &Call,
    ) -> Result<(Value, Vec<u8>), GraphError> {
        let invalid = |name: &str| GraphError::invalid(name, kind.directory_type());
        // Line breaks in the base64 text are accepted.
        let encoded: String = text(requested, "key").split_whitespace().collect();
        let sent = STANDARD.decode(encoded).map_err(|_| invalid("keyCredentials"))?;
        let der = decode_pem(&sent).unwrap_or(sent);
        let certificate = match (text(requested, "type"), text(requested, "usage")) {
            ("AsymmetricX509Cert", "Verify" | "Encrypt") => {
                Some(Certificate::parse(&der).ok_or_else(|| invalid("keyCredentials"))?)
            }
            ("X509CertAndPassword", "Sign") => None,
            ("Symmetric", _) => return Err(GraphError::not_implemented("symmetric keys")),
            _ => return Err(invalid("keyCredentials")),
        };
        let start = validation::credential_date(requested, "startDateTime")?;
        let start = start.or(certificate.as_ref().map(|certificate| certificate.not_before)).unwrap_or(call.wall);
        let end = validation::credential_date(requested, "endDateTime")?;
        let end = end
            .or(certificate.as_ref().map(|certificate| certificate.not_after))
            .unwrap_or(start + time::Duration::days(365));
        let beyond = certificate.as_ref().is_some_and(|certificate| end > certificate.not_after + time::Duration::DAY);
        if end <= start || end <= call.wall || beyond {
            return Err(invalid_end());
        }
        let given_id = Uuid::parse_str(text(requested, "keyId")).ok().map(|id| id.to_string());
        let name = match requested.get("displayName") {
            Some(Value::String(name)) => Value::from(name.chars().take(90).collect::<String>()),
            _ => certificate.as_ref().map(|certificate| certificate.subject.clone()).into(),
        };
        let identifier = certificate.as_ref().map(Certificate::thumbprint);
        let stored = json!({
            "customKeyIdentifier": requested.get("customKeyIdentifier").cloned().filter(Value::is_string).unwrap_or(identifier.into()),
            "displayName": name,
            "endDateTime": timestamp::seconds(end),
            "key": null,
            "keyId": given_id.unwrap_or_else(|| self.new_id().to_string()),
            "startDateTime": timestamp::seconds(start),
            "type": requested["type"],
            "usage": requested["usage"],
        });
        Ok((stored, der))
    }

    pub(crate) fn store_key_bytes(&mut self, new: NewKeys) {
        self.keys.extend(new);
    }

    /// Adds the key bytes to an object's key credentials, which only a `$select` of them shows.
    pub(crate) fn add_key_bytes(&self, object: &mut Value) {
        for key in object.get_mut("keyCredentials").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(der) = self.keys.get(text(key, "keyId")) {
                key["key"] = STANDARD.encode(der).into();
            }
        }
    }

    /// The certificates of an object that are valid for signing in now.
    pub(crate) fn valid_certificates(&self, object: &Value, wall: OffsetDateTime) -> Vec<Certificate> {
        let valid = items(object, "keyCredentials").iter().filter(|key| {
            let moment = |name: &str| timestamp::parse(text(key, name));
            text(key, "usage") == "Verify"
                && moment("startDateTime").is_none_or(|start| start <= wall + CLOCK_SKEW_TOLERANCE)
                && moment("endDateTime").is_none_or(|end| end > wall)
        });
        valid.filter_map(|key| Certificate::parse(self.keys.get(text(key, "keyId"))?)).collect()
    }

    pub(crate) fn add_key(&mut self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let value = self.find_for_write(kind, key, call)?;
        let mut body = call.object()?.clone();
        validation::check_parameters(&schema::ADD_KEY, &mut body)?;
        self.check_proof(&value, text(&body, "proof"), call)?;
        let requested = &body["keyCredential"];
        let secret = text(&body["passwordCredential"], "secretText");
        if text(requested, "type") == "X509CertAndPassword" && secret.is_empty() {
            return Err(GraphError::invalid("passwordCredential", kind.directory_type()));
        }
        let (stored, der) = self.new_key_credential(kind, requested, call)?;
        self.check_new_key(kind, Some(&value), &stored, call)?;
        let is_same = |key: &Value| eq_ignore_case(text(key, "keyId"), text(&stored, "keyId"));
        if items(&value, "keyCredentials").iter().any(is_same) {
            return Err(duplicate_key());
        }
        let mut new = (*value).clone();
        if let Some(keys) = new["keyCredentials"].as_array_mut() {
            keys.insert(0, stored.clone());
        }
        self.write(kind, ObjectState::Live, new, call);
        self.store_key_bytes(vec![(text(&stored, "keyId").to_owned(), der)]);
        let mut response = Map::new();
        response.insert("@odata.context".into(), call.context("microsoft.graph.keyCredential").into());
        response.extend(stored.as_object().cloned().unwrap_or_default());
        Ok(GraphResponse::ok(response.into()))
    }

    pub(crate) fn remove_key(&mut self, kind: ObjectKind, key: &ObjectKey, call: &Call) -> GraphResult {
        let value = self.find_for_write(kind, key, call)?;
        let mut body = call.object()?.clone();
        validation::check_parameters(&schema::REMOVE_KEY, &mut body)?;
        self.check_proof(&value, text(&body, "proof"), call)?;
        let key_id = text(&body, "keyId");
        let mut new = (*value).clone();
        let keys = new["keyCredentials"].as_array_mut();
        let before = keys.as_ref().map_or(0, |keys| keys.len());
        let after = keys.map_or(0, |keys| {
            keys.retain(|existing| !eq_ignore_case(text(existing, "keyId"), key_id));
            keys.len()
        });
        if before == after {
            return Err(GraphError::bad_request(format!("No key credential found with keyId {key_id}.")));
        }
        self.write(kind, ObjectState::Live, new, call);
        Ok(GraphResponse::no_content())
    }

    /// Checks the proof of possession that `addKey` and `removeKey` need: a token that is valid for at most ten
    /// minutes, signed with a valid certificate of the object.
    /// <https://learn.microsoft.com/graph/application-rollkey-prooftoken>
    fn check_proof(&self, value: &Value, proof: &str, call: &Call) -> Result<(), GraphError> {
        let malformed = || {
            GraphError::new(
                StatusCode::UNAUTHORIZED,
                "Authentication_MissingOrMalformed",
                "Access Token missing or malformed.",
            )
        };
        let token = SignedToken::parse(proof).ok_or_else(malformed)?;
        let (from, to) =
            (token.time_claim("nbf").ok_or_else(malformed)?, token.time_claim("exp").ok_or_else(malformed)?);
        let is_valid_now = from <= call.wall + CLOCK_SKEW_TOLERANCE
            && to > call.wall - CLOCK_SKEW_TOLERANCE
            && to - from <= MAX_PROOF_LIFETIME;
        let is_addressed_here = eq_ignore_case(text(&token.claims, "aud"), PROOF_AUDIENCE)
            && eq_ignore_case(text(&token.claims, "iss"), text(value, "id"));
        let mut certificates = self.valid_certificates(value, call.wall).into_iter();
        if is_valid_now
            && is_addressed_here
            && certificates.any(|certificate| certificate.matches_header(&token.header) && certificate.verifies(&token))
        {
            return Ok(());
        }
        Err(malformed())
    }
}

fn duplicate_key() -> GraphError {
    GraphError::bad_request("Request contains a property with duplicate values.")
        .detail("InvalidValue", "keyCredentials")
}

fn invalid_end() -> GraphError {
    let code = "KeyCredentialsInvalidEndDate";
    GraphError::new(StatusCode::BAD_REQUEST, code, "Key credential end date is invalid.").detail(code, "keyCredentials")
}

/// The DER certificate in a PEM file, which many clients send base64-encoded once more.
fn decode_pem(sent: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = std::str::from_utf8(sent).ok()?.split_once("-----BEGIN CERTIFICATE-----")?;
    let (encoded, _) = rest.split_once("-----END CERTIFICATE-----")?;
    STANDARD.decode(encoded.split_whitespace().collect::<String>()).ok()
}
