//! The examples: their flags, their files, and the ways to sign in that they offer, against the emulator over HTTP.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entra_apps::clock::{Clock, Sleep};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::OffsetDateTime;
use entra_emulator::server::{Server, Site, welcome};
use entra_emulator::{MemoryCloud, MemoryTenant};
use serde_json::Value;

use crate::support::guides;
use crate::support::{StillClock, TODAY};

#[allow(dead_code, unused_imports)] // the examples use more of it
#[path = "../../examples/support/mod.rs"]
mod example;

#[allow(dead_code)] // a test has a `main` of its own
#[path = "../../examples/redirect_uri_fix.rs"]
mod redirect_uri_fix;

mod rotation_job;

use example::Failure;
use example::access::Access;
use example::connect::{Connection, SignedIn};
use example::token_file::TokenFile;
use example::ways::Way;

/// Between two questions nobody waits: the time passes at once. What would take longer never ends, for the answer comes.
#[derive(Debug, Default)]
struct Impatient(Mutex<Duration>);

impl Clock for Impatient {
    fn now(&self) -> OffsetDateTime {
        TODAY
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if duration > Duration::from_secs(6) {
            return Box::pin(std::future::pending());
        }
        *self.0.lock().unwrap() += duration;
        Box::pin(std::future::ready(()))
    }
}

struct Emulated {
    tenant: MemoryTenant,
    server: Server,
}

impl Emulated {
    /// The emulator, as `--small-company` and `--as` with this name.
    async fn signing_in(name: &str) -> Self {
        let builder = MemoryTenant::builder()
            .deny_foreign_requests()
            .small_company()
            .clock(Arc::new(StillClock))
            .tick(Duration::ZERO);
        let cloud = MemoryCloud::new([builder]);
        let tenant = cloud.tenants()[0].clone();
        let person = tenant.users().into_iter().find(|user| user.display_name == name).expect("the company has them");
        tenant.auto_sign_in(Some(&person));
        let welcome = welcome("", &cloud, false);
        Self { tenant, server: Server::start(Site::new(cloud, &welcome)).await.unwrap() }
    }

    fn access(&self, way: Way) -> Access {
        Access { emulator: Some(format!("http://{}", self.server.address())), way, ..Access::default() }
    }

    async fn sign_in(&self, way: Way) -> Result<SignedIn, Failure> {
        sign_in(&self.access(way), &|_| None).await
    }
}

async fn sign_in(access: &Access, variable: &dyn Fn(&str) -> Option<String>) -> Result<SignedIn, Failure> {
    let connection = Connection::with_environment(access, variable).await?.clock(Arc::new(Impatient::default()));
    let client = connection.builder()?.token_provider(connection.provider(access.way)?).build()?;
    connection.sign_in(client).await
}

/// Does the four vendors' jobs.
async fn do_the_jobs(signed_in: &SignedIn) {
    assert_eq!(signed_in.tenant.domain.as_deref(), Some("contoso.onmicrosoft.com"));
    assert_eq!(signed_in.tenant.display_name.as_deref(), Some("Contoso"));
    let client = &signed_in.client;
    for (name, guide) in guides::all() {
        let plan = client.plan(&guide).await.unwrap();
        client.apply(&plan).approve_all().await.unwrap();
        assert!(client.plan(&guide).await.unwrap().is_converged(), "{name}");
    }
}

#[tokio::test]
async fn an_app_does_the_jobs_with_its_secret() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    for way in [Way::Secret, Way::Chain] {
        let signed_in = emulated.sign_in(way).await.unwrap();
        assert_eq!(signed_in.who.is_person(), Some(false));
        assert!(signed_in.who.roles().contains(&"Application.ReadWrite.All"));
        do_the_jobs(&signed_in).await;
    }
}

