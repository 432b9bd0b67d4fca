//! What is read and what is sent.

use std::collections::BTreeSet;

use serde_json::{Value, from_value, json, to_value};
use time::macros::datetime;

use super::object::{Object, Slot, TextPlace, is_unreadable, unreadable, was_read};
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

/// A text of the kind that a member holds.
fn text_for(place: &mut dyn TextPlace) -> &'static str {
    let texts = ["text", "4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8", "2026-01-31T09:27:32Z"];
    texts.into_iter().find(|text| place.put(text)).expect("a text of each kind")
}

/// An object with every member, and every object inside it, with a list of one item for each list; the types it is made of
/// are added to `types`.
fn sample(object: &mut dyn Object, types: &mut BTreeSet<&'static [&'static str]>) -> Value {
    let [names, _] = object.names();
    types.insert(names);
    let members = names.iter().map(|name| {
        let value = match object.slot(name).expect("a member that is named").1 {
            Slot::Flag(_) => json!(true),
            Slot::Number(_) => json!(2),
            Slot::Text(place) => json!(text_for(place)),
            Slot::Texts(place) => json!([text_for(place)]),
            Slot::Object(place) => sample(place.put(), types),
            Slot::Objects(place) => json!([sample(place.put(), types)]),
            Slot::TextItem(_) | Slot::ObjectItem(_) => unreachable!("members only"),
        };
        ((*name).to_owned(), value)
    });
    Value::Object(members.collect())
}

