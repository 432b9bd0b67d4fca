//! Whether a credential is in use, by the report of sign-in activities.

use std::time::Duration;

use entra_apps::cloud::Cloud;
use entra_apps::ids::KeyId;
use entra_apps::model::{NewApplication, NewPasswordCredential};
use entra_apps::provision::{CredentialUse, NoEvidence};
use entra_apps::{Client, ErrorKind, SignInAudience};
use entra_emulator::{Fault, MemoryTenant};

use crate::support::{TODAY, counts, quiet, tenant};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SINGLE: Option<&SignInAudience> = Some(&SignInAudience::SingleOrganization);
const REPORT: &str = "/reports/appCredentialSignInActivities";

fn client(tenant: &MemoryTenant, permissions: &[&str]) -> Client {
    let caller = tenant.add_caller(permissions);
    tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap()
}

async fn secrets<const N: usize>(tenant: &MemoryTenant) -> [KeyId; N] {
    let client = tenant.client();
    let app = client.applications().create(&NewApplication::new("App")).await.unwrap().id.unwrap();
    let mut keys = [KeyId::from_u128(0); N];
    for key in &mut keys {
        *key = client.applications().add_password(app, &NewPasswordCredential::new()).await.unwrap().key_id.unwrap();
    }
    keys
}

#[tokio::test(start_paused = true)]
async fn an_old_entry_is_evidence_and_no_entry_is_none() {
    let tenant = tenant();
    let [old, used, silent] = secrets(&tenant).await;
    tenant.note_sign_in(old, TODAY - 60 * DAY);
    tenant.note_sign_in(used, TODAY - 2 * DAY);
    let client = client(&tenant, &["AuditLog.Read.All"]);
    quiet(&tenant);
    let all = client.credential_activity().await.unwrap();
    assert_eq!(counts(&tenant), (1, 0));
    let narrowed = client.credential_activity_of(&[old, used]).await.unwrap();
    assert_eq!(counts(&tenant), (3, 0), "one for each");
    for activity in [&all, &narrowed] {
        assert_eq!(activity.use_of(old, SINGLE, 14 * DAY), CredentialUse::NotUsedSince(TODAY - 60 * DAY));
        assert_eq!(activity.use_of(old, SINGLE, 54 * DAY), CredentialUse::LastUsed(TODAY - 60 * DAY));
        assert_eq!(activity.use_of(used, SINGLE, 14 * DAY), CredentialUse::LastUsed(TODAY - 2 * DAY));
        assert_eq!(activity.use_of(silent, SINGLE, 14 * DAY), CredentialUse::Unknown(NoEvidence::NoEntry));
        let many = Some(&SignInAudience::MultipleOrganizations);
        assert_eq!(activity.use_of(old, many, 14 * DAY), CredentialUse::Unknown(NoEvidence::SignsInElsewhere));
    }
    let nothing = client.credential_activity_of(&[]).await.unwrap();
    assert_eq!(nothing.use_of(old, SINGLE, 14 * DAY), CredentialUse::Unknown(NoEvidence::NoEntry));
    let json = serde_json::to_string(&all.use_of(old, SINGLE, 14 * DAY)).unwrap();
    assert_eq!(json, r#"{"notUsedSince":"2026-04-02T09:00:00Z"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_may_not_be_read_says_nothing_and_is_no_error() {
    let tenant = tenant();
    let [old] = secrets(&tenant).await;
    tenant.note_sign_in(old, TODAY - 60 * DAY);
    let closed = CredentialUse::Unknown(NoEvidence::NotReadable);
    let without = client(&tenant, &["Application.Read.All"]);
    assert_eq!(without.credential_activity().await.unwrap().use_of(old, SINGLE, DAY), closed);
    let client = client(&tenant, &["AuditLog.Read.All"]);
    for (status, code) in [(403, "Authorization_RequestDenied"), (404, "ResourceNotFound"), (400, "BadRequest")] {
        tenant.fault(Fault::on("GET", REPORT).refuses(status, code, "No."));
        assert_eq!(client.credential_activity().await.unwrap().use_of(old, SINGLE, DAY), closed, "{status}");
    }
    // What passes is waited for, and what does not pass is an error: nothing is taken for evidence.
    tenant.fault(Fault::on("GET", REPORT).fails(503));
    assert_eq!(
        client.credential_activity().await.unwrap().use_of(old, SINGLE, DAY),
        CredentialUse::NotUsedSince(TODAY - 60 * DAY)
    );
    tenant.fault(Fault::on("GET", REPORT).always().fails(503));
    assert_eq!(client.credential_activity().await.unwrap_err().kind(), ErrorKind::Service);
}

#[tokio::test(start_paused = true)]
async fn an_odd_entry_costs_no_other_and_is_no_evidence() {
    let tenant = tenant();
    let [old, odd] = secrets(&tenant).await;
    tenant.note_sign_in(old, TODAY - 60 * DAY);
    tenant.store_sign_in_activity(
        r#"{"id": "1", "keyId": 7, "signInActivity": {"lastSignInDateTime": "2020-01-01T00:00:00Z"}}"#,
    );
    tenant.store_sign_in_activity(&format!(
        r#"{{"id": "2", "keyId": "{odd}", "keyType": "secret", "signInActivity": {{"lastSignInDateTime": "2021-04-01T00:00:00-8:00"}}}}"#
    ));
    let activity = client(&tenant, &["AuditLog.Read.All"]).credential_activity().await.unwrap();
    assert_eq!(activity.use_of(old, SINGLE, DAY), CredentialUse::NotUsedSince(TODAY - 60 * DAY));
    assert_eq!(activity.use_of(odd, SINGLE, DAY), CredentialUse::Unknown(NoEvidence::Unreadable));
}

#[tokio::test(start_paused = true)]
async fn a_national_cloud_is_not_asked() {
    let tenant = tenant();
    let [old] = secrets(&tenant).await;
    let client = tenant.client_builder().cloud(Cloud::us_government()).build().unwrap();
    quiet(&tenant);
    let activity = client.credential_activity().await.unwrap();
    assert_eq!(activity.use_of(old, SINGLE, DAY), CredentialUse::Unknown(NoEvidence::NotInCloud));
    assert_eq!(counts(&tenant), (0, 0));
}
