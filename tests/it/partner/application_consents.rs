//! Consent in customers' tenants through Partner Center: what is granted there, what is refused, and what a lost response
//! does.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::auth::{DeviceCodeProvider, SignInService};
use entra_apps::cloud::Cloud;
use entra_apps::ids::{AppId, TenantId};
use entra_apps::partner::{ApplicationConsentResult, ApplicationConsents, NewApplicationConsent};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::well_known::MICROSOFT_PARTNER_CENTER;
use entra_apps::permission::{Permission, PermissionKind};
use entra_apps::{Client, ErrorCode, ErrorKind};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant, RetryAfter};
use serde_json::{Value, json};

const CONSENTS: &str = "/v1/customers/*/applicationconsents";

/// A partner whose admin agent is signed in to the partner's own app, and its customers.
struct Scene {
    cloud: MemoryCloud,
    app_id: AppId,
    client: Client,
}

impl Scene {
    fn new() -> Self {
        let cloud = MemoryCloud::partner_with_customers(2);
        let partner = cloud.tenants()[0].clone();
        let app = json!({
            "displayName": "Deployer", "signInAudience": "AzureADMultipleOrgs", "isFallbackPublicClient": true,
            "publicClient": {"redirectUris": ["http://localhost"]},
        });
        let app_id = created(&partner, "/applications", &app)["appId"].clone();
        let principal = created(&partner, "/servicePrincipals", &json!({ "appId": app_id }))["id"].clone();
        let center = format!("/servicePrincipals(appId='{MICROSOFT_PARTNER_CENTER}')");
        let center = read(&partner, &center)["id"].clone();
        let grant = json!({
            "clientId": principal, "resourceId": center, "consentType": "AllPrincipals", "scope": "user_impersonation",
        });
        created(&partner, "/oauth2PermissionGrants", &grant);
        let app_id: AppId = app_id.as_str().unwrap().parse().unwrap();
        let service = SignInService::new(Cloud::global(), Arc::new(cloud.clone()), partner.clock());
        let (screen, person) = (partner.clone(), partner.users().remove(0));
        let provider = DeviceCodeProvider::new(service, app_id, move |prompt| {
            screen.approve_device_code(&prompt.user_code, &person);
        });
        let builder = Client::builder().tenant(partner.id()).token_provider(Arc::new(provider));
        let client = builder.transport(Arc::new(cloud.clone())).clock(partner.clock()).build().unwrap();
        Self { cloud, app_id, client }
    }

    fn partner(&self) -> &MemoryTenant {
        &self.cloud.tenants()[0]
    }

    fn customer(&self) -> &MemoryTenant {
        &self.cloud.tenants()[1]
    }

    fn consents(&self) -> ApplicationConsents<'_> {
        self.client.partner().application_consents(self.customer().id())
    }

    fn consent(&self, permissions: &[Permission]) -> NewApplicationConsent {
        NewApplicationConsent::new(self.app_id, permissions.iter().cloned()).unwrap()
    }

    /// What is granted to the app in the customer's tenant.
    fn granted(&self) -> Vec<String> {
        let all = read(self.customer(), "/oauth2PermissionGrants");
        let scopes = all["value"].as_array().unwrap().iter().map(|it| it["scope"].as_str().unwrap().to_owned());
        scopes.collect()
    }
}

