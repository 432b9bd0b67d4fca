//! Looks tenants up by id or domain, without signing in.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;
use url::Url;

use crate::auth::form::Form;
use crate::auth::number::text;
use crate::auth::sign_in_error;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::error::{Error, ErrorCode};
use crate::ids::{Tenant, TenantId};
use crate::random::SystemRandomness;
use crate::retry::{CallOptions, Repeat, RetryPolicy, SendContext, trace_failure};
use crate::transport::Transport;

const OPERATION: &str = "GET /.well-known/openid-configuration";

/// Looks tenants up by id or domain. It takes no sign-in and no permission.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> entra_apps::Result<()> {
/// use std::sync::Arc;
///
/// use entra_apps::auth::TenantLookup;
/// use entra_apps::cloud::Cloud;
/// use entra_emulator::MemoryTenant;
///
/// let tenant = MemoryTenant::builder().domain("contoso.onmicrosoft.com").build();
/// let lookup = TenantLookup::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
/// assert_eq!(lookup.get("contoso.onmicrosoft.com").await?.tenant_id, tenant.id());
/// # Ok(()) }
/// ```
///
/// # Panics
/// Looking up needs what its clock and its transport need: with tokio's clock, a runtime with its timer on.
pub struct TenantLookup {
    cloud: Cloud,
    context: SendContext,
}

/// A tenant that was found.
///
/// # JSON
/// `tenantId`, and `region`, `regionPart`, `cloudInstance` and `graphHost`, each null where it is not known.
///
/// ```
/// use entra_apps::auth::FoundTenant;
/// use entra_apps::cloud::Cloud;
/// use entra_apps::ids::TenantId;
///
/// // To test what is done with a tenant of another cloud.
/// let found = FoundTenant::new(TenantId::from_u128(7)).graph_host("graph.microsoft.us");
/// assert_eq!(found.cloud(), Some(Cloud::us_government()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundTenant {
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// The region, such as `EU`, `NA` or `USGov`.
    pub region: Option<String>,
    /// The part of the region, such as `GCC` or `DODCON`.
    pub region_part: Option<String>,
    /// The sign-in service's name for the tenant's cloud, such as `microsoftonline.us`.
    pub cloud_instance: Option<String>,
    /// The host of the tenant's Microsoft Graph, such as `graph.microsoft.us`.
    pub graph_host: Option<String>,
}

impl FoundTenant {
    /// Creates a tenant of which its id alone is known.
    pub fn new(tenant_id: TenantId) -> Self {
        Self { tenant_id, region: None, region_part: None, cloud_instance: None, graph_host: None }
    }

    /// Sets the region, such as `EU`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the part of the region, such as `GCC`.
    #[must_use]
    pub fn region_part(mut self, part: impl Into<String>) -> Self {
        self.region_part = Some(part.into());
        self
    }

    /// Sets the sign-in service's name for the tenant's cloud, such as `microsoftonline.us`.
    #[must_use]
    pub fn cloud_instance(mut self, name: impl Into<String>) -> Self {
        self.cloud_instance = Some(name.into());
        self
    }

    /// Sets the host of the tenant's Microsoft Graph, such as `graph.microsoft.us`.
    #[must_use]
    pub fn graph_host(mut self, host: impl Into<String>) -> Self {
        self.graph_host = Some(host.into());
        self
    }

