//! The recipe for a secret whose response was lost: found by its description and end date, and removed.

use std::sync::Arc;

use entra_apps::model::{NewApplication, NewPasswordCredential};
use entra_apps::time::Duration;
use entra_emulator::{Fault, FaultyTransport};

use crate::support::{TODAY, tenant};

#[tokio::test(start_paused = true)]
async fn a_lost_secret_is_found_by_what_was_asked_for_and_no_other_is() {
    for nanoseconds in [0, 1, 120, 123_456_789, 999_999_999] {
        let tenant = tenant();
        let transport = Arc::new(FaultyTransport::new(tenant.clone()));
        let client = tenant.client_builder().transport(transport.clone()).build().unwrap();
        let apps = client.applications();
        let id = apps.create(&NewApplication::new("App")).await.unwrap().id.unwrap();
        let end = TODAY + Duration::days(180) + Duration::nanoseconds(nanoseconds);
        let wanted = NewPasswordCredential::new().display_name("Nightly").end(end);
        let theirs = NewPasswordCredential::new().display_name("Theirs").end(end);
        let later = NewPasswordCredential::new().display_name("Nightly").end(end + Duration::seconds(1));
        let mut kept = Vec::new();
        for other in [&theirs, &later] {
            kept.push(apps.add_password(id, other).await.unwrap().key_id.unwrap());
        }
        transport.fault(Fault::on("POST", "/applications/*/addPassword").response_lost());
        let error = apps.add_password(id, &wanted).await.unwrap_err();
        assert!(error.maybe_done(), "{error}");
        assert!(error.remedy().contains("look for what it makes"), "{error}");
        let found = apps.get(id).await.unwrap().password_credentials;
        let lost: Vec<_> = found.iter().filter(|secret| secret.may_be(&wanted)).collect();
        assert_eq!(lost.len(), 1, "{nanoseconds}: {found:?}");
        apps.remove_password(id, lost[0].key_id.unwrap()).await.unwrap();
        let left = apps.get(id).await.unwrap().password_credentials;
        let mut left: Vec<_> = left.iter().filter_map(|secret| secret.key_id).collect();
        left.sort_unstable();
        kept.sort_unstable();
        assert_eq!(left, kept);
        // The response itself names the same date.
        let second = apps.add_password(id, &wanted).await.unwrap();
        assert!(second.may_be(&wanted) && !second.may_be(&theirs) && !second.may_be(&NewPasswordCredential::new()));
    }
}
