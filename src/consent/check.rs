//! Whether a consent is really there: seen by Graph, or in a token of the app in that tenant.

use std::time::Duration;

use serde::Serialize;

use crate::client::Client;
use crate::consent::callback::ReportedConsent;
use crate::error::Error;
use crate::ids::{AppId, PermissionId, TenantId};
use crate::model::{ConsentType, ServicePrincipal};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::retry::Outcome;

/// What was found of a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConsentCheck {
    /// The tenant: no longer claimed, but shown.
    pub tenant_id: TenantId,
    /// The app.
    pub app_id: AppId,
    /// What was looked for and is granted.
    pub granted: Vec<Permission>,
    /// What was looked for and is not granted.
    pub missing: Vec<Permission>,
    /// What cannot be seen this way: delegated permissions in a token of the app itself.
    pub unseen: Vec<Permission>,
}

impl ConsentCheck {
    /// Whether everything that can be seen is granted.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Client {
    /// Looks by Graph whether a reported consent is there, in the tenant that it claims. What is not there yet is waited
    /// for, while the deadline or the policy's replication window lasts.
    ///
    /// The client must be able to sign in to that tenant and read there: `Application.Read.All` and `Directory.Read.All`
    /// ([service principal](https://learn.microsoft.com/graph/api/serviceprincipal-get),
    /// [role assignments](https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments),
    /// [grants](https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants)).
    ///
    /// # Errors
    /// What signing in and reading fail with. That something is not granted is no error.
    pub async fn check_consent(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let client = self.for_tenant(reported.claimed_tenant());
        client.until_complete(|| client.consent_in_graph(reported, permissions)).await
    }

    /// Signs in as the app itself in the tenant that a reported consent claims, and compares the application permissions
    /// in its token with those that are wanted. It needs no permission. What is not there yet is waited for, while the
    /// deadline or the policy's replication window lasts.
    ///
    /// The client must be signed in as the app that was consented to. Delegated permissions are not in such a token:
    /// they are listed as unseen.
    ///
    /// # Errors
    /// - [`ErrorKind::SignIn`](crate::ErrorKind::SignIn): the app is not in that tenant or may not sign in there, so that nobody has consented;
    /// - [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code `another_app` when the client is signed in as another app.
    pub async fn check_consent_by_token(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let client = self.for_tenant(reported.claimed_tenant());
        client.until_complete(|| client.consent_in_tokens(reported, permissions)).await
    }

    /// Tries again while something is missing that may only be late.
    async fn until_complete<F>(&self, look: impl Fn() -> F + Send + Sync) -> Result<ConsentCheck, Error>
    where
        F: Future<Output = Result<ConsentCheck, Error>> + Send,
    {
        let (began, options) = (self.clock().monotonic(), self.options());
        let mut attempts = 0_u32;
        loop {
            attempts += 1;
            let found = look().await;
            let is_late = match &found {
                Ok(check) => !check.is_complete(),
                // A credential was not written here: what is wrong with it stays so.
                Err(error) => error
                    .sign_in_reason()
                    .is_some_and(|reason| reason.is_expected_after_a_write() && !reason.is_about_a_credential()),
            };
            let wait = Duration::from_secs(u64::from(attempts).saturating_mul(2).min(15));
            let elapsed = self.clock().monotonic().saturating_sub(began);
            let window = self.context().policy.replication_window;
            if !is_late || elapsed.saturating_add(wait) > window || !self.context().ends_in_time(wait, &options) {
                return found;
            }
            self.context().wait("check of the consent", &Outcome::Lagging, wait, attempts, &options).await;
        }
    }

