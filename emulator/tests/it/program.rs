//! The emulator's server and flags, over real HTTP on loopback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entra_apps::bytes::Bytes;
use entra_apps::http::{Request, Response};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::transport::Transport;
use entra_emulator::{Fault, MemoryTenant, MemoryTenantBuilder, Throttling};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::StillClock;

#[path = "../../src/options.rs"]
#[allow(dead_code)] // the program reads more of them
mod options;

use entra_emulator::server::{Server, Site, welcome};
use options::Options;

fn builder() -> MemoryTenantBuilder {
    MemoryTenant::builder()
        .small_company()
        .seed(11)
        .clock(Arc::new(StillClock))
        .tick(Duration::ZERO)
        .base_url("http://emulator.test:8080")
}

async fn connect(server: &Server) -> Connection {
    Connection { stream: TcpStream::connect(server.address()).await.unwrap(), read: Vec::new() }
}

/// One connection of a client that knows just enough HTTP, so that nothing is done on the quiet.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it came over the wire, without the headers of the connection.
#[derive(Debug, PartialEq)]
struct Wire {
    status: u16,
    headers: BTreeMap<String, Vec<String>>,
    body: Vec<u8>,
}

impl Wire {
    fn of(response: &Response<Bytes>) -> Self {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in response.headers() {
            headers.entry(name.to_string()).or_default().push(value.to_str().unwrap().to_owned());
        }
        Self { status: response.status().as_u16(), headers, body: response.body().to_vec() }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|values| values[0].as_str())
    }
}

impl Connection {
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads one response; `None` when the connection ends before one begins. A response to a HEAD has no body.
    async fn try_receive(&mut self, has_body: bool) -> Option<Wire> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if self.more().await == 0 {
                assert!(self.read.is_empty(), "half an answer");
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.entry(name.to_lowercase()).or_default().push(value.to_owned());
        }
        assert!(!headers.contains_key("transfer-encoding"), "the length is known: {headers:?}");
        let length = headers.get("content-length").map_or(0, |length| length[0].parse().unwrap());
        let length = if has_body { length } else { 0 };
        while self.read.len() < length {
            assert!(self.more().await > 0, "the body is cut off");
        }
        Some(Wire { status, headers, body: self.read.drain(..length).collect() })
    }

    async fn receive(&mut self) -> Wire {
        self.try_receive(true).await.expect("an answer")
    }

    async fn more(&mut self) -> usize {
        // A connection that was cut off by the other side has ended.
        self.stream.read_buf(&mut self.read).await.unwrap_or(0)
    }

    /// Sends a request, and reads its response.
    async fn ask(&mut self, request: &Request<Bytes>) -> Wire {
        let path = request.uri().path_and_query().unwrap();
        let mut head = format!("{} {path} HTTP/1.1\r\nhost: elsewhere.test\r\n", request.method());
        for (name, value) in request.headers() {
            head.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
        }
        head.extend(["content-length: ", &request.body().len().to_string(), "\r\n\r\n"]);
        self.send(head.as_bytes()).await;
        self.send(request.body()).await;
        self.receive().await
    }
}

fn sign_in(tenant: &MemoryTenant) -> Request<Bytes> {
    let caller = tenant.caller();
    let secret: String =
        entra_apps::url::form_urlencoded::byte_serialize(caller.client_secret.expose_secret().as_bytes()).collect();
    Request::post(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant.id()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(format!(
            "grant_type=client_credentials&client_id={}&client_secret={secret}&scope=https://graph.microsoft.com/.default",
            caller.client_id
        )))
        .unwrap()
}

fn graph(method: &str, path: &str, token: &str, body: Option<Value>) -> Request<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://graph.microsoft.com/v1.0{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("client-request-id", "00000000-0000-0000-0000-0000000000aa");
    match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
        None => request.body(Bytes::new()),
    }
    .unwrap()
}

/// One list of requests, sent in the process and over the wire, one after the other.
struct Both {
    tenant: MemoryTenant,
    connection: Connection,
    token: String,
}

impl Both {
    async fn ask(&mut self, request: Request<Bytes>) -> Wire {
        let over_http = self.connection.ask(&request).await;
        let mut within = Wire::of(&self.tenant.send(request.clone()).await.unwrap());
        if within.status != 204 {
            within.headers.insert("content-length".to_owned(), vec![within.body.len().to_string()]);
        }
        assert_eq!(over_http, within, "{} {}", request.method(), request.uri());
        within
    }

