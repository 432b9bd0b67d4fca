//! One verdict per rule: what the crate says of a value beforehand, and what the in-memory tenant says of the raw request,
//! are two implementations of the same facts, and are asked about the same list of values.
//!
//! Where the service's own verdict is not known, both let a value through: it decides.

use entra_apps::model::{ApiPatch, AppRole, ApplicationPatch, NewApplication, PermissionScope, ServicePrincipalPatch};
use entra_apps::provision::{LogoutUrl, PageUrl, Platform, Tag};
use entra_apps::{AppRegistration, Client, ClientSecret, Error, RedirectUri, SignInAudience};
use entra_emulator::MemoryTenant;
use serde_json::{Value, json};

use crate::support::tenant;
use Place::{
    DisplayName, HomePage, IdentifierUri, Logout, Native, Notes, PrincipalTag, RoleValue, ScopeValue, SecretName, Spa,
    UniqueName, Web,
};
use Verdict::{Guarded, Refused, Taken, Unknown};

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// The service takes it.
    Taken,
    /// The service refuses it.
    Refused,
    /// Not known for certain: nobody refuses it beforehand.
    Unknown,
    /// Not known, and of no use: the crate refuses it, whatever the service does.
    Guarded,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Web,
    Spa,
    Native,
    Logout,
    HomePage,
    Tag,
    DisplayName,
    UniqueName,
    Notes,
    SecretName,
    // What follows is no setting of a registration.
    PrincipalTag,
    IdentifierUri,
    ScopeValue,
    RoleValue,
}

/// Whose accounts sign in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Accounts {
    Work,
    Personal,
}
use Accounts::{Personal, Work};

struct Case {
    value: String,
    place: Place,
    accounts: Accounts,
    verdict: Verdict,
    source: &'static str,
}

/// Redirect URIs: schemes, characters, lengths, wildcards, queries.
const REPLY_URL: &str = "https://learn.microsoft.com/entra/identity-platform/reply-url";
/// Limits by audience.
const ACCOUNTS: &str = "https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation";
const IDENTIFIER_URIS: &str = "https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions";
const APPLICATION: &str = "https://learn.microsoft.com/graph/api/resources/application";
const SCOPE: &str = "https://learn.microsoft.com/graph/api/resources/permissionscope";
const ROLE: &str = "https://learn.microsoft.com/graph/api/resources/approle";
const NESTED: &str =
    "https://learn.microsoft.com/office/dev/add-ins/develop/enable-nested-app-authentication-in-your-add-in";
const BROKER: &str = "https://learn.microsoft.com/entra/msal/dotnet/acquiring-tokens/desktop-mobile/wam";
const OAUTH: &str = "https://www.rfc-editor.org/rfc/rfc6749#section-3.1.2";
/// What users of the service have reported of it.
const REPORTED: &str = "reports";
/// Nothing is documented.
const NOTHING: &str = "nothing";

const GUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

