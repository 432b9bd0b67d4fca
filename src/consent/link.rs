//! The link that an administrator opens to consent for their tenant.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::client::Client;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{AppId, Tenant, TenantId};
use crate::model::{self, SignInAudience};
use crate::permission::MICROSOFT_GRAPH;
use crate::random::Randomness;

/// The properties of an app that Entra checks before it shows the admin consent.
///
/// ```
/// use entra_apps::SignInAudience;
/// use entra_apps::cloud::Cloud;
/// use entra_apps::consent::ConsentApp;
/// use entra_apps::ids::{AppId, Tenant, TenantId};
/// use entra_apps::permission::MICROSOFT_GRAPH;
///
/// let app = ConsentApp::new(AppId::from_u128(1), TenantId::from_u128(2))
///     .audience(&SignInAudience::MultipleOrganizations)
///     .redirect_uri("https://contoso.example/consent")
///     .declares(MICROSOFT_GRAPH);
/// let link = app.link_without_state(&Cloud::global(), &Tenant::ORGANIZATIONS, "https://contoso.example/consent")?;
/// assert!(link.as_str().starts_with("https://login.microsoftonline.com/organizations/v2.0/adminconsent?"));
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct ConsentApp {
    app_id: AppId,
    home_tenant: TenantId,
    multi_tenant: bool,
    redirect_uris: Vec<String>,
    apis: Vec<AppId>,
}

impl ConsentApp {
    /// Creates a single-tenant app of `home_tenant` without redirect URIs and permissions. It needs both for a link.
    pub fn new(app_id: AppId, home_tenant: TenantId) -> Self {
        Self { app_id, home_tenant, multi_tenant: false, redirect_uris: Vec::new(), apis: Vec::new() }
    }

    /// Takes the properties from an application as Graph returns it in its home tenant, with `appId`, `signInAudience`,
    /// `requiredResourceAccess`, `web`, `spa` and `publicClient`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when `appId` was not selected.
    pub fn from_application(application: &model::Application, home_tenant: TenantId) -> Result<Self, Error> {
        let app_id = application.app_id.ok_or_else(|| Error::new(ErrorCode::IncompleteApplication))?;
        let mut app = Self::new(app_id, home_tenant);
        if let Some(audience) = &application.sign_in_audience {
            app = app.audience(audience);
        }
        let web = application.web.iter().flat_map(|platform| &platform.redirect_uris);
        let spa = application.spa.iter().flat_map(|platform| &platform.redirect_uris);
        let public = application.public_client.iter().flat_map(|platform| &platform.redirect_uris);
        for uri in web.chain(spa).chain(public) {
            app = app.redirect_uri(uri);
        }
        for access in application.required_resource_access.iter().filter(|access| !access.resource_access.is_empty()) {
            app = access.resource_app_id.into_iter().fold(app, Self::declares);
        }
        Ok(app)
    }

    /// Sets the audience, which says whether other tenants can consent to the app. Its own tenant alone by default.
    pub fn audience(mut self, audience: &SignInAudience) -> Self {
        self.multi_tenant = !matches!(audience, SignInAudience::SingleOrganization | SignInAudience::PersonalAccounts);
        self
    }

    /// Adds a redirect URI that it has registered, of any platform.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Adds an API of which the app declares permissions.
    pub fn declares(mut self, api: AppId) -> Self {
        self.apis.push(api);
        self
    }

    /// The client id.
    pub fn app_id(&self) -> AppId {
        self.app_id
    }

    /// The first redirect URI that a browser can be redirected to.
    pub fn browser_redirect_uri(&self) -> Option<&str> {
        let for_browsers =
            |uri: &&String| !uri.contains('*') && (uri.starts_with("https://") || uri.starts_with("http://"));
        self.redirect_uris.iter().find(for_browsers).map(String::as_str)
    }

