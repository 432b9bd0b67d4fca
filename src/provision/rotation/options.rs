//! What a rotation is asked for.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::{AppId, KeyId};
use crate::provision::progress::ProgressHook;
use crate::provision::report::SecretSink;
use crate::provision::rotation::secret_store::SecretStore;

/// Where what is issued goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    Nowhere,
    Sink(Arc<dyn SecretSink>),
    Store(Arc<dyn SecretStore>),
}

/// What the report of sign-in activities is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing.
    Unasked,
    /// Whether those beside the one in use are in use too.
    Reported,
    /// Those that are not ours go by it as well.
    Removes,
}

/// What a rotation is asked for.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) destination: Destination,
    pub(super) adopt: Option<AppId>,
    pub(super) overlap: Duration,
    pub(super) retired: Vec<KeyId>,
    pub(super) replace_lost: bool,
    pub(super) at_once: Vec<String>,
    pub(super) evidence: Evidence,
    pub(super) shorten: bool,
    pub(super) times: u32,
    pub(super) progress: Option<ProgressHook>,
}
