//! What is wrong with a proof of possession that `addKey` or `removeKey` refused: Graph says of every mistake that the access
//! token is missing or malformed.
//!
//! <https://learn.microsoft.com/graph/application-rollkey-prooftoken>

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::client::request::{Request, Target};
use crate::retry::Response;

/// The code by which Graph refuses a proof.
pub(super) const REFUSED: &str = "Authentication_MissingOrMalformed";

/// The directory: what a proof is for.
const AUDIENCE: &str = "00000002-0000-0000-c000-000000000000";

const MAX_LIFETIME: Duration = Duration::minutes(10);

/// So far may the clocks differ.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::minutes(5);

/// What to look for where nothing in the proof itself is wrong.
const WRONG_KEY: &str =
    "the proof was not signed with the key of a certificate that the app has now and that is valid now";

/// Whether the request is one that holds a proof.
pub(super) fn is_sent_by(request: &Request) -> bool {
    last_segment(request).is_some_and(|last| ["addKey", "removeKey"].iter().any(|it| last.eq_ignore_ascii_case(it)))
}

fn segments(request: &Request) -> &[String] {
    match &request.target {
        Target::Path { segments, .. } => segments,
        Target::Link(_) => &[],
    }
}

fn last_segment(request: &Request) -> Option<&str> {
    segments(request).last().map(String::as_str)
}

/// What is wrong with the proof in a request that was refused, each as a clause. No part of the proof but its claims about
/// itself is repeated.
pub(super) fn causes(request: &Request, response: &Response) -> Vec<String> {
    let body = request.body.as_ref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let proof = body.as_ref().and_then(|body| body["proof"].as_str());
    let Some(proof) = proof else { return vec!["the request holds no proof".to_owned()] };
    let parts: Vec<&str> = proof.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return vec!["the proof is no JSON Web Token: it has three parts, joined by dots".to_owned()];
    };
    let (Some(header_json), Some(claims_json)) = (json(header), json(claims)) else {
        return vec!["the proof is no JSON Web Token: its header or its claims cannot be read".to_owned()];
    };
    let is_strict = |part: &&str| URL_SAFE_NO_PAD.decode(part).is_ok();
    let mut causes = Vec::new();
    if ![header, claims, signature].into_iter().all(is_strict) {
        causes.push("the proof is not in base64url without padding".to_owned());
    }
    causes.extend(wrong_header(&header_json));
    causes.extend(wrong_audience(&claims_json));
    causes.extend(wrong_issuer(&claims_json, segments(request)));
    let date = response.header("date").and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    causes.extend(wrong_time(&claims_json, date));
    if causes.is_empty() {
        causes.push(WRONG_KEY.to_owned());
    }
    causes
}

/// A part of a token as JSON, in either alphabet and with or without padding.
fn json(part: &str) -> Option<Value> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decoded = [URL_SAFE, STANDARD].iter().find_map(|it| GeneralPurpose::new(it, config).decode(part).ok())?;
    serde_json::from_slice::<Value>(&decoded).ok().filter(Value::is_object)
}

fn wrong_header(header: &Value) -> Option<String> {
    match header["alg"].as_str() {
        Some("RS256" | "PS256") => None,
        _ => Some("the proof is not signed with RS256".to_owned()),
    }
}

fn wrong_audience(claims: &Value) -> Option<String> {
    let is_right = claims["aud"].as_str().is_some_and(|audience| audience.eq_ignore_ascii_case(AUDIENCE));
    (!is_right).then(|| format!("the proof's audience (aud) is not {AUDIENCE}"))
}

