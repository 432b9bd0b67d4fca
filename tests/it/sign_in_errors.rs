//! Each error of a sign-in: had from the tenant itself where it can be brought there, else from its script.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::auth::{
    ClientAuthentication, ClientCredentialsProvider, DeviceCodeProvider, MemoryRefreshTokenStore, RefreshTokenProvider,
    RefreshTokenStore as _, public_client,
};
use entra_apps::ids::{AppId, Tenant};
use entra_apps::secrecy::SecretString;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::{Error, ErrorCode, ErrorKind};
use entra_emulator::{Fault, MemoryCloud, User};
use serde_json::json;

use crate::flows::scene::{AUDIENCE, App, GRAPH, ISSUER, Over, SUBJECT, Scene, jwt, text, word};
use crate::flows::{Source, administrator};
use crate::support::token_of;

/// How a code is had.
#[derive(Clone, Copy)]
enum How {
    /// The tenant gives it by itself, for this.
    By(&'static str),
    /// The tenant has no such state: it is told to give the code, in a sign-in of this kind.
    Told(Kind),
}

/// The kinds of sign-ins that are refused by script.
#[derive(Clone, Copy)]
enum Kind {
    /// An app with its secret.
    Secret,
    /// An app with an assertion.
    Assertion,
    /// A person who signed in earlier.
    Person,
}

use How::{By, Told};
use Kind::{Assertion, Person, Secret};

/// Every code that is explained, and how it is had.
const TABLE: &[(u64, How)] = &[
    (50011, Told(Person)),   // a page, see with_a_browser
    (900_971, Told(Person)), // a page
    (700_046, Told(Person)), // a broker on a phone or in Office signs in
    (500_113, Told(Person)), // a page, see with_a_browser
    (700_016, By("a client id that nobody has")),
    (700_011, Told(Secret)),
    (7_000_229, By("an app without a service principal")),
    (650_051, Told(Person)),
    (500_011, By("an API that the tenant does not have")),
    (650_052, Told(Person)), // see from_the_consent_page
    (500_014, By("an API that is switched off")),
    (650_054, Told(Person)),
    (650_057, By("an API that the app does not declare")),
    (650_056, Told(Person)),
    (65005, Told(Person)),
    (65006, Told(Person)),
    (1_003_031, Told(Person)), // see from_the_consent_page
    (65001, By("a permission that nobody has consented to")),
    (65002, By("an app of Microsoft's that may not have the permission")),
    (65004, Told(Person)), // see with_a_browser
    (90094, By("a permission that needs an administrator")),
    (90095, Told(Person)),
    (900_941, Told(Person)),
    (90093, Told(Person)),
    (90099, By("a partner's account, and an app that the customer does not know")),
    (90072, Told(Person)),
    (50020, By("an account of another tenant")),
    (50034, By("an account that was deleted")),
    (16000, Told(Person)),
    (51004, Told(Person)),
    (7_000_215, By("a wrong secret")),
    (7_000_222, By("a secret past its end")),
    (7_000_218, By("a person at an app that has a secret, without it")),
    (7_000_216, By("an empty secret")),
    (700_025, By("a secret for a public client")),
    (700_027, By("a key that the app does not have")),
    (700_024, By("an assertion past its end")),
    (700_030, Told(Assertion)),
    (50012, By("an assertion that names no certificate")),
    (50013, Told(Assertion)),
    (50048, Told(Assertion)), // after the signature, which this crate always makes for itself
    (50027, By("an assertion that is none")),
    (700_021, By("an assertion of another app")),
    (700_023, Told(Assertion)), // after the signature
    (700_229, Told(Assertion)),
    (70021, Told(Assertion)),
    (70025, By("an app that trusts nobody")),
    (700_211, By("an issuer that the app does not trust")),
    (700_212, By("an audience that the app does not trust")),
    (700_213, By("a subject that the app does not trust")),
    (7_002_138, By("a subject in capitals")),
    (90002, By("a domain that nobody has")),
    (900_023, Told(Secret)), // such a tenant is refused before it is sent
    (90038, Told(Secret)),
    (900_382, Told(Secret)),
    (5_000_224, Told(Secret)),
    (9_001_023, By("an app that signs in to common")),
    (90124, Told(Secret)),
    (90130, Told(Secret)),
    (50059, Told(Secret)), // this crate always names a tenant
    (50194, By("an app of one tenant at organizations")),
    (50076, Told(Person)),
    (50079, Told(Person)),
    (50072, Told(Person)),
    (50074, Told(Person)),
    (50078, Told(Person)),
    (50158, Told(Person)),
    (53003, Told(Person)),
    (530_003, Told(Person)),
    (530_034, Told(Person)),
    (53000, Told(Person)),
    (53001, Told(Person)),
    (53011, Told(Person)),
    (530_032, Told(Person)),
    (530_036, Told(Person)),
    (50105, By("an app for assigned people")),
    (501_051, By("an API for assigned apps")),
    (50057, By("an account that was disabled")),
    (7_000_112, By("an app that was disabled")),
    (70001, Told(Secret)),
    (500_212, Told(Person)),
    (500_213, Told(Person)),
    (700_082, By("three months without a sign-in")),
    (70008, Told(Person)), // see with_a_browser
    (70000, Told(Person)),
    (70043, Told(Person)),
    (50173, By("sessions that were revoked")),
    (50133, Told(Person)),
    (700_084, Told(Person)),
    (50126, Told(Person)),
    (70011, By("two scopes of an app")),
    (28000, By("two APIs at once")),
    (28002, Told(Person)),
    (28003, Told(Person)),
    (650_053, By("a permission that the API does not have")),
    (700_022, Told(Secret)),
    (1_002_012, By("a scope of an app that is not .default")),
    (70016, Told(Person)), // a device goes on asking, and tells nobody
    (70019, Told(Person)), // a device ends by its own clock first
    (70020, Told(Person)),
    (70018, Told(Person)),     // only a mistake of this crate's
    (54005, Told(Person)),     // a code is redeemed once
    (501_481, Told(Person)),   // see with_a_browser
    (700_005, Told(Person)),   // see with_a_browser
    (9_002_313, Told(Secret)), // only a mistake of this crate's
    (900_144, Told(Secret)),   // the same
    (90014, Told(Secret)),     // the same
    (50196, Told(Person)),
    (90055, Told(Person)),
    (90033, Told(Secret)),
    (50087, Told(Secret)),
    (90024, Told(Secret)),
];

#[test]
fn the_table_holds_every_code_that_is_explained() {
    let mut known: Vec<u64> = ErrorCode::ALL.iter().flat_map(|code| code.aadsts_numbers()).copied().collect();
    let mut listed: Vec<u64> = TABLE.iter().map(|(number, _)| *number).collect();
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, known);
}

