//! The address to which a browser was sent, and who a tenant is said to be: both can be written by anybody.
#![no_main]

use entra_apps::consent::{AdminConsentCallback, AdminConsentLink, ConsentApp, PendingConsent};
use entra_apps::ids::{AppId, Tenant, TenantId};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::url::Url;
use entra_apps::{ErrorCode, SignInAudience};
use entra_apps_fuzz::{check_for, cloud};
use entra_emulator::SeededRandomness;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let home = TenantId::from_u128(1);
    let app = ConsentApp::new(AppId::from_u128(7), home)
        .audience(&SignInAudience::MultipleOrganizations)
        .redirect_uri("https://app.test/callback")
        .declares(MICROSOFT_GRAPH);
    let randomness = SeededRandomness::new(1);
    let link = |tenant| AdminConsentLink::new(&cloud(), &app, tenant, "https://app.test/callback", &randomness);
    if let Some(tenant) = check_for(text.parse::<Tenant>(), None) {
        if let Some(link) = check_for(link(tenant), None) {
            let url = link.url();
            assert_eq!((url.scheme(), url.host_str(), url.fragment()), ("https", Some("login.test"), None), "{url}");
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            assert!(segments.len() == 3 && segments[1..] == ["v2.0", "adminconsent"], "{url}");
        }
    }
    if let Some(callback) = check_for(AdminConsentCallback::parse(text), None) {
        let pending = link(Tenant::ORGANIZATIONS).unwrap().into_pending();
        let accepted = check_for(pending.clone().accept(&callback), None);
        assert!(accepted.is_none() || callback.state() == Some(pending.state()));
    }
    // A number is found in a subcode and in a description alike, whatever stands around it.
    let words: String = text.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    for member in ["error_subcode", "error_description"] {
        let pending = link(Tenant::ORGANIZATIONS).unwrap().into_pending();
        let mut url = Url::parse("https://app.test/callback?error=access_denied").unwrap();
        url.query_pairs_mut()
            .append_pair(member, &format!("{words} AADSTS90094: {words}"))
            .append_pair("state", pending.state());
        if let Some(callback) = check_for(AdminConsentCallback::parse(url.as_str()), None) {
            let error = pending.accept(&callback).expect_err("it is refused");
            assert_eq!(error.code(), ErrorCode::AdminConsentNeeded, "{url}");
        }
    }
    if let Ok(pending) = serde_json::from_str::<PendingConsent>(text) {
        let _ = format!("{pending:?}");
    }
});
