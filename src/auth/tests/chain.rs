//! Several ways to sign in.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::auth::ChainProvider;
use crate::error::ErrorCode;
use crate::token::{AccessToken, TokenProvider};

#[derive(Debug)]
struct FakeProvider {
    calls: AtomicU32,
    fails: Option<ErrorCode>,
}

impl FakeProvider {
    fn new(fails: Option<ErrorCode>) -> Arc<Self> {
        Arc::new(Self { calls: AtomicU32::new(0), fails })
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl TokenProvider for FakeProvider {
    async fn token(&self, _: &TokenRequest) -> Result<AccessToken, BoxError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match self.fails {
            Some(code) => Err(Error::new(code).with_message(format!("because of {code}")).into()),
            None => Ok(AccessToken::new(secret("token"), NOW)),
        }
    }
}

#[tokio::test]
async fn the_first_that_works_is_taken_and_remembered() {
    let (broken, works, spare) =
        (FakeProvider::new(Some(ErrorCode::NoResponse)), FakeProvider::new(None), FakeProvider::new(None));
    let chain = ChainProvider::new().then("a", broken.clone()).then("b", works.clone()).then("c", spare.clone());
    for _ in 0..3 {
        token_of(&chain, &request()).await.unwrap();
    }
    assert_eq!((broken.calls(), works.calls(), spare.calls()), (1, 3, 0));
}

#[tokio::test]
async fn each_failure_is_reported() {
    let chain = ChainProvider::new()
        .then("browser", FakeProvider::new(Some(ErrorCode::NoResponse)))
        .then("code", FakeProvider::new(Some(ErrorCode::WrongSecret)));
    let error = token_of(&chain, &request()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "no_way_to_sign_in");
    for part in ["browser: because of no_response", "code: because of wrong_secret"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let none = token_of(&ChainProvider::new(), &request()).await.unwrap_err();
    assert_eq!(none.message(), "there is no way to sign in");
}

#[tokio::test]
async fn after_a_person_declines_no_other_provider_is_tried() {
    let next = FakeProvider::new(None);
    let chain = ChainProvider::new()
        .then("browser", FakeProvider::new(Some(ErrorCode::ConsentDeclined)))
        .then("code", next.clone());
    assert_eq!(token_of(&chain, &request()).await.unwrap_err().code().as_str(), "consent_declined");
    assert_eq!(next.calls(), 0);
}

#[cfg(feature = "browser")]
#[tokio::test(start_paused = true)]
async fn without_a_browser_a_device_code_is_shown() {
    use crate::auth::{BrowserProvider, DeviceCodeProvider};

    let device_code = json!({"device_code": "d", "user_code": "u", "verification_uri": "v", "expires_in": "900"});
    let script = Script::new([Reply::Response(200, device_code), tokens("a", "r")]);
    let browser = BrowserProvider::new(service(&script), CLIENT, |_| {});
    let device_code = DeviceCodeProvider::new(service(&script), CLIENT, |_| {});
    let chain = ChainProvider::interactive(browser, device_code);
    assert_eq!(text(&token_of(&chain, &request()).await.unwrap().secret), "a");
    assert!(script.paths()[0].ends_with("/devicecode"));
}