#[tokio::test]
async fn a_person_does_the_jobs_with_a_device_code() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let signed_in = emulated.sign_in(Way::DeviceCode).await.unwrap();
    let told = signed_in.who.to_json();
    assert_eq!((&told["kind"], &told["userName"]), (&"person".into(), &"ada.lovelace@contoso.onmicrosoft.com".into()));
    assert_eq!((&told["directoryRoles"][0], &told["mfa"]), (&"Global Administrator".into(), &true.into()));
    assert!(!told.to_string().contains("eyJ"), "no token is shown: {told}");
    do_the_jobs(&signed_in).await;
    let sign_ins = emulated.tenant.requests().iter().filter(|it| it.path.ends_with("/devicecode")).count();
    assert_eq!(sign_ins, 1, "the person is asked once");
}

#[tokio::test]
async fn a_persons_own_tenant_is_found() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    for tenant in ["organizations", "contoso.onmicrosoft.com"] {
        let access = Access { tenant: Some(tenant.to_owned()), ..emulated.access(Way::DeviceCode) };
        let signed_in = sign_in(&access, &|_| None).await.unwrap();
        assert_eq!(signed_in.tenant.id, emulated.tenant.id().to_string());
        do_the_jobs(&signed_in).await;
    }
}

#[cfg(feature = "browser")]
#[tokio::test]
async fn a_person_does_the_jobs_with_the_browser() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let signed_in = emulated.sign_in(Way::Browser).await.unwrap();
    assert_eq!(signed_in.who.is_person(), Some(true));
    do_the_jobs(&signed_in).await;
}

#[cfg(feature = "certificate")]
#[tokio::test]
async fn an_app_does_the_jobs_with_a_certificate() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let file = std::env::temp_dir().join(format!("entra-apps-certificate-{}.pem", std::process::id()));
    let pem = {
        use base64::Engine as _;
        let part = |name: &str, der: &[u8]| {
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
        };
        part("CERTIFICATE", include_bytes!("../../emulator/certificates/one.der"))
            + &part("PRIVATE KEY", include_bytes!("../../emulator/certificates/one.key.der"))
    };
    std::fs::write(&file, &pem).unwrap();
    emulated.tenant.trust_certificate(&pem).unwrap();
    let access = Access { certificate: Some(file.display().to_string()), ..emulated.access(Way::Certificate) };
    let signed_in = sign_in(&access, &|_| None).await;
    std::fs::remove_file(&file).unwrap();
    do_the_jobs(&signed_in.unwrap()).await;
}

#[tokio::test]
async fn a_sign_in_is_kept_for_the_next_run() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let file = std::env::temp_dir().join(format!("entra-apps-refresh-token-{}", std::process::id()));
    let access = |way| Access { refresh_token: Some(file.display().to_string()), ..emulated.access(way) };
    sign_in(&access(Way::DeviceCode), &|_| None).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    emulated.tenant.auto_sign_in(None);
    let again = sign_in(&access(Way::RefreshToken), &|_| None).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(again.unwrap().who.is_person(), Some(true));
}

