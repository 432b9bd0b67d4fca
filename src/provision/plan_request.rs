//! Asking for a plan or a check: what is said of the run beforehand, and what is refused before it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::ids::{AppId, KeyId};
use crate::provision::diff::Choices;
use crate::provision::observe::observe_settled;
use crate::provision::observed::Observed;
use crate::provision::plan::Plan;
use crate::provision::registration::{AppRegistration, allows_personal_accounts};
use crate::provision::verify::Checklist;

impl Client {
    /// Looks at the tenant and says what [`apply`](Self::apply) would change. Reads only.
    ///
    /// Awaiting it makes the plan; before that, [`adopt`](PlanRequest::adopt) and the other methods say more of this
    /// run. It takes one request, two for an application that is there: [`$batch`](https://learn.microsoft.com/graph/json-batching)
    /// of reads of [applications](https://learn.microsoft.com/graph/api/application-list),
    /// [service principals](https://learn.microsoft.com/graph/api/serviceprincipal-get) and their grants. Least
    /// permissions: `Application.Read.All` and `Directory.Read.All`.
    ///
    /// # Errors
    /// - [`ErrorKind::Invalid`] for what Entra would refuse, before anything is sent.
    /// - [`ErrorKind::Conflict`] with the code `same_name` when there is no application with the key and one of the
    ///   display name: adopt it or say that another is to be created. With `redirect_uri_elsewhere` when a redirect URI
    ///   stands under another platform.
    /// - [`ErrorKind::Refused`] with the code `api_not_in_tenant` when the tenant lacks an API.
    /// - [`ErrorKind::SignIn`], [`ErrorKind::Forbidden`] and the kinds of a request that got no answer.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let plan = client.plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
    /// assert!(!plan.is_converged());
    /// println!("{plan}");
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    pub fn plan<'a>(&self, registration: &'a AppRegistration) -> PlanRequest<'a> {
        PlanRequest { client: self.clone(), registration, choices: Choices::default() }
    }

    /// Checks every step of the guide against the tenant. Reads only, the same as [`plan`](Self::plan) does.
    ///
    /// Least permissions: `Application.Read.All` and `Directory.Read.All`.
    ///
    /// ```
    /// # use entra_apps::{AppRegistration};
    /// # use entra_emulator::MemoryTenant;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let client = MemoryTenant::new().client();
    /// let checklist = client.verify(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
    /// for item in checklist.open() {
    ///     println!("{}: {}", item.step, item.remedy.as_deref().unwrap_or_default());
    /// }
    /// assert!(!checklist.is_done());
    /// # Ok::<(), entra_apps::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan), without the conflicts: what is not as it should be is an open item, not an error.
    pub fn verify<'a>(&self, registration: &'a AppRegistration) -> VerifyRequest<'a> {
        VerifyRequest { client: self.clone(), registration, choices: Choices::default() }
    }
}

/// A plan to be made: awaiting it makes it.
#[derive(Debug)]
#[must_use = "a plan is made when it is awaited"]
pub struct PlanRequest<'a> {
    client: Client,
    registration: &'a AppRegistration,
    choices: Choices,
}

impl PlanRequest<'_> {
    /// Takes an application that was made by hand as the one that is meant. It is given the key, and is found by it
    /// from then on.
    pub fn adopt(mut self, app_id: AppId) -> Self {
        self.choices.adopt = Some(app_id);
        self
    }

    /// Creates another application although there is one of the same display name.
    pub fn create_another(mut self) -> Self {
        self.choices.create_another = true;
        self
    }

    /// Does not give the adopted application the key: for one to which Entra refuses it. It is adopted each time.
    pub fn without_key(mut self) -> Self {
        self.choices.key_refused = true;
        self
    }

    /// Issues another secret of this description although one is live. The earlier one stays.
    pub fn replace_secret(mut self, name: impl Into<String>) -> Self {
        self.choices.replace.push(name.into());
        self
    }

    /// Says that the caller has the value of this secret, so that nothing is open about it.
    pub fn holding(mut self, secret: KeyId) -> Self {
        self.choices.held.push(secret);
        self
    }
}

impl<'a> IntoFuture for PlanRequest<'a> {
    type Output = Result<Plan, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { client, registration, choices } = self;
            check(&client, registration, &choices)?;
            check_lifetimes(&client, registration, &choices)?;
            let client = client.with_default_deadline();
            let observed = observe_settled(&client, registration, &choices).await?;
            refuse_redirect_uri_elsewhere(registration, &observed)?;
            refuse_twice(&observed)?;
            refuse_same_name(registration, &observed, &choices)?;
            Ok(Plan::new(client.cloud().name(), registration, choices, observed, client.clock().now()))
        })
    }
}

