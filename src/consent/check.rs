//! The check of a reported consent: through Graph, or by a token of the app in that tenant.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use tracing::Instrument as _;

use crate::client::Client;
use crate::consent::callback::ReportedConsent;
use crate::consent::expected::ExpectedPermissions;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, PermissionId, TenantId};
use crate::model::{AppRoleAssignment, ConsentType, OAuth2PermissionGrant, ServicePrincipal};
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::retry::{Deadline, WaitReason};

/// The result of checking a reported consent.
///
/// # JSON
/// `tenantId`, `appId`, and `granted`, `missing`, `unseen` and `unknown` (each a list of
/// [permissions](crate::permission::Permission)).
///
/// ```
/// use entra_apps::consent::ConsentCheck;
/// use entra_apps::ids::{AppId, TenantId};
/// use entra_apps::permission::microsoft_graph::application;
///
/// // To test what a product does with a customer who has consented to a part.
/// let check = ConsentCheck::new(TenantId::from_u128(3), AppId::from_u128(1))
///     .granted(application::USER_READ_ALL)
///     .missing(application::MAIL_READ);
/// assert!(!check.is_complete());
/// ```
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
    /// The expected permissions of which nobody knows whether they are granted, because what the tenant says of it cannot
    /// be read.
    pub unknown: Vec<Permission>,
    /// The expected permissions that are left out, because the tenant lacks an API of [their
    /// group](crate::AppRegistration::where_available): the check is complete without them. In JSON it is left out where
    /// there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Permission>,
}

impl ConsentCheck {
    /// Creates the result for an app in a tenant, without any permission.
    pub fn new(tenant_id: TenantId, app_id: AppId) -> Self {
        Self {
            tenant_id,
            app_id,
            granted: Vec::new(),
            missing: Vec::new(),
            unseen: Vec::new(),
            unknown: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds a permission that is granted.
    #[must_use]
    pub fn granted(mut self, permission: Permission) -> Self {
        self.granted.push(permission);
        self
    }

    /// Adds a permission that is missing.
    #[must_use]
    pub fn missing(mut self, permission: Permission) -> Self {
        self.missing.push(permission);
        self
    }

    /// Adds a permission that the check cannot see.
    #[must_use]
    pub fn unseen(mut self, permission: Permission) -> Self {
        self.unseen.push(permission);
        self
    }

    /// Adds a permission of which nobody knows whether it is granted.
    #[must_use]
    pub fn unknown(mut self, permission: Permission) -> Self {
        self.unknown.push(permission);
        self
    }

    /// Adds a permission that is left out in the tenant.
    #[must_use]
    pub fn skipped(mut self, permission: Permission) -> Self {
        self.skipped.push(permission);
        self
    }

    /// Whether every permission that the check can see is granted.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unknown.is_empty()
    }
}

/// How the grants are looked at.
#[derive(Clone, Copy, Debug)]
enum Means {
    Graph,
    Tokens,
}

/// A check of a reported consent: awaiting it checks.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// use std::time::Duration;
///
/// use entra_apps::consent::ReportedConsent;
/// use entra_apps::permission::microsoft_graph::application;
/// # let tenant = entra_emulator::MemoryTenant::new();
/// # let client = tenant.client();
///
/// let reported = ReportedConsent::new(tenant.caller().client_id, tenant.id()); // from PendingConsent::accept
/// let check = client
///     .check_consent(&reported, &[application::MAIL_READ])
///     .wait(Duration::from_secs(60)) // in the background; in a web request, look once
///     .deadline(Duration::from_secs(90))
///     .await?;
/// assert_eq!(check.missing, [application::MAIL_READ]);
/// # Ok(()) }
/// ```
///
/// # Panics
/// Outside of the runtime that the [`Client`](crate::Client) needs.
#[must_use = "it checks when it is awaited"]
pub struct CheckConsent {
    client: Client,
    reported: ReportedConsent,
    permissions: ExpectedPermissions,
    means: Means,
    wait: Option<Duration>,
    deadline: Option<Duration>,
}

impl CheckConsent {
    fn new(client: &Client, reported: &ReportedConsent, permissions: ExpectedPermissions, means: Means) -> Self {
        let client = client.for_tenant(reported.claimed_tenant());
        let reported = reported.clone();
        Self { client, reported, permissions, means, wait: None, deadline: None }
    }

    /// Sets for how long it looks again for what is not there yet: a consent takes seconds, sometimes minutes, to reach
    /// all of the directory's replicas. By default it looks once.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Sets how long it may take in all, waits included; the client's default deadline otherwise.
    pub fn deadline(mut self, allowed: Duration) -> Self {
        self.deadline = Some(allowed);
        self
    }

