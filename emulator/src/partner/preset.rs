//! Ready-made clouds of a partner and its customers.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::Client;
use entra_apps::auth::{MemoryRefreshTokenStore, RefreshTokenProvider, SignInService, public_client};
use entra_apps::cloud::Cloud;
use entra_apps::ids::AppId;
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, well_known};
use entra_apps::transport::Transport;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ADMIN_AGENTS;
use crate::data::moment::Moment;
use crate::graph::authorize::role;
use crate::{Group, MemoryCloud, MemoryTenant, MemoryTenantBuilder, User};

/// The roles of admin agents in each customer's tenant: all that setting up applications takes.
const ADMIN_AGENT_ROLES: [&str; 5] = [
    role::APPLICATION_ADMINISTRATOR,
    role::CLOUD_APPLICATION_ADMINISTRATOR,
    role::PRIVILEGED_ROLE_ADMINISTRATOR,
    role::DIRECTORY_READERS,
    role::GLOBAL_READER,
];

impl MemoryCloud {
    /// A partner, `partner.onmicrosoft.com`, and its customers, `customer1.onmicrosoft.com` and so on: see
    /// [`partner`](Self::partner).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use entra_emulator::MemoryCloud;
    ///
    /// let cloud = MemoryCloud::partner_with_customers(2);
    /// let relationships = cloud.tenants()[0].delegated_admin_relationships();
    /// assert_eq!(relationships[1].customer, Some(cloud.tenant("customer2.onmicrosoft.com").unwrap().id()));
    /// # }
    /// ```
    pub fn partner_with_customers(customers: usize) -> Self {
        let (partner, customers) = builders(customers);
        Self::partner(partner, customers)
    }

    /// A partner, which is the first tenant, and its customers.
    ///
    /// The partner has a user in its group `AdminAgents`: `admin.agent@` its domain. It has a contract with each
    /// customer, and an active relationship with each, in which the admin agents are Application Administrator, Cloud
    /// Application Administrator, Privileged Role Administrator, Directory Reader and Global Reader. Customers do not
    /// have the service principal of Partner Center.
    ///
    /// # Panics
    /// When a builder's snapshot does not fit: see [`MemoryTenantBuilder::build`].
    pub fn partner(partner: MemoryTenantBuilder, customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let cloud = Self::of_partner(partner, customers);
        let Some((partner, customers)) = cloud.tenants().split_first() else { return cloud };
        let (agents, _) = agents(partner, &[]);
        for (customer, number) in customers.iter().zip(1..) {
            partner.add_customer(customer);
            let roles = template_ids(&ADMIN_AGENT_ROLES);
            let id = partner.add_relationship(customer, &relationship_name(number), &roles);
            partner.add_access_assignment(&id, agents.id, &roles);
        }
        cloud
    }

    /// A partner, `partner.onmicrosoft.com`, and its customers in [various states](Self::partner_in_use):
    /// `customer1.onmicrosoft.com` and so on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// use entra_emulator::MemoryCloud;
    ///
    /// let cloud = MemoryCloud::partner_in_use_with_customers(10);
    /// let relationships = cloud.tenants()[0].delegated_admin_relationships();
    /// // The sixth has none.
    /// assert_eq!(relationships.len(), 9);
    /// assert_eq!((&*relationships[1].status, &*relationships[5].status), ("active", "approvalPending"));
    /// # }
    /// ```
    pub fn partner_in_use_with_customers(customers: usize) -> Self {
        let (partner, customers) = builders(customers);
        Self::partner_in_use(partner, customers)
    }

