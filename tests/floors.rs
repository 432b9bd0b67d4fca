//! The floors of the crate: a file uses the floors below its own, files of one floor do not use each other in a circle,
//! and each seam is named in one place.
//!
//! A module and the modules inside it count as one, so that a child may use what its parent holds. What stands under
//! `#[cfg(test)]` may use anything, and so may `lib.rs`, which shows the crate to the outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use syn::visit::{self, Visit};

/// The modules at the top of the crate, by floor.
const FLOORS: [&[&str]; 8] = [
    &["ids", "error", "cloud", "similar", "strict", "permission", "directory_role", "x509"],
    &["crypto", "transport", "token", "clock", "random", "model"],
    &["retry"],
    &["auth"],
    &["client"],
    &["api", "consent"],
    &["provision"],
    &["partner"],
];

/// What has one place, so that it can be replaced there: the start of a path, and the module that may use it.
const SEAMS: [(&[&str], &str); 7] = [
    (&["reqwest"], "transport"),
    (&["rustls"], "crypto"),
    (&["tokio", "time"], "clock"),
    (&["std", "time", "Instant"], "clock"),
    (&["std", "time", "SystemTime"], "clock"),
    (&["OffsetDateTime", "now_utc"], "clock"),
    (&["getrandom"], "random"),
];

type Module = Vec<String>;

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The paths that a file names outside of its tests, from the crate's root.
struct Paths<'a> {
    module: &'a Module,
    found: BTreeSet<Vec<String>>,
}

impl Paths<'_> {
    fn add(&mut self, path: Vec<String>) {
        let root = vec!["crate".to_owned()];
        let from_here = |climbed: usize| self.module[..self.module.len() - climbed].to_vec();
        let climbed = path.iter().take_while(|segment| *segment == "super").count();
        let absolute = match path[0].as_str() {
            "self" => [root.clone(), from_here(0), path[1..].to_vec()].concat(),
            "super" => [root.clone(), from_here(climbed), path[climbed..].to_vec()].concat(),
            _ => path,
        };
        if !absolute.is_empty() {
            self.found.insert(absolute);
        }
    }

    fn add_tree(&mut self, mut prefix: Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_tree(prefix, &path.tree);
            }
            syn::UseTree::Name(name) => self.add([prefix, vec![name.ident.to_string()]].concat()),
            syn::UseTree::Rename(name) => self.add([prefix, vec![name.ident.to_string()]].concat()),
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(prefix.clone(), tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| {
                    list.tokens
                        .clone()
                        .into_iter()
                        .any(|token| token.to_string() == "test" || token.to_string() == "(test)")
                        || list.tokens.to_string().starts_with("all (test")
                })
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// The files of `src` but `lib.rs` and tests, each with its module and its text.
fn sources() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut left: Vec<PathBuf> = vec![root.clone()];
    let files = iter::from_fn(move || {
        loop {
            let path = left.pop()?;
            if !path.is_dir() {
                return Some(path);
            }
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    });
    let code = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    code.map(|path| {
        let parts = path.strip_prefix(&root).unwrap().with_extension("");
        let parts = parts.iter().map(|part| part.to_str().unwrap().to_owned()).filter(|part| part != "mod");
        (parts.collect(), fs::read_to_string(path).unwrap())
    })
    .filter(|(module, _): &(Module, _)| {
        module[0] != "lib" && !module.iter().any(|part| part == "tests" || part == "shared")
    })
    .collect()
}

/// What is wrong with these files, a sentence each.
fn violations(sources: &BTreeMap<Module, String>) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    let mut uses: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (module, text) in sources {
        let name = module.join("::");
        let Some(own) = floor(&module[0]) else {
            wrong.insert(format!("{name} is on no floor"));
            continue;
        };
        let mut paths = Paths { module, found: BTreeSet::new() };
        paths.visit_file(&syn::parse_file(text).expect("the file is Rust"));
        for path in &paths.found {
            let seam = SEAMS.iter().find(|(start, _)| path.windows(start.len()).next().is_some_and(|it| it == *start));
            if let Some((_, place)) = seam.filter(|(_, place)| module[0] != *place) {
                wrong.insert(format!("{name} names {}, which belongs to {place}", path.join("::")));
            }
            let Some(path) = path.strip_prefix(&["crate".to_owned()][..]) else { continue };
            let Some(used) = (1..=path.len()).rev().find_map(|end| sources.get_key_value(&path[..end])) else {
                continue;
            };
            if floor(&used.0[0]) > Some(own) {
                wrong.insert(format!("{name} uses {} of a floor above", used.0.join("::")));
            }
            if !module.starts_with(used.0) && !used.0.starts_with(module) {
                uses.entry(module).or_default().insert(used.0);
            }
        }
    }
    // What is used by nobody who is left cannot be part of a circle, nor can what uses nobody who is left.
    loop {
        let before = uses.values().map(BTreeSet::len).sum::<usize>();
        let users: BTreeSet<&Module> = uses.keys().copied().collect();
        for used in uses.values_mut() {
            used.retain(|module| users.contains(module));
        }
        let used: BTreeSet<&Module> = uses.values().flatten().copied().collect();
        uses.retain(|module, of| used.contains(module) && !of.is_empty());
        if uses.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    wrong.extend(uses.iter().map(|(module, used)| {
        let used: Vec<_> = used.iter().map(|module| module.join("::")).collect();
        format!("in a circle: {} uses {}", module.join("::"), used.join(", "))
    }));
    wrong.into_iter().collect()
}

#[test]
fn the_house_stands() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    let wrong = violations(&sources);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_is_wrong_is_found() {
    let check = |files: &[(&str, &str)]| {
        let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
        violations(&files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect())
    };
    let client = ("client", "pub struct Client;");
    for text in [
        "use crate::client::Client;",
        "use crate::{ids::AppId, client::{Client, Batch}};",
        "fn f() -> crate::client::Client { x() }",
        "use super::super::client::Client;",
        "#[cfg(test)] mod tests {} use crate::client::Client;",
    ] {
        assert_eq!(check(&[client, ("retry::policy", text)]), ["retry::policy uses client of a floor above"], "{text}");
    }
    for text in ["#[cfg(test)] mod tests { use crate::client::Client; }", "//! crate::client", "use crate::ids::AppId;"]
    {
        assert_eq!(check(&[client, ("retry::policy", text)]), [""; 0], "{text}");
    }
    let circle =
        check(&[("model::a", "use crate::model::b::B;"), ("model::b", "use super::a::A;"), ("model", "mod a;")]);
    assert_eq!(circle.len(), 2, "{circle:?}");
    assert_eq!(check(&[("auth", "fn f() { tokio::time::sleep(x); }")]).len(), 1);
    assert_eq!(check(&[("attic", "")]), ["attic is on no floor"]);
}
