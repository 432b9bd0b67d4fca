//! The preflight: which steps the caller's token allows, and what it lacks for the others, before anything is tried.
//!
//! It informs and never blocks. A token shows the roles that are active, not those that could be activated; and what a
//! custom role allows cannot be seen in it. Only a refusal by Graph is one.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::auth::TokenClaims;
use crate::directory_role::DirectoryRole;
use crate::permission::microsoft_graph::{application, delegated};
use crate::permission::{Permission, PermissionKind};
use crate::provision::caller_permissions::is_graph;
use crate::provision::comparison::step_about;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{StepId, StepKind, Subject};

impl StepKind {
    /// Looking at what is there.
    pub const READ: Self = Self::new("read");
}

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

/// The roles that allow some of the steps.
const ROLES_WITH_RIGHTS: [DirectoryRole; 5] = [
    DirectoryRole::GLOBAL_ADMINISTRATOR,
    DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR,
    DirectoryRole::APPLICATION_ADMINISTRATOR,
    DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
    DirectoryRole::APPLICATION_DEVELOPER,
];

/// What the caller's token allows, step by step.
///
/// # JSON
/// `caller` (a [`CallerKind`]) and `checks` (each a [`PreflightCheck`]).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::delegated;
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(delegated::USER_READ);
///
/// let preflight = client.preflight(&backup).await?;
/// assert!(!preflight.is_allowed());
/// println!("{preflight}"); // each step with ✓, ✗ or ?, and what to do
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Preflight {
    /// Who the caller is.
    pub caller: CallerKind,
    /// The steps, in the order in which an apply takes them.
    pub checks: Vec<PreflightCheck>,
}

/// Who a token is for. In JSON it is `app`, `person` or `unknown`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::CallerKind;
/// use entra_apps::AppRegistration;
///
/// let client = MemoryTenant::new().client(); // an app with a secret
/// let preflight = client.preflight(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// assert_eq!(preflight.caller, CallerKind::App);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
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
///
/// A person needs both: all of [`missing_permissions`](Self::missing_permissions), and one of
/// [`sufficient_roles`](Self::sufficient_roles) where there are any.
///
/// # JSON
/// `code`, `step`, `verdict` (a [`Verdict`]), `missingPermissions` (each `{"api": …, "kind": …, "name": …, "id": …}`),
/// `sufficientRoles` (each a [`DirectoryRole`]) and `remedy` (null where it is allowed).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::permission::microsoft_graph::{application, delegated};
///
/// let tenant = MemoryTenant::new();
/// let caller = tenant.add_caller(&["Application.ReadWrite.All", "Directory.Read.All"]);
/// let client = tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build()?;
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(delegated::USER_READ);
///
/// let preflight = client.preflight(&backup).await?;
/// let check = preflight.likely_refused().next().expect("it may not grant");
/// assert_eq!(check.missing_permissions, [application::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL]);
/// assert_eq!(check.sufficient_roles, [], "an app needs no role beside its permissions");
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PreflightCheck {
    /// What it is about, as in a plan and in a checklist, or [`READ`](StepKind::READ). In JSON it is the member `code`.
    #[serde(rename = "code")]
    pub id: StepId,
    /// The step, for a person.
    pub step: String,
    /// What is to be expected.
    pub verdict: Verdict,
    /// The permissions of Microsoft Graph that the token lacks: all of them are needed.
    pub missing_permissions: Vec<Permission>,
    /// The roles of Entra that would do where the token shows none of them: one of them is enough, active. The first is
    /// the one to ask for.
    pub sufficient_roles: Vec<DirectoryRole>,
    /// What to do, where it is not allowed for certain.
    pub remedy: Option<String>,
}

