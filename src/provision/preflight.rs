//! The preflight: which steps the caller's token allows, and what it lacks for the others, before anything is tried.
//!
//! It informs and never blocks. A token shows the roles that are active, not those that could be activated; and what a
//! custom role allows cannot be seen in it. Only a refusal by Graph is one.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::auth::TokenClaims;
use crate::permission::microsoft_graph::{application, delegated};
use crate::permission::{Permission, PermissionKind};
use crate::provision::caller_permissions::{EntraRole, is_graph};
use crate::provision::registration::AppRegistration;

/// The roles that many callers have and that allow none of the steps, by template id: members, guests, restricted
/// guests, readers of the directory, global readers, and what the token of an app without a role says.
const ROLES_WITHOUT_RIGHTS: [Uuid; 6] = [
    Uuid::from_u128(0xb79f_bf4d_3ef9_4689_8143_76b1_94e8_5509),
    Uuid::from_u128(0x10da_e51f_b6af_4016_8d66_8c2a_99b9_29b3),
    Uuid::from_u128(0x2af8_4b1e_32c8_42b7_82bc_daa8_2404_023b),
    Uuid::from_u128(0x88d8_e3e3_8f55_4a1e_953a_9b98_98b8_876b),
    Uuid::from_u128(0xf2ef_992c_3afb_46b9_b7cf_a126_ee74_c451),
    Uuid::from_u128(0x0997_a1d0_0d1d_4acb_b408_d5ca_7312_1e90),
];

/// What the caller's token allows, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Preflight {
    /// Who the caller is.
    pub caller: CallerKind,
    /// The steps, in the order in which an apply takes them.
    pub checks: Vec<PreflightCheck>,
}

/// Who a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CallerKind {
    /// An app that signed in as itself.
    App,
    /// A person, signed in to an app.
    Person,
    /// The token does not say.
    Unknown,
}

/// One step of an apply, and whether the token allows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PreflightCheck {
    /// A stable code: `read`, `application`, `service_principal`, `secret:` with a name, `grant:` with a permission.
    pub code: String,
    /// The step, for a person.
    pub step: String,
    /// What is to be expected.
    pub verdict: Verdict,
    /// What the token lacks: each permission is needed, and of roles the first that is listed or any of the others.
    pub missing: Vec<Missing>,
    /// What to do, where it is not allowed for certain.
    pub remedy: Option<String>,
}

/// What is to be expected of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Verdict {
    /// The token allows it.
    Allowed,
    /// The token lacks something that it needs.
    LikelyRefused,
    /// It cannot be seen in the token.
    Unknown,
}

/// What a token lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Missing {
    /// A permission of Microsoft Graph.
    Permission(Permission),
    /// A role of Entra, active.
    Role(EntraRole),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permission(permission) => permission.fmt(f),
            Self::Role(role) => write!(f, "the role {role}"),
        }
    }
}

impl Preflight {
    /// Whether the token allows every step.
    pub fn is_allowed(&self) -> bool {
        self.checks.iter().all(|check| check.verdict == Verdict::Allowed)
    }

    /// The steps that are likely to be refused.
    pub fn likely_refused(&self) -> impl Iterator<Item = &PreflightCheck> {
        self.checks.iter().filter(|check| check.verdict == Verdict::LikelyRefused)
    }

    /// Writes it as JSON, to be saved or sent.
    ///
    /// # Panics
    /// Never: every part of it can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("it holds nothing that JSON cannot")
    }

    pub(super) fn of(registration: &AppRegistration, claims: &TokenClaims) -> Self {
        let caller = Caller::of(claims);
        let mut checks = Vec::new();
        let mut check = |code: String, step: String, need: Need| {
            let (verdict, missing) = caller.may(need);
            let remedy = caller.remedy(verdict, &missing);
            checks.push(PreflightCheck { code, step, verdict, missing, remedy });
        };
        check("read".to_owned(), "Look at what is there".to_owned(), Need::Read);
        check("application".to_owned(), format!("Register “{}”", registration.display_name), Need::Create);
        check("service_principal".to_owned(), "Make its service principal".to_owned(), Need::Write);
        for name in registration.secret_names() {
            check(format!("secret:{name}"), format!("Issue the client secret “{name}”"), Need::Write);
        }
        for permission in registration.wanted_permissions().filter(|_| registration.admin_consent) {
            let need = match permission.kind() {
                PermissionKind::Application if is_graph(permission.api()) => Need::AssignOfGraph,
                PermissionKind::Application => Need::Assign,
                PermissionKind::Delegated => Need::Grant,
            };
            check(format!("grant:{permission}"), format!("Grant {permission} for the tenant"), need);
        }
        Self { caller: caller.kind, checks }
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let sign = match check.verdict {
                Verdict::Allowed => '✓',
                Verdict::LikelyRefused => '✗',
                Verdict::Unknown => '?',
            };
            writeln!(f, "{sign} {}", check.step)?;
            if let Some(remedy) = &check.remedy {
                writeln!(f, "    {remedy}")?;
            }
        }
        Ok(())
    }
}

