//! The redirect URIs of the three platforms.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorCode};
use crate::model::Application;
use crate::provision::comparison::Comparison;
use crate::provision::findings::Findings;
use crate::provision::redirect_uri::{Platform, RedirectUri};
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::settings::Setting;
use crate::provision::step::{Action, Step, StepId, StepKind, Subject};

impl StepKind {
    /// A redirect URI that the registration names.
    pub const REDIRECT_URI: Self = Self::new("redirect_uri");
    /// A redirect URI that it does not name.
    pub const SURPLUS_REDIRECT_URI: Self = Self::surplus("surplus_redirect_uri");
}

const PLATFORMS: [Platform; 3] = [Platform::Web, Platform::Spa, Platform::PublicClient];

pub(super) struct RedirectUris;

impl Setting for RedirectUris {
    fn kind(&self) -> StepKind {
        StepKind::REDIRECT_URI
    }

    fn name(&self) -> &'static str {
        "the redirect URIs"
    }

    fn select(&self) -> &'static [&'static str] {
        &["web/redirectUris", "spa/redirectUris", "publicClient/redirectUris"]
    }

    fn check(&self, registration: &AppRegistration, findings: &mut Findings) {
        let uris = &registration.redirect_uris;
        let personal = allows_personal_accounts(&registration.audience);
        let max = if personal { 100 } else { 256 };
        if uris.len() > max {
            let message = format!("there are more than {max} redirect URIs");
            findings.add(Error::new(ErrorCode::TooManyRedirectUris).with_message(message));
        }
        for (index, uri) in uris.iter().enumerate() {
            if personal {
                findings.add_result(uri.check_personal_accounts());
            }
            if let Some(earlier) = uris[..index].iter().find(|other| other.is_same_address(uri)) {
                findings.add(Error::new(ErrorCode::RedirectUriTwice).with_message(format!(
                    "the redirect URI {} stands twice: {} and {}",
                    uri.as_str(),
                    earlier.platform().portal_name(),
                    uri.platform().portal_name()
                )));
            }
        }
    }

    /// Refuses a redirect URI that the application has for another platform, or in other capitals: Entra holds each once.
    fn check_observed(&self, it: &Comparison<'_>, findings: &mut Findings) {
        let Some(app) = it.app().filter(|_| !it.registration.remove_surplus) else { return };
        let observed = observed(app);
        for uri in it.registration.redirect_uris.iter().filter(|uri| !observed.contains(uri)) {
            let Some(other) = observed.iter().find(|other| other.is_same_address(uri)) else { continue };
            findings.add(if other.platform() == uri.platform() {
                Error::new(ErrorCode::RedirectUriDiffersInCase)
                    .with_message(format!("the redirect URI {uri} stands there in other capitals: {}", other.as_str()))
            } else {
                Error::new(ErrorCode::RedirectUriOfAnotherPlatform).with_message(format!(
                    "the redirect URI {} stands under {}, and is wanted under {}",
                    uri.as_str(),
                    other.platform().portal_name(),
                    uri.platform().portal_name()
                ))
            });
        }
    }

    fn change(&self, it: &Comparison<'_>, app: &mut Application) {
        for platform in PLATFORMS {
            let wanted: Vec<&str> = it
                .registration
                .redirect_uris
                .iter()
                .filter(|uri| uri.platform() == platform)
                .map(RedirectUri::as_str)
                .collect();
            let mut uris = uris_of(app, platform).to_vec();
            uris.retain(|uri| !it.registration.remove_surplus || wanted.contains(&uri.as_str()));
            let missing: Vec<String> =
                wanted.iter().filter(|uri| !uris.iter().any(|there| there == *uri)).map(ToString::to_string).collect();
            uris.extend(missing);
            if uris != uris_of(app, platform) {
                *uris_of_mut(app, platform) = uris;
            }
        }
    }

    fn steps(&self, it: &Comparison<'_>, steps: &mut Vec<Step>) {
        let observed = it.app().map(observed).unwrap_or_default();
        let wanted = &it.registration.redirect_uris;
        let id = |kind, uri: &RedirectUri| StepId::of(kind, Subject::RedirectUri(uri.clone()));
        for uri in wanted {
            let action = if observed.contains(uri) { Action::Unchanged } else { Action::Add };
            let remedy = "Apply the registration, or add it under Authentication, letter for letter.";
            let step = Step::new(id(StepKind::REDIRECT_URI, uri), action).plan(format!("redirect URI {uri}"));
            steps.push(step.check(format!("Redirect URI {uri}"), remedy));
        }
        for uri in observed.iter().filter(|uri| !wanted.contains(uri)) {
            let what = format!("redirect URI {uri}");
            let remedy = "Take it away under Authentication, if nothing else needs it; a registration that removes what is \
                          surplus does it.";
            let step = it.surplus(id(StepKind::SURPLUS_REDIRECT_URI, uri), &what);
            steps.push(step.check(format!("Nothing more than needed: {what}"), remedy).not_required());
        }
    }

    fn refused_values(&self, app: &Application) -> Vec<(Subject, Error)> {
        let personal = app.sign_in_audience.as_ref().is_some_and(allows_personal_accounts);
        let check = |uri: &RedirectUri| {
            let checked = RedirectUri::new(uri.platform(), uri.as_str());
            checked.and_then(|uri| if personal { uri.check_personal_accounts() } else { Ok(()) })
        };
        let uris = observed(app).into_iter();
        uris.filter_map(|uri| check(&uri).err().map(|error| (Subject::RedirectUri(uri), error))).collect()
    }

    fn facts(&self, app: &Application) -> BTreeSet<String> {
        observed(app).iter().map(|uri| format!("redirect URI {uri}")).collect()
    }
}

/// The redirect URIs that an application has, sorted: the service keeps no order.
fn observed(app: &Application) -> Vec<RedirectUri> {
    let of = |platform| uris_of(app, platform).iter().map(move |uri| RedirectUri::observed(platform, uri));
    let mut all: Vec<RedirectUri> = PLATFORMS.into_iter().flat_map(of).collect();
    all.sort();
    all
}

fn uris_of(app: &Application, platform: Platform) -> &[String] {
    match platform {
        Platform::Web => app.web.as_ref().map(|web| &web.redirect_uris),
        Platform::Spa => app.spa.as_ref().map(|spa| &spa.redirect_uris),
        Platform::PublicClient => app.public_client.as_ref().map(|client| &client.redirect_uris),
    }
    .map(Vec::as_slice)
    .unwrap_or_default()
}

fn uris_of_mut(app: &mut Application, platform: Platform) -> &mut Vec<String> {
    match platform {
        Platform::Web => &mut app.web.get_or_insert_default().redirect_uris,
        Platform::Spa => &mut app.spa.get_or_insert_default().redirect_uris,
        Platform::PublicClient => &mut app.public_client.get_or_insert_default().redirect_uris,
    }
}
