//! The first hop: Partner Center consents to the app that the person is signed in to, and it is waited for until a token of
//! the customer's tenant shows it.

use std::collections::BTreeMap;

use crate::auth::TokenClaims;
use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};
use crate::model::SignInAudience;
use crate::partner::application_consents::{ApplicationConsentResult, NewApplicationConsent};
use crate::permission::well_known::MICROSOFT_PARTNER_CENTER;
use crate::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use crate::provision::consent_check::ConsentCheck;
use crate::provision::registration::AppRegistration;

/// The app that acts, and what Partner Center consents to for it.
#[derive(Debug)]
pub(super) struct FirstHop {
    pub(super) app_id: AppId,
    /// One for each API.
    pub(super) consents: Vec<NewApplicationConsent>,
    /// What it holds in a customer's tenant beside these.
    pub(super) check: ConsentCheck,
}

/// What became of the consents in one customer's tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Consents {
    /// Whether any of them was there before: it may be narrower than what is needed.
    pub(super) existed: bool,
    /// Which of the APIs the customer does not have, by their place among the consents.
    missing_apis: u64,
}

impl Consents {
    pub(super) fn lacks_api(self, index: usize) -> bool {
        self.missing_apis & bit(index) != 0
    }

    fn leave_out(&mut self, index: usize) {
        self.missing_apis |= bit(index);
    }
}

/// An app declares 50 APIs at most.
fn bit(index: usize) -> u64 {
    1 << index.min(63)
}

impl FirstHop {
    pub(super) fn new(registration: &AppRegistration, app_id: AppId, publisher: TenantId) -> Result<Self, Error> {
        let registration = for_customers(registration);
        let mut by_api: BTreeMap<AppId, Vec<Permission>> = BTreeMap::new();
        for permission in registration.declared_permissions() {
            by_api.entry(permission.api()).or_default().push(permission.clone());
        }
        let consents = by_api.into_values().map(|permissions| NewApplicationConsent::new(app_id, permissions));
        let consents: Vec<_> = consents.collect::<Result<_, _>>()?;
        if consents.is_empty() {
            return Err(Error::new(ErrorCode::AppWithoutPermissions)
                .with_message("the app that acts has no delegated permission in customers' tenants"));
        }
        Ok(Self { app_id, consents, check: ConsentCheck::new(&registration, app_id, publisher)? })
    }

    /// Consents for one customer, one API after the other.
    pub(super) async fn consent(&self, partner: &Client, customer: TenantId) -> Result<Consents, Error> {
        let mut consents = Consents::default();
        for (index, consent) in self.consents.iter().enumerate() {
            match partner.partner().application_consents(customer).create(consent).await {
                Ok(ApplicationConsentResult::Created) => {}
                Ok(ApplicationConsentResult::AlreadyExists) => consents.existed = true,
                // Without Graph there is nothing to act by.
                Err(error) if error.code() == ErrorCode::ApiNotInTenant && consent.api() != MICROSOFT_GRAPH => {
                    consents.leave_out(index);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(consents)
    }

    /// What the tokens of a customer's tenant lack of what was consented to: nothing is believed that they do not show. APIs
    /// that the customer does not have are left out from then on.
    pub(super) async fn lacking(&self, in_customer: &Client, consents: &mut Consents) -> Result<Vec<String>, Error> {
        let mut lacking = Vec::new();
        for (index, consent) in self.consents.iter().enumerate() {
            let claims = match consent.api() {
                _ if consents.lacks_api(index) => continue,
                MICROSOFT_GRAPH => in_customer.renewed_claims().await?,
                api => match in_customer.fresh_claims(format!("{api}/.default")).await {
                    Err(error) if error.code() == ErrorCode::ResourceNotInTenant => {
                        consents.leave_out(index);
                        continue;
                    }
                    claims => claims?,
                },
            };
            lacking.extend(consent.scopes().iter().filter(|scope| !has_scope(&claims, scope)).cloned());
        }
        Ok(lacking)
    }
}

/// Whether a token holds a delegated permission.
pub(super) fn has_scope(claims: &TokenClaims, wanted: &str) -> bool {
    let scopes = claims.scp.as_deref().unwrap_or_default().split_whitespace();
    scopes.into_iter().any(|scope| scope.eq_ignore_ascii_case(wanted))
}

/// The delegated permissions of a registration that are of use in customers' tenants, as a registration of the same app.
pub(super) fn for_customers(registration: &AppRegistration) -> AppRegistration {
    let empty = AppRegistration::new(registration.unique_name(), registration.display_name())
        .audience(SignInAudience::MultipleOrganizations);
    let permissions = registration.declared_permissions().filter(|it| is_for_customers(it)).cloned();
    permissions.fold(empty, AppRegistration::permission)
}

/// Customers do not have Partner Center, whose permission is declared all the same: no token for it is given out otherwise.
fn is_for_customers(permission: &Permission) -> bool {
    permission.kind() == PermissionKind::Delegated && permission.api() != MICROSOFT_PARTNER_CENTER
}
