//! Which requests the faults meet, and what goes wrong with each request.

use http::Method;

use super::fault::{Action, Fault};
use super::pattern::segments;
use crate::random::{SeededRandomness, below};

/// What goes wrong with one request and with the items of its batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(super) whole: Option<Action>,
    pub(super) items: Vec<Option<Action>>,
}

impl Plan {
    /// Whether nothing goes wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.items.iter().all(Option::is_none)
    }
}

/// The faults that are still to come.
#[derive(Debug)]
pub(crate) struct Schedule {
    faults: Vec<Scheduled>,
    chance: SeededRandomness,
}

#[derive(Debug)]
struct Scheduled {
    fault: Fault,
    /// How many requests it has matched.
    seen: u64,
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        Self { faults: Vec::new(), chance: SeededRandomness::new(seed) }
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(Scheduled { fault, seen: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Draws chances from another seed from now on.
    pub(super) fn reseed(&mut self, seed: u64) {
        self.chance = SeededRandomness::new(seed);
    }

    /// Decides over a request and the items of its batch.
    pub(crate) fn plan(&mut self, method: &Method, path: &str, items: &[(Method, String)]) -> Plan {
        if self.faults.is_empty() {
            return Plan::default();
        }
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
        let path = segments(path);
        let mut due = None;
        for Scheduled { fault, seen } in &mut self.faults {
            if !fault.meets(method, &path, in_batch) {
                continue;
            }
            *seen += 1;
            let (first, last) = fault.span();
            let in_turn = (first..=last).contains(seen);
            let by_chance = fault.chance() >= 100 || below(&self.chance, 100) < u64::from(fault.chance());
            if in_turn && by_chance && due.is_none() {
                due = Some(fault.action.clone());
            }
        }
        self.faults.retain(|scheduled| scheduled.seen < scheduled.fault.span().1);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_counted_from_one() {
        let mut schedule = Schedule::new(0);
        schedule.add(Fault::on("GET", "/a").nth(2).times(2).fails(503));
        let met = |schedule: &mut Schedule| schedule.plan(&Method::GET, "/a", &[]).whole.is_some();
        assert_eq!([(); 5].map(|()| met(&mut schedule)), [false, true, true, false, false]);
        assert!(schedule.faults.is_empty(), "what is over is forgotten");
    }
}
