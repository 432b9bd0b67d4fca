//! Any operation of Graph: a request whose path and body the caller gives.

use bytes::Bytes;
use http::header::{self, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::List;
use crate::client::decode;
use crate::client::recent_writes::ObjectKind;
use crate::client::request::{Request, Version};
use crate::client::{Call, Client};
use crate::cloud::is_invalid_path_segment;
use crate::error::{Error, ErrorCode};
use crate::retry::Repeat;

/// The path of a request to Graph, behind the version.
///
/// As segments, each is one part of the path, whatever it holds: a slash, a percent sign and a question mark in it are
/// encoded. As text, it is divided at its slashes, and what could mean two things is refused: an address with a host, a
/// query, a fragment, a percent sign, a backslash, a leading version. Empty segments, `.` and `..` are refused in both.
///
/// ```
/// use entra_apps::api::RequestPath;
///
/// let text = RequestPath::from("/applications/11111111-2222-3333-4444-555555555555/owners");
/// let segments = RequestPath::from(["applications", "11111111-2222-3333-4444-555555555555", "owners"]);
/// assert_eq!(text, segments);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath(Result<Vec<String>, &'static str>);

impl RequestPath {
    fn checked(segments: Vec<String>) -> Self {
        Self(match segments.iter().any(|segment| is_invalid_path_segment(segment)) {
            true => Err("a segment of the path is empty, a dot, or holds a control character"),
            false => Ok(segments),
        })
    }
}

impl From<&str> for RequestPath {
    fn from(text: &str) -> Self {
        if text.contains("://") || text.starts_with("//") {
            return Self(Err("the path is an address with a host"));
        }
        if text.contains(['?', '#', '%', '\\']) {
            return Self(Err("the path holds a character that means two things: ?, #, % or \\"));
        }
        let path = text.strip_prefix('/').unwrap_or(text);
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        if matches!(segments[0].as_str(), "v1.0" | "beta") {
            return Self(Err("the path begins with a version"));
        }
        Self::checked(segments)
    }
}

impl From<String> for RequestPath {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for RequestPath {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for RequestPath {
    fn from(segments: [S; N]) -> Self {
        Self::checked(segments.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<String>> From<Vec<S>> for RequestPath {
    fn from(segments: Vec<S>) -> Self {
        Self::checked(segments.into_iter().map(Into::into).collect())
    }
}

/// A request to any operation of Graph. It becomes a [`Call`] of the type that it returns, awaited or added to a
/// [`Batch`](crate::Batch), or a [`List`].
///
/// It has what the typed operations have: the client's token, retries and throttling, errors with a remedy, and waits
/// for replicas where its path names an object that this client wrote a moment ago.
///
/// A `GET`, `PUT`, `PATCH` or `DELETE` is sent again where its response was lost: the first changes nothing, and the
/// others set what they set, so that twice is once. (A `PATCH` of Graph that adds to a collection is refused the second
/// time, and not done twice.) Any other method is sent again only where it cannot have been carried out, unless it is
/// said to be [`repeatable`](Self::repeatable).
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use entra_apps::http::Method;
/// use serde_json::Value;
///
/// let client = MemoryTenant::new().client();
/// let tenant: Value =
///     client.request(Method::GET, "organization").query("$select", "id,displayName").returning().await?;
/// println!("{}", tenant["value"][0]["displayName"]);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing until its call is awaited or added to a batch"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Request, Error>,
}

impl RequestBuilder {
    pub(super) fn new(client: &Client, method: Method, RequestPath(path): RequestPath) -> Self {
        let request = path
            .map_err(|reason| Error::new(ErrorCode::InvalidPath).with_message(reason))
            .map(|segments| request(method, segments));
        Self { client: client.clone(), request }
    }

    fn with(mut self, change: impl FnOnce(Request) -> Result<Request, Error>) -> Self {
        self.request = self.request.and_then(change);
        self
    }

    /// Adds a query parameter, such as `$select`. The value is encoded.
    pub fn query(self, name: &str, value: impl ToString) -> Self {
        let pair = (name.to_owned(), value.to_string());
        self.with(|request| Ok(request.query(vec![pair], false)))
    }

    /// Adds a header that the operation's page asks for, such as `If-Match`; `ConsistencyLevel` makes an advanced query.
    /// Credentials, host, length and the type of the body are the client's own, and refused.
    pub fn header(self, name: &str, value: &str) -> Self {
        let header = header(name, value);
        self.with(|mut request| {
            let (name, value) = header.map_err(|error| error.during(request.operation.clone()))?;
            if name == "consistencylevel" {
                request.advanced = true;
            } else {
                request.headers.insert(name, value);
            }
            Ok(request)
        })
    }

    /// Sets the body, written as JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        self.with(|request| request.body(body))
    }

    /// Sets the body to a reference to another object, by the path of that object: what adds an owner or a member.
    pub fn reference(self, path: impl Into<RequestPath>) -> Self {
        let RequestPath(path) = path.into();
        let cloud = self.client.cloud().clone();
        self.with(|mut own| {
            let segments = path.map_err(|reason| {
                Error::new(ErrorCode::InvalidPath).with_message(reason).during(own.operation.clone())
            })?;
            let other = request(Method::GET, segments).version(own.version);
            own.objects.extend(other.objects.iter().cloned());
            let url = other.url(&cloud)?;
            own.body(&serde_json::json!({ "@odata.id": url.as_str() }))
        })
    }

    /// Sets a body that is not JSON, such as the `image/png` of a logo. Such a request cannot be part of a batch.
    pub fn bytes(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        let (content_type, body) = (HeaderValue::from_str(content_type), body.into());
        self.with(|mut request| {
            let content_type =
                content_type.map_err(|_| Error::new(ErrorCode::InvalidHeader).during(request.operation.clone()))?;
            request.headers.insert(CONTENT_TYPE, content_type);
            request.body = Some(body);
            Ok(request)
        })
    }

    /// Asks the beta version of Graph instead of v1.0. Microsoft does not support it in production.
    pub fn beta(self) -> Self {
        self.with(|request| Ok(request.version(Version::Beta)))
    }

    /// Lets it be sent again where its response was lost, although it is of a method that may do something twice.
    pub fn repeatable(self) -> Self {
        self.with(|request| Ok(request.repeat(Repeat::Safe)))
    }

    /// Makes a call that returns the response's JSON as a `T`, such as
    /// [`serde_json::Value`](https://docs.rs/serde_json/latest/serde_json/enum.Value.html). A response without a body
    /// counts as null.
    ///
    /// # Errors
    /// The call gives the service's refusal, or an error of kind [`Decode`](crate::ErrorKind::Decode) where the
    /// response is of another form.
    pub fn returning<T: DeserializeOwned>(self) -> Call<T> {
        Call::new(&self.client, self.request, decode::json_or_null)
    }

    /// Makes a call that returns the response's JSON as a `T`, or `None` where there is no such object.
    pub fn returning_if_found<T: DeserializeOwned>(self) -> Call<Option<T>> {
        Call::new(&self.client, self.request, decode::json_if_found)
    }

    /// Makes a call that returns nothing: a body that the response has is not read.
    pub fn returning_nothing(self) -> Call<()> {
        Call::new(&self.client, self.request, decode::empty)
    }

    /// Makes a list of what the operation returns, page by page.
    pub fn list<T: DeserializeOwned + Send + 'static>(self) -> List<T> {
        List::of(&self.client, self.request)
    }
}

/// Headers that the client sets itself, or that belong to the connection.
const OWN_HEADERS: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::UPGRADE,
];

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let name = HeaderName::try_from(name).ok().filter(|name| !OWN_HEADERS.contains(name));
    name.zip(HeaderValue::from_str(value).ok()).ok_or_else(|| Error::new(ErrorCode::InvalidHeader))
}

/// A request to this path, about the objects that it names.
fn request(method: Method, segments: Vec<String>) -> Request {
    let objects = objects(&segments);
    let creates = (method == Method::POST).then(|| {
        let last = segments.last().and_then(|segment| split(segment).0);
        last.and_then(kind_of).unwrap_or(ObjectKind::Other)
    });
    let operation = segments.iter().fold(String::new(), |path, segment| path + "/" + &shown(segment));
    let repeat = match method {
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::PATCH | Method::DELETE => Repeat::Safe,
        _ => Repeat::Unsafe,
    };
    let request = Request::new(format!("{method} {operation}"), "", method, segments).repeat(repeat);
    let request = objects.into_iter().fold(request, |request, (kind, id)| request.object(kind, id));
    match creates {
        Some(kind) => request.creates(kind),
        None => request,
    }
}

/// The objects that a path names, from the outermost on. A name behind the collection may be a key as well.
fn objects(segments: &[String]) -> Vec<(ObjectKind, String)> {
    let mut objects = Vec::new();
    let mut kind = ObjectKind::Other;
    for (place, segment) in segments.iter().enumerate() {
        let (collection, key) = split(segment);
        if let Some(name) = collection {
            kind = kind_of(name).unwrap_or(ObjectKind::Other);
        }
        match key {
            Some(key) => objects.push((kind, key.to_owned())),
            None if place > 0 && kind == ObjectKind::Other && !segment.starts_with('$') => {
                objects.push((kind, segment.clone()));
            }
            None => {}
        }
    }
    objects
}

/// The name of the collection and the key in a segment: `users`, `users(key='value')`, or a key by itself.
fn split(segment: &str) -> (Option<&str>, Option<&str>) {
    if let Some((name, key)) = segment.strip_suffix("')").and_then(|segment| segment.split_once('(')) {
        return (Some(name), key.split_once("='").map(|(_, key)| key));
    }
    if is_name(segment) { (Some(segment), None) } else { (None, Some(segment)) }
}

/// Whether a segment is the name of a collection, a property or an action, and no key.
fn is_name(segment: &str) -> bool {
    let name = segment.strip_prefix('$').unwrap_or(segment);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        // A GUID may be written without hyphens.
        && uuid::Uuid::parse_str(name).is_err()
}

fn kind_of(collection: &str) -> Option<ObjectKind> {
    Some(match collection {
        "applications" => ObjectKind::Application,
        "servicePrincipals" => ObjectKind::ServicePrincipal,
        "appRoleAssignments" | "appRoleAssignedTo" => ObjectKind::AppRoleAssignment,
        "oauth2PermissionGrants" => ObjectKind::OAuth2PermissionGrant,
        "deletedItems" => ObjectKind::DeletedItem,
        _ => return None,
    })
}

/// A segment as the operation's name shows it: with `{id}` in place of a key.
fn shown(segment: &str) -> String {
    match split(segment) {
        (Some(name), None) => name.to_owned(),
        (Some(name), Some(_)) => format!("{name}({{id}})"),
        (None, _) => "{id}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;

    fn url(path: impl Into<RequestPath>) -> Result<String, &'static str> {
        path.into().0.map(|segments| request(Method::GET, segments).url(&Cloud::global()).unwrap().to_string())
    }

    #[test]
    fn a_path_is_one_of_graph_or_refused() {
        for path in ["applications/1/owners", "/applications/1/owners"] {
            assert_eq!(url(path).unwrap(), "https://graph.microsoft.com/v1.0/applications/1/owners");
        }
        for path in [
            "https://evil.example/v1.0/me",
            "//evil.example/me",
            "",
            "/",
            "applications//owners",
            "applications/../users",
            "./me",
            "applications/",
            "me?$select=id",
            "me#x",
            "users/a%2Fb",
            "users\\me",
            "v1.0/me",
            "beta/me",
            "users/a\nb",
        ] {
            assert!(url(path).is_err(), "{path}");
        }
        for segments in [["users", ""], ["users", ".."], ["users", "a\nb"]] {
            assert!(url(segments).is_err(), "{segments:?}");
        }
    }

    #[test]
    fn a_segment_is_encoded_as_it_needs() {
        for (segment, encoded) in [
            ("a/b", "a%2Fb"),
            ("50%", "50%25"),
            ("what?", "what%3F"),
            ("a#b", "a%23b"),
            ("a b", "a%20b"),
            ("é", "%C3%A9"),
            ("https://evil.example", "https:%2F%2Fevil.example"),
            ("$ref", "$ref"),
        ] {
            assert_eq!(url(["users", segment]).unwrap(), format!("https://graph.microsoft.com/v1.0/users/{encoded}"));
        }
    }

    #[test]
    fn an_operation_shows_no_key() {
        let operation = |path: &str| {
            let RequestPath(segments) = path.into();
            request(Method::GET, segments.unwrap()).operation.into_owned()
        };
        for (path, shown) in [
            ("applications/11111111-2222-3333-4444-555555555555/owners/$ref", "/applications/{id}/owners/$ref"),
            (
                "applications(appId='x')/federatedIdentityCredentials",
                "/applications({id})/federatedIdentityCredentials",
            ),
            ("users/ada@contoso.com/messages", "/users/{id}/messages"),
            ("groups/11111111222233334444555555555555", "/groups/{id}"),
            ("directory/deletedItems/microsoft.graph.group", "/directory/deletedItems/microsoft.graph.group"),
        ] {
            assert_eq!(operation(path), format!("GET {shown}"));
        }
    }

    #[test]
    fn a_request_is_about_the_objects_that_its_path_names() {
        let id = "11111111-2222-3333-4444-555555555555";
        let objects = |path: String| {
            let RequestPath(segments) = path.into();
            objects(&segments.unwrap())
        };
        let app = |id: &str| (ObjectKind::Application, id.to_owned());
        assert_eq!(objects(format!("applications/{id}")), [app(id)]);
        assert_eq!(objects("applications(uniqueName='a-b')".to_owned()), [app("a-b")]);
        for key in [id, "main", "a-b"] {
            let found = objects(format!("applications/{id}/federatedIdentityCredentials/{key}"));
            assert_eq!((found.first(), found.last()), (Some(&app(id)), Some(&(ObjectKind::Other, key.to_owned()))));
        }
        let found = objects(format!("applications/{id}/owners/{id}/$ref"));
        assert_eq!(found.last(), Some(&(ObjectKind::Other, id.to_owned())));
    }

    #[test]
    fn headers_of_the_client_itself_are_refused() {
        for (name, value) in [("Authorization", "x"), ("host", "x"), ("a b", "x"), ("if-match", "a\nb")] {
            assert_eq!(header(name, value).unwrap_err().code(), ErrorCode::InvalidHeader, "{name}");
        }
        assert!(header("If-Match", "W/\"1\"").is_ok());
    }

    #[test]
    fn only_a_method_that_may_do_something_twice_is_not_repeated() {
        let repeat = |method: Method| request(method, vec!["me".to_owned()]).repeat;
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(repeat(method), Repeat::Safe);
        }
        assert_eq!(repeat(Method::POST), Repeat::Unsafe);
    }
}
