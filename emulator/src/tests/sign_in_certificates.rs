//! Apps that sign in with a certificate, or with the token of an issuer that they trust.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::time::Duration;

use super::sign_in::{ask, claims, refused};
use super::*;
use crate::Lag;
use crate::certificate::testing::{OLD, ONE, ONE_KEY, TWO, TWO_KEY, sign};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// An app of a tenant, as it signs in.
struct App {
    tenant: MemoryTenant,
    session: Session,
    id: String,
    client_id: String,
}

impl App {
    async fn new(tenant: MemoryTenant) -> Self {
        let session = Session::new(&tenant).await;
        let (app, _) = session.app_and_principal("Signing").await;
        let text = |name: &str| app[name].as_str().unwrap().to_owned();
        Self { id: text("id"), client_id: text("appId"), tenant, session }
    }

    async fn with_key() -> Self {
        let app = Self::new(builder().build()).await;
        app.add_key(ONE).await;
        app
    }

    async fn add_key(&self, der: &[u8]) {
        let key = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(der)});
        self.session.patch(&format!("/applications/{}", self.id), json!({"keyCredentials": [key]})).await.expect(204);
    }

    fn endpoint(&self) -> String {
        format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", self.tenant.id())
    }

    /// The claims of a good assertion, on the tenant's day.
    fn claims(&self) -> Value {
        let now = (self.tenant.clock().now()).unix_timestamp();
        json!({
            "aud": self.endpoint(), "iss": self.client_id, "sub": self.client_id, "jti": "1", "nbf": now,
            "exp": now + 600
        })
    }

    async fn present(&self, assertion: &str) -> Answered {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &*self.client_id),
            ("scope", "https://graph.microsoft.com/.default"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        ask(&self.tenant, &format!("/{}/oauth2/v2.0/token", self.tenant.id()), Some(&form)).await
    }

    async fn sign(&self, header: Value, claims: &Value) -> Answered {
        self.present(&sign(ONE_KEY, &header, claims)).await
    }
}

fn sha256(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(der))
}

