//! Invalid input is refused with a remedy before anything is sent.

use entra_apps::ids::{AppId, KeyId, TenantId};
use entra_apps::model::NewPasswordCredential;
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::permission::microsoft_graph::application;

use entra_apps::{AppRegistration, ClientSecret, ErrorKind, Plan, RedirectUri, SignInAudience};

use crate::support::{counts, quiet, register, tenant};

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

#[tokio::test(start_paused = true)]
async fn invalid_input_is_refused_before_anything_is_sent() {
    let long = "x".repeat(257);
    let cases = [
        ("invalid_display_name", AppRegistration::new("k", "")),
        ("invalid_display_name", AppRegistration::new("k", &long)),
        ("invalid_unique_name", AppRegistration::new(" ", "App")),
        (
            "invalid_redirect_uri",
            app()
                .audience(SignInAudience::PersonalAccounts)
                .redirect_uri(RedirectUri::web("https://*.contoso.example").unwrap()),
        ),
        (
            "redirect_uri_twice",
            app()
                .redirect_uri(RedirectUri::web("https://a.example").unwrap())
                .redirect_uri(RedirectUri::spa("https://A.example").unwrap()),
        ),
        ("invalid_secret_lifetime", app().credential(ClientSecret::new("x").valid_for_days(0))),
        (
            "invalid_secret_lifetime",
            app().credential(ClientSecret::new("x").valid_until(entra_apps::time::OffsetDateTime::UNIX_EPOCH)),
        ),
        (
            "permission_twice",
            app().permission(application::DIRECTORY_READ_ALL).permission(application::DIRECTORY_READ_ALL),
        ),
        (
            "too_many_secrets",
            app()
                .audience(SignInAudience::MultipleOrganizationsAndPersonalAccounts)
                .credential(ClientSecret::new("1"))
                .credential(ClientSecret::new("2"))
                .credential(ClientSecret::new("3")),
        ),
        ("tag_twice", app().tag("a".parse().unwrap()).tag("a".parse().unwrap())),
        ("notes_too_long", app().notes("x".repeat(1025))),
        ("invalid_audience", app().audience(SignInAudience::Other("Everybody".to_owned()))),
    ];
    for (code, registration) in cases {
        let tenant = tenant();
        let error = tenant.client().plan(&registration).await.unwrap_err();
        assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Invalid, code), "{error}");
        assert!(tenant.requests().is_empty(), "{code}: nothing is sent");
    }
}

