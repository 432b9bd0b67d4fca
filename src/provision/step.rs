//! Steps: what a guide names, what a plan changes and what a checklist ticks, told apart by type.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::error::on_one_line;
use crate::ids::{AppId, KeyId, ServicePrincipalId};
use crate::permission::{MICROSOFT_GRAPH, PermissionKind};
use crate::provision::redirect_uri::RedirectUri;

/// The kind of thing that a step is about, such as [`HOMEPAGE`](Self::HOMEPAGE). Its text is stable.
///
/// ```
/// use entra_apps::provision::StepKind;
///
/// assert_eq!(StepKind::PERMISSION_GRANTED.as_str(), "permission_granted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepKind {
    text: &'static str,
    is_surplus: bool,
}

impl StepKind {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, is_surplus: false }
    }

    /// The kind of something that is there and that the registration does not name.
    pub(super) const fn surplus(text: &'static str) -> Self {
        Self { text, is_surplus: true }
    }

    /// Whether it is something that is there and that the registration does not name.
    pub const fn is_surplus(self) -> bool {
        self.is_surplus
    }

    /// The text, in snake case.
    pub const fn as_str(self) -> &'static str {
        self.text
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Serialize for StepKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

/// Which one of its kind a step is about. In JSON it is an object with the one member that is its name here.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::Subject;
/// use entra_apps::{AppRegistration, RedirectUri};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup")
///     .redirect_uri(RedirectUri::web("https://backup.contoso.example/callback")?);
/// let plan = MemoryTenant::new().client().plan(&backup).await?;
/// let uris: Vec<_> = plan
///     .changes()
///     .filter_map(|change| match change.id.subject()? {
///         Subject::RedirectUri(uri) => Some(uri.as_str()),
///         _ => None,
///     })
///     .collect();
/// assert_eq!(uris, ["https://backup.contoso.example/callback"]);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Subject {
    /// Another application, by its client id.
    Application(AppId),
    /// A redirect URI.
    RedirectUri(RedirectUri),
    /// A tag.
    Tag(String),
    /// A property of one value, by the kind of its own step.
    Property(StepKind),
    /// A permission.
    #[serde(rename_all = "camelCase")]
    #[non_exhaustive]
    Permission {
        /// Its name, or its id where the name is not known.
        name: String,
        /// Its kind.
        kind: PermissionKind,
        /// The API that publishes it, where it is known.
        api: Option<AppId>,
        /// The API's service principal in the tenant, where nothing else is known of the API.
        #[serde(skip_serializing_if = "Option::is_none")]
        resource: Option<ServicePrincipalId>,
    },
    /// A group of permissions, by its name.
    PermissionGroup(String),
    /// A licence, by its name.
    Licence(String),
    /// A client secret of the registration, by its description.
    Secret(String),
    /// A certificate of the registration, by its description.
    Certificate(String),
    /// A federated identity credential, by its name.
    FederatedCredential(String),
    /// A credential that is there, by its key id.
    Credential(KeyId),
    /// What a person confirms, by the code that the registration gave it.
    Confirmation(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(app_id) => app_id.fmt(f),
            Self::RedirectUri(uri) => write!(f, "{}:{}", uri.platform().as_str(), uri.as_str()),
            Self::Permission { name, kind, api, resource } => {
                write!(f, "{name}:{kind}")?;
                // APIs have permissions of one name: which it is must be told, where it is not Microsoft Graph.
                match (api, resource) {
                    (Some(MICROSOFT_GRAPH), _) | (None, None) => Ok(()),
                    (Some(api), _) => write!(f, ":{api}"),
                    (None, Some(resource)) => write!(f, ":{resource}"),
                }
            }
            Self::Credential(key_id) => key_id.fmt(f),
            Self::Property(kind) => kind.fmt(f),
            Self::Tag(text)
            | Self::PermissionGroup(text)
            | Self::Licence(text)
            | Self::Secret(text)
            | Self::Certificate(text)
            | Self::FederatedCredential(text)
            | Self::Confirmation(text) => f.write_str(text),
        }
    }
}

/// What a step is about: its kind, and which one of that kind. The same in a plan and in a checklist.
///
/// Its text is a stable code, such as `homepage` or `permission_granted:Directory.Read.All:application`; of a permission of
/// another API than Microsoft Graph, the API's client id follows.
///
/// ```
/// # use entra_apps::AppRegistration;
/// # use entra_apps::permission::microsoft_graph::application;
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::provision::{StepKind, Subject};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").permission(application::DIRECTORY_READ_ALL);
/// let checklist = MemoryTenant::new().client().verify(&backup).await?;
/// let granted = checklist.items.iter().find(|item| item.id.kind() == StepKind::PERMISSION_GRANTED).unwrap();
/// assert_eq!(granted.id.to_string(), "permission_granted:Directory.Read.All:application");
/// assert!(matches!(granted.id.subject(), Some(Subject::Permission { name, .. }) if name == "Directory.Read.All"));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StepId {
    kind: StepKind,
    subject: Option<Subject>,
}

