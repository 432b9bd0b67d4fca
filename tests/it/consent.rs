//! What the caller may do, what a policy wants of it, and consent by link: from the link to the proof.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::auth::{DeviceCodeProvider, SignInService, TenantLookup, public_client};
use entra_apps::clock::TokioClock;
use entra_apps::cloud::Cloud;
use entra_apps::consent::{AdminConsentCallback, ConsentApp};
use entra_apps::directory_role::DirectoryRole;
use entra_apps::http::Response;
use entra_apps::ids::AppId;
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::well_known::OFFICE_365_EXCHANGE_ONLINE;
use entra_apps::permission::{Permission, PermissionKind};
use entra_apps::provision::{StepKind, Verdict};
use entra_apps::secrecy::SecretString;

use entra_apps::{AppRegistration, Client, ClientSecret, ErrorCode, ErrorKind, RedirectUri};
use entra_emulator::{Fault, Lag, MemoryCloud, MemoryTenant, User};

use crate::support::scripted_transport::{Scripted, json};
use crate::support::{builder, register, tenant};

const BACK: &str = "https://contoso.example/consent";

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web(BACK).unwrap())
        .permission(application::USER_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"))
}

fn client_of(tenant: &MemoryTenant, roles: &[&str]) -> Client {
    let caller = tenant.add_caller(roles);
    tenant.client_builder().client_secret(caller.client_id, caller.client_secret).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_registration_asks_of_its_caller_is_enough_and_not_too_much() {
    let registration = registration();
    let needs = registration.caller_permissions();
    let names: Vec<&str> = needs.application.iter().filter_map(Permission::name).collect();
    let text = needs.to_string();
    assert!(text.contains("Privileged Role Administrator") && text.contains(names[0]), "{text}");
    let full = tenant();
    let client = client_of(&full, &names);
    assert!(client.preflight(&registration).await.unwrap().is_allowed());
    register(&client, &registration).await;
    for left_out in &names {
        let tenant = tenant();
        let some: Vec<&str> = names.iter().copied().filter(|name| name != left_out).collect();
        let client = client_of(&tenant, &some);
        let preflight = client.preflight(&registration).await.unwrap();
        let mut missing = preflight.likely_refused().flat_map(|check| &check.missing_permissions);
        let is_named = missing.any(|permission| permission.name() == Some(*left_out));
        assert!(is_named || preflight.checks.iter().any(|check| check.verdict == Verdict::Unknown), "{left_out}");
        let Ok(plan) = client.plan(&registration).await else { continue };
        assert!(client.apply(&plan).await.is_err(), "without {left_out}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preflight_informs_and_an_apply_does_what_it_may() {
    let tenant = tenant();
    let client = client_of(&tenant, &["Application.ReadWrite.All", "Directory.Read.All"]);
    let registration = registration();
    let preflight = client.preflight(&registration).await.unwrap();
    assert_eq!(preflight.likely_refused().count(), 2, "{preflight}");
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    let report = error.report();
    assert_eq!(report.secrets.len(), 1);
    let open = report.open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing).unwrap();
    let link = open.link.as_ref().unwrap();
    let app_id = report.application.as_ref().unwrap().app_id;
    assert!(link.as_str().starts_with("https://login.microsoftonline.com/"), "{link}");
    let pairs: Vec<_> = link.query_pairs().into_owned().collect();
    assert!(link.path().ends_with("/v2.0/adminconsent") && link.path().contains(&tenant.id().to_string()), "{link}");
    for pair in [("client_id", app_id.to_string()), ("redirect_uri", BACK.to_owned())] {
        assert!(pairs.contains(&(pair.0.to_owned(), pair.1.clone())), "{pair:?} {link}");
    }
    assert!(open.to_string().contains("Privileged Role Administrator"), "{open}");
    assert!(error.to_string().contains(&format!("<{link}>")), "the error names the link: {error}");
    assert!(open.text.contains("User.Read.All (application), User.Read (delegated)"), "{open}");
}

/// A client of a person who is signed in to the Azure CLI, in `home` and from there in `tenant`.
fn client_of_person(cloud: &MemoryCloud, home: &MemoryTenant, tenant: &MemoryTenant, person: &User) -> Client {
    let (screen, person) = (home.clone(), person.clone());
    let service = SignInService::new(Cloud::global(), Arc::new(cloud.clone()), tenant.clock());
    let provider = DeviceCodeProvider::new(service, public_client::AZURE_CLI, move |prompt| {
        screen.approve_device_code(&prompt.user_code, &person);
    });
    let provider = provider.home_tenant(home.id());
    let builder = Client::builder().tenant(tenant.id()).token_provider(Arc::new(provider));
    builder.transport(Arc::new(cloud.clone())).clock(tenant.clock()).build().unwrap()
}

/// What is to be expected of the grants of [`registration`]: of the application permission, and of the delegated one.
async fn expected(client: &Client) -> [Verdict; 2] {
    let preflight = client.preflight(&registration()).await.unwrap();
    let grants: Vec<_> =
        preflight.checks.iter().filter(|check| check.id.kind() == StepKind::PERMISSION_GRANTED).collect();
    [grants[0].verdict, grants[1].verdict]
}

#[tokio::test(start_paused = true)]
async fn a_persons_roles_are_read_from_their_token_and_one_that_is_activated_counts_after_a_new_sign_in() {
    let cloud = MemoryCloud::new([builder()]);
    let tenant = &cloud.tenants()[0];
    let ada = tenant.add_user("Ada", &[DirectoryRole::APPLICATION_ADMINISTRATOR.id()]);
    let client = client_of_person(&cloud, tenant, tenant, &ada);
    assert_eq!(expected(&client).await, [Verdict::LikelyRefused, Verdict::Allowed]);
    let preflight = client.preflight(&registration()).await.unwrap();
    let check = preflight.likely_refused().next().unwrap();
    let remedy = check.remedy.as_ref().unwrap();
    assert_eq!(check.sufficient_roles[0], DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR);
    assert_eq!(check.missing_permissions, []);
    assert!(
        remedy.contains("Activate") && remedy.contains("(PIM; one is enough)") && remedy.contains("sign in again"),
        "{remedy}"
    );

    // It informs and never blocks: only Graph refuses, and who may consent is given the link.
    let plan = client.plan(&registration()).await.unwrap();
    let error = client.apply(&plan).approve_all().await.unwrap_err();
    let open = error.report().open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing).unwrap();
    assert!(open.link.is_some() && open.text.contains("User.Read.All (application)"), "{open}");
    assert!(!open.text.contains("User.Read (delegated)"), "what she may grant is granted: {open}");

    tenant.set_directory_roles(ada.id, &[DirectoryRole::PRIVILEGED_ROLE_ADMINISTRATOR.id()]);
    let again = client_of_person(&cloud, tenant, tenant, &ada);
    assert_eq!(expected(&again).await, [Verdict::Allowed; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_role_of_the_tenants_own_allows_is_not_concluded() {
    let cloud = MemoryCloud::new([builder()]);
    let tenant = &cloud.tenants()[0];
    for (roles, verdict) in [
        (vec![], Verdict::LikelyRefused),
        (vec![AppId::from_u128(7).as_uuid()], Verdict::Unknown),
        (vec![DirectoryRole::GLOBAL_ADMINISTRATOR.id()], Verdict::Allowed),
    ] {
        let person = tenant.add_user("Somebody", &roles);
        assert_eq!(expected(&client_of_person(&cloud, tenant, tenant, &person)).await, [verdict; 2], "{roles:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_partners_roles_are_those_that_the_customer_has_given() {
    let cloud = MemoryCloud::new([
        builder().domain("partner.onmicrosoft.com").partner(),
        builder().domain("customer.onmicrosoft.com"),
    ]);
    let [partner, customer] = cloud.tenants() else { unreachable!("a partner and a customer") };
    // At home they may do everything, which says nothing of the customer.
    let agent = partner.add_user("Agent", &[DirectoryRole::GLOBAL_ADMINISTRATOR.id()]);
    let group = partner.add_group("Application team", &[agent.id]);
    partner.add_customer(customer);
    let roles = [DirectoryRole::CLOUD_APPLICATION_ADMINISTRATOR.id()];
    let relationship = partner.add_relationship(customer, "Applications", &roles);
    partner.add_access_assignment(&relationship, group.id, &roles);
    let client = client_of_person(&cloud, partner, customer, &agent);
    assert_eq!(expected(&client).await, [Verdict::LikelyRefused, Verdict::Allowed]);
    let plan = client.plan(&registration()).await.unwrap();
    let error = client.apply(&plan).approve_all().await.unwrap_err();
    let open = error.report().open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing).unwrap();
    let link = open.link.as_ref().unwrap();
    assert!(link.path().contains(&customer.id().to_string()), "somebody of the customer's can consent: {link}");
    assert_eq!(expected(&client_of_person(&cloud, partner, partner, &agent)).await, [Verdict::Allowed; 2]);
}

#[tokio::test(start_paused = true)]
async fn without_a_redirect_uri_the_open_consent_has_no_link() {
    let tenant = tenant();
    let client = client_of(&tenant, &["Application.ReadWrite.All", "Directory.Read.All"]);
    let registration = AppRegistration::new("k", "App").permission(delegated::USER_READ);
    let plan = client.plan(&registration).await.unwrap();
    let error = client.apply(&plan).await.unwrap_err();
    let open = error.report().open.iter().find(|item| item.code == ErrorCode::AdminConsentMissing).unwrap();
    assert!(open.link.is_none() && open.remedy.contains("Cloud Application Administrator"), "{open}");
}

fn challenge() -> Response<entra_apps::bytes::Bytes> {
    let mut refusal =
        json(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"Continuous access evaluation."}}"#);
    // {"access_token":{"nbf":{"essential":true,"value":"1"}}}
    let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ==";
    let value = format!(r#"Bearer realm="", error="insufficient_claims", claims="{claims}""#);
    refusal.headers_mut().insert("www-authenticate", value.parse().unwrap());
    refusal
}

const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;

fn scripted(responses: Vec<Response<entra_apps::bytes::Bytes>>) -> (Client, Arc<Scripted>) {
    let transport = Arc::new(Scripted::new(responses));
    let client = Client::builder()
        .tenant("contoso.example")
        .client_secret(AppId::from_u128(1), SecretString::from("x~y"))
        .transport(transport.clone())
        .build()
        .unwrap();
    (client, transport)
}

#[tokio::test(start_paused = true)]
async fn a_claims_challenge_is_answered_once_and_then_shown() {
    let token = || json(200, r#"{"access_token":"a.b.c","expires_in":3599}"#);
    let (client, transport) = scripted(vec![token(), challenge(), token(), json(200, r#"{"appId":null}"#)]);
    client.applications().get(AppId::from_u128(2)).await.unwrap();
    let asked = transport.asked();
    assert_eq!(asked.len(), 4);
    assert!(!asked[0].1.contains("claims=") && asked[2].1.contains("claims=%7B%22access_token%22"), "{}", asked[2].1);

    let (client, _) = scripted(vec![token(), challenge(), token(), challenge()]);
    let error = client.applications().get(AppId::from_u128(2)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code().as_str(), error.claims()),
        (ErrorKind::SignIn, "token_refused", Some(CLAIMS))
    );

    // A sign-in that cannot meet it says so, and the challenge is not lost.
    let refused = json(400, r#"{"error":"interaction_required","error_codes":[50076],"suberror":"basic_action"}"#);
    let (client, _) = scripted(vec![token(), challenge(), refused]);
    let error = client.applications().get(AppId::from_u128(2)).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.claims()), ("mfa_required", Some(CLAIMS)));
    assert_eq!((error.oauth_error(), error.suberror()), (Some("interaction_required"), Some("basic_action")));
}

#[tokio::test(start_paused = true)]
async fn from_the_link_to_the_proof() {
    let tenant = builder().lags(Lag::none().sign_in(Duration::from_secs(20))).build();
    tenant.settle();
    let client = tenant.client();
    let registration = registration();
    let registered = register(&client, &registration).await;
    let app_id = registered.application.as_ref().unwrap().app_id;
    let wanted: Vec<Permission> = registration.wanted_permissions().cloned().collect();

    let app = client.applications().get(app_id).await.unwrap();
    let app = ConsentApp::from_application(&app, tenant.id()).unwrap();
    assert_eq!(app.app_id(), registration.consent_app(app_id, tenant.id()).app_id());
    let link = || client.admin_consent_link(&app, tenant.id().into(), BACK).unwrap();
    let reported = || {
        let pending = link().into_pending();
        let query = format!("admin_consent=True&tenant={}&state={}", tenant.id(), pending.state());
        pending.accept(&AdminConsentCallback::parse(&query).unwrap()).unwrap()
    };

    let seen = client.check_consent(&reported(), &wanted).await.unwrap();
    assert!(seen.is_complete() && seen.granted == wanted && seen.tenant_id == tenant.id(), "{seen:?}");

    let own = tenant.client_builder().client_secret(app_id, registered.secrets[0].value.clone()).build().unwrap();
    let seen = own.check_consent_by_token(&reported(), &wanted).wait(Duration::from_secs(60)).await.unwrap();
    assert_eq!((seen.granted, seen.unseen), (vec![application::USER_READ_ALL], vec![delegated::USER_READ]));

    let more = [application::USER_READ_ALL, application::MAIL_READ];
    let missing = vec![application::MAIL_READ];
    let before = tokio::time::Instant::now();
    assert_eq!(own.check_consent_by_token(&reported(), &more).await.unwrap().missing, missing);
    assert_eq!(client.check_consent(&reported(), &more).await.unwrap().missing, missing);
    assert!(before.elapsed() < Duration::from_secs(1), "who does not ask to wait does not wait");
    let seconds = Duration::from_secs;
    for (wait, deadline, least, most) in [(60, 600, 45, 60), (600, 30, 15, 30), (0, 600, 0, 0)] {
        let before = tokio::time::Instant::now();
        let check = own.check_consent_by_token(&reported(), &more).wait(seconds(wait)).deadline(seconds(deadline));
        assert_eq!(check.await.unwrap().missing, missing);
        let took = before.elapsed().as_secs();
        assert!((least..=most).contains(&took), "{took} s of {wait} and {deadline}");
    }

    // What is only late is waited for, and told to whoever does not wait.
    let late = |number: &str| Fault::on("POST", "/oauth2/v2.0/token").times(3).refuses(401, number, "Not yet.");
    for (number, code) in [
        ("AADSTS7000229", "service_principal_missing"),
        ("AADSTS700016", "app_not_in_tenant"),
        ("AADSTS65001", "not_consented"),
    ] {
        tenant.fault(late(number));
        let error = own.check_consent_by_token(&reported(), &wanted).await.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
        let seen = own.check_consent_by_token(&reported(), &wanted).wait(seconds(60)).await.unwrap();
        assert!(seen.is_complete(), "{number}");
    }
    let stranger =
        Fault::on("GET", "/servicePrincipals").times(2).refuses(401, "Authorization_IdentityNotFound", "Not yet.");
    tenant.fault(stranger);
    assert!(client.check_consent(&reported(), &wanted).wait(seconds(60)).await.unwrap().is_complete());

    // One token for each API of which application permissions are looked for.
    let exchange =
        Permission::by_name(OFFICE_365_EXCHANGE_ONLINE, "Exchange.ManageAsApp", PermissionKind::Application).unwrap();
    for (looked_for, tokens) in [
        (vec![delegated::USER_READ], 1),
        (vec![delegated::USER_READ, exchange.clone()], 1),
        (vec![application::USER_READ_ALL, exchange.clone()], 2),
    ] {
        tenant.clear_requests();
        own.check_consent_by_token(&reported(), &looked_for).await.unwrap();
        assert_eq!(tenant.requests().iter().filter(|request| request.is_token).count(), tokens, "{looked_for:?}");
    }

    let wrong = tenant.client_builder().client_secret(app_id, SecretString::from("wrong~secret")).build().unwrap();
    let before = tokio::time::Instant::now();
    let error = wrong.check_consent_by_token(&reported(), &wanted).wait(seconds(60)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "wrong_secret");
    assert!(before.elapsed() < Duration::from_secs(5), "a secret does not get right by a consent");

    let error = client.check_consent_by_token(&reported(), &wanted).await.unwrap_err();
    assert_eq!(error.code().as_str(), "token_of_another_app", "the caller's token proves nothing of the app");
    let error = client.check_consent_by_token(&reported(), &[delegated::USER_READ]).await.unwrap_err();
    assert_eq!(error.code().as_str(), "token_of_another_app", "who asks is looked at though nothing can be seen");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_found_by_its_domain() {
    let tenant = tenant();
    let lookup = TenantLookup::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    let found = lookup.get(tenant.domain()).await.unwrap();
    assert_eq!((found.tenant_id, found.cloud()), (tenant.id(), Some(Cloud::global())));
    let error = lookup.get("nobody.example").await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, "unknown_tenant"));
    assert_eq!(lookup.get("common").await.unwrap_err().kind(), ErrorKind::Invalid);
    for (body, code) in [
        (r#"{"error":"invalid_tenant","error_codes":[90038]}"#, "wrong_cloud"),
        ("<html>", "answered_by_proxy"),
        (r#"{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}"#, "unexpected_response"),
    ] {
        let status = if body.contains("issuer") { 200 } else { 400 };
        let transport = Arc::new(Scripted::new([json(status, body)]));
        let lookup = TenantLookup::new(Cloud::global(), transport, Arc::new(TokioClock::new()));
        assert_eq!(lookup.get("contoso.example").await.unwrap_err().code().as_str(), code, "{body}");
    }
    let government = r#"{"issuer":"https://login.microsoftonline.us/00000000-0000-0000-0000-000000000007/v2.0",
        "tenant_region_scope":"USGov","tenant_region_sub_scope":"DODCON","cloud_instance_name":"microsoftonline.us",
        "msgraph_host":"graph.microsoft.us"}"#;
    let transport = Arc::new(Scripted::new([json(200, government)]));
    let found = TenantLookup::new(Cloud::global(), transport.clone(), Arc::new(TokioClock::new()));
    let found = found.get(" contoso.example ").await.unwrap();
    assert_eq!((found.cloud(), found.region.as_deref()), (Some(Cloud::us_government()), Some("USGov")));
    let address = &transport.asked()[0].0;
    assert_eq!(address, "https://login.microsoftonline.com/contoso.example/v2.0/.well-known/openid-configuration");
}
