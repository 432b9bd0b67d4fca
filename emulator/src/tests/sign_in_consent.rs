//! Admin consent.

use super::sign_in::{GLOBAL_ADMINISTRATOR, redirected, send, with_query};
use super::*;
use crate::User;
use uuid::Uuid;

const CLOUD_APPLICATION_ADMINISTRATOR: Uuid = Uuid::from_u128(0x158c_047a_c907_4556_b7ef_4465_51a6_b5f7);
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const BACK: &str = "https://vendor.example/back";

/// A vendor whose app asks for permissions, and a customer.
struct Shop {
    cloud: MemoryCloud,
    client_id: String,
    app: String,
    vendor: Session,
}

fn role(id: u128) -> Value {
    json!({"id": Uuid::from_u128(id), "type": "Role"})
}

fn scope(id: u128) -> Value {
    json!({"id": Uuid::from_u128(id), "type": "Scope"})
}

impl Shop {
    async fn new(access: Value) -> Self {
        let cloud = MemoryCloud::new([
            builder().domain("vendor.onmicrosoft.com"),
            builder().domain("customer.onmicrosoft.com").display_name("Customer"),
        ]);
        let vendor = Session::new(&cloud.tenants()[0]).await;
        let app = json!({
            "displayName": "Vendor", "signInAudience": "AzureADMultipleOrgs",
            "web": {"redirectUris": [BACK]}, "requiredResourceAccess": access
        });
        let app = vendor.post("/applications", app).await.expect(201);
        let text = |name: &str| app[name].as_str().unwrap().to_owned();
        Self { client_id: text("appId"), app: format!("/applications/{}", text("id")), vendor, cloud }
    }

    async fn usual() -> Self {
        let access = json!([{"resourceAppId": GRAPH, "resourceAccess": [role(USER_READ_ALL), scope(USER_READ)]}]);
        Self::new(access).await
    }

    fn customer(&self) -> &MemoryTenant {
        &self.cloud.tenants()[1]
    }

    fn administrator(&self, role: Uuid) -> User {
        let user = self.customer().add_user("Grace Hopper", &[role]);
        self.customer().auto_sign_in(Some(&user));
        user
    }

