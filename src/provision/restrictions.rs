//! What the app management policies allow for one app: the rules alone, of what was read.
//!
//! A policy that is assigned to the app takes the place of the tenant's default, as a whole. What cannot be read, or holds
//! for some callers and not for others, is not known, and left to the service.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AppId, TenantId};
use crate::model::{
    AppManagementConfiguration, AppManagementPolicy, AppManagementPolicyActorExemptions, Application,
    CredentialRestriction, CredentialRestrictionType, IdentifierUriConfiguration, IdentifierUriRestriction,
    RestrictionState, SignInAudience, TenantAppManagementPolicy,
};

/// What the app management policies of a tenant allow for one app, or for one that is to be created.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::SignInAudience;
/// use entra_apps::provision::Allowed;
///
/// let tenant = MemoryTenant::new();
/// let reader = tenant.add_caller(&["Policy.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
/// let restrictions = client.app_restrictions(None).await?;
/// assert_eq!(restrictions.secrets(), Allowed::Yes, "nobody has made a policy");
/// assert_eq!(restrictions.audience(&SignInAudience::MultipleOrganizations), Allowed::Yes);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRestrictions {
    pub(super) tenant: TenantId,
    pub(super) default: TenantAppManagementPolicy,
    /// The policies that are assigned to the app: one at most. `None` where that could not be read.
    pub(super) own: Option<Vec<AppManagementPolicy>>,
    /// Whether the default was read from the version that shows audiences.
    pub(super) shows_audiences: bool,
    /// What is known of the app; of one that is to be created, nothing.
    pub(super) app: Option<AppFacts>,
    /// When it was read.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) at: OffsetDateTime,
}

/// What decides of an app whether a restriction holds for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppFacts {
    app_id: Option<AppId>,
    #[serde(with = "time::serde::rfc3339::option")]
    created: Option<OffsetDateTime>,
    access_token_version: Option<i32>,
}

impl AppFacts {
    pub(super) fn of(app: &Application) -> Self {
        let version = app.api.as_ref().and_then(|api| api.requested_access_token_version);
        Self { app_id: app.app_id, created: app.created_date_time, access_token_version: version }
    }
}

/// Whether policies allow something.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::provision::Allowed;
///
/// let tenant = MemoryTenant::new();
/// let policy = r#"{"isEnabled": true, "applicationRestrictions": {"passwordCredentials": [
///     {"restrictionType": "passwordLifetime", "maxLifetime": "P90D"}]}}"#;
/// tenant.send_json("PATCH", "/policies/defaultAppManagementPolicy", Some(policy)); // by hand
/// let reader = tenant.add_caller(&["Policy.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
///
/// let restrictions = client.app_restrictions(None).await?;
/// assert_eq!(restrictions.secrets(), Allowed::UpTo(Duration::from_secs(90 * 24 * 3600)));
/// assert_eq!(restrictions.certificates(), Allowed::Yes);
/// assert_eq!(restrictions.policy(), Some("Default app management tenant policy"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Allowed {
    /// No policy restricts it.
    Yes,
    /// For so long at most.
    UpTo(Duration),
    /// A policy forbids it.
    No,
    /// It is not known: the service decides.
    Unknown,
}

/// What policies say of one sort of credential, the strictest of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    is_forbidden: bool,
    max: Option<Duration>,
    /// Whether something is in it that may not hold, or something may hold that is not in it.
    is_uncertain: bool,
}

impl Rule {
    /// Whether it surely forbids the sort of credential.
    pub(super) fn forbids(self) -> bool {
        self.is_forbidden && !self.is_uncertain
    }

    /// Whether it surely forbids a lifetime, of a sort that it does not forbid.
    pub(super) fn forbids_lifetime(self, lifetime: time::Duration) -> bool {
        !self.is_uncertain && self.max.is_some_and(|max| lifetime > max)
    }

    /// Whether something in it forbids the sort of credential, for some at least.
    pub(super) fn may_forbid(self) -> bool {
        self.is_forbidden
    }

    /// The longest lifetime that is surely allowed, if there is one.
    pub(super) fn max(self) -> Option<Duration> {
        self.max
    }

    fn add(&mut self, holds: Holds, is_forbidden: bool, max: Option<Duration>) {
        if holds == Holds::No {
            return;
        }
        self.is_uncertain |= holds == Holds::Unknown;
        self.is_forbidden |= is_forbidden;
        self.max = self.max.into_iter().chain(max).min();
    }

