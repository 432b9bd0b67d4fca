//! A request to Graph: what is sent, and by which rules it may be repeated.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::header::IF_MATCH;
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use crate::client::lag_rule::LagRule;
use crate::client::recent_writes::{ObjectKind, ObjectRef};
use crate::cloud::{Cloud, is_invalid_path_segment};
use crate::error::{Error, ErrorCode};
use crate::retry::{Deadline, Repeat};

/// A request to Graph.
#[derive(Clone)]
pub(crate) struct Request {
    /// The operation in Graph's terms, such as `POST /servicePrincipals`.
    pub(crate) operation: Cow<'static, str>,
    /// The least permissions, as a remedy says them; empty where they are not known.
    pub(crate) permissions: &'static str,
    /// What a signed-in user needs besides, as a remedy says it; empty where it is a role of the directory.
    pub(crate) role: &'static str,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) target: Target,
    pub(crate) advanced: bool,
    pub(crate) create_if_missing: bool,
    /// Headers of this request alone, beside those that every request has.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    /// Until when it may be sent: its body is merged with what was read, or what was read is the reason for it.
    pub(crate) fresh_until: Deadline,
    pub(crate) lag_rule: LagRule,
    /// The objects that the lag rule holds for, if this client wrote them a moment ago; the last is the one that a
    /// deletion deletes.
    pub(crate) objects: Vec<ObjectRef>,
    /// What a success creates.
    pub(crate) creates: Option<ObjectKind>,
    /// How many writes it makes.
    pub(crate) writes: u32,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies can hold what nobody else may see.
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// A version of Graph's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    Beta,
}

impl Version {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

/// The address of a request.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Path {
        segments: Vec<String>,
        query: Vec<(String, String)>,
    },
    /// A next link, verbatim.
    Link(Url),
}

impl Request {
    pub(crate) fn new(
        operation: impl Into<Cow<'static, str>>,
        permissions: &'static str,
        method: Method,
        segments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        // A POST makes something new each time, or hands out a secret; everything else sets what it sets.
        let repeat = if method == Method::POST { Repeat::Unsafe } else { Repeat::Safe };
        let writes = u32::from(method != Method::GET);
        Self {
            operation: operation.into(),
            permissions,
            role: "",
            method,
            version: Version::V1,
            target: Target::Path { segments, query: Vec::new() },
            advanced: false,
            create_if_missing: false,
            headers: HeaderMap::new(),
            body: None,
            repeat,
            fresh_until: Deadline::default(),
            lag_rule: LagRule::NotFound,
            objects: Vec::new(),
            creates: None,
            writes,
        }
    }

    pub(crate) fn query(mut self, pairs: Vec<(String, String)>, advanced: bool) -> Self {
        if let Target::Path { query, .. } = &mut self.target {
            query.extend(pairs);
        }
        self.advanced |= advanced;
        self
    }

    pub(crate) fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body)
            .map_err(|error| Error::new(ErrorCode::InvalidBody).with_source(error).during(self.operation.clone()))?;
        self.body = Some(Bytes::from(json));
        Ok(self)
    }

    pub(crate) fn role(mut self, role: &'static str) -> Self {
        self.role = role;
        self
    }

    /// Makes the change depend on the version that was read.
    pub(crate) fn if_match(mut self, etag: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(etag)
            .map_err(|_| Error::new(ErrorCode::InvalidHeader).during(self.operation.clone()))?;
        self.headers.insert(IF_MATCH, value);
        Ok(self)
    }

    pub(crate) fn lag_rule(mut self, rule: LagRule) -> Self {
        self.lag_rule = rule;
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(crate) fn fresh_until(mut self, deadline: Deadline) -> Self {
        self.fresh_until = deadline;
        self
    }

    pub(crate) fn create_if_missing(mut self) -> Self {
        self.create_if_missing = true;
        self
    }

    /// Names an object that the request is about, by one of its ids.
    pub(crate) fn object(mut self, kind: ObjectKind, id: impl ToString) -> Self {
        self.objects.push(ObjectRef::new(kind, id));
        self
    }

    pub(crate) fn creates(mut self, kind: ObjectKind) -> Self {
        self.creates = Some(kind);
        self
    }

    /// Builds the absolute address.
    pub(crate) fn url(&self, cloud: &Cloud) -> Result<Url, Error> {
        let (segments, query) = match &self.target {
            Target::Path { segments, query } => (segments, query),
            Target::Link(link) => return self.same_origin(link, cloud),
        };
        if segments.iter().any(|segment| is_invalid_path_segment(segment)) {
            return Err(Error::new(ErrorCode::InvalidId)
                .with_message("an id is empty, a dot, or holds a control character")
                .during(self.operation.clone())
                .with_remedy("Give the id as the service gave it."));
        }
        if let Some((name, _)) = query
            .iter()
            .enumerate()
            .find_map(|(at, pair)| query[..at].iter().any(|earlier| earlier.0 == pair.0).then_some(pair))
        {
            return Err(Error::new(ErrorCode::InvalidQuery)
                .with_message(format!("the query option {name} is given twice"))
                .with_remedy("Give each option once: as a typed one, or as text.")
                .during(self.operation.clone()));
        }
        let mut url = cloud.graph().clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidEndpoint).with_message("the Graph endpoint is no address"))?
            .pop_if_empty()
            .push(self.version.as_str())
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // A form's plus sign stands for a blank in a form alone, and inside a batch nobody promises to read it as
            // one; a real plus sign is encoded. The dollar signs and commas of OData stay readable, and short.
            let pairs = url.query().unwrap_or_default().replace('+', "%20").replace("%24", "$").replace("%2C", ",");
            url.set_query(Some(&pairs));
        }
        Ok(url)
    }

    /// Builds the address as an item of a batch gives it: from behind the version.
    pub(crate) fn relative_url(&self, cloud: &Cloud) -> Result<String, Error> {
        let url = self.url(cloud)?;
        let whole = url.as_str();
        let prefix = format!("{}{}", cloud.graph(), self.version.as_str());
        whole.strip_prefix(&prefix).map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorCode::ForeignNextLink)
                .with_message("a next link is of another version")
                .during(self.operation.clone())
        })
    }

    /// Refuses another origin: a token goes to the origin that it was issued for, and nowhere else.
    fn same_origin(&self, link: &Url, cloud: &Cloud) -> Result<Url, Error> {
        let graph = cloud.graph();
        // An address of the scheme `blob` has the origin of the one inside it.
        let own = link.scheme() == graph.scheme()
            && link.origin() == graph.origin()
            && link.username().is_empty()
            && link.password().is_none()
            && link.path().starts_with(graph.path());
        if own {
            return Ok(link.clone());
        }
        Err(Error::new(ErrorCode::ForeignNextLink)
            .with_message("the service's next link leads to another host")
            .during(self.operation.clone()))
    }
}
