//! How fast a run over many customers works.

use crate::error::{Error, ErrorCode};
use crate::retry::{AdaptiveLimiter, Pacing, RateLimiter};

/// How fast a run over many customers works: what it sends in a second at most, retries included.
///
/// Runs of one client and its clones, with the same limits, share them. A run over a [part](crate::partner::PreConsent::shard) of the customers
/// takes as great a part of each.
///
/// ```
/// use entra_apps::partner::ConsentLimits;
///
/// // Another program uses half of what Partner Center allows the app.
/// let limits = ConsentLimits::default().partner_center(25.0);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct ConsentLimits {
    /// Requests to Partner Center in a second, per app.
    pub partner_center: f64,
    /// Writes to Microsoft Graph in a second, per app, in all tenants together.
    pub graph_writes: f64,
    /// Requests for a token in a second, to begin with; `None` for no limit. No such limit is documented: it halves
    /// whenever the sign-in service refuses (AADSTS50196), and grows slowly, up to 50, while it does not.
    pub tokens: Option<f64>,
}

/// Documented are 50 requests to Partner Center in a second
/// (<https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis>) and 70,000 writes to Graph in five
/// minutes (<https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits>).
impl Default for ConsentLimits {
    fn default() -> Self {
        Self { partner_center: 50.0, graph_writes: 70_000.0 / 300.0, tokens: Some(5.0) }
    }
}

/// What is left of each limit: requests arrive less evenly than they are sent.
const MARGIN: f64 = 0.98;

impl ConsentLimits {
    /// Sets the [requests to Partner Center](Self#structfield.partner_center) in a second.
    pub const fn partner_center(mut self, per_second: f64) -> Self {
        self.partner_center = per_second;
        self
    }

    /// Sets the [writes to Microsoft Graph](Self#structfield.graph_writes) in a second.
    pub const fn graph_writes(mut self, per_second: f64) -> Self {
        self.graph_writes = per_second;
        self
    }

    /// Sets the [requests for a token](Self#structfield.tokens) in a second, to begin with; `None` for no limit.
    pub const fn tokens(mut self, per_second: Option<f64>) -> Self {
        self.tokens = per_second;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let all = [Some(self.partner_center), Some(self.graph_writes), self.tokens];
        match all.into_iter().flatten().all(|limit| limit.is_finite() && limit > 0.0) {
            true => Ok(()),
            false => Err(Error::new(ErrorCode::InvalidLimit).with_message("a limit is not above zero")),
        }
    }

    /// A name that limits which are the same have in common.
    pub(super) fn key(&self, parts: u32) -> String {
        format!("{self:?}/{parts}")
    }

    /// The limits, for one of so many parts.
    pub(super) fn pacing(&self, parts: u32) -> Pacing {
        let part = |per_second: f64| per_second / f64::from(parts);
        // In a second that begins with a request there is one more than its rate says, in each part.
        let partner_center = part(self.partner_center);
        let partner_center = (partner_center - 1.0).max(partner_center / 2.0);
        Pacing {
            partner_center: RateLimiter::new(partner_center),
            graph_writes: RateLimiter::new(MARGIN * part(self.graph_writes)),
            tokens: self.tokens.map(|per_second| AdaptiveLimiter::new(part(per_second))),
        }
    }
}
