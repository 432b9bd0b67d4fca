//! The floors of the crate: a file uses its own floor and those below it, never one above.
//!
//! ```text
//! 6  provision, partner
//! 5  api, consent
//! 4  client
//! 3  auth
//! 2  exchange
//! 1  transport, token, clock, random; model
//! 0  ids, error, cloud, permission
//! ```
//!
//! Modules of one floor may use each other one way, not in a circle; what has a seam is named behind it alone. What stands under `#[cfg(test)]` may use anything,
//! and so may `lib.rs`, which shows the crate to the outside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

/// Every module at the top of the crate, with its floor.
const FLOORS: [(&str, u8); 16] = [
    ("ids", 0),
    ("error", 0),
    ("cloud", 0),
    ("permission", 0),
    ("transport", 1),
    ("token", 1),
    ("clock", 1),
    ("random", 1),
    ("model", 1),
    ("exchange", 2),
    ("auth", 3),
    ("client", 4),
    ("api", 5),
    ("consent", 5),
    ("provision", 6),
    ("partner", 6),
];

/// What the crate root exports of a module whose own name is not used for it.
const OF_THE_ROOT: [(&str, &str); 4] =
    [("Error", "error"), ("ErrorDetail", "error"), ("ErrorKind", "error"), ("Result", "error")];

/// What has one place, so that it can be replaced there: the word, and the file or folder that may say it.
const SEAMS: [(&str, &str); 6] = [
    ("reqwest", "transport/"),
    ("Instant", "clock.rs"),
    ("SystemTime", "clock.rs"),
    ("now_utc", "clock.rs"),
    ("now_local", "clock.rs"),
    ("getrandom", "random.rs"),
];

/// A file of `src`: its path there with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn no_file_uses_a_floor_above_its_own() {
    let sources = read_sources();
    assert!(sources.len() > 5, "the sources were not found");
    let violations = violations(&sources);
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

fn read_sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut left: Vec<PathBuf> = vec![root.clone()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside: Vec<_> =
                    path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
                sources.push(Source { path: inside.join("/"), text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// What is wrong, one line each.
fn violations(sources: &[Source]) -> Vec<String> {
    let parsed: Vec<(&str, Parsed)> =
        sources.iter().map(|source| (source.path.as_str(), parse(&source.path, &source.text))).collect();
    let only_for_tests: BTreeSet<&Vec<String>> = parsed.iter().flat_map(|(_, parsed)| &parsed.test_modules).collect();
    let mut out = BTreeSet::new();
    let mut within_a_floor: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, parsed) in &parsed {
        let module = module_of(path);
        if *path == "lib.rs" || (1..=module.len()).any(|n| only_for_tests.contains(&module[..n].to_vec())) {
            continue;
        }
        let own = module[0].as_str();
        if floor(own).is_none() {
            out.insert(format!("src/{path}: the module `{own}` has no floor"));
            continue;
        }
        for (word, place) in SEAMS {
            if parsed.words.contains(word) && !path.starts_with(place) {
                out.insert(format!("src/{path}: only src/{place} may say `{word}`"));
            }
        }
        for used in &parsed.uses {
            match judge(own, used) {
                Ok(Some(neighbour)) => {
                    let own = FLOORS.iter().find(|(module, _)| *module == own).expect("it has a floor").0;
                    within_a_floor.entry(own).or_default().insert(neighbour);
                }
                Ok(None) => {}
                Err(why) => {
                    out.insert(format!("src/{path}: {why}"));
                }
            }
        }
    }
    out.extend(circle(within_a_floor).map(|modules| format!("src: a circle within a floor: {}", modules.join(", "))));
    out.into_iter().collect()
}

/// Whether the file may use a name of the crate root: `Some` when it is a module of the same floor.
fn judge(own: &str, used: &str) -> Result<Option<&'static str>, String> {
    let module = OF_THE_ROOT.iter().find(|(name, _)| *name == used).map_or(used, |(_, module)| module);
    if module == own {
        return Ok(None);
    }
    let Some((module, floor_of_used)) = FLOORS.into_iter().find(|(name, _)| *name == module) else {
        return Err(format!("`crate::{used}` does not name a module: its floor cannot be seen"));
    };
    let floor_of_own = floor(own).expect("it has a floor");
    if floor_of_used > floor_of_own {
        return Err(format!("`{own}` (floor {floor_of_own}) may not use `{module}` (floor {floor_of_used})"));
    }
    Ok((floor_of_used == floor_of_own).then_some(module))
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The modules that use each other in a circle, or are used by those.
fn circle<'a>(mut uses: BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    loop {
        let rest: BTreeSet<&'a str> = uses.keys().copied().collect();
        for used in uses.values_mut() {
            used.retain(|module| rest.contains(module));
        }
        let before = uses.len();
        uses.retain(|_, used| !used.is_empty());
        if uses.len() == before {
            return (!uses.is_empty()).then(|| uses.into_keys().collect());
        }
    }
}

