//! Every public type of the modules below, and every trait in them, has an example in its docs that runs, and so has
//! each module's own page. Types that a macro declares have theirs in the macro.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, Ident, Item, Lit, Meta, Visibility};

/// The modules at the top of the crate that are looked at, with whether the module has a page of its own.
const MODULES: &[(&str, bool)] = &[
    ("api", true),
    ("auth", true),
    ("client", false),
    ("clock", true),
    ("cloud", true),
    ("consent", true),
    ("error", false),
    ("ids", true),
    ("model", true),
    ("permission", true),
    ("provision", true),
    ("random", true),
    ("retry", false),
    ("token", true),
    ("transport", true),
];

/// A public item, and whether its docs have an example that runs.
type Examples = BTreeMap<String, bool>;

#[test]
fn every_type_and_trait_has_an_example() {
    let mut found = Examples::new();
    for (module, _) in MODULES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
        let mut here = Examples::new();
        if source.is_dir() {
            read_directory(&source, &mut here);
        } else {
            read_file(&source.with_extension("rs"), &mut here);
        }
        assert!(!here.is_empty(), "nothing public was found in {module}");
        found.extend(here.into_iter().map(|(name, has_example)| (format!("{module}::{name}"), has_example)));
    }
    assert!(found.len() > 50, "the sources were not found");
    let without: Vec<_> = found.iter().filter(|(_, has_example)| !**has_example).map(|(name, _)| name).collect();
    assert!(without.is_empty(), "they have no example that runs: {without:#?}");
}

#[test]
fn every_module_page_has_an_example() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut without = BTreeSet::new();
    let pages = MODULES.iter().filter(|(_, has_page)| *has_page).map(|(module, _)| *module);
    for module in pages.chain(["permission/catalogue/microsoft_graph", "permission/catalogue/well_known", "lib"]) {
        let files = [source.join(module).with_extension("rs"), source.join(module).join("mod.rs")];
        let text = files.iter().find_map(|file| fs::read_to_string(file).ok()).expect("the module has a file");
        if !has_example(&syn::parse_file(&text).expect("the file is Rust").attrs) {
            without.insert(module);
        }
    }
    assert!(without.is_empty(), "their pages have no example that runs: {without:#?}");
}

#[test]
fn an_example_that_does_not_run_is_none() {
    let docs = |text: &str| syn::parse_str::<syn::ItemStruct>(&format!("{text}\nstruct It;")).unwrap().attrs;
    for runs in ["/// ```\n/// it();\n/// ```", "/// ```rust\n/// ```", "/// ```text\n/// ```\n/// ```\n/// ```"] {
        assert!(has_example(&docs(runs)), "{runs}");
    }
    for none in
        ["/// It.", "/// ```text\n/// it\n/// ```", "/// ```no_run\n/// ```", "/// ```compile_fail,E0308\n/// ```"]
    {
        assert!(!has_example(&docs(none)), "{none}");
    }
}

fn read_directory(directory: &Path, found: &mut Examples) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            read_directory(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_file(&path, found);
        }
    }
}

fn read_file(path: &Path, found: &mut Examples) {
    let text = fs::read_to_string(path).expect("the file can be read");
    for item in syn::parse_file(&text).expect("the file is Rust").items {
        let Some((visibility, name, attributes)) = type_or_trait(&item) else { continue };
        if matches!(visibility, Visibility::Public(_)) {
            found.insert(name.to_string(), has_example(attributes));
        }
    }
}

fn type_or_trait(item: &Item) -> Option<(&Visibility, &Ident, &[Attribute])> {
    Some(match item {
        Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Type(item) => (&item.vis, &item.ident, &item.attrs),
        _ => return None,
    })
}

/// Whether docs have a block of code that is run.
fn has_example(attributes: &[Attribute]) -> bool {
    let mut is_open = false;
    let mut runs = false;
    for line in attributes.iter().filter_map(doc_line) {
        let Some(language) = line.trim().strip_prefix("```") else { continue };
        runs |= !is_open && matches!(language, "" | "rust");
        is_open = !is_open;
    }
    runs
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    match &meta.value {
        Expr::Lit(literal) if meta.path.is_ident("doc") => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
