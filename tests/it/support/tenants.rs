//! A tenant of a fixed day and a token for it, shared with the emulator's tests.

use std::sync::Arc;
use std::time::Duration;

use entra_apps::bytes::Bytes;
use entra_apps::clock::{Clock, Sleep};
use entra_apps::http::Request;
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::OffsetDateTime;
use entra_apps::time::macros::datetime;
use entra_apps::transport::Transport as _;
use entra_apps::url::form_urlencoded;
use entra_emulator::{MemoryCloud, MemoryTenant, MemoryTenantBuilder, TenantClock};
use serde_json::Value;

// Where this file lies, whichever test takes it in.
#[path = "traffic.rs"]
pub(crate) mod traffic;

pub(crate) const TODAY: OffsetDateTime = datetime!(2026-06-01 09:00 UTC);

/// A tenant whose time is tokio's, and so virtual. What goes over its transport is written down if the environment says
/// where. A token of another tenant ends the test, and so does an object of another.
pub(crate) fn builder() -> MemoryTenantBuilder {
    let builder = MemoryTenant::builder().deny_foreign_requests();
    traffic::record(builder.clock(Arc::new(TenantClock::starting_at(TODAY))))
}

/// A partner and its customers, each of whom it administers: see [`MemoryCloud::partner`].
#[allow(dead_code)] // the emulator's tests have their own
pub(crate) fn partner_with_customers(customers: usize) -> MemoryCloud {
    let customer = |number| {
        let builder = builder().display_name(format!("Customer {number}"));
        builder.domain(format!("customer{number}.onmicrosoft.com"))
    };
    MemoryCloud::partner(builder().domain("partner.onmicrosoft.com"), (1..=customers).map(customer))
}

/// A time that stands still: real sockets do not go with tokio's virtual time.
#[derive(Debug)]
#[allow(dead_code)] // only tests with real sockets need it
pub(crate) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> OffsetDateTime {
        TODAY
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

/// A token of an app that holds just these application permissions, for requests that are written by hand.
pub(crate) async fn token(tenant: &MemoryTenant, roles: &[&str]) -> String {
    let caller = tenant.add_caller(roles);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &caller.client_id.to_string())
        .append_pair("client_secret", caller.client_secret.expose_secret())
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let request = Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .expect("it is a request");
    let response = tenant.send(request).await.expect("no fault is scripted");
    let answer: Value = serde_json::from_slice(response.body()).expect("a token comes as JSON");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}
