//! The ways to sign in that the examples offer, against the emulator over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use entra_apps::clock::{Clock, Sleep};
use entra_apps::secrecy::ExposeSecret as _;
use entra_apps::time::OffsetDateTime;
use entra_emulator::server::{Server, Site, welcome};
use entra_emulator::{MemoryCloud, MemoryTenant};

use crate::support::guides;
use crate::support::{StillClock, TODAY};

#[allow(dead_code)] // the examples use more of it
#[path = "../../examples/support/mod.rs"]
mod example;

use example::Failure;
use example::access::Access;
use example::connect::{Connection, SignedIn};
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
        let builder = MemoryTenant::builder().small_company().clock(Arc::new(StillClock)).tick(Duration::ZERO);
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
    Connection::by_clock(access, variable, Arc::new(Impatient::default())).await?.sign_in().await
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
        ([("ENTRA_CLIENT_SECRET", "wrong")], "wrong_secret", "the secret's Value"),
        ([("ENTRA_CLIENT_SECRET", another)], "secret_id_instead_of_value", "copy its Value"),
        ([("ENTRA_CLIENT_ID", another)], "app_not_in_tenant", "Application (client) ID"),
        ([("ENTRA_CLIENT_ID", "nonsense")], "invalid_client_id", "Application (client) ID"),
        ([("ENTRA_TENANT_ID", "contosso.example")], "unknown_tenant", "tenant"),
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
