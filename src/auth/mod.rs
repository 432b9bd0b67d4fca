//! The ways to sign in.

pub(crate) mod challenge;
mod claims;
mod client_secret;
mod reason;
pub(crate) mod sign_in_error;
mod static_token;

pub(crate) use claims::TokenClaims;
pub use client_secret::ClientSecretProvider;
pub use reason::SignInReason;
pub use static_token::StaticToken;
