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
    pub(super) at: usize,
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
    pub(super) at: Option<usize>,
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
pub(crate) struct Flows {
    pub(super) devices: HashMap<String, DeviceCode>,
    pub(super) codes: HashMap<String, AuthorizationCode>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    /// Who signs in by themselves.
    pub(super) signed_in: Option<Account>,
    /// Whether they press Cancel where they are asked to consent.
    pub(super) declines_consent: bool,
    /// Whether a password is enough to sign in.
    pub(super) without_mfa: bool,
    /// From when on the sign-ins of an account are good.
    pub(super) valid_from: HashMap<Account, (Duration, OffsetDateTime)>,
    /// When it was last looked for what is out of date.
    swept: Duration,
}

/// A refresh token of an app that is no page is good for so long after its last use.
pub(super) const INACTIVE: Duration = Duration::from_secs(90 * 24 * 3600);
/// A refresh token of a page in a browser is good for so long.
pub(super) const SINGLE_PAGE: Duration = Duration::from_secs(24 * 3600);
/// An authorization code is good for so long.
pub(super) const CODE: Duration = Duration::from_secs(600);
/// A device code is good for so long.
pub(super) const DEVICE: Duration = Duration::from_secs(900);

/// How many device codes, authorization codes and refresh tokens there are at a time, of each: the oldest are forgotten for
/// more.
pub(crate) const MAX_FLOWS: usize = 10_000;
/// What is out of date is looked for so often.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

impl Flows {
    /// Forgets what has been of no use for long, or is too much.
    pub(super) fn forget(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) >= SWEEP_INTERVAL {
            self.swept = now;
            let is_recent = |since: Duration, life: Duration| now.saturating_sub(since) <= life * 2;
            self.devices.retain(|_, device| is_recent(device.issued, DEVICE));
            self.codes.retain(|_, code| is_recent(code.issued, CODE));
            self.refresh_tokens.retain(|_, token| is_recent(token.used, INACTIVE));
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

    /// The tenant of what a form redeems.
    pub(super) fn place<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> Option<usize> {
        let token = || self.refresh_tokens.get(parameter("refresh_token")?).map(|token| token.session.at);
        let code = || self.codes.get(parameter("code")?).map(|code| code.session.at);
        let device = || match &self.devices.get(parameter("device_code")?)?.state {
            DeviceState::Approved(session) => Some(session.at),
            _ => None,
        };
        token().or_else(code).or_else(device)
    }

    /// The device code that belongs to what a person has read off a screen.
    pub(super) fn device_of(&self, user_code: &str) -> Option<String> {
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
