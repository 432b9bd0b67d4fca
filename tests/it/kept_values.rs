//! What an app has that today's rules refuse: it is named, and not lost.

use entra_apps::provision::{Action, LogoutUrl, StepKind, Tag};
use entra_apps::{AppRegistration, ErrorCode, ErrorKind, RedirectUri};
use entra_emulator::{LegacyValues, MemoryTenant, Snapshot};

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
            app().logout_url(LogoutUrl::new("https://kept.example/out").unwrap()),
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
        // What Entra does is not known, so it is tried: here a list is judged whole, and what is not sent is left alone.
        tenant.set_legacy_values(LegacyValues::Refused);
        quiet(&tenant);
        if code.starts_with("kept_value:web") {
            let error = client.apply(&plan).await.unwrap_err();
            assert_eq!((error.error().kind(), counts(&tenant).1 > 0), (ErrorKind::Refused, true), "{error}");
            assert!(error.error().remedy().contains(kept), "{error}");
        }
        tenant.set_legacy_values(LegacyValues::Kept);
        client.apply(&client.plan(plan.registration()).await.unwrap()).await.unwrap();
        assert!(tenant.snapshot().to_json().contains(kept), "it stays");

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