/// The path of the module that a file is: `client/mod.rs` is `client`, `client/batch.rs` is `client::batch`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// What a file says that matters here.
#[derive(Default)]
struct Parsed {
    /// The first segment of each path that begins at the crate root.
    uses: BTreeSet<String>,
    /// Every word of the code.
    words: BTreeSet<String>,
    /// The modules in other files that exist in tests alone.
    test_modules: Vec<Vec<String>>,
}

fn parse(path: &str, text: &str) -> Parsed {
    let tokens = tokens(text);
    let file = module_of(path);
    let mut parsed = Parsed::default();
    // The modules within the file that are open, each with the depth of braces outside it.
    let mut inner: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let rest: Vec<&str> = tokens[at..].iter().take(7).map(String::as_str).collect();
        let for_tests: [&[&str]; 2] =
            [&["#", "[", "cfg", "(", "test", ")", "]"], &["#", "[", "cfg", "(", "all", "(", "test"]];
        if for_tests.iter().any(|attribute| rest.starts_with(attribute)) {
            let attribute = tokens[at..].iter().position(|token| token == "]").unwrap_or(0);
            let (end, module) = skip_item(&tokens, at + attribute + 1);
            if let Some(module) = module {
                let path = file.iter().chain(inner.iter().map(|(name, _)| name)).cloned();
                parsed.test_modules.push(path.chain(iter::once(module)).collect());
            }
            at = end;
            continue;
        }
        match rest.as_slice() {
            ["mod", name, "{", ..] => {
                inner.push(((*name).to_owned(), depth));
                depth += 1;
                at += 3;
                continue;
            }
            ["{", ..] => depth += 1,
            ["}", ..] => {
                depth = depth.saturating_sub(1);
                if inner.last().is_some_and(|(_, outside)| *outside == depth) {
                    inner.pop();
                }
            }
            // Under another name, the root could be used unseen.
            ["crate", "as", ..] => {
                parsed.uses.insert("self".to_owned());
            }
            ["crate", "::", ..] => parsed.uses.extend(first_segments(&tokens, at + 2)),
            // A path that climbs to the root begins there as well.
            ["super", "::", ..] if at == 0 || tokens[at - 1] != "::" => {
                let climbed = tokens[at..].chunks(2).take_while(|pair| *pair == ["super", "::"]).count();
                if climbed >= file.len() + inner.len() {
                    parsed.uses.extend(first_segments(&tokens, at + 2 * climbed));
                }
            }
            _ => {}
        }
        if tokens[at].starts_with(|c: char| c.is_alphabetic() || c == '_') {
            parsed.words.insert(tokens[at].clone());
        }
        at += 1;
    }
    parsed
}

/// Where the item ends that begins here; and its name, if it is a module in another file.
fn skip_item(tokens: &[String], from: usize) -> (usize, Option<String>) {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" && tokens.get(at + 1).is_none_or(|next| next != ";") {
                    return (at + 1, None);
                }
            }
            ";" if depth == 0 => {
                let module = at >= 2 && tokens[at - 2] == "mod";
                return (at + 1, module.then(|| tokens[at - 1].clone()));
            }
            _ => {}
        }
    }
    (tokens.len(), None)
}

/// The names that stand at the root of a path or of a group of paths: `a::b`, or `{a::b, c::{d, e}}`.
fn first_segments(tokens: &[String], from: usize) -> Vec<String> {
    if tokens.get(from).is_none_or(|token| token != "{") {
        return tokens.get(from).cloned().into_iter().collect();
    }
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for at in from..tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(tokens[at - 1].as_str(), "{" | ",") => names.push(name.to_owned()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Words, `::` and single signs, without comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            character_or_lifetime(rest)
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, and the same as bytes.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + length)
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut after = text.chars().skip(1);
    match (after.next(), after.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => 1,
    }
}

