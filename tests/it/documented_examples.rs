//! Every public type of the modules below, and every trait in them, has an example in its docs that runs, and so has
//! each module's own page. Types that a macro declares have theirs in the macro.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, Ident, Item, Lit, Meta, Type, Visibility};

/// The modules at the top of the crate that are looked at, with whether the module has a page of its own.
const MODULES: &[(&str, bool)] = &[
    ("api", true),
    ("auth", true),
    ("client", false),
    ("clock", true),
    ("cloud", true),
    ("consent", true),
    ("directory_role", true),
    ("error", false),
    ("ids", true),
    ("model", true),
    ("partner", true),
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
        let mut read = |item: &Item| {
            if let Some((Visibility::Public(_), name, attributes)) = type_or_trait(item) {
                here.insert(name.to_string(), has_example(attributes));
            }
        };
        if source.is_dir() {
            read_directory(&source, &mut read);
        } else {
            read_file(&source.with_extension("rs"), &mut read);
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

/// What is awaited needs a runtime, and says so.
#[test]
fn every_type_that_is_awaited_says_when_it_panics() {
    let (mut awaited, mut says) = (BTreeSet::new(), BTreeSet::new());
    read_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |item| {
        if let Item::Impl(item) = item
            && let Some((_, trait_path, _)) = &item.trait_
            && trait_path.segments.last().is_some_and(|name| name.ident == "IntoFuture")
            && let Type::Path(own) = &*item.self_ty
            && let Some(name) = own.path.segments.last()
        {
            awaited.insert(name.ident.to_string());
        }
        if let Item::Struct(item) = item
            && item.attrs.iter().filter_map(doc_line).any(|line| line.trim() == "# Panics")
        {
            says.insert(item.ident.to_string());
        }
    });
    assert!(awaited.len() > 10, "the sources were not found");
    let silent: Vec<_> = awaited.difference(&says).collect();
    assert!(silent.is_empty(), "they do not say which runtime they need: {silent:#?}");
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

fn read_directory(directory: &Path, read: &mut dyn FnMut(&Item)) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            read_directory(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_file(&path, read);
        }
    }
}

fn read_file(path: &Path, read: &mut dyn FnMut(&Item)) {
    let text = fs::read_to_string(path).expect("the file can be read");
    syn::parse_file(&text).expect("the file is Rust").items.iter().for_each(read);
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
