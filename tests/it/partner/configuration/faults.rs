//! Each request of the document's configuration fails in every way, and running it again ends the same.

use entra_apps::Error;

use super::*;
use crate::faults::driver::{self, Runs};

/// A partner whose groups have something from others already.
struct Job {
    partner: Partner,
    configuration: GdapConfiguration,
    /// The assignments of others, as Graph returned them at first.
    foreign: BTreeMap<String, Vec<Value>>,
    /// The members that others have added.
    members: BTreeMap<String, Vec<DirectoryObjectId>>,
}

const TEAM: &str = "Field Team";

impl Job {
    fn new() -> Self {
        let partner = Partner::new(5);
        let team = partner.group(TEAM).id;
        let grace = partner.tenant().add_user("Grace Hopper", &[]);
        // A third group, to which others have given something: that is added to.
        let configuration = document()
            .group(SecurityGroup::id(team).role(DirectoryRole::DIRECTORY_READERS))
            .member(grace.user_principal_name.as_str());
        let foreign = partner.assignments();
        let members = partner.tenant().groups().into_iter().map(|group| (group.display_name, group.members)).collect();
        partner.tenant().clear_requests();
        Self { partner, configuration, foreign, members }
    }
}

impl driver::Job for Job {
    type State = BTreeMap<String, (usize, BTreeMap<String, Vec<String>>)>;

    fn tenant(&self) -> &MemoryTenant {
        self.partner.tenant()
    }

    async fn once(&self) -> Result<bool, Error> {
        let client = self.partner.client();
        let plan = client.partner().plan(&self.configuration).await?;
        if plan.is_converged() && plan.all_steps().all(|step| step.action != GdapAction::Unknown) {
            return Ok(true);
        }
        let applied = client.partner().apply(&plan).approve(plan.needs_approval().to_vec()).await?;
        match applied.failed.into_iter().next() {
            Some(failure) => Err(failure.error),
            None => Ok(false),
        }
    }

    /// Everything that is to be the same at the end: groups with their members, and the roles of each.
    fn state(&self) -> Self::State {
        let groups = self.partner.tenant().groups();
        let mut state = BTreeMap::new();
        for group in &groups {
            let same = groups.iter().filter(|it| it.display_name == group.display_name).count();
            assert_eq!(same, 1, "{} is there twice", group.display_name);
            let roles = self.partner.roles_of(&group.display_name);
            state.insert(group.display_name.clone(), (group.members.len(), roles));
        }
        state
    }

    /// What others gave, byte for byte; of the group that was added to, at least what it had.
    fn check(&self) -> Result<(), String> {
        let team = json!(self.partner.group(TEAM).id);
        let now = self.partner.assignments();
        for (relationship, before) in &self.foreign {
            for assignment in before.iter().filter(|it| it["accessContainer"]["accessContainerId"] != team) {
                if !now[relationship].contains(assignment) {
                    return Err(format!("{relationship}: {assignment} was touched"));
                }
            }
        }
        for group in self.partner.tenant().groups() {
            let before = self.members.get(&group.display_name).map_or(&[][..], Vec::as_slice);
            if !before.iter().all(|member| group.members.contains(member)) {
                return Err(format!("{} has lost a member", group.display_name));
            }
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_configuration_converges_whatever_request_fails() {
    every_request_fails(7).await;
}

mod sweep {
    #[tokio::test(start_paused = true)]
    #[ignore = "long: each request of the configuration, in every way"]
    async fn the_configuration_converges_whatever_request_fails_in_whatever_way() {
        super::every_request_fails(1).await;
    }
}

/// Each `stride`th of the requests and ways.
async fn every_request_fails(stride: usize) {
    let mut runs = Runs::each(stride);
    let state = runs.fail_everywhere("configuration", async || Job::new()).await;
    assert_eq!((state["Application Administrators"].0, state["Application Administrators"].1.len()), (2, 5));
    runs.report("configuration");
}