    /// A partner, which is the first tenant, and its customers in various states, as one finds them.
    ///
    /// The partner has a user in its group `AdminAgents` who is Groups Administrator: `admin.agent@` its domain. Microsoft
    /// Graph Command Line Tools may do for the user what setting up customers takes, and so may the tenant's
    /// [caller](MemoryTenant::caller). There is a contract with each customer. The relationships were activated a month
    /// ago; the states of ten customers are those of the next ten:
    ///
    /// 1. active, with the roles of [`partner`](Self::partner), which the admin agents have
    /// 2. active, with these roles, which nobody has
    /// 3. active, with these roles, of which the group `Field Team` has one
    /// 4. active, with Cloud Application Administrator in the place of Application Administrator
    /// 5. active, without Privileged Role Administrator
    /// 6. no relationship
    /// 7. waiting for the customer's approval
    /// 8. ended ten days ago
    /// 9. active, and made by Microsoft, with readers' roles
    /// 10. as the first, with Global Administrator besides
    ///
    /// The partner has an app of its own for other tenants, of the unique name `customer-care`, which declares `User.Read.All`,
    /// `Group.Read.All` (application) and `User.Read` (delegated). The consents to it in seven customers are those in the
    /// next seven: whole; a service principal without any; without `Group.Read.All`; none at all; whole, and disabled; with
    /// more; whole, and deleted. Microsoft Graph Command Line Tools may read each customer's directory for the admin agents.
    ///
    /// # Panics
    /// When a builder's snapshot does not fit: see [`MemoryTenantBuilder::build`].
    pub fn partner_in_use(
        partner: MemoryTenantBuilder,
        customers: impl IntoIterator<Item = MemoryTenantBuilder>,
    ) -> Self {
        let cloud = Self::of_partner(partner, customers);
        let Some((partner, customers)) = cloud.tenants().split_first() else { return cloud };
        let (agents, agent) = agents(partner, &[role::GROUPS_ADMINISTRATOR]);
        let team = partner.add_group("Field Team", &[agent.id]);
        partner.consent_to_setup();
        let app_id = partner.register_app_in_use();
        for (customer, number) in customers.iter().zip(1..) {
            customer.consent_in_use(&app_id, number);
            partner.add_customer(customer);
            partner.add_relationship_in_use(customer, number, &agents, &team);
        }
        cloud
    }

    /// A member of the group `AdminAgents` of the first tenant, where that is a partner's and has one.
    pub fn admin_agent(&self) -> Option<User> {
        let partner = self.tenants().first()?;
        let agents = partner.groups().into_iter().find(|group| group.display_name == ADMIN_AGENTS)?;
        partner.users().into_iter().find(|user| agents.members.contains(&user.id))
    }

    /// A client of the first tenant, a partner's, to which its [admin agent](Self::admin_agent) is signed in by an app of the
    /// partner: with a refresh token, which gives tokens for the customers' tenants too.
    ///
    /// # Panics
    /// When the cloud has no partner with an admin agent.
    pub fn client_of_agent(&self, app_id: AppId) -> Client {
        let partner = &self.tenants()[0];
        let agent = self.admin_agent().expect("the cloud is a partner's, with an admin agent");
        let transport: Arc<dyn Transport> = Arc::new(self.clone());
        let service = SignInService::new(Cloud::global(), Arc::clone(&transport), partner.clock());
        let token = partner.sign_user_in(app_id, &agent);
        let store = Arc::new(MemoryRefreshTokenStore::new(token));
        let provider = RefreshTokenProvider::new(service, app_id, partner.id(), store);
        let builder = partner.client_builder().transport(transport);
        builder.token_provider(Arc::new(provider)).build().expect("all that a client needs is there")
    }

    fn of_partner(partner: MemoryTenantBuilder, customers: impl IntoIterator<Item = MemoryTenantBuilder>) -> Self {
        let customers = customers.into_iter().map(|builder| builder.without_api(well_known::MICROSOFT_PARTNER_CENTER));
        Self::new(std::iter::once(partner.partner()).chain(customers))
    }
}

/// What setting up customers takes, as application and as delegated permissions of Microsoft Graph.
const SETUP: [&str; 4] = [
    "CrossTenantInformation.ReadBasic.All",
    "DelegatedAdminRelationship.ReadWrite.All",
    "Directory.Read.All",
    "Group.ReadWrite.All",
];

const MONTH: Duration = Duration::from_secs(30 * 86_400);

impl MemoryTenant {
    /// Lets Microsoft Graph Command Line Tools and the caller of the tenant set customers up.
    fn consent_to_setup(&self) {
        let tools = public_client::MICROSOFT_GRAPH_COMMAND_LINE_TOOLS;
        let tools = self.by_hand("POST", "/servicePrincipals", &json!({ "appId": tools }));
        let graph = self.by_hand("GET", &format!("/servicePrincipals(appId='{MICROSOFT_GRAPH}')"), &Value::Null);
        let scope = format!("openid profile offline_access User.Read {}", SETUP.join(" "));
        let grant = json!({
            "clientId": tools["id"], "resourceId": graph["id"], "consentType": "AllPrincipals", "scope": scope
        });
        self.by_hand("POST", "/oauth2PermissionGrants", &grant);
        let caller = self.caller().service_principal_id;
        for name in SETUP {
            let role = Permission::application(name).expect("the permission is one of Microsoft Graph");
            let assignment = json!({"principalId": caller, "resourceId": graph["id"], "appRoleId": role.id()});
            // It has one of them from the start.
            self.send_json(
                "POST",
                &format!("/servicePrincipals/{caller}/appRoleAssignments"),
                Some(&assignment.to_string()),
            );
        }
    }

