//! The front-channel logout URL.

use crate::provision::page_url::LogoutUrl;
use crate::provision::settings::scalar::Scalar;
use crate::provision::step::StepKind;

impl StepKind {
    /// The URL by which Entra tells the app that a user signed out.
    pub const LOGOUT_URL: Self = Self::new("logout_url");
}

pub(super) const LOGOUT_URL: Scalar<String> = Scalar {
    kind: StepKind::LOGOUT_URL,
    name: "the logout URL",
    label: "Logout URL",
    place: "Authentication",
    select: &["web/logoutUrl"],
    check: |url| LogoutUrl::new(url.as_str()).map(drop),
    wanted: |registration| registration.logout_url.as_ref().map(ToString::to_string),
    read: |app| app.web.as_ref()?.logout_url.clone(),
    write: |app, url| app.web.get_or_insert_default().logout_url = Some(url),
    show: Clone::clone,
};
