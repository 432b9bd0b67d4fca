//! What a test, or whoever runs the tenant, does in the place of a person before a browser.

use super::flows::Account;
use crate::cloud_state::CloudState;
use crate::moment::Moment;
use crate::{MemoryTenant, User};

impl MemoryTenant {
    /// Lets a person sign in by themselves from now on, or nobody: requests to `/authorize` and `/adminconsent` succeed
    /// at once, as do device codes. They consent to what they may consent to. In a cloud this is so in each of its
    /// tenants.
    ///
    /// Without it, such a request is answered with a page of links, one for each person, which add `&_as=` and the name
    /// to sign in with to the request, and one to cancel, which adds `&_cancel=1`; with `prompt=none` it is answered
    /// with `login_required`. A device code waits until it is [approved](Self::approve_device_code), or until its page,
    /// `/device`, is answered.
    ///
    /// # Panics
    /// When neither the tenant nor another of its cloud has the person.
    pub fn auto_sign_in(&self, user: Option<&User>) {
        let mut state = self.state();
        state.cloud.flows.auto_sign_in = user.map(|user| account(&state.cloud, self.0.index, user));
    }

    /// Lets the person who signs in by themselves press Cancel wherever they are asked to consent, or no longer.
    pub fn decline_consent(&self, declines: bool) {
        self.state().cloud.flows.declines_consent = declines;
    }

    /// Lets people sign in from now on with a password alone, or again with a second factor: `amr` in their tokens has
    /// no `mfa` then, which Partner Center refuses.
    pub fn sign_in_without_mfa(&self, without: bool) {
        self.state().cloud.flows.without_mfa = without;
    }

    /// Lets a person enter the code that a device shows, sign in and consent. The next request for its token succeeds,
    /// or says why the person could not be let in.
    ///
    /// # Panics
    /// When no such code waits, or neither the tenant nor another of its cloud has the person.
    pub fn approve_device_code(&self, user_code: &str, user: &User) {
        let moment = self.sign_in_moment();
        let waits = self.with_cloud(|cloud| {
            let account = account(cloud, self.0.index, user);
            cloud.decide_device_code(moment, user_code, Some(&account))
        });
        assert!(waits, "no device waits for the code {user_code}");
    }

    /// Lets a person refuse the code that a device shows.
    ///
    /// # Panics
    /// When no such code waits.
    pub fn decline_device_code(&self, user_code: &str) {
        let moment = self.sign_in_moment();
        let waits = self.with_cloud(|cloud| cloud.decide_device_code(moment, user_code, None));
        assert!(waits, "no device waits for the code {user_code}");
    }

    /// Ends what a person is signed in to: codes and refresh tokens from before are refused with AADSTS50173. Access
    /// tokens live on until they expire.
    ///
    /// # Panics
    /// When neither the tenant nor another of its cloud has the person.
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
    account.expect("the tenant, or another of its cloud, has the person")
}
