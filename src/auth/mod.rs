//! The ways to sign in.
//!
//! Each is a [`TokenProvider`](crate::token::TokenProvider), for any tenant and scope, to be given to
//! [`ClientBuilder::token_provider`](crate::ClientBuilder::token_provider):
//!
//! | who signs in | with |
//! |---|---|
//! | an app | [`ClientCredentialsProvider`], with a secret, a certificate or assertions ([`ClientAuthentication`]) |
//! | a person | [`DeviceCodeProvider`], `BrowserProvider` (feature `browser`), [`RefreshTokenProvider`] |
//! | the machine, app service or container that the program runs in | [`ManagedIdentityProvider`] |
//! | whoever is signed in already | `AzureCliProvider` (feature `azure-cli`), `AzureCredentialProvider` (feature `azure`), [`StaticToken`] |
//! | the first of several that works | [`ChainProvider`] |
//!
//! Most of them are one line of the [`ClientBuilder`](crate::ClientBuilder), such as
//! [`client_secret`](crate::ClientBuilder::client_secret) and [`device_code`](crate::ClientBuilder::device_code).
//! [`public_client`] has Microsoft's own apps that a person can sign in to. Why a sign-in was refused is its
//! [code](crate::ErrorCode).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
//! use std::sync::Arc;
//!
//! use entra_apps::auth::{ChainProvider, ClientAuthentication, ClientCredentialsProvider, SignInService};
//! use entra_apps::cloud::Cloud;
//! use entra_apps::secrecy::SecretString;
//! use entra_apps::{Client, ErrorCode};
//! # let tenant = entra_emulator::MemoryTenant::new();
//! # let app = tenant.caller().client_id;
//!
//! let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
//! let app = |authentication| ClientCredentialsProvider::new(service.clone(), app, authentication);
//! let workload = app(ClientAuthentication::assertion_file("/var/run/secrets/azure/tokens/azure-identity-token"));
//! let secret = app(ClientAuthentication::secret(SecretString::from("an old secret")));
//! let client = Client::builder()
//!     .tenant(tenant.id())
//!     .token_provider(Arc::new(
//!         ChainProvider::new().then("workload identity", Arc::new(workload)).then("secret", Arc::new(secret)),
//!     ))
//! #   .transport(Arc::new(tenant.clone())).clock(tenant.clock())
//!     .build()?;
//! let error = client.organization().get().await.unwrap_err();
//! assert_eq!(error.code(), ErrorCode::NoWayToSignIn);
//! println!("{error}"); // why each of them failed, and what to do
//! # Ok(()) }
//! ```

mod arc_key;
mod assertion;
mod assertion_file;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "azure-cli")]
mod azure_cli;
#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "certificate")]
mod certificate;
mod chain;
pub(crate) mod challenge;
mod claims;
mod client_authentication;
mod client_credentials;
mod device_code;
mod environment;
mod expiry;
mod file_thread;
mod form;
mod github_actions;
#[cfg(feature = "browser")]
mod loopback;
mod managed_identity;
pub(crate) mod number;
pub mod public_client;
mod redirect_uri_mismatch;
mod refresh_token;
mod refresh_token_store;
pub(crate) mod refusal;
mod session;
mod sign_in_error;
mod sign_in_service;
mod static_token;
mod tenant_lookup;

pub use assertion::{AssertionRequest, ClientAssertion};
#[cfg(feature = "azure")]
pub use azure::AzureCredentialProvider;
#[cfg(feature = "azure-cli")]
pub use azure_cli::AzureCliProvider;
#[cfg(feature = "browser")]
pub use browser::BrowserProvider;
#[cfg(feature = "certificate")]
pub use certificate::ClientCertificate;
pub use chain::ChainProvider;
pub(crate) use claims::TokenClaims;
pub use client_authentication::ClientAuthentication;
pub use client_credentials::ClientCredentialsProvider;
pub use device_code::{DeviceCodePrompt, DeviceCodeProvider};
pub use github_actions::GitHubActions;
pub use managed_identity::ManagedIdentityProvider;
pub use redirect_uri_mismatch::RedirectUriMismatch;
pub use refresh_token::RefreshTokenProvider;
pub use refresh_token_store::{MemoryRefreshTokenStore, RefreshTokenStore};
pub use sign_in_service::SignInService;
pub use static_token::StaticToken;
pub use tenant_lookup::{FoundTenant, TenantLookup};

#[cfg(test)]
mod tests;