impl StepId {
    pub(super) fn of(kind: StepKind, subject: Subject) -> Self {
        Self { kind, subject: Some(subject) }
    }

    /// The kind of thing.
    pub fn kind(&self) -> StepKind {
        self.kind
    }

    /// Which one of its kind; `None` where there is but one.
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }
}

impl From<StepKind> for StepId {
    fn from(kind: StepKind) -> Self {
        Self { kind, subject: None }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{}:{subject}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl Serialize for StepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a plan does about a step.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::Action;
///
/// let plan = MemoryTenant::new().client().plan(&AppRegistration::new("contoso-backup", "Contoso Backup")).await?;
/// assert!(plan.changes().all(|change| change.action == Action::Add), "nothing is there yet");
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// It is added.
    Add,
    /// It is changed.
    Change,
    /// It is removed, as [`remove_surplus`](crate::AppRegistration::remove_surplus) or a
    /// [removal](crate::provision::PlanRemoval) asks.
    Remove,
    /// It is as it should be, and stays.
    Unchanged,
    /// It is there, is not named, and stays.
    LeftAlone,
    /// It is optional, and nobody asked for it.
    NotSelected,
    /// What is there came in a form that cannot be read, so that nothing is known of it: it stays as it is.
    Unknown,
    /// Nothing is done about it, and nothing is undone by it: it is to be known. See [`Notice`](crate::provision::Notice).
    Notice,
}

impl Action {
    /// Whether something is written.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Add | Self::Change | Self::Remove)
    }

    /// The character that stands before the step in a printed plan.
    pub(super) fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
            Self::Unchanged => '=',
            Self::LeftAlone => '·',
            Self::NotSelected => '○',
            Self::Unknown => '?',
            Self::Notice => 'i',
        }
    }
}

/// One step of a plan.
///
/// # JSON
/// `code` (the text of [`id`](Self::id)), `kind`, `subject`, `action`, `from`, `to`, `text` and `needsReview`; what is
/// not known is null.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
/// use entra_apps::provision::{Action, StepKind};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// client.apply(&client.plan(&backup.clone().notes("first")).await?).await?;
///
/// let plan = client.plan(&backup.notes("second")).await?;
/// let change = plan.changes().next().expect("the notes");
/// assert_eq!((change.id.kind(), change.action), (StepKind::NOTES, Action::Change));
/// assert_eq!((change.from.as_deref(), change.to.as_deref()), (Some("first"), Some("second")));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it is about.
    pub id: StepId,
    /// What happens to it.
    pub action: Action,
    /// What is there now, in Graph's terms, where it is one value.
    pub from: Option<String>,
    /// What is to be there, in Graph's terms, where it is one value.
    pub to: Option<String>,
    /// The sentence for a person.
    pub text: String,
    /// The reason why it needs a review, if it does.
    pub needs_review: Option<String>,
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Change", 8)?;
        object.serialize_field("code", &self.id)?;
        object.serialize_field("kind", &self.id.kind())?;
        object.serialize_field("subject", &self.id.subject())?;
        object.serialize_field("action", &self.action)?;
        object.serialize_field("from", &self.from)?;
        object.serialize_field("to", &self.to)?;
        object.serialize_field("text", &self.text)?;
        object.serialize_field("needsReview", &self.needs_review)?;
        object.end()
    }
}

/// One step of a checklist, ticked or not.
///
/// # JSON
/// `code` (the text of [`id`](Self::id)), `kind`, `subject`, `step`, `required`, `done` and `remedy`; what is not known
/// is null.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::AppRegistration;
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup");
/// let checklist = MemoryTenant::new().client().verify(&backup).await?;
/// let check = checklist.open().find(|check| check.required).expect("nothing is there yet");
/// assert_eq!(check.id.to_string(), "registered");
/// println!("{}: {}", check.step, check.remedy.as_deref().unwrap_or_default());
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub id: StepId,
    /// The step, in the words of the guide.
    pub step: String,
    /// Whether the app does not work without it. What is surplus, and what only a person can confirm, is not required.
    pub required: bool,
    /// Whether it is done.
    pub done: bool,
    /// What to do, where it is not.
    pub remedy: Option<String>,
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Check", 7)?;
        object.serialize_field("code", &self.id)?;
        object.serialize_field("kind", &self.id.kind())?;
        object.serialize_field("subject", &self.id.subject())?;
        object.serialize_field("step", &self.step)?;
        object.serialize_field("required", &self.required)?;
        object.serialize_field("done", &self.done)?;
        object.serialize_field("remedy", &self.remedy)?;
        object.end()
    }
}

