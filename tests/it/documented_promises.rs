//! Each line of the page “What happens when …” names a test that exists and runs.

use std::path::Path;

use syn::visit::{self, Visit};

const PAGE: &str = include_str!("../../src/what_happens_when.md");

/// The rows of the page's tables, without their heads.
fn rows() -> impl Iterator<Item = &'static str> {
    PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What happens"))
}

/// The tests that the last column of a row names.
fn named(row: &str) -> Vec<&str> {
    let last = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    last.split('`').skip(1).step_by(2).collect()
}

/// The names of the tests in a file that are not ignored.
#[derive(Default)]
struct Tests(Vec<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let has = |name: &str| {
            let last = |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|it| it.ident == name);
            item.attrs.iter().any(last)
        };
        if has("test") && !has("ignore") {
            self.0.push(item.sig.ident.to_string());
        }
        visit::visit_item_fn(self, item);
    }
}

#[test]
fn every_row_names_a_test_that_runs() {
    assert!(rows().count() > 20, "the tables were not found");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for row in rows() {
        assert!(!named(row).is_empty(), "no test is named: {row}");
        for name in named(row) {
            let (module, function) = name.rsplit_once("::").expect("a module and a function");
            let file = format!("{}.rs", module.replace("::", "/"));
            let files = [tests.join("it").join(&file), tests.join(&file)];
            let text = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
            let text = text.unwrap_or_else(|| panic!("{name}: none of {files:?} is there"));
            let mut tests = Tests::default();
            tests.visit_file(&syn::parse_file(&text).expect("the file is Rust"));
            assert!(tests.0.iter().any(|test| test == function), "there is no test {name}, or it is ignored");
        }
    }
}
