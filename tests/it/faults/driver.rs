//! Each request of a job fails in every way, and running the job again ends where an undisturbed run ends.

use std::fmt::Debug;

use entra_apps::Error;
use entra_emulator::{Fault, MemoryTenant};

use super::each_request::{FAULTS, ITEM_FAULTS};
use super::job::{RUNS, report};

/// A job in a tenant of its own, which can be run again.
pub(crate) trait Job {
    /// What is to be the same at the end.
    type State: PartialEq + Debug;

    /// The tenant whose requests fail.
    fn tenant(&self) -> &MemoryTenant;

    /// One run of a process of its own; whether nothing was left to do.
    async fn once(&self) -> Result<bool, Error>;

    fn state(&self) -> Self::State;

    /// What has to hold whenever the job has been run.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// The runs of jobs under faults, of which each `stride`th is made.
pub(crate) struct Runs {
    left_out: std::iter::Cycle<std::ops::Range<usize>>,
    results: Vec<Result<(), String>>,
}

impl Runs {
    pub(crate) fn each(stride: usize) -> Self {
        Self { left_out: (0..stride).cycle(), results: Vec::new() }
    }

    /// Runs a job undisturbed, and then others like it with each of its requests and items failing in every way. Returns
    /// what an undisturbed run leaves.
    pub(crate) async fn fail_everywhere<J: Job>(&mut self, label: &str, make: impl AsyncFn() -> J) -> J::State {
        let undisturbed = make().await;
        assert!(!undisturbed.once().await.unwrap());
        assert!(undisturbed.once().await.unwrap());
        undisturbed.check().unwrap();
        let expected = undisturbed.state();
        let requests = undisturbed.tenant().requests();
        let items: usize = requests.iter().map(|request| request.items.len()).sum();
        for (count, faults, in_batch) in [(requests.len(), FAULTS, false), (items, ITEM_FAULTS, true)] {
            for number in 1..=count as u64 {
                for (name, fault) in faults {
                    if self.left_out.next() != Some(0) {
                        continue;
                    }
                    let on = Fault::on("*", "/**").nth(number);
                    let fault = fault(if in_batch { on.in_batch() } else { on.alone() });
                    let label = format!("{label}, {name} at {number}, in a batch {in_batch}");
                    self.fail(&label, &make().await, fault, &expected).await;
                }
            }
        }
        expected
    }

    /// Runs a job under a fault until nothing is left to do, and once more without it.
    pub(crate) async fn fail<J: Job>(&mut self, label: &str, job: &J, fault: Fault, expected: &J::State) {
        job.tenant().fault(fault);
        let mut last = None;
        for _ in 0..RUNS {
            match job.once().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
        }
        job.tenant().clear_faults();
        let result = match (job.check(), job.once().await) {
            (Ok(()), Ok(true)) if job.state() == *expected => Ok(()),
            (Ok(()), Ok(converged)) => Err(format!("{label}: {converged}, {:?}, {last:?}", job.state())),
            (Ok(()), Err(error)) => Err(format!("{label}: {error}, {last:?}")),
            (Err(what), _) => Err(format!("{label}: {what}")),
        };
        self.results.push(result);
    }

    /// Fails where a run did.
    pub(crate) fn report(&self, what: &str) {
        report(what, &self.results);
    }
}
