//! App management policies in a plan and in an apply: what they forbid is known beforehand where they may be read, and a
//! lifetime that they forbid is shortened on request.

use std::time::Duration;

use time::OffsetDateTime;

use crate::api::{ApplicationKey, List, Page, UniqueName};
use crate::auth::TokenClaims;
use crate::client::{Batch, BatchHandle, BatchResponse, Client};
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::{AppId, TenantId};
use crate::model::{AppManagementPolicy, Application, SignInAudience, TenantAppManagementPolicy};
use crate::provision::apply_state::ApplyState;
use crate::provision::certificate::Certificate;
use crate::provision::comparison::Comparison;
use crate::provision::credential::ClientSecret;
use crate::provision::credential_name;
use crate::provision::findings::Findings;
use crate::provision::made_certificate::NOT_BEFORE;
use crate::provision::observed::sentences;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::restrictions::{Allowed, AppFacts, AppRestrictions, Rule};
use crate::provision::step::{Step, StepKind, Subject};
use crate::x509::CertificateFacts;

/// The permissions with which policies are read; the first is the least.
const READ: [&str; 2] = ["Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"];

/// What is left of the longest lifetime, because the service counts it by a clock of its own: an hour, or a fortieth of a
/// short one.
fn max_clock_difference(max: time::Duration) -> time::Duration {
    let part: time::Duration = max / 40_i32;
    part.min(time::Duration::HOUR)
}

/// The reads of the policies for the app of a registration, as a part of a batch.
pub(super) struct PolicyReads {
    default: BatchHandle<TenantAppManagementPolicy>,
    own: BatchHandle<Page<AppManagementPolicy>>,
    list: List<AppManagementPolicy>,
}

impl PolicyReads {
    /// Adds them where the token shows that they are allowed; where it shows nothing, if a lifetime is to be shortened.
    pub(super) async fn new(
        client: &Client,
        registration: &AppRegistration,
        options: &PlanOptions,
        batch: &mut Batch,
    ) -> Result<Option<Self>, Error> {
        if !may_read(&client.token_claims().await?, options.shorten) {
            return Ok(None);
        }
        let key: ApplicationKey = match options.adopt {
            Some(app_id) => app_id.into(),
            None => UniqueName::new(registration.unique_name())?.into(),
        };
        let default = batch.add(client.policies().default_app_management_policy());
        let list = client.policies().list_of_application(key);
        let own = batch.add(list.clone().page());
        Ok(Some(Self { default, own, list }))
    }

    /// What they say. A policy that cannot be read is unknown: the service decides.
    pub(super) async fn take(
        self,
        client: &Client,
        responses: &mut BatchResponse,
        (tenant, app): (TenantId, Option<&Application>),
    ) -> Option<Box<AppRestrictions>> {
        let default = responses.take(self.default).ok()?;
        let own = match responses.take(self.own) {
            Ok(page) => self.list.rest_of(page).await.ok(),
            // It is not there yet.
            Err(error) if error.kind() == ErrorKind::NotFound && app.is_none() => Some(Vec::new()),
            Err(_) => None,
        };
        let (app, at) = (app.map(AppFacts::of), client.clock().now());
        Some(Box::new(AppRestrictions { tenant, default, own, shows_audiences: false, app, at }))
    }
}

fn may_read(claims: &TokenClaims, shorten: bool) -> bool {
    let scopes: Vec<&str> = claims.scp.as_deref().unwrap_or_default().split_whitespace().collect();
    let has = |permission: &&str| scopes.contains(permission) || claims.roles.iter().any(|role| role == permission);
    let shows_nothing = scopes.is_empty() && claims.roles.is_empty();
    READ.iter().any(has) || (shorten && shows_nothing)
}

/// Reads what the tenant's default says of audiences, which the beta version alone shows, where the audience is to be
/// another one that can be restricted.
pub(super) async fn read_audiences(
    client: &Client,
    registration: &AppRegistration,
    app: Option<&Application>,
    restrictions: &mut AppRestrictions,
) {
    let wanted = &registration.audience;
    let is_there = app.is_some_and(|app| app.sign_in_audience.as_ref() == Some(wanted));
    if is_there || *wanted == SignInAudience::SingleOrganization || restrictions.default.is_enabled != Some(true) {
        return;
    }
    if let Ok(default) = client.policies().default_app_management_policy_beta().await {
        (restrictions.default, restrictions.shows_audiences) = (default, true);
    }
}

