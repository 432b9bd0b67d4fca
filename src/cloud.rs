//! The endpoints of Microsoft Graph and the sign-in service: the national clouds, and custom ones.
//!
//! ```
//! use entra_apps::Client;
//! use entra_apps::cloud::Cloud;
//!
//! let builder = Client::builder().cloud(Cloud::us_government()).tenant("contoso.onmicrosoft.us");
//! # let _ = builder;
//! ```

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Error, ErrorCode};

/// A Microsoft cloud: its endpoints of Graph, of sign-in (the authority) and of Partner Center.
///
/// Endpoints as of <https://learn.microsoft.com/graph/deployments>.
///
/// ```
/// use entra_apps::cloud::Cloud;
/// use entra_apps::url::Url;
///
/// assert_eq!(Cloud::china().graph_scope(), "https://microsoftgraph.chinacloudapi.cn/.default");
/// let here = Url::parse("http://localhost:8400").unwrap();
/// assert_eq!(Cloud::custom("emulator", &here, &here)?.name(), "emulator");
/// # Ok::<(), entra_apps::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "CloudFields", try_from = "CloudFields")]
pub struct Cloud {
    name: String,
    graph: Url,
    authority: Url,
    resource: String,
    partner_center: Url,
}

const WORLDWIDE_PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com/";

/// The scope of all permissions that an app has on Partner Center, in every cloud that has delegated admin relationships.
pub(crate) const PARTNER_CENTER_SCOPE: &str = "https://api.partnercenter.microsoft.com/.default";

/// The resource of tokens for custom endpoints, whose own URLs are no resources that Entra knows.
const WORLDWIDE_GRAPH: &str = "https://graph.microsoft.com";

impl Cloud {
    /// The worldwide cloud, GCC included.
    pub fn global() -> Self {
        Self::known("global", "https://graph.microsoft.com/", "https://login.microsoftonline.com/")
    }

    /// The cloud US Government L4 (GCC High).
    pub fn us_government() -> Self {
        Self::known("usgov", "https://graph.microsoft.us/", "https://login.microsoftonline.us/")
    }

    /// The cloud US Government L5 (DoD).
    pub fn us_government_dod() -> Self {
        Self::known("usgov-dod", "https://dod-graph.microsoft.us/", "https://login.microsoftonline.us/")
    }

    /// The cloud in China, operated by 21Vianet.
    pub fn china() -> Self {
        let partner_center = "https://partner.partnercenterapi.microsoftonline.cn/";
        Self {
            partner_center: known(partner_center),
            ..Self::known("china", "https://microsoftgraph.chinacloudapi.cn/", "https://login.chinacloudapi.cn/")
        }
    }

    /// Creates a cloud with custom endpoints, such as an emulator or a gateway. Both are origins with an optional path;
    /// `http` is allowed for loopback only, because tokens and secrets travel there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL that is neither https nor loopback, or that has a
    /// query, a fragment or credentials in it.
    pub fn custom(name: impl Into<String>, graph: &Url, authority: &Url) -> Result<Self, Error> {
        let graph = endpoint(graph)?;
        Ok(Self {
            name: name.into(),
            partner_center: graph.clone(),
            graph,
            authority: endpoint(authority)?,
            resource: WORLDWIDE_GRAPH.to_owned(),
        })
    }

    fn known(name: &str, graph: &str, authority: &str) -> Self {
        Self {
            name: name.to_owned(),
            graph: known(graph),
            authority: known(authority),
            resource: graph.to_owned(),
            partner_center: known(WORLDWIDE_PARTNER_CENTER),
        }
    }

    /// A short name: `global`, `usgov`, `usgov-dod`, `china`, or the one given to [`custom`](Self::custom).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Microsoft Graph's endpoint, without the version.
    pub fn graph(&self) -> &Url {
        &self.graph
    }

    /// The sign-in authority, without a tenant.
    pub fn authority(&self) -> &Url {
        &self.authority
    }

    /// Partner Center's endpoint, without the version. For a custom cloud it is the one of Graph, if no other is
    /// [set](Self::partner_center_endpoint).
    pub fn partner_center(&self) -> &Url {
        &self.partner_center
    }

    /// Sets Partner Center's endpoint: an origin with an optional path.
    ///
    /// # Errors
    /// As [`custom`](Self::custom) says.
    pub fn partner_center_endpoint(mut self, url: &Url) -> Result<Self, Error> {
        self.partner_center = endpoint(url)?;
        Ok(self)
    }