/// What a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Read,
    Create,
    /// What belongs to the app: whoever made it owns it.
    Write,
    Assign,
    AssignOfGraph,
    Grant,
}

/// The caller, as the token shows it.
struct Caller<'a> {
    kind: CallerKind,
    held: Vec<&'a str>,
    roles: Option<&'a [Uuid]>,
}

impl<'a> Caller<'a> {
    fn of(claims: &'a TokenClaims) -> Self {
        let scopes: Vec<&str> = claims.scp.as_deref().unwrap_or_default().split_whitespace().collect();
        let (kind, held) = if !scopes.is_empty() {
            (CallerKind::Person, scopes)
        } else if claims.app().is_some() || !claims.roles.is_empty() {
            (CallerKind::App, claims.roles.iter().map(String::as_str).collect())
        } else {
            (CallerKind::Unknown, Vec::new())
        };
        Self { kind, held, roles: claims.wids.as_deref() }
    }

    fn has(&self, permission: &str) -> bool {
        self.held.contains(&permission)
            || (self.kind == CallerKind::Person && self.held.contains(&"Directory.AccessAsUser.All"))
    }

    fn any(&self, permissions: &[&str]) -> bool {
        permissions.iter().any(|permission| self.has(permission))
    }

    fn may(&self, need: Need) -> (Verdict, Vec<Missing>) {
        if self.kind == CallerKind::Unknown {
            return (Verdict::Unknown, Vec::new());
        }
        let (missing, doubtful) = self.permissions(need);
        let is_app = self.kind == CallerKind::App;
        if !missing.is_empty() {
            let missing =
                missing.into_iter().map(|[own, for_person]| Missing::Permission(if is_app { own } else { for_person }));
            // A role that an app holds can stand in for a permission.
            let verdict = match is_app && self.by_role(need) == Verdict::Allowed {
                true => Verdict::Unknown,
                false => Verdict::LikelyRefused,
            };
            return (verdict, missing.collect());
        }
        match self.by_role(need) {
            _ if doubtful => (Verdict::Unknown, Vec::new()),
            _ if is_app => (Verdict::Allowed, Vec::new()),
            Verdict::Allowed => (Verdict::Allowed, Vec::new()),
            verdict => (verdict, sufficient_roles(need).iter().copied().map(Missing::Role).collect()),
        }
    }

    /// The permissions that are missing, of an app and for a person; and whether those that are there may not do.
    fn permissions(&self, need: Need) -> (Vec<[Permission; 2]>, bool) {
        const DIRECTORY: [&str; 2] = ["Directory.Read.All", "Directory.ReadWrite.All"];
        let owned = self.kind == CallerKind::App && self.has("Application.ReadWrite.OwnedBy");
        let writes = owned || self.has("Application.ReadWrite.All");
        let reads = writes || self.has("Application.Read.All") || self.any(&DIRECTORY);
        let mut missing = Vec::new();
        let mut lacks = |is_there: bool, own, for_person| {
            if !is_there {
                missing.push([own, for_person]);
            }
        };
        match need {
            Need::Read => {
                lacks(reads, application::APPLICATION_READ_ALL, delegated::APPLICATION_READ_ALL);
                let grants = self.any(&DIRECTORY) || self.has("DelegatedPermissionGrant.ReadWrite.All");
                lacks(grants, application::DIRECTORY_READ_ALL, delegated::DIRECTORY_READ_ALL);
            }
            Need::Create => {
                lacks(writes, application::APPLICATION_READ_WRITE_ALL, delegated::APPLICATION_READ_WRITE_ALL);
            }
            Need::Write => {
                let writes = writes || self.has("Directory.ReadWrite.All");
                lacks(writes, application::APPLICATION_READ_WRITE_ALL, delegated::APPLICATION_READ_WRITE_ALL);
            }
            Need::Assign | Need::AssignOfGraph => {
                let assigns = self.has("AppRoleAssignment.ReadWrite.All");
                lacks(
                    assigns,
                    application::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL,
                    delegated::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL,
                );
                lacks(reads, application::APPLICATION_READ_ALL, delegated::APPLICATION_READ_ALL);
                // Documented is reading beside it; whether writing includes that here is not.
                return (missing, !self.any(&["Application.Read.All", "Directory.Read.All"]));
            }
            Need::Grant => {
                let grants = self.any(&["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"]);
                lacks(
                    grants,
                    application::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL,
                    delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL,
                );
            }
        }
        (missing, false)
    }

