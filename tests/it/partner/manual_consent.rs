//! Consent by link, for customers whom nobody can consent for: who is asked, for what, and what comes back.

use std::sync::Arc;

use entra_apps::consent::AdminConsentCallback;
use entra_apps::ids::{AppId, PermissionId};
use entra_apps::partner::{ConsentLinks, ConsentRequest, CustomerState, Report, RolesNeeded};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use entra_apps::transport::Transport as _;
use entra_apps::url::Url;
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, RedirectUri, SignInAudience};
use entra_emulator::{Api, User};

use super::*;
use crate::support::register;

const BACK: &str = "https://vendor.example/consent";
const THINGS: AppId = AppId::from_u128(42);

fn things() -> Api {
    Api::new(THINGS, "Things").application_permission("Things.Read", PermissionId::from_u128(7))
}

fn registration() -> AppRegistration {
    AppRegistration::new("vendor-reports", "Vendor Reports")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web(BACK).unwrap())
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .own_tenant_permission(application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL)
        .credential(ClientSecret::new("Main"))
}

fn with_things() -> AppRegistration {
    let read = Permission::by_name(THINGS, "Things.Read", PermissionKind::Application).unwrap();
    registration().where_available("Thing service", [read])
}

/// A partner with its app, and three customers, of whom the third lacks an API.
struct Shop {
    cloud: MemoryCloud,
    partner: MemoryTenant,
    customers: [MemoryTenant; 3],
    administrators: [User; 3],
    app_id: AppId,
    /// The partner's client, and one that signs in as the app.
    client: Client,
    app: Client,
}

impl Shop {
    async fn new(registration: &AppRegistration) -> Self {
        let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com")).display_name(name).api(things());
        let cloud = MemoryCloud::new([
            builder().partner().domain("partner.onmicrosoft.com").api(things()),
            named("Fabrikam"),
            named("Adatum"),
            named("Initech").without_api(THINGS),
        ]);
        let [partner, fabrikam, adatum, initech] = [0, 1, 2, 3].map(|at| cloud.tenants()[at].clone());
        let customers = [fabrikam, adatum, initech];
        let administrators = [0, 1, 2].map(|at| {
            partner.add_customer(&customers[at]);
            customers[at].add_user("Administrator", &[DirectoryRole::GLOBAL_ADMINISTRATOR.id()])
        });
        let registered = register(&cloud.client(&partner), registration).await;
        let app_id = registered.application.unwrap().app_id;
        let connected = || partner.client_builder().transport(Arc::new(cloud.clone()));
        let caller = partner.add_caller(&[READ, "Directory.Read.All"]);
        let client = connected().client_secret(caller.client_id, caller.client_secret).build().unwrap();
        let app = connected().client_secret(app_id, registered.secrets[0].value.clone()).build().unwrap();
        Self { cloud, partner, customers, administrators, app_id, client, app }
    }

    /// What the app can see of itself in each customer's tenant.
    async fn audit(&self, registration: &AppRegistration) -> Report {
        let audit = self.client.partner().audit(registration).app(self.app_id, self.partner.id());
        audit.needing(RolesNeeded::to_administer_apps()).with_app_credential(&self.app).await.unwrap()
    }

    /// What the customers' own directories say.
    async fn report(&self, registration: &AppRegistration) -> Report {
        let audit = self.client.partner().audit(registration).app(self.app_id, self.partner.id());
        audit.needing(RolesNeeded::to_administer_apps()).asking(&self.reader()).await.unwrap()
    }

    /// An app of the partner's that may read each customer's directory.
    fn reader(&self) -> Client {
        let reads = ["Application.Read.All", "Directory.Read.All"];
        let caller = self.partner.add_caller(&reads);
        let app = self.partner.applications().into_iter().find(|app| app.app_id == caller.client_id);
        if let Some(app) = app {
            let body = json!({"signInAudience": "AzureADMultipleOrgs"}).to_string();
            let (status, body) = self.partner.send_json("PATCH", &format!("/applications/{}", app.id), Some(&body));
            assert!(status.is_success(), "{body}");
        }
        for customer in &self.customers {
            let send = |path: &str, body: Value| {
                let (status, body) = customer.send_json("POST", path, Some(&body.to_string()));
                assert!(status.is_success(), "{body}");
                serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
            };
            let id = send("/servicePrincipals", json!({ "appId": caller.client_id }));
            let graph = customer.service_principals().into_iter().find(|it| it.app_id == MICROSOFT_GRAPH).unwrap().id;
            for role in [application::APPLICATION_READ_ALL, application::DIRECTORY_READ_ALL] {
                let body = json!({"principalId": id, "resourceId": graph, "appRoleId": role.id()});
                send(&format!("/servicePrincipals/{id}/appRoleAssignments"), body);
            }
        }
        let builder = self.partner.client_builder().transport(Arc::new(self.cloud.clone()));
        builder.client_secret(caller.client_id, caller.client_secret).build().unwrap()
    }

