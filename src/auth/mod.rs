//! The ways to sign in.
//!
//! Each is a [`TokenProvider`](crate::token::TokenProvider) for [`ClientBuilder::token_provider`](crate::ClientBuilder::token_provider),
//! for any tenant and scope:
//!
//! | who signs in | with |
//! |---|---|
//! | an app | [`ClientSecretProvider`], `ClientCertificateProvider` (feature `certificate`), [`AssertionProvider`] |
//! | a person | [`DeviceCodeProvider`], `BrowserProvider` (feature `browser`), [`RefreshTokenProvider`] |
//! | what the program runs in | [`ManagedIdentityProvider`] |
//! | whoever is signed in already | `AzureCliProvider` (feature `azure-cli`), `AzureCredentialProvider` (feature `azure`), [`StaticToken`] |
//! | the first of several that works | [`ChainProvider`] |
//!
//! Most of them are one line of the [`ClientBuilder`](crate::ClientBuilder), such as
//! [`client_secret`](crate::ClientBuilder::client_secret) and [`device_code`](crate::ClientBuilder::device_code).
//! Microsoft's own apps for a person to sign in to stand in [`public_client`]. Why a sign-in was refused is a
//! [`SignInReason`].

mod assertion;
mod authentication;
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
mod client_secret;
mod device_code;
#[cfg(feature = "browser")]
mod loopback;
mod managed_identity;
pub mod public_client;
mod reason;
mod refresh_token;
mod service;
mod session;
pub(crate) mod sign_in_error;
mod static_token;
mod tenant_lookup;

pub use assertion::{AssertionProvider, AssertionRequest, ClientAssertion, GitHubActions};
#[cfg(feature = "azure")]
pub use azure::AzureCredentialProvider;
#[cfg(feature = "azure-cli")]
pub use azure_cli::AzureCliProvider;
#[cfg(feature = "browser")]
pub use browser::BrowserProvider;
#[cfg(feature = "certificate")]
pub use certificate::{ClientCertificate, ClientCertificateProvider};
pub use chain::ChainProvider;
pub(crate) use claims::TokenClaims;
pub use client_secret::ClientSecretProvider;
pub use device_code::{DeviceCodePrompt, DeviceCodeProvider};
pub use managed_identity::ManagedIdentityProvider;
pub use reason::SignInReason;
pub use refresh_token::RefreshTokenProvider;
pub use service::SignInService;
pub use session::{MemoryRefreshTokenStore, RefreshTokenStore};
pub use static_token::StaticToken;
pub use tenant_lookup::{FoundTenant, TenantLookup};

#[cfg(test)]
mod tests;
