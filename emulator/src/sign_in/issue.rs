//! The tokens that an app gets for a person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::Asking;
use super::claims::{self, LIFETIME, extend};
use super::client::ClientApp;
use super::credential::Proof;
use super::discovery::{issuer, issuer_v1};
use super::error::{SignInError, SignInResult};
use super::flows::{RefreshToken, Session};
use super::form::Form;
use super::person::Who;
use super::resource::Resource;
use super::scopes::Scopes;
use crate::call::{Identity, Person};
use crate::json::{same, text};
use crate::table::View;
use crate::world::World;

/// What every member of a tenant is, as a role.
const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

/// A request for tokens that has been found good.
pub(super) struct Issue<'a> {
    pub(super) client: &'a ClientApp,
    pub(super) session: &'a Session,
    pub(super) scopes: &'a Scopes,
    pub(super) proof: Option<Proof>,
    /// How much of the directory is known: all of it to who has just consented.
    pub(super) view: View,
    /// Whether a refresh token comes along.
    pub(super) stays: bool,
}

impl World {
    /// Issues the tokens of a session at its tenant, and answers as the token endpoint does.
    pub(super) fn issue(&mut self, asking: &Asking<'_>, form: &Form, issue: &Issue<'_>) -> SignInResult<Value> {
        let Issue { client, session, scopes, view, .. } = *issue;
        let at = session.at;
        let who = self.who(at, &session.account, client)?;
        self.check_assigned(at, client, &who)?;
        let asked = scopes.one_api()?;
        let resource = self.resource(at, asked.name.as_deref(), view)?;
        let granted = self.permitted(at, client, &who, &asked, &resource, view)?;

        let mut permissions: Vec<&str> =
            granted.iter().map(String::as_str).filter(|scope| !same(scope, "offline_access")).collect();
        let about: Vec<&str> = scopes.about_the_person().collect();
        if resource.is_graph() {
            permissions.extend(about.iter().filter(|scope| !granted.iter().any(|held| same(held, scope))));
        }
        let identity = Identity {
            app_id: client.app_id.clone(),
            service_principal_id: client.principal_id().to_owned(),
            roles: Vec::new(),
            wids: who.roles.clone(),
            person: Some(Person {
                scopes: permissions.iter().map(|scope| (*scope).to_owned()).collect(),
                mfa: session.has_mfa,
                ..who.person.clone()
            }),
        };
        let claims = self.claims_of_person(asking, at, issue, &who, &resource, &permissions);
        let directory = &self[at].directory;
        let token = claims::compact(&claims, directory);

        let seconds = LIFETIME.whole_seconds();
        let is_about = |scope: &str| ["openid", "profile", "email", "offline_access"].iter().any(|it| same(it, scope));
        let mut shown: Vec<String> = about.iter().map(|scope| (*scope).to_owned()).collect();
        let of_api = permissions.iter().filter(|scope| !is_about(scope));
        shown.extend(of_api.map(|scope| format!("{}{scope}", resource.prefix)));
        shown.extend(asked.is_default.then(|| format!("{}.default", resource.prefix)));
        let mut body = Map::new();
        body.insert("token_type".into(), "Bearer".into());
        body.insert("scope".into(), shown.join(" ").into());
        body.insert("expires_in".into(), seconds.into());
        body.insert("ext_expires_in".into(), seconds.into());
        body.insert("access_token".into(), token.as_str().into());
        if scopes.openid {
            let claims = id_claims(asking, directory.tenant_id, issue, &who);
            body.insert("id_token".into(), claims::compact(&claims, directory).into());
        }
        if form.optional("client_info") == Some("1") {
            body.insert("client_info".into(), self.client_info(&who).into());
        }
        self[at].tokens.keep(&token, identity, &resource, asking.wall);
        if issue.stays {
            body.insert("refresh_token".into(), self.stay(asking, session).into());
            if client.first_party.is_some_and(|app| app.is_family) {
                body.insert("foci".into(), "1".into());
            }
        }
        Ok(body.into())
    }

