//! What needs the reference data beside the repository.

use std::path::{Path, PathBuf};
use std::{env, fs};

use entra_apps::permission::{Permission, PermissionKind};

use crate::generate::{Source, files};
use crate::reasons::REASONS;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

#[test]
#[ignore = "needs the reference data"]
fn the_catalogue_is_what_the_reference_data_says_byte_for_byte() {
    let crate_root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let graph = crate_root.join("../shared/graph");
    let source = Source {
        permissions: &read(&graph.join("permissions.tsv")),
        high_privilege: &read(&graph.join("high-privilege.tsv")),
        well_known_apis: &read(&graph.join("well-known-apis.tsv")),
        reasons: &REASONS,
    };
    let bless = env::var_os("ENTRA_APPS_BLESS").is_some_and(|value| value == "1");
    for (name, text) in files(&source).unwrap_or_else(|error| panic!("the reference data: {error}")) {
        let path = crate_root.join("src/permission/catalogue").join(name);
        if bless {
            fs::write(&path, &text).unwrap_or_else(|error| panic!("{name} cannot be written: {error}"));
        }
        assert!(
            read(&path) == text,
            "src/permission/catalogue/{name} is not what the reference data makes; ENTRA_APPS_BLESS=1 rewrites it"
        );
    }
}

#[test]
#[ignore = "needs the reference data"]
fn the_permissions_of_high_privilege_are_those_of_the_reference_data_in_words_of_our_own() {
    let graph = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/graph");
    let names = read(&graph.join("high-privilege.tsv"));
    for line in names.lines().skip(1) {
        let (name, why) = line.split_once('\t').expect("two columns");
        let known = [Permission::application(name), Permission::delegated(name)];
        let found: Vec<_> = known.into_iter().flatten().collect();
        assert!(!found.is_empty(), "{name} is no permission");
        for permission in found {
            assert!(permission.high_privilege().is_some_and(|reason| reason != why), "{permission}");
        }
    }
    let others = read(&graph.join("high-privilege-other-apis.tsv"));
    assert!(others.lines().count() > 1, "the table is empty");
    for line in others.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, api, name, kind, id, why] = columns[..] else { panic!("six columns are expected: {line}") };
        let (api, id) = (api.parse().expect("an app id"), id.parse().expect("a permission's id"));
        let kind = match kind {
            "Application" => PermissionKind::Application,
            "Delegated" => PermissionKind::Delegated,
            _ => panic!("{kind} is not understood: {line}"),
        };
        let by_name = Permission::by_name(api, name, kind).expect("the name of a permission");
        for permission in [by_name, Permission::by_id(api, id, kind)] {
            assert!(permission.high_privilege().is_some_and(|reason| reason != why), "{permission}");
        }
    }
}
