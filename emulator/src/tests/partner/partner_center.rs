use super::*;
use crate::{Fault, RetryAfter};

const CENTER: &str = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const VAULT: &str = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093";
const HELPDESK: Uuid = Uuid::from_u128(0x7298_27e3_9c14_49f7_bb1b_9608_f156_bbb8);

/// A partner whose admin agent is signed in to one of its apps, and a customer.
struct Consenting {
    cloud: MemoryCloud,
    app_id: String,
}

impl Consenting {
    fn new() -> Self {
        Self::with("AzureADMultipleOrgs")
    }

    fn with(audience: &str) -> Self {
        let cloud = MemoryCloud::partner(builder(), [builder().domain("customer.onmicrosoft.com")]);
        let body = json!({"displayName": "Deployer", "signInAudience": audience}).to_string();
        let (status, app) = cloud.tenants()[0].send_json("POST", "/applications", Some(&body));
        assert_eq!(status, 201, "{app}");
        let app: Value = serde_json::from_str(&app).unwrap();
        Self { cloud, app_id: app["appId"].as_str().unwrap().to_owned() }
    }

    fn partner(&self) -> &MemoryTenant {
        &self.cloud.tenants()[0]
    }

    fn customer(&self) -> &MemoryTenant {
        &self.cloud.tenants()[1]
    }

    fn path(&self) -> String {
        format!("/v1/customers/{}/applicationconsents", self.customer().id())
    }

    /// A token of a user of the partner.
    fn token(&self, user: &User, scopes: &[&str], audience: &str, mfa: bool) -> String {
        let token = format!("token-{}-{audience}-{mfa}-{}", user.id, scopes.join("-"));
        let signed = Signed { app_id: self.app_id.clone(), audience: audience.to_owned(), mfa };
        put_token(self.partner(), &token, user, scopes, &signed);
        token
    }

    fn agent(&self) -> User {
        self.partner().users().remove(0)
    }

    fn good_token(&self) -> String {
        self.token(&self.agent(), &["user_impersonation"], CENTER, true)
    }