    /// Makes a link without a state, for a message to a person, where no program handles the callback.
    ///
    /// # Errors
    /// As [`AdminConsentLink::new`].
    pub fn link_without_state(&self, cloud: &Cloud, tenant: &Tenant, redirect_uri: &str) -> Result<Url, Error> {
        self.check(tenant, redirect_uri)?;
        let mut url = cloud.authority().clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidEndpoint).with_message("the authority is no URL"))?
            .pop_if_empty()
            .extend([tenant.to_string().as_str(), "v2.0", "adminconsent"]);
        // The scope `.default` of one API asks for the declared permissions of all.
        let scope = match self.apis.first() {
            Some(api) if !self.apis.contains(&MICROSOFT_GRAPH) => format!("{api}/.default"),
            _ => cloud.graph_scope(),
        };
        url.query_pairs_mut()
            .append_pair("client_id", &self.app_id.to_string())
            .append_pair("scope", &scope)
            .append_pair("redirect_uri", redirect_uri);
        Ok(url)
    }

    /// Refuses links that lead to an error page of Entra, which redirects nobody back.
    fn check(&self, tenant: &Tenant, redirect_uri: &str) -> Result<(), Error> {
        if [Tenant::COMMON, Tenant::CONSUMERS].contains(tenant) {
            return Err(Error::new(ErrorCode::InvalidTenant)
                .with_message(format!("{tenant} has no administrator who could consent"))
                .with_remedy("Give the tenant's id, a domain such as contoso.onmicrosoft.com, or organizations."));
        }
        if self.redirect_uris.is_empty() {
            return Err(Error::new(ErrorCode::AppWithoutRedirectUri));
        }
        if !self.redirect_uris.iter().any(|registered| is_same_redirect(registered, redirect_uri)) {
            return Err(Error::new(ErrorCode::NotARedirectUriOfTheApp)
                .with_message(format!("{redirect_uri} is not one of the app's redirect URIs (AADSTS50011)"))
                .with_remedy(format!(
                    "Register it exactly as written, or use one of {}.",
                    self.redirect_uris.join(", ")
                )));
        }
        if self.apis.is_empty() {
            return Err(Error::new(ErrorCode::AppWithoutPermissions));
        }
        // A domain may belong to the home tenant.
        let is_other_tenant = tenant.domain().is_none() && tenant.id() != Some(self.home_tenant);
        if is_other_tenant && !self.multi_tenant {
            return Err(Error::new(ErrorCode::AppOfOneTenant));
        }
        Ok(())
    }
}

/// Whether Entra accepts `given` for `registered`: it compares exactly, but ignores the port of loopback URIs, and a
/// wildcard stands for one label
/// (<https://learn.microsoft.com/entra/identity-platform/reply-url>).
fn is_same_redirect(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    if let Some((scheme, domain)) = registered.split_once("://*.") {
        let label =
            given.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).and_then(|rest| rest.split_once('.'));
        return label
            .is_some_and(|(label, rest)| !label.is_empty() && !label.contains(['/', '?', '@', ':']) && rest == domain);
    }
    let loopback = |text: &str| {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        let host = url.host_str().filter(|host| ["localhost", "127.0.0.1"].contains(host))?.to_owned();
        Some((host, url.path().to_owned(), url.query().map(str::to_owned), url.username().to_owned()))
    };
    loopback(registered).is_some_and(|registered| loopback(given).as_ref() == Some(&registered))
}

/// A link for an administrator, and the pending consent to keep until the callback.
///
/// ```
/// use entra_apps::cloud::Cloud;
/// use entra_apps::SignInAudience;
/// use entra_apps::consent::{AdminConsentCallback, AdminConsentLink, ConsentApp};
/// use entra_apps::ids::{AppId, TenantId};
/// use entra_apps::permission::MICROSOFT_GRAPH;
/// use entra_apps::random::SystemRandomness; // or Client::admin_consent_link, which uses the client's cloud and randomness
///
/// let app = ConsentApp::new(AppId::from_u128(1), TenantId::from_u128(2))
///     .audience(&SignInAudience::MultipleOrganizations)
///     .redirect_uri("https://contoso.example/consent")
///     .declares(MICROSOFT_GRAPH);
/// let customer = TenantId::from_u128(3);
/// let link = AdminConsentLink::new(&Cloud::global(), &app, customer.into(), "https://contoso.example/consent", &SystemRandomness::default())?;
/// println!("Please open {}", link.url());
/// let pending = link.into_pending(); // to be kept in the browser's session until the callback
///
/// let query = format!("admin_consent=True&tenant={customer}&state={}", pending.state());
/// let reported = pending.accept(&AdminConsentCallback::parse(&query)?)?;
/// assert_eq!(reported.claimed_tenant(), customer); // to be checked with Client::check_consent_by_token
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone)]
pub struct AdminConsentLink {
    url: Url,
    pending: PendingConsent,
}

