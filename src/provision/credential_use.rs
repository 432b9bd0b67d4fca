//! Whether a credential is in use, by the report of sign-in activities: evidence, and never proof.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::api::Filter;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::ids::KeyId;
use crate::model::{AppCredentialSignInActivity, SignInActivity, SignInAudience};

/// How far behind the report may be, as is to be expected of it.
const REPORT_LAG: Duration = Duration::from_secs(7 * 24 * 3600);

/// The most entries that a page of the report has.
const PAGE: u16 = 999;

/// What the report of sign-in activities shows of when credentials were last used.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::SignInAudience;
/// use entra_apps::ids::KeyId;
/// use entra_apps::provision::{CredentialUse, NoEvidence};
///
/// let tenant = MemoryTenant::new();
/// let reader = tenant.add_caller(&["AuditLog.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
/// let activity = client.credential_activity().await?;
/// let used = activity.use_of(KeyId::from_u128(1), Some(&SignInAudience::SingleOrganization), Duration::ZERO);
/// assert_eq!(used, CredentialUse::Unknown(NoEvidence::NoEntry), "which is not to say that nobody uses it");
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct CredentialActivity {
    /// The latest sign-in with each credential that has an entry; `None` where an entry of it cannot be read. `None` instead
    /// of all of it where the report may not be read.
    last: Result<HashMap<KeyId, Option<OffsetDateTime>>, NoEvidence>,
    at: OffsetDateTime,
}