/// The issuer is the object id, and nearly everybody gives the client id first.
fn wrong_issuer(claims: &Value, segments: &[String]) -> Option<String> {
    let issuer = claims["iss"].as_str().and_then(|issuer| Uuid::parse_str(issuer).ok());
    let wanted = segments.get(1).and_then(|id| Uuid::parse_str(id).ok());
    let named = segments.first().and_then(|first| first.split_once("='")).map(|(_, id)| id.trim_end_matches("')"));
    let is_client_id = issuer.is_some() && named.and_then(|id| Uuid::parse_str(id).ok()) == issuer;
    let is_wrong = issuer.is_none() || wanted.is_some_and(|wanted| Some(wanted) != issuer) || is_client_id;
    is_wrong.then(|| {
        "the proof's issuer (iss) is not the object id of the application or service principal; the client id is another"
            .to_owned()
    })
}

fn wrong_time(claims: &Value, now: Option<OffsetDateTime>) -> Option<String> {
    let time = |name: &str| OffsetDateTime::from_unix_timestamp(claims[name].as_i64()?).ok();
    let (Some(from), Some(to)) = (time("nbf"), time("exp")) else {
        return Some("the proof does not say from when to when it is valid (nbf, exp)".to_owned());
    };
    if to - from > MAX_LIFETIME {
        return Some("the proof is valid for longer than ten minutes (exp - nbf)".to_owned());
    }
    let now = now?;
    if to <= now - MAX_CLOCK_DIFFERENCE {
        return Some("the proof has expired (exp)".to_owned());
    }
    (from > now + MAX_CLOCK_DIFFERENCE).then(|| "the proof is not valid yet (nbf)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, StatusCode};
    use serde_json::json;

    const OBJECT: &str = "11111111-2222-3333-4444-555555555555";

    fn causes_of(header: &Value, claims: &Value, path: [&str; 3], change: fn(String) -> String) -> String {
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let proof = change(format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 256])));
        let request = Request::new("test", "", Method::POST, path);
        let request = request.body(&json!({ "proof": proof })).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Mon, 01 Jun 2026 09:00:00 GMT"));
        let now = OffsetDateTime::UNIX_EPOCH;
        let response = Response::new(StatusCode::UNAUTHORIZED, headers, Bytes::new(), 1, now);
        assert!(is_sent_by(&request));
        causes(&request, &response).join("; ")
    }

    #[test]
    fn each_mistake_in_a_proof_is_named_by_itself() {
        let now = 1_780_304_400;
        let good = json!({"aud": AUDIENCE, "iss": OBJECT, "nbf": now, "exp": now + 600});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            claims
        };
        let header = json!({"alg": "RS256"});
        let by_id = ["applications", OBJECT, "addKey"];
        let same = |proof: String| proof;
        for (claims, cause) in [
            (good.clone(), WRONG_KEY),
            (with("aud", json!("https://graph.microsoft.com")), "audience"),
            (with("iss", json!("99999999-2222-3333-4444-555555555555")), "issuer"),
            (with("iss", json!("contoso")), "issuer"),
            (with("exp", json!(now + 601)), "longer than ten minutes"),
            (with("exp", json!(null)), "from when to when"),
            (json!({"aud": AUDIENCE, "iss": OBJECT, "nbf": now - 1200, "exp": now - 600}), "has expired"),
            (json!({"aud": AUDIENCE, "iss": OBJECT, "nbf": now + 600, "exp": now + 900}), "not valid yet"),
        ] {
            let found = causes_of(&header, &claims, by_id, same);
            assert!(found.contains(cause) && !found.contains("; the proof"), "{claims}: {found}");
        }
        assert!(causes_of(&json!({"alg": "HS256"}), &good, by_id, same).contains("RS256"));
        assert!(causes_of(&header, &good, by_id, |proof| proof + "==").contains("without padding"));
        assert!(causes_of(&header, &good, by_id, |_| "abc".to_owned()).contains("three parts"));
        assert!(causes_of(&header, &good, by_id, |_| "a.b.c".to_owned()).contains("cannot be read"));
        let by_client_id = format!("applications(appId='{OBJECT}')");
        assert!(causes_of(&header, &good, [&by_client_id, "x", "removeKey"], same).contains("issuer"));
    }
}
