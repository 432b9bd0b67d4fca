//! Sign-ins in progress: device codes, authorization codes, refresh tokens, and the settings of the test controls.

use std::collections::HashMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::error::SignInError;

/// A user account: its home tenant, and the object id there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) home: usize,
    pub(crate) id: String,
}

/// The kind of app that a user signed in to, which decides how it authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// It has no secret, and must not send one.
    Public,
    /// It must authenticate with a secret or certificate.
    Confidential,
    /// A page in a browser: public, and its requests are cross-origin.
    SinglePage,
}

/// A sign-in of a user to an app.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) client_id: String,
    pub(super) account: Account,
    /// The tenant of the sign-in.
    pub(super) tenant: usize,
    pub(super) scope: String,
    pub(super) platform: Platform,
    pub(super) nonce: Option<String>,
    /// Whether the user signed in with a second factor.
    pub(super) has_mfa: bool,
    /// When the user signed in.
    pub(super) since: Duration,
    pub(super) since_wall: OffsetDateTime,
}

/// A device code with its user code and state.
pub(super) struct DeviceCode {
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    /// The tenant of the path; `None` for `common` and `organizations`.
    pub(super) tenant: Option<usize>,
    pub(super) issued: Duration,
    pub(super) polled: Option<Duration>,
    pub(super) state: DeviceState,
}

/// The state of a device code.
pub(super) enum DeviceState {
    Pending,
    Approved(Session),
    Declined,
    Failed(SignInError),
    Redeemed,
}

/// An authorization code.
pub(super) struct AuthorizationCode {
    pub(super) session: Session,
    pub(super) redirect_uri: String,
    /// The PKCE challenge, and whether it is hashed.
    pub(super) challenge: Option<(String, bool)>,
    pub(super) issued: Duration,
    pub(super) is_redeemed: bool,
}

/// A refresh token.
pub(super) struct RefreshToken {
    pub(super) session: Session,
    pub(super) issued: Duration,
    pub(super) issued_wall: OffsetDateTime,
    pub(super) used: Duration,
}

/// The sign-ins in progress in all tenants of a cloud.
#[derive(Default)]
pub(crate) struct SignInFlows {
    pub(super) devices: HashMap<String, DeviceCode>,
    pub(super) codes: HashMap<String, AuthorizationCode>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    /// The account that signs in automatically.
    pub(super) auto_sign_in: Option<Account>,
    /// Whether that user cancels instead of consenting.
    pub(super) declines_consent: bool,
    /// Whether users sign in without a second factor.
    pub(super) without_mfa: bool,
    /// Whether the tokens of users leave out their directory roles.
    pub(super) omits_directory_roles: bool,
    /// The time from which sign-ins of an account are valid.
    pub(super) valid_from: HashMap<Account, (Duration, OffsetDateTime)>,
    /// When it was last looked for what is out of date.
    swept: Duration,
}

/// How long a refresh token is valid after its last use, except for a single-page app.
pub(super) const REFRESH_TOKEN_MAX_INACTIVITY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long a refresh token of a single-page app is valid.
pub(super) const SPA_REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long an authorization code is valid.
pub(super) const AUTHORIZATION_CODE_LIFETIME: Duration = Duration::from_secs(600);
/// How long a device code is valid.
pub(super) const DEVICE_CODE_LIFETIME: Duration = Duration::from_secs(900);

/// How many device codes, authorization codes and refresh tokens there are at a time, of each: the oldest are removed for
/// more.
pub(crate) const MAX_FLOWS: usize = 10_000;
/// How often what has expired is looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

impl SignInFlows {
    /// Removes what expired long ago, or is too much.
    pub(super) fn remove_expired(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) >= SWEEP_INTERVAL {
            self.swept = now;
            let is_recent = |since: Duration, lifetime: Duration| now.saturating_sub(since) <= lifetime * 2;
            self.devices.retain(|_, device| is_recent(device.issued, DEVICE_CODE_LIFETIME));
            self.codes.retain(|_, code| is_recent(code.issued, AUTHORIZATION_CODE_LIFETIME));
            self.refresh_tokens.retain(|_, token| is_recent(token.used, REFRESH_TOKEN_MAX_INACTIVITY));
        }
        trim(&mut self.devices, |device| device.issued);
        trim(&mut self.codes, |code| code.issued);
        trim(&mut self.refresh_tokens, |token| token.used);
    }

    /// How many codes and tokens are remembered.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> [usize; 3] {
        [self.devices.len(), self.codes.len(), self.refresh_tokens.len()]
    }

    /// The tenant of the code or token that a form redeems.
    pub(super) fn tenant_of_grant<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> Option<usize> {
        let token = || self.refresh_tokens.get(parameter("refresh_token")?).map(|token| token.session.tenant);
        let code = || self.codes.get(parameter("code")?).map(|code| code.session.tenant);
        let device = || match &self.devices.get(parameter("device_code")?)?.state {
            DeviceState::Approved(session) => Some(session.tenant),
            _ => None,
        };
        token().or_else(code).or_else(device)
    }

    /// The device code of a user code, without regard to case, spaces and hyphens.
    pub(super) fn device_code_of(&self, user_code: &str) -> Option<String> {
        let plain = |code: &str| code.replace(['-', ' '], "").to_uppercase();
        let found = self.devices.iter().find(|(_, device)| plain(&device.user_code) == plain(user_code));
        found.map(|(device_code, _)| device_code.clone())
    }
}

/// Makes room for one more where there are too many: a tenth goes at once, the oldest first.
fn trim<T>(all: &mut HashMap<String, T>, since: impl Fn(&T) -> Duration) {
    if all.len() < MAX_FLOWS {
        return;
    }
    let mut ages: Vec<(Duration, String)> = all.iter().map(|(key, it)| (since(it), key.clone())).collect();
    ages.sort_unstable();
    for (_, key) in ages.into_iter().take(MAX_FLOWS / 10) {
        all.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_one_more_and_the_oldest_go_first() {
        let mut all: HashMap<String, Duration> = HashMap::new();
        for number in 0..MAX_FLOWS as u64 - 1 {
            all.insert(number.to_string(), Duration::from_secs(number));
        }
        trim(&mut all, |at| *at);
        assert_eq!(all.len(), MAX_FLOWS - 1);
        all.insert("x".to_owned(), Duration::MAX);
        trim(&mut all, |at| *at);
        let first = MAX_FLOWS / 10;
        assert_eq!(all.len(), MAX_FLOWS - first);
        assert!(!all.contains_key(&(first - 1).to_string()) && all.contains_key(&first.to_string()));
    }
}
