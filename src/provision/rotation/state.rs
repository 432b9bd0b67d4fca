//! The state of one credential, and what is to be done next: a pure function of what the directory shows, what the store has
//! given back, and the time.

use time::{Duration, OffsetDateTime};

use crate::ids::KeyId;
use crate::model::{KeyCredential, PasswordCredential};
use crate::provision::credential_name::{self, Mark};
use crate::provision::observed::Validity;
use crate::provision::renewal;

/// A new credential that the store has not given back may be on its way there, in another run, for so long.
pub(super) const SETTLING: Duration = Duration::minutes(5);

/// A credential of the registration as the directory shows it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) key_id: KeyId,
    description: Option<String>,
    start: Option<OffsetDateTime>,
    pub(super) end: Option<OffsetDateTime>,
    validity: Validity,
}

impl Held {
    pub(super) fn of_secret(secret: &PasswordCredential, now: OffsetDateTime) -> Option<Self> {
        Some(Self {
            key_id: secret.key_id?,
            description: secret.display_name.clone(),
            start: secret.start_date_time,
            end: secret.end_date_time,
            validity: Validity::of(secret, now),
        })
    }

    pub(super) fn of_key(key: &KeyCredential, now: OffsetDateTime) -> Option<Self> {
        Some(Self {
            key_id: key.key_id?,
            description: key.display_name.clone(),
            start: key.start_date_time,
            end: key.end_date_time,
            validity: Validity::of_key(key, now),
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.validity == Validity::Ended
    }

    fn mark(&self, name: &str) -> Option<Mark> {
        credential_name::mark(name, self.description.as_deref())
    }

    /// Whether it was issued later than the other, as far as both say so.
    fn is_younger_than(&self, other: &Self) -> bool {
        self.start.zip(other.start).is_some_and(|(own, other)| own > other)
    }
}

/// What a rotation is asked for.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// How long an earlier credential stays beside a later one.
    pub(super) overlap: Duration,
    /// How long before its end one is to be replaced.
    pub(super) window: Duration,
    /// Whether one is replaced of which nobody has the value.
    pub(super) replace_lost: bool,
    /// Whether one is replaced although it is not due.
    pub(super) at_once: bool,
    /// Whether there is a store that can be asked, and not a mere sink.
    pub(super) has_store: bool,
}

/// What is known of one credential of the registration.
#[derive(Clone, Debug)]
pub(super) struct State<'a> {
    pub(super) name: &'a str,
    /// All of its description that the directory shows, and what is named by key id.
    pub(super) held: Vec<Held>,
    /// Which of them the store has given back.
    pub(super) stored: Option<KeyId>,
    /// Which of them this run has signed in with, by the value that the store gave back.
    pub(super) proven: Option<KeyId>,
    /// Which the caller says are to go.
    pub(super) retired: &'a [KeyId],
    /// Which this run has issued.
    pub(super) issued: Option<KeyId>,
    pub(super) now: OffsetDateTime,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one is to be issued, in place of this one.
    Issue(Option<KeyId>),
    /// Another run may be about to store this one: wait until then, and look again.
    Wait(KeyId, OffsetDateTime),
    /// The one that the store has given back is to sign in.
    Prove(KeyId),
    /// This one is to be removed: an earlier one, or one that never came to the store.
    Remove(KeyId),
    /// There is nothing to do now.
    Rest(Rest),
}

/// What is left, where there is nothing to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    /// The one in use.
    pub(super) current: Option<KeyId>,
    /// The earlier ones that stay until a time.
    pub(super) overlapping: Vec<(KeyId, OffsetDateTime)>,
    /// Those that are not ours, and stay.
    pub(super) foreign: Vec<KeyId>,
    /// Those whose value nobody is known to have.
    pub(super) unknown: Vec<KeyId>,
}

