//! What an app has that today's rules refuse, or that cannot be read: it is named, and not lost.

use std::sync::Arc;

use entra_apps::async_trait;
use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::provision::{Action, PageUrl, StepKind, Tag};
use entra_apps::transport::{Transport, TransportError};
use entra_apps::{AppRegistration, ClientSecret, ErrorCode, ErrorKind, RedirectUri};
use entra_emulator::{MemoryTenant, Snapshot};

use crate::support::{counts, quiet, register, tenant};

fn web(uri: &str) -> RedirectUri {
    RedirectUri::web(uri).unwrap()
}

fn app() -> AppRegistration {
    AppRegistration::new("k", "App").redirect_uri(web("https://a.example/callback"))
}

/// A tenant whose app holds what is not taken any more, by what is taken in its place.
async fn tenant_with_kept(registration: &AppRegistration, kept: &[(&str, &str)]) -> MemoryTenant {
    let tenant = tenant();
    register(&tenant.client(), registration).await;
    let json = kept.iter().fold(tenant.snapshot().to_json(), |json, (taken, kept)| {
        assert!(json.contains(taken), "{taken}");
        json.replace(&format!("\"{taken}\""), &format!("\"{kept}\""))
    });
    tenant.restore(&Snapshot::from_json(&json).unwrap()).unwrap();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    tenant
}