#[tokio::test]
async fn every_code_comes_out_as_its_reason_with_a_remedy_and_its_ids() {
    for over in Over::ALL {
        let script = Stage::of(*over, 0).await;
        for (number, how) in TABLE {
            match how {
                By(what) => {
                    let stage = Stage::of(*over, *number).await;
                    stage.check(&stage.bring_about(*number).await, *number, what);
                }
                Told(kind) => {
                    script.scene.tenant().clear_faults();
                    script.check(&script.script(*number, *kind).await, *number, "as it was told");
                }
            }
        }
    }
}

/// A tenant with whoever may sign in to it.
struct Stage {
    scene: Scene,
    ada: User,
    bob: User,
}

impl Stage {
    async fn of(over: Over, number: u64) -> Self {
        let scene = match number {
            90099 => {
                Scene::of(over, |builder| {
                    let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
                    MemoryCloud::partner(named("partner"), [named("customer")])
                })
                .await
            }
            50020 => {
                Scene::of(over, |builder| {
                    let named = |name: &str| builder().domain(format!("{name}.onmicrosoft.com"));
                    MemoryCloud::new([named("contoso"), named("fabrikam")])
                })
                .await
            }
            _ => Scene::one(over).await,
        };
        let (ada, bob) = (administrator(scene.tenant()), scene.tenant().add_user("Bob", &[]));
        Self { scene, ada, bob }
    }

    fn tenant_id(&self) -> String {
        self.scene.tenant().id().to_string()
    }

    /// An app signs in with a secret.
    async fn by_secret(&self, tenant: &str, client_id: AppId, secret: &str, scopes: &[&str]) -> Error {
        let provider = ClientCredentialsProvider::new(
            self.scene.service(),
            client_id,
            ClientAuthentication::secret(SecretString::from(secret)),
        );
        refused(&provider, tenant, scopes).await
    }

