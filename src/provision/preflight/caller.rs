//! The caller, as its token shows it: what it may do, and what it lacks.

use uuid::Uuid;

use crate::auth::TokenClaims;
use crate::directory_role::DirectoryRole;
use crate::permission::Permission;
use crate::permission::microsoft_graph::{application, delegated};
use crate::provision::preflight::need::{Need, ROLES_WITH_RIGHTS, ROLES_WITHOUT_RIGHTS, sufficient_roles};
use crate::provision::preflight::{CallerKind, Verdict};

/// What is to be expected of a step, and what it lacks.
pub(super) struct Expected {
    pub(super) verdict: Verdict,
    pub(super) missing_permissions: Vec<Permission>,
    pub(super) sufficient_roles: Vec<DirectoryRole>,
    /// What the active roles allow by themselves.
    by_role: Verdict,
}

/// The caller, as the token shows it.
pub(super) struct Caller<'a> {
    pub(super) kind: CallerKind,
    held: Vec<&'a str>,
    roles: Option<&'a [Uuid]>,
}

impl<'a> Caller<'a> {
    pub(super) fn of(claims: &'a TokenClaims) -> Self {
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

    pub(super) fn may(&self, need: Need) -> Expected {
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
            // Of apps of other tenants, none is one's own.
            Need::Install => {
                let writes = self.has("Application.ReadWrite.All");
                lacks(writes, application::APPLICATION_READ_WRITE_ALL, delegated::APPLICATION_READ_WRITE_ALL);
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

    pub(super) fn remedy(&self, expected: &Expected) -> Option<String> {
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
