//! How all customers stand, as a report that is printed, saved, read again and compared with an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;

use crate::error::{Error, ErrorCode, foreign};
use crate::ids::{AppId, TenantId};
use crate::partner::outcome::{CustomerOutcome, CustomerState, Reason};
use crate::retry::Unreadable;
use crate::strict::Strict;

/// The version of the form in which reports are saved. A report of another version is not read.
const REPORT_FORMAT: u32 = 1;

/// One of several parts of the customers, numbered from 0. Which part a customer is in depends on its tenant id alone.
///
/// # JSON
/// `index` and `parts`.
///
/// ```
/// use entra_apps::partner::Shard;
///
/// let last = Shard::new(3, 4)?;
/// assert!(Shard::new(4, 4).is_err());
/// assert_eq!(last.to_string(), "3 of 4");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "ShardFile")]
pub struct Shard {
    index: usize,
    parts: usize,
}

#[derive(Deserialize)]
struct ShardFile {
    index: usize,
    parts: usize,
}

impl TryFrom<ShardFile> for Shard {
    type Error = Error;

    fn try_from(ShardFile { index, parts }: ShardFile) -> Result<Self, Error> {
        Self::new(index, parts)
    }
}

impl Shard {
    /// The part `index` of `parts`.
    ///
    /// # Errors
    /// [`InvalidShard`](ErrorCode::InvalidShard) where there is no such part.
    pub fn new(index: usize, parts: usize) -> Result<Self, Error> {
        match index < parts && u32::try_from(parts).is_ok() {
            true => Ok(Self { index, parts }),
            false => {
                Err(Error::new(ErrorCode::InvalidShard).with_message(format!("there is no part {index} of {parts}")))
            }
        }
    }

    pub(super) fn parts(self) -> u32 {
        u32::try_from(self.parts).unwrap_or(u32::MAX)
    }

    /// Whether it has the customer. Tenant ids are random.
    pub(super) fn has(self, tenant: TenantId) -> bool {
        tenant.as_uuid().as_u128() % (self.parts as u128) == self.index as u128
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.index, self.parts)
    }
}

/// How all customers of a partner stand.
///
/// It prints as a table with what to do, is saved as JSON ([`to_json`](Self::to_json)) and read again
/// ([`from_json`](Self::from_json)), and is compared with an earlier one ([`difference`](Self::difference)): what differs is
/// what to be told of. It holds no secret.
///
/// # JSON
/// `format` (1), `at` (RFC 3339), `cloud`, `partner` (the tenant id), `appId`, `complete`, `notes` and `unread` (each a
/// [`Reason`]), `shard` (left out where it is of all parts) and `customers` (each a [`CustomerOutcome`]).
///
/// ```
/// # use entra_emulator::MemoryCloud;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// # use std::sync::Arc;
/// # let cloud = MemoryCloud::partner_with_customers(2);
/// # let partner = &cloud.tenants()[0];
/// # let caller = partner.add_caller(&["DelegatedAdminRelationship.Read.All", "Directory.Read.All"]);
/// # let builder = partner.client_builder().transport(Arc::new(cloud.clone()));
/// # let client = builder.client_secret(caller.client_id, caller.client_secret).build()?;
/// use entra_apps::partner::Report;
/// use entra_apps::{AppRegistration, SignInAudience};
///
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").audience(SignInAudience::MultipleOrganizations);
/// # let of_the_partner = cloud.client(partner);
/// # of_the_partner.apply(&of_the_partner.plan(&backup).await?).await.unwrap();
/// let yesterday = client.partner().audit(&backup).await?.to_json(); // saved
/// # let relationship = partner.delegated_admin_relationships()[0].id.clone();
/// # cloud.tenants()[1].terminate_relationship(&relationship);
/// # tokio::time::sleep(std::time::Duration::from_secs(10)).await;
/// let today = client.partner().audit(&backup).await?;
/// println!("{today}");
/// let difference = today.difference(&Report::from_json(&yesterday)?)?;
/// println!("{difference}"); // what an administrator is told
/// assert_eq!(difference.changes[0].appeared[0].code.as_str(), "relationship_ended");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    format: u32,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The name of the cloud.
    pub cloud: String,
    /// The partner's tenant.
    pub partner: TenantId,
    /// The app whose consent it is about.
    pub app_id: AppId,
    /// Whether it is of every customer, or of every one in its part: none was left out, and every list of customers was read.
    pub complete: bool,
    /// The part of the customers that it is of, where it is not of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What is the case with the partner itself.
    pub notes: Vec<Reason>,
    /// The lists of customers that could not be read, so that some may be missing here.
    pub unread: Vec<Reason>,
    /// The customers, by tenant id.
    pub customers: Vec<CustomerOutcome>,
}