    /// The cloud of the tenant, if it is one of Microsoft's.
    ///
    /// The sign-in service of one cloud can know tenants of another. Then this differs from the lookup's cloud, in which
    /// nobody can sign in to the tenant.
    pub fn cloud(&self) -> Option<Cloud> {
        let known = [Cloud::global(), Cloud::us_government(), Cloud::us_government_dod(), Cloud::china()];
        let is = |text: &Option<String>, expected: &str| {
            text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(expected))
        };
        // The two of US Government have one sign-in service, and the part tells them apart.
        if is(&self.region_part, "DOD") {
            return Some(Cloud::us_government_dod());
        }
        if is(&self.region_part, "DODCON") {
            return Some(Cloud::us_government());
        }
        if let Some(host) = &self.graph_host {
            let cloud = known
                .into_iter()
                .find(|cloud| cloud.graph().host_str().is_some_and(|known| known.eq_ignore_ascii_case(host)));
            if cloud.is_some() {
                return cloud;
            }
        }
        if is(&self.cloud_instance, "microsoftonline.us") {
            return Some(Cloud::us_government());
        }
        if is(&self.cloud_instance, "partner.microsoftonline.cn") || is(&self.cloud_instance, "chinacloudapi.cn") {
            return Some(Cloud::china());
        }
        is(&self.cloud_instance, "microsoftonline.com").then(Cloud::global)
    }

    /// Checks that nobody need go to another cloud than this one to sign in to the tenant. Where the tenant's cloud is not
    /// known, as behind custom endpoints, there is nothing to check.
    ///
    /// # Errors
    /// [`WrongCloud`](crate::ErrorCode::WrongCloud), with both clouds and how to go on.
    pub fn check_cloud(&self, cloud: &Cloud) -> Result<(), Error> {
        match self.cloud().filter(|own| !cloud.is_like(own)) {
            None => Ok(()),
            Some(own) => Err(Error::new(ErrorCode::WrongCloud)
                .with_message(format!(
                    "the tenant {} is in the cloud {}, and {} was asked",
                    self.tenant_id,
                    own.name(),
                    cloud.name()
                ))
                .with_remedy(format!(
                    "Build the client with the cloud {}, which signs in at {} and has its Graph at {}.",
                    own.name(),
                    own.authority(),
                    own.graph()
                ))),
        }
    }
}

impl TenantLookup {
    /// Looks up tenants at the sign-in service of `cloud`.
    pub fn new(cloud: Cloud, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self::with_context(
            cloud,
            SendContext::new(transport, clock, Arc::new(SystemRandomness), RetryPolicy::default()),
        )
    }

    pub(crate) fn with_context(cloud: Cloud, context: SendContext) -> Self {
        Self { cloud, context }
    }

    /// Returns the tenant with this id or domain, which can be given as a text
    /// ([OpenID configuration](https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc)).
    ///
    /// # Errors
    /// [`ErrorKind::SignIn`](crate::ErrorKind::SignIn) with the code [`UnknownTenant`](crate::ErrorCode::UnknownTenant) when there is none, [`WrongCloud`](crate::ErrorCode::WrongCloud) when it is in another
    /// cloud; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a text that is neither an id nor a domain.
    pub async fn get(&self, tenant: impl TryInto<Tenant, Error: Into<Error>>) -> Result<FoundTenant, Error> {
        let tenant: Tenant = tenant.try_into().map_err(Into::into)?;
        let span = tracing::debug_span!("find_tenant", %tenant);
        self.look_up(&tenant).instrument(span).await
    }

    async fn look_up(&self, tenant: &Tenant) -> Result<FoundTenant, Error> {
        if !tenant.is_single() {
            return Err(Error::new(ErrorCode::InvalidTenant)
                .with_message(format!("{tenant} is not one tenant, which could be looked up"))
                .with_remedy("Give the tenant's id or a domain of the tenant."));
        }
        let mut url = self.cloud.authority().clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidEndpoint).with_message("the authority is no URL"))?
            .pop_if_empty()
            .extend([tenant.to_string().as_str(), "v2.0", ".well-known", "openid-configuration"]);
        let correlation = crate::random::uuid(&*self.context.randomness);
        let request = || {
            http::Request::get(url.as_str())
                .header(http::header::ACCEPT, "application/json")
                .header("client-request-id", correlation.to_string())
                .body(Bytes::new())
                .map_err(|error| {
                    Error::new(ErrorCode::InvalidEndpoint).with_message("the authority is no URL").with_source(error)
                })
        };
        let response = self
            .context
            .send(OPERATION, Repeat::Safe, &CallOptions::default(), request, sign_in_error::classify)
            .await?;
        if !response.status.is_success() {
            let error = sign_in_error::error(&response, &Form::new(), &correlation, self.context.clock.now());
            let error = error.during(OPERATION);
            trace_failure(&error, "refused");
            return Err(error);
        }
        found(response.json()).ok_or_else(|| {
            let code = ErrorCode::UnexpectedResponse;
            sign_in_error::unreadable(&response, &Form::new(), code, "OpenID configuration of a tenant")
                .during(OPERATION)
        })
    }
}

