//! What needs the reference data beside the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use entra_apps::bytes::Bytes;
use entra_apps::http::Response;
use entra_apps::transport::Transport as _;
use entra_emulator::Snapshot;
use serde_json::Value;

use super::sample::{Asked, Shown};
use super::shape::{Difference, differences};
use super::table::{ALL, Row, rows};
use crate::openapi::document::Document;
use crate::openapi::exchange::Report;
use crate::openapi::shared::document;
use crate::support::traffic::Recorded;
use crate::support::{builder, token};

/// The permissions of the caller that replays the samples.
const ROLES: &[&str] = &[
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedAdminRelationship.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Organization.Read.All",
];

/// The samples' requests and responses by their names.
fn samples() -> BTreeMap<String, (String, String)> {
    let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/graph/doc-examples"));
    let read = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
    };
    let mut samples = BTreeMap::new();
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("the samples cannot be listed: {error}"));
    for entry in entries {
        let path = entry.expect("the directory can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(name) = name.strip_suffix("__request.http") {
            let response = directory.join(format!("{name}__response.http"));
            samples.insert(name.to_owned(), (read(&path), read(&response)));
        }
    }
    samples
}

/// Where a response is not as shown.
fn compare(shown: &Shown, response: &Response<Bytes>) -> Vec<Difference> {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    };
    let mut found = Vec::new();
    let status = response.status().as_u16();
    if status != shown.status {
        found.push(Difference {
            at: "status".to_owned(),
            how: format!("shown is {}, answered {status} with {text}", shown.status),
        });
        if status >= 400 {
            return found;
        }
    }
    for (name, value) in &shown.headers {
        let lower = name.to_lowercase();
        let answered = response.headers().get(&lower).and_then(|value| value.to_str().ok());
        let media_type = |value: &str| value.split(';').next().unwrap_or_default().to_owned();
        let how = match (lower.as_str(), answered) {
            ("content-length", _) => continue,
            (_, None) => "is not answered".to_owned(),
            ("content-type", Some(answered)) if media_type(answered) != media_type(value) => {
                format!("shown is {value}, answered {answered}")
            }
            _ => continue,
        };
        found.push(Difference { at: format!("header {lower}"), how });
    }
    let body = match (&shown.body, body) {
        // What is shown as text is compared as text.
        (Value::String(_), body) if !body.is_string() => body.to_string().into(),
        (_, body) => body,
    };
    found.extend(differences(&shown.body, &body));
    if shown.body.is_null() && !body.is_null() {
        found.push(Difference { at: String::new(), how: format!("nothing is shown, answered {body}") });
    }
    found
}

/// Replays one sample; what is not as it should be.
async fn replay(row: &Row, asked: &str, shown: &str, document: &Document) -> Vec<String> {
    let asked = match Asked::parse(asked, &row.put) {
        Ok(asked) => asked,
        Err(error) => return vec![error],
    };
    let shown = match Shown::parse(shown) {
        Ok(shown) => shown,
        Err(error) => return vec![error],
    };
    let builder = match row.personal {
        true => builder().default_audience("AzureADandPersonalMicrosoftAccount"),
        false => builder(),
    };
    let builder = if row.partner { builder.partner() } else { builder };
    let tenant = match row.seed {
        Some(seed) => match Snapshot::from_json(&seed(&shown.body).to_string()) {
            Ok(snapshot) => builder.snapshot(snapshot).build(),
            Err(error) => return vec![format!("the seed: {error}")],
        },
        None => builder.build(),
    };
    for (method, path, body) in &row.before {
        let (status, response) = tenant.send_json(method, path, Some(&body.to_string()));
        if !status.is_success() {
            return vec![format!("{method} {path}: {status} {response}")];
        }
    }
    let request = asked.request(&token(&tenant, ROLES).await);
    let response = tenant.send(request.clone()).await.expect("no fault is scripted");
    let found = compare(&shown, &response);
    let about = |what: &str, at: &str| match what {
        ALL => true,
        // What is written with a star is meant with all below it.
        what => what.strip_suffix('*').map_or(what == at, |above| at.starts_with(above)),
    };
    let mut wrong: Vec<String> = found
        .iter()
        .filter(|difference| !row.except.iter().any(|(what, _)| about(what, &difference.at)))
        .map(|Difference { at, how }| format!("{at}: {how}"))
        .collect();
    let mut report = Report::default();
    report.look(document, &Recorded::of(&request, &response));
    wrong.extend(report.findings.iter().map(ToString::to_string));
    for (what, _) in &row.except {
        let needed = match *what {
            ALL => found.iter().any(|difference| difference.at == "status"),
            what => found.iter().any(|difference| about(what, &difference.at)),
        };
        if !needed {
            wrong.push(format!("{what} is an exception, and is as shown"));
        }
    }
    wrong
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the reference data"]
async fn every_sample_of_the_documentation_gets_the_documented_response() {
    let samples = samples();
    let document = document();
    let rows = rows();
    let mut wrong = Vec::new();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(listed.len(), rows.len(), "a sample is listed twice");
    for name in samples.keys().filter(|name| !listed.contains(name.as_str())) {
        wrong.push(format!("{name} is not listed"));
    }
    for row in &rows {
        match samples.get(row.name) {
            None => wrong.push(format!("{} is listed and not there", row.name)),
            Some((asked, shown)) => {
                let found = replay(row, asked, shown, &document).await;
                wrong.extend(found.into_iter().map(|what| format!("{}: {what}", row.name)));
            }
        }
    }
    let whole = rows.iter().filter(|row| row.except.is_empty()).count();
    let not = rows.iter().filter(|row| row.except.iter().any(|(what, _)| *what == ALL)).count();
    println!("{} samples: {whole} as shown, {not} not replayed, the others with exceptions", rows.len());
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
