//! The tokens that an app gets for a user.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::SignInRequest;
use super::claims::{self, ACCESS_TOKEN_LIFETIME, extend};
use super::client_app::ClientApp;
use super::client_authentication::ClientAuthMethod;
use super::discovery::{issuer, issuer_v1};
use super::error::{SignInError, SignInResult};
use super::flows::{RefreshToken, Session};
use super::form::Form;
use super::resource::Resource;
use super::scopes::Scopes;
use super::signed_in_user::SignedInUser;
use crate::cloud_state::CloudState;
use crate::data::json::{eq_ignore_case, text};
use crate::data::moment::Moment;
use crate::data::object_store::ReplicaView;
use crate::graph::call::{DelegatedUser, Identity};

/// The role template that every member of a tenant has in `wids`.
const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

/// A token request that has been validated.
pub(super) struct ValidatedGrant<'a> {
    pub(super) client: &'a ClientApp,
    pub(super) session: &'a Session,
    pub(super) scopes: &'a Scopes,
    pub(super) auth_method: Option<ClientAuthMethod>,
    /// The view of the directory: current for a user who has just consented.
    pub(super) view: ReplicaView,
    /// Whether to issue a refresh token.
    pub(super) with_refresh_token: bool,
}

impl CloudState {
    /// Issues the tokens of a session, and returns the body of the token endpoint's response.
    pub(super) fn issue_tokens(
        &mut self,
        request: &SignInRequest<'_>,
        form: &Form,
        grant: &ValidatedGrant<'_>,
    ) -> SignInResult<Value> {
        let ValidatedGrant { client, session, scopes, view, .. } = *grant;
        let tenant = session.tenant;
        let user = self.signed_in_user(tenant, &session.account, client)?;
        self.check_user_assigned(tenant, client, &user)?;
        let requested = scopes.one_api()?;
        let resource = self.resource(tenant, requested.name.as_deref(), view)?;
        let granted = self.permissions_for_token(tenant, client, &user, &requested, &resource, view)?;

        let mut permissions: Vec<&str> =
            granted.iter().map(String::as_str).filter(|scope| !eq_ignore_case(scope, "offline_access")).collect();
        let about_user: Vec<&str> = scopes.about_the_user().collect();
        if resource.is_graph() {
            permissions
                .extend(about_user.iter().filter(|scope| !granted.iter().any(|known| eq_ignore_case(known, scope))));
        }
        let identity = Identity {
            app_id: client.app_id.clone(),
            service_principal_id: client.principal_id().to_owned(),
            roles: Vec::new(),
            wids: user.roles.clone(),
            user: Some(DelegatedUser {
                scopes: permissions.iter().map(|scope| (*scope).to_owned()).collect(),
                mfa: session.has_mfa,
                ..user.delegated_user.clone()
            }),
        };
        let claims = self.user_claims(request, tenant, grant, &user, &resource, &permissions);
        let directory = &self[tenant].directory;
        let token = claims::encode_jwt(&claims, directory);

        let seconds = ACCESS_TOKEN_LIFETIME.whole_seconds();
        let is_about =
            |scope: &str| ["openid", "profile", "email", "offline_access"].iter().any(|it| eq_ignore_case(it, scope));
        let mut returned_scopes: Vec<String> = about_user.iter().map(|scope| (*scope).to_owned()).collect();
        let of_api = permissions.iter().filter(|scope| !is_about(scope));
        returned_scopes.extend(of_api.map(|scope| format!("{}{scope}", resource.prefix)));
        returned_scopes.extend(requested.is_default.then(|| format!("{}.default", resource.prefix)));
        let mut body = Map::new();
        body.insert("token_type".into(), "Bearer".into());
        body.insert("scope".into(), returned_scopes.join(" ").into());
        body.insert("expires_in".into(), seconds.into());
        body.insert("ext_expires_in".into(), seconds.into());
        body.insert("access_token".into(), token.as_str().into());
        if scopes.openid {
            let claims = id_claims(request, directory.tenant_id, grant, &user);
            body.insert("id_token".into(), claims::encode_jwt(&claims, directory).into());
        }
        if form.optional("client_info") == Some("1") {
            body.insert("client_info".into(), self.client_info(&user).into());
        }
        self[tenant].tokens.insert_token(&token, identity, &resource, request.wall);
        if grant.with_refresh_token {
            let moment = Moment { now: request.now, wall: request.wall };
            body.insert("refresh_token".into(), self.issue_refresh_token(moment, session).into());
            if client.first_party.is_some_and(|app| app.is_family) {
                body.insert("foci".into(), "1".into());
            }
        }
        Ok(body.into())
    }

