//! Sets a partner's customers up for ImmyBot's pre-consent, as its document says: two security groups, their roles at each
//! customer by delegated admin relationships (GDAP), and the partner's user in these groups and in AdminAgents.
//!
//! `cargo run --example gdap_setup -- --live --approvals approvals.json`: the first run writes down what needs an approval,
//! the next one does what was approved. Without flags it goes to a partner of 25 customers in memory, some of them not
//! ready. Document: <https://docs.immy.bot/azure-graph-permissions-setup.html>

#[allow(dead_code, unused_imports)] // the vendors' examples use more of it
mod support;

use std::path::Path;
use std::process::ExitCode;

use entra_apps::Client;
use entra_apps::directory_role::DirectoryRole;
use entra_apps::http::Method;
use entra_apps::ids::Tenant;
use entra_apps::partner::{Gap, GdapApproval, GdapConfiguration, GdapPlan, RolesNeeded, SecurityGroup};
use serde_json::Value;

use support::customers::{Customers, Row};
use support::{Failure, Flag, OwnFlags};

const ABOUT: &str = "usage: gdap_setup [flags]

Plans the document's configuration, applies it twice (the second time writes nothing), and shows who is ready and what
the others lack: for a partner of 25 customers in memory, unless a flag says otherwise. Exit code 0 when every customer's
state could be told, 1 when not, 2 for flags that make no sense.
";

const FLAGS: &[Flag] = &[
    Flag { name: "plan", value: None, help: "only say what would change" },
    Flag { name: "customer", value: Some("TENANT"), help: "this customer only, by id or domain; repeatable" },
    Flag {
        name: "member",
        value: Some("NAME"),
        help: "who signs in to Partner Center; by default whoever signs in here",
    },
    Flag { name: "memberships-by-hand", value: None, help: "add nobody to a group, and say where to" },
    Flag { name: "approvals", value: Some("FILE"), help: "what is approved; a new file is written, to be looked at" },
    Flag { name: "invite", value: None, help: "make the relationships that customers lack, and show their links" },
];

/// The configuration of the document.
fn configuration() -> GdapConfiguration {
    GdapConfiguration::new()
        .group(
            SecurityGroup::unique_name("immybot-application-administrators", "Application Administrators")
                .role(DirectoryRole::APPLICATION_ADMINISTRATOR),
        )
        .group(
            SecurityGroup::unique_name("immybot-privileged-role-administrators", "Privileged Role Administrators")
                .role(DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR),
        )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    support::customers::main(ABOUT, FLAGS, setup).await
}

async fn setup(flags: &OwnFlags, client: &Client, customers: &mut Customers) -> Result<(), Failure> {
    let mut configuration = configuration();
    let members: Vec<String> = match flags.values("member").map(str::to_owned).collect::<Vec<_>>() {
        given if given.is_empty() => signed_in(client).await.into_iter().collect(),
        given => given,
    };
    for member in &members {
        configuration = configuration.member(member.as_str());
    }
    if !flags.is_set("memberships-by-hand") {
        configuration = configuration.change_memberships();
    }
    let only = flags.values("customer").map(str::parse).collect::<Result<Vec<Tenant>, _>>()?;
    for run in 1..=2 {
        // Plan: it only reads.
        let plan = client.partner().plan(&configuration);
        let plan = if only.is_empty() { plan.await? } else { plan.of(only.clone()).await? };
        customers.say(format!("\nRun {run}\n{plan}"));
        if run == 1 && flags.is_set("invite") {
            invite(client, &plan, customers).await?;
        }
        if flags.is_set("plan") {
            customers.run_ended();
            break;
        }
        // Apply: what was approved, and no more.
        let approved = approved(flags, &plan)?;
        let applied = client.partner().apply(&plan).approve(approved).await?;
        customers.say(&applied);
        let writes = customers.run_ended();
        if let Some(failure) = applied.failed.into_iter().next() {
            return Err(failure.error.into());
        }
        if run == 2 && writes > 0 {
            let message = format!("the second run wrote {writes} times");
            return Err(Failure::new("not_converged", message, "Run it again: somebody else may be at it, too."));
        }
    }
    table(client, &only, customers).await
}

