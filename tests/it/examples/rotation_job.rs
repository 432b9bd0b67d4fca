//! The example that rotates what ends soon, on a tenant in memory and over HTTP.

use std::ffi::OsString;
use std::path::Path;

use entra_emulator::server::{Server, Site, welcome};
use entra_emulator::{MemoryCloud, MemoryTenant};
use serde_json::{Value, json};

use super::{Emulated, Folder};

#[allow(dead_code)] // a test has a `main` of its own
#[path = "../../../examples/rotate.rs"]
mod rotate;

use rotate::support::access::Access;

/// Runs the example: its JSON, and its exit code.
async fn run(emulator: Option<&Emulated>, arguments: &[&str]) -> (Value, u8) {
    let emulator = emulator.map(|it| format!("http://{}", it.server.address()));
    let access = Access { emulator, ..Access::default() };
    let arguments = ["--json"].iter().chain(arguments).map(OsString::from);
    let table = rotate::run(arguments, access).await.expect("nobody asked for help");
    (table.to_json(), table.exit_code())
}

fn outcomes(told: &Value) -> Vec<(&str, &str)> {
    let apps = told["apps"].as_array().unwrap().iter();
    apps.map(|it| (it["uniqueName"].as_str().unwrap(), it["outcome"].as_str().unwrap())).collect()
}

fn writes(told: &Value) -> Vec<u64> {
    told["runs"].as_array().unwrap().iter().map(|run| run["writes"].as_u64().unwrap()).collect()
}

fn files(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path("")).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An emulator over HTTP whose clock is the system's, with an app that has a secret of a number of days.
async fn emulated(days: u32) -> (Emulated, String) {
    let cloud = MemoryCloud::new([MemoryTenant::builder().deny_foreign_requests()]);
    let tenant = cloud.tenants()[0].clone();
    let welcome = welcome("", &cloud, false);
    let emulated = Emulated { tenant, server: Server::start(Site::new(cloud, &welcome)).await.unwrap() };
    let body = json!({"displayName": "Contoso"}).to_string();
    let path = "/applications(uniqueName='contoso-backup')";
    let (status, _) = emulated.tenant.send_json("PATCH", path, Some(&body));
    assert!(status.is_success());
    // Without a service principal nothing signs in.
    let app: Value = serde_json::from_str(&emulated.tenant.send_json("GET", path, None).1).unwrap();
    let principal = json!({"appId": app["appId"]}).to_string();
    assert!(emulated.tenant.send_json("POST", "/servicePrincipals", Some(&principal)).0.is_success());
    let end = entra_apps::time::OffsetDateTime::now_utc() + entra_apps::time::Duration::days(days.into());
    let end = end.format(&entra_apps::time::format_description::well_known::Rfc3339).unwrap();
    let secret = json!({"passwordCredential": {"displayName": "Nightly", "endDateTime": end}}).to_string();
    let path = "/applications(uniqueName='contoso-backup')/addPassword";
    let (status, body) = emulated.tenant.send_json("POST", path, Some(&secret));
    assert!(status.is_success(), "{body}");
    let issued: Value = serde_json::from_str(&body).unwrap();
    (emulated, issued["keyId"].as_str().unwrap().to_owned())
}

