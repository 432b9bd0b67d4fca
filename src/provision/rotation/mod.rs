//! Rotation: how the credentials of an app live for years.
//!
//! A credential that expires is an outage, and so is one that is rotated wrongly. [`Client::rotate`](crate::Client::rotate) is
//! run as often as you like, such as every night, by whoever may, from wherever: it does what is due, and nothing otherwise.
//!
//! ```
//! # use entra_emulator::{MemoryTenant, TenantClock};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use entra_apps::provision::rotation::{MemorySecretStore, RotationState};
//! use entra_apps::{AppRegistration, ClientSecret};
//!
//! const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//!
//! # let clock = Arc::new(TenantClock::starting_at(entra_apps::time::macros::datetime!(2026-06-01 9:00 UTC)));
//! # let tenant = MemoryTenant::builder().clock(clock).build();
//! # let client = tenant.client();
//! let vault = Arc::new(MemorySecretStore::new()); // yours: see SecretStore
//! let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
//!     .credential(ClientSecret::new("Backup").valid_for_days(180).renew_before(30 * DAY));
//! client.apply(&client.plan(&backup).await?).secret_sink(vault.clone()).await?;
//! # tokio::time::advance(155 * DAY).await;
//! # let client = tenant.client();
//!
//! // Five months later, another secret is issued, stored, and signs in; the first one stays for three days.
//! let rotated = client.rotate(&backup).store(vault.clone()).overlap(3 * DAY).await?;
//! assert_eq!(rotated.credentials[0].state, RotationState::Overlapping);
//! # tokio::time::advance(4 * DAY).await;
//!
//! // Four days after that it goes.
//! let rotated = client.rotate(&backup).store(vault).overlap(3 * DAY).await?;
//! assert_eq!(rotated.credentials[0].state, RotationState::Current);
//! for done in &rotated.done {
//!     println!("{done}"); // removed the earlier client secret “Backup” (…)
//! }
//! # Ok(()) }
//! ```
//!
//! # The states of a credential
//! Before each step the directory is read and the [store](SecretStore) is asked; nothing is remembered from step to step, or
//! from run to run, but what they say. The directory says when each credential was issued and when it ends, and by its
//! description in place of which it was: `Backup (rotates 3f2a9c11)`. The store says which one it has.
//!
//! | state | what shows it | the next step |
//! |---|---|---|
//! | none | none is valid | issue one |
//! | stored | the store gives one back that the directory shows | sign in with it, three times in a row |
//! | proven | and that signs in | where it ends within [`renew_before`](crate::ClientSecret::renew_before): issue another |
//! | added | one was issued a moment ago, and the store does not have it | hand it over; of another run: wait for five minutes |
//! | never stored | one was issued longer ago, while the store had an earlier one | remove it: it is never counted as the one in use |
//! | overlapping | an earlier one, beside one that is proven, before the overlap is over | leave it |
//! | over | an earlier one, beside one that is proven, after the overlap | remove it |
//! | value unknown | the store has none of those that are there | report it; with [`replace_lost`](Rotate::replace_lost), issue another |
//!
//! The overlap counts from the moment at which the later one was issued. Where the run stops, whoever runs next sees one of
//! these states and goes on from there.
//!
//! # What is promised
//! - At every instant at least one credential that is stored signs in, as long as one did at the beginning: the earlier one
//!   goes only beside one that the store has given back, with its key id and its value, and that has signed in.
//! - Only what is ours goes: what a rotation issued, what the store had when a rotation issued another in its place, what an
//!   apply [renewed](crate::ClientSecret::renew_before) with, and what is [named by key id](Rotate::retire). The description
//!   alone shows nothing; what bears it and is not known to be ours stays, and is reported
//!   ([`CredentialNotOurs`](crate::ErrorCode::CredentialNotOurs)).
//!   What the report of sign-in activities shows is [told](Rotate::with_activity), and [removed by](Rotate::remove_unused) on
//!   request alone.
//! - What cannot be stored is taken back; where that fails, the report has it with its value. A secret whose response was lost
//!   is found by its own mark and removed.
//! - Nothing is left behind that no report names.
//! - An app for personal accounts has two secrets at most: what has expired goes first, and where there is still no room, the
//!   error [`TooManySecrets`](crate::ErrorCode::TooManySecrets) comes before anything is removed.
//!
//! With a mere [sink](Rotate::secret_sink), such as the standard input of a program, nothing can be proven to be stored: it
//! gets what is issued, and nothing is removed.
//!
//! # Certificates
//! A [`Certificate::generated`](crate::provision::Certificate::generated) is rotated in the same way; the store gets its private
//! key and itself as PEM. Graph replaces the certificates of an app as one list and knows no version of it, so that the list is
//! read, merged, written and read again, and written once more where another writer has overwritten it. An expired certificate
//! cannot stand in a list that is written, and goes with the first write. A certificate that is given is renewed by whoever
//! gives it, and a federated credential has no end.
//!
//! # By the app itself
//! An app that holds a certificate rotates it without any permission and without an administrator, by
//! [`Client::rotate_own_certificate`](crate::Client::rotate_own_certificate): with a proof that it has the key of one that is
//! valid it adds another, and with a proof by that one it removes the earlier. The proof is made by this crate, so that nothing
//! in it can be wrong. The key id of the other follows from that of the earlier one, so that a later run finds what an
//! interrupted one has left, although the app may not read itself.

mod issue;
mod options;
#[cfg(feature = "certificate")]
mod own;
mod report;
mod rotate;
mod run;
mod secret_store;
mod state;
mod wanted;

#[cfg(feature = "certificate")]
pub use own::RotateOwn;
pub use report::{OtherCredential, RotateError, Rotated, RotatedCredential, RotationState};
pub use rotate::Rotate;
pub use secret_store::{MemorySecretStore, SecretStore, StoredCredential};