    /// What the active roles allow.
    fn by_role(&self, need: Need) -> Verdict {
        let Some(roles) = self.roles else { return Verdict::Unknown };
        let enough = sufficient_roles(need);
        if (need == Need::Read && self.kind == CallerKind::Person)
            || enough.iter().any(|role| roles.contains(&role.template_id()))
        {
            return Verdict::Allowed;
        }
        // Where members may register apps, no role is needed, and they own what they register.
        let by_setting = matches!(need, Need::Create | Need::Write);
        let is_known = |id: &Uuid| {
            ROLES_WITHOUT_RIGHTS.contains(id) || EntraRole::ALL.iter().any(|role| role.template_id() == *id)
        };
        if by_setting || !roles.iter().all(is_known) { Verdict::Unknown } else { Verdict::LikelyRefused }
    }

    fn remedy(&self, verdict: Verdict, missing: &[Missing]) -> Option<String> {
        if verdict == Verdict::Allowed {
            return None;
        }
        if self.kind == CallerKind::Unknown {
            return Some("The token does not show what it allows: try it, only a refusal says for certain.".to_owned());
        }
        let permissions: Vec<_> = missing
            .iter()
            .filter(|missing| matches!(missing, Missing::Permission(_)))
            .map(ToString::to_string)
            .collect();
        if !permissions.is_empty() {
            let whose =
                if self.kind == CallerKind::App { "the app that signs in" } else { "the app that is signed in to" };
            return Some(format!(
                "Grant {whose} {}, with admin consent, and sign in again.",
                permissions.join(" and ")
            ));
        }
        let roles: Vec<_> = missing
            .iter()
            .filter_map(|missing| match missing {
                Missing::Role(role) => Some(role.name()),
                Missing::Permission(_) => None,
            })
            .collect();
        Some(if roles.is_empty() {
            "It cannot be seen in the token: try it, only a refusal says for certain.".to_owned()
        } else {
            let may = if verdict == Verdict::Unknown { "If it is refused, activate" } else { "Activate" };
            format!("{may} one of the roles {} (PIM), or ask for it, and sign in again.", roles.join(", "))
        })
    }
}

