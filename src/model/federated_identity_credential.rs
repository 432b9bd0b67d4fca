//! Federated identity credentials: what tokens of another issuer an app takes in place of a secret.

use serde::Serialize;

use crate::ids::FederatedIdentityCredentialId;
use crate::model::body::{Body, patch, setters};
use crate::model::object::object;

/// The audience that Entra recommends, and that most issuers are set up for.
const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";

object! {
    /// A federated identity credential of an application
    /// ([`federatedIdentityCredential`](https://learn.microsoft.com/graph/api/resources/federatedidentitycredential)).
    ///
    /// ```
    /// use entra_apps::model::FederatedIdentityCredential;
    ///
    /// let read: FederatedIdentityCredential = serde_json::from_str(
    ///     r#"{"name": "main", "issuer": "https://token.actions.githubusercontent.com", "audiences": ["api://AzureADTokenExchange"]}"#,
    /// )?;
    /// assert_eq!((read.name.as_deref(), read.audiences.len()), (Some("main"), 1));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    FederatedIdentityCredential {
        /// The id.
        id: Option<FederatedIdentityCredentialId> = "id",
        /// The name: set once, immutable, unique in the application.
        name: Option<String> = "name",
        /// The issuer of the tokens, letter for letter as in their claim `iss`.
        issuer: Option<String> = "issuer",
        /// The subject of the tokens, letter for letter as in their claim `sub`.
        subject: Option<String> = "subject",
        /// The audience of the tokens: exactly one.
        audiences: Vec<String> = "audiences",
        /// The description, up to 600 characters.
        description: Option<String> = "description",
    }
}

/// A new federated identity credential
/// ([create](https://learn.microsoft.com/graph/api/application-post-federatedidentitycredentials)).
///
/// ```
/// use entra_apps::model::NewFederatedIdentityCredential;
///
/// let new = NewFederatedIdentityCredential::new("main", "https://issuer.example", "job:7").description("Nightly");
/// assert_eq!(serde_json::to_value(&new)?, serde_json::json!({
///     "name": "main", "issuer": "https://issuer.example", "subject": "job:7", "audiences": ["api://AzureADTokenExchange"],
///     "description": "Nightly",
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NewFederatedIdentityCredential(Body);

impl NewFederatedIdentityCredential {
    /// Trusts the tokens of an issuer with this subject, for the audience `api://AzureADTokenExchange` unless said
    /// otherwise.
    pub fn new(name: impl Into<String>, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        let mut body = Body::default();
        body.set("name", name.into());
        body.set("issuer", issuer.into());
        body.set("subject", subject.into());
        body.set("audiences", [TOKEN_EXCHANGE]);
        Self(body)
    }

    /// Sets the audience: exactly one.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.0.set("audiences", [audience.into()]);
        self
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        self.0.text("name").unwrap_or_default()
    }
}

setters! {
    NewFederatedIdentityCredential {
        /// The description, up to 600 characters.
        description("description"): String;
    }
}

patch! {
    /// A change of a federated identity credential
    /// ([update](https://learn.microsoft.com/graph/api/federatedidentitycredential-update)).
    ///
    /// ```
    /// use entra_apps::model::FederatedIdentityCredentialPatch;
    ///
    /// let patch = FederatedIdentityCredentialPatch::new().subject("job:8").clear_description();
    /// assert_eq!(serde_json::to_value(&patch)?, serde_json::json!({"subject": "job:8", "description": null}));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    FederatedIdentityCredentialPatch {
        /// The issuer of the tokens.
        issuer("issuer"): String;
        /// The subject of the tokens.
        subject("subject"): String;
        /// The description, up to 600 characters.
        description("description"): String, clear clear_description;
    }
}

impl FederatedIdentityCredentialPatch {
    /// The audience of the tokens: exactly one.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.0.set("audiences", [audience.into()]);
        self
    }
}