/// What a report is about, before any customer is looked at.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) at: OffsetDateTime,
    pub(super) cloud: String,
    pub(super) partner: TenantId,
    pub(super) app_id: AppId,
    pub(super) complete: bool,
    pub(super) shard: Option<Shard>,
    pub(super) notes: Vec<Reason>,
    pub(super) unread: Vec<Reason>,
}

/// A report as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportFile {
    format: u32,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    cloud: String,
    partner: TenantId,
    app_id: AppId,
    complete: bool,
    #[serde(default)]
    shard: Option<Shard>,
    notes: Vec<Reason>,
    unread: Vec<Reason>,
    customers: Vec<CustomerOutcome>,
}

/// The version alone: the rest of another version's report may have any form.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Report {
    pub(super) fn new(subject: Subject, mut customers: Vec<CustomerOutcome>) -> Self {
        customers.sort_by_key(|customer| customer.tenant_id);
        let Subject { at, cloud, partner, app_id, complete, shard, notes, unread } = subject;
        Self { format: REPORT_FORMAT, at, cloud, partner, app_id, complete, shard, notes, unread, customers }
    }

    /// Whether the state of every customer could be told, and no list of customers is missing.
    pub fn is_told(&self) -> bool {
        self.unread.is_empty() && self.customers.iter().all(|it| it.state != CustomerState::Unknown)
    }

    /// How many customers are in each state, in the order of the states.
    pub fn counts(&self) -> BTreeMap<CustomerState, usize> {
        let mut counts = BTreeMap::new();
        for customer in &self.customers {
            *counts.entry(customer.state).or_default() += 1;
        }
        counts
    }

    /// The customer of this tenant id.
    pub fn find(&self, tenant: TenantId) -> Option<&CustomerOutcome> {
        self.customers.iter().find(|customer| customer.tenant_id == tenant)
    }

    /// Puts the reports of several parts of the customers together: as one of all, which is
    /// [complete](Self::complete) where no part is missing.
    ///
    /// # Errors
    /// [`ReportsOfDifferentTargets`](ErrorCode::ReportsOfDifferentTargets) for none, for reports of different clouds, partners
    /// or apps, for parts of different numbers, and where a customer is in two of them.
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        let different = || Error::new(ErrorCode::ReportsOfDifferentTargets);
        let mut reports = reports.into_iter();
        let mut merged = reports.next().ok_or_else(different)?;
        let parts = |report: &Self| report.shard.map(|shard| shard.parts);
        let mut shards: BTreeSet<Option<Shard>> = BTreeSet::from([merged.shard]);
        for report in reports {
            let target = |report: &Self| (report.cloud.clone(), report.partner, report.app_id, parts(report));
            if target(&merged) != target(&report) || !shards.insert(report.shard) {
                return Err(different());
            }
            merged.at = merged.at.min(report.at);
            merged.complete &= report.complete;
            let notes = new_in(&report.notes, &merged.notes);
            merged.notes.extend(notes);
            let unread = new_in(&report.unread, &merged.unread);
            merged.unread.extend(unread);
            merged.customers.extend(report.customers);
        }
        merged.customers.sort_by_key(|customer| customer.tenant_id);
        if merged.by_tenant().len() != merged.customers.len() {
            return Err(different());
        }
        merged.complete &= parts(&merged).is_none_or(|parts| shards.len() == parts);
        merged.shard = None;
        Ok(merged)
    }

    /// What has changed since an earlier report of the same app and partner.
    ///
    /// A customer that only one of them has counts where the other is [complete](Self::complete). Reasons are compared by
    /// their codes and by what they are about, whatever their words.
    ///
    /// # Errors
    /// [`ReportsOfDifferentTargets`](ErrorCode::ReportsOfDifferentTargets) when the reports cannot be compared.
    pub fn difference(&self, earlier: &Self) -> Result<Difference, Error> {
        let target = |report: &Self| (report.cloud.clone(), report.partner, report.app_id, report.shard);
        if target(self) != target(earlier) {
            return Err(Error::new(ErrorCode::ReportsOfDifferentTargets));
        }
        let (before, after) = (earlier.by_tenant(), self.by_tenant());
        let tenants: BTreeSet<TenantId> = before.keys().chain(after.keys()).copied().collect();
        let change = |tenant: TenantId| match (before.get(&tenant).copied(), after.get(&tenant).copied()) {
            (None, Some(_)) if !earlier.complete => None,
            (Some(_), None) if !self.complete => None,
            (before, after) => CustomerChange::between(tenant, before, after),
        };
        Ok(Difference {
            since: earlier.at,
            appeared: new_in(&self.notes, &earlier.notes),
            gone: new_in(&earlier.notes, &self.notes),
            changes: tenants.into_iter().filter_map(change).collect(),
        })
    }

    fn by_tenant(&self) -> BTreeMap<TenantId, &CustomerOutcome> {
        self.customers.iter().map(|customer| (customer.tenant_id, customer)).collect()
    }

    /// Writes the report as JSON, to be saved or sent.
    ///
    /// # Panics
    /// Never: every part of a report can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report holds nothing that JSON cannot")
    }

    /// Reads a report that was saved.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when the text is no report, one of another format, or one that names a customer
    /// twice.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let unreadable =
            |error: serde_json::Error| Error::new(ErrorCode::UnreadableReport).with_source(Unreadable::of(&error));
        let FormatOnly { format } = serde_json::from_slice(text.as_bytes()).map_err(unreadable)?;
        if format != REPORT_FORMAT {
            return Err(Error::new(ErrorCode::UnsupportedReportFormat)
                .with_message(format!("the report has format {format}, and this version reads {REPORT_FORMAT}")));
        }
        serde_json::from_slice(text.as_bytes()).map_err(unreadable)
    }
}