    fn links(&self, registration: &AppRegistration) -> entra_apps::partner::MakeConsentLinks {
        self.client.partner().consent_links(registration, self.app_id, self.partner.id())
    }

    /// Opens a link in the browser of the administrator of a customer.
    async fn open(&self, url: &Url, by: usize) -> entra_apps::http::Response<entra_apps::bytes::Bytes> {
        self.customers[by].auto_sign_in(Some(&self.administrators[by]));
        let request = entra_apps::http::Request::get(url.as_str()).body(entra_apps::bytes::Bytes::new()).unwrap();
        self.cloud.send(request).await.unwrap()
    }

    /// An administrator of the customer consents by its link, and the callback is accepted.
    async fn consent(&self, links: &mut ConsentLinks, at: usize) -> Result<(), entra_apps::Error> {
        let url = links.customers.iter().find(|it| it.tenant_id == self.customers[at].id()).unwrap().url().cloned();
        let response = self.open(&url.expect("there is a link"), at).await;
        assert_eq!(response.status(), 302, "{}", String::from_utf8_lossy(response.body()));
        let back = response.headers()["location"].to_str().unwrap();
        let reported = links.accept(&AdminConsentCallback::parse(back)?)?;
        assert_eq!(reported.claimed_tenant(), self.customers[at].id());
        Ok(())
    }
}

fn requests(links: &ConsentLinks) -> Vec<(&str, ConsentRequest, bool)> {
    let row = |it: &entra_apps::partner::CustomerConsentLink| {
        let name = ["Fabrikam", "Adatum", "Initech"].into_iter().find(|name| it.display_name.as_deref() == Some(name));
        (name.unwrap_or_default(), it.request, it.url().is_some())
    };
    let mut rows: Vec<_> = links.customers.iter().map(row).collect();
    rows.sort();
    rows
}

