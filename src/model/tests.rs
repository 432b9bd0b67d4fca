//! What is read and what is sent.

use serde_json::{Value, from_value, json, to_value};
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

/// Each value in the place of each member: the rest of the object is read all the same, and what was read is written
/// again as it came.
#[test]
fn a_member_of_another_form_loses_neither_the_object_nor_itself() {
    let app = json!({
        "id": "4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8",
        "displayName": "One",
        "createdDateTime": "2026-01-31T09:27:32Z",
        "isFallbackPublicClient": true,
        "tags": ["a", "b"],
        "managerApplications": ["4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8"],
        "web": {"homePageUrl": "https://one", "redirectUriSettings": [{"index": 1, "uri": "https://one"}]},
        "appRoles": [{"value": "Read", "isEnabled": true}, {"value": "Write"}],
        "signInAudience": "AzureADMyOrg",
        "api": {"requestedAccessTokenVersion": 2},
    });
    let odd =
        [json!(7), json!(1.5), json!(u64::MAX), json!("odd"), json!(false), json!([[1], null, "x"]), json!({"x": 1})];
    let read = |value: &Value| from_value::<Application>(value.clone()).unwrap();
    assert_eq!(to_value(read(&app)).unwrap(), app);
    assert!(read(&app).unknown.is_empty());
    for name in app.as_object().unwrap().keys() {
        for odd in &odd {
            let mut changed = app.clone();
            changed[name] = odd.clone();
            let result = read(&changed);
            let (mut rest, mut expected) = (to_value(&result).unwrap(), changed.clone());
            // Of a list, what can be read comes first.
            if let (Value::Array(rest), Value::Array(expected)) = (&mut rest[name], &mut expected[name]) {
                rest.sort_by_key(Value::to_string);
                expected.sort_by_key(Value::to_string);
            }
            assert_eq!(rest, expected);
            assert_eq!(result, serde_json::from_str(&changed.to_string()).unwrap());
        }
        let mut without = app.clone();
        without[name] = Value::Null;
        let read = read(&without);
        // A list is never null.
        assert_eq!(read.is_unreadable(name), app[name].is_array(), "{name}");
        if !app[name].is_array() {
            without.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(to_value(&read).unwrap(), without);
    }
}

#[test]
fn what_cannot_be_read_is_unknown_at_its_own_depth() {
    let app: Application = from_value(json!({
        "tags": ["a", 7, "b", null],
        "isFallbackPublicClient": "yes",
        "requiredResourceAccess": [{"resourceAppId": 7, "resourceAccess": [{"id": "no guid", "type": "Role"}]}, 1],
    }))
    .unwrap();
    assert_eq!(app.tags, ["a", "b"]);
    assert_eq!(app.is_fallback_public_client, None);
    assert_eq!(app.unknown.json("isFallbackPublicClient").as_deref(), Some(r#""yes""#));
    assert_eq!(app.unknown.json("tags").as_deref(), Some("[7,null]"));
    let [api] = app.required_resource_access.as_slice() else { panic!("{app:?}") };
    assert_eq!((api.resource_app_id, api.unknown.json("resourceAppId").as_deref()), (None, Some("7")));
    assert_eq!(api.resource_access[0].kind, Some(ResourceAccessType::Role));
    assert_eq!(api.resource_access[0].unknown.text("id"), Some("no guid"));
}

#[test]
fn of_a_member_that_comes_twice_the_last_is_taken() {
    let app: Application =
        serde_json::from_str(r#"{"tags":["a"],"notes":"x","notes":7,"tags":["b"],"info":{"logoUrl":"l"},"info":null}"#)
            .unwrap();
    assert_eq!((app.tags.as_slice(), app.notes, app.info), (&["b".to_owned()][..], None, None));
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["7", "[]", "null", r#""x""#, r#"{"id""#, r#"{"tags":["a"}"#] {
        assert!(serde_json::from_str::<Application>(text).is_err(), "{text}");
    }
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
fn a_secret_of_another_form_is_not_kept() {
    let text = r#"{"secretText":["very-secret"],"hint":{"a":"very-secret"},"displayName":"One"}"#;
    let secret: PasswordCredential = serde_json::from_str(text).unwrap();
    assert_eq!(secret.display_name.as_deref(), Some("One"));
    assert!(secret.unknown.is_empty(), "{secret:?}");
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

#[test]
fn what_cannot_be_written_as_json_is_refused_and_named() {
    let long_ago = datetime!(-0001-01-01 00:00 UTC);
    let secret = NewPasswordCredential::new().display_name("One").end(long_ago);
    let error = serde_json::to_string(&secret).unwrap_err().to_string();
    assert_eq!(error, "the value of endDateTime cannot be written as JSON");
    assert!(!secret.is_empty());

    let app = NewApplication::new("One").password_credentials(vec![secret.clone()]);
    let error = serde_json::to_string(&app).unwrap_err().to_string();
    assert_eq!(error, "the value of passwordCredentials cannot be written as JSON");

    let mended = secret.end(datetime!(2028-01-31 12:00 UTC));
    assert!(serde_json::to_string(&mended).unwrap().contains("2028"));

    let mut body = body::Body::default();
    body.set("lists", std::collections::BTreeMap::from([(vec![1], 2)]));
    assert!(serde_json::to_string(&body).is_err());
}