fn sha1(der: &[u8]) -> Vec<u8> {
    Sha1::digest(der).to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_in_however_it_is_named() {
    let app = App::with_key().await;
    for header in [
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": sha256(ONE)}),
        json!({"alg": "RS256", "typ": "JWT", "x5t": URL_SAFE_NO_PAD.encode(sha1(ONE))}),
        json!({"alg": "RS256", "typ": "JWT", "x5t": STANDARD.encode(sha1(ONE)), "x5t#S256": sha256(ONE)}),
    ] {
        let issued = app.sign(header, &app.claims()).await.expect(200);
        assert_eq!(claims(issued["access_token"].as_str().unwrap())["appidacr"], "2");
    }
    // The tenant's issuer and its domain are as good an audience as the endpoint.
    for audience in [
        format!("https://login.microsoftonline.com/{}/v2.0", app.tenant.id()),
        format!("https://login.microsoftonline.com/{}/oauth2/token", app.tenant.domain()),
        format!("https://sts.windows.net/{}/", app.tenant.id()),
    ] {
        let mut claims = app.claims();
        claims["aud"] = audience.into();
        app.sign(json!({"alg": "PS256", "x5t#S256": sha256(ONE)}), &claims).await.expect(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_the_service_principal_signs_in_as_well() {
    let tenant = builder().build();
    let session = Session::new(&tenant).await;
    let (app, principal) = session.app_and_principal("Signing").await;
    let key = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(ONE)});
    let path = format!("/servicePrincipals/{}", principal["id"].as_str().unwrap());
    session.patch(&path, json!({"keyCredentials": [key]})).await.expect(204);
    let client_id = app["appId"].as_str().unwrap().to_owned();
    let app = App { tenant, session, id: String::new(), client_id };
    app.sign(json!({"alg": "PS256", "x5t#S256": sha256(ONE)}), &app.claims()).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_app_does_not_hold_is_refused() {
    let app = App::with_key().await;
    let header = |der: &[u8]| json!({"alg": "PS256", "x5t#S256": sha256(der)});
    let other = sign(TWO_KEY, &header(TWO), &app.claims());
    let response = app.present(&other).await;
    refused(&response, 401, "invalid_client", 700_027);
    assert!(response.body["error_description"].as_str().unwrap().contains("The key was not found."));
    // Signed with another key than it says.
    refused(&app.present(&sign(TWO_KEY, &header(ONE), &app.claims())).await, 401, "invalid_client", 700_027);
    refused(&app.sign(json!({"alg": "PS256"}), &app.claims()).await, 401, "invalid_client", 50012);
    let unsigned = app.sign(json!({"alg": "none", "x5t#S256": sha256(ONE)}), &app.claims()).await;
    refused(&unsigned, 401, "invalid_client", 5_002_738);
    let unknown = app.sign(json!({"alg": "ES256", "x5t#S256": sha256(ONE)}), &app.claims()).await;
    assert_eq!(unknown.status, 501);
    refused(&app.present("a.b").await, 400, "invalid_request", 50027);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_past_its_end_is_refused() {
    let app = App::with_key().await;
    let clock = Arc::new(TenantClock::starting_at(datetime!(2020-06-01 12:00 UTC)));
    let early = App::new(builder().clock(clock).build()).await;
    early.add_key(OLD).await;
    tokio::time::sleep(Duration::from_secs(365 * 24 * 3600)).await;
    let header = json!({"alg": "PS256", "x5t#S256": sha256(OLD)});
    let response = early.sign(header, &early.claims()).await;
    refused(&response, 401, "invalid_client", 700_027);
    assert!(response.body["error_description"].as_str().unwrap().contains("The key used is expired."));
    app.sign(json!({"alg": "PS256", "x5t#S256": sha256(ONE)}), &app.claims()).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn an_assertion_is_for_this_tenant_and_this_app_and_in_its_time() {
    let app = App::with_key().await;
    let header = || json!({"alg": "PS256", "x5t#S256": sha256(ONE)});
    let with = |name: &str, value: Value| {
        let mut claims = app.claims();
        claims[name] = value;
        claims
    };
    let now = app.tenant.clock().now().unix_timestamp();
    let other = "11111111-1111-1111-1111-111111111111";
    for (claims, status, error, code) in [
        (with("aud", json!("https://login.example.com/common/oauth2/v2.0/token")), 401, "invalid_client", 700_023),
        (with("aud", json!(format!("https://login.microsoftonline.com/{other}/v2.0"))), 401, "invalid_client", 700_023),
        (with("iss", json!(other)), 401, "invalid_client", 700_021),
        (with("sub", json!(other)), 401, "invalid_client", 50048),
        (with("exp", json!(now - 301)), 401, "invalid_client", 700_024),
        (with("nbf", json!(now + 302)), 401, "invalid_client", 700_024),
        (with("exp", Value::Null), 400, "invalid_request", 50027),
    ] {
        refused(&app.sign(header(), &claims).await, status, error, code);
    }
    // The clocks may differ by five minutes.
    app.sign(header(), &with("exp", json!(now - 290))).await.expect(200);
    app.sign(header(), &with("nbf", json!(now + 290))).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_certificate_is_unknown_to_the_sign_in_service_for_a_while() {
    let app = App::new(builder().lags(Lag::none().sign_in(Duration::from_secs(30))).build()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    app.add_key(ONE).await;
    let header = || json!({"alg": "PS256", "x5t#S256": sha256(ONE)});
    refused(&app.sign(header(), &app.claims()).await, 401, "invalid_client", 700_027);
    tokio::time::sleep(Duration::from_secs(30)).await;
    app.sign(header(), &app.claims()).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_trusted_issuer_signs_in_for_its_subject() {
    const ISSUER: &str = "https://token.actions.githubusercontent.com";
    let app = App::new(builder().build()).await;
    let now = app.tenant.clock().now().unix_timestamp();
    let token = |issuer: &str, subject: &str, audience: Value| {
        let claims = json!({"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + 300});
        sign(TWO_KEY, &json!({"alg": "RS256", "kid": "theirs"}), &claims)
    };
    let audience = || json!("api://AzureADTokenExchange");
    let good = token(ISSUER, "repo:contoso/app:ref:refs/heads/main", audience());
    refused(&app.present(&good).await, 401, "invalid_client", 70025);
    let credential = json!({
        "name": "main", "issuer": ISSUER, "subject": "repo:contoso/app:ref:refs/heads/main",
        "audiences": ["api://AzureADTokenExchange"]
    });
    let path = format!("/applications/{}/federatedIdentityCredentials", app.id);
    app.session.post(&path, credential).await.expect(201);
    app.present(&good).await.expect(200);
    app.present(&token(ISSUER, "repo:contoso/app:ref:refs/heads/main", json!(["x", audience()]))).await.expect(200);
    for (token, code) in [
        (token("https://elsewhere.example", "repo:contoso/app:ref:refs/heads/main", audience()), 700_211),
        (token(ISSUER, "repo:contoso/app:ref:refs/heads/main", json!("x")), 700_212),
        (token(ISSUER, "repo:contoso/app:pull_request", audience()), 700_213),
        (token(ISSUER, "repo:Contoso/app:ref:refs/heads/main", audience()), 7_002_138),
    ] {
        refused(&app.present(&token).await, 401, "invalid_client", code);
    }
    tokio::time::sleep(Duration::from_secs(601)).await;
    refused(&app.present(&good).await, 401, "invalid_client", 700_024);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_assertion_is_checked_by_the_tenants_skewed_clock() {
    for (minutes, good) in [(-20, false), (-4, true), (4, true), (20, false)] {
        let app = App::new(builder().clock_skew(time::Duration::minutes(minutes)).build()).await;
        app.add_key(ONE).await;
        // The claims are written by the clock of the client.
        let response = app.sign(json!({"alg": "PS256", "x5t#S256": sha256(ONE)}), &app.claims()).await;
        match good {
            true => drop(response.expect(200)),
            false => refused(&response, 401, "invalid_client", 700_024),
        }
    }
}