mod the_checker_itself {
    use super::*;

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> =
            files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
        violations(&sources)
    }

    #[test]
    fn finds_a_use_of_a_floor_above_however_it_is_written() {
        for text in [
            "use crate::client::Client;",
            "use crate::{ids::AppId, client::{Client, Batch}};",
            "pub(crate) use crate::client;",
            "fn f() -> crate::client::Client { todo() }",
            "use super::super::client::Client;",
            "use super::super::{ids, client};",
            "mod inner { use super::super::super::client::Client; }",
            "const QUOTE: char = '\"'; use crate::client::Client; const OTHER: char = '\"';",
            "fn f<'a>(x: &'a str) { crate::client::g(x) }",
            "#[cfg(test)] mod tests { } use crate::client::Client;",
            "#[cfg(test)] use crate::api; use crate::client::Client;",
        ] {
            let found = check(&[("exchange/retry.rs", text)]);
            assert_eq!(found, ["src/exchange/retry.rs: `exchange` (floor 2) may not use `client` (floor 4)"], "{text}");
        }
    }

    #[test]
    fn leaves_alone_what_is_allowed() {
        for text in [
            "use crate::ids::AppId; use crate::{error::Error, exchange::Wait}; use crate::Error;",
            "//! [`Client`](crate::client::Client)\n/* crate::client /* nested */ crate::client */",
            "const TEXT: &str = \"use crate::client\"; const RAW: &str = r#\"\" crate::client\"#;",
            "#[cfg(test)]\nmod tests { use crate::client::Client; fn f() { } }",
            "#[cfg(test)] use crate::client::{Client, Batch};",
            "#[cfg(all(test, feature = \"tokio\"))]\n#[allow(dead_code)]\nmod tests { use crate::client::Client; }",
            "mod inner { use super::super::client; }",
            "use super::client; pub(in crate::retry) fn f() {}",
        ] {
            assert_eq!(check(&[("exchange/retry.rs", text)]), [""; 0], "{text}");
        }
        assert_eq!(check(&[("lib.rs", "pub use crate::provision::Plan;")]), [""; 0]);
    }

    #[test]
    fn leaves_alone_the_files_of_test_modules_only() {
        let test = ("exchange/tests/lag.rs", "use crate::client::Client;");
        assert_eq!(check(&[("exchange/mod.rs", "#[cfg(test)]\nmod tests;"), test]), [""; 0]);
        assert_eq!(check(&[("exchange/mod.rs", "mod tests;"), test]).len(), 1);
    }

    #[test]
    fn sees_through_the_root_and_refuses_what_it_cannot_see() {
        for text in ["use crate::*;", "use crate::Client;", "use crate::{self as root};", "use crate as root;"] {
            let found = check(&[("exchange/mod.rs", text)]);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains("does not name a module"), "{found:?}");
        }
        assert_eq!(check(&[("novelty.rs", "")]), ["src/novelty.rs: the module `novelty` has no floor"]);
    }

    #[test]
    fn finds_a_circle_within_a_floor() {
        let one_way = ("token.rs", "use crate::clock::Clock;");
        assert_eq!(check(&[one_way, ("clock.rs", "use crate::random::Random;"), ("random.rs", "")]), [""; 0]);
        let circle =
            check(&[one_way, ("clock.rs", "use crate::random::Random;"), ("random.rs", "use crate::token::X;")]);
        assert_eq!(circle, ["src: a circle within a floor: clock, random, token"]);
    }

    #[test]
    fn keeps_each_seam_in_its_place() {
        assert_eq!(check(&[("transport/reqwest.rs", "use reqwest::Client;")]), [""; 0]);
        assert_eq!(check(&[("client/builder.rs", "#[cfg(feature = \"reqwest\")] fn f() {}")]), [""; 0]);
        let found = check(&[("client/builder.rs", "fn f(client: reqwest::Client) {}")]);
        assert_eq!(found, ["src/client/builder.rs: only src/transport/ may say `reqwest`"]);
        let found = check(&[("exchange/mod.rs", "fn f() { tokio::time::Instant::now() }")]);
        assert_eq!(found, ["src/exchange/mod.rs: only src/clock.rs may say `Instant`"]);
    }
}
