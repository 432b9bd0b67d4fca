//! The check of a reported consent: through Graph, or by a token of the app in that tenant.

use serde::Serialize;

use crate::client::Client;
use crate::consent::callback::ReportedConsent;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId, TenantId};
use crate::model::{ConsentType, ServicePrincipal};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::retry::{Deadline, WaitReason};

/// The result of checking a reported consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConsentCheck {
    /// The tenant, which the check has confirmed.
    pub tenant_id: TenantId,
    /// The app.
    pub app_id: AppId,
    /// The expected permissions that are granted.
    pub granted: Vec<Permission>,
    /// The expected permissions that are not granted.
    pub missing: Vec<Permission>,
    /// The expected permissions that this check cannot see: delegated ones, by a token of the app itself.
    pub unseen: Vec<Permission>,
}

impl ConsentCheck {
    /// Whether every permission that the check can see is granted.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

impl Client {
    /// Checks through Graph whether the tenant of a reported consent has granted `permissions`. It waits for missing ones
    /// until the deadline, or the replication window of the retry policy, ends.
    ///
    /// The client must be able to sign in to that tenant and to read there: `Application.Read.All` and `Directory.Read.All`
    /// ([service principal](https://learn.microsoft.com/graph/api/serviceprincipal-get),
    /// [role assignments](https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments),
    /// [grants](https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants)).
    ///
    /// # Errors
    /// The errors of signing in and reading. A missing permission is no error.
    pub async fn check_consent(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let client = self.for_tenant(reported.claimed_tenant()).begin_operation();
        client.until_complete(|| client.consent_in_graph(reported, permissions)).await
    }

    /// Signs in as the app itself to the tenant of a reported consent, and checks which application permissions its token
    /// has. It takes no permission. It waits for missing ones until the deadline, or the replication window of the retry
    /// policy, ends.
    ///
    /// The client must be signed in as the app that was consented to. Delegated permissions are not in such a token:
    /// they are listed as unseen.
    ///
    /// # Errors
    /// - [`ErrorKind::SignIn`](crate::ErrorKind::SignIn): the app is not in that tenant or may not sign in there, so that nobody has consented;
    /// - [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`TokenOfAnotherApp`](crate::ErrorCode::TokenOfAnotherApp) when the client is signed in as another app.
    pub async fn check_consent_by_token(
        &self,
        reported: &ReportedConsent,
        permissions: &[Permission],
    ) -> Result<ConsentCheck, Error> {
        let client = self.for_tenant(reported.claimed_tenant()).begin_operation();
        client.until_complete(|| client.consent_in_tokens(reported, permissions)).await
    }

    /// Repeats `check` until it is complete, or fails for good, or the time is up.
    async fn until_complete<F>(&self, check: impl Fn() -> F + Send + Sync) -> Result<ConsentCheck, Error>
    where
        F: Future<Output = Result<ConsentCheck, Error>> + Send,
    {
        let mut options = self.options();
        let window = Deadline::after(self.clock(), self.context().policy.replication_window);
        options.deadline = options.deadline.earlier(window);
        let mut poll = self.context().poll("check of the consent", WaitReason::Replication, &options);
        loop {
            let result = check().await;
            let may_be_lagging = match &result {
                Ok(check) => !check.is_complete(),
                // No credential has just been written, so that a wrong one stays wrong.
                Err(error) => error.code().is_expected_after_a_write() && !error.code().is_credential_error(),
            };
            if !may_be_lagging || !poll.wait(poll.backoff()).await {
                return result;
            }
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
            let signed_in = (claims.tenant(), claims.app());
            if signed_in != (Some(reported.claimed_tenant()), Some(reported.app_id())) {
                return Err(Error::new(ErrorCode::TokenOfAnotherApp));
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
        let service_principal = self.service_principals().find_selecting(app, &["id"]).await?;
        let Some(service_principal) = service_principal.and_then(|it| it.id) else {
            check.missing = permissions.to_vec();
            return Ok(check);
        };
        let roles = self.app_role_assignments().list_held_by(service_principal).all().await?;
        let grants = self.oauth2_permission_grants().list_held_by(service_principal).all().await?;
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
                            && roles
                                .iter()
                                .any(|assigned| assigned.resource_id == Some(id) && assigned.app_role_id == role)
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
