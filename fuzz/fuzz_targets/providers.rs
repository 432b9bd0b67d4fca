//! The other ways to sign in: what a device code, a managed identity, a GitHub job and a refresh token are answered with.
#![no_main]

use std::sync::Arc;

use entra_apps::async_trait;
use entra_apps::auth::{
    ClientAuthentication, ClientCredentialsProvider, DeviceCodeProvider, GitHubActions, ManagedIdentityProvider, MemoryRefreshTokenStore, RefreshTokenProvider, SignInService,
    TenantLookup,
};
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::ids::{AppId, Tenant};
use entra_apps::secrecy::SecretString;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::url::Url;
use entra_apps_fuzz::{QuickClock, SECRET, Scripted, answers, block_on, check_for, cloud};
use entra_emulator::SeededRandomness;
use libfuzzer_sys::fuzz_target;

/// Answers a managed identity, which asks this machine.
#[derive(Debug)]
struct Local(Arc<Scripted>);

#[async_trait]
impl Transport for Local {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let uri = request.uri().to_string();
        assert!(uri.starts_with("http://127.0.0.1:1/token?"), "{uri}");
        *request.uri_mut() = "https://login.test/".parse().unwrap();
        self.0.send(request).await
    }
}

fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let script = answers(data);
    let transport = if kind & 4 == 0 { Scripted::again(script) } else { Scripted::once(script) };
    let secret = SecretString::from(SECRET);
    let service = |transport: Arc<dyn Transport>| {
        SignInService::new(cloud(), transport, Arc::new(QuickClock::default()))
            .randomness(Arc::new(SeededRandomness::new(1)))
    };
    let id = AppId::from_u128(2);
    if kind & 8 != 0 {
        let lookup = TenantLookup::new(cloud(), transport, Arc::new(QuickClock::default()));
        if let Some(found) = check_for(block_on(lookup.get("contoso.test")), None) {
            let _ = found.cloud();
        }
        return;
    }
    let provider: Box<dyn TokenProvider> = match kind & 3 {
        0 if kind & 16 != 0 => {
            // The one host that a bearer is sent to.
            let github = Url::parse("https://graph.test/token").unwrap();
            let job = GitHubActions::new(service(transport.clone()), &github, secret).unwrap();
            let authentication = ClientAuthentication::assertion(Arc::new(job));
            Box::new(ClientCredentialsProvider::new(service(transport), id, authentication))
        }
        0 | 1 => {
            let show = |prompt: &entra_apps::auth::DeviceCodePrompt| {
                let shown = format!("{} {} {}", prompt.user_code, prompt.verification_uri, prompt.message);
                assert!(!shown.contains(char::is_control), "{shown:?}");
            };
            Box::new(DeviceCodeProvider::new(service(transport), id, show))
        }
        2 => {
            let endpoint = Url::parse("http://127.0.0.1:1/token").unwrap();
            let service = service(Arc::new(Local(transport)));
            Box::new(ManagedIdentityProvider::in_app_service(service, &endpoint, secret).unwrap())
        }
        _ => {
            let store = Arc::new(MemoryRefreshTokenStore::new(secret));
            Box::new(RefreshTokenProvider::new(service(transport), id, tenant("home.test"), store))
        }
    };
    // A device code is asked for without a secret, so that none can come back.
    let sent = (kind & 3 > 1 || (kind & 3 == 0 && kind & 16 != 0)).then_some(SECRET);
    for name in ["home.test", "00000000-0000-0000-0000-000000000001"] {
        let token = block_on(provider.token(&TokenRequest::new(tenant(name), "https://graph.test/.default")));
        check_for(token.map_err(|error| *error.downcast::<entra_apps::Error>().unwrap()), sent);
    }
});
