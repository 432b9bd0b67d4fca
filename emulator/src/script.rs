//! Which requests the faults of a script meet, and what is decided over each request.

use http::Method;

use super::fault::{Action, Fault, FaultOn, Place};
use super::graph::route::percent_decode;
use crate::random::{SeededRandomness, below};

impl FaultOn {
    fn meets(&self, method: &Method, path: &str, in_batch: bool) -> bool {
        let place = match self.place {
            Place::Anywhere => true,
            Place::InBatch => in_batch,
            Place::Alone => !in_batch,
        };
        place
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && path_meets(&self.pattern, &segments(path))
    }
}

/// What goes wrong with one request and with the items of its batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) whole: Option<Action>,
    pub(super) items: Vec<Option<Action>>,
}

/// The faults that are still to come.
#[derive(Debug)]
pub(super) struct Script {
    faults: Vec<Fault>,
    chance: SeededRandomness,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self { faults: Vec::new(), chance: SeededRandomness::new(seed) }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Decides over a request and the items of its batch.
    pub(super) fn plan(&mut self, method: &Method, path: &str, items: &[(Method, String)]) -> Plan {
        let mut whole = self.next(method, path, false);
        let items = items.iter().map(|(method, path)| {
            let action = self.next(method, path, true)?;
            if !action.is_transport() {
                return Some(action);
            }
            whole.get_or_insert(action);
            None
        });
        let items = items.collect();
        Plan { whole, items }
    }

    /// The action of the first fault that is due; every matching fault counts the request.
    fn next(&mut self, method: &Method, path: &str, in_batch: bool) -> Option<Action> {
        let mut due = None;
        for fault in &mut self.faults {
            if !fault.on.meets(method, path, in_batch) {
                continue;
            }
            fault.seen += 1;
            let in_turn = fault.seen >= fault.on.first && fault.seen - fault.on.first < fault.on.times;
            let by_chance = fault.on.percent >= 100 || below(&self.chance, 100) < u64::from(fault.on.percent);
            if in_turn && by_chance && due.is_none() {
                due = Some(fault.action.clone());
            }
        }
        self.faults.retain(|fault| fault.seen < fault.on.first.saturating_add(fault.on.times).saturating_sub(1));
        due
    }
}

/// Lower-case segments, with an alternate key as a segment of its own.
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

fn path_meets(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, [])), _) if first == "**" => true,
        (Some((first, pattern)), Some((segment, path))) => text_meets(first, segment) && path_meets(pattern, path),
        _ => false,
    }
}

fn text_meets(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| text_meets(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_segments_and_alternate_keys() {
        for (pattern, path, meets) in [
            ("/applications", "/Applications", true),
            ("/applications", "/applications/x", false),
            ("/applications/*", "/applications/x", true),
            ("/applications/*", "/applications(uniqueName='a/b')", false),
            ("/applications/*", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications(uniqueName='a')", true),
            ("/applications(uniqueName='*')", "/applications/a", false),
            ("/applications/*/addPassword", "/applications/x/addpassword", true),
            ("/**", "/a/b/c", true),
        ] {
            assert_eq!(path_meets(&segments(pattern), &segments(path)), meets, "{pattern} {path}");
        }
    }

    #[test]
    fn occurrences_are_counted_from_one() {
        let mut script = Script::new(0);
        script.add(Fault::on("GET", "/a").nth(2).times(2).fails(503));
        let met = |script: &mut Script| script.plan(&Method::GET, "/a", &[]).whole.is_some();
        assert_eq!([(); 5].map(|()| met(&mut script)), [false, true, true, false, false]);
        assert!(script.faults.is_empty());
    }
}
