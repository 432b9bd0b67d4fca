//! The checklist: every step of the guide, ticked or not, with the remedy.

use std::fmt;

use serde::Serialize;

use crate::provision::comparison::Comparison;
use crate::provision::notice::{Notice, notices};
use crate::provision::step::{Check, Step, StepKind};
use crate::provision::steps::steps;

/// Every step of the guide, ticked or not.
///
/// # JSON
/// An object with the members `items` (each a [`Check`]) and `notices` (each a [`Notice`]; left out where there are none).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::{AppRegistration, ClientSecret};
///
/// let client = MemoryTenant::new().client();
/// let backup = AppRegistration::new("contoso-backup", "Contoso Backup").credential(ClientSecret::new("Backup"));
/// client.apply(&client.plan(&backup).await?).await?;
/// let checklist = client.verify(&backup).await?;
/// assert!(checklist.is_done());
/// println!("{checklist}"); // [x] … for each step, and the remedy of what is open
/// let json = serde_json::to_value(&checklist)?;
/// assert_eq!(json["items"][0]["code"], "registered");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Checklist {
    /// The steps, in the order of the guide; what is surplus, and what only a person can confirm, at its end.
    pub items: Vec<Check>,
    /// What is to be known of the tenant, and undoes nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

impl Checklist {
    /// Whether every required step is done.
    pub fn is_done(&self) -> bool {
        self.items.iter().all(|item| item.done || !item.required)
    }

    /// The steps that are not done, the ones that are not required among them.
    pub fn open(&self) -> impl Iterator<Item = &Check> {
        self.items.iter().filter(|item| !item.done)
    }

    pub(super) fn of(it: &Comparison<'_>) -> Self {
        let mut items: Vec<Check> = steps(it).into_iter().filter_map(Step::into_check).collect();
        items.sort_by_key(|item| match item.id.kind() {
            _ if item.required => 0,
            StepKind::CONFIRMATION => 2,
            _ => 1,
        });
        Self { items, notices: notices(it) }
    }
}

impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            writeln!(f, "[{}] {}", if item.done { 'x' } else { ' ' }, item.step)?;
            if let Some(remedy) = &item.remedy {
                writeln!(f, "      {remedy}")?;
            }
        }
        for notice in &self.notices {
            writeln!(f, "[i] {}\n      {}", notice.text, notice.remedy)?;
        }
        Ok(())
    }
}