    /// Sets the resource of tokens for Graph, such as `https://graph.microsoft.us` for custom endpoints in front of a
    /// national cloud. The worldwide Graph by default.
    #[must_use]
    pub fn graph_resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Whether it is this cloud of Microsoft's, or custom endpoints in front of it.
    pub(crate) fn is_like(&self, known: &Self) -> bool {
        self.graph_scope() == known.graph_scope() || self.graph.host() == known.graph.host()
    }

    /// The scope of all permissions that an app has on Graph: `https://graph.microsoft.com/.default`.
    pub fn graph_scope(&self) -> String {
        format!("{}/.default", self.resource.trim_end_matches('/'))
    }
}

impl Default for Cloud {
    fn default() -> Self {
        Self::global()
    }
}

/// Whether a request to `url` may carry a secret: https, or plain http to this machine.
pub(crate) fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

/// Whether `Url` would drop `segment` or a part of it from a path without an error: the request would go elsewhere.
pub(crate) fn is_invalid_path_segment(segment: &str) -> bool {
    matches!(segment, "" | "." | "..") || segment.contains(char::is_control)
}

fn known(endpoint: &str) -> Url {
    Url::parse(endpoint).expect("the endpoints of the clouds are valid URLs")
}

fn endpoint(url: &Url) -> Result<Url, Error> {
    if !is_secure(url) {
        return Err(Error::new(ErrorCode::InsecureEndpoint).with_message(format!(
            "the endpoint {}://{} is neither https nor loopback",
            url.scheme(),
            url.host_str().unwrap_or("")
        )));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(ErrorCode::InvalidEndpoint)
            .with_message("an endpoint has neither query, fragment nor credentials")
            .with_remedy("Give the URL without them, for example https://graph.microsoft.com."));
    }
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[derive(Clone, Serialize, Deserialize)]
struct CloudFields {
    name: String,
    graph: Url,
    authority: Url,
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner_center: Option<Url>,
}

impl From<Cloud> for CloudFields {
    fn from(Cloud { name, graph, authority, resource, partner_center }: Cloud) -> Self {
        let partner_center = (partner_center != graph).then_some(partner_center);
        Self { name, graph, authority, resource: Some(resource), partner_center }
    }
}

impl TryFrom<CloudFields> for Cloud {
    type Error = Error;

    fn try_from(fields: CloudFields) -> Result<Self, Error> {
        let cloud = Self::custom(fields.name, &fields.graph, &fields.authority)?;
        let cloud = match fields.resource {
            Some(resource) => cloud.graph_resource(resource),
            None => cloud,
        };
        match fields.partner_center {
            Some(url) => cloud.partner_center_endpoint(&url),
            None => Ok(cloud),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_is_that_of_the_clouds_own_graph() {
        for (cloud, scope) in [
            (Cloud::global(), "https://graph.microsoft.com/.default"),
            (Cloud::us_government(), "https://graph.microsoft.us/.default"),
            (Cloud::us_government_dod(), "https://dod-graph.microsoft.us/.default"),
            (Cloud::china(), "https://microsoftgraph.chinacloudapi.cn/.default"),
        ] {
            assert_eq!(cloud.graph_scope(), scope);
            let read: Cloud = serde_json::from_str(&serde_json::to_string(&cloud).unwrap()).unwrap();
            assert_eq!(read, cloud);
        }
        let local = Url::parse("http://localhost:8400").unwrap();
        let emulator = Cloud::custom("emulator", &local, &local).unwrap();
        assert_eq!(emulator.graph_scope(), "https://graph.microsoft.com/.default");
        assert_eq!(
            emulator.graph_resource("https://graph.microsoft.us").graph_scope(),
            "https://graph.microsoft.us/.default"
        );
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let url = |text: &str| Url::parse(text).unwrap();
        let good = url("http://127.0.0.1:8080");
        assert!(Cloud::custom("emulator", &good, &good).is_ok());
        for bad in [
            "http://graph.microsoft.com",
            "http://localhost.evil.example",
            "ftp://localhost",
            "https://user@host.example",
        ] {
            assert!(Cloud::custom("x", &url(bad), &good).is_err(), "{bad}");
        }
    }
}