    fn allowed(self) -> Allowed {
        match self {
            _ if self.is_uncertain => Allowed::Unknown,
            _ if self.is_forbidden => Allowed::No,
            Self { max: Some(max), .. } => Allowed::UpTo(max),
            _ => Allowed::Yes,
        }
    }
}

/// Whether a restriction holds for the app and the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
}

impl AppRestrictions {
    /// The display name of the policy that is in force for the app; `None` where none is, or where it is not known.
    pub fn policy(&self) -> Option<&str> {
        match self.applied() {
            Applied::Own(policy) => policy.display_name.as_deref(),
            Applied::Default { .. } => self.default.display_name.as_deref(),
            Applied::None | Applied::Unknown => None,
        }
    }

    /// Whether it may have new client secrets, and for how long.
    pub fn secrets(&self) -> Allowed {
        self.secret_rule().allowed()
    }

    /// Whether it may have new certificates, and for how long.
    pub fn certificates(&self) -> Allowed {
        self.certificate_rule().allowed()
    }

    /// What policies say of certificates.
    pub(super) fn certificate_rule(&self) -> Rule {
        let of = |restriction: &CredentialRestriction| match restriction.restriction_type {
            Some(CredentialRestrictionType::AsymmetricKeyLifetime) => Some((false, lifetime(restriction))),
            // Which authorities are trusted stands elsewhere.
            Some(CredentialRestrictionType::TrustedCertificateAuthority) => Some((false, Err(()))),
            _ => None,
        };
        self.rule("keyCredentials", |it| &it.key_credentials, of)
    }

    /// What they say of certificates that are made here, and that no authority has issued.
    pub(super) fn made_certificate_rule(&self) -> Rule {
        let of = |restriction: &CredentialRestriction| match restriction.restriction_type {
            Some(CredentialRestrictionType::AsymmetricKeyLifetime) => Some((false, lifetime(restriction))),
            Some(CredentialRestrictionType::TrustedCertificateAuthority) => Some((true, Ok(None))),
            _ => None,
        };
        self.rule("keyCredentials", |it| &it.key_credentials, of)
    }

    /// Whether it may get this audience, where it has another.
    pub fn audience(&self, audience: &SignInAudience) -> Allowed {
        let configuration = match self.applied() {
            Applied::None => return Allowed::Yes,
            Applied::Default { is_certain: true } if self.shows_audiences => {
                self.default.application_restrictions.as_ref()
            }
            _ => return Allowed::Unknown,
        };
        let audiences = configuration.and_then(|it| it.audiences.as_ref());
        let restriction = match audience {
            SignInAudience::SingleOrganization => return Allowed::Yes,
            SignInAudience::MultipleOrganizations => audiences.and_then(|it| it.azure_ad_multiple_orgs.as_ref()),
            SignInAudience::MultipleOrganizationsAndPersonalAccounts | SignInAudience::PersonalAccounts => {
                audiences.and_then(|it| it.personal_microsoft_account.as_ref())
            }
            SignInAudience::Other(_) => return Allowed::Unknown,
        };
        if configuration.is_some_and(|it| it.is_unreadable("audiences")) {
            return Allowed::Unknown;
        }
        let Some(it) = restriction else { return Allowed::Yes };
        let since =
            (it.restrict_for_apps_created_after_date_time, it.is_unreadable("restrictForAppsCreatedAfterDateTime"));
        let is_odd = it.is_unreadable("state");
        match self.holds(it.state.as_ref(), is_odd, since, it.exclude_actors.as_ref()) {
            Holds::Yes => Allowed::No,
            Holds::No => Allowed::Yes,
            Holds::Unknown => Allowed::Unknown,
        }
    }