fn cases() -> Vec<Case> {
    let sized = |start: &str, length: usize| format!("{start}{}", "x".repeat(length - start.len()));
    let mut all = Vec::new();
    let mut add = |accounts, place, verdict, source, values: &[&str]| {
        let case = |value: &&str| Case { value: (*value).to_owned(), place, accounts, verdict, source };
        all.extend(values.iter().map(case));
    };
    for place in [Web, Spa, Native] {
        add(
            Work,
            place,
            Taken,
            REPLY_URL,
            &[
                "https://contoso.example/callback",
                "https://contoso.example",
                "https://contoso.example:8443/a/b?c=d",
                "https://*.contoso.example/callback",
                "https://localhost/callback",
                "http://localhost",
                "http://localhost:3000/callback",
                "http://127.0.0.1:8400/callback",
                &sized("https://contoso.example/", 256),
            ],
        );
        add(
            Work,
            place,
            Refused,
            REPLY_URL,
            &[
                "http://contoso.example/callback",
                "http://localhost.contoso.example",
                "http://[::1]/callback",
                "https://contoso.example/x;y",
                "https://contoso.example/a(b)",
                "https://contoso.example/a)",
                "https://contoso.example/a!",
                "https://contoso.example/$a",
                "https://contoso.example/it's",
                "https://contoso.example/a,b",
                "https://contoso.example/a b",
                "https://contoso.example/*",
                "https://*.contoso.example/*",
                "https://a.*.contoso.example",
                "contoso.example/callback",
                "/callback",
                "",
                &sized("https://contoso.example/", 257),
            ],
        );
        add(Work, place, Refused, OAUTH, &["https://contoso.example/#part", "https://contoso.example/?a#b"]);
        add(
            Work,
            place,
            Unknown,
            NOTHING,
            &[
                "https://user@contoso.example/callback",
                "https://contoso.example./callback",
                "https://contoso.example/%20",
                "https://contoso.example/ü",
                "https://127.0.0.1/callback",
                "https://[::1]/callback",
                "https://contoso.example//a//b",
            ],
        );
        add(
            Work,
            place,
            Guarded,
            NOTHING,
            &["https://https://contoso.example/callback", "https://.contoso.example", "https://contoso..example"],
        );
        add(
            Personal,
            place,
            Refused,
            REPLY_URL,
            &["https://*.contoso.example/callback", "https://contoso.example/callback?a=b"],
        );
        add(Personal, place, Taken, REPLY_URL, &["https://contoso.example/callback", "http://localhost"]);
        add(Work, place, Refused, REPLY_URL, &["javascript:alert(1)", "data:text/html,x"]);
    }
    let brokers = ["brk-multihub://contoso.example", &format!("brk-{GUID}://contoso.example")];
    add(Work, Spa, Taken, NESTED, &brokers);
    add(Personal, Spa, Taken, NESTED, &brokers);
    add(Work, Web, Refused, REPLY_URL, &brokers);
    let windows = [format!("ms-appx-web://Microsoft.AAD.BrokerPlugin/{GUID}")];
    let windows = [windows[0].as_str()];
    add(Work, Web, Taken, REPORTED, &windows);
    add(Work, Native, Taken, BROKER, &windows);
    add(Work, Spa, Refused, REPLY_URL, &windows);
    let out_of_band = ["urn:ietf:wg:oauth:2.0:oob"];
    add(Work, Web, Taken, REPORTED, &out_of_band);
    add(Work, Spa, Refused, REPORTED, &out_of_band);
    add(Work, Native, Refused, REPORTED, &out_of_band);
    let own = ["msauth.com.contoso.app://auth", &format!("msal{GUID}://auth")];
    add(Work, Native, Taken, REPLY_URL, &own);
    add(Work, Web, Refused, REPLY_URL, &own);
    add(Work, Spa, Refused, REPLY_URL, &own);
    add(Work, Native, Unknown, NOTHING, &["ftp://contoso.example", "mailto:a@contoso.example", "contoso:callback"]);

    add(Work, Logout, Taken, ACCOUNTS, &["https://contoso.example/out", "https://localhost:3000/out"]);
    add(Work, Logout, Taken, ACCOUNTS, &[&sized("https://contoso.example/", 255)]);
    add(
        Work,
        Logout,
        Refused,
        ACCOUNTS,
        &["http://localhost:3000", "http://contoso.example", "ftp://contoso.example", "contoso.example", "https://"],
    );
    add(Work, Logout, Refused, ACCOUNTS, &[&sized("https://contoso.example/", 256)]);
    add(Personal, Logout, Taken, ACCOUNTS, &["https://contoso.example/out"]);
    add(Work, HomePage, Taken, APPLICATION, &["https://contoso.example", "https://contoso.example/a?b#c"]);
    add(Work, HomePage, Unknown, NOTHING, &["http://contoso.example", "http://localhost:3000"]);
    add(Work, HomePage, Unknown, NOTHING, &[&sized("https://contoso.example/", 400)]);
    add(Work, HomePage, Refused, APPLICATION, &["contoso.example", "javascript:alert(1)", "not an address"]);

    add(Work, Place::Tag, Taken, ACCOUNTS, &["contoso", "HideApp", "ünïcode", &"x".repeat(256)]);
    add(Work, Place::Tag, Refused, ACCOUNTS, &["", "two words", "tab\tin", "line\nbreak", "nb\u{a0}sp"]);
    add(Work, Place::Tag, Refused, ACCOUNTS, &[&"x".repeat(257)]);
    add(Work, PrincipalTag, Taken, REPORTED, &["two words", "contoso", "WindowsAzureActiveDirectoryIntegratedApp"]);

    add(Work, DisplayName, Taken, ACCOUNTS, &["Contoso Backup", &"x".repeat(120)]);
    add(Work, DisplayName, Unknown, APPLICATION, &[&"x".repeat(121), &"x".repeat(256)]);
    add(Work, DisplayName, Refused, APPLICATION, &["", "   ", &"x".repeat(257)]);
    add(Personal, DisplayName, Taken, ACCOUNTS, &[&"ü".repeat(90)]);
    add(Personal, DisplayName, Refused, ACCOUNTS, &[&"x".repeat(91)]);
    add(Work, UniqueName, Taken, APPLICATION, &["contoso-backup", "Contoso's", "a/b c", "ü"]);
    add(Work, UniqueName, Refused, APPLICATION, &[""]);
    add(Work, UniqueName, Guarded, NOTHING, &["  ", "a\u{7}b", &"x".repeat(257)]);
    add(Work, Notes, Taken, APPLICATION, &["a\nb", &"ü".repeat(1024)]);
    add(Work, Notes, Refused, APPLICATION, &[&"x".repeat(1025)]);
    add(Work, SecretName, Taken, APPLICATION, &["Backup", "a → b", &"x".repeat(90)]);
    add(Work, SecretName, Guarded, NOTHING, &["", "  ", &"x".repeat(91)]);

    add(
        Work,
        IdentifierUri,
        Taken,
        IDENTIFIER_URIS,
        &[
            "api://{appId}",
            "api://{tenantId}/a",
            "api://a/{appId}",
            "https://contoso.onmicrosoft.com/a",
            "urn:contoso:a",
        ],
    );
    add(
        Work,
        IdentifierUri,
        Refused,
        REPORTED,
        &["api://{appId}/", "https://contoso.onmicrosoft.com/", "urn:contoso/", "contoso://a/", "https://x.example/"],
    );
    add(
        Work,
        IdentifierUri,
        Refused,
        IDENTIFIER_URIS,
        &["https://elsewhere.example/a", &format!("api://{GUID}"), "api://contoso", "https://*.onmicrosoft.com", ""],
    );
    add(Personal, IdentifierUri, Refused, ACCOUNTS, &["urn:contoso:a", "api://{appId}?a", "api://{appId}#a"]);
    add(Work, ScopeValue, Taken, SCOPE, &["Files.Read", "a:b/c[d]{e}~", &"x".repeat(120)]);
    add(Work, ScopeValue, Refused, SCOPE, &["", ".Read", "Files Read", "a\"b", "a\\b", "ü", &"x".repeat(121)]);
    add(Personal, ScopeValue, Taken, ACCOUNTS, &[&"x".repeat(40)]);
    add(Personal, ScopeValue, Refused, ACCOUNTS, &[&"x".repeat(41)]);
    add(Work, RoleValue, Taken, ROLE, &["Files.Read.All", ""]);
    add(Work, RoleValue, Refused, ROLE, &[".Read", "Files Read"]);
    add(Personal, RoleValue, Refused, ACCOUNTS, &["Files.Read.All"]);
    all
}