impl<'de> Deserialize<'de> for Report {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        let ReportFile { format, at, cloud, partner, app_id, complete, shard, notes, unread, customers } =
            ReportFile::deserialize(Strict(deserializer))?;
        if format != REPORT_FORMAT {
            return Err(D::Error::custom(format_args!("the report has format {format}, not {REPORT_FORMAT}")));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = customers.iter().find(|customer| !seen.insert(customer.tenant_id)) {
            return Err(D::Error::custom(format_args!("the customer {} stands twice", twice.tenant_id)));
        }
        let subject = Subject { at, cloud: foreign(cloud), partner, app_id, complete, shard, notes, unread };
        Ok(Self::new(subject, customers))
    }
}

/// The widest name that a table makes room for, in characters.
const MAX_NAME_WIDTH: usize = 40;

/// The width of the longest state, in characters.
const STATE_WIDTH: usize = 17;

/// A table: a line for each customer, with what is the case, and below it what to do.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in self.notes.iter().chain(&self.unread) {
            writeln!(f, "! {}\n  {}", note.detail, note.remedy)?;
        }
        let width = |customer: &CustomerOutcome| customer.name().chars().count();
        let width = self.customers.iter().map(width).max().unwrap_or(0).min(MAX_NAME_WIDTH);
        for customer in &self.customers {
            let line = format!(
                "{:<width$}  {:<STATE_WIDTH$}  {}",
                customer.name(),
                customer.state,
                customer.detail().unwrap_or_default()
            );
            writeln!(f, "{}", line.trim_end())?;
            if let Some(remedy) = customer.remedy() {
                writeln!(f, "{:width$}  {:STATE_WIDTH$}  → {remedy}", "", "")?;
            }
        }
        let counts: Vec<_> = self.counts().into_iter().map(|(state, count)| format!("{count} {state}")).collect();
        match counts.is_empty() {
            true => writeln!(f, "No customers."),
            false => writeln!(f, "{} customers: {}.", self.customers.len(), counts.join(", ")),
        }
    }
}

