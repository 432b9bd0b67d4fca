//! A plan: what would change, as a value that prints, compares and can be saved.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::error::{Error, ErrorCode, on_one_line};
use crate::ids::{AppId, TenantId};
use crate::permission::Permission;
use crate::provision::approvals::reviews;
use crate::provision::comparison::Comparison;
use crate::provision::notice::{Notice, notices};
use crate::provision::observed::Observed;
use crate::provision::plan_options::PlanOptions;
use crate::provision::registration::AppRegistration;
use crate::provision::step::{Action, Change, Step};
use crate::provision::steps::steps;
use crate::retry::Unreadable;

/// The version of the form in which plans are saved. A plan of another version is not read.
const PLAN_FORMAT: u32 = 2;

/// What would change, step by step.
///
/// It prints as a text for a person, compares, and is saved as JSON ([`to_json`](Self::to_json)). It holds no secret.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::permission::microsoft_graph::application;
/// use entra_apps::{AppRegistration, Plan};
///
/// let client = MemoryTenant::new().client();
/// let sync = AppRegistration::new("contoso-sync", "Contoso Sync")
///     .permission(application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY);
/// let plan = client.plan(&sync).await?;
/// assert_eq!(plan.needs_approval(), [&application::ROLE_MANAGEMENT_READ_WRITE_DIRECTORY]);
/// for change in plan.changes() {
///     println!("{}: {}", change.id, change.text);
/// }
/// // Saved, read by somebody else, approved and applied:
/// let saved = plan.to_json();
/// client.apply(&Plan::from_json(&saved)?).approve("RoleManagement.ReadWrite.Directory").await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "PlanFile")]
pub struct Plan {
    pub(super) format: u32,
    pub(super) cloud: String,
    pub(super) tenant: TenantId,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) made_at: OffsetDateTime,
    pub(super) registration: AppRegistration,
    pub(super) options: PlanOptions,
    pub(super) observed: Observed,
    steps: Vec<Change>,
    /// Read from a file: observed again before it is applied.
    #[serde(skip)]
    pub(super) from_file: bool,
}

/// Two plans are equal when they say the same of the same target, whenever they were made, wherever they were saved, and
/// in whichever order their registrations name permissions and redirect URIs.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.cloud == other.cloud
            && self.tenant == other.tenant
            && self.registration.in_any_order() == other.registration.in_any_order()
            && self.options == other.options
            && by_code(&self.steps) == by_code(&other.steps)
            && self.observed.facts() == other.observed.facts()
    }
}

impl Eq for Plan {}

fn by_code(steps: &[Change]) -> Vec<&Change> {
    let mut steps: Vec<_> = steps.iter().collect();
    steps.sort_by_cached_key(|step| step.id.to_string());
    steps
}

/// A plan as it is saved: its steps are worked out again, so that nobody can change them without what they come from.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanFile {
    format: u32,
    cloud: String,
    #[serde(with = "time::serde::rfc3339")]
    made_at: OffsetDateTime,
    registration: AppRegistration,
    options: PlanOptions,
    observed: Observed,
}

impl TryFrom<PlanFile> for Plan {
    type Error = Error;

    fn try_from(PlanFile { format, cloud, made_at, registration, options, observed }: PlanFile) -> Result<Self, Error> {
        if format != PLAN_FORMAT {
            return Err(Error::new(ErrorCode::UnsupportedPlanFormat)
                .with_message(format!("the plan has format {format}, and this version reads {PLAN_FORMAT}")));
        }
        registration.check()?;
        Ok(Self { from_file: true, ..Self::new(&cloud, &registration, options, observed, made_at) })
    }
}

impl Plan {
    pub(super) fn new(
        cloud: &str,
        registration: &AppRegistration,
        options: PlanOptions,
        observed: Observed,
        now: OffsetDateTime,
    ) -> Self {
        let it = Comparison { registration, observed: &observed, options: &options, now };
        let steps = steps(&it).iter().filter_map(Step::to_change).collect();
        Self {
            format: PLAN_FORMAT,
            cloud: cloud.to_owned(),
            tenant: observed.tenant,
            made_at: now,
            registration: registration.clone(),
            options,
            observed,
            steps,
            from_file: false,
        }
    }