impl State<'_> {
    /// What is to be done next. In this order: what the store has is proven; what is too old or never came to the store goes,
    /// which it does only beside one that is proven; another one is issued where it is due.
    pub(super) fn next(&self, policy: &Policy) -> Next {
        if !policy.has_store {
            return self.next_without_store(policy);
        }
        let Some(current) = self.current() else { return self.next_without_current(policy) };
        if self.proven != Some(current.key_id) {
            return Next::Prove(current.key_id);
        }
        let others = self.held.iter().filter(|it| it.key_id != current.key_id);
        if let Some(gone) = others.clone().find(|it| self.may_go(it, current, policy)) {
            return Next::Remove(gone.key_id);
        }
        let is_done = self.issued == Some(current.key_id);
        if !is_done && (policy.at_once || renewal::is_due(current.end, policy.window, self.now)) {
            let young = others.clone().filter(|it| it.is_younger_than(current) && self.is_ours(it));
            if let Some((key_id, until)) = self.settling(young) {
                return Next::Wait(key_id, until);
            }
            return Next::Issue(Some(current.key_id));
        }
        self.rest(current, policy)
    }

    /// The one that the store has given back, where the directory shows it and it has not ended: whether it works shows when
    /// it signs in.
    fn current(&self) -> Option<&Held> {
        let stored = self.stored?;
        self.held.iter().find(|it| it.key_id == stored && !it.has_ended())
    }

    /// Whether one is surely ours: issued in place of another, or one that the store had when a rotation issued another in its
    /// place, or named by the caller. The description of the registration alone shows nothing: others use it, too.
    fn is_ours(&self, it: &Held) -> bool {
        let succeeds = |other: &Held| {
            other.mark(self.name) == Some(Mark::Rotates)
                && credential_name::succeeds(self.name, other.description.as_deref(), it.key_id)
        };
        it.mark(self.name).is_some() || self.retired.contains(&it.key_id) || self.held.iter().any(succeeds)
    }

    /// Whether one goes now, beside a current one that is proven.
    fn may_go(&self, it: &Held, current: &Held, policy: &Policy) -> bool {
        if !self.is_ours(it) {
            return false;
        }
        if it.has_ended() {
            return true;
        }
        if it.is_younger_than(current) && !self.retired.contains(&it.key_id) {
            // It was issued while the store had the current one, and has never come there.
            let is_of_rotation = it.mark(self.name) == Some(Mark::Rotates);
            return is_of_rotation && it.start.is_some_and(|start| start + SETTLING <= self.now);
        }
        end_of_overlap(current, policy).is_some_and(|end| end <= self.now)
    }

    /// One that was issued a moment ago and may be about to be stored by another run, and until when.
    fn settling<'h>(&self, young: impl Iterator<Item = &'h Held>) -> Option<(KeyId, OffsetDateTime)> {
        let of_rotation =
            young.filter(|it| it.mark(self.name) == Some(Mark::Rotates) && it.validity != Validity::Ended);
        let until = of_rotation.filter_map(|it| Some((it.key_id, it.start? + SETTLING)));
        until
            .filter(|(key_id, until)| *until > self.now && self.issued != Some(*key_id))
            .max_by_key(|(_, until)| *until)
    }

    /// The store has given back nothing that is valid: what there is was never stored, or is lost. None of it goes before
    /// another one is proven.
    fn next_without_current(&self, policy: &Policy) -> Next {
        let live: Vec<&Held> = self.held.iter().filter(|it| !it.has_ended()).collect();
        if let Some((key_id, until)) = self.settling(live.iter().copied()) {
            return Next::Wait(key_id, until);
        }
        let last = live.iter().max_by_key(|it| it.end);
        let Some(last) = last else { return Next::Issue(None) };
        let is_due = policy.at_once || renewal::is_due(last.end, policy.window, self.now);
        // One that a rotation has issued is in the store or nowhere: it never counts as the one in use.
        let newest = live.iter().max_by_key(|it| it.start);
        let newest_is_unproven = newest.is_some_and(|it| it.mark(self.name) == Some(Mark::Rotates));
        // What the store has is gone from the directory: whoever reads the store cannot sign in.
        let is_gone = self.stored.is_some();
        if is_due || is_gone || newest_is_unproven || policy.replace_lost {
            return Next::Issue(self.marked(last));
        }
        let unknown = live.iter().map(|it| it.key_id).collect();
        Next::Rest(Rest { unknown, ..Rest::default() })
    }

    /// One that is named as the earlier one, because it is surely ours.
    fn marked(&self, it: &Held) -> Option<KeyId> {
        it.mark(self.name).map(|_| it.key_id)
    }

    /// A sink cannot be asked: the last one counts as handed over, and nothing is removed.
    fn next_without_store(&self, policy: &Policy) -> Next {
        let live: Vec<&Held> = self.held.iter().filter(|it| !it.has_ended()).collect();
        let last = live.iter().max_by_key(|it| it.end);
        let Some(last) = last else { return Next::Issue(None) };
        let is_due = policy.at_once || renewal::is_due(last.end, policy.window, self.now);
        if is_due && self.issued.is_none() {
            return Next::Issue(self.marked(last));
        }
        let current = self.issued.or(Some(last.key_id));
        let unknown = live.iter().map(|it| it.key_id).filter(|it| self.issued != Some(*it)).collect();
        Next::Rest(Rest { current, unknown, ..Rest::default() })
    }

    fn rest(&self, current: &Held, policy: &Policy) -> Next {
        let mut rest = Rest { current: Some(current.key_id), ..Rest::default() };
        for it in self.held.iter().filter(|it| it.key_id != current.key_id) {
            if !self.is_ours(it) {
                rest.foreign.push(it.key_id);
            } else if it.is_younger_than(current) && !self.retired.contains(&it.key_id) {
                match (it.mark(self.name), it.start) {
                    (Some(Mark::Rotates), Some(start)) => rest.overlapping.push((it.key_id, start + SETTLING)),
                    _ => rest.unknown.push(it.key_id),
                }
            } else {
                match end_of_overlap(current, policy) {
                    Some(end) => rest.overlapping.push((it.key_id, end)),
                    None => rest.unknown.push(it.key_id),
                }
            }
        }
        Next::Rest(rest)
    }
}

