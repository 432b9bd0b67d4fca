//! Texts that attack: they arrive as they were given, and change the shape of no address.

use std::sync::Arc;

use entra_apps::api::{Filter, Literal, UniqueName};
use entra_apps::auth::{ClientAuthentication, ClientCredentialsProvider, SignInService};
use entra_apps::bytes::Bytes;
use entra_apps::clock::TokioClock;
use entra_apps::cloud::Cloud;
use entra_apps::consent::ConsentApp;
use entra_apps::http::Request;
use entra_apps::ids::{AppId, AppRoleAssignmentId, OAuth2PermissionGrantId, ServicePrincipalId, Tenant, TenantId};
use entra_apps::model::{ApplicationPatch, NewApplication, NewPasswordCredential, WebPatch};
use entra_apps::permission::MICROSOFT_GRAPH;
use entra_apps::secrecy::SecretString;
use entra_apps::token::{TokenProvider, TokenRequest};
use entra_apps::url::{Url, form_urlencoded};

use entra_apps::{AppRegistration, Client, ClientSecret, ErrorKind, RedirectUri};
use serde_json::Value;

use super::server::{Reply, Server, client};
use crate::support::{TODAY, register, tenant};

/// Texts that end a literal, a segment, a query, a line, a document, where they are not written as they must be.
const TEXTS: &[&str] = &[
    "plain",
    "O'Brien & Söhne",
    "'",
    "''",
    "'''",
    "%27",
    "%2527",
    "%",
    "%zz",
    "%00",
    "a/b",
    "/",
    "//",
    "\\",
    "a\\b",
    "a?b",
    "a#b",
    "a&b=c",
    "a;b",
    "+",
    "a+b c",
    " ",
    "  leading and trailing  ",
    "..",
    ".",
    "../../users",
    "%2e%2e",
    "..%2f..%2fusers",
    "..;/",
    ")",
    "(",
    ")/delete",
    "x')/addPassword?x=('",
    "{id}",
    "{0}",
    "${jndi:ldap://evil.example/a}",
    "$batch",
    "$count",
    "$filter=1 eq 1",
    "@odata.bind",
    "@odata.type",
    "' or 1 eq 1 or '",
    "') or startswith(displayName,'",
    "'; DROP TABLE apps; --",
    "x eq null",
    "null",
    "true",
    "\"",
    "\"quoted\"",
    "\\\"",
    "displayName:x\" OR \"displayName:y",
    "{\"a\":1}",
    "\",\"isDisabled\":true,\"x\":\"",
    "[]",
    "</script><script>alert(1)</script>",
    "<!--",
    "https://evil.example/",
    "//evil.example",
    "@evil.example",
    ":443",
    "😀",
    "👩‍👩‍👧‍👦",
    "مرحبا",
    "\u{202e}evil",
    "\u{200b}\u{feff}",
    "e\u{301}",
    "ﷺ",
    "İıſK",
    "\u{10ffff}",
    "\u{2028}",
    "|^`~!*[]<>,",
];

/// Texts that no address can hold: an address leaves them out in silence.
const CONTROL: &[&str] = &["\0", "a\nb", "a\r\nx-evil: 1\r\n\r\n", "\t", "\u{1b}[2J", "\u{7f}", "\u{85}"];

/// The texts, and others made of their parts by chance, which is the same each time.
fn texts() -> impl Iterator<Item = String> {
    let mut chance = fastrand::Rng::with_seed(7);
    let made = (0..100).map(move |_| {
        let parts = chance.usize(2..6);
        (0..parts).map(|_| TEXTS[chance.usize(..TEXTS.len())]).collect::<String>()
    });
    let long = ["x".repeat(20_000), "'%/?#&+".repeat(500), "é".repeat(3_000)];
    TEXTS.iter().map(ToString::to_string).chain(made).chain(long)
}

/// Percent-decodes, as a server does for a segment or a pair.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// An address as the service sees it.
#[derive(Debug, PartialEq)]
struct Arrived {
    segments: Vec<String>,
    pairs: Vec<(String, String)>,
}

impl Arrived {
    fn of(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        assert_eq!((url.host_str(), url.port(), url.fragment()), (Some("graph.test"), None, None), "{url}");
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            assert!(!value.contains('+'), "a plus sign is a blank to some: {pair}");
            (decoded(name), decoded(value))
        };
        Self {
            segments: url.path_segments().unwrap().map(decoded).collect(),
            pairs: url.query().into_iter().flat_map(|query| query.split('&')).map(pair).collect(),
        }
    }

    fn pair(&self, name: &str) -> &str {
        let mut found = self.pairs.iter().filter(|(own, _)| own == name);
        let value = &found.next().unwrap_or_else(|| panic!("no {name} in {self:?}")).1;
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        value
    }
}

