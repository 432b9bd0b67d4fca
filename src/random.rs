//! The one source of randomness: jitter, request ids, the mark of a secret.

use std::fmt;
use std::sync::Mutex;

use uuid::Uuid;

/// A source of random bytes.
pub trait Randomness: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness: the default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness");
    }
}

/// The same bytes for the same seed: for tests, never for secrets.
#[derive(Debug)]
pub struct SeededRandomness(Mutex<fastrand::Rng>);

impl SeededRandomness {
    /// Starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

#[cfg(feature = "memory")]
impl SeededRandomness {
    /// Where it stands: it goes on from there after [`restart`](Self::restart).
    pub(crate) fn state(&self) -> u64 {
        self.lock().get_seed()
    }

    pub(crate) fn restart(&self, state: u64) {
        self.lock().seed(state);
    }
}

impl SeededRandomness {
    fn lock(&self) -> std::sync::MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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

/// A number below `bound`, near enough to uniform for jitter and marks; zero when `bound` is zero.
pub(crate) fn below(randomness: &dyn Randomness, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    randomness.fill(&mut bytes);
    u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
}
