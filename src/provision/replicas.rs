//! Waiting for the directory's replicas.

use std::time::Duration;

use crate::client::Client;
use crate::error::{Error, ErrorCode};
use crate::retry::{Outcome, Repeat};

/// Waits for replicas, longer with each attempt, or ends where the deadline is nearer.
pub(super) async fn wait_for_replicas(client: &Client, operation: &'static str, attempts: u32) -> Result<(), Error> {
    let (context, options) = (client.context(), client.options());
    let wait =
        context.policy.decide(Repeat::Safe, &Outcome::Lagging, attempts.min(6), Duration::ZERO, context.jitter());
    let Some(wait) = wait.filter(|wait| context.ends_in_time(*wait, &options)) else {
        return Err(Error::new(ErrorCode::NotVisibleYet).during(operation));
    };
    context.wait(operation, &Outcome::Lagging, wait, attempts, &options).await;
    Ok(())
}
