//! *Allow public client flows*: device code, and sign-in without a secret.

use crate::provision::settings::scalar::{Scalar, on_or_off};
use crate::provision::step::StepKind;

impl StepKind {
    /// *Allow public client flows*.
    pub const PUBLIC_CLIENT_FLOWS: Self = Self::new("public_client_flows");
}

pub(super) const PUBLIC_CLIENT_FLOWS: Scalar<bool> = Scalar {
    kind: StepKind::PUBLIC_CLIENT_FLOWS,
    name: "public client flows",
    label: "Allow public client flows",
    place: "Authentication",
    select: &["isFallbackPublicClient"],
    check: |_| Ok(()),
    wanted: |registration| registration.public_client_flows,
    // Null means no.
    read: |app| Some(app.is_fallback_public_client.unwrap_or(false)),
    write: |app, allowed| app.is_fallback_public_client = Some(allowed),
    show: on_or_off,
};