    /// Whether an identifier URI may be added to it. A verified domain in it is not looked up, so that what one would
    /// decide is not known.
    pub fn identifier_uri(&self, uri: &str) -> Allowed {
        let configuration: Option<&IdentifierUriConfiguration> = match self.applied() {
            Applied::None => return Allowed::Yes,
            Applied::Default { is_certain: true } => {
                self.default.application_restrictions.as_ref().and_then(|it| it.identifier_uris.as_ref())
            }
            Applied::Own(policy) => {
                let own = policy.restrictions.as_ref().and_then(|it| it.application_restrictions.as_ref());
                own.and_then(|it| it.identifier_uris.as_ref())
            }
            Applied::Default { .. } | Applied::Unknown => return Allowed::Unknown,
        };
        let app_id = self.app.as_ref().and_then(|app| app.app_id).map(|id| id.to_string());
        let tenant = self.tenant.to_string();
        let has = |part: &str| uri.to_lowercase().contains(part);
        let is_default = app_id.as_ref().is_some_and(|app_id| {
            [format!("api://{app_id}"), format!("api://{tenant}/{app_id}")].contains(&uri.to_lowercase())
        });
        let is_told_apart = has(&tenant) || app_id.as_ref().is_some_and(|app_id| has(app_id));
        let non_default = configuration.and_then(|it| it.non_default_uri_addition.as_ref());
        let not_told_apart = configuration.and_then(|it| it.uri_addition_without_unique_tenant_identifier.as_ref());
        let verdicts = [
            non_default.filter(|_| !is_default).map(|it| self.uri_holds(it)),
            // A name with a dot may be a verified domain.
            not_told_apart.filter(|_| !is_told_apart).map(|it| match self.uri_holds(it) {
                Holds::Yes if uri.contains('.') => Holds::Unknown,
                holds => holds,
            }),
        ];
        let verdicts: Vec<Holds> = verdicts.into_iter().flatten().collect();
        let holds = |what: Holds| verdicts.contains(&what);
        // Of an app that is to be created, nobody knows the client id.
        if holds(Holds::Unknown) && !holds(Holds::Yes) || holds(Holds::Yes) && app_id.is_none() {
            Allowed::Unknown
        } else if holds(Holds::Yes) {
            Allowed::No
        } else {
            Allowed::Yes
        }
    }

    fn uri_holds(&self, it: &IdentifierUriRestriction) -> Holds {
        let version = self.app.as_ref().and_then(|app| app.access_token_version);
        if it.exclude_apps_receiving_v2_tokens == Some(true) && version == Some(2) {
            return Holds::No;
        }
        let since =
            (it.restrict_for_apps_created_after_date_time, it.is_unreadable("restrictForAppsCreatedAfterDateTime"));
        match self.holds(it.state.as_ref(), it.is_unreadable("state"), since, it.exclude_actors.as_ref()) {
            // Whether it signs in by SAML stands in its service principal.
            Holds::Yes if it.exclude_saml != Some(false) && it.was_read("excludeSaml") => Holds::Unknown,
            Holds::Yes if it.is_unreadable("excludeSaml") || it.is_unreadable("excludeAppsReceivingV2Tokens") => {
                Holds::Unknown
            }
            holds => holds,
        }
    }

    /// What policies say of client secrets.
    pub(super) fn secret_rule(&self) -> Rule {
        let of = |restriction: &CredentialRestriction| match restriction.restriction_type {
            Some(CredentialRestrictionType::PasswordAddition) => Some((true, Ok(None))),
            Some(CredentialRestrictionType::PasswordLifetime) => Some((false, lifetime(restriction))),
            _ => None,
        };
        self.rule("passwordCredentials", |it| &it.password_credentials, of)
    }

    /// The strictest of the restrictions of a list that are of a sort: whether each forbids, and its longest lifetime.
    fn rule(
        &self,
        path: &str,
        list: impl Fn(&AppManagementConfiguration) -> &Vec<CredentialRestriction>,
        of: impl Fn(&CredentialRestriction) -> Option<(bool, Result<Option<Duration>, ()>)>,
    ) -> Rule {
        let (configuration, is_certain) = match self.applied() {
            Applied::None => return Rule::default(),
            Applied::Unknown => return Rule { is_uncertain: true, ..Rule::default() },
            Applied::Own(policy) => (policy.restrictions.as_ref(), !is_odd(policy.unreadable(), "restrictions")),
            Applied::Default { is_certain } => {
                let is_read = !is_odd(self.default.unreadable(), "applicationRestrictions");
                (self.default.application_restrictions.as_ref(), is_certain && is_read)
            }
        };
        let mut rule = Rule { is_uncertain: !is_certain, ..Rule::default() };
        let Some(configuration) = configuration else { return rule };
        rule.is_uncertain |= is_odd(configuration.unreadable(), path);
        for restriction in list(configuration) {
            if restriction.is_unreadable("restrictionType") {
                rule.is_uncertain = true;
            }
            let Some((is_forbidden, max)) = of(restriction) else { continue };
            let since = "restrictForAppsCreatedAfterDateTime";
            let holds = self.holds(
                restriction.state.as_ref(),
                restriction.is_unreadable("state"),
                (restriction.restrict_for_apps_created_after_date_time, restriction.is_unreadable(since)),
                restriction.exclude_actors.as_ref(),
            );
            let holds = match (max.is_err() || restriction.is_unreadable("excludeActors"), holds) {
                (true, Holds::Yes) => Holds::Unknown,
                (_, holds) => holds,
            };
            rule.add(holds, is_forbidden, max.unwrap_or_default());
        }
        rule
    }