    async fn send(&self, token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answered {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://api.partnercenter.microsoft.com{path}"))
            .header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        Answered::of(self.cloud.send(request.body(body).unwrap()).await.unwrap())
    }

    async fn post(&self, body: Value) -> Answered {
        self.send(&self.good_token(), "POST", &self.path(), &[], body).await
    }

    fn body(&self, scope: &str) -> Value {
        self.grants(&[(GRAPH, scope)])
    }

    fn grants(&self, grants: &[(&str, &str)]) -> Value {
        let grants: Vec<Value> =
            grants.iter().map(|(api, scope)| json!({"enterpriseApplicationId": api, "scope": scope})).collect();
        json!({"applicationId": self.app_id, "applicationGrants": grants})
    }

    /// The grants in the customer's tenant: the app id of the API, and the scope.
    fn granted(&self) -> Vec<(String, String)> {
        let principals = self.customer().service_principals();
        let app_id = |id| principals.iter().find(|principal| principal.id == id).unwrap().app_id.to_string();
        let grants = self.customer().oauth2_permission_grants().into_iter();
        let own = grants.filter(|grant| app_id(grant.client_id) == self.app_id && grant.principal_id.is_none());
        own.map(|grant| (app_id(grant.resource_id), grant.scope)).collect()
    }

    fn installed(&self) -> bool {
        self.customer().service_principals().iter().any(|principal| principal.app_id.to_string() == self.app_id)
    }
}

#[track_caller]
fn refused(response: &Answered, status: u16, code: &str, description: &str) {
    let Answered { status: answered, body, .. } = response;
    assert_eq!((*answered, &body["code"]), (status, &json!(code)), "{body}");
    assert!(body["description"].as_str().unwrap().contains(description), "{body}");
    let members: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "data", "description", "source"]);
    assert_eq!(body["data"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_consent_creates_the_service_principal_and_grants_for_all_users_of_the_customer() {
    let it = Consenting::new();
    let assignments = it.customer().app_role_assignments();
    let body = it.grants(&[(GRAPH, "Directory.Read.All, User.Read,Application.Read.All")]);
    let answered = it.post(body.clone()).await.expect(201);
    assert_eq!(
        (&answered["applicationId"], &answered["applicationGrants"]),
        (&json!(it.app_id), &body["applicationGrants"])
    );
    assert!(it.installed());
    assert_eq!(it.granted(), [(GRAPH.to_owned(), "Directory.Read.All User.Read Application.Read.All".to_owned())]);
    assert_eq!(it.customer().app_role_assignments(), assignments, "application permissions are never granted so");
    let principals = it.customer().service_principals();
    let own = principals.iter().find(|principal| principal.app_id.to_string() == it.app_id).unwrap();
    let home: Value = serde_json::from_str(&own.json).unwrap();
    assert_eq!(home["appOwnerOrganizationId"], json!(it.partner().id()));
}

#[tokio::test(start_paused = true)]
async fn a_second_consent_for_an_api_is_refused_and_changes_nothing() {
    let it = Consenting::new();
    it.post(it.body("User.Read")).await.expect(201);
    refused(&it.post(it.body("User.Read,Directory.Read.All")).await, 409, "409", "Permission entry already exists");
    assert_eq!(it.granted(), [(GRAPH.to_owned(), "User.Read".to_owned())]);
    // Only to take it back and to consent anew adds scopes; the service principal stays in between.
    let path = format!("{}/{}", it.path(), it.app_id);
    let response = it.send(&it.good_token(), "DELETE", &path, &[], Value::Null).await;
    assert_eq!((response.status, it.granted().len(), it.installed()), (204, 0, true));
    refused(&it.send(&it.good_token(), "DELETE", &path, &[], Value::Null).await, 404, "1000", "not found");
    it.post(it.body("User.Read,Directory.Read.All")).await.expect(201);
    assert_eq!(it.granted()[0].1, "User.Read Directory.Read.All");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_id_gets_the_cached_response() {
    let it = Consenting::new();
    let ids = [("MS-RequestId", "0cd4f5a6-0000-4000-8000-000000000001"), ("MS-CorrelationId", "c")];
    let token = it.good_token();
    let first = it.send(&token, "POST", &it.path(), &ids, it.body("User.Read")).await;
    assert_eq!((first.headers["ms-requestid"] == ids[0].1, first.headers["ms-correlationid"] == "c"), (true, true));
    let again = it.send(&token, "POST", &it.path(), &ids, it.body("User.Read")).await;
    assert_eq!((again.status, again.body), (201, first.expect(201)));
    // Another request under the id is another request.
    let other = it.send(&token, "POST", &it.path(), &ids, it.body("Directory.Read.All")).await;
    refused(&other, 409, "409", "already exists");
    let unnamed = it.post(it.body("User.Read")).await;
    assert!(unnamed.headers["ms-requestid"].to_str().unwrap().parse::<Uuid>().is_ok());
    refused(&unnamed, 409, "409", "already exists");
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_without_a_second_factor_is_refused() {
    let it = Consenting::new();
    let validate = [("ValidateMfa", "true")];
    let without = it.token(&it.agent(), &["user_impersonation"], CENTER, false);
    let response = it.send(&without, "POST", &it.path(), &validate, it.body("User.Read")).await;
    refused(&response, 401, "900421", "MFA required");
    assert_eq!(response.headers["ismfacompliant"], "false");
    let response = it.send(&it.good_token(), "POST", &it.path(), &validate, it.body("User.Read")).await;
    assert_eq!((response.status, &response.headers["ismfacompliant"]), (201, &"true".parse().unwrap()));
    let response = it.send(&it.good_token(), "GET", "/v1/customers", &[], Value::Null).await;
    assert!(!response.headers.contains_key("ismfacompliant"), "only who asks is told");
}

#[tokio::test(start_paused = true)]
async fn tokens_for_something_else_are_refused() {
    let it = Consenting::new();
    let agent = it.agent();
    let app = Session::of(it.partner(), &it.partner().add_caller(&[WRITE])).await.token;
    let own = token(it.partner(), &it.partner().caller(), "https://api.partnercenter.microsoft.com/.default").await;
    let own = own.expect(200)["access_token"].as_str().unwrap().to_owned();
    for token in [
        "nonsense".to_owned(),
        it.token(&agent, &["user_impersonation"], GRAPH, true),
        it.token(&agent, &["openid"], CENTER, true),
        app,
        own,
    ] {
        refused(&it.send(&token, "POST", &it.path(), &[], it.body("User.Read")).await, 401, "400", "denied");
    }
    refused(&it.send("", "POST", &it.path(), &[], it.body("User.Read")).await, 401, "800001", "token is missing");
    let expired = it.good_token();
    pass(6 * 365 * 86_400).await;
    refused(&it.send(&expired, "GET", "/v1/customers", &[], Value::Null).await, 401, "400", "denied");
    assert!(!it.installed());
}

#[tokio::test(start_paused = true)]
async fn only_admin_agents_with_a_consenting_role_consent() {
    let it = Consenting::new();
    let stranger = it.partner().add_user("Some Body", &[GLOBAL_ADMINISTRATOR]);
    let token = it.token(&stranger, &["user_impersonation"], CENTER, true);
    refused(&it.send(&token, "POST", &it.path(), &[], it.body("User.Read")).await, 403, "2032", "denied");
    // The customer lets the partner in, but not for this.
    let other = MemoryCloud::new([
        builder().partner().domain("partner.onmicrosoft.com"),
        builder().domain("customer.onmicrosoft.com"),
    ]);
    let [partner, customer] = other.tenants() else { panic!("two tenants") };
    let agent = partner.add_user("Agent", &[]);
    let agents = partner.groups()[0].id;
    let body =
        json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", agent.id)}).to_string();
    partner.send_json("POST", &format!("/groups/{agents}/members/$ref"), Some(&body));
    partner.add_customer(customer);
    let id = partner.add_relationship(customer, "Help", &[HELPDESK, APPLICATION_ADMINISTRATOR]);
    partner.add_access_assignment(&id, agents, &[HELPDESK]);
    let it = Consenting { cloud: other.clone(), app_id: it.app_id };
    refused(&it.post(it.body("User.Read")).await, 403, "2032", "denied");
    let own = partner.add_group("Consenting", &[agent.id]);
    partner.add_access_assignment(&id, own.id, &[APPLICATION_ADMINISTRATOR]);
    let response = it.post(it.body("User.Read")).await;
    assert_eq!(response.status, 400, "the app is of another cloud: {}", response.body);
}

#[tokio::test(start_paused = true)]
async fn customers_are_those_with_a_contract() {
    let it = Consenting::new();
    let token = it.good_token();
    let listed = it.send(&token, "GET", "/v1/customers", &[], Value::Null).await.expect(200);
    assert_eq!((&listed["totalCount"], &listed["items"][0]["id"]), (&json!(1), &json!(it.customer().id())));
    assert_eq!(listed["items"][0]["companyProfile"]["domain"], "customer.onmicrosoft.com");
    let path = format!("/v1/customers/{}", it.customer().id());
    assert_eq!(it.send(&token, "GET", &path, &[], Value::Null).await.expect(200), listed["items"][0]);
    for unknown in [Uuid::from_u128(7).to_string(), it.partner().id().to_string(), "x".to_owned()] {
        let path = format!("/v1/customers/{unknown}");
        refused(&it.send(&token, "GET", &path, &[], Value::Null).await, 404, "60003", "not found");
        let path = format!("{path}/applicationconsents");
        refused(&it.send(&token, "POST", &path, &[], it.body("User.Read")).await, 404, "60003", "not found");
    }
    refused(&it.send(&token, "GET", "/v1/customers?size=1", &[], Value::Null).await, 501, "501", "does not know");
    refused(&it.send(&token, "GET", &it.path(), &[], Value::Null).await, 405, "405", "not allowed");
    let path = format!("/v1/customers/{}/orders", it.customer().id());
    refused(&it.send(&token, "GET", &path, &[], Value::Null).await, 501, "501", "does not know");
}

#[tokio::test(start_paused = true)]
async fn consents_that_make_no_sense_are_refused_and_leave_no_trace() {
    let it = Consenting::new();
    let mut another = it.body("User.Read");
    another["applicationId"] = Uuid::from_u128(7).to_string().into();
    let mut none = it.body("User.Read");
    none["applicationId"] = Value::Null;
    for (body, description) in [
        (another, "not that of the application of the token"),
        (none, "applicationId is missing"),
        (it.body("User.Read,Colour.Read"), "'Colour.Read' is unknown"),
        (it.body(""), "is unknown"),
        (it.body("User.Read Directory.Read.All"), "is unknown"),
        (it.grants(&[]), "applicationGrants are missing"),
        (it.grants(&[(GRAPH, "User.Read"), (GRAPH, "Directory.Read.All")]), "stands twice"),
        (it.grants(&[("Graph", "User.Read")]), "no GUID"),
        (it.grants(&[(GRAPH, "User.Read"), (CENTER, "user_impersonation")]), "lacks a service principal"),
        (it.grants(&[(VAULT, "user_impersonation")]), "is unknown"),
        (json!([]), "no valid JSON"),
    ] {
        refused(&it.post(body).await, 400, "400", description);
    }
    assert!(!it.installed() && it.granted().is_empty());
    let path = format!("{}/{}", it.path(), Uuid::from_u128(7));
    refused(&it.send(&it.good_token(), "DELETE", &path, &[], Value::Null).await, 400, "400", "not that of");
    let own = format!("{}/{}", it.path(), it.app_id);
    refused(&it.send(&it.good_token(), "DELETE", &own, &[], Value::Null).await, 404, "1000", "not found");
}

#[tokio::test(start_paused = true)]
async fn an_app_of_the_partners_own_tenant_alone_cannot_be_installed() {
    let it = Consenting::with("AzureADMyOrg");
    let response = it.post(it.body("User.Read")).await;
    assert_eq!((response.status, it.installed()), (400, false), "{}", response.body);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_not_a_partners_is_refused() {
    let tenant = builder().build();
    let user = tenant.add_user("Ada", &[]);
    tenant.add_group("AdminAgents", &[user.id]);
    let signed = Signed { audience: CENTER.to_owned(), ..Signed::default() };
    put_token(&tenant, "token", &user, &["user_impersonation"], &signed);
    let request = Request::get("https://api.partnercenter.microsoft.com/v1/Customers");
    let request = request.header("authorization", "Bearer token").body(Bytes::new()).unwrap();
    refused(&Answered::of(tenant.send(request).await.unwrap()), 403, "2032", "denied");
}

#[tokio::test(start_paused = true)]
async fn faults_have_the_form_of_partner_center() {
    let it = Consenting::new();
    let on = || Fault::on("POST", "/v1/customers/*/applicationconsents");
    it.partner().fault(on().throttled(RetryAfter::Seconds(3)));
    let response = it.post(it.body("User.Read")).await;
    refused(&response, 429, "TooManyRequests", "retry");
    assert_eq!((response.headers["retry-after"].to_str().unwrap(), it.installed()), ("3", false));
    it.partner().fault(on().token_refused());
    refused(&it.post(it.body("User.Read")).await, 401, "400", "denied");
    it.partner().fault(on().fails_after_writing(500));
    refused(&it.post(it.body("User.Read")).await, 500, "Service_InternalServerError", "internal");
    refused(&it.post(it.body("User.Read")).await, 409, "409", "already exists");
    let recorded = it.partner().requests().pop().unwrap();
    assert!(recorded.is_write && !recorded.is_token && recorded.path.ends_with("/applicationconsents"));
}

#[tokio::test(start_paused = true)]
async fn an_app_asks_fifty_times_a_second_over_all_partners() {
    let limits = || builder().tick(Duration::ZERO).throttling(crate::Throttling::documented());
    let cloud = MemoryCloud::new([
        limits().partner().domain("one.onmicrosoft.com"),
        limits().partner().domain("two.onmicrosoft.com"),
    ]);
    let mut tokens = Vec::new();
    for (tenant, number) in cloud.tenants().iter().zip(1..) {
        let agent = tenant.add_user("Agent", &[]);
        let agents = tenant.groups().into_iter().find(|group| group.display_name == "AdminAgents").unwrap();
        let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", agent.id)});
        tenant.send_json("POST", &format!("/groups/{}/members/$ref", agents.id), Some(&member.to_string()));
        for app_id in ["vendor", "other"] {
            let token = format!("{app_id} {number}").replace(' ', "-");
            let signed = Signed { app_id: app_id.to_owned(), audience: CENTER.to_owned(), mfa: true };
            put_token(tenant, &token, &agent, &["user_impersonation"], &signed);
            tokens.push(token);
        }
    }
    let send = |token: &str| {
        let request = Request::get("https://api.partnercenter.microsoft.com/v1/customers");
        let request = request.header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap();
        let cloud = cloud.clone();
        async move { Answered::of(cloud.send(request).await.unwrap()) }
    };
    for turn in 0..50 {
        send(&tokens[2 * (turn % 2)]).await.expect(200);
    }
    let response = send(&tokens[0]).await;
    refused(&response, 429, "TooManyRequests", "retry");
    assert_eq!(response.headers["retry-after"], "1");
    refused(&send(&tokens[2]).await, 429, "TooManyRequests", "retry");
    send(&tokens[1]).await.expect(200);
    pass(1).await;
    send(&tokens[2]).await.expect(200);

    // Limits around another transport are the same.
    let faulty = crate::FaultyTransport::new(cloud.clone())
        .with_clock(cloud.tenants()[0].clock())
        .with_throttling(crate::Throttling::none().partner_center(1, Duration::from_secs(1)));
    for status in [200, 429] {
        let request = Request::get("https://api.partnercenter.microsoft.com/v1/customers");
        let request = request.header("authorization", format!("Bearer {}", tokens[1])).body(Bytes::new()).unwrap();
        assert_eq!(faulty.send(request).await.unwrap().status(), status);
    }
}
