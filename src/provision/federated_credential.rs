//! The federated identity credentials that a registration asks for: tokens of another issuer in place of a secret.

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::error::{Error, ErrorCode};
use crate::ids::{ServicePrincipalId, TenantId};
use crate::strict::Strict;

/// The issuer of the tokens of GitHub Actions.
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The audience that Entra recommends, and that issuers are asked for.
const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";

/// The longest issuer, subject, audience and description, in characters.
const MAX_LENGTH: usize = 600;

const MIN_NAME_LENGTH: usize = 3;
const MAX_NAME_LENGTH: usize = 120;

/// Tokens of another issuer that the app signs in with in place of a secret
/// ([workload identity federation](https://learn.microsoft.com/entra/workload-id/workload-identity-federation)).
///
/// Entra compares issuer, subject and audience with those of a token letter for letter, and says nothing of a wrong one
/// before a token comes: [`wait_until_usable`](crate::Client::wait_until_usable) signs in with one. An app has 20 at most.
///
/// ```
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::FederatedCredential;
///
/// let deploy = AppRegistration::new("contoso-deploy", "Contoso Deploy")
///     .credential(FederatedCredential::github_branch("main", "contoso/backup", "main"))
///     .credential(FederatedCredential::github_environment("production", "contoso/backup", "Production"))
///     .credential(FederatedCredential::new("github-ci", "https://gitlab.com", "project_path:contoso/backup:ref_type:branch:ref:main"));
/// deploy.check()?;
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct FederatedCredential {
    name: String,
    issuer: String,
    subject: String,
    audience: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// A federated credential as it is read from a file.
#[derive(Deserialize)]
#[serde(remote = "FederatedCredential")]
struct WrittenCredential {
    name: String,
    issuer: String,
    subject: String,
    #[serde(default = "token_exchange")]
    audience: String,
    #[serde(default)]
    description: Option<String>,
}

fn token_exchange() -> String {
    TOKEN_EXCHANGE.to_owned()
}

impl<'de> Deserialize<'de> for FederatedCredential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenCredential::deserialize(Strict(deserializer))
    }
}

