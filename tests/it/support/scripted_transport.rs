//! A transport that gives the responses of a list, in order, and keeps the requests.

use std::collections::VecDeque;
use std::sync::Mutex;

use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::transport::{Transport, TransportError};

#[derive(Debug, Default)]
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Response<Bytes>>>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Response<Bytes>>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() }
    }

    /// The addresses and bodies of the requests, in order.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
        self.asked.lock().unwrap().iter().map(|request| (request.uri().to_string(), text(request.body()))).collect()
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.asked.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.ok_or_else(|| TransportError::not_sent("nothing more is scripted"))
    }
}

pub(crate) fn json(status: u16, body: &str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
}