#[tokio::test]
async fn who_may_not_is_told_before() {
    let emulated = Emulated::signing_in("Alan Turing").await;
    let signed_in = emulated.sign_in(Way::DeviceCode).await.unwrap();
    assert_eq!(signed_in.who.directory_roles(), Vec::<String>::new());
    let preflight = signed_in.client.preflight(&guides::patch_my_pc::registration()).await.unwrap();
    assert!(
        preflight.likely_refused().any(|check| check.id.kind() == entra_apps::provision::StepKind::PERMISSION_GRANTED),
        "{preflight}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let secret = emulated.tenant.caller().client_secret;
    let failed = async |access: &Access, variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        let failure = sign_in(access, &variable).await.err().expect("it fails");
        assert!(!failure.remedy.is_empty(), "{failure:?}");
        assert!(!format!("{failure:?}").contains(secret.expose_secret()));
        failure
    };
    let here = emulated.access(Way::Secret);
    let another = "11111111-1111-1111-1111-111111111111";
    for (variables, code, said) in [
        ([("ENTRA_CLIENT_SECRET", "wrong")], "wrong_secret", "ENTRA_CLIENT_SECRET"),
        ([("ENTRA_CLIENT_SECRET", another)], "secret_id_instead_of_value", "copy its Value"),
        ([("ENTRA_CLIENT_ID", another)], "app_not_in_tenant", "--client-id"),
        ([("ENTRA_CLIENT_ID", "nonsense")], "invalid_client_id", "Application (client) ID"),
        ([("ENTRA_TENANT_ID", "contosso.example")], "unknown_tenant", "--tenant"),
    ] {
        let failure = failed(&here, &variables).await;
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(failure.remedy.to_lowercase().contains(&said.to_lowercase()), "{failure:?}");
    }
    // Bound and dropped: nobody listens on it.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = failed(&Access { emulator: Some(format!("http://{nobody}")), ..Access::default() }, &[]).await;
    assert_eq!(failure.code, "no_emulator");
    assert!(failure.remedy.contains(&format!("-p entra-emulator -- --port {}", nobody.port())), "{failure:?}");
    // A real tenant, of which nothing is known: nothing is sent.
    for (way, said) in [
        (Way::Secret, "ENTRA_CLIENT_SECRET"),
        (Way::Certificate, if cfg!(feature = "certificate") { "ENTRA_CLIENT_ID" } else { "--features certificate" }),
        (Way::AzureCli, if cfg!(feature = "azure-cli") { "ENTRA_TENANT_ID" } else { "--features azure-cli" }),
        (Way::Browser, if cfg!(feature = "browser") { "" } else { "--features browser" }),
        (Way::AssertionFile, "AZURE_FEDERATED_TOKEN_FILE"),
        (Way::RefreshToken, "--refresh-token"),
    ] {
        if said.is_empty() {
            continue;
        }
        let failure = failed(&Access { live: true, way, ..Access::default() }, &[]).await;
        assert!(format!("{} {}", failure.message, failure.remedy).contains(said), "{failure:?}");
    }
    assert_eq!(failed(&emulated.access(Way::ManagedIdentity), &[]).await.code, "real_tenant_only");
    assert!(Way::parse("Device-Code").is_ok());
    let unknown = Way::parse("password").unwrap_err();
    assert!(unknown.contains("\"password\"") && unknown.contains("device-code"), "{unknown}");
}

/// Runs a guide's example in memory, by these flags: its JSON, and its exit code.
macro_rules! run {
    ($guide:ident, $flags:expr, $arguments:expr) => {{
        use guides::$guide::support;
        let arguments = ["--json"].iter().chain($arguments).map(std::ffi::OsString::from);
        let access = support::access::Access::default();
        let output = support::run(arguments, access, $flags, guides::$guide::run).await.expect("nobody asked for help");
        (output.to_json(), output.exit_code())
    }};
}

async fn immybot(arguments: &[&str]) -> (Value, u8) {
    run!(immybot, guides::immybot::FLAGS, arguments)
}

async fn netwrix(arguments: &[&str]) -> (Value, u8) {
    run!(netwrix, guides::netwrix::FLAGS, arguments)
}

