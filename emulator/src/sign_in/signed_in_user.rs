//! Which person signs in to a tenant, and as what: a member, a guest, or a partner.

use std::sync::Arc;

use serde_json::Value;

use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::flows::Account;
use crate::call::DelegatedUser;
use crate::cloud_state::CloudState;
use crate::json::{same, text};
use crate::object_store::{ObjectState, ReplicaView};

/// A person in a tenant.
#[derive(Clone, Debug)]
pub(super) struct SignedInUser {
    pub(super) account: Account,
    /// The person as Graph knows them here; the scopes, and how they have signed in, are still to come.
    pub(super) person: DelegatedUser,
    /// The user in the tenant, or else in the partner's own.
    pub(super) user: Arc<Value>,
    /// The name to sign in with.
    pub(super) name: String,
    /// The directory roles in the tenant, by template id.
    pub(super) roles: Vec<String>,
    /// The person is in no directory here: the tenant is a customer of theirs.
    pub(super) is_partner: bool,
}

impl CloudState {
    /// The account of an object id, or of a name to sign in with.
    pub(crate) fn account(&self, first: usize, id_or_name: &str) -> Option<Account> {
        let others = self.tenants().map(|(place, _)| place).filter(|place| *place != first);
        std::iter::once(first).chain(others).find_map(|home| {
            let users = &self[home].directory.users;
            let by_name = || users.seen_having("userPrincipalName", id_or_name, ReplicaView::PRESENT).pop();
            let found = users.live(id_or_name).cloned().or_else(|| by_name().map(|seen| seen.value))?;
            Some(Account { home, id: text(&found, "id").to_owned() })
        })
    }

    /// The user of an account, in its own tenant.
    pub(super) fn home_user(&self, account: &Account) -> SignInResult<Arc<Value>> {
        let directory = &self[account.home].directory;
        let Some(user) = directory.users.live(&account.id) else {
            let message = format!(
                "The user account {{EUII Hidden}} does not exist in the {} directory. To sign into this application, \
                    the account must be added to the directory.",
                directory.tenant_id
            );
            return Err(SignInError::invalid_grant(50034, message));
        };
        if user["accountEnabled"] == false {
            return Err(SignInError::invalid_grant(50057, "The user account is disabled."));
        }
        Ok(Arc::clone(user))
    }

    /// The person of an account in a tenant.
    pub(super) fn who(&self, at: usize, account: &Account, client: &ClientApp) -> SignInResult<SignedInUser> {
        let home_user = self.home_user(account)?;
        let name = text(&home_user, "userPrincipalName").to_owned();
        let here = if account.home == at { Some(Arc::clone(&home_user)) } else { self.guest(at, &home_user) };
        if let Some(user) = here {
            if user["accountEnabled"] == false {
                return Err(SignInError::invalid_grant(50057, "The user account is disabled."));
            }
            let id = text(&user, "id").to_owned();
            let person = DelegatedUser {
                home: self[at].directory.tenant_id,
                scopes: Vec::new(),
                mfa: false,
                is_guest: text(&user, "userType") == "Guest",
                id: id.clone(),
            };
            let roles = self.roles_of(at, &id);
            return Ok(SignedInUser { account: account.clone(), person, user, name, roles, is_partner: false });
        }
        let roles = self.guest_roles(at, account.home, &account.id);
        if roles.is_empty() {
            let directory = &self[at].directory;
            let message = format!(
                "User account '{{EUII Hidden}}' from identity provider 'https://sts.windows.net/{}/' does not exist \
                    in tenant '{}' and cannot access the application '{}'({}) in that tenant. The account needs to be \
                    added as an external user in the tenant first. Sign out and sign in again with a different Azure \
                    Active Directory user account.",
                self[account.home].directory.tenant_id, directory.display_name, client.app_id, client.name
            );
            return Err(SignInError::invalid_grant(50020, message));
        }
        let person = DelegatedUser {
            id: account.id.clone(),
            home: self[account.home].directory.tenant_id,
            scopes: Vec::new(),
            is_guest: true,
            mfa: false,
        };
        Ok(SignedInUser { account: account.clone(), person, user: home_user, name, roles, is_partner: true })
    }

    /// The guest of a tenant that a user of another tenant is: by the name that invitations give, or by the address.
    fn guest(&self, at: usize, user: &Value) -> Option<Arc<Value>> {
        let name = text(user, "userPrincipalName");
        let invited = format!("{}#ext#", name.replace('@', "_")).to_lowercase();
        let mut all = self[at].directory.users.all(ObjectState::Live, ReplicaView::PRESENT);
        let found = all.find(|seen| {
            text(&seen.value, "userType") == "Guest"
                && (text(&seen.value, "userPrincipalName").to_lowercase().starts_with(&invited)
                    || same(text(&seen.value, "mail"), name))
        });
        found.map(|seen| seen.value)
    }

    /// The directory roles of a person: their own, and those of their groups.
    fn roles_of(&self, at: usize, id: &str) -> Vec<String> {
        let directory = &self[at].directory;
        let groups = directory.members.reach(id);
        let mut roles: Vec<String> = Vec::new();
        for held in
            std::iter::once(id).chain(groups.iter().map(String::as_str)).filter_map(|id| directory.roles.get(id))
        {
            roles.extend(held.iter().filter(|role| !roles.contains(role)).cloned().collect::<Vec<_>>());
        }
        roles
    }
}