impl fmt::Debug for AdminConsentLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds the state, which only the browser's session may know.
        f.debug_struct("AdminConsentLink").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl AdminConsentLink {
    /// Makes a link to the admin consent of `tenant` to everything that the app declares, with a random state for one use.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) where Entra would show an error page and not redirect back:
    /// with the code [`AppWithoutRedirectUri`](crate::ErrorCode::AppWithoutRedirectUri),
    /// [`NotARedirectUriOfTheApp`](crate::ErrorCode::NotARedirectUriOfTheApp),
    /// [`AppWithoutPermissions`](crate::ErrorCode::AppWithoutPermissions),
    /// [`AppOfOneTenant`](crate::ErrorCode::AppOfOneTenant) for another tenant than the app is for, or
    /// [`InvalidTenant`](crate::ErrorCode::InvalidTenant) for `common` and `consumers`.
    pub fn new(
        cloud: &Cloud,
        app: &ConsentApp,
        tenant: Tenant,
        redirect_uri: &str,
        randomness: &dyn Randomness,
    ) -> Result<Self, Error> {
        let mut url = app.link_without_state(cloud, &tenant, redirect_uri)?;
        let mut bytes = [0; 32];
        randomness.fill(&mut bytes);
        let state = URL_SAFE_NO_PAD.encode(bytes);
        url.query_pairs_mut().append_pair("state", &state);
        Ok(Self { url, pending: PendingConsent { app_id: app.app_id, tenant, state } })
    }

    /// The URL for the administrator's browser.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The pending consent, to be kept until the callback.
    pub fn pending(&self) -> &PendingConsent {
        &self.pending
    }

    /// The URL to send the browser to, and the pending consent to be kept until the callback.
    pub fn into_parts(self) -> (Url, PendingConsent) {
        (self.url, self.pending)
    }

    /// Turns the link into its pending consent, after the URL has been sent.
    pub fn into_pending(self) -> PendingConsent {
        self.pending
    }
}

impl Client {
    /// Makes an admin consent link for this client's cloud, with its randomness: see [`AdminConsentLink::new`]. Nothing is
    /// sent.
    ///
    /// # Errors
    /// As [`AdminConsentLink::new`].
    pub fn admin_consent_link(
        &self,
        app: &ConsentApp,
        tenant: Tenant,
        redirect_uri: &str,
    ) -> Result<AdminConsentLink, Error> {
        AdminConsentLink::new(self.cloud(), app, tenant, redirect_uri, self.randomness())
    }
}

/// A consent whose callback is pending. Keep it where only the browser's session has access, and remove it with the first
/// callback. It can be serialised.
///
/// ```
/// # use entra_apps::SignInAudience;
/// # use entra_apps::cloud::Cloud;
/// # use entra_apps::consent::{AdminConsentLink, ConsentApp};
/// # use entra_apps::ids::{AppId, Tenant, TenantId};
/// # use entra_apps::random::SystemRandomness;
/// use entra_apps::consent::PendingConsent;
///
/// # let (cloud, back) = (Cloud::global(), "https://contoso.example/consent");
/// # let app = ConsentApp::new(AppId::from_u128(1), TenantId::from_u128(2)).redirect_uri(back);
/// # let app = app.audience(&SignInAudience::MultipleOrganizations).declares(AppId::from_u128(3));
/// # let link = AdminConsentLink::new(&cloud, &app, Tenant::ORGANIZATIONS, back, &SystemRandomness::default())?;
/// let kept = serde_json::to_string(link.pending()).unwrap(); // in the browser's session
/// let pending: PendingConsent = serde_json::from_str(&kept).unwrap();
/// assert_eq!(pending.state(), link.pending().state());
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingConsent {
    pub(super) app_id: AppId,
    pub(super) tenant: Tenant,
    pub(super) state: String,
}