    /// Whoever is not assigned to an app that wants it does not get in. To be in a group of a group does not count.
    /// <https://learn.microsoft.com/entra/identity-platform/howto-restrict-your-app-to-a-set-of-users>
    pub(super) fn check_assigned(&self, at: usize, client: &ClientApp, who: &Who) -> SignInResult<()> {
        let Some(principal) = &client.service_principal else { return Ok(()) };
        if principal["appRoleAssignmentRequired"] != true {
            return Ok(());
        }
        let directory = &self[at].directory;
        let holders = std::iter::once(&who.person.id).chain(directory.members.from(&who.person.id));
        let mut held = holders.flat_map(|holder| directory.assignments.having("principalId", holder));
        if held.any(|(_, held)| text(held, "resourceId") == text(principal, "id")) {
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

    fn claims_of_person(
        &self,
        asking: &Asking<'_>,
        at: usize,
        issue: &Issue<'_>,
        who: &Who,
        resource: &Resource,
        permissions: &[&str],
    ) -> Value {
        let directory = &self[at].directory;
        let tenant = directory.tenant_id.to_string();
        let home = self[who.account.home].directory.tenant_id.to_string();
        let groups = directory.members.from(&who.person.id).to_vec();
        let holders = std::iter::once(who.person.id.clone()).chain(groups);
        let roles: Vec<String> = holders.flat_map(|holder| self.app_roles(asking, at, &holder, resource).0).collect();
        let mut claims = claims::begin(directory, resource, asking);
        claims::name_app(&mut claims, resource, issue.client, issue.proof);
        let rest = json!({
            "name": who.user["displayName"],
            "oid": who.person.id,
            "roles": roles,
            "scp": permissions.join(" "),
            "sub": claims::pairwise(&who.person.id, resource.app_id()),
            "tid": tenant,
        });
        extend(&mut claims, rest);
        if resource.is_version_2 {
            extend(&mut claims, json!({"preferred_username": who.name}));
        } else {
            let mut wids = who.roles.clone();
            wids.extend((!who.person.is_guest).then(|| MEMBER.to_owned()));
            let idp = (home != tenant).then(|| issuer_v1(&home));
            extend(
                &mut claims,
                json!({
                    "acct": i32::from(who.person.is_guest),
                    "acr": "1",
                    "amr": if issue.session.has_mfa { vec!["pwd", "mfa"] } else { vec!["pwd"] },
                    "family_name": who.user["surname"],
                    "given_name": who.user["givenName"],
                    "idp": idp,
                    "idtyp": "user",
                    "ipaddr": "127.0.0.1",
                    "tenant_region_scope": "NA",
                    "unique_name": who.name,
                    "upn": who.name,
                    "wids": wids,
                }),
            );
        }
        claims::end(&mut claims, directory, resource);
        claims
    }

    /// Who has signed in, wherever that was: the account in its own tenant.
    pub(super) fn client_info(&self, who: &Who) -> String {
        let home = self[who.account.home].directory.tenant_id;
        URL_SAFE_NO_PAD.encode(json!({"uid": who.account.id, "utid": home}).to_string())
    }

    /// A new refresh token.
    fn stay(&mut self, asking: &Asking<'_>, session: &Session) -> String {
        let directory = &self[session.at].directory;
        let parts = [directory.new_id(), directory.new_id(), directory.new_id()].map(uuid::Uuid::into_bytes).concat();
        let token = format!("1.{}", URL_SAFE_NO_PAD.encode(parts));
        let kept =
            RefreshToken { session: session.clone(), issued: asking.now, issued_wall: asking.wall, used: asking.now };
        self.flows.forget(asking.now);
        self.flows.refresh_tokens.insert(token.clone(), kept);
        token
    }
}

/// The claims of the token that tells an app who has signed in.
/// <https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference>
fn id_claims(asking: &Asking<'_>, tenant: uuid::Uuid, issue: &Issue<'_>, who: &Who) -> Value {
    let from = asking.wall.unix_timestamp();
    let mut claims = json!({
        "aud": issue.client.app_id,
        "iss": issuer(asking.authority(), &tenant.to_string()),
        "iat": from,
        "nbf": from,
        "exp": from + LIFETIME.whole_seconds(),
    });
    if issue.scopes.email {
        extend(&mut claims, json!({"email": who.user["mail"]}));
    }
    if issue.scopes.profile {
        extend(
            &mut claims,
            json!({
                "name": who.user["displayName"],
                "oid": who.person.id,
                "preferred_username": who.name,
            }),
        );
    }
    extend(
        &mut claims,
        json!({
            "nonce": issue.session.nonce,
            "sub": claims::pairwise(&who.person.id, &issue.client.app_id),
            "tid": tenant,
            "ver": "2.0",
        }),
    );
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}
