//! The ways to sign in, on a tenant that checks what it is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entra_apps::auth::{
    ChainProvider, ClientAuthentication, ClientCredentialsProvider, DeviceCodeProvider, SignInService,
};
use entra_apps::cloud::Cloud;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::{Client, ErrorCode, secrecy::SecretString};
use entra_emulator::{Fault, MemoryCloud, MemoryTenant, User};

use crate::support::{tenant, token_of};

const SCOPE: &str = "https://graph.microsoft.com/.default";

#[tokio::test(start_paused = true)]
async fn several_ways_are_tried_until_one_signs_in() {
    let tenant = tenant();
    let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
    let caller = tenant.caller();
    let app = |authentication| ClientCredentialsProvider::new(service.clone(), caller.client_id, authentication);
    let wrong = app(ClientAuthentication::secret(SecretString::from("wrong")));
    let assertion = app(ClientAuthentication::assertion_file("/no/such/file"));
    let right = app(ClientAuthentication::secret(caller.client_secret.clone()));
    let chain =
        ChainProvider::new().then("wrong secret", Arc::new(wrong)).then("workload identity", Arc::new(assertion));
    let request = TokenRequest::new(tenant.id(), SCOPE);
    let error = token_of(&chain, &request).await.unwrap_err();
    for part in ["AADSTS7000215", "/no/such/file"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let client = Client::builder()
        .tenant(tenant.id())
        .token_provider(Arc::new(chain.then("secret", Arc::new(right))))
        .transport(Arc::new(tenant.clone()))
        .clock(tenant.clock())
        .build()
        .unwrap();
    assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_ones_own_says_why_it_fails() {
    #[derive(Debug)]
    struct Sealed;

    #[entra_apps::async_trait]
    impl TokenProvider for Sealed {
        async fn token(&self, _: &TokenRequest) -> Result<entra_apps::token::AccessToken, entra_apps::BoxError> {
            Err("the vault is sealed".into())
        }
    }

    let tenant = tenant();
    let client = tenant.client_builder().token_provider(Arc::new(Sealed)).build().unwrap();
    let error = client.organization().get().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!((error.code().as_str(), source.as_str()), ("token_provider_failed", "the vault is sealed"));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_crate_in_a_provider_of_ones_own_arrives_as_it_is() {
    #[derive(Debug)]
    struct Careless;

    #[entra_apps::async_trait]
    impl TokenProvider for Careless {
        async fn token(&self, _: &TokenRequest) -> Result<entra_apps::token::AccessToken, entra_apps::BoxError> {
            Err("no-guid-at-all".parse::<entra_apps::ids::AppId>().unwrap_err().into())
        }
    }

    let tenant = tenant();
    let client = tenant.client_builder().token_provider(Arc::new(Careless)).build().unwrap();
    let error = client.organization().get().await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (ErrorCode::InvalidId, entra_apps::ErrorKind::Invalid));
    assert!(std::error::Error::source(&error).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_taken_from_what_was_pasted() {
    let tenant = tenant();
    let caller = tenant.caller();
    let builder = || {
        let client = Client::builder().transport(Arc::new(tenant.clone())).clock(tenant.clock());
        client.client_secret(caller.client_id, caller.client_secret.clone())
    };
    for pasted in [
        format!(" \"{}\" ", tenant.id()),
        format!("https://login.microsoftonline.com/{}/v2.0", tenant.id()),
        format!("{}.", tenant.domain().to_uppercase()),
    ] {
        let client = builder().tenant(&pasted).build().unwrap();
        assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()), "{pasted}");
    }
    let error = builder().tenant("undefined").build().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidTenant);
    assert!(error.message().contains("\"undefined\""), "{error}");
    assert_eq!(builder().build().unwrap_err().code(), ErrorCode::MissingTenant);
}

const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

fn agent(partner: &MemoryTenant) -> User {
    partner.users().into_iter().find(|user| user.display_name == "Admin Agent").unwrap()
}

fn client(cloud: &MemoryCloud, tenant: &MemoryTenant, provider: &Arc<impl TokenProvider + 'static>) -> Client {
    Client::builder()
        .tenant(tenant.id())
        .token_provider(provider.clone())
        .transport(Arc::new(cloud.clone()))
        .clock(tenant.clock())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_partner_signs_in_once_by_device_and_works_for_each_customer() {
    let cloud = crate::support::partner_with_customers(2);
    let [partner, customers @ ..] = cloud.tenants() else { unreachable!("a partner and two customers") };
    let service = SignInService::new(Cloud::global(), Arc::new(cloud.clone()), partner.clock());
    let shown = Arc::new(AtomicUsize::new(0));
    let (screen, count, person) = (partner.clone(), Arc::clone(&shown), agent(partner));
    let provider = DeviceCodeProvider::new(service, AZURE_CLI.parse().unwrap(), move |prompt| {
        count.fetch_add(1, Ordering::Relaxed);
        let (screen, person, code) = (screen.clone(), person.clone(), prompt.user_code.clone());
        // The person takes half a minute.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(30)).await;
            screen.approve_device_code(&code, &person);
        });
    });
    let provider = Arc::new(provider.home_tenant(partner.id()));
    for tenant in customers.iter().chain([partner]) {
        let organization = client(&cloud, tenant, &provider).organization().get().await.unwrap();
        assert_eq!(organization.id, Some(tenant.id()));
    }
    assert_eq!(shown.load(Ordering::Relaxed), 1);
    let polls = partner.requests().iter().filter(|request| request.path.ends_with("/token")).count();
    assert!((6..=9).contains(&polls), "{polls}");
}

