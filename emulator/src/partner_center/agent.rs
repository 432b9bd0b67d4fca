//! Authentication at Partner Center: an app acting for a user of the partner, with a token for this service.
//!
//! <https://learn.microsoft.com/partner-center/developer/gdap-and-secure-application-model>

use entra_apps::permission::well_known::MICROSOFT_PARTNER_CENTER;
use http::header::AUTHORIZATION;

use super::PartnerCenterRequest;
use super::response::PartnerCenterError;
use crate::cloud_state::CloudState;
use crate::data::json::eq_ignore_case;
use crate::graph::call::{DelegatedUser, Identity};

/// The one delegated permission of Partner Center.
const SCOPE: &str = "user_impersonation";

/// The app and the user of an authenticated request.
pub(super) struct Agent {
    pub(super) app_id: String,
    /// The object id of the user.
    pub(super) user_id: String,
}

impl CloudState {
    /// The identity of the token, which must be for Partner Center.
    fn partner_center_identity(&self, request: &PartnerCenterRequest<'_>) -> Result<&Identity, PartnerCenterError> {
        if !request.headers().contains_key(AUTHORIZATION) {
            return Err(PartnerCenterError::missing_token());
        }
        let holder = self[request.tenant].tokens.identity_and_resource(request.headers(), request.wall);
        let for_center = |resource: &str| eq_ignore_case(resource, &MICROSOFT_PARTNER_CENTER.to_string());
        match holder {
            Some((identity, resource)) if for_center(resource) => Ok(identity),
            _ => Err(PartnerCenterError::unauthorized()),
        }
    }

    /// The app of the token, where the token is for Partner Center.
    pub(super) fn app_of_token(&self, request: &PartnerCenterRequest<'_>) -> Option<String> {
        Some(self.partner_center_identity(request).ok()?.app_id.clone())
    }

    /// Whether the user signed in with a second factor, for requests with `ValidateMfa`.
    pub(super) fn is_mfa_compliant(&self, request: &PartnerCenterRequest<'_>) -> Option<bool> {
        request.header("validatemfa").filter(|value| value.eq_ignore_ascii_case("true"))?;
        let user = self.partner_center_identity(request).ok()?.user.as_ref()?;
        Some(user.mfa)
    }

    /// Authenticates a request: refuses apps without a user, users without a second factor, and users who are no agent
    /// of a partner.
    pub(super) fn authenticate_agent(&self, request: &PartnerCenterRequest<'_>) -> Result<Agent, PartnerCenterError> {
        let identity = self.partner_center_identity(request)?;
        let impersonates = |user: &&DelegatedUser| user.scopes.iter().any(|scope| scope == SCOPE);
        let user = identity.user.as_ref().filter(impersonates).ok_or_else(PartnerCenterError::unauthorized)?;
        if !user.mfa {
            return Err(PartnerCenterError::mfa_required());
        }
        let state = &self[request.tenant].directory;
        if state.partner.is_none() || user.home != state.tenant_id || !self.is_admin_agent(request.tenant, &user.id) {
            return Err(PartnerCenterError::forbidden());
        }
        Ok(Agent { app_id: identity.app_id.clone(), user_id: user.id.clone() })
    }
}
