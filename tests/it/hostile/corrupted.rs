//! Responses and plans corrupted at random, the same each time: no decoder breaks on any of them.
//!
//! `fuzz/` does the same for as long as one likes.

use std::sync::{Arc, Mutex};

use entra_apps::ids::AppId;
use entra_apps::model::{ApplicationPatch, NewApplication, NewPasswordCredential};
use entra_apps::permission::microsoft_graph::{application, delegated};

use entra_apps::{AppRegistration, ClientSecret, Error, Plan, RedirectUri};
use entra_emulator::MemoryTenant;

use super::server::{Reply, SECRET, Server, TOKEN, client, shown, signing_in};
use crate::support::{builder, register};

const ID: AppId = AppId::from_u128(7);

/// Pieces of what is said, in places where it is not.
const PIECES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "\"\"",
    "\"x\"",
    "{}",
    "[]",
    "{\"a\":",
    "[[[[",
    "}",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    ",",
    ":",
    "\u{feff}",
    "\u{202e}",
    "\0",
    "\n",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00+23:59",
    "https://evil.example/",
    "https://graph.test/v1.0/x",
    "\"error\":{",
    "\"id\":\"1\"",
    "\"status\":999",
    "\"@odata.nextLink\":\"https://graph.test/v1.0/y\",",
    "\"value\":[",
    TOKEN,
    SECRET,
];

/// `text` with some of its bytes changed, cut, doubled, or replaced by words of the protocol.
fn corrupted(text: &str, chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..chance.usize(1..5) {
        let start = chance.usize(..=bytes.len());
        let end = (start + chance.usize(..12)).min(bytes.len());
        match chance.u8(..7) {
            0 => bytes.truncate(start),
            1 => drop(bytes.splice(start..end, [chance.u8(..)])),
            2 => drop(bytes.splice(start..end, [])),
            3 => bytes.extend_from_within(start..end),
            // A whole value of a member.
            4 => {
                let colons: Vec<_> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b':').collect();
                let Some((colon, _)) = (!colons.is_empty()).then(|| colons[chance.usize(..colons.len())]) else {
                    continue;
                };
                let rest = bytes[colon + 1..].iter().position(|byte| b",}]".contains(byte));
                let end = rest.map_or(bytes.len(), |rest| colon + 1 + rest);
                let piece = PIECES[chance.usize(..PIECES.len())];
                drop(bytes.splice(colon + 1..end, piece.bytes()));
            }
            _ => drop(bytes.splice(start..end, PIECES[chance.usize(..PIECES.len())].bytes())),
        }
    }
    bytes
}

fn check(error: &Error) {
    let text = shown(error);
    assert!(!text.contains(TOKEN) && !text.contains(SECRET), "{text}");
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
}

/// What a registration asks of a tenant, and all its responses.
async fn recorded() -> Vec<String> {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let keep = bodies.clone();
    let tenant = builder()
        .on_exchange(move |_, response| {
            keep.lock().unwrap().push(String::from_utf8_lossy(response.body()).into_owned());
        })
        .build();
    let client = tenant.client();
    register(&client, &registration()).await;
    client.verify(&registration()).await.unwrap();
    client.applications().list().all().await.unwrap();
    client.oauth2_permission_grants().list().all().await.unwrap();
    client.applications().get(ID).await.unwrap_err();
    client.applications().create(&NewApplication::new("")).await.unwrap_err();
    let bodies = bodies.lock().unwrap();
    bodies.iter().filter(|body| !body.is_empty() && body.len() < 20_000).cloned().collect()
}

fn registration() -> AppRegistration {
    AppRegistration::new("k", "App")
        .redirect_uri(RedirectUri::web("https://app.example/callback").unwrap())
        .permission(application::DIRECTORY_READ_ALL)
        .permission(delegated::USER_READ)
        .credential(ClientSecret::new("Main").valid_for_months(6))
}

#[tokio::test(start_paused = true)]
async fn no_corrupted_response_breaks_a_call() {
    let mut chance = fastrand::Rng::with_seed(2);
    let bodies = recorded().await;
    assert!(bodies.len() >= 8, "{}", bodies.len());
    let sign_in = [
        r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#,
        r#"{"error":"invalid_client","error_description":"AADSTS7000215: No.\r\nTrace ID: 1","error_codes":[7000215],"trace_id":"1"}"#,
    ];
    for round in 0..500 {
        let body = corrupted(&bodies[round % bodies.len()], &mut chance);
        let status = [200, 200, 201, 400, 403, 404, 409, 503][chance.usize(..8)];
        let client = client(&Server::always(Reply::of(status, body)));
        let mut errors: Vec<Error> = Vec::new();
        errors.extend(client.applications().get(ID).await.err());
        errors.extend(client.applications().list().all().await.err());
        errors.extend(client.oauth2_permission_grants().list().all().await.err());
        errors.extend(client.service_principals().find(ID).await.err());
        errors.extend(client.organization().get().await.err());
        errors.extend(client.applications().add_password(ID, &NewPasswordCredential::new()).await.err());
        let mut batch = client.batch();
        let changed = batch.add(client.applications().update(ID, &ApplicationPatch::new().notes("x")));
        let created = batch.add(client.applications().create(&NewApplication::new("x")));
        let page = batch.add(client.applications().list().page());
        match batch.send().await {
            Ok(mut response) => {
                errors.extend(response.take(changed).err());
                errors.extend(response.take(created).err());
                errors.extend(response.take(page).err());
            }
            Err(error) => errors.push(error),
        }
        let token = Reply::of([200, 400][round % 2], corrupted(sign_in[round % 2], &mut chance));
        errors.iter().for_each(check);
        if let Err(error) = signing_in(&Server::always(token)).tenant_id().await {
            // The token of Graph was not sent there: the service's own sentence is shown, whatever it says.
            assert!(!shown(&error).contains(SECRET) && !error.to_string().contains(char::is_control), "{error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_corrupted_plan_is_refused_or_is_still_a_plan() {
    let mut chance = fastrand::Rng::with_seed(3);
    let tenant = MemoryTenant::new();
    let client = tenant.client();
    register(&client, &registration()).await;
    let plan = client.plan(&registration()).await.unwrap();
    let text = plan.to_json();
    let mut read = 0;
    for _ in 0..500 {
        let Ok(corrupted) = String::from_utf8(corrupted(&text, &mut chance)) else { continue };
        match Plan::from_json(&corrupted) {
            Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
            Ok(plan) => {
                read += 1;
                let _ = plan.to_string();
                assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
                if let Err(error) = client.apply(&plan).await {
                    let _ = shown(&error);
                }
            }
        }
    }
    assert!(read > 5, "only {read} were read at all");
}
