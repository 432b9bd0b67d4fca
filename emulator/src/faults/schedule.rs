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
    /// Those that are over and met too little, because others came first.
    missed: Vec<Fault>,
    queues: u64,
    chance: SeededRandomness,
}

#[derive(Debug)]
struct Scheduled {
    fault: Fault,
    /// How many requests it has matched.
    seen: u64,
    /// With how many of these it went wrong.
    met: u64,
    /// The queue in which it stands; it waits while one of that queue stands before it.
    queue: u64,
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        Self { faults: Vec::new(), missed: Vec::new(), queues: 0, chance: SeededRandomness::new(seed) }
    }

    /// Adds faults that come one after the other.
    pub(crate) fn add_queue(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.queues += 1;
        let queue = self.queues;
        self.faults.extend(faults.into_iter().map(|fault| Scheduled { fault, seen: 0, met: 0, queue }));
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
        self.missed.clear();
    }

    /// The faults that have not met as many requests as they should.
    pub(crate) fn unmet(&self) -> Vec<Fault> {
        let waiting = self.faults.iter().filter(|scheduled| scheduled.is_unmet()).map(|scheduled| &scheduled.fault);
        self.missed.iter().chain(waiting).cloned().collect()
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
        // The faults of a queue stand one after the other.
        let mut queue_before = 0;
        for Scheduled { fault, seen, met, queue } in &mut self.faults {
            if std::mem::replace(&mut queue_before, *queue) == *queue || !fault.meets(method, &path, in_batch) {
                continue;
            }
            *seen += 1;
            let (first, last) = fault.span();
            let in_turn = (first..=last).contains(seen);
            let by_chance = fault.chance() >= 100 || below(&self.chance, 100) < u64::from(fault.chance());
            if in_turn && by_chance && due.is_none() {
                due = Some(fault.action.clone());
                *met += 1;
            }
        }
        let over = self.faults.extract_if(.., |scheduled| scheduled.seen >= scheduled.fault.span().1);
        self.missed.extend(over.filter(Scheduled::is_unmet).map(|scheduled| scheduled.fault));
        due
    }
}

impl Scheduled {
    fn is_unmet(&self) -> bool {
        self.met < self.fault.due()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_counted_from_one() {
        let mut schedule = Schedule::new(0);
        schedule.add_queue([Fault::on("GET", "/a").nth(2).times(2).fails(503)]);
        let met = |schedule: &mut Schedule| schedule.plan(&Method::GET, "/a", &[]).whole.is_some();
        assert_eq!([(); 5].map(|()| met(&mut schedule)), [false, true, true, false, false]);
        assert!(schedule.faults.is_empty(), "what is over is forgotten");
    }

    fn statuses(schedule: &mut Schedule, requests: usize) -> Vec<Option<u16>> {
        let met = |_| match schedule.plan(&Method::GET, "/a", &[]).whole {
            Some(Action::Fails { status }) => Some(status.as_u16()),
            _ => None,
        };
        (0..requests).map(met).collect()
    }

    #[test]
    fn the_faults_of_a_queue_come_one_after_the_other() {
        let mut schedule = Schedule::new(0);
        let on = || Fault::on("GET", "/a");
        schedule.add_queue([on().fails(503), on().nth(2).times(2).fails(500), on().fails(502)]);
        schedule.add_queue([on().nth(6).fails(504)]);
        let expected = [Some(503), None, Some(500), Some(500), Some(502), Some(504), None];
        assert_eq!(statuses(&mut schedule, 7), expected);
        assert!(schedule.unmet().is_empty());
    }

    #[test]
    fn a_fault_that_met_too_little_is_told() {
        let mut schedule = Schedule::new(0);
        let on = || Fault::on("GET", "/a");
        let [twice, hidden, always] = [on().times(2).fails(503), on().fails(500), on().always().fails(502)];
        for fault in [&twice, &hidden, &always] {
            schedule.add_queue([fault.clone()]);
        }
        schedule.add_queue([Fault::on("GET", "/a").always().percent(1).fails(504)]);
        assert_eq!(schedule.unmet(), [twice.clone(), hidden.clone(), always.clone()]);
        statuses(&mut schedule, 1);
        assert_eq!(schedule.unmet(), [hidden.clone(), twice, always.clone()], "the first hides the second");
        statuses(&mut schedule, 2);
        assert_eq!(schedule.unmet(), [hidden]);
        schedule.clear();
        assert!(schedule.unmet().is_empty());
    }
}
