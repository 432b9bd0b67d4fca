//! What is under way between a request and its token: device codes, authorization codes, refresh tokens; and who sits
//! before the browser.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::error::SignInError;

/// A person's account: the tenant that it is in, and the object id there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) home: usize,
    pub(crate) id: String,
}

/// The kind of app that a person signed in to: it decides what the app shows when it redeems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// It cannot keep a secret, and must not show one.
    Public,
    /// It must show its secret or certificate.
    Confidential,
    /// A page in a browser: public, and its requests come from another origin.
    SinglePage,
}

/// A sign-in of a person to an app.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) client_id: String,
    pub(super) account: Account,
    /// The tenant that was signed in to.
    pub(super) tenant: usize,
    pub(super) scope: String,
    pub(super) platform: Platform,
    pub(super) nonce: Option<String>,
    /// Whether the person showed a second factor.
    pub(super) has_mfa: bool,
    /// When the person signed in.
    pub(super) since: Duration,
    pub(super) since_wall: OffsetDateTime,
}

/// A code that a device shows to a person.
pub(super) struct DeviceCode {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    /// The tenant of the path; none where any was meant.
    pub(super) tenant: Option<usize>,
    pub(super) issued: Duration,
    pub(super) polled: Option<Duration>,
    pub(super) state: DeviceState,
}

pub(super) enum DeviceState {
    Pending,
    Approved(Session),
    Declined,
    Failed(SignInError),
    Redeemed,
}

/// A code that a browser brings back to an app.
pub(super) struct AuthorizationCode {
    pub(super) session: Session,
    pub(super) redirect_uri: String,
    /// The challenge of PKCE, and whether it is hashed.
    pub(super) challenge: Option<(String, bool)>,
    pub(super) issued: Duration,
    pub(super) is_redeemed: bool,
}

/// What keeps a person signed in.
pub(super) struct RefreshToken {
    pub(super) session: Session,
    pub(super) issued: Duration,
    pub(super) issued_wall: OffsetDateTime,
    pub(super) used: Duration,
}

/// What is under way, in all tenants that know of one another.
#[derive(Default)]
pub(crate) struct SignInFlows {
    pub(super) devices: HashMap<String, DeviceCode>,
    pub(super) codes: HashMap<String, AuthorizationCode>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    /// Who signs in by themselves.
    pub(super) auto_sign_in: Option<Account>,
    /// Whether they press Cancel where they are asked to consent.
    pub(super) declines_consent: bool,
    /// Whether a password is enough to sign in.
    pub(super) without_mfa: bool,
    /// From when on the sign-ins of an account are good.
    pub(super) valid_from: HashMap<Account, (Duration, OffsetDateTime)>,
}

/// A refresh token of an app that is no page is good for so long after its last use.
pub(super) const REFRESH_TOKEN_MAX_INACTIVITY: Duration = Duration::from_secs(90 * 24 * 3600);
/// A refresh token of a page in a browser is good for so long.
pub(super) const SPA_REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// An authorization code is good for so long.
pub(super) const AUTHORIZATION_CODE_LIFETIME: Duration = Duration::from_secs(600);
/// A device code is good for so long.
pub(super) const DEVICE_CODE_LIFETIME: Duration = Duration::from_secs(900);

impl SignInFlows {
    /// Forgets what has been of no use for long.
    pub(super) fn remove_expired(&mut self, now: Duration) {
        let is_recent = |since: Duration, state: Duration| now.saturating_sub(since) <= state * 2;
        self.devices.retain(|_, device| is_recent(device.issued, DEVICE_CODE_LIFETIME));
        self.codes.retain(|_, code| is_recent(code.issued, AUTHORIZATION_CODE_LIFETIME));
        self.refresh_tokens.retain(|_, token| is_recent(token.used, REFRESH_TOKEN_MAX_INACTIVITY));
    }

    /// The tenant of what a form redeems.
    pub(super) fn tenant_of_grant<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> Option<usize> {
        let token = || self.refresh_tokens.get(parameter("refresh_token")?).map(|token| token.session.tenant);
        let code = || self.codes.get(parameter("code")?).map(|code| code.session.tenant);
        let device = || match &self.devices.get(parameter("device_code")?)?.state {
            DeviceState::Approved(session) => Some(session.tenant),
            _ => None,
        };
        token().or_else(code).or_else(device)
    }

    /// The device code that belongs to what a person has read off a screen.
    pub(super) fn device_code_of(&self, user_code: &str) -> Option<String> {
        let plain = |code: &str| code.replace(['-', ' '], "").to_uppercase();
        let found = self.devices.iter().find(|(_, device)| plain(&device.user_code) == plain(user_code));
        found.map(|(device_code, _)| device_code.clone())
    }
}
