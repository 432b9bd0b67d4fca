//! Client credentials with a secret: the app signs in as itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_with::{PickFirst, serde_as};
use time::Duration;
use url::form_urlencoded;
use uuid::Uuid;

use crate::auth::sign_in_error;
use crate::clock::Clock;
use crate::cloud::{Cloud, is_lost_in_a_path};
use crate::error::{Error, ErrorKind};
use crate::exchange::{Bounds, Means, Repeat, RetryPolicy};
use crate::ids::AppId;
use crate::random::{Randomness, SystemRandomness};
use crate::token::{AccessToken, TokenProvider, TokenRequest};
use crate::transport::Transport;

const OPERATION: &str = "POST /oauth2/v2.0/token";

/// Signs in as an app with its client secret
/// ([client credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
pub struct ClientSecretProvider {
    cloud: Cloud,
    client_id: AppId,
    secret: SecretString,
    means: Means,
}

impl ClientSecretProvider {
    /// The app `client_id` of `cloud`, with its secret's *Value* (not the *Secret ID*).
    pub fn new(
        cloud: Cloud,
        client_id: AppId,
        secret: SecretString,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let means = Means::new(transport, clock, Arc::new(SystemRandomness), RetryPolicy::default());
        Self { cloud, client_id, secret, means }
    }

    /// The same with what a client works with.
    pub(crate) fn with_means(cloud: Cloud, client_id: AppId, secret: SecretString, means: Means) -> Self {
        Self { cloud, client_id, secret, means }
    }

    /// Tries again as `policy` says.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.means.policy = policy;
        self
    }

    /// Takes jitter and ids from `randomness`.
    #[must_use]
    pub fn randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.means.randomness = randomness;
        self
    }

    fn request(&self, request: &TokenRequest, correlation: Uuid) -> Result<http::Request<Bytes>, Error> {
        if is_lost_in_a_path(&request.tenant) {
            return Err(Error::invalid("invalid_tenant", "the tenant is empty, a dot, or holds a control character")
                .with_remedy("Give the tenant's id, or a domain such as contoso.onmicrosoft.com."));
        }
        let mut url = self.cloud.authority().clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("invalid_endpoint", "the authority is no address"))?
            .pop_if_empty()
            .extend([request.tenant.as_str(), "oauth2", "v2.0", "token"]);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id.to_string())
            .append_pair("scope", &request.scopes.join(" "))
            .append_pair("client_secret", self.secret.expose_secret());
        if let Some(claims) = &request.claims {
            form.append_pair("claims", claims);
        }
        http::Request::post(url.as_str())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(http::header::ACCEPT, "application/json")
            .header("client-request-id", correlation.to_string())
            .body(Bytes::from(form.finish()))
            .map_err(|error| Error::invalid("invalid_endpoint", "the authority is no address").with_source(error))
    }
}

impl fmt::Debug for ClientSecretProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecretProvider").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenProvider for ClientSecretProvider {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let correlation = crate::random::uuid(&*self.means.randomness);
        let clock = &*self.means.clock;
        let answer = self
            .means
            .exchange(
                OPERATION,
                Repeat::Safe,
                &Bounds::default(),
                || self.request(request, correlation),
                sign_in_error::judge,
            )
            .await?;
        if !answer.status.is_success() {
            let answer = answer.without(&self.secret);
            return Err(sign_in_error::error(&answer, &self.secret, &correlation).during(OPERATION));
        }
        let token =
            serde_json::from_slice(&answer.body).ok().filter(|token: &TokenAnswer| !token.access_token.is_empty());
        let token = token.ok_or_else(|| {
            Error::new(ErrorKind::Decode, "token_answer", "the sign-in service's answer holds no token")
                .with_status(answer.status)
                .with_remedy("Check that the authority is Entra's and that no proxy answers in its place.")
                .during(OPERATION)
        })?;
        Ok(AccessToken::new(
            SecretString::from(token.access_token),
            clock.now() + Duration::seconds(token.expires_in.clamp(0, 365 * 24 * 3600)),
        ))
    }
}

#[serde_as]
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Seconds; some endpoints give it as a text.
    #[serde_as(as = "PickFirst<(_, serde_with::DisplayFromStr)>")]
    expires_in: i64,
}