/// The user principal name of whoever has signed in; nothing for an app.
async fn signed_in(client: &Client) -> Option<String> {
    let me: Value = client.request(Method::GET, "me").query("$select", "userPrincipalName").returning().await.ok()?;
    me["userPrincipalName"].as_str().map(str::to_owned)
}

/// The items of a file that somebody has looked at. A tenant of nobody's approves all that its plan shows.
fn approved(flags: &OwnFlags, plan: &GdapPlan) -> Result<Vec<GdapApproval>, Failure> {
    let needed = plan.needs_approval();
    let unreadable = |path: &str, error: String| {
        Failure::new(
            "approvals_file",
            format!("{path}: {error}"),
            "Give a file that an earlier run wrote, or a new one.",
        )
    };
    match flags.values("approvals").next() {
        None if flags.access.live => Ok(Vec::new()),
        None => Ok(needed.to_vec()),
        Some(path) if Path::new(path).exists() => {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error.to_string()))?;
            serde_json::from_str(&text).map_err(|error| unreadable(path, error.to_string()))
        }
        Some(_) if needed.is_empty() => Ok(Vec::new()),
        Some(path) => {
            let text = serde_json::to_string_pretty(needed).map_err(|error| unreadable(path, error.to_string()))?;
            std::fs::write(path, text).map_err(|error| unreadable(path, error.to_string()))?;
            Err(Failure::new(
                "look_first",
                format!("what needs an approval is in {path}"),
                "Look at it, take out what is not meant, and run it again.",
            ))
        }
    }
}

/// Makes the relationships that customers lack, and shows where they approve them.
async fn invite(client: &Client, plan: &GdapPlan, customers: &Customers) -> Result<(), Failure> {
    for invitation in plan.invitations() {
        let invited = client.partner().invite(invitation).await?;
        let link = invited.id.as_ref().and_then(|id| client.partner().invitation_link(id));
        customers.say(format!("{}: {}", invitation.display_name, link.map(String::from).unwrap_or_default()));
    }
    Ok(())
}

/// Who is ready, and what the others lack.
async fn table(client: &Client, only: &[Tenant], customers: &mut Customers) -> Result<(), Failure> {
    let needed = RolesNeeded::to_administer_apps()
        .any_of([DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR, DirectoryRole::GLOBAL_ADMINISTRATOR]);
    let readiness = client.partner().readiness(needed).with_domains().await?;
    customers.say("\nCustomers");
    for it in readiness.customers {
        let (id, domain) = (it.customer.tenant_id, it.customer.default_domain.as_deref());
        let is_meant =
            |tenant: &Tenant| tenant.id() == Some(id) || tenant.domain().is_some_and(|it| Some(it) == domain);
        if !only.is_empty() && !only.iter().any(is_meant) {
            continue;
        }
        let gaps: Vec<&Gap> = readiness.partner.iter().chain(&it.gaps).collect();
        let texts = |of: fn(&Gap) -> String, between| gaps.iter().map(|gap| of(gap)).collect::<Vec<_>>().join(between);
        let outcome = serde_json::to_value(it.outcome).ok().and_then(|it| it.as_str().map(str::to_owned));
        customers.row(Row {
            tenant_id: id.to_string(),
            display_name: it.customer.display_name.unwrap_or_else(|| id.to_string()),
            outcome: outcome.unwrap_or_default(),
            detail: texts(ToString::to_string, "; "),
            remedy: texts(Gap::remedy, " "),
        });
    }
    match readiness.unread.into_iter().next() {
        Some(unread) => Err(unread.error.into()),
        None => Ok(()),
    }
}