impl PendingConsent {
    /// The state in the link, which identifies the callback where several are pending.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The tenant whose administrator was asked to consent.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Whether `other` is the state, compared in constant time.
    pub(crate) fn has_state(&self, other: &str) -> bool {
        !self.state.is_empty() && bool::from(self.state.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl fmt::Debug for PendingConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the state can forge a callback.
        f.debug_struct("PendingConsent")
            .field("app_id", &self.app_id)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::testing::Counting;

    const HOME: TenantId = TenantId::from_u128(2);
    const BACK: &str = "https://contoso.example/back";

    const MANY: &SignInAudience = &SignInAudience::MultipleOrganizations;

    fn customer() -> Tenant {
        TenantId::from_u128(3).into()
    }

    fn app() -> ConsentApp {
        ConsentApp::new(AppId::from_u128(1), HOME).audience(MANY).redirect_uri(BACK).declares(MICROSOFT_GRAPH)
    }

    fn link(app: &ConsentApp, tenant: Tenant, back: &str) -> Result<AdminConsentLink, Error> {
        AdminConsentLink::new(&Cloud::us_government(), app, tenant, back, &Counting::default())
    }

    #[test]
    fn a_link_asks_for_all_that_is_declared() {
        let made = link(&app(), customer(), BACK).unwrap();
        let state = made.pending().state();
        assert!(state.len() >= 43);
        assert_eq!(
            made.url().as_str(),
            format!(
                "https://login.microsoftonline.us/00000000-0000-0000-0000-000000000003/v2.0/adminconsent\
                 ?client_id=00000000-0000-0000-0000-000000000001&scope=https%3A%2F%2Fgraph.microsoft.us%2F.default\
                 &redirect_uri=https%3A%2F%2Fcontoso.example%2Fback&state={state}"
            )
        );
        assert!(!format!("{:?}", made.pending()).contains(state));
        let other =
            AdminConsentLink::new(&Cloud::global(), &app(), customer(), BACK, &Counting::starting_at(9)).unwrap();
        assert_ne!(other.pending().state(), state);
        let read: PendingConsent = serde_json::from_str(&serde_json::to_string(made.pending()).unwrap()).unwrap();
        assert_eq!(&read, made.pending());
    }

    #[test]
    fn where_entra_would_show_an_error_page_there_is_no_link() {
        let bare = || ConsentApp::new(AppId::from_u128(1), HOME).audience(MANY);
        let single = app().audience(&SignInAudience::SingleOrganization);
        for (app, tenant, back, code) in [
            (&bare().declares(MICROSOFT_GRAPH), customer(), BACK, "app_without_redirect_uri"),
            (&app(), customer(), "https://contoso.example/Back", "not_a_redirect_uri_of_the_app"),
            (&app(), customer(), "https://contoso.example/back/", "not_a_redirect_uri_of_the_app"),
            (&bare().redirect_uri(BACK), customer(), BACK, "app_without_permissions"),
            (&single, customer(), BACK, "app_of_one_tenant"),
            (&single, Tenant::ORGANIZATIONS, BACK, "app_of_one_tenant"),
            (&app(), Tenant::COMMON, BACK, "invalid_tenant"),
            (&app(), Tenant::CONSUMERS, BACK, "invalid_tenant"),
        ] {
            let error = link(app, tenant, back).unwrap_err();
            assert_eq!(error.code().as_str(), code, "{error}");
        }
        assert!(link(&single, HOME.into(), BACK).is_ok());
        assert!(
            link(&single, "contoso.example".parse().unwrap(), BACK).is_ok(),
            "it may be a domain of the home tenant"
        );
    }

    #[test]
    fn redirect_uris_are_compared_as_entra_does() {
        for (registered, given, same) in [
            ("http://localhost", "http://localhost:8400/", true),
            ("http://localhost/cb", "http://localhost:8400/cb", true),
            ("http://localhost/cb", "http://localhost:8400/CB", false),
            ("http://127.0.0.1/cb", "http://localhost/cb", false),
            ("https://localhost/cb", "https://localhost:1/cb", false),
            ("https://*.contoso.example/cb", "https://a.contoso.example/cb", true),
            ("https://*.contoso.example/cb", "https://evil.example/a.contoso.example/cb", false),
            ("https://*.contoso.example/cb", "https://contoso.example/cb", false),
            ("http://localhost/cb", "http://evil@localhost/cb", false),
        ] {
            assert_eq!(is_same_redirect(registered, given), same, "{registered} {given}");
        }
    }
}
