//! All relationships of a partner. There may be ten thousand, and each request asks for some: none is searched for.

use std::collections::HashMap;
use std::time::Duration;

use super::Relationship;
use crate::data::json::eq_ignore_case;
use crate::data::moment::Moment;

/// The relationships of a partner, in the order of their creation.
#[derive(Debug, Default)]
pub(super) struct Relationships {
    all: Vec<Relationship>,
    by_id: HashMap<String, usize>,
    /// Whose customer a tenant is, or was.
    by_customer: HashMap<String, Vec<usize>>,
    /// Those that may have been changed since the last [`advance`](Self::advance).
    touched: Vec<usize>,
    /// Until when nothing happens to any of the others by itself.
    quiet_until: Duration,
}

impl Relationships {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Relationship> {
        self.all.iter()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Relationship> {
        self.by_id.get(&id.to_lowercase()).map(|index| &self.all[*index])
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Relationship> {
        let index = *self.by_id.get(&id.to_lowercase())?;
        self.touched.push(index);
        self.all.get_mut(index)
    }

    /// Those with a customer, whatever their status.
    pub(super) fn of_customer(&self, customer: &str) -> impl Iterator<Item = &Relationship> {
        let known = self.by_customer.get(&customer.to_lowercase()).into_iter().flatten();
        let mut indices: Vec<usize> = known.chain(&self.touched).copied().collect();
        indices.sort_unstable();
        indices.dedup();
        let found = indices.into_iter().map(|index| &self.all[index]);
        found.filter(move |relationship| eq_ignore_case(relationship.customer(), customer))
    }

    pub(super) fn push(&mut self, relationship: Relationship) -> &mut Relationship {
        let index = self.all.len();
        self.by_id.entry(relationship.entity.id().to_lowercase()).or_insert(index);
        self.touched.push(index);
        self.all.push(relationship);
        &mut self.all[index]
    }

    pub(super) fn remove(&mut self, id: &str) {
        let all = std::mem::take(self).all;
        all.into_iter().filter(|it| !eq_ignore_case(it.entity.id(), id)).for_each(|it| {
            self.push(it);
        });
    }

    /// Applies all status changes that are due.
    pub(super) fn advance(&mut self, moment: Moment, step: Duration) {
        let mut due = std::mem::take(&mut self.touched);
        if moment.now >= self.quiet_until {
            self.quiet_until = Duration::MAX;
            due = (0..self.all.len()).collect();
        }
        for index in due {
            let relationship = &mut self.all[index];
            relationship.advance(moment, step);
            self.quiet_until = self.quiet_until.min(relationship.quiet_until());
            let of_customer = self.by_customer.entry(relationship.customer().to_lowercase()).or_default();
            if !of_customer.contains(&index) {
                of_customer.push(index);
            }
        }
    }
}

impl<'a> IntoIterator for &'a Relationships {
    type Item = &'a Relationship;
    type IntoIter = std::slice::Iter<'a, Relationship>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