#[tokio::test(start_paused = true)]
async fn values_that_todays_rules_refuse_are_named_by_the_plan_and_by_the_refusal() {
    let with = |uri: &str| app().redirect_uri(web(uri));
    let taken = "https://kept.example/taken";
    for (registration, taken, kept, code) in [
        (with(taken), taken, "https://old.contoso.example/*", "kept_value:web:https://old.contoso.example/*"),
        (with(taken), taken, "http://contoso.example/callback", "kept_value:web:http://contoso.example/callback"),
        (app().tag(Tag::new("kept").unwrap()), "kept", "two words", "kept_value:two words"),
        (
            app().logout_url(PageUrl::new("https://kept.example/out").unwrap()),
            "https://kept.example/out",
            "http://contoso.example/out",
            "kept_value:logout_url",
        ),
    ] {
        let tenant = tenant_with_kept(&registration, &[(taken, kept)]).await;
        let client = tenant.client();
        let same = client.plan(&app()).await.unwrap();
        assert!(
            same.is_converged() && same.steps().iter().all(|step| step.id.kind() != StepKind::KEPT_VALUE),
            "{same}"
        );

        let plan = client.plan(&app().redirect_uri(web("https://new.example/callback"))).await.unwrap();
        let warning = plan.steps().iter().find(|step| step.id.kind() == StepKind::KEPT_VALUE);
        let warning = warning.unwrap_or_else(|| panic!("{kept}: {plan}"));
        assert_eq!((warning.id.to_string().as_str(), warning.action), (code, Action::LeftAlone));
        assert!(warning.text.contains(kept), "{warning:?}");
        // The tenant in memory refuses it; what Entra does is not known, so it is tried.
        quiet(&tenant);
        let error = client.apply(&plan).await.unwrap_err();
        assert_eq!((error.error().kind(), counts(&tenant).1 > 0), (ErrorKind::Refused, true), "{error}");
        assert!(error.error().remedy().contains(kept), "{error}");

        if kept.starts_with("https") {
            let exact = app().redirect_uri(web("https://new.example/callback")).remove_surplus();
            let plan = client.plan(&exact).await.unwrap();
            assert!(plan.steps().iter().all(|step| step.id.kind() != StepKind::KEPT_VALUE), "it goes: {plan}");
            client.apply(&plan).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_uri_that_is_there_in_other_capitals_is_known_at_plan() {
    let of = |uri| AppRegistration::new("k", "App").redirect_uri(uri);
    let spa = |uri: &str| RedirectUri::spa(uri).unwrap();
    for (there, wanted, code) in [
        (web("https://a.example/rel"), web("https://a.example/REL"), ErrorCode::RedirectUriDiffersInCase),
        (web("https://a.example/REL"), web("https://a.example/rel"), ErrorCode::RedirectUriDiffersInCase),
        (spa("https://a.example/Rel"), spa("https://A.example/rel"), ErrorCode::RedirectUriDiffersInCase),
        (web("https://a.example/rel"), spa("https://a.example/REL"), ErrorCode::RedirectUriOfAnotherPlatform),
    ] {
        let tenant = tenant();
        let client = tenant.client();
        register(&client, &of(there.clone())).await;
        let error = client.plan(&of(wanted.clone())).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (code, ErrorKind::Conflict), "{error}");
        assert!(error.message().contains(wanted.as_str()), "{error}");
        assert!(client.plan(&of(there.clone())).await.unwrap().is_converged());
        assert!(!client.verify(&of(wanted.clone())).await.unwrap().is_done());
        // In place of the other it is taken.
        let exact = of(wanted).remove_surplus();
        register(&client, &exact).await;
        assert!(client.verify(&exact).await.unwrap().is_done());
    }
    let both = of(web("https://a.example/rel")).redirect_uri(web("https://a.example/REL"));
    assert_eq!(both.check().unwrap_err().code(), ErrorCode::RedirectUriTwice);
}

/// Somebody adds it in other capitals between plan and apply.
#[tokio::test(start_paused = true)]
async fn a_redirect_uri_in_other_capitals_that_was_added_since_is_known_before_anything_is_written() {
    let tenant = tenant();
    register(&tenant.client(), &app()).await;
    let client = tenant.client();
    let plan = client.plan(&app().redirect_uri(web("https://b.example/rel"))).await.unwrap();
    register(&tenant.client(), &app().redirect_uri(web("https://b.example/REL"))).await;
    quiet(&tenant);
    let error = client.apply(&plan).await.unwrap_err();
    assert_eq!((error.error().code(), counts(&tenant).1), (ErrorCode::RedirectUriDiffersInCase, 0), "{error}");
}

/// A tenant whose responses hold one text in the place of another.
#[derive(Debug)]
struct Rewritten(MemoryTenant, &'static str, &'static str);

#[async_trait]
impl Transport for Rewritten {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let response = self.0.send(request).await?;
        let replace = |body: Bytes| Bytes::from(String::from_utf8_lossy(&body).replace(self.1, self.2));
        Ok(response.map(replace))
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_not_read_is_not_written_over() {
    let there = app()
        .tag(Tag::new("there").unwrap())
        .credential(ClientSecret::new("Main"))
        .permission(entra_apps::permission::microsoft_graph::delegated::USER_READ)
        .without_enterprise_listing();
    let more = there
        .clone()
        .tag(Tag::new("more").unwrap())
        .redirect_uri(web("https://b.example/callback"))
        .permission(entra_apps::permission::microsoft_graph::delegated::MAIL_READ);
    let tag = there.clone().tag(Tag::new("more").unwrap());
    let uri = there.clone().redirect_uri(web("https://b.example/callback"));
    let permission = there.clone().permission(entra_apps::permission::microsoft_graph::delegated::MAIL_READ);
    for (text, other, wanted, member) in [
        ("\"tags\":[\"there\"]", "\"tagz\":[]", &tag, "tags"),
        ("\"tags\":[\"there\"]", "\"tags\":\"there\"", &tag, "tags"),
        ("\"tags\":[\"there\"]", "\"tagz\":[]", &more, "tags"),
        ("\"web\":{", "\"wed\":{", &uri, "web.redirectUris"),
        ("\"redirectUris\":[\"https://a.example/callback\"]", "\"redirectUri\":[]", &uri, "web.redirectUris"),
        ("\"redirectUris\":[\"https://a.example/callback\"]", "\"redirectUris\":{}", &uri, "web.redirectUris"),
        ("\"requiredResourceAccess\":[", "\"requiredResourceAcces\":[", &permission, "requiredResourceAccess"),
        ("\"passwordCredentials\":[", "\"passwordCredential\":[", &there, "passwordCredentials"),
        ("\"notes\":null", "\"notes\":5", &there.clone().notes("ours"), "notes"),
    ] {
        let tenant = tenant();
        register(&tenant.client(), &there).await;
        let transport = Arc::new(Rewritten(tenant.clone(), text, other));
        let client = tenant.client_builder().transport(transport).build().unwrap();
        quiet(&tenant);
        let error = client.plan(wanted).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::UnexpectedResponse, "{other}: {error}");
        assert!(error.message().contains(member), "{other}: {error}");
        // What does not touch it is not held up, and a report goes on.
        client.verify(wanted).await.unwrap();
        if member != "passwordCredentials" {
            let display_name = client.plan(&AppRegistration::new("k", "Other").without_enterprise_listing()).await;
            client.apply(&display_name.unwrap()).await.unwrap();
        }
        assert!(client.plan(wanted).await.is_err());
    }
}

/// The tags of the service principal are written as a whole as well.
#[tokio::test(start_paused = true)]
async fn the_tags_of_a_service_principal_that_were_not_read_are_not_written_over() {
    let tenant = tenant();
    register(&tenant.client(), &app().without_enterprise_listing()).await;
    let transport = Arc::new(Rewritten(tenant.clone(), "\"tags\":", "\"tagz\":"));
    let client = tenant.client_builder().transport(transport).build().unwrap();
    let error = client.plan(&app()).await.unwrap_err();
    assert!(error.code() == ErrorCode::UnexpectedResponse && error.message().contains("tags"), "{error}");
    assert!(client.plan(&app().without_enterprise_listing()).await.unwrap().is_converged());
}