/// What is to be expected of a step. In JSON it is `allowed`, `likelyRefused` or `unknown`.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::Verdict;
/// use entra_apps::AppRegistration;
///
/// let client = MemoryTenant::new().client();
/// let preflight = client.preflight(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// for check in &preflight.checks {
///     let sign = match check.verdict {
///         Verdict::Allowed => "yes",
///         Verdict::LikelyRefused => "no",
///         _ => "try it",
///     };
///     println!("{}: {sign}", check.step);
/// }
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
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
        let mut check = |id: StepId, step: String, need: Need| {
            let expected = caller.may(need);
            let remedy = caller.remedy(&expected);
            let Expected { verdict, missing_permissions, sufficient_roles, .. } = expected;
            checks.push(PreflightCheck { id, step, verdict, missing_permissions, sufficient_roles, remedy });
        };
        check(StepKind::READ.into(), "Look at what is there".to_owned(), Need::Read);
        check(StepKind::REGISTERED.into(), format!("Register “{}”", registration.display_name), Need::Create);
        check(StepKind::SERVICE_PRINCIPAL.into(), "Make its service principal".to_owned(), Need::Write);
        for name in registration.secret_names() {
            check(
                StepId::of(StepKind::SECRET, Subject::Secret(name.to_owned())),
                format!("Issue the client secret “{name}”"),
                Need::Write,
            );
        }
        for permission in registration.wanted_permissions().filter(|_| registration.admin_consent) {
            let need = match permission.kind() {
                PermissionKind::Application if is_graph(permission.api()) => Need::AssignOfGraph,
                PermissionKind::Application => Need::Assign,
                PermissionKind::Delegated => Need::Grant,
            };
            check(
                step_about(StepKind::PERMISSION_GRANTED, permission),
                format!("Grant {permission} for the tenant"),
                need,
            );
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

/// What is to be expected of a step, and what it lacks.
struct Expected {
    verdict: Verdict,
    missing_permissions: Vec<Permission>,
    sufficient_roles: Vec<DirectoryRole>,
    /// What the active roles allow by themselves.
    by_role: Verdict,
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

    fn may(&self, need: Need) -> Expected {
        let by_role = self.by_role(need);
        let expected =
            |verdict| Expected { verdict, missing_permissions: Vec::new(), sufficient_roles: Vec::new(), by_role };
        if self.kind == CallerKind::Unknown {
            return expected(Verdict::Unknown);
        }
        let is_app = self.kind == CallerKind::App;
        let (missing, doubtful) = self.permissions(need);
        let verdict = match (missing.is_empty(), is_app) {
            // A role that an app holds can stand in for a permission.
            (false, true) if by_role == Verdict::Allowed => Verdict::Unknown,
            (false, _) => Verdict::LikelyRefused,
            (true, _) if doubtful => return expected(Verdict::Unknown),
            (true, true) => Verdict::Allowed,
            (true, false) => by_role,
        };
        Expected {
            missing_permissions: missing
                .into_iter()
                .map(|[own, for_person]| if is_app { own } else { for_person })
                .collect(),
            sufficient_roles: match is_app || by_role == Verdict::Allowed {
                true => Vec::new(),
                false => sufficient_roles(need).to_vec(),
            },
            ..expected(verdict)
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
            || enough.iter().any(|role| roles.contains(&role.id()))
        {
            return Verdict::Allowed;
        }
        // Where members may register apps, no role is needed, and they own what they register.
        let by_setting = matches!(need, Need::Create | Need::Write);
        let is_known =
            |id: &Uuid| ROLES_WITHOUT_RIGHTS.contains(id) || ROLES_WITH_RIGHTS.iter().any(|role| role.id() == *id);
        if by_setting || !roles.iter().all(is_known) { Verdict::Unknown } else { Verdict::LikelyRefused }
    }

    fn remedy(&self, expected: &Expected) -> Option<String> {
        if expected.verdict == Verdict::Allowed {
            return None;
        }
        if self.kind == CallerKind::Unknown {
            return Some("The token does not show what it allows: try it, only a refusal says for certain.".to_owned());
        }
        let mut steps = Vec::new();
        let permissions: Vec<_> = expected.missing_permissions.iter().map(ToString::to_string).collect();
        if !permissions.is_empty() {
            let whose =
                if self.kind == CallerKind::App { "the app that signs in" } else { "the app that is signed in to" };
            let all = if permissions.len() > 1 { " (all of them are needed)" } else { "" };
            steps.push(format!("Grant {whose} {}{all}, with admin consent", permissions.join(" and ")));
        }
        let roles: Vec<_> = expected.sufficient_roles.iter().map(ToString::to_string).collect();
        if let Some((last, others)) = roles.split_last() {
            let may = match (expected.by_role, steps.is_empty()) {
                (Verdict::Unknown, true) => "If it is refused, activate",
                (Verdict::Unknown, false) => "if it is refused then, activate",
                (_, true) => "Activate",
                (_, false) => "activate",
            };
            steps.push(format!(
                "{may} one of the roles {} or {last} (PIM; one is enough), or ask for it",
                others.join(", ")
            ));
        }
        if steps.is_empty() {
            return Some("It cannot be seen in the token: try it, only a refusal says for certain.".to_owned());
        }
        Some(format!("{}, and sign in again.", steps.join("; ")))
    }
}

/// The roles of which each suffices for a person.
fn sufficient_roles(need: Need) -> &'static [DirectoryRole] {
    match need {
        Need::Read | Need::Write => &[
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
        Need::Create => &[
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::APPLICATION_DEVELOPER,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
        Need::AssignOfGraph => &[DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
        Need::Assign | Need::Grant => &[
            DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR,
            DirectoryRole::APPLICATION_ADMINISTRATOR,
            DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR,
            DirectoryRole::GLOBAL_ADMINISTRATOR,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::well_known::OFFICE_365_EXCHANGE_ONLINE;
    use crate::provision::credential::ClientSecret;
    use serde_json::json;

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
        const EVERYTHING: &str = "Application.ReadWrite.All AppRoleAssignment.ReadWrite.All \
            DelegatedPermissionGrant.ReadWrite.All Directory.Read.All openid";
        const GLOBAL: Uuid = DirectoryRole::GLOBAL_ADMINISTRATOR.id();
        const APPLICATION: Uuid = DirectoryRole::APPLICATION_ADMINISTRATOR.id();
        const PRIVILEGED: Uuid = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR.id();
        for (scopes, roles, expected) in [
            (EVERYTHING, &[MEMBER, GLOBAL][..], "+++++++"),
            ("Directory.AccessAsUser.All", &[GLOBAL], "+++++++"),
            (EVERYTHING, &[APPLICATION], "++++-++"),
            (EVERYTHING, &[PRIVILEGED], "+???+++"),
            (EVERYTHING, &[MEMBER], "+???---"),
            // What a role that is not known allows cannot be said.
            (EVERYTHING, &[MEMBER, Uuid::from_u128(9)], "+??????"),
            ("Application.ReadWrite.All", &[GLOBAL], "-+++---"),
            ("Application.Read.All Directory.Read.All", &[GLOBAL], "+------"),
            ("Application.ReadWrite.OwnedBy", &[GLOBAL], "-------"),
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
            &[DirectoryRole::APPLICATION_ADMINISTRATOR.id()],
        );
        let preflight = Preflight::of(&registration(), &admin);
        let refused: Vec<_> = preflight.likely_refused().collect();
        let [role, scope] = refused[..] else { panic!("{preflight}") };
        assert_eq!(role.missing_permissions, []);
        assert_eq!(
            role.sufficient_roles,
            [DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
            "one of them is enough"
        );
        assert_eq!(scope.missing_permissions, [delegated::DELEGATED_PERMISSION_GRANT_READ_WRITE_ALL]);
        assert_eq!(scope.sufficient_roles, [], "she has one that is enough");
        let text = preflight.to_string();
        assert!(text.contains("✗ Grant Directory.Read.All (application)") && text.contains("sign in again"), "{text}");
        assert!(text.contains("Privileged Role Administrator or Global Administrator (PIM; one is enough)"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&preflight.to_json()).unwrap();
        assert_eq!(json["caller"], "person");
        assert_eq!(
            json["checks"][0],
            json!({
                "code": "read", "step": "Look at what is there", "verdict": "allowed", "missingPermissions": [],
                "sufficientRoles": [], "remedy": null,
            })
        );
        assert_eq!(
            json["checks"][4],
            json!({
                "code": "permission_granted:Directory.Read.All:application",
                "step": "Grant Directory.Read.All (application) for the tenant",
                "verdict": "likelyRefused",
                "missingPermissions": [],
                "sufficientRoles": [DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR],
                "remedy": "Activate one of the roles Privileged Role Administrator or Global Administrator (PIM; one is \
                    enough), or ask for it, and sign in again.",
            })
        );
        assert_eq!(
            json["checks"][6]["missingPermissions"],
            json!([{
                "api": "00000003-0000-0000-c000-000000000000", "kind": "delegated",
                "name": "DelegatedPermissionGrant.ReadWrite.All", "id": "41ce6ca6-6826-4807-84f1-1c82854f7ee5",
            }])
        );
    }

    #[test]
    fn a_person_who_lacks_both_is_told_all_permissions_and_that_one_role_is_enough() {
        let nobody = person("User.Read", &[MEMBER]);
        let preflight = Preflight::of(&registration(), &nobody);
        let check = &preflight.checks[4];
        assert_eq!(
            check.missing_permissions,
            [delegated::APP_ROLE_ASSIGNMENT_READ_WRITE_ALL, delegated::APPLICATION_READ_ALL]
        );
        assert_eq!(check.sufficient_roles, sufficient_roles(Need::AssignOfGraph));
        let remedy = check.remedy.as_deref().unwrap();
        for text in ["(all of them are needed)", "; activate one of the roles", "one is enough"] {
            assert!(remedy.contains(text), "{remedy}");
        }
        // An app needs its permissions, and no role.
        let app = TokenClaims { roles: vec!["User.Read.All".to_owned()], ..TokenClaims::default() };
        let preflight = Preflight::of(&registration(), &app);
        assert!(preflight.checks.iter().all(|check| check.sufficient_roles.is_empty()), "{preflight}");
    }
}
