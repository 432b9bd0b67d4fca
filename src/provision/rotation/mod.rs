//! Rotation: how the credentials of an app live for years.
mod issue;
mod report;
mod rotate;
mod run;
mod secret_store;
mod state;
mod wanted;

pub use report::{RotateError, Rotated, RotatedCredential, RotationState};
pub use rotate::Rotate;
pub use secret_store::{SecretStore, StoredCredential};
