//! The example configuration of a vendor's document: two groups, their roles at customers, and who is in them.

mod approvals;
mod faults;
mod input;
mod scope;

use std::collections::BTreeMap;

use entra_apps::ids::{DirectoryObjectId, TenantId};
use entra_apps::model::DelegatedAdminAccessAssignment;
use entra_apps::partner::{
    GdapAction, GdapApplied, GdapApproval, GdapChecklist, GdapConfiguration, GdapPlan, GdapStep, GdapStepKind,
    ReadinessOutcome, SecurityGroup,
};
use entra_apps::{ErrorCode, ErrorKind};
use entra_emulator::{Fault, Group};

use super::*;
use crate::support::counts;

const APPLICATIONS: DirectoryRole = DirectoryRole::APPLICATION_ADMINISTRATOR;
const CLOUD: DirectoryRole = DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR;
const PRIVILEGED: DirectoryRole = DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR;
const AGENT: &str = "admin.agent@partner.onmicrosoft.com";

fn applications() -> SecurityGroup {
    SecurityGroup::unique_name("immybot-application-administrators", "Application Administrators").role(APPLICATIONS)
}

fn privileged() -> SecurityGroup {
    SecurityGroup::unique_name("immybot-privileged-role-administrators", "Privileged Role Administrators")
        .role(PRIVILEGED)
}

/// The configuration of the document.
fn document() -> GdapConfiguration {
    GdapConfiguration::new().group(applications()).group(privileged()).member(AGENT).change_memberships()
}

/// A partner and customers in every state.
struct Partner {
    cloud: MemoryCloud,
}

impl Partner {
    fn new(customers: usize) -> Self {
        let customer = |number| {
            let builder = builder().domain(format!("customer{number}.onmicrosoft.com"));
            builder.display_name(format!("Customer {number}"))
        };
        let partner = builder().domain("partner.onmicrosoft.com").display_name("Partner");
        let cloud = MemoryCloud::partner_in_use(partner, (1..=customers).map(customer));
        cloud.tenants()[0].clear_requests();
        Self { cloud }
    }

    fn tenant(&self) -> &MemoryTenant {
        &self.cloud.tenants()[0]
    }

    /// The tenant id of a customer, by its number.
    fn customer(&self, number: usize) -> TenantId {
        self.cloud.tenants()[number].id()
    }

    fn client(&self) -> Client {
        self.cloud.client(self.tenant())
    }

    async fn plan(&self, configuration: &GdapConfiguration) -> GdapPlan {
        self.client().partner().plan(configuration).await.unwrap()
    }

    /// Plans and applies, everything approved.
    async fn apply(&self, configuration: &GdapConfiguration) -> GdapApplied {
        let plan = self.plan(configuration).await;
        let applied = self.client().partner().apply(&plan).approve(plan.needs_approval().to_vec()).await.unwrap();
        assert!(applied.failed.is_empty(), "{:?}", applied.failed);
        applied
    }

    async fn verify(&self, configuration: &GdapConfiguration) -> GdapChecklist {
        self.client().partner().verify(configuration).await.unwrap()
    }

    fn group(&self, name: &str) -> Group {
        self.tenant().groups().into_iter().find(|group| group.display_name == name).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.tenant().send_json("GET", path, None);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, text) = self.tenant().send_json(method, path, Some(&body.to_string()));
        assert!(status.is_success(), "{method} {path}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    fn add_member(&self, group: DirectoryObjectId, member: DirectoryObjectId) {
        let link = format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}");
        self.send("POST", &format!("/groups/{group}/members/$ref"), &json!({ "@odata.id": link }));
    }

    /// The access assignments that are there, as Graph returns them, by relationship.
    fn assignments(&self) -> BTreeMap<String, Vec<Value>> {
        let relationships = self.tenant().delegated_admin_relationships();
        let of = |id: &str| {
            self.get(&format!("{RELATIONSHIPS}/{id}/accessAssignments"))["value"].as_array().unwrap().clone()
        };
        relationships.into_iter().map(|it| (it.display_name, of(&it.id))).collect()
    }

    /// The roles that a group has, by relationship.
    fn roles_of(&self, group: &str) -> BTreeMap<String, Vec<String>> {
        let id = self.group(group).id;
        let roles = |all: Vec<Value>| {
            let all = all.into_iter().map(|it| serde_json::from_value::<DelegatedAdminAccessAssignment>(it).unwrap());
            let own: Vec<_> = all.filter(|it| it.group() == Some(id) && it.is_live()).collect();
            assert!(own.len() <= 1, "a group has one assignment at most");
            let mut roles: Vec<String> =
                own.iter().flat_map(DelegatedAdminAccessAssignment::roles).map(|role| role.to_string()).collect();
            roles.sort();
            roles
        };
        let all = self.assignments().into_iter().map(|(name, all)| (name, roles(all)));
        all.filter(|(_, roles)| !roles.is_empty()).collect()
    }
}

