//! The certificates of an application as one list, which Graph replaces as a whole.
//!
//! There is no ETag, so that of two writers at once one loses its certificate: the list is read, merged, written, and read
//! again. An entry that is there goes back with its key id and without its key. An expired one cannot go back
//! (`KeyCredentialsInvalidEndDate`), so that it is left out.

use time::OffsetDateTime;

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{ApplicationId, KeyId};
use crate::model::{Application, ApplicationPatch, KeyCredential};
use crate::provision::replicas::wait_for_replicas;
use crate::retry::{Deadline, READ_LAG};

/// A list that was read a moment ago is written from for so long.
const MAX_AGE: std::time::Duration = std::time::Duration::from_secs(5);

/// So often the list is written again where another writer has overwritten it.
const MAX_WRITES: u32 = 3;

/// Whether a certificate has ended, so that it cannot stand in a list that is written.
pub(super) fn has_ended(key: &KeyCredential, now: OffsetDateTime) -> bool {
    key.end_date_time.is_some_and(|end| end <= now)
}

/// The list that replaces the one that is there: those that have not ended, and those that are added.
pub(super) fn merged(there: &[KeyCredential], added: Vec<KeyCredential>, now: OffsetDateTime) -> ApplicationPatch {
    let kept = there.iter().filter(|key| !has_ended(key, now)).map(|key| KeyCredential { key: None, ..key.clone() });
    ApplicationPatch::new().key_credentials(kept.chain(added).collect::<Vec<_>>())
}

/// The application with its certificates as they are now.
pub(super) async fn read(client: &Client, id: ApplicationId) -> Result<Option<Application>, Error> {
    let app = client.applications().find_selecting(id, &["id", "appId", "keyCredentials"]).await?;
    Ok(app.filter(|app| app.was_read("keyCredentials")))
}

/// Whether the application shows a certificate.
pub(super) fn lists(app: &Application, key_id: KeyId) -> bool {
    app.key_credentials.iter().any(|key| key.key_id == Some(key_id))
}

/// Waits until the application shows a certificate that was written a moment ago; false where it does not once reads show
/// everything: another writer has overwritten it.
pub(super) async fn is_shown(client: &Client, id: ApplicationId, key_id: KeyId) -> Result<bool, Error> {
    let began = client.clock().monotonic();
    let mut attempts = 0;
    loop {
        attempts += 1;
        if read(client, id).await?.is_some_and(|app| lists(&app, key_id)) {
            return Ok(true);
        }
        if client.clock().monotonic().saturating_sub(began) > READ_LAG {
            return Ok(false);
        }
        wait_for_replicas(client, "GET /applications/{id}", attempts).await?;
    }
}

/// Removes a certificate: what is gone already is removed. One that stays `beside` it must be in the list that is written: a
/// replica that lags may not show it yet.
pub(super) async fn remove(
    client: &Client,
    id: ApplicationId,
    key_id: KeyId,
    beside: Option<KeyId>,
) -> Result<(), Error> {
    let (mut writes, mut late, mut attempts) = (0, 0, 0);
    let mut began = client.clock().monotonic();
    loop {
        attempts += 1;
        // A replica that misses the application says nothing of its certificates.
        let app = read(client, id).await?;
        let app = app.ok_or_else(|| Error::new(ErrorCode::NotFound).during("GET /applications/{id}"))?;
        let shows_all = beside.is_none_or(|beside| lists(&app, beside));
        if !lists(&app, key_id) && shows_all {
            return Ok(());
        }
        let lags = client.clock().monotonic().saturating_sub(began) <= READ_LAG;
        // What was written may not be shown yet; where it is not after that, another writer has put it back.
        if (writes > 0 || !shows_all) && lags {
            wait_for_replicas(client, "GET /applications/{id}", attempts).await?;
            continue;
        }
        if !shows_all || writes >= MAX_WRITES {
            return Err(Error::new(ErrorCode::ServiceContradictsItself).during("PATCH /applications/{id}"));
        }
        let stays: Vec<_> = app.key_credentials.iter().filter(|key| key.key_id != Some(key_id)).cloned().collect();
        let patch = merged(&stays, Vec::new(), client.clock().now());
        let fresh = Deadline::after(client.clock(), MAX_AGE);
        match client.applications().update(id, &patch).fresh_until(fresh).await {
            // It could not be sent in time: it is merged anew, as often as it may be overwritten.
            Err(error) if error.is_outdated() && late < MAX_WRITES => {
                late += 1;
                wait_for_replicas(client, "PATCH /applications/{id}", attempts).await?;
            }
            written => {
                written?;
                (writes, began) = (writes + 1, client.clock().monotonic());
            }
        }
    }
}