impl Accounts {
    fn audience(self) -> SignInAudience {
        match self {
            Work => SignInAudience::MultipleOrganizations,
            Personal => SignInAudience::MultipleOrganizationsAndPersonalAccounts,
        }
    }
}

impl Case {
    /// What the crate says before anything is sent; `None` where no setting takes such a value.
    fn beforehand(&self) -> Option<Result<(), Error>> {
        let value = self.value.as_str();
        let app = || AppRegistration::new("key", "App").audience(self.accounts.audience());
        let registration = match self.place {
            Web => RedirectUri::new(Platform::Web, value).map(|uri| app().redirect_uri(uri)),
            Spa => RedirectUri::new(Platform::Spa, value).map(|uri| app().redirect_uri(uri)),
            Native => RedirectUri::new(Platform::PublicClient, value).map(|uri| app().redirect_uri(uri)),
            Logout => LogoutUrl::new(value).map(|url| app().logout_url(url)),
            HomePage => PageUrl::new(value).map(|url| app().homepage(url)),
            Place::Tag => Tag::new(value).map(|tag| app().tag(tag)),
            DisplayName => Ok(AppRegistration::new("key", value).audience(self.accounts.audience())),
            UniqueName => Ok(AppRegistration::new(value, "App")),
            Notes => Ok(app().notes(value)),
            SecretName => Ok(app().credential(ClientSecret::new(value))),
            PrincipalTag | IdentifierUri | ScopeValue | RoleValue => return None,
        };
        Some(registration.and_then(|registration| registration.check()))
    }