    /// The usual app signs in.
    async fn caller(&self, tenant: &str, scopes: &[&str]) -> Error {
        let caller = self.scene.tenant().caller();
        self.by_secret(tenant, caller.client_id, &text(&caller.client_secret), scopes).await
    }

    /// The usual app signs in with an assertion.
    async fn by_assertion(&self, assertion: String) -> Error {
        let client_id = self.scene.tenant().caller().client_id;
        let provider = ClientCredentialsProvider::new(
            self.scene.service(),
            client_id,
            ClientAuthentication::assertion(Arc::new(Source(assertion))),
        );
        refused(&provider, &self.tenant_id(), &[GRAPH]).await
    }

    fn trusting(&self) -> &Self {
        let caller = self.scene.tenant().caller();
        let found = self.scene.tenant().applications().into_iter().find(|app| app.app_id == caller.client_id).unwrap();
        App { id: found.id.to_string(), app_id: caller.client_id }.trust(&self.scene);
        self
    }

    fn soon(&self) -> entra_apps::time::OffsetDateTime {
        self.scene.tenant().clock().now() + Duration::from_secs(300)
    }

    /// A person signs in by device.
    async fn by_device(&self, person: &User, tenant: &str, client_id: AppId, scopes: &[&str]) -> Error {
        let (screen, person) = (self.scene.tenant().clone(), person.clone());
        let provider = DeviceCodeProvider::new(self.scene.service(), client_id, move |prompt| {
            screen.approve_device_code(&prompt.user_code, &person);
        });
        refused(&provider, tenant, scopes).await
    }

    /// A person who has signed in to an app, and their refresh token.
    async fn stay(&self, person: &User, client_id: AppId, scope: &str) -> Arc<MemoryRefreshTokenStore> {
        let (screen, person) = (self.scene.tenant().clone(), person.clone());
        let store = Arc::new(MemoryRefreshTokenStore::default());
        let device = DeviceCodeProvider::new(self.scene.service(), client_id, move |prompt| {
            screen.approve_device_code(&prompt.user_code, &person);
        });
        let request = TokenRequest::new(self.scene.tenant().id(), scope);
        token_of(&device.store(store.clone()), &request).await.unwrap();
        store
    }

    fn again(&self, client_id: AppId, store: Arc<MemoryRefreshTokenStore>) -> RefreshTokenProvider {
        RefreshTokenProvider::new(self.scene.service(), client_id, self.scene.tenant().id(), store)
    }

