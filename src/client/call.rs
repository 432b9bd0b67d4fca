//! One operation of Graph as a value: awaited by itself, or added to a batch.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Client;
use crate::client::replication::Lag;
use crate::cloud::{Cloud, is_lost_in_a_path};
use crate::error::{Error, ErrorKind};
use crate::exchange::{Answer, Repeat, Unreadable};

/// One operation of Graph, not sent yet: `.await` sends it, [`Batch::add`](crate::Batch::add) sends it with others.
#[must_use = "a call does nothing until it is awaited or added to a batch"]
pub struct Call<T> {
    pub(super) client: Client,
    pub(super) spec: Result<Spec, Error>,
    pub(super) decode: Decode<T>,
}

pub(crate) type Decode<T> = fn(&Spec, Answer) -> Result<T, Error>;

/// What is sent, and by which rules.
#[derive(Clone)]
pub(crate) struct Spec {
    /// In Graph's terms, such as `POST /servicePrincipals`.
    pub(crate) operation: &'static str,
    /// The least permissions, as a remedy says them.
    pub(crate) needs: &'static str,
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) advanced: bool,
    pub(crate) create_if_missing: bool,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    pub(crate) lag: Lag,
    /// Ids that the lag rule holds for, if this client wrote them a moment ago.
    pub(crate) mentions: Vec<String>,
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies can hold what nobody else may see.
        f.debug_struct("Spec").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Where it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Path {
        segments: Vec<String>,
        query: Vec<(String, String)>,
    },
    /// A next link, verbatim.
    Link(Url),
}

impl Spec {
    pub(crate) fn new(
        operation: &'static str,
        needs: &'static str,
        method: Method,
        segments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        // A POST makes something new each time, or hands out a secret; everything else sets what it sets.
        let repeat = if method == Method::POST { Repeat::Unsafe } else { Repeat::Safe };
        Self {
            operation,
            needs,
            method,
            target: Target::Path { segments, query: Vec::new() },
            advanced: false,
            create_if_missing: false,
            body: None,
            repeat,
            lag: Lag::NotFound,
            mentions: Vec::new(),
        }
    }

    pub(crate) fn query(mut self, pairs: Vec<(String, String)>, advanced: bool) -> Self {
        if let Target::Path { query, .. } = &mut self.target {
            *query = pairs;
        }
        self.advanced = advanced;
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body).map_err(|error| {
            Error::invalid("invalid_body", "the request cannot be written as JSON")
                .with_source(error)
                .during(self.operation)
        })?;
        self.body = Some(Bytes::from(json));
        Ok(self)
    }

    pub(crate) fn lag(mut self, lag: Lag) -> Self {
        self.lag = lag;
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(crate) fn create_if_missing(mut self) -> Self {
        self.create_if_missing = true;
        self
    }

    pub(crate) fn mentions(mut self, ids: impl IntoIterator<Item = impl ToString>) -> Self {
        self.mentions.extend(ids.into_iter().map(|id| id.to_string()));
        self
    }

    /// The absolute address.
    pub(crate) fn url(&self, cloud: &Cloud) -> Result<Url, Error> {
        let (segments, query) = match &self.target {
            Target::Path { segments, query } => (segments, query),
            Target::Link(link) => return self.same_origin(link, cloud),
        };
        if segments.iter().any(|segment| is_lost_in_a_path(segment)) {
            return Err(Error::invalid("invalid_id", "an id is empty, a dot, or holds a control character")
                .during(self.operation)
                .with_remedy("Give the id as the service gave it."));
        }
        let mut url = cloud.graph().clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("invalid_endpoint", "the Graph endpoint is no address"))?
            .pop_if_empty()
            .push("v1.0")
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // A form's plus sign stands for a blank in a form alone, and inside a batch nobody promises to read it as
            // one; a real plus sign is encoded. The dollar signs of OData stay readable.
            let pairs = url.query().unwrap_or_default().replace('+', "%20").replace("%24", "$");
            url.set_query(Some(&pairs));
        }
        Ok(url)
    }

    /// The address as an item of a batch gives it: from behind the version.
    pub(crate) fn relative_url(&self, cloud: &Cloud) -> Result<String, Error> {
        let url = self.url(cloud)?;
        let whole = url.as_str();
        let prefix = format!("{}v1.0", cloud.graph());
        whole.strip_prefix(&prefix).map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::Decode, "foreign_link", "a next link is of another version").during(self.operation)
        })
    }

    /// A token goes to the origin that it was issued for, and nowhere else.
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
        Err(Error::new(ErrorKind::Decode, "foreign_link", "the service's next link leads to another host")
            .with_remedy(
                "Nothing was sent there. Check that the Graph endpoint is right and that no proxy rewrites answers.",
            )
            .during(self.operation))
    }
}

impl<T> Call<T> {
    pub(crate) fn new(client: &Client, spec: Result<Spec, Error>, decode: Decode<T>) -> Self {
        Self { client: client.clone(), spec, decode }
    }

    /// The same call, where sending it twice does no harm because the directory holds the thing once.
    pub(crate) fn repeatable(mut self) -> Self {
        self.spec = self.spec.map(|spec| spec.repeat(Repeat::Safe));
        self
    }

    /// What it is, in Graph's terms, such as `POST /servicePrincipals`.
    pub fn operation(&self) -> Option<&'static str> {
        self.spec.as_ref().ok().map(|spec| spec.operation)
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let spec = self.spec?;
            let answer = self.client.execute(&spec).await?;
            (self.decode)(&spec, answer)
        })
    }
}

/// A JSON body.
pub(crate) fn json<T: DeserializeOwned>(spec: &Spec, answer: Answer) -> Result<T, Error> {
    let answer = spec.success(answer)?;
    answer.read().map_err(|error| spec.not_understood(&answer, error))
}

/// A JSON body, or `None` where there is no such object.
pub(crate) fn found<T: DeserializeOwned>(spec: &Spec, answer: Answer) -> Result<Option<T>, Error> {
    if answer.status == StatusCode::NOT_FOUND && !answer.lagging {
        let error = spec.error(&answer);
        // Any other 404 is a wrong address, and nothing is known of the object.
        return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
    }
    json(spec, answer).map(Some)
}

/// A body that does not matter.
pub(crate) fn nothing(spec: &Spec, answer: Answer) -> Result<(), Error> {
    let repeated = answer.attempts > 1 && spec.method == Method::DELETE && answer.status == StatusCode::NOT_FOUND;
    if repeated {
        // The first attempt's answer was lost, or a replica was ahead: it is gone, as was asked.
        return Ok(());
    }
    spec.success(answer).map(|_| ())
}

/// A JSON body of what was created, or nothing where it was there.
pub(crate) fn upserted<T: DeserializeOwned>(spec: &Spec, answer: Answer) -> Result<Option<T>, Error> {
    if answer.status == StatusCode::NO_CONTENT || (answer.status.is_success() && answer.body.is_empty()) {
        return Ok(None);
    }
    json(spec, answer).map(Some)
}

impl Spec {
    fn success(&self, answer: Answer) -> Result<Answer, Error> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.error(&answer)) }
    }

    fn not_understood(&self, answer: &Answer, error: Unreadable) -> Error {
        Error::new(ErrorKind::Decode, "answer_not_understood", "the service's answer is not what it documents")
            .with_status(answer.status)
            .with_attempts(answer.attempts)
            .with_request_ids(answer.header("request-id").map(str::to_owned), None)
            .with_remedy("Check that the Graph endpoint is right and that no proxy answers in its place.")
            .with_maybe_done(self.repeat == Repeat::Unsafe)
            .with_source(error)
            .during(self.operation)
    }
}
