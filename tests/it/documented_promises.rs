//! The page “What happens when …” names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../src/what_happens_when.md");

/// The tests that the last column of a table names.
fn named() -> BTreeSet<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What happens"));
    let columns = rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next());
    columns.flat_map(|column| column.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_line_names_a_test_that_is_there() {
    let lines = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| What happens"));
    for line in lines {
        let last = line.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
        assert!(last.contains('`'), "no test is named: {line}");
    }
    let named = named();
    assert!(named.len() > 20, "{}", named.len());
    for name in named {
        let (module, function) = name.rsplit_once("::").expect("a module and a function");
        let file = format!("{}.rs", module.replace("::", "/"));
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let files = [tests.join("it").join(&file), tests.join(&file)];
        let text = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
        let text = text.unwrap_or_else(|| panic!("{name}: none of {files:?} is there"));
        let (before, _) = text.split_once(&format!("fn {function}(")).unwrap_or_else(|| panic!("there is no {name}"));
        let attributes: Vec<&str> = before.lines().rev().take(3).collect();
        assert!(attributes.iter().any(|line| line.contains("test")), "{name} is no test");
        assert!(!attributes.iter().any(|line| line.contains("#[ignore")), "{name} is ignored");
    }
}