    fn holds(
        &self,
        state: Option<&RestrictionState>,
        is_state_odd: bool,
        (since, is_since_odd): (Option<OffsetDateTime>, bool),
        exempt: Option<&AppManagementPolicyActorExemptions>,
    ) -> Holds {
        match state {
            Some(RestrictionState::Disabled) => return Holds::No,
            Some(RestrictionState::Other(_)) => return Holds::Unknown,
            None if is_state_odd => return Holds::Unknown,
            // Restrictions of an older time have no state.
            Some(RestrictionState::Enabled) | None => {}
        }
        let is_anybody_exempt = exempt
            .is_some_and(|exempt| !exempt.custom_security_attributes.is_empty() || !exempt.unreadable().is_empty());
        match (since, &self.app) {
            (None, _) if is_since_odd => Holds::Unknown,
            (Some(since), Some(AppFacts { created: Some(created), .. })) if *created < since => Holds::No,
            (Some(_), Some(AppFacts { created: None, .. })) => Holds::Unknown,
            // An app that is to be created is newer than any date but one ahead.
            (Some(since), None) if since > self.at => Holds::Unknown,
            // Whether the caller is exempt stands in attributes that few may read.
            _ if is_anybody_exempt => Holds::Unknown,
            _ => Holds::Yes,
        }
    }

    fn applied(&self) -> Applied<'_> {
        let own = match (&self.app, &self.own) {
            (None, _) => Some(None),
            (Some(_), None) => None,
            (Some(_), Some(own)) => Some(own.first()),
        };
        let is_certain = match own {
            Some(Some(policy)) if policy.is_enabled == Some(true) => return Applied::Own(policy),
            // What a policy does that is assigned and not enabled is not documented.
            Some(Some(_)) | None => false,
            Some(None) => true,
        };
        match self.default.is_enabled {
            Some(true) => Applied::Default { is_certain },
            Some(false) if is_certain => Applied::None,
            _ => Applied::Unknown,
        }
    }
}

/// Whether a member itself cannot be read, whatever is in it.
fn is_odd(unreadable: Vec<String>, path: &str) -> bool {
    unreadable.iter().any(|found| found == path)
}

/// The policy that is in force for the app.
enum Applied<'a> {
    None,
    Own(&'a AppManagementPolicy),
    Default { is_certain: bool },
    Unknown,
}

