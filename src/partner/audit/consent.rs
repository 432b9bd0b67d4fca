//! Who asks in a customer's tenant what is granted there, and what became of it.

use crate::client::Client;
use crate::error::{Error, ErrorCode, ErrorKind};
use crate::ids::TenantId;
use crate::partner::readiness::{CustomerReadiness, Gap, GapSeverity, ReadinessOutcome, Unknown};
use crate::provision::consent_check::{Consent, ConsentCheck};
use crate::retry::WaitObserver;

/// A client that can ask in customers' tenants.
#[derive(Clone, Debug)]
pub(in crate::partner) struct Asker {
    client: Client,
    is_app_itself: bool,
    /// Whether a person is signed in, who gets a token only where a relationship gives a role.
    is_person: bool,
}

/// A client of one customer's tenant. Whatever is read of a customer is read by one of these, so that no token of one tenant
/// is sent for another.
struct InCustomer(Client);

impl Asker {
    /// The app whose consent is asked for.
    pub(in crate::partner) fn app_itself(client: &Client) -> Self {
        Self { client: client.clone(), is_app_itself: true, is_person: false }
    }

    /// Another app, or a person who is signed in to one. Who does not get a token for the client's own tenant may get one in
    /// a customer's.
    pub(in crate::partner) async fn other(client: &Client) -> Self {
        let claims = client.token_claims().await;
        let is_person = claims.is_ok_and(|claims| claims.scp.is_some());
        Self { client: client.clone(), is_app_itself: false, is_person }
    }

    fn in_customer(&self, tenant: TenantId, observer: &WaitObserver) -> InCustomer {
        InCustomer(self.client.for_tenant(tenant).begin_operation().observed(observer.clone()))
    }

    /// Whether it may get a token there, as far as the partner's tenant says: a person without a role gets none. What keeps
    /// the role away is a gap of the customer.
    fn may_reach(&self, customer: &CustomerReadiness) -> bool {
        // A membership that the person could activate gives nothing before.
        let is_unknown = || {
            let mut gaps = customer.gaps.iter().filter(|gap| gap.severity() == GapSeverity::Unknown);
            gaps.any(|gap| !matches!(gap, Gap::Unknown { what: Unknown::EligibleMemberships, .. }))
        };
        let is_ready = customer.outcome == ReadinessOutcome::Ready;
        !self.is_person || is_ready || !customer.roles.is_empty() || is_unknown()
    }
}

/// What is known of the consent in one customer's tenant.
pub(in crate::partner) enum Known {
    /// It was read.
    Read(Consent),
    /// The sign-in of the app itself says that it has no service principal there.
    Absent,
    /// The sign-in of the app itself says that it is disabled there.
    Disabled,
    /// The tenant is gone, or blocked.
    TenantGone(Error),
    /// Nobody who asks can have a role there.
    NotAsked,
    /// Each who asked was refused.
    Refused(Vec<Refusal>),
}

/// Why who asked knows nothing.
pub(in crate::partner) struct Refusal {
    pub(in crate::partner) error: Error,
    /// Whether it was the app itself that asked.
    pub(in crate::partner) is_of_app_itself: bool,
    pub(in crate::partner) is_of_person: bool,
}

/// Reads what is granted in a customer's tenant: by the first who can tell all of it.
pub(in crate::partner) async fn read(
    check: &ConsentCheck,
    askers: &[Asker],
    customer: &CustomerReadiness,
    observer: &WaitObserver,
) -> Known {
    let (mut refusals, mut partly) = (Vec::new(), None);
    for asker in askers.iter().filter(|asker| asker.may_reach(customer)) {
        let client = asker.in_customer(customer.customer.tenant_id, observer);
        match ask(check, asker, &client).await {
            // A permission that is missing is missing, whatever else is not seen.
            Ok(Known::Read(consent)) if !consent.unseen.is_empty() && consent.missing.is_empty() => {
                partly = Some(Known::Read(consent));
            }
            Ok(known) => return known,
            Err(error) => {
                refusals.push(Refusal { error, is_of_app_itself: asker.is_app_itself, is_of_person: asker.is_person });
            }
        }
    }
    match (partly, refusals.is_empty()) {
        (Some(partly), _) => partly,
        (None, true) => Known::NotAsked,
        (None, false) => Known::Refused(refusals),
    }
}

async fn ask(check: &ConsentCheck, asker: &Asker, InCustomer(client): &InCustomer) -> Result<Known, Error> {
    let read = match asker.is_app_itself {
        true => ask_app_itself(check, client).await,
        false => check.read(client).await,
    };
    match read {
        Ok(consent) => Ok(Known::Read(consent)),
        Err(error) => match error.code() {
            ErrorCode::AppNotInTenant | ErrorCode::ServicePrincipalMissing if asker.is_app_itself => Ok(Known::Absent),
            ErrorCode::AppDisabled if asker.is_app_itself => Ok(Known::Disabled),
            ErrorCode::TenantBlocked | ErrorCode::UnknownTenant => Ok(Known::TenantGone(error)),
            _ => Err(error),
        },
    }
}

/// Reads the directory where the app may, and otherwise what its token says.
async fn ask_app_itself(check: &ConsentCheck, client: &Client) -> Result<Consent, Error> {
    let by_token = check.read_token(client).await?;
    match check.read(client).await {
        Err(error) if error.kind() == ErrorKind::Forbidden => Ok(by_token),
        read => read,
    }
}
