//! What the policies forbid, of what is written.
//!
//! Restrictions look at new credentials and new values alone: what an app has already goes on to work. A policy that is
//! assigned to an object and enabled takes the place of the tenant's default for it, as a whole.

use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;

use super::{moment, refused};
use crate::data::json::{items, text, texts};
use crate::data::object_kind::ObjectKind;
use crate::graph::call::Call;
use crate::graph::directory::Directory;
use crate::graph::response::GraphError;
use crate::partner::duration;

type Checked = Result<(), GraphError>;

/// The policy for one object.
struct Applied {
    policy: Arc<Value>,
    kind: ObjectKind,
    /// When the object was created; now for one that is being created.
    created: OffsetDateTime,
}

impl Applied {
    /// What the policy says of credentials.
    fn configuration(&self) -> &Value {
        match (self.policy.get("restrictions"), self.kind) {
            (Some(own), _) => own,
            (None, ObjectKind::ServicePrincipal) => &self.policy["servicePrincipalRestrictions"],
            (None, _) => &self.policy["applicationRestrictions"],
        }
    }

    /// What the policy says of a property of applications.
    fn property(&self, name: &str) -> &Value {
        match self.policy.get("restrictions") {
            Some(own) => &own["applicationRestrictions"][name],
            None => &self.policy["applicationRestrictions"][name],
        }
    }

    fn holds(&self, restriction: &Value) -> bool {
        text(restriction, "state") == "enabled"
            && moment(restriction, "restrictForAppsCreatedAfterDateTime").is_none_or(|since| self.created >= since)
    }

    /// The restriction of a type, where it holds.
    fn restriction(&self, list: &str, kind: &str) -> Option<&Value> {
        let mut of_type = items(self.configuration(), list).iter().filter(|it| text(it, "restrictionType") == kind);
        of_type.find(|it| self.holds(it))
    }

    fn id(&self) -> &str {
        text(&self.policy, "id")
    }

    fn check_lifetime(&self, list: &str, kind: &str, lifetime: time::Duration) -> Checked {
        let max = self.restriction(list, kind).and_then(|it| duration::seconds(text(it, "maxLifetime")));
        match max.is_some_and(|max| lifetime > time::Duration::seconds(max)) {
            true => {
                let message = format!(
                    "Credential lifetime exceeds the max value allowed as per assigned policy '{}'.",
                    self.id()
                );
                Err(refused("CredentialInvalidLifetimeAsPerAppPolicy", message).detail("InvalidKeyEndDate", "EndDate"))
            }
            false => Ok(()),
        }
    }
}

impl Directory {
    /// The policy for an object, where one is enabled; `None` stands for an object that is being created.
    fn applied_policy(&self, kind: ObjectKind, object: Option<&Value>, call: &Call) -> Option<Applied> {
        let view = call.replica_view(self.lag.references);
        let own = object.and_then(|object| self.app_management.assigned(text(object, "id"), view));
        let is_enabled = |policy: &Arc<Value>| policy["isEnabled"] == true;
        let policy = own.filter(is_enabled).or_else(|| Some(self.app_management.default(view)).filter(is_enabled))?;
        let created = object.and_then(|object| moment(object, "createdDateTime")).unwrap_or(call.wall);
        Some(Applied { policy, kind, created })
    }

    /// Refuses a new client secret that a policy forbids.
    pub(crate) fn check_new_secret(
        &self,
        kind: ObjectKind,
        object: Option<&Value>,
        lifetime: time::Duration,
        call: &Call,
    ) -> Checked {
        let Some(applied) = self.applied_policy(kind, object, call) else { return Ok(()) };
        if applied.restriction("passwordCredentials", "passwordAddition").is_some() {
            let message = format!("Credential type not allowed as per assigned policy '{}'.", applied.id());
            return Err(refused("CredentialTypeNotAllowedAsPerAppPolicy", message));
        }
        applied.check_lifetime("passwordCredentials", "passwordLifetime", lifetime)
    }

    /// Refuses a new certificate that a policy forbids, given as it is stored.
    pub(crate) fn check_new_key(&self, kind: ObjectKind, object: Option<&Value>, key: &Value, call: &Call) -> Checked {
        let Some(applied) = self.applied_policy(kind, object, call) else { return Ok(()) };
        let Some((start, end)) = moment(key, "startDateTime").zip(moment(key, "endDateTime")) else { return Ok(()) };
        applied.check_lifetime("keyCredentials", "asymmetricKeyLifetime", end - start)
    }

    /// Refuses an audience or an identifier URI that is new and that a policy forbids.
    pub(crate) fn check_new_values(&self, new: &Value, old: Option<&Value>, call: &Call) -> Checked {
        let Some(applied) = self.applied_policy(ObjectKind::Application, old, call) else { return Ok(()) };
        self.check_new_uris(&applied, new, old)?;
        let audience = text(new, "signInAudience");
        if old.is_some_and(|old| text(old, "signInAudience") == audience) {
            return Ok(());
        }
        let audiences = applied.property("audiences");
        let restriction = match audience {
            "AzureADMultipleOrgs" => &audiences["azureAdMultipleOrgs"],
            "AzureADandPersonalMicrosoftAccount" | "PersonalMicrosoftAccount" => &audiences["personalMicrosoftAccount"],
            _ => return Ok(()),
        };
        match applied.holds(restriction) {
            true => {
                let message = format!("'signInAudience' property value '{audience}' is not allowed.");
                Err(refused("SignInAudienceNotAllowedAsPerAppPolicy", message))
            }
            false => Ok(()),
        }
    }

    /// <https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions>
    fn check_new_uris(&self, applied: &Applied, new: &Value, old: Option<&Value>) -> Checked {
        let restrictions = applied.property("identifierUris");
        let reads_version_2 = new["api"]["requestedAccessTokenVersion"] == 2;
        let holds = |name: &str| {
            let it = &restrictions[name];
            applied.holds(it) && !(reads_version_2 && it["excludeAppsReceivingV2Tokens"] == true)
        };
        let (app_id, tenant) = (text(new, "appId"), self.tenant_id.to_string());
        let defaults = [format!("api://{app_id}"), format!("api://{tenant}/{app_id}")];
        let is_new = |uri: &&str| !old.is_some_and(|old| texts(old, "identifierUris").any(|known| known == *uri));
        for uri in texts(new, "identifierUris").filter(is_new) {
            if holds("nonDefaultUriAddition") && !defaults.iter().any(|default| default == uri) {
                return Err(GraphError::bad_request(format!(
                    "Failed to add identifier URI {uri}. All newly added URIs must be in the format api://{{appId}} or \
                        api://{{tenantId}}/{{appId}}, as per the policy '{}' of your organization.",
                    applied.id()
                )));
            }
            let is_told_apart = [app_id, &tenant, &self.domain].iter().any(|part| uri.contains(*part));
            if holds("uriAdditionWithoutUniqueTenantIdentifier") && !is_told_apart {
                let message = format!(
                    "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, \
                        tenant ID, or app ID, as per the default tenant policy of your organization. See \
                        https://aka.ms/identifier-uri-addition-error for more information on this error."
                );
                return Err(refused("InvalidUniqueTenantIdentifierAsPerAppPolicy", message));
            }
        }
        Ok(())
    }
}