    /// The tenant that it is for, and the only one that it can be applied to.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// The tenant's display name as it was read there; `None` where the caller may not read it, and for a plan from a file,
    /// in which anybody may have written any name. The [id](Self::tenant_id) is what an apply compares.
    pub fn tenant_name(&self) -> Option<&str> {
        self.observed.tenant_name.as_deref().filter(|_| !self.from_file)
    }

    /// The client id, once it is known.
    pub fn app_id(&self) -> Option<AppId> {
        self.comparison().app_id()
    }

    fn comparison(&self) -> Comparison<'_> {
        Comparison {
            registration: &self.registration,
            observed: &self.observed,
            options: &self.options,
            now: self.made_at,
        }
    }

    /// When the tenant was observed.
    pub fn made_at(&self) -> OffsetDateTime {
        self.made_at
    }

    /// The registration that it is a plan for.
    pub fn registration(&self) -> &AppRegistration {
        &self.registration
    }

    /// Every step, in the order of the guide.
    pub fn steps(&self) -> &[Change] {
        &self.steps
    }

    /// The steps that write something.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter(|step| step.action.is_change())
    }

    /// What is there and not named: added by others, say, or left by an earlier version of the registration. It stays,
    /// unless [`remove_surplus`](AppRegistration::remove_surplus) takes it away.
    pub fn surplus(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter(|step| step.id.kind().is_surplus())
    }

    /// Whether nothing would be written. What others added does not count: that is [`surplus`](Self::surplus).
    pub fn is_converged(&self) -> bool {
        self.changes().next().is_none()
    }

    /// What is to be known of the tenant, and undoes nothing: groups of permissions that are left out, and licences that are
    /// not checked.
    pub fn notices(&self) -> Vec<Notice> {
        notices(&self.comparison())
    }

    /// The permissions that would be declared or granted and that need a review, as the tenant knows them. What
    /// [`approve`](crate::Apply::approve) takes is such a permission, or its text.
    pub fn needs_approval(&self) -> Vec<&Permission> {
        reviews(&self.comparison(), &self.steps).into_iter().map(|review| review.shown).collect()
    }

    /// Writes the plan as JSON, to be saved or sent. It holds no secret.
    ///
    /// # Panics
    /// Never: every part of a plan can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a plan holds nothing that JSON cannot")
    }

    /// Reads a plan that was saved. It is observed again before it is applied.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the text is no plan, one of another format, or one of a registration that Entra
    /// would refuse.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // As bytes, because that is how responses are read: a second reader would be compiled for every type.
        let from_file: PlanFile = serde_json::from_slice(text.as_bytes())
            .map_err(|error| Error::new(ErrorCode::UnreadablePlan).with_source(Unreadable::of(&error)))?;
        Self::try_from(from_file)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = self.tenant_name().unwrap_or("tenant");
        let title = format!("Plan for “{}” in {tenant} ({})", self.registration.display_name(), self.tenant);
        writeln!(f, "{}", on_one_line(title))?;
        let groups = [
            ("To add", Action::Add),
            ("To change", Action::Change),
            ("To remove", Action::Remove),
            ("Unchanged", Action::Unchanged),
            ("Left alone", Action::LeftAlone),
            ("Optional, not selected", Action::NotSelected),
            ("Not known", Action::Unknown),
            ("To know", Action::Notice),
        ];
        for (title, status) in groups {
            let steps: Vec<_> = self.steps.iter().filter(|step| step.action == status).collect();
            if steps.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            for step in steps {
                let review = if step.needs_review.is_some() && step.action.is_change() { "  (!)" } else { "" };
                writeln!(f, "  {} {}{review}", step.action.sign(), step.text)?;
            }
        }
        let to_approve = reviews(&self.comparison(), &self.steps);
        let deletion = self.comparison().deletion();
        if !to_approve.is_empty() || deletion.is_some() {
            writeln!(f, "\nNeeds approval")?;
            for review in to_approve {
                writeln!(f, "  ! {}: {}", review.shown, review.reason)?;
            }
        }
        if let Some(id) = deletion {
            writeln!(f, "  ! the deletion of the service principal {id}")?;
        }
        match self.changes().count() {
            0 => writeln!(f, "\nNothing to do."),
            1 => writeln!(f, "\n1 change."),
            count => writeln!(f, "\n{count} changes."),
        }
    }
}