fn created(tenant: &MemoryTenant, path: &str, body: &Value) -> Value {
    let (status, body) = tenant.send_json("POST", path, Some(&body.to_string()));
    assert_eq!(status, 201, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn read(tenant: &MemoryTenant, path: &str) -> Value {
    let (status, body) = tenant.send_json("GET", path, None);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_consent_is_given_once_and_taken_away_without_touching_what_others_gave() {
    let scene = Scene::new();
    let first = scene.consent(&[delegated::USER_READ, delegated::DIRECTORY_READ_ALL]);
    assert_eq!(scene.consents().create(&first).await.unwrap(), ApplicationConsentResult::Created);
    assert_eq!(scene.granted(), ["User.Read Directory.Read.All"]);

    // What is there is not widened, and that is said.
    let more = scene.consent(&[delegated::MAIL_READ]);
    assert_eq!(scene.consents().create(&more).await.unwrap(), ApplicationConsentResult::AlreadyExists);
    assert_eq!(scene.granted(), ["User.Read Directory.Read.All"]);

    let own = read(scene.customer(), &format!("/servicePrincipals(appId='{}')", scene.app_id))["id"].clone();
    let graph = "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    let graph = read(scene.customer(), graph)["id"].clone();
    let user = scene.customer().add_user("Grace Hopper", &[]);
    let of_a_user = json!({
        "clientId": own, "resourceId": graph, "consentType": "Principal", "principalId": user.id, "scope": "Mail.Read",
    });
    created(scene.customer(), "/oauth2PermissionGrants", &of_a_user);
    assert!(scene.consents().delete(scene.app_id).await.unwrap());
    assert_eq!(scene.granted(), ["Mail.Read"]);
    assert!(!scene.consents().delete(scene.app_id).await.unwrap(), "there is nothing any more");
    assert_eq!(scene.consents().create(&first).await.unwrap(), ApplicationConsentResult::Created);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_and_a_throttled_request_grant_once() {
    for fault in [
        Fault::on("POST", CONSENTS).response_lost(),
        Fault::on("POST", CONSENTS).fails_after_writing(503),
        Fault::on("POST", CONSENTS).fails(500),
        Fault::on("POST", CONSENTS).throttled(RetryAfter::Seconds(30)),
        Fault::on("POST", CONSENTS).unreachable(),
        Fault::on("POST", CONSENTS).intercepted(200, "text/html", "<html>Sign in to the network</html>"),
        Fault::on("POST", CONSENTS).token_refused(),
    ] {
        let scene = Scene::new();
        scene.partner().fault(fault.clone());
        let consent = scene.consent(&[delegated::USER_READ]);
        let before = tokio::time::Instant::now();
        let result = scene.consents().create(&consent).await.unwrap();
        assert_eq!(result, ApplicationConsentResult::Created, "{fault:?}");
        assert!(before.elapsed() < Duration::from_secs(60), "{fault:?}");
        assert_eq!(scene.granted(), ["User.Read"], "{fault:?}");
    }
    let scene = Scene::new();
    scene.consents().create(&scene.consent(&[delegated::USER_READ])).await.unwrap();
    let lost = Fault::on("DELETE", "/v1/customers/*/applicationconsents/*").response_lost();
    scene.partner().fault(lost);
    assert!(scene.consents().delete(scene.app_id).await.unwrap());
    assert!(scene.granted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_refusal_says_whose_it_is_and_what_to_do() {
    let scene = Scene::new();
    let consent = scene.consent(&[delegated::USER_READ]);
    for (status, code, sentence, expected) in [
        (403, "900329", "App only token is not accepted.", ErrorCode::PartnerCenterNeedsPerson),
        (403, "900308", "Insufficient privileges.", ErrorCode::MissingPermission),
        (403, "2032", "Access denied.", ErrorCode::MissingPermission),
        (403, "900309", "Blocked by Conditional Access.", ErrorCode::BlockedByConditionalAccess),
        (403, "20002", "The partner id has no commerce relationship with the customer id.", ErrorCode::NotACustomer),
        (401, "900420", "Wrong audience.", ErrorCode::TokenRefused),
        (401, "900421", "Authentication failed. MFA required.", ErrorCode::MfaRequired),
        (401, "400", "Authentication failed. MFA required", ErrorCode::MfaRequired),
        (401, "400", "Access denied.", ErrorCode::TokenRefused),
        (404, "60003", "The tenant was not found.", ErrorCode::NotACustomer),
        (400, "400", "The organization 'x' lacks a service principal for 'y'.", ErrorCode::ApiNotInTenant),
        (400, "400", "The scope 'x' is unknown.", ErrorCode::RequestRefused),
    ] {
        scene.partner().clear_faults();
        scene.partner().fault(Fault::on("POST", CONSENTS).always().refuses(status, code, sentence));
        let error = scene.consents().create(&consent).await.unwrap_err();
        assert_eq!((error.code(), error.status().map(|it| it.as_u16())), (expected, Some(status)), "{error}");
        assert!(error.to_string().contains(sentence.trim_end_matches('.')) && !error.remedy().is_empty(), "{error}");
    }
    // The sentence counts where the status is another one.
    scene.partner().clear_faults();
    scene.partner().fault(Fault::on("POST", CONSENTS).refuses(400, "400", "Permission entry already exists."));
    assert_eq!(scene.consents().create(&consent).await.unwrap(), ApplicationConsentResult::AlreadyExists);
    // A gateway is none of these.
    scene.partner().fault(Fault::on("POST", CONSENTS).always().intercepted(
        403,
        "text/html",
        "<p>Blocked by policy</p>",
    ));
    let error = scene.consents().create(&consent).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (ErrorCode::AnsweredByProxy, ErrorKind::Network), "{error}");
    assert!(error.to_string().contains("Blocked by policy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_consent_is_told() {
    let scene = Scene::new();
    let consent = scene.consent(&[delegated::USER_READ]);
    // A tenant that is no customer.
    let stranger = scene.client.partner().application_consents(TenantId::from_u128(7));
    assert_eq!(stranger.create(&consent).await.unwrap_err().code(), ErrorCode::NotACustomer);
    assert_eq!(stranger.delete(scene.app_id).await.unwrap_err().code(), ErrorCode::NotACustomer);
    // Another app than the one of the token.
    let other = NewApplicationConsent::new(AppId::from_u128(7), [delegated::USER_READ]).unwrap();
    assert_eq!(scene.consents().create(&other).await.unwrap_err().code(), ErrorCode::RequestRefused);
    // Without a second factor, in another session.
    let scene = Scene::new();
    scene.partner().sign_in_without_mfa();
    assert_eq!(scene.consents().create(&consent).await.unwrap_err().code(), ErrorCode::MfaRequired);
    // An app by itself.
    let caller = scene.partner().add_caller(&[]);
    let app = scene.partner().client_of(&caller);
    let error = app.partner().application_consents(scene.customer().id()).create(&consent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SignIn, "{error}");
    // Where there is no GDAP nothing is sent.
    scene.partner().clear_requests();
    let builder = scene.partner().client_builder().client_secret(caller.client_id, caller.client_secret);
    let china = builder.cloud(Cloud::china()).build().unwrap();
    let error = china.partner().application_consents(scene.customer().id()).create(&consent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(scene.partner().requests().is_empty());
}

#[test]
fn what_partner_center_cannot_consent_to_is_refused_before_anything_is_sent() {
    let app = AppId::from_u128(7);
    let vault = Permission::by_name(AppId::from_u128(8), "user_impersonation", PermissionKind::Delegated).unwrap();
    let center =
        Permission::by_name(MICROSOFT_PARTNER_CENTER, "user_impersonation", PermissionKind::Delegated).unwrap();
    for (permissions, code) in [
        (vec![], ErrorCode::AppWithoutPermissions),
        (vec![application::USER_READ_ALL], ErrorCode::WrongPermissionKind),
        (vec![delegated::USER_READ, vault], ErrorCode::InvalidRequest),
        (vec![center], ErrorCode::ApiNotInTenant),
    ] {
        let error = NewApplicationConsent::new(app, permissions).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let twice = NewApplicationConsent::new(app, [delegated::USER_READ, delegated::USER_READ]).unwrap();
    assert_eq!((twice.scopes(), twice.app_id()), (&["User.Read".to_owned()][..], app));
}
