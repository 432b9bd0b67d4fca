//! The user who signs in to a tenant: as a member, a guest, or a partner.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::client_app::ClientApp;
use super::error::{SignInError, SignInResult};
use super::flows::Account;
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::data::object_store::{ObjectState, ReplicaView};
use crate::graph::call::DelegatedUser;

/// A user who signs in to a tenant.
#[derive(Clone, Debug)]
pub(super) struct SignedInUser {
    pub(super) account: Account,
    /// The user as Graph sees them here, without scopes and second factor.
    pub(super) delegated_user: DelegatedUser,
    /// The user object in the tenant, or else in the partner's.
    pub(super) object: Arc<Value>,
    /// The user principal name.
    pub(super) principal_name: String,
    /// The directory roles in the tenant, by template id.
    pub(super) roles: Vec<String>,
    /// Whether the user is in no directory here, because the tenant is a customer of theirs.
    pub(super) is_partner: bool,
}

impl CloudState {
    /// The account of an object id or user principal name.
    pub(crate) fn account(&self, first: usize, id_or_name: &str) -> Option<Account> {
        let others = self.tenants().map(|(index, _)| index).filter(|index| *index != first);
        std::iter::once(first).chain(others).find_map(|home| {
            let users = &self[home].directory.users;
            let by_name = || users.visible_by("userPrincipalName", id_or_name, ReplicaView::CURRENT).pop();
            let found = users.live(id_or_name).cloned().or_else(|| by_name().map(|visible| visible.value))?;
            Some(Account { home, id: text(&found, "id").to_owned() })
        })
    }

    /// The user object of an account, in its home tenant.
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

    /// The user of an account in a tenant.
    pub(super) fn signed_in_user(
        &self,
        tenant: usize,
        account: &Account,
        client: &ClientApp,
    ) -> SignInResult<SignedInUser> {
        let home_user = self.home_user(account)?;
        let principal_name = text(&home_user, "userPrincipalName").to_owned();
        let local_user =
            if account.home == tenant { Some(Arc::clone(&home_user)) } else { self.guest(tenant, &home_user) };
        if let Some(user) = local_user {
            if user["accountEnabled"] == false {
                return Err(SignInError::invalid_grant(50057, "The user account is disabled."));
            }
            let id = text(&user, "id").to_owned();
            let delegated_user = DelegatedUser {
                home: self[tenant].directory.tenant_id,
                scopes: Vec::new(),
                mfa: false,
                is_guest: text(&user, "userType") == "Guest",
                id: id.clone(),
            };
            let roles = self.directory_roles(tenant, &id);
            return Ok(SignedInUser {
                account: account.clone(),
                delegated_user,
                object: user,
                principal_name,
                roles,
                is_partner: false,
            });
        }
        let roles = self.guest_roles(tenant, account.home, &account.id);
        if roles.is_empty() {
            let directory = &self[tenant].directory;
            let message = format!(
                "User account '{{EUII Hidden}}' from identity provider 'https://sts.windows.net/{}/' does not exist \
                    in tenant '{}' and cannot access the application '{}'({}) in that tenant. The account needs to be \
                    added as an external user in the tenant first. Sign out and sign in again with a different Azure \
                    Active Directory user account.",
                self[account.home].directory.tenant_id, directory.display_name, client.app_id, client.name
            );
            return Err(SignInError::invalid_grant(50020, message));
        }
        if self[tenant].directory.blocks_service_providers {
            let message = "Access has been blocked by Conditional Access policies. The access policy does not allow token \
                issuance.";
            return Err(SignInError::injected(StatusCode::BAD_REQUEST, "AADSTS53003", message));
        }
        let delegated_user = DelegatedUser {
            id: account.id.clone(),
            home: self[account.home].directory.tenant_id,
            scopes: Vec::new(),
            is_guest: true,
            mfa: false,
        };
        Ok(SignedInUser {
            account: account.clone(),
            delegated_user,
            object: home_user,
            principal_name,
            roles,
            is_partner: true,
        })
    }

    /// The guest in a tenant for a user of another one, by the name that invitations create, or by mail address.
    fn guest(&self, tenant: usize, user: &Value) -> Option<Arc<Value>> {
        let name = text(user, "userPrincipalName");
        let invited = format!("{}#ext#", name.replace('@', "_")).to_lowercase();
        let mut all = self[tenant].directory.users.all(ObjectState::Live, ReplicaView::CURRENT);
        let found = all.find(|visible| {
            text(&visible.value, "userType") == "Guest"
                && (text(&visible.value, "userPrincipalName").to_lowercase().starts_with(&invited)
                    || eq_ignore_case(text(&visible.value, "mail"), name))
        });
        found.map(|visible| visible.value)
    }

    /// The directory roles of a user, directly or through groups.
    fn directory_roles(&self, tenant: usize, id: &str) -> Vec<String> {
        let directory = &self[tenant].directory;
        let groups = directory.members.transitive_sources(id);
        let mut roles: Vec<String> = Vec::new();
        for assigned in
            std::iter::once(id).chain(groups.iter().map(String::as_str)).filter_map(|id| directory.roles.get(id))
        {
            roles.extend(assigned.iter().filter(|role| !roles.contains(role)).cloned().collect::<Vec<_>>());
        }
        roles
    }
}