/// The objects inside a value, itself included, each by its pointer.
fn objects_in(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(pointer.to_owned());
            members.iter().for_each(|(name, value)| objects_in(value, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| objects_in(value, &format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

/// Calls a function with each type that is read by itself; the others are inside of these.
macro_rules! for_each_type {
    ($($call:ident)::+ ( $($argument:expr),* )) => {
        $($call)::+::<Application>($($argument),*);
        $($call)::+::<ServicePrincipal>($($argument),*);
        $($call)::+::<AppRoleAssignment>($($argument),*);
        $($call)::+::<OAuth2PermissionGrant>($($argument),*);
        $($call)::+::<Organization>($($argument),*);
        $($call)::+::<DeletedItem>($($argument),*);
        $($call)::+::<DirectoryObject>($($argument),*);
    };
}

/// A type of objects.
trait Whole: Object + Default + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned {}

impl<T: Object + Default + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned> Whole for T {}

#[test]
fn each_type_is_read_and_written_as_it_came_with_what_it_does_not_know() {
    fn check<T: Whole>(types: &mut BTreeSet<&'static [&'static str]>) {
        let mut value = sample(&mut T::default(), types);
        assert_eq!(to_value(from_value::<T>(value.clone()).unwrap()).unwrap(), value);
        let mut objects = Vec::new();
        objects_in(&value, "", &mut objects);
        for pointer in &objects {
            value.pointer_mut(pointer).unwrap()["newInGraph"] = json!({"a": [1, null, {}], "b": "", "c": null});
            value.pointer_mut(pointer).unwrap()["@odata.type"] = json!("#microsoft.graph.thing");
        }
        let mut read: T = from_value(value.clone()).unwrap();
        assert_eq!(unreadable(&read), Vec::<String>::new());
        assert_eq!(to_value(&read).unwrap(), value);
        // A change of some members leaves those that are not known, at every depth.
        change(&mut read);
        change_in_json(&mut value);
        assert_eq!(to_value(&read).unwrap(), value);
    }

    /// Sets every flag and number, but for those in lists.
    fn change(object: &mut dyn Object) {
        for name in object.names()[0] {
            match object.slot(name).unwrap().1 {
                Slot::Flag(flag) => *flag = Some(false),
                Slot::Number(number) => *number = Some(3),
                Slot::Object(place) => change(place.get().unwrap()),
                _ => {}
            }
        }
    }

    fn change_in_json(value: &mut Value) {
        match value {
            Value::Bool(flag) => *flag = false,
            Value::Number(_) => *value = json!(3),
            Value::Object(members) => members.values_mut().for_each(change_in_json),
            _ => {}
        }
    }

    let mut types = BTreeSet::new();
    for_each_type!(check(&mut types));
    let sources = [
        include_str!("application.rs"),
        include_str!("complex.rs"),
        include_str!("credentials.rs"),
        include_str!("directory.rs"),
        include_str!("grants.rs"),
        include_str!("service_principal.rs"),
    ];
    // Two types have the same members.
    let declared = sources.iter().flat_map(|source| source.lines()).filter(|line| *line == "object! {").count();
    assert_eq!(types.len() + 1, declared, "a type that is in none of those that are checked");
}

/// What stands in the place of a member, where it is not what it should be, or only just.
fn odd_values() -> Vec<Value> {
    let long = "x".repeat(300);
    vec![
        Value::Null,
        json!(true),
        json!("true"),
        json!(7),
        json!("7"),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("odd"),
        json!(long),
        json!("{4b3f9ef5-9d56-4c1c-9a4e}"),
        json!("2026-02-30T25:00:00Z"),
        json!([]),
        json!([null]),
        json!(["a", 7, "b", {}]),
        json!([[1], {"x": 1}, "x"]),
        json!({}),
        json!({"x": 1}),
    ]
}

/// Whether a value is of the form that a member has.
fn fits(slot: Slot<'_>, value: &Value) -> bool {
    match (slot, value) {
        (Slot::Texts(place), Value::Array(items)) => {
            items.iter().all(|item| item.as_str().is_some_and(|it| place.put(it)))
        }
        (Slot::Objects(_), Value::Array(items)) => items.iter().all(Value::is_object),
        (Slot::Texts(_) | Slot::Objects(_), _) => false,
        (_, Value::Null) | (Slot::Flag(_), Value::Bool(_)) | (Slot::Object(_), Value::Object(_)) => true,
        (Slot::Number(_), value) => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
        (Slot::Text(place), Value::String(text)) => place.put(text),
        _ => false,
    }
}

/// Each odd value in the place of each member, at every depth: the rest is read all the same, what cannot be read is
/// known to be so, and what was read is written again as it came.
#[test]
fn a_member_of_another_form_loses_neither_the_object_nor_itself() {
    fn check<T: Whole>() {
        let value = sample(&mut T::default(), &mut BTreeSet::new());
        let mut objects = Vec::new();
        objects_in(&value, "", &mut objects);
        for pointer in objects {
            for name in value.pointer(&pointer).unwrap().as_object().unwrap().keys() {
                for odd in odd_values() {
                    check_member::<T>(&value, &format!("{pointer}/{name}"), &odd);
                }
            }
        }
    }

    fn check_member<T: Whole>(value: &Value, pointer: &str, odd: &Value) {
        let mut spoilt = value.clone();
        *spoilt.pointer_mut(pointer).unwrap() = odd.clone();
        let read: T = from_value(spoilt.clone()).unwrap();
        let path = &pointer[1..];
        let fits = fits_at(&mut T::default(), path, odd);
        assert_eq!(is_unreadable(&read, path), !fits, "{pointer}: {odd}");
        let found = unreadable(&read);
        assert_eq!(found, if fits { vec![] } else { vec![path.to_owned()] }, "{pointer}: {odd}");
        if !path.contains("/0/") {
            assert_eq!(was_read(&read, path), fits, "{pointer}: {odd}");
        }
        let mut written = to_value(&read).unwrap();
        if odd.is_null() && fits {
            // Null and absent are the same.
            let (object, name) = pointer.rsplit_once('/').unwrap();
            spoilt.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name);
        }
        // Of a list, what can be read comes first.
        for value in [&mut written, &mut spoilt] {
            if let Some(Value::Array(items)) = value.pointer_mut(pointer) {
                items.sort_by_key(Value::to_string);
            }
        }
        assert_eq!(written, spoilt, "{pointer}: {odd}");
    }

    fn fits_at(object: &mut dyn Object, path: &str, odd: &Value) -> bool {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        match (object.slot(name).unwrap().1, rest) {
            (Slot::Object(place), Some(rest)) => fits_at(place.put(), rest, odd),
            (Slot::Objects(place), Some(rest)) => fits_at(place.put(), rest.strip_prefix("0/").unwrap(), odd),
            (slot, _) => fits(slot, odd),
        }
    }

    for_each_type!(check());
}

#[test]
fn a_list_that_came_empty_is_told_apart_from_one_that_did_not_come() {
    let read = |text: &str| serde_json::from_str::<Application>(text).unwrap();
    for (text, was_read, is_unreadable) in [
        ("{}", false, false),
        (r#"{"tags":[]}"#, true, false),
        (r#"{"tags":["a"]}"#, true, false),
        (r#"{"tags":null}"#, false, true),
        (r#"{"tags":{}}"#, false, true),
        (r#"{"tags":[7]}"#, false, true),
        (r#"{"tags":["a",7]}"#, false, true),
    ] {
        let app = read(text);
        assert_eq!((app.was_read("tags"), app.is_unreadable("tags")), (was_read, is_unreadable), "{text}");
        assert_eq!(serde_json::to_string(&app).unwrap(), text);
    }
    let app = read(r#"{"web":{"redirectUris":[],"logoutUrl":7},"spa":null}"#);
    assert!(app.was_read("web/redirectUris") && app.was_read("spa/redirectUris") && !app.was_read("publicClient"));
    assert!(app.is_unreadable("web") && app.is_unreadable("web/logoutUrl") && !app.is_unreadable("web/redirectUris"));
    // What was emptied since is written as empty; what was set since takes the place of what came.
    let mut app = read(r#"{"tags":["a"],"notes":7,"identifierUris":{}}"#);
    (app.tags, app.notes, app.identifier_uris) = (Vec::new(), Some("n".to_owned()), vec!["api://a".to_owned()]);
    assert_eq!(to_value(&app).unwrap(), json!({"tags": [], "notes": "n", "identifierUris": ["api://a"]}));
    assert!(app.unreadable().is_empty());
}

#[test]
fn what_was_asked_for_and_did_not_come_is_not_known() {
    let mut app: Application = serde_json::from_str(r#"{"tags":[],"web":{}}"#).unwrap();
    for path in ["tags", "requiredResourceAccess", "web/redirectUris", "spa/redirectUris", "notes", "newInGraph"] {
        app.was_asked_for(path);
    }
    assert_eq!(app.unreadable(), ["requiredResourceAccess", "web/redirectUris"]);
    let again: Application = from_value(to_value(&app).unwrap()).unwrap();
    assert_eq!(again.unreadable(), app.unreadable());
}

#[test]
fn an_object_of_another_form_is_refused_with_what_it_is() {
    for (text, what) in [
        (
            r#"{"id":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","appId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","name":"App",
                "allowPublicClient":true,"replyUrlsWithType":[{"url":"https://a.example","type":"Web"}],
                "oauth2AllowImplicitFlow":false,"requiredResourceAccess":[],"signInAudience":"AzureADMyOrg"}"#,
            "manifest of Azure AD Graph",
        ),
        (r#"{"name":"${{APP}}","oauth2Permissions":[],"replyUrlsWithType":[]}"#, "manifest of Azure AD Graph"),
        (
            r#"{"appId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","availableToOtherTenants":false,"displayName":"App",
                "homepage":"https://a.example","identifierUris":[],"objectType":"Application","publicClient":null,
                "objectId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","replyUrls":["https://a.example/callback"]}"#,
            "object of Azure AD Graph",
        ),
        (r#"{"odata.type":"Microsoft.DirectoryServices.Application","publicClient":true}"#, "object of Azure AD Graph"),
        (r#"{"AppId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","DisplayName":"App","Tags":null}"#, "PowerShell"),
        (r#"{"@odata.context":"x","value":[{"displayName":"App"}]}"#, "list"),
    ] {
        let error = serde_json::from_str::<Application>(text).unwrap_err().to_string();
        assert!(error.contains(what), "{text}: {error}");
    }
    for text in [
        // The Azure CLI of today, and the manifest of today.
        r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#applications/$entity","displayName":"App",
            "spa":{"redirectUris":[]},"web":{"redirectUris":[]}}"#,
        // Graph may have any member at any time.
        r#"{"displayName":"App","web":{},"oauth2Permissions":[]}"#,
        r#"{"@odata.context":"x","newInGraph":1,"value":"x"}"#,
        r#"{"displayName":"App","value":[],"Tags":[]}"#,
        "{}",
    ] {
        serde_json::from_str::<Application>(text).unwrap();
    }
    let principal = r#"{"objectId":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","displayName":"App"}"#;
    assert!(serde_json::from_str::<ServicePrincipal>(principal).unwrap_err().to_string().contains("Azure AD Graph"));
    let principal = r#"{"id":"4b3f9ef5-9d56-4c1c-9a4e-1c9f2bb2b9d8","replyUrls":[],"objectId":"x"}"#;
    serde_json::from_str::<ServicePrincipal>(principal).unwrap();
}

#[test]
fn an_item_that_is_no_object_loses_no_other() {
    let page = r#"{"@odata.count":"3","value":[null,{"displayName":"One"},7,"x",["y"],{"objectId":"z"},{"displayName":"Two"}]}"#;
    let page: Envelope<Application> = serde_json::from_str(page).unwrap();
    let names: Vec<_> = page.value.iter().map(|app| app.display_name.as_deref()).collect();
    assert_eq!(names, [None, Some("One"), None, None, None, None, Some("Two")]);
    let unknown: Vec<_> = page.value.iter().map(|app| app.unknown.json("@unreadable")).collect();
    assert_eq!(unknown[2].as_deref(), Some("7"));
    for (app, name) in page.value.iter().zip(&names) {
        assert_eq!((app.is_unreadable("tags"), app.unreadable().is_empty()), (name.is_none(), name.is_some()));
    }
    assert_eq!(page.count, None);
    // What the caller reads is theirs to refuse.
    assert_eq!(serde_json::from_str::<Envelope<String>>(r#"{"value":["a","b"]}"#).unwrap().value, ["a", "b"]);
    assert!(serde_json::from_str::<Envelope<String>>(r#"{"value":["a",7]}"#).is_err());
    assert!(serde_json::from_str::<Envelope<Application>>(r#"{"value":null}"#).is_err());
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
fn dates_are_read_in_each_form() {
    let minute = datetime!(2026-01-31 09:27 UTC);
    let second = datetime!(2026-01-31 09:27:32 UTC);
    let forms = [
        ("2026-01-31T09:27:32Z", second),
        ("2026-01-31T09:27:32z", second),
        ("2026-01-31t09:27:32z", second),
        (" 2026-01-31 09:27:32 ", second),
        ("2026-01-31T09:27:32", second),
        ("2026-01-31T10:27:32+01:00", second),
        ("2026-01-31T10:27:32+0100", second),
        ("2026-01-30T23:57:32.000-09:30", second),
        ("2026-01-31T09:27:32.2479019Z", datetime!(2026-01-31 09:27:32.2479019 UTC)),
        ("2026-01-31T09:27:32.2479019", datetime!(2026-01-31 09:27:32.2479019 UTC)),
        ("2026-01-31T09:27:32.123456+00:00", datetime!(2026-01-31 09:27:32.123456 UTC)),
        ("2026-01-31T09:27:32.123456789012Z", datetime!(2026-01-31 09:27:32.123456789 UTC)),
        ("2026-01-31T09:27Z", minute),
        ("2026-01-31T09:27", minute),
        ("2026-01-31T09:27+00:00", minute),
        ("2026-01-31", datetime!(2026-01-31 0:00 UTC)),
        ("0001-01-01T00:00:00Z", datetime!(0001-01-01 0:00 UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime!(9999-12-31 23:59:59.9999999 UTC)),
    ];
    let none = [
        "",
        " ",
        "never",
        "null",
        "2026",
        "2026-01",
        "2026-02-30",
        "2026-01-31T",
        "2026-01-31T25:00:00Z",
        "2026-01-31T09:27:32.Z",
        "2026-01-31T09:27:32+1",
        "2026-01-31T09:27:32 CET",
        "1769851652",
        "/Date(1769851652000)/",
        "Sat, 31 Jan 2026 09:27:32 GMT",
        "31/01/2026",
        "2026-01-31T09:27:32+ä0",
        "2026-01-3\u{e9}T09:27:32Z",
        "20260131T092732Z",
        "+12026-01-31T09:27:32Z",
    ];
    let forms = forms.into_iter().map(|(text, date)| (text, Some(date)));
    for (text, date) in forms.chain(none.map(|text| (text, None))) {
        let app: Application = from_value(json!({"createdDateTime": text})).unwrap();
        assert_eq!(app.created_date_time, date, "{text}");
        assert_eq!(app.is_unreadable("createdDateTime"), date.is_none(), "{text}");
        assert_eq!(app.unknown.text("createdDateTime"), date.is_none().then_some(text));
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
