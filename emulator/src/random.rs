//! Seeded randomness: ids, secrets and chances are the same in each run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entra_apps::random::Randomness;
use uuid::Uuid;

/// A source that gives the same bytes for the same seed: for tests, never for secrets.
///
/// ```
/// use entra_apps::random::Randomness as _;
/// use entra_emulator::SeededRandomness;
///
/// let (mut one, mut other) = ([0; 8], [0; 8]);
/// SeededRandomness::new(7).fill(&mut one);
/// SeededRandomness::new(7).fill(&mut other);
/// assert_eq!(one, other);
/// ```
#[derive(Debug)]
pub struct SeededRandomness(Mutex<fastrand::Rng>);

impl SeededRandomness {
    /// A source that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// The current state, from which [`restart`](Self::restart) continues.
    pub(crate) fn state(&self) -> u64 {
        self.lock().get_seed()
    }

    pub(crate) fn restart(&self, state: u64) {
        self.lock().seed(state);
    }

    fn lock(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        self.lock().fill(bytes);
    }
}

pub(crate) fn uuid(randomness: &dyn Randomness) -> Uuid {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// A number below `bound`, nearly uniform; zero when `bound` is zero.
pub(crate) fn below(randomness: &dyn Randomness, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes);
    u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
}
