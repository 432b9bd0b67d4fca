//! What needs the reference data beside the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, process};

use super::document::Document;
use super::exchange::Report;
use super::gaps::{GAPS, REFUSED, UNDECLARED, UNKNOWN, covers};
use super::schema::Undeclared;
use super::tour::{Stop, tour};
use crate::support::traffic;

pub(crate) fn document() -> Document {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/graph/openapi-subset.yaml"));
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    Document::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs every integration test of both packages in processes of their own, which write what goes over the transport.
fn run_the_tests(directory: &Path) {
    fs::create_dir_all(directory).expect("the place for temporary files can be written");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--test", "it"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env(traffic::DIRECTORY, directory)
        .output()
        .expect("what runs can be run again");
    assert!(output.status.success(), "the tests failed:\n{}", String::from_utf8_lossy(&output.stdout));
}

/// All that was written into a directory.
fn recorded(directory: &Path) -> Vec<traffic::Recorded> {
    let mut exchanges = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory was made by the caller") {
        let text = fs::read_to_string(entry.expect("the directory can be listed").path()).expect("it is a text file");
        exchanges.extend(
            text.lines().map(|line| serde_json::from_str::<traffic::Recorded>(line).expect("it is such a line")),
        );
    }
    exchanges
}

/// Members that no schema declares and no table lists.
fn unlisted(report: &Report) -> impl Iterator<Item = String> {
    let listed =
        |seen: &Undeclared| UNDECLARED.iter().any(|(of, member, _)| seen.of == *of && covers(member, &seen.member));
    let unlisted = report.undeclared.iter().filter(move |seen| !listed(seen));
    unlisted.map(|seen| format!("{} of the open type {} is not listed", seen.member, seen.of))
}

#[test]
#[ignore = "needs the reference data"]
fn every_exchange_of_the_tests_is_what_the_description_says() {
    let document = document();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("traffic-{}", process::id()));
    run_the_tests(&directory);
    let mut report = Report::default();
    for exchange in recorded(&directory) {
        report.look(&document, &exchange);
    }
    fs::remove_dir_all(&directory).expect("the directory is there");

    println!(
        "{} requests to Graph with their answers, {} of them batches; {} of {} operations; {} requests elsewhere; {} \
         requests were wrong on purpose and refused",
        report.requests,
        report.batches,
        report.operations.len(),
        document.operations().count(),
        report.elsewhere,
        report.refused.len()
    );
    assert!(report.requests > 1000, "hardly anything was recorded");

    let mut wrong = Vec::new();
    let findings = || report.findings.iter().chain(&report.accepted);
    for finding in findings() {
        if !GAPS.iter().any(|(name, _)| covers(name, &finding.gap)) {
            wrong.push(finding.to_string());
        }
    }
    wrong.extend(unlisted(&report));
    for (name, _) in GAPS {
        if !findings().any(|finding| covers(name, &finding.gap)) {
            wrong.push(format!("the gap `{name}` is listed and not there"));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
#[ignore = "needs the reference data"]
async fn every_operation_responds_as_described_or_with_501() {
    let document = document();
    let mut report = Report::default();
    let stops = tour(&document, &mut report).await;
    let mut wrong: Vec<String> = report.findings.iter().chain(&report.accepted).map(ToString::to_string).collect();
    wrong.extend(unlisted(&report));
    for (of, member, _) in UNDECLARED {
        if !report.undeclared.iter().any(|seen| seen.of == *of && covers(member, &seen.member)) {
            wrong.push(format!("{member} of the open type {of} is listed and not there"));
        }
    }
    let listed = |table: &[(&str, &str)], stop: &Stop| table.iter().any(|(name, _)| covers(name, &stop.operation));
    for stop in &stops {
        let Stop { operation, status, response } = stop;
        match (status, listed(UNKNOWN, stop), listed(REFUSED, stop)) {
            (501, true, _) | (400..=499, _, true) | (200..=299, false, false) => {}
            (501, false, _) => wrong.push(format!("{operation} is not listed as unknown: {response}")),
            (_, true, _) => {
                wrong.push(format!("{operation} is listed as unknown, and is answered {status} {response}"));
            }
            (_, _, true) => {
                wrong.push(format!("{operation} is listed as refused, and is answered {status} {response}"));
            }
            _ => wrong.push(format!("{operation} is refused: {status} {response}")),
        }
    }
    for (name, _) in UNKNOWN.iter().chain(REFUSED) {
        if !stops.iter().any(|stop| covers(name, &stop.operation)) {
            wrong.push(format!("{name} is listed, and is no operation"));
        }
    }
    let of = |least: u16, most: u16| stops.iter().filter(|stop| (least..=most).contains(&stop.status)).count();
    println!(
        "{} requests for {} operations: {} answered, {} refused, {} not known",
        stops.len(),
        document.operations().count(),
        of(200, 299),
        of(400, 499),
        of(501, 501)
    );
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}