/// The outcomes by the number of the customer.
fn outcomes(partner: &Partner, customers: &[entra_apps::partner::GdapCustomer]) -> Vec<(usize, ReadinessOutcome)> {
    let number = |id| partner.cloud.tenants().iter().position(|tenant| tenant.id() == id).unwrap();
    let mut all: Vec<_> = customers.iter().map(|it| (number(it.customer.tenant_id), it.outcome)).collect();
    all.sort_by_key(|(number, _)| *number);
    all
}

fn actions(plan: &GdapPlan, kind: GdapStepKind) -> Vec<GdapAction> {
    plan.all_steps().filter(|step| step.id.kind == kind).map(|step| step.action).collect()
}

#[tokio::test(start_paused = true)]
async fn the_documents_configuration_is_planned_applied_and_verified_and_a_second_run_writes_nothing() {
    use ReadinessOutcome::{NotReady, Ready};

    let partner = Partner::new(10);
    let before = partner.assignments();
    let plan = partner.plan(&document()).await;
    assert_eq!(counts(partner.tenant()).1, 0, "a plan reads only");
    assert_eq!(actions(&plan, GdapStepKind::Group), [GdapAction::Add; 2]);
    assert_eq!(actions(&plan, GdapStepKind::Member), [GdapAction::Add; 2]);
    assert_eq!(actions(&plan, GdapStepKind::AdminAgent), [GdapAction::Unchanged]);
    // The document's pair, with what suffices in its place at the fourth.
    let text = plan.to_string();
    for said in [
        "The group “Application Administrators” becomes Application Administrator at Customer 1",
        "The group “Privileged Role Administrators” becomes Privileged Role Administrator at Customer 1",
        "The group “Application Administrators” becomes Cloud Application Administrator at Customer 4",
        "The group “Privileged Role Administrators” cannot become Privileged Role Administrator at Customer 5",
        "Admin Agent (admin.agent@partner.onmicrosoft.com) becomes a member of the group “Application Administrators”",
        "Needs approval",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert_eq!(serde_json::to_value(&plan).unwrap()["steps"][0]["id"], "group:immybot-application-administrators");

    let applied = partner.apply(&document()).await;
    let roles = applied.done.iter().filter(|step| step.id.kind == GdapStepKind::RoleAssigned).count();
    // The first four and the tenth have both roles to give, the fifth one of them.
    assert_eq!(roles, 2 * 5 + 1);
    let given = partner.roles_of("Application Administrators");
    assert_eq!(given.len(), 6);
    assert_eq!(given["Administration of customer 4"], ["Cloud Application Administrator"]);
    assert_eq!(partner.roles_of("Privileged Role Administrators").len(), 5);
    let agent = partner.cloud.admin_agent().unwrap().id;
    for group in ["AdminAgents", "Application Administrators", "Privileged Role Administrators"] {
        assert_eq!(partner.group(group).members, [agent], "{group}");
    }
    // What others gave is as it was, byte for byte.
    let after = partner.assignments();
    for (relationship, foreign) in &before {
        assert_eq!(after[relationship][..foreign.len()], **foreign, "{relationship}");
    }

    partner.tenant().clear_requests();
    let again = partner.plan(&document()).await;
    assert!(again.is_converged() && again.needs_approval().is_empty(), "{again}");
    let applied = partner.client().partner().apply(&again).await.unwrap();
    assert!(applied.done.is_empty() && applied.failed.is_empty());
    assert_eq!(counts(partner.tenant()).1, 0, "a second run writes nothing");

    let checklist = partner.verify(&document()).await;
    let expected = [Ready, Ready, Ready, Ready, NotReady, NotReady, NotReady, NotReady, NotReady, Ready];
    assert_eq!(outcomes(&partner, &checklist.customers), (1..).zip(expected).collect::<Vec<_>>());
    assert!(!checklist.is_done() && checklist.to_string().contains("[x] = The security group “Application"));
}

#[tokio::test(start_paused = true)]
async fn memberships_are_left_to_a_person_unless_they_are_asked_for() {
    let partner = Partner::new(1);
    let nobody = partner.tenant().add_user("Grace Hopper", &[]);
    let configuration = GdapConfiguration::new().group(applications()).member(nobody.user_principal_name.as_str());
    let applied = partner.apply(&configuration).await;
    let by_hand: Vec<&GdapStep> = applied.open.iter().filter(|it| it.action == GdapAction::ByHand).collect();
    assert_eq!(by_hand.len(), 2, "AdminAgents and the group: {applied}");
    for (step, group) in by_hand.iter().zip(["AdminAgents", "Application Administrators"]) {
        let remedy = step.remedy.as_ref().unwrap();
        assert!(remedy.contains(&format!("“{group}”, Members, and add Grace Hopper")), "{remedy}");
    }
    assert!(partner.group("Application Administrators").members.is_empty());
    // With them asked for, both are done.
    let applied = partner.apply(&configuration.change_memberships()).await;
    assert_eq!(applied.done.len(), 2);
    assert!(partner.group("AdminAgents").members.contains(&nobody.id));
    assert_eq!(partner.group("Application Administrators").members, [nobody.id]);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_group_through_another_is_in_it() {
    let partner = Partner::new(1);
    let agent = partner.cloud.admin_agent().unwrap();
    let inner = partner.tenant().add_group("Inner", &[agent.id]);
    let outer = partner.tenant().add_group("Outer", &[inner.id]);
    let plan = partner
        .plan(&GdapConfiguration::new().group(SecurityGroup::id(outer.id).role(APPLICATIONS)).member(AGENT))
        .await;
    assert_eq!(actions(&plan, GdapStepKind::Member), [GdapAction::Unchanged]);
    let names: Vec<_> = plan.groups[0].members.iter().map(ToString::to_string).collect();
    assert!(names.contains(&"Inner".to_owned()) && names.contains(&"Admin Agent".to_owned()), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn roles_that_others_gave_to_the_group_stay_and_the_whole_set_is_sent() {
    let partner = Partner::new(3);
    let team = partner.group("Field Team").id;
    let configuration = GdapConfiguration::new().group(SecurityGroup::id(team).role(PRIVILEGED));
    let plan = partner.plan(&configuration).await;
    let third = plan.customers.iter().find(|it| it.customer.tenant_id == partner.customer(3)).unwrap();
    assert_eq!(third.steps[0].action, GdapAction::Change);
    // Somebody else changes it between the look and the write, once.
    let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments/*";
    partner.tenant().fault(Fault::on("PATCH", path).in_batch().refuses(412, "preconditionFailed", "The ETag differs."));
    let _ = partner.apply(&configuration).await;
    assert!(partner.tenant().unmet_faults().is_empty());
    let both = ["Application Administrator", "Privileged Role Administrator"].map(str::to_owned);
    assert_eq!(partner.roles_of("Field Team")["Administration of customer 3"], both);
    assert!(partner.plan(&configuration).await.is_converged());
}

#[tokio::test(start_paused = true)]
async fn an_assignment_with_a_role_that_cannot_be_read_is_not_changed() {
    let partner = Partner::new(3);
    let team = partner.group("Field Team").id;
    let configuration = GdapConfiguration::new().group(SecurityGroup::id(team).role(PRIVILEGED));
    let plan = partner.plan(&configuration).await;
    let approved = plan.needs_approval().to_vec();
    let odd = json!({"value": [{
        "@odata.etag": "W/\"1\"", "id": "a", "status": "active", "accessContainer": {"accessContainerId": team},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": APPLICATIONS.id()}, {"roleDefinitionId": 7}]}
    }]});
    let path = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
    partner.tenant().fault(Fault::on("GET", path).in_batch().always().body(odd.to_string()));
    let applied = partner.client().partner().apply(&plan).approve(approved).await.unwrap();
    assert_eq!((applied.failed.len(), applied.done.len()), (3, 0), "{applied}");
    assert!(applied.failed.iter().all(|it| it.error.message().contains("would be lost")), "{applied}");
    assert_eq!(counts(partner.tenant()).1, 0);
}

#[tokio::test(start_paused = true)]
async fn customers_who_have_approved_too_little_are_invited_and_set_up_once_they_have_approved() {
    let partner = Partner::new(9);
    let client = partner.client();
    let plan = partner.plan(&document()).await;
    let number = |id: TenantId| (1..=9).find(|at| partner.customer(*at) == id).unwrap();
    let invited = |plan: &GdapPlan| {
        let mut all: Vec<_> =
            plan.invitations().map(|it| number(it.customer.as_ref().unwrap().tenant_id.unwrap())).collect();
        all.sort_unstable();
        all
    };
    // The fifth lacks a role, the sixth has none, the eighth's has ended, the ninth's is Microsoft's.
    assert_eq!(invited(&plan), [5, 6, 8, 9]);
    let of = |plan: &GdapPlan, at: usize| {
        plan.customers.iter().find(|it| it.customer.tenant_id == partner.customer(at)).unwrap().clone()
    };
    let fifth = of(&plan, 5);
    assert_eq!(fifth.gaps[0].code(), "role_not_in_relationship");
    let ready = fifth.invitation.unwrap();
    // It keeps what the customer has approved before.
    let roles: Vec<_> = ready.access_details.roles().collect();
    for role in [APPLICATIONS, PRIVILEGED, DirectoryRole::DIRECTORY_READERS] {
        assert!(roles.contains(&role), "{roles:?}");
    }
    // The seventh waits for the customer: its link is there, and nothing new is proposed.
    let seventh = of(&plan, 7);
    assert!(seventh.link.unwrap().as_str().contains(seventh.invited.unwrap().as_str()));

    let made = client.partner().invite(&ready).await.unwrap();
    let id = made.id.unwrap();
    let again = partner.plan(&document()).await;
    assert_eq!(invited(&again), [6, 8, 9]);
    assert_eq!(of(&again, 5).invited, Some(id.clone()));
    let step = &of(&again, 5).steps[1];
    assert!(step.action == GdapAction::NotPossible && step.remedy.as_ref().unwrap().contains("invitation link"));
    // Made twice, it is one.
    client.partner().invite(&ready).await.unwrap();
    assert_eq!(partner.tenant().delegated_admin_relationships().len(), 9);

    partner.cloud.tenants()[5].approve_relationship(id.as_str());
    pass(3).await;
    assert_eq!(of(&partner.plan(&document()).await, 5).outcome, ReadinessOutcome::NotReady);
    pass(10).await;
    let _ = partner.apply(&document()).await;
    assert_eq!(of(&partner.plan(&document()).await, 5).outcome, ReadinessOutcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn another_relationship_has_the_name_of_an_invitation() {
    let partner = Partner::new(6);
    let name = |plan: &GdapPlan, at: usize| {
        let is_it = |it: &&entra_apps::model::NewDelegatedAdminRelationship| {
            it.customer.as_ref().unwrap().tenant_id == Some(partner.customer(at))
        };
        plan.invitations().find(is_it).unwrap().clone()
    };
    let first = name(&partner.plan(&document()).await, 6);
    let other = json!({
        "displayName": first.display_name.to_uppercase(), "duration": "P30D", "customer": {"tenantId": partner.customer(6)},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": DirectoryRole::GLOBAL_READER.id()}]}
    });
    partner.send("POST", RELATIONSHIPS, &other);
    let error = partner.client().partner().invite(&first).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, ErrorCode::ObjectConflict));
    let second = name(&partner.plan(&document()).await, 6);
    assert_eq!(second.display_name, format!("{} 2", first.display_name));
    assert!(second.display_name.len() <= 50);
    assert!(partner.client().partner().invite(&second).await.unwrap().id.is_some());
}