/// Each thing that is wrong is said, whatever else is.
#[tokio::test(start_paused = true)]
async fn everything_that_is_wrong_is_said_at_once() {
    let uri = |text: &str| RedirectUri::web(text).unwrap();
    let registration = AppRegistration::new(" ", "")
        .audience(SignInAudience::Other("Everybody".to_owned()))
        .redirect_uri(uri("https://a.example"))
        .redirect_uri(uri("https://A.example"))
        .redirect_uri(uri("https://b.example"))
        .redirect_uri(uri("https://b.example"))
        .tag("a".parse().unwrap())
        .tag("a".parse().unwrap())
        .notes("x".repeat(1025))
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::DIRECTORY_READ_ALL)
        .permission(application::USER_READ_ALL)
        .permission(application::USER_READ_ALL)
        .credential(ClientSecret::new("x").valid_for_days(0))
        .credential(ClientSecret::new("x"))
        .credential(ClientSecret::new(""))
        .confirmation("", "")
        .use_within(std::time::Duration::ZERO);
    let expected = [
        "invalid_unique_name",
        "invalid_display_name",
        "invalid_audience",
        "redirect_uri_twice",
        "redirect_uri_twice",
        "notes_too_long",
        "tag_twice",
        "permission_twice",
        "permission_twice",
        "invalid_secret_lifetime",
        "secret_twice",
        "invalid_secret_name",
        "invalid_use_within",
        "invalid_confirmation",
    ];
    let tenant = tenant();
    let client = tenant.client();
    let checked = registration.check().unwrap_err();
    let planned = client.plan(&registration).replace_secret("y").await.unwrap_err();
    let codes = |error: &entra_apps::Error| error.details().iter().map(|it| it.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&checked), expected, "{checked}");
    assert_eq!(codes(&planned), [&expected[..], &["unknown_secret"]].concat(), "{planned}");
    assert_eq!(planned.code().as_str(), "invalid_unique_name");
    for said in ["https://A.example", "https://b.example", "Directory.Read.All", "User.Read.All", "“y”"] {
        assert!(planned.message().contains(said), "{said}: {planned}");
    }
    assert!(planned.remedy().contains("Choose a short name") && planned.remedy().contains("Shorten them"), "{planned}");
    assert!(tenant.requests().is_empty());

    // One that is for other tenants is checked as a whole before it is installed, too.
    let error = client.install(MICROSOFT_GRAPH, TenantId::from_u128(7), &registration).plan().await.unwrap_err();
    let codes = codes(&error);
    assert!(codes.ends_with(&["microsoft_owned_app".to_owned(), "single_tenant_registration".to_owned()]), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_written_as_toml_and_read_again() {
    let registration = AppRegistration::new("k", "App")
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::web("https://a.example/callback").unwrap())
        .permission(application::DIRECTORY_READ_ALL)
        .optional(application::USER_READ_ALL, "the reports")
        .credential(ClientSecret::new("Main").valid_for_days(30))
        .confirmation("stored", "The secret is stored")
        .use_within(std::time::Duration::from_secs(3600))
        .without_admin_consent();
    let text = toml::to_string(&registration).unwrap();
    assert_eq!(toml::from_str::<AppRegistration>(&text).unwrap(), registration, "{text}");

    let by_hand = r#"
        uniqueName = "k"
        displayName = "App"
        audience = "AzureADMultipleOrgs"
        adminConsent = false
        useWithinSeconds = 3600

        [[redirectUris]]
        platform = "web"
        uri = "https://a.example/callback"

        [[permissions]]
        permission = { api = "00000003-0000-0000-c000-000000000000", kind = "application", name = "Directory.Read.All" }

        [[permissions]]
        permission = { api = "00000003-0000-0000-c000-000000000000", kind = "application", name = "User.Read.All" }
        purposes = ["the reports"]

        [[credentials]]
        name = "Main"
        lifetime = { days = 30 }

        [[confirmations]]
        code = "stored"
        step = "The secret is stored"
    "#;
    assert_eq!(toml::from_str::<AppRegistration>(by_hand).unwrap(), registration);
    for (member, misspelt) in [("adminConsent", "adminConsnet"), ("purposes", "purpose"), ("lifetime", "lifeTime")] {
        let error = toml::from_str::<AppRegistration>(&by_hand.replace(member, misspelt)).unwrap_err();
        let said = format!("unknown member `{misspelt}`, did you mean `{member}`?");
        assert!(error.to_string().contains(&said), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_uri_of_another_platform_is_refused_before_it_is_written() {
    let tenant = tenant();
    let client = tenant.client();
    register(
        &client,
        &AppRegistration::new("k", "App").redirect_uri(RedirectUri::spa("https://a.example/cb").unwrap()),
    )
    .await;
    quiet(&tenant);
    let error = client
        .plan(&AppRegistration::new("k", "App").redirect_uri(RedirectUri::web("https://a.example/cb").unwrap()))
        .await
        .unwrap_err();
    assert_eq!(error.code().as_str(), "redirect_uri_of_another_platform", "{error}");
    assert_eq!(counts(&tenant).1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_written_is_refused_before_it_is_sent() {
    let before_year_zero = entra_apps::time::OffsetDateTime::UNIX_EPOCH - entra_apps::time::Duration::days(800_000);
    let secret = NewPasswordCredential::new().end(before_year_zero);
    let client = tenant().client();
    let error = client.applications().add_password(AppId::from_u128(1), &secret).await.unwrap_err();
    assert_eq!((error.kind(), error.code().as_str()), (ErrorKind::Invalid, "invalid_body"));
    assert!(!error.maybe_done(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_member_is_refused_at_every_depth_with_the_one_that_was_meant() {
    let registration = AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web("https://a.example/callback").unwrap())
        .permission(application::DIRECTORY_READ_ALL)
        .optional(application::USER_READ_ALL, "the reports")
        .credential(ClientSecret::new("Main").valid_for_days(30))
        .confirmation("stored", "The secret is stored")
        .without_admin_consent();
    let text = serde_json::to_string_pretty(&registration).unwrap();
    assert_eq!(serde_json::from_str::<AppRegistration>(&text).unwrap(), registration);
    for (member, misspelt) in [
        ("adminConsent", "adminConsnet"),
        ("removeSurplus", "remove_surplus"),
        ("useWithinSeconds", "useWithin"),
        ("propertyLock", "propertylock"),
        ("purposes", "purpose"),
        ("kind", "knd"),
        ("platform", "plattform"),
        ("uri", "url"),
        ("lifetime", "lifeTime"),
        ("step", "steps"),
    ] {
        // Beside the member, so that nothing is missing.
        let changed = text.replacen(&format!("\"{member}\":"), &format!("\"{misspelt}\": null, \"{member}\":"), 1);
        assert_ne!(changed, text, "{member} is written");
        let error = serde_json::from_str::<AppRegistration>(&changed).unwrap_err();
        let said = format!("unknown member `{misspelt}`, did you mean `{member}`?");
        assert!(error.to_string().contains(&said) && error.line() > 1, "{error}");
    }

    let client = tenant().client();
    let plan = client.plan(&registration).holding(KeyId::from_u128(1)).await.unwrap().to_json();
    Plan::from_json(&plan).unwrap();
    for (member, misspelt) in
        [("adminConsent", "adminConsnet"), ("heldSecrets", "heldSecret"), ("createAnother", "createanother")]
    {
        let changed = plan.replacen(&format!("\"{member}\":"), &format!("\"{misspelt}\": null, \"{member}\":"), 1);
        assert_ne!(changed, plan, "{member} is written");
        assert_eq!(Plan::from_json(&changed).unwrap_err().code().as_str(), "unreadable_plan", "{misspelt}");
    }
}
