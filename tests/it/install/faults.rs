//! Each request of an installation and of a removal fails in every way, and running it again ends the same.

use std::collections::BTreeSet;

use entra_apps::ids::{AppId, TenantId};
use entra_apps::{AppRegistration, Client, Error, Plan};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant};

use super::{held, registration};
use crate::faults::driver::{self, Runs};
use crate::faults::each_request::RACES;
use crate::faults::job::lean;
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
}

impl driver::Job for Job {
    type State = Vec<BTreeSet<String>>;

    fn tenant(&self) -> &MemoryTenant {
        self.customer()
    }

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
    let mut runs = Runs::each(stride);
    for is_removal in [false, true] {
        let expected =
            runs.fail_everywhere(&format!("removal {is_removal}"), async || Job::new(is_removal).await).await;
        assert_eq!(expected.len(), usize::from(!is_removal));
        for (name, make) in RACES.iter().filter(|_| !is_removal) {
            for times in [1, 3] {
                let fault = make(Fault::on("POST", "/servicePrincipals").times(times));
                runs.fail(&format!("{name}, {times} times"), &Job::new(false).await, fault, &expected).await;
            }
        }
    }
    runs.report("installation");
}
