//! Who asks Partner Center: an app for a person of the partner, with a token for this service.
//!
//! <https://learn.microsoft.com/partner-center/developer/gdap-and-secure-application-model>

use entra_apps::permission::well_known::MICROSOFT_PARTNER_CENTER;
use http::header::AUTHORIZATION;

use super::PartnerCenterRequest;
use super::response::PartnerCenterError;
use crate::call::{DelegatedUser, Identity};
use crate::cloud_state::CloudState;
use crate::json::same;

/// The one delegated permission of Partner Center.
const SCOPE: &str = "user_impersonation";

pub(super) struct Agent {
    pub(super) app_id: String,
    /// The object id of the person.
    pub(super) person: String,
}

impl CloudState {
    /// The holder of the token, as far as it is one for Partner Center.
    fn center_identity(&self, asking: &PartnerCenterRequest<'_>) -> Result<&Identity, PartnerCenterError> {
        if !asking.headers().contains_key(AUTHORIZATION) {
            return Err(PartnerCenterError::no_token());
        }
        let holder = self[asking.at].tokens.holder(asking.headers(), asking.wall);
        let for_center = |resource: &str| same(resource, &MICROSOFT_PARTNER_CENTER.to_string());
        match holder {
            Some((identity, resource)) if for_center(resource) => Ok(identity),
            _ => Err(PartnerCenterError::unauthorized()),
        }
    }

    /// Whether the sign-in had a second factor, for those who ask by `ValidateMfa`.
    pub(super) fn is_mfa_compliant(&self, asking: &PartnerCenterRequest<'_>) -> Option<bool> {
        asking.header("validatemfa").filter(|value| value.eq_ignore_ascii_case("true"))?;
        let person = self.center_identity(asking).ok()?.person.as_ref()?;
        Some(person.mfa)
    }

    /// Refuses who is nobody to Partner Center: an app without a person, a person without a second factor, and anybody
    /// who is no agent of a partner.
    pub(super) fn center_caller(&self, asking: &PartnerCenterRequest<'_>) -> Result<Agent, PartnerCenterError> {
        let identity = self.center_identity(asking)?;
        let impersonates = |person: &&DelegatedUser| person.scopes.iter().any(|scope| scope == SCOPE);
        let person = identity.person.as_ref().filter(impersonates).ok_or_else(PartnerCenterError::unauthorized)?;
        if !person.mfa {
            return Err(PartnerCenterError::no_mfa());
        }
        let state = &self[asking.at].directory;
        if state.partner.is_none() || person.home != state.tenant_id || !self.is_admin_agent(asking.at, &person.id) {
            return Err(PartnerCenterError::forbidden());
        }
        Ok(Agent { app_id: identity.app_id.clone(), person: person.id.clone() })
    }
}