    async fn graph(&mut self, method: &str, path: &str, body: Option<Value>) -> Wire {
        let request = graph(method, path, &self.token, body);
        self.ask(request).await
    }
}

#[tokio::test]
async fn http_and_the_process_respond_alike_from_the_same_seed() {
    let (here, there) = (builder().build(), builder().build());
    let server = Server::start(there.clone()).await.unwrap();
    let mut both = Both { connection: connect(&server).await, token: String::new(), tenant: here.clone() };
    let signed_in = both.ask(sign_in(&here)).await;
    assert_eq!(signed_in.status, 200);
    both.token = signed_in.json()["access_token"].as_str().unwrap().to_owned();

    let created = both.graph("POST", "/applications", Some(json!({"displayName": "App"}))).await;
    assert_eq!(created.status, 201);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let batch = json!({"requests": [
        {"id": "1", "method": "POST", "url": "/servicePrincipals", "headers": {"Content-Type": "application/json"},
            "body": {"appId": created.json()["appId"]}},
        {"id": "2", "method": "GET", "url": format!("/applications/{id}?$select=id")},
        {"id": "3", "method": "GET", "url": "/applications/00000000-0000-0000-0000-000000000001"},
    ]});
    for (method, path, body, status) in [
        ("GET", format!("/applications/{id}"), None, 200),
        ("PATCH", format!("/applications/{id}"), Some(json!({"notes": "n"})), 204),
        ("POST", format!("/applications/{id}/addPassword"), Some(json!({})), 200),
        ("POST", "/$batch".to_owned(), Some(batch), 200),
        ("GET", "/users?$filter=startsWith(displayName,'A')&$select=displayName".to_owned(), None, 200),
        ("GET", "/organization".to_owned(), None, 200),
        ("GET", "/applications/00000000-0000-0000-0000-000000000001".to_owned(), None, 404),
        ("GET", "/applications?$filter=nonsense".to_owned(), None, 400),
        ("POST", "/applications".to_owned(), Some(json!({"displayName": 1})), 400),
        ("PUT", "/applications".to_owned(), Some(json!({})), 405),
        ("GET", "/directory/deletedItems/microsoft.graph.device".to_owned(), None, 501),
        ("DELETE", format!("/applications/{id}"), None, 204),
    ] {
        assert_eq!(both.graph(method, &path, body).await.status, status, "{method} {path}");
    }
    let count = graph("GET", "/users/$count", &both.token, None);
    let (mut parts, body) = count.into_parts();
    parts.headers.insert("consistencylevel", "eventual".parse().unwrap());
    assert_eq!(both.ask(Request::from_parts(parts, body)).await.status, 200);
    for token in ["", "garbage", "a.b.c"] {
        assert_eq!(both.ask(graph("GET", "/organization", token, None)).await.status, 401);
    }
    let metadata = format!("https://graph.microsoft.com/{}/v2.0/.well-known/openid-configuration", here.id());
    assert_eq!(both.ask(Request::get(metadata).body(Bytes::new()).unwrap()).await.status, 200);

    // Pages, by their links.
    let mut path = "/servicePrincipals?$top=3&$select=id,displayName".to_owned();
    let mut pages = 0;
    loop {
        let page = both.graph("GET", &path, None).await.json();
        pages += 1;
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        path = link.strip_prefix("http://emulator.test:8080/v1.0").expect("the base URL").to_owned();
    }
    assert!(pages > 2, "{pages} pages");

    // What goes wrong goes wrong on both sides.
    for fault in [
        Fault::on("GET", "/organization").fails(503),
        Fault::on("GET", "/organization").malformed(502),
        Fault::on("GET", "/organization").oversized(1_000_000),
        Fault::on("GET", "/organization").body("{}"),
        Fault::on("GET", "/organization").next_link_to("evil.example"),
    ] {
        here.fault(fault.clone());
        there.fault(fault);
        both.graph("GET", "/organization", None).await;
    }
    for tenant in [&here, &there] {
        tenant.set_throttling(Throttling::of(1, Duration::from_secs(10)));
    }
    both.graph("GET", "/organization", None).await;
    let throttled = both.graph("GET", "/organization", None).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("10")));
    assert_eq!(here.snapshot().to_json(), there.snapshot().to_json(), "they end alike");
}