    /// What the tenant says of its own accord.
    async fn bring_about(&self, number: u64) -> Error {
        let scene = &self.scene;
        let tenant = self.tenant_id();
        let caller = scene.tenant().caller();
        let cli = public_client::AZURE_CLI;
        let exchange = || {
            let all = scene.tenant().service_principals();
            let found = all.into_iter().find(|found| found.display_name.contains("Exchange")).unwrap();
            (found.id, format!("{}/.default", found.app_id))
        };
        match number {
            700_016 => self.by_secret(&tenant, AppId::from_u128(7), "x~y", &[GRAPH]).await,
            7_000_229 => {
                let app = App::register(scene, &json!({"displayName": "Bare"}));
                let secret = app.add_secret(scene, &json!({}));
                self.by_secret(&tenant, app.app_id, &secret, &[GRAPH]).await
            }
            500_011 => self.caller(&tenant, &["https://nobody.example/.default"]).await,
            500_014 => {
                let (id, scope) = exchange();
                scene.by_hand("PATCH", &format!("/servicePrincipals/{id}"), &json!({"accountEnabled": false}));
                self.caller(&tenant, &[&scope]).await
            }
            501_051 => {
                let (id, scope) = exchange();
                let closed = json!({"appRoleAssignmentRequired": true});
                scene.by_hand("PATCH", &format!("/servicePrincipals/{id}"), &closed);
                self.caller(&tenant, &[&scope]).await
            }
            650_057 => self.by_device(&self.ada, &tenant, App::public(scene).app_id, &[GRAPH]).await,
            650_053 => {
                let app = App::public(scene);
                self.by_device(&self.ada, &tenant, app.app_id, &["https://graph.microsoft.com/No.Such"]).await
            }
            65001 => {
                let app = App::public(scene);
                let store = self.stay(&self.bob, app.app_id, "https://graph.microsoft.com/User.Read").await;
                let again = self.again(app.app_id, store);
                refused(&again, &tenant, &["https://graph.microsoft.com/Mail.Read"]).await
            }
            65002 => self.by_device(&self.ada, &tenant, cli, &["https://graph.microsoft.com/Mail.Read"]).await,
            90094 => {
                let app = App::public(scene);
                let scope = "https://graph.microsoft.com/Directory.ReadWrite.All";
                self.by_device(&self.bob, &tenant, app.app_id, &[scope]).await
            }
            90099 => {
                let [partner, customer] = scene.cloud.tenants() else { unreachable!("a partner and a customer") };
                let agent = partner.users().into_iter().find(|user| user.display_name == "Admin Agent").unwrap();
                let app = App::register(
                    scene,
                    &json!({"displayName": "Deployer", "isFallbackPublicClient": true, "signInAudience": "AzureADMultipleOrgs"}),
                );
                let scope = "https://graph.microsoft.com/User.Read";
                let store = self.stay(&agent, app.app_id, scope).await;
                // The customer knows the app, and has consented to nothing.
                let body = json!({"appId": app.app_id}).to_string();
                let (status, response) = customer.send_json("POST", "/servicePrincipals", Some(&body));
                assert!(status.is_success(), "{response}");
                refused(&self.again(app.app_id, store), &customer.id().to_string(), &[scope]).await
            }
            50020 => {
                let stranger = scene.cloud.tenants()[1].add_user("Eve", &[]);
                self.by_device(&stranger, &tenant, cli, &[GRAPH]).await
            }
            50034 | 50057 => {
                let again = self.again(cli, self.stay(&self.bob, cli, GRAPH).await);
                let path = format!("/users/{}", self.bob.id);
                match number {
                    50034 => drop(scene.by_hand("DELETE", &path, &json!(null))),
                    _ => drop(scene.by_hand("PATCH", &path, &json!({"accountEnabled": false}))),
                }
                refused(&again, &tenant, &[GRAPH]).await
            }
            50105 => {
                let app = App::public(scene);
                app.install(scene, json!({"appRoleAssignmentRequired": true}));
                let scope = "https://graph.microsoft.com/User.Read";
                self.by_device(&self.bob, &tenant, app.app_id, &[scope]).await
            }
            50173 => {
                let again = self.again(cli, self.stay(&self.bob, cli, GRAPH).await);
                scene.clock.advance(Duration::from_secs(60));
                scene.tenant().revoke_sign_in_sessions(&self.bob);
                refused(&again, &tenant, &[GRAPH]).await
            }
            700_082 => {
                let again = self.again(cli, self.stay(&self.bob, cli, GRAPH).await);
                scene.clock.advance(Duration::from_secs(91 * 24 * 3600));
                refused(&again, &tenant, &[GRAPH]).await
            }
            7_000_215 => self.by_secret(&tenant, caller.client_id, "wrong~secret", &[GRAPH]).await,
            7_000_216 => self.by_secret(&tenant, caller.client_id, "", &[GRAPH]).await,
            7_000_222 => {
                let app = App::register(scene, &json!({"displayName": "Old"}));
                app.install(scene, json!({}));
                let secret = app.add_secret(scene, &json!({"endDateTime": "2026-06-02T00:00:00Z"}));
                scene.clock.advance(Duration::from_secs(2 * 24 * 3600));
                self.by_secret(&tenant, app.app_id, &secret, &[GRAPH]).await
            }
            7_000_218 => {
                let app = App::register(scene, &json!({"displayName": "Web"}));
                self.by_device(&self.ada, &tenant, app.app_id, &["https://graph.microsoft.com/User.Read"]).await
            }
            700_025 => {
                let app = App::public(scene);
                let secret = app.add_secret(scene, &json!({}));
                let scope = "https://graph.microsoft.com/User.Read";
                let again = self.again(app.app_id, self.stay(&self.bob, app.app_id, scope).await);
                let secret = ClientAuthentication::secret(SecretString::from(secret));
                refused(&again.client_authentication(secret), &tenant, &[scope]).await
            }
            700_027 | 50012 | 700_021 => {
                let issuer = if number == 700_021 { AppId::from_u128(7) } else { caller.client_id };
                let header = match number {
                    700_027 => json!({"alg": "PS256", "x5t#S256": "bm9ib2R5cw"}),
                    _ => json!({"alg": "PS256"}),
                };
                let end = self.soon().unix_timestamp();
                self.by_assertion(jwt(&header, &json!({"iss": issuer, "sub": issuer, "exp": end}))).await
            }
            700_024 => {
                let past = self.soon() - Duration::from_secs(3600);
                self.trusting().by_assertion(word(ISSUER, SUBJECT, AUDIENCE, past)).await
            }
            50027 => self.by_assertion("no.token".to_owned()).await,
            70025 => self.by_assertion(word(ISSUER, SUBJECT, AUDIENCE, self.soon())).await,
            700_211 => self.trusting().by_assertion(word("https://x.example", SUBJECT, AUDIENCE, self.soon())).await,
            700_212 => self.trusting().by_assertion(word(ISSUER, SUBJECT, "api://x", self.soon())).await,
            700_213 => self.trusting().by_assertion(word(ISSUER, "repo:x", AUDIENCE, self.soon())).await,
            7_002_138 => {
                let shouted = SUBJECT.to_uppercase();
                self.trusting().by_assertion(word(ISSUER, &shouted, AUDIENCE, self.soon())).await
            }
            90002 => self.caller("nobody.example", &[GRAPH]).await,
            9_001_023 => self.caller("common", &[GRAPH]).await,
            50194 => self.by_device(&self.ada, "organizations", App::public(scene).app_id, &[GRAPH]).await,
            7_000_112 => {
                let all = scene.tenant().service_principals();
                let own = all.into_iter().find(|found| found.app_id == caller.client_id).unwrap();
                scene.by_hand("PATCH", &format!("/servicePrincipals/{}", own.id), &json!({"accountEnabled": false}));
                self.caller(&tenant, &[GRAPH]).await
            }
            70011 => self.caller(&tenant, &[GRAPH, "https://outlook.office365.com/.default"]).await,
            1_002_012 => self.caller(&tenant, &["https://graph.microsoft.com/User.Read.All"]).await,
            28000 => {
                let again = self.again(cli, self.stay(&self.ada, cli, GRAPH).await);
                refused(&again, &tenant, &[GRAPH, "https://outlook.office365.com/.default"]).await
            }
            _ => panic!("nothing brings AADSTS{number} about"),
        }
    }