#[tokio::test(start_paused = true)]
async fn each_link_is_for_its_customers_own_tenant_and_says_who_must_sign_in() {
    let shop = Shop::new(&with_things()).await;
    let customers = shop.client.partner().customers().await.unwrap().customers;
    let make = shop.links(&with_things());
    let links = make.for_customers(&customers).unwrap();
    assert_eq!((links.customers.len(), links.asked().count()), (3, 3));
    for customer in &links.customers {
        let url = customer.url().unwrap();
        assert_eq!(url.path(), format!("/{}/v2.0/adminconsent", customer.tenant_id));
        let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!((query["redirect_uri"].as_str(), query["client_id"].clone()), (BACK, shop.app_id.to_string()));
        assert_eq!(query["state"], customer.pending().unwrap().state());
        let instruction = customer.instruction().unwrap();
        let name = customer.display_name.as_deref().unwrap();
        assert!(instruction.contains(&format!("An administrator of {name} must sign in")), "{instruction}");
        for said in ["Privileged Role Administrator", "Microsoft Graph", &THINGS.to_string()] {
            assert!(instruction.contains(said), "{said}: {instruction}");
        }
        assert_eq!(customer.apis.iter().map(|api| api.app_id).collect::<Vec<_>>(), [MICROSOFT_GRAPH, THINGS]);
    }
    let states: std::collections::BTreeSet<_> = links.asked().map(|it| it.pending().unwrap().state()).collect();
    assert_eq!(states.len(), 3, "each has a state of its own");
    // As a table, and as JSON.
    let (text, json) = (links.to_string(), serde_json::to_value(&links).unwrap());
    for (customer, row) in links.customers.iter().zip(json["customers"].as_array().unwrap()) {
        let url = customer.url().unwrap().as_str();
        assert!(text.contains(url) && row["link"] == url, "{text}");
        assert_eq!(row["tenantId"], customer.tenant_id.to_string());
        assert_eq!((&row["request"], &row["apis"][1]["appId"]), (&json!("unknown"), &json!(THINGS)));
        assert!(row["instruction"].as_str().unwrap().contains("must sign in there"));
    }
    assert!(text.contains("3 customers, 3 to be asked") && text.contains("AADSTS650052"), "{text}");
    // One by one, with another of the app's redirect URIs or none that is its.
    let one = make.for_customer(&customers[0]).unwrap();
    assert!(one.to_string().contains(one.url().unwrap().as_str()));
    let error = make.clone().redirect_uri("https://vendor.example/other").for_customer(&customers[0]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotARedirectUriOfTheApp);
    let bare = AppRegistration::new("x", "X").audience(SignInAudience::MultipleOrganizations);
    let error = shop.links(&bare.permission(application::USER_READ_ALL)).for_customers(&customers).unwrap_err();
    assert_eq!(error.code(), ErrorCode::AppWithoutRedirectUri);
    // An administrator of another customer is told so on Microsoft's page, and sent nowhere.
    let fabrikam = links.customers.iter().find(|it| it.tenant_id == shop.customers[0].id()).unwrap();
    let page = shop.open(fabrikam.url().unwrap(), 1).await;
    assert_eq!(page.status(), 400);
    assert!(String::from_utf8_lossy(page.body()).contains("AADSTS50020: "));
    // Consent by a link takes no relationship: everybody of a readiness is in it.
    let readiness = shop.client.partner().readiness(RolesNeeded::to_administer_apps()).await.unwrap();
    assert_eq!(make.for_readiness(&readiness).unwrap().asked().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_has_consented_is_not_asked_again_before_the_registration_has_grown() {
    use ConsentRequest::{Again, AlreadyConsented, First};

    let wanted = registration();
    let shop = Shop::new(&wanted).await;
    let report = shop.report(&wanted).await;
    let mut links = shop.links(&wanted).for_report(&report).unwrap();
    let all = |request, asked| ["Adatum", "Fabrikam", "Initech"].map(|name| (name, request, asked));
    assert_eq!(requests(&links), all(First, true), "{report}");
    // Their own administrators consent, in Fabrikam and in Adatum, the one by the link and the other by hand.
    shop.consent(&mut links, 0).await.unwrap();
    let client = shop.cloud.client(&shop.customers[1]);
    let plan = client.install(shop.app_id, shop.partner.id(), &wanted).plan().await.unwrap();
    client.apply(&plan).await.unwrap();
    let report = shop.report(&wanted).await;
    let links = shop.links(&wanted).for_report(&report).unwrap();
    let expected =
        [("Adatum", AlreadyConsented, false), ("Fabrikam", AlreadyConsented, false), ("Initech", First, true)];
    assert_eq!(requests(&links), expected, "{report}");
    assert!(links.to_string().contains("Fabrikam") && links.to_string().contains("already consented"), "{links}");

    // The registration grows: what is missing is asked for again, and granted by the same link.
    let grown = wanted.permission(application::GROUP_READ_ALL);
    register(&shop.cloud.client(&shop.partner), &grown).await;
    let mut links = shop.links(&grown).for_report(&shop.report(&grown).await).unwrap();
    assert_eq!(requests(&links), [("Adatum", Again, true), ("Fabrikam", Again, true), ("Initech", First, true)]);
    for at in 0..3 {
        shop.consent(&mut links, at).await.unwrap();
    }
    let links = shop.links(&grown).for_report(&shop.report(&grown).await).unwrap();
    assert_eq!(requests(&links), all(AlreadyConsented, false));
    // Nobody was asked for what is for the partner's own tenant.
    let own = application::DELEGATED_ADMIN_RELATIONSHIP_READ_ALL.id().unwrap();
    assert!(shop.customers.iter().all(|it| it.app_role_assignments().iter().all(|it| it.app_role_id != own)));
}

#[tokio::test(start_paused = true)]
async fn a_callback_counts_once_and_from_its_own_customers_tenant_alone() {
    let shop = Shop::new(&registration()).await;
    let customers = shop.client.partner().customers().await.unwrap().customers;
    let callback = |links: &ConsentLinks, of: usize, from: usize| {
        let row = links.customers.iter().find(|it| it.tenant_id == shop.customers[of].id()).unwrap();
        let (state, tenant) = (row.pending().unwrap().state(), shop.customers[from].id());
        AdminConsentCallback::parse(&format!("{BACK}?admin_consent=True&tenant={tenant}&state={state}")).unwrap()
    };
    let mut links = shop.links(&registration()).for_customers(&customers).unwrap();
    let good = callback(&links, 0, 0);
    assert_eq!(links.accept(&good).unwrap().claimed_tenant(), shop.customers[0].id());
    assert_eq!(links.accept(&good).unwrap_err().code(), ErrorCode::ConsentStateMismatch, "once");
    let foreign = callback(&links, 1, 2);
    assert_eq!(links.accept(&foreign).unwrap_err().code(), ErrorCode::ConsentTenantMismatch);
    let stranger = format!("{BACK}?admin_consent=True&tenant={}&state=", shop.customers[2].id());
    let stranger = AdminConsentCallback::parse(&stranger).unwrap();
    assert_eq!(links.accept(&stranger).unwrap_err().code(), ErrorCode::ConsentStateMismatch);
    assert_eq!(links.asked().count(), 1, "what has come back is done with");
    // What was kept of a row is refused alike.
    let pending = links.asked().next().unwrap().pending().unwrap().clone();
    let saved: entra_apps::consent::PendingConsent =
        serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    let foreign = callback(&links, 2, 0);
    assert_eq!(saved.accept(&foreign).unwrap_err().code(), ErrorCode::ConsentTenantMismatch);
    let shown = format!("{links:?}");
    assert!(links.asked().all(|it| !shown.contains(it.pending().unwrap().state())), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_lacks_an_api_is_told_so_before_the_link_fails_as_a_whole() {
    let wanted = with_things();
    let shop = Shop::new(&wanted).await;
    let customers = shop.client.partner().customers().await.unwrap().customers;
    let mut links = shop.links(&wanted).for_customers(&customers).unwrap();
    // Nothing is known of the third, and the link fails: nothing is granted.
    let error = shop.consent(&mut links, 2).await.unwrap_err();
    assert_eq!((error.code(), error.service_code()), (ErrorCode::ResourceNotInTenant, Some("AADSTS650052")), "{error}");
    assert!(shop.customers[2].service_principals().iter().all(|it| it.app_id != shop.app_id));
    // What an audit has found keeps the link back, with the reason.
    let report = shop.report(&wanted).await;
    let links = shop.links(&wanted).for_report(&report).unwrap();
    let rows = requests(&links);
    assert_eq!(rows[2], ("Initech", ConsentRequest::NotPossible, false), "{report}");
    assert_eq!(links.asked().count(), 2, "{report}");
    let row = links.customers.iter().find(|it| it.request == ConsentRequest::NotPossible).unwrap();
    assert_eq!(row.reasons.len(), 1);
    assert!(row.reasons[0].code == ErrorCode::ApiNotInTenant && row.to_string().contains("fails as a whole"), "{row}");
    assert!(row.instruction().is_none() && row.pending().is_none());
    // By GDAP it is consented all the same, without the API: then nobody is asked, and the audit says what was left out.
    let client = shop.cloud.client(&shop.customers[2]);
    let plan = client.install(shop.app_id, shop.partner.id(), &wanted).plan().await.unwrap();
    client.apply(&plan).await.unwrap();
    let report = shop.report(&wanted).await;
    let outcome = report.find(shop.customers[2].id()).unwrap();
    assert_eq!(outcome.state, CustomerState::AlreadyConsented, "{report}");
    assert!(outcome.reasons.iter().any(|reason| reason.code == ErrorCode::ApiNotInTenant), "{report}");
    let row = shop.links(&wanted).for_outcome(outcome).unwrap();
    assert_eq!((row.request, row.url()), (ConsentRequest::AlreadyConsented, None));
}

#[tokio::test(start_paused = true)]
async fn the_apps_own_token_says_who_is_asked_as_far_as_it_goes() {
    let wanted = with_things();
    let shop = Shop::new(&wanted).await;
    let mut links = shop.links(&wanted).for_report(&shop.audit(&wanted).await).unwrap();
    assert!(links.customers.iter().all(|it| it.request == ConsentRequest::First));
    shop.consent(&mut links, 0).await.unwrap();
    // The token does not show what else is granted: whether somebody is asked a second time is not known, and said so.
    let report = shop.audit(&wanted).await;
    let row = shop.links(&wanted).for_outcome(report.find(shop.customers[0].id()).unwrap()).unwrap();
    assert_eq!((row.request, row.url().is_some()), (ConsentRequest::Unknown, true), "{report}");
}

#[tokio::test(start_paused = true)]
async fn links_are_made_from_a_report_about_their_own_app_alone() {
    let wanted = registration();
    let shop = Shop::new(&wanted).await;
    let report = shop.audit(&wanted).await;
    let of_another = shop.client.partner().consent_links(&wanted, AppId::from_u128(9), shop.partner.id());
    assert_eq!(of_another.for_report(&report).unwrap_err().code(), ErrorCode::ReportsOfDifferentTargets);
    // A report that was saved serves as well.
    let saved = Report::from_json(&report.to_json()).unwrap();
    assert_eq!(shop.links(&wanted).for_report(&saved).unwrap().customers.len(), 3);
}