/// Reads each member by itself: only the tenant's id cannot be done without.
fn found(configuration: &Value) -> Option<FoundTenant> {
    let read = |name: &str| text(&configuration[name]).map(Cow::into_owned);
    let issuer = Url::parse(&read("issuer")?).ok()?;
    let tenant_id = issuer.path_segments()?.find_map(|segment| segment.parse().ok())?;
    Some(FoundTenant {
        tenant_id,
        region: read("tenant_region_scope"),
        region_part: read("tenant_region_sub_scope"),
        cloud_instance: read("cloud_instance_name"),
        graph_host: read("msgraph_host"),
    })
}

impl fmt::Debug for TenantLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLookup").field("cloud", &self.cloud.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_of_a_tenant_is_told_apart() {
        let found = |instance: &str, host: Option<&str>, part: Option<&str>| FoundTenant {
            tenant_id: TenantId::from_u128(1),
            region: None,
            region_part: part.map(str::to_owned),
            cloud_instance: Some(instance.to_owned()),
            graph_host: host.map(str::to_owned),
        };
        for (tenant, name) in [
            (found("microsoftonline.com", Some("graph.microsoft.com"), None), Some("global")),
            (found("microsoftonline.com", None, Some("GCC")), Some("global")),
            (found("microsoftonline.us", Some("graph.microsoft.us"), Some("DODCON")), Some("usgov")),
            (found("microsoftonline.us", Some("dod-graph.microsoft.us"), Some("DOD")), Some("usgov-dod")),
            (found("microsoftonline.us", None, Some("DOD")), Some("usgov-dod")),
            (found("microsoftonline.us", Some("graph.microsoft.us"), Some("DOD")), Some("usgov-dod")),
            (found("localhost", None, Some("DODCON")), Some("usgov")),
            (found("microsoftonline.us", None, None), Some("usgov")),
            (found("partner.microsoftonline.cn", Some("microsoftgraph.chinacloudapi.cn"), None), Some("china")),
            (found("localhost", Some("localhost"), None), None),
        ] {
            assert_eq!(tenant.cloud().as_ref().map(Cloud::name), name, "{tenant:?}");
        }
    }

    #[test]
    fn a_tenant_of_another_cloud_is_said_to_be_there() {
        let here = |host: &str| FoundTenant::new(TenantId::from_u128(1)).graph_host(host);
        let [global, government] = [Cloud::global(), Cloud::us_government()];
        let local = Url::parse("http://localhost:8400").unwrap();
        let custom = Cloud::custom("emulator", &local, &local).unwrap();
        for cloud in [&global, &custom] {
            assert!(here("graph.microsoft.com").check_cloud(cloud).is_ok(), "{cloud:?}");
            assert!(here("localhost:8400").check_cloud(cloud).is_ok(), "nobody knows that cloud");
        }
        for (tenant, cloud, name) in [
            (here("graph.microsoft.us"), &global, "usgov"),
            (here("graph.microsoft.us").region_part("DOD"), &government, "usgov-dod"),
            (here("microsoftgraph.chinacloudapi.cn"), &global, "china"),
            (here("graph.microsoft.com"), &government, "global"),
        ] {
            let error = tenant.check_cloud(cloud).unwrap_err();
            assert_eq!(error.code(), ErrorCode::WrongCloud);
            let own = tenant.cloud().unwrap();
            assert!(error.message().contains(name) && error.message().contains(cloud.name()), "{error}");
            assert!(error.remedy().contains(own.authority().as_str()), "{error}");
        }
    }

    #[test]
    fn an_odd_member_does_not_hide_the_tenant() {
        let id = TenantId::from_u128(7);
        let whole = serde_json::json!({
            "issuer": format!("https://login.microsoftonline.com/{id}/v2.0"), "tenant_region_scope": "EU",
            "tenant_region_sub_scope": "GCC", "cloud_instance_name": "microsoftonline.com", "msgraph_host": "graph.microsoft.com",
        });
        for odd in [Value::Null, 7.into(), serde_json::json!({}), serde_json::json!(["x"]), "".into()] {
            for name in ["tenant_region_scope", "tenant_region_sub_scope", "cloud_instance_name", "msgraph_host"] {
                let mut body = whole.clone();
                body[name] = odd.clone();
                assert_eq!(found(&body).unwrap().cloud(), Some(Cloud::global()), "{body}");
            }
            let mut body = whole.clone();
            body["issuer"] = odd.clone();
            assert_eq!(found(&body), None);
        }
    }
}