    async fn run(self) -> Result<ConsentCheck, Error> {
        let client = match self.deadline {
            Some(allowed) => self.client.with_deadline(allowed).begin_operation(),
            None => self.client.begin_operation(),
        };
        let mut options = client.options();
        let wait = self.wait.unwrap_or_default();
        options.deadline = options.deadline.earlier(Deadline::after(client.clock(), wait));
        let mut poll = client.context().poll("check of the consent", WaitReason::Replication, &options);
        loop {
            let result = match self.means {
                Means::Graph => client.consent_in_graph(&self.reported, &self.permissions).await,
                Means::Tokens => client.consent_in_tokens(&self.reported, &self.permissions).await,
            };
            let may_be_lagging = match &result {
                Ok(check) => !check.missing.is_empty(),
                Err(error) => is_late(error),
            };
            if !may_be_lagging || !poll.wait(poll.backoff()).await {
                return result;
            }
        }
    }
}

/// Whether an error can be of a consent that was given a moment ago. No credential has just been written, so that a wrong
/// one stays wrong.
fn is_late(error: &Error) -> bool {
    let code = error.code();
    (code.is_expected_after_a_write() && !code.is_credential_error())
        // Graph's word for a service principal that it does not know yet.
        || error.has_service_code("Authorization_IdentityNotFound")
}

impl fmt::Debug for CheckConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckConsent")
            .field("reported", &self.reported)
            .field("permissions", &self.permissions)
            .field("wait", &self.wait)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for CheckConsent {
    type Output = Result<ConsentCheck, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let (tenant, client_id) = (self.reported.claimed_tenant(), self.reported.app_id());
        let span = tracing::debug_span!("check_consent", %tenant, %client_id);
        Box::pin(self.run().instrument(span))
    }
}

impl Client {
    /// Checks through Graph whether the tenant of a reported consent has granted `permissions`: a slice of them, or those of an
    /// [`AppRegistration`](crate::AppRegistration). It looks once, unless it
    /// is told to [wait](CheckConsent::wait).
    ///
    /// The client must be able to sign in to that tenant and to read there: `Application.Read.All` and `Directory.Read.All`
    /// ([service principal](https://learn.microsoft.com/graph/api/serviceprincipal-get),
    /// [role assignments](https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments),
    /// [grants](https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants)).
    ///
    /// # Errors
    /// The errors of signing in and reading. A missing permission is no error.
    pub fn check_consent(
        &self,
        reported: &ReportedConsent,
        permissions: impl Into<ExpectedPermissions>,
    ) -> CheckConsent {
        CheckConsent::new(self, reported, permissions.into(), Means::Graph)
    }

    /// Signs in as the app itself to the tenant of a reported consent, and checks which application permissions its token
    /// has. It takes no permission. It looks once, unless it is told to [wait](CheckConsent::wait).
    ///
    /// The client must be signed in as the app that was consented to. Delegated permissions are not in such a token:
    /// they are listed as unseen.
    ///
    /// Right after a consent, an app that is not there *yet* looks like one that nobody has consented to. A page that looks
    /// once says “not seen yet”, keeps the [`ReportedConsent`] (it is `Serialize`), and lets a job in the background look
    /// again with [`wait`](CheckConsent::wait).
    ///
    /// # Errors
    /// - [`ErrorKind::SignIn`](crate::ErrorKind::SignIn): the app is not in that tenant or may not sign in there, so that nobody has consented;
    /// - [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`TokenOfAnotherApp`](crate::ErrorCode::TokenOfAnotherApp) when the client is signed in as another app.
    pub fn check_consent_by_token(
        &self,
        reported: &ReportedConsent,
        permissions: impl Into<ExpectedPermissions>,
    ) -> CheckConsent {
        CheckConsent::new(self, reported, permissions.into(), Means::Tokens)
    }

    async fn consent_in_tokens(
        &self,
        reported: &ReportedConsent,
        expected: &ExpectedPermissions,
    ) -> Result<ConsentCheck, Error> {
        let mut check = ConsentCheck::new(reported.claimed_tenant(), reported.app_id());
        let mut apis: Vec<AppId> = Vec::new();
        for permission in expected.all().iter().filter(|it| it.kind() == PermissionKind::Application) {
            if !apis.contains(&permission.api()) {
                apis.push(permission.api());
            }
        }
        if apis.is_empty() {
            apis.push(MICROSOFT_GRAPH);
        }
        let (mut roles, mut absent) = (Vec::new(), Vec::new());
        for api in apis {
            let scope = match api {
                MICROSOFT_GRAPH => self.cloud().graph_scope(),
                api => format!("{api}/.default"),
            };
            let claims = match self.fresh_claims(scope).await {
                Err(error) if error.code() == ErrorCode::ResourceNotInTenant && expected.can_do_without(api) => {
                    absent.push(api);
                    continue;
                }
                claims => claims?,
            };
            let signed_in = (claims.tenant(), claims.app());
            if signed_in != (Some(reported.claimed_tenant()), Some(reported.app_id())) {
                return Err(Error::new(ErrorCode::TokenOfAnotherApp));
            }
            roles.push((api, claims.roles));
        }
        let (permissions, skipped) = expected.split(|permission| absent.contains(&permission.api()));
        check.skipped = skipped;
        for permission in permissions {
            let is_held = |name: &str| {
                let mut of_api = roles.iter().filter(|(api, _)| *api == permission.api());
                of_api.any(|(_, roles)| roles.iter().any(|role| role == name))
            };
            let list = match (permission.kind(), permission.name()) {
                // A permission without a name cannot be looked for in a token.
                (PermissionKind::Delegated, _) | (_, None) => &mut check.unseen,
                (_, Some(name)) if is_held(name) => &mut check.granted,
                (_, Some(_)) => &mut check.missing,
            };
            list.push(permission);
        }
        Ok(check)
    }

