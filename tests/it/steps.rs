//! Steps are data: the same in a plan and in a checklist, with what is there and what is wanted.

use std::collections::{BTreeSet, HashSet};

use entra_apps::ids::{AppId, PermissionId};
use entra_apps::permission::microsoft_graph::{application, delegated};
use entra_apps::permission::{MICROSOFT_GRAPH, Permission, PermissionKind};
use entra_apps::provision::{Action, LogoutUrl, PageUrl, StepId, StepKind, Subject};
use entra_apps::{AppRegistration, ClientSecret, Error, ErrorCode, RedirectUri, Registered, SignInAudience};
use entra_emulator::Api;

use crate::support::{builder, register, tenant};

fn app() -> AppRegistration {
    AppRegistration::new("k", "App")
}

fn page(text: &str) -> PageUrl {
    PageUrl::new(text).unwrap()
}

fn logout(text: &str) -> LogoutUrl {
    LogoutUrl::new(text).unwrap()
}

/// What a person wrote may hold anything, an arrow too.
#[tokio::test(start_paused = true)]
async fn a_changed_text_is_shown_whole_whatever_stands_in_it() {
    let tenant = tenant();
    let client = tenant.client();
    register(
        &client,
        &app().notes("a → b").homepage(page("https://a.example/x→y")).logout_url(logout("https://a.example/1→2")),
    )
    .await;
    let wanted =
        app().notes("c → d: e").homepage(page("https://b.example/x→z")).logout_url(logout("https://b.example/1→3"));
    let checklist = client.verify(&wanted).await.unwrap();
    let step = |kind| checklist.items.iter().find(|item| item.id.kind() == kind).unwrap();
    assert_eq!(step(StepKind::NOTES).step, "Notes: c → d: e");
    assert_eq!(step(StepKind::HOMEPAGE).step, "Home page: https://b.example/x→z");
    assert_eq!(step(StepKind::LOGOUT_URL).step, "Logout URL: https://b.example/1→3");
    assert!(!step(StepKind::NOTES).done && !checklist.is_done());

    let plan = client.plan(&wanted).await.unwrap();
    let notes = plan.changes().find(|step| step.id.kind() == StepKind::NOTES).unwrap();
    assert_eq!(notes.action, Action::Change);
    assert_eq!((notes.from.as_deref(), notes.to.as_deref()), (Some("a → b"), Some("c → d: e")));
    assert_eq!(notes.id.subject(), None, "there is one");
}

