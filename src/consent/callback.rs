//! The callback of an admin consent: the URL to which Entra redirects the administrator's browser.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::auth::refusal::{Credential, Refusal};
use crate::consent::link::PendingConsent;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, TenantId};

const OPERATION: &str = "GET /adminconsent";

/// Longer URLs are refused: Entra's have at most a few kilobytes.
const MAX_BYTES: usize = 16 * 1024;

/// A parsed callback. Anybody can forge one: it counts for nothing before it is [accepted](PendingConsent::accept).
///
/// ```
/// use entra_apps::consent::AdminConsentCallback;
///
/// let callback = AdminConsentCallback::parse("/consent?error=access_denied&error_subcode=cancel&state=Zm9v")?;
/// assert_eq!((callback.state(), callback.is_cancelled()), (Some("Zm9v"), true));
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AdminConsentCallback {
    state: Option<String>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Consented { tenant: TenantId },
    Refused { error: String, subcode: Option<String>, description: String },
}

impl AdminConsentCallback {
    /// Parses the whole URL, its path with the query, or the query alone.
    ///
    /// An `error` comes before anything else, because Entra adds `admin_consent=True` to its errors, too.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`NotACallback`](crate::ErrorCode::NotACallback) for anything else: a request for the page's icon, a repeated
    /// parameter, a consent without a tenant.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let not_a_callback = |reason: &str| {
            Err(Error::new(ErrorCode::NotACallback)
                .with_message(format!("the URL is no callback of an admin consent: {reason}")))
        };
        if url.len() > MAX_BYTES {
            return not_a_callback("it is too long");
        }
        let url = url.split('#').next().unwrap_or_default().trim();
        let query = match url.split_once('?') {
            Some((_, query)) => query,
            None if url.contains("://") || url.starts_with('/') => "",
            None => url,
        };
        let known = ["admin_consent", "tenant", "state", "error", "error_description", "error_subcode"];
        let mut values: [Option<String>; 6] = Default::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(index) = known.iter().position(|known| name.eq_ignore_ascii_case(known)) else { continue };
            if values[index].replace(value.into_owned()).is_some() {
                return not_a_callback(&format!("{} is repeated", known[index]));
            }
        }
        let [consent, tenant, state, error, description, subcode] = values;
        let (error, description) = (error.unwrap_or_default(), description.unwrap_or_default());
        if !(error.is_empty() && description.is_empty()) {
            return Ok(Self { state, outcome: Outcome::Refused { error, subcode, description } });
        }
        match (consent, tenant.map(|tenant| tenant.parse())) {
            (Some(consent), Some(Ok(tenant))) if consent.trim().eq_ignore_ascii_case("true") => {
                Ok(Self { state, outcome: Outcome::Consented { tenant } })
            }
            (Some(consent), _) if consent.trim().eq_ignore_ascii_case("true") => not_a_callback("it names no tenant"),
            _ => not_a_callback("it holds neither an error nor a consent"),
        }
    }

    /// The state, which identifies the link that it belongs to.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Whether the administrator pressed *Cancel*.
    pub fn is_cancelled(&self) -> bool {
        match &self.outcome {
            Outcome::Consented { .. } => false,
            Outcome::Refused { error, subcode, .. } => {
                error.eq_ignore_ascii_case("permission_denied")
                    || subcode.as_ref().is_some_and(|subcode| subcode.trim().eq_ignore_ascii_case("cancel"))
            }
        }
    }
}

impl fmt::Debug for AdminConsentCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminConsentCallback").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// A consent that a callback reported for its link. The person at the browser can still have forged the tenant: check the
/// grants before you rely on it.
///
/// ```
/// use entra_apps::consent::ReportedConsent;
/// use entra_apps::ids::{AppId, TenantId};
///
/// // Of a customer who consented earlier, to be checked again.
/// let reported = ReportedConsent::new(AppId::from_u128(1), TenantId::from_u128(3));
/// assert_eq!(reported.claimed_tenant(), TenantId::from_u128(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "a reported consent proves nothing before the grants are checked"]
pub struct ReportedConsent {
    app_id: AppId,
    tenant: TenantId,
}

