//! What the size of an in-memory tenant costs: each operation on a tenant of 100 objects of a kind and on one of
//! 100,000, and the memory of one object.
//!
//! `cargo bench --bench tenant`; the two tenants take turns in one run, and the ratio of the medians is
//! printed. An absolute time says little on a shared machine.

use std::time::{Duration, Instant};

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, StatusCode};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::transport::Transport as _;
use entra_apps::url::form_urlencoded;
use entra_emulator::MemoryTenant;
use serde_json::{Value, json};

const SMALL: usize = 100;
const LARGE: usize = 100_000;
const ROUNDS: usize = 41;
/// How often an operation is timed in a round.
const TIMES: usize = 5;
/// No operation may cost more than this many times what it costs on the small tenant.
const AIM: f64 = 2.0;

/// An application that was made in the filling.
struct Known {
    number: usize,
    id: String,
    app_id: String,
}

struct Filled {
    tenant: MemoryTenant,
    known: Vec<Known>,
    /// The bytes of one application and of one service principal, as the process grew by them.
    bytes: Option<(usize, usize)>,
    /// Where the next look goes: all over the tenant, as no cache likes it.
    at: usize,
    made: usize,
}

/// The resident memory of this process in bytes, where the system tells it.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kilobytes| kilobytes << 10)
}

fn send(tenant: &MemoryTenant, method: &str, path: &str, body: Option<&str>, wanted: StatusCode) -> String {
    let (status, answer) = tenant.send_json(method, path, body);
    assert_eq!(status, wanted, "{method} {path}: {answer}");
    answer
}

fn text(answer: &str, name: &str) -> String {
    let answer: Value = serde_json::from_str(answer).expect("the tenant answers JSON");
    answer[name].as_str().expect("the member is there").to_owned()
}

