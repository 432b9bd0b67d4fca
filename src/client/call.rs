//! A call: one operation of Graph as a value, awaited by itself or added to a batch.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use crate::client::Client;
use crate::client::request::Request;
use crate::error::Error;
use crate::retry::{Deadline, Repeat, Response};

/// One operation of Graph, not sent yet: `.await` sends it, [`Batch::add`](crate::Batch::add) sends it with others.
///
/// ```
/// # use entra_emulator::MemoryTenant;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let client = MemoryTenant::new().client();
/// let call = client.organization().get();
/// assert_eq!(call.operation(), Some("GET /organization"));
/// println!("{:?}", call.await?.display_name);
/// # Ok::<(), entra_apps::Error>(()) }).unwrap();
/// ```
///
/// # Panics
/// As [`Client`] says of the runtime.
#[must_use = "a call does nothing until it is awaited or added to a batch"]
pub struct Call<T> {
    pub(super) client: Client,
    pub(super) request: Result<Request, Error>,
    pub(super) decode: Decode<T>,
}

/// Turns the response to a request into what the call returns.
pub(crate) type Decode<T> = fn(&Request, &Response) -> Result<T, Error>;

/// What a call returns, given the response to its request.
pub(super) fn decoded<T>(decode: Decode<T>, request: &Request, response: &Response) -> Result<T, Error> {
    decode(request, response).map_err(|error| error.with_outdated(response.outdated))
}

impl<T> Call<T> {
    pub(crate) fn new(client: &Client, request: Result<Request, Error>, decode: Decode<T>) -> Self {
        Self { client: client.clone(), request, decode }
    }

    /// Lets it be sent again, where that does no harm because the directory holds the thing once.
    pub(crate) fn repeatable(mut self) -> Self {
        self.request = self.request.map(|request| request.repeat(Repeat::Safe));
        self
    }

    /// Lets it be sent only until a moment: later, it would undo what others have written since its body was read.
    pub(crate) fn fresh_until(mut self, deadline: Deadline) -> Self {
        self.request = self.request.map(|request| request.fresh_until(deadline));
        self
    }

    /// The operation in Graph's terms, such as `POST /servicePrincipals`; `None` where the call is invalid.
    pub fn operation(&self) -> Option<&str> {
        self.request.as_ref().ok().map(|request| &*request.operation)
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
            let request = self.request?;
            self.client.execute(&request, self.decode).await
        })
    }
}
