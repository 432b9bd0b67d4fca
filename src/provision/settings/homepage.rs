//! The home page.

use crate::provision::page_url::PageUrl;
use crate::provision::settings::scalar::Scalar;
use crate::provision::step::StepKind;

impl StepKind {
    /// The home page of the app.
    pub const HOMEPAGE: Self = Self::new("homepage");
}

pub(super) const HOMEPAGE: Scalar<String> = Scalar {
    kind: StepKind::HOMEPAGE,
    name: "the home page",
    label: "Home page",
    place: "Branding & properties",
    select: &["web/homePageUrl"],
    check: |url| PageUrl::new(url.as_str()).map(drop),
    wanted: |registration| registration.homepage.as_ref().map(ToString::to_string),
    read: |app| app.web.as_ref()?.home_page_url.clone(),
    write: |app, url| app.web.get_or_insert_default().home_page_url = Some(url),
    show: Clone::clone,
};
