//! Test controls in place of a user in a browser.

use entra_apps::ids::AppId;
use entra_apps::secrecy::SecretString;

use super::flows::{Account, Platform, Session};
use crate::cloud_state::CloudState;
use crate::data::moment::Moment;
use crate::{MemoryTenant, User};

impl MemoryTenant {
    /// Makes a user sign in automatically from now on, or nobody: requests to `/authorize` and `/adminconsent` succeed
    /// at once, as do device codes, with consent to what the user may consent to. In a cloud it applies to each of its
    /// tenants.
    ///
    /// Without it, the response to such a request is the account picker: a page with a link for each user, which adds
    /// `&_as=` and the user principal name to the request, and one to cancel, which adds `&_cancel=1`; with
    /// `prompt=none` it is `login_required`. A device code stays pending until it is
    /// [approved](Self::approve_device_code), or until its page, `/device`, is submitted.
    ///
    /// # Panics
    /// When neither the tenant nor another of its cloud has the user.
    pub fn auto_sign_in(&self, user: Option<&User>) {
        let mut state = self.state();
        state.cloud.flows.auto_sign_in = user.map(|user| account(&state.cloud, self.0.index, user));
    }

    /// Lets the user who signs in automatically cancel instead of consenting.
    pub fn decline_consent(&self) {
        self.state().cloud.flows.declines_consent = true;
    }

    /// Lets the user who signs in automatically consent again, as at first.
    pub fn give_consent(&self) {
        self.state().cloud.flows.declines_consent = false;
    }

    /// Lets users sign in with a password alone, without a second factor: `amr` in their tokens then has no `mfa`, which
    /// Partner Center refuses.
    pub fn sign_in_without_mfa(&self) {
        self.state().cloud.flows.without_mfa = true;
    }

    /// Lets users sign in with a second factor again, as at first.
    pub fn sign_in_with_mfa(&self) {
        self.state().cloud.flows.without_mfa = false;
    }

    /// Lets a Conditional Access policy of this tenant keep the users of its partners out: external users of the type
    /// service provider, who are refused with AADSTS53003. Members and guests are not concerned.
    pub fn block_service_providers(&self) {
        self.state().directory.blocks_service_providers = true;
    }

    /// Lets the users of this tenant's partners in again, as at first.
    pub fn admit_service_providers(&self) {
        self.state().directory.blocks_service_providers = false;
    }

    /// Lets the tokens of users leave out their directory roles (`wids`), as some do.
    pub fn omit_directory_roles(&self) {
        self.state().cloud.flows.omits_directory_roles = true;
    }

    /// Lets the tokens of users hold their directory roles again, as at first.
    pub fn show_directory_roles(&self) {
        self.state().cloud.flows.omits_directory_roles = false;
    }

    /// Approves a user code: the user signs in and consents. The next poll succeeds, or says why the user could not
    /// sign in.
    ///
    /// # Panics
    /// When no such code is pending, or neither the tenant nor another of its cloud has the user.
    pub fn approve_device_code(&self, user_code: &str, user: &User) {
        let moment = self.sign_in_moment();
        let is_pending = self.with_cloud(|cloud| {
            let account = account(cloud, self.0.index, user);
            cloud.decide_device_code(moment, user_code, Some(&account))
        });
        assert!(is_pending, "no device waits for the code {user_code}");
    }

    /// Declines a user code.
    ///
    /// # Panics
    /// When no such code is pending.
    pub fn decline_device_code(&self, user_code: &str) {
        let moment = self.sign_in_moment();
        let is_pending = self.with_cloud(|cloud| cloud.decide_device_code(moment, user_code, None));
        assert!(is_pending, "no device waits for the code {user_code}");
    }

    /// Signs a user in to a public client with a second factor, as by a browser, and returns the refresh token.
    ///
    /// # Panics
    /// When neither the tenant nor another of its cloud has the user.
    pub fn sign_user_in(&self, app_id: AppId, user: &User) -> SecretString {
        let moment = self.sign_in_moment();
        let mut state = self.state();
        let session = Session {
            client_id: app_id.to_string(),
            account: account(&state.cloud, self.0.index, user),
            tenant: self.0.index,
            scope: String::new(),
            platform: Platform::Public,
            nonce: None,
            has_mfa: true,
            since: moment.now,
            since_wall: moment.wall,
        };
        state.cloud.issue_refresh_token(moment, &session).into()
    }

    /// Revokes the sign-ins of a user: codes and refresh tokens from before are refused with AADSTS50173. Access tokens
    /// stay valid until they expire.
    ///
    /// # Panics
    /// When neither the tenant nor another of its cloud has the user.
    pub fn revoke_sign_in_sessions(&self, user: &User) {
        let Moment { now, wall } = self.sign_in_moment();
        let mut state = self.state();
        let account = account(&state.cloud, self.0.index, user);
        state.cloud.flows.valid_from.insert(account, (now, wall));
    }

    fn sign_in_moment(&self) -> Moment {
        Moment { now: self.clock().monotonic(), wall: self.wall() }
    }
}

fn account(cloud: &CloudState, tenant: usize, user: &User) -> Account {
    let account = cloud.account(tenant, &user.id.to_string());
    account.expect("the tenant, or another of its cloud, has the user")
}