/// Reads what policies allow for an app, or for one that is to be created.
pub(super) async fn read_restrictions(client: &Client, app_id: Option<AppId>) -> Result<AppRestrictions, Error> {
    let client = client.begin_operation();
    let tenant = client.tenant_id().await?;
    let default = client.policies().default_app_management_policy_beta().await?;
    let (mut own, mut app) = (Some(Vec::new()), None);
    if let Some(app_id) = app_id {
        let found = client.applications().find_selecting(app_id, &["id", "appId", "createdDateTime", "api"]).await?;
        let found = found.ok_or_else(|| Error::new(ErrorCode::NotFound).during("GET /applications/{id}"))?;
        own = Some(client.policies().list_of_application(app_id).all().await?);
        app = Some(AppFacts::of(&found));
    }
    Ok(AppRestrictions { tenant, default, own, shows_audiences: true, app, at: client.clock().now() })
}

/// Refuses what policies surely forbid of what is to be written.
pub(super) fn check(it: &Comparison<'_>, steps: &[Step], findings: &mut Findings) {
    let Some(restrictions) = &it.observed.restrictions else { return };
    for credential in steps.iter().filter_map(|step| issued(it, step)) {
        if let Some(error) = obstacle(it, restrictions, credential) {
            findings.add(error);
        }
    }
    let audience = steps.iter().any(|step| step.id().kind() == StepKind::AUDIENCE && step.is_change());
    if audience && restrictions.audience(&it.registration.audience) == Allowed::No {
        let name = named(restrictions);
        let message = format!("{name} forbids the audience {}", it.registration.audience);
        findings.add(Error::new(ErrorCode::AudienceForbiddenByPolicy).with_message(message));
    }
}

/// Says in the steps of secrets and certificates that are to be issued what a policy makes of them.
pub(super) fn annotate(it: &Comparison<'_>, steps: &mut [Step]) {
    let Some(restrictions) = &it.observed.restrictions else { return };
    for step in steps {
        let Some(credential) = issued(it, step) else { continue };
        if let Some(error) = obstacle(it, restrictions, credential) {
            step.block(sentences(error.message(), error.remedy()));
        } else if let Some(note) = shortened(it, credential) {
            step.add_to_plan(&note);
        }
    }
}

/// A client secret or certificate of a registration.
#[derive(Clone, Copy)]
pub(super) enum Credential<'a> {
    Secret(&'a ClientSecret),
    Certificate(&'a Certificate),
}

impl Credential<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Secret(secret) => secret.name(),
            Self::Certificate(certificate) => certificate.name(),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Secret(_) => "client secret",
            Self::Certificate(_) => "certificate",
        }
    }

    fn rule(self, restrictions: &AppRestrictions) -> Rule {
        match self {
            Self::Secret(_) => restrictions.secret_rule(),
            Self::Certificate(it) if it.is_generated() => restrictions.made_certificate_rule(),
            Self::Certificate(_) => restrictions.certificate_rule(),
        }
    }

    /// Whether it is made now, with the lifetime that is wanted.
    fn is_made(self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::Certificate(certificate) => certificate.is_generated(),
        }
    }

    /// How long it lives, as the registration asks; of a certificate that is given, the whole time of its validity.
    fn lifetime(self, now: OffsetDateTime) -> Option<time::Duration> {
        match self {
            Self::Secret(secret) => Some(secret.end(now).ok()? - now),
            Self::Certificate(it) if it.is_generated() => Some(it.end(now).ok()? - now),
            Self::Certificate(it) => CertificateFacts::read(&it.der()?).map(|it| it.not_after - it.not_before),
        }
    }

    /// How long one that is made now may live from now on, where a policy allows so long a lifetime.
    fn longest(self, max: Duration) -> Option<time::Duration> {
        let max = time::Duration::try_from(max).ok()?;
        let before = match self {
            Self::Secret(_) => time::Duration::ZERO,
            Self::Certificate(_) => NOT_BEFORE,
        };
        let longest = max - max_clock_difference(max) - before;
        longest.is_positive().then_some(longest)
    }
}

/// The secret or certificate that a step would issue or add.
fn issued<'a>(it: &Comparison<'a>, step: &Step) -> Option<Credential<'a>> {
    if !step.is_change() {
        return None;
    }
    match (step.id().kind(), step.id().subject()?) {
        (StepKind::SECRET, Subject::Secret(name)) => {
            it.registration.credentials.iter().find(|secret| secret.name() == name).map(Credential::Secret)
        }
        (StepKind::CERTIFICATE, Subject::Certificate(name)) => {
            it.registration.certificates.iter().find(|it| it.name() == name).map(Credential::Certificate)
        }
        _ => None,
    }
}

