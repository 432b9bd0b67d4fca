//! Certificates as credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Session, builder};
use crate::certificate::testing::{OLD, ONE, ONE_KEY, TWO, TWO_KEY, sign};

const PROOF_AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

fn key(der: &[u8]) -> Value {
    json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(der)})
}

/// The proof of possession of a key of an object, valid on the tenants' day.
fn proof(private_key: &[u8], id: &str, seconds: i64) -> String {
    let now = time::macros::datetime!(2025-06-01 12:00 UTC).unix_timestamp();
    let claims = json!({"aud": PROOF_AUDIENCE, "iss": id, "nbf": now, "exp": now + seconds});
    sign(private_key, &json!({"alg": "RS256", "typ": "JWT"}), &claims)
}

async fn app_with_key(session: &Session) -> String {
    let app =
        session.post("/applications", json!({"displayName": "Keyed", "keyCredentials": [key(ONE)]})).await.expect(201);
    app["id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_stored_and_returned_in_the_form_of_the_directory() {
    let session = Session::new(&builder().build()).await;
    let id = app_with_key(&session).await;
    let path = format!("/applications/{id}");
    let shown = session.get(&path).await.expect(200)["keyCredentials"][0].clone();
    assert_eq!(shown["displayName"], "O=Internet Widgits Pty Ltd, S=Some-State, C=AU");
    assert_eq!(shown["customKeyIdentifier"], "B17CCC3DA27E502C065B989087BB2FF219BEE819");
    assert_eq!((&shown["key"], &shown["endDateTime"]), (&Value::Null, &json!("2040-01-01T00:00:00Z")));
    let selected = session.get(&format!("{path}?$select=keyCredentials")).await.expect(200);
    assert_eq!(selected["keyCredentials"][0]["key"], STANDARD.encode(ONE));

    // A PATCH replaces all keys; those that should stay are sent again, without their bytes.
    session.patch(&path, json!({"keyCredentials": [shown, key(TWO)]})).await.expect(204);
    let keys = session.get(&format!("{path}?$select=keyCredentials")).await.expect(200)["keyCredentials"].clone();
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["key"]), (2, &json!(STANDARD.encode(ONE))));
    session.patch(&path, json!({"keyCredentials": []})).await.expect(204);
    assert_eq!(session.get(&path).await.expect(200)["keyCredentials"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_may_be_sent_as_a_pem_file() {
    let session = Session::new(&builder().build()).await;
    let encoded = STANDARD.encode(ONE);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    let app = json!({"displayName": "Keyed", "keyCredentials": [key(pem.as_bytes())]});
    let app = session.post("/applications", app).await.expect(201);
    let path = format!("/applications/{}?$select=keyCredentials", app["id"].as_str().unwrap());
    let shown = session.get(&path).await.expect(200)["keyCredentials"][0].clone();
    assert_eq!(shown["customKeyIdentifier"], "B17CCC3DA27E502C065B989087BB2FF219BEE819");
    assert_eq!(shown["key"], encoded);
    let broken = key(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----");
    let app = json!({"displayName": "Keyed", "keyCredentials": [broken]});
    session.post("/applications", app).await.refused(400, "Request_BadRequest");
}

#[tokio::test(start_paused = true)]
async fn an_end_date_beyond_the_certificate_or_gone_by_is_refused() {
    let session = Session::new(&builder().build()).await;
    let path = format!("/applications/{}", app_with_key(&session).await);
    let mut beyond = key(ONE);
    beyond["endDateTime"] = "2041-01-01T00:00:00Z".into();
    for (key, code) in [
        (beyond, "KeyCredentialsInvalidEndDate"),
        (key(OLD), "KeyCredentialsInvalidEndDate"),
        (key(b"x"), "Request_BadRequest"),
    ] {
        session.patch(&path, json!({"keyCredentials": [key]})).await.refused(400, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_added_and_removed_with_a_proof_of_possession() {
    let session = Session::new(&builder().build()).await;
    let id = app_with_key(&session).await;
    let path = format!("/applications/{id}");
    let add = async |proof: String| {
        session
            .post(
                &format!("{path}/addKey"),
                json!({"keyCredential": key(TWO), "passwordCredential": null, "proof": proof}),
            )
            .await
    };
    for bad in [
        proof(TWO_KEY, &id, 600),
        proof(ONE_KEY, "another", 600),
        proof(ONE_KEY, &id, 601),
        proof(ONE_KEY, &id, 600) + "=",
        String::new(),
    ] {
        add(bad).await.refused(401, "Authentication_MissingOrMalformed");
    }
    let added = add(proof(ONE_KEY, &id, 600)).await.expect(200);
    assert_eq!((&added["usage"], &added["key"]), (&json!("Verify"), &Value::Null));
    assert!(added["@odata.context"].as_str().unwrap().ends_with("#microsoft.graph.keyCredential"));

    // The new key is a proof from now on.
    let remove = async |key_id: &Value| {
        session.post(&format!("{path}/removeKey"), json!({"keyId": key_id, "proof": proof(TWO_KEY, &id, 600)})).await
    };
    remove(&json!("00000000-0000-0000-0000-000000000001")).await.refused(400, "Request_BadRequest");
    remove(&added["keyId"]).await.expect(204);
    remove(&added["keyId"]).await.refused(401, "Authentication_MissingOrMalformed");
}

#[tokio::test(start_paused = true)]
async fn a_proof_needs_a_valid_certificate() {
    let session = Session::new(&builder().build()).await;
    let (app, principal) = session.app_and_principal("Keyless").await;
    for (path, id) in [("applications", &app["id"]), ("servicePrincipals", &principal["id"])] {
        let id = id.as_str().unwrap();
        let body = json!({"keyCredential": key(ONE), "proof": proof(ONE_KEY, id, 600)});
        session.post(&format!("/{path}/{id}/addKey"), body).await.refused(401, "Authentication_MissingOrMalformed");
    }
    // The first goes through a PATCH.
    let id = principal["id"].as_str().unwrap();
    session.patch(&format!("/servicePrincipals/{id}"), json!({"keyCredentials": [key(ONE)]})).await.expect(204);
    let body = json!({"keyCredential": key(TWO), "proof": proof(ONE_KEY, id, 600)});
    session.post(&format!("/servicePrincipals/{id}/addKey"), body).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn a_key_id_stands_once() {
    let session = Session::new(&builder().build()).await;
    let id = app_with_key(&session).await;
    let path = format!("/applications/{id}");
    let there = session.get(&path).await.expect(200)["keyCredentials"][0]["keyId"].clone();
    let mut again = key(TWO);
    again["keyId"] = there;
    let body = json!({"keyCredential": again, "passwordCredential": null, "proof": proof(ONE_KEY, &id, 600)});
    session.post(&format!("{path}/addKey"), body).await.refused(400, "Request_BadRequest");
}
