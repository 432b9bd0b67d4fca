//! Each request of the document's configuration fails in every way, and running it again ends the same.

use entra_apps::Error;

use super::*;
use crate::faults::each_request::{FAULTS, ITEM_FAULTS};
use crate::faults::job::{RUNS, report};

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

    /// One run of a process of its own; whether nothing is left to do.
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
    fn state(&self) -> BTreeMap<String, (usize, BTreeMap<String, Vec<String>>)> {
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
    fn check_foreign(&self) -> Result<(), String> {
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

    async fn run(&self, label: &str, fault: Fault, expected: &Job) -> Result<(), String> {
        self.partner.tenant().fault(fault);
        let mut last = None;
        for _ in 0..RUNS {
            match self.once().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
        }
        self.partner.tenant().clear_faults();
        self.check_foreign().map_err(|what| format!("{label}: {what}"))?;
        match self.once().await {
            Ok(true) if self.state() == expected.state() => Ok(()),
            Ok(converged) => Err(format!("{label}: {converged}, {:?}, {last:?}", self.state())),
            Err(error) => Err(format!("{label}: {error}, {last:?}")),
        }
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
    let undisturbed = Job::new();
    assert!(!undisturbed.once().await.unwrap());
    let requests = undisturbed.partner.tenant().requests();
    assert!(undisturbed.once().await.unwrap());
    undisturbed.check_foreign().unwrap();
    let state = undisturbed.state();
    assert_eq!((state["Application Administrators"].0, state["Application Administrators"].1.len()), (2, 5));
    let items: usize = requests.iter().map(|request| request.items.len()).sum();
    let mut results = Vec::new();
    let mut left_out = (0..stride).cycle();
    for (count, faults, in_batch) in [(requests.len(), FAULTS, false), (items, ITEM_FAULTS, true)] {
        for number in 1..=count as u64 {
            for (name, make) in faults {
                if left_out.next() != Some(0) {
                    continue;
                }
                let on = Fault::on("*", "/**").nth(number);
                let fault = make(if in_batch { on.in_batch() } else { on.alone() });
                let label = format!("{name} at {number}, in a batch {in_batch}");
                results.push(Job::new().run(&label, fault, &undisturbed).await);
            }
        }
    }
    report("configuration", &results);
}