/// What has changed between two reports: [`Report::difference`] makes it.
///
/// # JSON
/// `since` (RFC 3339), `appeared` and `gone` (of the partner itself, each a [`Reason`]) and `changes` (each a
/// [`CustomerChange`]).
///
/// ```
/// use entra_apps::partner::Report;
///
/// # let saved = r#"{"format": 1, "at": "2026-05-31T10:00:00Z", "cloud": "global", "complete": true,
/// #     "partner": "00000000-0000-0000-0000-000000000001", "appId": "00000000-0000-0000-0000-000000000002",
/// #     "notes": [], "unread": [], "customers": []}"#;
/// let report = Report::from_json(saved)?;
/// let difference = report.difference(&report)?;
/// assert!(difference.is_empty());
/// assert_eq!(difference.to_string(), "Nothing has changed.\n");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// When the earlier report was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// What is the case with the partner itself now, and was not.
    pub appeared: Vec<Reason>,
    /// What was the case with the partner itself, and is not any more.
    pub gone: Vec<Reason>,
    /// The customers of whom something has changed, by tenant id.
    pub changes: Vec<CustomerChange>,
}

impl Difference {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.gone.is_empty() && self.changes.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "Nothing has changed.");
        }
        write_reasons(f, &self.appeared, &self.gone)?;
        for change in &self.changes {
            change.fmt(f)?;
        }
        Ok(())
    }
}

/// What has changed of one customer: [`Difference::changes`].
///
/// # JSON
/// `tenantId`, `displayName`, `before` and `after` (each a [`CustomerState`]; null where the customer was none, or is none
/// any more), `appeared` and `gone` (each a [`Reason`]).
///
/// ```
/// use entra_apps::partner::{CustomerChange, Difference};
///
/// /// Who is to be told, by a line each.
/// fn lines(difference: &Difference) -> Vec<String> {
///     let lost = |change: &&CustomerChange| !change.appeared.is_empty();
///     difference.changes.iter().filter(lost).map(ToString::to_string).collect()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CustomerChange {
    /// The tenant id.
    pub tenant_id: TenantId,
    /// The display name, where it is known.
    pub display_name: Option<String>,
    /// The state before; `None` where it was no customer.
    pub before: Option<CustomerState>,
    /// The state now; `None` where it is no customer any more.
    pub after: Option<CustomerState>,
    /// The reasons that were not there before.
    pub appeared: Vec<Reason>,
    /// The reasons that are not there any more.
    pub gone: Vec<Reason>,
}

impl CustomerChange {
    fn between(tenant_id: TenantId, before: Option<&CustomerOutcome>, after: Option<&CustomerOutcome>) -> Option<Self> {
        let (reasons_before, reasons_after) = (reasons_of(before), reasons_of(after));
        let change = Self {
            tenant_id,
            display_name: after.or(before).and_then(|outcome| outcome.display_name.clone()),
            before: before.map(|outcome| outcome.state),
            after: after.map(|outcome| outcome.state),
            appeared: new_in(reasons_after, reasons_before),
            gone: new_in(reasons_before, reasons_after),
        };
        let is_one = change.before != change.after || !change.appeared.is_empty() || !change.gone.is_empty();
        is_one.then_some(change)
    }
}

impl fmt::Display for CustomerChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.display_name.clone().unwrap_or_else(|| self.tenant_id.to_string());
        match (self.before, self.after) {
            (Some(before), Some(after)) if before == after => writeln!(f, "{name}: still {after}")?,
            (Some(before), Some(after)) => writeln!(f, "{name}: {after}, was {before}")?,
            (None, Some(after)) => writeln!(f, "{name}: {after}, is a new customer")?,
            (Some(before), None) => writeln!(f, "{name}: no customer any more, was {before}")?,
            (None, None) => {}
        }
        // With who is no customer any more, nothing is to be done.
        if self.after.is_none() {
            return Ok(());
        }
        write_reasons(f, &self.appeared, &self.gone)
    }
}

fn reasons_of(outcome: Option<&CustomerOutcome>) -> &[Reason] {
    outcome.map_or(&[], |outcome| &outcome.reasons)
}

fn write_reasons(f: &mut fmt::Formatter<'_>, appeared: &[Reason], gone: &[Reason]) -> fmt::Result {
    appeared.iter().try_for_each(|reason| writeln!(f, "  + {reason}"))?;
    gone.iter().try_for_each(|reason| writeln!(f, "  - {}", reason.detail))
}

/// The reasons of which the others have none that is the same.
fn new_in(reasons: &[Reason], others: &[Reason]) -> Vec<Reason> {
    reasons.iter().filter(|reason| others.iter().all(|other| !other.is_same(reason))).cloned().collect()
}
