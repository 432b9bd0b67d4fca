//! What faults do to an exchange: before the service, in its place, and on the way back.

use std::borrow::Cow;

use bytes::Bytes;
use entra_apps::clock::Clock;
use entra_apps::transport::TransportError;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use serde_json::Value;

use super::batch::Batch;
use super::fault::Action;
use super::list;
use super::refused::{Context, Refused, intercepted, page};
use super::schedule::Plan;
use crate::graph::response::{Correlation, GraphResponse, render};
use crate::service::Target;
use crate::sign_in::{self, SignInError, SignInRequest};

/// The application permissions that the caller loses, which only a directory can take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations<'a> {
    /// Before the request.
    pub(crate) whole: Option<&'a str>,
    /// Before each item of a batch; shorter where nothing follows.
    pub(crate) items: Vec<Option<&'a str>>,
}

/// The service behind the faults.
pub(crate) trait Service: Sync {
    /// Sends a request on.
    fn forward(
        &self,
        request: Cow<'_, Request<Bytes>>,
        revocations: Revocations<'_>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;

    /// Refuses a sign-in, in the form of the endpoint.
    fn sign_in_error_response(&self, request: &SignInRequest<'_>, error: &SignInError) -> Response<Bytes> {
        sign_in::unchecked_error_response(request, error)
    }
}

impl Plan {
    /// What keeps the request from the service.
    ///
    /// # Errors
    /// When there is no response.
    pub(crate) async fn before(&self) -> Result<(), TransportError> {
        match self.whole {
            Some(Action::Unreachable) => Err(TransportError::not_sent("the service cannot be reached")),
            Some(Action::Reset) => Err(TransportError::maybe_sent("the connection was reset")),
            Some(Action::Hangs) => std::future::pending().await,
            _ => Ok(()),
        }
    }

    /// What happens to the response on its way.
    ///
    /// # Errors
    /// When it does not arrive.
    pub(crate) async fn after(&self, response: &mut Response<Bytes>, clock: &dyn Clock) -> Result<(), TransportError> {
        if self.whole.as_ref().is_some_and(Action::changes_length) {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        let body = response.body_mut();
        match &self.whole {
            Some(Action::ResponseLost) => return Err(TransportError::maybe_sent("the response was lost")),
            Some(Action::Slow { by }) => clock.sleep(*by).await,
            Some(Action::Truncated) => body.truncate(body.len() / 2),
            Some(Action::Oversized { bytes }) if body.len() < *bytes => {
                let mut padded = Vec::with_capacity(*bytes);
                padded.extend_from_slice(body);
                padded.resize(*bytes, b' ');
                *body = padded.into();
            }
            Some(Action::Body { text }) => *body = Bytes::from(text.clone()),
            _ => {}
        }
        Ok(())
    }
}

/// One request under its faults.
pub(crate) struct Exchange<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) target: &'a Target,
    /// The scheme and host that absolute links start with.
    pub(crate) origin: &'a str,
    pub(crate) correlation: Correlation,
}

/// A response, with the statuses of the items of a batch that meets faults.
pub(crate) type Responded = (Response<Bytes>, Option<Vec<Option<StatusCode>>>);

impl Exchange<'_> {
    /// What the service responds, or whoever responds in its place.
    ///
    /// # Errors
    /// When the service cannot be asked.
    pub(crate) async fn respond(&self, service: &impl Service) -> Result<Responded, TransportError> {
        let Some(action) = &self.plan.whole else { return self.forward(service).await };
        if let Action::Malformed { status } = action {
            return Ok((page(*status, self.correlation.wall), None));
        }
        if let Action::Intercepted { status, content_type, text } = action {
            return Ok((intercepted(*status, content_type, text, self.correlation.wall), None));
        }
        if let Some(refused) = Refused::of(action, self.correlation.wall) {
            let statuses = if refused.acts { self.forward(service).await?.1 } else { None };
            let Self { request, target, origin, ref correlation, .. } = *self;
            let context = Context { request, target, origin, correlation };
            return match refused.response(&context, service) {
                Some(response) => Ok((response, statuses)),
                None => self.forward(service).await,
            };
        }
        let (mut response, statuses) = self.forward(service).await?;
        if list::is_about_lists(action)
            && let Ok(mut body) = serde_json::from_slice::<Value>(response.body())
        {
            list::change(action, &mut body, &self.url());
            *response.body_mut() = body.to_string().into();
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        Ok((response, statuses))
    }

    /// Sends on what of the request may be sent.
    async fn forward(&self, service: &impl Service) -> Result<Responded, TransportError> {
        let whole = revoked(self.plan.whole.as_ref());
        let root = format!("{}/v1.0", self.origin);
        let Some(batch) = Batch::of(self.request.body(), &self.plan.items, &self.correlation, root) else {
            let items = self.plan.items.iter().map(|action| revoked(action.as_ref())).collect();
            let revocations = Revocations { whole, items };
            return Ok((service.forward(Cow::Borrowed(self.request), revocations).await?, None));
        };
        let (mut response, was_sent) = match batch.body() {
            Some(body) => {
                let items = batch.sent().map(|place| revoked(self.plan.items[place].as_ref())).collect();
                let mut request = self.request.clone();
                request.headers_mut().remove(CONTENT_LENGTH);
                *request.body_mut() = body.into();
                (service.forward(Cow::Owned(request), Revocations { whole, items }).await?, true)
            }
            None => {
                let nothing = GraphResponse::ok(Value::Null);
                let mut response = render(Ok(nothing), &self.correlation).into_response(&self.correlation);
                super::refused::date(&mut response, self.correlation.wall);
                (response, false)
            }
        };
        let sent = was_sent.then(|| response.body().clone());
        let Some((body, statuses)) = batch.combine(sent.as_deref()) else { return Ok((response, None)) };
        *response.body_mut() = body.into();
        response.headers_mut().remove(CONTENT_LENGTH);
        Ok((response, Some(statuses)))
    }

    /// The absolute URL that was asked for.
    fn url(&self) -> String {
        let path = self.request.uri().path_and_query().map_or("/", |path| path.as_str());
        format!("{}{path}", self.origin)
    }
}

/// The permission that an action takes away.
fn revoked(action: Option<&Action>) -> Option<&str> {
    match action {
        Some(Action::Revokes { role }) => Some(role),
        _ => None,
    }
}
