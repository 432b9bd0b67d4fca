//! Client assertions: signed with a certificate of the app, or issued by an issuer that it trusts.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use http::StatusCode;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::SignInRequest;
use super::client_app::ClientApp;
use super::client_authentication::working;
use super::discovery::{is_microsoft, issuer_v1};
use super::error::{SignInError, SignInResult};
use super::form::Form;
use crate::certificate::{CLOCK_SKEW_TOLERANCE, Certificate, SignedToken};
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text, texts, timestamp};
use crate::graph::federated_credentials::APPLICATION;

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl CloudState {
    pub(super) fn check_assertion(
        &self,
        request: &SignInRequest<'_>,
        form: &Form,
        assertion: &str,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<()> {
        let assertion_type = form.required("client_assertion_type")?;
        if assertion_type != BEARER {
            let message = format!("The client assertion type '{assertion_type}' is not supported.");
            return Err(SignInError::invalid_request(90023, message));
        }
        let malformed = || SignInError::invalid_request(50027, "JWT token is invalid or malformed.");
        let token = SignedToken::parse(assertion).ok_or_else(malformed)?;
        let issuer = text(&token.claims, "iss");
        if Uuid::parse_str(issuer).is_err() && !issuer.is_empty() {
            self.check_federated(request, &token, tenant, client)?;
        } else {
            if !eq_ignore_case(issuer, &client.app_id) {
                let message = "Client assertion application identifier doesn't match 'client_id' parameter.";
                return Err(SignInError::invalid_client(700_021, message));
            }
            self.check_signed(request, &token, tenant, client)?;
            self.check_audience(request, &token, tenant)?;
            if text(&token.claims, "sub") != issuer {
                let message = "Subject must match Issuer claim in the client assertion.";
                return Err(SignInError::invalid_client(50048, message));
            }
        }
        check_time(request, &token, malformed)
    }

    /// Checks that a registered and currently valid certificate of the app signed the assertion.
    fn check_signed(
        &self,
        request: &SignInRequest<'_>,
        token: &SignedToken<'_>,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<()> {
        let algorithm = text(&token.header, "alg");
        match algorithm {
            "RS256" | "PS256" => {}
            "RS384" | "RS512" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" => {
                let what = format!("client assertions signed with {algorithm}");
                return Err(SignInError::not_implemented("invalid_client", &what));
            }
            _ => {
                let message = format!(
                    "Invalid JWT token. '{algorithm}' is not a supported signature algorithm. Supported signing \
                        algorithms are: 'RS256, RS384, RS512, PS256, PS384, PS512'"
                );
                return Err(SignInError::invalid_client(5_002_738, message));
            }
        }
        let thumbprint =
            ["x5t#S256", "x5t"].into_iter().map(|name| text(&token.header, name)).find(|id| !id.is_empty());
        let Some(thumbprint) = thumbprint else {
            let message = "Authentication failed. The client assertion does not name the certificate that signed it.";
            return Err(SignInError::invalid_client(50012, message));
        };
        let keys = self.credential_holders(tenant, client).into_iter().flat_map(|(holder, directory)| {
            let keys = working(holder, "keyCredentials", directory, request);
            keys.filter(|key| text(key, "usage") == "Verify").filter_map(|key| {
                let certificate = Certificate::parse(directory.keys.get(text(key, "keyId"))?)?;
                certificate.matches_header(&token.header).then_some((key, certificate))
            })
        });
        let matching: Vec<(&Value, Certificate)> = keys.collect();
        let refused = |reason: &str| {
            let message = format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                    [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, \
                    Graph Explorer or directly use MS Graph to see configured keys for app Id '{}'.]",
                client.app_id
            );
            SignInError::invalid_client(700_027, message)
        };
        if matching.is_empty() {
            return Err(refused("The key was not found."));
        }
        let moment = |key: &Value, name: &str| timestamp::parse(text(key, name));
        let valid = matching.iter().filter(|(key, _)| {
            moment(key, "startDateTime").is_none_or(|start| start <= request.wall + CLOCK_SKEW_TOLERANCE)
                && moment(key, "endDateTime").is_none_or(|end| end > request.wall)
        });
        let valid: Vec<_> = valid.collect();
        if valid.is_empty() {
            let (key, _) = &matching[0];
            return Err(refused(&format!(
                "The key used is expired., Found key 'Start={}, End={}'",
                text(key, "startDateTime"),
                text(key, "endDateTime")
            )));
        }
        if valid.iter().any(|(_, certificate)| certificate.verifies(token)) {
            return Ok(());
        }
        let message = "Client assertion failed signature validation. [Reason - Client assertion contains an invalid \
            signature.]";
        Err(SignInError::invalid_client(700_027, message))
    }

    /// Checks that the audience is a token endpoint or issuer of this tenant.
    fn check_audience(&self, request: &SignInRequest<'_>, token: &SignedToken<'_>, tenant: usize) -> SignInResult<()> {
        let directory = &self[tenant].directory;
        let names_tenant = |audience: &str| {
            let Ok(url) = Url::parse(audience) else { return false };
            let origin = url.origin().ascii_serialization();
            let parts: Vec<String> =
                url.path().split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let ([tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"] | [tenant, "v2.0"]) =
                parts.as_slice()
            else {
                return eq_ignore_case(audience, &issuer_v1(&directory.tenant_id.to_string()));
            };
            (is_microsoft(&origin) || origin == request.authority()) && directory.has_id_or_domain(tenant)
        };
        if audiences(token).any(names_tenant) {
            return Ok(());
        }
        let message = "Client assertion audience claim does not match Realm issuer. Review the documentation at \
            https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .";
        Err(SignInError::invalid_client(700_023, message))
    }

    /// Checks that the app trusts the issuer for this subject and audience. The issuer's signature cannot be checked:
    /// its keys are elsewhere.
    ///
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>
    fn check_federated(
        &self,
        request: &SignInRequest<'_>,
        token: &SignedToken<'_>,
        tenant: usize,
        client: &ClientApp,
    ) -> SignInResult<()> {
        let home = client.home.unwrap_or(tenant);
        let directory = &self[home].directory;
        let id = text(&client.application, "id");
        let credentials = directory.federated.visible_by(APPLICATION, id, request.view(directory));
        let (issuer, subject) = (text(&token.claims, "iss"), text(&token.claims, "sub"));
        let refused = |code: u32, what: &str, given: &str| {
            let message = format!(
                "No matching federated identity record found for presented assertion {what} '{given}'. Check your \
                    federated identity credential Subject, Audience and Issuer against the presented assertion. \
                    https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
            );
            Err(SignInError::invalid_client(code, message))
        };
        if credentials.is_empty() {
            let message = format!(
                "The client '{}'({}) has no configured federated identity credentials.",
                client.app_id, client.name
            );
            return Err(SignInError::invalid_client(70025, message));
        }
        let by_issuer: Vec<_> = credentials.iter().filter(|visible| text(&visible.value, "issuer") == issuer).collect();
        if by_issuer.is_empty() {
            return refused(700_211, "issuer", issuer);
        }
        let by_subject: Vec<_> =
            by_issuer.iter().filter(|visible| text(&visible.value, "subject") == subject).collect();
        if by_subject.is_empty() {
            if by_issuer.iter().any(|visible| eq_ignore_case(text(&visible.value, "subject"), subject)) {
                let message = format!(
                    "No matching federated identity record found for presented assertion subject '{subject}'. Please \
                        note that the matching is done using a case-sensitive comparison."
                );
                return Err(SignInError::invalid_client(7_002_138, message));
            }
            return refused(700_213, "subject", subject);
        }
        let is_trusted = |audience: &str| {
            by_subject.iter().any(|visible| texts(&visible.value, "audiences").any(|trusted| trusted == audience))
        };
        if audiences(token).any(is_trusted) {
            return Ok(());
        }
        refused(700_212, "audience", audiences(token).next().unwrap_or_default())
    }
}

/// The audiences of a token: one or several.
fn audiences<'a>(token: &'a SignedToken<'_>) -> impl Iterator<Item = &'a str> {
    token.claims["aud"].as_str().into_iter().chain(texts(&token.claims, "aud"))
}

fn check_time(
    request: &SignInRequest<'_>,
    token: &SignedToken<'_>,
    malformed: impl Fn() -> SignInError,
) -> SignInResult<()> {
    let to = token.time_claim("exp").ok_or_else(malformed)?;
    let from = token.time_claim("nbf").or_else(|| token.time_claim("iat")).unwrap_or(request.wall);
    if from <= request.wall + CLOCK_SKEW_TOLERANCE && to > request.wall - CLOCK_SKEW_TOLERANCE {
        return Ok(());
    }
    let message = format!(
        "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time \
            of assertion {}.",
        timestamp::ticks(request.wall),
        timestamp::seconds(from),
        timestamp::seconds(to)
    );
    Err(SignInError::invalid_client(700_024, message).status(StatusCode::UNAUTHORIZED))
}