#[tokio::test(start_paused = true)]
async fn a_step_names_its_subject_as_data() {
    let uri = RedirectUri::web("https://a.example/callback").unwrap();
    let wanted = app()
        .redirect_uri(uri.clone())
        .tag("contoso".parse().unwrap())
        .permission(application::DIRECTORY_READ_ALL)
        .credential(ClientSecret::new("Main"));
    let plan = tenant().client().plan(&wanted).await.unwrap();
    let subject = |kind| plan.steps().iter().find(|step| step.id.kind() == kind).and_then(|step| step.id.subject());
    assert_eq!(subject(StepKind::REDIRECT_URI), Some(&Subject::RedirectUri(uri)));
    assert_eq!(subject(StepKind::TAG), Some(&Subject::Tag("contoso".to_owned())));
    assert_eq!(subject(StepKind::SECRET), Some(&Subject::Secret("Main".to_owned())));
    let granted = subject(StepKind::PERMISSION_GRANTED).unwrap();
    assert!(matches!(granted, Subject::Permission { name, .. } if name == "Directory.Read.All"), "{granted:?}");

    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    let step = json["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "redirect_uri").unwrap();
    assert_eq!(step["code"], "redirect_uri:web:https://a.example/callback");
    assert_eq!(step["subject"]["redirectUri"]["uri"], "https://a.example/callback");
    assert_eq!(
        (&step["action"], &step["text"]),
        (&"add".into(), &"redirect URI https://a.example/callback (Web)".into())
    );
}

/// What stands in both is named by one code.
#[tokio::test(start_paused = true)]
async fn plan_and_checklist_name_each_step_alike() {
    let tenant = tenant();
    let client = tenant.client();
    let surplus = app()
        .redirect_uri(RedirectUri::web("https://old.example").unwrap())
        .permission(application::AUDIT_LOG_READ_ALL)
        .permission(delegated::OPENID);
    register(&client, &surplus).await;
    let wanted = app()
        .audience(SignInAudience::MultipleOrganizations)
        .redirect_uri(RedirectUri::spa("https://a.example").unwrap())
        .tag("contoso".parse().unwrap())
        .notes("n")
        .homepage(page("https://a.example"))
        .logout_url(logout("https://a.example/out"))
        .allow_public_client_flows()
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main"));
    let planned: BTreeSet<String> =
        client.plan(&wanted).await.unwrap().steps().iter().map(|step| step.id.to_string()).collect();
    let checked = client.verify(&wanted).await.unwrap();
    let checked: BTreeSet<String> = checked.items.iter().map(|item| item.id.to_string()).collect();
    let only_checked: Vec<_> = checked.difference(&planned).collect();
    assert!(only_checked.is_empty(), "the plan does not know {only_checked:?}");
    assert_eq!(planned.difference(&checked).collect::<Vec<_>>(), [""; 0], "the checklist does not know them");
}

fn sentences(registered: Registered) -> Vec<String> {
    registered.done.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_narrowed_is_reported_as_that_and_a_removal_by_name() {
    let tenant = tenant();
    let client = tenant.client();
    let wide = app()
        .redirect_uri(RedirectUri::web("https://a.example").unwrap())
        .permission(delegated::USER_READ)
        .permission(delegated::OPENID)
        .permission(application::AUDIT_LOG_READ_ALL);
    register(&client, &wide).await;
    let narrow = app().permission(delegated::USER_READ).remove_surplus();
    let done = sentences(register(&client, &narrow).await);
    assert!(done.contains(&"removed the grant of openid (delegated, for all users)".to_owned()), "{done:?}");
    assert!(done.iter().any(|text| text.starts_with("removed the grant of AuditLog.Read.All")), "{done:?}");
    assert!(!done.iter().any(|text| text.starts_with("granted")), "nothing was granted: {done:?}");

    let wider = narrow.permission(delegated::OPENID);
    let done = sentences(register(&client, &wider).await);
    assert!(done.contains(&"granted openid (delegated, for all users)".to_owned()), "only what is new: {done:?}");

    let none = AppRegistration::new("k", "App").remove_surplus();
    let registered = register(&client, &none).await;
    let removed: Vec<_> = registered.done.iter().filter(|done| done.id.kind() == StepKind::SURPLUS_GRANT).collect();
    assert_eq!(removed.len(), 2, "{:?}", registered.done);
    // Of an API of which nothing is named any more, the service principal tells which it is.
    let graph = client.service_principals().get(MICROSOFT_GRAPH).await.unwrap().id.unwrap();
    let subject = Subject::to_string(removed[0].id.subject().unwrap());
    assert_eq!(subject, format!("User.Read:delegated:{graph}"));
}

#[tokio::test(start_paused = true)]
async fn the_candidates_for_adoption_are_data() {
    let tenant = tenant();
    let client = tenant.client();
    let by_hand: Vec<String> = (0..2)
        .map(|_| {
            let (_, made) = tenant.send_json("POST", "/applications", Some(r#"{"displayName":"App"}"#));
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            made["appId"].as_str().unwrap().to_owned()
        })
        .collect();
    let error: Error = client.plan(&app()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SameDisplayName);
    let named: BTreeSet<_> = error.details().iter().filter_map(|detail| detail.target.clone()).collect();
    assert_eq!(named, by_hand.into_iter().collect());
}

/// Equal plans say the same of the same target, whenever they were made.
#[tokio::test(start_paused = true)]
async fn plans_that_say_the_same_are_equal() {
    let tenant = tenant();
    let client = tenant.client();
    let first = client.plan(&app().notes("n")).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    let second = client.plan(&app().notes("n")).await.unwrap();
    assert_ne!(first.made_at(), second.made_at());
    assert_eq!(first, second);
    assert_ne!(first, client.plan(&app().notes("m")).await.unwrap());
    let (one, other) = (application::DIRECTORY_READ_ALL, application::AUDIT_LOG_READ_ALL);
    let named = client.plan(&app().permission(one.clone()).permission(other.clone())).await.unwrap();
    assert_eq!(named, client.plan(&app().permission(other).permission(one)).await.unwrap(), "in any order");
    register(&client, &app().notes("n")).await;
    assert_ne!(first, client.plan(&app().notes("n")).await.unwrap(), "the target is another");
}

/// Drift that adds is no change, and is told as data.
#[tokio::test(start_paused = true)]
async fn what_others_added_is_surplus_by_its_name() {
    let tenant = tenant();
    let client = tenant.client();
    let theirs = app()
        .redirect_uri(RedirectUri::web("https://evil.example/cb").unwrap())
        .permission(application::MAIL_READ_WRITE)
        .credential(ClientSecret::new("theirs"));
    register(&client, &theirs).await;
    let plan = client.plan(&app()).await.unwrap();
    assert!(plan.is_converged(), "{plan}");
    let surplus: BTreeSet<String> = plan.surplus().map(|step| step.id.to_string()).collect();
    let key_id = crate::support::secrets_of(&tenant)[0];
    let expected = [
        "surplus_redirect_uri:web:https://evil.example/cb".to_owned(),
        "surplus_declaration:Mail.ReadWrite:application".to_owned(),
        "surplus_grant:Mail.ReadWrite:application".to_owned(),
        format!("surplus_secret:{key_id}"),
    ];
    assert_eq!(surplus, BTreeSet::from(expected), "{plan}");
    let checklist = client.verify(&app()).await.unwrap();
    let listed = checklist.open().filter(|item| item.id.kind().is_surplus()).count();
    assert!(listed == 4 && checklist.is_done(), "{checklist}");
}

#[tokio::test(start_paused = true)]
async fn a_permission_is_approved_as_it_is_listed_and_no_other_kind_with_it() {
    let client = tenant().client();
    let both = app().permission(application::GROUP_READ_WRITE_ALL).permission(delegated::GROUP_READ_WRITE_ALL);
    let plan = client.plan(&both).await.unwrap();
    let [one, other] = plan.needs_approval()[..] else { panic!("two need it: {plan}") };
    let error = client.apply(&plan).approve(one).approve("Gruop.Read").await.unwrap_err();
    assert_eq!(error.error().code(), ErrorCode::NeedsApproval);
    let said = error.to_string();
    assert!(said.contains(&other.to_string()) && !said.contains(&format!("{one}:")), "{said}");
    assert!(said.contains("Gruop.Read was approved, and is none of this registration"), "{said}");
    client.apply(&plan).approve(one).approve(other.to_string()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_done_of_permissions_is_what_the_plan_says_it_would_do() {
    let client = tenant().client();
    let registration = AppRegistration::new("k", "App")
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .permission(delegated::GROUP_READ_ALL);
    let plan = client.plan(&registration).await.unwrap();
    let registered = client.apply(&plan).await.unwrap();
    let granted = |id: &&StepId| id.kind() == StepKind::PERMISSION_GRANTED;
    let done: HashSet<_> = registered.done.iter().map(|done| &done.id).filter(granted).collect();
    assert_eq!(done, plan.changes().map(|change| &change.id).filter(granted).collect());
    assert_eq!(done.len(), 3);
}

/// Permissions of one name, of several APIs: named, declared by somebody else, and granted where nothing is named.
#[tokio::test(start_paused = true)]
async fn permissions_of_one_name_of_several_apis_have_codes_of_their_own() {
    let api = |number: u128| {
        let role = PermissionId::from_u128(100 + number);
        let scope = PermissionId::from_u128(200 + number);
        Api::new(AppId::from_u128(number), format!("Things {number}"))
            .application_permission("User.Read.All", role)
            .delegated_permission("user_impersonation", scope)
    };
    let tenant = builder().api(api(1)).api(api(2)).build();
    let client = tenant.client();
    let of = |number: u128, name: &str, kind| Permission::by_name(AppId::from_u128(number), name, kind).unwrap();
    let of_apis = [1, 2].into_iter().fold(app(), |app, number| {
        app.permission(of(number, "User.Read.All", PermissionKind::Application)).permission(of(
            number,
            "user_impersonation",
            PermissionKind::Delegated,
        ))
    });
    let wanted = of_apis.permission(application::USER_READ_ALL);
    let has_own_codes = |steps: &[entra_apps::provision::Change]| {
        let codes: BTreeSet<String> = steps.iter().map(|step| step.id.to_string()).collect();
        let ids: HashSet<&StepId> = steps.iter().map(|step| &step.id).collect();
        assert_eq!((codes.len(), ids.len()), (steps.len(), steps.len()), "{codes:?}");
        codes
    };
    let plan = client.plan(&wanted).await.unwrap();
    let codes = has_own_codes(plan.steps());
    assert!(codes.contains("permission_granted:User.Read.All:application"), "that of Microsoft Graph: {codes:?}");
    let first = AppId::from_u128(1);
    assert!(codes.contains(&format!("permission_granted:User.Read.All:application:{first}")), "{codes:?}");
    register(&client, &wanted).await;
    for surplus in [app(), app().remove_surplus()] {
        let plan = client.plan(&surplus).await.unwrap();
        has_own_codes(plan.steps());
        assert_eq!(plan.surplus().count(), 10, "{plan}");
        let done = client.apply(&plan).await.unwrap().done;
        let granted = done.iter().filter(|done| done.id.kind() == StepKind::SURPLUS_GRANT);
        let removed: HashSet<&StepId> = granted.map(|done| &done.id).collect();
        let planned = plan.changes().filter(|step| step.id.kind() == StepKind::SURPLUS_GRANT);
        assert_eq!(removed, planned.map(|step| &step.id).collect());
    }
}