    /// The properties of an application that the service would be sent.
    fn properties(&self) -> Option<Value> {
        let value = &self.value;
        Some(match self.place {
            Web => json!({"web": {"redirectUris": [value]}}),
            Spa => json!({"spa": {"redirectUris": [value]}}),
            Native => json!({"publicClient": {"redirectUris": [value]}}),
            Logout => json!({"web": {"logoutUrl": value}}),
            HomePage => json!({"web": {"homePageUrl": value}}),
            Place::Tag => json!({"tags": [value]}),
            DisplayName => json!({"displayName": value}),
            UniqueName => json!({"uniqueName": value}),
            Notes => json!({"notes": value}),
            SecretName | PrincipalTag | IdentifierUri | ScopeValue | RoleValue => return None,
        })
    }

    /// What the tenant says of the raw request, by each route by which the value can be written.
    fn of_raw_requests(&self, tenant: &MemoryTenant, number: usize) -> Vec<(&'static str, bool)> {
        let created = |name: &str| {
            let mut body = json!({"displayName": name, "signInAudience": self.accounts.audience().as_str()});
            if self.accounts == Personal {
                body["api"] = json!({"requestedAccessTokenVersion": 2});
            }
            body
        };
        let send = |method: &str, path: &str, body: &Value| tenant.send_json(method, path, Some(&body.to_string()));
        let (_, app) = send("POST", "/applications", &created("App"));
        let app: Value = serde_json::from_str(&app).unwrap();
        let path = format!("/applications/{}", app["id"].as_str().unwrap());
        let Some(properties) = self.properties() else {
            let body = json!({"passwordCredential": {"displayName": self.value}});
            let (added, _) = send("POST", &format!("{path}/addPassword"), &body);
            let mut body = created("Other");
            body["passwordCredentials"] = json!([body_of_secret(&self.value)]);
            return vec![("addPassword", added == 200), ("create", send("POST", "/applications", &body).0 == 201)];
        };
        let mut body = created("Other");
        let named = |body: &mut Value| body.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        named(&mut body);
        let patched = ("update", send("PATCH", &path, &properties).0 == 204);
        if self.place == UniqueName {
            // A unique name is held once.
            send("DELETE", &path, &Value::Null);
            send("DELETE", &format!("/directory/deletedItems/{}", app["id"].as_str().unwrap()), &Value::Null);
            return vec![patched, ("create", send("POST", "/applications", &body).0 == 201)];
        }
        let upsert = format!("/applications(uniqueName='key-{number}')");
        let created = ("create", send("POST", "/applications", &body).0 == 201);
        vec![patched, created, ("upsert", send("PATCH", &upsert, &body).0 == 201)]
    }