#[tokio::test(start_paused = true)]
async fn every_code_that_is_explained_can_be_had() {
    for (reason, number) in
        ErrorCode::ALL.iter().flat_map(|code| code.aadsts_numbers().iter().map(move |it| (code, it)))
    {
        // A response that asks to come back later is asked again.
        if *reason == ErrorCode::SignInBusy {
            continue;
        }
        let tenant = tenant();
        let code = format!("AADSTS{number}");
        tenant.fault(Fault::on("POST", "/oauth2/v2.0/token").always().refuses(400, &code, "Because."));
        let error = tenant.client().organization().get().await.unwrap_err();
        // An assertion whose signature is wrong, and a secret that is.
        let reason = if *number == 50012 { ErrorCode::WrongSecret } else { *reason };
        assert_eq!((error.code(), error.service_code()), (reason, Some(&*code)));
    }
}

#[cfg(all(feature = "browser", feature = "rustls"))]
mod with_a_browser {
    use entra_apps::auth::{BrowserProvider, StaticToken};
    use entra_apps::bytes::Bytes;
    use entra_apps::transport::Transport as _;
    use entra_apps::url::Url;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_person_signs_in_in_a_browser_of_a_few_lines() {
        let tenant = MemoryTenant::new();
        let ada = tenant.add_user("Ada", &["62e90394-69f5-4237-9190-012177145e10".parse().unwrap()]);
        tenant.auto_sign_in(Some(&ada));
        let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
        let browser = tenant.clone();
        let provider = BrowserProvider::new(service, AZURE_CLI.parse().unwrap(), move |page| {
            let (browser, page) = (browser.clone(), page.to_string());
            tokio::spawn(async move {
                let request = entra_apps::http::Request::get(page).body(Bytes::new()).unwrap();
                let response = browser.send(request).await.unwrap();
                let back = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
                let mut stream = TcpStream::connect(("127.0.0.1", back.port().unwrap())).await.unwrap();
                let target = format!("{}?{}", back.path(), back.query().unwrap());
                let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                stream.read_to_end(&mut Vec::new()).await.unwrap();
            });
        });
        let token = token_of(&provider, &TokenRequest::new(tenant.id(), SCOPE)).await.unwrap();
        let client = tenant.client_builder().token_provider(Arc::new(StaticToken::new(token.secret))).build().unwrap();
        assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
    }
}