    async fn consent_in_tokens(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let mut check = ConsentCheck::new(reported);
        let mut apis: Vec<AppId> = vec![MICROSOFT_GRAPH];
        for permission in permissions {
            match permission.kind() {
                PermissionKind::Delegated => check.unseen.push(permission.clone()),
                PermissionKind::Application if !apis.contains(&permission.api()) => apis.push(permission.api()),
                PermissionKind::Application => {}
            }
        }
        if apis.len() > 1
            && !permissions.iter().any(|it| it.kind() == PermissionKind::Application && it.api() == MICROSOFT_GRAPH)
        {
            apis.remove(0);
        }
        for api in apis {
            let scope = match api {
                MICROSOFT_GRAPH => self.cloud().graph_scope(),
                api => format!("{api}/.default"),
            };
            let claims = self.fresh_claims(scope).await?;
            let shown = (claims.tenant(), claims.app());
            if shown != (Some(reported.claimed_tenant()), Some(reported.app_id())) {
                return Err(Error::invalid(
                    "another_app",
                    "the token does not show that the app which was consented to has signed in to that tenant",
                )
                .with_remedy("Sign in as that app, with its own secret or certificate."));
            }
            for permission in
                permissions.iter().filter(|it| it.kind() == PermissionKind::Application && it.api() == api)
            {
                match permission.name() {
                    // A permission without a name cannot be looked for in a token.
                    None => check.unseen.push(permission.clone()),
                    Some(name) if claims.roles.iter().any(|role| role == name) => {
                        check.granted.push(permission.clone());
                    }
                    Some(_) => check.missing.push(permission.clone()),
                }
            }
        }
        Ok(check)
    }

    async fn consent_in_graph(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let mut check = ConsentCheck::new(reported);
        let app = reported.app_id();
        let principal = self.service_principals().find_selecting(app, &["id"]).await?;
        let Some(principal) = principal.and_then(|principal| principal.id) else {
            check.missing = permissions.to_vec();
            return Ok(check);
        };
        let roles = self.app_role_assignments().list_held_by(principal).all().await?;
        let grants = self.oauth2_permission_grants().list_held_by(principal).all().await?;
        let mut apis: Vec<(AppId, Option<ServicePrincipal>)> = Vec::new();
        for permission in permissions {
            let api = permission.api();
            if !apis.iter().any(|(known, _)| *known == api) {
                // Microsoft Graph's own permissions are in the catalogue, and its service principal is large.
                let select: &[&str] = match api {
                    MICROSOFT_GRAPH => &["id"],
                    _ => &["id", "appRoles", "oauth2PermissionScopes"],
                };
                apis.push((api, self.service_principals().find_selecting(api, select).await?));
            }
            let resource = apis.iter().find(|(known, _)| *known == api).and_then(|(_, resource)| resource.as_ref());
            let granted = resource.and_then(|resource| Some((resource, resource.id?))).is_some_and(|(resource, id)| {
                match permission.kind() {
                    PermissionKind::Application => {
                        let role = permission.id().or_else(|| role_id(resource, permission.name()?));
                        role.is_some()
                            && roles.iter().any(|held| held.resource_id == Some(id) && held.app_role_id == role)
                    }
                    PermissionKind::Delegated => {
                        let name = permission.name().or_else(|| scope_name(resource, permission.id()?));
                        grants.iter().any(|grant| {
                            grant.resource_id == Some(id)
                                && grant.consent_type == Some(ConsentType::AllPrincipals)
                                && name.is_some_and(|name| grant.scopes().any(|scope| scope == name))
                        })
                    }
                }
            });
            let list = if granted { &mut check.granted } else { &mut check.missing };
            list.push(permission.clone());
        }
        Ok(check)
    }
}

fn role_id(api: &ServicePrincipal, name: &str) -> Option<PermissionId> {
    api.app_roles.iter().find(|role| role.value.as_deref() == Some(name))?.id
}

fn scope_name(api: &ServicePrincipal, id: PermissionId) -> Option<&str> {
    api.oauth2_permission_scopes.iter().find(|scope| scope.id == Some(id))?.value.as_deref()
}

impl ConsentCheck {
    fn new(reported: &ReportedConsent) -> Self {
        Self {
            tenant_id: reported.claimed_tenant(),
            app_id: reported.app_id(),
            granted: Vec::new(),
            missing: Vec::new(),
            unseen: Vec::new(),
        }
    }
}
