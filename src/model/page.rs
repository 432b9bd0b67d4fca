//! The envelope of a list.

use serde::Deserialize;

/// A page as Graph sends it. The list ends where there is no next link, not at an empty page.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default)]
    pub(crate) next_link: Option<String>,
    #[serde(rename = "@odata.count", default)]
    pub(crate) count: Option<u64>,
}
