//! The ways to sign in.

mod claims;
mod client_secret;
mod sign_in_error;
mod static_token;

pub(crate) use claims::TokenClaims;
pub use client_secret::ClientSecretProvider;
pub use static_token::StaticToken;
