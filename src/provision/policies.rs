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
use crate::provision::comparison::Comparison;
use crate::provision::credential::ClientSecret;
use crate::provision::findings::Findings;
use crate::provision::observed::sentences;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::report::IssuedSecret;
use crate::provision::restrictions::{Allowed, AppFacts, AppRestrictions};
use crate::provision::step::{Step, StepKind, Subject};

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
    for secret in steps.iter().filter_map(|step| issued(it, step)) {
        if let Some(error) = obstacle(it, restrictions, secret) {
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

/// Says in the steps of secrets that are to be issued what a policy makes of them.
pub(super) fn annotate(it: &Comparison<'_>, steps: &mut [Step]) {
    let Some(restrictions) = &it.observed.restrictions else { return };
    for step in steps {
        let Some(secret) = issued(it, step) else { continue };
        if let Some(error) = obstacle(it, restrictions, secret) {
            step.block(sentences(error.message(), error.remedy()));
        } else if let Some(note) = shortened(it, secret) {
            step.add_to_plan(&note);
        }
    }
}

/// The secret that a step would issue.
fn issued<'a>(it: &Comparison<'a>, step: &Step) -> Option<&'a ClientSecret> {
    let Some(Subject::Secret(name)) = step.id().subject() else { return None };
    let is_issued = step.id().kind() == StepKind::SECRET && step.is_change();
    it.registration.credentials.iter().find(|secret| is_issued && secret.name() == name)
}

/// Why a policy surely forbids a secret, if one does.
fn obstacle(it: &Comparison<'_>, restrictions: &AppRestrictions, secret: &ClientSecret) -> Option<Error> {
    let rule = restrictions.secret_rule();
    if rule.forbids() {
        let message = format!("{} forbids client secrets, and “{}” is one", named(restrictions), secret.name());
        return Some(Error::new(ErrorCode::SecretForbiddenByPolicy).with_message(message));
    }
    let lifetime = secret.end(it.now).ok()? - it.now;
    if it.options.shorten || !rule.forbids_lifetime(lifetime) {
        return None;
    }
    let max = rule.max()?;
    let message = format!(
        "{} allows client secrets of {} at most, and “{}” asks for {}",
        named(restrictions),
        in_days(max),
        secret.name(),
        in_days(lifetime.unsigned_abs())
    );
    Some(Error::new(ErrorCode::SecretLifetimeForbiddenByPolicy).with_message(message).with_remedy(choose(max)))
}

fn choose(max: Duration) -> String {
    format!(
        "Ask for a lifetime of {} at most, or plan with `shorten`, which takes what the policy allows; or ask an \
         administrator to change the policy.",
        in_days(max)
    )
}

/// When a secret that is issued now ends: as the registration asks, or as a policy allows where that is to be taken.
pub(super) fn end_of_secret(it: &Comparison<'_>, secret: &ClientSecret) -> Result<OffsetDateTime, Error> {
    let end = secret.end(it.now)?;
    Ok(limit(it).and_then(|max| it.now.checked_add(max)).map_or(end, |limit| end.min(limit)))
}

/// The lifetime to which secrets are shortened on request.
fn limit(it: &Comparison<'_>) -> Option<time::Duration> {
    let max = it.observed.restrictions.as_ref()?.secret_rule().max().filter(|_| it.options.shorten)?;
    let max = time::Duration::try_from(max).ok()?;
    Some(max - max_clock_difference(max))
}

/// The clause that says that a secret lives for a shorter time than was asked for, where it does.
fn shortened(it: &Comparison<'_>, secret: &ClientSecret) -> Option<String> {
    let restrictions = it.observed.restrictions.as_ref()?;
    let (asked, max) = (secret.end(it.now).ok()? - it.now, restrictions.secret_rule().max()?);
    let is_shorter = limit(it).is_some_and(|limit| limit < asked) && asked > max;
    is_shorter.then(|| {
        let asked = in_days(asked.unsigned_abs());
        format!("for {} in place of {asked}, because {} allows no more", in_days(max), named(restrictions))
    })
}

/// Reports the secrets that were issued with a shorter lifetime than the registration asks for.
pub(super) fn report_shortened(state: &mut ApplyState<'_>) {
    let it = state.comparison();
    let name = |secret: &IssuedSecret| secret.display_name.clone();
    let names: Vec<String> = state.report.secrets.iter().filter_map(name).collect();
    let wanted = it.registration.credentials.iter().filter(|secret| names.iter().any(|name| name == secret.name()));
    let texts: Vec<String> = wanted
        .filter_map(|secret| {
            Some(format!("the client secret “{}” is valid {}", secret.name(), shortened(&it, secret)?))
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