/// A folder that ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("entra-apps-examples-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_secret_goes_to_a_file_of_its_owner() {
    let folder = Folder::new("secret");
    let (told, code) = immybot(&["--secret-file", &folder.path("secret.json")]).await;
    assert_eq!((code, &told["error"]), (0, &Value::Null));
    let stored = folder.json("secret.json");
    for (ours, theirs) in [("tenantId", &told["tenant"]["id"]), ("clientId", &told["app"]["appId"])] {
        assert_eq!(&stored[ours], theirs);
    }
    let [secret] = &told["secrets"].as_array().unwrap()[..] else { panic!("one secret: {told}") };
    assert_eq!((&secret["file"], &secret["keyId"]), (&folder.path("secret.json").into(), &stored["keyId"]));
    let value = stored["clientSecret"].as_str().unwrap();
    assert!(value.len() > 30 && !told.to_string().contains(value), "it is in the file alone");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::metadata(folder.path("secret.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_secret_is_shown_on_request() {
    let folder = Folder::new("shown");
    let (told, code) = immybot(&["--show-secret", "--secret-file", &folder.path("secret.json")]).await;
    assert_eq!(code, 0);
    assert_eq!(told["secrets"][0]["value"], folder.json("secret.json")["clientSecret"]);
}

#[tokio::test]
async fn without_a_path_each_secret_has_a_file_of_its_own() {
    let mut files = Vec::new();
    for _ in 0..2 {
        let (told, code) = immybot(&["--once"]).await;
        assert_eq!(code, 0, "{told}");
        files.push(PathBuf::from(told["secrets"][0]["file"].as_str().unwrap()));
    }
    let are_there = files.iter().all(|file| file.is_file());
    for file in &files {
        std::fs::remove_file(file).unwrap();
    }
    assert!(are_there && files[0] != files[1], "{files:?}");
}

#[tokio::test]
async fn a_file_that_is_there_is_not_overwritten() {
    let folder = Folder::new("there");
    std::fs::write(folder.path("there"), "another secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path("target"), folder.path("link")).unwrap();
    for name in ["there", "link"] {
        if !folder.0.join(name).is_symlink() && name == "link" {
            continue;
        }
        let (told, code) = immybot(&["--secret-file", &folder.path(name)]).await;
        assert_eq!((code, &told["error"]["code"]), (1, &"file_exists".into()), "{told}");
        assert!(told["error"]["remedy"].as_str().unwrap().contains("--secret-file"), "{told}");
        assert_eq!((&told["app"], &told["runs"][0]["writes"]), (&Value::Null, &0.into()), "nothing is written");
    }
    assert_eq!(std::fs::read_to_string(folder.path("there")).unwrap(), "another secret");
    assert!(!folder.0.join("target").exists(), "a link is not followed");
    let (told, code) = immybot(&["--secret-file", &folder.path("missing/secret.json")]).await;
    assert_eq!((code, &told["error"]["code"]), (1, &"no_folder".into()), "{told}");
    // A folder that takes no new files, whoever writes.
    if cfg!(target_os = "linux") {
        let (told, code) = immybot(&["--secret-file", "/proc/secret.json"]).await;
        assert_eq!((code, &told["error"]["code"]), (1, &"folder_not_writable".into()), "{told}");
        assert!(told["error"]["remedy"].as_str().unwrap().contains("--secret-file"), "{told}");
        assert_eq!((&told["app"], &told["runs"][0]["writes"]), (&Value::Null, &0.into()), "nothing is written");
    }
    let (told, code) = immybot(&["--secret-file", ""]).await;
    assert_eq!((code, &told["error"]["code"]), (1, &"no_file".into()), "{told}");
    assert_eq!(&told["runs"][0]["writes"], &0, "nothing is written");
}

#[tokio::test]
async fn the_agent_of_netwrix_finds_its_three_values() {
    let folder = Folder::new("netwrix");
    let (told, code) = netwrix(&["--settings", &folder.path("fragment.json"), "--once"]).await;
    assert_eq!(code, 0, "{told}");
    let connection = &folder.json("fragment.json")["Connections"]["MicrosoftEntraID"];
    assert_eq!((&connection["ApplicationId"], &connection["TenantId"]), (&told["app"]["appId"], &told["tenant"]["id"]));
    assert!(connection["ApplicationKey"].as_str().unwrap().len() > 30);
    let file = folder.path("two");
    let (told, code) = netwrix(&["--settings", &file, "--environment", &file]).await;
    assert_eq!((code, &told["error"]["code"]), (1, &"two_places".into()));
}

#[tokio::test]
async fn two_runs_show_that_the_second_changes_nothing_and_once_is_one() {
    let folder = Folder::new("runs");
    let (told, code) = immybot(&["--secret-file", &folder.path("two.json")]).await;
    let [first, second] = &told["runs"].as_array().unwrap()[..] else { panic!("two runs: {told}") };
    assert_eq!((code, &first["requests"], &first["roundTrips"]), (0, &4.into(), &4.into()));
    assert_eq!((&second["changes"], &second["writes"]), (&0.into(), &0.into()));
    assert!(told["checklist"].as_array().unwrap().iter().any(|item| item["code"] == "registered"));
    let (told, code) = immybot(&["--once", "--secret-file", &folder.path("one.json")]).await;
    assert_eq!((code, told["runs"].as_array().unwrap().len()), (0, 1));
    assert_eq!((&told["runs"][0], &told["checklist"]), (first, &serde_json::json!([])));
}

#[tokio::test]
async fn a_plan_changes_nothing_and_is_shown_step_by_step() {
    let (told, code) = immybot(&["--plan", "--task", "Join AzureAD"]).await;
    assert_eq!((code, &told["app"], &told["secrets"]), (0, &Value::Null, &serde_json::json!([])));
    let [run] = &told["runs"].as_array().unwrap()[..] else { panic!("one run: {told}") };
    assert_eq!(run["writes"], 0);
    let steps = told["plan"].as_array().unwrap();
    let added = |code: &str| steps.iter().any(|step| step["code"] == code && step["action"] == "add");
    assert!(added("registered") && added("secret:ImmyBot"), "{told}");
    assert!(added("permission_granted:DeviceManagementManagedDevices.ReadWrite.All:application"), "{told}");
    assert_eq!(run["changes"], steps.iter().filter(|step| step["action"] == "add").count());
}

#[tokio::test]
async fn an_exit_code_says_whose_fault_it_is() {
    for (arguments, code, error, said) in [
        (&["--plam"][..], 2, "bad_flag", "--help"),
        (&["--plan", "--once"], 2, "bad_flag", "--help"),
        (&["--adopt", "nonsense"], 2, "bad_flag", "--help"),
        (&["--task", "Mow the lawn"], 1, "unknown_purpose", "--task"),
        (&["--domain", "a b"], 1, "invalid_domain", "--domain"),
        (&["--adopt", "11111111-1111-1111-1111-111111111111"], 1, "adopted_app_not_found", "--adopt"),
    ] {
        let (told, exit) = immybot(arguments).await;
        assert_eq!(exit, code, "{arguments:?}: {told}");
        assert_eq!(told["error"]["code"], error, "{told}");
        assert!(told["error"]["remedy"].as_str().unwrap().contains(said), "{arguments:?}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_nobody_completes_ends_with_the_deadline() {
    use entra_apps::clock::TokioClock;
    use entra_apps::token::{AccessToken, TokenProvider, TokenRequest};
    use entra_apps::{BoxError, async_trait};

    /// Never comes back, and would outlast any deadline of the client's own.
    #[derive(Debug)]
    struct Nobody;

    #[async_trait]
    impl TokenProvider for Nobody {
        async fn token(&self, _: &TokenRequest) -> Result<AccessToken, BoxError> {
            std::future::pending().await
        }
    }

    let access = Access { deadline: Some(90), ..Access::default() };
    let connection = Connection::with_environment(&access, &|_| None).await.unwrap();
    let connection = connection.clock(Arc::new(TokioClock::starting_at(TODAY)));
    let client = connection.builder().unwrap().token_provider(Arc::new(Nobody)).build().unwrap();
    let start = tokio::time::Instant::now();
    let failure = connection.sign_in(client).await.map(|_| ()).unwrap_err();
    assert_eq!(failure.to_json()["code"], "deadline_exceeded");
    assert_eq!(start.elapsed(), Duration::from_secs(90));
}

#[tokio::test]
async fn a_file_for_the_sign_in_that_has_no_folder_is_known_before_anybody_signs_in() {
    for way in [Way::DeviceCode, Way::RefreshToken, Way::Chain] {
        let file = Some("no-such-folder/token".to_owned());
        let access = Access { refresh_token: file, way, ..Access::default() };
        let connection = Connection::with_environment(&access, &|_| None).await.unwrap();
        let failure = connection.provider(way).map(drop).unwrap_err().to_json();
        assert_eq!(failure["code"], "no_folder", "{failure}");
        assert!(failure["remedy"].as_str().unwrap().contains("--refresh-token FILE"), "{failure}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_goes_into_no_file_that_is_there_already() {
    use std::os::unix::fs::PermissionsExt as _;

    use entra_apps::auth::RefreshTokenStore as _;
    use entra_apps::secrecy::SecretString;

    let folder = std::env::temp_dir().join(format!("entra-apps-token-file-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name);
    let is_ours = |name: &str| {
        let found = path(name).symlink_metadata().unwrap();
        found.is_file() && found.permissions().mode() & 0o777 == 0o600
    };
    // Somebody else has made the file before, open to all, or a link that leads elsewhere.
    std::fs::write(path("elsewhere"), "as it was").unwrap();
    std::os::unix::fs::symlink(path("elsewhere"), path("linked")).unwrap();
    std::os::unix::fs::symlink(path("elsewhere"), path("token.new")).unwrap();
    std::fs::write(path("open"), "old").unwrap();
    std::fs::set_permissions(path("open"), std::fs::Permissions::from_mode(0o666)).unwrap();
    for name in ["token", "open", "linked"] {
        let file = TokenFile::new(path(name));
        file.store(&SecretString::from("first")).await.unwrap();
        file.store(&SecretString::from("second")).await.unwrap();
        assert!(is_ours(name), "{name}");
        assert_eq!(file.load().await.unwrap().unwrap().expose_secret(), "second");
    }
    assert_eq!(std::fs::read_to_string(path("elsewhere")).unwrap(), "as it was");
    let mut left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["elsewhere", "linked", "open", "token", "token.new"], "nothing is left beside it");
    let nowhere = TokenFile::new(path("no/folder/token"));
    assert!(nowhere.store(&SecretString::from("first")).await.is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Runs the example that mends a redirect URI: its JSON, and its exit code.
async fn fix(emulator: Option<&Emulated>, arguments: &[&str]) -> (Value, u8) {
    use redirect_uri_fix::support;
    let emulator = emulator.map(|it| format!("http://{}", it.server.address()));
    let access = support::access::Access { emulator, ..support::access::Access::default() };
    let arguments = ["--json"].iter().chain(arguments).map(std::ffi::OsString::from);
    let output = support::run(arguments, access, redirect_uri_fix::FLAGS, redirect_uri_fix::run).await;
    let output = output.expect("nobody asked for help");
    (output.to_json(), output.exit_code())
}

const CALLBACK: &str = "https://contoso.immy.bot/consent-callback";

fn mismatch(app: &str, uri: &str) -> String {
    format!(
        "AADSTS50011: The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the \
         application '{app}'. Make sure the redirect URI sent in the request matches one added to your application."
    )
}

#[tokio::test]
async fn a_missing_redirect_uri_is_added_by_the_message_of_the_sign_in_page() {
    let (told, code) = fix(None, &[]).await;
    assert_eq!((code, &told["error"]), (0, &Value::Null), "{told}");
    assert_eq!(
        (&told["mismatch"]["redirectUri"], &told["mismatch"]["differences"]),
        (&CALLBACK.into(), &serde_json::json!([]))
    );
    assert_eq!(told["mismatch"]["appId"], told["app"]["appId"]);
    assert_eq!(changed(&told), [format!("redirect_uri:web:{CALLBACK}")], "nothing else is changed: {told}");
    let [first, second] = &told["runs"].as_array().unwrap()[..] else { panic!("two runs: {told}") };
    assert_eq!((&first["writes"], &second["writes"]), (&1.into(), &0.into()));
    let (told, code) = fix(None, &["--plan"]).await;
    assert_eq!((code, &told["runs"][0]["writes"], &told["app"]), (0, &0.into(), &Value::Null), "{told}");
}

/// The steps of a plan that change something.
fn changed(told: &Value) -> Vec<Value> {
    let changes = |step: &&Value| step["action"] == "add" || step["action"] == "change";
    told["plan"].as_array().unwrap().iter().filter(changes).map(|step| step["code"].clone()).collect()
}

/// An app with a redirect URI of another domain, in a tenant that is reached over HTTP, and what it has under each platform.
fn app_in(emulated: &Emulated, body: &str) -> String {
    let (status, app) = emulated.tenant.send_json("PATCH", "/applications(uniqueName='immybot-custom')", Some(body));
    assert!(status.is_success(), "{app}");
    let (_, app) = emulated.tenant.send_json("GET", "/applications(uniqueName='immybot-custom')", None);
    let app: Value = serde_json::from_str(&app).unwrap();
    let id = app["appId"].as_str().unwrap().to_owned();
    emulated.tenant.send_json("POST", "/servicePrincipals", Some(&serde_json::json!({ "appId": id }).to_string()));
    id
}

fn uris(emulated: &Emulated) -> [Vec<String>; 3] {
    let (_, app) = emulated.tenant.send_json("GET", "/applications(uniqueName='immybot-custom')", None);
    let app: Value = serde_json::from_str(&app).unwrap();
    ["web", "spa", "publicClient"].map(|platform| {
        let uris = app[platform]["redirectUris"].as_array().unwrap().iter();
        uris.map(|uri| uri.as_str().unwrap().to_owned()).collect()
    })
}

#[tokio::test]
async fn a_message_is_not_trusted() {
    let emulated = Emulated::signing_in("Ada Lovelace").await;
    let app = app_in(
        &emulated,
        r#"{"displayName": "ImmyBot", "signInAudience": "AzureADMultipleOrgs", "web": {"redirectUris": ["https://other.example/"]}}"#,
    );
    let before = uris(&emulated);
    let evil = "https://contoso.immy.bot.evil.example/consent-callback";
    let other = "11111111-1111-1111-1111-111111111111";
    for (message, more, code, said) in [
        (mismatch(&app, evil), vec![], "unexpected_uri", "host contoso.immy.bot.evil.example"),
        (mismatch(&app, "http://contoso.immy.bot/consent-callback"), vec![], "unexpected_uri", "scheme http instead"),
        (
            mismatch(&app, "https://contoso.immy.bot/Consent-Callback"),
            vec![],
            "unexpected_uri",
            "path /Consent-Callback",
        ),
        (
            mismatch(&app, "https://contoso.immy.bot/consent-callback/"),
            vec![],
            "unexpected_uri",
            "path /consent-callback/",
        ),
        (mismatch(&app, "https://contoso.immy.bot:8443/consent-callback"), vec![], "unexpected_uri", "port 8443"),
        (
            mismatch(&app, "https://contoso.immy.bot@evil.example/consent-callback"),
            vec![],
            "unexpected_uri",
            "user name",
        ),
        (mismatch(&app, "https://contos\u{43e}.immy.bot/consent-callback"), vec![], "unexpected_uri", "contos\\u{43e}"),
        (mismatch(&app, "HTTPS://contoso.immy.bot/consent-callback"), vec![], "unexpected_uri", "another spelling"),
        (mismatch(&app, "javascript:alert(1)"), vec![], "unexpected_uri", "scheme javascript"),
        // What is typed must be the same, and one that Entra takes as Web.
        (mismatch(&app, evil), vec!["--allow-uri", "https://contoso.immy.bot.evil.example/"], "another_uri", "letter"),
        (
            mismatch(&app, "javascript:alert(1)"),
            vec!["--allow-uri", "javascript:alert(1)"],
            "invalid_redirect_uri",
            "has the character (",
        ),
        (mismatch(&app, "myapp://auth"), vec!["--allow-uri", "myapp://auth"], "invalid_redirect_uri", "https"),
        // It is about the app that is meant, and about one.
        (mismatch(other, CALLBACK), vec![], "another_app", "tenant"),
        (mismatch(&app, CALLBACK), vec!["--adopt", other], "no_app", "--adopt"),
        (mismatch(&app, &format!("{evil}' or '{CALLBACK}")), vec![], "not_a_redirect_uri_mismatch", "several"),
        (mismatch(&app, CALLBACK).replace("50011", "50105"), vec![], "not_a_redirect_uri_mismatch", "number"),
        ("hello".to_owned(), vec![], "not_a_redirect_uri_mismatch", "AADSTS50011"),
        // A domain of another's is none of the guide's.
        (mismatch(&app, evil), vec!["--domain", "evil.example/x"], "invalid_domain", "--domain"),
    ] {
        let arguments: Vec<&str> = ["--message", message.as_str()].into_iter().chain(more).collect();
        let (told, exit) = fix(Some(&emulated), &arguments).await;
        assert_eq!((exit, &told["error"]["code"]), (1, &code.into()), "{message}: {told}");
        let words = format!("{} {}", told["error"]["message"], told["error"]["remedy"]).replace("\\\\", "\\");
        assert!(words.contains(said), "{message}: {words}");
        assert_eq!(uris(&emulated), before, "{message}");
    }
    // Typed exactly, it is added, and what is there stays.
    let allowed = "https://portal.contoso.example/consent-callback";
    let (told, code) = fix(Some(&emulated), &["--message", &mismatch(&app, allowed), "--allow-uri", allowed]).await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(changed(&told), [format!("redirect_uri:web:{allowed}")], "the lock stays as it is: {told}");
    let [mut web, spa, public] = uris(&emulated);
    web.sort();
    assert_eq!(web, ["https://other.example/", allowed]);
    assert_eq!((spa.len(), public.len()), (0, 0));
    // The older form of the message names no URI: the expected one is added.
    let old = format!(
        "AADSTS50011: The reply URL specified in the request does not match those of the application: '{app}'."
    );
    let (told, code) = fix(Some(&emulated), &["--message", &old]).await;
    assert_eq!((code, uris(&emulated)[0].len()), (0, 3), "{told}");
}

#[tokio::test]
async fn a_uri_of_another_platform_moves_on_request_alone() {
    for (platform, name) in [("spa", "Single-page application"), ("publicClient", "Mobile and desktop applications")] {
        let emulated = Emulated::signing_in("Ada Lovelace").await;
        let body = serde_json::json!({
            "displayName": "ImmyBot", "web": {"redirectUris": ["https://other.example/"]},
            platform: {"redirectUris": [CALLBACK, "https://stays.example/"]}
        });
        let app = app_in(&emulated, &body.to_string());
        let (before, message) = (uris(&emulated), mismatch(&app, CALLBACK));
        for arguments in [&["--message", message.as_str()][..], &["--message", message.as_str(), "--plan", "--move"]] {
            let (told, code) = fix(Some(&emulated), arguments).await;
            let is_plan = arguments.contains(&"--plan");
            assert_eq!(code, u8::from(!is_plan), "{told}");
            assert!(is_plan || told["error"]["message"].as_str().unwrap().contains(name), "{told}");
            assert_eq!(uris(&emulated), before);
        }
        let (told, code) = fix(Some(&emulated), &["--message", &message, "--move"]).await;
        assert_eq!((code, &told["runs"][0]["writes"]), (0, &1.into()), "{told}");
        let [mut web, spa, public] = uris(&emulated);
        web.sort_by_key(|uri| uri == CALLBACK);
        assert_eq!(web, ["https://other.example/", CALLBACK]);
        assert_eq!([spa, public].concat(), ["https://stays.example/"]);
    }
}
