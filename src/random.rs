//! The one source of randomness: jitter, request ids, the mark of a secret.
//!
//! A test that is to go the same way each time gives the client a seeded one:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use entra_emulator::{MemoryTenant, SeededRandomness};
//!
//! let tenant = MemoryTenant::new();
//! let client = tenant.client_builder().randomness(Arc::new(SeededRandomness::new(7))).build()?;
//! client.organization().get().await?;
//! # Ok::<(), entra_apps::Error>(()) }).unwrap();
//! ```

use std::fmt;

use uuid::Uuid;

/// A source of random bytes.
///
/// ```
/// use entra_apps::random::{Randomness, SystemRandomness};
///
/// /// The operating system's, and how often it was asked.
/// #[derive(Debug, Default)]
/// struct Counted(std::sync::atomic::AtomicU32);
///
/// impl Randomness for Counted {
///     fn fill(&self, bytes: &mut [u8]) {
///         self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         SystemRandomness::default().fill(bytes);
///     }
/// }
/// # let _: std::sync::Arc<dyn Randomness> = std::sync::Arc::new(Counted::default());
/// ```
pub trait Randomness: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness: the default.
///
/// ```
/// use entra_apps::random::{Randomness, SystemRandomness};
///
/// let mut bytes = [0; 16];
/// SystemRandomness::default().fill(&mut bytes);
/// assert_ne!(bytes, [0; 16]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness");
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

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Randomness;

    /// Counts: each byte is the next number.
    #[derive(Debug, Default)]
    pub(crate) struct Counting(AtomicU64);

    impl Counting {
        pub(crate) fn starting_at(first: u64) -> Self {
            Self(AtomicU64::new(first))
        }
    }

    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = u8::try_from(self.0.fetch_add(1, Ordering::Relaxed) % 256).unwrap_or(0);
            }
        }
    }
}
