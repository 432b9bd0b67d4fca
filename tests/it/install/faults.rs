//! Each request of an installation and of a removal fails in every way, and running it again ends the same.

use std::collections::BTreeSet;

use entra_apps::ids::{AppId, TenantId};
use entra_apps::{AppRegistration, Client, Error, Plan};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant};

use super::{held, registration};
use crate::faults::each_request::{FAULTS, ITEM_FAULTS, RACES};
use crate::faults::job::{RUNS, lean, report};
use crate::support::register;

/// A vendor's tenant and a customer's, in which it is installed or is to be.
struct Job {
    cloud: MemoryCloud,
    app_id: AppId,
    is_removal: bool,
}

impl Job {
    async fn new(is_removal: bool) -> Self {
        let cloud = MemoryCloud::new([lean(), lean()]);
        let app_id = register(&cloud.client(&cloud.tenants()[0]), &registration()).await.application.unwrap().app_id;
        let job = Self { cloud, app_id, is_removal };
        if is_removal {
            let plan = job.client().install(app_id, job.publisher(), &registration()).plan().await.unwrap();
            job.client().apply(&plan).await.unwrap();
        }
        job.customer().clear_requests();
        job
    }

    fn customer(&self) -> &MemoryTenant {
        &self.cloud.tenants()[1]
    }

    fn client(&self) -> Client {
        self.cloud.client(self.customer())
    }

    fn publisher(&self) -> TenantId {
        self.cloud.tenants()[0].id()
    }

    async fn plan(&self, client: &Client, registration: &AppRegistration) -> Result<Plan, Error> {
        let installation = client.install(self.app_id, self.publisher(), registration);
        match self.is_removal {
            true => installation.plan_removal().service_principal().await,
            false => installation.plan().await,
        }
    }

    /// One run of a process of its own; whether nothing is left to do.
    async fn once(&self) -> Result<bool, Error> {
        let client = self.client();
        let registration = registration();
        let plan = self.plan(&client, &registration).await?;
        if plan.is_converged() {
            return Ok(true);
        }
        let apply = client.apply(&plan);
        match self.is_removal {
            true => apply.approve_deletion(self.app_id).await?,
            false => apply.await?,
        };
        Ok(false)
    }

    fn state(&self) -> Vec<BTreeSet<String>> {
        let principals = self.customer().service_principals().into_iter().filter(|it| it.app_id == self.app_id);
        principals.map(|principal| held(self.customer(), Some(principal.id))).collect()
    }

    async fn run(&self, label: &str, fault: Fault, expected: &[BTreeSet<String>]) -> Result<(), String> {
        self.customer().fault(fault);
        let mut last = None;
        for _ in 0..RUNS {
            match self.once().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
        }
        self.customer().clear_faults();
        match self.once().await {
            Ok(true) if self.state() == expected => Ok(()),
            Ok(converged) => Err(format!("{label}: {converged}, {:?}, {last:?}", self.state())),
            Err(error) => Err(format!("{label}: {error}")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_installation_and_a_removal_converge_whatever_request_fails() {
    every_request_fails(7).await;
}

mod sweep {
    #[tokio::test(start_paused = true)]
    #[ignore = "long: each request of an installation and of a removal, in every way"]
    async fn an_installation_and_a_removal_converge_whatever_request_fails_in_whatever_way() {
        super::every_request_fails(1).await;
    }
}

/// Each `stride`th of the requests and ways.
async fn every_request_fails(stride: usize) {
    let mut results = Vec::new();
    let mut left_out = (0..stride).cycle();
    for is_removal in [false, true] {
        let undisturbed = Job::new(is_removal).await;
        assert!(!undisturbed.once().await.unwrap());
        assert!(undisturbed.once().await.unwrap());
        let expected = undisturbed.state();
        assert_eq!(expected.len(), usize::from(!is_removal));
        let requests = undisturbed.customer().requests();
        let items: usize = requests.iter().map(|request| request.items.len()).sum();
        for (count, faults, in_batch) in [(requests.len(), FAULTS, false), (items, ITEM_FAULTS, true)] {
            for number in 1..=count as u64 {
                for (name, make) in faults {
                    if left_out.next() != Some(0) {
                        continue;
                    }
                    let on = Fault::on("*", "/**").nth(number);
                    let fault = make(if in_batch { on.in_batch() } else { on.alone() });
                    let label = format!("removal {is_removal}, {name} at {number}, in a batch {in_batch}");
                    results.push(Job::new(is_removal).await.run(&label, fault, &expected).await);
                }
            }
        }
        for (name, make) in RACES.iter().filter(|_| !is_removal) {
            for times in [1, 3] {
                let fault = make(Fault::on("POST", "/servicePrincipals").times(times));
                results.push(Job::new(false).await.run(&format!("{name}, {times} times"), fault, &expected).await);
            }
        }
    }
    report("installation", &results);
}