    async fn consent_in_graph(
        &self,
        reported: &ReportedConsent,
        expected: &ExpectedPermissions,
    ) -> Result<ConsentCheck, Error> {
        let mut check = ConsentCheck::new(reported.claimed_tenant(), reported.app_id());
        let app = reported.app_id();
        let service_principal = self.service_principals().find_selecting(app, &["id"]).await?;
        let Some(service_principal) = service_principal else {
            check.missing = expected.all();
            return Ok(check);
        };
        let Some(service_principal) = service_principal.id else {
            check.unknown = expected.all();
            return Ok(check);
        };
        let roles = self.app_role_assignments().list_held_by(service_principal).all().await?;
        let grants = self.oauth2_permission_grants().list_held_by(service_principal).all().await?;
        let mut apis: Vec<(AppId, Option<ServicePrincipal>)> = Vec::new();
        for permission in expected.all() {
            let api = permission.api();
            if !apis.iter().any(|(known, _)| *known == api) {
                // Microsoft Graph's own permissions are in the catalogue, and its service principal is large.
                let select: &[&str] = match api {
                    MICROSOFT_GRAPH => &["id"],
                    _ => &["id", "appRoles", "oauth2PermissionScopes"],
                };
                apis.push((api, self.service_principals().find_selecting(api, select).await?));
            }
        }
        let lacks = |permission: &Permission| {
            apis.iter().any(|(api, principal)| *api == permission.api() && principal.is_none())
        };
        let (permissions, skipped) = expected.split(lacks);
        check.skipped = skipped;
        for permission in permissions {
            let api = permission.api();
            let resource = apis.iter().find(|(known, _)| *known == api).and_then(|(_, resource)| resource.as_ref());
            let is_granted = match (resource, permission.kind()) {
                (None, _) => Some(false),
                (Some(api), PermissionKind::Application) => is_assigned(&permission, api, &roles),
                (Some(api), PermissionKind::Delegated) => is_granted(&permission, api, &grants),
            };
            let list = match is_granted {
                Some(true) => &mut check.granted,
                Some(false) => &mut check.missing,
                None => &mut check.unknown,
            };
            list.push(permission);
        }
        Ok(check)
    }
}

/// Whether the permission's app role is assigned, or `None` where what decides it cannot be read.
fn is_assigned(permission: &Permission, api: &ServicePrincipal, all: &[AppRoleAssignment]) -> Option<bool> {
    let id = api.id?;
    let role = permission.id().or_else(|| role_id(api, permission.name()?));
    if role.is_some() && all.iter().any(|it| it.resource_id == Some(id) && it.app_role_id == role) {
        return Some(true);
    }
    let is_unreadable = |it: &AppRoleAssignment| ["resourceId", "appRoleId"].iter().any(|name| it.is_unreadable(name));
    let role_is_unknown = role.is_none() && api.is_unreadable("appRoles");
    (!role_is_unknown && !all.iter().any(is_unreadable)).then_some(false)
}

/// Whether the permission's scope is granted for the whole tenant, or `None` where what decides it cannot be read.
fn is_granted(permission: &Permission, api: &ServicePrincipal, all: &[OAuth2PermissionGrant]) -> Option<bool> {
    let id = api.id?;
    let scope = permission.name().or_else(|| scope_name(api, permission.id()?));
    let holds = |grant: &OAuth2PermissionGrant| {
        grant.resource_id == Some(id)
            && grant.consent_type == Some(ConsentType::AllPrincipals)
            && scope.is_some_and(|scope| grant.scopes().any(|held| held.eq_ignore_ascii_case(scope)))
    };
    if all.iter().any(holds) {
        return Some(true);
    }
    let is_unreadable = |grant: &OAuth2PermissionGrant| {
        ["resourceId", "consentType", "scope"].iter().any(|name| grant.is_unreadable(name))
    };
    let scope_is_unknown = scope.is_none() && api.is_unreadable("oauth2PermissionScopes");
    (!scope_is_unknown && !all.iter().any(is_unreadable)).then_some(false)
}