impl ReportedConsent {
    /// Claims that `tenant` has consented to `app_id`, such as one that did earlier.
    pub fn new(app_id: AppId, tenant: TenantId) -> Self {
        Self { app_id, tenant }
    }

    /// The app that was consented to.
    pub fn app_id(&self) -> AppId {
        self.app_id
    }

    /// The tenant that consented, according to the callback.
    pub fn claimed_tenant(&self) -> TenantId {
        self.tenant
    }
}

impl PendingConsent {
    /// Accepts the callback of this link, once. Its state must be the link's, and its tenant the link's, where the link
    /// has the tenant's id.
    ///
    /// # Errors
    /// - [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with the code [`ConsentStateMismatch`](crate::ErrorCode::ConsentStateMismatch) for the callback of another link, and [`ConsentTenantMismatch`](crate::ErrorCode::ConsentTenantMismatch) for
    ///   one of another tenant;
    /// - [`ErrorKind::SignIn`](crate::ErrorKind::SignIn) with the code [`ConsentCancelled`](crate::ErrorCode::ConsentCancelled) when the administrator pressed *Cancel*, and otherwise
    ///   with the code of the reason, and with trace and correlation id.
    pub fn accept(self, callback: &AdminConsentCallback) -> Result<ReportedConsent, Error> {
        if !callback.state.as_deref().is_some_and(|state| self.has_state(state)) {
            return Err(Error::new(ErrorCode::ConsentStateMismatch));
        }
        match &callback.outcome {
            Outcome::Refused { error, subcode, description } => {
                Err(refusal(callback.is_cancelled(), error, subcode.clone(), description))
            }
            Outcome::Consented { tenant } => match self.tenant.id() {
                Some(expected) if expected != *tenant => Err(Error::new(ErrorCode::ConsentTenantMismatch)
                    .with_message(format!("the callback is from the tenant {tenant}, and the link is for {expected}"))),
                _ => Ok(ReportedConsent { app_id: self.app_id, tenant: *tenant }),
            },
        }
    }
}

