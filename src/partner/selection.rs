//! Which customers a run is over, and what is asked of the relationships with them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::api::UniqueName;
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::partner::customers::UnreadSource;
use crate::partner::outcome::Reason;
use crate::partner::readiness::{CheckReadiness, Readiness, RolesNeeded};
use crate::partner::report::Subject;
use crate::provision::registration::AppRegistration;

/// Which customers a run is over, and what is asked of the relationships with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    pub(super) only: Option<BTreeSet<TenantId>>,
    pub(super) except: BTreeSet<TenantId>,
    pub(super) needed: Option<RolesNeeded>,
    pub(super) settling: Option<Duration>,
    pub(super) ending: Option<Duration>,
}

impl Selection {
    /// Checks the relationships with the customers that are selected. The roles are those that `registration` takes, where
    /// no others were named.
    pub(super) async fn check(&self, client: &Client, registration: &AppRegistration) -> Result<Readiness, Error> {
        let needed = self.needed.clone().unwrap_or_else(|| RolesNeeded::to_register(registration));
        let mut check = CheckReadiness::new(client, needed);
        if let Some(only) = &self.only {
            check = check.of(only.iter().copied());
        }
        check = self.settling.into_iter().fold(check, CheckReadiness::settling);
        let mut readiness = self.ending.into_iter().fold(check, CheckReadiness::ending_within).await?;
        let is_customer = |tenant: TenantId| readiness.customers.iter().any(|it| it.customer.tenant_id == tenant);
        if let Some(stranger) = self.except.iter().find(|tenant| !is_customer(**tenant)) {
            return Err(Error::new(ErrorCode::NotACustomer)
                .with_message(format!("the tenant {stranger} is no customer of the partner, and cannot be left out")));
        }
        readiness.customers.retain(|customer| !self.except.contains(&customer.customer.tenant_id));
        Ok(readiness)
    }

    /// What a report over these customers is about.
    pub(super) async fn subject(&self, client: &Client, app_id: AppId, found: &Readiness) -> Result<Subject, Error> {
        Ok(Subject {
            at: client.clock().now(),
            cloud: client.cloud().name().to_owned(),
            partner: client.tenant_id().await?,
            app_id,
            complete: self.only.is_none() && self.except.is_empty() && found.unread.is_empty(),
            shard: None,
            notes: found.partner.iter().map(Reason::from).collect(),
            unread: found.unread.iter().map(unread_list).collect(),
        })
    }
}

/// The application of the registration's unique name in the partner's own tenant, and that tenant.
pub(super) async fn own_app(client: &Client, registration: &AppRegistration) -> Result<(AppId, TenantId), Error> {
    let name = UniqueName::new(registration.unique_name())?;
    let found = client.applications().find_selecting(name, &["id", "appId"]).await?;
    let app_id = found.and_then(|app| app.app_id).ok_or_else(|| {
        Error::new(ErrorCode::NotFound)
            .with_message(format!(
                "the partner's tenant has no application with the unique name {}",
                registration.unique_name()
            ))
            .with_remedy("Register it there first, or name the app and its publisher's tenant.")
    })?;
    Ok((app_id, client.tenant_id().await?))
}

fn unread_list(unread: &UnreadSource) -> Reason {
    let source = serde_json::to_value(unread.source).ok().and_then(|it| it.as_str().map(str::to_owned));
    let source = source.unwrap_or_default();
    let detail = format!("a list of customers could not be read, {source}: {}", unread.error.message());
    Reason::new(unread.error.code(), vec![source], detail, unread.error.remedy())
}
