//! What is read and what is sent.

use time::macros::datetime;

use super::*;

#[test]
fn what_is_not_known_is_kept() {
    let app: Application = serde_json::from_str(
        r#"{"@odata.context":"x","id":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","tags":null,"newThing":{"a":1},
            "web":{"redirectUris":["https://b","https://a"],"newer":true},"signInAudience":"Martians"}"#,
    )
    .unwrap();
    assert_eq!(app.unknown.json("newThing").as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(app.sign_in_audience, Some(SignInAudience::Other("Martians".to_owned())));
    assert_eq!(app.web.as_ref().unwrap().unknown.names().collect::<Vec<_>>(), ["newer"]);
    assert!(app.tags.is_empty());
}

#[test]
fn a_secret_is_never_written_or_shown() {
    let secret: PasswordCredential = serde_json::from_str(
        r#"{"keyId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","secretText":"Abc~very-secret","hint":"Abc"}"#,
    )
    .unwrap();
    for shown in [format!("{secret:?}"), format!("{secret:#?}"), serde_json::to_string(&secret).unwrap()] {
        assert!(!shown.contains("very-secret") && !shown.contains("Abc"), "{shown}");
    }
}

#[test]
fn dates_are_read_in_each_form_that_was_seen() {
    for (text, date) in [
        ("\"2026-01-31T09:27:32.2479019Z\"", Some(datetime!(2026-01-31 09:27:32.2479019 UTC))),
        ("\"2026-01-31T09:27:32Z\"", Some(datetime!(2026-01-31 09:27:32 UTC))),
        ("\"2026-01-31T09:27:32.123456+00:00\"", Some(datetime!(2026-01-31 09:27:32.123456 UTC))),
        ("\"\"", None),
        ("null", None),
    ] {
        let app: Application = serde_json::from_str(&format!(r#"{{"createdDateTime":{text}}}"#)).unwrap();
        assert_eq!(app.created_date_time, date, "{text}");
    }
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let json = |patch: &ApplicationPatch| serde_json::to_string(patch).unwrap();
    assert_eq!(json(&ApplicationPatch::new()), "{}");
    assert_eq!(json(&ApplicationPatch::new().clear_notes()), r#"{"notes":null}"#);
    assert_eq!(json(&ApplicationPatch::new().notes("x")), r#"{"notes":"x"}"#);
    let web = WebPatch::new().redirect_uris(Vec::<String>::new());
    assert_eq!(json(&ApplicationPatch::new().web(web)), r#"{"web":{"redirectUris":[]}}"#);
}

#[test]
fn an_end_date_is_sent_in_utc() {
    let secret = NewPasswordCredential::new().end(datetime!(2028-01-31 12:00:00.25 +2));
    assert_eq!(serde_json::to_string(&secret).unwrap(), r#"{"endDateTime":"2028-01-31T10:00:00.25Z"}"#);
}

#[test]
fn scopes_are_read_with_the_blanks_that_are_stored() {
    let grant: OAuth2PermissionGrant = serde_json::from_str(r#"{"scope":" openid  User.Read "}"#).unwrap();
    assert_eq!(grant.scopes().collect::<Vec<_>>(), ["openid", "User.Read"]);
}
