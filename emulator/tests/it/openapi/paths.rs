//! Which path of the description a request is for.

use entra_apps::url::form_urlencoded;

/// A part of a path of the description.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// In lower case, without the parentheses of a function.
    Name(String),
    /// `{application-id}`.
    Id,
    /// `applications(appId='{appId}')`: the name and the property, in lower case.
    Keyed(String, String),
}

/// A path of the description.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    pub(crate) fn read(path: &str) -> Self {
        let part = |part: &str| match keyed(part) {
            Some((name, property, _)) => Part::Keyed(name, property),
            None if part.starts_with('{') => Part::Id,
            None => Part::Name(plain(part)),
        };
        Self(path.split('/').filter(|part| !part.is_empty()).map(part).collect())
    }

    /// How well it matches, if it does: the more of it is said in names, the better.
    fn matches(&self, parts: &[String]) -> Option<usize> {
        if self.0.len() != parts.len() {
            return None;
        }
        let mut names = 0;
        for (expected, part) in self.0.iter().zip(parts) {
            let fits = match expected {
                Part::Name(name) => {
                    let said = plain(part);
                    *name == said || said.strip_prefix("microsoft.graph.") == Some(name)
                }
                Part::Id => !part.starts_with('$') && keyed(part).is_none(),
                Part::Keyed(name, property) => {
                    keyed(part).is_some_and(|(said, by, _)| (&said, &by) == (name, property))
                }
            };
            if !fits {
                return None;
            }
            names += usize::from(*expected != Part::Id);
        }
        Some(names)
    }
}

/// In lower case, and `delta()` as `delta`.
fn plain(part: &str) -> String {
    part.strip_suffix("()").unwrap_or(part).to_lowercase()
}

/// `name(property='value')` taken apart; without a property it is empty.
fn keyed(part: &str) -> Option<(String, String, String)> {
    let (name, inner) = part.strip_suffix(')')?.split_once('(')?;
    let (property, value) = inner.split_once('=').unwrap_or(("", inner));
    let value = value.trim();
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    // A quote in a quoted value is written twice.
    let value = quoted.map_or_else(|| value.to_owned(), |value| value.replace("''", "'"));
    if name.is_empty() || value.is_empty() {
        return None;
    }
    Some((name.to_lowercase(), property.trim().to_lowercase(), value))
}

/// Finds the template that a path below the version means.
///
/// Alternate keys stand for the id wherever the description has no path of their own.
pub(crate) fn find<'a, T>(templates: &'a [(Template, T)], path: &str) -> Option<&'a T> {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let mut best: Option<(usize, &T)> = None;
    for spelling in spellings(&parts) {
        for (template, found) in templates {
            if let Some(names) = template.matches(&spelling)
                && best.is_none_or(|(most, _)| names > most)
            {
                best = Some((names, found));
            }
        }
        if best.is_some() {
            break;
        }
    }
    best.map(|(_, found)| found)
}

/// The path with its keys as they are, and with each of them, from the left, as a segment of its own.
fn spellings(parts: &[String]) -> Vec<Vec<String>> {
    let mut spellings = vec![Vec::new()];
    for part in parts {
        let split = keyed(part).map(|(name, _, value)| [name, value]);
        let mut next: Vec<Vec<String>> = Vec::new();
        for spelling in &spellings {
            next.push(spelling.iter().chain([part]).cloned().collect());
        }
        for spelling in split.iter().flat_map(|split| spellings.iter().map(move |spelling| (spelling, split))) {
            next.push(spelling.0.iter().chain(spelling.1).cloned().collect());
        }
        spellings = next;
    }
    spellings
}

/// A path with `{id}` for what looks like a value: how a path that the description lacks is called.
pub(crate) fn name(path: &str) -> String {
    let value = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        digits > 3 || part.contains('@') || part.len() > 40
    };
    let parts = path.split('/').filter(|part| !part.is_empty()).map(decode).map(|part| match keyed(&part) {
        Some((name, property, _)) if !property.is_empty() => format!("/{name}({property}=)"),
        Some((name, ..)) => format!("/{name}/{{id}}"),
        None if value(&part) => "/{id}".to_owned(),
        None => format!("/{part}"),
    });
    parts.collect()
}

/// Undoes percent-encoding, and only that.
fn decode(part: &str) -> String {
    let pair = format!("={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_any_case_by_any_key_and_by_most_names() {
        let paths = [
            "/applications",
            "/applications/{application-id}",
            "/applications/{application-id}/owners/{directoryObject-id}/$ref",
            "/applications/{application-id}/owners/$ref",
            "/applications/{application-id}/federatedIdentityCredentials/{federatedIdentityCredential-id}",
            "/applications/{application-id}/federatedIdentityCredentials(name='{name}')",
            "/applications/{application-id}/addPassword",
            "/applications(appId='{appId}')",
            "/applications/$count",
            "/applications/delta()",
        ];
        let templates: Vec<_> = paths.iter().map(|path| (Template::read(path), *path)).collect();
        let cases = [
            ("/Applications/", Some(0)),
            ("/applications/x", Some(1)),
            ("/applications('x')", Some(1)),
            ("/applications(appid='x')", Some(7)),
            ("/applications(uniqueName='a%2Fb')", Some(1)),
            ("/applications(uniqueName='x')/owners/$ref", Some(3)),
            ("/applications(uniqueName='''')", Some(1)),
            ("/applications(uniqueName='')", None),
            ("/applications/x/Owners/y/$ref", Some(2)),
            ("/applications/x/federatedIdentityCredentials/y", Some(4)),
            ("/applications(appId='x')/federatedIdentityCredentials(name='y')", Some(5)),
            ("/applications/x/microsoft.graph.addPassword", Some(6)),
            ("/applications/$count", Some(8)),
            ("/applications/$other", None),
            ("/applications/delta", Some(9)),
            ("/users", None),
        ];
        for (path, expected) in cases {
            assert_eq!(find(&templates, path), expected.map(|at: usize| &paths[at]), "{path}");
        }
    }

    #[test]
    fn an_unknown_path_has_a_name() {
        assert_eq!(name("/users/alex@contoso.com/memberOf"), "/users/{id}/memberOf");
        assert_eq!(name("/groups('8e881353-1735-45af-af21-ee1344582a4d')"), "/groups/{id}");
        assert_eq!(name("/users/161ab652-cdbc-490d-82a4-0ada1f0db247"), "/users/{id}");
    }
}