#[cfg(all(feature = "certificate", feature = "rustls"))]
mod with_a_certificate {
    use entra_apps::auth::ClientCertificate;
    use entra_emulator::{Caller, MemoryTenant};
    use serde_json::json;

    use super::*;

    const ONE: &[u8] = include_bytes!("../../emulator/certificates/one.der");
    const ONE_KEY: &[u8] = include_bytes!("../../emulator/certificates/one.key.der");
    const TWO: &[u8] = include_bytes!("../../emulator/certificates/two.der");
    const TWO_KEY: &[u8] = include_bytes!("../../emulator/certificates/two.key.der");

    /// An app that the certificate `ONE` belongs to.
    fn keyed(tenant: &MemoryTenant) -> Caller {
        use base64::Engine as _;

        let caller = tenant.caller();
        let key = base64::engine::general_purpose::STANDARD.encode(ONE);
        let body = json!({"keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}]});
        let path = format!("/applications(appId='{}')", caller.client_id);
        let (status, response) = tenant.send_json("PATCH", &path, Some(&body.to_string()));
        assert!(status.is_success(), "{response}");
        caller
    }

    fn provider(tenant: &MemoryTenant, caller: &Caller, der: &[u8], key: &[u8]) -> ClientCredentialsProvider {
        let service = SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock());
        let certificate = ClientCertificate::from_der(der, key).unwrap();
        ClientCredentialsProvider::new(service, caller.client_id, ClientAuthentication::certificate(certificate))
    }

    #[tokio::test(start_paused = true)]
    async fn the_tenant_accepts_the_assertion() {
        let tenant = tenant();
        let caller = keyed(&tenant);
        let provider = provider(&tenant, &caller, ONE, ONE_KEY);
        let client = tenant.client_builder().token_provider(Arc::new(provider)).build().unwrap();
        assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
    }

    #[tokio::test(start_paused = true)]
    async fn another_certificate_is_refused_with_a_remedy() {
        let tenant = tenant();
        let caller = keyed(&tenant);
        let request = TokenRequest::new(tenant.id(), SCOPE);
        let error = token_of(&provider(&tenant, &caller, TWO, TWO_KEY), &request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CertificateUnknown, "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_wrong_is_named() {
        let tenant = crate::support::builder().clock_skew(entra_apps::time::Duration::hours(1)).build();
        let caller = keyed(&tenant);
        let request = TokenRequest::new(tenant.id(), SCOPE);
        let error = token_of(&provider(&tenant, &caller, ONE, ONE_KEY), &request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::AssertionOutOfTime);
        assert!(error.message().contains("seconds behind"), "{error}");
    }
}

mod people {
    use std::sync::Mutex;

    use entra_apps::auth::{DeviceCodeProvider, MemoryRefreshTokenStore, RefreshTokenProvider};
    use entra_apps::ids::AppId;
    use entra_apps::uuid;
    use entra_emulator::{MemoryTenant, User};

    use super::*;

    /// The Azure CLI, a public client that every tenant knows.
    const AZURE_CLI: AppId = AppId::from_u128(0x04b0_7795_8ddb_461a_bbee_02f9_e1bf_7b46);
    const GLOBAL_ADMINISTRATOR: uuid::Uuid = uuid::Uuid::from_u128(0x62e9_0394_69f5_4237_9190_0121_7714_5e10);

    fn service(tenant: &MemoryTenant) -> SignInService {
        SignInService::new(Cloud::global(), Arc::new(tenant.clone()), tenant.clock())
    }

    fn request(tenant: &MemoryTenant) -> TokenRequest {
        TokenRequest::new(tenant.id(), SCOPE)
    }

    fn ada(tenant: &MemoryTenant) -> User {
        tenant.add_user("Ada Lovelace", &[GLOBAL_ADMINISTRATOR])
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_code_signs_in_once_and_the_next_run_needs_none() {
        let tenant = tenant();
        let ada = ada(&tenant);
        let shown = Arc::new(Mutex::new(0));
        let (count, by_hand) = (Arc::clone(&shown), tenant.clone());
        let store = Arc::new(MemoryRefreshTokenStore::default());
        let provider = DeviceCodeProvider::new(service(&tenant), AZURE_CLI, move |prompt| {
            *count.lock().unwrap() += 1;
            by_hand.approve_device_code(&prompt.user_code, &ada);
        })
        .store(store.clone());
        let client = tenant.client_builder().token_provider(Arc::new(provider)).build().unwrap();
        assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
        assert_eq!(*shown.lock().unwrap(), 1);
        let next = RefreshTokenProvider::new(service(&tenant), AZURE_CLI, tenant.id(), store);
        for _ in 0..3 {
            token_of(&next, &request(&tenant)).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_code_that_is_declined_or_left_alone_ends() {
        let tenant = tenant();
        let by_hand = tenant.clone();
        let declined = DeviceCodeProvider::new(service(&tenant), AZURE_CLI, move |prompt| {
            by_hand.decline_device_code(&prompt.user_code);
        });
        let error = token_of(&declined, &request(&tenant)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::ConsentDeclined, "{error}");
        let left = DeviceCodeProvider::new(service(&tenant), AZURE_CLI, |_| {});
        let error = token_of(&left, &request(&tenant)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::CodeExpired, "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_who_is_signed_out_everywhere_signs_in_again() {
        let tenant = tenant();
        let ada = ada(&tenant);
        let shown = Arc::new(Mutex::new(0));
        let (count, by_hand, person) = (Arc::clone(&shown), tenant.clone(), ada.clone());
        let provider = DeviceCodeProvider::new(service(&tenant), AZURE_CLI, move |prompt| {
            *count.lock().unwrap() += 1;
            by_hand.approve_device_code(&prompt.user_code, &person);
        });
        token_of(&provider, &request(&tenant)).await.unwrap();
        token_of(&provider, &request(&tenant)).await.unwrap();
        assert_eq!(*shown.lock().unwrap(), 1);
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        tenant.revoke_sign_in_sessions(&ada);
        token_of(&provider, &request(&tenant)).await.unwrap();
        assert_eq!(*shown.lock().unwrap(), 2);
    }

    #[cfg(feature = "browser")]
    #[tokio::test]
    async fn a_browser_signs_in_through_the_tenants_own_page() {
        use std::io::{Read as _, Write as _};

        use entra_apps::auth::BrowserProvider;
        use entra_apps::transport::Transport as _;

        let tenant = tenant();
        let ada = ada(&tenant);
        tenant.auto_sign_in(Some(&ada));
        let browser = tenant.clone();
        let provider = BrowserProvider::new(service(&tenant), AZURE_CLI, move |page| {
            let (page, tenant) = (page.clone(), browser.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let get = entra_apps::http::Request::get(page.as_str()).body(entra_apps::bytes::Bytes::new()).unwrap();
                let response = runtime.block_on(tenant.send(get)).unwrap();
                let location = response.headers()["location"].to_str().unwrap();
                let target: entra_apps::url::Url = location.parse().unwrap();
                let mut stream = std::net::TcpStream::connect(("127.0.0.1", target.port().unwrap())).unwrap();
                let path = &target[entra_apps::url::Position::BeforePath..];
                write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                let mut shown = String::new();
                stream.read_to_string(&mut shown).unwrap();
                assert!(shown.contains("You are signed in"), "{shown}");
            });
        });
        let client = tenant.client_builder().token_provider(Arc::new(provider)).build().unwrap();
        assert_eq!(client.organization().get().await.unwrap().id, Some(tenant.id()));
    }
}