/// Until when the earlier ones stay; for ever where nothing says when the current one was issued.
fn end_of_overlap(current: &Held, policy: &Policy) -> Option<OffsetDateTime> {
    current.start?.checked_add(policy.overlap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 9:00 UTC);
    const POLICY: Policy = Policy {
        overlap: Duration::days(7),
        window: Duration::days(30),
        replace_lost: false,
        at_once: false,
        has_store: true,
    };

    fn id(number: u32) -> KeyId {
        KeyId::from_u128(u128::from(number) << 96)
    }

    /// One that was issued so many days ago, and ends in so many.
    fn held(number: u32, description: &str, issued: i64, ends: i64) -> Held {
        let (start, end) = (NOW - Duration::days(issued), NOW + Duration::days(ends));
        let validity = if ends <= 0 { Validity::Ended } else { Validity::Live };
        let description = Some(description.to_owned());
        Held { key_id: id(number), description, start: Some(start), end: Some(end), validity }
    }

    fn state(held: Vec<Held>, stored: Option<u32>, proven: Option<u32>) -> State<'static> {
        let [stored, proven] = [stored, proven].map(|it| it.map(id));
        State { name: "x", held, stored, proven, retired: &[], issued: None, now: NOW }
    }

    #[test]
    fn each_state_has_one_next_step() {
        let due = || held(1, "x", 150, 30);
        let new = |issued| held(2, "x (rotates 00000001)", issued, 180 - issued);
        for (what, held, stored, proven, next) in [
            ("nothing is there", vec![], None, None, Next::Issue(None)),
            ("what is stored is proven first", vec![due()], Some(1), None, Next::Prove(id(1))),
            ("it is due", vec![due()], Some(1), Some(1), Next::Issue(Some(id(1)))),
            ("the new one is proven first", vec![due(), new(0)], Some(2), None, Next::Prove(id(2))),
            ("the overlap is over", vec![due(), new(7)], Some(2), Some(2), Next::Remove(id(1))),
            (
                "one that another run may be about to store is waited for",
                vec![due(), new(0)],
                Some(1),
                Some(1),
                Next::Wait(id(2), NOW + SETTLING),
            ),
            ("one that never came to the store goes", vec![due(), new(1)], Some(1), Some(1), Next::Remove(id(2))),
            ("and is never the one in use", vec![new(1)], None, None, Next::Issue(Some(id(2)))),
            (
                "one that has ended goes",
                vec![held(3, "x (renews 00000009)", 300, -1), new(1)],
                Some(2),
                Some(2),
                Next::Remove(id(3)),
            ),
            ("what the store has is gone", vec![held(1, "x", 10, 170)], Some(9), None, Next::Issue(None)),
        ] {
            assert_eq!(state(held, stored, proven).next(&POLICY), next, "{what}");
        }
    }

    #[test]
    fn what_stays_is_told_by_why() {
        let rest = |held, stored: Option<u32>| match state(held, stored, stored).next(&POLICY) {
            Next::Rest(rest) => rest,
            next => panic!("{next:?}"),
        };
        let foreign = || held(7, "x", 400, 400);
        let new = || held(2, "x (rotates 00000001)", 1, 179);
        let told = rest(vec![held(1, "x", 150, 30), new(), foreign()], Some(2));
        assert_eq!((told.current, told.foreign), (Some(id(2)), vec![id(7)]));
        assert_eq!(told.overlapping, [(id(1), NOW + Duration::days(6))]);
        // What an apply renewed is not known to be ours to remove.
        let told = rest(vec![held(1, "x", 150, 30), held(2, "x (renews 00000001)", 100, 80)], Some(2));
        assert_eq!(told.foreign, [id(1)]);
        let told = rest(vec![held(1, "x", 10, 170), foreign()], None);
        assert_eq!((told.current, told.unknown), (None, vec![id(1), id(7)]));
    }

    #[test]
    fn the_options_change_what_is_due_and_what_goes() {
        let fresh = || vec![held(1, "x", 10, 170), held(7, "x", 400, 400)];
        let proven = || state(fresh(), Some(1), Some(1));
        assert_eq!(proven().next(&Policy { at_once: true, ..POLICY }), Next::Issue(Some(id(1))));
        assert_eq!(State { retired: &[id(7)], ..proven() }.next(&POLICY), Next::Remove(id(7)));
        let lost = state(fresh(), None, None);
        assert_eq!(lost.next(&Policy { replace_lost: true, ..POLICY }), Next::Issue(None));
        let sink = Policy { has_store: false, ..POLICY };
        assert!(matches!(lost.next(&sink), Next::Rest(Rest { current: Some(_), .. })));
        assert_eq!(state(vec![held(1, "x", 150, 30)], None, None).next(&sink), Next::Issue(None));
    }
}