fn refusal(cancelled: bool, error: &str, subcode: Option<String>, description: &str) -> Error {
    let refusal = Refusal::of_redirect(error.to_owned(), subcode, description.to_owned());
    let code = if cancelled { ErrorCode::ConsentCancelled } else { refusal.code(Credential::Unknown) };
    refusal.into_error(code).during(OPERATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::ids::Tenant;

    const TENANT: TenantId = TenantId::from_u128(3);

    fn pending(tenant: Tenant) -> PendingConsent {
        PendingConsent { app_id: AppId::from_u128(1), tenant, state: "S-1".to_owned() }
    }

    fn accept(query: &str) -> Result<ReportedConsent, Error> {
        pending(TENANT.into()).accept(&AdminConsentCallback::parse(query)?)
    }

    #[test]
    fn a_consent_is_accepted_for_its_own_link_and_tenant_only() {
        let good = format!("admin_consent=True&tenant={TENANT}&state=S-1");
        for form in [
            good.clone(),
            format!("https://contoso.example/back?{good}"),
            format!("/back?{good}#_"),
            format!(" https://contoso.example/back?{good} \r\n"),
            good.replace("True", "tRUE").replace("tenant", "Tenant"),
            format!("{good}&scope=https%3a%2f%2fgraph.microsoft.com%2f.default"),
        ] {
            assert_eq!(accept(&form).unwrap().claimed_tenant(), TENANT, "{form}");
        }
        for (query, code) in [
            (good.replace("S-1", "S-2"), "consent_state_mismatch"),
            (good.replace("S-1", "S-11"), "consent_state_mismatch"),
            (good.replace("S-1", ""), "consent_state_mismatch"),
            (good.replace("&state=S-1", ""), "consent_state_mismatch"),
            (good.replace("0003", "0004"), "consent_tenant_mismatch"),
            (good.replace("True", "False"), "not_a_callback"),
            (format!("{good}&tenant={TENANT}"), "not_a_callback"),
            (format!("{good}&STATE=S-1"), "not_a_callback"),
            (good.replace(&TENANT.to_string(), "contoso.example"), "not_a_callback"),
            ("https://contoso.example/favicon.ico".to_owned(), "not_a_callback"),
            (String::new(), "not_a_callback"),
            ("x".repeat(MAX_BYTES + 1), "not_a_callback"),
            // What stands in the path is no query.
            (format!("https://contoso.example/&admin_consent=True&tenant={TENANT}"), "not_a_callback"),
            (format!("/&admin_consent=True&tenant={TENANT}"), "not_a_callback"),
        ] {
            assert_eq!(accept(&query).unwrap_err().code().as_str(), code, "{query}");
        }
        // A link for any organization accepts every tenant, whose grants are checked later.
        let query = AdminConsentCallback::parse(&good).unwrap();
        assert!(pending(Tenant::ORGANIZATIONS).accept(&query).is_ok());
    }

    #[test]
    fn an_error_comes_before_everything_else() {
        let misconfigured = "error=access_denied&error_description=AADSTS1003031%3a+Misconfigured+required+resource+access.\
            %0d%0aTrace+ID%3a+11111111-2222%0d%0aCorrelation+ID%3a+33333333-4444%0d%0aTimestamp%3a+2026-01-01&admin_consent=True&state=S-1";
        let error = accept(misconfigured).unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, "malformed_declaration"));
        assert_eq!((error.request_id(), error.client_request_id()), (Some("11111111-2222"), Some("33333333-4444")));
        assert_eq!((error.service_code(), error.oauth_error()), (Some("AADSTS1003031"), Some("access_denied")));
        let tenant = format!("&tenant={TENANT}&admin_consent=True&state=S-1");
        for (query, code, cancelled) in [
            ("error=access_denied&error_subcode=cancel", "consent_cancelled", true),
            ("error=access_denied&error_subcode=Cancel&error_description=AADSTS65004%3a+x", "consent_cancelled", true),
            ("error=permission_denied&error_description=The+admin+canceled+the+request", "consent_cancelled", true),
            ("error=consent_required&error_description=AADSTS65004%3a+declined", "consent_declined", false),
            ("ERROR=access_denied&error_description=AADSTS90094%3A+x", "admin_consent_needed", false),
            ("error=server_error", "sign_in_busy", false),
            ("error=nonsense", "sign_in_refused", false),
            // The one that is there is enough.
            ("error=AADSTS65004", "consent_declined", false),
            ("error_description=AADSTS65004%3a+x", "consent_declined", false),
            ("error=&error_description=AADSTS90094%3a+x", "admin_consent_needed", false),
            ("error=access_denied&error_subcode=AADSTS90094", "admin_consent_needed", false),
            ("error=access_denied&error_description=%0D%0Aaadsts+90094%3A+x", "admin_consent_needed", false),
            (
                "error=invalid_client&error_description=AADSTS650056%3a+x&error_subcode=",
                "permissions_not_declared",
                false,
            ),
            (
                "error=invalid_client&error_description=AADSTS7%3a+x.+AADSTS65006%3a+y",
                "permission_not_published",
                false,
            ),
        ] {
            let callback = AdminConsentCallback::parse(&format!("{query}{tenant}")).unwrap();
            assert_eq!(callback.is_cancelled(), cancelled, "{query}");
            let error = pending(TENANT.into()).accept(&callback).unwrap_err();
            assert_eq!(error.code().as_str(), code, "{query}");
        }
        assert_eq!(accept("error=access_denied&state=other").unwrap_err().code().as_str(), "consent_state_mismatch");
    }

    #[test]
    fn the_services_own_sentence_is_shown() {
        let query =
            "error=invalid_request&error_description=AADSTS99999%3a+Something+new.%0d%0aTrace+ID%3a+t&state=S-1";
        let error = accept(query).unwrap_err();
        assert!(
            error.to_string().starts_with("the sign-in was refused: “Something new” (GET /adminconsent, AADSTS99999"),
            "{error}"
        );
        let query = "error=access_denied&error_subcode=cancel&error_description=AADSTS65004%3a+Declined.&state=S-1";
        assert!(accept(query).unwrap_err().message().ends_with(": “Declined”"));
    }
}
