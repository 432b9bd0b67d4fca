//! Which requests a fault is for: a method, and a path with wildcards.

use std::fmt;
use std::str::FromStr;

use http::Method;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::graph::route::percent_decode;

/// A method (`*` for any) and a path with wildcards; written `POST /applications/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// `None` is any.
    method: Option<Method>,
    /// As it was written.
    path: String,
    segments: Vec<String>,
}

impl Pattern {
    /// `None` when `method` is no HTTP method.
    pub(super) fn new(method: &str, path: &str) -> Option<Self> {
        let method = if method == "*" { None } else { Some(method.parse().ok()?) };
        Some(Self { method, path: path.to_owned(), segments: segments(path) })
    }

    /// Whether a request matches; its path is given by its [`segments`].
    pub(super) fn matches(&self, method: &Method, path: &[String]) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && path_matches(&self.segments, path)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_ref().map_or("*", Method::as_str), self.path)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(' ').map(|(method, path)| (method, path.trim()));
        let parts = parts.filter(|(_, path)| path.starts_with('/'));
        parts.and_then(|(method, path)| Self::new(method, path)).ok_or_else(|| {
            format!("{text:?} is no method and path below /v1.0, such as \"POST /applications\" or \"* /**\"")
        })
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The segments of a path in lower case, with an alternate key as a segment of its own.
pub(super) fn segments(path: &str) -> Vec<String> {
    let path = percent_decode(path.split('?').next().unwrap_or_default()).to_lowercase();
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts
        .flat_map(|part| match part.find('(') {
            Some(at) if at > 0 => vec![part[..at].to_owned(), part[at..].to_owned()],
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn path_matches(pattern: &[String], path: &[String]) -> bool {
    let (pattern, is_open) = match pattern.split_last() {
        Some((last, rest)) if last == "**" => (rest, true),
        _ => (pattern, false),
    };
    (pattern.len() == path.len() || (is_open && pattern.len() < path.len()))
        && pattern.iter().zip(path).all(|(pattern, segment)| text_matches(pattern, segment))
}

/// Whether a text matches a pattern in which `*` stands for any characters. Each piece between two of them is looked for
/// once, from where the one before it ended.
fn text_matches(pattern: &str, text: &str) -> bool {
    let Some((head, pattern)) = pattern.split_once('*') else { return pattern == text };
    let (middle, tail) = pattern.rsplit_once('*').unwrap_or(("", pattern));
    let rest = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
    let Some(mut rest) = rest else { return false };
    for piece in middle.split('*') {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_segments_and_alternate_keys() {
        for (pattern, path, expected) in [
            ("/applications", "/Applications", true),
            ("/applications", "/applications/x", false),
            ("/applications/*", "/applications/x", true),
            ("/applications/*", "/applications(uniqueName='a/b')", false),
            ("/applications/*", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications/a", false),
            ("/applications/*/addPassword", "/applications/x/addpassword", true),
            ("/**", "/a/b/c", true),
            ("/**", "/", true),
            ("/a/**", "/a", true),
            ("/a/**", "/b", false),
            ("/**/a", "/b/a", true),
        ] {
            assert_eq!(path_matches(&segments(pattern), &segments(path)), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("*é*", "caféine", true),
            ("a**b", "ab", true),
        ] {
            assert_eq!(text_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_the_length_of_the_text() {
        let pattern = "*a".repeat(5_000) + "b";
        assert!(!text_matches(&pattern, &"a".repeat(50_000)));
        assert!(text_matches(&"*a".repeat(5_000), &"a".repeat(50_000)));
        let path = "/a".repeat(100_000);
        assert!(path_matches(&segments(&path), &segments(&path)));
    }
}