/// A server that refuses everything, and a client of it.
fn empty_server() -> (Arc<Server>, Client) {
    let server = Server::always(Reply::of(400, "{}"));
    let client = client(&server);
    (server, client)
}

/// The one request since the last time.
fn taken(server: &Server) -> Request<Bytes> {
    let mut requests = server.requests();
    assert_eq!(requests.len(), 1);
    server.clear();
    requests.remove(0)
}

fn address(server: &Server) -> Arrived {
    Arrived::of(&taken(server).uri().to_string())
}

fn json(request: &Request<Bytes>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The unique name of as much of a text as one can have.
fn key(text: &str) -> UniqueName {
    UniqueName::new(text.chars().take(256).collect::<String>()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_unique_name_is_one_path_segment() {
    let (server, client) = empty_server();
    let apps = client.applications();
    for text in texts() {
        let segment = format!("applications(uniqueName={})", quoted(&text));
        apps.upsert(&text, &ApplicationPatch::new().display_name("x")).await.unwrap_err();
        assert_eq!(address(&server).segments, ["v1.0", &segment]);
        let segment = format!("applications(uniqueName={})", quoted(key(&text).as_str()));
        apps.find(key(&text)).await.unwrap_err();
        assert_eq!(address(&server), Arrived { segments: vec!["v1.0".into(), segment.clone()], pairs: vec![] });
        apps.add_password(key(&text), &NewPasswordCredential::new()).await.unwrap_err();
        assert_eq!(address(&server).segments, ["v1.0", &segment, "addPassword"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_is_one_path_segment_or_is_refused() {
    let (server, client) = empty_server();
    for text in texts().chain([String::new()]) {
        let grant = client.oauth2_permission_grants().delete(&OAuth2PermissionGrantId::new(text.as_str())).await;
        if matches!(text.as_str(), "" | "." | "..") {
            assert_eq!((grant.unwrap_err().kind(), server.count()), (ErrorKind::Invalid, 0));
            continue;
        }
        assert_eq!(address(&server).segments, ["v1.0", "oauth2PermissionGrants", &text]);
        let id = ServicePrincipalId::from_u128(1);
        client.app_role_assignments().delete(id, &AppRoleAssignmentId::new(text.as_str())).await.unwrap_err();
        let principal = id.to_string();
        assert_eq!(address(&server).segments, ["v1.0", "servicePrincipals", &principal, "appRoleAssignedTo", &text]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_no_url_can_hold_is_refused_before_it_is_sent() {
    let (server, client) = empty_server();
    for text in CONTROL {
        assert_eq!(UniqueName::new(*text).unwrap_err().code().as_str(), "invalid_unique_name", "{text:?}");
        let upsert = client.applications().upsert(text, &ApplicationPatch::new().display_name("x"));
        assert_eq!(upsert.await.unwrap_err().code().as_str(), "invalid_id", "{text:?}");
        let grant = OAuth2PermissionGrantId::new(*text);
        assert_eq!(client.oauth2_permission_grants().get(&grant).await.unwrap_err().code().as_str(), "invalid_id");
        let mut batch = client.batch();
        let _ = batch.add(client.oauth2_permission_grants().delete(&grant));
        assert_eq!(batch.send().await.unwrap_err().code().as_str(), "invalid_id", "{text:?}");
        assert_eq!(
            AppRegistration::new(*text, "App").check().unwrap_err().code().as_str(),
            "invalid_unique_name",
            "{text:?}"
        );
    }
    let long = "x".repeat(70_000);
    let upsert = client.applications().upsert(&long, &ApplicationPatch::new().display_name("x"));
    assert_eq!(upsert.await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(UniqueName::new("x".repeat(256)).is_ok());
    assert_eq!(UniqueName::new("x".repeat(257)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(server.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_text_in_a_filter_is_one_literal() {
    let (server, client) = empty_server();
    for text in texts().chain(CONTROL.iter().map(ToString::to_string)) {
        let (value, text) = (quoted(&text), text.as_str());
        let cases = [
            (Filter::eq("displayName", text), format!("displayName eq {value}")),
            (Filter::ne("displayName", text), format!("displayName ne {value}")),
            (Filter::ge("displayName", text), format!("displayName ge {value}")),
            (Filter::le("displayName", text.to_owned()), format!("displayName le {value}")),
            (Filter::is_in("displayName", [text, text]), format!("displayName in ({value},{value})")),
            (Filter::starts_with("displayName", text), format!("startsWith(displayName,{value})")),
            (Filter::ends_with("displayName", text), format!("endsWith(displayName,{value})")),
            (Filter::any_eq("tags", text), format!("tags/any(x:x eq {value})")),
            (Filter::any_starts_with("tags", text), format!("tags/any(x:startsWith(x,{value}))")),
            (Filter::any_member_eq("addIns", "type", text), format!("addIns/any(x:x/type eq {value})")),
            (
                !Filter::eq("displayName", text).and(Filter::eq("notes", text).or(Filter::eq("tags", Literal::null()))),
                format!("not(displayName eq {value} and (notes eq {value} or tags eq null))"),
            ),
        ];
        for (filter, expected) in cases {
            let most = 60_000 / 3;
            if expected.len() > most {
                continue;
            }
            let advanced = filter.is_advanced();
            client.applications().list().filter(filter).top(5).page().await.unwrap_err();
            let arrived = address(&server);
            assert_eq!(arrived.segments, ["v1.0", "applications"]);
            assert_eq!(arrived.pair("$filter"), expected);
            assert_eq!(arrived.pair("$top"), "5");
            assert_eq!(arrived.pairs.len(), if advanced { 3 } else { 2 }, "{arrived:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_in_a_search_is_one_phrase() {
    let (server, client) = empty_server();
    for text in texts().chain(CONTROL.iter().map(ToString::to_string)) {
        client.applications().list().search("displayName", &text).select(["id"]).page().await.unwrap_err();
        let arrived = address(&server);
        assert_eq!(arrived.segments, ["v1.0", "applications"]);
        assert_eq!(arrived.pairs.len(), 3, "{arrived:?}");
        // One quoted phrase: every quote inside it is escaped, and so is every escape.
        let phrase = arrived.pair("$search").strip_prefix("\"displayName:").unwrap().strip_suffix('"').unwrap();
        let mut words = String::new();
        let mut letters = phrase.chars();
        while let Some(letter) = letters.next() {
            assert_ne!(letter, '"', "the phrase ends early: {phrase}");
            words.push(if letter == '\\' { letters.next().unwrap() } else { letter });
        }
        assert_eq!(words, text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_in_a_batch_item_adds_no_item() {
    let (server, client) = empty_server();
    for text in texts() {
        let mut batch = client.batch().in_order();
        let new = NewApplication::new(text.as_str()).notes(text.as_str()).tags(vec![text.clone()]);
        let _ = batch.add(client.applications().create(&new));
        let _ = batch.add(client.applications().update(key(&text), &ApplicationPatch::new().notes(text.as_str())));
        let _ = batch.add(client.applications().list().filter(Filter::eq("displayName", text.as_str())).page());
        let _ = batch.add(client.applications().list().search("displayName", &text).page());
        if !matches!(text.as_str(), "." | "..") {
            let id = OAuth2PermissionGrantId::new(text.as_str());
            let _ = batch.add(client.oauth2_permission_grants().delete(&id));
        }
        batch.send().await.unwrap_err();
        let request = taken(&server);
        assert_eq!(request.uri().path(), "/v1.0/$batch");
        let body = json(&request);
        let items = body["requests"].as_array().unwrap();
        let members: Vec<_> = items.iter().map(|item| item.as_object().unwrap().len()).collect();
        assert_eq!(members, [5, 6, 4, 5, 4][..members.len()], "{body}");
        assert_eq!(items[0]["body"], serde_json::json!({ "displayName": text, "notes": text, "tags": [text] }));
        assert_eq!(items[1]["body"], serde_json::json!({ "notes": text }));
        let arrived =
            |at: usize| Arrived::of(&format!("https://graph.test/v1.0{}", items[at]["url"].as_str().unwrap()));
        assert_eq!(arrived(0).segments, ["v1.0", "applications"]);
        assert_eq!(arrived(1).segments, ["v1.0", &format!("applications(uniqueName={})", quoted(key(&text).as_str()))]);
        assert!(arrived(0).pairs.is_empty() && arrived(1).pairs.is_empty());
        assert_eq!(arrived(2).segments, ["v1.0", "applications"]);
        assert_eq!(arrived(2).pair("$filter"), format!("displayName eq {}", quoted(&text)));
        assert_eq!((arrived(2).pairs.len(), arrived(3).pairs.len()), (1, 2));
        assert_eq!(arrived(3).segments, ["v1.0", "applications"]);
        let phrase = format!("\"displayName:{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        assert_eq!(arrived(3).pair("$search"), phrase);
        if items.len() > 4 {
            assert_eq!(arrived(4).segments, ["v1.0", "oauth2PermissionGrants", &text]);
            assert!(arrived(4).pairs.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_in_a_body_is_one_string() {
    let (server, client) = empty_server();
    for text in texts().chain(CONTROL.iter().map(ToString::to_string)) {
        client.applications().create(&NewApplication::new(text.as_str())).await.unwrap_err();
        assert_eq!(json(&taken(&server)), serde_json::json!({ "displayName": text }));
        let secret = NewPasswordCredential::new().display_name(text.as_str());
        client.applications().add_password(key("k"), &secret).await.unwrap_err();
        assert_eq!(json(&taken(&server)), serde_json::json!({ "passwordCredential": { "displayName": text } }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_option_is_one_pair() {
    let (server, client) = empty_server();
    // It stands there twice: the longest would make no address.
    let texts = texts().filter(|text| text.len() < 20_000);
    for text in texts.chain(CONTROL.iter().map(ToString::to_string)) {
        let list = || client.applications().list().select([text.as_str(), "id"]);
        for (list, option) in [
            (list().order_by(text.as_str()), ("$orderby", text.clone())),
            (list().order_by_descending(text.as_str()), ("$orderby", format!("{text} desc"))),
            (list().expand(&text), ("$expand", text.clone())),
        ] {
            list.page().await.unwrap_err();
            let arrived = address(&server);
            assert_eq!(arrived.segments, ["v1.0", "applications"]);
            assert_eq!(arrived.pair("$select"), format!("{text},id"));
            assert_eq!(arrived.pair(option.0), option.1);
            let rest = if option.0 == "$orderby" { &["$count"][..] } else { &[] };
            let mut names: Vec<_> = arrived.pairs.iter().map(|(name, _)| name.as_str()).collect();
            names.retain(|name| *name != "$select" && *name != option.0);
            assert_eq!(names, rest, "{arrived:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn uris_are_sent_as_they_were_written() {
    let (server, client) = empty_server();
    for text in texts().chain(CONTROL.iter().map(ToString::to_string)) {
        let uris = vec![format!("https://app.example/{text}"), text];
        let web = WebPatch::new().redirect_uris(uris.clone()).home_page_url(uris[0].as_str());
        let new = NewApplication::new("x").web(web).identifier_uris(uris.clone());
        client.applications().create(&new).await.unwrap_err();
        let web = serde_json::json!({ "redirectUris": uris, "homePageUrl": uris[0] });
        let expected = serde_json::json!({ "displayName": "x", "identifierUris": uris, "web": web });
        assert_eq!(json(&taken(&server)), expected);
    }
}

/// A redirect URI is compared letter for letter: what is taken at all is registered as it was written.
#[tokio::test(start_paused = true)]
async fn a_redirect_uri_is_refused_or_registered_unchanged() {
    let tenant = tenant();
    let client = tenant.client();
    let mut taken = 0;
    for (number, text) in TEXTS.iter().chain(CONTROL).enumerate() {
        for uri in [format!("https://app.example/{number}/{text}"), format!("https://{text}/{number}")] {
            let checked = match RedirectUri::web(&uri) {
                Ok(checked) => checked,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Invalid, "{uri:?}");
                    assert!(!error.to_string().contains(char::is_control), "{error:?}");
                    continue;
                }
            };
            let registration =
                AppRegistration::new(format!("k{number}"), format!("App {number}")).redirect_uri(checked);
            let before = tenant.applications().len();
            taken += 1;
            register(&client, &registration).await;
            let app = client.applications().get(key(&format!("k{number}"))).await.unwrap();
            let uris = app.web.map(|web| web.redirect_uris).unwrap_or_default();
            assert!(uris.contains(&uri), "{uri:?} became {uris:?}");
            assert!(tenant.applications().len() <= before + 1, "{uri:?}");
        }
    }
    assert!(taken > TEXTS.len() / 2, "only {taken} were taken");
}

/// A domain stands in the address that a secret is sent to: what is no domain is refused before.
#[test]
fn a_text_is_a_tenant_or_refused_on_one_line() {
    for text in texts() {
        match text.parse::<Tenant>() {
            Ok(tenant) => {
                let tenant = tenant.to_string();
                assert!(tenant.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)), "{text:?}: {tenant}");
            }
            Err(error) => {
                assert_eq!(error.code().as_str(), "invalid_tenant");
                assert!(!error.to_string().contains(char::is_control), "{error:?}");
            }
        }
    }
}

/// The secret stands in a form, and the tenant in the path.
#[tokio::test(start_paused = true)]
async fn a_tenant_is_one_path_segment_and_a_secret_one_form_field() {
    let tenant: Tenant = "contoso.example".parse().unwrap();
    for text in texts() {
        let server = Server::always(Reply::of(400, "{}"));
        let clock = Arc::new(TokioClock::starting_at(TODAY));
        let url = |text: &str| Url::parse(text).unwrap();
        let cloud = Cloud::custom("test", &url("https://graph.test"), &url("https://login.test")).unwrap();
        let secret = SecretString::from(text.as_str());
        let provider = ClientCredentialsProvider::new(
            SignInService::new(cloud.clone(), server.clone(), clock),
            AppId::from_u128(2),
            ClientAuthentication::secret(secret),
        );
        assert!(provider.token(&TokenRequest::new(&tenant, format!("{text}/.default"))).await.is_err());
        let request = taken(&server);
        let sent = url(&request.uri().to_string());
        assert_eq!(
            (sent.host_str(), sent.port(), sent.query(), sent.fragment()),
            (Some("login.test"), None, None, None)
        );
        let segments: Vec<_> = sent.path_segments().unwrap().map(decoded).collect();
        assert_eq!(segments, ["contoso.example", "oauth2", "v2.0", "token"]);
        let fields: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
        let field =
            |name: &str| fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect();
        let (secrets, scopes): (Vec<&str>, Vec<&str>) = (field("client_secret"), field("scope"));
        assert_eq!((secrets, scopes), (vec![text.as_str()], vec![format!("{text}/.default").as_str()]));
        assert_eq!(fields.len(), 4, "{fields:?}");

        let redirect = format!("https://app.example/{text}");
        let app = ConsentApp::new(AppId::from_u128(2), TenantId::from_u128(1))
            .redirect_uri(&redirect)
            .declares(MICROSOFT_GRAPH);
        let link = app.link_without_state(&cloud, &tenant, &redirect).unwrap();
        assert_eq!((link.host_str(), link.fragment()), (Some("login.test"), None));
        let segments: Vec<_> = link.path_segments().unwrap().map(decoded).collect();
        assert_eq!(segments, ["contoso.example", "v2.0", "adminconsent"]);
        let pairs: Vec<_> = link.query_pairs().into_owned().collect();
        assert_eq!((pairs.len(), &pairs[2]), (3, &("redirect_uri".to_owned(), redirect)));
    }
}

/// Unchanged means: letter for letter, and found by it.
#[tokio::test(start_paused = true)]
async fn a_text_that_the_tenant_accepts_is_stored_unchanged() {
    let tenant = tenant();
    let client = tenant.client();
    for (number, text) in TEXTS.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let before = tenant.applications().len();
        let name = format!("{text} {number}");
        let mut registration = AppRegistration::new(*text, &name)
            .notes(*text)
            .redirect_uri(RedirectUri::web(format!("https://app.example/{number}?x=%27%2F")).unwrap())
            .credential(ClientSecret::new(*text).valid_for_months(6));
        if !text.contains(char::is_whitespace) {
            registration = registration.tag(text.parse().unwrap());
        }
        registration.check().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        register(&client, &registration).await;
        assert!(client.verify(&registration).await.unwrap().is_done(), "{text:?}");
        assert!(client.plan(&registration).await.unwrap().is_converged(), "{text:?}");
        assert_eq!(tenant.applications().len(), before + 1, "{text:?}");
        let app = client.applications().get(key(text)).await.unwrap();
        assert_eq!(app.unique_name.as_deref(), Some(*text));
        assert_eq!((app.display_name.as_deref(), app.notes.as_deref()), (Some(&*name), Some(*text)));
        assert_eq!(app.password_credentials[0].display_name.as_deref(), Some(*text));
        assert!(app.tags.iter().all(|tag| tag == text), "{text:?}");
        // A name that exists already is found, so that nobody makes another application of it by mistake.
        let other = client.plan(&AppRegistration::new("another", &name)).await.unwrap();
        let found = format!("same_display_name:{}", app.app_id.unwrap());
        assert!(other.steps().iter().any(|line| line.id.to_string() == found), "{text:?}: {other}");
        // The others stand beside it: a literal that ends early would find them too.
        for filter in [Filter::eq("displayName", name.as_str()), Filter::starts_with("displayName", &name)] {
            let found = client.applications().list().filter(filter).all().await.unwrap();
            assert_eq!(found.iter().map(|found| found.app_id).collect::<Vec<_>>(), [app.app_id], "{text:?}");
        }
        if number % 2 == 0 {
            client.applications().delete(key(text)).await.unwrap();
            assert_eq!(tenant.applications().len(), before, "{text:?}");
        }
    }
}