/// Why a policy surely forbids a credential, if one does.
fn obstacle(it: &Comparison<'_>, restrictions: &AppRestrictions, credential: Credential<'_>) -> Option<Error> {
    let (rule, name, noun) = (credential.rule(restrictions), credential.name(), credential.noun());
    let (forbidden, too_long) = match credential {
        Credential::Secret(_) => (ErrorCode::SecretForbiddenByPolicy, ErrorCode::SecretLifetimeForbiddenByPolicy),
        Credential::Certificate(_) => {
            (ErrorCode::CertificateForbiddenByPolicy, ErrorCode::CertificateLifetimeForbiddenByPolicy)
        }
    };
    if rule.forbids() {
        let policy = named(restrictions);
        let message = match credential {
            Credential::Secret(_) => format!("{policy} forbids client secrets, and “{name}” is one"),
            Credential::Certificate(_) => {
                format!("{policy} allows certificates of trusted authorities alone, and “{name}” is to be made here")
            }
        };
        return Some(Error::new(forbidden).with_message(message));
    }
    let (lifetime, max) = (credential.lifetime(it.now)?, rule.max()?);
    let can_be_shortened = credential.is_made() && credential.longest(max).is_some();
    if (it.options.shorten && can_be_shortened) || !rule.forbids_lifetime(lifetime) {
        return None;
    }
    let message = format!(
        "{} allows {noun}s of {} at most, and “{name}” {} {}",
        named(restrictions),
        in_days(max),
        if credential.is_made() { "asks for" } else { "is valid for" },
        in_days(lifetime.unsigned_abs())
    );
    let error = Error::new(too_long).with_message(message);
    Some(if can_be_shortened { error.with_remedy(choose(max)) } else { error })
}

fn choose(max: Duration) -> String {
    format!(
        "Ask for a lifetime of {} at most, or plan with `shorten`, which takes what the policy allows; or ask an \
         administrator to change the policy.",
        in_days(max)
    )
}

/// What a policy makes of the lifetime of a credential that is made now, where that is to be taken.
pub(super) struct Shorter {
    /// How long it lives.
    pub(super) lifetime: time::Duration,
    /// The clause that says so.
    pub(super) clause: String,
}

impl Shorter {
    /// Where policies allow less than the registration asks for.
    pub(super) fn of(restrictions: &AppRestrictions, credential: Credential<'_>, now: OffsetDateTime) -> Option<Self> {
        let max = credential.rule(restrictions).max()?;
        let (asked, lifetime) = (credential.lifetime(now)?, credential.longest(max)?);
        let clause = clause(restrictions, asked, max);
        (asked > max).then_some(Self { lifetime, clause })
    }

    /// How long before its end one is to be replaced, where `window` is what the registration asks for: the next one would be
    /// as near to its own end otherwise.
    pub(super) fn window(&self, window: time::Duration) -> time::Duration {
        if window < self.lifetime / 20_i32 * 19_i32 { window } else { self.lifetime / 3_i32 }
    }
}

fn clause(restrictions: &AppRestrictions, asked: time::Duration, max: Duration) -> String {
    let asked = in_days(asked.unsigned_abs());
    format!("for {} in place of {asked}, because {} allows no more", in_days(max), named(restrictions))
}

/// How long before its end a credential is renewed: as the registration asks, or where policies make it shorter, by that.
pub(super) fn renewal_window(
    it: &Comparison<'_>,
    credential: Credential<'_>,
    window: time::Duration,
) -> time::Duration {
    let restrictions = it.observed.restrictions.as_ref().filter(|_| it.options.shorten && credential.is_made());
    let shorter = restrictions.and_then(|restrictions| Shorter::of(restrictions, credential, it.now));
    shorter.map_or(window, |shorter| shorter.window(window))
}

/// When a secret that is issued now ends: as the registration asks, or as a policy allows where that is to be taken.
pub(super) fn end_of_secret(it: &Comparison<'_>, secret: &ClientSecret) -> Result<OffsetDateTime, Error> {
    Ok(limited(it, Credential::Secret(secret), secret.end(it.now)?))
}

/// When a certificate that is made now ends, likewise.
pub(super) fn end_of_certificate(it: &Comparison<'_>, certificate: &Certificate) -> Result<OffsetDateTime, Error> {
    Ok(limited(it, Credential::Certificate(certificate), certificate.end(it.now)?))
}

fn limited(it: &Comparison<'_>, credential: Credential<'_>, end: OffsetDateTime) -> OffsetDateTime {
    limit(it, credential).and_then(|max| it.now.checked_add(max)).map_or(end, |limit| end.min(limit))
}

/// The lifetime to which a credential is shortened: on request; or, of a certificate, by the minutes that lie before now,
/// which count.
fn limit(it: &Comparison<'_>, credential: Credential<'_>) -> Option<time::Duration> {
    let max = credential.rule(it.observed.restrictions.as_ref()?).max()?;
    let is_allowed = || credential.lifetime(it.now).is_some_and(|lifetime| lifetime <= max);
    let is_certificate = matches!(credential, Credential::Certificate(_));
    credential.longest(max).filter(|_| it.options.shorten || (is_certificate && is_allowed()))
}

