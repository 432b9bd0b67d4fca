//! The device code flow: a device without a browser shows a code, and the user enters it elsewhere.
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
use super::flows::{Account, DEVICE_CODE_LIFETIME, DeviceCode, DeviceState, Platform, Session};
use super::form::Form;
use super::response::json_response;
use super::scopes::Scopes;
use super::user_tokens::ValidatedGrant;
use super::{SignInRequest, Tenancy};
use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;
use crate::data::moment::Moment;

/// The minimum time between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How much too early a poll may arrive, because requests take time.
const POLL_TOLERANCE: Duration = Duration::from_millis(500);

impl CloudState {
    /// Handles `POST /{tenant}/oauth2/v2.0/devicecode`.
    pub(super) fn start_device_code(&mut self, request: &SignInRequest<'_>) -> SignInResult<Response<Bytes>> {
        let form = request.post_form()?;
        let client_id = form.required("client_id")?;
        let tenant = match self.tenancy(request)? {
            Tenancy::One(tenant) => {
                self.client(tenant, client_id, request.view(&self[tenant].directory))?;
                Some(tenant)
            }
            Tenancy::Any => {
                self.client_anywhere(request.tenant, client_id, request.view(&self[request.tenant].directory))?;
                None
            }
        };
        let scope = form.required("scope")?;
        Scopes::parse(scope)?;
        let directory = &self[tenant.unwrap_or(request.tenant)].directory;
        let user_code = user_code(directory.new_id());
        let random = [directory.new_id(), directory.new_id()].map(uuid::Uuid::into_bytes).concat();
        let device_code = URL_SAFE_NO_PAD.encode(random);
        let code = DeviceCode {
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            tenant,
            issued: request.now,
            polled: None,
            state: DeviceState::Pending,
        };
        self.flows.remove_expired(request.now);
        self.flows.devices.insert(device_code.clone(), code);
        let uri = match request.authority() {
            microsoft if is_microsoft(microsoft) => "https://login.microsoft.com/device".to_owned(),
            own => format!("{own}/device"),
        };
        let body = json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": uri,
            "expires_in": DEVICE_CODE_LIFETIME.as_secs(),
            "interval": POLL_INTERVAL.as_secs(),
            "message": format!(
                "To sign in, use a web browser to open the page {uri} and enter the code {user_code} to authenticate."
            ),
        });
        Ok(json_response(StatusCode::OK, &body))
    }

    /// Handles a poll: issues tokens if the user has approved.
    pub(super) fn redeem_device_code(&mut self, request: &SignInRequest<'_>, form: &Form) -> SignInResult<Value> {
        let client_id = form.required("client_id")?;
        let device_code = form.optional("device_code").or(form.optional("code"));
        let device_code = device_code.map_or_else(|| form.required("device_code"), Ok)?;
        let tenancy = self.tenancy(request)?;
        let Some(device) = self.flows.devices.get(device_code) else {
            let message = "The provided value for the input parameter 'device_code' is not valid.";
            return Err(SignInError::new("bad_verification_code", 70018, message));
        };
        let tenant = match (device.tenant, tenancy) {
            (Some(issued), Tenancy::One(polled)) if issued != polled => {
                let message = "Provided device code is intended to use against other tenant, thus rejected.";
                return Err(SignInError::invalid_grant(700_005, message));
            }
            (Some(tenant), _) | (None, Tenancy::One(tenant)) => Some(tenant),
            (None, Tenancy::Any) => None,
        };
        if !eq_ignore_case(&device.client_id, client_id) {
            let message = "The provided value for the input parameter 'device_code' is not valid. It was issued to \
                another client.";
            return Err(SignInError::new("bad_verification_code", 70018, message));
        }
        let view = request.view(&self[tenant.unwrap_or(request.tenant)].directory);
        let client = match tenant {
            Some(tenant) => self.client(tenant, client_id, view)?,
            None => self.client_anywhere(request.tenant, client_id, view)?,
        };
        let auth_method = self.authenticate_redeemer(
            request,
            form,
            tenant.or(client.home).unwrap_or(request.tenant),
            &client,
            platform(&client),
        )?;
        if let (Some(account), Some(DeviceState::Pending)) =
            (self.flows.auto_sign_in.clone(), self.flows.devices.get(device_code).map(|device| &device.state))
        {
            self.approve_device_login(request.moment(), device_code, tenant, &account);
        }
        let session = self.poll_device_code(request, device_code)?;
        let scopes = Scopes::parse(&session.scope)?;
        let client = self.client(session.tenant, client_id, request.without_lag())?;
        let grant = ValidatedGrant {
            client: &client,
            session: &session,
            scopes: &scopes,
            auth_method,
            view: request.without_lag(),
            with_refresh_token: scopes.offline_access,
        };
        self.issue_tokens(request, form, &grant)
    }

    /// The session of an approved device code, which can be redeemed once.
    fn poll_device_code(&mut self, request: &SignInRequest<'_>, device_code: &str) -> SignInResult<Session> {
        // The caller has looked it up.
        let Some(device) = self.flows.devices.get_mut(device_code) else {
            return Err(SignInError::new("bad_verification_code", 70018, "The device code is not valid."));
        };
        let since = device.polled.replace(request.now).map(|polled| request.now.saturating_sub(polled));
        if request.now.saturating_sub(device.issued) >= DEVICE_CODE_LIFETIME
            && !matches!(device.state, DeviceState::Redeemed)
        {
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
                if since.is_some_and(|since| since + POLL_TOLERANCE < POLL_INTERVAL) {
                    let message = "OAuth 2.0 device flow error. The client polls too often. Wait longer between \
                        requests.";
                    return Err(SignInError::new("slow_down", 70016, message));
                }
                let message = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(SignInError::new("authorization_pending", 70016, message))
            }
        }
    }

    /// Signs a user in to the app of a device code, with the consent that it needs.
    fn approve_device_login(&mut self, moment: Moment, device_code: &str, tenant: Option<usize>, account: &Account) {
        let Some(device) = self.flows.devices.get(device_code) else { return };
        let tenant = tenant.unwrap_or(account.home);
        let client = self.client(tenant, &device.client_id, moment.without_lag());
        let session = Session {
            client_id: device.client_id.clone(),
            account: account.clone(),
            tenant,
            scope: device.scope.clone(),
            platform: client.as_ref().map_or(Platform::Public, platform),
            nonce: None,
            has_mfa: !self.flows.without_mfa,
            since: moment.now,
            since_wall: moment.wall,
        };
        let state = match client.and_then(|client| self.consent_for_device(moment, client, &session)) {
            Ok(()) => DeviceState::Approved(session),
            Err(error) if error.error_name() == "access_denied" && error.code() == Some(65004) => DeviceState::Declined,
            Err(error) => DeviceState::Failed(error.for_token_endpoint()),
        };
        if let Some(device) = self.flows.devices.get_mut(device_code) {
            device.state = state;
        }
    }

    /// Lets the user consent to the missing permissions.
    fn consent_for_device(&mut self, moment: Moment, mut client: ClientApp, session: &Session) -> SignInResult<()> {
        let user = self.signed_in_user(session.tenant, &session.account, &client)?;
        let scopes = Scopes::parse(&session.scope)?;
        self.consent_interactively(moment, session.tenant, &mut client, &user, &scopes, false)
    }

    /// Approves or declines a user code; returns whether one was pending.
    pub(crate) fn decide_device_code(&mut self, moment: Moment, user_code: &str, account: Option<&Account>) -> bool {
        let Some(device_code) = self.flows.device_code_of(user_code) else { return false };
        let Some(device) = self.flows.devices.get_mut(&device_code) else { return false };
        let is_due = matches!(device.state, DeviceState::Pending)
            && moment.now.saturating_sub(device.issued) < DEVICE_CODE_LIFETIME;
        if !is_due {
            return false;
        }
        let Some(account) = account else {
            device.state = DeviceState::Declined;
            return true;
        };
        let tenant = device.tenant;
        self.approve_device_login(moment, &device_code, tenant, account);
        true
    }
}

/// The platform of an app in a flow without a redirect URI.
fn platform(client: &ClientApp) -> Platform {
    match client.application["isFallbackPublicClient"] == true {
        true => Platform::Public,
        false => Platform::Confidential,
    }
}

/// A user code: nine letters and digits that are not easily confused.
fn user_code(random: uuid::Uuid) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    random.as_bytes()[..9].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