#[tokio::test]
async fn a_connection_carries_many_requests_and_a_request_may_come_in_pieces() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    let mut connection = connect(&server).await;
    let token = connection.ask(&sign_in(&tenant)).await.json()["access_token"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        assert_eq!(connection.ask(&graph("GET", "/organization", &token, None)).await.status, 200);
    }
    let head = format!(
        "POST /v1.0/applications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes()).await;
    for piece in [r#"{"display"#, r#"Name": "In"#, r#" pieces"}"#] {
        connection.send(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await;
    }
    connection.send(b"0\r\n\r\n").await;
    let created = connection.receive().await;
    assert_eq!((created.status, &created.json()["displayName"]), (201, &json!("In pieces")));
    // Two at once, on the same connection: the responses are in their order.
    let get = |path: &str| format!("GET /v1.0{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.send((get("/organization") + &get("/applications/nothing")).as_bytes()).await;
    assert_eq!([connection.receive().await.status, connection.receive().await.status], [200, 404]);
    let asked = tenant.requests();
    assert_eq!(asked.len(), 9, "{asked:?}");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    let mut connection = connect(&server).await;
    let token = connection.ask(&sign_in(&tenant)).await.json()["access_token"].as_str().unwrap().to_owned();
    let get = connection.ask(&graph("GET", "/organization", &token, None)).await;
    let head = format!("HEAD /v1.0/organization HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.send(head.as_bytes()).await;
    let head = connection.try_receive(false).await.unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, get.header("content-length")));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    assert_eq!(connection.ask(&graph("GET", "/organization", &token, None)).await.status, 200, "it goes on");
}

#[tokio::test]
async fn preflight_requests_get_a_response_on_loopback() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    let mut connection = connect(&server).await;
    connection.send(b"OPTIONS /v1.0/applications HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let response = connection.receive().await;
    assert_eq!(response.status, 204);
    assert_eq!(response.header("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    assert_eq!(response.header("access-control-allow-origin"), None);
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /v1.0/applications HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\naccess-control-request-method: PATCH\r\n\
             access-control-request-headers: authorization,content-type\r\n\r\n"
        )
    };
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("http://127.0.0.1:8080", true),
        ("https://[::1]:9", true),
        ("http://[::1]", true),
        ("http://localhost", true),
        ("http://localhost.evil.example", false),
        ("http://evil.example:80", false),
        ("http://127.0.0.1.evil.example:80", false),
        ("null", false),
    ] {
        connection.send(preflight(origin).as_bytes()).await;
        let response = connection.receive().await;
        assert_eq!(response.header("access-control-allow-origin"), allowed.then_some(origin), "{origin}");
        let headers = allowed.then_some("authorization,content-type");
        assert_eq!(response.header("access-control-allow-headers"), headers, "{origin}");
    }
    connection.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\norigin: http://localhost:1\r\n\r\n").await;
    let response = connection.receive().await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (401, Some("http://localhost:1")));
    assert!(tenant.requests().iter().all(|request| request.method != "OPTIONS"), "the tenant is not asked");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    let mut told = connect(&server).await;
    let head = format!("POST /v1.0/applications HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", (8 << 20) + 1);
    told.send(head.as_bytes()).await;
    let response = told.receive().await;
    assert_eq!((response.status, &response.json()["error"]["code"]), (413, &json!("RequestEntityTooLarge")));

    let mut untold = connect(&server).await;
    untold.send(b"POST /v1.0/applications HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let piece = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..8 {
        untold.send(&piece).await;
    }
    untold.send(b"1\r\n \r\n0\r\n\r\n").await;
    assert_eq!(untold.receive().await.status, 413);
    assert!(tenant.requests().is_empty(), "the tenant sees none of it");
}

