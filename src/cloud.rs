//! Where Microsoft Graph and the sign-in service are: the national clouds, and endpoints of one's own.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::Error;

/// A Microsoft cloud: its Graph endpoint and its sign-in authority.
///
/// Endpoints as of <https://learn.microsoft.com/graph/deployments>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "CloudForm", try_from = "CloudForm")]
pub struct Cloud {
    name: String,
    graph: Url,
    authority: Url,
    resource: String,
}

/// The worldwide Graph: an emulator stands in for it, because its own address is no resource that Entra knows.
const WORLDWIDE: &str = "https://graph.microsoft.com";

impl Cloud {
    /// The worldwide cloud, GCC included.
    pub fn global() -> Self {
        Self::known("global", "https://graph.microsoft.com/", "https://login.microsoftonline.com/")
    }

    /// US Government L4 (GCC High).
    pub fn us_government() -> Self {
        Self::known("usgov", "https://graph.microsoft.us/", "https://login.microsoftonline.us/")
    }

    /// US Government L5 (DoD).
    pub fn us_government_dod() -> Self {
        Self::known("usgov-dod", "https://dod-graph.microsoft.us/", "https://login.microsoftonline.us/")
    }

    /// China, operated by 21Vianet.
    pub fn china() -> Self {
        Self::known("china", "https://microsoftgraph.chinacloudapi.cn/", "https://login.chinacloudapi.cn/")
    }

    /// Endpoints of one's own: an emulator, a gateway. Both take an origin with an optional path; `http` is allowed
    /// only towards loopback, because tokens and secrets travel there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL that is neither https nor loopback, or that has a
    /// query, a fragment or credentials in it.
    pub fn custom(name: impl Into<String>, graph: &Url, authority: &Url) -> Result<Self, Error> {
        Ok(Self {
            name: name.into(),
            graph: endpoint(graph)?,
            authority: endpoint(authority)?,
            resource: WORLDWIDE.to_owned(),
        })
    }

    fn known(name: &str, graph: &str, authority: &str) -> Self {
        let parse = |text: &str| Url::parse(text).expect("the endpoints of the clouds are valid URLs");
        Self { name: name.to_owned(), graph: parse(graph), authority: parse(authority), resource: graph.to_owned() }
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

    /// What tokens are asked for, where that is not the worldwide Graph: for endpoints of one's own in front of a
    /// national cloud, such as `https://graph.microsoft.us`.
    #[must_use]
    pub fn graph_resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = resource.into();
        self
    }

    /// The scope that asks for all of an app's permissions on Graph: `https://graph.microsoft.com/.default`.
    pub fn graph_scope(&self) -> String {
        format!("{}/.default", self.resource.trim_end_matches('/'))
    }
}

impl Default for Cloud {
    fn default() -> Self {
        Self::global()
    }
}

/// Whether `url` may carry a secret: https, or plain http to this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
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

/// Whether an address would leave `segment` of its path out, or a part of it, in silence: the request would go
/// elsewhere.
pub(crate) fn is_lost_in_a_path(segment: &str) -> bool {
    matches!(segment, "" | "." | "..") || segment.contains(char::is_control)
}

fn endpoint(url: &Url) -> Result<Url, Error> {
    if !is_safe(url) {
        return Err(Error::invalid(
            "insecure_endpoint",
            format!("the endpoint {}://{} is neither https nor loopback", url.scheme(), url.host_str().unwrap_or("")),
        )
        .with_remedy("Use https; plain http is for an emulator on this machine."));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid("invalid_endpoint", "an endpoint has neither query, fragment nor credentials")
            .with_remedy("Give the address only, for example https://graph.microsoft.com."));
    }
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[derive(Clone, Serialize, Deserialize)]
struct CloudForm {
    name: String,
    graph: Url,
    authority: Url,
    resource: Option<String>,
}

impl From<Cloud> for CloudForm {
    fn from(Cloud { name, graph, authority, resource }: Cloud) -> Self {
        Self { name, graph, authority, resource: Some(resource) }
    }
}

impl TryFrom<CloudForm> for Cloud {
    type Error = Error;

    fn try_from(form: CloudForm) -> Result<Self, Error> {
        let cloud = Self::custom(form.name, &form.graph, &form.authority)?;
        Ok(match form.resource {
            Some(resource) => cloud.graph_resource(resource),
            None => cloud,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_asks_for_its_own_graph() {
        for (cloud, scope) in [
            (Cloud::global(), "https://graph.microsoft.com/.default"),
            (Cloud::us_government(), "https://graph.microsoft.us/.default"),
            (Cloud::us_government_dod(), "https://dod-graph.microsoft.us/.default"),
            (Cloud::china(), "https://microsoftgraph.chinacloudapi.cn/.default"),
        ] {
            assert_eq!(cloud.graph_scope(), scope);
            let kept: Cloud = serde_json::from_str(&serde_json::to_string(&cloud).unwrap()).unwrap();
            assert_eq!(kept, cloud);
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