    /// What the tenant says of a typed write.
    async fn of_typed_write(&self, client: &Client) -> bool {
        let value = self.value.clone();
        let version = ApiPatch::new().requested_access_token_version(2);
        let new = NewApplication::new("App").sign_in_audience(self.accounts.audience());
        let new = if self.accounts == Personal { new.api(version) } else { new };
        let app = client.applications().create(&new).await.unwrap();
        let (id, app_id) = (app.id.unwrap(), app.app_id.unwrap());
        let patch = match self.place {
            IdentifierUri => {
                let tenant = client.organization().get().await.unwrap().id.unwrap().to_string();
                let uri = value.replace("{appId}", &app_id.to_string()).replace("{tenantId}", &tenant);
                ApplicationPatch::new().identifier_uris(vec![uri])
            }
            ScopeValue => {
                let mut scope: PermissionScope = serde_json::from_value(json!({
                    "id": GUID, "type": "User", "adminConsentDisplayName": "a", "adminConsentDescription": "a"
                }))
                .unwrap();
                scope.value = Some(value);
                ApplicationPatch::new().api(ApiPatch::new().oauth2_permission_scopes(vec![scope]))
            }
            RoleValue => {
                let mut role: AppRole = serde_json::from_value(json!({
                    "id": GUID, "allowedMemberTypes": ["Application"], "displayName": "a", "description": "a"
                }))
                .unwrap();
                role.value = Some(value);
                ApplicationPatch::new().app_roles(vec![role])
            }
            _ => {
                let new = entra_apps::model::NewServicePrincipal::new(app_id);
                let principal = client.service_principals().create(&new).await.unwrap();
                let patch = ServicePrincipalPatch::new().tags(vec![value]);
                return client.service_principals().update(principal.id.unwrap(), &patch).await.is_ok();
            }
        };
        client.applications().update(id, &patch).await.is_ok()
    }
}

/// A secret as it is asked for at the creation of an application.
fn body_of_secret(description: &str) -> Value {
    json!({ "displayName": description })
}

/// Cases in which a verdict is not the expected one.
fn differs(case: &Case, who: &str, passes: bool) -> Option<String> {
    let expected = match (case.verdict, who) {
        (Taken | Unknown, _) => true,
        (Refused, _) | (Guarded, "the crate") => false,
        (Guarded, _) => return None,
    };
    let Case { value, place, accounts, source, .. } = case;
    let shown: String = value.chars().take(80).collect();
    (passes != expected).then(|| format!("{who}: {shown:?} in {place:?} of {accounts:?}: {passes} ({source})"))
}

#[tokio::test(start_paused = true)]
async fn the_crate_and_the_tenant_have_one_verdict() {
    let tenant = tenant();
    let client = tenant.client();
    let cases = cases();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let Some(beforehand) = case.beforehand() else {
            wrong.extend(differs(case, "the tenant", case.of_typed_write(&client).await));
            continue;
        };
        wrong.extend(differs(case, "the crate", beforehand.is_ok()));
        for (route, passes) in case.of_raw_requests(&tenant, number) {
            wrong.extend(differs(case, route, passes));
        }
    }
    assert!(cases.len() > 200, "{}", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fact is listed once, with where it is from.
#[test]
fn no_case_stands_twice_and_each_fact_has_a_source() {
    let cases = cases();
    for (number, case) in cases.iter().enumerate() {
        let same =
            |other: &&Case| (&other.value, other.place, other.accounts) == (&case.value, case.place, case.accounts);
        assert!(!cases[..number].iter().any(|other| same(&other)), "{:?} {}", case.place, case.value);
        let is_certain = matches!(case.verdict, Taken | Refused);
        assert!(!is_certain || case.source != NOTHING, "{:?} {}", case.place, case.value);
    }
}