    pub(super) fn by_hand(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null()).map(ToString::to_string);
        let (status, body) = self.send_json(method, path, body.as_deref());
        assert!(status.is_success(), "{method} {path}: {body}");
        serde_json::from_str(&body).expect("a response is JSON")
    }

    /// Adds the relationship that the customer of this number has.
    fn add_relationship_in_use(&self, customer: &Self, number: usize, agents: &Group, team: &Group) {
        use role::{
            APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, DIRECTORY_READERS, GLOBAL_ADMINISTRATOR,
            GLOBAL_READER, PRIVILEGED_ROLE_ADMINISTRATOR,
        };
        let all = ADMIN_AGENT_ROLES.as_slice();
        let with_global = [all, &[GLOBAL_ADMINISTRATOR]].concat();
        let (roles, status, assigned): (&[&str], &str, Option<Assigned<'_>>) = match number % 10 {
            1 => (all, "active", Some((agents, all))),
            3 => (all, "active", Some((team, &[APPLICATION_ADMINISTRATOR]))),
            4 => (&[CLOUD_APPLICATION_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR], "active", None),
            5 => (&[APPLICATION_ADMINISTRATOR, DIRECTORY_READERS], "active", None),
            6 => return,
            7 => (all, "approvalPending", None),
            8 => (all, "terminated", None),
            9 => (&[DIRECTORY_READERS, GLOBAL_READER], "active", None),
            0 => (&with_global, "active", Some((agents, all))),
            _ => (all, "active", None),
        };
        let name = match number % 10 {
            9 => format!("MLT_{number}"),
            _ => relationship_name(number),
        };
        let id = self.add_relationship(customer, &name, &template_ids(roles));
        if let Some((group, roles)) = assigned {
            self.add_access_assignment(&id, group.id, &template_ids(roles));
        }
        self.with_cloud(|cloud| {
            let moment = self.moment();
            let at = |wall| Moment { wall, ..moment }.timestamp();
            let activated = moment.wall - MONTH;
            let dates = match status {
                "active" => json!({"activatedDateTime": at(activated), "endDateTime": at(activated + 24 * MONTH)}),
                "terminated" => json!({"activatedDateTime": at(activated), "endDateTime": at(moment.wall - MONTH / 3)}),
                _ => json!({"activatedDateTime": null, "endDateTime": null}),
            };
            let partner = cloud[self.0.index].directory.partner.as_mut().expect("the tenant is a partner");
            let relationship = partner.relationship_mut(&id).expect("it was added");
            // When it expires is worked out from these.
            relationship.ends = None;
            relationship.entity.write(&dates, moment);
            relationship.entity.write(&json!({ "status": status }), moment);
        });
    }
}

/// A group, and the roles of a relationship that it has.
type Assigned<'a> = (&'a Group, &'a [&'a str]);

/// The builders of a partner and so many customers.
fn builders(customers: usize) -> (MemoryTenantBuilder, impl Iterator<Item = MemoryTenantBuilder>) {
    let partner = MemoryTenant::builder().display_name("Partner").domain("partner.onmicrosoft.com");
    let customer = |number| {
        let builder = MemoryTenant::builder().display_name(format!("Customer {number}"));
        builder.domain(format!("customer{number}.onmicrosoft.com"))
    };
    (partner, (1..=customers).map(customer))
}

/// The group of admin agents, and a user in it with these directory roles of the partner's own tenant.
fn agents(partner: &MemoryTenant, roles: &[&str]) -> (Group, User) {
    let agent = partner.add_user("Admin Agent", &template_ids(roles));
    let agents = partner.groups().into_iter().find(|group| group.display_name == ADMIN_AGENTS);
    let agents = agents.expect("a partner has the group");
    partner.state().directory.members.add(&agents.id.to_string(), &agent.id.to_string());
    (agents, agent)
}

fn template_ids(roles: &[&str]) -> Vec<Uuid> {
    roles.iter().filter_map(|role| role.parse().ok()).collect()
}

fn relationship_name(number: usize) -> String {
    format!("Administration of customer {number}")
}
