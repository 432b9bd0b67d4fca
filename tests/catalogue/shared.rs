//! What needs the reference data beside the repository.

use std::path::{Path, PathBuf};
use std::{env, fs};

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