/// An application as products register them: not empty, not large.
fn application(number: usize) -> String {
    json!({
        "displayName": format!("Application {number:06}"),
        "uniqueName": format!("application-{number}"),
        "identifierUris": [format!("api://contoso.onmicrosoft.com/{number}")],
        "tags": ["bench"],
        "web": {"redirectUris": [format!("https://app{number}.contoso.example/callback")]},
        "requiredResourceAccess": [{
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [
                {"id": "df021288-bdef-4463-88db-98f22de89214", "type": "Role"},
                {"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}
            ]
        }]
    })
    .to_string()
}

fn filled(count: usize) -> Filled {
    let tenant = MemoryTenant::builder().tick(Duration::ZERO).build();
    let mut known = Vec::with_capacity(count);
    let before = resident();
    for number in 0..count {
        let answer = send(&tenant, "POST", "/applications", Some(&application(number)), StatusCode::CREATED);
        known.push(Known { number, id: text(&answer, "id"), app_id: text(&answer, "appId") });
    }
    let between = resident();
    for app in &known {
        let body = json!({"appId": app.app_id}).to_string();
        send(&tenant, "POST", "/servicePrincipals", Some(&body), StatusCode::CREATED);
    }
    let bytes = || {
        let (before, between, after) = (before?, between?, resident()?);
        Some((between.checked_sub(before)? / count, after.checked_sub(between)? / count))
    };
    let bytes = bytes();
    Filled { tenant, known, bytes, at: 0, made: count }
}

impl Filled {
    fn next(&mut self) -> usize {
        // A prime stride comes to every object before it comes to one again.
        self.at = (self.at + 7919) % self.known.len();
        self.at
    }

    fn timed(&self, method: &str, path: &str, body: Option<&str>, wanted: StatusCode) -> (Duration, String) {
        let started = Instant::now();
        let answer = send(&self.tenant, method, path, body, wanted);
        (started.elapsed(), answer)
    }

    fn get(&mut self, path: impl Fn(&Known) -> String) -> Duration {
        let at = self.next();
        let path = path(&self.known[at]);
        self.timed("GET", &path, None, StatusCode::OK).0
    }

    fn upsert(&mut self) -> Duration {
        let at = self.next();
        let path = format!("/applications(uniqueName='application-{}')", self.known[at].number);
        self.timed("PATCH", &path, Some(r#"{"notes":"again"}"#), StatusCode::NO_CONTENT).0
    }

    /// Creates an application, which then goes: the tenant keeps its size.
    fn create(&mut self) -> Duration {
        self.made += 1;
        let (elapsed, answer) = self.timed("POST", "/applications", Some(&application(self.made)), StatusCode::CREATED);
        self.remove(&text(&answer, "id"));
        elapsed
    }

    fn create_service_principal(&mut self) -> Duration {
        self.made += 1;
        let answer = send(&self.tenant, "POST", "/applications", Some(&application(self.made)), StatusCode::CREATED);
        let body = json!({"appId": text(&answer, "appId")}).to_string();
        let (elapsed, principal) = self.timed("POST", "/servicePrincipals", Some(&body), StatusCode::CREATED);
        self.remove(&text(&answer, "id"));
        send(&self.tenant, "DELETE", &deleted(&text(&principal, "id")), None, StatusCode::NO_CONTENT);
        elapsed
    }

    fn remove(&self, id: &str) {
        send(&self.tenant, "DELETE", &format!("/applications/{id}"), None, StatusCode::NO_CONTENT);
        send(&self.tenant, "DELETE", &deleted(id), None, StatusCode::NO_CONTENT);
    }

    /// Signs in for an API that is named by a URI.
    async fn sign_in(&mut self) -> Duration {
        let at = self.next();
        let caller = self.tenant.caller();
        let scope = format!("api://contoso.onmicrosoft.com/{}/.default", self.known[at].number);
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &caller.client_id.to_string())
            .append_pair("client_secret", caller.client_secret.expose_secret())
            .append_pair("scope", &scope)
            .finish();
        let request =
            Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", self.tenant.id()))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Bytes::from(form))
                .expect("the request has a method, a URI and a body");
        let started = Instant::now();
        let answer = self.tenant.send(request).await.expect("nothing goes wrong in this tenant");
        let elapsed = started.elapsed();
        assert_eq!(answer.status(), StatusCode::OK);
        elapsed
    }
}

fn deleted(id: &str) -> String {
    format!("/directory/deletedItems/{id}")
}

/// Operations by name; what is not an ordinary request is done by name in [`once`].
const OPERATIONS: [&str; 13] = [
    "get by id",
    "get by appId",
    "filter by appId",
    "filter by displayName",
    "filter by start of name",
    "filter by identifier URI",
    "service principal by appId",
    "list, $top=5",
    "upsert by uniqueName",
    "create application",
    "create service principal",
    "organization",
    "sign-in for an API by URI",
];

async fn once(operation: &str, on: &mut Filled) -> Duration {
    match operation {
        "get by id" => on.get(|app| format!("/applications/{}", app.id)),
        "get by appId" => on.get(|app| format!("/applications(appId='{}')", app.app_id)),
        "filter by appId" => on.get(|app| format!("/applications?$filter=appId%20eq%20'{}'", app.app_id)),
        "filter by displayName" => {
            on.get(|app| format!("/applications?$filter=displayName%20eq%20'Application%20{:06}'", app.number))
        }
        // Ten of them.
        "filter by start of name" => on.get(|app| {
            let start = app.number / 10;
            format!("/applications?$filter=startsWith(displayName,'Application%20{start:05}')")
        }),
        "filter by identifier URI" => on.get(|app| {
            format!(
                "/applications?$filter=identifierUris/any(x:x%20eq%20'api://contoso.onmicrosoft.com/{}')",
                app.number
            )
        }),
        "service principal by appId" => on.get(|app| format!("/servicePrincipals(appId='{}')", app.app_id)),
        "list, $top=5" => on.get(|_| "/applications?$top=5".to_owned()),
        "upsert by uniqueName" => on.upsert(),
        "create application" => on.create(),
        "create service principal" => on.create_service_principal(),
        "organization" => on.get(|_| "/organization".to_owned()),
        _ => on.sign_in().await,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The large one first: the process has not kept memory yet that it could use again.
    let mut large = filled(LARGE);
    let mut small = filled(SMALL);
    println!("{SMALL} and {LARGE} applications, each with its service principal");
    match large.bytes {
        Some((application, principal)) => {
            println!("memory: {application} bytes an application, {principal} a service principal (by VmRSS)");
        }
        None => println!("memory: this system does not tell"),
    }
    println!();
    println!("{:<28} {:>10} {:>10} {:>7}", "operation", SMALL, LARGE, "ratio");
    for operation in OPERATIONS {
        let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS + 3 {
            for _ in 0..TIMES {
                let few = once(operation, &mut small).await;
                let many = once(operation, &mut large).await;
                // The first rounds warm up what both share.
                if round >= 3 {
                    with_few.push(few);
                    with_many.push(many);
                }
            }
        }
        let (few, many) = (median(with_few), median(with_many));
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        let remark = if ratio > AIM { "  above the aim" } else { "" };
        println!("{operation:<28} {few:>10.1?} {many:>10.1?} {ratio:>7.2}{remark}");
    }
    println!("\naim: at most {AIM:.1}");
}