    /// Refuses a user without an assignment to an app that requires one. Nested groups do not count.
    /// <https://learn.microsoft.com/entra/identity-platform/howto-restrict-your-app-to-a-set-of-users>
    pub(super) fn check_user_assigned(
        &self,
        tenant: usize,
        client: &ClientApp,
        user: &SignedInUser,
    ) -> SignInResult<()> {
        let Some(principal) = &client.service_principal else { return Ok(()) };
        if principal["appRoleAssignmentRequired"] != true {
            return Ok(());
        }
        let directory = &self[tenant].directory;
        let holders =
            std::iter::once(&user.delegated_user.id).chain(directory.members.sources(&user.delegated_user.id));
        let mut assignments = holders.flat_map(|holder| directory.assignments.find_by("principalId", holder));
        if assignments.any(|(_, assignment)| text(assignment, "resourceId") == text(principal, "id")) {
            return Ok(());
        }
        let message = format!(
            "Your administrator has configured the application {} ('{}') to block users unless they are specifically \
                granted ('assigned') access to the application. The signed-in user '{{EmailHidden}}' is blocked \
                because they are not a direct member of a group with access, nor had access directly assigned by an \
                administrator. Please contact your administrator to assign access to this application.",
            client.name, client.app_id
        );
        Err(SignInError::invalid_grant(50105, message))
    }

    fn user_claims(
        &self,
        request: &SignInRequest<'_>,
        tenant: usize,
        grant: &ValidatedGrant<'_>,
        user: &SignedInUser,
        resource: &Resource,
        permissions: &[&str],
    ) -> Value {
        let directory = &self[tenant].directory;
        let tenant_id = directory.tenant_id.to_string();
        let home = self[user.account.home].directory.tenant_id.to_string();
        let groups = directory.members.sources(&user.delegated_user.id).to_vec();
        let holders = std::iter::once(user.delegated_user.id.clone()).chain(groups);
        let roles: Vec<String> =
            holders.flat_map(|holder| self.app_roles(request, tenant, &holder, resource).0).collect();
        let mut claims = claims::common_claims(directory, resource, request);
        claims::add_app_claims(&mut claims, resource, grant.client, grant.auth_method);
        let rest = json!({
            "name": user.object["displayName"],
            "oid": user.delegated_user.id,
            "roles": roles,
            "scp": permissions.join(" "),
            "sub": claims::pairwise_subject(&user.delegated_user.id, resource.app_id()),
            "tid": tenant_id,
        });
        extend(&mut claims, rest);
        if resource.is_version_2 {
            extend(&mut claims, json!({"preferred_username": user.principal_name}));
        } else {
            let mut wids = user.roles.clone();
            wids.extend((!user.delegated_user.is_guest).then(|| MEMBER.to_owned()));
            wids.retain(|_| !self.flows.omits_directory_roles);
            let idp = (home != tenant_id).then(|| issuer_v1(&home));
            extend(
                &mut claims,
                json!({
                    "acct": i32::from(user.delegated_user.is_guest),
                    "acr": "1",
                    "amr": if grant.session.has_mfa { vec!["pwd", "mfa"] } else { vec!["pwd"] },
                    "family_name": user.object["surname"],
                    "given_name": user.object["givenName"],
                    "idp": idp,
                    "idtyp": "user",
                    "ipaddr": "127.0.0.1",
                    "tenant_region_scope": "NA",
                    "unique_name": user.principal_name,
                    "upn": user.principal_name,
                    "wids": wids,
                }),
            );
        }
        claims::finish(&mut claims, directory, resource);
        claims
    }

    /// The `client_info` of a user: the account in its home tenant.
    pub(super) fn client_info(&self, user: &SignedInUser) -> String {
        let home = self[user.account.home].directory.tenant_id;
        URL_SAFE_NO_PAD.encode(json!({"uid": user.account.id, "utid": home}).to_string())
    }

    /// Issues a refresh token.
    pub(super) fn issue_refresh_token(&mut self, moment: Moment, session: &Session) -> String {
        let directory = &self[session.tenant].directory;
        let parts = [directory.new_id(), directory.new_id(), directory.new_id()].map(uuid::Uuid::into_bytes).concat();
        let token = format!("1.{}", URL_SAFE_NO_PAD.encode(parts));
        let refresh_token =
            RefreshToken { session: session.clone(), issued: moment.now, issued_wall: moment.wall, used: moment.now };
        self.flows.refresh_tokens.insert(token.clone(), refresh_token);
        token
    }
}

/// The claims of an id token.
/// <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>
fn id_claims(
    request: &SignInRequest<'_>,
    tenant_id: uuid::Uuid,
    grant: &ValidatedGrant<'_>,
    user: &SignedInUser,
) -> Value {
    let from = request.wall.unix_timestamp();
    let mut claims = json!({
        "aud": grant.client.app_id,
        "iss": issuer(request.authority(), &tenant_id.to_string()),
        "iat": from,
        "nbf": from,
        "exp": from + ACCESS_TOKEN_LIFETIME.whole_seconds(),
    });
    if grant.scopes.email {
        extend(&mut claims, json!({"email": user.object["mail"]}));
    }
    if grant.scopes.profile {
        extend(
            &mut claims,
            json!({
                "name": user.object["displayName"],
                "oid": user.delegated_user.id,
                "preferred_username": user.principal_name,
            }),
        );
    }
    extend(
        &mut claims,
        json!({
            "nonce": grant.session.nonce,
            "sub": claims::pairwise_subject(&user.delegated_user.id, &grant.client.app_id),
            "tid": tenant_id,
            "ver": "2.0",
        }),
    );
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}
