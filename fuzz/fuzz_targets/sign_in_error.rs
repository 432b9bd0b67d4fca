//! The sign-in service's refusal: the first byte is the status, the rest the body. A number that the service gives has its
//! code in whichever form it stands, and around whatever else.
#![no_main]

use entra_apps::ErrorCode;
use entra_apps_fuzz::{Answer, SECRET, Scripted, block_on, check_for, client_with_secret};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Numbers that mean the same whatever was sent with them, and that nobody is asked again for.
const NUMBERS: [u64; 6] = [7_000_222, 700_016, 65001, 53003, 90002, 50126];

/// A number in a refusal whose other members are the data's.
fn given(number: u64, form: u8, odd: &Value, text: &str) -> Value {
    let mut body = json!({"error": odd, "error_description": odd, "error_codes": odd, "suberror": odd, "trace_id": odd});
    // The text may not hold a number of its own, which would come first.
    let text: String = text.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    match form % 8 {
        0 => body["error_codes"] = json!([number]),
        1 => body["error_codes"] = json!([number.to_string()]),
        2 => body["error_codes"] = json!(number),
        3 => body["error_codes"] = json!(format!("AADSTS{number}")),
        4 => body["error_description"] = json!(format!("AADSTS{number}: {text}")),
        5 => body["error_description"] = json!(format!("{text} aadsts {number}")),
        6 => body["error_description"] = json!({"value": format!("\r\nAADSTS{number}: {text}")}),
        _ => body["error"] = json!({"code": text, "message": format!("AADSTS{number}: {text}")}),
    }
    if form % 8 < 4 {
        body["error_description"] = json!(text);
    }
    body
}

fuzz_target!(|data: &[u8]| {
    let Some((status, body)) = data.split_first() else { return };
    let status = [400, 401, 403, 404, 302, 307, 429, 500, 503, 200][usize::from(*status) % 10];
    let transport = Scripted::again(vec![Answer::of(status, body)]);
    let client = client_with_secret(transport.clone());
    let signed_in = check_for(block_on(client.tenant_id()), Some(SECRET));
    assert!(signed_in.is_none() || status == 200);
    assert!(transport.requests() < 300);

    let [number, form, odd, text @ ..] = body else { return };
    let number = NUMBERS[usize::from(*number) % NUMBERS.len()];
    let odd = [json!(null), json!(true), json!([]), json!({}), json!("")][usize::from(*odd) % 5].clone();
    let body = given(number, *form, &odd, &String::from_utf8_lossy(text)).to_string();
    let client = client_with_secret(Scripted::again(vec![Answer::of(400, body.as_bytes())]));
    let error = block_on(client.tenant_id()).map(|_| ()).expect_err("it is refused");
    assert_eq!(Some(error.code()), ErrorCode::from_aadsts(number), "{body}");
    assert_eq!(error.service_code(), Some(&*format!("AADSTS{number}")), "{body}");
});