    /// What the tenant is told to say.
    async fn script(&self, number: u64, kind: Kind) -> Error {
        let again = match kind {
            Person => {
                Some(self.again(public_client::AZURE_CLI, self.stay(&self.bob, public_client::AZURE_CLI, GRAPH).await))
            }
            Secret | Assertion => None,
        };
        let says = Fault::on("POST", "/oauth2/v2.0/token").always();
        self.scene.tenant().fault(says.refuses(400, &format!("AADSTS{number}"), "Because."));
        match kind {
            Secret => self.caller(&self.tenant_id(), &[GRAPH]).await,
            Assertion => self.by_assertion(word(ISSUER, SUBJECT, AUDIENCE, self.soon())).await,
            Person => refused(&again.unwrap(), &self.tenant_id(), &[GRAPH]).await,
        }
    }

    fn check(&self, error: &Error, number: u64, how: &str) {
        let label = format!("AADSTS{number}, {how}, {:?}: {error}", self.scene.over);
        let reason = ErrorCode::from_aadsts(number).unwrap();
        assert_eq!(error.kind(), ErrorKind::SignIn, "{label}");
        assert_eq!(error.service_code(), Some(&*format!("AADSTS{number}")), "{label}");
        assert_eq!((error.code(), error.remedy()), (reason, reason.remedy()), "{label}");
        assert!(error.to_string().contains(reason.remedy()), "a person is shown what to do: {label}");
        let said = error.service_message().unwrap();
        let said = said.split_once(": ").map_or(said, |(_, said)| said).trim_end_matches('.');
        let said: String = said.chars().take(300).collect();
        assert!(error.to_string().contains(&said), "and what the service says: {label}");
        assert!(error.oauth_error().is_some_and(|name| !name.is_empty()), "{label}");
        // The ids are those of the very exchange that was refused.
        let sent = self.scene.sent();
        let last = sent.last().unwrap();
        assert!(last.path.contains("/oauth2/v2.0/"), "{label}");
        assert_eq!(error.request_id(), last.request_id.as_deref(), "{label}");
        assert_eq!(error.client_request_id(), last.correlation.as_deref(), "{label}");
        assert!(error.request_id().is_some() && error.client_request_id().is_some(), "{label}");
        assert_eq!(error.attempts() > 1, reason == ErrorCode::SignInBusy, "only who is busy is asked again: {label}");
        let secret = text(&self.scene.tenant().caller().client_secret);
        assert!(!format!("{error:?} {error:#?} {error}").contains(&secret), "{label}");
    }
}

