//! Register an app in Microsoft Entra from one typed value: planned, applied, verified, safe to run again, testable
//! without a tenant.
//!
//! The vendor writes the guide down once, as an [`AppRegistration`]; [`Client::plan`] says what would change,
//! [`Client::apply`] does it in four requests and returns ids and secrets, [`Client::verify`] checks every step of the
//! guide. All three can be run again at any time.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use entra_apps::permission::microsoft_graph::{application, delegated};
//! use entra_apps::{AppRegistration, ClientSecret, RedirectUri, SignInAudience};
//! use entra_emulator::MemoryTenant;
//!
//! let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
//!     .audience(SignInAudience::MultipleOrganizations)
//!     .redirect_uri(RedirectUri::web("https://backup.contoso.example/callback")?)
//!     .permission(application::DIRECTORY_READ_ALL)
//!     .permission(delegated::USER_READ)
//!     .credential(ClientSecret::new("Backup").valid_for_months(24));
//!
//! let client = MemoryTenant::new().client(); // `Client::builder()` for a real tenant
//! let plan = client.plan(&backup).await?;
//! println!("{plan}");
//! let registered = client.apply(&plan).await?;
//! assert_eq!(registered.secrets.len(), 1);
//! assert!(client.verify(&backup).await?.is_done());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Where to find what
//! | | |
//! |---|---|
//! | [`provision`] | registrations, plans, reports, checklists, preflight, diagnosis |
//! | [`auth`] | the ways to sign in, as an app and as a person |
//! | [`permission`] | the permissions of Microsoft Graph as constants, and those of any other API |
//! | [`consent`] | admin consent by link |
//! | [`partner`], [`directory_role`] | the customers of a partner: relationships (GDAP), access assignments, directory roles |
//! | [`ErrorCode`] | every error, with its cause and what to do |
//! | [what happens when …](what_happens_when) | how a run ends when requests fail, replicas lag or the process stops |
//! | [`api`], [`model`], [`Batch`] | a typed client of the operations of Graph involved, which stands on its own |
//! | [`transport`], [`token`], [`clock`], [`random`] | traits of which a program can bring an implementation of its own |
//! | [`traces`] | spans, events and fields of what is logged |
//! | `entra-emulator` | Microsoft Entra in memory, for tests without a tenant: a crate of its own |
//!
//! # Words
//! The words are Microsoft's, and those of HTTP and OAuth. Those that are easily mixed up:
//!
//! - **application**: the registration, in its home tenant, known by its *object id*;
//! - **app id**: the *application (client) id*, the same in every tenant;
//! - **unique name**: the application's immutable key in Graph (`uniqueName`), by which this crate finds it again;
//! - **service principal**: the app in one tenant (the portal's *Enterprise application*), with an object id of its own;
//! - **declared**: a permission that the application asks for (*required resource access*); **granted**: one that it
//!   holds in a tenant, as an **app role assignment** (application permission) or in an **OAuth2 permission grant**
//!   (delegated permission). Granting for all users is **admin consent**;
//! - **surplus**: what is there and not part of the registration; it is left alone;
//! - **converged**: nothing is left to be changed;
//! - **replication lag**: the time until all of the directory's replicas know a write.
//!
//! # Features
//! - `reqwest`, `rustls`, `certificate` (default): the transport over reqwest, TLS by rustls with aws-lc-rs, signing in
//!   with a certificate. Without them a program brings a [`Transport`](transport::Transport) of its own.
//! - `rustls-no-provider`, `native-tls`: TLS by the rustls `CryptoProvider` that the program installs, or by the platform.
//! - `tokio`: tokio's timer as the clock; part of `reqwest`.
//! - `generate-certificate` (default): making a certificate with a new RSA key, by aws-lc-rs.
//! - `pkcs12`, `browser`, `azure-cli`, `azure`: signing in with a `.pfx` file, a browser on this machine, the Azure CLI, a
//!   credential of `azure_core`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod api;
pub mod auth;
mod client;
pub mod clock;
pub mod cloud;
pub mod consent;
#[cfg(any(feature = "certificate", feature = "browser", feature = "rustls", feature = "rustls-no-provider"))]
#[cfg_attr(
    not(any(
        feature = "certificate",
        feature = "browser",
        all(feature = "rustls-no-provider", not(feature = "native-tls"))
    )),
    allow(dead_code) // there only the errors of rustls are looked into
)]
mod crypto;
pub mod directory_role;
mod error;
pub mod ids;
pub mod model;
pub mod partner;
pub mod permission;
pub mod provision;
pub mod random;
mod retry;
mod similar;
mod strict;
pub mod token;
pub mod transport;
mod x509;
#[doc = include_str!("tracing.md")]
pub mod traces {}
#[doc = include_str!("what_happens_when.md")]
pub mod what_happens_when {}

pub use client::{Batch, BatchHandle, BatchResponse, Call, Client, ClientBuilder};
pub use error::{BoxError, Error, ErrorCode, ErrorDetail, ErrorKind};
pub use retry::{RetryPolicy, Wait, WaitReason};

pub use model::enums::SignInAudience;
pub use provision::{
    apply::{Apply, ApplyError},
    checklist::Checklist,
    credential::ClientSecret,
    plan::Plan,
    redirect_uri::RedirectUri,
    registration::AppRegistration,
    report::{IssuedSecret, Registered, SecretSink},
};

/// What a fallible call of this crate returns.
///
/// ```
/// use entra_apps::ids::AppId;
///
/// fn client_id(text: &str) -> entra_apps::Result<AppId> {
///     text.trim().parse()
/// }
/// assert!(client_id("not-a-guid").is_err());
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub use async_trait::async_trait;
#[cfg(feature = "reqwest")]
pub use reqwest;
pub use {bytes, futures_core, http, secrecy, time, url, uuid};
