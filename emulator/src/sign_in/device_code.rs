//! Devices without a browser: they show a code, a person enters it elsewhere.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code>

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::client_app::ClientApp;
use super::discovery::is_microsoft;
use super::error::{SignInError, SignInResult};
use super::flows::{Account, DEVICE, DeviceCode, DeviceState, Platform, Session};
use super::form::Form;
use super::response::json_response;
use super::scopes::Scopes;
use super::user_tokens::ValidatedGrant;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;
use crate::json::same;
use crate::moment::Moment;

/// How long a client waits before it asks again.
const INTERVAL: Duration = Duration::from_secs(5);
/// A client may be early by so much: its requests take their time to come here.
const TOLERANCE: Duration = Duration::from_millis(500);

impl CloudState {
    /// Answers `POST /{tenant}/oauth2/v2.0/devicecode`.
    pub(super) fn start_device(&mut self, asking: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let form = asking.posted()?;
        let client_id = form.required("client_id")?;
        let at = match self.tenancy(asking)? {
            Tenancy::One(at) => {
                self.client(at, client_id, asking.view(&self[at].directory))?;
                Some(at)
            }
            Tenancy::Any => {
                self.client_anywhere(asking.at, client_id, asking.view(&self[asking.at].directory))?;
                None
            }
        };
        let scope = form.required("scope")?;
        Scopes::parse(scope)?;
        let directory = &self[at.unwrap_or(asking.at)].directory;
        let user_code = user_code(directory.new_id());
        let chance = [directory.new_id(), directory.new_id()].map(uuid::Uuid::into_bytes).concat();
        let device_code = URL_SAFE_NO_PAD.encode(chance);
        let code = DeviceCode {
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            at,
            issued: asking.now,
            polled: None,
            state: DeviceState::Pending,
        };
        self.flows.forget(asking.now);
        self.flows.devices.insert(device_code.clone(), code);
        let uri = match asking.authority() {
            microsoft if is_microsoft(microsoft) => "https://login.microsoft.com/device".to_owned(),
            own => format!("{own}/device"),
        };
        let body = json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": uri,
            "expires_in": DEVICE.as_secs(),
            "interval": INTERVAL.as_secs(),
            "message": format!(
                "To sign in, use a web browser to open the page {uri} and enter the code {user_code} to authenticate."
            ),
        });
        Ok(json_response(StatusCode::OK, &body))
    }

    /// Redeems a device code, if its person has approved by now.
    pub(super) fn poll_device(&mut self, asking: &SignInRequest<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let device_code = form.optional("device_code").or(form.optional("code"));
        let device_code = device_code.map_or_else(|| form.required("device_code"), Ok)?;
        let tenancy = self.tenancy(asking)?;
        let Some(device) = self.flows.devices.get(device_code) else {
            let message = "The provided value for the input parameter 'device_code' is not valid.";
            return Err(SignInError::new("bad_verification_code", 70018, message));
        };
        let at = match (device.at, tenancy) {
            (Some(issued), Tenancy::One(polled)) if issued != polled => {
                let message = "Provided device code is intended to use against other tenant, thus rejected.";
                return Err(SignInError::invalid_grant(700_005, message));
            }
            (Some(at), _) | (None, Tenancy::One(at)) => Some(at),
            (None, Tenancy::Any) => None,
        };
        if !same(&device.client_id, client_id) {
            let message = "The provided value for the input parameter 'device_code' is not valid. It was issued to \
                another client.";
            return Err(SignInError::new("bad_verification_code", 70018, message));
        }
        let view = asking.view(&self[at.unwrap_or(asking.at)].directory);
        let client = match at {
            Some(at) => self.client(at, client_id, view)?,
            None => self.client_anywhere(asking.at, client_id, view)?,
        };
        let proof = self.redeemer(asking, form, at.or(client.home).unwrap_or(asking.at), &client, platform(&client))?;
        if let (Some(account), Some(DeviceState::Pending)) =
            (self.flows.signed_in.clone(), self.flows.devices.get(device_code).map(|device| &device.state))
        {
            self.approve_device(asking.moment(), device_code, at, &account);
        }
        let session = self.poll(asking, device_code)?;
        let scopes = Scopes::parse(&session.scope)?;
        let client = self.client(session.at, client_id, asking.without_lag())?;
        let issue = ValidatedGrant {
            client: &client,
            session: &session,
            scopes: &scopes,
            proof,
            view: asking.without_lag(),
            stays: scopes.offline_access,
        };
        self.issue(asking, form, &issue)
    }

    /// The session of a device code that its person has approved; it is good for one use.
    fn poll(&mut self, asking: &SignInRequest<'_>, device_code: &str) -> SignInResult<Session> {
        // The caller has found it.
        let Some(device) = self.flows.devices.get_mut(device_code) else {
            return Err(SignInError::new("bad_verification_code", 70018, "The device code is not valid."));
        };
        let since = device.polled.replace(asking.now).map(|polled| asking.now.saturating_sub(polled));
        if asking.now.saturating_sub(device.issued) >= DEVICE && !matches!(device.state, DeviceState::Redeemed) {
            let message = "The provided value for the input parameter 'device_code' is not valid. This device code \
                has expired.";
            return Err(SignInError::new("expired_token", 70020, message));
        }
        match std::mem::replace(&mut device.state, DeviceState::Redeemed) {
            DeviceState::Approved(session) => Ok(session),
            DeviceState::Declined => {
                device.state = DeviceState::Declined;
                let message = "The end-user denied the authorization request.";
                Err(SignInError::new("authorization_declined", 70017, message))
            }
            DeviceState::Failed(error) => {
                device.state = DeviceState::Failed(error.clone());
                Err(error)
            }
            DeviceState::Redeemed => {
                let message = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or \
                    use an existing refresh token.";
                Err(SignInError::invalid_grant(54005, message))
            }
            DeviceState::Pending => {
                device.state = DeviceState::Pending;
                if since.is_some_and(|since| since + TOLERANCE < INTERVAL) {
                    let message = "OAuth 2.0 device flow error. The client polls too often. Wait longer between \
                        requests.";
                    return Err(SignInError::new("slow_down", 70016, message));
                }
                let message = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(SignInError::new("authorization_pending", 70016, message))
            }
        }
    }

    /// Signs a person in to the app of a device code, with the consent that it needs.
    fn approve_device(&mut self, moment: Moment, device_code: &str, at: Option<usize>, account: &Account) {
        let Some(device) = self.flows.devices.get(device_code) else { return };
        let at = at.unwrap_or(account.home);
        let client = self.client(at, &device.client_id, moment.without_lag());
        let session = Session {
            client_id: device.client_id.clone(),
            account: account.clone(),
            at,
            scope: device.scope.clone(),
            platform: client.as_ref().map_or(Platform::Public, platform),
            nonce: None,
            has_mfa: !self.flows.without_mfa,
            since: moment.now,
            since_wall: moment.wall,
        };
        let state = match client.and_then(|client| self.enter(moment, client, &session)) {
            Ok(()) => DeviceState::Approved(session),
            Err(error) if error.error() == "access_denied" && error.number() == Some(65004) => DeviceState::Declined,
            Err(error) => DeviceState::Failed(error.for_a_program()),
        };
        if let Some(device) = self.flows.devices.get_mut(device_code) {
            device.state = state;
        }
    }

    /// Lets a person in whom a screen asks for what is missing.
    fn enter(&mut self, moment: Moment, mut client: ClientApp, session: &Session) -> SignInResult<()> {
        let who = self.who(session.at, &session.account, &client)?;
        let scopes = Scopes::parse(&session.scope)?;
        self.interact(moment, session.at, &mut client, &who, &scopes, false)
    }

    /// Approves or declines the code that a device shows; tells whether there is such a code that waits.
    pub(crate) fn answer_device(&mut self, moment: Moment, user_code: &str, account: Option<&Account>) -> bool {
        let Some(device_code) = self.flows.device_of(user_code) else { return false };
        let Some(device) = self.flows.devices.get_mut(&device_code) else { return false };
        let is_due = matches!(device.state, DeviceState::Pending) && moment.now.saturating_sub(device.issued) < DEVICE;
        if !is_due {
            return false;
        }
        let Some(account) = account else {
            device.state = DeviceState::Declined;
            return true;
        };
        let at = device.at;
        self.approve_device(moment, &device_code, at, account);
        true
    }
}

/// Whether an app that nothing else says it of is a public client.
fn platform(client: &ClientApp) -> Platform {
    match client.application["isFallbackPublicClient"] == true {
        true => Platform::Public,
        false => Platform::Confidential,
    }
}

/// Nine letters and digits that are not easily mistaken.
fn user_code(chance: uuid::Uuid) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    chance.as_bytes()[..9].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