fn role_id(api: &ServicePrincipal, name: &str) -> Option<PermissionId> {
    api.app_roles.iter().find(|role| role.value.as_deref() == Some(name))?.id
}

fn scope_name(api: &ServicePrincipal, id: PermissionId) -> Option<&str> {
    api.oauth2_permission_scopes.iter().find(|scope| scope.id == Some(id))?.value.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::microsoft_graph::{application, delegated};
    use serde_json::{Value, from_value, json};

    const API: &str = "00000000-0000-0000-0000-00000000000a";

    fn api(roles: Value) -> ServicePrincipal {
        from_value(json!({"id": API, "appRoles": roles, "oauth2PermissionScopes": roles})).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_neither_granted_nor_missing() {
        let role = json!(application::USER_READ_ALL.id());
        let held = json!({"resourceId": API, "appRoleId": role});
        let other = json!({"resourceId": API, "appRoleId": API});
        for (all, expected) in [
            (json!([]), Some(false)),
            (json!([other]), Some(false)),
            (json!([held]), Some(true)),
            (json!([{"resourceId": 7, "appRoleId": role}]), None),
            (json!([{"resourceId": API, "appRoleId": {}}]), None),
            (json!([{"resourceId": API, "appRoleId": "x"}, held]), Some(true)),
        ] {
            let all_read: Vec<AppRoleAssignment> = from_value(all.clone()).unwrap();
            assert_eq!(is_assigned(&application::USER_READ_ALL, &api(json!([])), &all_read), expected, "{all}");
        }
        let grant = |resource: Value, kind: Value, scope: Value| json!({"resourceId": resource, "consentType": kind, "scope": scope});
        let whole = json!("AllPrincipals");
        for (all, expected) in [
            (json!([]), Some(false)),
            (json!([grant(json!(API), whole.clone(), json!("Mail.Read"))]), Some(false)),
            (json!([grant(json!(API), whole.clone(), json!("Mail.Read User.Read"))]), Some(true)),
            (json!([grant(json!(API), json!("Principal"), json!("User.Read"))]), Some(false)),
            (json!([grant(json!(7), whole.clone(), json!("User.Read"))]), None),
            (json!([grant(json!(API), json!(7), json!("User.Read"))]), None),
            (json!([grant(json!(API), whole.clone(), json!(["User.Read"]))]), None),
        ] {
            let all_read: Vec<OAuth2PermissionGrant> = from_value(all.clone()).unwrap();
            assert_eq!(is_granted(&delegated::USER_READ, &api(json!([])), &all_read), expected, "{all}");
        }
    }

    #[test]
    fn a_permission_whose_name_or_id_cannot_be_read_is_unknown() {
        let things = AppId::from_u128(42);
        let by_name = Permission::by_name(things, "Things.Read", PermissionKind::Application).unwrap();
        let by_id = Permission::by_id(things, PermissionId::from_u128(7), PermissionKind::Delegated);
        let id = PermissionId::from_u128(7);
        for (roles, expected) in [
            (json!([]), Some(false)),
            (json!([{"id": id, "value": "Things.Read"}]), Some(false)),
            (json!([{"id": {}, "value": "Things.Read"}]), None),
            (json!([{"id": id, "value": ["Things.Read"]}]), None),
        ] {
            assert_eq!(is_assigned(&by_name, &api(roles.clone()), &[]), expected, "{roles}");
            assert_eq!(is_granted(&by_id, &api(roles.clone()), &[]), expected, "{roles}");
        }
    }

    #[test]
    fn a_permission_is_found_by_the_name_or_id_that_the_api_gives_it() {
        let (things, id) = (AppId::from_u128(42), PermissionId::from_u128(7));
        let by_name = Permission::by_name(things, "Things.Read", PermissionKind::Application).unwrap();
        let by_id = Permission::by_id(things, id, PermissionKind::Delegated);
        let api = api(json!([{"id": 1, "value": "Other"}, {"id": id, "value": "Things.Read"}]));
        let assigned = [from_value(json!({"resourceId": API, "appRoleId": id})).unwrap()];
        assert_eq!(is_assigned(&by_name, &api, &assigned), Some(true));
        let grant = json!({"resourceId": API, "consentType": "AllPrincipals", "scope": "Things.Read"});
        assert_eq!(is_granted(&by_id, &api, &[from_value(grant).unwrap()]), Some(true));
    }

    #[test]
    fn what_is_unknown_is_not_complete() {
        let check = ConsentCheck::new(TenantId::from_u128(3), AppId::from_u128(1));
        assert!(check.is_complete() && !check.unknown(application::USER_READ_ALL).is_complete());
    }
}
