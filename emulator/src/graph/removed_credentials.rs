//! Credentials that were removed and with which apps can sign in for a while yet: the sign-in service learns of a removal
//! after the directory.

use std::time::Duration;

use serde_json::Value;

use crate::data::json::{eq_ignore_case, items, text};

/// The lists of an object's credentials.
const LISTS: [&str; 2] = ["passwordCredentials", "keyCredentials"];

/// The credentials that were removed a moment ago.
#[derive(Debug, Default)]
pub(crate) struct RemovedCredentials {
    /// How long one works after its removal.
    work_for: Duration,
    removed: Vec<Removed>,
}

#[derive(Debug)]
struct Removed {
    /// The object id of the application or service principal that had it.
    holder: String,
    list: &'static str,
    credential: Value,
    at: Duration,
}

impl RemovedCredentials {
    pub(crate) fn working_for(work_for: Duration) -> Self {
        Self { work_for, removed: Vec::new() }
    }

    /// Remembers what of an object's credentials is not there any more at `now`.
    pub(crate) fn note(&mut self, before: &Value, after: &Value, now: Duration) {
        if self.work_for.is_zero() {
            return;
        }
        let work_for = self.work_for;
        self.removed.retain(|removed| now.saturating_sub(removed.at) < work_for);
        for list in LISTS {
            let stays = |credential: &Value| {
                let is_same = |it: &Value| eq_ignore_case(text(it, "keyId"), text(credential, "keyId"));
                items(after, list).iter().any(is_same)
            };
            let gone = items(before, list).iter().filter(|credential| !stays(credential));
            self.removed.extend(gone.map(|credential| Removed {
                holder: text(before, "id").to_owned(),
                list,
                credential: credential.clone(),
                at: now,
            }));
        }
    }

    /// The removed credentials of an object that still work at `now`.
    pub(crate) fn of<'a>(
        &'a self,
        holder: &'a str,
        list: &'static str,
        now: Duration,
    ) -> impl Iterator<Item = &'a Value> + 'a {
        let works = move |it: &&Removed| now.saturating_sub(it.at) < self.work_for;
        let is_meant = move |it: &&Removed| it.list == list && it.holder == holder;
        self.removed.iter().filter(is_meant).filter(works).map(|it| &it.credential)
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.removed.clear();
    }

    /// The key ids of those that are remembered.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(|it| text(&it.credential, "keyId"))
    }
}
