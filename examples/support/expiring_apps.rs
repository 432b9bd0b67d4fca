//! Apps whose credentials end soon, for the tenant in memory.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::model::{NewApplication, NewPasswordCredential};
use entra_apps::provision::rotation::StoredCredential;
use entra_apps::provision::{Certificate, CredentialKind};
use entra_apps::time::OffsetDateTime;
use entra_apps::{AppRegistration, Client, ClientSecret, SecretSink};

use super::failure::Failure;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Registers two whose credentials end soon, one that is fine, and one of a stranger, which bears their display name. Of the
/// first three, those that are wanted, by their unique names.
pub(crate) async fn register(
    client: &Client,
    is_wanted: impl Fn(&str) -> bool,
    sink: impl Fn(&str, StoredCredential) -> Arc<dyn SecretSink>,
) -> Result<(), Failure> {
    let tenant = client.tenant_id().await?;
    for (unique_name, name, days, kind) in [
        ("contoso-backup", "Nightly", 14, CredentialKind::ClientSecret),
        ("contoso-signing", "Signing", 20, CredentialKind::Certificate),
        ("contoso-web", "Web", 400, CredentialKind::ClientSecret),
    ] {
        let is_made = kind == CredentialKind::ClientSecret || cfg!(feature = "generate-certificate");
        if !is_made || !is_wanted(unique_name) {
            continue;
        }
        let registration = AppRegistration::new(unique_name, "Contoso");
        let app = client.apply(&client.plan(&registration).create_another().await?).await?;
        let Some(app) = app.application else { continue };
        let registration = match kind {
            CredentialKind::Certificate => registration.credential(Certificate::generated(name).valid_for_days(days)),
            _ => registration.credential(ClientSecret::new(name).valid_for_days(days)),
        };
        let plan = client.plan(&registration).await?;
        let sink = sink(unique_name, StoredCredential::new(tenant, app.app_id, kind, name));
        client.apply(&plan).secret_sink(sink).await?;
    }
    let stranger = client.applications().create(&NewApplication::new("Contoso")).await?;
    let Some(id) = stranger.id else { return Ok(()) };
    let secret = NewPasswordCredential::new().display_name("Nightly").end(OffsetDateTime::now_utc() + DAY * 10);
    client.applications().add_password(id, &secret).await?;
    Ok(())
}