    async fn link(&self, tenant: &str, more: &[(&str, &str)]) -> http::Response<Bytes> {
        let mut query = vec![
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", BACK),
            ("scope", "https://graph.microsoft.com/.default"),
            ("state", "s"),
        ];
        for (name, value) in more {
            query.retain(|(known, _)| known != name);
            query.push((name, value));
        }
        query.retain(|(_, value)| !value.is_empty());
        send(&self.cloud, &with_query(&format!("/{tenant}/v2.0/adminconsent"), &query), None).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_administrator_grants_all_that_an_app_of_another_tenant_declares() {
    let shop = Shop::usual().await;
    shop.administrator(GLOBAL_ADMINISTRATOR);
    let (to, response) = redirected(&shop.link(&shop.customer().id().to_string(), &[]).await);
    assert_eq!((to.as_str(), response["admin_consent"].as_str(), response["state"].as_str()), (BACK, "True", "s"));
    assert_eq!(response["tenant"], shop.customer().id().to_string());
    assert!(response["scope"].contains("https://graph.microsoft.com/User.Read"));
    let principal = shop.customer().service_principals().into_iter().find(|it| it.app_id.to_string() == shop.client_id);
    let principal = principal.unwrap();
    let assignments = shop
        .customer()
        .app_role_assignments()
        .into_iter()
        .filter(|assignments| assignments.principal_id == principal.id.into());
    assert_eq!(
        assignments.map(|assignments| assignments.app_role_id.to_string()).collect::<Vec<_>>(),
        [Uuid::from_u128(USER_READ_ALL).to_string()]
    );
    let grants = shop.customer().oauth2_permission_grants();
    assert_eq!(
        (grants[0].client_id, grants[0].principal_id, grants[0].scope.as_str()),
        (principal.id, None, "User.Read")
    );

    // A second time changes nothing, and what the app declares besides is added.
    redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    let more = json!([{"resourceAppId": GRAPH, "resourceAccess": [
        role(USER_READ_ALL), scope(USER_READ), role(0x9a5d_68dd_52b0_4cc2_bd40_abcf_44ac_3a30)
    ]}]);
    shop.vendor.patch(&shop.app, json!({"requiredResourceAccess": more})).await.expect(204);
    redirected(&shop.link("organizations", &[]).await);
    let assignments = shop
        .customer()
        .app_role_assignments()
        .into_iter()
        .filter(|assignments| assignments.principal_id == principal.id.into());
    assert_eq!((assignments.count(), shop.customer().oauth2_permission_grants().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_app_signs_in_to_the_customer_after_the_consent() {
    let shop = Shop::usual().await;
    let made = shop.vendor.post(&format!("{}/addPassword", shop.app), json!({})).await.expect(200);
    let mut caller = shop.customer().caller();
    caller.client_id = shop.client_id.parse().unwrap();
    caller.client_secret = made["secretText"].as_str().unwrap().to_owned().into();
    assert_eq!(sign_in(shop.customer(), &caller).await.status, 401);
    shop.administrator(GLOBAL_ADMINISTRATOR);
    redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    let session = Session::of(shop.customer(), &caller).await;
    session.get("/users").await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn delegated_permissions_can_be_requested_one_by_one() {
    let shop = Shop::usual().await;
    shop.administrator(CLOUD_APPLICATION_ADMINISTRATOR);
    let scope = ("scope", "https://graph.microsoft.com/mail.read Calendars.Read");
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[scope]).await);
    assert!(!response.contains_key("error"), "{response:?}");
    let grants = shop.customer().oauth2_permission_grants();
    assert_eq!((grants.len(), grants[0].scope.as_str()), (1, "Mail.Read Calendars.Read"));
}

#[tokio::test(start_paused = true)]
async fn version_one_ignores_the_scope_and_needs_no_redirect_uri() {
    let shop = Shop::usual().await;
    shop.administrator(GLOBAL_ADMINISTRATOR);
    let query = [("client_id", shop.client_id.as_str()), ("state", "s")];
    let response = send(&shop.cloud, &with_query("/common/adminconsent", &query), None).await;
    let (to, response) = redirected(&response);
    assert_eq!((to.as_str(), response["tenant"].clone()), (BACK, shop.customer().id().to_string()));
    assert!(!response.contains_key("scope"));
}

#[tokio::test(start_paused = true)]
async fn an_admin_consent_error_names_the_consent() {
    let shop = Shop::usual().await;
    let refused = |response: &std::collections::BTreeMap<String, String>, error: &str, code: u32| {
        assert_eq!((response["error"].as_str(), response["admin_consent"].as_str()), (error, "True"), "{response:?}");
        assert!(response["error_description"].starts_with(&format!("AADSTS{code}: ")), "{response:?}");
        assert_eq!(response["state"], "s");
    };
    // An application permission of Graph needs a higher role than this.
    let grace = shop.administrator(CLOUD_APPLICATION_ADMINISTRATOR);
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    refused(&response, "access_denied", 90094);
    assert!(shop.customer().oauth2_permission_grants().is_empty());
    shop.customer().set_directory_roles(grace.id, &[GLOBAL_ADMINISTRATOR]);
    shop.customer().decline_consent();
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    refused(&response, "access_denied", 65004);
    assert_eq!(response["error_subcode"], "cancel");
    shop.customer().give_consent();

    shop.vendor.patch(&shop.app, json!({"requiredResourceAccess": []})).await.expect(204);
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    refused(&response, "access_denied", 1_003_031);
    let api = json!([{"resourceAppId": "fc780465-2017-40d4-a0c5-307022471b92", "resourceAccess": [role(1)]}]);
    shop.vendor.patch(&shop.app, json!({"requiredResourceAccess": api})).await.expect(204);
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    refused(&response, "invalid_client", 650_053);
    let api = json!([{"resourceAppId": Uuid::from_u128(9), "resourceAccess": [role(1)]}]);
    shop.vendor.patch(&shop.app, json!({"requiredResourceAccess": api})).await.expect(204);
    let (_, response) = redirected(&shop.link("customer.onmicrosoft.com", &[]).await);
    refused(&response, "invalid_client", 650_052);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_redirect_uri_gets_an_error_page() {
    let shop = Shop::usual().await;
    shop.administrator(GLOBAL_ADMINISTRATOR);
    let stranger = shop.cloud.tenants()[0].add_user("Stranger", &[GLOBAL_ADMINISTRATOR]);
    for (tenant, change, code) in [
        ("customer.onmicrosoft.com", ("redirect_uri", "https://vendor.example/other"), 50011),
        ("customer.onmicrosoft.com", ("redirect_uri", ""), 900_144),
        ("customer.onmicrosoft.com", ("scope", ""), 900_144),
        ("customer.onmicrosoft.com", ("client_id", "11111111-1111-1111-1111-111111111111"), 700_016),
        ("nowhere.example", ("state", ""), 90002),
        ("common", ("state", ""), 90130),
        ("customer.onmicrosoft.com", ("_as", stranger.user_principal_name.as_str()), 50020),
    ] {
        let response = shop.link(tenant, &[change]).await;
        let page = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(response.status() == 400 && page.contains(&format!("AADSTS{code}: ")), "{change:?} {page}");
    }
    // An app for one organization is none of another's.
    shop.vendor.patch(&shop.app, json!({"signInAudience": "AzureADMyOrg"})).await.expect(204);
    let page = shop.link("customer.onmicrosoft.com", &[]).await;
    assert!(String::from_utf8_lossy(page.body()).contains("AADSTS700016: "));
}

#[tokio::test(start_paused = true)]
async fn the_account_picker_lets_a_user_consent_or_cancel() {
    let shop = Shop::usual().await;
    shop.administrator(GLOBAL_ADMINISTRATOR);
    shop.customer().auto_sign_in(None);
    let page = shop.link("customer.onmicrosoft.com", &[]).await;
    let page = String::from_utf8(page.body().to_vec()).unwrap();
    for requested in ["Graph: User.Read.All (for the app itself)", "Graph: User.Read (for whoever is signed in)"] {
        assert!(page.contains(requested), "{page}");
    }
    let links: Vec<String> =
        page.split("href=\"").skip(1).map(|link| link.split('"').next().unwrap().replace("&amp;", "&")).collect();
    let follow = |link: String| async { send(&shop.cloud, &{ link }, None).await };
    let path = "/customer.onmicrosoft.com/v2.0/adminconsent";
    let (_, response) = redirected(&follow(format!("{path}{}", links.last().unwrap())).await);
    assert_eq!(response["error_subcode"], "cancel");
    let (_, response) = redirected(&follow(format!("{path}{}", links[0])).await);
    assert_eq!(response["admin_consent"], "True");
    assert!(!response.contains_key("error"));
}