/// Whether a credential is in use.
///
/// # JSON
/// An object with one member: `lastUsed` or `notUsedSince` with a time (RFC 3339), or `unknown` with the reason.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
///
/// use entra_apps::SignInAudience;
/// use entra_apps::provision::{CredentialUse, NoEvidence};
/// # use entra_apps::model::NewApplication;
/// # use entra_apps::model::NewPasswordCredential;
/// # use entra_apps::time::OffsetDateTime;
///
/// let tenant = MemoryTenant::new();
/// # let client = tenant.client();
/// # let app = client.applications().create(&NewApplication::new("Contoso Backup")).await?.id.unwrap();
/// # let old = client.applications().add_password(app, &NewPasswordCredential::new()).await?.key_id.unwrap();
/// # let then = OffsetDateTime::now_utc() - Duration::from_secs(90 * 24 * 3600);
/// tenant.note_sign_in(old, then); // three months ago
/// let reader = tenant.add_caller(&["AuditLog.Read.All"]);
/// let client = tenant.client_builder().client_secret(reader.client_id, reader.client_secret).build()?;
///
/// let (activity, overlap) = (client.credential_activity().await?, Duration::from_secs(14 * 24 * 3600));
/// let used = activity.use_of(old, Some(&SignInAudience::SingleOrganization), overlap);
/// assert!(matches!(used, CredentialUse::NotUsedSince(_)));
/// let used = activity.use_of(old, Some(&SignInAudience::MultipleOrganizations), overlap);
/// assert_eq!(used, CredentialUse::Unknown(NoEvidence::SignsInElsewhere));
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CredentialUse {
    /// It was last used at this time, in UTC, which is too near to say that it is not used any more.
    LastUsed(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// It was last used at this time, in UTC, and not since: evidence that nobody uses it.
    NotUsedSince(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// It is not known: it may be in use.
    Unknown(NoEvidence),
}

/// Why nothing is known of the use of a credential. In JSON it is its name in camel case.
///
/// ```
/// use entra_apps::provision::NoEvidence;
///
/// assert_eq!(serde_json::to_value(NoEvidence::NoEntry)?, "noEntry");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum NoEvidence {
    /// The report has no entry of it.
    NoEntry,
    /// An entry of it cannot be read.
    Unreadable,
    /// The app signs in to other tenants too, which the report does not show, or where it signs in is not known.
    SignsInElsewhere,
    /// The caller may not read the report, or the tenant has none.
    NotReadable,
    /// The cloud has no such report.
    NotInCloud,
}

impl CredentialActivity {
    /// Whether a credential of an app of this audience is in use, where the old and the new one of a rotation are both there
    /// for `overlap`: an entry that is older than that and seven days, by which the report may be behind, is evidence that it
    /// is not.
    pub fn use_of(&self, key_id: KeyId, audience: Option<&SignInAudience>, overlap: Duration) -> CredentialUse {
        let last = match &self.last {
            Err(reason) => return CredentialUse::Unknown(*reason),
            Ok(_) if audience != Some(&SignInAudience::SingleOrganization) => {
                return CredentialUse::Unknown(NoEvidence::SignsInElsewhere);
            }
            Ok(last) => last.get(&key_id),
        };
        match last {
            None => CredentialUse::Unknown(NoEvidence::NoEntry),
            Some(None) => CredentialUse::Unknown(NoEvidence::Unreadable),
            Some(Some(last)) if self.at - *last > overlap.saturating_add(REPORT_LAG) => {
                CredentialUse::NotUsedSince(*last)
            }
            Some(Some(last)) => CredentialUse::LastUsed(*last),
        }
    }

    /// That of no credential at all.
    pub(super) fn none(at: OffsetDateTime) -> Self {
        Self { last: Ok(HashMap::new()), at }
    }

    fn of(entries: Vec<AppCredentialSignInActivity>, at: OffsetDateTime) -> Self {
        let mut last: HashMap<KeyId, Option<OffsetDateTime>> = HashMap::new();
        for entry in entries {
            // Of an entry without its credential nobody knows whose it is.
            let Some(key_id) = entry.key_id else { continue };
            let own = entry.sign_in_activity.as_ref().and_then(SignInActivity::last);
            last.entry(key_id)
                .and_modify(|known| *known = known.zip(own).map(|(known, own)| known.max(own)))
                .or_insert(own);
        }
        Self { last: Ok(last), at }
    }
}

/// Reads the report: of these credentials alone, where some are given.
pub(super) async fn read(client: &Client, keys: &[KeyId]) -> Result<CredentialActivity, Error> {
    let client = client.begin_operation();
    let at = client.clock().now();
    let nothing = |reason| Ok(CredentialActivity { last: Err(reason), at });
    if matches!(client.cloud().name(), "usgov" | "usgov-dod" | "china") {
        return nothing(NoEvidence::NotInCloud);
    }
    let list = || client.reports().list_app_credential_sign_in_activities();
    let mut entries = Vec::new();
    let narrowed = keys.iter().map(|key_id| list().filter(Filter::eq("keyId", key_id.to_string())));
    let lists = if keys.is_empty() { vec![list().top(PAGE)] } else { narrowed.collect() };
    for list in lists {
        match list.all().await {
            Ok(more) => entries.extend(more),
            Err(error) if is_closed(error.kind()) => return nothing(NoEvidence::NotReadable),
            Err(error) => return Err(error),
        }
    }
    Ok(CredentialActivity::of(entries, at))
}

/// Whether the report is not for this caller, or not for this tenant.
fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 9:00 UTC);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const KEY: &str = "00000000-0000-0000-0000-000000000001";

    fn used(activities: &[&str], audience: Option<&SignInAudience>) -> CredentialUse {
        let entry = |activity: &&str| {
            serde_json::from_str(&format!(r#"{{"keyId":"{KEY}","signInActivity":{activity}}}"#)).unwrap()
        };
        let activity = CredentialActivity::of(activities.iter().map(entry).collect(), NOW);
        activity.use_of(KEY.parse().unwrap(), audience, 14 * DAY)
    }

    #[test]
    fn an_entry_older_than_the_overlap_and_seven_days_is_evidence_of_no_use() {
        let single = Some(&SignInAudience::SingleOrganization);
        let at = |text: &str| format!(r#"{{"lastSignInDateTime":"{text}"}}"#);
        let (edge, older) = (datetime!(2026-05-11 9:00 UTC), datetime!(2026-05-11 8:59:59 UTC));
        let (edge_text, older_text) = (at("2026-05-11T09:00:00Z"), at("2026-05-11T08:59:59Z"));
        assert_eq!(used(&[&edge_text], single), CredentialUse::LastUsed(edge));
        assert_eq!(used(&[&older_text], single), CredentialUse::NotUsedSince(older));
        // The latest of several counts, whichever sort of sign-in it is.
        assert_eq!(used(&[&older_text, &edge_text], single), CredentialUse::LastUsed(edge));
        let other = r#"{"lastSignInDateTime":"2020-01-01T00:00:00Z","lastNonInteractiveSignInDateTime":"2026-05-11T09:00:00Z"}"#;
        assert_eq!(used(&[other], single), CredentialUse::LastUsed(edge));
    }

    #[test]
    fn what_is_not_shown_or_not_readable_is_unknown() {
        let single = Some(&SignInAudience::SingleOrganization);
        let old = r#"{"lastSignInDateTime":"2020-01-01T00:00:00Z"}"#;
        let unknown = CredentialUse::Unknown;
        assert_eq!(used(&[], single), unknown(NoEvidence::NoEntry));
        for audience in [None, Some(&SignInAudience::MultipleOrganizations), Some(&SignInAudience::PersonalAccounts)] {
            assert_eq!(used(&[old], audience), unknown(NoEvidence::SignsInElsewhere));
        }
        for odd in
            ["null", "{}", "7", r#"{"lastSignInDateTime":"2020-01-01T00:00:00-8:00"}"#, r#"{"lastSignInDateTime":7}"#]
        {
            assert_eq!(used(&[odd], single), unknown(NoEvidence::Unreadable), "{odd}");
            assert_eq!(used(&[old, odd], single), unknown(NoEvidence::Unreadable), "{odd}");
        }
    }
}