/// The longest lifetime that a restriction allows; an error where it cannot be read.
fn lifetime(restriction: &CredentialRestriction) -> Result<Option<Duration>, ()> {
    let max = restriction.max_lifetime.as_ref().ok_or(())?;
    Ok(Some(Duration::from_secs(max.seconds())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

    /// What is known of an app of 2026, by the default policy and the policies that are assigned to it.
    fn restrictions(default: &str, own: Option<&str>) -> AppRestrictions {
        let app: Application = serde_json::from_str(r#"{"createdDateTime": "2026-06-01T09:00:00Z"}"#).unwrap();
        AppRestrictions {
            tenant: TenantId::from_u128(1),
            default: serde_json::from_str(default).unwrap(),
            own: own.map(|own| serde_json::from_str(own).unwrap()),
            shows_audiences: false,
            app: Some(AppFacts::of(&app)),
            at: datetime!(2026-06-01 9:00 UTC),
        }
    }

    fn default(restriction: &str) -> String {
        format!(r#"{{"isEnabled": true, "applicationRestrictions": {{"passwordCredentials": [{restriction}]}}}}"#)
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_what_is_known_is_the_strictest() {
        let month = r#"{"restrictionType": "passwordLifetime", "maxLifetime": "P30D""#;
        let (year, none) = (
            r#"{"restrictionType": "passwordLifetime", "maxLifetime": "P1Y"}"#,
            r#"{"restrictionType": "passwordAddition"}"#,
        );
        for (restriction, expected) in [
            (format!("{month}}}"), Allowed::UpTo(MONTH)),
            (format!("{month}}}, {year}"), Allowed::UpTo(MONTH)),
            (format!("{month}}}, {none}"), Allowed::No),
            (
                format!(r#"{month}, "restrictForAppsCreatedAfterDateTime": "2026-06-01T09:00:00Z"}}"#),
                Allowed::UpTo(MONTH),
            ),
            (format!(r#"{month}, "restrictForAppsCreatedAfterDateTime": "2026-06-01T09:00:01Z"}}"#), Allowed::Yes),
            (format!(r#"{month}, "restrictForAppsCreatedAfterDateTime": 7}}"#), Allowed::Unknown),
            (format!(r#"{month}, "state": "unknownFutureValue"}}"#), Allowed::Unknown),
            (format!(r#"{month}, "state": 7}}"#), Allowed::Unknown),
            (format!(r#"{month}, "state": "disabled", "excludeActors": 7}}"#), Allowed::Yes),
            (format!(r#"{month}, "excludeActors": 7}}"#), Allowed::Unknown),
            (r#"{"restrictionType": "passwordLifetime", "maxLifetime": "a month"}"#.to_owned(), Allowed::Unknown),
            (r#"{"restrictionType": 7}"#.to_owned(), Allowed::Unknown),
            (r#"{"restrictionType": "newInGraph"}"#.to_owned(), Allowed::Yes),
            ("7".to_owned(), Allowed::Unknown),
            (String::new(), Allowed::Yes),
        ] {
            let read = restrictions(&default(&restriction), Some("[]"));
            assert_eq!(read.secrets(), expected, "{restriction}");
        }
        for odd in [r#"{"isEnabled": 7}"#, "{}", r#"{"isEnabled": true, "applicationRestrictions": 7}"#] {
            assert_eq!(restrictions(odd, Some("[]")).secrets(), Allowed::Unknown, "{odd}");
        }
        assert_eq!(restrictions(r#"{"isEnabled": false}"#, Some("[]")).secrets(), Allowed::Yes);
        assert_eq!(restrictions(r#"{"isEnabled": false}"#, None).secrets(), Allowed::Unknown, "it may have its own");
    }

    #[test]
    fn what_is_uncertain_is_not_refused_and_still_a_limit_to_shorten_to() {
        let month = r#"{"restrictionType": "passwordLifetime", "maxLifetime": "P30D"}"#;
        let year = time::Duration::days(365);
        let surely = restrictions(&default(month), Some("[]")).secret_rule();
        assert!(surely.forbids_lifetime(year) && !surely.forbids_lifetime(time::Duration::days(30)));
        let unsure = restrictions(&default(month), None).secret_rule();
        assert!(!unsure.forbids_lifetime(year));
        assert_eq!((surely.max(), unsure.max()), (Some(MONTH), Some(MONTH)));
    }

    #[test]
    fn a_policy_of_the_app_takes_the_place_of_the_whole_default() {
        let none = default(r#"{"restrictionType": "passwordAddition"}"#);
        for (own, expected, name) in [
            (r#"[{"isEnabled": true, "displayName": "Own", "restrictions": {}}]"#, Allowed::Yes, Some("Own")),
            (r#"[{"isEnabled": true, "displayName": "Own", "restrictions": 7}]"#, Allowed::Unknown, Some("Own")),
            (r#"[{"isEnabled": false, "restrictions": {}}]"#, Allowed::Unknown, None),
            ("[]", Allowed::No, None),
        ] {
            let read = restrictions(&none, Some(own));
            assert_eq!((read.secrets(), read.policy()), (expected, name), "{own}");
        }
        let own = r#"[{"isEnabled": true, "restrictions": {"keyCredentials":
            [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P30D"}]}}]"#;
        assert_eq!(restrictions(&none, Some(own)).certificates(), Allowed::UpTo(MONTH));
        let trusted = own.replace("asymmetricKeyLifetime", "trustedCertificateAuthority");
        assert_eq!(restrictions(&none, Some(&trusted)).certificates(), Allowed::Unknown);
        let made = |own: &str| restrictions(&none, Some(own)).made_certificate_rule();
        assert!(made(&trusted).forbids(), "one that is made here is of no authority");
        assert!(!made(own).forbids() && made(own).max() == Some(MONTH));
        assert_eq!(restrictions(&none, Some(own)).audience(&SignInAudience::MultipleOrganizations), Allowed::Unknown);
    }

    #[test]
    fn what_is_written_to_a_plan_is_read_again() {
        let read = restrictions(&default(r#"{"restrictionType": "passwordAddition"}"#), Some("[]"));
        let again: AppRestrictions = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }
}