/// The key ids of the app's secrets.
fn secrets(emulated: &Emulated) -> Vec<String> {
    let (_, app) = emulated.tenant.send_json("GET", "/applications(uniqueName='contoso-backup')", None);
    let app: Value = serde_json::from_str(&app).unwrap();
    app["passwordCredentials"].as_array().unwrap().iter().map(|it| it["keyId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_ends_soon_is_rotated_and_the_second_run_writes_nothing() {
    let folder = Folder::new("rotate");
    let (told, code) = run(None, &["--secret-dir", &folder.path("")]).await;
    assert_eq!((code, &told["error"]), (0, &Value::Null), "{told}");
    let mut expected = vec![("contoso-backup", "rotated"), ("contoso-signing", "rotated")];
    expected.truncate(if cfg!(feature = "generate-certificate") { 2 } else { 1 });
    assert_eq!(outcomes(&told), expected, "what is fine and what is a stranger's is left alone");
    let writes = writes(&told);
    assert!(writes[0] >= expected.len() as u64 && writes[1] == 0, "{told}");
    for name in files(&folder) {
        let stored = folder.json(&name);
        let value = stored["clientSecret"].as_str().or(stored["pem"].as_str()).unwrap();
        assert!(value.len() > 30 && !told.to_string().contains(value), "it is in the file alone");
        if !name.contains("Web") {
            let earlier = stored["earlier"].as_array().unwrap();
            assert_eq!(earlier.len(), 1, "the earlier one is kept for the overlap");
            assert!(stored["displayName"].as_str().unwrap().contains("rotates"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = Path::new(&folder.path(&name)).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing() {
    let folder = Folder::new("rotate-dry");
    let (told, code) =
        run(None, &["--dry-run", "--secret-file", &folder.path("s"), "--unique-name", "contoso-backup"]).await;
    assert_eq!(
        (code, outcomes(&told), writes(&told)),
        (0, vec![("contoso-backup", "would_rotate")], vec![0]),
        "{told}"
    );
    assert!(told["apps"][0]["detail"].as_str().unwrap().contains("Nightly"), "{told}");
    assert_eq!(folder.json("s")["earlier"], json!([]), "it is the one of before");
}

#[tokio::test]
async fn what_the_store_does_not_have_is_left_to_a_person_until_it_is_named() {
    let (emulated, by_hand) = emulated(14).await;
    let folder = Folder::new("rotate-adopt");
    let flags = ["--prefix", "contoso-", "--secret-dir", &folder.path("")];
    let (told, code) = run(Some(&emulated), &flags).await;
    assert_eq!((code, outcomes(&told), writes(&told)), (1, vec![("contoso-backup", "not_ours")], vec![0, 0]), "{told}");
    assert!(told["apps"][0]["remedy"].as_str().unwrap().contains("--credential"), "{told}");
    assert_eq!((secrets(&emulated), files(&folder)), (vec![by_hand.clone()], Vec::new()));
    let (told, _) = run(Some(&emulated), &[&flags[..], &["--credential", "Nightly"]].concat()).await;
    assert_eq!((outcomes(&told), writes(&told)), (vec![("contoso-backup", "rotated")], vec![1, 0]), "{told}");
    let stored = folder.json(&files(&folder)[0])["keyId"].as_str().unwrap().to_owned();
    let there = secrets(&emulated);
    assert!(there.len() == 2 && there.contains(&by_hand) && there.contains(&stored), "{there:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_gets_the_value_and_what_it_refuses_is_taken_back() {
    let (emulated, by_hand) = emulated(14).await;
    let folder = Folder::new("rotate-command");
    let run = async |command: &str| {
        let flags = ["--unique-name", "contoso-backup", "--credential", "Nightly", "--store-command", command];
        run(Some(&emulated), &flags).await
    };
    let (told, code) = run("cat >/dev/null; exit 3").await;
    assert_eq!((code, outcomes(&told)), (1, vec![("contoso-backup", "failed")]), "{told}");
    assert_eq!(secrets(&emulated), std::slice::from_ref(&by_hand), "the new one is taken back");
    let value = folder.path("value");
    let (told, code) =
        run(&format!("cat >{value}; echo $ENTRA_UNIQUE_NAME $ENTRA_KIND $ENTRA_KEY_ID >{value}.about")).await;
    assert_eq!((code, outcomes(&told), writes(&told)), (0, vec![("contoso-backup", "rotated")], vec![1, 0]), "{told}");
    let [value, about] = ["value", "value.about"].map(|it| std::fs::read_to_string(folder.path(it)).unwrap());
    let new = secrets(&emulated).into_iter().find(|it| *it != by_hand).expect("the earlier one stays");
    assert_eq!(about.trim(), format!("contoso-backup client_secret {new}"));
    assert!(value.len() > 30 && !value.contains('\n') && !told.to_string().contains(&value), "{told}");
}

#[tokio::test]
async fn a_unique_name_that_no_app_has_is_no_success() {
    let (emulated, _) = emulated(100).await;
    let folder = Folder::new("rotate-slip");
    let flags = ["--unique-name", "contoso-bakcup", "--secret-dir", &folder.path("")];
    let (told, code) = run(Some(&emulated), &flags).await;
    assert_eq!((code, outcomes(&told)), (1, vec![("contoso-bakcup", "failed")]), "{told}");
}

#[tokio::test]
async fn flags_that_make_no_sense_are_refused_before_anything_is_sent() {
    let (emulated, _) = emulated(14).await;
    for flags in [
        &["--secret-dir", "."][..],
        &["--prefix", "", "--secret-dir", "."],
        &["--prefix", "contoso-"],
        &["--prefix", "contoso-", "--secret-dir", ".", "--secret-file", "x"],
        &["--prefix", "contoso-", "--secret-dir", ".", "--within", "soon"],
        &["--prefix", "contoso-", "--secret-dir", ".", "--within", "180"],
        &["--prefix", "contoso-", "--secret-dir", ".", "--rotate"],
    ] {
        emulated.tenant.clear_requests();
        let (told, code) = run(Some(&emulated), flags).await;
        assert_eq!((code, &told["error"]["code"]), (2, &"bad_flag".into()), "{flags:?}: {told}");
        assert!(emulated.tenant.requests().is_empty());
    }
}