/// What to do where a member came in a form that cannot be read.
pub(super) fn unreadable_remedy(path: &str) -> String {
    format!(
        "Entra sent {path} in a form that this version cannot read. Look at it in the portal; a newer version may read it."
    )
}

/// A step as its room tells it, for plan and checklist alike.
#[derive(Clone, Debug)]
pub(super) struct Step {
    id: StepId,
    action: Action,
    from: Option<String>,
    to: Option<String>,
    needs_review: Option<String>,
    /// The sentence of a plan; without one it is not part of it.
    plan: Option<String>,
    /// The line of the checklist; without one it is not part of it.
    check: Option<Line>,
    /// The member that cannot be read, where nothing is known of what is there.
    unreadable: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Line {
    step: String,
    required: bool,
    done: bool,
    remedy: String,
}

impl Step {
    pub(super) fn new(id: impl Into<StepId>, action: Action) -> Self {
        let id = id.into();
        Self { id, action, from: None, to: None, needs_review: None, plan: None, check: None, unreadable: None }
    }

    /// The value that is there and the one that is wanted.
    pub(super) fn values(mut self, from: Option<String>, to: Option<String>) -> Self {
        (self.from, self.to) = (from, to);
        self
    }

    /// Makes it part of the plan.
    pub(super) fn plan(mut self, text: impl Into<String>) -> Self {
        // Names that others gave stand in it.
        self.plan = Some(on_one_line(text.into()));
        self
    }

    /// Makes it part of the checklist, as something that the app does not work without; done where nothing changes.
    pub(super) fn check(mut self, step: impl Into<String>, remedy: impl Into<String>) -> Self {
        let done = self.action == Action::Unchanged;
        self.check = Some(Line { step: on_one_line(step.into()), required: true, done, remedy: remedy.into() });
        self
    }

    /// Says whether it is done, where that is not whether nothing changes.
    pub(super) fn done(mut self, done: bool) -> Self {
        if let Some(line) = &mut self.check {
            line.done = done;
        }
        self
    }

    /// Says that nothing is known of what is there, because a member came in a form that cannot be read. What was found
    /// in a list all the same is there.
    pub(super) fn unknown(mut self, path: &'static str) -> Self {
        let was_found = self.action == Action::Unchanged && self.id.subject.is_some();
        if was_found || !(self.action.is_change() || self.action == Action::Unchanged) {
            return self;
        }
        (self.action, self.from, self.unreadable) = (Action::Unknown, None, Some(path));
        self.plan = self.plan.map(|plan| format!("{plan}: not known, because {path} cannot be read"));
        if let Some(line) = &mut self.check {
            (line.done, line.remedy) = (false, format!("It is not known: {}", unreadable_remedy(path)));
        }
        self
    }

    /// Says that it cannot be done, and why.
    pub(super) fn blocked(mut self, remedy: String) -> Self {
        self.block(remedy);
        self
    }

    /// Says of a step that is there already that it cannot be done, and why.
    pub(super) fn block(&mut self, remedy: String) {
        if let Some(line) = &mut self.check {
            (line.done, line.remedy) = (false, remedy);
        }
    }

    /// Adds a clause to the sentence of the plan.
    pub(super) fn add_to_plan(&mut self, clause: &str) {
        if let Some(plan) = &mut self.plan {
            *plan = on_one_line(format!("{plan}, {clause}"));
        }
    }

    /// What it is about.
    pub(super) fn id(&self) -> &StepId {
        &self.id
    }

    /// Whether it writes something.
    pub(super) fn is_change(&self) -> bool {
        self.action.is_change()
    }

    /// The member that cannot be read, where nothing is known of what is there.
    pub(super) fn unreadable(&self) -> Option<&'static str> {
        self.unreadable
    }

    /// Says that the app works without it.
    pub(super) fn not_required(mut self) -> Self {
        if let Some(line) = &mut self.check {
            line.required = false;
        }
        self
    }

    /// The reason why it needs a review, if it does.
    pub(super) fn needs_review(mut self, reason: Option<&str>) -> Self {
        self.needs_review = reason.map(str::to_owned);
        self
    }

    /// The step of the plan, if it is part of one.
    pub(super) fn to_change(&self) -> Option<Change> {
        Some(Change {
            id: self.id.clone(),
            action: self.action,
            from: self.from.clone(),
            to: self.to.clone(),
            text: self.plan.clone()?,
            needs_review: self.needs_review.clone(),
        })
    }

    /// The step of the checklist, if it is part of one.
    pub(super) fn into_check(self) -> Option<Check> {
        let Line { step, required, done, remedy } = self.check?;
        Some(Check { id: self.id, step, required, done, remedy: (!done).then_some(remedy) })
    }
}