impl FederatedCredential {
    /// Trusts the tokens of any issuer that have this subject. The name is that of the credential in the app: 3 to 120
    /// letters, digits, hyphens and underscores, immutable.
    pub fn new(name: impl Into<String>, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            issuer: issuer.into(),
            subject: subject.into(),
            audience: token_exchange(),
            description: None,
        }
    }

    /// Trusts the workflows of a GitHub repository (`owner/name`) that run on a branch.
    pub fn github_branch(name: impl Into<String>, repository: &str, branch: &str) -> Self {
        Self::new(name, GITHUB, format!("repo:{repository}:ref:refs/heads/{branch}"))
    }

    /// Trusts the workflows of a GitHub repository (`owner/name`) that run on a tag.
    pub fn github_tag(name: impl Into<String>, repository: &str, tag: &str) -> Self {
        Self::new(name, GITHUB, format!("repo:{repository}:ref:refs/tags/{tag}"))
    }

    /// Trusts the jobs of a GitHub repository (`owner/name`) that run in an environment.
    pub fn github_environment(name: impl Into<String>, repository: &str, environment: &str) -> Self {
        Self::new(name, GITHUB, format!("repo:{repository}:environment:{environment}"))
    }

    /// Trusts the workflows of a GitHub repository (`owner/name`) that run for a pull request, of whichever branch: whoever
    /// may open one can run as the app.
    pub fn github_pull_request(name: impl Into<String>, repository: &str) -> Self {
        Self::new(name, GITHUB, format!("repo:{repository}:pull_request"))
    }

    /// Trusts the tokens of a service account of a Kubernetes cluster, whose issuer is the cluster's own
    /// ([`--service-account-issuer`](https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/)).
    pub fn kubernetes(
        name: impl Into<String>,
        issuer: impl Into<String>,
        namespace: &str,
        service_account: &str,
    ) -> Self {
        Self::new(name, issuer, format!("system:serviceaccount:{namespace}:{service_account}"))
    }

    /// Trusts a managed identity of a tenant of the worldwide cloud, by the object id of its service principal
    /// ([reference](https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity)).
    pub fn managed_identity(name: impl Into<String>, tenant: TenantId, principal: ServicePrincipalId) -> Self {
        Self::new(name, format!("https://login.microsoftonline.com/{tenant}/v2.0"), principal.to_string())
    }

    /// Sets the audience of the tokens, `api://AzureADTokenExchange` by default.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// Sets the description, up to 600 characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The name, by which it is found again.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The issuer of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject of the tokens.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    pub(super) fn wanted_audience(&self) -> &str {
        &self.audience
    }

    pub(super) fn wanted_description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Refuses what Entra refuses ([reference](https://learn.microsoft.com/graph/api/resources/federatedidentitycredential)).
    pub(super) fn check(&self) -> Result<(), Error> {
        let is_url_friendly = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        let name = &self.name;
        let fits = (MIN_NAME_LENGTH..=MAX_NAME_LENGTH).contains(&name.len());
        if !(fits && name.chars().all(is_url_friendly) && name.starts_with(|it: char| it.is_ascii_alphanumeric())) {
            let message = format!("the name “{name}” of a federated credential is not one that Entra takes");
            return Err(Error::new(ErrorCode::InvalidFederatedCredential).with_message(message));
        }
        let invalid = |what: &str| {
            let message = format!("{what} of the federated credential “{name}” is not one that Entra takes");
            Err(Error::new(ErrorCode::InvalidFederatedCredential).with_message(message))
        };
        let has_length = |text: &str| !text.trim().is_empty() && text.chars().count() <= MAX_LENGTH;
        let is_https = Url::parse(&self.issuer).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        match self {
            _ if !(has_length(&self.issuer) && is_https) => invalid("the issuer"),
            _ if !has_length(&self.subject) => invalid("the subject"),
            _ if !has_length(&self.audience) => invalid("the audience"),
            _ if self.description.as_ref().is_some_and(|text| text.chars().count() > MAX_LENGTH) => {
                invalid("the description")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_workload_has_the_subject_that_its_tokens_have() {
        let of = |it: FederatedCredential| format!("{} {}", it.issuer(), it.subject());
        let github = |subject: &str| format!("{GITHUB} repo:contoso/backup:{subject}");
        assert_eq!(
            of(FederatedCredential::github_branch("x", "contoso/backup", "main")),
            github("ref:refs/heads/main")
        );
        assert_eq!(of(FederatedCredential::github_tag("x", "contoso/backup", "v1")), github("ref:refs/tags/v1"));
        assert_eq!(
            of(FederatedCredential::github_environment("x", "contoso/backup", "Prod")),
            github("environment:Prod")
        );
        assert_eq!(of(FederatedCredential::github_pull_request("x", "contoso/backup")), github("pull_request"));
        assert_eq!(
            of(FederatedCredential::kubernetes("x", "https://oidc.example/id", "jobs", "backup")),
            "https://oidc.example/id system:serviceaccount:jobs:backup"
        );
        let (tenant, identity) = (TenantId::from_u128(1), ServicePrincipalId::from_u128(2));
        assert_eq!(
            of(FederatedCredential::managed_identity("x", tenant, identity)),
            format!("https://login.microsoftonline.com/{tenant}/v2.0 {identity}")
        );
    }

    #[test]
    fn what_entra_refuses_is_refused() {
        let good = |name: &str| FederatedCredential::new(name, "https://issuer.example", "job:7");
        for it in [good("abc"), good(&"a".repeat(120)), good("7_x-y"), good("abc").audience("x")] {
            assert!(it.check().is_ok(), "{it:?}");
        }
        for it in [
            good("ab"),
            good(&"a".repeat(121)),
            good("-abc"),
            good("a b"),
            good("a.b"),
            FederatedCredential::new("abc", "http://issuer.example", "x"),
            FederatedCredential::new("abc", "issuer", "x"),
            FederatedCredential::new("abc", "https://issuer.example", " "),
            FederatedCredential::new("abc", "https://issuer.example", "x".repeat(601)),
            good("abc").audience(""),
            good("abc").description("x".repeat(601)),
        ] {
            assert_eq!(it.check().unwrap_err().code(), ErrorCode::InvalidFederatedCredential, "{it:?}");
        }
    }

    #[test]
    fn it_is_written_and_read_with_the_usual_audience_left_out() {
        let json = r#"{"name":"main","issuer":"https://issuer.example","subject":"job:7"}"#;
        let read: FederatedCredential = serde_json::from_str(json).unwrap();
        assert_eq!(read, FederatedCredential::new("main", "https://issuer.example", "job:7"));
        let again: FederatedCredential = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
        let error = serde_json::from_str::<FederatedCredential>(&json.replace("subject", "subjekt")).unwrap_err();
        assert!(error.to_string().contains("subject"), "{error}");
    }
}