/// The roles of which each suffices for a person.
fn sufficient_roles(need: Need) -> &'static [EntraRole] {
    use EntraRole::{
        ApplicationAdministrator, ApplicationDeveloper, CloudApplicationAdministrator, GlobalAdministrator,
        PrivilegedRoleAdministrator,
    };
    match need {
        Need::Read | Need::Write => &[ApplicationAdministrator, CloudApplicationAdministrator, GlobalAdministrator],
        Need::Create => {
            &[ApplicationAdministrator, CloudApplicationAdministrator, ApplicationDeveloper, GlobalAdministrator]
        }
        Need::AssignOfGraph => &[PrivilegedRoleAdministrator, GlobalAdministrator],
        Need::Assign | Need::Grant => {
            &[CloudApplicationAdministrator, ApplicationAdministrator, PrivilegedRoleAdministrator, GlobalAdministrator]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::well_known::OFFICE_365_EXCHANGE_ONLINE;
    use crate::provision::credential::ClientSecret;

    const MEMBER: Uuid = ROLES_WITHOUT_RIGHTS[0];

    fn registration() -> AppRegistration {
        let send = Permission::by_name(OFFICE_365_EXCHANGE_ONLINE, "Exchange.ManageAsApp", PermissionKind::Application);
        AppRegistration::new("contoso-app", "App")
            .permission(application::DIRECTORY_READ_ALL)
            .permission(send.unwrap())
            .permission(delegated::USER_READ)
            .credential(ClientSecret::new("Main"))
    }

    fn person(scopes: &str, roles: &[Uuid]) -> TokenClaims {
        TokenClaims { scp: Some(scopes.to_owned()), wids: Some(roles.to_vec()), ..TokenClaims::default() }
    }

    fn verdicts(claims: &TokenClaims) -> String {
        let preflight = Preflight::of(&registration(), claims);
        let all = preflight.checks.iter().map(|check| {
            assert_eq!(check.remedy.is_some(), check.verdict != Verdict::Allowed, "{check:?}");
            match check.verdict {
                Verdict::Allowed => '+',
                Verdict::LikelyRefused => '-',
                Verdict::Unknown => '?',
            }
        });
        all.collect()
    }

    /// In order: read, application, service principal, secret, a role of Graph, a role of another API, a scope.
    #[test]
    fn each_caller_is_told_what_to_expect() {
        use EntraRole::{ApplicationAdministrator, GlobalAdministrator, PrivilegedRoleAdministrator};
        const EVERYTHING: &str = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All \
            DelegatedPermissionGrant.ReadWrite.All Directory.Read.All openid";
        let id = EntraRole::template_id;
        for (scopes, roles, expected) in [
            (EVERYTHING, &[MEMBER, id(GlobalAdministrator)][..], "+++++++"),
            ("Directory.AccessAsUser.All", &[id(GlobalAdministrator)], "+++++++"),
            (EVERYTHING, &[id(ApplicationAdministrator)], "++++-++"),
            (EVERYTHING, &[id(PrivilegedRoleAdministrator)], "+???+++"),
            (EVERYTHING, &[MEMBER], "+???---"),
            // What a role that is not known allows cannot be said.
            (EVERYTHING, &[MEMBER, Uuid::from_u128(9)], "+??????"),
            ("Application.ReadWrite.All", &[id(GlobalAdministrator)], "-+++---"),
            ("Application.Read.All Directory.Read.All", &[id(GlobalAdministrator)], "+------"),
            ("Application.ReadWrite.OwnedBy", &[id(GlobalAdministrator)], "-------"),
        ] {
            assert_eq!(verdicts(&person(scopes, roles)), expected, "{scopes} {roles:?}");
        }
        let silent = TokenClaims { wids: None, ..person(EVERYTHING, &[]) };
        assert_eq!(verdicts(&silent), "???????", "a token without the claim says nothing of roles");
        assert_eq!(verdicts(&TokenClaims::default()), "???????");
        for (roles, expected) in [
            (EVERYTHING, "+++++++"),
            ("Application.ReadWrite.OwnedBy Directory.Read.All", "++++---"),
            ("Application.ReadWrite.All AppRoleAssignment.ReadWrite.All", "-+++??-"),
            ("User.Read.All", "-------"),
        ] {
            let roles = roles.split_whitespace().map(str::to_owned).collect();
            assert_eq!(verdicts(&TokenClaims { roles, ..TokenClaims::default() }), expected);
        }
    }

    #[test]
    fn what_is_missing_is_named_and_printed() {
        let admin = person(
            "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All Directory.Read.All",
            &[EntraRole::ApplicationAdministrator.template_id()],
        );
        let preflight = Preflight::of(&registration(), &admin);
        let refused: Vec<_> = preflight.likely_refused().collect();
        assert_eq!(refused[0].missing[0], Missing::Role(EntraRole::PrivilegedRoleAdministrator));
        assert_eq!(refused[1].missing, [Missing::Permission(delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL)]);
        let text = preflight.to_string();
        assert!(text.contains("✗ Grant Directory.Read.All (application)") && text.contains("sign in again"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&preflight.to_json()).unwrap();
        assert_eq!(json["checks"][4]["verdict"], "likelyRefused");
        assert_eq!(json["checks"][4]["missing"][0]["role"], "privilegedRoleAdministrator");
    }
}