/// A check to be made: awaiting it makes it.
#[derive(Debug)]
#[must_use = "a check is made when it is awaited"]
pub struct VerifyRequest<'a> {
    client: Client,
    registration: &'a AppRegistration,
    choices: Choices,
}

impl VerifyRequest<'_> {
    /// Checks an application that does not have the key.
    pub fn adopt(mut self, app_id: AppId) -> Self {
        self.choices.adopt = Some(app_id);
        self
    }
}

impl<'a> IntoFuture for VerifyRequest<'a> {
    type Output = Result<Checklist, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { client, registration, choices } = self;
            check(&client, registration, &choices)?;
            let client = client.with_default_deadline();
            let observed = observe_settled(&client, registration, &choices).await?;
            Ok(Checklist::of(registration, &observed, client.clock().now()))
        })
    }
}

fn check(client: &Client, registration: &AppRegistration, choices: &Choices) -> Result<(), Error> {
    registration.check()?;
    if let Some(name) =
        choices.replace.iter().find(|name| !registration.credentials.iter().any(|secret| secret.name() == **name))
    {
        return Err(Error::invalid(
            "unknown_secret",
            format!("the registration has no client secret “{name}” to replace"),
        )
        .with_remedy("Name one of its client secrets."));
    }
    let national = matches!(client.cloud().name(), "usgov" | "usgov-dod" | "china");
    if national && allows_personal_accounts(&registration.audience) {
        return Err(Error::invalid("audience", "national clouds have no personal Microsoft accounts")
            .with_remedy("Choose an audience of organizations."));
    }
    Ok(())
}

/// A secret that would end in the past is refused, unless the caller has it and none is to be issued.
fn check_lifetimes(client: &Client, registration: &AppRegistration, choices: &Choices) -> Result<(), Error> {
    if choices.held.is_empty() {
        for secret in &registration.credentials {
            secret.end(client.clock().now())?;
        }
    }
    Ok(())
}

/// Entra holds a redirect URI once, for one platform.
fn refuse_redirect_uri_elsewhere(registration: &AppRegistration, observed: &Observed) -> Result<(), Error> {
    let Some(app) = observed.application.as_ref().filter(|_| !registration.exact) else { return Ok(()) };
    for uri in &registration.redirect_uris {
        let other = app
            .redirect_uris
            .iter()
            .find(|other| other.platform != uri.platform && other.uri.eq_ignore_ascii_case(&uri.uri));
        if let Some(other) = other {
            return Err(Error::new(
                ErrorKind::Conflict,
                "redirect_uri_elsewhere",
                format!(
                    "the redirect URI {} stands under {}, and is wanted under {}",
                    uri.uri,
                    other.platform.portal_name(),
                    uri.platform.portal_name()
                ),
            )
            .with_remedy("Remove it there (exact does), or name it for that platform."));
        }
    }
    Ok(())
}

/// The same permission by its id and by its name.
fn refuse_twice(observed: &Observed) -> Result<(), Error> {
    for (place, resolved) in observed.permissions.iter().enumerate() {
        if let Some(twin) = observed.permissions[..place].iter().find(|twin| twin.declared() == resolved.declared()) {
            return Err(Error::invalid(
                "permission_twice",
                format!("{} and {} are the same permission", twin.permission, resolved.permission),
            )
            .with_remedy("Name it once."));
        }
    }
    Ok(())
}

/// Which app is meant is never guessed from a display name.
fn refuse_same_name(registration: &AppRegistration, observed: &Observed, choices: &Choices) -> Result<(), Error> {
    let by_hand: Vec<String> =
        observed.same_name.iter().filter(|other| other.key.is_none()).map(|other| other.app_id.to_string()).collect();
    if observed.application.is_some() || choices.create_another || by_hand.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "same_name",
        format!(
            "there is no application with the key {}, and {} of the display name “{}”: client id {}",
            registration.key,
            if by_hand.len() == 1 { "one".to_owned() } else { by_hand.len().to_string() },
            registration.display_name,
            by_hand.join(", ")
        ),
    )
    .with_remedy(
        "If it is the one that is meant, adopt it by its client id; otherwise say that another is to be created.",
    ))
}
