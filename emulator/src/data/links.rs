//! Ownership and group membership.

use std::collections::HashMap;

/// Links between objects, found from both ends, in the order of their creation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    targets: HashMap<String, Vec<String>>,
    sources: HashMap<String, Vec<String>>,
}

impl Links {
    /// Adds a link unless it exists; returns whether it was added.
    pub(crate) fn add(&mut self, from: &str, to: &str) -> bool {
        let targets = self.targets.entry(from.to_owned()).or_default();
        if targets.iter().any(|known| known == to) {
            return false;
        }
        targets.push(to.to_owned());
        self.sources.entry(to.to_owned()).or_default().push(from.to_owned());
        true
    }

    /// Removes a link; returns whether it existed.
    pub(crate) fn remove(&mut self, from: &str, to: &str) -> bool {
        let removed = |links: &mut HashMap<String, Vec<String>>, from: &str, to: &str| {
            let Some(linked) = links.get_mut(from) else { return false };
            let before = linked.len();
            linked.retain(|known| known != to);
            let removed = linked.len() < before;
            if linked.is_empty() {
                links.remove(from);
            }
            removed
        };
        removed(&mut self.sources, to, from);
        removed(&mut self.targets, from, to)
    }

    /// Removes every link from and to an object.
    pub(crate) fn remove_all(&mut self, id: &str) {
        for to in self.targets(id).to_vec() {
            self.remove(id, &to);
        }
        for from in self.sources(id).to_vec() {
            self.remove(&from, id);
        }
    }

    /// The objects that an object links to.
    pub(crate) fn targets(&self, from: &str) -> &[String] {
        self.targets.get(from).map_or(&[], Vec::as_slice)
    }

    /// The objects that link to an object.
    pub(crate) fn sources(&self, to: &str) -> &[String] {
        self.sources.get(to).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has(&self, from: &str, to: &str) -> bool {
        self.targets(from).iter().any(|known| known == to)
    }

    /// The objects that link to an object directly or through others, nearest first, each once.
    pub(crate) fn transitive_sources(&self, to: &str) -> Vec<String> {
        transitive(to, |next| self.sources(next))
    }

    /// The objects that an object links to directly or through others, nearest first, each once.
    pub(crate) fn transitive_targets(&self, from: &str) -> Vec<String> {
        transitive(from, |next| self.targets(next))
    }
}

fn transitive<'a>(from: &str, next: impl Fn(&str) -> &'a [String]) -> Vec<String> {
    let mut found: Vec<String> = next(from).to_vec();
    let mut at = 0;
    while let Some(one) = found.get(at) {
        let more: Vec<String> = next(one).iter().filter(|other| !found.contains(other)).cloned().collect();
        found.extend(more);
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_from_both_ends_and_through_others() {
        let mut links = Links::default();
        assert!(links.add("team", "ada") && links.add("all", "team") && links.add("team", "all"));
        assert!(!links.add("team", "ada"), "a link is there once");
        assert_eq!((links.targets("team").len(), links.sources("ada")), (2, &["team".to_owned()][..]));
        assert_eq!(links.transitive_sources("ada"), ["team", "all"]);
        assert_eq!(links.transitive_targets("all"), ["team", "ada", "all"]);
        assert!(links.remove("team", "ada") && !links.remove("team", "ada") && links.sources("ada").is_empty());
        links.remove_all("team");
        assert!(links.sources("team").is_empty() && links.targets("all").is_empty());
    }
}