async fn refused(provider: &dyn TokenProvider, tenant: &str, scopes: &[&str]) -> Error {
    let (first, others) = scopes.split_first().unwrap();
    let mut request = TokenRequest::new(tenant.parse::<Tenant>().unwrap(), *first);
    request.scopes.extend(others.iter().map(|scope| (*scope).to_owned()));
    token_of(provider, &request).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn the_ids_that_look_like_secrets_are_told_apart() {
    for over in Over::ALL {
        let stage = Stage::of(*over, 0).await;
        let client_id = stage.scene.tenant().caller().client_id;
        let id = "3f2b0a4e-6f7d-4a94-8f0e-7b2f4a5a9a10";
        let error = stage.by_secret(&stage.tenant_id(), client_id, id, &[GRAPH]).await;
        assert_eq!(error.code(), ErrorCode::SecretIdInsteadOfValue, "{over:?}: {error}");
        assert!(error.to_string().contains("copy its Value") && !error.to_string().contains(id), "{error}");
    }
}

#[tokio::test]
async fn an_error_without_a_code_is_told_by_its_name() {
    for over in Over::ALL {
        for (name, reason) in [
            ("consent_required", ErrorCode::NotConsented),
            ("interaction_required", ErrorCode::InteractionRequired),
            ("login_required", ErrorCode::InteractionRequired),
            ("access_denied", ErrorCode::ConsentDeclined),
            ("authorization_declined", ErrorCode::ConsentDeclined),
            ("expired_token", ErrorCode::CodeExpired),
            ("bad_verification_code", ErrorCode::WrongDeviceCode),
            ("invalid_scope", ErrorCode::InvalidScope),
            ("invalid_resource", ErrorCode::InvalidScope),
            ("temporarily_unavailable", ErrorCode::SignInBusy),
            ("server_error", ErrorCode::SignInBusy),
            ("invalid_grant", ErrorCode::SignInRefused),
            ("invalid_client", ErrorCode::SignInRefused),
            ("invalid_request", ErrorCode::SignInRefused),
            ("unauthorized_client", ErrorCode::SignInRefused),
            ("unsupported_grant_type", ErrorCode::SignInRefused),
        ] {
            let stage = Stage::of(*over, 0).await;
            let store = Arc::new(MemoryRefreshTokenStore::new(SecretString::from("of nobody's")));
            let body = json!({"error": name, "trace_id": "t", "correlation_id": "c"}).to_string();
            stage.scene.tenant().fault(Fault::on("POST", "/oauth2/v2.0/token").always().body(body));
            let error = refused(&stage.again(public_client::AZURE_CLI, store), &stage.tenant_id(), &[GRAPH]).await;
            let label = format!("{name} {over:?}: {error}");
            assert_eq!((error.code(), error.oauth_error()), (reason, Some(name)), "{label}");
            assert_eq!((error.request_id(), error.client_request_id()), (Some("t"), Some("c")), "{label}");
            assert_eq!(error.remedy(), reason.remedy(), "{label}");
            assert!(!error.to_string().contains("of nobody's"), "{label}");
        }
    }
}

#[tokio::test]
async fn a_step_up_is_handed_on_with_its_claims() {
    for over in Over::ALL {
        let stage = Stage::of(*over, 0).await;
        let error = stage.script(50076, Person).await;
        let claims: serde_json::Value = serde_json::from_str(error.claims().unwrap()).unwrap();
        assert!(claims["access_token"].is_object(), "{over:?}: {claims}");
        assert_eq!(error.suberror(), Some("basic_action"));
        assert!(error.code().requires_interaction());
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_refresh_token_where_it_is() {
    let stage = Stage::of(Over::Process, 0).await;
    let store = stage.stay(&stage.bob, public_client::AZURE_CLI, GRAPH).await;
    let before = text(&store.load().await.unwrap().unwrap());
    stage.scene.tenant().fault(Fault::on("POST", "/oauth2/v2.0/token").refuses(400, "AADSTS53003", "Because."));
    refused(&stage.again(public_client::AZURE_CLI, store.clone()), &stage.tenant_id(), &[GRAPH]).await;
    assert_eq!(text(&store.load().await.unwrap().unwrap()), before);
}

/// What a person sees and does in the browser.
#[cfg(feature = "browser")]
mod with_a_browser {
    use std::sync::Mutex;

    use entra_apps::auth::BrowserProvider;
    use entra_apps::url::Url;

    use super::*;

    /// A page of the sign-in with other parameters than the program asked for.
    fn changed(page: &Url, name: &str, value: &str) -> Url {
        let mut changed = page.clone();
        let pairs: Vec<_> = page.query_pairs().into_owned().collect();
        let pairs = pairs.into_iter().map(|(key, old)| if key == name { (key, value.to_owned()) } else { (key, old) });
        changed.query_pairs_mut().clear().extend_pairs(pairs);
        changed
    }

    impl Stage {
        /// A person signs in in the browser, which opens what `change` makes of the address. The error, and the page that
        /// the person sees.
        async fn by_browser(
            &self,
            client_id: AppId,
            scope: &str,
            change: impl Fn(&Url) -> Url + Send + Sync + 'static,
        ) -> (Error, String) {
            let (browser, opened) = (self.scene.browser(), Arc::new(Mutex::new(None)));
            let page = opened.clone();
            let provider = BrowserProvider::new(self.scene.service(), client_id, move |url| {
                *page.lock().unwrap() = Some(tokio::spawn(browser(&change(url))));
            });
            let provider = provider.timeout(Duration::from_secs(3600));
            let error = refused(&provider, &self.tenant_id(), &[scope]).await;
            let page = opened.lock().unwrap().take().unwrap();
            (error, page.await.unwrap())
        }
    }

    const READ: &str = "https://graph.microsoft.com/User.Read";

    #[tokio::test]
    async fn what_goes_wrong_in_the_browser_comes_back_to_the_program() {
        for over in Over::ALL {
            for number in [65004, 90094, 65002, 501_481, 700_005, 70008, 7_000_218] {
                let stage = Stage::of(*over, 50020).await;
                let scene = &stage.scene;
                let app = App::public(scene);
                scene.tenant().auto_sign_in(Some(&stage.bob));
                let cli = public_client::AZURE_CLI;
                let (error, page) = match number {
                    65004 => {
                        scene.tenant().decline_consent();
                        stage.by_browser(app.app_id, READ, Url::clone).await
                    }
                    90094 => {
                        let scope = "https://graph.microsoft.com/Directory.ReadWrite.All";
                        stage.by_browser(app.app_id, scope, Url::clone).await
                    }
                    65002 => stage.by_browser(cli, "https://graph.microsoft.com/Mail.Read", Url::clone).await,
                    501_481 => {
                        let other = "x".repeat(43);
                        stage.by_browser(cli, GRAPH, move |page| changed(page, "code_challenge", &other)).await
                    }
                    700_005 => {
                        // Whoever is a guest in the other tenant could be sent there.
                        let (own, other) = (stage.tenant_id(), &scene.cloud.tenants()[1]);
                        other.auto_sign_in(Some(&administrator(other)));
                        let other = other.id().to_string();
                        let elsewhere = move |page: &Url| page.as_str().replace(&own, &other).parse().unwrap();
                        stage.by_browser(cli, GRAPH, elsewhere).await
                    }
                    70008 => {
                        let clock = scene.clock.clone();
                        scene.on_response(move |sent, _| {
                            if sent.path.ends_with("/authorize") {
                                clock.advance(Duration::from_secs(601));
                            }
                        });
                        stage.by_browser(cli, GRAPH, Url::clone).await
                    }
                    _ => {
                        let redirect = json!({"redirectUris": ["http://localhost"]});
                        let app = App::register(scene, &json!({"displayName": "Web", "web": redirect}));
                        stage.by_browser(app.app_id, READ, Url::clone).await
                    }
                };
                let label = format!("AADSTS{number} {over:?}: {error}");
                let reason = ErrorCode::from_aadsts(number).unwrap();
                assert_eq!(error.service_code(), Some(&*format!("AADSTS{number}")), "{label}");
                assert_eq!((error.kind(), error.code()), (ErrorKind::SignIn, reason), "{label}");
                assert_eq!(error.remedy(), reason.remedy(), "{label}");
                assert!(error.request_id().is_some() && error.client_request_id().is_some(), "{label}");
                // The browser says whether the person is signed in; what fails afterwards only the program knows.
                let is_late = [501_481, 700_005, 70008, 7_000_218].contains(&number);
                let says = if is_late { "You are signed in" } else { "You are not signed in" };
                assert!(page.contains(says) && page.contains("return to the program"), "{label}: {page}");
            }
        }
    }

    #[tokio::test]
    async fn what_ends_on_a_page_of_entras_ends_with_the_time_allowed() {
        for over in Over::ALL {
            for (number, app) in [
                (
                    50011,
                    json!({"displayName": "Elsewhere", "publicClient": {"redirectUris": ["https://contoso.example"]}}),
                ),
                (500_113, json!({"displayName": "Nowhere"})),
                (700_016, json!(null)),
            ] {
                let stage = Stage::of(*over, 0).await;
                let client_id = match app.is_null() {
                    true => AppId::from_u128(7),
                    false => App::register(&stage.scene, &app).app_id,
                };
                stage.scene.tenant().auto_sign_in(Some(&stage.bob));
                let (error, page) = stage.by_browser(client_id, READ, Url::clone).await;
                assert!(page.contains(&format!("AADSTS{number}")), "{over:?}: {page}");
                assert_eq!(
                    (error.kind(), error.code().as_str()),
                    (ErrorKind::SignIn, "browser_timeout"),
                    "{over:?}: {error}"
                );
                assert!(error.remedy().contains("that error says why"), "{error}");
            }
        }
    }
}

/// What an administrator's consent comes back with.
mod from_the_consent_page {
    use entra_apps::consent::{AdminConsentCallback, ConsentApp};
    use entra_apps::http::Request;
    use entra_apps::permission::MICROSOFT_GRAPH;

    use super::*;

    const BACK: &str = "https://contoso.example/consent";

    #[tokio::test]
    async fn a_consent_that_fails_comes_back_as_its_reason() {
        for over in Over::ALL {
            for (number, code, cancelled) in [
                (1_003_031, "malformed_declaration", false),
                (650_052, "resource_not_in_tenant", false),
                (90094, "admin_consent_needed", false),
                (65004, "consent_cancelled", true),
            ] {
                let stage = Stage::of(*over, 0).await;
                let scene = &stage.scene;
                let access = |api: String, id: &str| json!([{"resourceAppId": api, "resourceAccess": [{"id": id, "type": "Role"}]}]);
                // Directory.Read.All of Microsoft Graph.
                let graph = access(MICROSOFT_GRAPH.to_string(), "7ab1d382-f21e-4acd-a863-ba3e13f7da61");
                let declared = match number {
                    1_003_031 => json!([]),
                    650_052 => access(AppId::from_u128(7).to_string(), "00000000-0000-0000-0000-000000000008"),
                    _ => graph,
                };
                let body = json!({
                    "displayName": "App", "signInAudience": "AzureADMyOrg", "web": {"redirectUris": [BACK]},
                    "requiredResourceAccess": declared,
                });
                let app = App::register(scene, &body);
                scene.tenant().auto_sign_in(Some(if number == 90094 { &stage.bob } else { &stage.ada }));
                let caller = scene.tenant().caller();
                let client = scene.builder(scene.tenant()).client_secret(caller.client_id, caller.client_secret);
                let client = client.build().unwrap();
                let tenant = scene.tenant().id();
                let described = ConsentApp::new(app.app_id, tenant).redirect_uri(BACK).declares(MICROSOFT_GRAPH);
                let link = client.admin_consent_link(&described, tenant.into(), BACK).unwrap();
                let page = match number {
                    65004 => format!("{}&_cancel=1", link.url()),
                    _ => link.url().to_string(),
                };
                let get = Request::get(page).body(entra_apps::bytes::Bytes::new()).unwrap();
                let response = scene.transport().send(get).await.unwrap();
                let back = response.headers()["location"].to_str().unwrap();
                assert!(back.starts_with(BACK) && back.contains("admin_consent=True"), "{over:?}: {back}");
                let callback = AdminConsentCallback::parse(back).unwrap();
                assert_eq!(callback.is_cancelled(), cancelled, "{over:?}: {back}");
                let error = link.into_pending().accept(&callback).unwrap_err();
                let label = format!("AADSTS{number} {over:?}: {error}");
                assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::SignIn, code), "{label}");
                assert_eq!(error.service_code(), Some(&*format!("AADSTS{number}")), "{label}");
                let last = scene.sent().pop().unwrap();
                assert_eq!(error.request_id(), last.request_id.as_deref(), "{label}");
                assert!(error.client_request_id().is_some(), "{label}");
            }
        }
    }
}