/// The clause that says that a credential lives for a shorter time than was asked for, where it does.
fn shortened(it: &Comparison<'_>, credential: Credential<'_>) -> Option<String> {
    let restrictions = it.observed.restrictions.as_ref().filter(|_| credential.is_made())?;
    let (asked, max) = (credential.lifetime(it.now)?, credential.rule(restrictions).max()?);
    let is_shorter = limit(it, credential).is_some_and(|limit| limit < asked) && asked > max;
    is_shorter.then(|| clause(restrictions, asked, max))
}

/// Reports what was issued with a shorter lifetime than the registration asks for.
pub(super) fn report_shortened(state: &mut ApplyState<'_>) {
    let it = state.comparison();
    let (secrets, certificates) = (&state.report.secrets, &state.report.certificates);
    let is_secret = |name| secrets.iter().any(|issued| credential_name::is_of(name, issued.display_name.as_deref()));
    let is_certificate =
        |name| certificates.iter().any(|issued| credential_name::is_of(name, Some(issued.display_name.as_str())));
    let secrets = it.registration.credentials.iter().filter(|it| is_secret(it.name())).map(Credential::Secret);
    let certificates = it.registration.certificates.iter().filter(|it| is_certificate(it.name()));
    let texts: Vec<String> = secrets
        .chain(certificates.map(Credential::Certificate))
        .filter_map(|credential| {
            let clause = shortened(&it, credential)?;
            Some(format!("the {} “{}” is valid {clause}", credential.noun(), credential.name()))
        })
        .collect();
    state.report.corrections.extend(texts);
}

/// The error of an apply with the policy's name and what it allows, where it is a policy's and policies may be read;
/// where they may not, with what to ask.
pub(super) async fn explain(state: &ApplyState<'_>, error: Error) -> Error {
    let Some(ask) = what_to_ask(error.code()) else { return error };
    // What a guard has refused says it already.
    if error.status().is_none() {
        return error;
    }
    let client = &state.client;
    let may_ask = match client.token_claims().await {
        Ok(claims) => may_read(&claims, state.options.shorten),
        Err(_) => false,
    };
    let restrictions = match may_ask {
        true => read_restrictions(client, state.observed.app_id()).await.ok(),
        false => None,
    };
    let Some(restrictions) = restrictions else { return error.with_remedy(ask) };
    let (secrets, certificates) = (restrictions.secret_rule(), restrictions.certificate_rule());
    let audience = &state.registration.audience;
    // A replica may show the policy of before, which is not the one that forbids it.
    let forbidden = match error.code() {
        ErrorCode::SecretLifetimeForbiddenByPolicy => secrets.max().map(|max| ("client secrets", Some(max))),
        ErrorCode::CertificateLifetimeForbiddenByPolicy => certificates.max().map(|max| ("certificates", Some(max))),
        ErrorCode::SecretForbiddenByPolicy => secrets.may_forbid().then_some(("client secrets", None)),
        ErrorCode::AudienceForbiddenByPolicy => {
            (restrictions.audience(audience) == Allowed::No).then_some(("the audience", None))
        }
        _ => None,
    };
    let name = named(&restrictions);
    let said = |text: String| format!("{}; {text}", error.message());
    match forbidden {
        Some((what, Some(max))) => {
            let message = said(format!("{name} allows {what} of {} at most", in_days(max)));
            error.with_message(message).with_remedy(choose(max))
        }
        Some((what, None)) => {
            let message = said(format!("{name} forbids {what}"));
            error.with_message(message)
        }
        None => error,
    }
}

/// What to ask of whom, where the policy that forbids something cannot be read; `None` for any other error.
fn what_to_ask(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::SecretLifetimeForbiddenByPolicy => {
            "Ask an administrator which lifetime the app management policy allows and give that one, or for the permission \
             Policy.Read.All, with which a plan sees it and `shorten` takes it."
        }
        ErrorCode::AudienceForbiddenByPolicy => {
            "Choose a single-tenant audience, or ask an administrator which audiences the app management policy allows."
        }
        ErrorCode::SecretForbiddenByPolicy
        | ErrorCode::CertificateLifetimeForbiddenByPolicy
        | ErrorCode::CertificateForbiddenByPolicy => code.remedy(),
        _ => return None,
    })
}

/// The policy that is in force, for a person.
fn named(restrictions: &AppRestrictions) -> String {
    match restrictions.policy() {
        Some(name) => format!("the app management policy “{name}”"),
        None => "an app management policy of the tenant".to_owned(),
    }
}

/// A lifetime for a person.
fn in_days(lifetime: Duration) -> String {
    let seconds = lifetime.as_secs();
    match (seconds / 86_400, seconds % 86_400) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{days} days"),
        (0, _) => format!("{} hours", seconds / 3_600),
        // A month's or a year's end is rounded.
        (days, _) => format!("{days} days"),
    }
}