#[tokio::test]
async fn fifty_clients_at_once_are_all_served() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (mut connection, sign_in) = (connect(&server).await, sign_in(&tenant));
        clients.spawn(async move {
            let token = connection.ask(&sign_in).await.json()["access_token"].as_str().unwrap().to_owned();
            let body = json!({"displayName": format!("App {number}")});
            let app = connection.ask(&graph("POST", "/applications", &token, Some(body.clone()))).await;
            let path = format!("/applications/{}", app.json()["id"].as_str().unwrap());
            let read = connection.ask(&graph("GET", &path, &token, None)).await;
            assert_eq!(read.json()["displayName"], body["displayName"]);
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let named = tenant.applications().into_iter().filter(|app| app.display_name.starts_with("App "));
    assert_eq!(named.count(), 50);
}

/// A tenant whose responses wait until they are released.
#[derive(Clone, Debug)]
struct Gate {
    tenant: MemoryTenant,
    arrived: Arc<tokio::sync::Semaphore>,
    open: Arc<tokio::sync::Semaphore>,
}

#[entra_apps::async_trait]
impl Transport for Gate {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, entra_apps::transport::TransportError> {
        self.arrived.add_permits(1);
        drop(self.open.acquire().await);
        self.tenant.send(request).await
    }
}

fn gate() -> Gate {
    let semaphore = || Arc::new(tokio::sync::Semaphore::new(0));
    Gate { tenant: builder().build(), arrived: semaphore(), open: semaphore() }
}

#[tokio::test]
async fn a_server_that_stops_answers_what_is_running_and_lets_nobody_in() {
    let gate = gate();
    let server = Server::start(gate.clone()).await.unwrap();
    let (mut running, mut idle) = (connect(&server).await, connect(&server).await);
    running.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\n\r\n").await;
    drop(gate.arrived.acquire().await.unwrap());
    let address = server.address();
    let stopped = tokio::spawn(server.stop());
    assert!(idle.try_receive(true).await.is_none(), "who asks for nothing is sent away");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in");
    gate.open.add_permits(1);
    assert_eq!(running.receive().await.status, 401);
    assert!(running.try_receive(true).await.is_none(), "the connection ends with the answer");
    assert_eq!(stopped.await.unwrap(), 0, "nothing was cut off");
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_ever() {
    let gate = gate();
    let server = Server::start(gate.clone()).await.unwrap();
    let mut running = connect(&server).await;
    running.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\n\r\n").await;
    drop(gate.arrived.acquire().await.unwrap());
    assert_eq!(server.stop().await, 1);
    assert!(running.try_receive(true).await.is_none());
}

#[tokio::test]
async fn a_fault_of_the_connection_ends_it_without_an_answer() {
    let tenant = builder().build();
    let server = Server::start(tenant.clone()).await.unwrap();
    tenant.fault(Fault::on("GET", "/organization").response_lost());
    let mut connection = connect(&server).await;
    connection.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(connection.try_receive(true).await.is_none());
    // A client that goes away lets a request go that hangs.
    tenant.fault(Fault::on("GET", "/organization").hangs());
    let mut connection = connect(&server).await;
    connection.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\n\r\n").await;
    while tenant.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(connection);
    while tenant.requests()[1].ended.is_none() {
        tokio::task::yield_now().await;
    }
}

fn parse(arguments: &[&str]) -> Result<Option<Options>, String> {
    Options::parse(arguments.iter().map(std::ffi::OsString::from))
}

#[tokio::test]
async fn the_flags_describe_tenants() {
    let options = |arguments: &[&str]| parse(arguments).unwrap().unwrap();
    let plain = options(&[]).cloud();
    let same = MemoryTenant::new();
    assert_eq!(plain.tenants()[0].id(), same.id());
    assert_eq!(plain.tenants()[0].caller().client_id, same.caller().client_id);
    let cloud = options(&["--cloud", "3", "--seed", "5", "--port", "0", "--small-company"]).cloud();
    let domains: Vec<_> = cloud.tenants().iter().map(MemoryTenant::domain).collect();
    assert_eq!(domains[1..], ["tenant2.onmicrosoft.com", "tenant3.onmicrosoft.com"]);
    assert_eq!(cloud.tenants()[0].users().len(), 5);
    let again = options(&["--cloud=3", "--seed=5"]).cloud();
    assert_eq!(cloud.tenants()[2].id(), again.tenants()[2].id());
    assert_ne!(cloud.tenants()[2].id(), options(&["--cloud=3"]).cloud().tenants()[2].id());
    let partner = options(&["--partner", "2"]).cloud();
    let relationships = partner.tenants()[0].delegated_admin_relationships();
    assert_eq!((partner.tenants().len(), relationships.len()), (3, 2));
    assert_eq!(relationships[1].customer, Some(partner.tenants()[2].id()));
    assert!(parse(&["--help", "--nonsense"]).unwrap().is_none());
}

#[tokio::test]
async fn the_named_user_signs_in_automatically() {
    let options = |arguments: &[&str]| parse(arguments).unwrap().unwrap();
    let named = options(&["--small-company", "--as", "Ada.Lovelace@contoso.onmicrosoft.com"]);
    assert_eq!(named.sign_in(&named.cloud()), Ok(()));
    let nobody = options(&["--as=ada@nowhere.example"]);
    let error = nobody.sign_in(&nobody.cloud()).unwrap_err();
    assert!(error.starts_with("--as: there is no ada@nowhere.example: there is nobody; --small-company"), "{error}");
    let other = options(&["--partner=1", "--as=ada@nowhere.example"]);
    assert!(other.sign_in(&other.cloud()).unwrap_err().contains("admin.agent@"));
}

#[tokio::test]
async fn a_tenant_without_users_gets_the_named_one() {
    let options = |arguments: &[&str]| parse(arguments).unwrap().unwrap();
    let named = options(&["--as", "Grace.Brewster.Hopper@Contoso.onmicrosoft.com"]);
    let cloud = named.cloud();
    named.sign_in(&cloud).unwrap();
    let people = cloud.tenants()[0].users();
    assert_eq!(people.len(), 1, "{people:?}");
    assert_eq!(people[0].display_name, "Grace Brewster Hopper");
    // What was there before is as it was.
    assert_eq!(cloud.tenants()[0].caller().client_id, MemoryTenant::new().caller().client_id);
}

#[tokio::test]
async fn the_root_returns_the_first_line() {
    let cloud = parse(&["--cloud=2", "--small-company"]).unwrap().unwrap().cloud();
    let caller = cloud.tenants()[0].caller();
    let welcome = welcome("http://127.0.0.1:1", &cloud, true);
    let server = Server::start(Site::new(cloud, &welcome)).await.unwrap();
    let mut connection = connect(&server).await;
    connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let response = connection.receive().await;
    assert_eq!((response.status, response.json()), (200, welcome.clone()));
    assert_eq!(welcome["clientId"], json!(caller.client_id));
    assert_eq!(welcome["tenants"].as_array().unwrap().len(), 2);
    connection.send(b"GET /v1.0/organization HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(connection.receive().await.status, 401, "all else is the tenants'");
}

#[tokio::test]
async fn the_first_line_of_a_partner_says_who_signs_in_and_to_which_app() {
    let cloud = parse(&["--partner=2"]).unwrap().unwrap().cloud();
    let said = welcome("http://127.0.0.1:1", &cloud, true);
    assert_eq!(said["userPrincipalName"], "admin.agent@contoso.onmicrosoft.com");
    assert_eq!(said["publicClientId"], "14d82eec-204b-4c2f-b7e8-296a70dab67e");
    let plain = parse(&[]).unwrap().unwrap().cloud();
    assert!(welcome("http://127.0.0.1:1", &plain, false).get("userPrincipalName").is_none());
}

#[tokio::test]
async fn a_wrong_flag_says_what_to_do() {
    for (arguments, expected) in [
        (vec!["--prot", "1"], "there is no flag --prot; --help lists them"),
        (vec!["8080"], "unexpected argument \"8080\"; --help lists the flags"),
        (vec!["--port"], "--port needs a value; --help says which"),
        (vec!["--port", "70000"], "--port needs a number up to 65535"),
        (vec!["--cloud", "0"], "--cloud needs a number from 1 to 100, and 0 is none"),
        (vec!["--cloud=2", "--partner=2"], "--cloud and --partner exclude each other: give one of them"),
        (vec!["--lag-ms", "2s"], "--lag-ms needs a number of milliseconds, and 2s is none"),
        (
            vec!["--throttle=5"],
            "--throttle=5 says no limit: expected units/seconds, such as --throttle=200/10, or --throttle alone",
        ),
        (
            vec!["--base-url", "localhost"],
            "--base-url needs an absolute URL such as http://localhost:8080, and localhost is none",
        ),
    ] {
        assert_eq!(parse(&arguments).unwrap_err(), expected);
    }
    let missing = parse(&["--faults", "/nowhere/faults.json"]).unwrap_err();
    assert!(missing.starts_with("--faults needs a file of faults; /nowhere/faults.json cannot be read: "), "{missing}");
    let no_pem = parse(&["--certificate", "Cargo.toml"]).unwrap().unwrap();
    let error = no_pem.sign_in(&no_pem.cloud()).unwrap_err();
    assert_eq!(error, "--certificate: Cargo.toml: it holds no BEGIN CERTIFICATE");
    let missing = parse(&["--seed", "seven"]).unwrap_err();
    assert!(missing.starts_with("--seed needs a number or a snapshot; seven cannot be read: "), "{missing}");
}
