//! The ways to sign in.
//!
//! Each is a [`TokenProvider`](crate::token::TokenProvider), for any tenant and scope, to be given to
//! [`ClientBuilder::token_provider`](crate::ClientBuilder::token_provider):
//!
//! | who signs in | with |
//! |---|---|
//! | an app | [`ClientSecretProvider`], `ClientCertificateProvider` (feature `certificate`), [`AssertionProvider`] |
//! | a person | [`DeviceCodeProvider`], `BrowserProvider` (feature `browser`), [`RefreshTokenProvider`] |
//! | the machine, app service or container that the program runs in | [`ManagedIdentityProvider`] |
//! | whoever is signed in already | `AzureCliProvider` (feature `azure-cli`), `AzureCredentialProvider` (feature `azure`), [`StaticToken`] |
//! | the first of several that works | [`ChainProvider`] |
//!
//! Most of them are one line of the [`ClientBuilder`](crate::ClientBuilder), such as
//! [`client_secret`](crate::ClientBuilder::client_secret) and [`device_code`](crate::ClientBuilder::device_code).
//! [`public_client`] has Microsoft's own apps that a person can sign in to. Why a sign-in was refused is its
//! [code](crate::ErrorCode).

mod assertion;
mod assertion_provider;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "azure-cli")]
mod azure_cli;
#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "certificate")]
mod certificate;
#[cfg(feature = "certificate")]
mod certificate_provider;
mod chain;
pub(crate) mod challenge;
mod claims;
mod client_authentication;
mod client_secret;
mod device_code;
mod environment;
mod form;
mod github_actions;
#[cfg(feature = "browser")]
mod loopback;
mod managed_identity;
mod number;
pub mod public_client;
mod refresh_token;
mod refresh_token_store;
mod session;
pub(crate) mod sign_in_error;
mod sign_in_service;
mod static_token;
mod tenant_lookup;

pub use assertion::{AssertionRequest, ClientAssertion};
pub use assertion_provider::AssertionProvider;
#[cfg(feature = "azure")]
pub use azure::AzureCredentialProvider;
#[cfg(feature = "azure-cli")]
pub use azure_cli::AzureCliProvider;
#[cfg(feature = "browser")]
pub use browser::BrowserProvider;
#[cfg(feature = "certificate")]
pub use certificate::ClientCertificate;
#[cfg(feature = "certificate")]
pub use certificate_provider::ClientCertificateProvider;
pub use chain::ChainProvider;
pub(crate) use claims::TokenClaims;
pub use client_secret::ClientSecretProvider;
pub use device_code::{DeviceCodePrompt, DeviceCodeProvider};
pub use github_actions::GitHubActions;
pub use managed_identity::ManagedIdentityProvider;
pub use refresh_token::RefreshTokenProvider;
pub use refresh_token_store::{MemoryRefreshTokenStore, RefreshTokenStore};
pub use sign_in_service::SignInService;
pub use static_token::StaticToken;
pub use tenant_lookup::{FoundTenant, TenantLookup};

#[cfg(test)]
mod tests;
