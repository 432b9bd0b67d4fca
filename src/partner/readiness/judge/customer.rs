//! The gaps that the customer's own tenant shows: its policies, and roles that are not there.

use crate::partner::readiness::RolesNeeded;
use crate::partner::readiness::gap::{Gap, GapSeverity, Unknown};
use crate::partner::readiness::judge::{InCustomer, Person};

/// Corrects the gaps by what the customer's tenant says: what it shows is the proof, whatever the partner's tenant says.
pub(super) fn compare(said: &InCustomer, person: Option<&Person>, needed: &RolesNeeded, gaps: &mut Vec<Gap>) {
    let shown = match said {
        InCustomer::Shows(roles) => roles,
        InCustomer::KeepsOut(error) => {
            let partner = person.and_then(|person| person.tenant);
            return gaps.push(Gap::BlockedByCustomer { error: *error, partner });
        }
        InCustomer::Unread(error) => return gaps.push(Gap::Unknown { what: Unknown::Customer, error: *error }),
    };
    let is_notice = |gap: &Gap| gap.severity() == GapSeverity::Notice;
    let lacking: Vec<_> = needed.sets().filter(|any_of| !any_of.iter().any(|role| shown.contains(role))).collect();
    if lacking.is_empty() {
        gaps.retain(is_notice);
    } else if gaps.iter().all(is_notice) {
        // Where the partner's tenant knows why, that is said already.
        gaps.extend(lacking.into_iter().map(|any_of| Gap::RoleNotInCustomer { any_of: any_of.to_vec() }));
    }
}
