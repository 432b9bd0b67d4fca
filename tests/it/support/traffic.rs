//! Exchanges between the tests and their tenants: written one JSON line each, and read again.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{env, process, thread};

use entra_apps::bytes::Bytes;
use entra_apps::http::{HeaderMap, Request, Response};
use entra_emulator::MemoryTenantBuilder;
use serde::{Deserialize, Serialize};

/// Names the directory that exchanges are written to; unset, nothing is written.
pub(crate) const DIRECTORY: &str = "ENTRA_APPS_TRAFFIC";

/// A request and its answer. Of the headers it has what the description speaks of, and so no token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The test that asked.
    pub(crate) test: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) answer_content_type: Option<String>,
    pub(crate) answer_body: String,
}

impl Recorded {
    pub(crate) fn of(request: &Request<Bytes>, response: &Response<Bytes>) -> Self {
        Self {
            test: thread::current().name().unwrap_or_default().to_owned(),
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            content_type: content_type(request.headers()),
            body: String::from_utf8_lossy(request.body()).into_owned(),
            status: response.status().as_u16(),
            answer_content_type: content_type(response.headers()),
            answer_body: String::from_utf8_lossy(response.body()).into_owned(),
        }
    }
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get("content-type").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The file that exchanges are written to, if [`DIRECTORY`] says where.
fn file() -> Option<&'static Mutex<File>> {
    static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let path = PathBuf::from(env::var_os(DIRECTORY)?).join(format!("{}.jsonl", process::id()));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Some(Mutex::new(file.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()))))
    });
    file.as_ref()
}

/// Lets the tenant write its exchanges, if [`DIRECTORY`] says where.
pub(crate) fn record(builder: MemoryTenantBuilder) -> MemoryTenantBuilder {
    match file() {
        None => builder,
        Some(_) => builder.on_exchange(write),
    }
}

/// Writes one exchange, if [`DIRECTORY`] says where: for a tenant whose exchanges are looked at by another as well.
pub(crate) fn write(request: &Request<Bytes>, response: &Response<Bytes>) {
    let Some(file) = file() else { return };
    let line = serde_json::to_string(&Recorded::of(request, response)).expect("strings and numbers are JSON");
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(format!("{line}\n").as_bytes()).expect("the file could be opened, and can be written");
}
